//! `hiredis_ssl.h`: the exported C functions. They check, convert and call; nothing else.

use crate::layout::{REDIS_ERR, REDIS_OK, redisContext};
use crate::named::Names;
use crate::options::{
    REDIS_SSL_CTX_CA_CERT_LOAD_FAILED, REDIS_SSL_CTX_CERT_KEY_REQUIRED,
    REDIS_SSL_CTX_CLIENT_CERT_LOAD_FAILED, REDIS_SSL_CTX_CLIENT_DEFAULT_CERT_FAILED,
    REDIS_SSL_CTX_CREATE_FAILED, REDIS_SSL_CTX_NONE, REDIS_SSL_CTX_OS_CERT_ADD_FAILED,
    REDIS_SSL_CTX_OS_CERTSTORE_OPEN_FAILED, REDIS_SSL_CTX_PRIVATE_KEY_LOAD_FAILED,
    REDIS_SSL_CTX_VERIFY_NAME_FAILED, REDIS_SSL_HANDSHAKE_FAILED, REDIS_SSL_VERIFY_PEER,
    redisSSLContextError, redisSSLHandshakeState, redisSSLOptions,
};
use crate::tls_context::TlsContext;
use crate::{connection, transport};
use core::ffi::CStr;
use core::ptr::{NonNull, null_mut};
use libc::{c_char, c_int};
use openssl_sys::SSL as ssl_st;

/// Certificates, names and the last sessions: what connections have in common.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Debug)]
pub struct redisSSLContext {
    _private: [u8; 0],
}

/// Does nothing, and returns REDIS_OK: OpenSSL initializes itself. Programs call it by habit.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn redisInitOpenSSL() -> c_int {
    REDIS_OK
}

/// The text of an error, which lives as long as the program.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn redisSSLContextGetError(error: redisSSLContextError) -> *const c_char {
    let text = match error {
        REDIS_SSL_CTX_NONE => c"No Error",
        REDIS_SSL_CTX_CREATE_FAILED => c"Failed to create OpenSSL SSL_CTX",
        REDIS_SSL_CTX_CERT_KEY_REQUIRED => c"Client cert and key must both be specified or skipped",
        REDIS_SSL_CTX_CA_CERT_LOAD_FAILED => c"Failed to load CA Certificate or CA Path",
        REDIS_SSL_CTX_CLIENT_CERT_LOAD_FAILED => c"Failed to load client certificate",
        REDIS_SSL_CTX_CLIENT_DEFAULT_CERT_FAILED => c"Failed to find the system's CA certificates",
        REDIS_SSL_CTX_PRIVATE_KEY_LOAD_FAILED => c"Failed to load private key",
        REDIS_SSL_CTX_OS_CERTSTORE_OPEN_FAILED => c"Failed to open system certificate store",
        REDIS_SSL_CTX_OS_CERT_ADD_FAILED => {
            c"Failed to add CA certificates obtained from system to the SSL context"
        }
        REDIS_SSL_CTX_VERIFY_NAME_FAILED => {
            c"Failed to set the expected peer certificate name for verification"
        }
        _ => c"Unknown error code",
    };
    text.as_ptr()
}

/// Makes a TLS context that verifies the server's certificate (REDIS_SSL_VERIFY_PEER); as redisCreateSSLContextWithOptions()
/// otherwise. Any string may be NULL.
///
/// That a certificate is valid does not tell whose it is: see redisSSLContextSetVerifyName().
///
/// # Safety
/// The strings are NULL or NUL-terminated, `error` NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisCreateSSLContext(
    cacert_filename: *const c_char,
    capath: *const c_char,
    cert_filename: *const c_char,
    private_key_filename: *const c_char,
    server_name: *const c_char,
    error: *mut redisSSLContextError,
) -> *mut redisSSLContext {
    let mut options = redisSSLOptions {
        cacert_filename,
        capath,
        cert_filename,
        private_key_filename,
        server_name,
        verify_mode: REDIS_SSL_VERIFY_PEER,
    };
    // SAFETY: the options point to the caller's strings.
    unsafe { redisCreateSSLContextWithOptions(&raw mut options, error) }
}

/// Makes a TLS context, to be freed with redisFreeSSLContext(). It serves any number of connections, in any thread.
///
/// Returns NULL, and writes the reason to `*error` unless `error` is NULL, where a file cannot be read, a certificate comes without
/// its key, or memory is short. On success `*error` is not written.
///
/// # Safety
/// `options` is valid, its strings NULL or NUL-terminated, `error` NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisCreateSSLContextWithOptions(
    options: *mut redisSSLOptions,
    error: *mut redisSSLContextError,
) -> *mut redisSSLContext {
    // SAFETY: the caller's promises.
    unsafe {
        let made = match options.as_ref() {
            Some(options) => TlsContext::create(options, connection::keep_session),
            None => Err(REDIS_SSL_CTX_CREATE_FAILED),
        };
        match made {
            Ok(context) => context.as_ptr().cast(),
            Err(reason) => {
                if let Some(error) = error.as_mut() {
                    *error = reason;
                }
                null_mut()
            }
        }
    }
}

/// Has every connection that is initiated from `ctx` afterwards accept only the server whose certificate is for `name`: a DNS name or
/// an IP address. A connection to any other fails with `SSL_connect failed: certificate verify failed: hostname mismatch` (or `IP
/// address mismatch`). Without it, whoever has a certificate of a trusted authority, for whatever name, can pose as the server.
///
/// An address is compared with the addresses in the certificate alone. A name is compared with its DNS names, or with its common
/// name if it has none of these, in either case; `*` there stands for one whole label.
///
/// Returns REDIS_SSL_CTX_NONE, or REDIS_SSL_CTX_VERIFY_NAME_FAILED where `name` is NULL, empty or begins with a dot, where the context
/// does not verify certificates (REDIS_SSL_VERIFY_PEER), or where memory is short. After a failure nothing can be initiated from the
/// context, so that a program which does not look at the result is safe too. Call it before other threads use the context. Only this
/// implementation has it: `#ifdef HIREDIS_RS`.
///
/// # Safety
/// `ctx` is NULL or a live context that no other thread uses; `name` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisSSLContextSetVerifyName(
    ctx: *mut redisSSLContext,
    name: *const c_char,
) -> redisSSLContextError {
    let Some(context) = NonNull::new(ctx.cast::<TlsContext>()) else {
        return REDIS_SSL_CTX_VERIFY_NAME_FAILED;
    };
    // SAFETY: the caller's promises.
    let expected = unsafe {
        let name = if name.is_null() {
            c""
        } else {
            CStr::from_ptr(name)
        };
        context.as_ref().expect_peer(name)
    };
    match expected {
        Ok(()) => REDIS_SSL_CTX_NONE,
        Err(error) => error,
    }
}

/// Frees a TLS context. Connections that were initiated from it go on. NULL is ignored.
///
/// # Safety
/// `ctx` is NULL or live, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisFreeSSLContext(ctx: *mut redisSSLContext) {
    if let Some(context) = NonNull::new(ctx.cast::<TlsContext>()) {
        // SAFETY: the caller gives its share up.
        unsafe { TlsContext::release(context) }
    }
}

/// Turns a connected context to TLS; before the first command, and after every redisReconnect().
///
/// A blocking context does the handshake here, within its connect timeout if it has one. Any other, asynchronous ones among them, goes
/// on with it while it reads and writes, and tells failures there. The handshake takes up the last session of `redis_ssl_ctx`, which
/// spares the server and us most of it, if the server still knows that.
///
/// Returns REDIS_OK; REDIS_ERR with `err` and `errstr` of the context set; REDIS_ERR with `err` untouched where an argument is NULL or
/// TLS was initiated already. After a failed handshake only redisReconnect() and redisFree() make sense.
///
/// # Safety
/// Both are NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisInitiateSSLWithContext(
    c: *mut redisContext,
    redis_ssl_ctx: *mut redisSSLContext,
) -> c_int {
    match NonNull::new(redis_ssl_ctx.cast::<TlsContext>()) {
        // SAFETY: both are live.
        Some(context) if !c.is_null() => unsafe {
            transport::initiate_with(c, context, Names::NONE)
        },
        _ => REDIS_ERR,
    }
}

/// As redisInitiateSSLWithContext(), with names for this connection alone, so that one TLS context serves any number of hosts.
///
/// `server_name` is told to the server (SNI), in place of redisSSLOptions' `server_name`; the certificate has to be for `verify_name`,
/// in place of redisSSLContextSetVerifyName()'s, by the same rules. NULL leaves that name to the TLS context, and with two NULLs this is
/// redisInitiateSSLWithContext(). An IP address as `server_name` is not told, since SNI is for names. Both names are copied.
///
/// A connection takes up sessions only of earlier ones with the same `server_name` and `verify_name`, so that nobody who was accepted
/// under other terms is accepted under these. Sessions are kept for the 256 pairs of names that were used last;
/// redisSSLContextSetVerifyName() has all of them forgotten.
///
/// Returns as redisInitiateSSLWithContext(). Besides, REDIS_ERR with `err` REDIS_ERR_OTHER and the text `Failed to set the expected peer
/// certificate name for verification` if `verify_name` is empty or begins with a dot, or if the TLS context does not verify certificates
/// (REDIS_SSL_VERIFY_PEER); with `Failed to set server_name/SNI` if `server_name` is empty or longer than 255 bytes. The connection then
/// stays as it was, a plain one. Only this implementation has it: `#ifdef HIREDIS_RS`.
///
/// # Safety
/// `c` and `redis_ssl_ctx` are NULL or live, the names NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisInitiateSSLWithName(
    c: *mut redisContext,
    redis_ssl_ctx: *mut redisSSLContext,
    server_name: *const c_char,
    verify_name: *const c_char,
) -> c_int {
    // SAFETY: the caller's promises.
    unsafe {
        let names = Names {
            server: (!server_name.is_null()).then(|| CStr::from_ptr(server_name)),
            verify: (!verify_name.is_null()).then(|| CStr::from_ptr(verify_name)),
        };
        match NonNull::new(redis_ssl_ctx.cast::<TlsContext>()) {
            Some(context) if !c.is_null() => transport::initiate_with(c, context, names),
            _ => REDIS_ERR,
        }
    }
}

/// As redisInitiateSSLWithContext(), with a connection (`SSL *`) that the program has made with OpenSSL itself, and set up as it likes.
///
/// On success `ssl` belongs to the context, which frees it. On failure it stays the caller's.
///
/// # Safety
/// Both are NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisInitiateSSL(c: *mut redisContext, ssl: *mut ssl_st) -> c_int {
    if c.is_null() || ssl.is_null() {
        return REDIS_ERR;
    }
    // SAFETY: both are live.
    unsafe { transport::initiate(c, ssl) }
}

/// Takes the handshake of a context that does not block (REDIS_OPT_NONBLOCK) and is in no event loop as far as it goes without waiting,
/// and says what it waits for. The program then waits for the socket (`c->fd`) to become ready for that, and calls this again, until it
/// is done or has failed. How long that may take is for the program to decide: no timeout of the context's counts.
///
/// TLS may be initiated as soon as redisConnectNonBlock() has returned. While the socket is being connected, this returns
/// REDIS_SSL_HANDSHAKE_WANTS_WRITE, and if it cannot be connected, REDIS_SSL_HANDSHAKE_FAILED. Reading and writing go on with the handshake,
/// too, but do not tell that it is done.
///
/// Returns REDIS_SSL_HANDSHAKE_DONE again for a connection that is established, whatever has become of it since, and for a blocking
/// context, which did its handshake when TLS was initiated. Returns REDIS_SSL_HANDSHAKE_FAILED, with `err` and `errstr` set, after a
/// failure, every time, and if TLS was not initiated by this library; for NULL it returns the same. After a failed handshake only
/// redisReconnect() and redisFree() make sense. An asynchronous context's loop does its handshake: of such a context this only tells how far
/// it is (over the C library's core, do not call it). Only this implementation has it: `#ifdef HIREDIS_RS`.
///
/// # Safety
/// `c` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn redisSSLHandshake(c: *mut redisContext) -> redisSSLHandshakeState {
    if c.is_null() {
        return REDIS_SSL_HANDSHAKE_FAILED;
    }
    // SAFETY: the context is live.
    unsafe { transport::handshake(c) }
}
