//! The attachments that have something to do, in the order in which that became known. A list
//! through the attachments themselves, so that joining it never fails.

use super::attachment::Attachment;
use core::ptr::null_mut;

pub(super) struct Queue {
    first: *mut Attachment,
    last: *mut Attachment,
}

/// An attachment's place in the queue.
pub(super) struct Place {
    previous: *mut Attachment,
    next: *mut Attachment,
    queued: bool,
    /// Not before this round.
    round: u64,
}

impl Place {
    pub(super) fn none() -> Self {
        Self {
            previous: null_mut(),
            next: null_mut(),
            queued: false,
            round: 0,
        }
    }
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self {
            first: null_mut(),
            last: null_mut(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_null()
    }

    /// The first, unless its round is yet to come.
    ///
    /// # Safety
    /// Every attachment in the queue is live.
    pub(super) unsafe fn first(&self, round: u64) -> Option<*mut Attachment> {
        // SAFETY: the caller's promise.
        let first = unsafe { self.first.as_ref() }?;
        (first.place.round <= round).then_some(self.first)
    }

    /// Puts an attachment last, unless it is in the queue.
    ///
    /// # Safety
    /// It and those in the queue are live.
    pub(super) unsafe fn push(&mut self, attachment: *mut Attachment, round: u64) {
        // SAFETY: the caller's promise.
        unsafe {
            let place = &mut (*attachment).place;
            if place.queued {
                return;
            }
            *place = Place {
                previous: self.last,
                next: null_mut(),
                queued: true,
                round,
            };
            match self.last.as_mut() {
                Some(last) => last.place.next = attachment,
                None => self.first = attachment,
            }
            self.last = attachment;
        }
    }

    /// Takes an attachment out, if it is in the queue.
    ///
    /// # Safety
    /// As `push`.
    pub(super) unsafe fn remove(&mut self, attachment: *mut Attachment) {
        // SAFETY: the caller's promise; neighbours in the queue are live.
        unsafe {
            let place = core::mem::replace(&mut (*attachment).place, Place::none());
            if !place.queued {
                return;
            }
            match place.previous.as_mut() {
                Some(previous) => previous.place.next = place.next,
                None => self.first = place.next,
            }
            match place.next.as_mut() {
                Some(next) => next.place.previous = place.previous,
                None => self.last = place.previous,
            }
        }
    }
}
