//! What is wrong with a configuration.

use super::value::Invalid;
use crate::text::OutOfMemory;
use arrayvec::ArrayString;
use std::fmt;

/// Bytes of an option's name that a message repeats: the name comes from the program, and may be of
/// any length.
const SHOWN: usize = 64;

/// What is wrong with a configuration. The text names the option, and never repeats a value, which
/// may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The URL cannot be read, for this reason.
    Url(&'static str),
    /// An option has a name that is not known, or a value that it cannot have.
    Option {
        /// The name, or its beginning.
        name: ArrayString<SHOWN>,
        /// What is wrong.
        reason: Reason,
    },
    /// Memory is short.
    Memory,
}

/// What is wrong with an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No option has this name.
    Unknown,
    /// There is a name, but no `=`.
    NoValue,
    /// The option cannot have this value.
    Value(Invalid),
}

impl Problem {
    pub(super) fn option(name: &str, reason: Reason) -> Self {
        if reason == Reason::Value(Invalid::Memory) {
            return Self::Memory;
        }
        let mut shown = ArrayString::new();
        for letter in name.chars() {
            if shown.try_push(letter).is_err() {
                break;
            }
        }
        Self::Option {
            name: shown,
            reason,
        }
    }
}

impl From<OutOfMemory> for Problem {
    fn from(_: OutOfMemory) -> Self {
        Self::Memory
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(reason) => write!(f, "URL: {reason}"),
            Self::Option { name, reason } => write!(f, "option '{name}': {reason}"),
            Self::Memory => OutOfMemory.fmt(f),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("there is no such option"),
            Self::NoValue => f.write_str("a value is missing"),
            Self::Value(invalid) => invalid.fmt(f),
        }
    }
}
