//! What is written into a block while it is in a free list. As in glibc's own lists: a link that
//! cannot be forged without knowing where blocks are, and a mark by which a second free is noticed.
//! Either ends the process, as it does there: memory is not what the program takes it for.

use core::ptr::with_exposed_provenance_mut;
use libc::c_void;

/// The first words of a block in a list. Every block in use holds more.
#[repr(C)]
pub(super) struct Free {
    /// The address of the next, disguised.
    link: usize,
    /// The mark of the lists that the block is in.
    mark: usize,
}

/// The address of a link, which the system chooses at random, disguises what it points to, which
/// for its part is found nowhere else.
#[inline(always)]
fn disguise(block: *const Free, next: usize) -> usize {
    const PAGE_BITS: u32 = 12;
    block.addr() >> PAGE_BITS ^ next
}

/// Writes the words of a block that goes into a list before `next`.
///
/// # Safety
/// The block holds as much, and is nobody else's.
#[inline(always)]
pub(super) unsafe fn write(block: *mut Free, next: *mut Free, mark: usize) {
    let link = disguise(block, next.expose_provenance());
    // SAFETY: the caller's promise; malloc aligns blocks.
    unsafe { block.write(Free { link, mark }) };
}

/// Takes a block out of its list: removes its mark, and returns the next.
///
/// # Safety
/// The block is in a list with this mark.
#[inline(always)]
pub(super) unsafe fn unlink(block: *mut Free, mark: usize) -> *mut Free {
    // SAFETY: as far as the program has not used what it gave up, `write` has written both words.
    unsafe {
        if (*block).mark != mark {
            end_process(b"malloc(): block used after it was freed, noticed by hiredis\n");
        }
        (*block).mark = 0;
        with_exposed_provenance_mut(disguise(block, (*block).link))
    }
}

/// Whether a block looks as if it were in a list. It may be the program's own bytes that do.
///
/// # Safety
/// The block is live, and holds as much.
#[inline(always)]
pub(super) unsafe fn is_marked(block: *const Free, mark: usize) -> bool {
    // SAFETY: the caller's promise. The program may never have written what is read, which is then
    // whatever malloc has left there.
    unsafe { (*block).mark == mark }
}

/// Ends the process if the block is in the list that begins with `first`.
///
/// # Safety
/// The list is one with this mark.
#[cold]
#[inline(never)]
pub(super) unsafe fn refuse_if_listed(first: *mut Free, mark: usize, block: *const Free) {
    let mut listed = first;
    while !listed.is_null() {
        if core::ptr::eq(listed, block) {
            end_process(b"free(): double free detected in hiredis\n");
        }
        // SAFETY: blocks in a list are ours alone, and `write` has written both words.
        unsafe {
            let next = unlink(listed, mark);
            (*listed).mark = mark;
            listed = next;
        }
    }
}

/// As glibc does: with the allocator unsound, nothing is asked of it.
#[cold]
#[inline(never)]
fn end_process(message: &[u8]) -> ! {
    // SAFETY: the bytes are there to be read.
    unsafe {
        libc::write(
            libc::STDERR_FILENO,
            message.as_ptr().cast::<c_void>(),
            message.len(),
        );
        libc::abort()
    }
}
