//! The last TLS session of a context or of a name, which shortens the handshakes that follow.

use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicUsize, Ordering};
use openssl_sys::{SSL, SSL_SESSION, SSL_SESSION_free, SSL_session_reused, SSL_set_session};

/// A place for one session. Connections of several threads may share it.
pub(crate) struct SessionSlot {
    kept: AtomicPtr<Kept>,
    /// How often it has changed whom the context accepts.
    terms: AtomicUsize,
    /// How much speaks for it that the server refuses whoever offers a session; from `REFUSED` on none is offered.
    suspicion: AtomicU8,
    /// What the last handshake adds to that, if one without a session succeeds where it has failed.
    suspect: AtomicU8,
}

/// A session, and the terms on which it was negotiated. A block of libc's malloc, since OpenSSL, which hands sessions over, lets no
/// exception of the program's allocator pass.
struct Kept {
    session: *mut SSL_SESSION,
    terms: usize,
}

/// What a connection has to do with its sessions.
#[derive(Clone, Copy)]
pub(crate) struct Offer {
    /// `SessionSlot::terms` when the connection was made.
    terms: usize,
    /// Its handshake offers a session.
    made: bool,
}

impl Offer {
    /// Nothing.
    pub(crate) const NONE: Self = Self {
        terms: 0,
        made: false,
    };
}

/// So much suspicion is enough.
const REFUSED: u8 = 2;

impl SessionSlot {
    /// Keeps a session instead of the one before, and tells whether it did. A ticket may come long after the handshake, and whoever
    /// takes it up is not asked for a certificate again: it counts on the terms of the connection that was told of it alone.
    ///
    /// # Safety
    /// `session` is one reference, which is given up where it is kept.
    pub(crate) unsafe fn keep(&self, offer: Offer, session: *mut SSL_SESSION) -> bool {
        if offer.terms != self.terms.load(Ordering::Acquire) {
            return false;
        }
        // SAFETY: the block is written before it is used.
        unsafe {
            let new = libc::malloc(size_of::<Kept>()).cast::<Kept>();
            if !new.is_null() {
                let terms = offer.terms;
                new.write(Kept { session, terms });
                self.put(new);
            }
            !new.is_null()
        }
    }

    /// Offers the session to a handshake that is about to begin. The slot is empty for that moment: another thread then does a
    /// whole handshake, as it would have without any session.
    ///
    /// # Safety
    /// `ssl` is live.
    pub(crate) unsafe fn offer(&self, ssl: *mut SSL) -> Offer {
        let terms = self.terms.load(Ordering::Acquire);
        let kept = self.kept.swap(null_mut(), Ordering::AcqRel);
        let mut offer = Offer { terms, made: false };
        // SAFETY: what was kept is ours while it is out of the slot; the connection takes a reference of its own.
        unsafe {
            let Some(fits) = kept.as_ref().map(|kept| kept.terms == terms) else {
                return offer;
            };
            if !fits || self.suspicion.load(Ordering::Relaxed) >= REFUSED {
                discard(kept);
                return offer;
            }
            offer.made = SSL_set_session(ssl, (*kept).session) == 1;
            let back =
                self.kept
                    .compare_exchange(null_mut(), kept, Ordering::AcqRel, Ordering::Acquire);
            // A newer one has come meanwhile.
            if back.is_err() {
                discard(kept);
            }
        }
        offer
    }

    /// A handshake is done.
    ///
    /// # Safety
    /// `ssl` is live.
    pub(crate) unsafe fn succeeded(&self, offer: Offer, ssl: *const SSL) {
        let suspect = self.suspect.swap(0, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        if offer.made && unsafe { SSL_session_reused(ssl) } == 1 {
            self.suspicion.store(0, Ordering::Relaxed);
        } else if suspect > 0 {
            let before = self.suspicion.load(Ordering::Relaxed);
            self.suspicion
                .store(before.saturating_add(suspect), Ordering::Relaxed);
        }
    }

    /// A handshake has failed: the next one begins anew. Servers that ask for certificates and have set no session id context, as
    /// Redis 6.0.5 (redis#7270), refuse every connection that offers a session, by the alert `internal_error`. Of whoever fails
    /// otherwise that is believed the second time.
    pub(crate) fn failed(&self, offer: Offer, internal_error: bool) {
        if offer.made {
            let weight = if internal_error { REFUSED } else { 1 };
            self.suspect.store(weight, Ordering::Relaxed);
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
        // SAFETY: NULL is nothing to put.
        unsafe { self.put(null_mut()) }
    }

    /// # Safety
    /// `new` is NULL or made by `keep`, and is given up.
    unsafe fn put(&self, new: *mut Kept) {
        let old = self.kept.swap(new, Ordering::AcqRel);
        // SAFETY: the slot owned what it held.
        unsafe { discard(old) }
    }
}

/// # Safety
/// `kept` is NULL or made by `SessionSlot::keep`, out of the slot, and is given up.
unsafe fn discard(kept: *mut Kept) {
    if let Some(kept) = NonNull::new(kept) {
        // SAFETY: the caller's promise; a kept session is one reference.
        unsafe {
            SSL_SESSION_free(kept.as_ref().session);
            libc::free(kept.as_ptr().cast());
        }
    }
}
