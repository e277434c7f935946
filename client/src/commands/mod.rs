//! What is known of every command: where its keys stand, whether it changes anything, how long it
//! may wait, and who may use it.

mod facts;
mod table;
#[cfg(test)]
mod tests;

pub use facts::{BlockTime, Command, KeySpec, Request, Response};

use facts::{Begin, Find, Place, Unit};
use std::time::Duration;
use table::COMMANDS;

/// How long a command may wait on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocks {
    /// It does not wait.
    Not,
    /// So long.
    For(Duration),
    /// As long as it takes.
    Forever,
}

/// The command of these arguments; `None` if the table does not know it. An unknown subcommand of a
/// known container is unknown.
pub fn find(arguments: &[&[u8]]) -> Option<&'static Command> {
    let name = arguments.first()?;
    let command = named(name, None)?;
    match arguments.get(1) {
        Some(subcommand) if command.has_subcommands => named(name, Some(subcommand)),
        _ => Some(command),
    }
}

/// The command of a name and, of a subcommand, its own, in any case of letters.
fn named(name: &[u8], subcommand: Option<&[u8]>) -> Option<&'static Command> {
    let given = || {
        let rest = subcommand.into_iter().flat_map(|name| [b" ", name]);
        [name]
            .into_iter()
            .chain(rest)
            .flatten()
            .map(u8::to_ascii_uppercase)
    };
    let place = COMMANDS
        .binary_search_by(|command| command.name.bytes().cmp(given()))
        .ok()?;
    COMMANDS.get(place)
}

impl Command {
    /// Whether the server would take so many arguments.
    pub fn takes(&self, arguments: usize) -> bool {
        let wanted = usize::from(self.arity.unsigned_abs());
        if self.arity < 0 {
            arguments >= wanted
        } else {
            arguments == wanted
        }
    }

    /// Which arguments are keys, by their indices.
    pub fn keys_in<'a>(&'a self, arguments: &'a [&'a [u8]]) -> impl Iterator<Item = usize> + 'a {
        self.key_specs
            .iter()
            .filter_map(|spec| spec.places(arguments))
            .flatten()
            .filter(|place| *place < arguments.len())
    }

    /// How long the command may wait on the server. A time that is none is the server's to refuse.
    pub fn blocks_for(&self, arguments: &[&[u8]]) -> Blocks {
        let Some(time) = &self.block_time else {
            return Blocks::Not;
        };
        let place = match time.place {
            Place::Index(place) => Some(place),
            Place::Last => arguments.len().checked_sub(1),
            Place::Behind(word) => match position(arguments, word, 1) {
                Some(place) => Some(place + 1),
                None => return Blocks::Not,
            },
        };
        let value = place
            .and_then(|place| arguments.get(place))
            .and_then(|value| str::from_utf8(value).ok())
            .and_then(|value| value.parse::<f64>().ok());
        let seconds = match (value, &time.unit) {
            (None, _) => return Blocks::Not,
            (Some(value), Unit::Seconds) => value,
            (Some(value), Unit::Milliseconds) => value / 1000.0,
        };
        if seconds == 0.0 {
            return Blocks::Forever;
        }
        Duration::try_from_secs_f64(seconds).map_or(Blocks::Not, Blocks::For)
    }
}

impl KeySpec {
    /// The places of these keys; `None` if there are none.
    fn places(&self, arguments: &[&[u8]]) -> Option<std::iter::StepBy<std::ops::Range<usize>>> {
        let begin = match self.begin {
            Begin::Index(place) => place,
            Begin::Keyword(word, from) => position(arguments, word, from)? + 1,
        };
        let (first, end, step) = match self.find {
            Find::Range { last, step, limit } => {
                let rest = arguments.len().checked_sub(begin)?;
                let end = match usize::try_from(last) {
                    Ok(last) => begin.checked_add(last)?.checked_add(1)?,
                    Err(_) => {
                        let from_the_end = last.unsigned_abs() - 1;
                        let part = if limit > 1 { rest / limit } else { rest };
                        (begin + part).checked_sub(from_the_end)?
                    }
                };
                (begin, end, step)
            }
            Find::Counted { count, first, step } => {
                let number = arguments.get(begin.checked_add(count)?)?;
                let number: usize = str::from_utf8(number).ok()?.parse().ok()?;
                let first = begin.checked_add(first)?;
                (first, first.checked_add(number.checked_mul(step)?)?, step)
            }
        };
        Some((first..end.min(arguments.len()).max(first)).step_by(step.max(1)))
    }
}

/// Where a word stands among the arguments, in any case of letters, at or behind `from`; if that is
/// negative, at or before so many from the end.
fn position(arguments: &[&[u8]], word: &str, from: isize) -> Option<usize> {
    let is_it = |argument: &&[u8]| argument.eq_ignore_ascii_case(word.as_bytes());
    match usize::try_from(from) {
        Ok(from) => {
            let found = arguments.get(from..)?.iter().position(is_it)?;
            Some(from + found)
        }
        Err(_) => {
            let last = arguments.len().checked_sub(from.unsigned_abs())?;
            arguments.get(..=last)?.iter().rposition(is_it)
        }
    }
}
