//! Long bulk strings, received into the `str` they will stay in: the kernel copies once, we not at
//! all. The block grows with what has arrived, so that an announced length costs nothing.

use super::reply::new_reply;
use crate::alloc::{self, Heap};
use crate::error::Error;
use crate::layout::{REDIS_REPLY_STRING, redisReply};
use crate::resp::BAD_TERMINATOR;
use core::ptr::{NonNull, null_mut};
use libc::c_char;

/// Length from which a string is worth it.
pub(super) const MIN_LARGE: usize = 32 * 1024;

/// First size of the block.
const FIRST_CAPACITY: usize = 64 * 1024;

/// A string on its way, with the CRLF behind it; inactive while `reply` is NULL.
#[derive(Debug)]
pub(super) struct LargeBulk {
    reply: *mut redisReply,
    str: *mut u8,
    capacity: usize,
    filled: usize,
    /// Bytes to receive: the string and its CRLF.
    total: usize,
}

impl LargeBulk {
    /// Starts a string of `len` bytes, of which `bytes` have arrived.
    ///
    /// # Safety
    /// The reader behind it was zeroed or used through these methods only.
    pub(super) unsafe fn start(&mut self, len: usize, bytes: &[u8]) -> Result<(), Error> {
        let total = len.checked_add(2).ok_or(Error::OutOfMemory)?;
        let reply = new_reply(&Heap::current(), REDIS_REPLY_STRING).ok_or(Error::OutOfMemory)?;
        *self = Self {
            reply: reply.as_ptr(),
            str: null_mut(),
            capacity: 0,
            filled: 0,
            total,
        };
        // SAFETY: the string is active from here on.
        unsafe { self.push(bytes) }.map(|_| ())
    }

    /// Whether a string is in progress and misses bytes.
    pub(super) fn is_receiving(&self) -> bool {
        !self.reply.is_null() && self.filled < self.total
    }

    /// Whether a string is in progress and all there.
    pub(super) fn is_complete(&self) -> bool {
        !self.reply.is_null() && self.filled == self.total
    }

    /// Whether a string is in progress.
    pub(super) fn is_active(&self) -> bool {
        !self.reply.is_null()
    }

    /// Bytes that the string in progress misses; 0 where there is none.
    pub(super) fn missing(&self) -> usize {
        if self.reply.is_null() {
            0
        } else {
            self.total - self.filled
        }
    }

    /// Where a read may put the next bytes, at most `most` of them. The block grows when it is full,
    /// not before, so that it never exceeds twice what has arrived.
    ///
    /// # Safety
    /// A string is being received.
    pub(super) unsafe fn room(&mut self, most: usize) -> Result<(*mut c_char, usize), Error> {
        // SAFETY: the caller's promise; the room lies within the block.
        unsafe {
            self.reserve(self.filled + 1)?;
            let room = most.min(self.capacity - self.filled);
            Ok((self.str.add(self.filled).cast(), room))
        }
    }

    /// Counts `len` bytes that were written at `room`.
    pub(super) fn advance(&mut self, len: usize) {
        self.filled = self.total.min(self.filled + len);
    }

    /// Copies what belongs to the string from the front of `bytes`; returns how much that was.
    ///
    /// # Safety
    /// A string is in progress.
    pub(super) unsafe fn push(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let len = bytes.len().min(self.total - self.filled);
        // SAFETY: the block has room for `len` bytes more.
        unsafe {
            self.reserve(self.filled + len)?;
            self.str
                .add(self.filled)
                .copy_from_nonoverlapping(bytes.as_ptr(), len);
        }
        self.filled += len;
        Ok(len)
    }

    /// The finished reply. Fails where no CRLF follows the string.
    ///
    /// # Safety
    /// The string is complete.
    pub(super) unsafe fn finish(&mut self) -> Result<NonNull<redisReply>, Error> {
        let len = self.total - 2;
        // SAFETY: the block holds `total` bytes, the string and two more.
        unsafe {
            let end = self.str.add(len);
            if [*end, *end.add(1)] != *b"\r\n" {
                return Err(BAD_TERMINATOR);
            }
            *end = 0;
            (*self.reply).str = self.str.cast();
            (*self.reply).len = len;
        }
        let reply = core::mem::replace(&mut self.reply, null_mut());
        NonNull::new(reply).ok_or(Error::OutOfMemory)
    }

    /// Frees a string in progress.
    ///
    /// # Safety
    /// As `start`.
    pub(super) unsafe fn discard(&mut self) {
        if !self.reply.is_null() {
            // SAFETY: an active string owns both blocks, and nothing else reaches them.
            unsafe {
                alloc::release(self.str);
                alloc::release(self.reply);
            }
            self.reply = null_mut();
        }
    }

    /// Makes the block hold `needed` bytes, at least doubling it, never beyond `total`.
    unsafe fn reserve(&mut self, needed: usize) -> Result<(), Error> {
        if needed <= self.capacity {
            return Ok(());
        }
        let doubled = self.capacity.saturating_mul(2).max(FIRST_CAPACITY);
        let capacity = needed.max(doubled).min(self.total);
        // SAFETY: `str` is NULL or this string's block.
        let str = unsafe { alloc::reallocate(self.str.cast(), capacity) };
        if str.is_null() {
            return Err(Error::OutOfMemory);
        }
        self.str = str.cast();
        self.capacity = capacity;
        Ok(())
    }
}
