//! What a reply says of itself, read from the object that the reader has made of it.

use super::pending::{Event, Reply, is_pubsub_word};
use super::{AsyncContext, inner};
use crate::context::reader;
use crate::layout::redisReply;
use crate::layout::{REDIS_REPLY_ERROR, REDIS_REPLY_INTEGER, REDIS_REPLY_STRING, redisReadTask};
use crate::reader as parser;
use crate::resp::Kind;
use core::ptr::{NonNull, null_mut};
use libc::c_void;

/// What is known of a reply of this type.
///
/// # Safety
/// `ac` is live; the reply is its reader's last, and is not freed while the result is in use.
#[inline]
pub(super) unsafe fn describe<'a>(
    ac: *mut AsyncContext,
    kind: Option<Kind>,
    reply: NonNull<c_void>,
) -> Reply<'a> {
    // SAFETY: the caller's promises.
    unsafe {
        let reader = reader(inner(ac));
        let mut description = Reply {
            kind,
            readable: false,
            text: None,
            elements: 0,
            event: None,
        };
        if !kind.is_some_and(Kind::is_aggregate) {
            description.readable = parser::makes_replies(reader);
            description.text = text_of(ac, reply);
        } else if let Some(aggregate) = parser::as_aggregate(reader, reply) {
            description.readable = true;
            description.elements = aggregate.elements;
            let word =
                text(aggregate, 0).filter(|word| kind != Some(Kind::Push) || is_pubsub_word(word));
            description.event =
                word.map(|word| Event::new(word, text(aggregate, 1), || number(aggregate, 2)));
        }
        description
    }
}

/// The channel of a reply that is a message to one: `message`, its name, and the message.
///
/// # Safety
/// As `describe`.
#[inline]
pub(super) unsafe fn channel_of_message<'a>(
    ac: *mut AsyncContext,
    reply: NonNull<c_void>,
) -> Option<&'a [u8]> {
    // SAFETY: the caller's promises.
    unsafe {
        let aggregate = parser::as_aggregate(reader(inner(ac)), reply)?;
        let is_message = aggregate.elements == 3 && text(aggregate, 0) == Some(b"message");
        is_message.then(|| text(aggregate, 1)).flatten()
    }
}

/// The text of a status or an error, if the reader makes `redisReply` objects.
///
/// # Safety
/// As `describe`.
pub(super) unsafe fn text_of<'a>(
    ac: *mut AsyncContext,
    reply: NonNull<c_void>,
) -> Option<&'a [u8]> {
    // SAFETY: the caller's promises; a `redisReply` has `len` bytes at `str`, if that is not NULL.
    unsafe {
        let reader = reader(inner(ac));
        let has_text = matches!(
            parser::last_kind(reader),
            Some(Kind::SimpleString | Kind::SimpleError)
        );
        if !has_text || !parser::makes_replies(reader) {
            return None;
        }
        let reply = reply.cast::<redisReply>().as_ref();
        (!reply.str.is_null())
            .then(|| core::slice::from_raw_parts(reply.str.cast::<u8>(), reply.len))
    }
}

/// An element of an aggregate.
unsafe fn element(aggregate: &redisReply, index: usize) -> Option<&redisReply> {
    // SAFETY: the caller's aggregate came from our reader: `elements` pointers stand in `element`.
    unsafe {
        let element = (index < aggregate.elements).then(|| *aggregate.element.add(index))?;
        element.as_ref()
    }
}

/// An element's text, if it is a string.
unsafe fn text(aggregate: &redisReply, index: usize) -> Option<&[u8]> {
    // SAFETY: as in `element`; a string has `len` bytes at `str`.
    unsafe {
        let element = element(aggregate, index)?;
        (element.r#type == REDIS_REPLY_STRING && !element.str.is_null())
            .then(|| core::slice::from_raw_parts(element.str.cast::<u8>(), element.len))
    }
}

/// An element's number, if it is an integer.
unsafe fn number(aggregate: &redisReply, index: usize) -> Option<i64> {
    // SAFETY: as in `element`.
    let element = unsafe { element(aggregate, index) }?;
    (element.r#type == REDIS_REPLY_INTEGER).then_some(element.integer)
}

/// Another object with the text of an error, made by the reader's table; NULL if it makes none.
///
/// # Safety
/// As `describe`.
pub(super) unsafe fn copy_error(ac: *mut AsyncContext, reply: NonNull<c_void>) -> *mut c_void {
    // SAFETY: the caller's promises; the table's functions take such tasks and texts.
    unsafe {
        let Some(text) = text_of(ac, reply) else {
            return null_mut();
        };
        let reader = (*inner(ac)).reader;
        let table = (*reader).r#fn.as_ref();
        let Some(create) = table.and_then(|table| table.createString) else {
            return null_mut();
        };
        let task = redisReadTask {
            r#type: REDIS_REPLY_ERROR,
            elements: -1,
            idx: -1,
            obj: null_mut(),
            parent: null_mut(),
            privdata: (*reader).privdata,
        };
        create(&raw const task, text.as_ptr().cast_mut().cast(), text.len())
    }
}
