//! `alloc.h`: the allocator table. The `hi_*` functions themselves are inline in the header.

use crate::alloc;
use crate::layout::hiredisAllocFuncs;

/// Replaces the library's allocation functions by those in `*ha`, which is copied, and returns the
/// ones before. No member may be NULL.
///
/// Takes effect at once, for the library and for the `hi_*` functions. Blocks made earlier are
/// freed by the new functions, so call it before anything else. Not thread-safe.
///
/// # Safety
/// `ha` points to a table of functions that follow the contracts of their libc namesakes; no other
/// thread is using the library.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn hiredisSetAllocators(
    ha: *mut hiredisAllocFuncs,
) -> hiredisAllocFuncs {
    // SAFETY: the caller passes a valid table and excludes other threads.
    unsafe { alloc::replace(*ha) }
}

/// Goes back to libc's allocation functions. Not thread-safe.
///
/// # Safety
/// No other thread is using the library.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn hiredisResetAllocators() {
    // SAFETY: the caller excludes other threads.
    unsafe { alloc::reset() }
}
