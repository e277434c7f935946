//! `sds.h`: appending to strings, splitting them and joining them. What holds for all of the header's
//! functions is said in `sds`.

use super::sds::{bytes_at, bytes_of_int, c_bytes};
use crate::format::{Arguments, VaList, vsnprintf};
use crate::sds::{self, Decimal, Sds};
use core::ptr::null_mut;
use libc::{c_char, c_int, c_longlong, c_ulonglong, c_void, size_t};

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

/// A new string with `value` in decimal. NULL without memory.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn sdsfromlonglong(value: c_longlong) -> Sds {
    let decimal = Decimal::signed(value);
    // SAFETY: a slice is valid for its length.
    unsafe { sds::new_len(decimal.bytes().as_ptr().cast(), decimal.bytes().len()) }
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
