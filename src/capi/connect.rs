//! `hiredis.h`: connecting, and what is set of a connection.

use super::read::status;
use crate::context::{self};
use crate::layout::{
    REDIS_CONN_TCP, REDIS_CONN_UNIX, REDIS_CONN_USERFD, REDIS_KEEPALIVE_INTERVAL,
    REDIS_OPT_NONBLOCK, REDIS_OPT_REUSEADDR, redisContext, redisFD, redisOptions,
    redisOptionsEndpoint, redisOptionsTcp, redisPushFn,
};
use crate::one_thread::Call;
use core::ptr::{NonNull, null, null_mut};
use libc::{c_char, c_int, c_uint, size_t, timeval};

/// Zeroed options for the given endpoint.
fn options(kind: c_int, flags: c_int, endpoint: redisOptionsEndpoint) -> redisOptions {
    redisOptions {
        r#type: kind,
        options: flags,
        connect_timeout: null(),
        command_timeout: null(),
        endpoint,
        privdata: null_mut(),
        free_privdata: None,
        push_cb: None,
        async_push_cb: None,
    }
}

/// Options for a TCP connection.
pub(super) fn tcp_options(
    ip: *const c_char,
    port: c_int,
    source_addr: *const c_char,
    flags: c_int,
) -> redisOptions {
    let tcp = redisOptionsTcp {
        source_addr,
        ip,
        port,
    };
    options(REDIS_CONN_TCP, flags, redisOptionsEndpoint { tcp })
}

/// Options for a unix connection.
pub(super) fn unix_options(path: *const c_char, flags: c_int) -> redisOptions {
    options(
        REDIS_CONN_UNIX,
        flags,
        redisOptionsEndpoint { unix_socket: path },
    )
}

/// Connects as `options` say; they are read during the call only.
///
/// Returns NULL when out of memory or when `options->type` is unknown; otherwise a context to be
/// freed with redisFree(), whose `err` and `errstr` tell whether connecting failed. A blocking
/// context is connected on return. A non-blocking one (REDIS_OPT_NONBLOCK) may still be connecting;
/// its failures show in later reads and writes.
///
/// # Safety
/// `options` and what it points to are valid.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisConnectWithOptions(
    options: *const redisOptions,
) -> *mut redisContext {
    // SAFETY: the caller's promise is passed on.
    unsafe { context::connect_with_options(options) }.map_or(null_mut(), NonNull::as_ptr)
}

/// Connects to a TCP port, blocking. `ip` is a host name or an address; NULL is the loopback.
/// Returns as redisConnectWithOptions().
///
/// # Safety
/// `ip` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisConnect(ip: *const c_char, port: c_int) -> *mut redisContext {
    // SAFETY: the options point to the caller's strings.
    unsafe { redisConnectWithOptions(&tcp_options(ip, port, null(), 0)) }
}

/// As redisConnect(), giving up after `tv`.
///
/// # Safety
/// As redisConnect().
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisConnectWithTimeout(
    ip: *const c_char,
    port: c_int,
    tv: timeval,
) -> *mut redisContext {
    let mut options = tcp_options(ip, port, null(), 0);
    options.connect_timeout = &raw const tv;
    // SAFETY: as above; the timeout outlives the call.
    unsafe { redisConnectWithOptions(&raw const options) }
}

/// As redisConnect(), without blocking, except for the resolution of host names.
///
/// # Safety
/// As redisConnect().
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisConnectNonBlock(
    ip: *const c_char,
    port: c_int,
) -> *mut redisContext {
    // SAFETY: as redisConnect().
    unsafe { redisConnectWithOptions(&tcp_options(ip, port, null(), REDIS_OPT_NONBLOCK)) }
}

/// As redisConnectNonBlock(), from the local address `source_addr`.
///
/// # Safety
/// The strings are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisConnectBindNonBlock(
    ip: *const c_char,
    port: c_int,
    source_addr: *const c_char,
) -> *mut redisContext {
    // SAFETY: as redisConnect().
    unsafe { redisConnectWithOptions(&tcp_options(ip, port, source_addr, REDIS_OPT_NONBLOCK)) }
}

/// As redisConnectBindNonBlock(), binding with `SO_REUSEADDR`.
///
/// # Safety
/// The strings are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisConnectBindNonBlockWithReuse(
    ip: *const c_char,
    port: c_int,
    source_addr: *const c_char,
) -> *mut redisContext {
    let flags = REDIS_OPT_NONBLOCK | REDIS_OPT_REUSEADDR;
    // SAFETY: as redisConnect().
    unsafe { redisConnectWithOptions(&tcp_options(ip, port, source_addr, flags)) }
}

/// Connects to a unix socket, blocking. Returns as redisConnectWithOptions(); a path too long for a
/// socket address is an error.
///
/// # Safety
/// `path` is NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisConnectUnix(path: *const c_char) -> *mut redisContext {
    // SAFETY: the options point to the caller's string.
    unsafe { redisConnectWithOptions(&unix_options(path, 0)) }
}

/// As redisConnectUnix(), giving up after `tv`.
///
/// # Safety
/// As redisConnectUnix().
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisConnectUnixWithTimeout(
    path: *const c_char,
    tv: timeval,
) -> *mut redisContext {
    let mut options = unix_options(path, 0);
    options.connect_timeout = &raw const tv;
    // SAFETY: as above; the timeout outlives the call.
    unsafe { redisConnectWithOptions(&raw const options) }
}

/// As redisConnectUnix(), without blocking.
///
/// # Safety
/// As redisConnectUnix().
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisConnectUnixNonBlock(path: *const c_char) -> *mut redisContext {
    // SAFETY: as redisConnectUnix().
    unsafe { redisConnectWithOptions(&unix_options(path, REDIS_OPT_NONBLOCK)) }
}

/// Makes a blocking context of a connected descriptor, which the context closes. It cannot
/// reconnect. Returns as redisConnectWithOptions().
///
/// # Safety
/// `fd` is the caller's to give away.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisConnectFd(fd: redisFD) -> *mut redisContext {
    // SAFETY: the options point to nothing.
    unsafe { redisConnectWithOptions(&options(REDIS_CONN_USERFD, 0, redisOptionsEndpoint { fd })) }
}

/// Drops the connection and everything buffered, and connects to the same address again.
///
/// Timeouts, callbacks, `privdata`, the reader's table and limits, keepalive and user timeout stay.
/// The transport goes back to plain sockets: a TLS session is to be initiated anew. Returns
/// REDIS_OK, or REDIS_ERR with `err` and `errstr` set.
///
/// # Safety
/// `c` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisReconnect(c: *mut redisContext) -> c_int {
    let _call = Call::begin(c, c"redisReconnect");
    // SAFETY: the caller's context is live.
    status(unsafe { context::reconnect(c) })
}

/// Bounds how long the context waits for a reply, from now on; zero switches the bound off. A
/// command whose time is up ends with REDIS_ERR_IO and errno EAGAIN.
///
/// Returns REDIS_ERR, with `err` untouched, on a context that does not block; REDIS_ERR with `err`
/// set where the kernel refuses the value. When `tv` is negative or its `tv_usec` is not below
/// 1,000,000, `err` is REDIS_ERR_IO, `Invalid timeout specified`, and errno EINVAL; the timeout stays as
/// it was and the connection is sound: the next call that sends, receives or issues a command forgets
/// the error.
///
/// # Safety
/// `c` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisSetTimeout(c: *mut redisContext, tv: timeval) -> c_int {
    let _call = Call::begin(c, c"redisSetTimeout");
    // SAFETY: the caller's context is live.
    status(unsafe {
        if context::is_blocking(c) {
            context::set_command_timeout(c, tv)
        } else {
            Err(())
        }
    })
}

/// Makes the kernel probe the connection when it is idle for 15 seconds.
///
/// Returns REDIS_OK; REDIS_ERR with `err` untouched on unix sockets; REDIS_ERR with `err` set where
/// the kernel refuses. The connection stays open in each case.
///
/// # Safety
/// `c` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisEnableKeepAlive(c: *mut redisContext) -> c_int {
    let _call = Call::begin(c, c"redisEnableKeepAlive");
    // SAFETY: the caller's context is live.
    status(unsafe { context::enable_keepalive(c, REDIS_KEEPALIVE_INTERVAL) })
}

/// As redisEnableKeepAlive(), with an interval of your own, in seconds.
///
/// # Safety
/// `c` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisEnableKeepAliveWithInterval(
    c: *mut redisContext,
    interval: c_int,
) -> c_int {
    let _call = Call::begin(c, c"redisEnableKeepAliveWithInterval");
    // SAFETY: the caller's context is live.
    status(unsafe { context::enable_keepalive(c, interval) })
}

/// Bounds how long sent data may stay unacknowledged (`TCP_USER_TIMEOUT`), in milliseconds.
///
/// Returns REDIS_OK, or REDIS_ERR with `err` set and the connection closed.
///
/// # Safety
/// `c` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisSetTcpUserTimeout(
    c: *mut redisContext,
    timeout: c_uint,
) -> c_int {
    let _call = Call::begin(c, c"redisSetTcpUserTimeout");
    // SAFETY: the caller's context is live.
    status(unsafe { context::set_user_timeout(c, timeout) })
}

/// Installs the function that takes RESP3 pushes, NULL to have them in-band, and returns the one
/// before. By default pushes are freed.
///
/// # Safety
/// `c` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisSetPushCallback(
    c: *mut redisContext,
    r#fn: Option<redisPushFn>,
) -> Option<redisPushFn> {
    let _call = Call::begin(c, c"redisSetPushCallback");
    // SAFETY: the caller's context is live.
    unsafe { core::mem::replace(&mut (*c).push_cb, r#fn) }
}

/// Bounds the commands that wait to be sent: `bytes` in the output buffer, 0 for no bound, as at
/// first. Of an asynchronous context, pass `&ac->c`. A command that would go beyond is refused with
/// nothing queued: REDIS_ERR or NULL, and errno is ENOBUFS. `err` is then REDIS_ERR_OOM, `Output limit
/// reached`, until the context is used again, for it is sound; that of an asynchronous context stays
/// 0. redisReconnect() keeps the limit.
///
/// # Safety
/// `c` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisSetMaxOutput(c: *mut redisContext, bytes: size_t) {
    let _call = Call::begin(c, c"redisSetMaxOutput");
    // SAFETY: the caller's context is live.
    unsafe { context::set_max_output(c, bytes) }
}

/// Closes the connection and frees the context with all it holds, `privdata` by `free_privdata`.
/// Replies handed out before stay valid. NULL is ignored.
///
/// # Safety
/// `c` is NULL or a live context, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisFree(c: *mut redisContext) {
    let _call = Call::begin(c, c"redisFree");
    if !c.is_null() {
        // SAFETY: the caller gives the context up.
        unsafe { context::free(c) }
    }
}

/// Frees the context but keeps its connection open; returns the descriptor, which is then the
/// caller's.
///
/// # Safety
/// As redisFree(), without NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisFreeKeepFd(c: *mut redisContext) -> redisFD {
    let _call = Call::begin(c, c"redisFreeKeepFd");
    // SAFETY: the caller gives the context up.
    unsafe { context::free_keep_fd(c) }
}
