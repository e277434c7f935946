//! Connecting a context: keeps what was asked for, for reconnects, and takes the socket over.

use super::peer::remember;
use super::{Status, fail, is_blocking, options};
use crate::alloc;
use crate::error::Error;
use crate::layout::{
    CLOEXEC, REDIS_CONN_TCP, REDIS_CONN_UNIX, REDIS_CONNECTED, REDIS_PREFER_IPV4,
    REDIS_PREFER_IPV6, REDIS_REUSEADDR, redisContext,
};
use crate::net::{self, Addresses, Attempt, Deadline, Family, SocketAddress, TcpOptions};
use core::ffi::CStr;
use core::ptr::null_mut;
use libc::{c_char, c_int, timeval};

/// Addresses that an asynchronous connect may still try: the rest of them, and how many are done.
pub(crate) struct Untried {
    pub(crate) addresses: Addresses,
    pub(crate) tried: usize,
}

/// Connects to a TCP port. Non-blocking, returns the addresses left to try.
///
/// # Safety
/// `c` is live; the strings are NULL or NUL-terminated, `timeout` NULL or valid; each may be the
/// context's own.
pub(crate) unsafe fn connect_bind_tcp(
    c: *mut redisContext,
    host: *const c_char,
    port: c_int,
    timeout: *const timeval,
    source: *const c_char,
) -> Status<Untried> {
    // SAFETY: the caller's promises.
    unsafe {
        let deadline = keep_tcp(c, host, port, timeout, source)?;
        match Addresses::of_peer(text((*c).tcp.host), port, family(c)) {
            Ok(addresses) => connect_addresses(c, addresses, deadline),
            Err(code) => fail(c, Error::Resolve(code)),
        }
    }
}

/// Keeps where a TCP connection is to lead. Returns until when it is to stand.
///
/// # Safety
/// As `connect_bind_tcp`.
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

/// Connects to the addresses of a host. Non-blocking, returns those left to try.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn connect_addresses(
    c: *mut redisContext,
    addresses: Addresses,
    deadline: Deadline,
) -> Status<Untried> {
    // SAFETY: the context is live.
    unsafe {
        let attempt = net::connect_tcp(&addresses, 0, &tcp_options(c, deadline));
        let tried = attempt.tried;
        take_over(c, attempt)?;
        Ok(Untried { addresses, tried })
    }
}

/// How the context wants its socket. The strings are the context's own.
unsafe fn tcp_options<'a>(c: *mut redisContext, deadline: Deadline) -> TcpOptions<'a> {
    // SAFETY: the caller's context is live.
    unsafe {
        TcpOptions {
            blocking: is_blocking(c),
            cloexec: (*c).flags & CLOEXEC != 0,
            reuse_address: (*c).flags & REDIS_REUSEADDR != 0,
            source: text((*c).tcp.source_addr),
            deadline,
        }
    }
}

/// Connects to a unix socket.
///
/// # Safety
/// As `connect_bind_tcp`; `path` is not NULL.
pub(crate) unsafe fn connect_unix(
    c: *mut redisContext,
    path: *const c_char,
    timeout: *const timeval,
) -> Status {
    // SAFETY: the caller's promises.
    unsafe {
        let deadline = keep_unix(c, path, timeout)?;
        let path = text((*c).unix_sock.path).unwrap_or_default();
        let cloexec = (*c).flags & CLOEXEC != 0;
        take_over(
            c,
            net::connect_unix(path, is_blocking(c), cloexec, &deadline),
        )
    }
}

/// Keeps where a unix connection is to lead. Returns until when it is to stand.
///
/// # Safety
/// As `connect_unix`.
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

/// Goes on from a refused asynchronous connect to the next address, on a new socket, which may be
/// of another family.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn connect_next_anew(c: *mut redisContext, untried: &mut Untried) -> bool {
    // SAFETY: the context is live.
    unsafe {
        if untried.addresses.iter().nth(untried.tried).is_none() {
            return false;
        }
        super::net_close(c);
        let options = tcp_options(c, Deadline::after(None));
        let attempt = net::connect_tcp(&untried.addresses, untried.tried, &options);
        untried.tried += attempt.tried;
        let connecting = take_over(c, attempt).is_ok();
        (*c).flags &= !REDIS_CONNECTED;
        connecting
    }
}

/// Goes on from a refused asynchronous connect to the next address, on the same socket.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn connect_next(c: *mut redisContext, untried: &mut Untried) -> bool {
    // SAFETY: the context is live.
    unsafe {
        let Some(last) = (*c).saddr.as_ref() else {
            return false;
        };
        let family = c_int::from(last.sa_family);
        net::connect_next((*c).fd, family, &untried.addresses, &mut untried.tried)
            .is_some_and(|address| remember(c, &address).is_ok())
    }
}

/// Puts the outcome of an attempt into the context.
unsafe fn take_over(c: *mut redisContext, attempt: Attempt) -> Status {
    // SAFETY: the caller's context is live.
    unsafe {
        (*c).fd = attempt.fd;
        let kept = attempt
            .address
            .map_or(Ok(()), |address: SocketAddress| remember(c, &address));
        match attempt.result.and(kept) {
            Ok(()) => {
                (*c).flags |= REDIS_CONNECTED;
                Ok(())
            }
            Err(error) => fail(c, error),
        }
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
unsafe fn text<'a>(string: *const c_char) -> Option<&'a CStr> {
    // SAFETY: the caller's string is NULL or NUL-terminated, and outlives the use.
    unsafe { (!string.is_null()).then(|| CStr::from_ptr(string)) }
}
