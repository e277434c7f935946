//! A reply, as far as it tells which command it answers.
#![forbid(unsafe_code)]

use super::subscriptions::Target;
use crate::resp::Kind;

/// What is known of a reply.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Reply<'a> {
    pub(in super::super) kind: Option<Kind>,
    /// The contents were made by the library's own table, and so could be read.
    pub(in super::super) readable: bool,
    /// The text of a status or an error.
    pub(in super::super) text: Option<&'a [u8]>,
    /// Elements of an aggregate.
    pub(in super::super) elements: usize,
    /// What an aggregate tells if it belongs to pub/sub.
    pub(in super::super) event: Option<Event<'a>>,
}

/// What the server tells of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum What {
    Message,
    Subscribed,
    Unsubscribed,
}

/// An array or push of pub/sub: a word, a name and, with confirmations, a number.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Event<'a> {
    pub(in super::super) target: Target,
    pub(in super::super) what: What,
    pub(in super::super) name: Option<&'a [u8]>,
    /// Subscriptions that are left, according to the server.
    pub(in super::super) left: Option<i64>,
}

impl<'a> Event<'a> {
    /// The event that begins with `word`. Any word may begin a message, as in the C library.
    #[inline]
    pub(in super::super) fn new(
        word: &[u8],
        name: Option<&'a [u8]>,
        left: impl FnOnce() -> Option<i64>,
    ) -> Self {
        let (target, what) = meaning(word);
        let left = match what {
            What::Message => None,
            What::Subscribed | What::Unsubscribed => left(),
        };
        Self {
            target,
            what,
            name,
            left,
        }
    }
}

/// What an event is that begins with `word`.
#[inline]
fn meaning(word: &[u8]) -> (Target, What) {
    if word == b"message" {
        return (Target::Channel, What::Message);
    }
    let is = |text: &[u8], word: &[u8]| text.eq_ignore_ascii_case(word);
    let (target, word) = match word {
        [b'p' | b'P', rest @ ..] => (Target::Pattern, rest),
        [b's' | b'S', rest @ ..] if is_shard_word(word) => (Target::Shard, rest),
        _ => (Target::Channel, word),
    };
    let what = if is(word, b"subscribe") {
        What::Subscribed
    } else if is(word, b"unsubscribe") {
        What::Unsubscribed
    } else {
        What::Message
    };
    (target, what)
}

fn is_shard_word(word: &[u8]) -> bool {
    [&b"smessage"[..], b"ssubscribe", b"sunsubscribe"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
}

/// Whether a push that begins with `word` belongs to pub/sub. For channels and patterns this is the
/// C library's rule, which accepts words that are cut off.
pub(in super::super) fn is_pubsub_word(word: &[u8]) -> bool {
    let without_p = match word {
        [b'p' | b'P', rest @ ..] => rest,
        word => word,
    };
    let begins = |known: &[u8]| {
        known
            .get(..without_p.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(without_p))
    };
    word == b"message"
        || is_shard_word(word)
        || (word.len() >= 7
            && (begins(b"subscribe") || begins(b"message") || begins(b"unsubscribe")))
}

/// Whether a status is a line of `MONITOR`'s feed, `1700000000.000000 [0 127.0.0.1:1] "PING"`,
/// rather than a command's reply.
pub(super) fn is_feed(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let seconds = digits(text);
    let Some(([b'.'], fraction)) = text
        .get(seconds..)
        .and_then(|rest| rest.split_at_checked(1))
    else {
        return false;
    };
    let micros = digits(fraction);
    seconds > 0
        && micros > 0
        && fraction
            .get(micros..)
            .is_some_and(|rest| rest.starts_with(b" ["))
}

/// Whether an error behind `CLIENT REPLY SKIP` may be the refusal of that command itself, rather
/// than the error of a command behind it. This is the one place where a text decides: the server
/// says nothing else. Errors that name the command, and errors that a server gives to commands of
/// any kind before it runs them, may be either.
pub(super) fn may_refuse_client_reply(text: &[u8]) -> bool {
    let code = text.split(|&byte| byte == b' ').next().unwrap_or_default();
    let contains = |word: &[u8]| {
        text.windows(word.len())
            .any(|part| part.eq_ignore_ascii_case(word))
    };
    [
        &b"NOPERM"[..],
        b"NOAUTH",
        b"LOADING",
        b"BUSY",
        b"MASTERDOWN",
    ]
    .contains(&code)
        || contains(b"client")
        || contains(b"unknown")
}

#[cfg(test)]
mod tests {
    use super::{Event, Target, What, is_feed, is_pubsub_word, may_refuse_client_reply};

    #[test]
    fn tells_the_feed_from_replies() {
        assert!(is_feed(b"1700000000.123456 [0 127.0.0.1:1] \"PING\""));
        for text in [
            &b"OK"[..],
            b"PONG",
            b"1.5",
            b"1700000000.1",
            b".1 [",
            b"1. [",
            b"",
        ] {
            assert!(!is_feed(text), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn reads_events() {
        let event = |word: &[u8]| {
            let event = Event::new(word, None, || None);
            (event.target, event.what)
        };
        assert_eq!(event(b"subscribe"), (Target::Channel, What::Subscribed));
        assert_eq!(
            event(b"PUNSUBSCRIBE"),
            (Target::Pattern, What::Unsubscribed)
        );
        assert_eq!(event(b"sMessage"), (Target::Shard, What::Message));
        assert_eq!(event(b"sunsubscribe"), (Target::Shard, What::Unsubscribed));
        assert_eq!(event(b"pmessage"), (Target::Pattern, What::Message));
        assert_eq!(event(b"subscri"), (Target::Channel, What::Message));
        for word in [&b"message"[..], b"subscri", b"pmessage", b"smessage"] {
            assert!(is_pubsub_word(word), "{}", word.escape_ascii());
        }
        for word in [&b"invalidate"[..], b"subscr", b"subscribeX", b""] {
            assert!(!is_pubsub_word(word), "{}", word.escape_ascii());
        }
    }

    #[test]
    fn knows_errors_of_client_reply() {
        for text in [
            &b"NOPERM User lim has no permissions to run the 'client|reply' command"[..],
            b"ERR unknown command 'CLIENT', with args beginning with: 'REPLY' 'SKIP' ",
            b"ERR Unknown subcommand or wrong number of arguments for 'REPLY'. Try CLIENT HELP.",
            b"NOAUTH Authentication required.",
        ] {
            assert!(may_refuse_client_reply(text), "{}", text.escape_ascii());
        }
        for text in [
            &b"WRONGTYPE Operation against a key"[..],
            b"ERR no such key",
            b"",
        ] {
            assert!(!may_refuse_client_reply(text), "{}", text.escape_ascii());
        }
    }
}
