//! Bytes that arrive in any pieces, read by our reader and by the C library's: the same replies and the same error, except
//! where the two differ on purpose.
#![no_main]

use hiredis::layout::*;
use hiredis_fuzz::{Choices, Library, Outcome, read, splits};
use libfuzzer_sys::fuzz_target;

/// The C library allocates what is announced and frees by recursion: little is announced, and the wire is short.
const MOST_ELEMENTS: i64 = 1000;
const LONGEST: usize = 4000;

/// Why the two may differ after what is equal.
fn intended(ours: &Outcome, theirs: &Outcome, wire: &[u8]) -> Option<&'static str> {
    let holds = |bytes: &[u8]| wire.windows(bytes.len()).any(|window| window == bytes);
    match ours.text.as_str() {
        _ if theirs.text == r#"Protocol error, got "|" as reply type byte"# => {
            Some("since-head: attributes are parsed")
        }
        "Bad bulk string terminator" => {
            Some("11.15: the two bytes after a bulk string must be CRLF")
        }
        "Bad bignum value" if holds(b"(\r\n") || holds(b"(-\r\n") => {
            Some("11.15: a number has a digit")
        }
        "Bad bool value" if holds(b"#\0\r\n") => Some("11.15: a NUL byte is neither t nor f"),
        "Bad double value" => wire.split(|&byte| byte == b',').skip(1).find_map(looseness),
        _ => None,
    }
}

/// Why the C library takes the double that `bytes` begin with, and ours does not.
fn looseness(bytes: &[u8]) -> Option<&'static str> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    if text.starts_with('+') || !text.bytes().all(|byte| b"0123456789.eE+-".contains(&byte)) {
        return Some("since-head: only digits, point and exponent make a double");
    }
    let mantissa = text.split(['e', 'E']).next()?;
    let is_lost = text.parse() == Ok(0.0) && mantissa.contains(|digit| matches!(digit, '1'..='9'));
    is_lost.then_some("since-head: a number that is not zero may not become zero")
}

fuzz_target!(|input: &[u8]| {
    let Some(oracle) = Library::oracle() else {
        panic!("no C library to compare with: make oracle");
    };
    let mut choices = Choices(input);
    let elements = [MOST_ELEMENTS, MOST_ELEMENTS, 1, 5][choices.below(4)];
    let limits = |reader: &mut redisReader| reader.maxelements = elements;
    let (mut some, mut others) = (splits(&mut choices), splits(&mut choices));
    let wire = choices.take(LONGEST);
    let ours = read(&Library::ours(), wire, &limits, &mut some);
    let theirs = read(oracle, wire, &limits, &mut others);
    if ours != theirs {
        let same = ours.items.len().min(theirs.items.len());
        assert_eq!(ours.items[..same], theirs.items[..same]);
        assert!(
            intended(&ours, &theirs, wire).is_some(),
            "ours: {ours:?}\ntheirs: {theirs:?}"
        );
    }
});
