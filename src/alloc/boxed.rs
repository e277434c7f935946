//! A value on the heap, of Rust's own allocator.

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
