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
#[inline(always)]
pub(crate) fn parse_short_line(bytes: &[u8]) -> Option<(i64, usize)> {
    match *bytes {
        [ones @ b'0'..=b'9', b'\r', b'\n', ..] => Some((i64::from(ones - b'0'), 1)),
        [tens @ b'1'..=b'9', ones @ b'0'..=b'9', b'\r', b'\n', ..] => {
            Some((i64::from(tens - b'0') * 10 + i64::from(ones - b'0'), 2))
        }
        [b'1'..=b'9', ..] => parse_digits(bytes),
        _ => None,
    }
}

/// The same for a line whose first digit is not zero: by words of eight bytes, and one by one.
#[inline]
fn parse_digits(bytes: &[u8]) -> Option<(i64, usize)> {
    let (value, len) = match first_word(bytes).and_then(parse_word) {
        Some(number) => number,
        None => {
            let mut value = 0i64;
            let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit());
            let len = digits.fold(0, |len, digit| {
                value = value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
                len + 1
            });
            (value, len)
        }
    };
    let ends = matches!(bytes.get(len..), Some([b'\r', b'\n', ..]));
    (ends && len <= SAFE_DIGITS).then_some((value, len))
}

/// The same for any integer that is all there: negative, or of 19 digits.
#[inline(never)]
pub(crate) fn parse_long_line(bytes: &[u8]) -> Option<(i64, usize)> {
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if !matches!(digits.first(), Some(b'1'..=b'9')) {
        return None;
    }
    let mut value = 0u64;
    let mut len = 0;
    // One more digit than `SAFE_DIGITS` always fits an `u64`.
    for &byte in digits.iter().take(SAFE_DIGITS + 2) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        len += 1;
    }
    let most = i64::MAX.unsigned_abs() + u64::from(negative);
    let ends = matches!(digits.get(len..), Some([b'\r', b'\n', ..]));
    if !ends || len > SAFE_DIGITS + 1 || value > most {
        return None;
    }
    match negative {
        true => Some((0i64.wrapping_sub_unsigned(value), len + 1)),
        false => Some((value as i64, len)),
    }
}

/// The first eight bytes, the first of them lowest; fewer than eight, but four, are filled up with
/// zeroes.
#[inline]
fn first_word(bytes: &[u8]) -> Option<u64> {
    if let Some(word) = bytes.first_chunk() {
        return Some(u64::from_le_bytes(*word));
    }
    let low = u64::from(u32::from_le_bytes(*bytes.first_chunk()?));
    let high = u64::from(u32::from_le_bytes(*bytes.last_chunk()?));
    Some(low | high << (u8::BITS as usize * (bytes.len() - size_of::<u32>())))
}

/// The number that a word begins with, and how many digits it has, where they are one to seven.
#[inline]
fn parse_word(word: u64) -> Option<(i64, usize)> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    // Digits become their value, everything else 10 or more.
    let values = word ^ (u64::from(b'0') * ONES);
    let others = (((values & (0x7f * ONES)) + (0x76 * ONES)) | values) & (0x80 * ONES);
    let bits = others.trailing_zeros() & !7;
    if bits == 0 || bits == u64::BITS {
        return None;
    }
    // As eight digits, the leading ones zero; then pairs, fours and all of them put together.
    let digits = values << (u64::BITS - bits);
    let pairs = digits.wrapping_mul(10 * 256 + 1) >> 8;
    let fours = (pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul(100 * 65_536 + 1) >> 16;
    let value = (fours & 0x0000_ffff_0000_ffff).wrapping_mul((10_000 << 32) + 1) >> 32;
    Some((value as i64, bits as usize / 8))
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
    use super::{is_bignum, parse_integer, parse_long_line, parse_short_line};

    #[test]
    fn numbers_by_words_are_those_by_digits() {
        for digits in 1..=18 {
            for number in [
                10u64.pow(digits - 1),
                10u64.pow(digits) - 1,
                10u64.pow(digits) / 7 + 1,
            ] {
                for behind in ["\r\n", "\r\n+OK\r\n", "\r\n:1234567890\r\n"] {
                    let line = format!("{number}{behind}");
                    let len = number.to_string().len();
                    let found = parse_short_line(line.as_bytes());
                    assert_eq!(found, Some((number as i64, len)), "{line:?}");
                }
                for wrong in ["", "\r", "\n\r\n", "x\r\n", "\rx", "-\r\n1234567"] {
                    let line = format!("{number}{wrong}");
                    assert_eq!(parse_short_line(line.as_bytes()), None, "{line:?}");
                }
            }
        }
        assert_eq!(parse_short_line(b"1234567890123456789\r\n"), None);
    }

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
    fn long_lines_are_integers_that_are_all_there() {
        for value in [
            i64::MAX,
            i64::MIN,
            i64::MIN + 1,
            1_700_000_000_123_456_789,
            -1,
            -10,
            -1_234_567_890_123_456_789,
            1,
            999_999_999_999_999_999,
            1_000_000_000_000_000_000,
        ] {
            let text = format!("{value}\r\n");
            let len = text.len() - 2;
            assert_eq!(parse_long_line(text.as_bytes()), Some((value, len)));
            let followed = text.clone() + "123";
            assert_eq!(parse_long_line(followed.as_bytes()), Some((value, len)));
            for cut in 0..text.len() {
                assert_eq!(parse_long_line(&text.as_bytes()[..cut]), None, "{text}");
            }
        }
        for text in [
            "9223372036854775808\r\n",
            "-9223372036854775809\r\n",
            "9999999999999999999\r\n",
            "12345678901234567890\r\n",
            "92233720368547758070\r\n",
            "184467440737095516170\r\n",
            "-0\r\n",
            "-01\r\n",
            "0\r\n",
            "--1\r\n",
            "-\r\n",
            "+1\r\n",
            "1x\r\n",
            "1\rx",
        ] {
            assert_eq!(parse_long_line(text.as_bytes()), None, "{text:?}");
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
