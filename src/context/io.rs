//! Bytes between the context's buffers and its transport.

use super::command::is_sound;
use super::{Status, copy_reader_error, fail, reader, reads_socket, set_error, whole_reader};
use crate::error::{Error, errno, set_errno};
use crate::layout::{
    NO_WAIT, REDIS_BLOCK, REDIS_ERR_EOF, REDIS_ERR_IO, REDIS_INVALID_FD, TLS, redisContext,
};
use crate::{net, reader as input, sds};
use libc::{c_char, ssize_t};

/// Room that an empty output buffer may keep; larger ones are given back.
const KEPT_OUTPUT: usize = 512;

/// How many bytes a read brought, and how many it could have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    pub(crate) count: usize,
    pub(crate) room: usize,
}

/// Has transports wait again, if the context blocks: an exception of the program's may have passed
/// through a call that was not to wait.
///
/// # Safety
/// `c` is live.
#[inline(always)]
pub(crate) unsafe fn let_wait(c: *mut redisContext) {
    // SAFETY: the caller's context is live.
    unsafe { (*c).flags &= !NO_WAIT }
}

/// `redisBufferRead`: one read by the transport, into the reader.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn buffer_read(c: *mut redisContext) -> Status<Received> {
    // SAFETY: the context is live; the landing stays valid, since a transport has no business with
    // the reader.
    unsafe {
        if !is_sound(c) {
            return Err(());
        }
        let mut scratch = input::Scratch::uninit();
        let Ok(landing) = input::landing(reader(c), &mut scratch, !reads_socket(c)) else {
            copy_reader_error(c);
            return Err(());
        };
        let Some(read) = (*(*c).funcs).read else {
            return fail(c, Error::Other("Transport cannot read"));
        };
        let count = read(c, landing.place, landing.room);
        let Ok(count) = usize::try_from(count) else {
            return Err(());
        };
        if count > 0 && input::received(reader(c), &landing, count.min(landing.room)).is_err() {
            copy_reader_error(c);
            return Err(());
        }
        Ok(Received {
            count,
            room: landing.room,
        })
    }
}

/// `redisBufferWrite`: one write by the transport, where there is anything to send. Returns
/// whether the output buffer is empty now.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn buffer_write(c: *mut redisContext) -> Status<bool> {
    // SAFETY: the context is live; `obuf` is re-read after the call out.
    unsafe {
        if !is_sound(c) {
            return Err(());
        }
        if sds::len((*c).obuf) > 0 {
            let Some(write) = (*(*c).funcs).write else {
                return fail(c, Error::Other("Transport cannot write"));
            };
            let Ok(count) = usize::try_from(write(c)) else {
                return Err(());
            };
            sent(c, count);
        }
        Ok(sds::len((*c).obuf) == 0)
    }
}

/// Reads after which a peer that has gone is not listened to any longer: more than a socket holds.
const LAST_READS: usize = 64;

/// After a write that has just failed: reads what the peer had said, without waiting. Whether the peer
/// has gone, so that there is nothing more to come; the error of the write stays. A peer that is still
/// there answers later what it has received, so that its replies must not be taken for the last ones.
///
/// # Safety
/// `c` is live, and its transport's `write` was called and failed.
#[cold]
pub(crate) unsafe fn hear_out(c: *mut redisContext) -> bool {
    // SAFETY: the context is live.
    unsafe {
        // A transport of the program's might wait.
        let need_not_wait = reads_socket(c) || (*c).flags & TLS != 0;
        if !need_not_wait || !matches!((*c).err, REDIS_ERR_IO | REDIS_ERR_EOF) {
            return false;
        }
        let cause = errno();
        let (err, errstr) = ((*c).err, (*c).errstr);
        (*c).flags |= NO_WAIT;
        let mut gone = false;
        for _ in 0..LAST_READS {
            // What has come is not to be lost by reaching the program's limit.
            if !whole_reader(c).is_some_and(|reader| input::has_allowance(reader)) {
                break;
            }
            (*c).err = 0;
            match buffer_read(c) {
                Ok(received) if received.count > 0 => {}
                Ok(_) => break,
                Err(()) => {
                    gone = matches!((*c).err, REDIS_ERR_EOF | REDIS_ERR_IO);
                    break;
                }
            }
        }
        (*c).flags &= !NO_WAIT;
        ((*c).err, (*c).errstr) = (err, errstr);
        // Programs look at the `errno` of the call that failed.
        set_errno(cause);
        gone
    }
}

/// Sets the mark below which the output buffer counts as drained; 0 for none. What was noted of the
/// mark before is forgotten.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn set_low_water(c: *mut redisContext, bytes: usize) {
    // SAFETY: the context is live.
    unsafe {
        if let Some(reader) = whole_reader(c) {
            reader.output.low_water = bytes;
            reader.output.drained = false;
        }
    }
}

/// Whether the output buffer has fallen below its mark since that was last forgotten.
///
/// # Safety
/// `c` is live.
#[inline(always)]
pub(crate) unsafe fn has_drained(c: *const redisContext) -> bool {
    // SAFETY: the context is live.
    unsafe { whole_reader(c).is_some_and(|reader| reader.output.drained) }
}

/// # Safety
/// `c` is live.
pub(crate) unsafe fn forget_drained(c: *mut redisContext) {
    // SAFETY: the context is live.
    unsafe {
        if let Some(reader) = whole_reader(c) {
            reader.output.drained = false;
        }
    }
}

/// How many bytes the transport has taken.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn bytes_taken(c: *const redisContext) -> u64 {
    // SAFETY: the context is live.
    unsafe { whole_reader(c).map_or(0, |reader| reader.output.taken) }
}

/// Takes sent bytes out of the output buffer.
unsafe fn sent(c: *mut redisContext, count: usize) {
    // SAFETY: the caller's context is live, and `obuf` is an sds.
    unsafe {
        let before = sds::len((*c).obuf);
        // First, since the program's allocator may leave by an exception.
        (*c).obuf = sds::consume((*c).obuf, count);
        if let Some(reader) = whole_reader(c) {
            reader.output.take(before, count);
        }
        if count >= before && sds::block_size((*c).obuf) > KEPT_OUTPUT {
            let empty = sds::empty();
            if !empty.is_null() {
                sds::free(core::mem::replace(&mut (*c).obuf, empty));
            }
        }
    }
}

/// Whether a read or a write is to wait.
unsafe fn waits(c: *const redisContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe { (*c).flags & (REDIS_BLOCK | NO_WAIT) == REDIS_BLOCK }
}

/// `redisNetRead`: a transport's `read`, for plain sockets.
///
/// # Safety
/// `c` is live; `len` bytes at `place` may be written.
pub(crate) unsafe fn net_read(c: *mut redisContext, place: *mut c_char, len: usize) -> ssize_t {
    // SAFETY: the caller's promises.
    unsafe { transferred(c, net::receive((*c).fd, place, len, waits(c))) }
}

/// `redisNetWrite`: a transport's `write`, for plain sockets.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn net_write(c: *mut redisContext) -> ssize_t {
    // SAFETY: the context is live, and `obuf` is an sds.
    unsafe { transferred(c, net::send((*c).fd, sds::bytes((*c).obuf), waits(c))) }
}

/// A count, or -1 with the error in the context.
unsafe fn transferred(c: *mut redisContext, result: Result<usize, Error>) -> ssize_t {
    match result {
        Ok(count) => count as ssize_t,
        Err(error) => {
            // SAFETY: the caller's context is live.
            unsafe { set_error(c, error) };
            -1
        }
    }
}

/// `redisNetClose`: a transport's `close`, for plain sockets.
///
/// # Safety
/// `c` is NULL or live.
pub(crate) unsafe fn net_close(c: *mut redisContext) {
    // SAFETY: the caller's promise.
    unsafe {
        if !c.is_null() && (*c).fd != REDIS_INVALID_FD {
            net::close((*c).fd);
            (*c).fd = REDIS_INVALID_FD;
        }
    }
}
