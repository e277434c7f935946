//! `redisReply` objects: making their parts, and freeing trees of them.

use crate::alloc::{self, Heap, Kept, Release};
use crate::layout::{
    REDIS_REPLY_ARRAY, REDIS_REPLY_ATTR, REDIS_REPLY_BIGNUM, REDIS_REPLY_DOUBLE, REDIS_REPLY_ERROR,
    REDIS_REPLY_MAP, REDIS_REPLY_PUSH, REDIS_REPLY_SET, REDIS_REPLY_STATUS, REDIS_REPLY_STRING,
    REDIS_REPLY_VERB, redisReply,
};
use core::ptr::{NonNull, null_mut};
use libc::{c_char, c_int, c_void};

/// A zeroed reply of the given type.
#[inline(always)]
pub(super) fn new_reply(heap: &Heap, kind: c_int) -> Option<NonNull<redisReply>> {
    let reply = heap.zeroed::<redisReply>()?;
    // SAFETY: the object is new, and zeroes are a value of every field.
    unsafe { (*reply.as_ptr()).r#type = kind };
    Some(reply)
}

/// A reply of the given type that is a number.
#[inline(always)]
pub(super) fn new_integer(heap: &Heap, kind: c_int, value: i64) -> Option<NonNull<redisReply>> {
    let reply = new_reply(heap, kind)?;
    // SAFETY: the object is new.
    unsafe { (*reply.as_ptr()).integer = value };
    Some(reply)
}

/// A double and its text.
pub(super) fn new_double(heap: &Heap, value: f64, text: &[u8]) -> Option<NonNull<redisReply>> {
    let reply = new_string(heap, REDIS_REPLY_DOUBLE, text)?;
    // SAFETY: the object is new.
    unsafe { (*reply.as_ptr()).dval = value };
    Some(reply)
}

/// A verbatim string. `text` begins with its format and a colon, which go to `vtype`.
pub(super) fn new_verbatim(heap: &Heap, text: &[u8]) -> Option<NonNull<redisReply>> {
    let (format, content) = match text {
        [a, b, c, b':', content @ ..] => ([*a as c_char, *b as c_char, *c as c_char, 0], content),
        text => ([0; 4], text),
    };
    let reply = new_string(heap, REDIS_REPLY_VERB, content)?;
    // SAFETY: the object is new.
    unsafe { (*reply.as_ptr()).vtype = format };
    Some(reply)
}

/// A reply of the given type whose `str` is a copy of `text`, with a NUL behind it.
#[inline(always)]
pub(super) fn new_string(heap: &Heap, kind: c_int, text: &[u8]) -> Option<NonNull<redisReply>> {
    let reply = new_reply(heap, kind)?;
    let Some(str) = NonNull::new(heap.allocate(text.len() + 1)) else {
        // SAFETY: the object is new and reached by nothing else.
        unsafe { heap.release(reply.as_ptr()) };
        return None;
    };
    // SAFETY: both blocks are new.
    unsafe { fill_string(reply, str.cast(), text) };
    Some(reply)
}

/// Makes `str` a copy of `text`, with a NUL behind it, and the reply's own.
///
/// # Safety
/// `reply` has no string yet, and the block at `str` one byte more than `text`.
#[inline(always)]
pub(super) unsafe fn fill_string(reply: NonNull<redisReply>, str: NonNull<u8>, text: &[u8]) {
    // SAFETY: the caller's promise.
    unsafe {
        alloc::copy(text, str.as_ptr());
        *str.as_ptr().add(text.len()) = 0;
        (*reply.as_ptr()).str = str.as_ptr().cast();
        (*reply.as_ptr()).len = text.len();
    }
}

/// `freeReplyObject`: frees a tree of replies, whoever assembled it. Takes no stack and no memory
/// of its own for nesting: the objects about to go hold the way back.
///
/// # Safety
/// `reply` is NULL or a live object that is not used afterwards; each block of the tree came from
/// the allocation functions now in force and is reached once.
#[inline(always)]
pub(crate) unsafe fn free_reply(reply: *mut c_void) {
    let reply: *mut redisReply = reply.cast();
    if reply.is_null() {
        return;
    }
    // SAFETY: the caller gives the tree up.
    unsafe {
        match Kept::current() {
            Some(kept) if has_elements(reply) => free_tree(kept, reply),
            Some(kept) if has_text(reply) => free_text(kept, reply),
            Some(kept) => free_plain(kept, reply),
            None => free_without_lists(reply),
        }
    }
}

// Functions of their own, so that telling which one it is takes no saved registers.

#[inline(never)]
unsafe fn free_text(kept: Kept, reply: *mut redisReply) {
    // SAFETY: as in `free_reply`.
    unsafe {
        kept.release((*reply).str);
        kept.release(reply);
    }
}

#[inline(never)]
unsafe fn free_plain(kept: Kept, reply: *mut redisReply) {
    // SAFETY: as in `free_reply`.
    unsafe { kept.release(reply) }
}

#[inline(never)]
unsafe fn free_without_lists(reply: *mut redisReply) {
    let heap = Heap::to_free_with();
    // SAFETY: as in `free_reply`.
    unsafe {
        if has_elements(reply) {
            free_tree(heap, reply);
        } else {
            free_leaf(heap, reply);
        }
    }
}

/// Frees an aggregate with elements, and all that it holds.
#[inline(never)]
unsafe fn free_tree(heap: impl Release, root: *mut redisReply) {
    let mut current = root;
    // SAFETY: each object is read while still live. An aggregate's `str` and `len` are never freed
    // or read as such, so that they can hold its parent and the next element's index.
    unsafe {
        (*current).str = null_mut();
        let mut next = 0;
        loop {
            let element = (*current).element;
            let child = free_leaves(heap, element, &mut next, (*current).elements);
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
#[inline(always)]
unsafe fn free_leaves(
    heap: impl Release,
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
#[inline(always)]
unsafe fn has_elements(reply: *const redisReply) -> bool {
    // SAFETY: the caller's object is live.
    unsafe { is_in((*reply).r#type, AGGREGATES) && !(*reply).element.is_null() }
}

/// Whether an object is of a type with a string, and has one.
#[inline(always)]
unsafe fn has_text(reply: *const redisReply) -> bool {
    // SAFETY: the caller's object is live.
    unsafe { is_in((*reply).r#type, WITH_TEXT) && !(*reply).str.is_null() }
}

/// Frees an object that holds no others.
#[inline(always)]
unsafe fn free_leaf(heap: impl Release, reply: *mut redisReply) {
    // SAFETY: the caller gives up a live object; text types own `str`.
    unsafe {
        if has_text(reply) {
            heap.release((*reply).str);
        }
        heap.release(reply);
    }
}

/// The types of aggregates, as bits.
const AGGREGATES: u32 = 1 << REDIS_REPLY_ARRAY
    | 1 << REDIS_REPLY_MAP
    | 1 << REDIS_REPLY_SET
    | 1 << REDIS_REPLY_ATTR
    | 1 << REDIS_REPLY_PUSH;

/// The types that own `str`.
const WITH_TEXT: u32 = 1 << REDIS_REPLY_STRING
    | 1 << REDIS_REPLY_STATUS
    | 1 << REDIS_REPLY_ERROR
    | 1 << REDIS_REPLY_DOUBLE
    | 1 << REDIS_REPLY_VERB
    | 1 << REDIS_REPLY_BIGNUM;

/// Whether a type, which a program may have made up, is in a set.
#[inline(always)]
fn is_in(kind: c_int, set: u32) -> bool {
    1u32.checked_shl(kind as u32)
        .is_some_and(|bit| set & bit != 0)
}
