//! Replies as lists of what is in them.

use hiredis::layout::*;
use std::ffi::{c_int, c_longlong};

/// One item of a reply. An aggregate stands before its elements, so a list of items says all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item {
    Text(c_int, Vec<u8>),
    Verbatim([u8; 3], Vec<u8>),
    Integer(c_longlong),
    /// Its bits, and its text.
    Double(u64, Vec<u8>),
    Nil,
    Bool(bool),
    Aggregate(c_int, usize),
}

/// Appends the items of `reply`, and checks what every reply promises.
///
/// # Safety
/// `reply` is live.
pub unsafe fn items_of(reply: *const redisReply, items: &mut Vec<Item>) {
    // SAFETY: the caller's reply is live, and so are its parts.
    unsafe {
        let reply = &*reply;
        let text = || {
            assert_eq!(*reply.str.add(reply.len), 0, "text ends with NUL");
            std::slice::from_raw_parts(reply.str.cast::<u8>(), reply.len).to_vec()
        };
        items.push(match reply.r#type {
            REDIS_REPLY_INTEGER => Item::Integer(reply.integer),
            REDIS_REPLY_NIL => Item::Nil,
            REDIS_REPLY_BOOL => Item::Bool(reply.integer != 0),
            REDIS_REPLY_DOUBLE => Item::Double(reply.dval.to_bits(), text()),
            REDIS_REPLY_VERB => {
                let [a, b, c, end] = reply.vtype.map(|letter| letter as u8);
                assert_eq!(end, 0, "the content type ends with NUL");
                Item::Verbatim([a, b, c], text())
            }
            REDIS_REPLY_STRING | REDIS_REPLY_STATUS | REDIS_REPLY_ERROR | REDIS_REPLY_BIGNUM => {
                Item::Text(reply.r#type, text())
            }
            kind => {
                assert_eq!(reply.element.is_null(), reply.elements == 0);
                Item::Aggregate(kind, reply.elements)
            }
        });
        for i in 0..reply.elements {
            items_of(*reply.element.add(i), items);
        }
    }
}
