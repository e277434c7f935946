//! When the next attempt to connect is made.

use crate::retry::doubled;
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(5);
/// A connection that was ready for so long was a good one.
const PROVEN: Duration = Duration::from_secs(2);

/// How many attempts in a row have failed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    failed: u32,
}

impl Backoff {
    /// The longest time until the next attempt, after one has failed or a connection was lost. The
    /// time itself is random, so that clients that lost one server do not return at once.
    pub fn within(&mut self) -> Duration {
        let longest = doubled(FIRST, self.failed, LONGEST);
        self.failed = self.failed.saturating_add(1);
        longest
    }

    /// The time after the server has refused the password: another attempt can only help if
    /// somebody changes something.
    pub fn longest(&self) -> Duration {
        LONGEST
    }

    /// The connection has been lost after it was ready for so long.
    pub fn was_ready(&mut self, time: Duration) {
        if time >= PROVEN {
            self.failed = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_five_seconds_and_starts_anew_after_a_good_connection() {
        let mut backoff = Backoff::default();
        let millis = [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000];
        for expected in millis {
            assert_eq!(backoff.within(), Duration::from_millis(expected));
        }
        backoff.was_ready(PROVEN - Duration::from_micros(1));
        assert_eq!(backoff.within(), LONGEST);
        backoff.was_ready(PROVEN);
        assert_eq!(backoff.within(), FIRST);
        assert_eq!(backoff.longest(), LONGEST);
    }
}
