//! Where a command is written: a block of its own, or the end of an output buffer.

use super::FormatError;
use crate::alloc;
use crate::sds::{self, Sds};
use core::ptr::{NonNull, null_mut};
use libc::c_void;

/// Where the bytes of a command go, and how many there is room for.
#[derive(Clone, Copy)]
pub(super) struct Room {
    pub(super) start: *mut u8,
    pub(super) capacity: usize,
}

/// Storage for the bytes of a command. Behind its capacity there is room for a NUL.
///
/// Whoever uses one ends with `finish` or `abandon`. There is no `Drop` for it, since the
/// allocator, which may be the program's, may leave by `longjmp` or an exception.
pub(super) trait Sink: Sized {
    /// What a finished command is.
    type Output;

    fn room(&self) -> Room;

    /// A command may be no longer than this.
    fn limit(&self) -> usize;

    /// Makes room for at least `additional` bytes behind the first `len`, which are kept.
    ///
    /// # Safety
    /// The first `len` bytes are written; their sum with `additional` does not overflow.
    unsafe fn grow(&mut self, len: usize, additional: usize) -> Result<Room, FormatError>;

    /// # Safety
    /// The command is the first `len` bytes, all written.
    unsafe fn finish(self, len: usize) -> Self::Output;

    /// Leaves no trace of the command.
    ///
    /// # Safety
    /// The room is not used afterwards.
    unsafe fn abandon(self);
}

/// A block from the allocator, for a command that the program keeps.
pub(super) struct Block {
    start: *mut u8,
    capacity: usize,
    limit: usize,
}

impl Block {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            start: null_mut(),
            capacity: 0,
            limit,
        }
    }
}

impl Sink for Block {
    type Output = (NonNull<u8>, usize);

    fn room(&self) -> Room {
        Room {
            start: self.start,
            capacity: self.capacity,
        }
    }

    fn limit(&self) -> usize {
        self.limit
    }

    unsafe fn grow(&mut self, len: usize, additional: usize) -> Result<Room, FormatError> {
        let capacity = (len + additional).max(self.capacity.saturating_mul(2));
        let size = capacity.checked_add(1).ok_or(FormatError::OutOfMemory)?;
        let block: *mut c_void = if self.start.is_null() {
            alloc::allocate(size)
        } else {
            // SAFETY: the block came from the allocator, and is replaced below.
            unsafe { alloc::reallocate(self.start.cast(), size) }
        };
        if block.is_null() {
            return Err(FormatError::OutOfMemory);
        }
        self.start = block.cast();
        self.capacity = capacity;
        Ok(self.room())
    }

    unsafe fn finish(self, len: usize) -> Self::Output {
        // SAFETY: a command has at least a header, so that there is a block, which has room for
        // `len` bytes and a NUL.
        unsafe {
            self.start.add(len).write(0);
            (NonNull::new_unchecked(self.start), len)
        }
    }

    unsafe fn abandon(self) {
        // SAFETY: the block, if there is one, came from the allocator and was not handed out.
        unsafe { alloc::release(self.start) }
    }
}

/// The end of an sds that may hold other commands.
pub(super) struct End<'a> {
    buffer: &'a mut Sds,
    before: usize,
    limit: usize,
}

impl<'a> End<'a> {
    /// # Safety
    /// `buffer` is an sds that nothing else refers to.
    pub(super) unsafe fn new(buffer: &'a mut Sds, limit: usize) -> Self {
        // SAFETY: the caller passes an sds.
        let before = unsafe { sds::len(*buffer) };
        Self {
            buffer,
            before,
            limit,
        }
    }
}

impl Sink for End<'_> {
    type Output = usize;

    fn room(&self) -> Room {
        // SAFETY: `buffer` is an sds of at least `before` bytes. A program may have given it a
        // length beyond its capacity.
        unsafe {
            Room {
                start: self.buffer.add(self.before).cast(),
                capacity: sds::capacity(*self.buffer).saturating_sub(self.before),
            }
        }
    }

    fn limit(&self) -> usize {
        self.limit
    }

    unsafe fn grow(&mut self, len: usize, additional: usize) -> Result<Room, FormatError> {
        // SAFETY: as in `room`. The length is set because only what it covers survives growing;
        // before the first growth it is what it was.
        unsafe {
            if len > 0 {
                sds::set_len(*self.buffer, self.before + len);
            }
            let longer = sds::reserve(*self.buffer, additional);
            if longer.is_null() {
                return Err(FormatError::OutOfMemory);
            }
            *self.buffer = longer;
        }
        Ok(self.room())
    }

    unsafe fn finish(self, len: usize) -> usize {
        // SAFETY: the sds has room for its old text, the command and the NUL.
        unsafe { sds::set_len(*self.buffer, self.before + len) };
        len
    }

    unsafe fn abandon(self) {
        // SAFETY: the sds held that many bytes before.
        unsafe { sds::set_len(*self.buffer, self.before) }
    }
}
