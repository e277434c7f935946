//! What is known of a command.

/// A command, or a subcommand with the name of its container.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    /// In capitals: `GET`, `CLIENT SETNAME`.
    pub name: &'static str,
    /// The number of arguments, the name included; negative: at least so many.
    pub arity: i8,
    /// Whether the first argument chooses a subcommand.
    pub has_subcommands: bool,
    /// Whether it changes nothing.
    pub reads_only: bool,
    /// Whether it runs a script or a function on the server.
    pub runs_script: bool,
    /// Where its keys stand.
    pub key_specs: &'static [KeySpec],
    /// Where the time stands for which it may wait on the server; `None`: it does not wait.
    pub block_time: Option<BlockTime>,
    /// Which nodes of a cluster get it, if it has no key.
    pub request: Option<Request>,
    /// What becomes of the replies of several nodes.
    pub response: Option<Response>,
    /// Why a connection that several users share does not take it: what to use instead.
    pub refused: Option<&'static str>,
}

pub(super) const fn command(name: &'static str, arity: i8) -> Command {
    Command {
        name,
        arity,
        has_subcommands: false,
        reads_only: false,
        runs_script: false,
        key_specs: &[],
        block_time: None,
        request: None,
        response: None,
        refused: None,
    }
}

/// For the table, each of them says more of a command.
impl Command {
    pub(super) const fn has_subcommands(mut self) -> Self {
        self.has_subcommands = true;
        self
    }

    pub(super) const fn reads_only(mut self) -> Self {
        self.reads_only = true;
        self
    }

    pub(super) const fn runs_script(mut self) -> Self {
        self.runs_script = true;
        self
    }

    pub(super) const fn keys(mut self, keys: &'static [KeySpec]) -> Self {
        self.key_specs = keys;
        self
    }

    pub(super) const fn blocks(mut self, place: Place, unit: Unit) -> Self {
        self.block_time = Some(BlockTime { place, unit });
        self
    }

    pub(super) const fn request(mut self, request: Request) -> Self {
        self.request = Some(request);
        self
    }

    pub(super) const fn response(mut self, response: Response) -> Self {
        self.response = Some(response);
        self
    }

    pub(super) const fn refused(mut self, instead: &'static str) -> Self {
        self.refused = Some(instead);
        self
    }
}

/// Where some keys of a command stand, as the server's own key specifications say it.
#[derive(Debug, PartialEq, Eq)]
pub struct KeySpec {
    pub(super) begin: Begin,
    pub(super) find: Find,
}

impl KeySpec {
    pub(super) const fn new(begin: Begin, find: Find) -> Self {
        Self { begin, find }
    }
}

/// Where the keys begin.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// At this argument.
    Index(usize),
    /// Behind this word, which is looked for from this argument on; negative: from the end on,
    /// backwards.
    Keyword(&'static str, isize),
}

/// Which arguments from there on are keys.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Find {
    /// Up to the last key, in steps. A negative last key counts from the end: of all arguments, or,
    /// with a limit above 1, of the first part of so many equal ones.
    Range {
        last: isize,
        step: usize,
        limit: usize,
    },
    /// As many as an argument says.
    Counted {
        count: usize,
        first: usize,
        step: usize,
    },
}

pub(super) const fn index(at: usize) -> Begin {
    Begin::Index(at)
}

pub(super) const fn keyword(word: &'static str, from: isize) -> Begin {
    Begin::Keyword(word, from)
}

pub(super) const fn range(last: isize, step: usize, limit: usize) -> Find {
    Find::Range { last, step, limit }
}

pub(super) const fn counted(count: usize, first: usize, step: usize) -> Find {
    Find::Counted { count, first, step }
}

/// The time for which a command may wait on the server.
#[derive(Debug, PartialEq, Eq)]
pub struct BlockTime {
    pub(super) place: Place,
    pub(super) unit: Unit,
}

/// Which argument is the time.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// This one.
    Index(usize),
    /// The last one.
    Last,
    /// The one behind this word, if the command has it.
    Behind(&'static str),
}

/// The unit of the time.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Seconds, with a fraction.
    Seconds,
    /// Milliseconds.
    Milliseconds,
}

/// Which nodes of a cluster get a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// All, replicas included.
    AllNodes,
    /// All masters.
    AllShards,
    /// The masters of its keys, each with its own keys.
    MultiShard,
    /// Others, which depends on the arguments.
    Special,
}

/// What becomes of the replies of several nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// The first that is no error.
    OneSucceeded,
    /// One of them, if none is an error.
    AllSucceeded,
    /// Their logical conjunction.
    AggLogicalAnd,
    /// The smallest.
    AggMin,
    /// Their sum.
    AggSum,
    /// Something that depends on the command.
    Special,
}
