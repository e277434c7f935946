//! How an asynchronous context comes and goes.

use super::callbacks::{mark, release_node, release_spare, shift};
use super::silence::{ReplyMode, awaits_reply};
use super::timer::Timer;
use super::{
    AsyncContext, Life, Receiver, Transfers, callbacks, has_flag, hooks, in_callback, inner,
    mirror_error, run, subscriptions,
};
use crate::alloc;
use crate::context::{self, Kept};
use crate::error::Error;
use crate::layout::{
    ASYNC, REDIS_CONNECTED, REDIS_DISCONNECTING, REDIS_ERR, REDIS_FREEING, REDIS_IN_CALLBACK,
    REDIS_NO_AUTO_FREE, REDIS_OK, REDIS_OPT_NO_PUSH_AUTOFREE, REDIS_OPT_NONBLOCK,
    redisAsyncContext, redisCallbackList, redisOptions,
};
use crate::{one_thread, sds};
use core::ptr::{NonNull, null_mut};

/// Makes a context and begins to connect it. `None` where memory ran out or the connection type is
/// unknown; otherwise check `err`, which tells of failures that were immediate.
///
/// # Safety
/// `options` is live, and so is what it points to.
pub(crate) unsafe fn connect_with_options(
    options: *const redisOptions,
) -> Option<NonNull<redisAsyncContext>> {
    // SAFETY: the block is new.
    unsafe {
        let ac = new_block()?;
        let options = take_push_callback(ac, options);
        match context::connect_in(inner(ac), &raw const options) {
            Kept::Context(untried) => (*ac).untried = untried,
            Kept::Nothing => {
                alloc::release(ac);
                return None;
            }
        }
        (*ac).c.c.flags = (*ac).c.c.flags & !REDIS_CONNECTED | ASYNC;
        mirror_error(ac);
        NonNull::new(ac.cast())
    }
}

/// Makes a context that `begin_connect` is to connect, and keeps where to. As
/// `connect_with_options` otherwise, but that what is wrong already is told by `begin_connect`.
///
/// # Safety
/// As `connect_with_options`.
pub(crate) unsafe fn create_unconnected(
    options: *const redisOptions,
) -> Option<NonNull<AsyncContext>> {
    // SAFETY: the block is new.
    unsafe {
        let ac = new_block()?;
        let options = take_push_callback(ac, options);
        if context::create_unconnected_in(inner(ac), &raw const options).is_err() {
            alloc::release(ac);
            return None;
        }
        (*ac).c.c.flags = (*ac).c.c.flags & !REDIS_CONNECTED | ASYNC;
        mirror_error(ac);
        (*ac).c.err = 0;
        NonNull::new(ac)
    }
}

/// A block that is zeroed except where zeroes are no value.
unsafe fn new_block() -> Option<*mut AsyncContext> {
    let ac = alloc::zeroed::<AsyncContext>()?.as_ptr();
    // SAFETY: the block is ours, and large enough.
    unsafe {
        (&raw mut (*ac).untried).write(None);
        (&raw mut (*ac).timer).write(Timer::new());
        (&raw mut (*ac).reply_mode).write(ReplyMode::On);
        (&raw mut (*ac).spare).write(callbacks::Spare::new());
        (&raw mut (*ac).transfers).write(Transfers::default());
        (&raw mut (*ac).on_new_socket).write(None);
    }
    Some(ac)
}

/// The options of the inner context, whose pushes the asynchronous one takes.
unsafe fn take_push_callback(ac: *mut AsyncContext, options: *const redisOptions) -> redisOptions {
    // SAFETY: the caller's context and options are live.
    unsafe {
        let mut options = *options;
        options.options |= REDIS_OPT_NONBLOCK | REDIS_OPT_NO_PUSH_AUTOFREE;
        (*ac).c.push_cb = options.async_push_cb;
        options.push_cb = None;
        options
    }
}

/// Whether a callback of this context is running, so that events are not taken.
///
/// # Safety
/// `ac` is live.
pub(crate) unsafe fn is_in_callback(ac: *const AsyncContext) -> bool {
    // SAFETY: the caller's promise.
    unsafe { has_flag(ac, REDIS_IN_CALLBACK) }
}

/// `redisAsyncFree`: goes now, or when the callback that is running returns.
///
/// # Safety
/// `ac` is live; outside callbacks it is not used afterwards.
pub(crate) unsafe fn free(ac: *mut AsyncContext) {
    // SAFETY: the caller's promise.
    unsafe {
        (*ac).c.c.flags |= REDIS_FREEING;
        if !has_flag(ac, REDIS_IN_CALLBACK) {
            finish(ac);
        }
    }
}

/// `redisAsyncDisconnect`: goes once what was issued is sent and answered.
///
/// # Safety
/// As `free`.
pub(crate) unsafe fn disconnect(ac: *mut AsyncContext) {
    // SAFETY: the caller's promise.
    unsafe {
        (*ac).c.c.flags |= REDIS_DISCONNECTING;
        (*ac).c.c.flags &= !REDIS_NO_AUTO_FREE;
        if has_flag(ac, REDIS_IN_CALLBACK) {
            return;
        }
        if (*ac).torn_down {
            finish(ac);
        } else {
            let _ = disconnect_if_drained(ac);
        }
    }
}

/// Completes a disconnect that waits for nothing any more.
pub(super) unsafe fn disconnect_if_drained(ac: *mut AsyncContext) -> Life {
    // SAFETY: the caller's context is live.
    unsafe {
        let sent = sds::len((*ac).c.c.obuf) == 0 || (*ac).c.c.err != 0;
        let drained =
            has_flag(ac, REDIS_DISCONNECTING) && sent && !awaits_reply(&raw const (*ac).c.replies);
        if drained { tear_down(ac) } else { Life::Alive }
    }
}

/// `__redisAsyncDisconnect`: the connection is over, orderly or with the error in `c.err`. Leaves
/// the loop and, unless the program keeps disconnected contexts, frees.
///
/// # Safety
/// `ac` is live.
pub(crate) unsafe fn tear_down(ac: *mut AsyncContext) -> Life {
    // SAFETY: the caller's promise.
    unsafe {
        mirror_error(ac);
        if (*ac).c.err == 0 && awaits_reply(&raw const (*ac).c.replies) {
            // A transport gave up without saying why; the commands must not look answered.
            context::set_error(inner(ac), Error::Other("Transport failed without an error"));
            mirror_error(ac);
        }
        if (*ac).c.err != 0 {
            (*ac).c.c.flags |= REDIS_DISCONNECTING;
        }
        hooks::cleanup(ac);
        if has_flag(ac, REDIS_NO_AUTO_FREE) && !has_flag(ac, REDIS_FREEING) {
            (*ac).torn_down = true;
            return Life::Alive;
        }
        finish(ac);
        Life::Gone
    }
}

/// Runs what is left to run, in order, and frees everything.
pub(super) unsafe fn finish(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live and not used afterwards. While callbacks run, it stays.
    unsafe {
        if !has_flag(ac, REDIS_FREEING) {
            // No callback may issue anything from here on.
            (*ac).c.c.flags |= REDIS_DISCONNECTING;
        }
        fail_callbacks(ac);
        hooks::cleanup(ac);
        if has_flag(ac, REDIS_CONNECTED)
            && let Some(on_disconnect) = (*ac).c.onDisconnect
        {
            let asked_for = has_flag(ac, REDIS_FREEING) || (*ac).c.err == 0;
            let status = if asked_for { REDIS_OK } else { REDIS_ERR };
            in_callback(ac, || on_disconnect(ac.cast_const().cast(), status));
        }
        if let Some(data_cleanup) = (*ac).c.dataCleanup {
            let data = (*ac).c.data;
            in_callback(ac, || data_cleanup(data));
        }
        (*ac).untried = None;
        release_spare(ac);
        context::free_parts(inner(ac));
        one_thread::gone(ac);
        alloc::release(ac);
    }
}

/// Gives NULL to every callback still waiting: commands, commands issued while subscribed, and
/// subscriptions to channels, patterns and shard channels.
unsafe fn fail_callbacks(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        let waiting = &raw mut (*ac).c.sub.replies;
        fail_list(ac, &raw mut (*ac).c.replies);
        fail_list(ac, waiting);
        for table in [
            &raw mut (*ac).c.sub.channels,
            &raw mut (*ac).c.sub.patterns,
            &raw mut (*ac).shards,
        ] {
            subscriptions::drain(table, waiting);
            fail_list(ac, waiting);
        }
    }
}

/// Gives NULL to every callback of a list, and to those that are added meanwhile.
pub(super) unsafe fn fail_list(ac: *mut AsyncContext, list: *mut redisCallbackList) {
    // SAFETY: the caller's context and list are live; a node is out of the list when its callback
    // runs.
    unsafe {
        while let Some(node) = shift(list) {
            let (receiver, mark) = (Receiver::of(node), node.as_ref().unsubscribe_sent);
            release_node(ac, node);
            // The subscriptions of an SSUBSCRIBE are told, each on its own.
            if mark != mark::SHARDS {
                run(ac, receiver, null_mut());
            }
        }
    }
}
