//! One reply to whom it is for: the command that it answers, a subscription, or nobody.

use super::lifecycle::{finish, tear_down};
use super::pending::{Fault, Serial, Target, Verdict};
use super::{AsyncContext, Flow, Receiver, has_flag, in_callback, inner, lists, replies, run};
use crate::context::{self, reader};
use crate::error::{self, Error};
use crate::layout::{
    REDIS_ERR_OTHER, REDIS_FREEING, REDIS_NO_AUTO_FREE_REPLIES, REDIS_SUBSCRIBED,
    REDIS_SUPPORTS_PUSH,
};
use crate::reader as parser;
use crate::resp::Kind;
use core::ptr::{NonNull, null_mut};
use libc::c_void;

// `longjmp` out of a callback runs no destructors.
const _: () = assert!(!core::mem::needs_drop::<Verdict<Receiver>>());

/// Hands one reply to whom it is for, and frees it.
pub(super) unsafe fn deliver(ac: *mut AsyncContext, reply: NonNull<c_void>) -> Flow {
    // SAFETY: the caller's context is live; the reply is ours to free.
    unsafe {
        let kind = parser::last_kind(reader(inner(ac)));
        let in_order = !matches!(kind, Some(Kind::Push | Kind::Attribute));
        let flow = if let Some(serial) = in_order.then(|| (*ac).pending.answer_ordinary()).flatten()
        {
            answer(ac, serial, reply);
            Flow::Continue
        } else if let Some(receiver) = message_receiver(ac, kind, reply) {
            give(ac, receiver, reply);
            Flow::Continue
        } else {
            deliver_decided(ac, kind, reply)
        };
        if flow == Flow::Continue && has_flag(ac, REDIS_FREEING) {
            finish(ac);
            return Flow::Stop;
        }
        flow
    }
}

/// Who takes a reply that is a message to a channel.
#[inline]
unsafe fn message_receiver(
    ac: *mut AsyncContext,
    kind: Option<Kind>,
    reply: NonNull<c_void>,
) -> Option<Receiver> {
    // SAFETY: as in `deliver`; the reply's text is not used after it.
    unsafe {
        let is_push = kind == Some(Kind::Push);
        if !is_push && kind != Some(Kind::Array) {
            return None;
        }
        let channel = replies::channel_of_message(ac, reply)?;
        let receiver = (*ac).pending.message_receiver(is_push, channel)?;
        if is_push {
            (*ac).c.c.flags |= REDIS_SUPPORTS_PUSH;
        }
        Some(receiver)
    }
}

/// The same for a reply that needs a decision.
#[inline(never)]
unsafe fn deliver_decided(
    ac: *mut AsyncContext,
    kind: Option<Kind>,
    reply: NonNull<c_void>,
) -> Flow {
    // SAFETY: as in `deliver`; what the decision has read of the reply is not used after it.
    unsafe {
        let is_push = kind == Some(Kind::Push);
        let verdict = {
            let description = replies::describe(ac, kind, reply);
            if is_push && description.readable {
                (*ac).c.c.flags |= REDIS_SUPPORTS_PUSH;
            }
            (*ac)
                .pending
                .decide(&description, has_flag(ac, REDIS_SUBSCRIBED))
        };
        (*ac).c.sub.pending_unsubs = (*ac).pending.pending_unsubs;
        // A callback that leaves by an exception or longjmp must not leave a reply behind that
        // another decision is due for.
        if is_undecided(&verdict) {
            (*ac).held = reply.as_ptr();
        }
        match verdict {
            Verdict::Answer(serial) => answer(ac, serial, reply),
            Verdict::Monitor(serial) => begin_feed(ac, serial, reply),
            Verdict::Feed => give(ac, (*ac).feed, reply),
            Verdict::Subscription {
                receiver,
                target,
                over,
            } => {
                leave_mode_if(ac, over);
                match receiver.filter(|receiver| receiver.function.is_some()) {
                    Some(receiver) => give(ac, receiver, reply),
                    // As before the library knew of shard channels.
                    None if target == Target::Shard && is_push => push(ac, reply),
                    None => free_reply(ac, reply),
                }
            }
            Verdict::Refused {
                receiver,
                more,
                over,
            } => {
                leave_mode_if(ac, over);
                refuse_name(ac, receiver, reply, more);
            }
            Verdict::Unheard { receiver, over } => {
                leave_mode_if(ac, over);
                run(ac, receiver.unwrap_or(Receiver::NONE), null_mut());
            }
            // `Flow::Stop` means here that the context is to be freed, as the caller finds out.
            Verdict::Unanswered(end) => {
                let _ = lists::fail_before(ac, end);
            }
            Verdict::Passed(serial) => {
                if let Some(node) = lists::take(ac, serial) {
                    let receiver = lists::receiver_of(ac, node);
                    run(ac, receiver, null_mut());
                }
            }
            Verdict::Unmuted { serial, told, end } => return unmute(ac, serial, told, end, reply),
            Verdict::Push => push(ac, reply),
            Verdict::PushOnly if (*ac).c.push_cb.is_some() => push(ac, reply),
            Verdict::PushOnly => return fail(ac, Fault::Unrequested, reply),
            Verdict::Nobody => free_reply(ac, reply),
            Verdict::Disconnect => return disconnect_with(ac, reply),
            Verdict::Fail(fault) => return fail(ac, fault, reply),
        }
    }
    Flow::Continue
}

/// Whether the reply is to be decided again.
fn is_undecided(verdict: &Verdict<Receiver>) -> bool {
    matches!(
        verdict,
        Verdict::Refused { more: true, .. }
            | Verdict::Unheard { .. }
            | Verdict::Unanswered(_)
            | Verdict::Passed(_)
    )
}

/// Gives a reply to the command that it answers.
#[inline]
unsafe fn answer(ac: *mut AsyncContext, serial: Serial, reply: NonNull<c_void>) {
    // SAFETY: the caller's context is live, and gives the reply up.
    unsafe {
        (*ac).answered = true;
        match lists::take(ac, serial) {
            Some(node) => give(ac, lists::receiver_of(ac, node), reply),
            None => free_reply(ac, reply),
        }
    }
}

/// Gives a reply to a callback and frees it afterwards, unless the program does that.
#[inline]
unsafe fn give(ac: *mut AsyncContext, receiver: Receiver, reply: NonNull<c_void>) {
    // SAFETY: as in `answer`.
    unsafe {
        run(ac, receiver, reply.as_ptr());
        if receiver.function.is_none() || !has_flag(ac, REDIS_NO_AUTO_FREE_REPLIES) {
            free_reply(ac, reply);
        }
    }
}

/// A `MONITOR` was confirmed: its callback gets that, and the feed from now on.
unsafe fn begin_feed(ac: *mut AsyncContext, serial: Serial, reply: NonNull<c_void>) {
    // SAFETY: as in `answer`; the node is in no list when it is pushed again.
    unsafe {
        (*ac).answered = true;
        match lists::take(ac, serial) {
            Some(node) => {
                (*ac).feed = lists::push_feed(ac, node);
                give(ac, (*ac).feed, reply);
            }
            None => free_reply(ac, reply),
        }
    }
}

/// Tells a receiver that its subscribing command was refused, for one name. Each call gets an object
/// of its own if the program frees it.
unsafe fn refuse_name(
    ac: *mut AsyncContext,
    receiver: Receiver,
    reply: NonNull<c_void>,
    more: bool,
) {
    // SAFETY: as in `answer`.
    unsafe {
        if !more {
            give(ac, receiver, reply);
        } else if has_flag(ac, REDIS_NO_AUTO_FREE_REPLIES) && receiver.function.is_some() {
            run(ac, receiver, replies::copy_error(ac, reply));
        } else {
            run(ac, receiver, reply.as_ptr());
        }
    }
}

/// `CLIENT REPLY OFF` was refused. Its callback gets the error. If the callback was told that there
/// is no reply, the connection ends with the error, since nobody else can be told.
unsafe fn unmute(
    ac: *mut AsyncContext,
    serial: Serial,
    told: bool,
    end: Serial,
    reply: NonNull<c_void>,
) -> Flow {
    // SAFETY: as in `answer`.
    unsafe {
        lists::await_before(ac, end);
        if told {
            return disconnect_with(ac, reply);
        }
        answer(ac, serial, reply);
    }
    Flow::Continue
}

/// Gives a push to the push callback. The library frees it in any case.
unsafe fn push(ac: *mut AsyncContext, reply: NonNull<c_void>) {
    // SAFETY: as in `answer`; the callback was given for such calls.
    unsafe {
        if let Some(push) = (*ac).c.push_cb {
            in_callback(ac, || push(ac.cast(), reply.as_ptr()));
        }
        free_reply(ac, reply);
    }
}

/// Leaves subscribed mode if that is over: commands wait in `replies` again.
unsafe fn leave_mode_if(ac: *mut AsyncContext, over: bool) {
    // SAFETY: the caller's context is live.
    unsafe {
        if over && has_flag(ac, REDIS_SUBSCRIBED) {
            (*ac).c.c.flags &= !REDIS_SUBSCRIBED;
            lists::leave_subscribed_mode(ac);
        }
    }
}

/// Tears down in the middle of handing out.
pub(super) unsafe fn end(ac: *mut AsyncContext) -> Flow {
    // SAFETY: the caller's context is live.
    unsafe {
        (*ac).dispatching = false;
        let _ = tear_down(ac);
    }
    Flow::Stop
}

/// Frees a reply by the table that made it.
pub(super) unsafe fn free_reply(ac: *mut AsyncContext, reply: NonNull<c_void>) {
    // SAFETY: the caller's context is live, and gives the reply up.
    unsafe { parser::free_object(reader(inner(ac)), reply.as_ptr()) }
}

/// Ends the connection because of a reply that cannot be given to anybody.
#[cold]
unsafe fn fail(ac: *mut AsyncContext, fault: Fault, reply: NonNull<c_void>) -> Flow {
    // SAFETY: as in `answer`.
    unsafe {
        free_reply(ac, reply);
        context::set_error(inner(ac), error_of(fault));
        end(ac)
    }
}

fn error_of(fault: Fault) -> Error {
    match fault {
        Fault::Unrequested => Error::Protocol("Unexpected reply, no command is waiting for one"),
        Fault::Unexpected => Error::Protocol("Unexpected pub/sub reply"),
        Fault::WrongAnswer => {
            Error::Protocol("Unexpected reply to CLIENT REPLY ON or RESET while replies were off")
        }
        Fault::InTransaction => Error::Other(
            "MULTI has queued CLIENT REPLY, MONITOR or a (un)subscribing command: replies cannot be told apart",
        ),
        Fault::Undecidable => Error::Other("Cannot tell which command a reply answers"),
        Fault::UndecidableError => Error::Other(
            "Cannot tell whether an error refuses CLIENT REPLY SKIP or answers a command behind it",
        ),
    }
}

/// Ends the connection with the text of an error that no command takes, such as too many clients.
#[cold]
unsafe fn disconnect_with(ac: *mut AsyncContext, reply: NonNull<c_void>) -> Flow {
    // SAFETY: as in `answer`.
    unsafe {
        let c = inner(ac);
        match replies::text_of(ac, reply) {
            Some(text) => error::store_text(&mut (*c).errstr, text),
            None => error::store_text(&mut (*c).errstr, b"The server refused the connection"),
        }
        (*c).err = REDIS_ERR_OTHER;
        free_reply(ac, reply);
        end(ac)
    }
}
