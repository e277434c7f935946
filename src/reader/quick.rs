//! The shortest way to a reply: a small string, status, integer or null, all there, made of blocks
//! that the thread has kept. Nothing can fail on it, and nothing is called, so that the compiler
//! saves no registers; each type has a function of its own for the same reason. Whatever is not as
//! expected is left to the general way, which starts anew.

use super::buffer::is_consumed;
use super::default_table::{makes_integers, makes_nulls, makes_strings};
use super::reply::fill_string;
use super::{Progress, Reader, unread};
use crate::alloc::{Kept, MAX_COPIED};
use crate::layout::redisReply;
use crate::resp::{
    Kind, NULL_BULK, parse_common_bulk, parse_common_integer, parse_common_status, parse_small_bulk,
};
use core::ptr::NonNull;
use libc::{c_int, c_void};

/// The next reply, where it can be had this way. `None` says nothing: ask `get_reply`.
///
/// # Safety
/// `reader` is live.
#[inline(always)]
pub(crate) unsafe fn take_quickly(reader: *mut Reader) -> Option<NonNull<c_void>> {
    // SAFETY: the reader is live, and nothing else sees a reply being built. Without an error it
    // has a buffer.
    unsafe {
        let reader = &mut *reader;
        if reader.c.err != 0 || reader.progress != Progress::Idle {
            return None;
        }
        match unread(reader) {
            [b'$', rest @ ..] => {
                let kept = Kept::current()?;
                match parse_small_bulk(rest) {
                    Some((text, len)) => string::<32>(reader, kept, Kind::BulkString, text, len),
                    None => bulk(reader, kept, rest),
                }
            }
            [b'+', rest @ ..] => status(reader, rest),
            [b':', rest @ ..] => integer(reader, rest),
            _ => None,
        }
    }
}

#[inline(never)]
fn bulk(reader: &mut Reader, kept: Kept, rest: &[u8]) -> Option<NonNull<c_void>> {
    if rest.starts_with(NULL_BULK) && makes_nulls(reader.c.r#fn) {
        let pos = behind(reader, NULL_BULK.len())?;
        return Some(taken(reader, new_reply(kept, Kind::Null)?, Kind::Null, pos));
    }
    let (text, len) = parse_common_bulk(rest)?;
    string::<MAX_COPIED>(reader, kept, Kind::BulkString, text, len)
}

#[inline(never)]
fn status(reader: &mut Reader, rest: &[u8]) -> Option<NonNull<c_void>> {
    let kept = Kept::current()?;
    let (text, len) = parse_common_status(rest)?;
    string::<32>(reader, kept, Kind::SimpleString, text, len)
}

#[inline(never)]
fn integer(reader: &mut Reader, rest: &[u8]) -> Option<NonNull<c_void>> {
    let kept = Kept::current()?;
    let (value, len) = parse_common_integer(rest)?;
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
    kept: Kept,
    kind: Kind,
    text: &[u8],
    len: usize,
) -> Option<NonNull<c_void>> {
    if text.len() > MAX || !makes_strings(reader.c.r#fn) {
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
