//! The printf-like command formatter and its counterpart for argument vectors. Both write the
//! command where it is wanted: into a block that the program keeps, into memory of the program's, or
//! behind what an output buffer already holds.

mod bounded;
mod command;
mod sink;
mod spec;
#[cfg(test)]
mod tests;
mod va;

pub(crate) use va::{Arguments, VaList, vsnprintf};

use crate::resp::encode::{argument_len, header_len};
use crate::sds::Sds;
use bounded::Bounded;
use command::{Command, Writer};
use core::ptr::NonNull;
use libc::{c_char, c_int, size_t};
use sink::{Block, End};
use spec::Cursor;

/// A limit beyond which no length goes.
pub(crate) const NO_LIMIT: usize = isize::MAX as usize;

/// Bytes expected of a command of unknown length: most fit, so that they take one allocation.
const USUAL: usize = 63;

/// Why there is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormatError {
    /// The format breaks the grammar, or an argument count or pointer cannot be.
    Invalid,
    /// Memory does not suffice.
    OutOfMemory,
    /// The command would be longer than it may be, or than its length's type can say.
    TooLong,
}

/// Formats a command into a block of the allocator, NUL-terminated, and returns it with its length.
///
/// # Safety
/// `format` is NULL or NUL-terminated; `args` is live and holds what it asks for.
pub(crate) unsafe fn format(
    format: *const c_char,
    args: *mut VaList,
) -> Result<(NonNull<u8>, usize), FormatError> {
    // The C functions return the length as an `int`.
    let block = Block::new(c_int::MAX as usize);
    // SAFETY: the caller's promise.
    unsafe { write_format(Command::new(block), format, &mut *args) }
}

/// Appends a formatted command of at most `limit` bytes to `obuf` and returns its length; on failure
/// the text of `obuf` is what it was.
///
/// # Safety
/// `obuf` is an sds that nothing else refers to, no argument lies in it, and as `format`.
pub(crate) unsafe fn append_format(
    obuf: &mut Sds,
    limit: usize,
    format: *const c_char,
    args: *mut VaList,
) -> Result<usize, FormatError> {
    // SAFETY: the caller's promise.
    unsafe { write_format(Command::new(End::new(obuf, limit)), format, &mut *args) }
}

/// Formats a command into `size` bytes of the program's, as much as fits, NUL-terminated unless
/// `size` is 0, and returns the length of the whole. On failure the text there is empty.
///
/// # Safety
/// `buf` is valid for writing `size` bytes, no argument lies in it, and as `format`.
pub(crate) unsafe fn format_to(
    buf: *mut c_char,
    size: size_t,
    format: *const c_char,
    args: *mut VaList,
) -> Result<usize, FormatError> {
    // SAFETY: the caller's promise.
    unsafe { write_format(Bounded::new(buf, size), format, &mut *args) }
}

/// As `format_to`, for a vector of arguments.
///
/// # Safety
/// As `format_to` for `buf`, as `format_argv` for the arguments.
pub(crate) unsafe fn format_argv_to(
    buf: *mut c_char,
    size: size_t,
    argc: c_int,
    argv: *const *const c_char,
    argvlen: *const size_t,
) -> Result<usize, FormatError> {
    // SAFETY: the caller's promise.
    unsafe { write_argv(Bounded::new(buf, size), argc, argv, argvlen) }
}

/// As `format`, for a vector of `argc` arguments, whose lengths are in `argvlen`, or up to their
/// NULs where that is NULL.
///
/// # Safety
/// `argv` and, unless NULL, `argvlen` have `argc` elements; each argument is valid for reading as
/// many bytes as said.
pub(crate) unsafe fn format_argv(
    argc: c_int,
    argv: *const *const c_char,
    argvlen: *const size_t,
) -> Result<(NonNull<u8>, usize), FormatError> {
    let block = Block::new(NO_LIMIT);
    // SAFETY: the caller's promise.
    unsafe { write_argv(Command::new(block), argc, argv, argvlen) }
}

/// As `append_format`, for a vector of arguments.
///
/// # Safety
/// As `append_format` for `obuf`, as `format_argv` for the arguments.
pub(crate) unsafe fn append_argv(
    obuf: &mut Sds,
    limit: usize,
    argc: c_int,
    argv: *const *const c_char,
    argvlen: *const size_t,
) -> Result<usize, FormatError> {
    // SAFETY: the caller's promise.
    unsafe { write_argv(Command::new(End::new(obuf, limit)), argc, argv, argvlen) }
}

/// # Safety
/// As `format`; no argument lies where `command` writes.
unsafe fn write_format<W: Writer>(
    mut command: W,
    format: *const c_char,
    args: &mut impl Arguments,
) -> Result<W::Output, FormatError> {
    // SAFETY: the caller's promise.
    match unsafe { push_format(&mut command, format, args) } {
        Ok(()) => command.finish(),
        Err(error) => {
            command.abandon();
            Err(error)
        }
    }
}

/// # Safety
/// As `write_format`.
unsafe fn push_format<W: Writer>(
    command: &mut W,
    format: *const c_char,
    args: &mut impl Arguments,
) -> Result<(), FormatError> {
    if format.is_null() {
        return Err(FormatError::Invalid);
    }
    command.begin(USUAL.min(command.limit()).max(1), 1)?;
    // SAFETY: the format is NUL-terminated and outlives this call.
    let mut format = unsafe { Cursor::new(format) };
    loop {
        match format.peek() {
            0 => return Ok(()),
            b' ' => {
                command.close();
                format.skip();
            }
            b'%' => {
                format.skip();
                // SAFETY: the caller's promise.
                unsafe { push_conversion(command, &mut format, args)? };
            }
            _ => {
                let text = format.address().cast();
                let len = format.skip_until(|byte| byte == b'%' || is_end(byte));
                // SAFETY: the text is part of the format.
                unsafe { push_text(command, text, len, is_end(format.peek()))? };
            }
        }
    }
}

/// Whether an argument ends before this byte of the format.
fn is_end(byte: u8) -> bool {
    byte == b' ' || byte == 0
}

/// What `%` asks for.
///
/// # Safety
/// As `write_format`.
unsafe fn push_conversion<W: Writer>(
    command: &mut W,
    format: &mut Cursor,
    args: &mut impl Arguments,
) -> Result<(), FormatError> {
    // SAFETY: the caller says that the arguments are of the types that the format names.
    unsafe {
        let (text, len) = match format.peek() {
            b's' => {
                let text: *const c_char = args.next_pointer().cast();
                (text, terminated_len(text)?)
            }
            b'b' => {
                let text: *const c_char = args.next_pointer().cast();
                (text, args.next_size())
            }
            // At the very end of a format it stands for itself, too.
            b'%' | 0 => (c"%".as_ptr(), 1),
            _ => return spec::push_printed(command, format, args),
        };
        format.skip();
        push_text(command, text, len, is_end(format.peek()))
    }
}

/// # Safety
/// As `write_format`, for a vector.
unsafe fn write_argv<W: Writer>(
    mut command: W,
    argc: c_int,
    argv: *const *const c_char,
    argvlen: *const size_t,
) -> Result<W::Output, FormatError> {
    // SAFETY: the caller's promise.
    match unsafe { push_argv(&mut command, argc, argv, argvlen) } {
        Ok(()) => command.finish(),
        Err(error) => {
            command.abandon();
            Err(error)
        }
    }
}

/// # Safety
/// As `write_argv`.
unsafe fn push_argv<W: Writer>(
    command: &mut W,
    argc: c_int,
    argv: *const *const c_char,
    argvlen: *const size_t,
) -> Result<(), FormatError> {
    let count = usize::try_from(argc).map_err(|_| FormatError::Invalid)?;
    if count > 0 && argv.is_null() {
        return Err(FormatError::Invalid);
    }
    // SAFETY: both vectors have `count` elements.
    let argument = |at: usize| unsafe {
        let text = argv.add(at).read();
        match argvlen.is_null() {
            true => terminated_len(text).map(|len| (text, len)),
            false => Ok((text, argvlen.add(at).read())),
        }
    };
    let mut total = header_len(count);
    for at in 0..count {
        let (_, len) = argument(at)?;
        total = total.saturating_add(argument_len(len));
    }
    command.begin(total, count)?;
    for at in 0..count {
        let (text, len) = argument(at)?;
        // SAFETY: the caller's promise.
        unsafe { command.push_whole(check(text, len)?, len)? };
    }
    Ok(())
}

/// # Safety
/// `text` is NULL or NUL-terminated.
unsafe fn terminated_len(text: *const c_char) -> Result<usize, FormatError> {
    if text.is_null() {
        return Err(FormatError::Invalid);
    }
    // SAFETY: it is NUL-terminated.
    Ok(unsafe { libc::strlen(text) })
}

/// # Safety
/// `text` is NULL or valid for reading `len` bytes, and lies outside of what is written to. If this `is_last`,
/// the argument may not be continued.
#[inline(always)]
unsafe fn push_text<W: Writer>(
    command: &mut W,
    text: *const c_char,
    len: usize,
    is_last: bool,
) -> Result<(), FormatError> {
    let text = check(text, len)?;
    // SAFETY: the caller's promise.
    unsafe {
        if is_last && !command.is_open() {
            command.push_whole(text, len)
        } else {
            command.push(text, len)
        }
    }
}

/// A text may be NULL only if it is empty.
#[inline]
fn check(text: *const c_char, len: usize) -> Result<*const u8, FormatError> {
    if text.is_null() && len > 0 {
        return Err(FormatError::Invalid);
    }
    Ok(text.cast())
}
