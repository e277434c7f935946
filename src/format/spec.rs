//! printf's conversions: `%`, flags, width, precision, length modifier, letter.

use super::FormatError;
use super::command::Writer;
use super::va::{self, Arguments, VaList};
use crate::resp::encode;
use libc::{c_char, c_int, c_void};

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

    /// A width or precision: decimal digits, 0 if there are none, or `*`, which takes an `int`. One
    /// that no `int` holds is an error, as for printf.
    ///
    /// # Safety
    /// If `*` comes next, `args` has an `int`.
    unsafe fn number(&mut self, args: &mut impl Arguments) -> Result<c_int, FormatError> {
        if self.take(b'*') {
            // SAFETY: the caller's promise.
            return Ok(unsafe { args.next_int() });
        }
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

/// What the length modifier says of the argument.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Modifier {
    None,
    /// `hh`
    Char,
    /// `h`
    Short,
    /// `l`
    Long,
    /// `ll`, its older form `q`, `j`, `z`, its older form `Z`, and `t`: all of 64 bits.
    Wide,
    /// `L`: a `long double`, or, as glibc has it, a `long long`.
    Large,
}

/// A conversion's value as printf is to take it.
#[derive(Clone, Copy)]
enum Value {
    /// Widened as far as printf's `ll` goes.
    Signed(i64),
    Unsigned(u64),
    Double(f64),
    LongDouble([u64; 2]),
    Char(c_int),
    Pointer(*const c_void),
    /// `%m`: what `errno` says.
    Errno(c_int),
}

impl Value {
    fn modifier(self) -> &'static [u8] {
        match self {
            Self::Signed(_) | Self::Unsigned(_) => b"ll",
            Self::LongDouble(_) => b"L",
            Self::Double(_) | Self::Char(_) | Self::Pointer(_) | Self::Errno(_) => b"",
        }
    }

    /// The value as it is passed on the stack.
    fn words(self) -> [u64; 2] {
        match self {
            Self::Signed(number) => [number as u64, 0],
            Self::Unsigned(number) => [number, 0],
            Self::Double(number) => [number.to_bits(), 0],
            Self::LongDouble(words) => words,
            Self::Char(code) => [code as u64, 0],
            Self::Pointer(pointer) => [pointer.expose_provenance() as u64, 0],
            Self::Errno(_) => [0, 0],
        }
    }
}

/// What stands between `%` and the letter.
struct Spec {
    /// A bit for each of `FLAGS`.
    flags: u8,
    /// Negative if the text is to stand left, which is how printf takes it as an argument.
    width: c_int,
    /// Negative where there is none, which is how printf takes it as an argument.
    precision: c_int,
}

/// C's, POSIX's `'` (digits in groups) and glibc's `I` (the locale's digits).
const FLAGS: [u8; 7] = *b"#0-+ 'I";

impl Spec {
    /// # Safety
    /// `args` has an `int` for each `*`.
    unsafe fn parse(format: &mut Cursor, args: &mut impl Arguments) -> Result<Self, FormatError> {
        let mut flags = 0;
        while let Some(at) = FLAGS.iter().position(|&flag| flag == format.peek()) {
            flags |= 1 << at;
            format.skip();
        }
        // SAFETY: the caller's promise.
        unsafe {
            let width = format.number(args)?;
            let precision = if format.take(b'.') {
                format.number(args)?
            } else {
                -1
            };
            Ok(Self {
                flags,
                width,
                precision,
            })
        }
    }

    fn is_plain(&self) -> bool {
        self.flags == 0 && self.width == 0 && self.precision < 0
    }

    /// The conversion with its numbers as arguments: `%-*.*lld`. However long the program wrote
    /// it, this is short.
    fn canonical(&self, value: Value, letter: u8) -> [c_char; 16] {
        let flags = FLAGS.iter().enumerate();
        let flags = flags.filter(|(at, _)| self.flags & 1 << at != 0);
        let flags = flags.map(|(_, flag)| flag);
        let parts = [b'%'].iter().chain(flags).chain(b"*.*");
        let parts = parts.chain(value.modifier()).chain([&letter]);
        let mut text = [0; 16];
        for (place, &byte) in text.iter_mut().zip(parts) {
            *place = byte as c_char;
        }
        text
    }
}

fn modifier(format: &mut Cursor) -> Modifier {
    let modifier = match format.peek() {
        b'h' => Modifier::Short,
        b'l' => Modifier::Long,
        b'q' | b'j' | b'z' | b'Z' | b't' => Modifier::Wide,
        b'L' => Modifier::Large,
        _ => return Modifier::None,
    };
    format.skip();
    match modifier {
        Modifier::Short if format.take(b'h') => Modifier::Char,
        Modifier::Long if format.take(b'l') => Modifier::Wide,
        modifier => modifier,
    }
}

/// Appends what the conversion at `format`, behind its `%`, asks for: all of printf's but `%n` and
/// those of wide characters. Arguments by position (`%1$d`) are none.
///
/// # Safety
/// `args` has an argument of the conversion's type, and an `int` for each `*`.
pub(super) unsafe fn push_printed<W: Writer>(
    command: &mut W,
    format: &mut Cursor,
    args: &mut impl Arguments,
) -> Result<(), FormatError> {
    // SAFETY: the caller's promise.
    let spec = unsafe { Spec::parse(format, args)? };
    let modifier = modifier(format);
    let letter = format.peek();
    // SAFETY: the same.
    let value = unsafe { value(letter, modifier, &spec, args)? };
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

/// Takes the argument of a conversion.
///
/// # Safety
/// If there is such a conversion, an argument of its type comes next.
unsafe fn value(
    letter: u8,
    modifier: Modifier,
    spec: &Spec,
    args: &mut impl Arguments,
) -> Result<Value, FormatError> {
    // SAFETY: the format says that an argument of this type comes next.
    unsafe {
        match (letter, modifier) {
            (b'd' | b'i', _) => Ok(Value::Signed(signed(modifier, args))),
            (b'o' | b'u' | b'x' | b'X', _) => Ok(Value::Unsigned(unsigned(modifier, args))),
            (b'e' | b'E' | b'f' | b'F' | b'g' | b'G' | b'a' | b'A', _) => match modifier {
                Modifier::None | Modifier::Long => Ok(Value::Double(args.next_double())),
                Modifier::Large => Ok(Value::LongDouble(args.next_long_double())),
                _ => Err(FormatError::Invalid),
            },
            (b'c', Modifier::None) => Ok(Value::Char(args.next_int())),
            (b'p', Modifier::None) => Ok(Value::Pointer(args.next_pointer())),
            (b'm', Modifier::None) => Ok(Value::Errno(*libc::__errno_location())),
            (b's', Modifier::None) => text(spec, args.next_pointer()),
            _ => Err(FormatError::Invalid),
        }
    }
}

/// A string, as `%.*s` takes it: with a precision it need not be terminated, and with precision 0
/// it may be NULL.
fn text(spec: &Spec, text: *const c_void) -> Result<Value, FormatError> {
    match (text.is_null(), spec.precision) {
        (false, _) => Ok(Value::Pointer(text)),
        (true, 0) => Ok(Value::Pointer(c"".as_ptr().cast())),
        (true, _) => Err(FormatError::Invalid),
    }
}

/// # Safety
/// An integer of this size comes next.
unsafe fn signed(modifier: Modifier, args: &mut impl Arguments) -> i64 {
    // SAFETY: the caller's promise; smaller types than `int` are passed as one.
    unsafe {
        match modifier {
            Modifier::Char => i64::from(args.next_int() as i8),
            Modifier::Short => i64::from(args.next_int() as i16),
            Modifier::None => i64::from(args.next_int()),
            Modifier::Long => args.next_long(),
            Modifier::Wide | Modifier::Large => args.next_long_long(),
        }
    }
}

/// # Safety
/// An integer of this size comes next.
unsafe fn unsigned(modifier: Modifier, args: &mut impl Arguments) -> u64 {
    // SAFETY: as in `signed`.
    unsafe {
        match modifier {
            Modifier::Char => u64::from(args.next_int() as u8),
            Modifier::Short => u64::from(args.next_int() as u16),
            Modifier::None => u64::from(args.next_int() as u32),
            Modifier::Long => args.next_long() as u64,
            Modifier::Wide | Modifier::Large => args.next_long_long() as u64,
        }
    }
}

/// What plain `%d`, `%u` and their longer forms print, for which printf takes many times as long.
fn push_decimal<W: Writer>(
    command: &mut W,
    negative: bool,
    magnitude: u64,
) -> Result<(), FormatError> {
    let (text, len) = encode::decimal(negative, magnitude);
    // SAFETY: the text is the array's beginning.
    unsafe { command.push(text.as_ptr(), len) }
}

/// What libc's printf takes for one canonical conversion, as a caller with no register left passes
/// it: width, precision, value. A `long double` stands at a multiple of its size.
#[repr(align(16))]
struct Stack([u64; 4]);

/// Everything else is libc's to print, in the current locale.
fn print<W: Writer>(
    command: &mut W,
    spec: &Spec,
    value: Value,
    letter: u8,
) -> Result<(), FormatError> {
    let canonical = spec.canonical(value, letter);
    let [low, high] = value.words();
    let mut stack = Stack([spec.width as u64, spec.precision as u64, low, high]);
    let expected = USUAL.max(spec.width.unsigned_abs() as usize);
    command.print(expected, |place, size| {
        if let Value::Errno(code) = value {
            // Making room may have changed it.
            // SAFETY: it is the thread's own.
            unsafe { *libc::__errno_location() = code };
        }
        let mut args = VaList::on_stack(&mut stack.0);
        // SAFETY: the canonical conversion takes two `int`s and the value that it was made for;
        // `place` has `size` bytes.
        unsafe { va::vsnprintf(place, size, canonical.as_ptr(), &raw mut args) }
    })
}
