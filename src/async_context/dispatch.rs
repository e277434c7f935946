//! Handing replies out: all that have arrived, then sending what the callbacks issued.

use super::deliver::{deliver, end};
use super::events::check_deadline;
use super::lifecycle::{disconnect_if_drained, finish, tear_down};
use super::{AsyncContext, Flow, drain, hooks, inner, lists, timer};
use crate::context;
use crate::sds;
use core::ptr::{NonNull, null_mut};

/// `redisProcessCallbacks`: hands out every reply that has arrived, then sends what the callbacks
/// issued, then completes a disconnect that waited for this.
///
/// # Safety
/// `ac` is live, and not used afterwards without knowing that it still is.
pub(crate) unsafe fn process_callbacks(ac: *mut AsyncContext) {
    // SAFETY: the caller's promise; the context is not used after `Flow::Stop`.
    unsafe {
        if hand_out_all(ac) == Flow::Stop {
            return;
        }
        // Pushes and messages are no answers: a command may wait too long among many of them.
        if core::mem::take(&mut (*ac).answered) {
            timer::restart(ac);
        }
        // A transport of its own sends elsewhere; what is issued now goes with the rest.
        if drain::report(ac) == Flow::Continue
            && send_issued(ac) == Flow::Continue
            && finish_sent(ac) == Flow::Continue
            && disconnect_if_drained(ac) == Flow::Continue
        {
            check_deadline(ac);
        }
    }
}

/// Hands out every reply that has arrived.
unsafe fn hand_out_all(ac: *mut AsyncContext) -> Flow {
    // SAFETY: the caller's context is live, and not used after `Flow::Stop`.
    unsafe {
        (*ac).dispatching = true;
        loop {
            let held = core::mem::replace(&mut (*ac).held, null_mut());
            let reply = match NonNull::new(held) {
                Some(held) => held,
                None => match context::next_in_band(inner(ac)) {
                    Err(()) => return end(ac),
                    Ok(None) => break,
                    Ok(Some(reply)) => reply,
                },
            };
            if deliver(ac, reply) == Flow::Stop {
                return Flow::Stop;
            }
        }
        (*ac).dispatching = false;
    }
    Flow::Continue
}

/// Ends after a write that failed. If the peer has gone, what it said before is handed out first.
#[cold]
pub(super) unsafe fn hang_up(ac: *mut AsyncContext) -> Flow {
    // SAFETY: the caller's context is live, and not used after `Flow::Stop`.
    unsafe {
        if context::hear_out(inner(ac)) && hand_out_all(ac) == Flow::Stop {
            return Flow::Stop;
        }
        tear_down(ac)
    }
}

/// Sends at once what callbacks issued while replies were handed out. Only what the socket does
/// not take waits for it to become writable.
unsafe fn send_issued(ac: *mut AsyncContext) -> Flow {
    // SAFETY: the caller's context is live.
    unsafe {
        let c = inner(ac);
        if (*c).err != 0 {
            return Flow::Continue;
        }
        if sds::len((*c).obuf) == 0 {
            timer::arm(ac);
            return Flow::Continue;
        }
        if hooks::watches_write(ac) {
            return Flow::Continue;
        }
        if !context::async_write_is_default(c) {
            hooks::add_write(ac);
            return Flow::Continue;
        }
        match drain::send_and_report(ac) {
            Err(flow) => return flow,
            Ok(true) => timer::arm(ac),
            Ok(false) => hooks::add_write(ac),
        }
    }
    Flow::Continue
}

/// Finishes the commands that are not answered, once all are sent and no answered one is before
/// them: their callbacks get NULL. What these callbacks issue is for the next time.
pub(super) unsafe fn finish_sent(ac: *mut AsyncContext) -> Flow {
    // SAFETY: the caller's context is live, and not used after `Flow::Stop`.
    unsafe {
        let Some(end) = (*ac).pending.unanswered() else {
            return Flow::Continue;
        };
        if sds::len((*ac).c.c.obuf) > 0 {
            return Flow::Continue;
        }
        let flow = lists::fail_before(ac, end);
        if flow == Flow::Stop {
            finish(ac);
        }
        flow
    }
}
