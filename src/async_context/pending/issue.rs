//! Commands into the order.
#![forbid(unsafe_code)]

use super::names::Names;
use super::reply_mode::{ReplyMode, Setting};
use super::{Answer, Entry, Messages, OutOfMemory, Pending, Serial, Target};
use crate::resp::command::Arguments;
use core::ops::RangeInclusive;

/// Where the callback of a command stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Place {
    /// In a list, until the command is answered.
    Waits,
    /// In a list, until the command is sent: it is not answered.
    Silent,
    /// In a list, to the end: the command is not answered, but has a feed.
    Feed,
    /// In `replies`, until the `MONITOR` is answered.
    Monitor,
    /// In no list: it is found by the names of its subscriptions. Subscribed mode begins.
    Subscribed,
    /// In no list, as in the C library.
    Nowhere,
}

/// A command that was accepted.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Issued {
    pub(in super::super) serial: Serial,
    pub(in super::super) place: Place,
}

/// What decides whether a command is accepted.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Circumstances {
    /// As many commands wait as may. Subscriptions to channels and patterns are no such commands.
    pub(in super::super) is_full: bool,
    /// How many names may be subscribed to; 0: no limit.
    pub(in super::super) max_names: usize,
    /// The context is in subscribed mode.
    pub(in super::super) subscribed: bool,
}

/// Why a command is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Refusal {
    /// It makes no sense, or not now.
    Refused,
    /// A limit is reached.
    Limit,
    OutOfMemory,
}

impl From<OutOfMemory> for Refusal {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

/// What a command is, by its name.
enum Name {
    Subscribe(Target),
    Unsubscribe(Target),
    Monitor,
    Hello,
    Other,
}

/// The lengths of the names that are not ordinary: from `hello` and `reset` to `punsubscribe`.
const NAMES: RangeInclusive<usize> = 5..=12;

/// Whether every command with a name of this length is ordinary.
#[inline(always)]
pub(in super::super) fn is_ordinary_name_len(len: usize) -> bool {
    !NAMES.contains(&len)
}

fn classify(name: &[u8]) -> Name {
    let (target, rest) = match name {
        [b'p' | b'P', rest @ ..] => (Target::Pattern, rest),
        [b's' | b'S', rest @ ..] if !name.eq_ignore_ascii_case(b"subscribe") => {
            (Target::Shard, rest)
        }
        name => (Target::Channel, name),
    };
    if rest.eq_ignore_ascii_case(b"subscribe") {
        Name::Subscribe(target)
    } else if rest.eq_ignore_ascii_case(b"unsubscribe") {
        Name::Unsubscribe(target)
    } else if name.eq_ignore_ascii_case(b"monitor") {
        Name::Monitor
    } else if name.eq_ignore_ascii_case(b"hello") {
        Name::Hello
    } else {
        Name::Other
    }
}

impl<R: Copy> Pending<R> {
    /// Whether a command that is ordinary by its name is answered.
    #[inline(always)]
    pub(in super::super) fn answers(&self) -> bool {
        self.mode == ReplyMode::On
    }

    /// Enters an ordinary command that is answered.
    #[inline(always)]
    pub(in super::super) fn enter_ordinary(&mut self) -> Serial {
        self.issued += 1;
        self.issued - 1
    }

    /// Enters a command with these arguments, its name first.
    pub(in super::super) fn enter(
        &mut self,
        arguments: &Arguments<'_>,
        receiver: R,
        circumstances: Circumstances,
    ) -> Result<Issued, Refusal> {
        // One for the command itself is enough: a command makes at most one entry.
        self.entries.try_reserve(1).map_err(|_| OutOfMemory)?;
        let mut rest = arguments.clone();
        let name = rest.next().ok_or(Refusal::Refused)?;
        let Circumstances {
            is_full,
            max_names,
            subscribed,
        } = circumstances;
        match classify(name) {
            Name::Subscribe(target @ (Target::Channel | Target::Pattern)) if rest.len() > 0 => {
                self.subscribe(target, receiver, &rest, max_names)
            }
            Name::Unsubscribe(target) => self.unsubscribe(target, &rest, subscribed),
            _ if is_full => Err(Refusal::Limit),
            Name::Subscribe(target) if rest.len() > 0 => {
                self.subscribe(target, receiver, &rest, max_names)
            }
            Name::Monitor => Ok(self.monitor()),
            Name::Hello => Ok(self.hello(rest.next())),
            Name::Subscribe(_) | Name::Other => Ok(self.command(arguments)),
        }
    }

    fn push(&mut self, answer: Answer<R>) -> Serial {
        let serial = self.enter_ordinary();
        self.entries.push_back(Entry { serial, answer });
        serial
    }

    /// Enters a command that is not answered.
    fn push_nothing(&mut self) -> Serial {
        let serial = self.issued;
        if let Some(Entry {
            serial: first,
            answer: Answer::Nothing { count },
        }) = self.entries.back_mut()
            && *first + *count == serial
        {
            *count += 1;
            return self.enter_ordinary();
        }
        self.push(Answer::Nothing { count: 1 })
    }

    /// Whether errors of the next command are suppressed. The command uses a `SKIP` up.
    fn take_unheard(&mut self) -> bool {
        let unheard = self.mode != ReplyMode::On;
        if self.mode == ReplyMode::Skip {
            self.mode = ReplyMode::On;
        }
        unheard
    }

    fn subscribe(
        &mut self,
        target: Target,
        receiver: R,
        names: &Arguments<'_>,
        max_names: usize,
    ) -> Result<Issued, Refusal> {
        let copy = Names::copy(names)?;
        let serial = self.issued;
        let mut left = match max_names {
            0 => usize::MAX,
            limit => limit.saturating_sub(self.names()),
        };
        let table = self.tables()?.of(target);
        for (entered, name) in names.clone().enumerate() {
            let entry = match table.get(name) {
                None if left == 0 => Err(Refusal::Limit),
                known => {
                    left -= usize::from(known.is_none());
                    table.enter(name).map_err(Refusal::from)
                }
            };
            if let Err(refusal) = entry {
                names
                    .clone()
                    .take(entered)
                    .for_each(|name| table.withdraw(name));
                return Err(refusal);
            }
        }
        for name in names.clone() {
            if let Some(subscription) = table.get_mut(name) {
                subscription.receiver = Some(receiver);
                subscription.command = serial;
                subscription.leaving = false;
            }
        }
        let unheard = self.take_unheard();
        self.unconfirmed += usize::from(target != Target::Shard);
        self.uses_shards |= target == Target::Shard;
        let serial = self.push(Answer::Confirmations {
            target,
            names: copy,
            receiver,
            unheard,
            refused: false,
        });
        let place = match target {
            Target::Shard => Place::Nowhere,
            _ => Place::Subscribed,
        };
        Ok(Issued { serial, place })
    }

    /// Without a subscription an unsubscribing command is refused, as in the C library.
    fn unsubscribe(
        &mut self,
        target: Target,
        names: &Arguments<'_>,
        subscribed: bool,
    ) -> Result<Issued, Refusal> {
        let accepted = match target {
            Target::Shard => self.uses_shards,
            _ => subscribed,
        };
        if !accepted {
            return Err(Refusal::Refused);
        }
        if target != Target::Shard {
            self.pending_unsubs += self.announce_leaves(target, names);
            self.unconfirmed += 1;
        }
        let unheard = self.take_unheard();
        let serial = self.push(Answer::Leaves {
            target,
            left: (names.len() > 0).then_some(names.len()),
            unheard,
        });
        Ok(Issued {
            serial,
            place: Place::Nowhere,
        })
    }

    /// Marks the subscriptions that an unsubscribing command names. Returns what the C library adds
    /// to `pending_unsubs`: the names for which there is none to be marked.
    fn announce_leaves(&mut self, target: Target, names: &Arguments<'_>) -> i32 {
        let mut table = self.tables.as_mut().map(|tables| tables.of(target));
        if names.len() == 0 {
            let all = table.into_iter().flat_map(|table| table.values_mut());
            let marked = all.fold(0, |count, one| {
                count + usize::from(!core::mem::replace(&mut one.leaving, true))
            });
            return i32::from(marked == 0);
        }
        let mut unmarked = 0;
        for name in names.clone() {
            let one = table.as_mut().and_then(|table| table.get_mut(name));
            let newly = one.is_some_and(|one| !core::mem::replace(&mut one.leaving, true));
            unmarked += i32::from(!newly);
        }
        unmarked
    }

    /// The answer to a `MONITOR` may be suppressed, but its feed comes as soon as replies are on.
    fn monitor(&mut self) -> Issued {
        if self.take_unheard() {
            return Issued {
                serial: self.push(Answer::UnheardMonitor),
                place: Place::Feed,
            };
        }
        Issued {
            serial: self.push(Answer::Monitor),
            place: Place::Monitor,
        }
    }

    fn hello(&mut self, version: Option<&[u8]>) -> Issued {
        let messages = match version {
            Some(b"2") => Messages::Arrays,
            Some(b"3") => Messages::Pushes,
            _ => {
                let unheard = self.take_unheard();
                return self.answered(!unheard);
            }
        };
        if self.take_unheard() {
            self.unheard_hello = Some(self.issued);
            return self.answered(false);
        }
        Issued {
            serial: self.push(Answer::Hello(messages)),
            place: Place::Waits,
        }
    }

    /// A command that is ordinary, or that nothing answers.
    fn answered(&mut self, answered: bool) -> Issued {
        let (serial, place) = if answered {
            (self.enter_ordinary(), Place::Waits)
        } else {
            (self.push_nothing(), Place::Silent)
        };
        Issued { serial, place }
    }

    /// Enters a command for which only `CLIENT REPLY` matters.
    fn command(&mut self, arguments: &Arguments<'_>) -> Issued {
        let setting = Setting::of(arguments.clone());
        let (answer, next) = match (setting, self.mode) {
            (Some(Setting::Reset), mode) => {
                let unheard = mode != ReplyMode::On;
                (Answer::Reset { unheard }, ReplyMode::On)
            }
            (Some(Setting::On), ReplyMode::Off | ReplyMode::Skip) => (Answer::Ok, ReplyMode::On),
            (Some(Setting::Off), ReplyMode::On) => (refusal(false), ReplyMode::Off),
            (Some(Setting::Skip), ReplyMode::On) => (refusal(true), ReplyMode::Skip),
            (setting, mode) => {
                self.mode = match (setting, mode) {
                    (_, ReplyMode::On) => ReplyMode::On,
                    (_, ReplyMode::Off) | (Some(Setting::Off), _) => ReplyMode::Off,
                    (Some(Setting::Skip), _) => ReplyMode::Skip,
                    _ => ReplyMode::On,
                };
                if mode != ReplyMode::On && setting.is_some() {
                    let serial = self.push(Answer::UnheardSetting);
                    let place = Place::Silent;
                    return Issued { serial, place };
                }
                return self.answered(mode == ReplyMode::On);
            }
        };
        let place = match answer {
            Answer::Refusal { .. } => Place::Silent,
            _ => Place::Waits,
        };
        self.mode = next;
        let serial = self.push(answer);
        Issued { serial, place }
    }
}

fn refusal<R>(skip: bool) -> Answer<R> {
    Answer::Refusal { skip, told: false }
}
