//! Telling a program that the output buffer has room again, so that it need not hand over everything
//! at once: what a context holds cannot be taken back.

use super::events::send;
use super::lifecycle::finish;
use super::{AsyncContext, Flow, dispatch, has_flag, in_callback, inner};
use crate::context;
use crate::layout::{REDIS_DISCONNECTING, REDIS_FREEING, redisAsyncDrainFn};
use crate::sds;
use core::ptr::null_mut;
use libc::c_void;

/// Who is told.
#[derive(Clone, Copy)]
pub(crate) struct Drain {
    function: Option<redisAsyncDrainFn>,
    privdata: *mut c_void,
}

impl Drain {
    pub(super) const NONE: Self = Self {
        function: None,
        privdata: null_mut(),
    };
}

/// `redisAsyncSetDrainCallback`: has `function` called when a write brings the output buffer below
/// `low_water` bytes.
///
/// # Safety
/// `ac` is live.
pub(crate) unsafe fn set_drain_callback(
    ac: *mut AsyncContext,
    low_water: usize,
    function: Option<redisAsyncDrainFn>,
    privdata: *mut c_void,
) {
    // SAFETY: the caller's promise.
    unsafe {
        (*ac).drain = Drain { function, privdata };
        let mark = function.map_or(0, |_| low_water);
        context::set_low_water(inner(ac), mark);
    }
}

/// Tells the program if the output buffer has fallen below its mark since it was last told. What it
/// issues is sent by whoever calls this.
#[inline(always)]
pub(super) unsafe fn report(ac: *mut AsyncContext) -> Flow {
    // SAFETY: the caller's context is live, and not used after `Flow::Stop`.
    unsafe {
        if context::has_drained(inner(ac)) {
            tell(ac)
        } else {
            Flow::Continue
        }
    }
}

#[inline(never)]
unsafe fn tell(ac: *mut AsyncContext) -> Flow {
    // SAFETY: as in `report`.
    unsafe {
        context::forget_drained(inner(ac));
        let Drain { function, privdata } = (*ac).drain;
        let Some(function) = function else {
            return Flow::Continue;
        };
        if has_flag(ac, REDIS_DISCONNECTING | REDIS_FREEING) {
            return Flow::Continue;
        }
        let dispatching = core::mem::replace(&mut (*ac).dispatching, true);
        in_callback(ac, || function(ac.cast(), privdata));
        (*ac).dispatching = dispatching;
        if has_flag(ac, REDIS_FREEING) {
            finish(ac);
            return Flow::Stop;
        }
    }
    Flow::Continue
}

/// Sends what there is, and what the program issues when it is told of the room. Whether that was
/// everything, or how the event goes on if the context ends.
#[inline(always)]
pub(super) unsafe fn send_and_report(ac: *mut AsyncContext) -> Result<bool, Flow> {
    // SAFETY: the caller's context is live, and not used after it may be gone.
    unsafe {
        match send(ac) {
            Err(()) => Err(dispatch::hang_up(ac)),
            Ok(done) if context::has_drained(inner(ac)) => go_on(ac, done),
            Ok(done) => Ok(done),
        }
    }
}

/// Tells the program, and sends once more: what it issues when it is told again waits for the next
/// event, so that a program that always has more does not keep the others waiting.
#[inline(never)]
unsafe fn go_on(ac: *mut AsyncContext, done: bool) -> Result<bool, Flow> {
    // SAFETY: as in `send_and_report`.
    unsafe {
        if tell(ac) == Flow::Stop {
            return Err(Flow::Stop);
        }
        if !done || sds::len((*inner(ac)).obuf) == 0 {
            return Ok(done);
        }
        let Ok(done) = send(ac) else {
            return Err(dispatch::hang_up(ac));
        };
        if report(ac) == Flow::Stop {
            return Err(Flow::Stop);
        }
        Ok(done && sds::len((*inner(ac)).obuf) == 0)
    }
}
