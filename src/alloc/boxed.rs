//! Values on the heap, of Rust's own allocator, without an end of the process if memory is short.

use std::alloc::Layout;

/// As `Box::new`; `None` if memory is short.
pub(crate) fn try_box<T>(value: T) -> Option<Box<T>> {
    const { assert!(size_of::<T>() > 0) }
    // SAFETY: the layout's size is not zero, as asserted above.
    let place: *mut T = unsafe { std::alloc::alloc(Layout::new::<T>()) }.cast();
    if place.is_null() {
        return None;
    }
    // SAFETY: the block is new, has the layout of `T`, and came from the allocator that `Box` uses.
    unsafe {
        place.write(value);
        Some(Box::from_raw(place))
    }
}

/// A copy of `bytes`; `None` if memory is short.
pub(crate) fn try_copy(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut copy: Vec<u8> = Vec::new();
    copy.try_reserve_exact(bytes.len()).ok()?;
    // SAFETY: the vector has room for as many bytes, which are distinct from the new block, and are
    // written before they count.
    unsafe {
        copy.as_mut_ptr()
            .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        copy.set_len(bytes.len());
    }
    Some(copy)
}
