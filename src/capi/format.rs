//! `hiredis.h`: commands formatted ahead of sending them.

use crate::format::{self, FormatError, VaList};
use crate::sds::{self, Sds};
use core::ptr::NonNull;
use libc::{c_char, c_int, c_longlong, size_t};

/// As `redisFormatCommand`, with the arguments as a `va_list`. Of the errors it tells apart -2, the
/// format is not valid, and -1, everything else.
///
/// # Safety
/// `target` is NULL or writable, `format` NUL-terminated, and `ap` holds what it asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisvFormatCommand(
    target: *mut *mut c_char,
    format: *const c_char,
    ap: *mut VaList,
) -> c_int {
    let Some(target) = NonNull::new(target) else {
        return -1;
    };
    // SAFETY: the caller's promise.
    match unsafe { format::format(format, ap) } {
        Ok((command, len)) => {
            // SAFETY: the target is writable.
            unsafe { target.write(command.as_ptr().cast()) };
            len as c_int
        }
        Err(FormatError::Invalid) => -2,
        Err(FormatError::OutOfMemory | FormatError::TooLong) => -1,
    }
}

/// What `redisFormatCommand` does with its arguments: all its errors are -1.
///
/// # Safety
/// As `redisvFormatCommand`.
pub(super) unsafe extern "C-unwind" fn format_command(
    target: *mut *mut c_char,
    format: *const c_char,
    ap: *mut VaList,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { redisvFormatCommand(target, format, ap) }.max(-1)
}

/// Formats a command of `argc` arguments, stores it in `*target`, NUL-terminated, and returns its
/// length without the NUL. `argvlen` has the arguments' lengths; NULL means that they are C strings.
/// An argument of length 0 is not read. The command is the caller's, to be freed by
/// `redisFreeCommand`.
///
/// Returns -1, with `*target` untouched, if `target` is NULL, `argc` is negative, or memory does not
/// suffice.
///
/// # Safety
/// `target` is NULL or writable; `argv` and `argvlen`, unless that is NULL, have `argc` elements.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisFormatCommandArgv(
    target: *mut *mut c_char,
    argc: c_int,
    argv: *mut *const c_char,
    argvlen: *const size_t,
) -> c_longlong {
    let Some(target) = NonNull::new(target) else {
        return -1;
    };
    // SAFETY: the caller's promise.
    match unsafe { format::format_argv(argc, argv, argvlen) } {
        Ok((command, len)) => {
            // SAFETY: the target is writable.
            unsafe { target.write(command.as_ptr().cast()) };
            len as c_longlong
        }
        Err(_) => -1,
    }
}

/// As `redisFormatCommandArgv`, but the command is an sds, to be freed by `redisFreeSdsCommand`.
///
/// # Safety
/// As `redisFormatCommandArgv`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisFormatSdsCommandArgv(
    target: *mut Sds,
    argc: c_int,
    argv: *mut *const c_char,
    argvlen: *const size_t,
) -> c_longlong {
    let Some(target) = NonNull::new(target) else {
        return -1;
    };
    let mut command = sds::empty();
    if command.is_null() {
        return -1;
    }
    // SAFETY: the string is fresh; the rest is the caller's promise.
    unsafe {
        match format::append_argv(&mut command, format::NO_LIMIT, argc, argv, argvlen) {
            Ok(len) => {
                target.write(command);
                len as c_longlong
            }
            Err(_) => {
                sds::free(command);
                -1
            }
        }
    }
}

/// Formats a command into `size` bytes at `buf` without allocating anything, in the manner of
/// `snprintf`: returns the length of the whole command without the NUL; if that is less than `size`,
/// the whole is there, otherwise its beginning. A NUL ends what is there, unless `size` is 0; then
/// `buf` may be NULL. No argument may lie in `buf`.
///
/// Returns -2 if the format is not valid, and -1 if `buf` is NULL and `size` is not 0, or if no
/// length can say how long the command is; then the text at `buf` is empty.
///
/// Only this implementation has it: `#ifdef HIREDIS_RS`.
///
/// # Safety
/// `buf` is NULL or valid for writing `size` bytes; the rest as for `redisvFormatCommand`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisvFormatCommandTo(
    buf: *mut c_char,
    size: size_t,
    format: *const c_char,
    ap: *mut VaList,
) -> c_longlong {
    if buf.is_null() && size > 0 {
        return -1;
    }
    // SAFETY: the caller's promise.
    match unsafe { format::format_to(buf, size, format, ap) } {
        Ok(len) => len as c_longlong,
        Err(FormatError::Invalid) => -2,
        Err(FormatError::OutOfMemory | FormatError::TooLong) => -1,
    }
}

/// As `redisvFormatCommandTo`, for `argc` arguments, given as for `redisFormatCommandArgv`; every
/// error is -1.
///
/// Only this implementation has it: `#ifdef HIREDIS_RS`.
///
/// # Safety
/// `buf` is NULL or valid for writing `size` bytes; the rest as for `redisFormatCommandArgv`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisFormatCommandArgvTo(
    buf: *mut c_char,
    size: size_t,
    argc: c_int,
    argv: *mut *const c_char,
    argvlen: *const size_t,
) -> c_longlong {
    if buf.is_null() && size > 0 {
        return -1;
    }
    // SAFETY: the caller's promise.
    match unsafe { format::format_argv_to(buf, size, argc, argv, argvlen) } {
        Ok(len) => len as c_longlong,
        Err(_) => -1,
    }
}

/// Frees a command of `redisFormatCommand`, `redisvFormatCommand` or `redisFormatCommandArgv`. NULL
/// is allowed.
///
/// # Safety
/// `cmd` is NULL or such a command, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisFreeCommand(cmd: *mut c_char) {
    // SAFETY: such commands are blocks of the allocator table.
    unsafe { crate::alloc::release(cmd) }
}

/// Frees a command of `redisFormatSdsCommandArgv`. NULL is allowed.
///
/// # Safety
/// `cmd` is NULL or such a command, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisFreeSdsCommand(cmd: Sds) {
    // SAFETY: such commands are sds.
    unsafe { sds::free(cmd) }
}
