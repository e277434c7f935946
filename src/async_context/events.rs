//! What an event loop reports: readable, writable, timed out.

use super::connect::{self, Progress};
use super::dispatch::{hang_up, process_callbacks};
use super::lifecycle::{self, disconnect_if_drained, tear_down};
use super::timer::{self, Due};
use super::{AsyncContext, Life, has_flag, hooks, inner, mirror_error, silence};
use crate::context;
use crate::error::Error;
use crate::layout::{REDIS_CONNECTED, REDIS_ERR, REDIS_IN_CALLBACK, redisCallbackList};
use crate::one_thread::Call;
use core::ptr::null_mut;

/// `redisAsyncHandleRead`: the socket is readable. Nothing happens within a callback.
///
/// # Safety
/// `ac` is live, and not used afterwards without knowing that it still is.
pub(crate) unsafe fn handle_read(ac: *mut AsyncContext) {
    let _call = Call::begin(ac, c"redisAsyncHandleRead");
    // SAFETY: the caller's promise.
    unsafe {
        if is_ready(ac)
            && let Some(read) = (*(*ac).c.c.funcs).async_read
        {
            arm_for_transport(ac);
            read(ac.cast());
        }
    }
}

/// `redisAsyncHandleWrite`: the socket is writable. Nothing happens within a callback.
///
/// # Safety
/// As `handle_read`.
pub(crate) unsafe fn handle_write(ac: *mut AsyncContext) {
    let _call = Call::begin(ac, c"redisAsyncHandleWrite");
    // SAFETY: the caller's promise.
    unsafe {
        if is_ready(ac)
            && let Some(write) = (*(*ac).c.c.funcs).async_write
        {
            arm_for_transport(ac);
            write(ac.cast());
        }
    }
}

/// Whether the transport may read or write now; sees to the connect before.
unsafe fn is_ready(ac: *mut AsyncContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe {
        is_in_use(ac)
            && (has_flag(ac, REDIS_CONNECTED)
                || matches!(connect::advance(ac), Progress::Connected))
    }
}

/// Sees to the timer on behalf of a transport that calls the loop's hooks itself.
unsafe fn arm_for_transport(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        if !context::async_write_is_default(inner(ac)) {
            timer::arm(ac);
        }
    }
}

/// Whether events mean anything: not within a callback, and not on a disconnected context that the
/// program keeps.
unsafe fn is_in_use(ac: *const AsyncContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe { !has_flag(ac, REDIS_IN_CALLBACK) && !(*ac).torn_down }
}

/// `redisAsyncRead`: the default transport's `async_read`.
///
/// # Safety
/// As `handle_read`.
pub(crate) unsafe fn default_read(ac: *mut AsyncContext) {
    // SAFETY: the caller's promise.
    unsafe {
        let plain = context::reads_socket(inner(ac));
        let Ok(received) = context::buffer_read(inner(ac)) else {
            let _ = tear_down(ac);
            return;
        };
        (*ac).transfers.read = plain.then(|| received.into());
        hooks::add_read(ac);
        process_callbacks(ac);
    }
}

/// `redisAsyncWrite`: the default transport's `async_write`.
///
/// # Safety
/// As `handle_read`.
pub(crate) unsafe fn default_write(ac: *mut AsyncContext) {
    // SAFETY: the caller's promise; the context is not used after it is gone.
    unsafe {
        let Ok(done) = send(ac) else {
            let _ = hang_up(ac);
            return;
        };
        if done {
            hooks::del_write(ac);
        } else {
            hooks::add_write(ac);
        }
        hooks::add_read(ac);
        if silence::finish_sent(ac) == Life::Alive && disconnect_if_drained(ac) == Life::Alive {
            check_deadline(ac);
        }
    }
}

/// Sends once what there is to send; whether that was everything.
pub(super) unsafe fn send(ac: *mut AsyncContext) -> Result<bool, ()> {
    // SAFETY: the caller's context is live.
    unsafe {
        let plain = context::writes_socket(inner(ac));
        let done = context::buffer_write(inner(ac))?;
        (*ac).transfers.written = plain.then_some(done);
        Ok(done)
    }
}

/// Times out where the deadline has passed although the loop's timer, which activity may put off,
/// has not said so.
pub(super) unsafe fn check_deadline(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        if !(*ac).torn_down
            && let Due::Now = timer::watched(ac)
        {
            time_out(ac);
        }
    }
}

/// `redisAsyncHandleTimeout`: the loop's timer fired. Nothing happens within a callback.
///
/// # Safety
/// As `handle_read`.
pub(crate) unsafe fn handle_timeout(ac: *mut AsyncContext) {
    let _call = Call::begin(ac, c"redisAsyncHandleTimeout");
    // SAFETY: the caller's promise.
    unsafe {
        if is_in_use(ac) && timer::has_expired(ac) {
            time_out(ac);
        }
    }
}

/// Ends a context that waited too long.
unsafe fn time_out(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        if (*ac).c.c.err == 0 {
            context::set_error(inner(ac), Error::Timeout("Timeout"));
            mirror_error(ac);
        }
        if !has_flag(ac, REDIS_CONNECTED) {
            connect::report(ac, REDIS_ERR);
        }
        // Commands that these callbacks issue are failed with the rest of the context, when none
        // is accepted any more: otherwise one that issues itself again would go on for ever.
        let mut waiting = core::mem::replace(
            &mut (*ac).c.replies,
            redisCallbackList {
                head: null_mut(),
                tail: null_mut(),
            },
        );
        lifecycle::fail_list(ac, &raw mut waiting);
        let _ = tear_down(ac);
    }
}
