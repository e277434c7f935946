//! Commands into the output buffer.

use super::{clear_error, whole_reader};
use crate::error::{EMPTY_COMMAND, Error, INVALID_FORMAT, OUTPUT_LIMIT, set_errno};
use crate::format::{self, FormatError, VaList};
use crate::layout::redisContext;
use crate::reader::Refused;
use crate::sds;
use libc::{c_char, c_int, size_t};

/// A command as C programs give it.
pub(crate) enum Command {
    /// A format and its arguments.
    Format(*const c_char, *mut VaList),
    /// `argc`, `argv` and `argvlen`; without lengths, the arguments are C strings.
    Argv(c_int, *const *const c_char, *const size_t),
}

/// What `*0` looks like: a server does not answer it, so that its caller would wait for ever.
const EMPTY: usize = b"*0\r\n".len();

/// Appends a command to the output buffer and returns its length. Leaves the buffer as it was, and
/// `err` alone, where that fails.
///
/// # Safety
/// `c` is live, and the command's pointers are valid.
pub(crate) unsafe fn append(c: *mut redisContext, command: &Command) -> Result<usize, Error> {
    // SAFETY: the caller's promises; `obuf` is an sds.
    unsafe {
        let room = room(c);
        let obuf = &mut (*c).obuf;
        let appended = match *command {
            Command::Format(format, arguments) => {
                format::append_format(obuf, room, format, arguments)
            }
            Command::Argv(argc, argv, lengths) => {
                format::append_argv(obuf, room, argc, argv, lengths)
            }
        };
        match appended {
            Ok(EMPTY) => {
                sds::set_len(*obuf, sds::len(*obuf) - EMPTY);
                Err(EMPTY_COMMAND)
            }
            Ok(len) => Ok(len),
            Err(FormatError::Invalid) => Err(INVALID_FORMAT),
            Err(FormatError::TooLong) if room < format::NO_LIMIT => Err(over_limit()),
            Err(FormatError::OutOfMemory | FormatError::TooLong) => Err(Error::OutOfMemory),
        }
    }
}

/// How many bytes the output buffer may take.
unsafe fn room(c: *const redisContext) -> usize {
    // SAFETY: the caller's context is live, and `obuf` is an sds.
    unsafe {
        match whole_reader(c).map_or(0, |reader| reader.limits.output) {
            0 => format::NO_LIMIT,
            limit => limit.saturating_sub(sds::len((*c).obuf)),
        }
    }
}

/// `redisSetMaxOutput`: bounds the output buffer; 0 is no bound.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn set_max_output(c: *mut redisContext, bytes: usize) {
    // SAFETY: the context is live.
    unsafe {
        if let Some(reader) = whole_reader(c) {
            reader.limits.output = bytes;
        }
    }
}

/// The error of a command that the output buffer may not take.
#[cold]
fn over_limit() -> Error {
    set_errno(libc::ENOBUFS);
    OUTPUT_LIMIT
}

/// Appends a command that is RESP already.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn append_formatted(c: *mut redisContext, bytes: &[u8]) -> Result<(), Error> {
    // SAFETY: the context is live, and `obuf` is an sds.
    unsafe {
        if bytes.len() > room(c) {
            return Err(over_limit());
        }
        let obuf = sds::append((*c).obuf, bytes);
        if obuf.is_null() {
            return Err(Error::OutOfMemory);
        }
        (*c).obuf = obuf;
        Ok(())
    }
}

/// Forgets the error of an earlier command that was refused before anything was sent: the
/// connection is as good as before.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn begin_command(c: *mut redisContext) {
    // SAFETY: the context is live.
    unsafe {
        if (*c).err != 0 && refused(c).is_some() {
            clear_error(c);
        }
    }
}

/// Whether a context may send and receive: also after a command was refused by the limit, or a
/// timeout. That is then forgotten, so that what was accepted can make room.
///
/// # Safety
/// `c` is live.
#[inline(always)]
pub(super) unsafe fn is_sound(c: *mut redisContext) -> bool {
    // SAFETY: the caller's promise.
    unsafe { (*c).err == 0 || forget_limit(c) }
}

#[cold]
#[inline(never)]
unsafe fn forget_limit(c: *mut redisContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe {
        let sound = matches!(refused(c), Some(Refused::OutputLimit | Refused::Timeout));
        if sound {
            clear_error(c);
        }
        sound
    }
}

/// Why the last command was refused before anything was sent, if the context's error is of that. A
/// program may have written another error since.
unsafe fn refused(c: *const redisContext) -> Option<Refused> {
    // SAFETY: the caller's context is live.
    unsafe {
        let refused = whole_reader(c)?.refused?;
        let error = match refused {
            Refused::Command => INVALID_FORMAT,
            Refused::OutputLimit => OUTPUT_LIMIT,
            Refused::Timeout => Error::InvalidCommandTimeout,
        };
        ((*c).err == error.code()).then_some(refused)
    }
}

/// What an error says of the command that was to be issued: `None` unless the command was refused.
pub(super) fn refused_by(error: &Error) -> Option<Refused> {
    match *error {
        INVALID_FORMAT | EMPTY_COMMAND => Some(Refused::Command),
        OUTPUT_LIMIT => Some(Refused::OutputLimit),
        Error::InvalidCommandTimeout => Some(Refused::Timeout),
        _ => None,
    }
}
