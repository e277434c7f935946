//! `hiredis_ssl.h`: the options and constants as C lays them out.

#![allow(non_camel_case_types)]

use libc::{c_char, c_int};

/// `redisSSLContextError` is an enum in C; an error is one of `REDIS_SSL_CTX_*`.
pub type redisSSLContextError = c_int;

/// `verify_mode`: accept any certificate. The connection is encrypted, but who is at its other end is not known.
pub const REDIS_SSL_VERIFY_NONE: c_int = 0x00;
/// `verify_mode`: the server's certificate must be signed by a known authority.
pub const REDIS_SSL_VERIFY_PEER: c_int = 0x01;
/// `verify_mode`: for servers; clients ignore it.
pub const REDIS_SSL_VERIFY_FAIL_IF_NO_PEER_CERT: c_int = 0x02;
/// `verify_mode`: for servers; clients ignore it.
pub const REDIS_SSL_VERIFY_CLIENT_ONCE: c_int = 0x04;
/// `verify_mode`: for servers; clients ignore it.
pub const REDIS_SSL_VERIFY_POST_HANDSHAKE: c_int = 0x08;

pub(crate) const REDIS_SSL_CTX_NONE: redisSSLContextError = 0;
pub(crate) const REDIS_SSL_CTX_CREATE_FAILED: redisSSLContextError = 1;
pub(crate) const REDIS_SSL_CTX_CERT_KEY_REQUIRED: redisSSLContextError = 2;
pub(crate) const REDIS_SSL_CTX_CA_CERT_LOAD_FAILED: redisSSLContextError = 3;
pub(crate) const REDIS_SSL_CTX_CLIENT_CERT_LOAD_FAILED: redisSSLContextError = 4;
pub(crate) const REDIS_SSL_CTX_CLIENT_DEFAULT_CERT_FAILED: redisSSLContextError = 5;
pub(crate) const REDIS_SSL_CTX_PRIVATE_KEY_LOAD_FAILED: redisSSLContextError = 6;
pub(crate) const REDIS_SSL_CTX_OS_CERTSTORE_OPEN_FAILED: redisSSLContextError = 7;
pub(crate) const REDIS_SSL_CTX_OS_CERT_ADD_FAILED: redisSSLContextError = 8;
pub(crate) const REDIS_SSL_CTX_VERIFY_NAME_FAILED: redisSSLContextError = 9;

/// `redisSSLHandshakeState` is an enum in C; a state is one of `REDIS_SSL_HANDSHAKE_*`.
pub type redisSSLHandshakeState = c_int;

pub(crate) const REDIS_SSL_HANDSHAKE_FAILED: redisSSLHandshakeState = -1;
pub(crate) const REDIS_SSL_HANDSHAKE_DONE: redisSSLHandshakeState = 0;
pub(crate) const REDIS_SSL_HANDSHAKE_WANTS_READ: redisSSLHandshakeState = 1;
pub(crate) const REDIS_SSL_HANDSHAKE_WANTS_WRITE: redisSSLHandshakeState = 2;

/// What a TLS context is made of; read during the call only. Start from zeroes, and set at least `verify_mode`: zero is
/// REDIS_SSL_VERIFY_NONE.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct redisSSLOptions {
    /// File of the certificates of the authorities to trust, in PEM. If this and `capath` are NULL, the system's are trusted.
    pub cacert_filename: *const c_char,
    /// Folder of such certificates, under the names that `openssl rehash` gives.
    pub capath: *const c_char,
    /// File of our own certificate, followed by those between it and an authority, in PEM; NULL for none.
    pub cert_filename: *const c_char,
    /// File of the key of our own certificate, in PEM; NULL for none.
    pub private_key_filename: *const c_char,
    /// The name to tell the server (SNI), so that it can choose a certificate; NULL for none. The certificate is not compared with
    /// it: see redisSSLContextSetVerifyName().
    pub server_name: *const c_char,
    /// REDIS_SSL_VERIFY_*.
    pub verify_mode: c_int,
}

// Programs allocate it, so it must not grow: nothing behind `verify_mode` is theirs.
const _: () = assert!(size_of::<redisSSLOptions>() == 48);
const _: () = assert!(core::mem::offset_of!(redisSSLOptions, server_name) == 32);
const _: () = assert!(core::mem::offset_of!(redisSSLOptions, verify_mode) == 40);
