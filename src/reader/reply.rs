//! `redisReply` objects: making their parts, and freeing trees of them.

use crate::alloc::Heap;
use crate::layout::{
    REDIS_REPLY_ARRAY, REDIS_REPLY_ATTR, REDIS_REPLY_BIGNUM, REDIS_REPLY_DOUBLE, REDIS_REPLY_ERROR,
    REDIS_REPLY_MAP, REDIS_REPLY_PUSH, REDIS_REPLY_SET, REDIS_REPLY_STATUS, REDIS_REPLY_STRING,
    REDIS_REPLY_VERB, redisReply,
};
use core::ptr::{NonNull, null_mut};
use libc::{c_char, c_int, c_void};

/// A zeroed reply of the given type.
#[inline]
pub(super) fn new_reply(heap: &Heap, kind: c_int) -> Option<NonNull<redisReply>> {
    let reply = heap.zeroed::<redisReply>()?;
    // SAFETY: the object is new, and zeroes are a value of every field.
    unsafe { (*reply.as_ptr()).r#type = kind };
    Some(reply)
}

/// A reply of the given type that holds a copy of `text`. A verbatim string's text begins with its
/// format and a colon, which go to `vtype`.
#[inline]
pub(super) fn new_text_reply(heap: &Heap, kind: c_int, text: &[u8]) -> Option<NonNull<redisReply>> {
    let reply = new_reply(heap, kind)?;
    let content = match text {
        [a, b, c, b':', content @ ..] if kind == REDIS_REPLY_VERB => {
            // SAFETY: the object is new; its fourth byte of `vtype` stays NUL.
            let vtype = unsafe { &mut (*reply.as_ptr()).vtype };
            *vtype = [*a as c_char, *b as c_char, *c as c_char, 0];
            content
        }
        text => text,
    };
    let str = copy_text(heap, content);
    if str.is_null() {
        // SAFETY: the object is new and reached by nothing else.
        unsafe { heap.release(reply.as_ptr()) };
        return None;
    }
    // SAFETY: the object is new and takes the string over.
    unsafe {
        (*reply.as_ptr()).str = str;
        (*reply.as_ptr()).len = content.len();
    }
    Some(reply)
}

/// A NUL-terminated copy of `text`, or NULL.
#[inline]
fn copy_text(heap: &Heap, text: &[u8]) -> *mut c_char {
    let str = heap.allocate(text.len() + 1).cast::<u8>();
    if !str.is_null() {
        // SAFETY: the block has room for the text and its NUL.
        unsafe {
            str.copy_from_nonoverlapping(text.as_ptr(), text.len());
            *str.add(text.len()) = 0;
        }
    }
    str.cast()
}

/// `freeReplyObject`: frees a tree of replies, whoever assembled it. Takes no stack and no memory
/// of its own for nesting: the objects about to go hold the way back.
///
/// # Safety
/// `reply` is NULL or a live object that is not used afterwards; each block of the tree came from
/// the allocation functions now in force and is reached once.
pub(crate) unsafe fn free_reply(reply: *mut c_void) {
    let heap = Heap::current();
    let mut current: *mut redisReply = reply.cast();
    if current.is_null() {
        return;
    }
    // SAFETY: each object is read while still live. An aggregate's `str` and `len` are never freed
    // or read as such, so that they can hold its parent and the next element's index.
    unsafe {
        if !has_elements(current) {
            free_leaf(&heap, current);
            return;
        }
        (*current).str = null_mut();
        let mut next = 0;
        loop {
            let element = (*current).element;
            let child = free_leaves(&heap, element, &mut next, (*current).elements);
            if child.is_null() {
                let parent = (*current).str.cast::<redisReply>();
                heap.release(element);
                heap.release(current);
                if parent.is_null() {
                    return;
                }
                current = parent;
                next = (*current).len;
            } else {
                (*current).len = next;
                (*child).str = current.cast();
                current = child;
                next = 0;
            }
        }
    }
}

/// Frees elements from index `next` on, up to the first that has elements itself and is returned;
/// NULL when none is left.
unsafe fn free_leaves(
    heap: &Heap,
    element: *mut *mut redisReply,
    next: &mut usize,
    count: usize,
) -> *mut redisReply {
    // SAFETY: the caller's vector holds `count` pointers, each NULL or a live object.
    unsafe {
        while *next < count {
            let child = *element.add(*next);
            *next += 1;
            if child.is_null() {
                continue;
            }
            if has_elements(child) {
                return child;
            }
            free_leaf(heap, child);
        }
    }
    null_mut()
}

/// Whether an object is an aggregate with an element vector.
unsafe fn has_elements(reply: *const redisReply) -> bool {
    // SAFETY: the caller's object is live.
    unsafe { is_aggregate((*reply).r#type) && !(*reply).element.is_null() }
}

/// Frees an object that holds no others.
unsafe fn free_leaf(heap: &Heap, reply: *mut redisReply) {
    // SAFETY: the caller gives up a live object; text types own `str`.
    unsafe {
        if has_text((*reply).r#type) {
            heap.release((*reply).str);
        }
        heap.release(reply);
    }
}

fn is_aggregate(kind: c_int) -> bool {
    matches!(
        kind,
        REDIS_REPLY_ARRAY | REDIS_REPLY_MAP | REDIS_REPLY_SET | REDIS_REPLY_ATTR | REDIS_REPLY_PUSH
    )
}

fn has_text(kind: c_int) -> bool {
    matches!(
        kind,
        REDIS_REPLY_STRING
            | REDIS_REPLY_STATUS
            | REDIS_REPLY_ERROR
            | REDIS_REPLY_DOUBLE
            | REDIS_REPLY_VERB
            | REDIS_REPLY_BIGNUM
    )
}
