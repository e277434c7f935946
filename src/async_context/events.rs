//! What an event loop reports: readable, writable, timed out.

use super::connect::{self, Progress};
use super::dispatch::{finish_sent, process_callbacks};
use super::drain::send_and_report;
use super::lifecycle::{disconnect_if_drained, tear_down};
use super::timer::{self, Due};
use super::{AsyncContext, Flow, has_flag, hooks, inner, lists, mirror_error};
use crate::context;
use crate::error::Error;
use crate::layout::{REDIS_CONNECTED, REDIS_ERR, REDIS_IN_CALLBACK};
use crate::net;
use crate::one_thread::Call;

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
#[inline(always)]
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

/// Whether events mean anything: not within a callback, and not on a disconnected context.
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
        let Ok(done) = send_and_report(ac) else {
            return;
        };
        if done {
            hooks::del_write(ac);
        } else {
            hooks::add_write(ac);
        }
        hooks::add_read(ac);
        if finish_sent(ac) == Flow::Continue && disconnect_if_drained(ac) == Flow::Continue {
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

/// Times out if the deadline has passed although the loop's timer, which activity may put off, has not
/// said so, or has said so before what had arrived was read.
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

/// `redisAsyncHandleTimeout`: the loop's timer fired. Within a callback the timer is set again. What
/// has arrived counts: it is read before the context times out.
///
/// # Safety
/// As `handle_read`.
pub(crate) unsafe fn handle_timeout(ac: *mut AsyncContext) {
    let _call = Call::begin(ac, c"redisAsyncHandleTimeout");
    // SAFETY: the caller's promise; the context is not used after it may be gone.
    unsafe {
        if has_flag(ac, REDIS_IN_CALLBACK) {
            timer::put_off(ac);
            return;
        }
        if !is_in_use(ac) {
            return;
        }
        if timer::take_try(ac) {
            try_again(ac);
            return;
        }
        if !timer::has_expired(ac) {
            return;
        }
        let read_first = if has_flag(ac, REDIS_CONNECTED) {
            read_arrived(ac)
        } else {
            conclude_connect(ac)
        };
        if !read_first {
            time_out(ac);
        }
    }
}

/// Reads what has arrived by the end of a wait, once for each wait. Whether there was anything: then
/// the deadline was checked behind it, and the context may be gone.
unsafe fn read_arrived(ac: *mut AsyncContext) -> bool {
    // SAFETY: the caller's context is live, and not used after the transport was called.
    unsafe {
        let funcs = (*ac).c.c.funcs;
        let Some(read) = (*funcs).async_read else {
            return false;
        };
        if !net::has_arrived((*ac).c.c.fd) || !timer::report(ac) {
            return false;
        }
        read(ac.cast());
    }
    true
}

/// Concludes a connect that is done by the end of its wait. Whether it was, or has failed: then the
/// context may be gone.
unsafe fn conclude_connect(ac: *mut AsyncContext) -> bool {
    // SAFETY: the caller's context is live, and not used after the transport was called.
    unsafe {
        if (*ac).c.c.fd < 0 {
            return false;
        }
        let done = context::check_connect_done(inner(ac));
        if done == Ok(false) {
            return false;
        }
        if let Progress::Connected = connect::conclude(ac, done)
            && let Some(write) = (*(*ac).c.c.funcs).async_write
        {
            arm_for_transport(ac);
            write(ac.cast());
        }
    }
    true
}

/// Asks a unix listener that had no room again. The context may be gone then.
unsafe fn try_again(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live, and not used after it may be gone.
    unsafe {
        if !conclude_connect(ac) {
            connect::await_room(ac);
        }
    }
}

/// Ends a context that waited too long.
pub(super) unsafe fn time_out(ac: *mut AsyncContext) {
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
        let end = (*ac).pending.next();
        lists::fail_replies(ac, end);
        let _ = tear_down(ac);
    }
}
