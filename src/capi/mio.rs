//! `adapters/mio.h`: the loop for programs that have none.

use crate::error::set_errno;
use crate::event_loop::{self, Driver, EventLoop, Function, Key};
use crate::layout::{REDIS_ERR, REDIS_OK, redisAsyncContext, redisOptions};
use crate::net;
use core::ptr::{NonNull, null_mut};
use libc::{c_int, c_ulonglong, c_void, size_t, timeval};
use mio::Token;
use std::io;
use std::time::Duration;

/// A loop. Belongs to one thread, except for redisMioPost(), redisMioSetPostLimit() and redisMioStop().
#[repr(C)]
#[allow(missing_debug_implementations, reason = "nothing is known of it")]
pub struct redisMioLoop {
    _private: [u8; 0],
}

/// A function for the loop to call.
#[allow(non_camel_case_types, reason = "it is a C type's name")]
pub type redisMioFn = unsafe extern "C-unwind" fn(data: *mut c_void);

fn own(event_loop: *mut redisMioLoop) -> Option<NonNull<EventLoop>> {
    NonNull::new(event_loop.cast())
}

/// The status of a wait that has failed, for the reason in `errno`.
fn failed(error: &io::Error) -> c_int {
    if let Some(errno) = error.raw_os_error() {
        set_errno(errno);
    }
    REDIS_ERR
}

/// Makes a loop. NULL when memory or descriptors are short.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn redisMioLoopCreate() -> *mut redisMioLoop {
    EventLoop::create().map_or(null_mut(), |event_loop| event_loop.as_ptr().cast())
}

/// Frees the contexts that are still attached, as redisAsyncFree() does, and then the loop. Tasks
/// and timers that are left are not called. Not for functions that the loop itself calls. NULL is
/// ignored. If a callback leaves by an exception, the loop is still there: free it again.
///
/// # Safety
/// `loop` is NULL or a live loop that does not run, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisMioLoopFree(r#loop: *mut redisMioLoop) {
    if let Some(event_loop) = own(r#loop) {
        // SAFETY: the caller's promise.
        unsafe { EventLoop::free(event_loop) }
    }
}

/// Attaches a context that another function has made, before callbacks are set and commands issued.
///
/// Returns REDIS_ERR, and leaves the context as it was, when it is attached already, has no socket,
/// or memory is short.
///
/// # Safety
/// `ac` is a live context, `loop` a live loop of this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisMioAttach(
    ac: *mut redisAsyncContext,
    r#loop: *mut redisMioLoop,
) -> c_int {
    let Some(event_loop) = own(r#loop) else {
        return REDIS_ERR;
    };
    let token = |key: Key| Token(key.to_bits() as usize);
    // SAFETY: the caller's promises.
    let attached = unsafe { Driver::attach(EventLoop::driver(event_loop), ac, token) };
    if attached.is_ok() {
        REDIS_OK
    } else {
        REDIS_ERR
    }
}

/// Makes a context on the loop, which then connects it: looks the host's name up without waiting
/// for it, and tries all its addresses of all families in turn, those first that `options` prefer
/// (IPv4 by default). All that fails is told by the connect callback. `connect_timeout` bounds
/// everything together.
///
/// Returns NULL only when memory is short or `options->type` is unknown. Set callbacks and issue
/// commands at once; the context has no socket before the connect callback is called.
///
/// # Safety
/// `loop` is a live loop of this thread; `options` and what it points to are valid.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisMioConnect(
    r#loop: *mut redisMioLoop,
    options: *const redisOptions,
) -> *mut redisAsyncContext {
    own(r#loop)
        // SAFETY: the caller's promises.
        .and_then(|event_loop| unsafe { event_loop::connect(event_loop, options) })
        .map_or(null_mut(), NonNull::as_ptr)
}

/// Runs until redisMioStop(), or until nothing is left that could happen: no context attached, no
/// timer set, no task posted. A program whose other threads post later keeps a timer set meanwhile.
///
/// Returns REDIS_OK, or REDIS_ERR when the system could not wait (`errno` tells why).
///
/// # Safety
/// `loop` is a live loop of this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisMioRun(r#loop: *mut redisMioLoop) -> c_int {
    let Some(event_loop) = own(r#loop) else {
        return REDIS_ERR;
    };
    // SAFETY: the caller's promise.
    match unsafe { EventLoop::run(event_loop) } {
        Ok(()) => REDIS_OK,
        Err(error) => failed(&error),
    }
}

/// Waits up to `timeout_ms` milliseconds (0: not at all; negative: for ever) for something to do,
/// and does it. A signal ends the wait.
///
/// Returns how much was done, 0 when the time has passed, or REDIS_ERR as redisMioRun().
///
/// # Safety
/// As redisMioRun().
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisMioRunOnce(
    r#loop: *mut redisMioLoop,
    timeout_ms: c_int,
) -> c_int {
    let Some(event_loop) = own(r#loop) else {
        return REDIS_ERR;
    };
    let limit = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
    // SAFETY: the caller's promise.
    match unsafe { EventLoop::run_once(event_loop, limit) } {
        Ok(done) => c_int::try_from(done).unwrap_or(c_int::MAX),
        Err(error) => failed(&error),
    }
}

/// Has redisMioRun() return, or return at once when it is called next. Also for other threads and
/// for signal handlers. Ends the wait of redisMioRunOnce().
///
/// # Safety
/// `loop` is a live loop.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisMioStop(r#loop: *mut redisMioLoop) {
    if let Some(event_loop) = own(r#loop) {
        // SAFETY: the caller's promise.
        unsafe { EventLoop::stop(event_loop) }
    }
}

/// Has the loop call `fn(data)`, in the order of posting. Also for other threads.
///
/// Returns REDIS_ERR, and calls nothing, when memory is short (errno ENOMEM) or as many tasks wait as
/// redisMioSetPostLimit() allows (errno ENOBUFS).
///
/// # Safety
/// `loop` is a live loop.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisMioPost(
    r#loop: *mut redisMioLoop,
    r#fn: Option<redisMioFn>,
    data: *mut c_void,
) -> c_int {
    let (Some(event_loop), Some(function)) = (own(r#loop), r#fn) else {
        return REDIS_ERR;
    };
    // SAFETY: the caller's promise.
    match unsafe { EventLoop::post(event_loop, Function { function, data }) } {
        Ok(()) => REDIS_OK,
        Err(errno) => {
            set_errno(errno);
            REDIS_ERR
        }
    }
}

/// Bounds how many functions given to redisMioPost() may wait to be called; 0 for no bound, as at
/// first. A function counts until the loop calls it. Those that wait already stay, even if they are
/// more. Also for other threads.
///
/// # Safety
/// `loop` is a live loop.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisMioSetPostLimit(r#loop: *mut redisMioLoop, tasks: size_t) {
    if let Some(event_loop) = own(r#loop) {
        // SAFETY: the caller's promise.
        unsafe { EventLoop::set_max_tasks(event_loop, tasks) }
    }
}

/// Has the loop call `fn(data)` once, after a time.
///
/// Returns a number for redisMioTimerCancel(), or 0 when `after` is not valid or memory is short.
///
/// # Safety
/// `loop` is a live loop of this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisMioTimerAdd(
    r#loop: *mut redisMioLoop,
    after: timeval,
    r#fn: Option<redisMioFn>,
    data: *mut c_void,
) -> c_ulonglong {
    let (Some(event_loop), Some(function)) = (own(r#loop), r#fn) else {
        return 0;
    };
    let Some(after) = net::duration(&after) else {
        return 0;
    };
    // SAFETY: the caller's promise.
    unsafe { EventLoop::add_timer(event_loop, after, Function { function, data }) }
        .map_or(0, Key::to_bits)
}

/// Takes a timer back.
///
/// Returns REDIS_ERR when it was called or taken back before; such a number is never used again.
///
/// # Safety
/// `loop` is a live loop of this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisMioTimerCancel(
    r#loop: *mut redisMioLoop,
    timer: c_ulonglong,
) -> c_int {
    let Some(event_loop) = own(r#loop) else {
        return REDIS_ERR;
    };
    // SAFETY: the caller's promise.
    if unsafe { EventLoop::cancel_timer(event_loop, Key::from_bits(timer)) } {
        REDIS_OK
    } else {
        REDIS_ERR
    }
}
