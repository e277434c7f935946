//! How an asynchronous context comes and goes.

use super::deliver::free_reply;
use super::dispatch;
use super::drain::Drain;
use super::events::send;
use super::lists::{self, Spare, release_spare};
use super::pending::Pending;
use super::timer::Timer;
use super::{
    AsyncContext, Flow, Receiver, Transfers, has_flag, hooks, in_callback, inner, mirror_error,
    run, watch,
};
use crate::alloc;
use crate::context::{self, Kept};
use crate::error::Error;
use crate::layout::{
    ASYNC, REDIS_CONNECTED, REDIS_DISCONNECTING, REDIS_ERR, REDIS_FREEING, REDIS_IN_CALLBACK,
    REDIS_NO_AUTO_FREE, REDIS_OK, REDIS_OPT_NO_PUSH_AUTOFREE, REDIS_OPT_NONBLOCK,
    redisAsyncContext, redisOptions,
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
        let rest = &raw mut (*ac).untried;
        match context::connect_in(inner(ac), &raw const options, rest) {
            Kept::Context => {}
            Kept::Nothing => {
                alloc::release(ac);
                return None;
            }
        }
        become_async(ac);
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
        become_async(ac);
        (*ac).c.err = 0;
        NonNull::new(ac)
    }
}

/// What is to be said of a context once the inner one is made.
unsafe fn become_async(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        let c = inner(ac);
        (*c).flags = (*c).flags & !REDIS_CONNECTED | ASYNC;
        if (*c).err == 0 {
            // The outcome is in `err`.
            let _ = context::check_command_timeout(c);
        }
        mirror_error(ac);
    }
}

/// A block that is zeroed except where zeroes are no value.
unsafe fn new_block() -> Option<*mut AsyncContext> {
    let ac = alloc::zeroed::<AsyncContext>()?.as_ptr();
    // SAFETY: the block is ours, and large enough.
    unsafe {
        (&raw mut (*ac).untried).write(None);
        (&raw mut (*ac).timer).write(Timer::new());
        (&raw mut (*ac).pending).write(Pending::new());
        (&raw mut (*ac).spare).write(Spare::new());
        (&raw mut (*ac).feed).write(Receiver::NONE);
        (&raw mut (*ac).drain).write(Drain::NONE);
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

/// `redisAsyncDisconnect`: goes once what was issued is sent and answered; within the call, if the
/// socket takes everything and no reply is owed. A context that the program keeps after an error, and
/// of which commands are still to be told, is left to `redisAsyncFree`.
///
/// # Safety
/// As `free`.
pub(crate) unsafe fn disconnect(ac: *mut AsyncContext) {
    // SAFETY: the caller's promise; the context is not used after `Flow::Stop`.
    unsafe {
        (*ac).c.c.flags |= REDIS_DISCONNECTING;
        (*ac).c.c.flags &= !REDIS_NO_AUTO_FREE;
        watch::forget_refusal(ac);
        if has_flag(ac, REDIS_IN_CALLBACK) {
            return;
        }
        if (*ac).torn_down {
            if (*ac).c.replies.head.is_null() {
                finish(ac);
            }
            return;
        }
        if send_rest(ac) == Flow::Continue && dispatch::finish_sent(ac) == Flow::Continue {
            let _ = disconnect_if_drained(ac);
        }
    }
}

/// Sends at once what is to be sent before a disconnect.
unsafe fn send_rest(ac: *mut AsyncContext) -> Flow {
    // SAFETY: the caller's context is live, and not used after `Flow::Stop`.
    unsafe {
        let c = inner(ac);
        if !has_flag(ac, REDIS_CONNECTED) || (*c).err != 0 || sds::len((*c).obuf) == 0 {
            return Flow::Continue;
        }
        match send(ac) {
            Err(()) => return dispatch::hang_up(ac),
            Ok(true) => {}
            Ok(false) => hooks::add_write(ac),
        }
    }
    Flow::Continue
}

/// Completes a disconnect that waits for nothing any more.
pub(super) unsafe fn disconnect_if_drained(ac: *mut AsyncContext) -> Flow {
    // SAFETY: the caller's context is live.
    unsafe {
        let sent = sds::len((*ac).c.c.obuf) == 0 || (*ac).c.c.err != 0;
        if has_flag(ac, REDIS_DISCONNECTING) && sent && !lists::is_reply_awaited(ac) {
            tear_down(ac)
        } else {
            Flow::Continue
        }
    }
}

/// `__redisAsyncDisconnect`: the connection is over, orderly or with the error in `c.err`. Leaves
/// the loop and, unless the program keeps disconnected contexts, frees.
///
/// # Safety
/// `ac` is live.
pub(crate) unsafe fn tear_down(ac: *mut AsyncContext) -> Flow {
    // SAFETY: the caller's promise.
    unsafe {
        mirror_error(ac);
        if (*ac).c.err == 0 && lists::is_reply_awaited(ac) {
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
            return Flow::Stop;
        }
        finish(ac);
        Flow::Stop
    }
}

/// Runs what is left to run, in order, and frees everything. Each step leaves the context before its
/// callback runs: if the callback leaves by an exception or longjmp, `redisAsyncFree` goes on behind.
pub(super) unsafe fn finish(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live and not used afterwards. While callbacks run, it stays.
    unsafe {
        if !has_flag(ac, REDIS_FREEING) {
            // No callback may issue anything from here on.
            (*ac).c.c.flags |= REDIS_DISCONNECTING;
        }
        (*ac).torn_down = true;
        fail_callbacks(ac);
        hooks::cleanup(ac);
        if has_flag(ac, REDIS_CONNECTED)
            && let Some(on_disconnect) = (*ac).c.onDisconnect.take()
        {
            let asked_for = has_flag(ac, REDIS_FREEING) || (*ac).c.err == 0;
            let status = if asked_for { REDIS_OK } else { REDIS_ERR };
            in_callback(ac, || on_disconnect(ac.cast_const().cast(), status));
        }
        if let Some(data_cleanup) = (*ac).c.dataCleanup.take() {
            let data = (*ac).c.data;
            in_callback(ac, || data_cleanup(data));
        }
        (*ac).untried = None;
        (*ac).pending = Pending::new();
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
        if let Some(held) = NonNull::new(core::mem::replace(&mut (*ac).held, null_mut())) {
            free_reply(ac, held);
        }
        lists::fail_all(ac, &raw mut (*ac).c.replies);
        lists::fail_all(ac, &raw mut (*ac).c.sub.replies);
        while let Some(receiver) = (*ac).pending.end_next() {
            run(ac, receiver.unwrap_or(Receiver::NONE), null_mut());
        }
    }
}
