//! The hooks by which a context tells its attachment what it wants.

use super::attachment::Attachment;
use super::driver::Driver;
use crate::async_context::{AsyncContext, OnNewSocket};
use crate::layout::{REDIS_TIMER_ALONE, redisAsyncEvents};
use crate::net;
use core::ptr::null_mut;
use libc::{c_int, c_void, timeval};
use std::time::Instant;

/// The hooks' argument.
fn own(data: *mut c_void) -> *mut Attachment {
    data.cast()
}

unsafe extern "C-unwind" fn add_read(data: *mut c_void) {
    // SAFETY: the context calls this while it is attached.
    unsafe {
        let this = own(data);
        (*this).interest.read = true;
        Driver::wake((*this).driver, this);
    }
}

unsafe extern "C-unwind" fn del_read(data: *mut c_void) {
    // SAFETY: as in `add_read`.
    unsafe { (*own(data)).interest.read = false }
}

unsafe extern "C-unwind" fn add_write(data: *mut c_void) {
    // SAFETY: as in `add_read`.
    unsafe {
        let this = own(data);
        (*this).interest.write = true;
        Driver::wake((*this).driver, this);
    }
}

unsafe extern "C-unwind" fn del_write(data: *mut c_void) {
    // SAFETY: as in `add_read`.
    unsafe { (*own(data)).interest.write = false }
}

unsafe extern "C-unwind" fn schedule_timer(data: *mut c_void, after: timeval) {
    // SAFETY: as in `add_read`.
    unsafe {
        let this = own(data);
        // A time so far away that the clock cannot tell never comes.
        (*this).deadline =
            net::duration(&after).and_then(|after| Instant::now().checked_add(after));
        Driver::set_timer((*this).driver, this);
    }
}

unsafe extern "C-unwind" fn cleanup(data: *mut c_void) {
    // SAFETY: as in `add_read`; the context calls none of the hooks again.
    unsafe { Driver::forget((*own(data)).driver, own(data)) }
}

/// The private hook: the context has a new socket.
unsafe fn watch_new_socket(data: *mut c_void) -> Result<(), c_int> {
    // SAFETY: as in `add_read`.
    unsafe {
        let this = own(data);
        let registry = Driver::registry((*this).driver);
        (*this)
            .register(registry)
            .map_err(|error| error.raw_os_error().unwrap_or(libc::EINVAL))
    }
}

/// Gives the attachment's hooks to its context.
pub(super) unsafe fn set_hooks(this: *mut Attachment) {
    // SAFETY: the caller's attachment and its context are live.
    unsafe {
        let context = (*this).context;
        (*context).c.ev = redisAsyncEvents {
            data: this.cast(),
            addRead: Some(add_read),
            delRead: Some(del_read),
            addWrite: Some(add_write),
            delWrite: Some(del_write),
            cleanup: Some(cleanup),
            scheduleTimer: Some(schedule_timer),
        };
        (*context).c.c.flags |= REDIS_TIMER_ALONE;
        (*context).on_new_socket = Some(OnNewSocket {
            function: watch_new_socket,
            data: this.cast(),
        });
    }
}

/// Takes them away, so that the context is as before it was attached.
pub(super) unsafe fn clear_hooks(context: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        (*context).c.ev = redisAsyncEvents {
            data: null_mut(),
            addRead: None,
            delRead: None,
            addWrite: None,
            delWrite: None,
            cleanup: None,
            scheduleTimer: None,
        };
        (*context).on_new_socket = None;
    }
}
