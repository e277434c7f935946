//! How an sds gets its block, grows, shrinks and loses its beginning.

use super::Sds;
use super::header::{Type, begin, block, capacity, len, offset, rebase, set_capacity, set_len};
use crate::alloc;
use core::ptr::null_mut;

/// From here on `sdsMakeRoomFor` adds this much instead of doubling.
const MAX_PREALLOC: usize = 1024 * 1024;
/// Remainders of at least this size are rebased by `consume`; moving smaller ones is cheaper than
/// the room that rebasing loses.
const MIN_REBASED: usize = 16 * 1024;

/// An empty string with room for `capacity` bytes, or NULL.
pub(super) fn with_capacity(kind: Type, capacity: usize) -> Sds {
    let Some(size) = kind.block_size(capacity) else {
        return null_mut();
    };
    let block = alloc::allocate(size);
    if block.is_null() {
        return null_mut();
    }
    // SAFETY: the block is fresh and of the size that `begin` wants.
    unsafe { begin(block, kind, capacity) }
}

/// Frees `s`, which may be NULL.
///
/// # Safety
/// `s` is NULL or an sds, not used afterwards.
pub(crate) unsafe fn free(s: Sds) {
    if !s.is_null() {
        // SAFETY: every sds lives in a block of the allocator table.
        unsafe { alloc::release(block(s)) }
    }
}

/// Free room behind the text.
///
/// # Safety
/// `s` is an sds.
pub(crate) unsafe fn available(s: Sds) -> usize {
    // SAFETY: the caller's promise; a program may have set a length beyond `alloc`.
    unsafe { capacity(s).saturating_sub(len(s)) }
}

/// Size of the whole block: header, text, room, NUL, and what a rebased string left behind.
///
/// # Safety
/// `s` is an sds.
pub(crate) unsafe fn block_size(s: Sds) -> usize {
    // SAFETY: the caller's promise.
    unsafe { Type::of(s).header_size() + offset(s) + capacity(s) + 1 }
}

/// Address of the whole block.
///
/// # Safety
/// `s` is an sds.
pub(crate) unsafe fn block_start(s: Sds) -> *mut libc::c_void {
    // SAFETY: the caller's promise.
    unsafe { block(s) }
}

/// `sdsMakeRoomFor`: room for `additional` more bytes by the growth rule that programs can observe.
/// NULL, with `s` intact, where memory does not suffice.
///
/// # Safety
/// `s` is NULL, which gives NULL, or an sds, which is replaced by the result.
pub(crate) unsafe fn make_room(s: Sds, additional: usize) -> Sds {
    let preallocate = |need: usize| match need {
        0..MAX_PREALLOC => need * 2,
        _ => need.saturating_add(MAX_PREALLOC),
    };
    // SAFETY: the caller's promise.
    unsafe { grow(s, additional, preallocate) }
}

/// As `make_room`, but from 1 MiB on what is needed, and at least double: for our own buffers, which
/// so stay linear however the allocator moves blocks. Below that the blocks are those that the C
/// library asks for, since what they cost, where the heap's end comes and goes, is glibc's choice.
///
/// # Safety
/// As `make_room`.
pub(crate) unsafe fn reserve(s: Sds, additional: usize) -> Sds {
    // SAFETY: the caller's promise.
    unsafe {
        grow(s, additional, |need| match need {
            0..MAX_PREALLOC => need * 2,
            _ => need.max((offset(s) + capacity(s)).saturating_mul(2)),
        })
    }
}

/// # Safety
/// As `make_room`.
unsafe fn grow(s: Sds, additional: usize, preallocate: impl Fn(usize) -> usize) -> Sds {
    if s.is_null() {
        return s;
    }
    // SAFETY: `s` is an sds; where it is moved to its block's front, the block has the room.
    unsafe {
        if available(s) >= additional {
            return s;
        }
        let Some(need) = len(s).checked_add(additional) else {
            return null_mut();
        };
        // Moving pays only when it moves no more than was consumed: so each byte is moved once.
        if offset(s) >= len(s) && offset(s) + capacity(s) >= need {
            return to_front(s, 0);
        }
        let capacity = preallocate(need);
        let kind = match Type::for_len(capacity) {
            Type::Bits5 => Type::Bits8,
            kind => kind,
        };
        resize(s, kind, capacity)
    }
}

/// `sdsRemoveFreeSpace`: shrinks the block to the text. NULL, with `s` intact, without memory.
///
/// # Safety
/// `s` is NULL, which gives NULL, or an sds, which is replaced by the result.
pub(crate) unsafe fn remove_room(s: Sds) -> Sds {
    if s.is_null() {
        return s;
    }
    // SAFETY: the caller's promise.
    unsafe { resize(s, Type::for_len(len(s)), len(s)) }
}

/// Gives `s` a block of another size, or NULL with `s` intact. A rebased string moves to a fresh
/// one: its own could not be restored if moving it to the front were followed by a failure.
///
/// # Safety
/// `s` is an sds of at most `capacity` bytes; it is replaced by the result.
unsafe fn resize(s: Sds, kind: Type, capacity: usize) -> Sds {
    // SAFETY: both blocks have room for the text and its NUL.
    unsafe {
        if kind == Type::of(s) && offset(s) == 0 {
            let Some(size) = kind.block_size(capacity) else {
                return null_mut();
            };
            let block = alloc::reallocate(block(s), size);
            if block.is_null() {
                return null_mut();
            }
            let s = block.cast::<libc::c_char>().add(kind.header_size());
            set_capacity(s, capacity);
            return s;
        }
        let fresh = with_capacity(kind, capacity);
        if !fresh.is_null() {
            fresh.copy_from_nonoverlapping(s, len(s));
            set_len(fresh, len(s));
            free(s);
        }
        fresh
    }
}

/// Drops the first `n` bytes, or all if there are fewer: a large remainder stays where it is, under
/// a header of its own, a small one moves to the front of the block.
///
/// # Safety
/// `s` is an sds, replaced by the result.
pub(crate) unsafe fn consume(s: Sds, n: usize) -> Sds {
    // SAFETY: no more than the text is dropped, and a text of 16 KiB has no type 5 header.
    unsafe {
        let n = n.min(len(s));
        if n == 0 {
            s
        } else if len(s) - n >= MIN_REBASED {
            rebase(s, n)
        } else {
            to_front(s, n)
        }
    }
}

/// Moves the text behind its first `n` bytes to the front of the block, which makes `s` a plain
/// string again.
///
/// # Safety
/// `s` is an sds of at least `n` bytes, replaced by the result.
unsafe fn to_front(s: Sds, n: usize) -> Sds {
    // SAFETY: the text moves within the block. Where `s` is rebased, the header at the block's front
    // and the NUL that `begin` writes behind it lie before the text, which they leave intact.
    unsafe {
        let (text, left, offset) = (s.add(n), len(s) - n, offset(s));
        let front = match offset {
            0 => s,
            _ => begin(block(s), Type::of(s), offset + capacity(s)),
        };
        front.copy_from(text, left);
        set_len(front, left);
        front
    }
}
