//! What is said on a new connection before the program's commands: the protocol, the credentials,
//! the database and the rest of what the program has configured.
//!
//! HELLO goes alone, since a server that does not know it, or forbids it, wants AUTH instead. All
//! that follows leaves in one write.

use crate::config::{Protocol, Settings};
use crate::outcome::ErrorKind;
use crate::retry::doubled;
use crate::text::{self, OutOfMemory};
use arrayvec::ArrayVec;
use std::collections::VecDeque;
use std::time::Duration;

/// A command of the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// `HELLO 3`, with AUTH if there is a password.
    Hello,
    /// `AUTH`, with the user if there is one.
    Auth,
    /// `CLIENT SETNAME`.
    SetName,
    /// `CLIENT SETINFO LIB-NAME`.
    LibraryName,
    /// `CLIENT SETINFO LIB-VER`.
    LibraryVersion,
    /// `SELECT`.
    Select,
    /// `READONLY`, for replicas in a cluster.
    ReadOnly,
    /// `ROLE`, of a master that sentinels have named.
    Role,
    /// `MULTI`: whether the user may use transactions.
    Multi,
    /// `DISCARD`, which ends it.
    Discard,
    /// A command of the program's, by its index.
    SetUp(usize),
}

/// What the server answers to a command of the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// No error.
    Good,
    /// An error with this text.
    Error(&'a [u8]),
    /// The first word of what ROLE answers.
    Role(&'a [u8]),
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The commands that `to_send` has are sent.
    Send,
    /// The same, after a random time of at most this: the server loads its data, or is busy.
    SendWithin(Duration),
    /// Further answers are owed.
    Listen,
    /// The program's commands may be sent.
    Ready,
    /// The handshake has failed.
    Failed(Failure),
}

/// Why a handshake has failed. The server's error tells the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The user or the password is wrong, or a password is missing.
    Authentication,
    /// The server refuses this command.
    Refused(Item),
    /// The server is not the master that the sentinels said it was.
    NotMaster,
    /// Memory is short.
    Memory,
}

/// What this connection is for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Purpose {
    /// It is to read from a replica in a cluster.
    pub replica: bool,
    /// It is to be a master that sentinels have named.
    pub named_by_sentinels: bool,
    /// How many commands the program sends on each new connection.
    pub set_up: usize,
}

/// The handshake of one connection.
#[derive(Debug)]
pub struct Handshake {
    purpose: Purpose,
    to_send: VecDeque<Item>,
    owed: VecDeque<Item>,
    protocol: Protocol,
    transactions: bool,
    /// The server has asked for time, by an answer of this round.
    must_wait: bool,
    /// How many rounds it has asked for time in.
    waits: u32,
}

impl Handshake {
    /// The handshake that `settings` want.
    pub fn new(settings: &Settings, purpose: Purpose) -> Result<Self, OutOfMemory> {
        let mut handshake = Self {
            purpose,
            to_send: VecDeque::new(),
            owed: VecDeque::new(),
            protocol: settings.protocol,
            transactions: true,
            must_wait: false,
            waits: 0,
        };
        match settings.protocol {
            Protocol::Resp3 => handshake.plan(Item::Hello)?,
            Protocol::Resp2 => handshake.plan_resp2(settings)?,
        }
        Ok(handshake)
    }

    /// The commands to send now, in one write. Each is owed an answer.
    pub fn to_send(&mut self) -> Result<impl Iterator<Item = Item> + '_, OutOfMemory> {
        self.owed.try_reserve(self.to_send.len())?;
        self.owed.extend(&self.to_send);
        Ok(self.to_send.drain(..))
    }

    /// The protocol that the connection speaks.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether the user may use transactions.
    pub fn transactions(&self) -> bool {
        self.transactions
    }

    /// Takes the next answer. An answer that nothing is owed is the connection's to refuse.
    pub fn answer(&mut self, settings: &Settings, answer: Answer<'_>) -> Next {
        let Some(item) = self.owed.pop_front() else {
            return Next::Ready;
        };
        let next = match answer {
            Answer::Good => self.good(settings, item),
            Answer::Role(role) if item == Item::Role && role != b"master" => {
                Ok(Next::Failed(Failure::NotMaster))
            }
            Answer::Role(_) => self.good(settings, item),
            Answer::Error(text) => self.error(settings, item, text),
        };
        next.unwrap_or(Next::Failed(Failure::Memory))
    }

    fn good(&mut self, settings: &Settings, item: Item) -> Result<Next, OutOfMemory> {
        if item == Item::Hello {
            self.plan_rest(settings)?;
        }
        Ok(self.onwards())
    }

    fn error(&mut self, settings: &Settings, item: Item, text: &[u8]) -> Result<Next, OutOfMemory> {
        let kind = ErrorKind::of(text);
        match item {
            _ if matches!(kind, ErrorKind::Loading | ErrorKind::Busy) => self.wait(item),
            Item::Hello if is_authentication(text) => Ok(Next::Failed(Failure::Authentication)),
            // The server does not know HELLO or RESP3, or forbids it.
            Item::Hello => {
                self.protocol = Protocol::Resp2;
                self.plan_resp2(settings)?;
                Ok(Next::Send)
            }
            Item::Auth => Ok(Next::Failed(Failure::Authentication)),
            _ if is_authentication(text) => Ok(Next::Failed(Failure::Authentication)),
            Item::SetName | Item::LibraryName | Item::LibraryVersion => Ok(self.onwards()),
            // MULTI is to be sent again, so that nothing was there to discard.
            Item::Discard if self.to_send.contains(&Item::Multi) => {
                self.plan(item)?;
                Ok(self.onwards())
            }
            Item::Multi | Item::Discard => {
                self.transactions = false;
                Ok(self.onwards())
            }
            Item::Select | Item::ReadOnly | Item::Role | Item::SetUp(_) => {
                Ok(Next::Failed(Failure::Refused(item)))
            }
        }
    }

    /// The command is sent again, once the other answers of this round have come.
    fn wait(&mut self, item: Item) -> Result<Next, OutOfMemory> {
        self.must_wait = true;
        self.plan(item)?;
        Ok(self.onwards())
    }

    /// What comes next if nothing is wrong.
    fn onwards(&mut self) -> Next {
        const FIRST: Duration = Duration::from_millis(50);
        const LONGEST: Duration = Duration::from_secs(1);
        if !self.owed.is_empty() {
            return Next::Listen;
        }
        if self.to_send.is_empty() {
            return Next::Ready;
        }
        if !std::mem::take(&mut self.must_wait) {
            return Next::Send;
        }
        let within = doubled(FIRST, self.waits, LONGEST);
        self.waits = self.waits.saturating_add(1);
        Next::SendWithin(within)
    }

    fn plan(&mut self, item: Item) -> Result<(), OutOfMemory> {
        self.to_send.try_reserve(1)?;
        self.to_send.push_back(item);
        Ok(())
    }

    fn plan_resp2(&mut self, settings: &Settings) -> Result<(), OutOfMemory> {
        if settings.password.is_some() {
            self.plan(Item::Auth)?;
        }
        self.plan_rest(settings)
    }

    fn plan_rest(&mut self, settings: &Settings) -> Result<(), OutOfMemory> {
        let purpose = self.purpose;
        let items = [
            (settings.client_name.is_some(), Item::SetName),
            (true, Item::LibraryName),
            (true, Item::LibraryVersion),
            (settings.db.get() != 0, Item::Select),
            (purpose.replica, Item::ReadOnly),
            (purpose.named_by_sentinels, Item::Role),
            (true, Item::Multi),
            (true, Item::Discard),
        ];
        for (_, item) in items.into_iter().filter(|(wanted, _)| *wanted) {
            self.plan(item)?;
        }
        for index in 0..purpose.set_up {
            self.plan(Item::SetUp(index))?;
        }
        Ok(())
    }
}

/// Whether the server wants other credentials.
fn is_authentication(text: &[u8]) -> bool {
    text.starts_with(b"WRONGPASS")
        || ErrorKind::of(text) == ErrorKind::NoAuth
        || text.starts_with(b"ERR invalid password")
        || text.starts_with(b"ERR AUTH ")
}

impl Item {
    /// The arguments of the command. `None`: it is the program's. `number` is memory for the
    /// database's.
    pub fn arguments<'a>(
        self,
        settings: &'a Settings,
        number: &'a mut String,
    ) -> Result<Option<ArrayVec<&'a str, 5>>, OutOfMemory> {
        let user = settings.user.as_deref();
        let password = settings.password.as_ref().map(|secret| secret.expose());
        let mut arguments = ArrayVec::new();
        let words: &[&str] = match self {
            Self::Hello => &["HELLO", "3"],
            Self::Auth => &["AUTH"],
            Self::SetName => &["CLIENT", "SETNAME"],
            Self::LibraryName => &["CLIENT", "SETINFO", "LIB-NAME", "hiredis-rs"],
            Self::LibraryVersion => &["CLIENT", "SETINFO", "LIB-VER", env!("CARGO_PKG_VERSION")],
            Self::Select => &["SELECT"],
            Self::ReadOnly => &["READONLY"],
            Self::Role => &["ROLE"],
            Self::Multi => &["MULTI"],
            Self::Discard => &["DISCARD"],
            Self::SetUp(_) => return Ok(None),
        };
        arguments.extend(words.iter().copied());
        match (self, password) {
            (Self::Hello, Some(password)) => {
                arguments.extend(["AUTH", user.unwrap_or("default"), password]);
            }
            (Self::Auth, Some(password)) => arguments.extend(user.into_iter().chain([password])),
            (Self::SetName, _) => arguments.extend(settings.client_name.as_deref()),
            (Self::Select, _) => {
                *number = text::display(&settings.db.get())?;
                arguments.push(number);
            }
            _ => {}
        }
        Ok(Some(arguments))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const TAIL: [Item; 4] = [
        Item::LibraryName,
        Item::LibraryVersion,
        Item::Multi,
        Item::Discard,
    ];

    /// Plays a handshake against a server. Returns what was sent, in its writes, and how it ended.
    fn play(
        url: &str,
        purpose: Purpose,
        mut server: impl FnMut(Item) -> Answer<'static>,
    ) -> (Vec<Vec<Item>>, Next, Handshake) {
        let config = Config::new(Some(url));
        assert_eq!(config.problem(), None);
        let settings = config.settings();
        let mut handshake = Handshake::new(settings, purpose).unwrap();
        let mut writes = vec![];
        loop {
            let sent: Vec<Item> = handshake.to_send().unwrap().collect();
            assert!(!sent.is_empty() && writes.len() < 100);
            let last = sent.len() - 1;
            let mut next = Next::Listen;
            for (n, item) in sent.iter().enumerate() {
                next = handshake.answer(settings, server(*item));
                if matches!(next, Next::Failed(_)) {
                    break;
                }
                assert_eq!(n < last, next == Next::Listen, "{sent:?} {n}");
            }
            writes.push(sent);
            match next {
                Next::Send | Next::SendWithin(_) => {}
                _ => return (writes, next, handshake),
            }
        }
    }

    fn good(_: Item) -> Answer<'static> {
        Answer::Good
    }

    #[test]
    fn hello_goes_alone_and_the_rest_in_one_write() {
        let (writes, next, handshake) = play("redis://", Purpose::default(), good);
        assert_eq!(writes, [vec![Item::Hello], TAIL.to_vec()]);
        assert_eq!(next, Next::Ready);
        assert_eq!(handshake.protocol(), Protocol::Resp3);
        assert!(handshake.transactions());

        let everything = Purpose {
            replica: true,
            named_by_sentinels: true,
            set_up: 2,
        };
        let (writes, next, _) = play("redis://u:p@h/3?name=n", everything, |item| match item {
            Item::Role => Answer::Role(b"master"),
            _ => Answer::Good,
        });
        let rest = [
            Item::SetName,
            Item::LibraryName,
            Item::LibraryVersion,
            Item::Select,
            Item::ReadOnly,
            Item::Role,
            Item::Multi,
            Item::Discard,
            Item::SetUp(0),
            Item::SetUp(1),
        ];
        assert_eq!(writes, [vec![Item::Hello], rest.to_vec()]);
        assert_eq!(next, Next::Ready);
    }

    #[test]
    fn without_hello_it_authenticates_and_speaks_resp2() {
        for error in [
            &b"ERR unknown command 'HELLO'"[..],
            b"NOPERM this user has no permissions to run the 'hello' command",
            b"NOPROTO unsupported protocol version",
        ] {
            for (url, auth) in [("redis://", false), ("redis://:p@h", true)] {
                let (writes, next, handshake) = play(url, Purpose::default(), |item| match item {
                    Item::Hello => Answer::Error(error),
                    _ => Answer::Good,
                });
                let mut rest = vec![Item::Auth; usize::from(auth)];
                rest.extend(TAIL);
                assert_eq!(writes, [vec![Item::Hello], rest]);
                assert_eq!(next, Next::Ready);
                assert_eq!(handshake.protocol(), Protocol::Resp2);
            }
        }
        let (writes, _, _) = play("redis://?protocol=2", Purpose::default(), good);
        assert_eq!(writes, [TAIL.to_vec()]);
    }

    #[test]
    fn what_fails_is_told() {
        let refused = |bad: Item, text: &'static [u8]| {
            let purpose = Purpose {
                replica: true,
                named_by_sentinels: true,
                set_up: 1,
            };
            let (_, next, handshake) = play("redis://u:p@h/3?name=n", purpose, |item| match item {
                _ if item == bad => Answer::Error(text),
                Item::Hello if bad == Item::Auth => Answer::Error(b"ERR unknown command"),
                Item::Role => Answer::Role(b"master"),
                _ => Answer::Good,
            });
            (next, handshake.transactions())
        };
        let authentication = (Next::Failed(Failure::Authentication), true);
        assert_eq!(refused(Item::Hello, b"WRONGPASS invalid"), authentication);
        assert_eq!(
            refused(Item::Hello, b"NOAUTH HELLO must be called"),
            authentication
        );
        assert_eq!(refused(Item::Auth, b"ERR invalid password"), authentication);
        assert_eq!(refused(Item::Auth, b"ERR Client sent AUTH"), authentication);
        assert_eq!(
            refused(Item::Select, b"NOAUTH Authentication"),
            authentication
        );
        for item in [Item::Select, Item::ReadOnly, Item::Role, Item::SetUp(0)] {
            let failed = (Next::Failed(Failure::Refused(item)), true);
            assert_eq!(refused(item, b"NOPERM x"), failed);
        }
        for item in [Item::SetName, Item::LibraryName, Item::LibraryVersion] {
            assert_eq!(refused(item, b"NOPERM x"), (Next::Ready, true));
        }
        for item in [Item::Multi, Item::Discard] {
            assert_eq!(refused(item, b"NOPERM x"), (Next::Ready, false));
        }
        let sentinel = Purpose {
            named_by_sentinels: true,
            ..Purpose::default()
        };
        let (_, next, _) = play("redis://", sentinel, |item| match item {
            Item::Role => Answer::Role(b"slave"),
            _ => Answer::Good,
        });
        assert_eq!(next, Next::Failed(Failure::NotMaster));
    }

    #[test]
    fn a_server_that_loads_or_is_busy_is_given_time() {
        for bad in [
            Item::Hello,
            Item::Select,
            Item::Multi,
            Item::Discard,
            Item::SetUp(0),
        ] {
            for text in [&b"LOADING Redis is loading"[..], b"BUSY Redis is busy"] {
                let mut left = 3;
                let mut in_multi = false;
                let purpose = Purpose {
                    set_up: 1,
                    ..Purpose::default()
                };
                let (writes, next, handshake) = play("redis://h/1", purpose, |item| {
                    if item == bad && left > 0 {
                        left -= 1;
                        return Answer::Error(text);
                    }
                    match item {
                        Item::Multi => in_multi = true,
                        Item::Discard if !in_multi => {
                            return Answer::Error(b"ERR DISCARD without MULTI");
                        }
                        Item::Discard => in_multi = false,
                        _ => {}
                    }
                    Answer::Good
                });
                assert_eq!(next, Next::Ready, "{bad:?}");
                assert!(handshake.transactions());
                assert_eq!(handshake.waits, 3);
                let times = writes.iter().flatten().filter(|item| **item == bad).count();
                assert_eq!(times, 4, "{bad:?} {writes:?}");
            }
        }
    }

    /// Servers that answer anything: whatever is ready has been told everything that must hold.
    #[test]
    fn ready_means_that_everything_needed_was_granted() {
        let errors: [&[u8]; 6] = [
            b"ERR x",
            b"NOPERM x",
            b"NOAUTH x",
            b"WRONGPASS x",
            b"LOADING x",
            b"BUSY x",
        ];
        let mut state = 1u64;
        let mut draw = move |below: usize| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 33) as usize % below
        };
        let mut ready = 0;
        for _ in 0..20_000 {
            let mut granted = vec![];
            let purpose = Purpose {
                replica: draw(2) == 0,
                named_by_sentinels: draw(2) == 0,
                set_up: draw(3),
            };
            let (_, next, handshake) = play("redis://u:p@h/3?name=n", purpose, |item| {
                if draw(6) == 0 {
                    return Answer::Error(errors[draw(errors.len())]);
                }
                if item == Item::Role && draw(6) == 0 {
                    return Answer::Role(b"slave");
                }
                granted.push(item);
                match item {
                    Item::Role => Answer::Role(b"master"),
                    _ => Answer::Good,
                }
            });
            if next != Next::Ready {
                assert!(matches!(next, Next::Failed(_)));
                continue;
            }
            ready += 1;
            let by_hello = handshake.protocol() == Protocol::Resp3;
            assert!(granted.contains(if by_hello { &Item::Hello } else { &Item::Auth }));
            assert!(granted.contains(&Item::Select));
            assert_eq!(granted.contains(&Item::ReadOnly), purpose.replica);
            assert_eq!(granted.contains(&Item::Role), purpose.named_by_sentinels);
            assert!((0..purpose.set_up).all(|index| granted.contains(&Item::SetUp(index))));
            if handshake.transactions() {
                assert!(granted.contains(&Item::Multi) && granted.contains(&Item::Discard));
            }
        }
        assert!(ready > 1000, "{ready}");
    }

    #[test]
    fn arguments_are_those_of_the_commands() {
        let config = Config::new(Some("redis://u:p@h/3?name=n"));
        let only_password = Config::new(Some("redis://:p@h"));
        let none = Config::new(None);
        let line = |item: Item, config: &Config| {
            let mut number = String::new();
            let arguments = item.arguments(config.settings(), &mut number).unwrap();
            arguments.map(|arguments| arguments.join(" "))
        };
        for (item, config, expected) in [
            (Item::Hello, &config, "HELLO 3 AUTH u p"),
            (Item::Hello, &only_password, "HELLO 3 AUTH default p"),
            (Item::Hello, &none, "HELLO 3"),
            (Item::Auth, &config, "AUTH u p"),
            (Item::Auth, &only_password, "AUTH p"),
            (Item::SetName, &config, "CLIENT SETNAME n"),
            (Item::Select, &config, "SELECT 3"),
            (Item::ReadOnly, &config, "READONLY"),
            (Item::Role, &config, "ROLE"),
            (Item::Multi, &config, "MULTI"),
            (Item::Discard, &config, "DISCARD"),
            (
                Item::LibraryName,
                &config,
                "CLIENT SETINFO LIB-NAME hiredis-rs",
            ),
        ] {
            assert_eq!(line(item, config).as_deref(), Some(expected));
        }
        assert_eq!(line(Item::SetUp(0), &config), None);
    }
}
