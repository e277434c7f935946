//! The states of a connection that comes back, and when the next attempt is made.

use super::backoff::Backoff;
use crate::time::{Time, after, micros};
use std::time::Duration;

/// What the connection is doing. The numbers are those of the C header.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for the next attempt.
    Waiting = 1,
    /// It asks for the addresses of the host.
    Resolving = 2,
    /// It connects.
    Connecting = 3,
    /// It does the TLS handshake.
    Tls = 4,
    /// It says what is said before the program's commands.
    Handshake = 5,
    /// It takes commands.
    Ready = 6,
    /// The server has refused the credentials; it waits for others, or for the longest backoff.
    Authentication = 7,
    /// It takes no more commands, and waits for what is owed.
    Draining = 8,
    /// It is over.
    Closed = 9,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Do {
    /// Nothing until then.
    Wait(Time),
    /// An attempt to connect is begun.
    Dial,
    /// The attempt has taken too long, and is ended.
    EndAttempt,
}

/// A connection, without its socket.
#[derive(Debug)]
pub struct Life {
    state: State,
    backoff: Backoff,
    connect_timeout: Time,
    /// Of a connection that waits: when the next attempt is made. Of an attempt: when it must have
    /// succeeded. Of one that is ready: since when it is.
    time: Time,
    random: fastrand::Rng,
}

impl Life {
    /// A connection whose first attempt is made at once.
    pub fn new(connect_timeout: Duration, seed: u64, now: Time) -> Self {
        Self {
            state: State::Waiting,
            backoff: Backoff::default(),
            connect_timeout: micros(connect_timeout),
            time: now,
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// What the connection is doing.
    pub fn state(&self) -> State {
        self.state
    }

    /// What is to be done now. After `Dial` the connection is resolving.
    pub fn tick(&mut self, now: Time) -> Do {
        match self.state {
            State::Waiting | State::Authentication if now >= self.time => {
                self.state = State::Resolving;
                self.time = match self.connect_timeout {
                    0 => Time::MAX,
                    timeout => now.saturating_add(timeout),
                };
                Do::Dial
            }
            state if state.is_attempt() && now >= self.time => Do::EndAttempt,
            State::Ready | State::Draining | State::Closed => Do::Wait(Time::MAX),
            _ => Do::Wait(self.time),
        }
    }

    /// The attempt has come to a further state.
    pub fn advance(&mut self, state: State) {
        if self.state.is_attempt() && state.is_attempt() {
            self.state = state;
        }
    }

    /// The handshake is done.
    pub fn ready(&mut self, now: Time) {
        if self.state.is_attempt() {
            self.state = State::Ready;
            self.time = now;
        }
    }

    /// The attempt has failed, or the connection is lost.
    pub fn lost(&mut self, now: Time) {
        match self.state {
            State::Draining | State::Closed => return self.close(),
            State::Ready => {
                let ready = Duration::from_micros(now.saturating_sub(self.time));
                self.backoff.was_ready(ready);
            }
            _ => {}
        }
        let within = micros(self.backoff.within());
        self.state = State::Waiting;
        self.time = now.saturating_add(self.random.u64(0..=within));
    }

    /// The server has refused the credentials.
    pub fn refused_credentials(&mut self, now: Time) {
        if self.state.is_attempt() {
            self.state = State::Authentication;
            self.time = after(now, self.backoff.longest());
        }
    }

    /// There are new credentials: the next attempt is made at once.
    pub fn new_credentials(&mut self, now: Time) {
        if self.state == State::Authentication {
            self.time = now;
        }
    }

    /// Takes no more commands. A connection that is not ready is over.
    pub fn drain(&mut self) {
        self.state = match self.state {
            State::Ready | State::Draining => State::Draining,
            _ => State::Closed,
        };
    }

    /// It is over, and does not come back.
    pub fn close(&mut self) {
        self.state = State::Closed;
    }
}

impl State {
    /// Whether an attempt to connect is under way.
    pub fn is_attempt(self) -> bool {
        matches!(
            self,
            Self::Resolving | Self::Connecting | Self::Tls | Self::Handshake
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Time = 1_000_000;

    fn life() -> Life {
        Life::new(Duration::from_secs(5), 7, 100)
    }

    #[test]
    fn the_first_attempt_is_made_at_once_and_bounded_as_a_whole() {
        let mut life = life();
        assert_eq!(life.tick(99), Do::Wait(100));
        assert_eq!(life.tick(100), Do::Dial);
        assert_eq!(life.state(), State::Resolving);
        for state in [State::Connecting, State::Tls, State::Handshake] {
            life.advance(state);
            assert_eq!(life.state(), state);
            assert_eq!(life.tick(5 * SECOND), Do::Wait(5 * SECOND + 100));
        }
        assert_eq!(life.tick(5 * SECOND + 100), Do::EndAttempt);
        life.ready(5 * SECOND);
        assert_eq!(life.state(), State::Ready);
        assert_eq!(life.tick(500 * SECOND), Do::Wait(Time::MAX));
    }

    #[test]
    fn attempts_come_later_and_later_until_one_lasts() {
        let mut life = life();
        let mut now = 100;
        let mut longest = 0;
        for _ in 0..1000 {
            assert_eq!(life.tick(now), Do::Dial);
            life.lost(now);
            let Do::Wait(next) = life.tick(now) else {
                // A random time may be none.
                continue;
            };
            assert!(next - now <= 5 * SECOND);
            longest = longest.max(next - now);
            now = next;
        }
        assert!(longest > 4 * SECOND, "{longest}");
        assert_eq!(life.tick(now), Do::Dial);
        life.ready(now);
        life.lost(now + 2 * SECOND);
        let Do::Wait(next) = life.tick(now + 2 * SECOND) else {
            return;
        };
        assert!(next - (now + 2 * SECOND) <= 50_000);
    }

    #[test]
    fn wrong_credentials_wait_for_others() {
        let mut life = life();
        life.tick(100);
        life.refused_credentials(100);
        assert_eq!(life.state(), State::Authentication);
        assert_eq!(life.tick(101), Do::Wait(5 * SECOND + 100));
        life.new_credentials(200);
        assert_eq!(life.tick(200), Do::Dial);
    }

    #[test]
    fn what_is_closed_does_not_come_back() {
        for prepare in [
            |_: &mut Life| {},
            |life: &mut Life| {
                life.tick(100);
            },
            |life: &mut Life| {
                life.tick(100);
                life.ready(100);
                life.drain();
                assert_eq!(life.state(), State::Draining);
            },
            |life: &mut Life| {
                life.tick(100);
                life.refused_credentials(100);
            },
        ] {
            let mut life = life();
            prepare(&mut life);
            if life.state() == State::Draining {
                life.lost(200);
            } else {
                life.drain();
            }
            assert_eq!(life.state(), State::Closed);
            life.lost(300);
            life.ready(300);
            life.advance(State::Tls);
            life.refused_credentials(300);
            life.new_credentials(300);
            assert_eq!(
                (life.state(), life.tick(400)),
                (State::Closed, Do::Wait(Time::MAX))
            );
        }
    }
}
