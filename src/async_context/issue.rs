//! Commands of asynchronous programs: into the output buffer, and their callbacks into the lists.

use super::callbacks::mark;
use super::pubsub::Target;
use super::silence::ReplyMode;
use super::subscribe::{subscribe, unsubscribe};
use super::waiting::{Refusal, queue};
use super::{AsyncContext, Receiver, has_flag, hooks, inner, mirror_error, timer};
use crate::context::{self, Command};
use crate::error::{Error, set_errno};
use crate::layout::{
    REDIS_CONNECTED, REDIS_DISCONNECTING, REDIS_FREEING, REDIS_IN_CALLBACK, REDIS_MONITORING,
};
use crate::resp::command::{Arguments, arguments_of, parse_command, short_name_len};
use crate::sds;
use core::ops::RangeInclusive;
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
    // SAFETY: the caller's promises.
    unsafe {
        if has_flag(ac, REDIS_DISCONNECTING | REDIS_FREEING) {
            return Err(());
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
    // SAFETY: the caller's promise.
    unsafe {
        if has_flag(ac, REDIS_DISCONNECTING | REDIS_FREEING) {
            return Err(());
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
        let plain = short_name_len(bytes).is_some_and(|len| !NAMES.contains(&len));
        let entered = if plain && (*ac).reply_mode == ReplyMode::On {
            timer::begin(ac);
            queue(ac, receiver, mark::COMMAND)
        } else if let Some(arguments) = arguments_of(bytes) {
            enter(ac, receiver, arguments)
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

/// What a command does to the lists, by its name.
enum Name {
    Subscribe(Target),
    Unsubscribe(Target),
    Monitor,
    Other,
}

/// The lengths of the names that are more than a command to be answered: from `client` and `monitor`
/// to `punsubscribe`. Most commands are told apart by them alone.
const NAMES: RangeInclusive<usize> = 6..=12;

fn classify(name: &[u8]) -> Name {
    if !NAMES.contains(&name.len()) {
        return Name::Other;
    }
    let (target, rest) = match name {
        [b'p' | b'P', rest @ ..] => (Target::Pattern, rest),
        [b's' | b'S', rest @ ..] if !name.eq_ignore_ascii_case(b"subscribe") => {
            (Target::Shard, rest)
        }
        name => (Target::Channel, name),
    };
    if rest.eq_ignore_ascii_case(b"subscribe") {
        Name::Subscribe(target)
    } else if rest.eq_ignore_ascii_case(b"unsubscribe") {
        Name::Unsubscribe(target)
    } else if name.eq_ignore_ascii_case(b"monitor") {
        Name::Monitor
    } else {
        Name::Other
    }
}

/// Enters a command into the lists and tables.
unsafe fn enter(
    ac: *mut AsyncContext,
    receiver: Receiver,
    mut arguments: Arguments<'_>,
) -> Result<(), Refusal> {
    let all = arguments.clone();
    let name = arguments.next().ok_or(Refusal::Refused)?;
    // SAFETY: the caller's context is live.
    unsafe {
        timer::begin(ac);
        match classify(name) {
            Name::Subscribe(target) if arguments.len() > 0 => {
                subscribe(ac, target, receiver, arguments)?;
            }
            Name::Unsubscribe(target) => unsubscribe(ac, target, arguments)?,
            Name::Monitor => monitor(ac, receiver)?,
            Name::Subscribe(_) | Name::Other => return command(ac, receiver, name, all),
        }
        // Pub/sub is confirmed whatever CLIENT REPLY says; but it uses a skip up.
        if (*ac).reply_mode == ReplyMode::Skip {
            (*ac).reply_mode = ReplyMode::On;
        }
        Ok(())
    }
}

/// Enters a `MONITOR`. Where it is not answered there is no confirmation, and with replies switched
/// off no feed either.
unsafe fn monitor(ac: *mut AsyncContext, receiver: Receiver) -> Result<(), Refusal> {
    // SAFETY: the caller's context is live.
    unsafe {
        let mark = match (*ac).reply_mode {
            ReplyMode::On => mark::MONITOR,
            ReplyMode::Skip => mark::FEED,
            ReplyMode::Off => mark::SILENT,
        };
        queue(ac, receiver, mark)?;
        (*inner(ac)).flags |= REDIS_MONITORING;
        Ok(())
    }
}

/// Queues an ordinary command, whose `arguments` begin with its `name`.
unsafe fn command(
    ac: *mut AsyncContext,
    receiver: Receiver,
    name: &[u8],
    arguments: Arguments<'_>,
) -> Result<(), Refusal> {
    // SAFETY: the caller's context is live.
    unsafe {
        let mode = (*ac).reply_mode;
        if mode == ReplyMode::On && !name.eq_ignore_ascii_case(b"client") {
            return queue(ac, receiver, mark::COMMAND);
        }
        let (mark, next) = mode.after(arguments);
        // An unanswered command that nobody asks about leaves no trace.
        if mark != mark::SILENT || receiver.function.is_some() {
            queue(ac, receiver, mark)?;
        }
        (*ac).reply_mode = next;
        Ok(())
    }
}
