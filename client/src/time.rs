//! The clock of the state machines, which the host reads and tests set.

use std::time::Duration;

/// Microseconds since the client was made.
pub type Time = u64;

/// A duration in the same unit.
pub(crate) fn micros(time: Duration) -> Time {
    Time::try_from(time.as_micros()).unwrap_or(Time::MAX)
}

/// The time so long after `now`.
pub(crate) fn after(now: Time, time: Duration) -> Time {
    now.saturating_add(micros(time))
}
