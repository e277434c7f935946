//! The reply that was returned last: what its reader knows of it, and its table can do with it.

use super::Reader;
use super::default_table::{makes_default_aggregates, makes_default_objects};
use crate::layout::{REDIS_REPLY_PUSH, redisReply};
use crate::resp::Kind;
use core::ptr::NonNull;
use libc::c_void;

/// The type on the wire of the reply that `get_reply` returned last, `None` where it was a null.
/// Programs with tables of their own have objects whose `type` means nothing.
///
/// # Safety
/// `reader` is live.
#[inline]
pub(crate) unsafe fn last_kind(reader: *mut Reader) -> Option<Kind> {
    // SAFETY: the reader is live.
    Kind::from_number(unsafe { (*reader).root }).filter(|&kind| kind != Kind::Null)
}

/// The reply that `get_reply` returned last, where it is an aggregate made by the default
/// `createArray`: a `redisReply`, whatever the rest of the table makes.
///
/// # Safety
/// `reader` is live, and `object` is the reply.
pub(crate) unsafe fn as_aggregate<'a>(
    reader: *mut Reader,
    object: NonNull<c_void>,
) -> Option<&'a redisReply> {
    // SAFETY: the caller's promises; an aggregate of the default table is a `redisReply`.
    unsafe {
        let aggregate = last_kind(reader).is_some_and(Kind::is_aggregate);
        (aggregate && makes_default_aggregates((*reader).c.r#fn)).then(|| object.cast().as_ref())
    }
}

/// Whether the reply that `get_reply` returned last is a push that a push callback can take.
///
/// # Safety
/// `reader` is live.
pub(crate) unsafe fn last_is_push(reader: *mut Reader) -> bool {
    // SAFETY: the reader is live.
    unsafe { (*reader).root == REDIS_REPLY_PUSH && makes_default_aggregates((*reader).c.r#fn) }
}

/// Whether every object that the reader's table makes is a `redisReply`.
///
/// # Safety
/// `reader` is live.
pub(crate) unsafe fn makes_replies(reader: *mut Reader) -> bool {
    // SAFETY: the reader is live.
    unsafe { makes_default_objects((*reader).c.r#fn) }
}

/// Gives `object` to the table's `freeObject`, where there is one.
///
/// # Safety
/// `object` came from this reader's table and is not used afterwards.
pub(crate) unsafe fn free_object(reader: *mut Reader, object: *mut c_void) {
    // SAFETY: the reader and its table are live; the caller gives the object up.
    unsafe {
        if let Some(table) = (*reader).c.r#fn.as_ref()
            && let Some(free_object) = table.freeObject
        {
            free_object(object);
        }
    }
}
