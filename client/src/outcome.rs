//! How commands end, and what an error reply says about that.

/// How a command has ended.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was executed; the reply is attached.
    Done = 1,
    /// The server refused it by an error.
    Refused = 2,
    /// It was not executed, and never will be.
    NotDone = 3,
    /// It was executed, or not, or is still to be executed.
    Unknown = 4,
}

/// Why a command has ended as it did.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A reply came.
    None = 0,
    /// The server answered with an error.
    ErrorReply = 1,
    /// Its deadline has passed.
    Timeout = 2,
    /// The program has cancelled it.
    Cancelled = 3,
    /// The server has closed the connection.
    ClosedByPeer = 4,
    /// The connection was reset, or another I/O error has ended it.
    Reset = 5,
    /// The server did not answer, and the connection was given up.
    Stalled = 6,
    /// The server sent something else than RESP, or more than the limits allow.
    Protocol = 7,
    /// No connection could be made.
    Connect = 8,
    /// The host name could not be resolved.
    Resolve = 9,
    /// The TLS handshake has failed.
    Tls = 10,
    /// The server refuses the user or the password.
    Authentication = 11,
    /// The server refuses another command of the handshake.
    Handshake = 12,
    /// There is no connection, and the command or the client fails fast.
    NotReady = 13,
    /// The client is closing.
    Closing = 15,
}

/// An error reply by its first word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The slot belongs to another node.
    Moved,
    /// The slot is on its way to another node, which has the key.
    Ask,
    /// The slot is on its way, and the keys are not all on one node.
    TryAgain,
    /// The cluster does not serve the slot.
    ClusterDown,
    /// The keys belong to several slots.
    CrossSlot,
    /// The server still loads its data.
    Loading,
    /// The replica has lost its master.
    MasterDown,
    /// The server is a replica.
    ReadOnly,
    /// The server runs a script.
    Busy,
    /// The server does not know the script.
    NoScript,
    /// The connection is not authenticated.
    NoAuth,
    /// There are fewer replicas than the server demands.
    NoReplicas,
    /// The user lacks the right.
    NoPerm,
    /// A command of the transaction was refused when it was queued.
    ExecAbort,
    /// Any other error.
    Other,
}

impl ErrorKind {
    /// The kind of the error reply with this text.
    pub fn of(text: &[u8]) -> Self {
        let word = text.split(|byte| *byte == b' ').next().unwrap_or(text);
        match word {
            b"MOVED" => Self::Moved,
            b"ASK" => Self::Ask,
            b"TRYAGAIN" => Self::TryAgain,
            b"CLUSTERDOWN" => Self::ClusterDown,
            b"CROSSSLOT" => Self::CrossSlot,
            b"LOADING" => Self::Loading,
            b"MASTERDOWN" => Self::MasterDown,
            b"READONLY" => Self::ReadOnly,
            b"BUSY" => Self::Busy,
            b"NOSCRIPT" => Self::NoScript,
            b"NOAUTH" => Self::NoAuth,
            b"NOREPLICAS" => Self::NoReplicas,
            b"NOPERM" => Self::NoPerm,
            b"EXECABORT" => Self::ExecAbort,
            _ => Self::Other,
        }
    }

    /// Whether the condition passes without anything that the program does.
    pub fn passes(self) -> bool {
        matches!(
            self,
            Self::Moved
                | Self::Ask
                | Self::TryAgain
                | Self::ClusterDown
                | Self::Loading
                | Self::MasterDown
                | Self::ReadOnly
                | Self::Busy
        )
    }

    /// Whether the error sends the command to another node.
    pub fn redirects(self) -> bool {
        matches!(self, Self::Moved | Self::Ask)
    }
}

/// Whether nothing can have happened at a command that was refused with this error. `runs_script`
/// is true for EVAL, FCALL and their kin: a command within a script may be refused after others
/// were executed, and the text then names the script.
pub fn has_no_effect(text: &[u8], runs_script: bool) -> bool {
    const NAMES_A_SCRIPT: &[u8] = b"script:";
    let within_a_script = runs_script
        && text
            .windows(NAMES_A_SCRIPT.len())
            .any(|part| part == NAMES_A_SCRIPT);
    ErrorKind::of(text) != ErrorKind::Other && !within_a_script
}
