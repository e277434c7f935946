//! `hiredis.h`: replies, options, the blocking context and its transport table.

use super::{assert_layout, redisAsyncContext, redisReader};
use libc::{c_char, c_int, c_longlong, c_void, size_t, sockaddr, ssize_t, timeval};

/// A socket.
pub type redisFD = c_int;

/// Takes a RESP3 push and owns `reply`; `privdata` is the context's.
pub type redisPushFn = unsafe extern "C-unwind" fn(privdata: *mut c_void, reply: *mut c_void);

/// As `redisPushFn`, for asynchronous contexts; the library frees `reply` after the call.
pub type redisAsyncPushFn =
    unsafe extern "C-unwind" fn(ac: *mut redisAsyncContext, reply: *mut c_void);

/// A reply. Which fields are set depends on `type`; the others are zero.
///
/// The object, `str` and `element` are blocks of their own, made by `hiredisAllocFns`: a program
/// may take any of them out (leaving NULL behind) and free it later.
#[repr(C)]
#[derive(Debug)]
pub struct redisReply {
    /// One of `REDIS_REPLY_*`.
    pub r#type: c_int,
    /// Integers and booleans.
    pub integer: c_longlong,
    /// Doubles.
    pub dval: f64,
    /// Bytes in `str`, its final NUL not counted; the string may hold NULs too.
    pub len: size_t,
    /// Strings, statuses, errors, verbatim strings, big numbers, and the text of doubles.
    pub str: *mut c_char,
    /// Format of a verbatim string, NUL-terminated (`txt`, `mkd`).
    pub vtype: [c_char; 4],
    /// Elements of an aggregate; two for each entry of a map.
    pub elements: size_t,
    /// The elements; NULL when there are none.
    pub element: *mut *mut redisReply,
}

/// How to connect; read during `redisConnectWithOptions` only. Start from zeroes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct redisOptions {
    /// `REDIS_CONN_TCP`, `REDIS_CONN_UNIX` or `REDIS_CONN_USERFD`: which member of `endpoint`.
    pub r#type: c_int,
    /// `REDIS_OPT_*`, or-ed together.
    pub options: c_int,
    /// How long a connect may take; NULL: as long as the system tries.
    pub connect_timeout: *const timeval,
    /// How long a command may take; NULL: for ever.
    pub command_timeout: *const timeval,
    /// Where to.
    pub endpoint: redisOptionsEndpoint,
    /// The program's own, in `redisContext.privdata`.
    pub privdata: *mut c_void,
    /// Frees `privdata` with the context.
    pub free_privdata: Option<unsafe extern "C-unwind" fn(privdata: *mut c_void)>,
    /// Takes RESP3 pushes of a blocking context.
    pub push_cb: Option<redisPushFn>,
    /// Takes RESP3 pushes of an asynchronous context.
    pub async_push_cb: Option<redisAsyncPushFn>,
}

/// The address to connect to, by `redisOptions.type`.
#[repr(C)]
#[derive(Clone, Copy)]
pub union redisOptionsEndpoint {
    /// `REDIS_CONN_TCP`.
    pub tcp: redisOptionsTcp,
    /// `REDIS_CONN_UNIX`: the socket's path.
    pub unix_socket: *const c_char,
    /// `REDIS_CONN_USERFD`: a connected descriptor; the context closes it.
    pub fd: redisFD,
}

/// A TCP address.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct redisOptionsTcp {
    /// Local address to bind to; NULL: any.
    pub source_addr: *const c_char,
    /// Host name or address; NULL: the loopback.
    pub ip: *const c_char,
    /// Port, 0 to 65535.
    pub port: c_int,
}

/// A transport: how a context's bytes travel. Programs and TLS libraries install their own.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct redisContextFuncs {
    /// Closes `c->fd`, which may be -1.
    pub close: Option<unsafe extern "C-unwind" fn(c: *mut redisContext)>,
    /// Frees `c->privctx`; called with NULL too.
    pub free_privctx: Option<unsafe extern "C-unwind" fn(privctx: *mut c_void)>,
    /// The descriptor of an asynchronous, connected context is readable.
    pub async_read: Option<unsafe extern "C-unwind" fn(ac: *mut redisAsyncContext)>,
    /// The descriptor of an asynchronous, connected context is writable.
    pub async_write: Option<unsafe extern "C-unwind" fn(ac: *mut redisAsyncContext)>,
    /// Reads up to `bufcap` bytes: more than 0; 0 to be called again; less than 0 after setting `c->err`.
    pub read: Option<
        unsafe extern "C-unwind" fn(
            c: *mut redisContext,
            buf: *mut c_char,
            bufcap: size_t,
        ) -> ssize_t,
    >,
    /// Sends from `c->obuf` without changing it; returns as `read`.
    pub write: Option<unsafe extern "C-unwind" fn(c: *mut redisContext) -> ssize_t>,
}

/// A connection. Made by `redisConnect` and its kin, freed by `redisFree`; not thread-safe.
#[repr(C)]
#[derive(Debug)]
pub struct redisContext {
    /// The transport.
    pub funcs: *const redisContextFuncs,
    /// 0, or the `REDIS_ERR_*` that ended this connection.
    pub err: c_int,
    /// Text of `err`, NUL-terminated; empty when `err` is 0.
    pub errstr: [c_char; 128],
    /// The socket, or `REDIS_INVALID_FD`.
    pub fd: redisFD,
    /// Context flags, `REDIS_BLOCK` and so on.
    pub flags: c_int,
    /// Bytes waiting to be sent: an sds.
    pub obuf: *mut c_char,
    /// Parser of what arrives.
    pub reader: *mut redisReader,
    /// `REDIS_CONN_TCP`, `REDIS_CONN_UNIX` or `REDIS_CONN_USERFD`.
    pub connection_type: c_int,
    /// How long a connect may take, or NULL.
    pub connect_timeout: *mut timeval,
    /// How long a command may take, or NULL.
    pub command_timeout: *mut timeval,
    /// Where a TCP connection leads.
    pub tcp: redisContextTcp,
    /// Where a unix connection leads.
    pub unix_sock: redisContextUnix,
    /// Address last tried.
    pub saddr: *mut sockaddr,
    /// Bytes in `saddr`.
    pub addrlen: size_t,
    /// The program's own.
    pub privdata: *mut c_void,
    /// Frees `privdata` with the context.
    pub free_privdata: Option<unsafe extern "C-unwind" fn(privdata: *mut c_void)>,
    /// The transport's own.
    pub privctx: *mut c_void,
    /// Takes RESP3 pushes; without it they arrive in-band.
    pub push_cb: Option<redisPushFn>,
}

/// Where a TCP connection leads, for `redisReconnect`.
#[repr(C)]
#[derive(Debug)]
pub struct redisContextTcp {
    /// Host name or address as given.
    pub host: *mut c_char,
    /// Local address as given.
    pub source_addr: *mut c_char,
    /// Port.
    pub port: c_int,
}

/// Where a unix connection leads, for `redisReconnect`.
#[repr(C)]
#[derive(Debug)]
pub struct redisContextUnix {
    /// The socket's path.
    pub path: *mut c_char,
}

assert_layout!(redisReply, 64, {
    r#type: 0, integer: 8, dval: 16, len: 24, str: 32, vtype: 40, elements: 48, element: 56,
});
assert_layout!(redisOptions, 80, {
    r#type: 0, options: 4, connect_timeout: 8, command_timeout: 16, endpoint: 24, privdata: 48,
    free_privdata: 56, push_cb: 64, async_push_cb: 72,
});
assert_layout!(redisOptionsTcp, 24, { source_addr: 0, ip: 8, port: 16 });
assert_layout!(redisContextFuncs, 48, {
    close: 0, free_privctx: 8, async_read: 16, async_write: 24, read: 32, write: 40,
});
assert_layout!(redisContext, 272, {
    funcs: 0, err: 8, errstr: 12, fd: 140, flags: 144, obuf: 152, reader: 160,
    connection_type: 168, connect_timeout: 176, command_timeout: 184, tcp.host: 192,
    tcp.source_addr: 200, tcp.port: 208, unix_sock.path: 216, saddr: 224, addrlen: 232,
    privdata: 240, free_privdata: 248, privctx: 256, push_cb: 264,
});
