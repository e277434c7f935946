//! The blocking context: its life, its connection, its buffers, its replies.
//!
//! A context may be copied byte for byte and its original freed, so nothing of ours hides behind
//! it: what the library keeps stands in its public fields or in the blocks they point to. Contexts
//! are passed as raw pointers, because transports and push callbacks may use them while we do.

mod command;
mod connect;
mod endpoint;
mod exchange;
mod io;
mod lifecycle;
mod options;
mod peer;
mod reply;
mod transport;

use crate::error::{self, Error};
use crate::layout::{REDIS_BLOCK, redisContext};
use crate::reader::{self as parser, Reader, Refused};
use libc::{c_char, c_int};

pub(crate) use command::{Command, append, append_formatted, begin_command, set_max_output};
pub(crate) use connect::{
    Next, Untried, connect_addresses, connect_bind_tcp, connect_next, connect_next_anew,
    connect_next_in_place, connect_unix,
};
pub(crate) use endpoint::family;
pub(crate) use io::{
    Received, buffer_read, buffer_write, bytes_taken, forget_drained, has_drained, hear_out,
    let_wait, net_close, net_read, net_write, set_low_water,
};
pub(crate) use lifecycle::{
    Kept, connect_in, connect_with_options, create_unconnected_in, free, free_keep_fd, free_parts,
    reconnect,
};
pub(crate) use options::{
    check_command_timeout, check_connect_done, check_socket_error, enable_keepalive,
    set_command_timeout, set_nodelay, set_user_timeout, update_command_timeout,
    update_connect_timeout,
};
pub(crate) use reply::{command_reply, get_reply, next_buffered, next_in_band};
pub(crate) use transport::{
    async_write_is_default, default_transport, keep_transport, reads_socket, writes_socket,
};

/// What an operation returns that has written its error into the context.
pub(crate) type Status<T = ()> = Result<T, ()>;

/// Writes an error into the context.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn set_error(c: *mut redisContext, error: Error) {
    // SAFETY: the context is live, and these two fields are distinct.
    unsafe {
        error.store(&mut (*c).err, &mut (*c).errstr);
        note_refusal(c, command::refused_by(&error));
    }
}

/// Remembers whether the context's error is that of a refused command.
unsafe fn note_refusal(c: *mut redisContext, refused: Option<Refused>) {
    // SAFETY: the caller's context is live.
    unsafe {
        if let Some(reader) = whole_reader(c) {
            reader.refused = refused;
        }
    }
}

/// Writes an error into the context and returns it as a status.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn fail<T>(c: *mut redisContext, error: Error) -> Status<T> {
    // SAFETY: the caller's promise.
    unsafe { set_error(c, error) };
    Err(())
}

/// Clears the error of a context.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn clear_error(c: *mut redisContext) {
    // SAFETY: the context is live.
    unsafe {
        (*c).err = 0;
        (*c).errstr.fill(0);
        note_refusal(c, None);
    }
}

/// `__redisSetError`: an error of a transport or of a program.
///
/// # Safety
/// `c` is live; `text` is NULL (the text of `errno`) or NUL-terminated.
pub(crate) unsafe fn set_error_text(c: *mut redisContext, code: c_int, text: *const c_char) {
    // SAFETY: the caller's promises.
    unsafe {
        if text.is_null() {
            set_error(c, Error::last_os_error());
        } else {
            let text = core::ffi::CStr::from_ptr(text).to_bytes();
            error::store_text(&mut (*c).errstr, text);
        }
        note_refusal(c, None);
        (*c).err = code;
    }
}

/// Whether calls on this context block.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn is_blocking(c: *const redisContext) -> bool {
    // SAFETY: the context is live.
    unsafe { (*c).flags & REDIS_BLOCK != 0 }
}

/// The context's reader; NULL only after memory ran out in `reconnect`.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn reader(c: *const redisContext) -> *mut Reader {
    // SAFETY: the context is live, and readers are only made by this library.
    unsafe { (*c).reader.cast() }
}

/// The context's reader, if what the context keeps in it is there: a program's own, zeroed, has the
/// public fields alone.
///
/// # Safety
/// `c` is live, and the reference is given up before its reader is used or changes.
#[inline(always)]
unsafe fn whole_reader<'a>(c: *const redisContext) -> Option<&'a mut Reader> {
    // SAFETY: the caller's promises; only a whole reader is taken for one.
    unsafe {
        let reader = reader(c);
        let is_whole = !reader.is_null() && parser::is_whole(reader);
        if is_whole { reader.as_mut() } else { None }
    }
}

/// Copies the reader's error, if it has one.
///
/// # Safety
/// `c` is live.
#[cold]
pub(crate) unsafe fn copy_reader_error(c: *mut redisContext) {
    // SAFETY: the context and its reader are live and distinct.
    unsafe {
        if let Some(reader) = (*c).reader.as_ref() {
            (*c).err = reader.err;
            (*c).errstr = reader.errstr;
            note_refusal(c, None);
        } else {
            set_error(c, Error::OutOfMemory);
        }
    }
}
