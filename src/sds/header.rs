//! The header before an sds: `len`, `alloc` (without header and NUL) and a flags byte, packed, as
//! wide as the string needs. Programs read and write it through the inline functions of `sds.h`.
//!
//! The low three flag bits are the type. Above them type 5 keeps its length, while in the other
//! types they say how far a rebased string stands behind its block's first byte of text
//! (`docs/output-buffer.md`).

use super::Sds;
use crate::alloc;
use libc::{c_char, c_void};

/// The size class of a header, with the ABI's codes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Type {
    Bits5 = 0,
    Bits8 = 1,
    Bits16 = 2,
    Bits32 = 3,
    Bits64 = 4,
}

const TYPE_BITS: u32 = 3;
const TYPE_MASK: u8 = (1 << TYPE_BITS) - 1;
/// In the flag bits: the offset stands in the eight bytes before the header.
const FAR: u8 = 31;

impl Type {
    /// The smallest type for a string of `len` bytes.
    pub(super) fn for_len(len: usize) -> Type {
        match len {
            0..32 => Type::Bits5,
            32..0xff => Type::Bits8,
            0xff..0xffff => Type::Bits16,
            0xffff..0xffff_ffff => Type::Bits32,
            _ => Type::Bits64,
        }
    }

    /// The type of `s`.
    ///
    /// # Safety
    /// `s` is an sds.
    pub(super) unsafe fn of(s: Sds) -> Type {
        // SAFETY: a flags byte stands before every sds.
        match unsafe { flags(s) } & TYPE_MASK {
            0 => Type::Bits5,
            1 => Type::Bits8,
            2 => Type::Bits16,
            3 => Type::Bits32,
            _ => Type::Bits64,
        }
    }

    /// The bytes of `len`, and of `alloc`. Type 5 has neither.
    fn width(self) -> usize {
        match self {
            Type::Bits5 => 0,
            Type::Bits8 => 1,
            Type::Bits16 => 2,
            Type::Bits32 => 4,
            Type::Bits64 => 8,
        }
    }

    /// The bytes of the whole header.
    pub(super) fn header_size(self) -> usize {
        2 * self.width() + 1
    }

    /// The bytes of a block for `capacity` bytes of text, unless there are no such blocks.
    pub(super) fn block_size(self, capacity: usize) -> Option<usize> {
        capacity
            .checked_add(self.header_size() + 1)
            .filter(|&size| size <= isize::MAX as usize)
    }
}

/// # Safety
/// `s` is an sds.
unsafe fn flags(s: Sds) -> u8 {
    // SAFETY: the flags byte stands just before the text.
    unsafe { s.sub(1).cast::<u8>().read() }
}

/// # Safety
/// `width` bytes (1, 2, 4 or 8) stand at `at`.
unsafe fn load(at: *const c_char, width: usize) -> usize {
    // SAFETY: the caller says how many bytes stand there; the header is packed, hence unaligned.
    unsafe {
        match width {
            1 => usize::from(at.cast::<u8>().read()),
            2 => usize::from(at.cast::<u16>().read_unaligned()),
            4 => at.cast::<u32>().read_unaligned() as usize,
            _ => at.cast::<u64>().read_unaligned() as usize,
        }
    }
}

/// # Safety
/// `at` is valid for writing `width` bytes (1, 2, 4 or 8).
unsafe fn store(at: *mut c_char, width: usize, value: usize) {
    // SAFETY: as in `load`.
    unsafe {
        match width {
            1 => at.cast::<u8>().write(value as u8),
            2 => at.cast::<u16>().write_unaligned(value as u16),
            4 => at.cast::<u32>().write_unaligned(value as u32),
            _ => at.cast::<u64>().write_unaligned(value as u64),
        }
    }
}

/// The length in bytes, without the NUL.
///
/// # Safety
/// `s` is an sds.
pub(crate) unsafe fn len(s: Sds) -> usize {
    // SAFETY: the header that the flags announce stands before the text.
    unsafe {
        match Type::of(s) {
            Type::Bits5 => usize::from(flags(s) >> TYPE_BITS),
            wide => load(s.sub(wide.header_size()), wide.width()),
        }
    }
}

/// The bytes of text that fit without growing; for type 5, which does not record them, the length.
///
/// # Safety
/// `s` is an sds.
pub(crate) unsafe fn capacity(s: Sds) -> usize {
    // SAFETY: as in `len`.
    unsafe {
        match Type::of(s) {
            Type::Bits5 => len(s),
            wide => load(s.sub(wide.width() + 1), wide.width()),
        }
    }
}

/// Sets the length and writes the NUL behind it.
///
/// # Safety
/// `s` is an sds with room for `len` bytes and the NUL.
pub(crate) unsafe fn set_len(s: Sds, len: usize) {
    // SAFETY: as in `len`; the caller says that the NUL has room.
    unsafe {
        match Type::of(s) {
            Type::Bits5 => s.sub(1).cast::<u8>().write((len as u8) << TYPE_BITS),
            wide => store(s.sub(wide.header_size()), wide.width(), len),
        }
        s.add(len).write(0);
    }
}

/// The header of a type whose `len` and `alloc` are of type `T`.
#[repr(C, packed)]
struct Header<T> {
    len: T,
    alloc: T,
    flags: u8,
}

/// A type of `len` and `alloc`.
trait Width: Copy {
    fn get(self) -> usize;
    /// `value` is small enough.
    fn of(value: usize) -> Self;
}

macro_rules! width {
    ($($type:ty)*) => {
        $(impl Width for $type {
            #[inline(always)]
            fn get(self) -> usize {
                self as usize
            }

            #[inline(always)]
            fn of(value: usize) -> Self {
                value as Self
            }
        })*
    };
}
width! { u8 u16 u32 }

/// Appends a text where that fits without growing; tells whether it did.
///
/// # Safety
/// `s` is an sds; `bytes` lies outside it.
#[inline(always)]
pub(crate) unsafe fn append_in_room(s: Sds, bytes: &[u8]) -> bool {
    // SAFETY: as in `len`.
    unsafe {
        match Type::of(s) {
            Type::Bits8 => append_to::<u8>(s, bytes),
            Type::Bits16 => append_to::<u16>(s, bytes),
            Type::Bits32 => append_to::<u32>(s, bytes),
            Type::Bits5 | Type::Bits64 => false,
        }
    }
}

/// # Safety
/// As `append_in_room`; the header of `s` has this width.
#[inline(always)]
unsafe fn append_to<T: Width>(s: Sds, bytes: &[u8]) -> bool {
    // SAFETY: the text and its NUL stay within `alloc` bytes and one more; a length up to `alloc`
    // has its width.
    unsafe {
        let header = s.cast::<Header<T>>().sub(1);
        let old = (*header).len.get();
        let new = old + bytes.len();
        if new > (*header).alloc.get() {
            return false;
        }
        alloc::copy(bytes, s.cast::<u8>().add(old));
        *s.add(new) = 0;
        (*header).len = T::of(new);
    }
    true
}

/// # Safety
/// `s` is an sds whose block has room for `capacity` bytes of text.
pub(super) unsafe fn set_capacity(s: Sds, capacity: usize) {
    // SAFETY: as in `len`.
    unsafe {
        let width = Type::of(s).width();
        if width > 0 {
            store(s.sub(width + 1), width, capacity);
        }
    }
}

/// Makes an empty string in `block`; its room is not initialised.
///
/// # Safety
/// `block` is valid for writing `kind.block_size(capacity)` bytes.
pub(super) unsafe fn begin(block: *mut c_void, kind: Type, capacity: usize) -> Sds {
    // SAFETY: header, text and NUL lie within the block.
    unsafe {
        let s = block.cast::<c_char>().add(kind.header_size());
        s.sub(1).cast::<u8>().write(kind as u8);
        set_capacity(s, capacity);
        set_len(s, 0);
        s
    }
}

/// How far `s` stands behind its block's first byte of text: 0 unless it is rebased.
///
/// # Safety
/// `s` is an sds.
pub(super) unsafe fn offset(s: Sds) -> usize {
    // SAFETY: as in `len`; only `rebase` writes `FAR`, and the offset before the header with it.
    unsafe {
        match (Type::of(s), flags(s) >> TYPE_BITS) {
            (Type::Bits5, _) => 0,
            (kind, FAR) => load(s.sub(kind.header_size() + 8), 8),
            (_, near) => usize::from(near),
        }
    }
}

/// The block that `s` lives in, as the allocator knows it.
///
/// # Safety
/// `s` is an sds.
pub(super) unsafe fn block(s: Sds) -> *mut c_void {
    // SAFETY: the block begins with a header's bytes, `offset` bytes before the header of `s`.
    unsafe { s.sub(offset(s) + Type::of(s).header_size()).cast() }
}

/// Drops the first `n` bytes without moving the others: a header of the same type is written into
/// the bytes before them.
///
/// # Safety
/// `s` is an sds, not of type 5, of at least `n` bytes, `n` > 0; it is replaced by the result.
pub(super) unsafe fn rebase(s: Sds, n: usize) -> Sds {
    // SAFETY: the new header ends `n` bytes behind the old one's end and the offset, which needs
    // eight bytes more, is written only where that many lie between the block's start and it.
    unsafe {
        let kind = Type::of(s);
        let (len, capacity, offset) = (len(s) - n, capacity(s) - n, offset(s) + n);
        let s = s.add(n);
        let near = if offset < usize::from(FAR) {
            offset as u8
        } else {
            store(s.sub(kind.header_size() + 8), 8, offset);
            FAR
        };
        s.sub(1).cast::<u8>().write(kind as u8 | near << TYPE_BITS);
        set_capacity(s, capacity);
        store(s.sub(kind.header_size()), kind.width(), len);
        s
    }
}
