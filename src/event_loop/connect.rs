//! A connect call that does not wait for anything, host names included.

use super::attachment::Host;
use super::driver::Driver;
use super::resolver;
use super::slab::Key;
use super::{EventLoop, token_of};
use crate::async_context::{self, AsyncContext};
use crate::context;
use crate::layout::{
    REDIS_CONN_TCP, REDIS_CONN_USERFD, REDIS_INVALID_FD, redisAsyncContext, redisContext,
    redisOptions,
};
use crate::net::Addresses;
use core::ffi::CStr;
use core::ptr::NonNull;

/// Makes a context on a loop, which connects it. Whatever fails is told by the connect callback;
/// `None` only where memory is short or the connection type unknown.
///
/// # Safety
/// The loop and `options` are live, and so is what they point to.
pub(crate) unsafe fn connect(
    event_loop: NonNull<EventLoop>,
    options: *const redisOptions,
) -> Option<NonNull<redisAsyncContext>> {
    // SAFETY: the caller's promises; the context is new.
    unsafe {
        let context = async_context::create_unconnected(options)?.as_ptr();
        let driver = EventLoop::driver(event_loop);
        let Ok(key) = Driver::attach_unconnected(driver, context, token_of) else {
            // What the options gave stays the program's.
            (*context).c.c.free_privdata = None;
            if (*context).c.c.connection_type == REDIS_CONN_USERFD {
                (*context).c.c.fd = REDIS_INVALID_FD;
            }
            async_context::free(context);
            return None;
        };
        if let Some(host) = host(event_loop, key, context) {
            Driver::start(driver, key, host);
        }
        // The time that the connect may take counts from here.
        async_context::watch_connect(context);
        NonNull::new(context.cast())
    }
}

/// What is known at once of where to connect to; `None` where a name is being looked up.
unsafe fn host(
    event_loop: NonNull<EventLoop>,
    key: Key,
    context: *mut AsyncContext,
) -> Option<Host> {
    // SAFETY: the caller's context is live; its host is NULL or NUL-terminated.
    unsafe {
        let c: *mut redisContext = &raw mut (*context).c.c;
        if (*c).connection_type != REDIS_CONN_TCP {
            return Some(None);
        }
        let (port, family) = ((*c).tcp.port, context::family(c));
        let name = (!(*c).tcp.host.is_null()).then(|| CStr::from_ptr((*c).tcp.host));
        match (Addresses::of_number(name, port, family), name) {
            (Ok(Some(addresses)), _) => Some(Some(Ok(addresses))),
            (Ok(None), Some(name)) => {
                let mailbox = EventLoop::mailbox(event_loop);
                match resolver::look_up(mailbox, key, name, port, family) {
                    Ok(()) => None,
                    Err(code) => Some(Some(Err(code))),
                }
            }
            (Ok(None), None) => Some(Some(Err(libc::EAI_NONAME))),
            (Err(code), _) => Some(Some(Err(code))),
        }
    }
}
