//! Commands of asynchronous programs: into the output buffer, and their callbacks into the lists.

use super::callbacks::{mark, new_node, push, release_node};
use super::pubsub::{Target, names, place};
use super::silence::ReplyMode;
use super::subscriptions::{self, OutOfMemory, details};
use super::{AsyncContext, Receiver, has_flag, hooks, inner, mirror_error, timer};
use crate::context::{self, Command};
use crate::error::{Error, set_errno};
use crate::layout::{
    REDIS_CONNECTED, REDIS_DISCONNECTING, REDIS_FREEING, REDIS_IN_CALLBACK, REDIS_MONITORING,
    REDIS_SUBSCRIBED, redisCallback, redisCallbackList,
};
use crate::resp::command::{Arguments, arguments_of, parse_command, short_name_len};
use crate::sds;
use core::ops::RangeInclusive;
use core::ptr::NonNull;
use libc::{ENOBUFS, c_int};

/// Why a command is not accepted.
enum Refusal {
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
            queue(ac, receiver, mark::COMMAND).map(|_| ())
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
            return queue(ac, receiver, mark::COMMAND).map(|_| ());
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

/// Refuses a command where as many wait as may.
unsafe fn check_pending(ac: *mut AsyncContext) -> Result<(), Refusal> {
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
unsafe fn queue(
    ac: *mut AsyncContext,
    receiver: Receiver,
    mark: c_int,
) -> Result<NonNull<redisCallback>, Refusal> {
    // SAFETY: the caller's context is live.
    unsafe {
        check_pending(ac)?;
        let node =
            new_node(ac, receiver.function, receiver.privdata, mark).ok_or(Refusal::OutOfMemory)?;
        push(waiting_list(ac, mark), node);
        Ok(node)
    }
}

/// The list in which a command waits: in subscribed mode, one of its own.
unsafe fn waiting_list(ac: *mut AsyncContext, mark: c_int) -> *mut redisCallbackList {
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

/// Enters a subscribing command.
unsafe fn subscribe(
    ac: *mut AsyncContext,
    target: Target,
    receiver: Receiver,
    channels: Arguments<'_>,
) -> Result<(), Refusal> {
    // SAFETY: the caller's context is live.
    unsafe {
        if target == Target::Shard {
            return subscribe_shards(ac, receiver, channels);
        }
        enter_channels(ac, target, receiver, channels, 0)?;
        (*inner(ac)).flags |= REDIS_SUBSCRIBED;
        Ok(())
    }
}

/// Enters subscriptions; every channel, or none.
unsafe fn enter_channels(
    ac: *mut AsyncContext,
    target: Target,
    receiver: Receiver,
    channels: Arguments<'_>,
    batch: u32,
) -> Result<(), Refusal> {
    // SAFETY: the caller's context is live; a node is in the table as soon as it is made.
    unsafe {
        let mut left = match (*ac).limits.subscriptions {
            0 => usize::MAX,
            limit => limit.saturating_sub(names(ac)),
        };
        let table = subscriptions::table(place(ac, target))?;
        for (entered, channel) in channels.clone().enumerate() {
            let node = match table.get(channel) {
                Some(node) => Ok(node),
                None if left == 0 => Err(Refusal::Limit),
                None => {
                    left -= 1;
                    new_subscription(ac, table, channel)
                }
            };
            let mut node = match node {
                Ok(node) => node,
                Err(refusal) => {
                    withdraw(ac, table, channels.take(entered));
                    return Err(refusal);
                }
            };
            node.as_mut().pending_subs += 1;
        }
        for channel in channels {
            if let Some(mut node) = table.get(channel) {
                (*details(node)).batch = batch;
                let node = node.as_mut();
                node.r#fn = receiver.function;
                node.privdata = receiver.privdata;
                node.unsubscribe_sent = 0;
            }
        }
        Ok(())
    }
}

unsafe fn new_subscription(
    ac: *mut AsyncContext,
    table: &mut subscriptions::Subscriptions,
    channel: &[u8],
) -> Result<NonNull<redisCallback>, Refusal> {
    // SAFETY: the caller's context is live.
    unsafe {
        let node = new_node(ac, None, core::ptr::null_mut(), mark::COMMAND).ok_or(OutOfMemory)?;
        match table.insert(channel, node) {
            Ok(()) => Ok(node),
            Err(error) => {
                release_node(ac, node);
                Err(error.into())
            }
        }
    }
}

/// Undoes the first steps of `enter_channels`.
unsafe fn withdraw<'a>(
    ac: *mut AsyncContext,
    table: &mut subscriptions::Subscriptions,
    channels: impl Iterator<Item = &'a [u8]>,
) {
    for channel in channels {
        let Some(mut node) = table.get(channel) else {
            continue;
        };
        // SAFETY: nodes in the table are live, until they are taken out here.
        unsafe {
            node.as_mut().pending_subs -= 1;
            if node.as_ref().pending_subs == 0 && !(*details(node)).confirmed {
                table.remove(channel);
                release_node(ac, node);
            }
        }
    }
}

/// Enters an `SSUBSCRIBE`: subscriptions, and a command that waits for their confirmations or for
/// an error.
unsafe fn subscribe_shards(
    ac: *mut AsyncContext,
    receiver: Receiver,
    channels: Arguments<'_>,
) -> Result<(), Refusal> {
    // SAFETY: the caller's context is live.
    unsafe {
        check_pending(ac)?;
        let node = new_node(ac, receiver.function, receiver.privdata, mark::SHARDS)
            .ok_or(Refusal::OutOfMemory)?;
        let count = channels.len();
        let batch = (*ac).batches_issued.wrapping_add(1);
        if let Err(refusal) = enter_channels(ac, Target::Shard, receiver, channels, batch) {
            release_node(ac, node);
            return Err(refusal);
        }
        (*ac).batches_issued = batch;
        (*node.as_ptr()).pending_subs = c_int::try_from(count).unwrap_or(c_int::MAX);
        push(waiting_list(ac, mark::SHARDS), node);
        Ok(())
    }
}

/// Enters an unsubscribe: of the channels named, or of all. Without a subscription it is refused.
/// What confirms one of shard channels is known by its name alone, and needs no count.
unsafe fn unsubscribe(
    ac: *mut AsyncContext,
    target: Target,
    channels: Arguments<'_>,
) -> Result<(), Refusal> {
    // SAFETY: the caller's context is live; nodes in the table are.
    unsafe {
        let subscribed = match target {
            Target::Shard => (*ac).batches_issued > 0,
            _ => has_flag(ac, REDIS_SUBSCRIBED),
        };
        if !subscribed {
            return Err(Refusal::Refused);
        }
        if target == Target::Shard {
            return Ok(());
        }
        let table = subscriptions::existing(place(ac, target));
        if channels.len() == 0 {
            let nodes = table.into_iter().flat_map(|table| table.nodes());
            let newly = nodes.fold(0, |count, node| count + c_int::from(announce_leave(node)));
            (*ac).c.sub.pending_unsubs += c_int::from(newly == 0);
            (*ac).unsubs_in_flight += newly.max(1);
            return Ok(());
        }
        for channel in channels {
            let node = table.as_ref().and_then(|table| table.get(channel));
            let newly = node.is_some_and(|node| announce_leave(node));
            (*ac).c.sub.pending_unsubs += c_int::from(!newly);
            (*ac).unsubs_in_flight += 1;
        }
        Ok(())
    }
}

/// Marks a subscription as being left; tells whether it was not already.
unsafe fn announce_leave(mut node: NonNull<redisCallback>) -> bool {
    // SAFETY: the caller's node is in its table, and so live.
    let node = unsafe { node.as_mut() };
    core::mem::replace(&mut node.unsubscribe_sent, 1) == 0
}
