//! Deadlines. There is one: of the connect, or of the oldest command still waiting for its reply.
//! The loop's timer is set when that begins and when it was due, not for every command.

use super::{AsyncContext, has_flag, hooks, lists};
use crate::context;
use crate::error::{Error, set_errno};
use crate::layout::{HANDSHAKE, REDIS_CONNECTED};
use crate::net;
use core::num::NonZeroUsize;
use libc::{EINVAL, c_void, timeval};
use std::time::{Duration, Instant};

/// A timer that fires this little early counts as due: loops round to milliseconds.
const TOLERANCE: Duration = Duration::from_millis(1);

/// When a timer that could not be acted upon is to fire again.
const AGAIN: Duration = Duration::from_millis(10);

/// No timer of a loop is set for longer: some count milliseconds in an `int`. One that fires early is
/// set again.
const LONGEST: Duration = Duration::from_hours(24);

/// How long a unix listener without room is given before it is asked again.
const ROOM: Duration = Duration::from_millis(5);

/// A wait that began this many milliseconds ago has just begun.
const BEGUN: u128 = 10;

/// Since when we wait, and which timer of which loop watches over it.
pub(super) struct Timer {
    since: Option<Instant>,
    /// The hook that was asked for a timer which has not fired yet, and its data.
    asked: Option<(NonZeroUsize, *mut c_void)>,
    /// That timer was set for another timeout than the one in force.
    outdated: bool,
    /// The wait is for a TLS handshake.
    handshake: bool,
    /// The loop has reported the end of the wait, and what had arrived by then is read first.
    reported: bool,
    /// When a unix listener that had no room is to be asked again.
    next_try: Option<Instant>,
}

/// What a deadline looks like now.
pub(super) enum Due {
    /// Nothing is waited for, or without a limit.
    Never,
    /// The limit is reached in this time.
    In(Duration),
    /// The limit has passed.
    Now,
}

impl Timer {
    pub(super) fn new() -> Self {
        Self {
            since: None,
            asked: None,
            outdated: false,
            handshake: false,
            reported: false,
            next_try: None,
        }
    }
}

/// Whether a TLS handshake goes on that has a limit of its own, which is that of the connect. Without one it counts as part of
/// the first command.
unsafe fn is_handshaking(ac: *const AsyncContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe {
        let timeout = (*ac).c.c.connect_timeout.as_ref();
        has_flag(ac, HANDSHAKE) && timeout.is_some_and(|time| !net::is_zero(time))
    }
}

/// Whether the connection is still to be made.
unsafe fn is_connecting(ac: *const AsyncContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe { !has_flag(ac, REDIS_CONNECTED) || is_handshaking(ac) }
}

/// Begins a new wait where a handshake has begun or ended, which the transport does not tell.
unsafe fn follow_handshake(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        let handshake = is_handshaking(ac);
        if has_flag(ac, REDIS_CONNECTED) && handshake != (*ac).timer.handshake {
            (*ac).timer.handshake = handshake;
            (*ac).timer.outdated = true;
            restart(ac);
        }
    }
}

/// The timeout in force: for connecting, and then for commands. `None` where it is off or never comes.
/// Programs may have written anything into the context's fields.
unsafe fn limit(ac: *const AsyncContext) -> Option<Duration> {
    // SAFETY: the caller's context is live.
    unsafe {
        let c = &(*ac).c.c;
        let timeout = if is_connecting(ac) {
            c.connect_timeout
        } else {
            c.command_timeout
        };
        limit_of(timeout.as_ref()?)
    }
}

/// Apart, since most contexts have no timeout.
#[inline(never)]
fn limit_of(timeout: &timeval) -> Option<Duration> {
    let limit = net::duration(timeout)?;
    (!limit.is_zero() && limit < net::NEVER).then_some(limit)
}

/// Whether anything is waited for: the connect, or a reply.
unsafe fn is_waiting(ac: *const AsyncContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe { is_connecting(ac) || lists::is_waiting(ac) }
}

/// What identifies the loop's timer: a program may move a context to another loop.
unsafe fn hook(ac: *const AsyncContext) -> Option<(NonZeroUsize, *mut c_void)> {
    // SAFETY: the caller's context is live.
    unsafe {
        let ev = &(*ac).c.ev;
        let hook = NonZeroUsize::new(ev.scheduleTimer? as usize)?;
        Some((hook, ev.data))
    }
}

/// Whether a timer that we asked for is still to fire.
unsafe fn is_scheduled(ac: *const AsyncContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe { (*ac).timer.asked.is_some() && (*ac).timer.asked == hook(ac) }
}

/// Sets the loop's timer where something is waited for and no timer watches yet.
pub(super) unsafe fn arm(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        follow_handshake(ac);
        if (*ac).c.ev.scheduleTimer.is_none() || (is_scheduled(ac) && !(*ac).timer.outdated) {
            return;
        }
        let Some(limit) = limit(ac) else { return };
        if is_waiting(ac) {
            if (*ac).timer.since.is_none() {
                (*ac).timer.since = Some(Instant::now());
            }
            let after = match due(ac) {
                // The wait began earlier, under another loop or timeout.
                Due::In(left) if left.as_millis() + BEGUN < limit.as_millis() => left,
                Due::Now => TOLERANCE,
                Due::In(_) | Due::Never => limit,
            };
            schedule(ac, after);
        }
    }
}

unsafe fn schedule(ac: *mut AsyncContext, after: Duration) {
    // SAFETY: the caller's context is live; the hook was given for such calls.
    unsafe {
        if let Some(schedule) = (*ac).c.ev.scheduleTimer {
            (*ac).timer.asked = hook(ac);
            (*ac).timer.outdated = false;
            schedule((*ac).c.ev.data, time_of(after.min(LONGEST)));
        }
    }
}

/// Begins a new wait: the connection was made, or a reply came.
pub(super) unsafe fn restart(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        (*ac).timer.since = None;
        (*ac).timer.reported = false;
        if has_timeout(ac) && is_waiting(ac) {
            begin_wait(ac);
        }
    }
}

/// Begins a wait where none was: a command was issued. To be called before it is queued.
#[inline(always)]
pub(super) unsafe fn begin(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        if has_timeout(ac) && has_flag(ac, REDIS_CONNECTED) && !is_waiting(ac) {
            begin_wait(ac);
        }
    }
}

/// Whether the context has a timeout, of whatever kind and value. Most have none.
#[inline(always)]
unsafe fn has_timeout(ac: *const AsyncContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe { !(*ac).c.c.command_timeout.is_null() || !(*ac).c.c.connect_timeout.is_null() }
}

#[inline(never)]
unsafe fn begin_wait(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        if limit(ac).is_some() {
            (*ac).timer.since = Some(Instant::now());
        }
    }
}

/// The socket is connected: the timer of the connect is of no more use, unless a handshake follows, for which its time runs on.
pub(super) unsafe fn connected(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        (*ac).timer.outdated = true;
        (*ac).timer.next_try = None;
        (*ac).timer.handshake = is_handshaking(ac);
        if !(*ac).timer.handshake || (*ac).timer.since.is_none() {
            restart(ac);
        }
    }
}

/// How the deadline that the loop's timer watches over looks. `Never` also if no timer does.
pub(super) unsafe fn watched(ac: *mut AsyncContext) -> Due {
    // SAFETY: the caller's context is live.
    unsafe {
        follow_handshake(ac);
        if (*ac).timer.reported && is_waiting(ac) {
            Due::Now
        } else if is_scheduled(ac) {
            due(ac)
        } else {
            Due::Never
        }
    }
}

unsafe fn due(ac: *mut AsyncContext) -> Due {
    // SAFETY: the caller's context is live.
    unsafe {
        let (Some(limit), Some(since)) = (limit(ac), (*ac).timer.since) else {
            return Due::Never;
        };
        if !is_waiting(ac) {
            return Due::Never;
        }
        // A deadline beyond the clock never comes.
        let Some(deadline) = since.checked_add(limit) else {
            return Due::Never;
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left > TOLERANCE {
            Due::In(left)
        } else {
            Due::Now
        }
    }
}

/// Whether the loop's timer has reported a timeout. One that fires before the deadline it was set
/// for is set again; one that is not ours is the program's own, and taken at its word.
pub(super) unsafe fn has_expired(ac: *mut AsyncContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe {
        follow_handshake(ac);
        let ours = is_scheduled(ac);
        (*ac).timer.asked = None;
        if !is_connecting(ac) && (!is_waiting(ac) || limit(ac).is_none()) {
            return false;
        }
        if !ours || (*ac).c.ev.scheduleTimer.is_none() {
            return true;
        }
        match due(ac) {
            Due::In(left) => {
                schedule(ac, left);
                false
            }
            Due::Never | Due::Now => true,
        }
    }
}

/// A unix listener has no room: it is asked again soon, and the connect's own time runs on.
pub(super) unsafe fn try_again_later(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        let now = Instant::now();
        (*ac).timer.next_try = now.checked_add(ROOM);
        if limit(ac).is_some() {
            // Also for loops without a timer: there each try looks whether the time is over.
            (*ac).timer.since.get_or_insert(now);
        }
        arm(ac);
        if !hooks::can_rest(ac) {
            return;
        }
        let after = match due(ac) {
            Due::In(left) => left.min(ROOM),
            Due::Now => TOLERANCE,
            Due::Never => ROOM,
        };
        schedule(ac, after);
    }
}

/// How long it is until the listener is to be asked again; `None` if it is time, or was never asked.
pub(super) unsafe fn before_next_try(ac: *const AsyncContext) -> Option<Duration> {
    // SAFETY: the caller's context is live.
    let left = unsafe { (*ac).timer.next_try }?.saturating_duration_since(Instant::now());
    (!left.is_zero()).then_some(left)
}

/// Whether the timer that fired was set to ask a listener again.
pub(super) unsafe fn take_try(ac: *mut AsyncContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe {
        let fired = (*ac).timer.next_try.is_some() && is_scheduled(ac);
        if fired {
            (*ac).timer.asked = None;
        }
        fired
    }
}

/// Whether the limit has passed, whatever watches over it.
pub(super) unsafe fn has_passed(ac: *mut AsyncContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe { matches!(due(ac), Due::Now) }
}

/// The end of the wait is to be decided behind what has arrived. `false` if it was already: a peer that
/// sends without answering is not listened to for ever.
pub(super) unsafe fn report(ac: *mut AsyncContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe {
        let first = !core::mem::replace(&mut (*ac).timer.reported, true);
        if first {
            // For a transport that decides nothing in this event.
            schedule(ac, AGAIN);
        }
        first
    }
}

/// The loop's timer fired while a callback of the context runs, which no event may interrupt. It is
/// set again, since it would not fire once more by itself.
pub(super) unsafe fn put_off(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        if is_scheduled(ac) {
            schedule(ac, AGAIN);
        }
    }
}

fn time_of(duration: Duration) -> timeval {
    timeval {
        tv_sec: duration.as_secs() as libc::time_t,
        tv_usec: libc::suseconds_t::from(duration.subsec_micros()),
    }
}

/// `redisAsyncSetTimeout`: keeps a command timeout; the timer follows with the next event. A timeout
/// that is no time is refused, and the context is as before.
///
/// # Safety
/// `ac` is live.
pub(crate) unsafe fn set_timeout(ac: *mut AsyncContext, timeout: timeval) -> Result<(), ()> {
    // SAFETY: the caller's promise.
    unsafe {
        let c = super::inner(ac);
        if net::duration(&timeout).is_none() {
            set_errno(EINVAL);
            return Err(());
        }
        if context::update_command_timeout(c, &raw const timeout).is_err() {
            context::set_error(c, Error::OutOfMemory);
            super::mirror_error(ac);
            return Err(());
        }
        if has_flag(ac, REDIS_CONNECTED) {
            (*ac).timer.outdated = true;
            if (*ac).timer.since.is_none() {
                restart(ac);
            }
        }
        Ok(())
    }
}
