//! The asynchronous context: a connection driven by an event loop through six hooks.
//!
//! Any callback may call back into the library, free the context, or change its hooks. Contexts
//! are therefore raw pointers, nothing is borrowed across a call out, and every function that may
//! have freed the context says so by returning [`Life`]. See `docs/async.md`.

mod callbacks;
mod connect;
mod dispatch;
mod events;
mod hooks;
mod issue;
mod lifecycle;
mod pubsub;
mod silence;
mod subscribe;
mod subscriptions;
mod timer;
mod waiting;

use crate::context::{Received, Untried};
use crate::layout::{
    REDIS_IN_CALLBACK, dict, redisAsyncContext, redisCallback, redisCallbackFn, redisContext,
};
use callbacks::Spare;
use core::ptr::NonNull;
use libc::c_int;
use silence::ReplyMode;
use timer::Timer;

pub(crate) use connect::begin_connect;
pub(crate) use dispatch::process_callbacks;
pub(crate) use events::{default_read, default_write, handle_read, handle_timeout, handle_write};
pub(crate) use hooks::{OnConnect, set_connect_callback, watch_connect};
pub(crate) use issue::{issue, issue_formatted};
pub(crate) use lifecycle::{
    connect_with_options, create_unconnected, disconnect, free, is_in_callback, tear_down,
};
pub(crate) use timer::set_timeout;

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
    spare: Spare,
    /// Subscriptions by shard channel.
    shards: *mut dict,
    /// Confirmations that unsubscribes from channels and patterns still have to get. What programs
    /// see, `sub.pending_unsubs`, counts only those for names that were not subscribed.
    unsubs_in_flight: c_int,
    /// `SSUBSCRIBE` commands issued, and those confirmed or refused: they are settled in order.
    batches_issued: u32,
    batches_settled: u32,
    reply_mode: ReplyMode,
    /// Nodes in use: commands that wait, and subscriptions.
    nodes: usize,
    pub(crate) limits: Limits,
    /// What the last read and the last write were like.
    pub(crate) transfers: Transfers,
    /// `addWrite` was called, and `delWrite` not since.
    write_armed: bool,
    /// A waiting command was answered since the deadline was looked at.
    answered: bool,
    /// Replies are being handed out; what their callbacks issue is sent afterwards, in one go.
    dispatching: bool,
    /// Disconnected, but kept because of `REDIS_OPT_NOAUTOFREE`.
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

/// Who is told of a command's reply.
#[derive(Clone, Copy)]
pub(crate) struct Receiver {
    pub(crate) function: Option<redisCallbackFn>,
    pub(crate) privdata: *mut libc::c_void,
}

impl Receiver {
    /// Whom a node names.
    unsafe fn of(node: NonNull<redisCallback>) -> Self {
        // SAFETY: the caller's node is live.
        let node = unsafe { node.as_ref() };
        Self {
            function: node.r#fn,
            privdata: node.privdata,
        }
    }
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

/// A private hook and its argument; `false` where the socket cannot be watched.
#[derive(Clone, Copy)]
pub(crate) struct OnNewSocket {
    pub(crate) function: unsafe fn(data: *mut libc::c_void) -> bool,
    pub(crate) data: *mut libc::c_void,
}

/// Whether a context is still there after callbacks have run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Life {
    Alive,
    Gone,
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
unsafe fn run(ac: *mut AsyncContext, receiver: Receiver, reply: *mut libc::c_void) {
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
const _: () = assert!(size_of::<AsyncContext>() <= 616);
