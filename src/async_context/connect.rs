//! The connect in progress: each event before it is done looks how it stands.

use super::{
    AsyncContext, Flow, events, has_flag, hooks, in_callback, inner, lifecycle, mirror_error, timer,
};
use crate::context::{self, Next};
use crate::error::{Error, set_errno};
use crate::layout::{
    REDIS_CONN_TCP, REDIS_CONN_UNIX, REDIS_CONNECTED, REDIS_DISCONNECTING, REDIS_ERR,
    REDIS_FREEING, REDIS_OK,
};
use crate::net::{Addresses, Deadline};
use libc::c_int;

/// Whether an event may go on to read or write.
pub(super) enum Progress {
    Connected,
    /// Not yet, or not any more.
    Stop,
}

/// Looks how the connect stands, and reports its end.
#[inline(never)]
pub(super) unsafe fn advance(ac: *mut AsyncContext) -> Progress {
    // SAFETY: the caller's context is live.
    unsafe {
        if let Some(early) = timer::before_next_try(ac) {
            if hooks::can_rest(ac) {
                hooks::del_write(ac);
                return Progress::Stop;
            }
            // The loop reports the socket again at once: it is held up here.
            std::thread::sleep(early);
        }
        conclude(ac, context::check_connect_done(inner(ac)))
    }
}

/// A unix socket whose listener has no room is writable for the kernel, and no event tells when there is
/// room. So nothing is of interest until the timer fires; where it may not, the socket stays of interest.
/// Ends a context that has waited too long.
pub(super) unsafe fn await_room(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live, and not used after it may be gone.
    unsafe {
        if timer::has_passed(ac) {
            events::time_out(ac);
            return;
        }
        timer::try_again_later(ac);
        if hooks::can_rest(ac) {
            hooks::del_write(ac);
        }
    }
}

/// Reports the end of a connect that stands as `done` says.
pub(super) unsafe fn conclude(ac: *mut AsyncContext, done: Result<bool, c_int>) -> Progress {
    // SAFETY: the caller's context is live, and not used after it may be gone.
    unsafe {
        match done {
            Ok(true) => succeed(ac),
            Ok(false) => {
                if (*inner(ac)).connection_type == REDIS_CONN_UNIX {
                    await_room(ac);
                }
                Progress::Stop
            }
            Err(errno) => {
                if try_next_address(ac) {
                    hooks::add_write(ac);
                    return Progress::Stop;
                }
                set_errno(errno);
                context::set_error(inner(ac), Error::Io(errno));
                fail(ac);
                Progress::Stop
            }
        }
    }
}

/// Asks the next address: on a new socket, or on the same one if the loop could not follow.
unsafe fn try_next_address(ac: *mut AsyncContext) -> bool {
    // SAFETY: the caller's context is live; the hook was given for such calls.
    unsafe {
        let Some(untried) = (*ac).untried.as_mut() else {
            return false;
        };
        if let Some(hook) = (*ac).on_new_socket {
            return context::connect_next_anew(inner(ac), untried)
                && (hook.function)(hook.data).is_ok();
        }
        match context::connect_next(inner(ac), untried) {
            Next::Asked => true,
            Next::OnNewSocket => try_new_socket(ac),
            Next::Nothing => false,
        }
    }
}

/// Asks an address of the other family, on a new socket with the old one's descriptor. Loops forget
/// the old socket if nothing is of interest, and watch the new one from then on: whether they tell
/// the kernel at once, or before they wait and only of what is different then, so that reading is of
/// interest, too. Adapters without timers are of old headers, and some of them could not follow.
unsafe fn try_new_socket(ac: *mut AsyncContext) -> bool {
    // SAFETY: the caller's context is live; the hooks were given for such calls.
    unsafe {
        if (*ac).c.ev.scheduleTimer.is_none() {
            return false;
        }
        if let Some(del_read) = (*ac).c.ev.delRead {
            del_read((*ac).c.ev.data);
        }
        hooks::del_write(ac);
        let Some(untried) = (*ac).untried.as_mut() else {
            return false;
        };
        if !context::connect_next_in_place(inner(ac), untried) {
            return false;
        }
        hooks::add_read(ac);
        true
    }
}

/// Begins the connect of a context that was made without one: to the addresses of its host, or to
/// its unix socket. What fails is reported, and ends the context.
///
/// # Safety
/// `ac` is live and was made by `create_unconnected`; it may be gone on return.
pub(crate) unsafe fn begin_connect(ac: *mut AsyncContext, host: Option<Result<Addresses, c_int>>) {
    // SAFETY: the caller's promise; the context's strings outlive the calls.
    unsafe {
        let c = inner(ac);
        let begun = match host {
            _ if (*c).err != 0 => Err(()),
            Some(Ok(addresses)) => {
                let rest = &raw mut (*ac).untried;
                context::connect_addresses(c, addresses, Deadline::after(None), rest)
            }
            Some(Err(code)) => context::fail(c, Error::Resolve(code)),
            None if (*c).connection_type == REDIS_CONN_UNIX => {
                context::connect_unix(c, (*c).unix_sock.path, (*c).connect_timeout)
            }
            None => Ok(()),
        };
        (*c).flags &= !REDIS_CONNECTED;
        let watched = begun.and_then(|()| match (*ac).on_new_socket {
            Some(hook) => (hook.function)(hook.data).or_else(|errno| {
                set_errno(errno);
                context::fail(c, Error::Io(errno))
            }),
            None => Ok(()),
        });
        if watched.is_err() {
            fail(ac);
        }
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
        mirror_error(ac);
        report(ac, REDIS_ERR);
        let _: Flow = lifecycle::tear_down(ac);
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
