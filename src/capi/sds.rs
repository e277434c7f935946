//! `sds.h`: dynamic strings. The inline functions are in the header itself, `sdscatprintf` and
//! `sdscatfmt`, which are variadic, in `variadic`; appending, splitting and joining in `sds_text`.
//!
//! For all of them: an `sds` is the address of NUL-terminated text that may hold NULs, freed by
//! `sdsfree`. A function that takes and returns one may move it: use the result from then on. Where
//! such a function returns NULL there was no memory, the string is as it was and still the caller's.
//! NULL in place of the string gives NULL, so that appends may be chained and checked once.

use crate::alloc;
use crate::sds::{self, Sds};
use core::cmp::Ordering;
use core::ffi::CStr;
use core::slice;
use libc::{c_char, c_int, c_void, size_t, ssize_t};

/// `len` bytes at `text`, which may be NULL where there are none. `None` for more than can exist.
///
/// # Safety
/// `text` is valid for reading `len` bytes as long as the result is in use.
pub(super) unsafe fn bytes_at<'a>(text: *const c_void, len: usize) -> Option<&'a [u8]> {
    match len {
        0 => Some(&[]),
        // SAFETY: the caller's promise.
        _ if len <= isize::MAX as usize => Some(unsafe { slice::from_raw_parts(text.cast(), len) }),
        _ => None,
    }
}

/// # Safety
/// `text` is NUL-terminated and unchanged as long as the result is in use.
pub(super) unsafe fn c_bytes<'a>(text: *const c_char) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_bytes()
}

/// # Safety
/// As `bytes_at`.
pub(super) unsafe fn bytes_of_int<'a>(text: *const c_char, len: c_int) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    unsafe { bytes_at(text.cast(), usize::try_from(len).ok()?) }
}

/// A new string of `initlen` bytes, copied from `init`, or zeros where `init` is NULL. NULL without
/// memory.
///
/// # Safety
/// `init` is NULL or valid for reading `initlen` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdsnewlen(init: *const c_void, initlen: size_t) -> Sds {
    // SAFETY: the caller's promise.
    unsafe { sds::new_len(init.cast(), initlen) }
}

/// A new string with a copy of the NUL-terminated `init`, or an empty one where `init` is NULL. NULL
/// without memory.
///
/// # Safety
/// `init` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdsnew(init: *const c_char) -> Sds {
    // SAFETY: the caller's promise.
    unsafe {
        match init.is_null() {
            true => sds::empty(),
            false => sds::new_len(init, libc::strlen(init)),
        }
    }
}

/// A new empty string, or NULL without memory.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn sdsempty() -> Sds {
    sds::empty()
}

/// A new string with the text of `s`. NULL without memory.
///
/// # Safety
/// `s` is an sds.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdsdup(s: Sds) -> Sds {
    // SAFETY: the caller's promise.
    unsafe { sds::new_len(s, sds::len(s)) }
}

/// Frees `s`, which may be NULL.
///
/// # Safety
/// `s` is NULL or an sds, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdsfree(s: Sds) {
    // SAFETY: the caller's promise.
    unsafe { sds::free(s) }
}

/// Extends `s` with zeros to `len` bytes. A string of that length or more stays as it is.
///
/// # Safety
/// `s` is NULL or an sds; a result other than NULL replaces it.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdsgrowzero(s: Sds, len: size_t) -> Sds {
    // SAFETY: the caller's promise.
    unsafe { sds::grow_zero(s, len) }
}

/// Replaces the text by `len` bytes, which may contain NULs.
///
/// # Safety
/// `t` is valid for reading `len` bytes. `s` is NULL or an sds; a result other than NULL replaces
/// it.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdscpylen(s: Sds, t: *const c_char, len: size_t) -> Sds {
    // SAFETY: the caller's promise.
    unsafe { sds::copy(s, t, len) }
}

/// Replaces the text by the NUL-terminated `t`.
///
/// # Safety
/// `t` is NUL-terminated. `s` is NULL or an sds; a result other than NULL replaces it.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdscpy(s: Sds, t: *const c_char) -> Sds {
    // SAFETY: the caller's promise.
    unsafe { sds::copy(s, t, libc::strlen(t)) }
}

/// Removes the bytes of `cset`, and NULs, from both ends. Works in place and returns `s`.
///
/// # Safety
/// `s` is an sds and `cset` NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdstrim(s: Sds, cset: *const c_char) -> Sds {
    // SAFETY: the caller's promise.
    unsafe {
        sds::trim(s, c_bytes(cset));
        s
    }
}

/// Keeps the bytes from `start` to `end`, both included, counted from the end where negative (-1 is
/// the last). What is outside the string is cut; nothing in between leaves it empty. Works in place.
/// Returns 0, or -1 for strings too long for such numbers.
///
/// # Safety
/// `s` is an sds.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdsrange(s: Sds, start: ssize_t, end: ssize_t) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        match sds::range(s, start, end) {
            true => 0,
            false => -1,
        }
    }
}

/// Sets the length to that of the text up to its first NUL, after the program cut it by hand.
///
/// # Safety
/// `s` is an sds.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdsupdatelen(s: Sds) {
    // SAFETY: the caller's promise; a NUL stands behind the text at the latest.
    unsafe { sds::set_len(s, libc::strlen(s)) }
}

/// Makes the string empty and keeps its room.
///
/// # Safety
/// `s` is an sds.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdsclear(s: Sds) {
    // SAFETY: the caller's promise.
    unsafe { sds::set_len(s, 0) }
}

/// Compares as `memcmp`; of two strings of which one begins with the other the longer is greater.
/// Returns a negative number, 0 or a positive number.
///
/// # Safety
/// Both are sds.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdscmp(s1: Sds, s2: Sds) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        match sds::compare(s1, s2) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        }
    }
}

/// Turns ASCII letters into small ones, in place.
///
/// # Safety
/// `s` is an sds.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdstolower(s: Sds) {
    // SAFETY: the caller's promise.
    unsafe { sds::bytes_mut(s).make_ascii_lowercase() }
}

/// Turns ASCII letters into capitals, in place.
///
/// # Safety
/// `s` is an sds.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdstoupper(s: Sds) {
    // SAFETY: the caller's promise.
    unsafe { sds::bytes_mut(s).make_ascii_uppercase() }
}

/// Replaces, in place, each byte that occurs in `from` by the one at the same index in `to`; both have
/// `setlen` bytes. Returns `s`.
///
/// # Safety
/// `s` is an sds, `from` and `to` are valid for reading `setlen` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdsmapchars(
    s: Sds,
    from: *const c_char,
    to: *const c_char,
    setlen: size_t,
) -> Sds {
    // SAFETY: the caller's promise.
    unsafe {
        if let (Some(from), Some(to)) = (bytes_at(from.cast(), setlen), bytes_at(to.cast(), setlen))
        {
            sds::map(s, from, to);
        }
        s
    }
}

/// Makes room for `addlen` bytes behind the text, more than asked for so that many appends stay
/// cheap: `sdsavail` tells how much. Write there, then call `sdsIncrLen`.
///
/// # Safety
/// `s` is NULL or an sds; a result other than NULL replaces it.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdsMakeRoomFor(s: Sds, addlen: size_t) -> Sds {
    // SAFETY: the caller's promise.
    unsafe { sds::make_room(s, addlen) }
}

/// Adds `incr` to the length, after the program wrote that much behind the text, or cuts the end where
/// it is negative, and writes the NUL. What exceeds the room or the text changes nothing.
///
/// # Safety
/// `s` is an sds, and `incr` bytes have been written behind its text.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdsIncrLen(s: Sds, incr: c_int) {
    // SAFETY: the caller's promise.
    unsafe { sds::increase_len(s, incr) }
}

/// Gives the unused room back.
///
/// # Safety
/// `s` is NULL or an sds; a result other than NULL replaces it.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdsRemoveFreeSpace(s: Sds) -> Sds {
    // SAFETY: the caller's promise.
    unsafe { sds::remove_room(s) }
}

/// Size of the whole allocation in bytes: header, text, unused room and NUL.
///
/// # Safety
/// `s` is an sds.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdsAllocSize(s: Sds) -> size_t {
    // SAFETY: the caller's promise.
    unsafe { sds::block_size(s) }
}

/// Address of the allocation that `s` lives in.
///
/// # Safety
/// `s` is an sds.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdsAllocPtr(s: Sds) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { sds::block_start(s) }
}

/// `hi_malloc`, as a function.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn sds_malloc(size: size_t) -> *mut c_void {
    alloc::allocate(size)
}

/// `hi_realloc`, as a function.
///
/// # Safety
/// `ptr` is NULL or a live block of the allocator table, not used after success.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sds_realloc(ptr: *mut c_void, size: size_t) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { alloc::reallocate(ptr, size) }
}

/// `hi_free`, as a function.
///
/// # Safety
/// `ptr` is NULL or a live block of the allocator table, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sds_free(ptr: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { alloc::release(ptr) }
}
