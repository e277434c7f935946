//! Splitting text into vectors of sds, and joining them.

use super::{Sds, add, bytes_mut, empty, free, new_len};
use crate::alloc;
use core::ptr::{null, null_mut};
use memchr::{memchr_iter, memmem};

/// A vector of strings under construction. It has no `Drop`, because the allocators it calls may be
/// the program's own and leave by `longjmp`.
struct Tokens {
    vector: *mut Sds,
    count: usize,
    capacity: usize,
}

impl Tokens {
    /// An empty vector; one that C can tell from a failure.
    fn new() -> Option<Tokens> {
        let capacity = 4;
        let vector: *mut Sds = alloc::allocate(capacity * size_of::<Sds>()).cast();
        (!vector.is_null()).then_some(Tokens {
            vector,
            count: 0,
            capacity,
        })
    }

    /// Takes `token`, which is NULL where its allocation failed; then, and where the vector cannot
    /// grow, everything is freed.
    fn push(&mut self, token: Sds) -> Option<()> {
        if token.is_null() || !self.grow() {
            // SAFETY: the strings and the vector are ours, and not used any more.
            unsafe {
                free(token);
                free_tokens(self.vector, self.count);
            }
            return None;
        }
        // SAFETY: `grow` made room for one more.
        unsafe { self.vector.add(self.count).write(token) };
        self.count += 1;
        Some(())
    }

    fn grow(&mut self) -> bool {
        if self.count < self.capacity {
            return true;
        }
        let capacity = self.capacity * 2;
        // SAFETY: the vector is a live block of the allocator table.
        let vector = unsafe { alloc::reallocate(self.vector.cast(), capacity * size_of::<Sds>()) };
        if vector.is_null() {
            return false;
        }
        self.vector = vector.cast();
        self.capacity = capacity;
        true
    }

    fn finish(self) -> (*mut Sds, usize) {
        (self.vector, self.count)
    }
}

/// `sdssplitlen`: the text between occurrences of `separator`, which is not empty. `None` without
/// memory.
pub(crate) fn split(text: &[u8], separator: &[u8]) -> Option<(*mut Sds, usize)> {
    match separator {
        [byte] => split_at(text, memchr_iter(*byte, text), 1),
        _ => split_at(text, memmem::find_iter(text, separator), separator.len()),
    }
}

/// The text between separators of `len` bytes at `places`.
fn split_at(
    text: &[u8],
    places: impl Iterator<Item = usize>,
    len: usize,
) -> Option<(*mut Sds, usize)> {
    let mut tokens = Tokens::new()?;
    if text.is_empty() {
        return Some(tokens.finish());
    }
    let mut start = 0;
    for end in places {
        tokens.push(copy(text.get(start..end).unwrap_or_default()))?;
        start = end + len;
    }
    let last = copy(text.get(start..).unwrap_or_default());
    tokens.push(last)?;
    Some(tokens.finish())
}

fn copy(text: &[u8]) -> Sds {
    // SAFETY: a slice is valid for its length.
    unsafe { new_len(text.as_ptr().cast(), text.len()) }
}

/// `sdssplitargs`: the arguments of a line as a shell would see them. `None` where a quote is not
/// closed or more follows it, or without memory.
pub(crate) fn split_arguments(line: &[u8]) -> Option<(*mut Sds, usize)> {
    let mut tokens = Tokens::new()?;
    let mut rest = skip_blanks(line);
    while !rest.is_empty() {
        let mut argument = Argument::new(rest);
        let size = argument.by_ref().count();
        let token = match argument.unbalanced {
            true => null_mut(),
            // SAFETY: NULL asks for zeros.
            false => unsafe { new_len(null(), size) },
        };
        if !token.is_null() {
            // SAFETY: the string is new, and has the length that was counted.
            let text = unsafe { bytes_mut(token) };
            text.iter_mut()
                .zip(Argument::new(rest))
                .for_each(|(to, byte)| *to = byte);
        }
        tokens.push(token)?;
        rest = skip_blanks(argument.rest);
    }
    Some(tokens.finish())
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

fn skip_blanks(line: &[u8]) -> &[u8] {
    let blanks = line.iter().take_while(|&&byte| is_blank(byte)).count();
    line.get(blanks..).unwrap_or_default()
}

/// The bytes of the argument at the beginning of a line, without its quotes and escapes.
struct Argument<'a> {
    rest: &'a [u8],
    quote: Option<u8>,
    unbalanced: bool,
}

impl<'a> Argument<'a> {
    fn new(line: &'a [u8]) -> Self {
        Self {
            rest: line,
            quote: None,
            unbalanced: false,
        }
    }

    /// A byte of the argument that took some of the line.
    fn take(&mut self, byte: u8, rest: &'a [u8]) -> Option<u8> {
        self.rest = rest;
        Some(byte)
    }
}

impl Iterator for Argument<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        loop {
            match (self.quote, self.rest) {
                (None, []) => return None,
                (None, [byte, ..]) if is_blank(*byte) => return None,
                (None, [quote @ (b'"' | b'\''), rest @ ..]) => {
                    self.quote = Some(*quote);
                    self.rest = rest;
                }
                (Some(b'"'), [b'\\', b'x', high, low, rest @ ..])
                    if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
                {
                    return self.take(hex_digit(*high) << 4 | hex_digit(*low), rest);
                }
                (Some(b'"'), [b'\\', escaped, rest @ ..]) => {
                    return self.take(unescape(*escaped), rest);
                }
                (Some(b'\''), [b'\\', b'\'', rest @ ..]) => return self.take(b'\'', rest),
                (Some(quote), [byte, rest @ ..]) if *byte == quote => {
                    self.quote = None;
                    self.rest = rest;
                    self.unbalanced = rest.first().is_some_and(|&next| !is_blank(next));
                    if self.unbalanced {
                        return None;
                    }
                }
                (Some(_), []) => {
                    self.unbalanced = true;
                    return None;
                }
                (_, [byte, rest @ ..]) => return self.take(*byte, rest),
            }
        }
    }
}

/// The byte that a letter stands for behind a backslash, in double quotes.
fn unescape(letter: u8) -> u8 {
    match letter {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

/// The value of a hexadecimal digit, 0 for any other byte.
pub(crate) fn hex_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

/// Frees `count` strings and the vector they stand in.
///
/// # Safety
/// `tokens` is NULL or a live vector of the allocator table with `count` sds or NULLs.
pub(crate) unsafe fn free_tokens(tokens: *mut Sds, count: usize) {
    if tokens.is_null() {
        return;
    }
    // SAFETY: the caller's promise.
    unsafe {
        for i in 0..count {
            free(tokens.add(i).read());
        }
        alloc::release(tokens);
    }
}

/// `sdsjoin` and `sdsjoinsds`: `parts` with `separator` between them, or NULL.
///
/// # Safety
/// The slices may be used until the iterator ends.
pub(crate) unsafe fn join<'a>(parts: impl Iterator<Item = &'a [u8]>, separator: &[u8]) -> Sds {
    let mut joined = empty();
    for (i, part) in parts.enumerate() {
        // SAFETY: the string is ours.
        unsafe {
            if i > 0 {
                joined = add(joined, separator);
            }
            joined = add(joined, part);
        }
    }
    joined
}
