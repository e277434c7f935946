//! A descriptor of the program's own, on whatever loop drives contexts: a context that has no connection
//! and calls a function whenever the descriptor is readable.

use super::lifecycle::{self, finish};
use super::{AsyncContext, has_flag, hooks, in_callback, inner, mirror_error};
use crate::alloc;
use crate::context;
use crate::error::{Error, set_errno};
use crate::layout::{
    ASYNC, REDIS_CONN_USERFD, REDIS_CONNECTED, REDIS_FREEING, REDIS_INVALID_FD,
    REDIS_OPT_NO_PUSH_AUTOFREE, REDIS_OPT_NONBLOCK, WATCHES, redisAsyncContext, redisAsyncWatchFn,
    redisContext, redisContextFuncs, redisFD, redisOptions, redisOptionsEndpoint,
};
use core::ptr::{NonNull, null, null_mut};
use libc::{ENOTSUP, c_char, c_void, size_t, ssize_t};

/// What is said of a command on such a context.
const NO_COMMANDS: Error = Error::Other("A watched descriptor takes no commands");

/// What the program wants called, in `privctx`.
#[derive(Clone, Copy)]
pub(crate) struct Watch {
    pub(crate) function: redisAsyncWatchFn,
    pub(crate) privdata: *mut c_void,
}

/// The transport: it tells the program that the descriptor is readable, and never closes it.
static TRANSPORT: redisContextFuncs = redisContextFuncs {
    close: Some(let_go),
    free_privctx: Some(free_watch),
    async_read: Some(readable),
    async_write: Some(writable),
    read: Some(refuse_read),
    write: Some(refuse_write),
};

/// Makes a context that watches `fd`. `None` where memory is short.
pub(crate) fn watch(fd: redisFD, watch: Watch) -> Option<NonNull<redisAsyncContext>> {
    let kept: *mut Watch = alloc::allocate(size_of::<Watch>()).cast();
    if kept.is_null() {
        return None;
    }
    let options = redisOptions {
        r#type: REDIS_CONN_USERFD,
        options: REDIS_OPT_NONBLOCK | REDIS_OPT_NO_PUSH_AUTOFREE,
        connect_timeout: null(),
        command_timeout: null(),
        endpoint: redisOptionsEndpoint { fd },
        privdata: null_mut(),
        free_privdata: None,
        push_cb: None,
        async_push_cb: None,
    };
    // SAFETY: both blocks are new, and nobody else's.
    unsafe {
        kept.write(watch);
        let Some(ac) = lifecycle::create_unconnected(&raw const options) else {
            alloc::release(kept);
            return None;
        };
        let c = inner(ac.as_ptr());
        (*c).funcs = &raw const TRANSPORT;
        (*c).privctx = kept.cast();
        (*c).flags |= REDIS_CONNECTED | ASYNC | WATCHES;
        Some(ac.cast())
    }
}

/// Refuses a command; the watch goes on.
#[cold]
pub(super) unsafe fn refuse_command(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        context::set_error(inner(ac), NO_COMMANDS);
        mirror_error(ac);
        set_errno(ENOTSUP);
    }
}

/// A command that was refused is forgotten before an orderly end.
pub(super) unsafe fn forget_refusal(ac: *mut AsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        if has_flag(ac, WATCHES) {
            context::clear_error(inner(ac));
            mirror_error(ac);
        }
    }
}

unsafe extern "C-unwind" fn readable(ac: *mut redisAsyncContext) {
    let ac: *mut AsyncContext = ac.cast();
    // SAFETY: only contexts made by `watch` have this table; the block lives as long as they do.
    unsafe {
        let Some(&Watch { function, privdata }) = (*inner(ac)).privctx.cast::<Watch>().as_ref()
        else {
            return;
        };
        in_callback(ac, || function(ac.cast(), privdata));
        if has_flag(ac, REDIS_FREEING) {
            finish(ac);
            return;
        }
        let _ = lifecycle::disconnect_if_drained(ac);
    }
}

/// Some loops begin with an interest in writing, which here means nothing.
unsafe extern "C-unwind" fn writable(ac: *mut redisAsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        hooks::del_write(ac.cast());
        hooks::add_read(ac.cast());
    }
}

/// The descriptor stays open: it is the program's.
unsafe extern "C-unwind" fn let_go(c: *mut redisContext) {
    // SAFETY: the caller's context is live.
    unsafe { (*c).fd = REDIS_INVALID_FD }
}

unsafe extern "C-unwind" fn free_watch(privctx: *mut c_void) {
    // SAFETY: `privctx` is the block of this table's context, or NULL.
    unsafe { alloc::release(privctx) }
}

unsafe extern "C-unwind" fn refuse_read(
    c: *mut redisContext,
    _place: *mut c_char,
    _room: size_t,
) -> ssize_t {
    // SAFETY: the caller's context is live.
    unsafe { refuse_write(c) }
}

unsafe extern "C-unwind" fn refuse_write(c: *mut redisContext) -> ssize_t {
    // SAFETY: the caller's context is live.
    unsafe { context::set_error(c, NO_COMMANDS) };
    -1
}
