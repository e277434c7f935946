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
mod subscriptions;
mod timer;
mod waiting;

use crate::context::Untried;
use crate::layout::{REDIS_IN_CALLBACK, dict, redisAsyncContext, redisCallback, redisContext};
use callbacks::Spare;
use libc::c_int;
use silence::ReplyMode;
use timer::Timer;

pub(crate) use dispatch::process_callbacks;
pub(crate) use events::{default_read, default_write, handle_read, handle_timeout, handle_write};
pub(crate) use hooks::{OnConnect, set_connect_callback};
pub(crate) use issue::{Receiver, issue, issue_formatted};
pub(crate) use lifecycle::{connect_with_options, disconnect, free, tear_down};
pub(crate) use timer::set_timeout;

/// What C programs see, and behind it what is ours. Contexts are only made here.
#[repr(C)]
pub(crate) struct AsyncContext {
    pub(crate) c: redisAsyncContext,
    /// Addresses to try when the connect in progress is refused.
    untried: Option<Untried>,
    /// Subscriptions by shard channel.
    shards: *mut dict,
    /// Confirmations that unsubscribes from channels and patterns still have to get. What programs
    /// see, `sub.pending_unsubs`, counts only those for names that were not subscribed.
    unsubs_in_flight: c_int,
    /// `SSUBSCRIBE` commands issued, and those confirmed or refused: they are settled in order.
    batches_issued: u32,
    batches_settled: u32,
    timer: Timer,
    reply_mode: ReplyMode,
    spare: Spare,
    /// `addWrite` was called, and `delWrite` not since.
    write_armed: bool,
    /// A waiting command was answered since the deadline was looked at.
    answered: bool,
    /// Replies are being handed out; what their callbacks issue is sent afterwards, in one go.
    dispatching: bool,
    /// Disconnected, but kept because of `REDIS_OPT_NOAUTOFREE`.
    torn_down: bool,
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
unsafe fn run(ac: *mut AsyncContext, callback: &redisCallback, reply: *mut libc::c_void) {
    if let Some(function) = callback.r#fn {
        let privdata = callback.privdata;
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
