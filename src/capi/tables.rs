//! What stands in the tables that programs see: `c->funcs` and `reader->fn`.
//!
//! Their members are the exported functions at the addresses that the program sees, since programs
//! compare them; in one that is not position-independent such an address is in the program. If
//! something else in the process exports the name, a member is the function below, which the
//! exported one calls: nothing takes over the library's calls to itself.

use super::r#async::own;
use crate::layout::{redisAsyncContext, redisContext, redisContextFuncs};
use crate::{async_context, context, interposed, reader};
use libc::{c_char, c_void, size_t, ssize_t};

#[inline(never)]
pub(super) unsafe extern "C-unwind" fn net_close(c: *mut redisContext) {
    // SAFETY: the caller's promise.
    unsafe { context::net_close(c) }
}

#[inline(never)]
pub(super) unsafe extern "C-unwind" fn net_read(
    c: *mut redisContext,
    buf: *mut c_char,
    bufcap: size_t,
) -> ssize_t {
    // SAFETY: the caller's promises.
    unsafe { context::net_read(c, buf, bufcap) }
}

#[inline(never)]
pub(super) unsafe extern "C-unwind" fn net_write(c: *mut redisContext) -> ssize_t {
    // SAFETY: the caller's promise.
    unsafe { context::net_write(c) }
}

#[inline(never)]
pub(super) unsafe extern "C-unwind" fn async_read(ac: *mut redisAsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe { async_context::default_read(own(ac)) }
}

#[inline(never)]
pub(super) unsafe extern "C-unwind" fn async_write(ac: *mut redisAsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe { async_context::default_write(own(ac)) }
}

#[inline(never)]
pub(super) unsafe extern "C-unwind" fn free_reply(reply: *mut c_void) {
    // SAFETY: the caller gives the reply up.
    unsafe { reader::free_reply(reply) }
}

static OWN: redisContextFuncs = redisContextFuncs {
    close: Some(net_close),
    free_privctx: None,
    async_read: Some(async_read),
    async_write: Some(async_write),
    read: Some(net_read),
    write: Some(net_write),
};

/// Called by the dynamic linker when the library is loaded, before anything else of it.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_LOAD: unsafe extern "C" fn() = settle;

unsafe extern "C" fn settle() {
    // SAFETY: nobody uses the tables yet.
    unsafe {
        context::keep_transport(&OWN, interposed::is_taken_over);
        reader::keep_free_object(free_reply, interposed::is_taken_over);
    }
}
