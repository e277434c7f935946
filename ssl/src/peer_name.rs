//! Whose certificate is expected: a DNS name or an IP address.

use crate::failure::clear_errors;
use crate::openssl::X509_VERIFY_PARAM_set1_ip_asc;
use core::ffi::CStr;
use core::ptr::null;
use libc::c_int;
use openssl_sys::{
    SSL, SSL_CTX, SSL_CTX_get_verify_mode, SSL_CTX_get0_param, SSL_VERIFY_PEER,
    SSL_get_verify_mode, SSL_get0_param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, X509_VERIFY_PARAM,
    X509_VERIFY_PARAM_set_hostflags, X509_VERIFY_PARAM_set1_host, X509_VERIFY_PARAM_set1_ip,
};

/// Has every connection made from `ssl_ctx` afterwards accept this peer alone. An address is compared with the certificate's
/// addresses only; a name with its names, in which a wildcard stands for one whole label.
///
/// # Safety
/// `ssl_ctx` is live, and no other thread makes connections from it.
pub(crate) unsafe fn expect(ssl_ctx: *mut SSL_CTX, name: &CStr) -> Result<(), ()> {
    // SAFETY: the caller's promise.
    unsafe {
        let mode = SSL_CTX_get_verify_mode(ssl_ctx);
        expect_by(SSL_CTX_get0_param(ssl_ctx), mode, name)
    }
}

/// Has one connection accept this peer alone, whatever its context says.
///
/// # Safety
/// `ssl` is live, and has not begun its handshake.
pub(crate) unsafe fn expect_of(ssl: *mut SSL, name: &CStr) -> Result<(), ()> {
    // SAFETY: the caller's promise.
    unsafe { expect_by(SSL_get0_param(ssl), SSL_get_verify_mode(ssl), name) }
}

/// # Safety
/// `param` is live, and used by nobody else.
unsafe fn expect_by(param: *mut X509_VERIFY_PARAM, mode: c_int, name: &CStr) -> Result<(), ()> {
    // SAFETY: the caller's promise; the name is NUL-terminated, and NULL takes an expectation away.
    unsafe {
        let verifies = mode & SSL_VERIFY_PEER as c_int != 0;
        if !verifies || !is_name(name) {
            return Err(());
        }
        X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        let set = if X509_VERIFY_PARAM_set1_ip_asc(param, name.as_ptr()) == 1 {
            X509_VERIFY_PARAM_set1_host(param, null(), 0)
        } else if X509_VERIFY_PARAM_set1_host(param, name.as_ptr(), name.to_bytes().len()) == 1 {
            X509_VERIFY_PARAM_set1_ip(param, null(), 0)
        } else {
            0
        };
        clear_errors();
        if set == 1 { Ok(()) } else { Err(()) }
    }
}

/// To OpenSSL a leading dot means every host below a domain, and an empty name means any peer.
fn is_name(name: &CStr) -> bool {
    !matches!(name.to_bytes().first(), None | Some(b'.'))
}
