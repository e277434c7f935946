//! Subscribing commands into the tables.

use super::callbacks::{mark, new_node, push, release_node};
use super::pubsub::{Target, names, place};
use super::subscriptions::{self, OutOfMemory, details};
use super::waiting::{Refusal, check_pending, waiting_list};
use super::{AsyncContext, Receiver, has_flag, inner};
use crate::layout::{REDIS_SUBSCRIBED, redisCallback};
use crate::resp::command::Arguments;
use core::ptr::NonNull;
use libc::c_int;

/// Enters a subscribing command.
pub(super) unsafe fn subscribe(
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
pub(super) unsafe fn unsubscribe(
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
