//! The allocator table. Everything that a C program can reach comes from it, so that the program
//! may free any part itself, and replace the functions at any time.

mod free_lists;

use crate::layout::hiredisAllocFuncs;
use core::ptr::NonNull;
use free_lists::Lists;
use libc::{c_char, c_void, size_t};

// The table's members may be the program's own functions, which may unwind; the types follow.
unsafe extern "C-unwind" {
    fn malloc(size: size_t) -> *mut c_void;
    fn calloc(count: size_t, size: size_t) -> *mut c_void;
    fn realloc(block: *mut c_void, size: size_t) -> *mut c_void;
    fn strdup(string: *const c_char) -> *mut c_char;
    fn free(block: *mut c_void);
}

const LIBC: hiredisAllocFuncs = hiredisAllocFuncs {
    mallocFn: Some(malloc),
    callocFn: Some(calloc),
    reallocFn: Some(realloc),
    strdupFn: Some(strdup),
    freeFn: Some(free),
};

/// The functions in force. Programs call through it inline (`hi_malloc` and so on) and may assign
/// its members, so it is read anew at each use.
#[allow(non_upper_case_globals)]
#[unsafe(no_mangle)]
pub(crate) static mut hiredisAllocFns: hiredisAllocFuncs = LIBC;

/// Installs `table` and returns the one before it.
///
/// # Safety
/// No other thread may be using the library.
pub(crate) unsafe fn replace(table: hiredisAllocFuncs) -> hiredisAllocFuncs {
    // SAFETY: the caller excludes other threads, and nothing here keeps a reference to the table.
    unsafe { core::ptr::replace(&raw mut hiredisAllocFns, table) }
}

/// Installs libc's functions.
///
/// # Safety
/// As `replace`.
pub(crate) unsafe fn reset() {
    // SAFETY: the caller's promise is ours.
    unsafe { replace(LIBC) };
}

fn table() -> hiredisAllocFuncs {
    // SAFETY: the table is plain data; programs are told to change it only while no other thread
    // uses the library.
    unsafe { (&raw const hiredisAllocFns).read() }
}

/// Whether libc's own functions are in force, all five.
fn is_libc() -> bool {
    let table = table();
    table.mallocFn.map(|f| f as usize) == Some(malloc as *const () as usize)
        && table.callocFn.map(|f| f as usize) == Some(calloc as *const () as usize)
        && table.reallocFn.map(|f| f as usize) == Some(realloc as *const () as usize)
        && table.strdupFn.map(|f| f as usize) == Some(strdup as *const () as usize)
        && table.freeFn.map(|f| f as usize) == Some(free as *const () as usize)
}

/// `hi_malloc`: `size` bytes, or NULL.
pub(crate) fn allocate(size: usize) -> *mut c_void {
    match table().mallocFn {
        // SAFETY: the table's members follow malloc's contract.
        Some(malloc) => unsafe { malloc(size) },
        None => core::ptr::null_mut(),
    }
}

/// `hi_calloc`: `count` zeroed elements of `size` bytes, or NULL; NULL too where the product
/// overflows.
pub(crate) fn allocate_zeroed(count: usize, size: usize) -> *mut c_void {
    if count.checked_mul(size).is_none() {
        return core::ptr::null_mut();
    }
    match table().callocFn {
        // SAFETY: the table's members follow calloc's contract.
        Some(calloc) => unsafe { calloc(count, size) },
        None => core::ptr::null_mut(),
    }
}

/// `hi_realloc`: `block`, grown or shrunk to `size` bytes, or NULL with `block` intact.
///
/// # Safety
/// `block` is NULL or a live block of the table's functions, and is not used after success.
pub(crate) unsafe fn reallocate(block: *mut c_void, size: usize) -> *mut c_void {
    match table().reallocFn {
        // SAFETY: the caller's promise is realloc's precondition.
        Some(realloc) => unsafe { realloc(block, size) },
        None => core::ptr::null_mut(),
    }
}

/// `hi_strdup`: a copy of `string`, or NULL.
///
/// # Safety
/// `string` is NUL-terminated.
pub(crate) unsafe fn duplicate(string: *const c_char) -> *mut c_char {
    match table().strdupFn {
        // SAFETY: the caller's promise is strdup's precondition.
        Some(strdup) => unsafe { strdup(string) },
        None => core::ptr::null_mut(),
    }
}

/// `hi_free`: frees `block`, which may be NULL.
///
/// # Safety
/// `block` is NULL or a live block of the table's functions, and is not used afterwards.
pub(crate) unsafe fn release<T>(block: *mut T) {
    if let Some(free) = table().freeFn {
        // SAFETY: the caller's promise is free's precondition.
        unsafe { free(block.cast()) }
    }
}

/// A zeroed `T`, or `None`. `T` must be a type for which all-zero bytes are a value.
pub(crate) fn zeroed<T>() -> Option<NonNull<T>> {
    NonNull::new(allocate_zeroed(1, size_of::<T>()).cast())
}

/// The allocator as one reply is being made or freed: the table, looked at once instead of for every
/// block, and where it is libc's the thread's free lists before it. Not to be kept across a call
/// out, which may change the table.
#[derive(Clone, Copy)]
pub(crate) struct Heap {
    table: hiredisAllocFuncs,
    /// Set only while the table is libc's.
    lists: Option<NonNull<Lists>>,
}

impl Heap {
    /// The allocator now in force. One of the program's own gets no block of another's: the lists
    /// are emptied.
    #[inline]
    pub(crate) fn current() -> Self {
        let lists = free_lists::of_thread();
        let libc = is_libc();
        if !libc && let Some(lists) = lists {
            // SAFETY: the lists are this thread's, and no other reference to them is in use.
            let lists = unsafe { &mut *lists.as_ptr() };
            if !lists.is_empty() {
                lists.empty();
            }
        }
        Self {
            table: table(),
            lists: lists.filter(|_| libc),
        }
    }

    /// A kept block of at least `size` bytes, contents undefined.
    #[inline]
    fn kept(&self, size: usize) -> Option<NonNull<c_void>> {
        // SAFETY: the lists are this thread's, and no other reference to them is in use.
        self.lists
            .and_then(|lists| unsafe { (*lists.as_ptr()).take(size) })
    }

    /// `size` bytes, or NULL.
    #[inline]
    pub(crate) fn allocate(&self, size: usize) -> *mut c_void {
        if let Some(block) = self.kept(size) {
            return block.as_ptr();
        }
        match self.table.mallocFn {
            // SAFETY: the table's members follow malloc's contract.
            Some(malloc) => unsafe { malloc(size) },
            None => core::ptr::null_mut(),
        }
    }

    /// `count` zeroed values, or NULL. All-zero bytes must be a value of `T`, and `count` so small
    /// that the size does not overflow.
    #[inline]
    fn zeroes<T>(&self, count: usize) -> *mut T {
        if let Some(block) = self.kept(count * size_of::<T>()) {
            let block = block.as_ptr().cast::<T>();
            // SAFETY: the block is ours, and large enough.
            unsafe { block.write_bytes(0, count) };
            return block;
        }
        match self.table.callocFn {
            // SAFETY: the table's members follow calloc's contract.
            Some(calloc) => unsafe { calloc(count, size_of::<T>()) }.cast(),
            None => core::ptr::null_mut(),
        }
    }

    /// A zeroed `T`, or `None`. `T` must be a type for which all-zero bytes are a value.
    #[inline]
    pub(crate) fn zeroed<T>(&self) -> Option<NonNull<T>> {
        NonNull::new(self.zeroes(1))
    }

    /// `count` NULL pointers, or NULL; none may be so many that their size overflows.
    pub(crate) fn pointers<T>(&self, count: usize) -> *mut *mut T {
        self.zeroes(count)
    }

    /// Frees `block`, which may be NULL.
    ///
    /// # Safety
    /// `block` is NULL or a live block of these functions, and is not used afterwards.
    #[inline]
    pub(crate) unsafe fn release<T>(&self, block: *mut T) {
        if block.is_null() {
            return;
        }
        // SAFETY: the lists are this thread's; the caller gives the block up.
        unsafe {
            if let Some(lists) = self.lists
                && (*lists.as_ptr()).keep(block.cast())
            {
                return;
            }
            if let Some(free) = self.table.freeFn {
                free(block.cast());
            }
        }
    }
}
