//! Whether what commands are told is true: an engine, a network that loses what it likes, and a
//! server that counts what it has executed.
//!
//! `TRUTH_RUNS=200000 cargo test --release -p hiredis-client truth -- --nocapture` for longer.

use super::*;
use crate::config::RetryPolicy;
use crate::outcome::{Cause, Outcome};
use crate::retry::Nature;
use crate::time::Time;
use std::collections::VecDeque;
use std::time::Duration;

/// A reply that says which command it answers.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    command: usize,
    error: Option<&'static [u8]>,
}

impl Reply for Answer {
    fn error(&self) -> Option<&[u8]> {
        self.error
    }
}

/// What the server knows of a command.
struct Fact {
    nature: Nature,
    submitted: bool,
    executed: u32,
    told: Option<Outcome>,
}

struct World {
    random: fastrand::Rng,
    engine: Engine<Vec<u8>, usize, Answer>,
    facts: Vec<Fact>,
    now: Time,
    connection: Option<Connection>,
    /// The server does not wait for the CR LF at a command's end.
    hasty: bool,
    cuts: u64,
    /// Replies to commands that had ended.
    late: u64,
}

#[derive(Default)]
struct Connection {
    /// Given by the engine, and not taken by the transport.
    output: VecDeque<u8>,
    taken: u64,
    /// Taken by the transport, and not arrived.
    network: VecDeque<u8>,
    arrived: Vec<u8>,
    /// Replies that have not arrived.
    replies: VecDeque<Answer>,
    /// The server has executed the command that is arriving, but for its last two bytes.
    ahead: bool,
}

/// A command whose bytes name it: its length, its number, and as many bytes as one likes.
fn command(number: usize, padding: usize) -> Vec<u8> {
    format!("{:06}{number:06}{}\r\n", padding + 14, "x".repeat(padding)).into_bytes()
}

fn number_in(bytes: &[u8]) -> usize {
    str::from_utf8(bytes).unwrap().parse().unwrap()
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let limits = Limits {
            waiting: 20,
            waiting_bytes: 1000,
            in_flight: random.usize(1..10),
            window: random.u64(1..200),
        };
        Self {
            engine: Engine::new(limits, seed).unwrap(),
            facts: vec![],
            now: 0,
            connection: None,
            hasty: random.bool(),
            random,
            cuts: 0,
            late: 0,
        }
    }

    fn submit(&mut self) {
        let policies = [
            RetryPolicy::Never,
            RetryPolicy::Safe,
            RetryPolicy::Idempotent,
        ];
        let nature = Nature {
            policy: policies[self.random.usize(0..3)],
            reads_only: self.random.u8(0..4) == 0,
            blocks: self.random.u8(0..8) == 0,
            runs_script: false,
            follows_redirects: self.random.bool(),
        };
        let number = self.facts.len();
        let timeout = match self.random.u8(0..4) {
            0 => None,
            1 => Some(Duration::from_micros(self.random.u64(0..20_000))),
            _ => Some(Duration::from_micros(self.random.u64(0..3_000_000))),
        };
        let bytes = command(number, self.random.usize(0..40));
        let accepted = self.engine.submit(number, bytes, nature, timeout, self.now);
        if let Ok(id) = accepted
            && self.random.u8(0..10) == 0
        {
            assert!(self.engine.cancel(id, self.now));
        }
        self.facts.push(Fact {
            nature,
            submitted: accepted.is_ok(),
            executed: 0,
            told: None,
        });
    }

    /// One thing that may happen.
    fn step(&mut self) {
        match self.random.u8(0..12) {
            0..4 => self.submit(),
            4 => self.now += self.random.u64(0..400_000),
            5 if self.connection.is_none() => {
                self.connection = Some(Connection::default());
                self.engine.connected();
            }
            6 if self.random.u8(0..4) == 0 => self.cut(),
            7 | 8 => self.transfer(),
            9 => self.serve(),
            10 => self.answer(),
            _ => self.now += self.random.u64(0..10_000),
        }
        self.engine.tick(self.now);
        self.give();
        self.listen();
    }

    fn give(&mut self) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let output = &mut connection.output;
        self.engine
            .give(connection.taken, self.now, |bytes| {
                output.extend(bytes);
                Ok(())
            })
            .unwrap();
    }

    /// The transport takes some bytes, and some arrive.
    fn transfer(&mut self) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let takes = self.random.usize(0..=connection.output.len());
        connection.network.extend(connection.output.drain(..takes));
        connection.taken += takes as u64;
        let arrives = self.random.usize(0..=connection.network.len());
        connection
            .arrived
            .extend(connection.network.drain(..arrives));
    }

    /// The server executes what has arrived.
    fn serve(&mut self) {
        while let Some(connection) = &mut self.connection {
            let arrived = &mut connection.arrived;
            if arrived.len() < 12 {
                return;
            }
            let length = number_in(&arrived[..6]);
            let number = number_in(&arrived[6..12]);
            let whole = arrived.len() >= length;
            let enough = whole || (self.hasty && arrived.len() >= length - 2);
            if enough && !connection.ahead {
                connection.ahead = true;
                self.execute(number);
            }
            if !whole {
                return;
            }
            let Some(connection) = &mut self.connection else {
                return;
            };
            connection.arrived.drain(..length);
            connection.ahead = false;
        }
    }

    fn execute(&mut self, number: usize) {
        const PASSING: [&[u8]; 4] = [b"LOADING x", b"BUSY x", b"MOVED 1 x", b"NOPERM x"];
        let error = match self.random.u8(0..10) {
            0 => Some(PASSING[self.random.usize(0..PASSING.len())]),
            1 => Some(&b"ERR x"[..]),
            _ => None,
        };
        let refused = error.is_some_and(|text| text != b"ERR x");
        self.facts[number].executed += u32::from(!refused);
        if let Some(connection) = &mut self.connection {
            connection.replies.push_back(Answer {
                command: number,
                error,
            });
        }
    }

    /// Some replies arrive.
    fn answer(&mut self) {
        for _ in 0..self.random.u8(0..4) {
            let Some(reply) = self.connection.as_mut().and_then(|c| c.replies.pop_front()) else {
                return;
            };
            self.late += u64::from(self.facts[reply.command].told.is_some());
            assert_eq!(self.engine.reply(reply, self.now), Ok(()));
            self.listen();
        }
    }

    /// The connection ends. The server gets any part of what the transport has taken, and executes
    /// it; of its replies, some have arrived.
    fn cut(&mut self) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        let arrives = self.random.usize(0..=connection.network.len());
        connection
            .arrived
            .extend(connection.network.drain(..arrives));
        self.answer();
        self.serve();
        if let Some(connection) = self.connection.take() {
            self.engine.ended(connection.taken, Cause::Reset, self.now);
            self.cuts += 1;
        }
    }

    /// What the program is told.
    fn listen(&mut self) {
        while let Some(completion) = self.engine.completion() {
            let fact = &mut self.facts[completion.tag];
            assert!(fact.submitted && fact.told.is_none(), "told once");
            fact.told = Some(completion.outcome);
            if let Some(reply) = &completion.reply {
                assert_eq!(reply.command, completion.tag, "another command's reply");
            }
            let replied = matches!(completion.outcome, Outcome::Done | Outcome::Refused);
            assert_eq!(replied, completion.reply.is_some());
            if completion.outcome == Outcome::Done {
                assert!(fact.executed >= 1, "done");
                assert!(completion.repeated || fact.executed == 1, "done once");
            }
            if completion.no_effect {
                assert_eq!(fact.executed, 0, "no effect");
            }
        }
    }

    /// Lets everything end, and compares.
    fn finish(mut self) -> u64 {
        if self.random.bool() {
            self.engine.close();
        }
        for _ in 0..20_000 {
            if self.engine.is_idle() {
                break;
            }
            if self.connection.is_none() {
                self.connection = Some(Connection::default());
                self.engine.connected();
            }
            self.give();
            self.transfer();
            self.serve();
            self.answer();
            self.now += 20_000;
            self.engine.tick(self.now);
            self.listen();
        }
        assert!(self.engine.is_idle(), "everything ends");
        assert_eq!((self.engine.wake(), self.engine.waiting()), (None, (0, 0)));
        assert_eq!(self.engine.late_replies(), self.late);
        for (number, fact) in self.facts.iter().enumerate() {
            assert_eq!(fact.submitted, fact.told.is_some(), "{number} is told");
            if fact.told == Some(Outcome::NotDone) || !fact.submitted {
                assert_eq!(fact.executed, 0, "{number} not done");
            }
            let may_repeat = fact.nature.policy == RetryPolicy::Idempotent
                || (fact.nature.policy == RetryPolicy::Safe && fact.nature.reads_only);
            assert!(may_repeat || fact.executed <= 1, "{number} twice");
        }
        self.cuts
    }
}

#[test]
fn what_commands_are_told_is_true() {
    let runs = std::env::var("TRUTH_RUNS").map_or(3_000, |runs| runs.parse().unwrap());
    let mut cuts = 0;
    for seed in 0..runs {
        let run = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            for _ in 0..300 {
                world.step();
            }
            world.finish()
        });
        match run {
            Ok(count) => cuts += count,
            Err(why) => {
                eprintln!("seed {seed}");
                std::panic::resume_unwind(why);
            }
        }
    }
    println!("{runs} runs, {cuts} cuts");
    assert!(cuts > runs);
}
