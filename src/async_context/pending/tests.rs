//! Random conversations, against a server that knows which command each of its replies answers.
//! `PENDING_SEQUENCES` sets how many, `PENDING_FIRST` which is the first, and `PENDING_TRACE` shows them.

mod server;

use super::reply::Event;
use super::{Circumstances, Fault, Pending, Place, Refusal, Reply, Target, Verdict};
use crate::resp::Kind;
use crate::resp::command::arguments_of;
use server::{Server, Truth};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What the program has issued.
struct Issued {
    words: Vec<&'static str>,
    /// The program was told: the number of times.
    told: u32,
    place: Place,
    form: u32,
}

struct Run {
    pending: Pending<u64>,
    server: Server,
    random: u64,
    issued: Vec<Issued>,
    taken: usize,
    subscribed: bool,
    /// The names whose latest subscribing command was refused.
    refused: BTreeSet<(u64, u8)>,
}

const COMMANDS: [&[&str]; 24] = [
    &["GET", "k"],
    &["GET", "k"],
    &["GET", "k"],
    &["PING"],
    &["SET", "k"],
    &["subscribe", "a"],
    &["subscribe", "a", "b"],
    &["subscribe", "b", "b", "c"],
    &["psubscribe", "a"],
    &["ssubscribe", "a", "b"],
    &["ssubscribe", "b"],
    &["unsubscribe"],
    &["unsubscribe", "a", "c"],
    &["punsubscribe"],
    &["sunsubscribe"],
    &["sunsubscribe", "b"],
    &["CLIENT", "REPLY", "SKIP"],
    &["CLIENT", "REPLY", "OFF"],
    &["CLIENT", "REPLY", "ON"],
    &["CLIENT", "REPLY", "ON"],
    &["MONITOR"],
    &["RESET"],
    &["HELLO", "3"],
    &["HELLO", "2"],
];

impl Run {
    fn new(seed: u64) -> Self {
        let mut run = Self {
            pending: Pending::new(),
            server: Server {
                resp3: false,
                mode: 0,
                subscribed: BTreeMap::new(),
                monitoring: false,
                denied: BTreeSet::new(),
                confuses: false,
                out: VecDeque::new(),
            },
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            issued: vec![],
            taken: 0,
            subscribed: false,
            refused: BTreeSet::new(),
        };
        for word in [
            "subscribe",
            "psubscribe",
            "ssubscribe",
            "unsubscribe",
            "CLIENT",
            "MONITOR",
        ] {
            if run.below(4) == 0 {
                run.server.denied.insert(word);
            }
        }
        run
    }

    fn below(&mut self, limit: u32) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 33) as u32 % limit
    }

    fn issue(&mut self) {
        let words = COMMANDS[self.below(COMMANDS.len() as u32) as usize];
        let mut text = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            text.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
        }
        let arguments = arguments_of(&text).expect("a command");
        let serial = self.pending.next();
        let circumstances = Circumstances {
            subscribed: self.subscribed,
            ..Circumstances::default()
        };
        match self.pending.enter(&arguments, serial, circumstances) {
            Ok(issued) => {
                assert_eq!(issued.serial, serial);
                self.subscribed |= issued.place == Place::Subscribed;
                let form = self.below(6);
                let (words, place) = (words.to_vec(), issued.place);
                self.issued.push(Issued {
                    words,
                    told: 0,
                    place,
                    form,
                });
            }
            Err(refusal) => assert_eq!(refusal, Refusal::Refused),
        }
    }

    fn serve(&mut self) {
        if let Some(command) = self.issued.get(self.taken) {
            let (words, form) = (command.words.clone(), command.form);
            if std::env::var_os("PENDING_TRACE").is_some() {
                eprintln!(
                    "takes {} {words:?} in mode {}",
                    self.taken, self.server.mode
                );
            }
            self.server.take(self.taken as u64, &words, form);
            self.taken += 1;
        }
    }

    /// The command whose receiver takes what concerns a name: the newest that names it.
    fn owner(&self, target: Target, name: u8) -> Option<u64> {
        let verb = ["subscribe", "psubscribe", "ssubscribe"][target as usize];
        let names = |one: &&Issued| {
            one.words[0] == verb && one.words[1..].iter().any(|word| word.as_bytes()[0] == name)
        };
        let newest = self.issued.iter().rposition(|one| names(&one))? as u64;
        (!self.refused.contains(&(newest, name))).then_some(newest)
    }

    /// Decides on the next reply. `false`: the connection has ended, as it may.
    fn hear(&mut self) -> bool {
        let Some(sent) = self.server.out.pop_front() else {
            return true;
        };
        let name = sent
            .event
            .as_ref()
            .and_then(|(_, name, _)| *name)
            .map(|name| [name]);
        let event = sent
            .event
            .as_ref()
            .filter(|(word, ..)| word != b"invalidate");
        let reply = Reply {
            kind: Some(sent.kind),
            readable: true,
            text: sent
                .text
                .as_deref()
                .filter(|_| sent.kind != Kind::BulkString),
            elements: if sent.event.is_some() { 3 } else { 0 },
            event: event.map(|(word, _, left)| {
                let left = (!word.ends_with(b"message")).then_some(*left);
                Event::new(word, name.as_ref().map(|name| &name[..]), || left)
            }),
        };
        if std::env::var_os("PENDING_TRACE").is_some() {
            eprintln!("hears {:?} {:?}", sent.truth, sent.kind);
        }
        let is_message = |(word, ..): &&(Vec<u8>, Option<u8>, i64)| word == b"message";
        let short_way = sent.event.as_ref().filter(is_message).and_then(|_| {
            let is_push = sent.kind == Kind::Push;
            self.pending.message_receiver(is_push, name.as_ref()?)
        });
        let mut told = 0;
        loop {
            let before = self.pending.pending_unsubs;
            let verdict = self.pending.decide(&reply, self.subscribed);
            if let Some(receiver) = short_way {
                let (target, over) = (Target::Channel, false);
                let receiver = Some(receiver);
                let same = Verdict::Subscription {
                    receiver,
                    target,
                    over,
                };
                assert_eq!(verdict, same);
            }
            match verdict {
                Verdict::Answer(serial) | Verdict::Unmuted { serial, .. } => {
                    // The feed of a `MONITOR` that was not to be answered is expected from its issue on.
                    let feed = self.issued[serial as usize].place == Place::Feed;
                    let also = feed && sent.truth == Truth::Monitors(serial);
                    assert!(
                        also || sent.truth == Truth::Answers(serial),
                        "{:?} {serial}",
                        sent.truth
                    );
                    self.tell(serial);
                }
                Verdict::Monitor(serial) => {
                    assert_eq!(sent.truth, Truth::Monitors(serial));
                    self.tell(serial);
                }
                Verdict::Unanswered(_) => continue,
                Verdict::Passed(serial) => {
                    self.tell(serial);
                    continue;
                }
                Verdict::Unheard { receiver, over } => {
                    if let Some(receiver) = receiver {
                        self.refuse(receiver);
                    }
                    self.subscribed &= !over;
                    continue;
                }
                Verdict::Refused {
                    receiver,
                    more,
                    over,
                } => {
                    assert_eq!(sent.truth, Truth::Refuses(receiver));
                    told += 1;
                    self.subscribed &= !over;
                    if more {
                        continue;
                    }
                    let words = &self.issued[receiver as usize].words[1..];
                    let distinct: BTreeSet<_> = words.iter().collect();
                    assert_eq!(told, distinct.len());
                    self.refuse(receiver);
                }
                Verdict::Subscription {
                    receiver,
                    target,
                    over,
                } => {
                    let Truth::Of(of, name) = sent.truth else {
                        panic!("{sent:?} is not of a subscription", sent = sent.truth);
                    };
                    assert_eq!(of, target);
                    let owner = name.and_then(|name| self.owner(target, name));
                    assert!(
                        receiver.is_none() || receiver == owner,
                        "{receiver:?} {owner:?}"
                    );
                    self.subscribed &= !over;
                }
                Verdict::Feed => assert_eq!(sent.truth, Truth::Feed),
                Verdict::Push => {
                    assert!(matches!(
                        sent.truth,
                        Truth::Push | Truth::Of(Target::Shard, _)
                    ));
                }
                Verdict::Nobody => match sent.truth {
                    Truth::Attribute | Truth::RefusesLeave => {}
                    Truth::Of(..) => assert!(self.pending.pending_unsubs <= before),
                    Truth::Refuses(receiver) => self.refuse(receiver),
                    other => panic!("{other:?} is for nobody"),
                },
                Verdict::Fail(Fault::Undecidable | Fault::UndecidableError) => return false,
                Verdict::Fail(_) if self.server.confuses => return false,
                other => panic!("{other:?} for {:?}", sent.truth),
            }
            return true;
        }
    }

    fn refuse(&mut self, serial: u64) {
        for name in &self.issued[serial as usize].words[1..] {
            self.refused.insert((serial, name.as_bytes()[0]));
        }
    }

    fn tell(&mut self, serial: u64) {
        let command = &mut self.issued[serial as usize];
        command.told += 1;
        assert_eq!(command.told, 1, "{:?} is told again", command.words);
        assert_ne!(command.place, Place::Nowhere);
    }

    /// Whether the conversation was decided to its end.
    fn go(&mut self) -> bool {
        let steps = 20 + self.below(60);
        for _ in 0..steps {
            let heard = match self.below(8) {
                0..3 => {
                    self.issue();
                    true
                }
                3..5 => {
                    self.serve();
                    true
                }
                5 => {
                    let random = self.below(1 << 16);
                    self.server.event(random);
                    true
                }
                _ => self.hear(),
            };
            if !heard {
                return false;
            }
        }
        while self.taken < self.issued.len() {
            self.serve();
        }
        while !self.server.out.is_empty() {
            if !self.hear() {
                return false;
            }
        }
        true
    }
}

/// What is decided on the server's replies to commands, each given its number.
fn decide_all(commands: &[&str], replies: &[(Kind, &[u8])]) -> Vec<Verdict<u64>> {
    let mut pending = Pending::<u64>::new();
    for (receiver, command) in (0..).zip(commands) {
        let words: Vec<&str> = command.split(' ').collect();
        let mut text = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            text.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
        }
        let arguments = arguments_of(&text).expect("a command");
        let entered = pending.enter(&arguments, receiver, Circumstances::default());
        assert!(entered.is_ok());
    }
    let mut verdicts = vec![];
    for &(kind, text) in replies {
        let is_event = matches!(kind, Kind::Push | Kind::Array);
        let reply = Reply {
            kind: Some(kind),
            readable: true,
            text: (!is_event).then_some(text),
            elements: if is_event { 3 } else { 0 },
            event: is_event.then(|| Event::new(text, Some(b"a"), || Some(1))),
        };
        loop {
            verdicts.push(pending.decide(&reply, true));
            if !matches!(
                verdicts.last(),
                Some(Verdict::Unanswered(_) | Verdict::Unheard { .. })
            ) {
                break;
            }
        }
    }
    verdicts
}

/// The receiver of the newest subscribing command has been told, and the older one was replaced by it.
/// Many commands that are not ordinary take room, which is given back once they are answered.
#[test]
fn room_for_many_entries_is_given_back() {
    let mut pending: Pending<u64> = Pending::new();
    let text = b"*1\r\n$7\r\nMONITOR\r\n";
    let arguments = arguments_of(text).expect("a command");
    for serial in 0..1000 {
        let entered = pending.enter(&arguments, serial, Circumstances::default());
        assert!(entered.is_ok());
    }
    assert!(pending.entries.capacity() >= 1000);
    for serial in 0..1000 {
        let refusal = Reply {
            kind: Some(Kind::SimpleError),
            readable: true,
            text: Some(b"NOPERM"),
            elements: 0,
            event: None,
        };
        assert_eq!(pending.decide(&refusal, false), Verdict::Answer(serial));
    }
    assert!(pending.entries.capacity() <= 16);
}

#[test]
fn messages_behind_a_refusal_are_for_nobody() {
    let verdicts = decide_all(
        &["SUBSCRIBE a", "SUBSCRIBE a"],
        &[
            (Kind::Push, b"subscribe"),
            (Kind::SimpleError, b"NOPERM"),
            (Kind::Push, b"message"),
        ],
    );
    let to = |receiver| Verdict::Subscription {
        receiver,
        target: Target::Channel,
        over: false,
    };
    let refused = Verdict::Refused {
        receiver: 1,
        more: false,
        over: false,
    };
    assert_eq!(verdicts, [to(Some(1)), refused, to(None)]);
}

/// A command that was refused for one of its names was refused for all, so that a later command is confirmed.
#[test]
fn no_name_of_a_refused_command_is_confirmed() {
    let verdicts = decide_all(
        &["CLIENT REPLY OFF", "SUBSCRIBE b a", "SUBSCRIBE a"],
        &[(Kind::Array, b"subscribe")],
    );
    let unheard = Verdict::Unheard {
        receiver: Some(1),
        over: false,
    };
    let confirmed = Verdict::Subscription {
        receiver: Some(2),
        target: Target::Channel,
        over: false,
    };
    assert_eq!(
        verdicts,
        [Verdict::Unanswered(1), unheard, unheard, confirmed]
    );
}

/// Whether the first `MONITOR` is in force decides whether the second is answered, and is not known.
#[test]
fn a_monitor_behind_an_unheard_one_is_undecidable() {
    let verdicts = decide_all(
        &["CLIENT REPLY OFF", "MONITOR", "CLIENT REPLY ON", "MONITOR"],
        &[(Kind::SimpleString, b"OK"), (Kind::SimpleString, b"OK")],
    );
    let expected = [
        Verdict::Unanswered(2),
        Verdict::Answer(2),
        Verdict::Fail(Fault::Undecidable),
    ];
    assert_eq!(verdicts, expected);
}

#[test]
fn every_reply_finds_its_own_command() {
    let count =
        std::env::var("PENDING_SEQUENCES").map_or(20_000, |text| text.parse().expect("a number"));
    let first = std::env::var("PENDING_FIRST").map_or(1, |text| text.parse().expect("a number"));
    let mut decided = 0_u64;
    for seed in first..first + count {
        let run = std::panic::catch_unwind(|| Run::new(seed).go());
        match run {
            Ok(to_its_end) => decided += u64::from(to_its_end),
            Err(_) => panic!("in sequence {seed}"),
        }
    }
    println!("{count} sequences, {decided} decided to their end, 0 differences");
    assert!(decided > count / 3, "{decided} of {count}");
}

/// A program that has never used a shard channel: an array that looks like one's is nobody's reply.
#[test]
fn arrays_of_shards_are_unrequested_if_there_is_none() {
    for word in [&b"sunsubscribe"[..], b"smessage", b"ssubscribe"] {
        let reply = Reply {
            kind: Some(Kind::Array),
            readable: true,
            text: None,
            elements: 3,
            event: Some(Event::new(word, Some(b"a"), || Some(0))),
        };
        let verdict = Pending::<u64>::new().decide(&reply, false);
        assert_eq!(verdict, Verdict::Fail(Fault::Unrequested));
    }
}

/// No command of these is answered, so that a status that looks like the feed is the feed.
#[test]
fn the_feed_may_begin_behind_all_that_is_unheard() {
    for leaves in ["unsubscribe", "punsubscribe", "subscribe a"] {
        let mut pending = Pending::<u64>::new();
        for command in ["CLIENT REPLY OFF", leaves, "MONITOR"] {
            let words: Vec<&str> = command.split(' ').collect();
            let mut text = format!("*{}\r\n", words.len());
            for word in words {
                text += &format!("${}\r\n{word}\r\n", word.len());
            }
            let circumstances = Circumstances {
                subscribed: true,
                ..Circumstances::default()
            };
            let arguments = arguments_of(text.as_bytes()).expect("a command");
            assert!(pending.enter(&arguments, 0, circumstances).is_ok());
        }
        let line = Reply {
            kind: Some(Kind::SimpleString),
            readable: true,
            text: Some(b"1700000000.123456 [0 127.0.0.1:1] \"PING\""),
            elements: 0,
            event: None,
        };
        assert_eq!(pending.decide(&line, true), Verdict::Feed, "{leaves}");
    }
}

/// In subscribed mode the C library forgives a server what it sends unasked, errors excepted.
#[test]
fn what_nobody_asked_for_is_ignored_in_subscribed_mode_alone() {
    let reply = |kind| Reply {
        kind: Some(kind),
        readable: true,
        text: None,
        elements: 0,
        event: None,
    };
    let decide = |kind, subscribed| Pending::<u64>::new().decide(&reply(kind), subscribed);
    for kind in [Kind::SimpleString, Kind::Integer, Kind::BulkString] {
        assert_eq!(decide(kind, true), Verdict::Nobody);
        assert_eq!(decide(kind, false), Verdict::Fail(Fault::Unrequested));
    }
    assert_eq!(decide(Kind::SimpleError, true), Verdict::Disconnect);
}
