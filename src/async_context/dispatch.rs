//! Replies to callbacks.

use super::events::{check_deadline, send};
use super::lifecycle::{disconnect_if_drained, finish, tear_down};
use super::pubsub::{self, UNEXPECTED};
use super::{
    AsyncContext, Life, Receiver, has_flag, hooks, in_callback, inner, run, silence, timer, waiting,
};
use crate::context::{self, reader};
use crate::error::{self, Error};
use crate::layout::{
    REDIS_ERR_OTHER, REDIS_FREEING, REDIS_NO_AUTO_FREE_REPLIES, REDIS_SUBSCRIBED,
    REDIS_SUPPORTS_PUSH, redisReply,
};
use crate::reader as parser;
use crate::resp::Kind;
use crate::sds;
use core::ptr::NonNull;
use libc::c_void;

/// A reply that has no taker.
const UNREQUESTED: Error = Error::Protocol("Unexpected reply, no command is waiting for one");

/// `redisProcessCallbacks`: hands out every reply that has arrived, then sends what the callbacks
/// issued, then completes a disconnect that waited for this.
///
/// # Safety
/// `ac` is live, and not used afterwards without knowing that it still is.
pub(crate) unsafe fn process_callbacks(ac: *mut AsyncContext) {
    // SAFETY: the caller's promise; the context is not used after it is gone.
    unsafe {
        if hand_out_all(ac) == Life::Gone {
            return;
        }
        // Pushes and messages are no answers: a command may wait too long among many of them.
        if core::mem::take(&mut (*ac).answered) {
            timer::restart(ac);
        }
        if send_issued(ac) == Life::Alive
            && silence::finish_sent(ac) == Life::Alive
            && disconnect_if_drained(ac) == Life::Alive
        {
            check_deadline(ac);
        }
    }
}

/// Hands out every reply that has arrived.
unsafe fn hand_out_all(ac: *mut AsyncContext) -> Life {
    // SAFETY: the caller's context is live, and not used after it is gone.
    unsafe {
        (*ac).dispatching = true;
        loop {
            match context::next_in_band(inner(ac)) {
                Err(()) => return end(ac),
                Ok(None) => break,
                Ok(Some(reply)) => {
                    if hand_out(ac, reply) == Life::Gone {
                        return Life::Gone;
                    }
                }
            }
        }
        (*ac).dispatching = false;
    }
    Life::Alive
}

/// Ends after a write that failed. Where the peer has gone, what it said before is handed out first.
#[cold]
pub(super) unsafe fn hang_up(ac: *mut AsyncContext) -> Life {
    // SAFETY: the caller's context is live, and not used after it is gone.
    unsafe {
        if context::hear_out(inner(ac)) && hand_out_all(ac) == Life::Gone {
            return Life::Gone;
        }
        tear_down(ac)
    }
}

/// Sends at once what callbacks issued while replies were handed out. Only what the socket does
/// not take waits for it to become writable.
unsafe fn send_issued(ac: *mut AsyncContext) -> Life {
    // SAFETY: the caller's context is live.
    unsafe {
        let c = inner(ac);
        if (*c).err != 0 {
            return Life::Alive;
        }
        if sds::len((*c).obuf) == 0 {
            timer::arm(ac);
            return Life::Alive;
        }
        if hooks::watches_write(ac) {
            return Life::Alive;
        }
        if !context::async_write_is_default(c) {
            hooks::add_write(ac);
            return Life::Alive;
        }
        match send(ac) {
            Err(()) => return hang_up(ac),
            Ok(true) => timer::arm(ac),
            Ok(false) => hooks::add_write(ac),
        }
    }
    Life::Alive
}

/// What is to be done with a reply.
enum Taker {
    /// This callback takes it.
    Callback(Receiver),
    /// The push callback does.
    Push,
    /// Nobody does.
    Nobody,
    /// The connection ends with this error.
    Fail(Error),
    /// The connection ends with the error that the reply is.
    Refused,
}

/// Hands one reply to its taker and frees it.
unsafe fn hand_out(ac: *mut AsyncContext, reply: NonNull<c_void>) -> Life {
    // SAFETY: the caller's context is live; the reply is ours to free.
    unsafe {
        if parser::last_kind(reader(inner(ac))) != Some(Kind::Push)
            && silence::finish_overtaken(ac) == Life::Gone
        {
            free_reply(ac, reply);
            finish(ac);
            return Life::Gone;
        }
        match taker(ac, reply) {
            Taker::Callback(receiver) => {
                run(ac, receiver, reply.as_ptr());
                if receiver.function.is_none() || !has_flag(ac, REDIS_NO_AUTO_FREE_REPLIES) {
                    free_reply(ac, reply);
                }
            }
            Taker::Push => {
                if let Some(push) = (*ac).c.push_cb {
                    in_callback(ac, || push(ac.cast(), reply.as_ptr()));
                }
                free_reply(ac, reply);
            }
            Taker::Nobody => free_reply(ac, reply),
            Taker::Fail(error) => {
                free_reply(ac, reply);
                context::set_error(inner(ac), error);
                return end(ac);
            }
            Taker::Refused => {
                refuse(ac, reply);
                return end(ac);
            }
        }
        if has_flag(ac, REDIS_FREEING) {
            finish(ac);
            return Life::Gone;
        }
    }
    Life::Alive
}

/// Tears down in the middle of handing out. A context that the program keeps is done with, too.
unsafe fn end(ac: *mut AsyncContext) -> Life {
    // SAFETY: the caller's context is live.
    unsafe {
        (*ac).dispatching = false;
        let _ = tear_down(ac);
    }
    Life::Gone
}

/// Frees a reply by the table that made it.
unsafe fn free_reply(ac: *mut AsyncContext, reply: NonNull<c_void>) {
    // SAFETY: the caller's context is live, and gives the reply up.
    unsafe { parser::free_object(reader(inner(ac)), reply.as_ptr()) }
}

/// Takes over the text of an error that no command asked for, such as too many clients.
unsafe fn refuse(ac: *mut AsyncContext, reply: NonNull<c_void>) {
    // SAFETY: the caller's context is live, and its reply as its reader says.
    unsafe {
        let c = inner(ac);
        match waiting::text_of(ac, reply) {
            Some(text) => error::store_text(&mut (*c).errstr, text),
            None => error::store_text(&mut (*c).errstr, b"The server refused the connection"),
        }
        (*c).err = REDIS_ERR_OTHER;
        free_reply(ac, reply);
    }
}

/// Decides who takes a reply, and takes that callback out of its list.
unsafe fn taker(ac: *mut AsyncContext, reply: NonNull<c_void>) -> Taker {
    // SAFETY: the caller's context is live; the reply came from its reader, which knows its type.
    unsafe {
        let reader = reader(inner(ac));
        let kind = parser::last_kind(reader);
        let aggregate = parser::as_aggregate(reader, reply);
        match (kind, aggregate) {
            (Some(Kind::Attribute), Some(_)) => return Taker::Nobody,
            (Some(Kind::Push), Some(push)) => {
                (*ac).c.c.flags |= REDIS_SUPPORTS_PUSH;
                if let Some(taker) = push_taker(ac, push) {
                    return taker;
                }
            }
            (Some(Kind::Array), Some(array))
                if !has_flag(ac, REDIS_SUPPORTS_PUSH) && pubsub::concerns_shards(ac, array) =>
            {
                return shard_taker(ac, array);
            }
            _ => {}
        }
        if let Some(callback) = waiting::answered(ac, kind, reply) {
            return Taker::Callback(callback);
        }
        if kind == Some(Kind::SimpleError) {
            return match waiting::answered_in_subscribed_mode(ac, kind) {
                Some(callback) => Taker::Callback(callback),
                None => Taker::Refused,
            };
        }
        if !has_flag(ac, REDIS_SUBSCRIBED) {
            return match kind {
                Some(Kind::Push) if (*ac).c.push_cb.is_some() => Taker::Push,
                _ => Taker::Fail(UNREQUESTED),
            };
        }
        let is_push = kind == Some(Kind::Push);
        let pushes = has_flag(ac, REDIS_SUPPORTS_PUSH);
        match aggregate {
            Some(reply)
                if is_push || (kind == Some(Kind::Array) && !pushes && reply.elements >= 3) =>
            {
                match pubsub::subscription(ac, reply) {
                    Ok(Some(callback)) => Taker::Callback(callback),
                    Ok(None) => Taker::Nobody,
                    Err(error) => Taker::Fail(error),
                }
            }
            _ => match waiting::answered_in_subscribed_mode(ac, kind) {
                Some(callback) => Taker::Callback(callback),
                None => Taker::Nobody,
            },
        }
    }
}

/// Who takes a push, unless it is one about channels or patterns.
unsafe fn push_taker(ac: *mut AsyncContext, push: &redisReply) -> Option<Taker> {
    // SAFETY: as in `taker`.
    unsafe {
        if push.elements == 0 {
            return Some(Taker::Fail(UNEXPECTED));
        }
        if pubsub::concerns_shards(ac, push) {
            return Some(shard_taker(ac, push));
        }
        (!pubsub::is_message(push)).then_some(Taker::Push)
    }
}

/// Who takes a reply about a shard channel. A subscription without a callback leaves pushes to the
/// push callback, as before there were such subscriptions.
unsafe fn shard_taker(ac: *mut AsyncContext, reply: &redisReply) -> Taker {
    // SAFETY: as in `taker`.
    unsafe {
        let Some(event) = pubsub::shard_event(reply) else {
            return Taker::Nobody;
        };
        match pubsub::shard_subscription(ac, reply, event) {
            Ok(Some(receiver)) if receiver.function.is_some() => Taker::Callback(receiver),
            Ok(_) if parser::last_is_push(reader(inner(ac))) => Taker::Push,
            Ok(_) => Taker::Nobody,
            Err(error) => Taker::Fail(error),
        }
    }
}
