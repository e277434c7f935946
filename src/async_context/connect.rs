//! The connect in progress: each event before it is done looks how it stands.

use super::{
    AsyncContext, Life, has_flag, hooks, in_callback, inner, lifecycle, mirror_error, timer,
};
use crate::context;
use crate::error::{Error, set_errno};
use crate::layout::{
    REDIS_CONN_TCP, REDIS_CONNECTED, REDIS_DISCONNECTING, REDIS_ERR, REDIS_FREEING, REDIS_OK,
};
use libc::c_int;

/// Whether an event may go on to read or write.
pub(super) enum Progress {
    Connected,
    /// Not yet, or not any more.
    Stop,
}

/// Looks how the connect stands, and reports its end.
pub(super) unsafe fn advance(ac: *mut AsyncContext) -> Progress {
    // SAFETY: the caller's context is live, and not used after it may be gone.
    unsafe {
        match context::check_connect_done(inner(ac)) {
            Ok(true) => succeed(ac),
            Ok(false) => Progress::Stop,
            Err(errno) => {
                if try_next_address(ac) {
                    hooks::add_write(ac);
                    return Progress::Stop;
                }
                set_errno(errno);
                context::set_error(inner(ac), Error::Io(errno));
                mirror_error(ac);
                fail(ac);
                Progress::Stop
            }
        }
    }
}

/// Asks the next address on the same socket, which the loop goes on watching.
unsafe fn try_next_address(ac: *mut AsyncContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe {
        let Some(untried) = (*ac).untried.as_mut() else {
            return false;
        };
        context::connect_next(inner(ac), untried)
    }
}

unsafe fn succeed(ac: *mut AsyncContext) -> Progress {
    // SAFETY: the caller's context is live; it is looked at again after the callback.
    unsafe {
        let c = inner(ac);
        (*ac).untried = None;
        if (*c).connection_type == REDIS_CONN_TCP && context::set_nodelay(c).is_err() {
            fail(ac);
            return Progress::Stop;
        }
        (*c).flags |= REDIS_CONNECTED;
        timer::connected(ac);
        report(ac, REDIS_OK);
        if has_flag(ac, REDIS_DISCONNECTING) {
            lifecycle::disconnect(ac);
            return Progress::Stop;
        }
        if has_flag(ac, REDIS_FREEING) {
            lifecycle::free(ac);
            return Progress::Stop;
        }
    }
    Progress::Connected
}

/// Reports that there will be no connection, and ends.
unsafe fn fail(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        (*ac).untried = None;
        report(ac, REDIS_ERR);
        let _: Life = lifecycle::tear_down(ac);
    }
}

/// Runs the connect callback.
pub(super) unsafe fn report(ac: *mut AsyncContext, status: c_int) {
    // SAFETY: the caller's context is live; callbacks were given for such calls.
    unsafe {
        if let Some(on_connect) = (*ac).c.onConnect {
            in_callback(ac, || on_connect(ac.cast_const().cast(), status));
        } else if let Some(on_connect) = (*ac).c.onConnectNC {
            in_callback(ac, || on_connect(ac.cast(), status));
        }
    }
}
