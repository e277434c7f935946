//! Free lists: blocks of freed replies, kept by the thread that freed them for the next replies it
//! reads. They stand before libc's malloc only, and every block stays an ordinary malloc block: a
//! program may have made it, may keep it, and may pass it to `free()`. See `docs/replies.md`.

use super::free;
use super::free_block::{self, Free};
use super::thread_slot::slot;
use crate::layout::redisReply;
use core::cell::UnsafeCell;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use libc::{c_char, c_void, size_t};

/// Bytes that one thread keeps at most.
const MAX_KEPT: usize = 256 * 1024;

/// Blocks beyond this size are not kept, nor any block where this one might be too much.
const MAX_BLOCK: usize = 1032;

/// Distance of the classes, and what the smallest lacks to it: glibc's blocks hold 24, 40, 56 …
/// bytes. Blocks of other allocators would fall into the class below, from which their size is
/// never taken; so there are no lists with them.
const STEP: usize = 16;
const OFFSET: usize = 8;

/// The smallest class in use: 24 bytes, as large as glibc's smallest block.
const SMALLEST: usize = 2;

const CLASSES: usize = (MAX_BLOCK + OFFSET) / STEP + 1 - SMALLEST;

unsafe extern "C" {
    fn malloc_usable_size(block: *mut c_void) -> size_t;
    fn secure_getenv(name: *const c_char) -> *const c_char;
}

/// One thread's lists.
pub(super) struct Lists {
    first: [*mut Free; CLASSES],
    kept: usize,
    /// The thread is about to end.
    over: bool,
    /// Every block of malloc's holds what is written into a block in a list.
    roomy: bool,
}

/// The class all of whose blocks hold `size` bytes.
#[inline(always)]
fn class_for(size: usize) -> usize {
    (size + OFFSET + STEP - 1).max(SMALLEST * STEP) / STEP - SMALLEST
}

/// The class of a block that holds `usable` bytes; not a class in use where they are too few.
#[inline(always)]
fn class_of(usable: usize) -> usize {
    ((usable + OFFSET) / STEP).wrapping_sub(SMALLEST)
}

/// What blocks of a class count for, at least what they hold.
#[inline(always)]
fn weight(class: usize) -> usize {
    (class + SMALLEST) * STEP
}

impl Lists {
    const fn new() -> Self {
        Self {
            first: [null_mut(); CLASSES],
            kept: 0,
            over: false,
            roomy: false,
        }
    }

    /// What marks the blocks in these lists: where the lists are.
    #[inline(always)]
    fn mark(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    /// A kept block of at least `size` bytes.
    #[inline(always)]
    pub(super) fn take(&mut self, size: usize) -> Option<NonNull<c_void>> {
        let class = class_for(size);
        let mark = self.mark();
        let place = self.first.get_mut(class)?;
        let block = NonNull::new(*place)?;
        // SAFETY: blocks in a list are ours alone, and have our mark.
        *place = unsafe { free_block::unlink(block.as_ptr(), mark) };
        self.kept -= weight(class);
        Some(block.cast())
    }

    /// Gives a block back that `take` has returned for `size` bytes.
    ///
    /// # Safety
    /// The caller gives the block up.
    #[inline(always)]
    pub(super) unsafe fn put_back(&mut self, block: NonNull<c_void>, size: usize) {
        let class = class_for(size);
        let block = block.cast::<Free>();
        let mark = self.mark();
        if let Some(place) = self.first.get_mut(class) {
            // SAFETY: as in `keep`.
            unsafe { free_block::write(block.as_ptr(), *place, mark) };
            *place = block.as_ptr();
            self.kept += weight(class);
        }
    }

    /// Keeps a block, unless it is large or enough are kept.
    ///
    /// # Safety
    /// `block` is a live block of libc's malloc, and the caller gives it up where this returns true.
    #[inline(always)]
    pub(super) unsafe fn keep(&mut self, block: *mut c_void) -> bool {
        if self.kept > MAX_KEPT - MAX_BLOCK - OFFSET {
            core::hint::cold_path();
            let place = block.cast::<Free>();
            // SAFETY: the block is live, and what is read of it is its own.
            unsafe {
                if !self.roomy || free_block::is_marked(place, self.mark()) {
                    self.turn_away(block);
                }
            }
            return false;
        }
        // SAFETY: the block is live. What it is asked is its size, never what its owner says.
        let usable = unsafe { malloc_usable_size(block) };
        let block = block.cast::<Free>();
        if class_of(usable) >= CLASSES {
            core::hint::cold_path();
            return false;
        }
        // SAFETY: every block of a class in use holds two words.
        unsafe {
            if free_block::is_marked(block, self.mark()) {
                return self.keep_marked(block, usable);
            }
            self.keep_unmarked(block, usable)
        }
    }

    /// Keeps a block that looks as if it were kept, unless it is.
    ///
    /// # Safety
    /// As `keep_unmarked`.
    #[cold]
    #[inline(never)]
    unsafe fn keep_marked(&mut self, block: *mut Free, usable: usize) -> bool {
        let first = self.first.get(class_of(usable));
        let first = first.copied().unwrap_or_default();
        // SAFETY: the list is one of ours; the rest is the caller's promise.
        unsafe {
            free_block::refuse_if_listed(first, self.mark(), block);
            self.keep_unmarked(block, usable)
        }
    }

    /// Sees to it that a block which is not to be kept is not kept already.
    ///
    /// # Safety
    /// `block` is a live block of libc's malloc.
    #[cold]
    #[inline(never)]
    unsafe fn turn_away(&self, block: *mut c_void) {
        // SAFETY: as in `keep`.
        unsafe {
            let class = class_of(malloc_usable_size(block));
            let block = block.cast::<Free>();
            if let Some(&first) = self.first.get(class)
                && free_block::is_marked(block, self.mark())
            {
                free_block::refuse_if_listed(first, self.mark(), block);
            }
        }
    }

    /// Keeps a block.
    ///
    /// # Safety
    /// As `keep`; the block holds so many bytes.
    #[inline(always)]
    unsafe fn keep_unmarked(&mut self, block: *mut Free, usable: usize) -> bool {
        let mark = self.mark();
        let Some(place) = self.first.get_mut(class_of(usable)) else {
            return false;
        };
        // SAFETY: every block of a class in use holds two words, and malloc aligns it.
        unsafe { free_block::write(block, *place, mark) };
        *place = block;
        // That of the class, in another way, for which the processor needs less.
        self.kept += (usable + OFFSET) & !(STEP - 1);
        true
    }

    /// Gives every kept block back.
    #[cold]
    pub(super) fn empty(&mut self) {
        if self.kept == 0 {
            return;
        }
        let mark = self.mark();
        for place in &mut self.first {
            while let Some(block) = NonNull::new(*place) {
                // SAFETY: blocks in a list are ours alone, and came from libc's malloc.
                unsafe {
                    *place = free_block::unlink(block.as_ptr(), mark);
                    free(block.as_ptr().cast());
                }
            }
        }
        self.kept = 0;
    }
}

thread_local! {
    static LISTS: UnsafeCell<Lists> = const { UnsafeCell::new(Lists::new()) };
}

/// Under this key `end_of_thread` is told when a thread with lists ends. A destructor of Rust's
/// would do the same, but glibc ends the process where it has no memory to take note of that.
static KEY: AtomicU32 = AtomicU32::new(0);

/// Empties a thread's lists, and has it do without from now on.
unsafe extern "C" fn end_of_thread(lists: *mut c_void) {
    // SAFETY: called in the thread whose lists these are; the slot is the thread's own.
    unsafe {
        *slot() = null_mut();
        let lists = lists.cast::<Lists>();
        (*lists).over = true;
        (*lists).empty();
    }
}

/// The calling thread's lists, if it has used them before.
#[inline(always)]
pub(super) fn in_use() -> Option<NonNull<Lists>> {
    // SAFETY: the slot is this thread's.
    NonNull::new(unsafe { *slot() }.cast())
}

/// The calling thread's lists; `None` while it ends, and where the process wants none.
#[inline]
pub(super) fn of_thread() -> Option<NonNull<Lists>> {
    in_use().or_else(begin)
}

/// Finds a thread's lists at its first reply, where they are wanted.
#[cold]
#[inline(never)]
fn begin() -> Option<NonNull<Lists>> {
    if !WANTED.load(Ordering::Relaxed) {
        return None;
    }
    let lists = LISTS.with(UnsafeCell::get);
    let key = KEY.load(Ordering::Relaxed);
    // SAFETY: the lists are this thread's and live as long as it does; so is the slot, which
    // `end_of_thread` clears. The key is valid where lists are wanted.
    unsafe {
        if (*lists).over || libc::pthread_setspecific(key, lists.cast()) != 0 {
            return None;
        }
        (*lists).roomy = ROOMY.load(Ordering::Relaxed);
        *slot() = lists.cast();
    }
    NonNull::new(lists)
}

static WANTED: AtomicBool = AtomicBool::new(false);

/// See `Lists::roomy`.
static ROOMY: AtomicBool = AtomicBool::new(false);

/// Decides when the library is loaded, not at a thread's first reply: in most programs no other
/// thread changes the environment yet, and the loader's lock is not somebody else's.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_LOAD: extern "C" fn() = {
    extern "C" fn decide() {
        let mut key = 0;
        // SAFETY: the key is written before it is used; the function stays where it is until
        // `AT_UNLOAD` has deleted the key.
        let wanted = are_wanted()
            && unsafe { libc::pthread_key_create(&raw mut key, Some(end_of_thread)) } == 0;
        ROOMY.store(wanted && are_roomy(), Ordering::Relaxed);
        KEY.store(key, Ordering::Relaxed);
        WANTED.store(wanted, Ordering::Relaxed);
    }
    decide
};

/// At the process's end, or where this code is part of a library that is unloaded. (Our own stays:
/// `build.rs`.)
#[used]
#[unsafe(link_section = ".fini_array")]
static AT_UNLOAD: extern "C" fn() = {
    extern "C" fn leave() {
        if WANTED.swap(false, Ordering::Relaxed) {
            // SAFETY: the key is valid; the lists are this thread's.
            unsafe {
                libc::pthread_key_delete(KEY.load(Ordering::Relaxed));
                if let Some(lists) = in_use() {
                    end_of_thread(lists.as_ptr().cast());
                }
            }
        }
    }
    leave
};

/// Whether this process wants the lists: not where `HIREDIS_FREE_LISTS` is 0, and not where some
/// replacement of malloc has left glibc's `malloc_usable_size` in place. (A non-PIE executable that
/// takes malloc's address gives it one of its own; the lists stay off there, which is only slower.)
/// Where blocks would be kept and never taken again, only if `HIREDIS_FREE_LISTS` is 1, for tests. In
/// a process with more rights than its user's, the environment decides nothing.
fn are_wanted() -> bool {
    // SAFETY: the name is NUL-terminated, and a value found is.
    let said = unsafe {
        let value = secure_getenv(c"HIREDIS_FREE_LISTS".as_ptr());
        (!value.is_null()).then(|| core::ffi::CStr::from_ptr(value))
    };
    said != Some(c"0")
        && home(super::malloc as *const () as usize)
            == home(malloc_usable_size as *const () as usize)
        && (said == Some(c"1") || come_back())
}

/// Whether a block of malloc, once kept, is found for what it was made for.
fn come_back() -> bool {
    let size = size_of::<redisReply>();
    // SAFETY: the block, if there is one, is live until it is freed.
    unsafe {
        let block = libc::malloc(size);
        let fits = !block.is_null() && class_of(malloc_usable_size(block)) == class_for(size);
        libc::free(block);
        fits
    }
}

/// Whether the smallest block of malloc's has room for a block's words in a list: in glibc's, but not
/// where a checker says how much was asked for.
fn are_roomy() -> bool {
    // SAFETY: the block, if there is one, is live until it is freed.
    unsafe {
        let block = libc::malloc(1);
        let roomy = !block.is_null() && malloc_usable_size(block) >= size_of::<Free>();
        libc::free(block);
        roomy
    }
}

/// Which of the loaded objects holds a function, by its place among them. (`dladdr` would go on to
/// look for the function's name in the object's whole symbol table.)
fn home(function: usize) -> Option<usize> {
    struct Search {
        function: usize,
        objects: usize,
        found: Option<usize>,
    }

    unsafe extern "C" fn visit(
        info: *mut libc::dl_phdr_info,
        _size: size_t,
        search: *mut c_void,
    ) -> libc::c_int {
        // SAFETY: called by `dl_iterate_phdr`, with an object's headers and the search below.
        unsafe {
            let (info, search) = (&*info, &mut *search.cast::<Search>());
            let segments = core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into());
            let holds = segments.iter().any(|segment| {
                let begin = (info.dlpi_addr as usize).wrapping_add(segment.p_vaddr as usize);
                let inside = search.function.wrapping_sub(begin) < segment.p_memsz as usize;
                segment.p_type == libc::PT_LOAD && inside
            });
            if holds {
                search.found = Some(search.objects);
            }
            search.objects += 1;
            libc::c_int::from(holds)
        }
    }

    let mut search = Search {
        function,
        objects: 0,
        found: None,
    };
    // SAFETY: the search outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast()) };
    search.found
}

#[cfg(test)]
mod tests {
    use super::{CLASSES, Lists, MAX_BLOCK, MAX_KEPT, class_for, class_of};
    use core::ptr::NonNull;

    #[test]
    fn a_class_holds_what_it_promises() {
        for size in 1..=MAX_BLOCK {
            assert!(class_for(size) < CLASSES);
            for usable in size.saturating_sub(40)..size {
                let class = class_of(usable);
                let fits = class < CLASSES && class >= class_for(size);
                assert!(!fits, "{usable} for {size}");
            }
        }
    }

    #[test]
    fn blocks_come_back_until_enough_are_kept() {
        let mut lists = Lists::new();
        assert!(lists.take(72).is_none());
        // SAFETY: each block is live when it is kept, and nobody uses it afterwards.
        unsafe {
            let malloc = |size| NonNull::new(libc::malloc(size)).expect("memory");
            let block = malloc(72);
            assert!(lists.keep(block.as_ptr()));
            assert_eq!(lists.take(68), Some(block));
            assert!(lists.keep(block.as_ptr()));
            let refused = loop {
                let block = malloc(72);
                if !lists.keep(block.as_ptr()) {
                    break block;
                }
                assert!(lists.kept <= MAX_KEPT);
            };
            libc::free(refused.as_ptr());
            let large = malloc(MAX_BLOCK + 100);
            assert!(!lists.keep(large.as_ptr()));
            libc::free(large.as_ptr());
        }
        assert!(lists.kept > MAX_KEPT - MAX_BLOCK - 100);
        lists.empty();
        assert!(lists.kept == 0 && lists.take(72).is_none());
    }
}
