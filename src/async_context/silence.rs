//! Commands that are not answered, and those that are for ever: `CLIENT REPLY` and `MONITOR`.

use super::callbacks::{find, mark, release_node, remove_first};
use super::{AsyncContext, Life, Receiver, has_flag, lifecycle, run};
use crate::layout::{REDIS_FREEING, redisCallback, redisCallbackList};
use crate::sds;
use core::ptr::{NonNull, null_mut};
use libc::c_int;

/// What `CLIENT REPLY` has set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReplyMode {
    /// Commands are answered.
    On,
    /// The next command is not.
    Skip,
    /// None is, until `CLIENT REPLY ON`.
    Off,
}

impl ReplyMode {
    /// How the command whose arguments follow is answered, and the mode behind it.
    pub(super) fn after<'a>(self, mut arguments: impl Iterator<Item = &'a [u8]>) -> (c_int, Self) {
        let name = arguments.next().unwrap_or_default();
        if name.eq_ignore_ascii_case(b"RESET") {
            return (mark::COMMAND, Self::On);
        }
        let sets_mode = name.eq_ignore_ascii_case(b"CLIENT")
            && arguments
                .next()
                .is_some_and(|argument| argument.eq_ignore_ascii_case(b"REPLY"));
        let setting = if sets_mode { arguments.next() } else { None };
        let setting = setting.filter(|_| arguments.next().is_none());
        match (setting, self) {
            (Some(word), _) if word.eq_ignore_ascii_case(b"ON") => (mark::COMMAND, Self::On),
            (Some(word), _) if word.eq_ignore_ascii_case(b"OFF") => (mark::SILENT, Self::Off),
            (Some(word), Self::On | Self::Skip) if word.eq_ignore_ascii_case(b"SKIP") => {
                (mark::SILENT, Self::Skip)
            }
            (_, Self::On) => (mark::COMMAND, Self::On),
            (_, Self::Skip) => (mark::SILENT, Self::On),
            (_, Self::Off) => (mark::SILENT, Self::Off),
        }
    }
}

/// Whether a node waits for a reply.
pub(super) fn is_awaiting(node: &redisCallback) -> bool {
    !matches!(node.unsubscribe_sent, mark::FEED | mark::SILENT)
}

/// Whether any command of the list waits for a reply.
pub(super) unsafe fn awaits_reply(list: *const redisCallbackList) -> bool {
    // SAFETY: the caller's list is live.
    unsafe { find(list, is_awaiting) }.is_some()
}

/// Finishes the silent commands before the one that a reply is about to answer: their callbacks get
/// NULL, in their turn. Where one of them has freed the context, that is up to the caller.
pub(super) unsafe fn finish_overtaken(ac: *mut AsyncContext) -> Life {
    // SAFETY: the caller's context is live, and stays so.
    unsafe {
        let list = &raw mut (*ac).c.replies;
        let head = (*list).head.as_ref();
        if head.is_none_or(|head| head.unsubscribe_sent == mark::COMMAND) || !awaits_reply(list) {
            return Life::Alive;
        }
        while let Some(node) = first_silent(list) {
            finish(ac, list, node);
            if has_flag(ac, REDIS_FREEING) {
                return Life::Gone;
            }
        }
    }
    Life::Alive
}

/// Finishes the silent commands that have been sent, once all have, and that nothing answered comes
/// before.
pub(super) unsafe fn finish_sent(ac: *mut AsyncContext) -> Life {
    // SAFETY: the caller's context is live, and looked at again after each callback.
    unsafe {
        let list = &raw mut (*ac).c.replies;
        if sds::len((*ac).c.c.obuf) > 0 {
            return Life::Alive;
        }
        // What these callbacks issue is not sent yet, and comes behind the last of now.
        let last = (*list).tail;
        while let Some(node) = first_silent(list) {
            let is_last = node.as_ptr() == last;
            finish(ac, list, node);
            if has_flag(ac, REDIS_FREEING) {
                lifecycle::finish(ac);
                return Life::Gone;
            }
            if is_last {
                break;
            }
        }
    }
    Life::Alive
}

/// The first command of a list, monitors left aside, if it is silent.
unsafe fn first_silent(list: *const redisCallbackList) -> Option<NonNull<redisCallback>> {
    // SAFETY: the caller's list is live, and so are its nodes.
    unsafe {
        let first = find(list, |node| node.unsubscribe_sent != mark::FEED)?;
        (first.as_ref().unsubscribe_sent == mark::SILENT).then_some(first)
    }
}

/// Takes a silent command out of its list and gives NULL to its callback.
unsafe fn finish(
    ac: *mut AsyncContext,
    list: *mut redisCallbackList,
    node: NonNull<redisCallback>,
) {
    // SAFETY: the caller's context is live, the node in its list until it is taken out here.
    unsafe {
        let is_it = |other: &redisCallback| core::ptr::eq(other, node.as_ptr());
        if remove_first(list, is_it).is_some() {
            let receiver = Receiver::of(node);
            release_node(ac, node);
            run(ac, receiver, null_mut());
        }
    }
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

#[cfg(test)]
mod tests {
    use super::{ReplyMode, is_feed, mark};

    #[test]
    fn follows_client_reply() {
        let mut mode = ReplyMode::On;
        let mut issue = |command: &str| {
            let (mark, next) = mode.after(command.split(' ').map(str::as_bytes));
            mode = next;
            mark == mark::SILENT
        };
        let silent = [
            ("GET a", false),
            ("client reply skip", true),
            ("GET a", true),
            ("GET a", false),
            ("CLIENT REPLY OFF", true),
            ("GET a", true),
            ("CLIENT REPLY SKIP", true),
            ("GET a", true),
            ("CLIENT REPLY ON", false),
            ("GET a", false),
            ("CLIENT REPLY OFF", true),
            ("RESET", false),
            ("GET a", false),
            ("CLIENT REPLY OFF now", false),
            ("CLIENT ID", false),
        ];
        for (command, expected) in silent {
            assert_eq!(issue(command), expected, "{command}");
        }
    }

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
}
