//! Which command a reply answers.
#![forbid(unsafe_code)]

use super::reply::{Reply, What, is_feed, may_refuse_client_reply};
use super::{Answer, Entry, Messages, Monitoring, Pending, Serial, Target};
use crate::resp::Kind;
use std::collections::VecDeque;

/// Room for entries that is kept while there are none.
const KEPT_ENTRIES: usize = 16;

/// What is to be done with a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Verdict<R> {
    /// It answers this command.
    Answer(Serial),
    /// It answers this `MONITOR`, whose feed follows.
    Monitor(Serial),
    /// It belongs to a subscription. `over`: it was the last one, and subscribed mode ends.
    Subscription {
        receiver: Option<R>,
        target: Target,
        over: bool,
    },
    /// It refuses a subscribing command: the receiver is told, for one of the names. `more`: the
    /// reply is to be decided again.
    Refused { receiver: R, more: bool, over: bool },
    /// The server has refused a subscribing command without a word: the receiver is told that there
    /// is no reply, for one of the names. The reply is to be decided again.
    Unheard { receiver: Option<R>, over: bool },
    /// The commands before this one are not answered. The reply is to be decided again.
    Unanswered(Serial),
    /// This command is not answered, since what it asks for is in force. The reply is to be decided
    /// again.
    Passed(Serial),
    /// It refuses this `CLIENT REPLY OFF`, and the commands before `end` are answered after all.
    /// `told`: the command's callback was told that there is no reply.
    Unmuted {
        serial: Serial,
        told: bool,
        end: Serial,
    },
    /// It is a line of `MONITOR`'s feed.
    Feed,
    /// It is for the push callback.
    Push,
    /// It is for the push callback; without one, the server has broken the protocol.
    PushOnly,
    /// It is for nobody.
    Nobody,
    /// It is an error that no command asked for: the connection ends with it.
    Disconnect,
    /// The connection cannot go on.
    Fail(Fault),
}

/// Why a connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Fault {
    /// No command waits for the reply.
    Unrequested,
    /// A reply of pub/sub that does not fit.
    Unexpected,
    /// The reply cannot answer the command whose turn it is.
    WrongAnswer,
    /// `CLIENT REPLY` or a subscribing command was queued by `MULTI`.
    InTransaction,
    /// It cannot be told which of two commands the reply answers.
    Undecidable,
    /// It cannot be told whether the error refuses `CLIENT REPLY SKIP` or answers a command behind it.
    UndecidableError,
}

/// Whose turn it is.
enum Turn {
    Nobody,
    Ordinary,
    Confirmations,
    Leaves,
    Monitor,
    Refusal { skip: bool },
    Nothing,
    Ok,
    Reset { unheard: bool },
    Hello(Messages),
}

impl<R: Copy> Pending<R> {
    /// Decides on a reply. `subscribed`: the context is in subscribed mode.
    #[inline]
    pub(in super::super) fn decide(&mut self, reply: &Reply<'_>, subscribed: bool) -> Verdict<R> {
        match reply.kind {
            Some(Kind::Attribute) => return Verdict::Nobody,
            Some(Kind::Push) => return self.decide_push(reply, subscribed),
            _ => {}
        }
        if reply.kind == Some(Kind::SimpleString)
            && reply.text.is_some_and(is_feed)
            && self.may_monitor()
        {
            self.monitoring = Monitoring::On;
            return Verdict::Feed;
        }
        let is_event = reply.kind == Some(Kind::Array) && reply.elements >= 3;
        let may_be_message = self.messages == Messages::Arrays || self.unheard_hello.is_some();
        if is_event && self.active() > 0 && may_be_message {
            return self.decide_array(reply, subscribed);
        }
        self.decide_turn(reply, subscribed)
    }

    fn turn(&self) -> Turn {
        if self.oldest == self.issued {
            return Turn::Nobody;
        }
        let Some(entry) = self.entries.front().filter(|one| one.serial == self.oldest) else {
            return Turn::Ordinary;
        };
        match entry.answer {
            Answer::Confirmations { .. } => Turn::Confirmations,
            Answer::Leaves { .. } => Turn::Leaves,
            Answer::Ordinary { .. } => Turn::Ordinary,
            Answer::Monitor => Turn::Monitor,
            Answer::Refusal { skip, .. } => Turn::Refusal { skip },
            Answer::Nothing { .. } | Answer::UnheardMonitor | Answer::UnheardSetting => {
                Turn::Nothing
            }
            Answer::Ok => Turn::Ok,
            Answer::Reset { unheard } => Turn::Reset { unheard },
            Answer::Hello(messages) => Turn::Hello(messages),
        }
    }

    /// Whether a `MONITOR` may be in force: one that was answered, or one whose answer is suppressed,
    /// behind commands that are not answered.
    fn may_monitor(&self) -> bool {
        let mut end = self.oldest;
        for entry in &self.entries {
            end = match entry.answer {
                _ if entry.serial != end => break,
                Answer::UnheardMonitor => return true,
                Answer::Nothing { count } => end + count,
                Answer::Refusal { .. }
                | Answer::UnheardSetting
                | Answer::Confirmations { unheard: true, .. }
                | Answer::Leaves { unheard: true, .. } => end + 1,
                _ => break,
            };
        }
        self.monitoring != Monitoring::Off
    }

    /// The command whose turn it is has been answered.
    pub(super) fn remove_front(&mut self) {
        self.entries.pop_front();
        self.oldest += 1;
        self.give_room_back();
    }

    /// Gives the room of many entries back once there are none.
    fn give_room_back(&mut self) {
        if self.entries.is_empty() && self.entries.capacity() > KEPT_ENTRIES {
            self.entries = VecDeque::new();
        }
    }

    /// The commands whose turn it is are not answered.
    pub(super) fn pass(&mut self) -> Verdict<R> {
        if let Some(end) = self.unanswered() {
            while let Some(entry) = self.entries.front().filter(|one| one.serial < end) {
                let monitors = matches!(entry.answer, Answer::UnheardMonitor);
                if monitors && self.monitoring == Monitoring::Off {
                    self.monitoring = Monitoring::Perhaps;
                }
                self.entries.pop_front();
            }
            self.oldest = end;
            self.give_room_back();
        }
        Verdict::Unanswered(self.oldest)
    }

    /// A reply that is neither a push nor a message: it answers the command whose turn it is.
    fn decide_turn(&mut self, reply: &Reply<'_>, subscribed: bool) -> Verdict<R> {
        let is_error = reply.kind == Some(Kind::SimpleError);
        let is_queued = reply.kind == Some(Kind::SimpleString) && reply.text == Some(b"QUEUED");
        match self.turn() {
            Turn::Nobody => self.unrequested(reply, subscribed),
            Turn::Leaves if !is_queued => self.decide_leaves(reply, subscribed),
            _ if self.may_be_late(reply) => Verdict::Fail(Fault::Undecidable),
            Turn::Ordinary => self.answer_next_ordinary(),
            Turn::Nothing => self.pass(),
            Turn::Refusal { skip: false } if is_error => self.unmute(),
            Turn::Refusal { .. } if is_error && reply.text.is_none_or(may_refuse_client_reply) => {
                Verdict::Fail(Fault::UndecidableError)
            }
            Turn::Refusal { .. } | Turn::Confirmations | Turn::Monitor if is_queued => {
                Verdict::Fail(Fault::InTransaction)
            }
            Turn::Refusal { .. } | Turn::Leaves => self.pass(),
            Turn::Confirmations => self.decide_confirmations(reply, is_error),
            Turn::Monitor => self.decide_monitor(reply),
            Turn::Ok => self.decide_status(reply, b"OK", false),
            Turn::Reset { unheard } => {
                let verdict = self.decide_status(reply, b"RESET", !unheard);
                if matches!(verdict, Verdict::Answer(_)) && !is_error {
                    self.reset();
                }
                verdict
            }
            Turn::Hello(messages) => {
                if !is_error {
                    self.learn_form(messages);
                }
                self.answer_front()
            }
        }
    }

    fn answer_next_ordinary(&mut self) -> Verdict<R> {
        if let Some(Entry {
            serial,
            answer: Answer::Ordinary { count },
        }) = self.entries.front_mut()
            && *serial == self.oldest
        {
            if *count == 1 {
                return self.answer_front();
            }
            *serial += 1;
            *count -= 1;
        }
        self.oldest += 1;
        Verdict::Answer(self.oldest - 1)
    }

    fn answer_front(&mut self) -> Verdict<R> {
        self.remove_front();
        Verdict::Answer(self.oldest - 1)
    }

    /// A command that only this status can answer, or perhaps an error.
    fn decide_status(&mut self, reply: &Reply<'_>, status: &[u8], or_error: bool) -> Verdict<R> {
        let fits = match reply.kind {
            Some(Kind::SimpleString) => reply.text.is_none_or(|text| text == status),
            Some(Kind::SimpleError) => or_error,
            _ => false,
        };
        if fits {
            self.answer_front()
        } else {
            Verdict::Fail(Fault::WrongAnswer)
        }
    }

    /// `RESET` ends everything that `decide` distinguishes.
    fn reset(&mut self) {
        self.monitoring = Monitoring::Off;
        self.messages = Messages::Arrays;
        self.unheard_hello = self.unheard_hello.filter(|serial| *serial > self.oldest);
        if let Some(tables) = &mut self.tables {
            tables
                .all()
                .into_iter()
                .for_each(|table| table.deactivate());
        }
    }

    fn decide_monitor(&mut self, reply: &Reply<'_>) -> Verdict<R> {
        match self.monitoring {
            // A server that sends the feed already answers nothing, unless it refuses.
            Monitoring::On if reply.kind != Some(Kind::SimpleError) => {
                self.remove_front();
                Verdict::Passed(self.oldest - 1)
            }
            Monitoring::On => Verdict::Fail(Fault::Undecidable),
            Monitoring::Perhaps => Verdict::Fail(Fault::Undecidable),
            Monitoring::Off if reply.kind != Some(Kind::SimpleString) => self.answer_front(),
            Monitoring::Off => {
                self.monitoring = Monitoring::On;
                self.remove_front();
                Verdict::Monitor(self.oldest - 1)
            }
        }
    }

    /// Whether an array may be the server's word that a shard channel has moved, which came after a
    /// command had left that channel, rather than the answer to a command.
    fn may_be_late(&self, reply: &Reply<'_>) -> bool {
        self.uses_shards
            && reply.kind == Some(Kind::Array)
            && self.messages != Messages::Pushes
            && reply.elements == 3
            && reply.event.is_some_and(|event| {
                event.target == Target::Shard
                    && event.what == What::Unsubscribed
                    && event.left.is_some()
            })
    }

    /// No command waits for a reply.
    fn unrequested(&mut self, reply: &Reply<'_>, subscribed: bool) -> Verdict<R> {
        if reply.kind == Some(Kind::SimpleError) {
            return Verdict::Disconnect;
        }
        if self.monitoring != Monitoring::Off && reply.kind == Some(Kind::SimpleString) {
            return Verdict::Feed;
        }
        let is_array = reply.kind == Some(Kind::Array) && reply.readable;
        match reply.event {
            Some(event) if is_array && event.target == Target::Shard && self.uses_shards => {
                match event.what {
                    What::Subscribed => Verdict::Fail(Fault::Unexpected),
                    What::Unsubscribed => self.unsolicited(&event, reply, subscribed),
                    What::Message => self.message(&event, reply, subscribed),
                }
            }
            Some(event) if is_array && subscribed && reply.elements >= 3 => match event.what {
                What::Subscribed => Verdict::Fail(Fault::Unexpected),
                What::Unsubscribed => self.unsolicited(&event, reply, subscribed),
                What::Message => self.message(&event, reply, subscribed),
            },
            None if is_array && subscribed && reply.elements >= 3 => {
                Verdict::Fail(Fault::Unexpected)
            }
            _ if subscribed => Verdict::Nobody,
            _ => Verdict::Fail(Fault::Unrequested),
        }
    }
}
