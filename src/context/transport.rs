//! The default transport. Its members are the exported functions, reached by their symbols, so
//! that a program that compares a member with `redisNetWrite` finds them equal.

use crate::layout::{redisAsyncContext, redisContext, redisContextFuncs};
use libc::{c_char, size_t, ssize_t};

unsafe extern "C-unwind" {
    fn redisNetClose(c: *mut redisContext);
    fn redisNetRead(c: *mut redisContext, buf: *mut c_char, bufcap: size_t) -> ssize_t;
    fn redisNetWrite(c: *mut redisContext) -> ssize_t;
    fn redisAsyncRead(ac: *mut redisAsyncContext);
    fn redisAsyncWrite(ac: *mut redisAsyncContext);
}

static DEFAULT: redisContextFuncs = redisContextFuncs {
    close: Some(redisNetClose),
    free_privctx: None,
    async_read: Some(redisAsyncRead),
    async_write: Some(redisAsyncWrite),
    read: Some(redisNetRead),
    write: Some(redisNetWrite),
};

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
    // SAFETY: the context and its transport are live.
    unsafe { (*(*c).funcs).async_write }
        .is_some_and(|f| f as usize == redisAsyncWrite as *const () as usize)
}

/// Whether the context's reads are plain reads from its socket, so that a short one has emptied it.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn reads_socket(c: *const redisContext) -> bool {
    // SAFETY: the context and its transport are live.
    unsafe { (*(*c).funcs).read }.is_some_and(|f| f as usize == redisNetRead as *const () as usize)
}

/// Whether the context's writes are plain writes to its socket, so that a short one has filled it.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn writes_socket(c: *const redisContext) -> bool {
    // SAFETY: the context and its transport are live.
    unsafe { (*(*c).funcs).write }
        .is_some_and(|f| f as usize == redisNetWrite as *const () as usize)
}
