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
mod tests;
