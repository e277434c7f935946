//! Commands into the output buffer.

use super::clear_error;
use crate::error::{EMPTY_COMMAND, Error, INVALID_FORMAT};
use crate::format::{self, FormatError, VaList};
use crate::layout::{REDIS_ERR_OTHER, redisContext};
use crate::sds;
use core::ffi::CStr;
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
        let obuf = &mut (*c).obuf;
        let appended = match *command {
            Command::Format(format, arguments) => format::append_format(obuf, format, arguments),
            Command::Argv(argc, argv, lengths) => format::append_argv(obuf, argc, argv, lengths),
        };
        match appended {
            Ok(EMPTY) => {
                sds::set_len(*obuf, sds::len(*obuf) - EMPTY);
                Err(EMPTY_COMMAND)
            }
            Ok(len) => Ok(len),
            Err(FormatError::Invalid) => Err(INVALID_FORMAT),
            Err(FormatError::OutOfMemory) => Err(Error::OutOfMemory),
        }
    }
}

/// Appends a command that is RESP already.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn append_formatted(c: *mut redisContext, bytes: &[u8]) -> Result<(), Error> {
    // SAFETY: the context is live, and `obuf` is an sds.
    unsafe {
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
        if (*c).err != 0 && has_format_error(c) {
            clear_error(c);
        }
    }
}

/// Whether the context's error is only that a command was refused.
unsafe fn has_format_error(c: *const redisContext) -> bool {
    // SAFETY: the caller's context is live, and `errstr` is NUL-terminated.
    unsafe {
        let text = CStr::from_ptr((*c).errstr.as_ptr()).to_bytes();
        (*c).err == REDIS_ERR_OTHER
            && [INVALID_FORMAT, EMPTY_COMMAND]
                .iter()
                .any(|error| matches!(error, Error::Other(known) if known.as_bytes() == text))
    }
}
