//! Changing and comparing text in place.

use super::header::{Type, capacity, len, set_len};
use super::{Sds, available, bytes, bytes_mut, make_room};
use core::cmp::Ordering;
use libc::{c_char, c_int};

/// `sdscpylen`: replaces the text. NULL, with `s` intact, without memory.
///
/// # Safety
/// `s` is NULL, which gives NULL, or an sds, which is replaced by the result; `text` is valid for
/// reading `size` bytes and may lie within `s` only where these need no growth.
pub(crate) unsafe fn copy(s: Sds, text: *const c_char, size: usize) -> Sds {
    if s.is_null() {
        return s;
    }
    // SAFETY: the string has room for `size` bytes before they are written.
    unsafe {
        let s = match size > capacity(s) {
            true => make_room(s, size - len(s).min(size)),
            false => s,
        };
        if !s.is_null() {
            if size > 0 {
                s.copy_from(text, size);
            }
            set_len(s, size);
        }
        s
    }
}

/// `sdsgrowzero`: extends the text to `size` bytes with zeros; a longer one stays as it is.
///
/// # Safety
/// `s` is NULL, which gives NULL, or an sds, which is replaced by the result.
pub(crate) unsafe fn grow_zero(s: Sds, size: usize) -> Sds {
    // SAFETY: the zeros are written into the room made for them.
    unsafe {
        if s.is_null() || size <= len(s) {
            return s;
        }
        let missing = size - len(s);
        let s = make_room(s, missing);
        if !s.is_null() {
            s.add(len(s)).write_bytes(0, missing);
            set_len(s, size);
        }
        s
    }
}

/// `sdsIncrLen`: counts bytes that the program wrote behind the text, or with a negative `change`
/// drops some at its end. A change beyond room or text changes nothing.
///
/// # Safety
/// `s` is an sds; as many bytes as are added have been written behind its text.
pub(crate) unsafe fn increase_len(s: Sds, change: c_int) {
    // SAFETY: the new length is within the room. Type 5 does not record its room: up to its longest
    // length the program is trusted.
    unsafe {
        let room = match Type::of(s) {
            Type::Bits5 => 31 - len(s),
            _ => available(s),
        };
        let bytes = change.unsigned_abs() as usize;
        if change > 0 && bytes <= room {
            set_len(s, len(s) + bytes);
        } else if change < 0 && bytes <= len(s) {
            set_len(s, len(s) - bytes);
        }
    }
}

/// `sdstrim`: removes the bytes of `set`, and NULs, from both ends.
///
/// # Safety
/// `s` is an sds.
pub(crate) unsafe fn trim(s: Sds, set: &[u8]) {
    // SAFETY: what is kept lies within the text.
    unsafe {
        let kept = |byte: &u8| *byte != 0 && !set.contains(byte);
        let text = bytes(s);
        let start = text.iter().position(kept).unwrap_or(text.len());
        let end = text.iter().rposition(kept).map_or(start, |last| last + 1);
        keep(s, start, end - start);
    }
}

/// `sdsrange`: keeps the bytes from `start` to `end`, both included and counted from the end where
/// negative. False for a string too long for such numbers.
///
/// # Safety
/// `s` is an sds.
pub(crate) unsafe fn range(s: Sds, start: isize, end: isize) -> bool {
    // SAFETY: what is kept lies within the text.
    unsafe {
        let Ok(len) = isize::try_from(len(s)) else {
            return false;
        };
        let from_front = |index: isize| match index {
            0.. => index,
            _ => (index + len).max(0),
        };
        let (start, end) = (from_front(start), from_front(end).min(len - 1));
        if start > end {
            set_len(s, 0);
        } else {
            keep(s, start as usize, (end - start) as usize + 1);
        }
        true
    }
}

/// # Safety
/// `s` is an sds of at least `start + size` bytes.
unsafe fn keep(s: Sds, start: usize, size: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        if start > 0 {
            s.copy_from(s.add(start), size);
        }
        set_len(s, size);
    }
}

/// `sdsmapchars`: replaces each byte of `from` by the one at its first place there in `to`.
///
/// # Safety
/// `s` is an sds.
pub(crate) unsafe fn map(s: Sds, from: &[u8], to: &[u8]) {
    // SAFETY: the caller's promise.
    for byte in unsafe { bytes_mut(s) } {
        if let Some((_, new)) = from.iter().zip(to).find(|(old, _)| *old == byte) {
            *byte = *new;
        }
    }
}

/// `sdscmp`: as `memcmp`, then by length.
///
/// # Safety
/// `a` and `b` are sds.
pub(crate) unsafe fn compare(a: Sds, b: Sds) -> Ordering {
    // SAFETY: the caller's promise.
    unsafe { bytes(a).cmp(bytes(b)) }
}
