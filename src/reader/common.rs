//! The items that replies are mostly made of, found and made in few steps: short strings, numbers
//! and nulls that are all there.
#![forbid(unsafe_code)]

use super::reply::{new_double, new_integer, new_reply, new_string};
use crate::alloc::Heap;
use crate::layout::{
    REDIS_REPLY_INTEGER, REDIS_REPLY_NIL, REDIS_REPLY_STATUS, REDIS_REPLY_STRING, redisReply,
};
use crate::resp::{
    NULL_BULK, parse_common_bulk, parse_common_double, parse_common_integer, parse_common_status,
};
use core::ptr::NonNull;

/// The reply that begins `bytes`, out of memory if it is `None`, and how many of them it takes. On
/// the whole `None` says nothing.
#[inline(always)]
pub(super) fn take_common(
    heap: &Heap,
    bytes: &[u8],
) -> Option<(Option<NonNull<redisReply>>, usize)> {
    let (&byte, rest) = bytes.split_first()?;
    let (reply, len) = match byte {
        b'$' => match parse_common_bulk(rest) {
            Some((text, len)) => (new_string(heap, REDIS_REPLY_STRING, text), len),
            None if rest.starts_with(NULL_BULK) => {
                (new_reply(heap, REDIS_REPLY_NIL), NULL_BULK.len())
            }
            None => return None,
        },
        b':' => {
            let (value, len) = parse_common_integer(rest)?;
            (new_integer(heap, REDIS_REPLY_INTEGER, value), len)
        }
        b'+' => {
            let (text, len) = parse_common_status(rest)?;
            (new_string(heap, REDIS_REPLY_STATUS, text), len)
        }
        b',' => {
            let (value, text) = parse_common_double(rest)?;
            (new_double(heap, value, text), text.len() + 2)
        }
        _ => return None,
    };
    Some((reply, len + 1))
}
