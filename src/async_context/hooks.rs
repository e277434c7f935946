//! The event loop's hooks. Each is looked up anew at each use: programs change them at any time.

use super::timer;
use super::{AsyncContext, has_flag};
use crate::layout::{REDIS_TIMER_ALONE, WATCHES, redisConnectCallback, redisConnectCallbackNC};

/// Wants to be told when the socket is readable.
pub(super) unsafe fn add_read(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live; hooks are given for such calls.
    unsafe {
        timer::arm(ac);
        if let Some(add_read) = (*ac).c.ev.addRead {
            add_read((*ac).c.ev.data);
        }
    }
}

/// Wants to be told when the socket is writable.
pub(super) unsafe fn add_write(ac: *mut AsyncContext) {
    // SAFETY: as in `add_read`.
    unsafe {
        timer::arm(ac);
        if let Some(add_write) = (*ac).c.ev.addWrite {
            (*ac).write_armed = true;
            add_write((*ac).c.ev.data);
        }
    }
}

/// Whether the loop watches for the socket to become writable. A program that has taken the hook
/// away watches no more.
pub(super) unsafe fn watches_write(ac: *const AsyncContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe { (*ac).write_armed && (*ac).c.ev.addWrite.is_some() }
}

/// Has the loop watch a connect, whether anything was asked for yet or not.
///
/// # Safety
/// `ac` is live.
pub(crate) unsafe fn watch_connect(ac: *mut AsyncContext) {
    // SAFETY: the caller's promise.
    unsafe { add_write(ac) }
}

/// Whether the loop's timer fires although nothing else is of interest. The adapters of the C library
/// do not all have one that does, and nothing tells them from others.
pub(super) unsafe fn can_rest(ac: *const AsyncContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe { (*ac).c.ev.scheduleTimer.is_some() && has_flag(ac, REDIS_TIMER_ALONE) }
}

/// Has nothing to write any more.
pub(super) unsafe fn del_write(ac: *mut AsyncContext) {
    // SAFETY: as in `add_read`.
    unsafe {
        (*ac).write_armed = false;
        if let Some(del_write) = (*ac).c.ev.delWrite {
            del_write((*ac).c.ev.data);
        }
    }
}

/// Leaves the loop, once. Hooks are gone afterwards; `data` stays, because programs read it in the
/// callbacks that follow.
pub(super) unsafe fn cleanup(ac: *mut AsyncContext) {
    // SAFETY: as in `add_read`; the hooks go first, so that nothing calls them again.
    unsafe {
        let ev = &mut (*ac).c.ev;
        let cleanup = ev.cleanup.take();
        (*ac).on_new_socket = None;
        if let Some(cleanup) = cleanup {
            ev.addRead = None;
            ev.delRead = None;
            ev.addWrite = None;
            ev.delWrite = None;
            ev.scheduleTimer = None;
            let data = ev.data;
            cleanup(data);
        }
    }
}

/// A connect callback, of either type.
pub(crate) enum OnConnect {
    Const(Option<redisConnectCallback>),
    Mutable(Option<redisConnectCallbackNC>),
}

/// `redisAsyncSetConnectCallback` and its twin: takes the callback unless there is one, and has the
/// loop watch the connect.
///
/// # Safety
/// `ac` is live.
pub(crate) unsafe fn set_connect_callback(
    ac: *mut AsyncContext,
    callback: OnConnect,
) -> Result<(), ()> {
    // SAFETY: the caller's promise.
    unsafe {
        if (*ac).c.onConnect.is_some() || (*ac).c.onConnectNC.is_some() {
            return Err(());
        }
        match callback {
            OnConnect::Const(callback) => (*ac).c.onConnect = callback,
            OnConnect::Mutable(callback) => (*ac).c.onConnectNC = callback,
        }
        if has_flag(ac, WATCHES) {
            add_read(ac);
        } else {
            // The socket becomes writable when the connect is done.
            add_write(ac);
        }
        Ok(())
    }
}
