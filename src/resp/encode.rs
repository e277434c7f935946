//! Commands as bytes: an array of bulk strings, `*<count>\r\n` and `$<length>\r\n<bytes>\r\n` for
//! each argument.
#![forbid(unsafe_code)]

/// The line end behind a header and behind an argument.
pub(crate) const CRLF: [u8; 2] = *b"\r\n";
/// Digits of the largest number.
const MAX_DIGITS: usize = 20;

/// Decimal digits of `value`.
#[inline]
pub(crate) fn digits(value: u64) -> usize {
    match value {
        0..10 => 1,
        10..100 => 2,
        _ => value.ilog10() as usize + 1,
    }
}

/// Bytes of a header, `$<length>\r\n` or `*<count>\r\n`, for this number.
#[inline]
pub(crate) fn header_len(value: usize) -> usize {
    digits(value as u64) + 3
}

/// Bytes of an argument of `len` bytes: header, text and line end; `usize::MAX` where they are more.
#[inline]
pub(crate) fn argument_len(len: usize) -> usize {
    len.saturating_add(header_len(len) + CRLF.len())
}

/// A header, in a form that is written fast: all of `words`, of whose bytes `len` count.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    pub(crate) words: [u64; 3],
    pub(crate) len: usize,
}

/// The header with this number.
#[inline]
pub(crate) fn header(marker: u8, value: usize) -> Header {
    let [cr, lf] = CRLF;
    let (word, len) = match value {
        0..10 => ([marker, b'0' + value as u8, cr, lf, 0, 0, 0, 0], 4),
        10..100 => {
            let (tens, ones) = (b'0' + value as u8 / 10, b'0' + value as u8 % 10);
            ([marker, tens, ones, cr, lf, 0, 0, 0], 5)
        }
        _ => return long_header(marker, value),
    };
    Header {
        words: [u64::from_ne_bytes(word), 0, 0],
        len,
    }
}

#[inline(never)]
fn long_header(marker: u8, value: usize) -> Header {
    let mut words = [[0; 8]; 3];
    let len = header_len(value);
    if let Some([first, number @ .., cr, lf]) = words.as_flattened_mut().get_mut(..len) {
        *first = marker;
        fill(number, value as u64);
        [*cr, *lf] = CRLF;
    }
    Header {
        words: words.map(u64::from_ne_bytes),
        len,
    }
}

/// `value` in decimal, with `-` before it where it is to be `negative`, and how long that is.
pub(crate) fn decimal(negative: bool, value: u64) -> ([u8; 1 + MAX_DIGITS], usize) {
    let mut text = [b'-'; 1 + MAX_DIGITS];
    let sign = usize::from(negative);
    let len = sign + digits(value);
    if let Some(place) = text.get_mut(sign..len) {
        fill(place, value);
    }
    (text, len)
}

/// Fills `place` with the last digits of `value`.
fn fill(place: &mut [u8], mut value: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::{Header, argument_len, decimal, digits, header, header_len};

    #[test]
    fn digits_are_counted() {
        let mut power = 1u64;
        for count in 1..=19 {
            assert_eq!(digits(power), count);
            assert_eq!(digits(power * 10 - 1), count);
            power *= 10;
        }
        assert_eq!((digits(0), digits(u64::MAX)), (1, 20));
    }

    #[test]
    fn numbers_and_headers_are_written() {
        for value in [0, 7, 9, 10, 42, 99, 100, 101, 12_345, 1 << 40, usize::MAX] {
            let (text, len) = decimal(false, value as u64);
            assert_eq!(text[..len], *value.to_string().as_bytes());
            let (text, len) = decimal(true, value as u64);
            assert_eq!(text[..len], *format!("-{value}").as_bytes());
            let Header { words, len } = header(b'$', value);
            let text = words.map(u64::to_ne_bytes).concat();
            assert_eq!(text[..len], *format!("${value}\r\n").as_bytes());
            assert_eq!(len, header_len(value));
        }
    }

    #[test]
    fn argument_lengths_do_not_overflow() {
        assert_eq!(argument_len(0), "$0\r\n\r\n".len());
        assert_eq!(argument_len(10), "$10\r\n0123456789\r\n".len());
        assert_eq!(argument_len(usize::MAX - 24), usize::MAX);
    }
}
