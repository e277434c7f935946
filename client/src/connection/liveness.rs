//! Whether the server still answers.

use crate::time::Time;

/// What is to be done about a connection that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Nothing until then.
    At(Time),
    /// PING is sent.
    Ping,
    /// The connection is given up.
    Dead,
}

/// What is owed on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owed {
    /// No reply.
    Nothing,
    /// The oldest command without a reply has this deadline. A command that waits on the server owes
    /// from the end of its time.
    Until(Time),
    /// Nothing that is owed has a deadline: the system's own means decide.
    Unbounded,
}

/// When something was last sent or received.
#[derive(Clone, Copy, Debug)]
pub struct Liveness {
    ping_interval: Time,
    stall_timeout: Time,
    last: Time,
    /// PING was sent then, and is not answered.
    pinged: Option<Time>,
}

impl Liveness {
    /// Of a connection that has just become ready. Times are in microseconds; 0: never.
    pub fn new(ping_interval: Time, stall_timeout: Time, now: Time) -> Self {
        Self {
            ping_interval,
            stall_timeout,
            last: now,
            pinged: None,
        }
    }

    /// A byte was sent or received.
    pub fn traffic(&mut self, now: Time) {
        self.last = self.last.max(now);
    }

    /// PING is answered.
    pub fn pong(&mut self) {
        self.pinged = None;
    }

    /// What is to be done now. If that is `Ping`, it is taken for done.
    pub fn check(&mut self, owed: Owed, now: Time) -> Check {
        let owed_since = match (owed, self.pinged) {
            (Owed::Until(deadline), Some(ping)) => Some(deadline.min(ping)),
            (Owed::Until(deadline), None) => Some(deadline),
            (_, ping) => ping,
        };
        let dead = owed_since
            .filter(|_| self.stall_timeout > 0)
            .map(|since| since.max(self.last.saturating_add(self.stall_timeout)));
        let ping = (self.ping_interval > 0 && self.pinged.is_none() && owed == Owed::Nothing)
            .then(|| self.last.saturating_add(self.ping_interval));
        if dead.is_some_and(|at| at <= now) {
            return Check::Dead;
        }
        if ping.is_some_and(|at| at <= now) {
            self.pinged = Some(now);
            self.last = now;
            return Check::Ping;
        }
        Check::At(dead.into_iter().chain(ping).min().unwrap_or(Time::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: Time = 5_000_000;
    const STALL: Time = 10_000_000;

    #[test]
    fn a_silent_server_is_asked_and_then_given_up() {
        let mut liveness = Liveness::new(PING, STALL, 0);
        assert_eq!(liveness.check(Owed::Nothing, 0), Check::At(PING));
        liveness.traffic(1_000_000);
        assert_eq!(liveness.check(Owed::Nothing, PING), Check::At(6_000_000));
        assert_eq!(liveness.check(Owed::Nothing, 6_000_000), Check::Ping);
        assert_eq!(
            liveness.check(Owed::Nothing, 6_000_000),
            Check::At(16_000_000)
        );
        assert_eq!(
            liveness.check(Owed::Nothing, 15_999_999),
            Check::At(16_000_000)
        );
        assert_eq!(liveness.check(Owed::Nothing, 16_000_000), Check::Dead);
        liveness.traffic(15_999_999);
        liveness.pong();
        assert_eq!(
            liveness.check(Owed::Nothing, 16_000_000),
            Check::At(20_999_999)
        );
    }

    #[test]
    fn a_connection_that_owes_is_dead_once_its_deadline_has_passed_and_nothing_moves() {
        let mut liveness = Liveness::new(PING, STALL, 0);
        // A long deadline: the server may take its time.
        assert_eq!(
            liveness.check(Owed::Until(60_000_000), STALL),
            Check::At(60_000_000)
        );
        assert_eq!(
            liveness.check(Owed::Until(60_000_000), 59_999_999),
            Check::At(60_000_000)
        );
        assert_eq!(
            liveness.check(Owed::Until(60_000_000), 60_000_000),
            Check::Dead
        );
        // A short one: it may have passed while bytes still come.
        liveness.traffic(59_000_000);
        assert_eq!(
            liveness.check(Owed::Until(1_000_000), 60_000_000),
            Check::At(69_000_000)
        );
        assert_eq!(
            liveness.check(Owed::Until(1_000_000), 69_000_000),
            Check::Dead
        );
        // None at all.
        assert_eq!(
            liveness.check(Owed::Unbounded, 1 << 40),
            Check::At(Time::MAX)
        );
    }

    #[test]
    fn times_of_zero_are_never() {
        let mut liveness = Liveness::new(0, 0, 0);
        assert_eq!(liveness.check(Owed::Nothing, 1 << 40), Check::At(Time::MAX));
        assert_eq!(
            liveness.check(Owed::Until(1), 1 << 40),
            Check::At(Time::MAX)
        );
    }
}
