//! What `openssl-sys` does not declare.

use libc::{c_char, c_int};
use openssl_sys::{SSL, X509_VERIFY_PARAM};

// None of these calls back into a program.
unsafe extern "C" {
    pub(crate) fn SSL_has_pending(ssl: *const SSL) -> c_int;
    pub(crate) fn SSL_set_read_ahead(ssl: *mut SSL, yes: c_int);
    pub(crate) fn X509_VERIFY_PARAM_set1_ip_asc(
        param: *mut X509_VERIFY_PARAM,
        address: *const c_char,
    ) -> c_int;
}

/// `SSL_ctrl`: sets mode bits.
pub(crate) const SSL_CTRL_MODE: c_int = 33;
/// `BIO_ctrl`: the descriptor.
pub(crate) const BIO_C_GET_FD: c_int = 105;
/// The type of OpenSSL's own sockets: a source and sink with a descriptor.
pub(crate) const BIO_TYPE_SOCKET: c_int = 5 | 0x0400 | 0x0100;

/// Reason: the peer's certificate does not verify.
pub(crate) const SSL_R_CERTIFICATE_VERIFY_FAILED: c_int = 134;
/// Reason: the peer speaks HTTP.
pub(crate) const SSL_R_HTTP_REQUEST: c_int = 156;
/// Reason: what came is no TLS record.
pub(crate) const SSL_R_PACKET_LENGTH_TOO_LONG: c_int = 198;
/// Reason: what came is no TLS record.
pub(crate) const SSL_R_WRONG_VERSION_NUMBER: c_int = 267;
/// Reason: the peer's alert `internal_error`.
pub(crate) const SSL_R_TLSV1_ALERT_INTERNAL_ERROR: c_int = 1080;
/// Reason: the peer closed the connection without saying so.
pub(crate) const SSL_R_UNEXPECTED_EOF_WHILE_READING: c_int = 294;
