//! Commands of asynchronous programs: into the output buffer, and into the order of what is to be
//! answered.

use super::lists::{self, new_node, release_node};
use super::pending::{Circumstances, Issued, Place, Refusal, is_ordinary_name_len};
use super::{AsyncContext, Receiver, has_flag, hooks, inner, mirror_error, timer, watch};
use crate::context::{self, Command};
use crate::error::{Error, set_errno};
use crate::layout::{
    REDIS_CONNECTED, REDIS_DISCONNECTING, REDIS_FREEING, REDIS_IN_CALLBACK, REDIS_MONITORING,
    REDIS_SUBSCRIBED, WATCHES,
};
use crate::resp::command::{Arguments, arguments_of, parse_command, short_name_len};
use crate::sds;
use libc::ENOBUFS;

/// Issues a command in a program's own terms. Fails on a bad format, on a context that is going, at a
/// limit, and when out of memory; the last alone is an error of the context.
///
/// # Safety
/// `ac` is live, and the command's pointers are valid.
pub(crate) unsafe fn issue(
    ac: *mut AsyncContext,
    receiver: Receiver,
    command: &Command,
) -> Result<(), ()> {
    // SAFETY: the context is live, and its `obuf` an sds.
    unsafe {
        if has_flag(ac, REDIS_DISCONNECTING | REDIS_FREEING | WATCHES) {
            return refuse(ac);
        }
        let c = inner(ac);
        let before = sds::len((*c).obuf);
        match context::append(c, command) {
            Ok(_) => accept(ac, receiver, before),
            Err(Error::OutOfMemory) => out_of_memory(ac),
            Err(_) => Err(()),
        }
    }
}

/// Issues a command that is RESP already: exactly one.
///
/// # Safety
/// `ac` is live.
pub(crate) unsafe fn issue_formatted(
    ac: *mut AsyncContext,
    receiver: Receiver,
    bytes: &[u8],
) -> Result<(), ()> {
    // SAFETY: the context is live, and its `obuf` an sds.
    unsafe {
        if has_flag(ac, REDIS_DISCONNECTING | REDIS_FREEING | WATCHES) {
            return refuse(ac);
        }
        if parse_command(bytes).is_none_or(|arguments| arguments.len() == 0) {
            return Err(());
        }
        let c = inner(ac);
        let before = sds::len((*c).obuf);
        match context::append_formatted(c, bytes) {
            Ok(()) => accept(ac, receiver, before),
            Err(Error::OutOfMemory) => out_of_memory(ac),
            Err(_) => Err(()),
        }
    }
}

/// A command on a context that is going, or that has no connection.
#[cold]
unsafe fn refuse(ac: *mut AsyncContext) -> Result<(), ()> {
    // SAFETY: the caller's context is live.
    unsafe {
        if has_flag(ac, WATCHES) {
            watch::refuse_command(ac);
        }
    }
    Err(())
}

unsafe fn out_of_memory(ac: *mut AsyncContext) -> Result<(), ()> {
    // SAFETY: the caller's context is live.
    unsafe {
        context::set_error(inner(ac), Error::OutOfMemory);
        mirror_error(ac);
    }
    Err(())
}

/// Enters the one command that the output buffer holds from `before` on, or takes it out again.
unsafe fn accept(ac: *mut AsyncContext, receiver: Receiver, before: usize) -> Result<(), ()> {
    // SAFETY: the caller's context is live; the arguments are not used after the buffer changes.
    unsafe {
        let obuf = (*inner(ac)).obuf;
        let bytes = sds::bytes(obuf).get(before..).unwrap_or_default();
        let ordinary = short_name_len(bytes).is_some_and(is_ordinary_name_len);
        let entered = if ordinary && (*ac).pending.answers() {
            enter_ordinary(ac, receiver)
        } else if let Some(arguments) = arguments_of(bytes) {
            enter(ac, receiver, &arguments)
        } else {
            Err(Refusal::Refused)
        };
        match entered {
            Ok(()) => {
                announce(ac);
                Ok(())
            }
            Err(refusal) => {
                sds::set_len(obuf, before);
                match refusal {
                    Refusal::Refused => Err(()),
                    Refusal::Limit => {
                        set_errno(ENOBUFS);
                        Err(())
                    }
                    Refusal::OutOfMemory => out_of_memory(ac),
                }
            }
        }
    }
}

/// Has the command sent: with others at the end of the dispatch that is running, or by the loop.
unsafe fn announce(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        let deferred = (*ac).dispatching
            && !hooks::watches_write(ac)
            && has_flag(ac, REDIS_IN_CALLBACK)
            && has_flag(ac, REDIS_CONNECTED)
            && context::async_write_is_default(inner(ac));
        if !deferred {
            hooks::add_write(ac);
        }
    }
}

/// Whether as many commands wait as may.
#[inline(always)]
unsafe fn is_full(ac: *const AsyncContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe {
        let limit = (*ac).limits.pending;
        limit > 0 && (*ac).nodes >= limit
    }
}

/// Enters a command with a short name that one reply answers.
unsafe fn enter_ordinary(ac: *mut AsyncContext, receiver: Receiver) -> Result<(), Refusal> {
    // SAFETY: the caller's context is live, and the node new.
    unsafe {
        if is_full(ac) {
            return Err(Refusal::Limit);
        }
        let node = new_node(ac, receiver).ok_or(Refusal::OutOfMemory)?;
        timer::begin(ac);
        let serial = (*ac).pending.enter_ordinary();
        lists::push_waiting(ac, node, serial);
        Ok(())
    }
}

/// Enters a command of any name.
unsafe fn enter(
    ac: *mut AsyncContext,
    receiver: Receiver,
    arguments: &Arguments<'_>,
) -> Result<(), Refusal> {
    // SAFETY: the caller's context is live, and the node new and in no list.
    unsafe {
        let circumstances = Circumstances {
            is_full: is_full(ac),
            max_names: (*ac).limits.subscriptions,
            subscribed: has_flag(ac, REDIS_SUBSCRIBED),
        };
        let node = new_node(ac, receiver).ok_or(Refusal::OutOfMemory)?;
        let entered = (*ac).pending.enter(arguments, receiver, circumstances);
        (*ac).c.sub.pending_unsubs = (*ac).pending.pending_unsubs;
        let Issued { serial, place } = match entered {
            Ok(issued) => issued,
            Err(refusal) => {
                release_node(ac, node);
                return Err(refusal);
            }
        };
        match place {
            Place::Waits | Place::Monitor => timer::begin(ac),
            _ => {}
        }
        match place {
            Place::Waits => lists::push_waiting(ac, node, serial),
            Place::Monitor => lists::push_monitor(ac, node, serial),
            Place::Feed => (*ac).feed = lists::push_feed(ac, node),
            // A command that is not answered, and that nobody asks about, leaves no trace.
            Place::Silent if receiver.function.is_some() => lists::push_silent(ac, node, serial),
            Place::Silent | Place::Subscribed | Place::Nowhere => release_node(ac, node),
        }
        let flag = match place {
            Place::Subscribed => REDIS_SUBSCRIBED,
            Place::Monitor | Place::Feed => REDIS_MONITORING,
            _ => 0,
        };
        (*inner(ac)).flags |= flag;
        Ok(())
    }
}
