//! What transports and wrapping libraries import although no installed header declares it.

use super::read::status;
use super::tables;
use crate::context;
use crate::error::set_errno;
use crate::layout::{REDIS_ERR, REDIS_OK, redisContext};
use core::ptr::{null, null_mut};
use libc::{c_char, c_int, c_uint, size_t, ssize_t, timeval};

/// Writes an error into the context: the code `type`, and `str` cut to 127 bytes; NULL is the text
/// of `errno`.
///
/// # Safety
/// `c` is a live context; `str` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __redisSetError(
    c: *mut redisContext,
    r#type: c_int,
    str: *const c_char,
) {
    // SAFETY: the caller's promises.
    unsafe { context::set_error_text(c, r#type, str) }
}

/// The `close` of the default transport.
///
/// # Safety
/// `c` is NULL or a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisNetClose(c: *mut redisContext) {
    // SAFETY: the caller's promise.
    unsafe { tables::net_close(c) }
}

/// The `read` of the default transport.
///
/// # Safety
/// `c` is a live context; `bufcap` bytes at `buf` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisNetRead(
    c: *mut redisContext,
    buf: *mut c_char,
    bufcap: size_t,
) -> ssize_t {
    // SAFETY: the caller's promises.
    unsafe { tables::net_read(c, buf, bufcap) }
}

/// The `write` of the default transport.
///
/// # Safety
/// `c` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisNetWrite(c: *mut redisContext) -> ssize_t {
    // SAFETY: the caller's promise.
    unsafe { tables::net_write(c) }
}

/// Fails with the error that the socket has met asynchronously, if any.
///
/// # Safety
/// `c` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisCheckSocketError(c: *mut redisContext) -> c_int {
    // SAFETY: the caller's promise.
    status(unsafe { context::check_socket_error(c) })
}

/// Tells by `*completed` whether a connect in progress has succeeded. REDIS_ERR when it has failed;
/// `errno` tells why.
///
/// # Safety
/// `c` is a live context that was connected without blocking; `completed` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisCheckConnectDone(
    c: *mut redisContext,
    completed: *mut c_int,
) -> c_int {
    // SAFETY: the caller's promises.
    unsafe {
        match context::check_connect_done(c) {
            Ok(done) => {
                *completed = c_int::from(done);
                REDIS_OK
            }
            Err(errno) => {
                set_errno(errno);
                REDIS_ERR
            }
        }
    }
}

/// Bounds blocking reads and writes.
///
/// # Safety
/// `c` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisContextSetTimeout(c: *mut redisContext, tv: timeval) -> c_int {
    // SAFETY: the caller's promise.
    status(unsafe { context::set_command_timeout(c, tv) })
}

/// As redisSetTcpUserTimeout().
///
/// # Safety
/// `c` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisContextSetTcpUserTimeout(
    c: *mut redisContext,
    timeout: c_uint,
) -> c_int {
    // SAFETY: the caller's promise.
    status(unsafe { context::set_user_timeout(c, timeout) })
}

/// Keeps a connect timeout for later connects; NULL removes it.
///
/// # Safety
/// `c` is a live context; `timeout` is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisContextUpdateConnectTimeout(
    c: *mut redisContext,
    timeout: *const timeval,
) -> c_int {
    // SAFETY: the caller's promises.
    status(unsafe { context::update_connect_timeout(c, timeout) })
}

/// Keeps a command timeout; NULL removes it.
///
/// # Safety
/// `c` is a live context; `timeout` is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisContextUpdateCommandTimeout(
    c: *mut redisContext,
    timeout: *const timeval,
) -> c_int {
    // SAFETY: the caller's promises.
    status(unsafe { context::update_command_timeout(c, timeout) })
}

/// Connects an existing context to a TCP port.
///
/// # Safety
/// `c` is a live, unconnected context; `addr` and `timeout` are NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisContextConnectTcp(
    c: *mut redisContext,
    addr: *const c_char,
    port: c_int,
    timeout: *const timeval,
) -> c_int {
    // SAFETY: the caller's promises.
    unsafe { redisContextConnectBindTcp(c, addr, port, timeout, null()) }
}

/// As redisContextConnectTcp(), from the local address `source_addr`.
///
/// # Safety
/// As redisContextConnectTcp(); `source_addr` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisContextConnectBindTcp(
    c: *mut redisContext,
    addr: *const c_char,
    port: c_int,
    timeout: *const timeval,
    source_addr: *const c_char,
) -> c_int {
    // SAFETY: the caller's promises.
    status(unsafe { context::connect_bind_tcp(c, addr, port, timeout, source_addr, null_mut()) })
}

/// Connects an existing context to a unix socket.
///
/// # Safety
/// `c` is a live, unconnected context; `path` is NUL-terminated, `timeout` NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisContextConnectUnix(
    c: *mut redisContext,
    path: *const c_char,
    timeout: *const timeval,
) -> c_int {
    // SAFETY: the caller's promises.
    status(unsafe { context::connect_unix(c, path, timeout) })
}

/// Makes the kernel probe an idle connection, after `interval` seconds.
///
/// # Safety
/// `c` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisKeepAlive(c: *mut redisContext, interval: c_int) -> c_int {
    // SAFETY: the caller's promise.
    status(unsafe { context::enable_keepalive(c, interval) })
}

/// Switches Nagle's algorithm off. The connection is closed where that fails.
///
/// # Safety
/// `c` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisSetTcpNoDelay(c: *mut redisContext) -> c_int {
    // SAFETY: the caller's promise.
    status(unsafe { context::set_nodelay(c) })
}
