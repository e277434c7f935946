//! What was given to a connection, and what of it the server may have got.
//!
//! A server executes only commands that have arrived whole. The last two bytes of a command are CR
//! LF; a server that does not wait for them may execute a command without them.

use crate::text::OutOfMemory;
use std::collections::VecDeque;

/// Bytes at a command's end that a server may not wait for.
const TAIL: u64 = 2;

/// What a server may have got of a command when its connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Not all that a server needs.
    NotSent,
    /// All that a server needs has been given to the kernel.
    Sent,
}

/// The commands that a connection was given and that are still to be answered, in their order, each
/// with what the client knows it by.
#[derive(Debug)]
pub struct Ledger<T> {
    owed: VecDeque<Entry<T>>,
    /// Bytes given to the connection since it was made.
    given: u64,
}

#[derive(Debug)]
struct Entry<T> {
    /// Bytes given up to the command's end.
    end: u64,
    command: T,
}

impl<T> Default for Ledger<T> {
    fn default() -> Self {
        Self {
            owed: VecDeque::new(),
            given: 0,
        }
    }
}

impl<T> Ledger<T> {
    /// Makes room for one more command.
    pub fn reserve(&mut self) -> Result<(), OutOfMemory> {
        Ok(self.owed.try_reserve(1)?)
    }

    /// Takes note of a command of `length` bytes, before it is given to the connection.
    pub fn give(&mut self, command: T, length: usize) -> Result<(), OutOfMemory> {
        self.owed.try_reserve(1)?;
        self.given = self.given.saturating_add(length as u64);
        self.owed.push_back(Entry {
            end: self.given,
            command,
        });
        Ok(())
    }

    /// The command that the next reply answers.
    pub fn answered(&mut self) -> Option<T> {
        self.owed.pop_front().map(|entry| entry.command)
    }

    /// The command that the next reply will answer.
    pub fn oldest(&self) -> Option<&T> {
        self.owed.front().map(|entry| &entry.command)
    }

    /// How many commands are still to be answered.
    pub fn owed(&self) -> usize {
        self.owed.len()
    }

    /// Bytes that were given and that the transport has not taken, if it has taken `taken` since
    /// the connection was made.
    pub fn waiting(&self, taken: u64) -> u64 {
        self.given.saturating_sub(taken)
    }

    /// The connection has ended when its transport had taken `taken` bytes: every command that is
    /// still to be answered, in order, and what the server may have got of it.
    pub fn end(&mut self, taken: u64) -> impl Iterator<Item = (T, Fate)> + '_ {
        self.given = 0;
        self.owed.drain(..).map(move |entry| {
            let fate = if taken < entry.end.saturating_sub(TAIL) {
                Fate::NotSent
            } else {
                Fate::Sent
            };
            (entry.command, fate)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commands of several lengths, some answered, and the connection cut after each byte: compared
    /// with a server that gets the bytes and executes what has arrived without its last two.
    #[test]
    fn every_cut_is_told_as_the_server_sees_it() {
        let lengths = [14usize, 15, 100, 27];
        let total: usize = lengths.iter().sum();
        for answered in 0..lengths.len() {
            for taken in 0..=total {
                let mut ledger = Ledger::default();
                for (n, length) in lengths.iter().enumerate() {
                    ledger.give(n, *length).unwrap();
                }
                assert_eq!(ledger.waiting(taken as u64), (total - taken) as u64);
                for n in 0..answered {
                    assert_eq!(ledger.oldest(), Some(&n));
                    assert_eq!(ledger.answered(), Some(n));
                }
                assert_eq!(ledger.owed(), lengths.len() - answered);
                let told: Vec<_> = ledger.end(taken as u64).collect();
                assert_eq!(
                    told,
                    server(&lengths, answered, taken),
                    "{answered} {taken}"
                );
                assert_eq!((ledger.owed(), ledger.waiting(0)), (0, 0));
                assert_eq!(ledger.answered(), None);
            }
        }
    }

    /// Which commands a server has got so far that it may execute them.
    fn server(lengths: &[usize], answered: usize, mut bytes: usize) -> Vec<(usize, Fate)> {
        let mut told = vec![];
        for (n, length) in lengths.iter().enumerate() {
            let got = bytes.min(*length);
            bytes -= got;
            let fate = match got + 2 >= *length {
                true => Fate::Sent,
                false => Fate::NotSent,
            };
            if n >= answered {
                told.push((n, fate));
            }
        }
        told
    }
}
