//! Commands that the server refuses, with an error or, if errors are suppressed, without a word.
#![forbid(unsafe_code)]

use super::reply::{Event, Reply, What};
use super::reply_mode::ReplyMode;
use super::{Answer, Entry, Fault, Pending, Target, Verdict};
use crate::resp::Kind;

impl<R: Copy> Pending<R> {
    /// A reply that is no push, while a subscribing command has its turn.
    pub(super) fn decide_confirmations(&mut self, reply: &Reply<'_>, is_error: bool) -> Verdict<R> {
        let Some(Entry {
            answer:
                Answer::Confirmations {
                    target,
                    names,
                    unheard,
                    refused,
                    ..
                },
            ..
        }) = self.entries.front()
        else {
            return Verdict::Fail(Fault::Unexpected);
        };
        let is_array = reply.kind == Some(Kind::Array) && !refused;
        let confirms = |event: &Event<'_>| {
            event.what == What::Subscribed && event.target == *target && event.name == names.first()
        };
        if is_array && reply.event.as_ref().is_some_and(confirms) {
            match reply.event {
                Some(event) => self.confirmed(&event, reply),
                None => Verdict::Fail(Fault::Unexpected),
            }
        } else if *unheard {
            self.unheard()
        } else if is_error {
            self.refuse()
        } else {
            Verdict::Fail(Fault::Unexpected)
        }
    }

    /// A reply that is no push, while an unsubscribing command has its turn.
    pub(super) fn decide_leaves(&mut self, reply: &Reply<'_>, subscribed: bool) -> Verdict<R> {
        let is_error = reply.kind == Some(Kind::SimpleError);
        let Some(Entry {
            answer: Answer::Leaves {
                target, unheard, ..
            },
            ..
        }) = self.entries.front()
        else {
            return Verdict::Fail(Fault::Unexpected);
        };
        let unheard = *unheard;
        let leaves =
            |event: &&Event<'_>| event.what == What::Unsubscribed && event.target == *target;
        let event = reply.event.as_ref().filter(leaves);
        match event {
            Some(event) if reply.kind == Some(Kind::Array) => self.left(event),
            _ if unheard => {
                self.remove_leaves();
                self.decide(reply, subscribed)
            }
            _ if is_error => {
                self.remove_leaves();
                Verdict::Nobody
            }
            _ => Verdict::Fail(Fault::Unexpected),
        }
    }

    /// An error refuses the subscribing command whose turn it is: its receiver is told, once for
    /// each name. A name that the command has twice is told once.
    fn refuse(&mut self) -> Verdict<R> {
        loop {
            let Some((receiver, tell)) = self.withdraw_name() else {
                return Verdict::Nobody;
            };
            let more = self.advance();
            if tell {
                let over = !more && self.is_mode_over();
                return Verdict::Refused {
                    receiver,
                    more,
                    over,
                };
            }
            if !more {
                return Verdict::Nobody;
            }
        }
    }

    /// The same without an error: it was suppressed.
    pub(super) fn unheard(&mut self) -> Verdict<R> {
        loop {
            let Some((receiver, tell)) = self.withdraw_name() else {
                return Verdict::Fail(Fault::Unexpected);
            };
            let more = self.advance();
            if tell || !more {
                let over = !more && self.is_mode_over();
                let receiver = tell.then_some(receiver);
                return Verdict::Unheard { receiver, over };
            }
        }
    }

    /// Takes back the subscription to the next name of the command whose turn it is. Returns the
    /// command's receiver, and whether it was not told of this name yet.
    fn withdraw_name(&mut self) -> Option<(R, bool)> {
        let Entry {
            serial,
            answer:
                Answer::Confirmations {
                    target,
                    names,
                    receiver,
                    refused,
                    ..
                },
        } = self.entries.front_mut()?
        else {
            return None;
        };
        *refused = true;
        let name = names.first()?;
        let table = self.tables.as_mut()?.of(*target);
        let one = table.get_mut(name)?;
        let tell = one.refused != Some(*serial);
        one.refused = Some(*serial);
        if one.command == *serial {
            // An older command may have subscribed to the name, but its receiver was replaced.
            one.receiver = None;
        }
        table.withdraw(name);
        Some((*receiver, tell))
    }

    /// Drops the next name of the subscribing command whose turn it is. Returns whether there are
    /// more.
    pub(super) fn advance(&mut self) -> bool {
        let Some(Entry {
            answer: Answer::Confirmations { target, names, .. },
            ..
        }) = self.entries.front_mut()
        else {
            return false;
        };
        names.advance();
        if !names.is_empty() {
            return true;
        }
        self.unconfirmed -= usize::from(*target != Target::Shard);
        self.remove_front();
        false
    }

    pub(super) fn remove_leaves(&mut self) {
        if let Some(Entry {
            answer: Answer::Leaves { target, .. },
            ..
        }) = self.entries.front()
        {
            self.unconfirmed -= usize::from(*target != Target::Shard);
            self.remove_front();
        }
    }

    /// `CLIENT REPLY OFF` was refused: the commands behind it are answered after all.
    pub(super) fn unmute(&mut self) -> Verdict<R> {
        let told = matches!(
            self.entries.front().map(|one| &one.answer),
            Some(Answer::Refusal { told: true, .. })
        );
        self.remove_front();
        let mut end = None;
        // Which of the commands behind such a setting are answered depends on whether it is accepted.
        let mut undecidable = false;
        for entry in &mut self.entries {
            match &mut entry.answer {
                Answer::Nothing { count } => entry.answer = Answer::Ordinary { count: *count },
                Answer::UnheardSetting => undecidable = true,
                Answer::UnheardMonitor => entry.answer = Answer::Monitor,
                Answer::Ok => {
                    end = Some(entry.serial);
                    entry.answer = Answer::Ordinary { count: 1 };
                }
                Answer::Reset { unheard } => {
                    end = Some(entry.serial);
                    *unheard = false;
                }
                Answer::Confirmations { unheard, .. } | Answer::Leaves { unheard, .. } => {
                    *unheard = false;
                }
                _ => {}
            }
            if end.is_some() {
                break;
            }
        }
        if undecidable {
            return Verdict::Fail(Fault::Undecidable);
        }
        if end.is_none() {
            self.mode = ReplyMode::On;
        }
        Verdict::Unmuted {
            serial: self.oldest - 1,
            told,
            end: end.unwrap_or(self.issued),
        }
    }
}
