//! `async.h`: the asynchronous API.

use super::connect::{tcp_options, unix_options};
use super::hiredis::bytes;
use super::read::status;
use super::tables;
use crate::async_context::{self, AsyncContext, OnConnect, Receiver, Watch};
use crate::context::{self, Command};
use crate::error::set_errno;
use crate::format::VaList;
use crate::layout::{
    REDIS_ERR, REDIS_OK, REDIS_OPT_REUSEADDR, redisAsyncContext, redisAsyncDrainFn,
    redisAsyncPushFn, redisAsyncWatchFn, redisCallbackFn, redisConnectCallback,
    redisConnectCallbackNC, redisDisconnectCallback, redisFD, redisOptions,
};
use crate::one_thread::Call;
use core::ptr::{NonNull, null, null_mut};
use libc::{EINVAL, ENOMEM, c_char, c_int, c_void, size_t, timeval};

/// Begins to connect as `options` say; they are read during the call only, and REDIS_OPT_NONBLOCK
/// is understood.
///
/// Returns NULL when out of memory or when `options->type` is unknown. Otherwise attach the context
/// to an event loop with an adapter; a non-zero `err` tells of a failure that was immediate, and
/// only redisAsyncFree() is of use then. Host names are resolved before the call returns.
///
/// # Safety
/// `options` and what it points to are valid.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncConnectWithOptions(
    options: *const redisOptions,
) -> *mut redisAsyncContext {
    // SAFETY: the caller's promise is passed on.
    unsafe { async_context::connect_with_options(options) }.map_or(null_mut(), NonNull::as_ptr)
}

/// Begins to connect to a TCP port. Returns as redisAsyncConnectWithOptions().
///
/// # Safety
/// `ip` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncConnect(
    ip: *const c_char,
    port: c_int,
) -> *mut redisAsyncContext {
    // SAFETY: the options point to the caller's string.
    unsafe { redisAsyncConnectWithOptions(&tcp_options(ip, port, null(), 0)) }
}

/// As redisAsyncConnect(), from the local address `source_addr`.
///
/// # Safety
/// The strings are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncConnectBind(
    ip: *const c_char,
    port: c_int,
    source_addr: *const c_char,
) -> *mut redisAsyncContext {
    // SAFETY: as redisAsyncConnect().
    unsafe { redisAsyncConnectWithOptions(&tcp_options(ip, port, source_addr, 0)) }
}

/// As redisAsyncConnectBind(), binding with `SO_REUSEADDR`.
///
/// # Safety
/// The strings are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncConnectBindWithReuse(
    ip: *const c_char,
    port: c_int,
    source_addr: *const c_char,
) -> *mut redisAsyncContext {
    let options = tcp_options(ip, port, source_addr, REDIS_OPT_REUSEADDR);
    // SAFETY: as redisAsyncConnect().
    unsafe { redisAsyncConnectWithOptions(&raw const options) }
}

/// Begins to connect to a unix socket. Returns as redisAsyncConnectWithOptions().
///
/// # Safety
/// `path` is NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncConnectUnix(
    path: *const c_char,
) -> *mut redisAsyncContext {
    // SAFETY: the options point to the caller's string.
    unsafe { redisAsyncConnectWithOptions(&unix_options(path, 0)) }
}

/// A context as the layer below knows it.
pub(super) fn own(ac: *mut redisAsyncContext) -> *mut AsyncContext {
    ac.cast()
}

/// Sets the function that is told once whether the connect succeeded (REDIS_OK or REDIS_ERR; `err`
/// tells why). Has the event loop watch the connect: attach it before.
///
/// Returns REDIS_ERR where one is set already, also by redisAsyncSetConnectCallbackNC().
///
/// # Safety
/// `ac` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncSetConnectCallback(
    ac: *mut redisAsyncContext,
    r#fn: Option<redisConnectCallback>,
) -> c_int {
    let _call = Call::begin(ac, c"redisAsyncSetConnectCallback");
    // SAFETY: the caller's context is live.
    status(unsafe { async_context::set_connect_callback(own(ac), OnConnect::Const(r#fn)) })
}

/// As redisAsyncSetConnectCallback(), for functions that change the context.
///
/// # Safety
/// `ac` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncSetConnectCallbackNC(
    ac: *mut redisAsyncContext,
    r#fn: Option<redisConnectCallbackNC>,
) -> c_int {
    let _call = Call::begin(ac, c"redisAsyncSetConnectCallbackNC");
    // SAFETY: the caller's context is live.
    status(unsafe { async_context::set_connect_callback(own(ac), OnConnect::Mutable(r#fn)) })
}

/// Sets the function that is told once, after all replies, that a connection that was made is over:
/// REDIS_OK when the program asked for that, REDIS_ERR otherwise (`err` tells why). The context is
/// freed after the call, unless it was made with REDIS_OPT_NOAUTOFREE.
///
/// Returns REDIS_ERR where one is set already.
///
/// # Safety
/// `ac` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncSetDisconnectCallback(
    ac: *mut redisAsyncContext,
    r#fn: Option<redisDisconnectCallback>,
) -> c_int {
    let _call = Call::begin(ac, c"redisAsyncSetDisconnectCallback");
    // SAFETY: the caller's context is live.
    unsafe {
        if (*ac).onDisconnect.is_some() {
            return REDIS_ERR;
        }
        (*ac).onDisconnect = r#fn;
    }
    REDIS_OK
}

/// Installs the function that takes RESP3 pushes other than pub/sub messages, and returns the one
/// before. The push is freed after the call. Without a function, such pushes are freed.
///
/// # Safety
/// `ac` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncSetPushCallback(
    ac: *mut redisAsyncContext,
    r#fn: Option<redisAsyncPushFn>,
) -> Option<redisAsyncPushFn> {
    let _call = Call::begin(ac, c"redisAsyncSetPushCallback");
    // SAFETY: the caller's context is live.
    unsafe { core::mem::replace(&mut (*ac).push_cb, r#fn) }
}

/// Bounds how long a reply may be due without any reply coming; zero switches the bound off. The
/// event loop must have a timer (`ev.scheduleTimer`). A timeout of more than 30,000 years never comes.
///
/// Returns REDIS_OK; REDIS_ERR when out of memory (`err` set), and when `tv` is negative or its
/// `tv_usec` is not below 1,000,000: then errno is EINVAL, and the context is as before, `err` included.
///
/// # Safety
/// `ac` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncSetTimeout(
    ac: *mut redisAsyncContext,
    tv: timeval,
) -> c_int {
    let _call = Call::begin(ac, c"redisAsyncSetTimeout");
    // SAFETY: the caller's context is live.
    status(unsafe { async_context::set_timeout(own(ac), tv) })
}

/// Bounds how many commands may wait for their replies at once; 0 for no bound, as at first. A command
/// beyond is refused with nothing queued: REDIS_ERR, and errno is ENOBUFS; the context is as sound as
/// before. MONITOR counts for ever, SSUBSCRIBE until it is answered, other subscriptions do not.
///
/// # Safety
/// `ac` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncSetMaxPending(
    ac: *mut redisAsyncContext,
    commands: size_t,
) {
    let _call = Call::begin(ac, c"redisAsyncSetMaxPending");
    // SAFETY: the caller's context is live.
    unsafe { (*own(ac)).limits.pending = commands }
}

/// Bounds how many channels, patterns and shard channels may be subscribed to, all together; 0 for no
/// bound, as at first. A subscribing command that would go beyond is refused as a whole, as by
/// redisAsyncSetMaxPending(). Names that are left count until the server has confirmed that.
///
/// # Safety
/// `ac` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncSetMaxSubscriptions(
    ac: *mut redisAsyncContext,
    names: size_t,
) {
    let _call = Call::begin(ac, c"redisAsyncSetMaxSubscriptions");
    // SAFETY: the caller's context is live.
    unsafe { (*own(ac)).limits.subscriptions = names }
}

/// Sets the function that is told that there is room again: it is called, as `fn(ac, privdata)`, when a
/// write brings the output buffer (`ac->c.obuf`) below `low_water` bytes that was not below before. It
/// replaces the one before; with NULL, or 0 bytes, nobody is told, as at first.
///
/// It is called within the event that wrote, or that handed replies out, and what it issues is sent in
/// that event as far as the socket takes it, together with what the callbacks of replies have issued.
/// (Over TLS, by the end of the event that has sent everything, or that brings replies; what it issues is
/// sent in the loop's next turn.) It may do what callbacks may do: issue, disconnect, free, run a loop. It
/// is not called within itself, nor on a context that is disconnecting or has ended: there, commands that
/// wait get NULL. A program so keeps what it has not issued yet, which it can still withdraw, and hands
/// over a window: fill the buffer up to 64 KiB, say, and fill it again when it is below 32 KiB.
///
/// Only this implementation has it: `#ifdef HIREDIS_RS`.
///
/// # Safety
/// `ac` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncSetDrainCallback(
    ac: *mut redisAsyncContext,
    low_water: size_t,
    r#fn: Option<redisAsyncDrainFn>,
    privdata: *mut c_void,
) {
    let _call = Call::begin(ac, c"redisAsyncSetDrainCallback");
    // SAFETY: the caller's context is live.
    unsafe { async_context::set_drain_callback(own(ac), low_water, r#fn, privdata) }
}

/// How many bytes of commands the transport has taken since the context was made: what the socket has
/// taken, over TLS what OpenSSL has taken. With `sdslen(ac->c.obuf)`, what is still to be sent, it tells
/// which commands can have reached the server; also in the callbacks that get NULL at the end. What a
/// transport of the program's takes out of `c.obuf` by itself, without redisBufferWrite(), is not counted.
///
/// Only this implementation has it: `#ifdef HIREDIS_RS`.
///
/// # Safety
/// `ac` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncBytesTaken(ac: *const redisAsyncContext) -> u64 {
    let _call = Call::begin(ac, c"redisAsyncBytesTaken");
    // SAFETY: the caller's context is live.
    unsafe { context::bytes_taken(&raw const (*ac).c) }
}

/// Makes a context that watches a descriptor instead of a connection: whatever loop an adapter attaches
/// it to calls `fn(ac, privdata)` while `fd` is readable, again and again until the program has read
/// what there is. With an eventfd that wakes a loop up, with a timerfd it is a timer.
///
/// Attach it as any context; the adapters of this library begin to watch then. With an adapter that is
/// not of this library, call redisAsyncSetConnectCallback(ac, NULL) behind that. `fn` may do what
/// callbacks may do, and free the context. The descriptor, which is `ac->c.fd`, stays the program's: it
/// must stay open until the context is freed, by redisAsyncFree() or redisAsyncDisconnect(), and is not
/// closed then. Of the callbacks only that of redisAsyncSetDisconnectCallback() is called, once.
/// Commands on it return REDIS_ERR: `err` is REDIS_ERR_OTHER, `A watched descriptor takes no commands`,
/// and errno ENOTSUP; it goes on watching. It belongs to the loop's thread, as every context.
///
/// Returns NULL when memory is short (errno ENOMEM), or when `fd` is negative or `fn` NULL (errno
/// EINVAL). Only this implementation has it: `#ifdef HIREDIS_RS`.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn redisAsyncWatchFd(
    fd: redisFD,
    r#fn: Option<redisAsyncWatchFn>,
    privdata: *mut c_void,
) -> *mut redisAsyncContext {
    let made = match r#fn {
        Some(function) if fd >= 0 => {
            async_context::watch(fd, Watch { function, privdata }).ok_or(ENOMEM)
        }
        _ => Err(EINVAL),
    };
    match made {
        Ok(ac) => ac.as_ptr(),
        Err(errno) => {
            set_errno(errno);
            null_mut()
        }
    }
}

/// Disconnects once all commands are sent and answered; accepts none from now on. The context is
/// freed then, and the disconnect callback told, also on a context with REDIS_OPT_NOAUTOFREE.
///
/// # Safety
/// `ac` is a live context; outside its callbacks it may be gone on return.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncDisconnect(ac: *mut redisAsyncContext) {
    let _call = Call::begin(ac, c"redisAsyncDisconnect");
    // SAFETY: the caller's context is live.
    unsafe { async_context::disconnect(own(ac)) }
}

/// Disconnects and frees at once, or when the callback that is running returns: callbacks that
/// still wait get a NULL reply, the disconnect callback REDIS_OK. NULL is ignored.
///
/// # Safety
/// `ac` is NULL or a live context; outside its callbacks it is gone on return.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncFree(ac: *mut redisAsyncContext) {
    let _call = Call::begin(ac, c"redisAsyncFree");
    if !ac.is_null() {
        // SAFETY: the caller gives the context up.
        unsafe { async_context::free(own(ac)) }
    }
}

/// To be called by event loops when the socket is readable. The context may be gone on return.
/// Within the context's own callbacks nothing happens.
///
/// # Safety
/// `ac` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncHandleRead(ac: *mut redisAsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe { async_context::handle_read(own(ac)) }
}

/// To be called by event loops when the socket is writable. As redisAsyncHandleRead().
///
/// # Safety
/// `ac` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncHandleWrite(ac: *mut redisAsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe { async_context::handle_write(own(ac)) }
}

/// To be called by event loops when the time that `ev.scheduleTimer` was given has passed; or by
/// programs with timers of their own, to have the context time out now if it waits for anything.
/// The context may be gone on return. Within its own callbacks nothing happens.
///
/// # Safety
/// `ac` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncHandleTimeout(ac: *mut redisAsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe { async_context::handle_timeout(own(ac)) }
}

/// The `async_read` of the default transport: reads once and hands out the replies.
///
/// # Safety
/// `ac` is a live, connected context; it may be gone on return.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncRead(ac: *mut redisAsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe { tables::async_read(ac) }
}

/// The `async_write` of the default transport: sends once from the output buffer.
///
/// # Safety
/// As redisAsyncRead().
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncWrite(ac: *mut redisAsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe { tables::async_write(ac) }
}

/// Hands out the replies that the reader holds. For transports.
///
/// # Safety
/// As redisAsyncRead().
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisProcessCallbacks(ac: *mut redisAsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe { async_context::process_callbacks(own(ac)) }
}

/// Ends the connection: with the error in `c.err`, or orderly where there is none. For transports.
///
/// # Safety
/// `ac` is a live context; it may be gone on return.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __redisAsyncDisconnect(ac: *mut redisAsyncContext) {
    // SAFETY: the caller's context is live.
    let _ = unsafe { async_context::tear_down(own(ac)) };
}

/// As redisAsyncCommand(), with a `va_list`.
///
/// # Safety
/// `ac` is a live context; `format` is NUL-terminated and matches the arguments.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisvAsyncCommand(
    ac: *mut redisAsyncContext,
    r#fn: Option<redisCallbackFn>,
    privdata: *mut c_void,
    format: *const c_char,
    ap: *mut VaList,
) -> c_int {
    let _call = Call::begin(ac, c"redisvAsyncCommand");
    let receiver = Receiver {
        function: r#fn,
        privdata,
    };
    // SAFETY: the caller's promises.
    status(unsafe { async_context::issue(own(ac), receiver, &Command::Format(format, ap)) })
}

/// As redisAsyncCommand(), with the command as `argc` strings. `argvlen` holds their lengths; NULL
/// where they are NUL-terminated.
///
/// # Safety
/// `ac` is a live context; `argv` and `argvlen` hold `argc` entries.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncCommandArgv(
    ac: *mut redisAsyncContext,
    r#fn: Option<redisCallbackFn>,
    privdata: *mut c_void,
    argc: c_int,
    argv: *const *const c_char,
    argvlen: *const size_t,
) -> c_int {
    let _call = Call::begin(ac, c"redisAsyncCommandArgv");
    let receiver = Receiver {
        function: r#fn,
        privdata,
    };
    let command = Command::Argv(argc, argv, argvlen);
    // SAFETY: the caller's promises.
    status(unsafe { async_context::issue(own(ac), receiver, &command) })
}

/// As redisAsyncCommand(), with the command as `len` bytes of RESP: exactly one command, in an
/// array of bulk strings; anything else is refused. The bytes need no NUL.
///
/// # Safety
/// `ac` is a live context; `cmd` holds `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAsyncFormattedCommand(
    ac: *mut redisAsyncContext,
    r#fn: Option<redisCallbackFn>,
    privdata: *mut c_void,
    cmd: *const c_char,
    len: size_t,
) -> c_int {
    let _call = Call::begin(ac, c"redisAsyncFormattedCommand");
    let receiver = Receiver {
        function: r#fn,
        privdata,
    };
    // SAFETY: the caller's promises.
    status(unsafe { async_context::issue_formatted(own(ac), receiver, bytes(cmd, len)) })
}
