//! The shortest way to a reply: a small string, status, integer or null, all there, made of blocks
//! that the thread has kept. Nothing can fail on it, and nothing is called, so that the compiler
//! saves no registers; for the same reason each type has a function of its own, and the functions
//! end in one another. Whatever is not as expected is left to the general way, which starts anew.
//! Arrays and pushes are begun here, too, and left to [`direct`](super::direct) at once.

use super::buffer::{drop_consumed, is_consumed};
use super::default_table::{makes_default_objects, makes_integers, makes_nulls, makes_strings};
use super::reply::{fill_string, new_string};
use super::{Progress, Reader, get_aggregate, get_reply, unread};
use crate::alloc::{Heap, Kept, MAX_COPIED};
use crate::layout::{REDIS_ERR, REDIS_OK, REDIS_REPLY_STRING, redisReply};
use crate::resp::encode::CRLF;
use crate::resp::{
    Kind, NULL_BULK, parse_common_bulk, parse_common_status, parse_large_integer,
    parse_medium_bulk, parse_short_line, parse_small_bulk, parse_small_integer,
};
use core::ptr::{NonNull, null_mut};
use libc::{c_int, c_void};

/// Parses at most one reply into `*target`, NULL where the buffer holds no complete one. Returns
/// `REDIS_OK`, or `REDIS_ERR` as `get_reply` fails.
///
/// # Safety
/// As `get_reply`; `target` may be written.
#[inline(always)]
pub(crate) unsafe fn take_reply(reader: *mut Reader, target: *mut *mut c_void) -> c_int {
    // SAFETY: the reader is live; without an error it has a buffer.
    unsafe {
        if (*reader).c.err == 0
            && (*reader).progress == Progress::Idle
            && let Some((&byte, rest)) = unread(&*reader).split_first()
            && let Some(take) = TAKERS.get(usize::from(byte))
            && let Some(kept) = Kept::current()
        {
            return take(reader, target, rest, kept);
        }
        any(reader, target)
    }
}

/// Takes a reply from what is behind its type byte.
type Taker = unsafe fn(*mut Reader, *mut *mut c_void, &[u8], Kept) -> c_int;

/// Each type's way, by its byte: one jump, where a `match` takes two.
#[expect(clippy::indexing_slicing, reason = "done by the compiler")]
static TAKERS: [Taker; 64] = {
    let mut takers: [Taker; 64] = [general; 64];
    takers[b'$' as usize] = bulk;
    takers[b'+' as usize] = status;
    takers[b':' as usize] = integer;
    takers[b'*' as usize] = array;
    takers[b'>' as usize] = push;
    takers
};

unsafe fn general(
    reader: *mut Reader,
    target: *mut *mut c_void,
    _rest: &[u8],
    _kept: Kept,
) -> c_int {
    // SAFETY: as in `take_reply`.
    unsafe { any(reader, target) }
}

/// The general way.
#[inline(never)]
unsafe fn any(reader: *mut Reader, target: *mut *mut c_void) -> c_int {
    // SAFETY: as in `take_reply`.
    unsafe {
        let parsed = get_reply(reader);
        put(parsed, target)
    }
}

/// Hands over what was parsed.
#[inline(always)]
unsafe fn put(parsed: Result<Option<NonNull<c_void>>, ()>, target: *mut *mut c_void) -> c_int {
    let reply = parsed.unwrap_or_default();
    // SAFETY: the target may be written.
    unsafe { *target = reply.map_or(null_mut(), NonNull::as_ptr) };
    if parsed.is_ok() { REDIS_OK } else { REDIS_ERR }
}

#[inline(never)]
unsafe fn array(reader: *mut Reader, target: *mut *mut c_void, rest: &[u8], kept: Kept) -> c_int {
    // SAFETY: as in `take_reply`.
    unsafe { aggregate(reader, target, Kind::Array, rest, kept) }
}

#[inline(never)]
unsafe fn push(reader: *mut Reader, target: *mut *mut c_void, rest: &[u8], kept: Kept) -> c_int {
    // SAFETY: as in `take_reply`.
    unsafe { aggregate(reader, target, Kind::Push, rest, kept) }
}

/// An array or a push whose head is short: only the looks at what is known of it are left out.
#[inline(always)]
unsafe fn aggregate(
    reader: *mut Reader,
    target: *mut *mut c_void,
    kind: Kind,
    rest: &[u8],
    kept: Kept,
) -> c_int {
    // SAFETY: as in `take_reply`, which found no error and no reply in progress.
    unsafe {
        let Some((elements, len)) = parse_short_line(rest) else {
            return any(reader, target);
        };
        let len = len + CRLF.len();
        if elements == 0 {
            return hand_over(reader, target, empty(&mut *reader, kind, len, kept));
        }
        match get_aggregate(reader, kind, elements, len + 1) {
            Some(parsed) => put(parsed, target),
            None => any(reader, target),
        }
    }
}

/// The end of the functions that follow: the reply, or the general way.
#[inline(always)]
unsafe fn hand_over(
    reader: *mut Reader,
    target: *mut *mut c_void,
    reply: Option<NonNull<c_void>>,
) -> c_int {
    let Some(reply) = reply else {
        // SAFETY: as in `take_reply`.
        return unsafe { any(reader, target) };
    };
    // SAFETY: the target may be written.
    unsafe { *target = reply.as_ptr() };
    REDIS_OK
}

#[inline(never)]
unsafe fn bulk(reader: *mut Reader, target: *mut *mut c_void, rest: &[u8], kept: Kept) -> c_int {
    // SAFETY: as in `take_reply`; nothing else sees a reply being built.
    unsafe {
        if !makes_strings((*reader).c.r#fn) {
            return any(reader, target);
        }
        let reply = parse_small_bulk(rest)
            .and_then(|(text, len)| string::<32>(&mut *reader, Kind::BulkString, text, len, kept));
        match reply {
            None => larger_bulk(reader, target, rest, kept),
            reply => hand_over(reader, target, reply),
        }
    }
}

#[inline(never)]
unsafe fn larger_bulk(
    reader: *mut Reader,
    target: *mut *mut c_void,
    rest: &[u8],
    kept: Kept,
) -> c_int {
    // SAFETY: as in `bulk`.
    unsafe {
        let parsed = parse_medium_bulk(rest).or_else(|| parse_common_bulk(rest));
        let Some((text, len)) = parsed else {
            return hand_over(reader, target, null(&mut *reader, rest, kept));
        };
        match string::<MAX_COPIED>(&mut *reader, Kind::BulkString, text, len, kept) {
            None => new_blocks(reader, target, text, len, kept),
            reply => hand_over(reader, target, reply),
        }
    }
}

/// A string that no kept blocks are for: too long, or none are left.
#[inline(never)]
unsafe fn new_blocks(
    reader: *mut Reader,
    target: *mut *mut c_void,
    text: &[u8],
    len: usize,
    kept: Kept,
) -> c_int {
    let reply = new_string(&Heap::from(kept), REDIS_REPLY_STRING, text);
    // SAFETY: as in `bulk`; allocating has not changed the buffer.
    unsafe {
        let Some(reply) = reply else {
            return any(reader, target);
        };
        let pos = (*reader).c.pos + len + 1;
        *target = taken(&mut *reader, reply, Kind::BulkString, pos).as_ptr();
        drop_consumed(reader);
    }
    REDIS_OK
}

#[inline(never)]
unsafe fn status(reader: *mut Reader, target: *mut *mut c_void, rest: &[u8], kept: Kept) -> c_int {
    // SAFETY: as in `bulk`.
    unsafe {
        if !makes_strings((*reader).c.r#fn) {
            return any(reader, target);
        }
        let reply = parse_common_status(rest).and_then(|(text, len)| {
            string::<32>(&mut *reader, Kind::SimpleString, text, len, kept)
        });
        hand_over(reader, target, reply)
    }
}

#[inline(never)]
unsafe fn integer(reader: *mut Reader, target: *mut *mut c_void, rest: &[u8], kept: Kept) -> c_int {
    // SAFETY: as in `bulk`.
    unsafe {
        match parse_small_integer(rest) {
            Some((value, len)) => {
                let reply = number(&mut *reader, value, len, kept);
                hand_over(reader, target, reply)
            }
            None => large_integer(reader, target, rest, kept),
        }
    }
}

#[inline(never)]
unsafe fn large_integer(
    reader: *mut Reader,
    target: *mut *mut c_void,
    rest: &[u8],
    kept: Kept,
) -> c_int {
    // SAFETY: as in `bulk`.
    unsafe {
        let reply = parse_large_integer(rest)
            .and_then(|(value, len)| number(&mut *reader, value, len, kept));
        hand_over(reader, target, reply)
    }
}

#[inline(always)]
fn null(reader: &mut Reader, rest: &[u8], kept: Kept) -> Option<NonNull<c_void>> {
    if !rest.starts_with(NULL_BULK) || !makes_nulls(reader.c.r#fn) {
        return None;
    }
    let pos = behind(reader, NULL_BULK.len())?;
    let reply = new_reply(kept, Kind::Null)?;
    Some(taken(reader, reply, Kind::Null, pos))
}

#[inline(always)]
fn empty(reader: &mut Reader, kind: Kind, len: usize, kept: Kept) -> Option<NonNull<c_void>> {
    if !makes_default_objects(reader.c.r#fn) {
        return None;
    }
    let pos = behind(reader, len)?;
    let reply = new_reply(kept, kind)?;
    Some(taken(reader, reply, kind, pos))
}

#[inline(always)]
fn number(reader: &mut Reader, value: i64, len: usize, kept: Kept) -> Option<NonNull<c_void>> {
    if !makes_integers(reader.c.r#fn) {
        return None;
    }
    let pos = behind(reader, len)?;
    let reply = new_reply(kept, Kind::Integer)?;
    // SAFETY: the object is new.
    unsafe { (*reply.as_ptr()).integer = value };
    Some(taken(reader, reply, Kind::Integer, pos))
}

#[inline(always)]
fn string<const MAX: usize>(
    reader: &mut Reader,
    kind: Kind,
    text: &[u8],
    len: usize,
    kept: Kept,
) -> Option<NonNull<c_void>> {
    if text.len() > MAX {
        return None;
    }
    let pos = behind(reader, len)?;
    let reply = new_reply(kept, kind)?;
    // SAFETY: the object and the string are new.
    unsafe {
        let Some(str) = kept.take(text.len() + 1) else {
            kept.put_back(reply.cast(), size_of::<redisReply>());
            return None;
        };
        fill_string(reply, str.cast(), text);
    }
    Some(taken(reader, reply, kind, pos))
}

#[inline(always)]
fn new_reply(kept: Kept, kind: Kind) -> Option<NonNull<redisReply>> {
    let reply = kept.take(size_of::<redisReply>())?.cast::<redisReply>();
    // SAFETY: the block is large enough, and zeroes are a value of every field.
    unsafe {
        reply.write_bytes(0, 1);
        (*reply.as_ptr()).r#type = kind as c_int;
    }
    Some(reply)
}

/// The position behind an item of `len` bytes and its type byte; `None` where consumed bytes are then
/// to be dropped, which is not done here.
#[inline(always)]
fn behind(reader: &Reader, len: usize) -> Option<usize> {
    let pos = reader.c.pos + len + 1;
    (!is_consumed(pos, reader.c.len)).then_some(pos)
}

#[inline(always)]
fn taken(
    reader: &mut Reader,
    reply: NonNull<redisReply>,
    kind: Kind,
    pos: usize,
) -> NonNull<c_void> {
    reader.c.pos = pos;
    reader.c.ridx = -1;
    reader.root = kind as c_int;
    reply.cast()
}
