//! What this library takes from the process: seven symbols of `libhiredis.so`, whichever that is, and what the headers' inline
//! functions do with them.

use crate::layout::{hiredisAllocFuncs, redisAsyncContext, redisContext};
use core::ptr::NonNull;
use libc::{c_char, c_int};

// The core calls allocators, hooks and callbacks of the program, which may unwind; the types follow.
unsafe extern "C-unwind" {
    static hiredisAllocFns: hiredisAllocFuncs;
    pub(crate) fn __redisSetError(c: *mut redisContext, code: c_int, text: *const c_char);
    pub(crate) fn redisNetClose(c: *mut redisContext);
    pub(crate) fn redisBufferRead(c: *mut redisContext) -> c_int;
    pub(crate) fn redisBufferWrite(c: *mut redisContext, done: *mut c_int) -> c_int;
    pub(crate) fn __redisAsyncDisconnect(ac: *mut redisAsyncContext);
    pub(crate) fn redisProcessCallbacks(ac: *mut redisAsyncContext);
}

fn allocators() -> hiredisAllocFuncs {
    // SAFETY: the table is plain data; programs change it only while no other thread uses the library.
    unsafe { (&raw const hiredisAllocFns).read() }
}

/// A zeroed block for a `T`, or `None` without memory.
pub(crate) fn allocate_zeroed<T>() -> Option<NonNull<T>> {
    allocate_zeroed_with(0)
}

/// A zeroed block for a `T` and so many bytes behind it, or `None` without memory.
pub(crate) fn allocate_zeroed_with<T>(more: usize) -> Option<NonNull<T>> {
    let calloc = allocators().callocFn?;
    // SAFETY: the table's members follow the contracts of their namesakes.
    NonNull::new(unsafe { calloc(1, size_of::<T>().saturating_add(more)) }.cast())
}

/// A copy of a C string, or `None` without memory.
///
/// # Safety
/// `string` is NUL-terminated.
pub(crate) unsafe fn duplicate(string: *const c_char) -> Option<NonNull<c_char>> {
    let strdup = allocators().strdupFn?;
    // SAFETY: the caller's promise, and that of the table.
    NonNull::new(unsafe { strdup(string) })
}

/// Gives a block back; NULL is allowed.
///
/// # Safety
/// `block` came from the allocator table and is not used afterwards.
pub(crate) unsafe fn release<T>(block: *mut T) {
    if let Some(free) = allocators().freeFn {
        // SAFETY: the caller's promise.
        unsafe { free(block.cast()) }
    }
}

/// The bytes of an sds: its length stands before it, in a header of the type that the lowest bits of the last byte tell.
///
/// # Safety
/// `string` is an sds, and stays so while the slice lives.
pub(crate) unsafe fn sds_bytes<'a>(string: *const c_char) -> &'a [u8] {
    let string: *const u8 = string.cast();
    // SAFETY: an sds has a header, packed, in front of it, and as many bytes as that says.
    unsafe {
        let flags = *string.sub(1);
        let len = match flags & 7 {
            0 => usize::from(flags >> 3),
            1 => usize::from(*string.sub(3)),
            2 => usize::from(string.sub(5).cast::<u16>().read_unaligned()),
            3 => string.sub(9).cast::<u32>().read_unaligned() as usize,
            _ => string.sub(17).cast::<u64>().read_unaligned() as usize,
        };
        core::slice::from_raw_parts(string, len)
    }
}

/// The calling thread's `errno`.
pub(crate) fn errno() -> c_int {
    // SAFETY: the location is the calling thread's own, and valid.
    unsafe { *libc::__errno_location() }
}

/// Sets the calling thread's `errno`.
pub(crate) fn set_errno(value: c_int) {
    // SAFETY: as in `errno`.
    unsafe { *libc::__errno_location() = value }
}
