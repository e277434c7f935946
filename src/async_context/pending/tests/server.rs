//! The server, which knows whose each of its replies is.

use super::super::Target;
use crate::resp::Kind;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a reply is, as the server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    Answers(u64),
    Monitors(u64),
    /// A message, a confirmation or the end of a subscription to this name.
    Of(Target, Option<u8>),
    /// The refusal of the subscribing command.
    Refuses(u64),
    RefusesLeave,
    Feed,
    Push,
    Attribute,
}

#[derive(Clone)]
pub(super) struct Sent {
    pub(super) truth: Truth,
    pub(super) kind: Kind,
    pub(super) text: Option<Vec<u8>>,
    pub(super) event: Option<(Vec<u8>, Option<u8>, i64)>,
}

/// A server in the manner of Redis. It is the reference: it takes one command after the other and
/// notes with each reply whose it is.
pub(super) struct Server {
    pub(super) resp3: bool,
    pub(super) mode: u8, // 0: replies, 1: skips the next, 2: none
    pub(super) subscribed: BTreeMap<u8, BTreeSet<u8>>,
    pub(super) monitoring: bool,
    pub(super) denied: BTreeSet<&'static str>,
    /// A `CLIENT REPLY ON` was refused without a word, or a subscription ended without a command. The
    /// client may notice later that it cannot tell replies apart, and ends the connection.
    pub(super) confuses: bool,
    pub(super) out: VecDeque<Sent>,
}

const TARGETS: [Target; 3] = [Target::Channel, Target::Pattern, Target::Shard];
const PREFIX: [&str; 3] = ["", "p", "s"];

impl Server {
    pub(super) fn say(&mut self, truth: Truth, kind: Kind, text: &[u8]) {
        let text = Some(text.to_vec());
        let event = None;
        self.out.push_back(Sent {
            truth,
            kind,
            text,
            event,
        });
    }

    pub(super) fn say_event(&mut self, target: usize, what: &str, name: Option<u8>) {
        let of_shards = target == 2;
        let counted = |(kind, names): (&u8, &BTreeSet<u8>)| {
            if (*kind == 2) == of_shards {
                names.len()
            } else {
                0
            }
        };
        let left: usize = self.subscribed.iter().map(counted).sum();
        let word = [PREFIX[target], what].concat().into_bytes();
        self.out.push_back(Sent {
            truth: Truth::Of(TARGETS[target], name),
            kind: if self.resp3 { Kind::Push } else { Kind::Array },
            text: None,
            event: Some((word, name, left as i64)),
        });
    }

    pub(super) fn names(&mut self, target: usize) -> &mut BTreeSet<u8> {
        self.subscribed.entry(target as u8).or_default()
    }

    pub(super) fn is_restricted(&self) -> bool {
        !self.resp3 && self.subscribed.values().any(|names| !names.is_empty())
    }

    pub(super) fn take(&mut self, serial: u64, words: &[&str], form: u32) {
        let muted = self.mode != 0;
        let skipped = self.mode == 1;
        if skipped {
            self.mode = 0;
        }
        let answers = Truth::Answers(serial);
        let (target, verb) = match words[0] {
            "psubscribe" | "punsubscribe" => (1, &words[0][1..]),
            "ssubscribe" | "sunsubscribe" => (2, &words[0][1..]),
            verb => (0, verb),
        };
        let denied = self.denied.contains(words[0]);
        let error = match verb {
            "subscribe" => Truth::Refuses(serial),
            "unsubscribe" => Truth::RefusesLeave,
            _ => answers,
        };
        let pubsub = matches!(verb, "subscribe" | "unsubscribe");
        let allowed = pubsub || matches!(verb, "PING" | "RESET");
        if denied || (self.is_restricted() && !allowed) {
            self.confuses |= muted && words.last() == Some(&"ON");
            if !muted {
                self.say(
                    error,
                    Kind::SimpleError,
                    b"NOPERM no permission for 'client|reply'",
                );
            }
            return;
        }
        let names: Vec<u8> = words[1..].iter().map(|name| name.as_bytes()[0]).collect();
        match verb {
            "subscribe" => {
                for name in names {
                    self.names(target).insert(name);
                    self.say_event(target, "subscribe", Some(name));
                }
            }
            "unsubscribe" => {
                let all: Vec<u8> = self.names(target).iter().copied().collect();
                let none = names.is_empty() && all.is_empty();
                for name in if names.is_empty() { all } else { names } {
                    self.names(target).remove(&name);
                    self.say_event(target, "unsubscribe", Some(name));
                }
                if none {
                    self.say_event(target, "unsubscribe", None);
                }
            }
            "CLIENT" => match words[2] {
                "ON" => {
                    self.mode = 0;
                    self.say(answers, Kind::SimpleString, b"OK");
                }
                "OFF" => self.mode = 2,
                _ if self.mode != 2 => self.mode = 1,
                _ => {}
            },
            "RESET" => {
                (self.mode, self.monitoring, self.resp3) = (0, false, false);
                self.subscribed.clear();
                self.say(answers, Kind::SimpleString, b"RESET");
            }
            "HELLO" => {
                self.resp3 = words[1] == "3";
                if !muted {
                    let kind = if self.resp3 { Kind::Map } else { Kind::Array };
                    self.out.push_back(Sent {
                        truth: answers,
                        kind,
                        text: None,
                        event: None,
                    });
                }
            }
            "MONITOR" if self.monitoring => {}
            "MONITOR" => {
                self.monitoring = true;
                if !muted {
                    self.say(Truth::Monitors(serial), Kind::SimpleString, b"OK");
                }
            }
            _ if muted => {}
            _ => match form % 6 {
                0 => self.say(answers, Kind::SimpleString, b"OK"),
                1 => self.say(answers, Kind::SimpleError, b"ERR no"),
                2 => self.say(answers, Kind::SimpleError, b"NOPERM no"),
                3 if !self.is_restricted() => {
                    let event = Some((b"message".to_vec(), Some(b'a'), 0));
                    let kind = Kind::Array;
                    self.out.push_back(Sent {
                        truth: answers,
                        kind,
                        text: None,
                        event,
                    });
                }
                _ => self.say(answers, Kind::BulkString, b""),
            },
        }
    }

    /// Something that no command asks for.
    pub(super) fn event(&mut self, random: u32) {
        let target = (random >> 8) as usize % 3;
        let name = self.names(target).iter().next().copied();
        match (random % 8, name) {
            (0, _) => self.say(Truth::Attribute, Kind::Attribute, b""),
            (1, _) if self.resp3 => {
                let event = Some((b"invalidate".to_vec(), None, 0));
                let (truth, kind) = (Truth::Push, Kind::Push);
                self.out.push_back(Sent {
                    truth,
                    kind,
                    text: None,
                    event,
                });
            }
            (2, _) if self.monitoring && self.mode == 0 => {
                self.say(
                    Truth::Feed,
                    Kind::SimpleString,
                    b"1700000000.1 [0 x] \"GET\"",
                );
            }
            (3, Some(name)) if target == 2 => {
                self.confuses = true;
                self.names(target).remove(&name);
                self.say_event(target, "unsubscribe", Some(name));
            }
            (_, Some(name)) => self.say_event(target, "message", Some(name)),
            _ => {}
        }
    }
}
