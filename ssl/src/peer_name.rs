//! Whose certificate is expected: a DNS name or an IP address.

use crate::failure::clear_errors;
use crate::openssl::X509_VERIFY_PARAM_set1_ip_asc;
use core::ffi::CStr;
use core::ptr::null;
use libc::c_int;
use openssl_sys::{
    SSL_CTX, SSL_CTX_get_verify_mode, SSL_CTX_get0_param, SSL_VERIFY_PEER,
    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, X509_VERIFY_PARAM_set_hostflags,
    X509_VERIFY_PARAM_set1_host, X509_VERIFY_PARAM_set1_ip,
};

/// Has every connection made from `ssl_ctx` afterwards accept this peer alone. An address is compared with the certificate's
/// addresses only; a name with its names, in which a wildcard stands for one whole label.
///
/// # Safety
/// `ssl_ctx` is live, and no other thread makes connections from it.
pub(crate) unsafe fn expect(ssl_ctx: *mut SSL_CTX, name: &CStr) -> Result<(), ()> {
    // SAFETY: the caller's promise; the name is NUL-terminated, and NULL takes an expectation away.
    unsafe {
        let verifies = SSL_CTX_get_verify_mode(ssl_ctx) & SSL_VERIFY_PEER as c_int != 0;
        if !verifies || !is_name(name) {
            return Err(());
        }
        let param = SSL_CTX_get0_param(ssl_ctx);
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
