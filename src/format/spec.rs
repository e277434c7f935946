//! Numeric conversions: `%`, flags, width, precision, length modifier, letter.

use super::command::Command;
use super::sink::Sink;
use super::{Arguments, FormatError};
use crate::resp::encode;
use libc::{c_char, c_int};

/// Walks a NUL-terminated format.
#[derive(Clone, Copy)]
pub(super) struct Cursor(*const u8);

impl Cursor {
    /// # Safety
    /// `format` is NUL-terminated, and lives as long as the cursor and its copies.
    pub(super) unsafe fn new(format: *const c_char) -> Self {
        Self(format.cast())
    }

    pub(super) fn address(self) -> *const u8 {
        self.0
    }

    /// The next byte, 0 at the end.
    #[inline]
    pub(super) fn peek(self) -> u8 {
        // SAFETY: a cursor never moves beyond the NUL.
        unsafe { self.0.read() }
    }

    /// Moves on, but not beyond the end.
    #[inline]
    pub(super) fn skip(&mut self) {
        if self.peek() != 0 {
            // SAFETY: the NUL is still ahead.
            self.0 = unsafe { self.0.add(1) };
        }
    }

    /// Skips `byte` if it comes next.
    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte;
        if found {
            self.skip();
        }
        found
    }

    /// Skips up to the next byte that `stops`, or the end, and returns how many bytes that were.
    #[inline]
    pub(super) fn skip_until(&mut self, stops: impl Fn(u8) -> bool) -> usize {
        let start = self.0 as usize;
        while !stops(self.peek()) && self.peek() != 0 {
            // SAFETY: the NUL is still ahead.
            self.0 = unsafe { self.0.add(1) };
        }
        self.0 as usize - start
    }

    /// A decimal number, 0 where there is none. One that no `int` holds is an error, as for printf.
    fn number(&mut self) -> Result<c_int, FormatError> {
        let mut number: c_int = 0;
        while self.peek().is_ascii_digit() {
            number = number
                .checked_mul(10)
                .and_then(|tens| tens.checked_add(c_int::from(self.peek() - b'0')))
                .ok_or(FormatError::OutOfMemory)?;
            self.skip();
        }
        Ok(number)
    }
}

/// Most numbers are no longer than this.
const USUAL: usize = 32;

/// The C type of an integer argument.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    Char,
    Short,
    Int,
    Long,
    LongLong,
}

/// A conversion's value, widened as far as printf's `ll` goes.
#[derive(Clone, Copy)]
enum Value {
    Signed(i64),
    Unsigned(u64),
    Double(f64),
}

/// What stands between `%` and the letter.
struct Spec {
    /// Each flag once.
    flags: [u8; FLAGS.len()],
    width: c_int,
    /// Negative where there is none, which is how printf takes it as an argument.
    precision: c_int,
}

const FLAGS: [u8; 5] = *b"#0-+ ";

impl Spec {
    fn parse(format: &mut Cursor) -> Result<Self, FormatError> {
        let mut flags = [0; FLAGS.len()];
        while let Some(at) = FLAGS.iter().position(|&flag| flag == format.peek()) {
            flags[at] = format.peek();
            format.skip();
        }
        let width = format.number()?;
        let precision = if format.take(b'.') {
            format.number()?
        } else {
            -1
        };
        Ok(Self {
            flags,
            width,
            precision,
        })
    }

    fn is_plain(&self) -> bool {
        self.flags == [0; FLAGS.len()] && self.width == 0 && self.precision < 0
    }

    /// The conversion with its numbers as arguments: `%-*.*lld`. However long the program wrote
    /// it, this is short.
    fn canonical(&self, value: Value, letter: u8) -> [c_char; 16] {
        let modifier: &[u8] = match value {
            Value::Double(_) => b"",
            Value::Signed(_) | Value::Unsigned(_) => b"ll",
        };
        let flags = self.flags.iter().filter(|&&flag| flag != 0);
        let parts = [b'%'].iter().chain(flags).chain(b"*.*").chain(modifier);
        let mut text = [0; 16];
        for (place, &byte) in text.iter_mut().zip(parts.chain(&[letter])) {
            *place = byte as c_char;
        }
        text
    }
}

fn size(format: &mut Cursor) -> Size {
    if format.take(b'h') {
        if format.take(b'h') {
            Size::Char
        } else {
            Size::Short
        }
    } else if format.take(b'l') {
        if format.take(b'l') {
            Size::LongLong
        } else {
            Size::Long
        }
    } else {
        Size::Int
    }
}

/// Appends the number that the conversion at `format`, behind its `%`, asks for.
///
/// # Safety
/// `args` has an argument of the conversion's type.
pub(super) unsafe fn push_number<S: Sink>(
    command: &mut Command<S>,
    format: &mut Cursor,
    args: &mut impl Arguments,
) -> Result<(), FormatError> {
    let spec = Spec::parse(format)?;
    let size = size(format);
    let letter = format.peek();
    let value = match letter {
        // SAFETY: the format says that an argument of this type comes next.
        b'd' | b'i' => unsafe { signed(size, args) },
        // SAFETY: the same.
        b'o' | b'u' | b'x' | b'X' => unsafe { unsigned(size, args) },
        b'e' | b'E' | b'f' | b'F' | b'g' | b'G' | b'a' | b'A' if size == Size::Int => {
            // SAFETY: the same.
            Value::Double(unsafe { args.next_double() })
        }
        _ => return Err(FormatError::Invalid),
    };
    format.skip();
    match value {
        Value::Signed(number) if spec.is_plain() => {
            push_decimal(command, number < 0, number.unsigned_abs())
        }
        Value::Unsigned(number) if spec.is_plain() && letter == b'u' => {
            push_decimal(command, false, number)
        }
        value => print(command, &spec, value, letter),
    }
}

/// # Safety
/// An integer of this size comes next.
unsafe fn signed(size: Size, args: &mut impl Arguments) -> Value {
    // SAFETY: the caller's promise; smaller types than `int` are passed as one.
    Value::Signed(unsafe {
        match size {
            Size::Char => i64::from(args.next_int() as i8),
            Size::Short => i64::from(args.next_int() as i16),
            Size::Int => i64::from(args.next_int()),
            Size::Long => args.next_long(),
            Size::LongLong => args.next_long_long(),
        }
    })
}

/// # Safety
/// An integer of this size comes next.
unsafe fn unsigned(size: Size, args: &mut impl Arguments) -> Value {
    // SAFETY: as in `signed`.
    Value::Unsigned(unsafe {
        match size {
            Size::Char => u64::from(args.next_int() as u8),
            Size::Short => u64::from(args.next_int() as u16),
            Size::Int => u64::from(args.next_int() as u32),
            Size::Long => args.next_long() as u64,
            Size::LongLong => args.next_long_long() as u64,
        }
    })
}

/// What plain `%d`, `%u` and their longer forms print, for which printf takes many times as long.
fn push_decimal<S: Sink>(
    command: &mut Command<S>,
    negative: bool,
    magnitude: u64,
) -> Result<(), FormatError> {
    let (text, len) = encode::decimal(negative, magnitude);
    // SAFETY: the text is the array's beginning.
    unsafe { command.push(text.as_ptr(), len) }
}

/// Everything else is libc's to print, in the current locale.
fn print<S: Sink>(
    command: &mut Command<S>,
    spec: &Spec,
    value: Value,
    letter: u8,
) -> Result<(), FormatError> {
    let canonical = spec.canonical(value, letter);
    let format = canonical.as_ptr();
    let (width, precision) = (spec.width, spec.precision);
    let expected = USUAL.max(usize::try_from(width).unwrap_or(0));
    command.print(expected, |place, size| {
        // SAFETY: the canonical conversion takes two `int`s and a value of the type it was made
        // for; `place` has `size` bytes.
        unsafe {
            match value {
                Value::Signed(n) => libc::snprintf(place, size, format, width, precision, n),
                Value::Unsigned(n) => libc::snprintf(place, size, format, width, precision, n),
                Value::Double(n) => libc::snprintf(place, size, format, width, precision, n),
            }
        }
    })
}
