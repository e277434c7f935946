//! The life of commands on one connection that comes and goes: they wait, are given to it, and end
//! exactly once. It knows no socket and no clock; the host tells it what happens, and when.

use super::arena::{Arena, Id, Links, List};
use super::command::{Completion, Limits, Refusal, Reply};
use super::deadlines::{Deadlines, Place};
use crate::connection::ledger::{Fate, Ledger};
use crate::outcome::Cause;
use crate::retry::{Attempt, History, Nature, Verdict};
use crate::text::OutOfMemory;
use crate::time::{Time, after, micros};
use std::collections::VecDeque;
use std::time::Duration;

#[derive(Debug)]
struct Request<C, T> {
    /// `None`: it has ended, and a reply is still owed.
    tag: Option<T>,
    command: C,
    nature: Nature,
    history: History,
    deadline: Option<(Time, Place)>,
    queued: Time,
    given: Option<Time>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// In the queue.
    Waiting,
    /// Refused because of something that passes; it returns to the queue then.
    Delayed(Time, Place),
    /// Given to the connection.
    Given,
}

/// The commands of one connection.
#[derive(Debug)]
pub struct Engine<C, T, R> {
    requests: Arena<Request<C, T>>,
    queue: Links,
    waiting: List,
    waiting_count: usize,
    waiting_bytes: usize,
    deadlines: Deadlines,
    delays: Deadlines,
    ledger: Ledger<Id>,
    /// Without a further allocation, every request that has not ended can be put here.
    completions: VecDeque<Completion<T, R>>,
    limits: Limits,
    ready: bool,
    closing: bool,
    random: fastrand::Rng,
    late_replies: u64,
}

impl<C: AsRef<[u8]>, T, R: Reply> Engine<C, T, R> {
    /// Without a connection and without commands.
    pub fn new(limits: Limits, seed: u64) -> Result<Self, OutOfMemory> {
        Ok(Self {
            requests: Arena::default(),
            queue: Links::default(),
            waiting: List::default(),
            waiting_count: 0,
            waiting_bytes: 0,
            deadlines: Deadlines::new()?,
            delays: Deadlines::new()?,
            ledger: Ledger::default(),
            completions: VecDeque::new(),
            limits,
            ready: false,
            closing: false,
            random: fastrand::Rng::with_seed(seed),
            late_replies: 0,
        })
    }

    /// Accepts a command that is to end within `timeout`. It ends with one completion, never before
    /// this has returned.
    pub fn submit(
        &mut self,
        tag: T,
        command: C,
        nature: Nature,
        timeout: Option<Duration>,
        now: Time,
    ) -> Result<Id, Refusal> {
        let length = command.as_ref().len();
        if self.closing {
            return Err(Refusal::Closing);
        }
        if self.waiting_count >= self.limits.waiting
            || length > self.limits.waiting_bytes.saturating_sub(self.waiting_bytes)
        {
            return Err(Refusal::Full);
        }
        let places = self.requests.reserve()?;
        self.queue.reserve(places)?;
        self.deadlines.reserve(places)?;
        self.delays.reserve(places)?;
        self.completions
            .try_reserve(self.requests.len() + 1)
            .map_err(OutOfMemory::from)?;
        let request = Request {
            tag: Some(tag),
            command,
            nature,
            history: History::default(),
            deadline: None,
            queued: now,
            given: None,
            stage: Stage::Waiting,
        };
        let Ok(id) = self.requests.insert(request) else {
            return Err(Refusal::Memory);
        };
        if let Some(timeout) = timeout {
            let due = after(now, timeout);
            let place = self.deadlines.add(id, due);
            if let Some(request) = self.requests.get_mut(id) {
                request.deadline = Some((due, place));
            }
        }
        self.enqueue(id, length, false);
        Ok(id)
    }

    /// The connection is ready for commands.
    pub fn connected(&mut self) {
        self.ready = true;
    }

    /// Gives commands to the connection, up to the window and the limit. `taken` is how many bytes
    /// its transport has taken since it was ready. If `send` fails, the command stays.
    pub fn give(
        &mut self,
        taken: u64,
        now: Time,
        mut send: impl FnMut(&[u8]) -> Result<(), OutOfMemory>,
    ) -> Result<(), OutOfMemory> {
        while self.ready
            && self.ledger.waiting(taken) < self.limits.window
            && self.ledger.owed() < self.limits.in_flight
            && let Some(id) = self.waiting.first()
            && let Some(request) = self.requests.get_mut(id)
        {
            let length = request.command.as_ref().len();
            self.ledger.reserve()?;
            send(request.command.as_ref())?;
            request.stage = Stage::Given;
            request.given.get_or_insert(now);
            self.ledger.give(id, length)?;
            self.dequeue(id, length);
        }
        Ok(())
    }

    /// Takes the reply to the oldest command that is owed one; gives it back if none is.
    pub fn reply(&mut self, reply: R, now: Time) -> Result<(), R> {
        let Some(id) = self.ledger.answered() else {
            return Err(reply);
        };
        let Some(request) = self.requests.get_mut(id) else {
            return Ok(());
        };
        if request.tag.is_none() {
            self.late_replies += 1;
            self.requests.remove(id);
            return Ok(());
        }
        let (attempt, cause) = match reply.error() {
            Some(text) => (Attempt::Refused(text), Cause::ErrorReply),
            None => (Attempt::Replied, Cause::None),
        };
        match request.history.decide(&request.nature, attempt) {
            verdict @ Verdict::Ends { .. } => self.end(id, verdict, cause, Some(reply), now),
            Verdict::Again { within } => self.delay(id, within, now),
        }
        Ok(())
    }

    /// The connection has ended, for this cause, when its transport had taken `taken` bytes. What
    /// may be tried again waits before all others, in its order.
    pub fn ended(&mut self, taken: u64, cause: Cause, now: Time) {
        self.ready = false;
        let mut ledger = std::mem::take(&mut self.ledger);
        let mut again = List::default();
        for (id, fate) in ledger.end(taken) {
            let Some(request) = self.requests.get_mut(id) else {
                continue;
            };
            if request.tag.is_none() {
                self.requests.remove(id);
                continue;
            }
            let attempt = match fate {
                Fate::NotSent => Attempt::NotSent,
                Fate::Sent => Attempt::Lost,
            };
            match request.history.decide(&request.nature, attempt) {
                Verdict::Again { .. } if !self.closing => {
                    request.stage = Stage::Waiting;
                    self.waiting_count += 1;
                    self.waiting_bytes += request.command.as_ref().len();
                    self.queue.push_back(&mut again, id);
                }
                Verdict::Again { .. } => {
                    let verdict = request.history.end(&request.nature, attempt);
                    self.end(id, verdict, cause, None, now);
                }
                verdict => self.end(id, verdict, cause, None, now),
            }
        }
        self.queue.prepend(&mut self.waiting, again);
        self.ledger = ledger;
    }

    /// Ends what is due, and queues again what was delayed until now.
    pub fn tick(&mut self, now: Time) {
        while let Some(id) = self.next_due(now) {
            if let Some(request) = self.requests.get_mut(id) {
                request.deadline = None;
            }
            self.give_up(id, Cause::Timeout, now);
        }
        while let Some(id) = self.next_delayed(now) {
            if let Some(request) = self.requests.get_mut(id) {
                request.stage = Stage::Waiting;
                let length = request.command.as_ref().len();
                self.enqueue(id, length, true);
            }
        }
    }

    fn next_due(&mut self, now: Time) -> Option<Id> {
        let requests = &self.requests;
        let due = |id| requests.get(id).and_then(|r| r.deadline).map_or(0, |d| d.0);
        self.deadlines.next(now, due)
    }

    fn next_delayed(&mut self, now: Time) -> Option<Id> {
        let requests = &self.requests;
        let until = |id| match requests.get(id).map(|request| request.stage) {
            Some(Stage::Delayed(until, _)) => until,
            _ => 0,
        };
        self.delays.next(now, until)
    }

    /// Ends a command now. False: there is no such command any more.
    pub fn cancel(&mut self, id: Id, now: Time) -> bool {
        match self.requests.get(id) {
            Some(request) if request.tag.is_some() => self.give_up(id, Cause::Cancelled, now),
            _ => return false,
        }
        true
    }

    /// Accepts nothing more, and tries nothing again.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Ends everything that waits, for this cause.
    pub fn end_waiting(&mut self, cause: Cause, now: Time) {
        while let Some(id) = self.waiting.first() {
            self.give_up(id, cause, now);
        }
    }

    /// The next completion.
    pub fn completion(&mut self) -> Option<Completion<T, R>> {
        self.completions.pop_front()
    }

    /// When `tick` is to be called next.
    pub fn wake(&self) -> Option<Time> {
        let times = [self.deadlines.wake(), self.delays.wake()];
        times.into_iter().flatten().min()
    }

    /// Whether a reply is owed, a command waits, or a completion is there.
    pub fn is_idle(&self) -> bool {
        self.requests.len() == 0 && self.completions.is_empty()
    }

    /// How many commands wait, and their bytes.
    pub fn waiting(&self) -> (usize, usize) {
        (self.waiting_count, self.waiting_bytes)
    }

    /// Replies that came after their commands had ended.
    pub fn late_replies(&self) -> u64 {
        self.late_replies
    }

    /// Ends a command because of its deadline or the program. If it was given to the connection, its
    /// reply is still owed.
    fn give_up(&mut self, id: Id, cause: Cause, now: Time) {
        let Some(request) = self.requests.get_mut(id) else {
            return;
        };
        let attempt = match request.stage {
            Stage::Given => Attempt::Lost,
            Stage::Waiting | Stage::Delayed(..) => Attempt::NotSent,
        };
        let verdict = request.history.give_up(&request.nature, attempt);
        match request.stage {
            Stage::Waiting => {
                let length = request.command.as_ref().len();
                self.dequeue(id, length);
            }
            Stage::Delayed(_, place) => self.delays.remove(id, place),
            Stage::Given => return self.complete(id, verdict, cause, None, now),
        }
        self.end(id, verdict, cause, None, now);
    }

    /// Ends a command to which nothing is owed.
    fn end(&mut self, id: Id, verdict: Verdict, cause: Cause, reply: Option<R>, now: Time) {
        self.complete(id, verdict, cause, reply, now);
        self.requests.remove(id);
    }

    fn complete(&mut self, id: Id, verdict: Verdict, cause: Cause, reply: Option<R>, now: Time) {
        let Verdict::Ends {
            outcome,
            repeated,
            no_effect,
        } = verdict
        else {
            return;
        };
        let Some(request) = self.requests.get_mut(id) else {
            return;
        };
        if let Some((_, place)) = request.deadline.take() {
            self.deadlines.remove(id, place);
        }
        let Some(tag) = request.tag.take() else {
            return;
        };
        let given = request.given.unwrap_or(now);
        // `submit` has made room for it.
        self.completions.push_back(Completion {
            tag,
            outcome,
            cause,
            repeated,
            no_effect,
            attempts: request.history.attempts(),
            queued: given.saturating_sub(request.queued),
            on_wire: now.saturating_sub(given),
            reply,
        });
    }

    /// Queues a command again, after a random time.
    fn delay(&mut self, id: Id, within: Duration, now: Time) {
        let Some(request) = self.requests.get_mut(id) else {
            return;
        };
        let longest = micros(within);
        if longest == 0 {
            request.stage = Stage::Waiting;
            let length = request.command.as_ref().len();
            return self.enqueue(id, length, true);
        }
        let until = now.saturating_add(self.random.u64(0..=longest));
        request.stage = Stage::Delayed(until, self.delays.add(id, until));
    }

    fn enqueue(&mut self, id: Id, length: usize, first: bool) {
        if first {
            self.queue.push_front(&mut self.waiting, id);
        } else {
            self.queue.push_back(&mut self.waiting, id);
        }
        self.waiting_count += 1;
        self.waiting_bytes += length;
    }

    fn dequeue(&mut self, id: Id, length: usize) {
        self.queue.remove(&mut self.waiting, id);
        self.waiting_count -= 1;
        self.waiting_bytes -= length;
    }
}
