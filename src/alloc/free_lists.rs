//! Free lists: blocks of freed replies, kept by the thread that freed them for the next replies it
//! reads. They stand before libc's malloc only, and every block stays an ordinary malloc block: a
//! program may have made it, may keep it, and may pass it to `free()`. See `docs/replies.md`.

use super::free;
use core::cell::UnsafeCell;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicBool, Ordering};
use libc::{c_void, size_t};

/// Bytes that one thread keeps at most.
const MAX_KEPT: usize = 256 * 1024;

/// Blocks beyond this size are not kept.
const MAX_BLOCK: usize = 520;

/// Distance of the classes, and what the smallest lacks to it: glibc's blocks hold 24, 40, 56 …
/// bytes. Blocks of other allocators fall into the class below.
const STEP: usize = 16;
const OFFSET: usize = 8;

/// The smallest class in use: 24 bytes, as large as glibc's smallest block.
const SMALLEST: usize = 2;

const CLASSES: usize = (MAX_BLOCK + OFFSET) / STEP + 1;

unsafe extern "C" {
    fn malloc_usable_size(block: *mut c_void) -> size_t;
}

/// A block in a list: its first bytes point to the next.
struct Free {
    next: *mut Free,
}

/// One thread's lists.
pub(super) struct Lists {
    first: [*mut Free; CLASSES],
    kept: usize,
}

/// The class all of whose blocks hold `size` bytes.
#[inline]
fn class_for(size: usize) -> usize {
    (size + OFFSET).div_ceil(STEP).max(SMALLEST)
}

/// The class of a block that holds `usable` bytes.
#[inline]
fn class_of(usable: usize) -> usize {
    (usable + OFFSET) / STEP
}

impl Lists {
    const fn new() -> Self {
        Self {
            first: [null_mut(); CLASSES],
            kept: 0,
        }
    }

    /// A kept block of at least `size` bytes.
    #[inline]
    pub(super) fn take(&mut self, size: usize) -> Option<NonNull<c_void>> {
        let class = class_for(size);
        let place = self.first.get_mut(class)?;
        let block = NonNull::new(*place)?;
        // SAFETY: blocks in a list are ours alone, and begin with the pointer written by `keep`.
        *place = unsafe { block.read().next };
        self.kept -= class * STEP;
        Some(block.cast())
    }

    /// Keeps a block, unless it is large or enough are kept.
    ///
    /// # Safety
    /// `block` is a live block of libc's malloc, and the caller gives it up where this returns true.
    #[inline]
    pub(super) unsafe fn keep(&mut self, block: *mut c_void) -> bool {
        // SAFETY: the block is live. What it is asked is its size, never what its owner says.
        let class = class_of(unsafe { malloc_usable_size(block) });
        let (Some(place), true) = (self.first.get_mut(class), class >= SMALLEST) else {
            return false;
        };
        if self.kept + class * STEP > MAX_KEPT {
            return false;
        }
        let block = block.cast::<Free>();
        // SAFETY: every block of a class in use holds a pointer, and malloc aligns it.
        unsafe { block.write(Free { next: *place }) };
        *place = block;
        self.kept += class * STEP;
        true
    }

    /// Gives every kept block back.
    #[cold]
    pub(super) fn empty(&mut self) {
        for place in &mut self.first {
            while let Some(block) = NonNull::new(*place) {
                // SAFETY: blocks in a list are ours alone, and came from libc's malloc.
                unsafe {
                    *place = block.read().next;
                    free(block.as_ptr().cast());
                }
            }
        }
        self.kept = 0;
    }

    /// Whether nothing is kept.
    pub(super) fn is_empty(&self) -> bool {
        self.kept == 0
    }
}

/// A thread's lists, emptied when it ends.
struct OfThread(UnsafeCell<Lists>);

impl Drop for OfThread {
    fn drop(&mut self) {
        self.0.get_mut().empty();
    }
}

thread_local! {
    static LISTS: OfThread = const { OfThread(UnsafeCell::new(Lists::new())) };
}

/// The calling thread's lists; `None` while it ends, and where the process wants none.
#[inline]
pub(super) fn of_thread() -> Option<NonNull<Lists>> {
    if !WANTED.load(Ordering::Relaxed) {
        return None;
    }
    LISTS
        .try_with(|own| NonNull::new(own.0.get()))
        .ok()
        .flatten()
}

static WANTED: AtomicBool = AtomicBool::new(false);

/// Decides when the library is loaded, not at a thread's first reply: in most programs no other
/// thread changes the environment yet, and the loader's lock is not somebody else's.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_LOAD: extern "C" fn() = {
    extern "C" fn decide() {
        WANTED.store(are_wanted(), Ordering::Relaxed);
    }
    decide
};

/// Whether this process wants the lists: not where `HIREDIS_FREE_LISTS` is 0, and not where some
/// replacement of malloc has left glibc's `malloc_usable_size` in place. (A non-PIE executable that
/// takes malloc's address gives it one of its own; the lists stay off there, which is only slower.)
fn are_wanted() -> bool {
    // SAFETY: the name is NUL-terminated, and a value found is.
    let switched_off = unsafe {
        let value = libc::getenv(c"HIREDIS_FREE_LISTS".as_ptr());
        !value.is_null() && core::ffi::CStr::from_ptr(value) == c"0"
    };
    !switched_off
        && home(super::malloc as *const c_void) == home(malloc_usable_size as *const c_void)
}

/// Where the object that defines a function is mapped.
fn home(function: *const c_void) -> *mut c_void {
    // SAFETY: zeroes are a value of every field, and `dladdr` only fills them in.
    unsafe {
        let mut info: libc::Dl_info = core::mem::zeroed();
        if libc::dladdr(function, &raw mut info) == 0 {
            return null_mut();
        }
        info.dli_fbase
    }
}

#[cfg(test)]
mod tests {
    use super::{CLASSES, Lists, MAX_BLOCK, MAX_KEPT, class_for, class_of};

    #[test]
    fn a_class_holds_what_it_promises() {
        for size in 1..=MAX_BLOCK {
            assert!(class_for(size) < CLASSES);
            for usable in size.saturating_sub(40)..size {
                assert!(class_of(usable) < class_for(size), "{usable} for {size}");
            }
        }
    }

    #[test]
    fn blocks_come_back_until_enough_are_kept() {
        let mut lists = Lists::new();
        assert!(lists.take(64).is_none());
        // SAFETY: each block is live when it is kept, and nobody uses it afterwards.
        unsafe {
            let block = libc::malloc(64);
            assert!(lists.keep(block));
            assert_eq!(lists.take(60).map(|kept| kept.as_ptr()), Some(block));
            assert!(lists.keep(block));
            while lists.keep(libc::malloc(64)) {
                assert!(lists.kept <= MAX_KEPT);
            }
            let large = libc::malloc(MAX_BLOCK + 100);
            assert!(!lists.keep(large));
            libc::free(large);
        }
        assert!(!lists.is_empty());
        lists.empty();
        assert!(lists.is_empty() && lists.take(64).is_none());
    }
}
