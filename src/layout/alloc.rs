//! `alloc.h`: the table of allocation functions.

use super::assert_layout;
use libc::{c_char, c_void, size_t};

/// The allocation functions that the library and the `hi_*` inlines of `alloc.h` call.
///
/// Members follow the contracts of `malloc`, `calloc`, `realloc`, `strdup` and `free`; none may be
/// NULL.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct hiredisAllocFuncs {
    /// As `malloc`.
    pub mallocFn: Option<unsafe extern "C-unwind" fn(size: size_t) -> *mut c_void>,
    /// As `calloc`.
    pub callocFn: Option<unsafe extern "C-unwind" fn(count: size_t, size: size_t) -> *mut c_void>,
    /// As `realloc`.
    pub reallocFn:
        Option<unsafe extern "C-unwind" fn(block: *mut c_void, size: size_t) -> *mut c_void>,
    /// As `strdup`.
    pub strdupFn: Option<unsafe extern "C-unwind" fn(string: *const c_char) -> *mut c_char>,
    /// As `free`; called with NULL too.
    pub freeFn: Option<unsafe extern "C-unwind" fn(block: *mut c_void)>,
}

assert_layout!(hiredisAllocFuncs, 40, {
    mallocFn: 0, callocFn: 8, reallocFn: 16, strdupFn: 24, freeFn: 32,
});
