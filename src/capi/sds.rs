//! `sds.h`: dynamic strings. The inline functions are in the header itself, `sdscatprintf` and
//! `sdscatfmt`, which are variadic, in `variadic`.
//!
//! For all of them: an `sds` is the address of NUL-terminated text that may hold NULs, freed by
//! `sdsfree`. A function that takes and returns one may move it: use the result from then on. Where
//! such a function returns NULL there was no memory, the string is as it was and still the caller's.
//! NULL in place of the string gives NULL, so that appends may be chained and checked once.

use crate::alloc;
use crate::format::{Arguments, VaList};
use crate::sds::{self, Decimal, Sds};
use core::cmp::Ordering;
use core::ffi::CStr;
use core::ptr::null_mut;
use core::slice;
use libc::{c_char, c_int, c_longlong, c_ulonglong, c_void, size_t, ssize_t};

unsafe extern "C" {
    fn vsnprintf(text: *mut c_char, size: size_t, format: *const c_char, ap: *mut VaList) -> c_int;
}

/// `len` bytes at `text`, which may be NULL where there are none. `None` for more than can exist.
///
/// # Safety
/// `text` is valid for reading `len` bytes as long as the result is in use.
unsafe fn bytes_at<'a>(text: *const c_void, len: usize) -> Option<&'a [u8]> {
    match len {
        0 => Some(&[]),
        // SAFETY: the caller's promise.
        _ if len <= isize::MAX as usize => Some(unsafe { slice::from_raw_parts(text.cast(), len) }),
        _ => None,
    }
}

/// # Safety
/// `text` is NUL-terminated and unchanged as long as the result is in use.
unsafe fn c_bytes<'a>(text: *const c_char) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_bytes()
}

/// Hands a vector of tokens to C, which counts them in an int.
///
/// # Safety
/// `count` is valid for writing, the vector is not used otherwise.
unsafe fn give(tokens: Option<(*mut Sds, usize)>, count: *mut c_int) -> *mut Sds {
    let (vector, len) = tokens.unwrap_or((null_mut(), 0));
    // SAFETY: the caller's promise.
    unsafe {
        if let Ok(len) = c_int::try_from(len) {
            *count = len;
            return vector;
        }
        *count = 0;
        sds::free_tokens(vector, len);
    }
    null_mut()
}

/// # Safety
/// As `bytes_at`.
unsafe fn bytes_of_int<'a>(text: *const c_char, len: c_int) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    unsafe { bytes_at(text.cast(), usize::try_from(len).ok()?) }
}

/// # Safety
/// `to` is valid for writing the digits and a NUL.
unsafe fn write_decimal(to: *mut c_char, decimal: &Decimal) -> c_int {
    let digits = decimal.bytes();
    // SAFETY: the caller's promise.
    unsafe {
        to.copy_from_nonoverlapping(digits.as_ptr().cast(), digits.len());
        to.add(digits.len()).write(0);
    }
    digits.len() as c_int
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

/// Appends `len` bytes, which may contain NULs.
///
/// # Safety
/// `t` is valid for reading `len` bytes and lies outside `s`. `s` is NULL or an sds; a result other
/// than NULL replaces it.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdscatlen(s: Sds, t: *const c_void, len: size_t) -> Sds {
    // SAFETY: the caller's promise.
    unsafe {
        match bytes_at(t, len) {
            Some(text) => sds::cat(s, text),
            None => null_mut(),
        }
    }
}

/// Appends the NUL-terminated `t`.
///
/// # Safety
/// `t` is NUL-terminated and lies outside `s`. `s` is NULL or an sds; a result other than NULL
/// replaces it.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdscat(s: Sds, t: *const c_char) -> Sds {
    // SAFETY: the caller's promise.
    unsafe { sds::cat(s, c_bytes(t)) }
}

/// Appends the sds `t`.
///
/// # Safety
/// `t` is an sds other than `s`. `s` is NULL or an sds; a result other than NULL replaces it.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdscatsds(s: Sds, t: Sds) -> Sds {
    // SAFETY: the caller's promise.
    unsafe { sds::cat(s, sds::bytes(t)) }
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

/// Appends as `vprintf` prints; the output ends at its first NUL, and where `vsnprintf` fails, as on
/// wide characters that the locale does not have.
///
/// # Safety
/// `fmt` is a NUL-terminated format and `ap` a `va_list` with its arguments. `s` is NULL or an sds;
/// a result other than NULL replaces it.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdscatvprintf(s: Sds, fmt: *const c_char, ap: *mut VaList) -> Sds {
    // SAFETY: each printing takes the arguments from a copy of the list.
    unsafe {
        sds::cat_printed(s, |text, size| {
            let mut arguments = *ap;
            vsnprintf(text, size, fmt, &raw mut arguments)
        })
    }
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

/// Splits `len` bytes at every occurrence of the separator of `seplen` bytes, and stores the number of
/// parts in `*count`: one more than separators, or none where `len` is 0. Free the result with
/// `sdsfreesplitres`. NULL, with `*count` 0, without memory; NULL, with `*count` untouched, where
/// `seplen` is below 1 or `len` negative.
///
/// # Safety
/// `s` and `sep` are valid for reading `len` and `seplen` bytes, `count` for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdssplitlen(
    s: *const c_char,
    len: c_int,
    sep: *const c_char,
    seplen: c_int,
    count: *mut c_int,
) -> *mut Sds {
    // SAFETY: the caller's promise.
    unsafe {
        match (bytes_of_int(s, len), bytes_of_int(sep, seplen)) {
            (Some(text), Some(separator)) if !separator.is_empty() => {
                give(sds::split(text, separator), count)
            }
            _ => null_mut(),
        }
    }
}

/// Frees the `count` strings and the array that `sdssplitlen` or `sdssplitargs` returned; `tokens` may
/// be NULL.
///
/// # Safety
/// `tokens` is NULL or such an array, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdsfreesplitres(tokens: *mut Sds, count: c_int) {
    // SAFETY: the caller's promise.
    unsafe { sds::free_tokens(tokens, usize::try_from(count).unwrap_or(0)) }
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

/// A new string with `value` in decimal. NULL without memory.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn sdsfromlonglong(value: c_longlong) -> Sds {
    let decimal = Decimal::signed(value);
    // SAFETY: a slice is valid for its length.
    unsafe { sds::new_len(decimal.bytes().as_ptr().cast(), decimal.bytes().len()) }
}

/// Appends `len` bytes in double quotes, with `\\`, `\"`, `\n`, `\r`, `\t`, `\a`, `\b` and otherwise
/// `\xNN` for what is not printable ASCII: the form that `sdssplitargs` reads.
///
/// # Safety
/// `p` is valid for reading `len` bytes and lies outside `s`. `s` is NULL or an sds; a result other
/// than NULL replaces it.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdscatrepr(s: Sds, p: *const c_char, len: size_t) -> Sds {
    // SAFETY: the caller's promise.
    unsafe {
        match bytes_at(p.cast(), len) {
            Some(text) => sds::cat_repr(s, text),
            None => null_mut(),
        }
    }
}

/// Splits a line into arguments as a shell does, and stores their number in `*argc`. Arguments end at
/// blanks, which are space, newline, carriage return and tab and nothing else. In `"…"` there are
/// `\n`, `\r`, `\t`, `\b`, `\a`, `\xHH`, and any other byte behind a backslash stands for itself;
/// in `'…'` there is `\'`. Quotes may begin within an argument and must be closed at its end.
/// Free the result with `sdsfreesplitres`. NULL, with `*argc` 0, for unbalanced quotes and without
/// memory; an empty line gives an empty array.
///
/// # Safety
/// `line` is NUL-terminated, `argc` valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdssplitargs(line: *const c_char, argc: *mut c_int) -> *mut Sds {
    // SAFETY: the caller's promise.
    unsafe { give(sds::split_arguments(c_bytes(line)), argc) }
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

/// A new string of `argc` NUL-terminated strings with the NUL-terminated `sep` between them. NULL
/// without memory.
///
/// # Safety
/// `argv` holds `argc` NUL-terminated strings, `sep` is NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdsjoin(
    argv: *mut *mut c_char,
    argc: c_int,
    sep: *mut c_char,
) -> Sds {
    // SAFETY: the caller's promise.
    unsafe {
        let parts = (0..usize::try_from(argc).unwrap_or(0)).map(|i| c_bytes(*argv.add(i)));
        sds::join(parts, c_bytes(sep))
    }
}

/// A new string of `argc` sds with `seplen` bytes between them. NULL without memory.
///
/// # Safety
/// `argv` holds `argc` sds, `sep` is valid for reading `seplen` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdsjoinsds(
    argv: *mut Sds,
    argc: c_int,
    sep: *const c_char,
    seplen: size_t,
) -> Sds {
    // SAFETY: the caller's promise.
    unsafe {
        let parts = (0..usize::try_from(argc).unwrap_or(0)).map(|i| sds::bytes(*argv.add(i)));
        match bytes_at(sep.cast(), seplen) {
            Some(separator) => sds::join(parts, separator),
            None => null_mut(),
        }
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

/// Writes `value` in decimal and a NUL, at most 21 bytes, to `s`. Returns the number of digits, with
/// the sign.
///
/// # Safety
/// `s` is valid for writing that many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdsll2str(s: *mut c_char, value: c_longlong) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { write_decimal(s, &Decimal::signed(value)) }
}

/// Writes `v` in decimal and a NUL, at most 21 bytes, to `s`. Returns the number of digits.
///
/// # Safety
/// `s` is valid for writing that many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sdsull2str(s: *mut c_char, v: c_ulonglong) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { write_decimal(s, &Decimal::unsigned(v)) }
}

/// The value of a hexadecimal digit, 0 for any other character.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn hex_digit_to_int(c: c_char) -> c_int {
    c_int::from(sds::hex_digit(c as u8))
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

/// `sdscatfmt` with its arguments in a `va_list`.
///
/// # Safety
/// As `sdscatfmt`: `fmt` is NUL-terminated and `ap` holds the arguments it wants.
pub(crate) unsafe extern "C-unwind" fn sdscatfmt_va(
    s: Sds,
    fmt: *const c_char,
    ap: *mut VaList,
) -> Sds {
    // SAFETY: the format takes as many words from the list as the caller has put there.
    unsafe { sds::cat_format(s, c_bytes(fmt), || (*ap).next_word()) }
}
