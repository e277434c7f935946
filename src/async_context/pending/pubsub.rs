//! Messages and confirmations of subscriptions.
#![forbid(unsafe_code)]

use super::reply::{Event, Reply, What};
use super::{Answer, Fault, Messages, Monitoring, Pending, Tables, Target, Verdict};
use crate::resp::Kind;

impl<R: Copy> Pending<R> {
    /// An array while RESP2 may deliver messages as arrays. In that state a server answers no
    /// ordinary command with an array of three or more.
    pub(super) fn decide_array(&mut self, reply: &Reply<'_>, subscribed: bool) -> Verdict<R> {
        let Some(event) = reply.event else {
            return Verdict::Fail(Fault::Unexpected);
        };
        if self.unheard_hello.is_some() {
            return Verdict::Fail(Fault::Undecidable);
        }
        match event.what {
            What::Message => self.message(&event, reply, subscribed),
            What::Subscribed | What::Unsubscribed => self.confirmation(&event, reply, subscribed),
        }
    }

    pub(super) fn decide_push(&mut self, reply: &Reply<'_>, subscribed: bool) -> Verdict<R> {
        if !reply.readable {
            return Verdict::Nobody;
        }
        if reply.elements == 0 {
            return Verdict::Fail(Fault::Unexpected);
        }
        let Some(event) = reply.event else {
            return Verdict::Push;
        };
        if event.target != Target::Shard && reply.elements < 2 {
            return self.unknown(&event, subscribed, Verdict::Fail(Fault::Unexpected));
        }
        match event.what {
            What::Message => self.message(&event, reply, subscribed),
            What::Subscribed | What::Unsubscribed => self.confirmation(&event, reply, subscribed),
        }
    }

    /// What becomes of an event that concerns no subscription.
    fn unknown(&self, event: &Event<'_>, subscribed: bool, otherwise: Verdict<R>) -> Verdict<R> {
        match event.target {
            Target::Shard => Verdict::Push,
            _ if subscribed => otherwise,
            _ => Verdict::PushOnly,
        }
    }

    /// The receiver of a message to a channel, which `decide` would find, too: a short way, because
    /// most replies of a subscriber are such messages. `None` if there is more to be decided.
    #[inline]
    pub(in super::super) fn message_receiver(&self, is_push: bool, channel: &[u8]) -> Option<R> {
        let tables = self.tables.as_deref()?;
        let may_be_array = self.messages == Messages::Arrays && self.unheard_hello.is_none();
        if !is_push && (!may_be_array || tables.active() == 0) {
            return None;
        }
        tables.channels.get(channel)?.receiver
    }

    pub(super) fn message(
        &mut self,
        event: &Event<'_>,
        reply: &Reply<'_>,
        subscribed: bool,
    ) -> Verdict<R> {
        let name = event.name.unwrap_or_default();
        let tables = self.tables.as_mut().map(|tables| tables.of(event.target));
        match tables.and_then(|table| table.get(name)) {
            Some(subscription) => Verdict::Subscription {
                receiver: subscription.receiver,
                target: event.target,
                over: false,
            },
            None if reply.kind == Some(Kind::Push) => {
                self.unknown(event, subscribed, Verdict::Nobody)
            }
            None => Verdict::Nobody,
        }
    }

    /// A confirmation that something was subscribed to or left.
    fn confirmation(
        &mut self,
        event: &Event<'_>,
        reply: &Reply<'_>,
        subscribed: bool,
    ) -> Verdict<R> {
        if event.target == Target::Shard && event.what == What::Unsubscribed {
            return self.shard_left(event, reply, subscribed);
        }
        let front = self.entries.front().filter(|one| one.serial == self.oldest);
        match front.map(|one| &one.answer) {
            Some(Answer::Confirmations {
                target,
                names,
                refused: false,
                ..
            }) if event.what == What::Subscribed
                && *target == event.target
                && names.first() == event.name =>
            {
                self.confirmed(event, reply)
            }
            Some(Answer::Confirmations { unheard: true, .. })
                if event.what == What::Subscribed || self.is_expected(event) =>
            {
                self.unheard()
            }
            Some(Answer::Leaves { target, .. })
                if event.what == What::Unsubscribed && *target == event.target =>
            {
                self.left(event)
            }
            Some(Answer::Leaves { unheard: true, .. }) if self.is_expected(event) => {
                self.remove_leaves();
                self.confirmation(event, reply, subscribed)
            }
            Some(
                Answer::Refusal { .. }
                | Answer::Nothing { .. }
                | Answer::UnheardMonitor
                | Answer::UnheardSetting,
            ) if self.is_expected(event) => self.pass(),
            Some(Answer::Monitor) if self.is_expected(event) => {
                self.monitoring = Monitoring::On;
                self.remove_front();
                Verdict::Passed(self.oldest - 1)
            }
            None if event.what == What::Unsubscribed => self.unsolicited(event, reply, subscribed),
            _ if reply.kind == Some(Kind::Push) && self.oldest == self.issued => {
                self.unknown(event, subscribed, Verdict::Fail(Fault::Unexpected))
            }
            _ => Verdict::Fail(Fault::Unexpected),
        }
    }

    /// The end of a subscription to a shard channel. A server may end it by itself, which says nothing
    /// of the command whose turn it is, and cannot be told from the answer to a later command.
    fn shard_left(&mut self, event: &Event<'_>, reply: &Reply<'_>, subscribed: bool) -> Verdict<R> {
        let front = self.entries.front().filter(|one| one.serial == self.oldest);
        match front.map(|one| &one.answer) {
            Some(Answer::Leaves {
                target: Target::Shard,
                ..
            }) => self.left(event),
            Some(Answer::Nothing { .. } | Answer::UnheardMonitor | Answer::UnheardSetting)
                if self.is_expected(event) =>
            {
                self.pass()
            }
            _ if self.is_expected(event) || self.awaits_ok() => Verdict::Fail(Fault::Undecidable),
            _ => self.unsolicited(event, reply, subscribed),
        }
    }

    /// Whether a `CLIENT REPLY ON` is to be answered. A server may have refused it without a word, if
    /// it did not allow the command while a subscription was active.
    fn awaits_ok(&self) -> bool {
        let mut answers = self.entries.iter().map(|entry| &entry.answer);
        answers.any(|answer| matches!(answer, Answer::Ok))
    }

    /// Whether the event confirms a command before which there are only commands without an answer.
    fn is_expected(&self, event: &Event<'_>) -> bool {
        let mut end = self.oldest;
        let mut monitoring = self.monitoring != Monitoring::Off;
        for entry in &self.entries {
            if entry.serial != end {
                return false;
            }
            let (confirmed, unheard, count) = match entry.answer {
                Answer::UnheardMonitor => {
                    monitoring = true;
                    (None, true, 1)
                }
                Answer::Refusal { .. } | Answer::UnheardSetting => (None, true, 1),
                Answer::Nothing { count } => (None, true, count),
                Answer::Monitor => (None, monitoring, 1),
                Answer::Confirmations {
                    target, unheard, ..
                } => (Some((target, What::Subscribed)), unheard, 1),
                Answer::Leaves {
                    target, unheard, ..
                } => (Some((target, What::Unsubscribed)), unheard, 1),
                _ => return false,
            };
            if confirmed == Some((event.target, event.what)) {
                return true;
            }
            if !unheard {
                return false;
            }
            end += count;
        }
        false
    }

    /// The next name of the subscribing command whose turn it is was confirmed.
    pub(super) fn confirmed(&mut self, event: &Event<'_>, reply: &Reply<'_>) -> Verdict<R> {
        self.learn_form(match reply.kind {
            Some(Kind::Push) => Messages::Pushes,
            _ => Messages::Arrays,
        });
        let name = event.name.unwrap_or_default();
        let mut receiver = None;
        if let Some(table) = self.tables.as_mut().map(|tables| tables.of(event.target)) {
            table.confirm(name);
            receiver = table.get(name).and_then(|one| one.receiver);
        }
        self.advance();
        Verdict::Subscription {
            receiver,
            target: event.target,
            over: false,
        }
    }

    /// The answer to the command whose turn it is shows the form of messages.
    pub(super) fn learn_form(&mut self, messages: Messages) {
        self.messages = messages;
        self.unheard_hello = self.unheard_hello.filter(|serial| *serial > self.oldest);
    }

    /// The unsubscribing command whose turn it is was confirmed, once.
    pub(super) fn left(&mut self, event: &Event<'_>) -> Verdict<R> {
        let verdict = self.leave(event);
        if matches!(verdict, Verdict::Fail(_)) {
            return verdict;
        }
        let active = self
            .tables
            .as_mut()
            .map_or(0, |tables| tables.of(event.target).active());
        let done = match self.entries.front_mut().map(|one| &mut one.answer) {
            Some(Answer::Leaves {
                left: Some(left), ..
            }) => {
                *left -= 1;
                *left == 0
            }
            _ => active == 0,
        };
        if done {
            self.remove_leaves();
        }
        self.with_mode(verdict, event)
    }

    /// The server says that a subscription is over, and no command has asked for it.
    pub(super) fn unsolicited(
        &mut self,
        event: &Event<'_>,
        reply: &Reply<'_>,
        subscribed: bool,
    ) -> Verdict<R> {
        let name = event.name.unwrap_or_default();
        let table = self.tables.as_mut().map(|tables| tables.of(event.target));
        let known = table.is_some_and(|table| table.get(name).is_some());
        if !known
            && reply.kind == Some(Kind::Push)
            && (event.target == Target::Shard || !subscribed)
        {
            return self.unknown(event, subscribed, Verdict::Nobody);
        }
        let verdict = self.leave(event);
        self.with_mode(verdict, event)
    }

    /// Takes a name out of its table.
    fn leave(&mut self, event: &Event<'_>) -> Verdict<R> {
        if event.left.is_none() {
            return Verdict::Fail(Fault::Unexpected);
        }
        let name = event.name.unwrap_or_default();
        let table = self.tables.as_mut().map(|tables| tables.of(event.target));
        let mut receiver = None;
        let mut known = false;
        if let Some(table) = table
            && let Some(one) = table.get(name)
        {
            (known, receiver) = (true, one.receiver);
            table.leave(name);
        }
        self.pending_unsubs -= i32::from(!known && event.target != Target::Shard);
        Verdict::Subscription {
            receiver,
            target: event.target,
            over: false,
        }
    }

    /// Adds to a verdict whether subscribed mode has ended with this event.
    fn with_mode(&self, verdict: Verdict<R>, event: &Event<'_>) -> Verdict<R> {
        match verdict {
            Verdict::Subscription {
                receiver, target, ..
            } => Verdict::Subscription {
                receiver,
                target,
                over: target != Target::Shard && event.left == Some(0) && self.is_mode_over(),
            },
            other => other,
        }
    }

    /// Whether there is no subscription to a channel or pattern, and none on its way.
    pub(super) fn is_mode_over(&self) -> bool {
        let none = |tables: &Tables<R>| tables.channels.len() + tables.patterns.len() == 0;
        self.unconfirmed == 0 && self.tables.as_deref().is_none_or(none)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Circumstances, Event, Fault, Pending, Reply, Target, Verdict};
    use crate::resp::Kind;
    use crate::resp::command::arguments_of;

    fn pending(command: &[u8]) -> Pending<u64> {
        let mut pending = Pending::new();
        let arguments = arguments_of(command).expect("a command");
        let entered = pending.enter(&arguments, 7, Circumstances::default());
        assert!(entered.is_ok());
        pending
    }

    fn push<'a>(word: &'a [u8], name: Option<&'a [u8]>, elements: usize) -> Reply<'a> {
        Reply {
            kind: Some(Kind::Push),
            readable: true,
            text: None,
            elements,
            event: Some(Event::new(word, name, || Some(1))),
        }
    }

    /// A push that confirms nothing is no confirmation, whatever the command whose turn it is.
    #[test]
    fn a_confirmation_without_a_name_is_a_fault() {
        for word in [&b"subscribe"[..], b"ssubscribe"] {
            let verdict = pending(b"*1\r\n$4\r\nPING\r\n").decide(&push(word, None, 1), true);
            assert_eq!(verdict, Verdict::Fail(Fault::Unexpected));
        }
    }

    /// Of a shard channel that nobody knows: the push callback may see it, whatever it lacks.
    #[test]
    fn a_shard_that_nobody_knows_is_for_the_push_callback() {
        let mut left = push(b"sunsubscribe", Some(b"x"), 2);
        left.event = Some(Event::new(b"sunsubscribe", Some(b"x"), || None));
        for subscribed in [false, true] {
            let verdict = pending(b"*1\r\n$4\r\nPING\r\n").decide(&left, subscribed);
            assert_eq!(verdict, Verdict::Push);
        }
    }

    /// The text of a message is not looked at, so that a message need not have one.
    #[test]
    fn a_message_is_known_by_its_name() {
        let mut pending = pending(b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n");
        let verdict = Verdict::Subscription {
            receiver: Some(7),
            target: Target::Channel,
            over: false,
        };
        for (word, elements) in [(&b"subscribe"[..], 3), (b"message", 2)] {
            let push = push(word, Some(b"a"), elements);
            assert_eq!(pending.decide(&push, true), verdict);
        }
    }
}
