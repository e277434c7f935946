//! Text whose allocation may fail.

use std::collections::TryReserveError;
use std::fmt;

/// Memory is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

impl From<TryReserveError> for OutOfMemory {
    fn from(_: TryReserveError) -> Self {
        Self
    }
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of memory")
    }
}

/// A copy of `text`.
pub(crate) fn copy(text: &str) -> Result<String, OutOfMemory> {
    let mut copy = String::new();
    push(&mut copy, text)?;
    Ok(copy)
}

/// Appends `text` to `to`, which is unchanged if memory is short.
pub(crate) fn push(to: &mut String, text: &str) -> Result<(), OutOfMemory> {
    to.try_reserve(text.len())?;
    to.push_str(text);
    Ok(())
}

/// Appends `item` to `to`, which is unchanged if memory is short.
pub(crate) fn append<T>(to: &mut Vec<T>, item: T) -> Result<(), OutOfMemory> {
    to.try_reserve(1)?;
    to.push(item);
    Ok(())
}

/// What `value` displays as.
pub(crate) fn display(value: &impl fmt::Display) -> Result<String, OutOfMemory> {
    let mut writer = Fallible(String::new());
    fmt::write(&mut writer, format_args!("{value}")).map_err(|_| OutOfMemory)?;
    Ok(writer.0)
}

struct Fallible(String);

impl fmt::Write for Fallible {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        push(&mut self.0, text).map_err(|_| fmt::Error)
    }
}
