//! Reads a command that was formatted elsewhere, to learn its name and its arguments.
#![forbid(unsafe_code)]

use super::encode::CRLF;
use super::line::{Line, find_line};
use super::{parse_integer, parse_short_line};
use core::iter::FusedIterator;

/// The arguments of one command, its name first.
#[derive(Clone, Debug)]
pub(crate) struct Arguments<'a> {
    count: usize,
    rest: &'a [u8],
}

impl<'a> Arguments<'a> {
    /// The `count` bulk strings at the beginning of `rest`.
    pub(crate) fn new(count: usize, rest: &'a [u8]) -> Self {
        Self { count, rest }
    }

    /// What is behind the arguments taken so far, as it stands in the command.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

/// The arguments of the one command that is all of `bytes`. `None` for anything else: inline
/// commands, wrong lengths, a command cut off, a second one behind it.
///
/// `*0` is a command without arguments, which a server skips without an answer.
pub(crate) fn parse_command(bytes: &[u8]) -> Option<Arguments<'_>> {
    let (count, rest) = header(bytes, b'*')?;
    let mut behind = rest;
    for _ in 0..count {
        behind = match short_argument_head(behind) {
            Some((len, head)) => behind.get(head + len..)?.strip_prefix(&CRLF)?,
            None => argument(behind)?.1,
        };
    }
    behind.is_empty().then_some(Arguments { count, rest })
}

/// As `parse_command`, of bytes that are known to be one command: its arguments are not looked at
/// before they are wanted.
#[inline]
pub(crate) fn arguments_of(command: &[u8]) -> Option<Arguments<'_>> {
    header(command, b'*').map(|(count, rest)| Arguments { count, rest })
}

/// The length of the name of what is known to be one command, where it is found at once: most have
/// fewer than ten arguments, and a name of fewer than ten bytes.
#[inline(always)]
pub(crate) fn short_name_len(command: &[u8]) -> Option<usize> {
    match command {
        [b'*', _, b'\r', _, b'$', len @ b'0'..=b'9', b'\r', ..] => Some(usize::from(len - b'0')),
        _ => None,
    }
}

/// The number of a header, and what is behind it.
#[inline(always)]
fn header(bytes: &[u8], marker: u8) -> Option<(usize, &[u8])> {
    let line = match bytes {
        [first, line @ ..] if *first == marker => line,
        _ => return None,
    };
    if let Some((number, len)) = parse_short_line(line) {
        return Some((number as usize, line.get(len + CRLF.len()..)?));
    }
    any_header(line)
}

/// The same for a number of any length, without the marker.
#[cold]
fn any_header(line: &[u8]) -> Option<(usize, &[u8])> {
    let Line::Complete(end) = find_line(line, 0) else {
        return None;
    };
    let (number, rest) = line.split_at_checked(end)?;
    let number = usize::try_from(parse_integer(number)?).ok()?;
    Some((number, rest.strip_prefix(&CRLF)?))
}

/// The length of an argument of fewer than a hundred bytes, and that of its header, told by one word:
/// what this library has formatted is checked at little cost. `None` says nothing about the argument.
#[inline(always)]
fn short_argument_head(bytes: &[u8]) -> Option<(usize, usize)> {
    const ONE_DIGIT: u64 = u64::from_le_bytes(*b"$\0\r\n\0\0\0\0");
    const TWO_DIGITS: u64 = u64::from_le_bytes(*b"$\0\0\r\n\0\0\0");
    let word = u64::from_le_bytes(*bytes.first_chunk()?);
    let first = ((word >> 8) & 0xff).wrapping_sub(u64::from(b'0'));
    if word & 0xffff_00ff == ONE_DIGIT && first < 10 {
        return Some((first as usize, 4));
    }
    let second = ((word >> 16) & 0xff).wrapping_sub(u64::from(b'0'));
    if word & 0xff_ff00_00ff == TWO_DIGITS && (1..10).contains(&first) && second < 10 {
        return Some((first as usize * 10 + second as usize, 5));
    }
    None
}

/// An argument's text, and what is behind the argument.
#[inline(always)]
fn argument(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = header(bytes, b'$')?;
    let (text, rest) = rest.split_at_checked(len)?;
    Some((text, rest.strip_prefix(&CRLF)?))
}

impl<'a> Iterator for Arguments<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.count = self.count.checked_sub(1)?;
        let (text, rest) = argument(self.rest)?;
        self.rest = rest;
        Some(text)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl ExactSizeIterator for Arguments<'_> {}
impl FusedIterator for Arguments<'_> {}

#[cfg(test)]
mod tests {
    use super::{arguments_of, parse_command, short_name_len};

    fn arguments(bytes: &[u8]) -> Option<Vec<&[u8]>> {
        parse_command(bytes).map(Iterator::collect)
    }

    #[test]
    fn finds_the_arguments() {
        assert_eq!(arguments(b"*1\r\n$4\r\nPING\r\n"), Some(vec![&b"PING"[..]]));
        assert_eq!(
            arguments(b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$6\r\n\r\n$1\r\n\r\n"),
            Some(vec![&b"SET"[..], b"", b"\r\n$1\r\n"])
        );
        assert_eq!(arguments(b"*0\r\n"), Some(vec![]));
        let parsed = parse_command(b"*2\r\n$1\r\na\r\n$1\r\nb\r\n").expect("a command");
        assert_eq!(parsed.len(), 2);
    }

    #[test]
    fn looks_at_a_known_command_when_wanted() {
        let command = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$12\r\nhello\r\nworld\r\n";
        let known = arguments_of(command).expect("a command");
        assert_eq!(known.len(), 3);
        assert!(known.eq(parse_command(command).expect("a command")));
    }

    #[test]
    fn knows_the_length_of_a_short_name() {
        assert_eq!(short_name_len(b"*1\r\n$4\r\nPING\r\n"), Some(4));
        assert_eq!(short_name_len(b"*2\r\n$0\r\n\r\n$1\r\n7\r\n"), Some(0));
        for other in [
            &b"*1\r\n$10\r\nPSUBSCRIBE\r\n"[..],
            b"*10\r\n$3\r\nDEL\r\n",
            b"*0\r\n",
        ] {
            assert_eq!(short_name_len(other), None, "{}", other.escape_ascii());
        }
    }

    #[test]
    fn refuses_everything_else() {
        for bytes in [
            &b""[..],
            b"PING",
            b"PING\r\n",
            b"*1",
            b"*1\r",
            b"*1\r\n",
            b"*-1\r\n",
            b"*x\r\n",
            b"*\r\n",
            b"*01\r\n$4\r\nPING\r\n",
            b"*1\r\n$100000",
            b"*1\r\n$100000\r\n",
            b"*1\r\n$9223372036854775807\r\nx\r\n",
            b"*9223372036854775807\r\n$1\r\nx\r\n",
            b"*2\r\n$9\r\nSUBSCRIBE\r\n$100000\r\nX\r\n",
            b"*1\r\n$-1\r\n",
            b"*1\r\n+PING\r\n",
            b"*1\r\n$4\r\nPINGxx",
            b"*1\r\n$4\r\nPING\n\n",
            b"*1\r\n$3\r\nPING\r\n",
            b"*1\r\n$5\r\nPING\r\n",
            b"*1\r\n$4\r\nPING\r\n ",
            b"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n",
            b"*0\r\n*0\r\n",
            b" *1\r\n$4\r\nPING\r\n",
        ] {
            assert_eq!(arguments(bytes), None, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn refuses_every_cut() {
        let whole = b"*3\r\n$3\r\nSET\r\n$10\r\n0123456789\r\n$0\r\n\r\n";
        assert!(parse_command(whole).is_some());
        for cut in 0..whole.len() {
            assert!(parse_command(&whole[..cut]).is_none(), "{cut} bytes");
        }
    }
}
