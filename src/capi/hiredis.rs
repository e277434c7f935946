//! `hiredis.h`: replies and commands. Connecting is in `connect`, the variadic functions in `variadic`.

use super::read::status;
use super::tables;
use crate::context::{self, Command, Status};
use crate::format::VaList;
use crate::layout::{redisContext, redisReader};
use crate::one_thread::Call;
use crate::reader;
use core::ptr::{NonNull, null_mut};
use libc::{c_char, c_int, c_void, size_t};

/// Makes a reader whose replies are redisReply objects. Returns NULL when out of memory; free it
/// with redisReaderFree().
#[unsafe(no_mangle)]
pub extern "C-unwind" fn redisReaderCreate() -> *mut redisReader {
    // SAFETY: the default table lives as long as the program.
    unsafe { reader::create(reader::default_functions()) }.map_or(null_mut(), NonNull::as_ptr)
}

/// Frees a reply with everything in it: its strings, its elements and theirs. NULL is ignored, also
/// in the place of a string or element that the program has taken out for itself.
///
/// # Safety
/// `reply` is NULL or a redisReply, made by this library or by the program from hi_malloc() blocks,
/// and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn freeReplyObject(reply: *mut c_void) {
    // SAFETY: the caller gives the reply up.
    unsafe { tables::free_reply(reply) }
}

/// Reads once from the connection into the context's reader. For non-blocking contexts, when their
/// socket is readable.
///
/// Returns REDIS_OK, also when nothing was there; REDIS_ERR with `err` set when the connection is
/// gone, or had failed before.
///
/// # Safety
/// `c` is a live context.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisBufferRead(c: *mut redisContext) -> c_int {
    let _call = Call::begin(c, c"redisBufferRead");
    // SAFETY: the caller's context is live.
    unsafe {
        context::let_wait(c);
        status(context::buffer_read(c))
    }
}

/// Sends once from `c->obuf`, and reads nothing. `*done`, unless `done` is NULL, becomes 1 when nothing is left to
/// send and 0 otherwise.
///
/// Returns REDIS_OK, or REDIS_ERR with `err` set when the connection is gone, or had failed before.
///
/// # Safety
/// `c` is a live context; `done` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisBufferWrite(c: *mut redisContext, done: *mut c_int) -> c_int {
    let _call = Call::begin(c, c"redisBufferWrite");
    // SAFETY: the caller's context is live, and `done` may be written unless NULL.
    unsafe {
        context::let_wait(c);
        let result = context::buffer_write(c);
        if let (Ok(empty), Some(done)) = (result, done.as_mut()) {
            *done = c_int::from(empty);
        }
        status(result)
    }
}

/// Writes an object to `*reply`, or frees it where the caller does not want it.
unsafe fn hand_out(
    c: *mut redisContext,
    result: Status<Option<NonNull<c_void>>>,
    reply: *mut *mut c_void,
) -> c_int {
    // SAFETY: the caller's context is live, and `reply` may be written unless NULL.
    unsafe {
        match result {
            Ok(object) if !reply.is_null() => *reply = object.map_or(null_mut(), NonNull::as_ptr),
            Ok(Some(object)) => reader::free_object(context::reader(c), object.as_ptr()),
            _ => {}
        }
    }
    status(result)
}

/// Takes the next reply: one that is buffered; or, on a blocking context, after sending what is
/// waiting in `c->obuf`, one that arrives. On another, `*reply` becomes NULL when there is none.
///
/// While the socket takes nothing, what has arrived is read (not over a program's own `c->funcs`), so
/// that pipelines may be of any length; the replies are held until they are taken.
///
/// `*reply` is the caller's, to be freed with freeReplyObject(); with `reply` NULL it is freed.
/// Returns REDIS_OK, or REDIS_ERR with `err` set and `*reply` untouched.
///
/// # Safety
/// `c` is a live context; `reply` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisGetReply(
    c: *mut redisContext,
    reply: *mut *mut c_void,
) -> c_int {
    let _call = Call::begin(c, c"redisGetReply");
    // SAFETY: the caller's promises.
    unsafe { hand_out(c, context::get_reply(c), reply) }
}

/// As redisGetReply(), but of the buffered replies only, and pushes are not taken aside. `*reply`
/// becomes NULL when there is none, and on errors.
///
/// # Safety
/// As redisGetReply().
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisGetReplyFromReader(
    c: *mut redisContext,
    reply: *mut *mut c_void,
) -> c_int {
    let _call = Call::begin(c, c"redisGetReplyFromReader");
    // SAFETY: the caller's promises.
    unsafe {
        if !reply.is_null() {
            *reply = null_mut();
        }
        hand_out(c, context::next_buffered(c), reply)
    }
}

/// Appends a command to the output buffer; an error goes into the context.
unsafe fn append(c: *mut redisContext, command: &Command) -> c_int {
    // SAFETY: the caller's promises.
    unsafe { status(context::append(c, command).or_else(|error| context::fail(c, error))) }
}

/// Appends `len` bytes of RESP, one command or several, to the output buffer. Returns REDIS_OK, or
/// REDIS_ERR when out of memory or beyond the limit of redisSetMaxOutput() (`err` set).
///
/// # Safety
/// `c` is a live context; `cmd` holds `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAppendFormattedCommand(
    c: *mut redisContext,
    cmd: *const c_char,
    len: size_t,
) -> c_int {
    let _call = Call::begin(c, c"redisAppendFormattedCommand");
    // SAFETY: the caller's promises.
    unsafe {
        let bytes = bytes(cmd, len);
        status(context::append_formatted(c, bytes).or_else(|error| context::fail(c, error)))
    }
}

/// `len` bytes, none where the pointer is NULL.
pub(super) unsafe fn bytes<'a>(pointer: *const c_char, len: size_t) -> &'a [u8] {
    if pointer.is_null() {
        return &[];
    }
    // SAFETY: the caller's pointer holds `len` bytes, through the call it made.
    unsafe { core::slice::from_raw_parts(pointer.cast(), len) }
}

/// As redisAppendFormattedCommand(); under this name other libraries import it.
///
/// # Safety
/// As redisAppendFormattedCommand().
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __redisAppendCommand(
    c: *mut redisContext,
    cmd: *const c_char,
    len: size_t,
) -> c_int {
    // SAFETY: the caller's promises.
    unsafe { redisAppendFormattedCommand(c, cmd, len) }
}

/// As redisAppendCommand(), with a `va_list`.
///
/// # Safety
/// `c` is a live context; `format` is NUL-terminated and matches the arguments.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisvAppendCommand(
    c: *mut redisContext,
    format: *const c_char,
    ap: *mut VaList,
) -> c_int {
    let _call = Call::begin(c, c"redisvAppendCommand");
    // SAFETY: the caller's promises.
    unsafe { append(c, &Command::Format(format, ap)) }
}

/// As redisAppendCommand(), with the command as `argc` strings. `argvlen` holds their lengths; NULL
/// where they are NUL-terminated.
///
/// # Safety
/// `c` is a live context; `argv` and `argvlen` hold `argc` entries.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisAppendCommandArgv(
    c: *mut redisContext,
    argc: c_int,
    argv: *const *const c_char,
    argvlen: *const size_t,
) -> c_int {
    let _call = Call::begin(c, c"redisAppendCommandArgv");
    // SAFETY: the caller's promises.
    unsafe { append(c, &Command::Argv(argc, argv, argvlen)) }
}

/// As redisCommand(), with a `va_list`.
///
/// # Safety
/// `c` is a live context; `format` is NUL-terminated and matches the arguments.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisvCommand(
    c: *mut redisContext,
    format: *const c_char,
    ap: *mut VaList,
) -> *mut c_void {
    let _call = Call::begin(c, c"redisvCommand");
    // SAFETY: the caller's promises.
    unsafe { context::command_reply(c, &Command::Format(format, ap)) }
}

/// As redisCommand(), with the command as `argc` strings. `argvlen` holds their lengths; NULL where
/// they are NUL-terminated.
///
/// # Safety
/// `c` is a live context; `argv` and `argvlen` hold `argc` entries.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisCommandArgv(
    c: *mut redisContext,
    argc: c_int,
    argv: *const *const c_char,
    argvlen: *const size_t,
) -> *mut c_void {
    let _call = Call::begin(c, c"redisCommandArgv");
    // SAFETY: the caller's promises.
    unsafe { context::command_reply(c, &Command::Argv(argc, argv, argvlen)) }
}
