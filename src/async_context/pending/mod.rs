//! The commands that the server has still to answer, in order, and which of them a reply answers.
//!
//! A server answers the commands of a connection one after the other. So the oldest command that is
//! not answered yet says what the next reply is:
//!
//! | oldest command | what answers it |
//! |---|---|
//! | an ordinary command | the next reply, of any type |
//! | `SUBSCRIBE`, `PSUBSCRIBE`, `SSUBSCRIBE` | a confirmation for each name, in order; or one error for all of them |
//! | `UNSUBSCRIBE` and its kin, with names | as many confirmations; or one error |
//! | without names | confirmations until no subscription of the kind is left, at least one; or one error |
//! | `MONITOR` | a status, then its feed at any time; or an error; nothing if a `MONITOR` is in force |
//! | `CLIENT REPLY OFF`, `CLIENT REPLY SKIP` | nothing; or an error, if it is refused |
//! | a command behind one of these | nothing; subscriptions are confirmed all the same, but not refused |
//! | the `CLIENT REPLY ON` that ends it | `+OK` and nothing else, since errors are still suppressed |
//! | `RESET` | `+RESET`; subscriptions, `MONITOR` and `CLIENT REPLY` have ended |
//! | `HELLO 2`, `HELLO 3` | one reply; messages are arrays or pushes from then on |
//!
//! Three things answer no command and may come between any two replies: pushes that confirm nothing,
//! messages (in RESP2 these are arrays, while a subscription is active), and attributes. See the
//! RESP specification, "RESP3 pushes" and "Pub/sub", and `docs/async.md`.
//!
//! Ordinary commands are counted and have no entry here: command `n` is ordinary unless an entry
//! says otherwise. Their callbacks stand in the lists that programs see, under the same numbers.
#![forbid(unsafe_code)]

mod decide;
mod issue;
mod names;
mod pubsub;
mod refuse;
mod reply;
mod reply_mode;
mod subscriptions;
#[cfg(test)]
mod tests;

pub(super) use decide::{Fault, Verdict};
pub(super) use issue::{Circumstances, Issued, Place, Refusal, is_ordinary_name_len};
pub(super) use reply::{Event, Reply, is_pubsub_word};
pub(super) use subscriptions::Target;

use crate::alloc;
use names::Names;
use reply_mode::ReplyMode;
use std::collections::VecDeque;
use subscriptions::Subscriptions;

/// The number of a command: how many were issued before it.
pub(super) type Serial = u64;

/// Memory is short.
pub(super) struct OutOfMemory;

/// The commands that are still to be answered. `R` is what the program gave to be told of replies.
pub(super) struct Pending<R> {
    /// The next command to be issued.
    issued: Serial,
    /// The oldest command that is not answered.
    oldest: Serial,
    /// The commands that more than one reply answers, or none, or a certain one; oldest first.
    entries: VecDeque<Entry<R>>,
    tables: Option<Box<Tables<R>>>,
    /// Entries of subscribing and unsubscribing commands, without those of shard channels.
    unconfirmed: usize,
    /// The C library's count of unsubscribes for names without a subscription.
    pub(super) pending_unsubs: i32,
    mode: ReplyMode,
    monitoring: Monitoring,
    messages: Messages,
    /// A `HELLO` whose answer is suppressed, which may change the form of messages.
    unheard_hello: Option<Serial>,
    /// A shard channel was subscribed to, at some time.
    uses_shards: bool,
}

/// A command, or a row of them, that is not ordinary.
struct Entry<R> {
    serial: Serial,
    answer: Answer<R>,
}

/// What answers a command that is not ordinary.
enum Answer<R> {
    Confirmations {
        target: Target,
        /// The names that are left.
        names: Names,
        receiver: R,
        /// The server suppresses errors.
        unheard: bool,
        /// It was refused, for all of its names.
        refused: bool,
    },
    Leaves {
        target: Target,
        /// Confirmations that are left; `None`: as many as there are subscriptions.
        left: Option<usize>,
        unheard: bool,
    },
    Monitor,
    /// An error or nothing: `CLIENT REPLY OFF` and `SKIP`.
    Refusal {
        skip: bool,
        /// The command's callback was told that there is no reply.
        told: bool,
    },
    /// One reply each, for so many commands: they are ordinary after all.
    Ordinary {
        count: u64,
    },
    /// Nothing, for so many commands.
    Nothing {
        count: u64,
    },
    /// Nothing: a `MONITOR` whose answer is suppressed.
    UnheardMonitor,
    /// Nothing: a `CLIENT REPLY OFF` or `SKIP` while replies are off already.
    UnheardSetting,
    /// `+OK`: a `CLIENT REPLY ON` whose error would be suppressed.
    Ok,
    Reset {
        unheard: bool,
    },
    /// One reply; if it is not an error, messages come in this form.
    Hello(Messages),
}

/// Whether `MONITOR` is in force.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Monitoring {
    Off,
    /// Its answer was suppressed.
    Perhaps,
    On,
}

/// The form in which messages come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Messages {
    /// RESP2: among the replies.
    Arrays,
    /// RESP3.
    Pushes,
}

struct Tables<R> {
    channels: Subscriptions<R>,
    patterns: Subscriptions<R>,
    shards: Subscriptions<R>,
}

impl<R: Copy> Tables<R> {
    fn of(&mut self, target: Target) -> &mut Subscriptions<R> {
        match target {
            Target::Channel => &mut self.channels,
            Target::Pattern => &mut self.patterns,
            Target::Shard => &mut self.shards,
        }
    }

    fn all(&mut self) -> [&mut Subscriptions<R>; 3] {
        [&mut self.channels, &mut self.patterns, &mut self.shards]
    }

    fn len(&self) -> usize {
        self.channels.len() + self.patterns.len() + self.shards.len()
    }

    fn active(&self) -> usize {
        self.channels.active() + self.patterns.active() + self.shards.active()
    }
}

impl<R: Copy> Pending<R> {
    pub(super) const fn new() -> Self {
        Self {
            issued: 0,
            oldest: 0,
            entries: VecDeque::new(),
            tables: None,
            unconfirmed: 0,
            pending_unsubs: 0,
            mode: ReplyMode::On,
            monitoring: Monitoring::Off,
            messages: Messages::Arrays,
            unheard_hello: None,
            uses_shards: false,
        }
    }

    /// The number that the next command gets.
    pub(super) fn next(&self) -> Serial {
        self.issued
    }

    /// Whether the next reply, unless it is a push or an attribute, answers an ordinary command, or
    /// is one that nobody has asked for.
    #[inline(always)]
    fn is_plain(&self) -> bool {
        self.entries.is_empty()
            && self.names() == 0
            && self.monitoring == Monitoring::Off
            && !self.uses_shards
    }

    /// The ordinary command that the next reply answers, if nothing else is to be considered.
    #[inline(always)]
    pub(super) fn answer_ordinary(&mut self) -> Option<Serial> {
        if self.oldest == self.issued || !self.is_plain() {
            return None;
        }
        self.oldest += 1;
        Some(self.oldest - 1)
    }

    /// The commands from the oldest one on that will not be answered: all before this number.
    /// `None` if the oldest one may be answered.
    pub(super) fn unanswered(&self) -> Option<Serial> {
        let mut end = self.oldest;
        for entry in &self.entries {
            end = match entry.answer {
                _ if entry.serial != end => break,
                Answer::Refusal { .. } | Answer::UnheardMonitor | Answer::UnheardSetting => end + 1,
                Answer::Nothing { count } => end + count,
                _ => break,
            };
        }
        (end > self.oldest).then_some(end)
    }

    /// The callback of a command that is not answered was told so.
    pub(super) fn told(&mut self, serial: Serial) {
        if let Some(Entry {
            serial: first,
            answer: Answer::Refusal { told, .. },
        }) = self.entries.front_mut()
            && *first == serial
        {
            *told = true;
        }
    }

    /// Removes one subscription, at the end of the connection: channels, then patterns, then shard
    /// channels. `None` if there are none left; the inner `None` is a subscription that was refused
    /// meanwhile.
    pub(super) fn end_next(&mut self) -> Option<Option<R>> {
        let tables = self.tables.as_mut()?;
        tables.all().into_iter().find_map(Subscriptions::end_next)
    }

    fn tables(&mut self) -> Result<&mut Tables<R>, OutOfMemory> {
        if self.tables.is_none() {
            let tables = alloc::try_box(Tables {
                channels: Subscriptions::new(),
                patterns: Subscriptions::new(),
                shards: Subscriptions::new(),
            });
            self.tables = Some(tables.ok_or(OutOfMemory)?);
        }
        self.tables.as_deref_mut().ok_or(OutOfMemory)
    }

    /// Names subscribed to, of every kind.
    fn names(&self) -> usize {
        self.tables.as_ref().map_or(0, |tables| tables.len())
    }

    /// Subscriptions for which the server sends messages.
    fn active(&self) -> usize {
        self.tables.as_ref().map_or(0, |tables| tables.active())
    }
}
