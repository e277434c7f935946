//! Dynamic strings with their header before the text, as `sds.h` defines them: what the public
//! functions do, and the buffers that programs may inspect (`obuf`, the reader's `buf`).
//!
//! Only `header` computes addresses. Functions that need memory return NULL without it and leave
//! the string they were given as it was.

mod edit;
mod header;
mod print;
mod room;
mod split;
#[cfg(test)]
mod tests;

pub(crate) use edit::{compare, copy, grow_zero, increase_len, map, range, trim};
pub(crate) use header::{append_in_room, capacity, len, set_len};
pub(crate) use print::{Decimal, cat_format, cat_printed, cat_repr};
pub(crate) use room::{
    available, block_size, block_start, consume, free, make_room, remove_room, reserve,
};
pub(crate) use split::{free_tokens, hex_digit, join, split, split_arguments};

use crate::alloc;
use core::slice;
use header::Type;
use libc::c_char;

/// A string as C sees it: the address of its text, NUL-terminated.
pub(crate) type Sds = *mut c_char;

/// An empty string, or NULL.
pub(crate) fn empty() -> Sds {
    room::with_capacity(Type::Bits8, 0)
}

/// A copy of `len` bytes, or as many zeros where `init` is NULL; NULL without memory.
///
/// # Safety
/// `init` is NULL or valid for reading `len` bytes.
pub(crate) unsafe fn new_len(init: *const c_char, len: usize) -> Sds {
    let kind = match len {
        // Empty strings are there to be appended to, which type 5 does not allow.
        0 => Type::Bits8,
        _ => Type::for_len(len),
    };
    let s = room::with_capacity(kind, len);
    if s.is_null() {
        return s;
    }
    // SAFETY: the fresh string has room for `len` bytes; the caller vouches for `init`.
    unsafe {
        if init.is_null() {
            s.write_bytes(0, len);
        } else {
            alloc::copy(slice::from_raw_parts(init.cast(), len), s.cast());
        }
        set_len(s, len);
    }
    s
}

/// The text.
///
/// # Safety
/// `s` is an sds that is neither changed nor freed while the result is in use.
pub(crate) unsafe fn bytes<'a>(s: Sds) -> &'a [u8] {
    // SAFETY: `len` bytes of text stand at `s`.
    unsafe { slice::from_raw_parts(s.cast(), len(s)) }
}

/// As `bytes`, to be changed in place.
///
/// # Safety
/// As `bytes`, and nothing else refers to the text.
pub(crate) unsafe fn bytes_mut<'a>(s: Sds) -> &'a mut [u8] {
    // SAFETY: `len` bytes of text stand at `s`.
    unsafe { slice::from_raw_parts_mut(s.cast(), len(s)) }
}

/// Appends to one of our own buffers, growing as `reserve` does.
///
/// # Safety
/// `s` is NULL, which gives NULL, or an sds, which is replaced by the result; `bytes` lies outside
/// it.
pub(crate) unsafe fn append(s: Sds, bytes: &[u8]) -> Sds {
    // SAFETY: `reserve` makes the room.
    unsafe { write_behind(reserve(s, bytes.len()), bytes) }
}

/// `sdscatlen`: appends, growing by the public rule.
///
/// # Safety
/// As `append`.
pub(crate) unsafe fn cat(s: Sds, bytes: &[u8]) -> Sds {
    // SAFETY: `make_room` makes the room.
    unsafe { write_behind(make_room(s, bytes.len()), bytes) }
}

/// Appends to a string under construction, which is freed where memory does not suffice.
///
/// # Safety
/// As `append`.
unsafe fn add(s: Sds, bytes: &[u8]) -> Sds {
    // SAFETY: `cat` leaves `s` intact where it returns NULL.
    unsafe {
        let longer = cat(s, bytes);
        if longer.is_null() {
            free(s);
        }
        longer
    }
}

/// # Safety
/// `s` is NULL or an sds with room for `bytes`.
unsafe fn write_behind(s: Sds, bytes: &[u8]) -> Sds {
    if !s.is_null() {
        // SAFETY: the caller says that there is room.
        unsafe {
            let len = len(s);
            s.add(len).copy_from(bytes.as_ptr().cast(), bytes.len());
            set_len(s, len + bytes.len());
        }
    }
    s
}
