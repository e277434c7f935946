//! `redisSSLContext`: what connections have in common: certificates, names, the last sessions.

use crate::failure::clear_errors;
use crate::named::{Named, NamedSessions, Names};
use crate::options::{
    REDIS_SSL_CTX_CA_CERT_LOAD_FAILED, REDIS_SSL_CTX_CERT_KEY_REQUIRED,
    REDIS_SSL_CTX_CLIENT_CERT_LOAD_FAILED, REDIS_SSL_CTX_CLIENT_DEFAULT_CERT_FAILED,
    REDIS_SSL_CTX_CREATE_FAILED, REDIS_SSL_CTX_PRIVATE_KEY_LOAD_FAILED,
    REDIS_SSL_CTX_VERIFY_NAME_FAILED, redisSSLOptions,
};
use crate::session::{Offer, SessionSlot};
use crate::{peer_name, process};
use core::ffi::CStr;
use core::net::IpAddr;
use core::ptr::{NonNull, null};
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
    /// Of connections that have no names of their own.
    sessions: SessionSlot,
    named: NamedSessions,
}

/// A context of TLS as one of its connections has it.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    context: NonNull<TlsContext>,
    /// The sessions of the connection's own names.
    named: Option<NonNull<Named>>,
    /// What was offered of its sessions.
    pub(crate) offer: Offer,
}

impl Origin {
    /// The sessions that the connection may take up and that it adds to.
    ///
    /// # Safety
    /// The origin is held.
    pub(crate) unsafe fn sessions<'a>(self) -> &'a SessionSlot {
        // SAFETY: the caller's promise.
        unsafe {
            match self.named {
                Some(named) => &(*named.as_ptr()).sessions,
                None => &(*self.context.as_ptr()).sessions,
            }
        }
    }

    /// One more holder.
    ///
    /// # Safety
    /// The origin is held.
    pub(crate) unsafe fn hold(self) {
        // SAFETY: the caller's promise.
        unsafe {
            self.context.as_ref().hold();
            if let Some(named) = self.named {
                named.as_ref().hold();
            }
        }
    }

    /// One holder less.
    ///
    /// # Safety
    /// The caller is a holder, and is none afterwards.
    pub(crate) unsafe fn release(self) {
        // SAFETY: the caller's promise.
        unsafe {
            if let Some(named) = self.named {
                Named::release(named);
            }
            TlsContext::release(self.context);
        }
    }
}

/// OpenSSL's callback for new sessions.
pub(crate) type OnSession = unsafe extern "C" fn(*mut SSL, *mut SSL_SESSION) -> c_int;

/// Why there is no connection for a handshake.
pub(crate) enum NoConnection {
    OutOfMemory,
    Ssl,
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
            (&raw mut (*new.as_ptr()).named).write(NamedSessions::new());
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
        self.named.clear();
        // SAFETY: the caller's promise.
        let expected = unsafe { peer_name::expect(self.ssl_ctx, name) };
        self.nobody.store(expected.is_err(), Ordering::Release);
        expected.map_err(|()| REDIS_SSL_CTX_VERIFY_NAME_FAILED)
    }

    /// An OpenSSL connection with these names, or else the context's, and the last session of such. The caller then holds its
    /// origin.
    ///
    /// # Safety
    /// `context` is live.
    pub(crate) unsafe fn connection(
        context: NonNull<Self>,
        names: Names,
    ) -> Result<(NonNull<SSL>, Origin), NoConnection> {
        // SAFETY: the caller's promise; on failure nobody has the connection.
        unsafe {
            let this = context.as_ref();
            if this.nobody.load(Ordering::Acquire) {
                return Err(NoConnection::PeerName);
            }
            clear_errors();
            let ssl = NonNull::new(SSL_new(this.ssl_ctx)).ok_or(NoConnection::Ssl)?;
            match this.name(ssl.as_ptr(), names) {
                Ok(named) => {
                    this.hold();
                    let mut origin = Origin {
                        context,
                        named,
                        offer: Offer::NONE,
                    };
                    origin.offer = origin.sessions().offer(ssl.as_ptr());
                    Ok((ssl, origin))
                }
                Err(reason) => {
                    SSL_free(ssl.as_ptr());
                    Err(reason)
                }
            }
        }
    }

    /// Gives a connection its names. Returns the sessions of these if they are its own, held.
    ///
    /// # Safety
    /// `ssl` is live, and has not begun its handshake.
    unsafe fn name(
        &self,
        ssl: *mut SSL,
        names: Names,
    ) -> Result<Option<NonNull<Named>>, NoConnection> {
        let server = match names.server {
            Some(name) if is_address(name) => null(),
            Some(name) => name.as_ptr(),
            None => self.server_name,
        };
        // SAFETY: the caller's promise; OpenSSL copies the names.
        unsafe {
            if !server.is_null() && SSL_set_tlsext_host_name(ssl, server.cast_mut()) != 1 {
                return Err(NoConnection::ServerName);
            }
            if let Some(name) = names.verify {
                peer_name::expect_of(ssl, name).map_err(|()| NoConnection::PeerName)?;
            }
        }
        if names.are_none() {
            return Ok(None);
        }
        let named = self.named.slot(names).ok_or(NoConnection::OutOfMemory)?;
        Ok(Some(named))
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
            this.named.clear();
            SSL_CTX_free(this.ssl_ctx);
            process::release(this.server_name);
            process::release(context.as_ptr());
        }
    }
}

/// What cannot be told to a server as a name.
fn is_address(name: &CStr) -> bool {
    name.to_str()
        .is_ok_and(|name| name.parse::<IpAddr>().is_ok())
}
