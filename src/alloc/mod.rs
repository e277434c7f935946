//! The allocator table. Everything that a C program can reach comes from it, so that the program
//! may free any part itself, and replace the functions at any time.

mod boxed;
mod free_block;
mod free_lists;
mod thread_slot;

pub(crate) use boxed::{try_box, try_copy};

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

/// In memory, to be compared with the functions in force.
static LIBC_TABLE: hiredisAllocFuncs = LIBC;

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
#[inline(always)]
fn is_libc() -> bool {
    // SAFETY: as in `table`.
    unsafe {
        equal::<5>(
            (&raw const hiredisAllocFns).cast(),
            (&raw const LIBC_TABLE).cast(),
        )
    }
}

/// Whether two tables of `N` functions, at least two, are the same. Looked at for every reply, and
/// so by pairs where the processor can: every x86-64 has SSE2.
///
/// # Safety
/// Both are live, and hold addresses only.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) unsafe fn equal<const N: usize>(a: *const [usize; N], b: *const [usize; N]) -> bool {
    use core::arch::x86_64::{_mm_and_si128, _mm_cmpeq_epi32, _mm_loadu_si128, _mm_movemask_epi8};
    const ALL: i32 = 0xffff;
    // SAFETY: every pair, the last of which may overlap the one before, lies within its table.
    unsafe {
        let pair = |at: usize| {
            let of = |table: *const [usize; N]| {
                _mm_loadu_si128(table.cast::<usize>().add(at.min(N - 2)).cast())
            };
            _mm_cmpeq_epi32(of(a), of(b))
        };
        let mut same = pair(0);
        let mut at = 2;
        while at < N {
            same = _mm_and_si128(same, pair(at));
            at += 2;
        }
        _mm_movemask_epi8(same) == ALL
    }
}

/// Whether two tables of `N` functions are the same.
///
/// # Safety
/// Both are live, and hold addresses only.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(crate) unsafe fn equal<const N: usize>(a: *const [usize; N], b: *const [usize; N]) -> bool {
    // SAFETY: the caller's promise.
    let members = unsafe { (*a).iter().zip((*b).iter()) };
    members.fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}

/// `hi_malloc`: `size` bytes, or NULL.
#[inline(never)]
pub(crate) fn allocate(size: usize) -> *mut c_void {
    match table().mallocFn {
        // SAFETY: the table's members follow malloc's contract.
        Some(malloc) => unsafe { malloc(size) },
        None => core::ptr::null_mut(),
    }
}

/// `hi_calloc`: `count` zeroed elements of `size` bytes, or NULL; NULL too where the product
/// overflows.
#[inline(never)]
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

/// Texts up to this length are copied by `copy` without calling memcpy.
pub(crate) const MAX_COPIED: usize = 128;

/// Copies `text` to `place`. Short texts, of which most replies and commands consist, take no more
/// instructions here than the way into memcpy alone.
///
/// # Safety
/// As many bytes may be written at `place`, and none of them is one of `text`.
#[inline(always)]
pub(crate) unsafe fn copy(text: &[u8], place: *mut u8) {
    let (from, len) = (text.as_ptr(), text.len());
    // SAFETY: every word lies within the text and within the place; together they cover it.
    unsafe {
        if len > MAX_COPIED {
            place.copy_from_nonoverlapping(from, len);
        } else if len > 2 * size_of::<u128>() {
            let mut at = 0;
            while at + 2 * size_of::<u128>() < len {
                let word = from.add(at).cast::<u128>().read_unaligned();
                place.add(at).cast::<u128>().write_unaligned(word);
                at += size_of::<u128>();
            }
            copy_words::<u128>(from.add(at), place.add(at), len - at);
        } else if len >= size_of::<u128>() {
            copy_words::<u128>(from, place, len);
        } else if len >= size_of::<u64>() {
            copy_words::<u64>(from, place, len);
        } else if len >= size_of::<u32>() {
            copy_words::<u32>(from, place, len);
        } else if len >= size_of::<u16>() {
            copy_words::<u16>(from, place, len);
        } else if len > 0 {
            *place = *from;
        }
    }
}

/// Copies `len` bytes as a word at the front and one at the end, which may overlap.
///
/// # Safety
/// As `copy`; there are at least as many bytes as in one word, and at most as in two.
#[inline(always)]
unsafe fn copy_words<T>(from: *const u8, place: *mut u8, len: usize) {
    let end = len - size_of::<T>();
    // SAFETY: the caller's promise.
    unsafe {
        let front = from.cast::<T>().read_unaligned();
        let back = from.add(end).cast::<T>().read_unaligned();
        place.cast::<T>().write_unaligned(front);
        place.add(end).cast::<T>().write_unaligned(back);
    }
}

/// A zeroed `T`, or `None`. `T` must be a type for which all-zero bytes are a value.
pub(crate) fn zeroed<T>() -> Option<NonNull<T>> {
    NonNull::new(allocate_zeroed(1, size_of::<T>()).cast())
}

/// The allocator as one reply is being made or freed: looked at once instead of for every block.
/// Where it is libc's, the thread's free lists stand before it. Not to be kept across a call out,
/// which may change the table.
#[derive(Clone, Copy)]
pub(crate) struct Heap {
    /// Set only while the table is libc's.
    lists: Option<NonNull<Lists>>,
}

/// The blocks that the thread has kept, while the table is libc's.
#[derive(Clone, Copy)]
pub(crate) struct Kept(NonNull<Lists>);

impl Kept {
    /// `None` where nothing is kept, and where the allocator is the program's own.
    #[inline(always)]
    pub(crate) fn current() -> Option<Self> {
        match free_lists::in_use() {
            Some(lists) if is_libc() => Some(Self(lists)),
            _ => None,
        }
    }

    /// A block of at least `size` bytes, contents undefined.
    #[inline(always)]
    pub(crate) fn take(self, size: usize) -> Option<NonNull<c_void>> {
        // SAFETY: the lists are this thread's, and no other reference to them is in use.
        unsafe { (*self.0.as_ptr()).take(size) }
    }

    /// Gives a block back that `take` has returned for `size` bytes.
    ///
    /// # Safety
    /// The caller gives the block up.
    #[inline(always)]
    pub(crate) unsafe fn put_back(self, block: NonNull<c_void>, size: usize) {
        // SAFETY: as in `take`.
        unsafe { (*self.0.as_ptr()).put_back(block, size) }
    }
}

/// What frees blocks: libc or the program's allocator, behind the lists where they are in use.
pub(crate) trait Release: Copy {
    /// Frees `block`.
    ///
    /// # Safety
    /// `block` is a live block of the table's functions, and is not used afterwards.
    unsafe fn release<T>(self, block: *mut T);
}

impl Release for Kept {
    #[inline(always)]
    unsafe fn release<T>(self, block: *mut T) {
        // SAFETY: the lists are this thread's; the table is libc's, and so is the block, which the
        // caller gives up.
        unsafe {
            if !(*self.0.as_ptr()).keep(block.cast()) {
                free(block.cast());
            }
        }
    }
}

impl Release for Heap {
    #[inline(always)]
    unsafe fn release<T>(self, block: *mut T) {
        // SAFETY: the caller gives the block up, which the table in force made; there are lists only
        // where that is libc's.
        unsafe {
            match self.lists {
                Some(lists) => Kept(lists).release(block),
                None => release(block),
            }
        }
    }
}

impl From<Kept> for Heap {
    #[inline(always)]
    fn from(kept: Kept) -> Self {
        Self {
            lists: Some(kept.0),
        }
    }
}

impl Heap {
    /// The allocator now in force. One of the program's own gets no block of another's: the lists
    /// are emptied.
    #[inline]
    pub(crate) fn current() -> Self {
        Self::behind(free_lists::of_thread())
    }

    /// The same, to free with: a thread that frees replies and reads none would never take up what
    /// it keeps, so it gets no lists.
    #[inline]
    pub(crate) fn to_free_with() -> Self {
        Self::behind(free_lists::in_use())
    }

    #[inline]
    fn behind(lists: Option<NonNull<Lists>>) -> Self {
        if is_libc() {
            return Self { lists };
        }
        if let Some(lists) = lists {
            // SAFETY: the lists are this thread's, and no other reference to them is in use.
            unsafe { (*lists.as_ptr()).empty() };
        }
        Self { lists: None }
    }

    /// Whether the lists are not in use, as with every allocator of the program's own.
    #[inline(always)]
    pub(crate) fn is_foreign(&self) -> bool {
        self.lists.is_none()
    }

    /// A kept block of at least `size` bytes, contents undefined.
    #[inline(always)]
    fn kept(&self, size: usize) -> Option<NonNull<c_void>> {
        self.lists.and_then(|lists| Kept(lists).take(size))
    }

    /// `size` bytes, or NULL.
    #[inline(always)]
    pub(crate) fn allocate(&self, size: usize) -> *mut c_void {
        match self.kept(size) {
            Some(block) => block.as_ptr(),
            None => allocate(size),
        }
    }

    /// `count` zeroed values, or NULL. All-zero bytes must be a value of `T`, and `count` so small
    /// that the size does not overflow.
    #[inline(always)]
    fn zeroes<T>(&self, count: usize) -> *mut T {
        match self.kept(count * size_of::<T>()) {
            Some(block) => {
                let block = block.as_ptr().cast::<T>();
                // SAFETY: the block is ours, and large enough.
                unsafe { block.write_bytes(0, count) };
                block
            }
            None => allocate_zeroed(count, size_of::<T>()).cast(),
        }
    }

    /// A zeroed `T`, or `None`. `T` must be a type for which all-zero bytes are a value.
    #[inline(always)]
    pub(crate) fn zeroed<T>(&self) -> Option<NonNull<T>> {
        NonNull::new(self.zeroes(1))
    }

    /// `count` NULL pointers, or NULL; none may be so many that their size overflows.
    pub(crate) fn pointers<T>(&self, count: usize) -> *mut *mut T {
        self.zeroes(count)
    }

    /// The same, where the contents do not matter.
    #[inline(always)]
    pub(crate) fn vector<T>(&self, count: usize) -> *mut *mut T {
        match self.kept(count * size_of::<*mut T>()) {
            Some(block) => block.as_ptr().cast(),
            None => allocate_zeroed(count, size_of::<*mut T>()).cast(),
        }
    }
}
