//! Aggregates whose elements are still arriving.

use super::reply::new_reply;
use crate::alloc::{self, Heap, Release};
use crate::error::Error;
use crate::layout::redisReply;
use crate::resp::Kind;
use core::ptr::{NonNull, null_mut};
use libc::{c_int, c_longlong};

/// Element vectors beyond any address space (128 TiB of pointers).
const MAX_ELEMENTS: usize = 1 << 44;

/// Slots that an aggregate gets at once, however little of it has arrived, and however much.
const MIN_SLOTS: usize = 4;
const MAX_FIRST_SLOTS: usize = 4096;

/// Bytes that the shortest elements take on the wire, commonly.
const BYTES_PER_ELEMENT: usize = 4;

/// An aggregate that misses elements, or none. At every moment it is a valid reply, which can be
/// freed: `elements` counts those it has. Three fields that aggregates have no use for tell the
/// rest, until it is complete and they are zero again:
///
/// | field | holds |
/// |---|---|
/// | `str` | the aggregate that this one is an element of, which is open too |
/// | `integer` | how many elements were announced |
/// | `len` | how many the vector has room for: it grows with what arrives |
#[derive(Clone, Copy)]
pub(super) struct Open(*mut redisReply);

impl Open {
    /// A new aggregate with room for `slots` of its elements.
    #[inline(always)]
    pub(super) fn new(
        heap: &Heap,
        kind: Kind,
        announced: usize,
        slots: usize,
    ) -> Result<(NonNull<redisReply>, Self), Error> {
        if announced > MAX_ELEMENTS {
            return Err(Error::OutOfMemory);
        }
        let reply = new_reply(heap, kind as c_int).ok_or(Error::OutOfMemory)?;
        let vector = heap.vector::<redisReply>(slots);
        // SAFETY: the object is new and reached by nothing else.
        unsafe {
            if vector.is_null() {
                heap.release(reply.as_ptr());
                return Err(Error::OutOfMemory);
            }
            (*reply.as_ptr()).element = vector;
            (*reply.as_ptr()).integer = announced as c_longlong;
            (*reply.as_ptr()).len = slots;
        }
        Ok((reply, Self(reply.as_ptr())))
    }

    /// How many slots to allocate at once: all, where the `unread` bytes may well hold that many
    /// elements in addition to the `vacant` slots that wait for theirs.
    #[inline(always)]
    pub(super) fn first_slots(announced: usize, unread: usize, vacant: usize) -> usize {
        if announced <= MIN_SLOTS {
            return announced;
        }
        let plausible = (unread / BYTES_PER_ELEMENT).saturating_sub(vacant);
        announced.min(plausible.clamp(MIN_SLOTS, MAX_FIRST_SLOTS))
    }

    #[inline(always)]
    pub(super) fn is_none(self) -> bool {
        self.0.is_null()
    }

    /// Whether every element that was announced is there.
    ///
    /// # Safety
    /// For this and every method that follows: there is an aggregate, and it is live.
    #[inline(always)]
    pub(super) unsafe fn is_full(self) -> bool {
        // SAFETY: the caller's promise.
        unsafe { (*self.0).elements as c_longlong >= (*self.0).integer }
    }

    #[inline(always)]
    pub(super) unsafe fn has_room(self) -> bool {
        // SAFETY: the caller's promise.
        unsafe { (*self.0).elements < (*self.0).len }
    }

    /// Adds an element, for which there is room.
    #[inline(always)]
    pub(super) unsafe fn push(self, reply: NonNull<redisReply>) {
        // SAFETY: the caller's promise; the vector has `len` slots.
        unsafe {
            let aggregate = self.0;
            *(*aggregate).element.add((*aggregate).elements) = reply.as_ptr();
            (*aggregate).elements += 1;
        }
    }

    /// Doubles the vector, up to what was announced. Returns how many slots that added.
    #[cold]
    pub(super) unsafe fn grow(self) -> Result<usize, Error> {
        // SAFETY: the caller's promise; the vector is a block of the allocator table.
        unsafe {
            let aggregate = self.0;
            let old = (*aggregate).len;
            let new = (2 * old).min((*aggregate).integer as usize);
            let size = new * size_of::<*mut redisReply>();
            let vector = alloc::reallocate((*aggregate).element.cast(), size);
            if vector.is_null() {
                return Err(Error::OutOfMemory);
            }
            (*aggregate).element = vector.cast();
            (*aggregate).len = new;
            Ok(new - old)
        }
    }

    /// Says which aggregate this one is an element of.
    #[inline(always)]
    pub(super) unsafe fn set_parent(self, parent: Self) {
        // SAFETY: the caller's promise.
        unsafe { (*self.0).str = parent.0.cast() }
    }

    /// Makes a full aggregate an ordinary reply. Returns it, and what it is an element of.
    #[inline(always)]
    pub(super) unsafe fn close(self) -> (NonNull<redisReply>, Self) {
        // SAFETY: the caller's promise; an aggregate that is there is not NULL.
        unsafe {
            let aggregate = &mut *self.0;
            let parent = Self(aggregate.str.cast());
            aggregate.str = null_mut();
            aggregate.integer = 0;
            aggregate.len = 0;
            (NonNull::from(aggregate), parent)
        }
    }
}
