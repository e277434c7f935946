//! Pub/sub: which subscription a message belongs to, and what confirmations change.

use super::callbacks::{append, find, mark, release_node, remove_first};
use super::subscriptions::{self, details, is_empty, len};
use super::{AsyncContext, Receiver, has_flag};
use crate::error::Error;
use crate::layout::{
    REDIS_REPLY_INTEGER, REDIS_REPLY_STRING, REDIS_SUBSCRIBED, dict, redisCallback, redisReply,
};

/// What a subscription is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Channel,
    Pattern,
    Shard,
}

/// What a pub/sub reply tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Subscribe,
    Unsubscribe,
    Message,
}

/// What the connection cannot survive.
pub(super) const UNEXPECTED: Error = Error::Protocol("Unexpected pub/sub reply");

/// An element's text, where it is a string.
unsafe fn text<'a>(reply: &redisReply, index: usize) -> Option<&'a [u8]> {
    // SAFETY: the caller's reply came from our reader: `elements` of them stand in `element`.
    unsafe {
        let element = (index < reply.elements).then(|| *reply.element.add(index))?;
        let element = element.as_ref()?;
        (element.r#type == REDIS_REPLY_STRING && !element.str.is_null())
            .then(|| core::slice::from_raw_parts(element.str.cast::<u8>(), element.len))
    }
}

/// An element's number, where it is an integer.
unsafe fn number(reply: &redisReply, index: usize) -> Option<i64> {
    // SAFETY: as in `text`.
    unsafe {
        let element = (index < reply.elements).then(|| *reply.element.add(index))?;
        let element = element.as_ref()?;
        (element.r#type == REDIS_REPLY_INTEGER).then_some(element.integer)
    }
}

/// Whether `text` and the first bytes of `word` are the same but for case.
fn is_prefix(text: &[u8], word: &[u8]) -> bool {
    word.get(..text.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(text))
}

/// Whether a push belongs to pub/sub on channels and patterns, by its first element.
pub(super) unsafe fn is_message(push: &redisReply) -> bool {
    // SAFETY: the caller's reply came from our reader.
    let Some(name) = (unsafe { text(push, 0) }) else {
        return false;
    };
    let name_without_p = match name {
        [b'p' | b'P', rest @ ..] => rest,
        name => name,
    };
    name.len() >= 7
        && [&b"subscribe"[..], b"message", b"unsubscribe"]
            .iter()
            .any(|word| is_prefix(name_without_p, word))
}

/// What a reply about shard channels tells, where it is one.
pub(super) unsafe fn shard_event(reply: &redisReply) -> Option<Event> {
    // SAFETY: the caller's reply came from our reader.
    let name = unsafe { text(reply, 0) }?;
    if name.eq_ignore_ascii_case(b"smessage") {
        Some(Event::Message)
    } else if name.eq_ignore_ascii_case(b"ssubscribe") {
        Some(Event::Subscribe)
    } else if name.eq_ignore_ascii_case(b"sunsubscribe") {
        Some(Event::Unsubscribe)
    } else {
        None
    }
}

/// Whether a reply about shard channels concerns a subscription of ours.
pub(super) unsafe fn concerns_shards(ac: *mut AsyncContext, reply: &redisReply) -> bool {
    // SAFETY: the caller's context is live, its reply came from our reader.
    unsafe {
        if (*ac).batches_issued == 0 {
            return false;
        }
        let known = || {
            let table = subscriptions::existing(&raw const (*ac).shards)?;
            table.get(text(reply, 1)?)
        };
        match shard_event(reply) {
            // Unsubscribing of all may be confirmed in any number, and be overtaken by a refusal.
            Some(Event::Unsubscribe) => true,
            Some(_) => known().is_some(),
            None => false,
        }
    }
}

/// The callback that a pub/sub reply is for, and the bookkeeping that the reply asks for. Without a
/// subscription there is none; the reply is then dropped.
pub(super) unsafe fn subscription(
    ac: *mut AsyncContext,
    reply: &redisReply,
) -> Result<Option<Receiver>, Error> {
    // SAFETY: the caller's context is live, its reply came from our reader.
    unsafe {
        let name = text(reply, 0).ok_or(UNEXPECTED)?;
        let (target, kind) = match name {
            [b'p' | b'P', rest @ ..] => (Target::Pattern, rest),
            name => (Target::Channel, name),
        };
        let event = if kind.eq_ignore_ascii_case(b"subscribe") {
            Event::Subscribe
        } else if kind.eq_ignore_ascii_case(b"unsubscribe") {
            Event::Unsubscribe
        } else {
            Event::Message
        };
        if reply.elements < 2 {
            return Err(UNEXPECTED);
        }
        settle(ac, reply, target, event)
    }
}

/// The same for a reply about shard channels.
pub(super) unsafe fn shard_subscription(
    ac: *mut AsyncContext,
    reply: &redisReply,
    event: Event,
) -> Result<Option<Receiver>, Error> {
    // SAFETY: as in `subscription`.
    unsafe {
        if event == Event::Subscribe {
            confirm_batch(ac);
        }
        settle(ac, reply, Target::Shard, event)
    }
}

unsafe fn settle(
    ac: *mut AsyncContext,
    reply: &redisReply,
    target: Target,
    event: Event,
) -> Result<Option<Receiver>, Error> {
    // SAFETY: as in `subscription`.
    unsafe {
        let place = place(ac, target);
        let channel = text(reply, 1).unwrap_or_default();
        let table = subscriptions::existing(place);
        let node = table.as_ref().and_then(|table| table.get(channel));
        let receiver = node.map(|node| Receiver::of(node));
        match (event, node) {
            (Event::Subscribe, Some(node)) => {
                (*node.as_ptr()).pending_subs -= 1;
                (*details(node)).confirmed = true;
            }
            (Event::Subscribe, None) => return Err(UNEXPECTED),
            (Event::Unsubscribe, node) => {
                let left = number(reply, 2).ok_or(UNEXPECTED)?;
                match (node, table) {
                    (Some(node), Some(table)) if (*node.as_ptr()).pending_subs == 0 => {
                        table.remove(channel);
                        release_node(ac, node);
                    }
                    (None, _) if target != Target::Shard => (*ac).c.sub.pending_unsubs -= 1,
                    _ => {}
                }
                if target != Target::Shard {
                    (*ac).unsubs_in_flight = ((*ac).unsubs_in_flight - 1).max(0);
                }
                if left == 0 {
                    leave_subscribed_mode(ac);
                }
            }
            (Event::Message, _) => {}
        }
        Ok(receiver)
    }
}

/// The context's field for subscriptions of a kind.
pub(super) unsafe fn place(ac: *mut AsyncContext, target: Target) -> *mut *mut dict {
    // SAFETY: the caller's context is live.
    unsafe {
        match target {
            Target::Channel => &raw mut (*ac).c.sub.channels,
            Target::Pattern => &raw mut (*ac).c.sub.patterns,
            Target::Shard => &raw mut (*ac).shards,
        }
    }
}

/// Names subscribed to, of every kind.
pub(super) unsafe fn names(ac: *mut AsyncContext) -> usize {
    // SAFETY: the caller's context is live.
    unsafe {
        len(&raw const (*ac).c.sub.channels)
            + len(&raw const (*ac).c.sub.patterns)
            + len(&raw const (*ac).shards)
    }
}

/// Leaves subscribed mode when the last subscription has gone: commands wait in `replies` again.
unsafe fn leave_subscribed_mode(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        if has_flag(ac, REDIS_SUBSCRIBED)
            && is_empty(&raw const (*ac).c.sub.channels)
            && is_empty(&raw const (*ac).c.sub.patterns)
            && (*ac).unsubs_in_flight == 0
        {
            (*ac).c.c.flags &= !REDIS_SUBSCRIBED;
            append(&raw mut (*ac).c.replies, &raw mut (*ac).c.sub.replies);
        }
    }
}

/// Counts one confirmation of the oldest `SSUBSCRIBE`; with the last it is answered.
unsafe fn confirm_batch(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        let is_shards = |node: &redisCallback| node.unsubscribe_sent == mark::SHARDS;
        for list in [&raw mut (*ac).c.replies, &raw mut (*ac).c.sub.replies] {
            let Some(mut node) = find(list, is_shards) else {
                continue;
            };
            node.as_mut().pending_subs -= 1;
            if node.as_ref().pending_subs <= 0
                && let Some(node) = remove_first(list, is_shards)
            {
                release_node(ac, node);
                (*ac).batches_settled += 1;
                (*ac).answered = true;
            }
            return;
        }
    }
}

/// Takes back the subscriptions of the oldest `SSUBSCRIBE`, which the server has refused.
pub(super) unsafe fn refuse_batch(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live; nodes leave the table before they are released.
    unsafe {
        (*ac).batches_settled += 1;
        let refused = (*ac).batches_settled;
        if let Some(table) = subscriptions::existing(&raw const (*ac).shards) {
            table.remove_where(|node| {
                let details = details(node);
                if (*details).batch != refused {
                    return false;
                }
                (*details).c.pending_subs -= 1;
                let gone = (*details).c.pending_subs <= 0 && !(*details).confirmed;
                if gone {
                    release_node(ac, node);
                }
                gone
            });
        }
    }
}
