//! Whether an attempt at a command was its last one, and how the command has ended then.

use crate::config::RetryPolicy;
use crate::outcome::{ErrorKind, Outcome, has_no_effect};
use std::time::Duration;

/// What decides about a command's repetition.
#[derive(Clone, Copy, Debug)]
pub struct Nature {
    /// What the program allows.
    pub policy: RetryPolicy,
    /// The command changes nothing.
    pub reads_only: bool,
    /// The command waits on the server for something to happen.
    pub blocks: bool,
    /// The command runs a script or a function on the server.
    pub runs_script: bool,
    /// The client follows MOVED and ASK.
    pub follows_redirects: bool,
}

/// How one attempt has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt<'a> {
    /// A reply came that is no error.
    Replied,
    /// An error came, with this text.
    Refused(&'a [u8]),
    /// The server never got the whole command.
    NotSent,
    /// The connection ended, and the server may have got the whole command.
    Lost,
}

/// What is known of the attempts before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// How many there were.
    attempts: u32,
    /// One of them was lost: the command may have been executed.
    lost: bool,
}

/// What happens to the command now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has ended.
    Ends {
        /// How.
        outcome: Outcome,
        /// It may have been executed by an attempt before, too.
        repeated: bool,
        /// Nothing has happened at it.
        no_effect: bool,
    },
    /// Another attempt is made after a random time of at most this.
    Again {
        /// The longest time.
        within: Duration,
    },
}

impl History {
    /// How many attempts there were.
    pub fn attempts(self) -> u32 {
        self.attempts
    }

    /// Takes note of an attempt, and decides what happens now.
    pub fn decide(&mut self, nature: &Nature, attempt: Attempt<'_>) -> Verdict {
        let again = is_repeated(nature, attempt);
        let within = match attempt {
            Attempt::Refused(text) => delay(ErrorKind::of(text), self.attempts),
            // The connection's own backoff is the delay.
            _ => Duration::ZERO,
        };
        self.attempts = self.attempts.saturating_add(1);
        self.lost |= attempt == Attempt::Lost;
        if again {
            Verdict::Again { within }
        } else {
            self.end(nature, attempt)
        }
    }

    /// The verdict on a command whose time is up: while it waits, which is no attempt, or during an
    /// attempt, which may still succeed.
    pub fn give_up(&mut self, nature: &Nature, attempt: Attempt<'_>) -> Verdict {
        if attempt != Attempt::NotSent {
            self.attempts = self.attempts.saturating_add(1);
        }
        self.end(nature, attempt)
    }

    /// The verdict if the command ends with this attempt.
    pub fn end(self, nature: &Nature, attempt: Attempt<'_>) -> Verdict {
        let lost = self.lost;
        let (outcome, no_effect) = match attempt {
            Attempt::Replied => (Outcome::Done, false),
            Attempt::Refused(text) => (
                Outcome::Refused,
                !lost && has_no_effect(text, nature.runs_script),
            ),
            Attempt::NotSent if !lost => (Outcome::NotDone, false),
            Attempt::NotSent | Attempt::Lost => (Outcome::Unknown, false),
        };
        Verdict::Ends {
            outcome,
            repeated: lost && matches!(outcome, Outcome::Done | Outcome::Refused),
            no_effect,
        }
    }
}

/// Whether another attempt may be made after this one.
fn is_repeated(nature: &Nature, attempt: Attempt<'_>) -> bool {
    if nature.policy == RetryPolicy::Never {
        return false;
    }
    match attempt {
        Attempt::Replied => false,
        Attempt::Refused(text) => {
            let kind = ErrorKind::of(text);
            kind.passes()
                && has_no_effect(text, nature.runs_script)
                && (nature.follows_redirects || !kind.redirects())
        }
        Attempt::NotSent => true,
        Attempt::Lost => {
            !nature.blocks && (nature.reads_only || nature.policy == RetryPolicy::Idempotent)
        }
    }
}

/// The longest time to wait for a condition to pass, after so many attempts before this one.
fn delay(kind: ErrorKind, attempts: u32) -> Duration {
    const FIRST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(1);
    if kind.redirects() {
        return Duration::ZERO;
    }
    doubled(FIRST, attempts, LONGEST)
}

/// `first` · 2ⁿ, but at most `longest`.
pub(crate) fn doubled(first: Duration, n: u32, longest: Duration) -> Duration {
    match 1u32.checked_shl(n) {
        Some(factor) => first.saturating_mul(factor).min(longest),
        None => longest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [&[u8]; 15] = [
        b"MOVED 1 h:1",
        b"ASK 1 h:1",
        b"TRYAGAIN x",
        b"CLUSTERDOWN x",
        b"CROSSSLOT x",
        b"LOADING x",
        b"MASTERDOWN x",
        b"READONLY x",
        b"BUSY x",
        b"NOSCRIPT x",
        b"NOAUTH x",
        b"NOREPLICAS x",
        b"NOPERM x",
        b"EXECABORT x",
        b"ERR x",
    ];

    fn natures() -> impl Iterator<Item = Nature> {
        let policies = [
            RetryPolicy::Never,
            RetryPolicy::Safe,
            RetryPolicy::Idempotent,
        ];
        policies.into_iter().flat_map(|policy| {
            (0..16).map(move |bits| Nature {
                policy,
                reads_only: bits & 1 != 0,
                blocks: bits & 2 != 0,
                runs_script: bits & 4 != 0,
                follows_redirects: bits & 8 != 0,
            })
        })
    }

    fn attempts() -> impl Iterator<Item = Attempt<'static>> {
        [Attempt::Replied, Attempt::NotSent, Attempt::Lost]
            .into_iter()
            .chain(KINDS.into_iter().map(Attempt::Refused))
    }

    /// A server that executes as the attempt says; of a lost one, either.
    fn may_execute(attempt: Attempt<'_>) -> bool {
        match attempt {
            Attempt::Replied | Attempt::Lost => true,
            Attempt::Refused(text) => ErrorKind::of(text) == ErrorKind::Other,
            Attempt::NotSent => false,
        }
    }

    /// Every sequence of up to three attempts, for every nature: what the outcome claims holds.
    #[test]
    fn no_outcome_claims_what_is_not_known() {
        let mut ended = 0;
        for nature in natures() {
            for first in attempts() {
                for second in attempts() {
                    for third in attempts() {
                        ended += usize::from(check(&nature, &[first, second, third]));
                    }
                }
            }
        }
        assert!(ended > 10_000, "{ended}");
    }

    /// Plays a command until it ends; false if it would go on.
    fn check(nature: &Nature, sequence: &[Attempt<'_>]) -> bool {
        let mut history = History::default();
        let mut lost_before = false;
        for (n, attempt) in sequence.iter().enumerate() {
            let verdict = history.decide(nature, *attempt);
            assert_eq!(history.attempts() as usize, n + 1);
            let Verdict::Ends {
                outcome,
                repeated,
                no_effect,
            } = verdict
            else {
                assert_ne!(nature.policy, RetryPolicy::Never);
                assert_ne!(*attempt, Attempt::Replied);
                let harmless = nature.reads_only || nature.policy == RetryPolicy::Idempotent;
                assert!(
                    !may_execute(*attempt) || harmless,
                    "{nature:?} {sequence:?}"
                );
                assert!(*attempt != Attempt::Lost || !nature.blocks);
                lost_before |= *attempt == Attempt::Lost;
                continue;
            };
            assert_eq!(
                repeated,
                lost_before && outcome != Outcome::Unknown,
                "{sequence:?}"
            );
            assert_eq!(outcome == Outcome::Done, *attempt == Attempt::Replied);
            assert_eq!(
                outcome == Outcome::Refused,
                matches!(attempt, Attempt::Refused(_))
            );
            if outcome == Outcome::NotDone || no_effect {
                assert!(
                    !lost_before && !may_execute(*attempt),
                    "{nature:?} {sequence:?}"
                );
            }
            return true;
        }
        false
    }

    #[test]
    fn the_policies_are_those_of_the_table() {
        let write = Nature {
            policy: RetryPolicy::Safe,
            reads_only: false,
            blocks: false,
            runs_script: false,
            follows_redirects: true,
        };
        let read = Nature {
            reads_only: true,
            ..write
        };
        let passing = 9 - 1; // MOVED to BUSY without CROSSSLOT
        let repeats = |nature: &Nature| {
            attempts()
                .filter(|attempt| is_repeated(nature, *attempt))
                .count()
        };
        assert_eq!(
            repeats(&Nature {
                policy: RetryPolicy::Never,
                ..read
            }),
            0
        );
        assert_eq!(repeats(&write), 1 + passing);
        assert_eq!(repeats(&read), 2 + passing);
        assert_eq!(
            repeats(&Nature {
                policy: RetryPolicy::Idempotent,
                ..write
            }),
            2 + passing
        );
        assert_eq!(
            repeats(&Nature {
                blocks: true,
                ..read
            }),
            1 + passing
        );
        assert_eq!(
            repeats(&Nature {
                follows_redirects: false,
                ..write
            }),
            1 + passing - 2
        );
    }

    #[test]
    fn an_error_within_a_script_may_have_had_an_effect() {
        let text = b"READONLY You can't write against a read only replica. script: abc, on @user_script:1.";
        assert!(has_no_effect(text, false));
        assert!(!has_no_effect(text, true));
        assert!(has_no_effect(b"READONLY You can't write", true));
        assert!(!has_no_effect(b"ERR unknown command", false));
        assert!(!has_no_effect(b"MOVEDX 1", false));
        assert!(!has_no_effect(b"", false));
    }

    #[test]
    fn delays_double_up_to_a_second_and_redirects_have_none() {
        assert_eq!(delay(ErrorKind::Moved, 5), Duration::ZERO);
        assert_eq!(delay(ErrorKind::Ask, 5), Duration::ZERO);
        for (attempts, millis) in [
            (0, 50),
            (1, 100),
            (4, 800),
            (5, 1000),
            (31, 1000),
            (32, 1000),
            (u32::MAX, 1000),
        ] {
            assert_eq!(
                delay(ErrorKind::Busy, attempts),
                Duration::from_millis(millis)
            );
        }
    }
}
