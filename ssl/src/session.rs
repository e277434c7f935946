//! The last TLS session of a context, which shortens the handshakes that follow.

use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use openssl_sys::{SSL, SSL_SESSION, SSL_SESSION_free, SSL_session_reused, SSL_set_session};

/// A place for one session. Connections of several threads may share it.
pub(crate) struct SessionSlot {
    session: AtomicPtr<SSL_SESSION>,
    /// How often it has changed whom the context accepts.
    terms: AtomicUsize,
    /// A session was taken up once: the server can.
    taken_up: AtomicBool,
    /// The server answers sessions with an alert: none are offered any more.
    refused: AtomicBool,
}

/// What a connection has to do with its context's sessions.
#[derive(Clone, Copy)]
pub(crate) struct Offer {
    /// `SessionSlot::terms` when the connection was made.
    terms: usize,
    /// Its handshake offers a session.
    made: bool,
}

impl SessionSlot {
    /// Keeps a session instead of the one before, and tells whether it did: not where it was negotiated by a connection that began on
    /// other terms. A ticket may come long after the handshake, and whoever takes it up is not asked for a certificate again.
    ///
    /// # Safety
    /// `session` is one reference, which is given up where it is kept.
    pub(crate) unsafe fn keep(&self, offer: Offer, session: *mut SSL_SESSION) -> bool {
        let fits = self.terms.load(Ordering::Acquire) == offer.terms;
        if fits {
            // SAFETY: the caller's promise.
            unsafe { self.put(session) }
        }
        fits
    }

    /// Offers the session to a handshake that is about to begin. The slot is empty for that moment: another thread then does a
    /// whole handshake, as it would have without any session.
    ///
    /// # Safety
    /// `ssl` is live.
    pub(crate) unsafe fn offer(&self, ssl: *mut SSL) -> Offer {
        let terms = self.terms.load(Ordering::Acquire);
        let session = match self.refused.load(Ordering::Relaxed) {
            true => null_mut(),
            false => self.session.swap(null_mut(), Ordering::AcqRel),
        };
        if session.is_null() {
            return Offer { terms, made: false };
        }
        // SAFETY: the session is ours while it is out of the slot; the connection takes a reference of its own.
        unsafe {
            let made = SSL_set_session(ssl, session) == 1;
            let back = self.session.compare_exchange(
                null_mut(),
                session,
                Ordering::AcqRel,
                Ordering::Acquire,
            );
            // A newer one has come meanwhile.
            if back.is_err() {
                SSL_SESSION_free(session);
            }
            Offer { terms, made }
        }
    }

    /// A handshake is done.
    ///
    /// # Safety
    /// `ssl` is live.
    pub(crate) unsafe fn succeeded(&self, offer: Offer, ssl: *const SSL) {
        // SAFETY: the caller's promise.
        if offer.made && unsafe { SSL_session_reused(ssl) } == 1 {
            self.taken_up.store(true, Ordering::Relaxed);
        }
    }

    /// A handshake has failed, by an alert or otherwise: the next one begins anew. Servers that ask for certificates and have set no
    /// session id context, as Redis 6.0.5 (redis#7270), refuse every connection that offers a session.
    pub(crate) fn failed(&self, offer: Offer, by_alert: bool) {
        if offer.made && by_alert && !self.taken_up.load(Ordering::Relaxed) {
            self.refused.store(true, Ordering::Relaxed);
        }
        self.clear();
    }

    /// Has sessions that were or are being negotiated forgotten: what that was done under no longer holds.
    pub(crate) fn change_terms(&self) {
        self.terms.fetch_add(1, Ordering::AcqRel);
        self.clear();
    }

    /// Forgets the session.
    pub(crate) fn clear(&self) {
        // SAFETY: NULL is a session to put.
        unsafe { self.put(null_mut()) }
    }

    /// # Safety
    /// `session` is NULL or one reference, which is given up.
    unsafe fn put(&self, session: *mut SSL_SESSION) {
        let old = self.session.swap(session, Ordering::AcqRel);
        // SAFETY: the slot owned what it held; NULL is allowed.
        unsafe { SSL_SESSION_free(old) }
    }
}
