//! Lines: bytes up to the first CRLF.

use memchr::{memchr, memchr2};

/// Bytes looked at one by one before the vector search starts: most lines end within them.
const NEAR: usize = 16;

/// What is known of a line that begins at the first byte searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// It has this many bytes before its CRLF.
    Complete(usize),
    /// Its CRLF does not begin in this many first bytes.
    Incomplete(usize),
}

/// Finds the end of the line that begins at `bytes[0]`, of which the first `scanned` bytes are
/// known not to begin a CRLF.
#[inline]
pub(crate) fn find_line(bytes: &[u8], scanned: usize) -> Line {
    let mut at = scanned;
    let near = scanned.saturating_add(NEAR);
    while let Some(&byte) = bytes.get(at) {
        if byte == b'\r' {
            match bytes.get(at + 1) {
                Some(b'\n') => return Line::Complete(at),
                Some(_) => {}
                None => return Line::Incomplete(at),
            }
        }
        at += 1;
        if at == near {
            return find_far(bytes, at);
        }
    }
    Line::Incomplete(bytes.len())
}

fn find_far(bytes: &[u8], mut at: usize) -> Line {
    while let Some(offset) = bytes.get(at..).and_then(|rest| memchr(b'\r', rest)) {
        at += offset;
        match bytes.get(at + 1) {
            Some(b'\n') => return Line::Complete(at),
            Some(_) => at += 1,
            None => return Line::Incomplete(at),
        }
    }
    Line::Incomplete(bytes.len())
}

/// The line that begins `bytes`, without its CRLF, where it is short and holds no CR or LF of its
/// own: what most statuses are. `None` says nothing about the line.
#[inline(always)]
pub(crate) fn parse_short_text(bytes: &[u8]) -> Option<&[u8]> {
    for (at, &byte) in bytes.iter().enumerate().take(NEAR) {
        if byte <= b'\r' && matches!(byte, b'\r' | b'\n') {
            return match bytes.split_at_checked(at) {
                Some((line, [b'\r', b'\n', ..])) => Some(line),
                _ => None,
            };
        }
    }
    None
}

/// The line that begins `bytes`, without its CRLF, where it holds no CR or LF of its own. `None` says
/// nothing about the line.
pub(crate) fn parse_text(bytes: &[u8]) -> Option<&[u8]> {
    match bytes.split_at_checked(memchr2(b'\r', b'\n', bytes)?) {
        Some((line, [b'\r', b'\n', ..])) => Some(line),
        _ => None,
    }
}

/// Whether a line holds a CR or LF of its own.
pub(crate) fn is_broken(line: &[u8]) -> bool {
    memchr2(b'\r', b'\n', line).is_some()
}

#[cfg(test)]
mod tests {
    use super::{Line, NEAR, find_line, is_broken, parse_short_text, parse_text};

    #[test]
    fn simple_strings_are_one_line() {
        for text in [&b""[..], b"OK", &[b'x'; 16], &[b'x'; 100]] {
            assert!(!is_broken(text));
            for bad in [b'\r', b'\n'] {
                assert!(is_broken(&[text, &[bad]].concat()));
                assert!(is_broken(&[&[bad], text].concat()));
            }
        }
    }

    #[test]
    fn short_lines_are_found_at_once() {
        for text in [&b""[..], b"OK", &[b'x'; NEAR - 1]] {
            let line = [text, b"\r\nx"].concat();
            assert_eq!(parse_short_text(&line), Some(text));
            assert_eq!(parse_text(&line), Some(text));
        }
        for text in [
            &b""[..],
            b"OK",
            b"OK\r",
            b"OK\n\r\n",
            b"O\rK\r\n",
            &[b'x'; 99],
        ] {
            assert_eq!(parse_short_text(text), None, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn ends_at_the_first_crlf() {
        assert_eq!(find_line(b"OK\r\n+x\r\n", 0), Line::Complete(2));
        assert_eq!(find_line(b"a\rb\nc\r\n", 0), Line::Complete(5));
        let long = [
            b"x".repeat(100),
            b"\r".to_vec(),
            b"y".repeat(50),
            b"\r\n".to_vec(),
        ]
        .concat();
        assert_eq!(find_line(&long, 0), Line::Complete(151));
    }

    #[test]
    fn resumes_where_it_stopped() {
        assert_eq!(find_line(b"", 0), Line::Incomplete(0));
        assert_eq!(find_line(b"abc\r", 0), Line::Incomplete(3));
        assert_eq!(find_line(b"abc\r\n", 3), Line::Complete(3));
        let line = [b"x".repeat(99), b"\r\n".to_vec()].concat();
        for cut in 0..line.len() {
            let Line::Incomplete(scanned) = find_line(&line[..cut], 0) else {
                panic!("{cut} bytes hold no CRLF");
            };
            assert_eq!(find_line(&line, scanned), Line::Complete(99));
        }
    }
}
