//! Commands that wait for their replies: how they queue, and which of them a reply answers.

use super::callbacks::{find, mark, new_node, push, release_node, remove_first, shift};
use super::pubsub::names;
use super::silence::is_feed;
use super::subscriptions::OutOfMemory;
use super::{AsyncContext, Receiver, has_flag, inner, pubsub};
use crate::context::reader;
use crate::layout::{
    REDIS_MONITORING, REDIS_SUBSCRIBED, redisCallback, redisCallbackList, redisReply,
};
use crate::reader as parser;
use crate::resp::Kind;
use core::ptr::NonNull;
use libc::{c_int, c_void};

/// Why a command is not accepted.
pub(super) enum Refusal {
    /// It makes no sense, or not now.
    Refused,
    /// A limit is reached.
    Limit,
    OutOfMemory,
}

impl From<OutOfMemory> for Refusal {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

/// Refuses a command where as many wait as may.
pub(super) unsafe fn check_pending(ac: *mut AsyncContext) -> Result<(), Refusal> {
    // SAFETY: the caller's context is live.
    unsafe {
        let limit = (*ac).limits.pending;
        if limit > 0 && (*ac).nodes - names(ac) >= limit {
            return Err(Refusal::Limit);
        }
        Ok(())
    }
}

/// Appends a node to the list of commands that suits the mode.
pub(super) unsafe fn queue(
    ac: *mut AsyncContext,
    receiver: Receiver,
    mark: c_int,
) -> Result<(), Refusal> {
    // SAFETY: the caller's context is live.
    unsafe {
        check_pending(ac)?;
        let node =
            new_node(ac, receiver.function, receiver.privdata, mark).ok_or(Refusal::OutOfMemory)?;
        push(waiting_list(ac, mark), node);
        Ok(())
    }
}

/// The list in which a command waits: in subscribed mode, one of its own.
pub(super) unsafe fn waiting_list(ac: *mut AsyncContext, mark: c_int) -> *mut redisCallbackList {
    // SAFETY: the caller's context is live.
    unsafe {
        let subscribed = has_flag(ac, REDIS_SUBSCRIBED);
        if subscribed && matches!(mark, mark::COMMAND | mark::SHARDS) {
            &raw mut (*ac).c.sub.replies
        } else {
            &raw mut (*ac).c.replies
        }
    }
}

/// The callback of the command in `replies` that a reply answers; the command leaves the list. A
/// monitor's stays, for its feed.
pub(super) unsafe fn answered(
    ac: *mut AsyncContext,
    kind: Option<Kind>,
    reply: NonNull<c_void>,
) -> Option<Receiver> {
    // SAFETY: the caller's context is live, and the reply its reader's last.
    unsafe {
        let list = &raw mut (*ac).c.replies;
        if has_flag(ac, REDIS_MONITORING) {
            return answered_while_monitoring(ac, list, kind, reply);
        }
        if !(*list).head.as_ref()?.takes(kind) {
            return None;
        }
        let node = shift(list)?;
        Some(leave(ac, list, node, kind))
    }
}

/// The same for the commands issued in subscribed mode.
pub(super) unsafe fn answered_in_subscribed_mode(
    ac: *mut AsyncContext,
    kind: Option<Kind>,
) -> Option<Receiver> {
    // SAFETY: the caller's context is live.
    unsafe {
        let list = &raw mut (*ac).c.sub.replies;
        if !(*list).head.as_ref()?.takes(kind) {
            return None;
        }
        let node = shift(list)?;
        Some(leave(ac, list, node, kind))
    }
}

/// With a `MONITOR` among the commands its feed goes to its callback, and replies to the others.
unsafe fn answered_while_monitoring(
    ac: *mut AsyncContext,
    list: *mut redisCallbackList,
    kind: Option<Kind>,
    reply: NonNull<c_void>,
) -> Option<Receiver> {
    // SAFETY: as in `answered`.
    unsafe {
        let is_command = |node: &redisCallback| node.unsubscribe_sent != mark::FEED;
        let feed = find(list, |node| !is_command(node)).map(|feed| Receiver::of(feed));
        if feed.is_some()
            && kind == Some(Kind::SimpleString)
            && text_of(ac, reply).is_some_and(is_feed)
        {
            return feed;
        }
        match find(list, is_command) {
            Some(command) if !command.as_ref().takes(kind) => return None,
            _ => {}
        }
        match remove_first(list, is_command) {
            Some(node) => Some(leave(ac, list, node, kind)),
            None => feed,
        }
    }
}

/// The callback of a command that has left its list, and what its answer entails.
unsafe fn leave(
    ac: *mut AsyncContext,
    list: *mut redisCallbackList,
    node: NonNull<redisCallback>,
    kind: Option<Kind>,
) -> Receiver {
    // SAFETY: the caller's context and list are live, and the node is in no list.
    unsafe {
        let (receiver, mark) = (Receiver::of(node), node.as_ref().unsubscribe_sent);
        (*ac).answered = true;
        match mark {
            mark::MONITOR if kind == Some(Kind::SimpleString) => {
                (*node.as_ptr()).unsubscribe_sent = mark::FEED;
                push(list, node);
                return receiver;
            }
            mark::SHARDS => pubsub::refuse_batch(ac),
            _ => {}
        }
        release_node(ac, node);
        receiver
    }
}

impl redisCallback {
    /// Whether a reply of this type may answer the command. `SSUBSCRIBE` is answered by
    /// confirmations, which name its channels; of other replies only an error is for it. Silent
    /// commands are not answered.
    fn takes(&self, kind: Option<Kind>) -> bool {
        match self.unsubscribe_sent {
            mark::SHARDS => kind == Some(Kind::SimpleError),
            mark::SILENT => false,
            _ => true,
        }
    }
}

/// The text of a status or error, where the reader makes `redisReply` objects.
pub(super) unsafe fn text_of<'a>(
    ac: *mut AsyncContext,
    reply: NonNull<c_void>,
) -> Option<&'a [u8]> {
    // SAFETY: the caller's context is live, the reply its reader's last and not freed while the
    // text is in use.
    unsafe {
        if !parser::makes_replies(reader(inner(ac))) {
            return None;
        }
        let reply = reply.cast::<redisReply>().as_ref();
        (!reply.str.is_null())
            .then(|| core::slice::from_raw_parts(reply.str.cast::<u8>(), reply.len))
    }
}
