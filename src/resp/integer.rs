//! Integers and big numbers.

/// Digits that always fit an `i64`.
const SAFE_DIGITS: usize = 18;

/// A strict RESP integer: an optional `-`, then digits without leading zeros (and no `-0`), in the
/// range of `i64`.
#[inline]
pub(crate) fn parse_integer(line: &[u8]) -> Option<i64> {
    let (negative, digits) = match line {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    if digits.len() > SAFE_DIGITS {
        return parse_long(negative, digits);
    }
    let mut value = 0i64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(if negative { -value } else { value })
}

/// The number of a line that begins `bytes`, and the line's length, where it is a few digits and
/// its CRLF: what most lengths and counts are. `None` says nothing about the line.
#[inline]
pub(crate) fn parse_short_line(bytes: &[u8]) -> Option<(i64, usize)> {
    let mut value = 0;
    for (at, &byte) in bytes.iter().enumerate().take(SAFE_DIGITS) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            let is_end = byte == b'\r' && bytes.get(at + 1) == Some(&b'\n');
            let is_strict = at == 1 || (at > 1 && bytes.first() != Some(&b'0'));
            return (is_end && is_strict).then_some((value, at));
        }
        value = value * 10 + i64::from(digit);
    }
    None
}

#[cold]
fn parse_long(negative: bool, digits: &[u8]) -> Option<i64> {
    let mut value = 0i64;
    for &byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        // Collected below zero, where the range is one larger.
        value = value.checked_mul(10)?.checked_sub(i64::from(byte - b'0'))?;
    }
    if negative {
        Some(value)
    } else {
        value.checked_neg()
    }
}

/// Whether `line` is a RESP3 big number: an optional `-`, then at least one digit.
pub(crate) fn is_bignum(line: &[u8]) -> bool {
    let digits = line.strip_prefix(b"-").unwrap_or(line);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::{is_bignum, parse_integer, parse_short_line};

    #[test]
    fn short_lines_are_strict_too() {
        for (text, parsed) in [
            ("0\r\n", Some((0, 1))),
            ("16\r\nx", Some((16, 2))),
            ("12345678901234567\r\n", Some((12_345_678_901_234_567, 17))),
            ("1234567890123456789\r\n", None),
            ("", None),
            ("\r\n", None),
            ("1", None),
            ("1\r", None),
            ("1\rx", None),
            ("00\r\n", None),
            ("01\r\n", None),
            ("-1\r\n", None),
            ("+1\r\n", None),
            ("1x\r\n", None),
        ] {
            assert_eq!(parse_short_line(text.as_bytes()), parsed, "{text:?}");
        }
    }

    #[test]
    fn integers_are_strict() {
        for (text, value) in [
            ("0", 0),
            ("7", 7),
            ("-1", -1),
            ("999999999999999999", 999_999_999_999_999_999),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(parse_integer(text.as_bytes()), Some(value), "{text}");
        }
        for text in [
            "",
            "-",
            "+1",
            "00",
            "01",
            "-0",
            "-01",
            " 1",
            "1 ",
            "1a",
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999",
            "123456789012345678x",
        ] {
            assert_eq!(parse_integer(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn big_numbers_have_digits() {
        for text in ["0", "007", "-1", "123456789012345678901234567890"] {
            assert!(is_bignum(text.as_bytes()), "{text}");
        }
        for text in ["", "-", "+1", "1-", "--1", "1.0"] {
            assert!(!is_bignum(text.as_bytes()), "{text}");
        }
    }
}
