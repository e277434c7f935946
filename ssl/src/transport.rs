//! The table by which a core uses TLS, `redisContextSSLFuncs`, and how a context comes to it.

use crate::connection::{Connection, Want, free_privctx, of_context};
use crate::failure::{Failure, NOT_INITIATED};
use crate::handshake::{self, Progress};
use crate::layout::{
    ASYNC, REDIS_ERR, REDIS_INVALID_FD, REDIS_OK, TLS, redisAsyncContext, redisContext,
    redisContextFuncs,
};
use crate::named::Names;
use crate::options::{
    REDIS_SSL_HANDSHAKE_DONE, REDIS_SSL_HANDSHAKE_FAILED, REDIS_SSL_HANDSHAKE_WANTS_READ,
    REDIS_SSL_HANDSHAKE_WANTS_WRITE, redisSSLHandshakeState,
};
use crate::process::redisNetClose;
use crate::tls_context::{NoConnection, Origin, TlsContext};
use crate::{events, transfer};
use core::ptr::NonNull;
use libc::{c_char, c_int, size_t, ssize_t};
use openssl_sys::{SSL, SSL_free};

/// TLS as a transport. Exported, and writable, as in the C library.
#[allow(non_upper_case_globals)]
#[unsafe(no_mangle)]
pub(crate) static mut redisContextSSLFuncs: redisContextFuncs = redisContextFuncs {
    close: Some(close),
    free_privctx: Some(free_privctx),
    async_read: Some(async_read),
    async_write: Some(async_write),
    read: Some(read),
    write: Some(write),
};

unsafe extern "C-unwind" fn close(c: *mut redisContext) {
    // SAFETY: a core passes a live context.
    unsafe {
        if (*c).fd != REDIS_INVALID_FD
            && let Some(connection) = of_context(c)
        {
            connection.close((*c).fd);
        }
        redisNetClose(c);
    }
}

unsafe extern "C-unwind" fn async_read(ac: *mut redisAsyncContext) {
    // SAFETY: a core passes a live, connected context.
    unsafe { events::readable(ac) }
}

unsafe extern "C-unwind" fn async_write(ac: *mut redisAsyncContext) {
    // SAFETY: as above.
    unsafe { events::writable(ac) }
}

unsafe extern "C-unwind" fn read(
    c: *mut redisContext,
    place: *mut c_char,
    room: size_t,
) -> ssize_t {
    // SAFETY: a core passes a live context and a buffer of `room` bytes.
    unsafe { moved(c, transfer::read(c, place, room)) }
}

unsafe extern "C-unwind" fn write(c: *mut redisContext) -> ssize_t {
    // SAFETY: a core passes a live context.
    unsafe { moved(c, transfer::write(c)) }
}

/// A count, or -1 with the error in the context.
unsafe fn moved(c: *mut redisContext, result: Result<usize, Failure>) -> ssize_t {
    match result {
        Ok(count) => count as ssize_t,
        Err(failure) => {
            // SAFETY: the caller's context is live.
            unsafe { failure.report(c) };
            -1
        }
    }
}

/// Initiates TLS with a connection of the context's, under these names or else those of the context. Returns a `REDIS_*` status.
///
/// # Safety
/// Both are live.
pub(crate) unsafe fn initiate_with(
    c: *mut redisContext,
    context: NonNull<TlsContext>,
    names: Names,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        if !(*c).privctx.is_null() {
            return REDIS_ERR;
        }
        let (ssl, origin) = match TlsContext::connection(context, names) {
            Ok(made) => made,
            Err(NoConnection::OutOfMemory) => return Failure::OutOfMemory.report(c),
            Err(NoConnection::Ssl) => {
                return Failure::Other("Couldn't create new SSL instance").report(c);
            }
            Err(NoConnection::ServerName) => {
                return Failure::Other("Failed to set server_name/SNI").report(c);
            }
            Err(NoConnection::PeerName) => {
                let text = "Failed to set the expected peer certificate name for verification";
                return Failure::Other(text).report(c);
            }
        };
        let status = associate(c, ssl.as_ptr(), Some(origin));
        if status != REDIS_OK {
            SSL_free(ssl.as_ptr());
        }
        origin.release();
        status
    }
}

/// Initiates TLS with the program's own `ssl`, which on success belongs to the context.
///
/// # Safety
/// Both are live.
pub(crate) unsafe fn initiate(c: *mut redisContext, ssl: *mut SSL) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        if !(*c).privctx.is_null() {
            return Failure::Other("redisContext was already associated").report(c);
        }
        associate(c, ssl, None)
    }
}

/// How far the handshake of a context is, after as much of it as goes without waiting, unless an event loop sees to it.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn handshake(c: *mut redisContext) -> redisSSLHandshakeState {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(connection) = of_context(c) else {
            NOT_INITIATED.report(c);
            return REDIS_SSL_HANDSHAKE_FAILED;
        };
        let in_loop = (*c).flags & ASYNC != 0;
        if !in_loop
            && !connection.established.get()
            && let Err(failure) = transfer::ready(c)
        {
            failure.report(c);
            return REDIS_SSL_HANDSHAKE_FAILED;
        }
        match connection.handshake_wants.get() {
            _ if connection.established.get() => REDIS_SSL_HANDSHAKE_DONE,
            _ if in_loop && (*c).err != 0 => REDIS_SSL_HANDSHAKE_FAILED,
            Want::Read => REDIS_SSL_HANDSHAKE_WANTS_READ,
            Want::Write => REDIS_SSL_HANDSHAKE_WANTS_WRITE,
        }
    }
}

/// Begins the handshake; on success the context has TLS's table. On failure `ssl` is the caller's, as before.
unsafe fn associate(c: *mut redisContext, ssl: *mut SSL, origin: Option<Origin>) -> c_int {
    // SAFETY: the caller's promises.
    unsafe {
        let Some(connection) = Connection::new(ssl, (*c).fd, origin) else {
            return Failure::OutOfMemory.report(c);
        };
        match handshake::begin(c, connection.as_ref()) {
            Progress::Failed(failure) => {
                let status = failure.report(c);
                Connection::detach(connection);
                status
            }
            Progress::Established | Progress::Pending => {
                (*c).funcs = &raw const redisContextSSLFuncs;
                (*c).privctx = connection.as_ptr().cast();
                (*c).flags |= TLS;
                REDIS_OK
            }
        }
    }
}
