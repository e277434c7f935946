//! `async.h`: the asynchronous context, its hooks and callbacks.

use super::{assert_layout, redisAsyncPushFn, redisContext};
use libc::{c_char, c_int, c_void, size_t, sockaddr, timeval};

/// Takes the reply to a command, NULL when there will be none; the reply is freed after the call.
pub type redisCallbackFn = unsafe extern "C-unwind" fn(
    ac: *mut redisAsyncContext,
    reply: *mut c_void,
    privdata: *mut c_void,
);
/// Told once that a context that was connected is about to go: `REDIS_OK` when that was asked for.
pub type redisDisconnectCallback =
    unsafe extern "C-unwind" fn(ac: *const redisAsyncContext, status: c_int);
/// Told once whether the connect succeeded.
pub type redisConnectCallback =
    unsafe extern "C-unwind" fn(ac: *const redisAsyncContext, status: c_int);
/// As `redisConnectCallback`, with a context that may be changed.
pub type redisConnectCallbackNC =
    unsafe extern "C-unwind" fn(ac: *mut redisAsyncContext, status: c_int);
/// Told that the descriptor of redisAsyncWatchFd() is readable.
pub type redisAsyncWatchFn =
    unsafe extern "C-unwind" fn(ac: *mut redisAsyncContext, privdata: *mut c_void);
/// Told that the output buffer has fallen below the mark of redisAsyncSetDrainCallback().
pub type redisAsyncDrainFn =
    unsafe extern "C-unwind" fn(ac: *mut redisAsyncContext, privdata: *mut c_void);
/// Not used by any function; kept because the header has it.
pub type redisTimerCallback =
    unsafe extern "C-unwind" fn(timer: *mut c_void, privdata: *mut c_void);

/// A command waiting for its reply, or a channel's subscription.
#[repr(C)]
#[derive(Debug)]
pub struct redisCallback {
    /// The next in its list.
    pub next: *mut redisCallback,
    /// May be NULL.
    pub r#fn: Option<redisCallbackFn>,
    /// Subscriptions not yet confirmed.
    pub pending_subs: c_int,
    /// An unsubscribe is on its way.
    pub unsubscribe_sent: c_int,
    /// Given to `fn`.
    pub privdata: *mut c_void,
}

/// Commands waiting for replies, oldest first.
#[repr(C)]
#[derive(Debug)]
pub struct redisCallbackList {
    /// The oldest, or NULL.
    pub head: *mut redisCallback,
    /// The newest, or NULL.
    pub tail: *mut redisCallback,
}

/// A table of subscriptions; its contents are private.
#[repr(C)]
#[derive(Debug)]
pub struct dict {
    _private: [u8; 0],
}

/// What the library asks of an event loop. Any hook may be NULL or change at any time.
#[repr(C)]
#[derive(Debug)]
pub struct redisAsyncEvents {
    /// Given to each hook; non-NULL means attached.
    pub data: *mut c_void,
    /// Call `redisAsyncHandleRead` when the socket is readable. May be called again while in force.
    pub addRead: Option<unsafe extern "C-unwind" fn(data: *mut c_void)>,
    /// No more of that.
    pub delRead: Option<unsafe extern "C-unwind" fn(data: *mut c_void)>,
    /// Call `redisAsyncHandleWrite` when the socket is writable. May be called again while in force.
    pub addWrite: Option<unsafe extern "C-unwind" fn(data: *mut c_void)>,
    /// No more of that.
    pub delWrite: Option<unsafe extern "C-unwind" fn(data: *mut c_void)>,
    /// The socket is about to be closed: forget it. Called once.
    pub cleanup: Option<unsafe extern "C-unwind" fn(data: *mut c_void)>,
    /// Call `redisAsyncHandleTimeout` once, after `tv`; replaces the timer before it.
    pub scheduleTimer: Option<unsafe extern "C-unwind" fn(data: *mut c_void, tv: timeval)>,
}

/// The subscriptions of a context.
#[repr(C)]
#[derive(Debug)]
pub struct redisAsyncSubscriptions {
    /// Ordinary commands issued in subscribed mode.
    pub replies: redisCallbackList,
    /// Subscriptions by channel.
    pub channels: *mut dict,
    /// Subscriptions by pattern.
    pub patterns: *mut dict,
    /// Unsubscribes on their way for channels that are not subscribed.
    pub pending_unsubs: c_int,
}

/// A connection driven by an event loop. Made by `redisAsyncConnect` and its kin; frees itself
/// after disconnecting unless `REDIS_OPT_NOAUTOFREE` was given. Not thread-safe.
#[repr(C)]
#[derive(Debug)]
pub struct redisAsyncContext {
    /// The connection itself.
    pub c: redisContext,
    /// Copy of `c.err`.
    pub err: c_int,
    /// Points at `c.errstr`.
    pub errstr: *mut c_char,
    /// The program's own.
    pub data: *mut c_void,
    /// Frees `data` with the context.
    pub dataCleanup: Option<unsafe extern "C-unwind" fn(data: *mut c_void)>,
    /// The event loop's hooks, filled in by an adapter.
    pub ev: redisAsyncEvents,
    /// Told of the disconnection.
    pub onDisconnect: Option<redisDisconnectCallback>,
    /// Told of the connection.
    pub onConnect: Option<redisConnectCallback>,
    /// Told of the connection; at most one of the two is set.
    pub onConnectNC: Option<redisConnectCallbackNC>,
    /// Commands waiting for their replies.
    pub replies: redisCallbackList,
    /// Not used; kept for its place.
    pub saddr: *mut sockaddr,
    /// Not used; kept for its place.
    pub addrlen: size_t,
    /// Subscriptions.
    pub sub: redisAsyncSubscriptions,
    /// Takes RESP3 pushes that are not pub/sub messages.
    pub push_cb: Option<redisAsyncPushFn>,
}

assert_layout!(redisCallback, 32, {
    next: 0, r#fn: 8, pending_subs: 16, unsubscribe_sent: 20, privdata: 24,
});
assert_layout!(redisCallbackList, 16, { head: 0, tail: 8 });
assert_layout!(redisAsyncContext, 464, {
    c: 0, err: 272, errstr: 280, data: 288, dataCleanup: 296, ev.data: 304, ev.addRead: 312,
    ev.delRead: 320, ev.addWrite: 328, ev.delWrite: 336, ev.cleanup: 344, ev.scheduleTimer: 352,
    onDisconnect: 360, onConnect: 368, onConnectNC: 376, replies: 384, saddr: 400, addrlen: 408,
    sub.replies: 416, sub.channels: 432, sub.patterns: 440, sub.pending_unsubs: 448, push_cb: 456,
});
