//! The last TLS session of a context, which shortens the handshakes that follow.

use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};
use openssl_sys::{SSL, SSL_SESSION, SSL_SESSION_free, SSL_set_session};

/// A place for one session. Connections of several threads may share it.
pub(crate) struct SessionSlot(AtomicPtr<SSL_SESSION>);

impl SessionSlot {
    /// Keeps a session instead of the one before.
    ///
    /// # Safety
    /// `session` is NULL or one reference, which is given up.
    pub(crate) unsafe fn put(&self, session: *mut SSL_SESSION) {
        let old = self.0.swap(session, Ordering::AcqRel);
        // SAFETY: the slot owned what it held; NULL is allowed.
        unsafe { SSL_SESSION_free(old) }
    }

    /// Offers the session to a handshake that is about to begin. The slot is empty for that moment: another thread then does a
    /// whole handshake, as it would have without any session.
    ///
    /// # Safety
    /// `ssl` is live.
    pub(crate) unsafe fn offer(&self, ssl: *mut SSL) {
        let session = self.0.swap(null_mut(), Ordering::AcqRel);
        if session.is_null() {
            return;
        }
        // SAFETY: the session is ours while it is out of the slot; the connection takes a reference of its own.
        unsafe {
            SSL_set_session(ssl, session);
            let back =
                self.0
                    .compare_exchange(null_mut(), session, Ordering::AcqRel, Ordering::Acquire);
            // A newer one has come meanwhile.
            if back.is_err() {
                SSL_SESSION_free(session);
            }
        }
    }

    /// Forgets the session: what it was negotiated under no longer holds.
    pub(crate) fn clear(&self) {
        // SAFETY: NULL is a session to put.
        unsafe { self.put(null_mut()) }
    }
}
