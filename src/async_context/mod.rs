//! The asynchronous context: a connection driven by an event loop through six hooks.
//!
//! Any callback may call back into the library, free the context, or change its hooks. Contexts
//! are therefore raw pointers, nothing is borrowed across a call out, and every function after which
//! the context may be gone says so by returning [`Flow`]. See `docs/async.md`.

mod connect;
mod deliver;
mod dispatch;
mod drain;
mod events;
mod hooks;
mod issue;
mod lifecycle;
mod lists;
mod pending;
mod replies;
mod timer;
mod watch;

use crate::context::{Received, Untried};
use crate::layout::{REDIS_IN_CALLBACK, redisAsyncContext, redisCallbackFn, redisContext};
use drain::Drain;
use libc::{c_int, c_void};
use lists::{Spare, Waiting};
use pending::Pending;
use timer::Timer;

pub(crate) use connect::begin_connect;
pub(crate) use dispatch::process_callbacks;
pub(crate) use drain::set_drain_callback;
pub(crate) use events::{default_read, default_write, handle_read, handle_timeout, handle_write};
pub(crate) use hooks::{OnConnect, set_connect_callback, watch_connect};
pub(crate) use issue::{issue, issue_formatted};
pub(crate) use lifecycle::{
    connect_with_options, create_unconnected, disconnect, free, is_in_callback, tear_down,
};
pub(crate) use timer::set_timeout;
pub(crate) use watch::{Watch, watch};

/// What C programs see, and behind it what is ours. Contexts are only made here.
#[repr(C)]
pub(crate) struct AsyncContext {
    pub(crate) c: redisAsyncContext,
    /// Addresses to try when the connect in progress is refused.
    untried: Option<Untried>,
    /// Has the loop watch the socket that the connect goes on with. Without it, the connect stays
    /// with the socket it began with, which every loop watches.
    pub(crate) on_new_socket: Option<OnNewSocket>,
    timer: Timer,
    /// The commands that are still to be answered, and the subscriptions.
    pending: Pending<Receiver>,
    spare: Spare,
    /// Nodes in use: commands whose callbacks stand in a list.
    nodes: usize,
    /// Those among them that wait for a reply.
    waiting: Waiting,
    /// Those among them that stand for the feed of a `MONITOR`.
    feeds: u32,
    /// Takes the feed.
    feed: Receiver,
    /// A reply that is still to be decided on, once the callback that is running has returned.
    held: *mut c_void,
    pub(crate) limits: Limits,
    /// Told when the output buffer has room again.
    drain: Drain,
    /// What the last read and the last write were like.
    pub(crate) transfers: Transfers,
    /// `addWrite` was called, and `delWrite` not since.
    write_armed: bool,
    /// A waiting command was answered since the deadline was looked at.
    answered: bool,
    /// Replies are being handed out; what their callbacks issue is sent afterwards, in one go.
    dispatching: bool,
    /// Disconnected: kept because of `REDIS_OPT_NOAUTOFREE`, or being freed. Events mean nothing.
    torn_down: bool,
}

/// What a program allows a context to hold; 0: no limit.
#[derive(Clone, Copy, Default)]
pub(crate) struct Limits {
    /// Commands that wait for their replies.
    pub(crate) pending: usize,
    /// Names subscribed to: channels, patterns and shard channels.
    pub(crate) subscriptions: usize,
}

/// How far the socket's buffers have been emptied and filled, for loops that are told of readiness
/// only when it begins. `None` where nothing can be told: nothing was transferred, or by a
/// transport that keeps buffers of its own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Transfers {
    pub(crate) read: Option<Brought>,
    /// Whether the socket took everything.
    pub(crate) written: Option<bool>,
}

/// What a program gave to be told of a command's reply.
#[derive(Clone, Copy)]
pub(crate) struct Receiver {
    pub(crate) function: Option<redisCallbackFn>,
    pub(crate) privdata: *mut c_void,
}

impl Receiver {
    const NONE: Self = Self {
        function: None,
        privdata: core::ptr::null_mut(),
    };
}

/// How much a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brought {
    Nothing,
    /// Less than there was room for.
    Part,
    /// As much as there was room for.
    Full,
}

impl From<Received> for Brought {
    fn from(received: Received) -> Self {
        match received.count {
            0 => Self::Nothing,
            count if count < received.room => Self::Part,
            _ => Self::Full,
        }
    }
}

/// A private hook and its argument; an `errno` if the socket cannot be watched.
#[derive(Clone, Copy)]
pub(crate) struct OnNewSocket {
    pub(crate) function: unsafe fn(data: *mut c_void) -> Result<(), c_int>,
    pub(crate) data: *mut c_void,
}

/// Whether an event goes on with its context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Flow {
    Continue,
    /// There is nothing more to do with the context, which may be gone.
    Stop,
}

/// The blocking context inside.
fn inner(ac: *mut AsyncContext) -> *mut redisContext {
    // SAFETY: only the address is taken.
    unsafe { &raw mut (*ac).c.c }
}

/// Whether any of these context flags is set.
unsafe fn has_flag(ac: *const AsyncContext, flags: i32) -> bool {
    // SAFETY: the caller's context is live.
    unsafe { (*ac).c.c.flags & flags != 0 }
}

/// Runs `call` with `REDIS_IN_CALLBACK` set, so that freeing and disconnecting are put off.
unsafe fn in_callback(ac: *mut AsyncContext, call: impl FnOnce()) {
    // SAFETY: the caller's context is live, and stays so while the flag is set.
    unsafe {
        let before = (*ac).c.c.flags & REDIS_IN_CALLBACK;
        (*ac).c.c.flags |= REDIS_IN_CALLBACK;
        call();
        (*ac).c.c.flags = ((*ac).c.c.flags & !REDIS_IN_CALLBACK) | before;
    }
}

/// Runs a command's or subscription's callback, if it has one.
unsafe fn run(ac: *mut AsyncContext, receiver: Receiver, reply: *mut c_void) {
    let privdata = receiver.privdata;
    if let Some(function) = receiver.function {
        // SAFETY: the caller's context is live; the callback was given for such calls.
        unsafe { in_callback(ac, || function(ac.cast(), reply, privdata)) }
    }
}

/// Copies the inner context's error where asynchronous programs look for it.
unsafe fn mirror_error(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        (*ac).c.err = (*ac).c.c.err;
        (*ac).c.errstr = (&raw mut (*ac).c.c.errstr).cast();
    }
}

// Programs hold thousands of idle connections: let it grow knowingly.
const _: () = assert!(size_of::<AsyncContext>() <= 768);
