//! `redisSSLContext`: what connections to one server have in common: certificates, names, the last session.

use crate::failure::clear_errors;
use crate::options::{
    REDIS_SSL_CTX_CA_CERT_LOAD_FAILED, REDIS_SSL_CTX_CERT_KEY_REQUIRED,
    REDIS_SSL_CTX_CLIENT_CERT_LOAD_FAILED, REDIS_SSL_CTX_CLIENT_DEFAULT_CERT_FAILED,
    REDIS_SSL_CTX_CREATE_FAILED, REDIS_SSL_CTX_PRIVATE_KEY_LOAD_FAILED,
    REDIS_SSL_CTX_VERIFY_NAME_FAILED, redisSSLOptions,
};
use crate::session::{Offer, SessionSlot};
use crate::{peer_name, process};
use core::ffi::CStr;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use libc::{c_char, c_int};
use openssl_sys::{
    SSL, SSL_CTX, SSL_CTX_free, SSL_CTX_load_verify_locations, SSL_CTX_new,
    SSL_CTX_sess_set_new_cb, SSL_CTX_set_default_verify_paths, SSL_CTX_set_min_proto_version,
    SSL_CTX_set_options, SSL_CTX_set_session_cache_mode, SSL_CTX_set_verify,
    SSL_CTX_use_PrivateKey_file, SSL_CTX_use_certificate_chain_file, SSL_FILETYPE_PEM,
    SSL_OP_NO_RENEGOTIATION, SSL_SESS_CACHE_CLIENT, SSL_SESS_CACHE_NO_INTERNAL, SSL_SESSION,
    SSL_free, SSL_new, SSL_set_tlsext_host_name, TLS_client_method, TLS1_2_VERSION,
};

/// A `redisSSLContext`. Its connections hold it too, so that the program may free it before them.
pub(crate) struct TlsContext {
    holders: AtomicUsize,
    ssl_ctx: *mut SSL_CTX,
    /// Sent to the server (SNI), NULL for none; says nothing about whom we accept.
    server_name: *mut c_char,
    /// A name was given that nobody can be verified by: there will be no connections.
    nobody: AtomicBool,
    pub(crate) sessions: SessionSlot,
}

/// OpenSSL's callback for new sessions.
pub(crate) type OnSession = unsafe extern "C" fn(*mut SSL, *mut SSL_SESSION) -> c_int;

/// Why there is no connection for a handshake.
pub(crate) enum NoConnection {
    OutOfMemory,
    ServerName,
    PeerName,
}

impl TlsContext {
    /// Makes a context, or says which `REDIS_SSL_CTX_*` stands against it. `on_session` is told of every session that may be taken up
    /// later.
    ///
    /// # Safety
    /// The options' strings are NULL or NUL-terminated.
    pub(crate) unsafe fn create(
        options: &redisSSLOptions,
        on_session: OnSession,
    ) -> Result<NonNull<Self>, c_int> {
        let new = process::allocate_zeroed::<Self>().ok_or(REDIS_SSL_CTX_CREATE_FAILED)?;
        // SAFETY: the block is new, zeroes are a value of every field, and the strings are the caller's.
        unsafe {
            (*new.as_ptr()).holders = AtomicUsize::new(1);
            let made = (*new.as_ptr()).set_up(options, on_session);
            clear_errors();
            match made {
                Ok(()) => Ok(new),
                Err(error) => {
                    Self::release(new);
                    Err(error)
                }
            }
        }
    }

    unsafe fn set_up(
        &mut self,
        options: &redisSSLOptions,
        on_session: OnSession,
    ) -> Result<(), c_int> {
        // SAFETY: the strings are the caller's; OpenSSL copies what it keeps.
        unsafe {
            self.ssl_ctx = SSL_CTX_new(TLS_client_method());
            if self.ssl_ctx.is_null()
                || SSL_CTX_set_min_proto_version(self.ssl_ctx, TLS1_2_VERSION) != 1
            {
                return Err(REDIS_SSL_CTX_CREATE_FAILED);
            }
            SSL_CTX_set_options(self.ssl_ctx, SSL_OP_NO_RENEGOTIATION);
            SSL_CTX_set_verify(self.ssl_ctx, options.verify_mode, None);
            SSL_CTX_set_session_cache_mode(
                self.ssl_ctx,
                SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL,
            );
            SSL_CTX_sess_set_new_cb(self.ssl_ctx, Some(on_session));
            if options.cert_filename.is_null() != options.private_key_filename.is_null() {
                return Err(REDIS_SSL_CTX_CERT_KEY_REQUIRED);
            }
            self.load_authorities(options)?;
            self.load_certificate(options)?;
            if !options.server_name.is_null() {
                self.server_name = process::duplicate(options.server_name)
                    .ok_or(REDIS_SSL_CTX_CREATE_FAILED)?
                    .as_ptr();
            }
        }
        Ok(())
    }

    /// Whose signatures count: those of a file, of a folder, or of the system.
    unsafe fn load_authorities(&self, options: &redisSSLOptions) -> Result<(), c_int> {
        let (file, folder) = (options.cacert_filename, options.capath);
        // SAFETY: as in `set_up`.
        unsafe {
            if file.is_null() && folder.is_null() {
                return match SSL_CTX_set_default_verify_paths(self.ssl_ctx) {
                    1 => Ok(()),
                    _ => Err(REDIS_SSL_CTX_CLIENT_DEFAULT_CERT_FAILED),
                };
            }
            match SSL_CTX_load_verify_locations(self.ssl_ctx, file, folder) {
                1 => Ok(()),
                _ => Err(REDIS_SSL_CTX_CA_CERT_LOAD_FAILED),
            }
        }
    }

    /// Who we are, if the server asks.
    unsafe fn load_certificate(&self, options: &redisSSLOptions) -> Result<(), c_int> {
        let (certificate, key) = (options.cert_filename, options.private_key_filename);
        if certificate.is_null() {
            return Ok(());
        }
        // SAFETY: as in `set_up`.
        unsafe {
            if SSL_CTX_use_certificate_chain_file(self.ssl_ctx, certificate) != 1 {
                return Err(REDIS_SSL_CTX_CLIENT_CERT_LOAD_FAILED);
            }
            // Fails for a key that does not fit the certificate, too.
            match SSL_CTX_use_PrivateKey_file(self.ssl_ctx, key, SSL_FILETYPE_PEM) {
                1 => Ok(()),
                _ => Err(REDIS_SSL_CTX_PRIVATE_KEY_LOAD_FAILED),
            }
        }
    }

    /// Has later connections accept this peer alone.
    ///
    /// # Safety
    /// No other thread uses the context.
    pub(crate) unsafe fn expect_peer(&self, name: &CStr) -> Result<(), c_int> {
        self.sessions.change_terms();
        // SAFETY: the caller's promise.
        let expected = unsafe { peer_name::expect(self.ssl_ctx, name) };
        self.nobody.store(expected.is_err(), Ordering::Release);
        expected.map_err(|()| REDIS_SSL_CTX_VERIFY_NAME_FAILED)
    }

    /// An OpenSSL connection with the server's name and the last session.
    pub(crate) fn connection(&self) -> Result<(NonNull<SSL>, Offer), NoConnection> {
        if self.nobody.load(Ordering::Acquire) {
            return Err(NoConnection::PeerName);
        }
        // SAFETY: the context is live; OpenSSL copies the name.
        unsafe {
            clear_errors();
            let ssl = NonNull::new(SSL_new(self.ssl_ctx)).ok_or(NoConnection::OutOfMemory)?;
            if !self.server_name.is_null()
                && SSL_set_tlsext_host_name(ssl.as_ptr(), self.server_name) != 1
            {
                SSL_free(ssl.as_ptr());
                return Err(NoConnection::ServerName);
            }
            let offer = self.sessions.offer(ssl.as_ptr());
            Ok((ssl, offer))
        }
    }

    /// One more holder.
    pub(crate) fn hold(&self) {
        self.holders.fetch_add(1, Ordering::Relaxed);
    }

    /// One holder less; the last one frees.
    ///
    /// # Safety
    /// The caller is a holder, and is none afterwards.
    pub(crate) unsafe fn release(context: NonNull<Self>) {
        // SAFETY: the caller's share keeps the context until here; after the last share nobody has it.
        unsafe {
            let this = context.as_ref();
            if this.holders.fetch_sub(1, Ordering::AcqRel) != 1 {
                return;
            }
            this.sessions.clear();
            SSL_CTX_free(this.ssl_ctx);
            process::release(this.server_name);
            process::release(context.as_ptr());
        }
    }
}
