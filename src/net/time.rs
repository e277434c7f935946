//! `struct timeval`s as deadlines on the monotonic clock.
#![forbid(unsafe_code)]

use crate::error::Error;
use libc::{c_int, c_long, timeval};
use std::time::{Duration, Instant};

/// The longest connect timeout that still counts as valid, in seconds: its milliseconds fit a `long`.
const MAX_SECONDS: c_long = (c_long::MAX - 999) / 1000;

/// A timeout from here on never comes: thirty thousand years, which clocks can still add to what they
/// tell.
pub(crate) const NEVER: Duration = Duration::from_secs(1 << 40);

/// A moment on the monotonic clock; `None` is never.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    /// `after` from now. So far away that the clock cannot tell is never.
    pub(crate) fn after(after: Option<Duration>) -> Self {
        Self(after.and_then(|after| Instant::now().checked_add(after)))
    }

    /// Milliseconds left, rounded up, as `poll` takes them: 0 when passed, -1 for never.
    pub(crate) fn poll_timeout(&self) -> c_int {
        let Some(left) = self.left() else { return -1 };
        c_int::try_from(left.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX)
    }

    /// Time left, zero when passed; `None` for never.
    pub(crate) fn left(&self) -> Option<Duration> {
        Some(self.0?.saturating_duration_since(Instant::now()))
    }

    /// Whether it has come.
    pub(crate) fn is_past(&self) -> bool {
        self.left() == Some(Duration::ZERO)
    }
}

/// The deadline of a connect that may take `timeout`.
pub(crate) fn connect_deadline(timeout: Option<&timeval>) -> Result<Deadline, Error> {
    let Some(timeout) = timeout else {
        return Ok(Deadline(None));
    };
    match duration(timeout) {
        Some(duration) if timeout.tv_sec <= MAX_SECONDS => Ok(Deadline::after(Some(duration))),
        _ => Err(Error::InvalidTimeout),
    }
}

/// A `timeval` as a duration; `None` where it is negative or not normalised.
pub(crate) fn duration(time: &timeval) -> Option<Duration> {
    let seconds = u64::try_from(time.tv_sec).ok()?;
    (0..1_000_000)
        .contains(&time.tv_usec)
        .then(|| Duration::new(seconds, time.tv_usec as u32 * 1000))
}

/// Whether a timeout is zero, which switches command timeouts off.
pub(crate) fn is_zero(time: &timeval) -> bool {
    time.tv_sec == 0 && time.tv_usec == 0
}
