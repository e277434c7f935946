//! `read.h`: the reader on its own.

use crate::layout::{REDIS_ERR, REDIS_OK, redisReader, redisReplyObjectFunctions};
use crate::one_thread::Call;
use crate::reader::{self, Reader};
use core::ptr::{NonNull, null_mut};
use libc::{c_char, c_int, c_void, size_t};

/// Makes a reader whose replies are made by the functions in `fn`, which must outlive it. `fn`, or
/// any member, may be NULL: replies are then the type's number, cast to a pointer.
///
/// Returns NULL when out of memory. Free it with redisReaderFree().
///
/// # Safety
/// `fn` is NULL or points to a table that outlives the reader.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisReaderCreateWithFunctions(
    r#fn: *mut redisReplyObjectFunctions,
) -> *mut redisReader {
    // SAFETY: the caller's promise about the table is passed on.
    unsafe { reader::create(r#fn) }.map_or(null_mut(), NonNull::as_ptr)
}

/// Frees a reader, its buffer and an unfinished reply. NULL is ignored. Replies handed out before
/// stay valid.
///
/// # Safety
/// `r` is NULL or a live reader, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisReaderFree(r: *mut redisReader) {
    let _call = Call::begin(r, c"redisReaderFree");
    if !r.is_null() {
        // SAFETY: readers are only made by this library, and the caller gives this one up.
        unsafe { reader::free(r.cast::<Reader>()) }
    }
}

/// Appends a copy of `len` bytes at `buf` to what is to be parsed. NULL or no bytes: nothing to do.
///
/// Returns REDIS_OK, or REDIS_ERR when the reader has failed before or is out of memory (`err`,
/// `errstr`).
///
/// # Safety
/// `r` is a live reader; `buf` is NULL or holds `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisReaderFeed(
    r: *mut redisReader,
    buf: *const c_char,
    len: size_t,
) -> c_int {
    let _call = Call::begin(r, c"redisReaderFeed");
    // SAFETY: the caller's reader and bytes are live.
    unsafe {
        if !buf.is_null() && reader::feed_quickly(r.cast::<Reader>(), buf.cast::<u8>(), len) {
            return REDIS_OK;
        }
        feed(r.cast::<Reader>(), buf.cast::<u8>(), len)
    }
}

/// redisReaderFeed() of what takes longer; a function of its own, so that the quick one needs no
/// room on the stack.
#[inline(never)]
unsafe fn feed(r: *mut Reader, buf: *const u8, len: size_t) -> c_int {
    // SAFETY: as redisReaderFeed().
    unsafe {
        if buf.is_null() {
            return status(reader::feed(r, &[]));
        }
        if len > isize::MAX as usize {
            return status(reader::refuse(r));
        }
        status(reader::feed(r, core::slice::from_raw_parts(buf, len)))
    }
}

/// Parses at most one reply. `*reply` becomes the reply, which is then the caller's (see
/// freeReplyObject()), or NULL where the bytes fed so far hold no complete one. With `reply` NULL
/// the reply is freed.
///
/// Returns REDIS_OK, or REDIS_ERR when the bytes are no RESP or memory is short; the reader's `err`
/// and `errstr` say which, and stay.
///
/// # Safety
/// `r` is a live reader; `reply` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisReaderGetReply(
    r: *mut redisReader,
    reply: *mut *mut c_void,
) -> c_int {
    let _call = Call::begin(r, c"redisReaderGetReply");
    // SAFETY: the caller's reader is live, and `reply` may be written unless NULL.
    unsafe {
        if reply.is_null() {
            return discard_reply(r);
        }
        reader::take_reply(r.cast::<Reader>(), reply)
    }
}

/// redisReaderGetReply() of a program that does not want the reply.
#[cold]
unsafe fn discard_reply(r: *mut redisReader) -> c_int {
    // SAFETY: as redisReaderGetReply().
    unsafe {
        let parsed = reader::get_reply(r.cast::<Reader>());
        if let Ok(Some(object)) = parsed {
            reader::free_object(r.cast(), object.as_ptr());
        }
        status(parsed)
    }
}

/// Bounds what the reader holds of a reply that is not complete: `bytes` on the wire, 0 for no bound,
/// as at first. A reply that turns out to be longer, by its header or by what has arrived, ends the
/// reader with REDIS_ERR_OOM, `Input limit reached`. May be set at any time; a context's reader is
/// `c->reader`, and redisReconnect() keeps the limit.
///
/// # Safety
/// `r` is a live reader.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisReaderSetMaxInput(r: *mut redisReader, bytes: size_t) {
    let _call = Call::begin(r, c"redisReaderSetMaxInput");
    // SAFETY: the caller's reader is live.
    unsafe { (*r.cast::<Reader>()).limits.input = bytes }
}

/// `REDIS_OK` or `REDIS_ERR`.
pub(super) fn status<T>(result: Result<T, ()>) -> c_int {
    match result {
        Ok(_) => REDIS_OK,
        Err(()) => REDIS_ERR,
    }
}
