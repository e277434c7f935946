//! Appending numbers, formatted text and quoted text.

use super::{Sds, add, bytes, cat, empty, free, len, make_room, set_len};
use crate::alloc;
use core::ffi::CStr;
use core::mem::MaybeUninit;
use core::ptr::{null_mut, with_exposed_provenance_mut};
use core::slice;
use libc::{c_char, c_int, c_uint};
use memchr::memchr;

/// The longest decimal text of 64 bits: a sign and nineteen digits, or twenty digits.
const DECIMAL_SIZE: usize = 20;

/// A number in decimal.
pub(crate) struct Decimal {
    text: [u8; DECIMAL_SIZE],
    start: usize,
}

impl Decimal {
    pub(crate) fn unsigned(mut value: u64) -> Self {
        let mut text = [b'0'; DECIMAL_SIZE];
        let mut start = DECIMAL_SIZE;
        for digit in text.iter_mut().rev() {
            *digit = b'0' + (value % 10) as u8;
            value /= 10;
            start -= 1;
            if value == 0 {
                break;
            }
        }
        Self { text, start }
    }

    pub(crate) fn signed(value: i64) -> Self {
        let mut decimal = Self::unsigned(value.unsigned_abs());
        if value < 0 {
            decimal.start -= 1;
            if let Some(sign) = decimal.text.get_mut(decimal.start) {
                *sign = b'-';
            }
        }
        decimal
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.text.get(self.start..).unwrap_or_default()
    }
}

/// `sdscatvprintf`: appends what `print` writes, up to its first NUL. `print` is `vsnprintf` with
/// format and arguments: it is given a buffer and its size and returns the size it needs, and is
/// called once more, with a larger buffer, where the first does not suffice. Where it fails, as it
/// does on characters that the locale does not have, what it wrote before that is appended: it is
/// called once more, with zeroes, among which that ends. NULL, with `s` intact, without memory.
///
/// # Safety
/// `s` is NULL, which gives NULL, or an sds, which is replaced by the result; `print` writes at most
/// as many bytes as it is told.
pub(crate) unsafe fn cat_printed(
    s: Sds,
    mut print: impl FnMut(*mut c_char, usize) -> c_int,
) -> Sds {
    const SIZE: usize = 1024;
    let mut short = MaybeUninit::<[c_char; SIZE]>::uninit();
    let text = short.as_mut_ptr().cast::<c_char>();
    let written = usize::try_from(print(text, SIZE - 1));
    // SAFETY: what was printed is NUL-terminated, or followed by zeroes.
    unsafe {
        let Ok(size) = written else {
            text.write_bytes(0, SIZE);
            print(text, SIZE - 1);
            return cat(s, CStr::from_ptr(text).to_bytes());
        };
        if size < SIZE - 1 {
            return cat(s, CStr::from_ptr(text).to_bytes());
        }
        let long: *mut c_char = alloc::allocate(size + 1).cast();
        if long.is_null() {
            return null_mut();
        }
        long.write(0);
        print(long, size + 1);
        let s = cat(s, CStr::from_ptr(long).to_bytes());
        alloc::release(long);
        s
    }
}

/// Text that is being made: on the stack while it is short, then in a string of its own.
struct Draft {
    /// Its first `len` bytes are written.
    short: MaybeUninit<[u8; MAX_SHORT]>,
    len: usize,
    long: Sds,
    failed: bool,
}

const MAX_SHORT: usize = 128;

impl Draft {
    fn new() -> Self {
        Self {
            short: MaybeUninit::uninit(),
            len: 0,
            long: null_mut(),
            failed: false,
        }
    }

    fn short(&self) -> &[u8] {
        // SAFETY: so many bytes are written.
        unsafe { slice::from_raw_parts(self.short.as_ptr().cast(), self.len) }
    }

    /// Appends; nothing more once memory has failed.
    fn add(&mut self, piece: &[u8]) {
        if self.failed {
            return;
        }
        if self.long.is_null() {
            if piece.len() <= MAX_SHORT - self.len {
                // SAFETY: the room suffices.
                unsafe { alloc::copy(piece, self.short.as_mut_ptr().cast::<u8>().add(self.len)) };
                self.len += piece.len();
                return;
            }
            // SAFETY: the string is new.
            self.long = unsafe { add(empty(), self.short()) };
        }
        // SAFETY: the string, or NULL, is ours.
        self.long = unsafe { add(self.long, piece) };
        self.failed = self.long.is_null();
    }

    /// Appends the text to `s`; NULL, with `s` intact, without memory.
    ///
    /// # Safety
    /// `s` is NULL, which gives NULL, or an sds, which is replaced by the result.
    unsafe fn append_to(&self, s: Sds) -> Sds {
        // SAFETY: the caller's promise; the long string is ours, and not used afterwards.
        unsafe {
            if self.failed {
                return null_mut();
            }
            if self.long.is_null() {
                return cat(s, self.short());
            }
            let s = cat(s, bytes(self.long));
            free(self.long);
            s
        }
    }
}

/// `sdscatfmt`: appends `format` with its conversions. The text is made apart, so that `s` stays
/// intact where memory does not suffice (NULL), and may itself be an argument.
///
/// `next_argument` gives one variadic argument after the other, as the 64-bit word it was passed in.
///
/// # Safety
/// `s` is NULL, which gives NULL, or an sds, which is replaced by the result; the arguments are of
/// the types that the format wants, strings NUL-terminated and those of `%S` sds.
pub(crate) unsafe fn cat_format(
    s: Sds,
    format: &[u8],
    mut next_argument: impl FnMut() -> u64,
) -> Sds {
    let mut text = Draft::new();
    let mut rest = format;
    // SAFETY: the arguments are as the caller says.
    unsafe {
        loop {
            let literal = memchr(b'%', rest).unwrap_or(rest.len());
            text.add(rest.get(..literal).unwrap_or_default());
            let Some([_, conversion, behind @ ..]) = rest.get(literal..) else {
                return text.append_to(s);
            };
            match conversion {
                b's' => text.add(CStr::from_ptr(pointer(next_argument())).to_bytes()),
                b'S' => text.add(bytes(pointer(next_argument()))),
                b'i' => text.add(Decimal::signed((next_argument() as c_int).into()).bytes()),
                b'I' => text.add(Decimal::signed(next_argument() as i64).bytes()),
                b'u' => text.add(Decimal::unsigned((next_argument() as c_uint).into()).bytes()),
                b'U' => text.add(Decimal::unsigned(next_argument()).bytes()),
                other => text.add(&[*other]),
            }
            rest = behind;
        }
    }
}

fn pointer(argument: u64) -> *mut c_char {
    with_exposed_provenance_mut(argument as usize)
}

/// `sdscatrepr`: appends `text` in double quotes, with everything unprintable escaped. NULL, with
/// `s` intact, without memory.
///
/// # Safety
/// `s` is NULL, which gives NULL, or an sds, which is replaced by the result; `text` lies outside
/// it.
pub(crate) unsafe fn cat_repr(s: Sds, text: &[u8]) -> Sds {
    let size: usize = text
        .iter()
        .map(|&byte| Escaped::new(byte).bytes().len())
        .sum();
    // SAFETY: the quoted text is written into the room made for it.
    unsafe {
        let s = make_room(s, size + 2);
        if s.is_null() {
            return s;
        }
        let mut to: *mut u8 = s.add(len(s)).cast();
        to.write(b'"');
        to = to.add(1);
        for &byte in text {
            let escaped = Escaped::new(byte);
            to.copy_from_nonoverlapping(escaped.bytes().as_ptr(), escaped.bytes().len());
            to = to.add(escaped.bytes().len());
        }
        to.write(b'"');
        set_len(s, len(s) + size + 2);
        s
    }
}

/// A byte as it stands in a quoted text.
struct Escaped {
    text: [u8; 4],
    len: usize,
}

impl Escaped {
    fn new(byte: u8) -> Self {
        let letter = |letter| ([b'\\', letter, 0, 0], 2);
        let (text, len) = match byte {
            b'\\' | b'"' => letter(byte),
            b'\n' => letter(b'n'),
            b'\r' => letter(b'r'),
            b'\t' => letter(b't'),
            0x07 => letter(b'a'),
            0x08 => letter(b'b'),
            b' '..=b'~' => ([byte, 0, 0, 0], 1),
            _ => ([b'\\', b'x', hex(byte >> 4), hex(byte & 15)], 4),
        };
        Self { text, len }
    }

    fn bytes(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        0..10 => b'0' + digit,
        _ => b'a' - 10 + digit,
    }
}
