//! What the host says of commands, and is told of them.

use crate::outcome::{Cause, Outcome};
use crate::text::OutOfMemory;
use crate::time::Time;

/// A reply, as far as it decides anything.
pub trait Reply {
    /// The text, if it is an error.
    fn error(&self) -> Option<&[u8]>;
}

/// How a command has ended. Each command that was accepted has exactly one.
#[derive(Debug, PartialEq, Eq)]
pub struct Completion<T, R> {
    /// What the command was submitted with.
    pub tag: T,
    /// How it has ended.
    pub outcome: Outcome,
    /// Why.
    pub cause: Cause,
    /// It may have been executed by an earlier attempt, too.
    pub repeated: bool,
    /// It was refused, and nothing can have happened.
    pub no_effect: bool,
    /// How often it was given to a connection.
    pub attempts: u32,
    /// Microseconds until it was first given to a connection, or until its end.
    pub queued: Time,
    /// Microseconds from then until its end.
    pub on_wire: Time,
    /// The reply, if one came.
    pub reply: Option<R>,
}

/// What the program sets.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Commands that may wait.
    pub waiting: usize,
    /// Bytes of the commands that may wait.
    pub waiting_bytes: usize,
    /// Commands that a connection may owe replies to.
    pub in_flight: usize,
    /// Bytes that a connection may hold and its transport has not taken: whatever is beyond can
    /// still be withdrawn.
    pub window: u64,
}

/// Why a command is not accepted. Nothing has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A limit is reached.
    Full,
    /// The client is closing.
    Closing,
    /// Memory is short.
    Memory,
}

impl From<OutOfMemory> for Refusal {
    fn from(_: OutOfMemory) -> Self {
        Self::Memory
    }
}
