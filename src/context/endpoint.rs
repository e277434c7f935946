//! Where a connection is to lead: kept in the context, for reconnects.

use super::{Status, fail, options};
use crate::alloc;
use crate::error::Error;
use crate::layout::{
    REDIS_CONN_TCP, REDIS_CONN_UNIX, REDIS_PREFER_IPV4, REDIS_PREFER_IPV6, redisContext,
};
use crate::net::{self, Deadline, Family};
use core::ffi::CStr;
use core::ptr::null_mut;
use libc::{c_char, c_int, timeval};

/// Keeps where a TCP connection is to lead. Returns until when it is to stand.
///
/// # Safety
/// `c` is live; the strings are NULL or NUL-terminated, `timeout` NULL or valid; each may be the
/// context's own.
pub(crate) unsafe fn keep_tcp(
    c: *mut redisContext,
    host: *const c_char,
    port: c_int,
    timeout: *const timeval,
    source: *const c_char,
) -> Status<Deadline> {
    // SAFETY: the caller's promises.
    unsafe {
        (*c).connection_type = REDIS_CONN_TCP;
        (*c).tcp.port = port;
        let kept = keep_string(&raw mut (*c).tcp.host, host)
            .and_then(|()| options::keep_timeout(&raw mut (*c).connect_timeout, timeout));
        if let Err(error) = kept {
            return fail(c, error);
        }
        let deadline = match net::connect_deadline((*c).connect_timeout.as_ref()) {
            Ok(deadline) => deadline,
            Err(error) => return fail(c, error),
        };
        match keep_string(&raw mut (*c).tcp.source_addr, source) {
            Ok(()) => Ok(deadline),
            Err(error) => fail(c, error),
        }
    }
}

/// Keeps where a unix connection is to lead. Returns until when it is to stand.
///
/// # Safety
/// As `keep_tcp`; `path` is not NULL.
pub(crate) unsafe fn keep_unix(
    c: *mut redisContext,
    path: *const c_char,
    timeout: *const timeval,
) -> Status<Deadline> {
    // SAFETY: the caller's promises.
    unsafe {
        (*c).connection_type = REDIS_CONN_UNIX;
        let kept = keep_string(&raw mut (*c).unix_sock.path, path)
            .and_then(|()| options::keep_timeout(&raw mut (*c).connect_timeout, timeout))
            .and_then(|()| net::connect_deadline((*c).connect_timeout.as_ref()));
        kept.or_else(|error| fail(c, error))
    }
}

/// Which addresses the context's flags ask for.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn family(c: *const redisContext) -> Family {
    // SAFETY: the caller's context is live.
    match unsafe { (*c).flags } & (REDIS_PREFER_IPV4 | REDIS_PREFER_IPV6) {
        REDIS_PREFER_IPV6 => Family::V6,
        0 | REDIS_PREFER_IPV4 => Family::V4,
        _ => Family::Any,
    }
}

/// Replaces a kept string by a copy of `value`, which may be that string itself.
unsafe fn keep_string(place: *mut *mut c_char, value: *const c_char) -> Result<(), Error> {
    // SAFETY: `place` holds NULL or a block of the allocator table; `value` is NULL or
    // NUL-terminated and read before the old string goes.
    unsafe {
        if value == (*place).cast_const() {
            return Ok(());
        }
        let copy = if value.is_null() {
            null_mut()
        } else {
            alloc::duplicate(value)
        };
        if copy.is_null() && !value.is_null() {
            return Err(Error::OutOfMemory);
        }
        alloc::release(*place);
        *place = copy;
    }
    Ok(())
}

/// A C string, if there is one.
pub(super) unsafe fn text<'a>(string: *const c_char) -> Option<&'a CStr> {
    // SAFETY: the caller's string is NULL or NUL-terminated, and outlives the use.
    unsafe { (!string.is_null()).then(|| CStr::from_ptr(string)) }
}
