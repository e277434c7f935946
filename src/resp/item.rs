//! Items: what a reply is made of. An aggregate is its head, behind which its elements follow as
//! items of their own.

use super::encode::CRLF;
use super::line::{is_broken, parse_short_text, parse_text};
use super::{
    Kind, Line, find_line, is_bignum, parse_double, parse_integer, parse_long_line,
    parse_short_line,
};
use crate::error::Error;

/// Bytes that a double's text may have.
pub(crate) const MAX_DOUBLE: usize = 325;

/// A bulk string that is longer or shorter than announced.
pub(crate) const BAD_TERMINATOR: Error = Error::Protocol("Bad bulk string terminator");

/// The status that most commands which write are answered with, and its line end.
const OK: &[u8] = b"OK\r\n";

/// A null string behind its type byte.
pub(crate) const NULL_BULK: &[u8] = b"-1\r\n";

/// An item without its type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Item<'a> {
    /// A string of any type. A verbatim string's begins with its format and a colon.
    Text(&'a [u8]),
    /// A double and its text.
    Double(f64, &'a [u8]),
    Integer(i64),
    Boolean(bool),
    /// The null of any type.
    Null,
    /// The head of an aggregate of so many elements, two per entry of a map.
    Aggregate(usize),
}

/// What was found behind a type byte.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Found<'a> {
    /// An item, and the bytes that it takes.
    Item(Item<'a>, usize),
    /// The bytes end within the item. No line ends in the first `scanned` of them.
    Incomplete { scanned: usize },
    /// The bytes end within a string of `len` bytes, which begins at `begin`.
    Partial { begin: usize, len: usize },
}

/// The bulk string whose type byte `bytes` follow, and the bytes that it takes, where it is all there
/// and its length has one digit, two or more. `None` says nothing; as for the next functions, which
/// are about the other types that most replies are of.
#[inline(always)]
pub(crate) fn parse_common_bulk(bytes: &[u8]) -> Option<(&[u8], usize)> {
    parse_small_bulk(bytes).or_else(|| parse_larger_bulk(bytes))
}

/// The same with one or two digits only.
#[inline(always)]
pub(crate) fn parse_small_bulk(bytes: &[u8]) -> Option<(&[u8], usize)> {
    match *bytes {
        [ones @ b'0'..=b'9', b'\r', b'\n', ..] => bulk_at(bytes, 3, usize::from(ones - b'0')),
        [tens @ b'1'..=b'9', ones @ b'0'..=b'9', b'\r', b'\n', ..] => {
            let len = usize::from(tens - b'0') * 10 + usize::from(ones - b'0');
            bulk_at(bytes, 4, len)
        }
        _ => None,
    }
}

/// The same with three digits or four only.
#[inline(always)]
pub(crate) fn parse_medium_bulk(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (head, thousands) = match *bytes {
        [b'1'..=b'9', _, _, b'\r', b'\n', ..] => (bytes, 0),
        [thousands @ b'1'..=b'9', _, _, _, b'\r', b'\n', ..] => {
            (bytes.get(1..)?, usize::from(thousands - b'0'))
        }
        _ => return None,
    };
    let len = match *head {
        [
            hundreds @ b'0'..=b'9',
            tens @ b'0'..=b'9',
            ones @ b'0'..=b'9',
            ..,
        ] => {
            let digit = |byte| usize::from(byte - b'0');
            thousands * 1000 + digit(hundreds) * 100 + digit(tens) * 10 + digit(ones)
        }
        _ => return None,
    };
    bulk_at(bytes, bytes.len() - head.len() + 3 + CRLF.len(), len)
}

/// The same with any number of digits.
#[inline(never)]
fn parse_larger_bulk(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (len, header) = parse_short_line(bytes)?;
    bulk_at(bytes, header + CRLF.len(), len as usize)
}

/// The string of `len` bytes at `begin`, with its CRLF.
#[inline(always)]
fn bulk_at(bytes: &[u8], begin: usize, len: usize) -> Option<(&[u8], usize)> {
    // A number of at most 18 digits: the sum does not overflow.
    let whole = bytes.get(..begin + len + CRLF.len())?;
    match whole {
        [head @ .., first, second] if [*first, *second] == CRLF => {
            Some((head.get(begin..)?, whole.len()))
        }
        _ => None,
    }
}

/// The same for a status.
#[inline(always)]
pub(crate) fn parse_common_status(bytes: &[u8]) -> Option<(&[u8], usize)> {
    if bytes.starts_with(OK) {
        return Some((bytes.get(..OK.len() - CRLF.len())?, OK.len()));
    }
    parse_short_text(bytes).map(|text| (text, text.len() + 2))
}

/// The same for an integer.
#[inline(always)]
pub(crate) fn parse_common_integer(bytes: &[u8]) -> Option<(i64, usize)> {
    parse_small_integer(bytes).or_else(|| parse_large_integer(bytes))
}

/// The same for one of at most 18 digits and no sign.
#[inline(always)]
pub(crate) fn parse_small_integer(bytes: &[u8]) -> Option<(i64, usize)> {
    parse_short_line(bytes).map(|(value, len)| (value, len + CRLF.len()))
}

/// The same for any other.
#[inline(always)]
pub(crate) fn parse_large_integer(bytes: &[u8]) -> Option<(i64, usize)> {
    parse_long_line(bytes).map(|(value, len)| (value, len + CRLF.len()))
}

/// The same for a double, and its text; two bytes more are taken.
#[inline(always)]
pub(crate) fn parse_common_double(bytes: &[u8]) -> Option<(f64, &[u8])> {
    let text = parse_short_text(bytes)?;
    parse_double(text).map(|value| (value, text))
}

/// Parses the item that follows a byte of type `kind`. `scanned` is what the last attempt told, 0
/// at first; an aggregate of more than `max_entries` is refused, unless that is 0 or less.
pub(crate) fn parse_item(
    kind: Kind,
    bytes: &[u8],
    scanned: usize,
    max_entries: i64,
) -> Result<Found<'_>, Error> {
    match kind {
        Kind::BulkString | Kind::VerbatimString => parse_string(kind, bytes, scanned),
        Kind::Integer => match parse_large_integer(bytes) {
            Some((value, len)) => Ok(Found::Item(Item::Integer(value), len)),
            None => match parse_number(bytes, scanned, "Bad integer value")? {
                Number::Complete(value, len) => {
                    Ok(Found::Item(Item::Integer(value), len + CRLF.len()))
                }
                Number::Incomplete { scanned } => Ok(Found::Incomplete { scanned }),
            },
        },
        Kind::SimpleString | Kind::SimpleError if scanned == 0 => match parse_text(bytes) {
            Some(text) => Ok(Found::Item(Item::Text(text), text.len() + CRLF.len())),
            None => parse_line(kind, bytes, scanned),
        },
        kind if kind.is_aggregate() => parse_aggregate(kind, bytes, scanned, max_entries),
        kind => parse_line(kind, bytes, scanned),
    }
}

/// A line that is a number.
enum Number {
    /// Its value, and its length without CRLF.
    Complete(i64, usize),
    Incomplete {
        scanned: usize,
    },
}

#[inline]
fn parse_number(bytes: &[u8], scanned: usize, refusal: &'static str) -> Result<Number, Error> {
    match parse_short_line(bytes) {
        Some((value, len)) => Ok(Number::Complete(value, len)),
        None => parse_long_number(bytes, scanned, refusal),
    }
}

#[cold]
fn parse_long_number(bytes: &[u8], scanned: usize, refusal: &'static str) -> Result<Number, Error> {
    match find_line(bytes, scanned) {
        Line::Incomplete(scanned) => Ok(Number::Incomplete { scanned }),
        Line::Complete(len) => bytes
            .get(..len)
            .and_then(parse_integer)
            .map(|value| Number::Complete(value, len))
            .ok_or(Error::Protocol(refusal)),
    }
}

/// A string behind its length.
fn parse_string(kind: Kind, bytes: &[u8], scanned: usize) -> Result<Found<'_>, Error> {
    let (len, begin) = match parse_number(bytes, scanned, "Bad bulk string length")? {
        Number::Complete(len, header) => (len, header + 2),
        Number::Incomplete { scanned } => return Ok(Found::Incomplete { scanned }),
    };
    let Ok(len) = usize::try_from(len) else {
        return match len {
            -1 => Ok(Found::Item(Item::Null, begin)),
            _ => Err(Error::Protocol("Bulk string length out of range")),
        };
    };
    let payload = bytes.get(begin..).unwrap_or_default();
    let Some((text, [first, second, ..])) = payload.split_at_checked(len) else {
        return Ok(Found::Partial { begin, len });
    };
    if kind == Kind::VerbatimString && text.get(3) != Some(&b':') {
        return Err(Error::Protocol(
            "Verbatim string 4 bytes of content type are missing or incorrectly encoded.",
        ));
    }
    if [*first, *second] != CRLF {
        return Err(BAD_TERMINATOR);
    }
    Ok(Found::Item(Item::Text(text), begin + len + 2))
}

/// The head of an aggregate.
fn parse_aggregate(
    kind: Kind,
    bytes: &[u8],
    scanned: usize,
    max_entries: i64,
) -> Result<Found<'_>, Error> {
    let (count, len) = match parse_number(bytes, scanned, "Bad multi-bulk length")? {
        Number::Complete(count, header) => (count, header + 2),
        Number::Incomplete { scanned } => return Ok(Found::Incomplete { scanned }),
    };
    if count == -1 {
        return Ok(Found::Item(Item::Null, len));
    }
    (count >= 0 && (max_entries <= 0 || count <= max_entries))
        .then(|| count.checked_mul(kind.elements_per_entry()))
        .flatten()
        .and_then(|elements| usize::try_from(elements).ok())
        .map(|elements| Found::Item(Item::Aggregate(elements), len))
        .ok_or(Error::Protocol("Multi-bulk length out of range"))
}

/// Any other item that is one line.
fn parse_line(kind: Kind, bytes: &[u8], scanned: usize) -> Result<Found<'_>, Error> {
    let line = match find_line(bytes, scanned) {
        Line::Complete(len) => bytes.get(..len).unwrap_or_default(),
        Line::Incomplete(scanned) => return Ok(Found::Incomplete { scanned }),
    };
    let item = match kind {
        Kind::Double if line.len() > MAX_DOUBLE => Err("Double value is too large"),
        Kind::Double => match parse_double(line) {
            Some(value) => Ok(Item::Double(value, line)),
            None => Err("Bad double value"),
        },
        Kind::Null if line.is_empty() => Ok(Item::Null),
        Kind::Null => Err("Bad nil value"),
        Kind::Boolean => match line {
            b"t" | b"T" => Ok(Item::Boolean(true)),
            b"f" | b"F" => Ok(Item::Boolean(false)),
            _ => Err("Bad bool value"),
        },
        Kind::BigNumber if !is_bignum(line) => Err("Bad bignum value"),
        Kind::SimpleString | Kind::SimpleError if is_broken(line) => Err("Bad simple string value"),
        _ => Ok(Item::Text(line)),
    };
    item.map(|item| Found::Item(item, line.len() + 2))
        .map_err(Error::Protocol)
}

#[cfg(test)]
mod tests {
    use super::{
        BAD_TERMINATOR, Found, Item, parse_common_bulk, parse_common_integer, parse_common_status,
        parse_item, parse_medium_bulk,
    };
    use crate::error::Error;
    use crate::resp::Kind;

    fn parse(text: &[u8]) -> Result<Found<'_>, Error> {
        let (byte, rest) = text.split_first().expect("a type byte");
        parse_item(Kind::from_byte(*byte).expect("a type"), rest, 0, 10)
    }

    #[test]
    fn items_of_every_type() {
        for (text, item) in [
            (&b"$5\r\nhello\r\n"[..], Item::Text(b"hello")),
            (b"$0\r\n\r\n", Item::Text(b"")),
            (b"$-1\r\n", Item::Null),
            (b"=7\r\ntxt:abc\r\n", Item::Text(b"txt:abc")),
            (b"+OK\r\n", Item::Text(b"OK")),
            (b"-ERR no\r\n", Item::Text(b"ERR no")),
            (b"(123\r\n", Item::Text(b"123")),
            (b":-7\r\n", Item::Integer(-7)),
            (b",1.5\r\n", Item::Double(1.5, b"1.5")),
            (b"_\r\n", Item::Null),
            (b"#t\r\n", Item::Boolean(true)),
            (b"*2\r\n", Item::Aggregate(2)),
            (b"%2\r\n", Item::Aggregate(4)),
            (b"*-1\r\n", Item::Null),
        ] {
            let found = Ok(Found::Item(item, text.len() - 1));
            assert_eq!(parse(text), found, "{}", text.escape_ascii());
            let followed = [text, b":1\r\n"].concat();
            assert_eq!(parse(&followed), found, "{}", followed.escape_ascii());
            for cut in 1..text.len() {
                let found = parse(&text[..cut]);
                let waits = matches!(found, Ok(Found::Incomplete { .. } | Found::Partial { .. }));
                assert!(waits, "{found:?} for {}", text[..cut].escape_ascii());
            }
        }
    }

    #[test]
    fn common_items_are_found_at_once() {
        let common = |text: &[u8]| {
            let (byte, rest) = text.split_first()?;
            let (item, len) = match byte {
                b'$' => parse_common_bulk(rest).map(|(text, len)| (Item::Text(text), len))?,
                b'+' => parse_common_status(rest).map(|(text, len)| (Item::Text(text), len))?,
                b':' => parse_common_integer(rest).map(|(n, len)| (Item::Integer(n), len))?,
                _ => return None,
            };
            Some(format!("{:?}", Found::Item(item, len)))
        };
        for text in [
            "$5\r\nhello\r\n",
            "$0\r\n\r\n",
            "$16\r\n0123456789abcdef\r\n",
            "+OK\r\n",
            "+PONG\r\n",
            ":0\r\n",
            ":42\r\n",
            ":12345\r\n",
        ] {
            let whole = parse(text.as_bytes()).expect("an item");
            assert_eq!(common(text.as_bytes()), Some(format!("{whole:?}")));
            for cut in 0..text.len() {
                let cut = &text.as_bytes()[..cut];
                assert_eq!(common(cut), None, "{}", cut.escape_ascii());
            }
        }
        for text in [
            "$05\r\nhello\r\n",
            "$1\r\nabc",
            "$-1\r\n",
            "+a\rb\r\n",
            ":+1\r\n",
            ":00\r\n",
            ":007\r\n",
            ":1x\r\n",
        ] {
            assert_eq!(common(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn lengths_of_three_and_four_digits_are_those_of_the_others() {
        for len in [100, 101, 128, 256, 890, 999, 1000, 1001, 1024, 7654, 9999] {
            let text = format!("{len}\r\n{}\r\n", "x".repeat(len));
            let found = parse_medium_bulk(text.as_bytes());
            assert_eq!(found.map(|(text, _)| text.len()), Some(len));
            assert_eq!(found, parse_common_bulk(text.as_bytes()));
            for cut in (0..8).chain(text.len() - 3..text.len()) {
                assert_eq!(parse_medium_bulk(&text.as_bytes()[..cut]), None);
            }
            let longer = text.replacen("\r\n", "x\r\n", 2);
            assert_eq!(parse_medium_bulk(longer.as_bytes()), None, "{len}");
            for (wrong, right) in [("1", "+"), ("9", "-"), ("0", "/"), ("6", ":"), ("\r", "\n")] {
                if text.contains(wrong) {
                    let text = text.replacen(wrong, right, 1);
                    assert_eq!(parse_medium_bulk(text.as_bytes()), None, "{len} {right}");
                }
            }
        }
        for text in [
            "012\r\nxxxxxxxxxxxx\r\n",
            "12\r\nxxxxxxxxxxxx\r\n",
            "-12\r\n",
            "1\r\n\r\n\r\n",
        ] {
            assert_eq!(parse_medium_bulk(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert_eq!(parse(b"$1\r\nabc"), Err(BAD_TERMINATOR));
        for (text, error) in [
            (&b"*11\r\n"[..], "Multi-bulk length out of range"),
            (b"*-2\r\n", "Multi-bulk length out of range"),
            (b"$-2\r\n", "Bulk string length out of range"),
            (b"$x\r\n", "Bad bulk string length"),
            (b":\r\n", "Bad integer value"),
            (b"+a\rb\r\n", "Bad simple string value"),
            (b"#x\r\n", "Bad bool value"),
        ] {
            assert_eq!(parse(text), Err(Error::Protocol(error)));
        }
    }

    #[test]
    fn a_string_to_come_says_where_it_begins() {
        let partial = Found::Partial { begin: 3, len: 5 };
        assert_eq!(parse(b"$5\r\nhel"), Ok(partial));
        assert_eq!(parse(b"$5\r\nhello\r"), Ok(partial));
    }
}
