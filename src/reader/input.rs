//! Bytes coming in: fed by the program, or read from a socket into the place where they belong.

use super::buffer::{room_to_keep, shrink};
use super::{Reader, fail};
use crate::alloc::MAX_COPIED;
use crate::error::{Error, INPUT_LIMIT};
use crate::sds;
use core::mem::MaybeUninit;
use libc::c_char;

/// What a read asks for at first, and at least.
pub(crate) const MIN_READ: usize = 16 * 1024;

/// What a read asks for at most: far below `INT_MAX`, since transports pass it on as an int.
const MAX_READ: usize = 256 * 1024;

/// What a read of a long bulk string asks for.
const BULK_READ: usize = 1024 * 1024;

/// Room on the stack of the reading function, for the first and the small reads: an idle connection
/// then keeps no more buffer than its replies needed.
pub(crate) type Scratch = MaybeUninit<[u8; MIN_READ]>;

/// Where the next read may put bytes.
pub(crate) struct Landing {
    pub(crate) place: *mut c_char,
    pub(crate) room: usize,
    in_scratch: bool,
}

/// Appends a copy of a few bytes, where that takes next to nothing; tells whether it did.
///
/// # Safety
/// `reader` is live; `len` bytes stand at `bytes`, and not in its buffer.
#[inline(always)]
pub(crate) unsafe fn feed_quickly(reader: *mut Reader, bytes: *const u8, len: usize) -> bool {
    // SAFETY: the reader is live and, without an error, has a buffer.
    unsafe {
        (*reader).c.err == 0
            && len <= MAX_COPIED
            && is_kept(reader)
            && append_in_room(reader, core::slice::from_raw_parts(bytes, len))
    }
}

/// Whether the buffer stays for what comes now, whatever that is; an empty one may be too large.
///
/// # Safety
/// `reader` is live, and has a buffer.
#[inline(always)]
unsafe fn is_kept(reader: *const Reader) -> bool {
    // SAFETY: the caller's promise.
    unsafe { (*reader).c.len > 0 || sds::capacity((*reader).c.buf) <= (*reader).c.maxbuf }
}

/// Appends a copy of `bytes`, where the buffer has the room; tells whether it did.
///
/// # Safety
/// `reader` is live, and has a buffer that may be kept; `bytes` do not lie in it.
#[inline(always)]
unsafe fn append_in_room(reader: *mut Reader, bytes: &[u8]) -> bool {
    // SAFETY: the caller's promise. A long string takes the bytes itself.
    unsafe {
        let fed = !(*reader).bulk.is_active() && sds::append_in_room((*reader).c.buf, bytes);
        if fed {
            (*reader).c.len += bytes.len();
        }
        fed
    }
}

/// Appends a copy of `bytes`.
///
/// # Safety
/// `reader` is live; `bytes` do not lie in its buffer.
#[inline(never)]
pub(crate) unsafe fn feed(reader: *mut Reader, bytes: &[u8]) -> Result<(), ()> {
    // SAFETY: the reader is live and, without an error, has a buffer.
    unsafe {
        if (*reader).c.err != 0 {
            return Err(());
        }
        if bytes.len() > MAX_COPIED
            && (*reader).limits.input == 0
            && is_kept(reader)
            && append_in_room(reader, bytes)
        {
            return Ok(());
        }
        let mut rest = bytes;
        if (*reader).bulk.is_receiving() {
            match (*reader).bulk.push(bytes) {
                Ok(taken) => {
                    (*reader).begun = (*reader).begun.wrapping_sub(taken);
                    rest = bytes.get(taken..).unwrap_or_default();
                }
                Err(error) => return give_up(reader, error),
            }
        }
        if rest.is_empty() {
            return Ok(());
        }
        if (*reader).limits.input > 0 && allowance(&*reader, false) == 0 {
            return give_up(reader, INPUT_LIMIT);
        }
        if (*reader).c.len == 0 {
            // What is no larger than these bytes would have it grow to stays.
            shrink(reader, (*reader).c.maxbuf.max(2 * rest.len()));
        }
        let buf = sds::append((*reader).c.buf, rest);
        if buf.is_null() {
            return give_up(reader, Error::OutOfMemory);
        }
        (*reader).c.buf = buf;
        (*reader).c.len = sds::len(buf);
        Ok(())
    }
}

/// How many bytes may come to those that the reader holds, by the limit; none where it is reached.
/// Of what comes in whole records a whole one may.
#[cold]
#[inline(never)]
fn allowance(reader: &Reader, whole_records: bool) -> usize {
    let held = reader.parsed() + reader.c.len - reader.c.pos;
    match reader.limits.input.saturating_sub(held) {
        1..MIN_READ if whole_records => MIN_READ,
        allowed => allowed,
    }
}

/// Whether more may be read without reaching the limit; one that is reached ends the reader.
///
/// # Safety
/// `reader` is live.
pub(crate) unsafe fn has_allowance(reader: *const Reader) -> bool {
    // SAFETY: the caller's promise.
    unsafe { (*reader).limits.input == 0 || allowance(&*reader, false) > 0 }
}

/// Makes room for a read: in the string that is being received, in the buffer, or in `scratch`. With `whole_records` there is room
/// for `MIN_READ` bytes at least: what a transport that deciphers records cannot hand out of one stays within it, and no event
/// comes for that.
///
/// # Safety
/// `reader` is live, `scratch` outlives the landing.
pub(crate) unsafe fn landing(
    reader: *mut Reader,
    scratch: &mut Scratch,
    whole_records: bool,
) -> Result<Landing, ()> {
    // SAFETY: the reader is live and, without an error, has a buffer.
    unsafe {
        if (*reader).c.err != 0 {
            return Err(());
        }
        if (*reader).bulk.is_receiving() {
            return match (*reader).bulk.room(BULK_READ) {
                Ok((_, room)) if whole_records && room < MIN_READ => Ok(Landing {
                    place: scratch.as_mut_ptr().cast(),
                    room: MIN_READ,
                    in_scratch: true,
                }),
                Ok((place, room)) => Ok(Landing {
                    place,
                    room,
                    in_scratch: false,
                }),
                Err(error) => give_up(reader, error),
            };
        }
        let mut room = (*reader).read_size;
        let small = room == MIN_READ && sds::available((*reader).c.buf) < room;
        if (*reader).limits.input > 0 {
            room = room.min(allowance(&*reader, whole_records));
            if room == 0 {
                return give_up(reader, INPUT_LIMIT);
            }
        }
        if small {
            return Ok(Landing {
                place: scratch.as_mut_ptr().cast(),
                room,
                in_scratch: true,
            });
        }
        let buf = sds::reserve((*reader).c.buf, room);
        if buf.is_null() {
            return give_up(reader, Error::OutOfMemory);
        }
        (*reader).c.buf = buf;
        let place = buf.add((*reader).c.len);
        Ok(Landing {
            place,
            room,
            in_scratch: false,
        })
    }
}

/// Takes over the first `len` bytes of a landing, and adapts the next one to what arrives.
///
/// # Safety
/// `landing` is this reader's last one, `len` of its bytes were written, and the reader was not
/// fed in between.
pub(crate) unsafe fn received(
    reader: *mut Reader,
    landing: &Landing,
    len: usize,
) -> Result<(), ()> {
    // SAFETY: the landing is room behind the buffer's or the string's last byte.
    unsafe {
        (*reader).drained = len < landing.room;
        if (*reader).bulk.is_receiving() && !landing.in_scratch {
            (*reader).begun = (*reader).begun.wrapping_sub(len);
            (*reader).bulk.advance(len);
            if (*reader).bulk.is_complete() {
                // As far as anybody knows: the read asked for the string's last byte and no more.
                (*reader).drained = true;
                (*reader).read_size = MIN_READ;
            }
            return Ok(());
        }
        if landing.in_scratch {
            let bytes = core::slice::from_raw_parts(landing.place.cast(), len);
            if !feed_quickly(reader, bytes.as_ptr(), len) {
                feed(reader, bytes)?;
            }
        } else {
            let all = (*reader).c.len + len;
            sds::set_len((*reader).c.buf, all);
            (*reader).c.len = all;
            if (*reader).drained && shrink(reader, room_to_keep(reader)) {
                // What arrives has become less.
                (*reader).read_size = MIN_READ;
                return Ok(());
            }
        }
        let size = &mut (*reader).read_size;
        if len == landing.room {
            *size = (*size * 2).min(MAX_READ);
        } else if len < landing.room / 4 {
            *size = (*size / 2).max(MIN_READ);
        }
    }
    Ok(())
}

/// Ends the reader, unless it has ended: no memory holds what it was to be fed.
///
/// # Safety
/// `reader` is live.
#[cold]
pub(crate) unsafe fn refuse(reader: *mut Reader) -> Result<(), ()> {
    // SAFETY: the reader is live.
    unsafe {
        if (*reader).c.err == 0 {
            fail(reader, Error::OutOfMemory);
        }
    }
    Err(())
}

/// Ends the reader with `error`.
unsafe fn give_up<T>(reader: *mut Reader, error: Error) -> Result<T, ()> {
    // SAFETY: the caller's reader is live.
    unsafe { fail(reader, error) };
    Err(())
}
