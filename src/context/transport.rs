//! The default transport. Its members are the exported functions, reached by their symbols, so
//! that a program that compares a member with `redisNetWrite` finds them equal.
//!
//! What the table says counts, here too, and not the symbols: see `keep_transport`.

use crate::layout::{redisAsyncContext, redisContext, redisContextFuncs};
use libc::{c_char, size_t, ssize_t};

unsafe extern "C-unwind" {
    fn redisNetClose(c: *mut redisContext);
    fn redisNetRead(c: *mut redisContext, buf: *mut c_char, bufcap: size_t) -> ssize_t;
    fn redisNetWrite(c: *mut redisContext) -> ssize_t;
    fn redisAsyncRead(ac: *mut redisAsyncContext);
    fn redisAsyncWrite(ac: *mut redisAsyncContext);
}

static mut DEFAULT: redisContextFuncs = redisContextFuncs {
    close: Some(redisNetClose),
    free_privctx: None,
    async_read: Some(redisAsyncRead),
    async_write: Some(redisAsyncWrite),
    read: Some(redisNetRead),
    write: Some(redisNetWrite),
};

/// Puts the functions of `own` into the table for plain sockets in place of those that have been
/// taken over.
///
/// # Safety
/// Nobody uses the table yet.
pub(crate) unsafe fn keep_transport(own: &redisContextFuncs, is_taken_over: fn(usize) -> bool) {
    // SAFETY: the caller's promise.
    unsafe {
        let table = &raw mut DEFAULT;
        if (*table).close.is_some_and(|f| is_taken_over(f as usize)) {
            (*table).close = own.close;
        }
        if (*table)
            .async_read
            .is_some_and(|f| is_taken_over(f as usize))
        {
            (*table).async_read = own.async_read;
        }
        if (*table)
            .async_write
            .is_some_and(|f| is_taken_over(f as usize))
        {
            (*table).async_write = own.async_write;
        }
        if (*table).read.is_some_and(|f| is_taken_over(f as usize)) {
            (*table).read = own.read;
        }
        if (*table).write.is_some_and(|f| is_taken_over(f as usize)) {
            (*table).write = own.write;
        }
    }
}

/// The table for plain sockets.
pub(crate) fn default_transport() -> *const redisContextFuncs {
    &raw const DEFAULT
}

/// Whether a context's writable events end in `redisAsyncWrite`, whose work the library may then do
/// at a better moment.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn async_write_is_default(c: *const redisContext) -> bool {
    // SAFETY: the context and its transport are live, and the table has been settled.
    unsafe {
        same(
            (*(*c).funcs).async_write.map(|f| f as usize),
            DEFAULT.async_write.map(|f| f as usize),
        )
    }
}

/// Whether the context's reads are plain reads from its socket, so that a short one has emptied it.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn reads_socket(c: *const redisContext) -> bool {
    // SAFETY: as above.
    unsafe {
        same(
            (*(*c).funcs).read.map(|f| f as usize),
            DEFAULT.read.map(|f| f as usize),
        )
    }
}

/// Whether the context's writes are plain writes to its socket, so that a short one has filled it.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn writes_socket(c: *const redisContext) -> bool {
    // SAFETY: as above.
    unsafe {
        same(
            (*(*c).funcs).write.map(|f| f as usize),
            DEFAULT.write.map(|f| f as usize),
        )
    }
}

/// Whether a member is the function of the default table.
fn same(member: Option<usize>, default: Option<usize>) -> bool {
    member.is_some() && member == default
}
