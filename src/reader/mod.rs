//! The incremental parser behind `redisReader`.
//!
//! [`parse`] is one state machine over the stack of tasks; a [`build::Builder`] decides what a reply
//! becomes: `redisReply` trees, made directly, when the reader has the default table, or whatever
//! the functions of the program's own table return. See `docs/reader.md`.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod build;
mod bulk;
mod default_table;
mod input;
mod parse;
mod reply;

use crate::alloc;
use crate::error::Error;
use crate::layout::{
    REDIS_READER_MAX_ARRAY_ELEMENTS, REDIS_READER_MAX_BUF, REDIS_READER_MAX_REPLY_DEPTH,
    redisReadTask, redisReader, redisReply, redisReplyObjectFunctions,
};
use crate::resp::Kind;
use crate::sds;
use bulk::LargeBulk;
use core::ptr::{NonNull, null_mut};
use libc::{c_int, c_void};

use default_table::makes_default_aggregates;

pub(crate) use default_table::default_functions;
pub(crate) use input::{MIN_READ, Scratch, feed, landing, received};
pub(crate) use reply::free_reply;

/// Tasks that the stack grows by.
const TASK_STEP: c_int = 9;

/// Consumed bytes that the buffer may begin with before they are dropped.
const MAX_CONSUMED: usize = 1024;

/// A reader: what C programs see, and behind it what is ours. Readers are only made here.
#[repr(C)]
pub(crate) struct Reader {
    pub(crate) c: redisReader,
    /// Bytes after `pos` that are known not to begin the end of the line in progress.
    scanned: usize,
    /// Element slots allocated and not yet filled, in all open aggregates.
    vacant: usize,
    /// Entries that the array of tasks has room for.
    task_slots: c_int,
    /// How many bytes the next read from a socket asks for.
    read_size: usize,
    /// The reply in progress is built directly, without the table.
    direct: bool,
    /// The type on the wire of the reply in progress, or the last one; `None` for nulls.
    root: Option<Kind>,
    /// The string being received into its final place.
    bulk: LargeBulk,
}

/// A task with what only the direct builder needs.
#[repr(C)]
struct Task {
    c: redisReadTask,
    /// Elements finished so far; `c.idx` is too narrow to count them.
    done: i64,
    /// Slots in the element vector.
    capacity: usize,
}

/// Makes a reader with the given table, which is borrowed for the reader's life and may be NULL.
/// `None` when memory is short.
///
/// # Safety
/// `table` is NULL or outlives the reader.
pub(crate) unsafe fn create(table: *mut redisReplyObjectFunctions) -> Option<NonNull<redisReader>> {
    let reader = alloc::zeroed::<Reader>()?.as_ptr();
    // SAFETY: the reader is new and nobody else's; zeroes are a value of every field but `root`,
    // which is written before it is read.
    unsafe {
        (&raw mut (*reader).root).write(None);
        (*reader).read_size = MIN_READ;
        (*reader).c.maxbuf = REDIS_READER_MAX_BUF;
        (*reader).c.maxelements = REDIS_READER_MAX_ARRAY_ELEMENTS;
        (*reader).c.maxdepth = REDIS_READER_MAX_REPLY_DEPTH;
        (*reader).c.r#fn = table;
        (*reader).c.ridx = -1;
        (*reader).c.buf = sds::empty();
        if (*reader).c.buf.is_null() || grow_tasks(reader).is_err() {
            free(reader);
            return None;
        }
    }
    NonNull::new(reader.cast())
}

/// Frees a reader and the reply in progress.
///
/// # Safety
/// `reader` came from `create` and is not used afterwards.
pub(crate) unsafe fn free(reader: *mut Reader) {
    // SAFETY: the reader is live; nothing of it is used after it is released.
    unsafe {
        discard_reply(reader);
        for i in 0..(*reader).c.tasks {
            alloc::release(*(*reader).c.task.offset(i as isize));
        }
        alloc::release((*reader).c.task);
        sds::free((*reader).c.buf);
        alloc::release(reader);
    }
}

/// Parses at most one reply. `Ok(None)` when the buffer holds no complete one. Errors are sticky
/// and stand in the reader's `err` and `errstr`.
///
/// # Safety
/// `reader` is live, and its table's functions keep to their contract.
pub(crate) unsafe fn get_reply(reader: *mut Reader) -> Result<Option<NonNull<c_void>>, ()> {
    // SAFETY: the reader is live; raw accesses leave the table's functions free to read it.
    unsafe {
        if (*reader).c.err != 0 {
            return Err(());
        }
        if (*reader).c.len == 0 && !(*reader).bulk.is_complete() {
            return Ok(None);
        }
        if (*reader).c.ridx == -1 {
            begin_reply(reader);
        }
        let outcome = if (*reader).direct {
            parse::run::<build::Direct>(reader)
        } else {
            parse::run::<build::Table>(reader)
        };
        if let Err(error) = outcome {
            fail(reader, error);
            return Err(());
        }
        drop_consumed(reader);
        if (*reader).c.ridx >= 0 {
            return Ok(None);
        }
        let reply = core::mem::replace(&mut (*reader).c.reply, null_mut());
        Ok(NonNull::new(reply))
    }
}

/// The type on the wire of the reply that `get_reply` returned last, `None` where it was a null.
/// Programs with tables of their own have objects whose `type` means nothing.
///
/// # Safety
/// `reader` is live.
pub(crate) unsafe fn last_kind(reader: *mut Reader) -> Option<Kind> {
    // SAFETY: the reader is live.
    unsafe { (*reader).root }
}

/// The reply that `get_reply` returned last, where it is an aggregate made by the default
/// `createArray`: a `redisReply`, whatever the rest of the table makes.
///
/// # Safety
/// `reader` is live, and `object` is the reply.
pub(crate) unsafe fn as_aggregate<'a>(
    reader: *mut Reader,
    object: NonNull<c_void>,
) -> Option<&'a redisReply> {
    // SAFETY: the caller's promises; an aggregate of the default table is a `redisReply`.
    unsafe {
        let aggregate = (*reader).root.is_some_and(Kind::is_aggregate);
        (aggregate && makes_default_aggregates((*reader).c.r#fn)).then(|| object.cast().as_ref())
    }
}

/// Whether the reply that `get_reply` returned last is a push that a push callback can take.
///
/// # Safety
/// `reader` is live.
pub(crate) unsafe fn last_is_push(reader: *mut Reader) -> bool {
    // SAFETY: the reader is live.
    unsafe { (*reader).root == Some(Kind::Push) && makes_default_aggregates((*reader).c.r#fn) }
}

/// Whether every object that the reader's table makes is a `redisReply`.
///
/// # Safety
/// `reader` is live.
pub(crate) unsafe fn makes_replies(reader: *mut Reader) -> bool {
    // SAFETY: the reader is live.
    unsafe { default_table::makes_default_objects((*reader).c.r#fn) }
}

/// Gives `object` to the table's `freeObject`, where there is one.
///
/// # Safety
/// `object` came from this reader's table and is not used afterwards.
pub(crate) unsafe fn free_object(reader: *mut Reader, object: *mut c_void) {
    // SAFETY: the reader and its table are live; the caller gives the object up.
    unsafe {
        if let Some(table) = (*reader).c.r#fn.as_ref()
            && let Some(free_object) = table.freeObject
        {
            free_object(object);
        }
    }
}

/// Ends the reader: frees the reply in progress and the buffer, and keeps `error` for good.
///
/// # Safety
/// `reader` is live.
pub(crate) unsafe fn fail(reader: *mut Reader, error: Error) {
    // SAFETY: the reader is live.
    unsafe {
        discard_reply(reader);
        sds::free((*reader).c.buf);
        let c = &mut (*reader).c;
        c.buf = null_mut();
        c.pos = 0;
        c.len = 0;
        c.ridx = -1;
        error.store(&mut c.err, &mut c.errstr);
    }
}

/// Sets the stack up for a reply's root.
unsafe fn begin_reply(reader: *mut Reader) {
    // SAFETY: the caller's reader is live and has at least one task.
    unsafe {
        let c = &mut (*reader).c;
        let task = (*c.task).cast::<Task>();
        (*task).c.r#type = -1;
        (*task).c.elements = -1;
        (*task).c.idx = -1;
        (*task).c.obj = null_mut();
        (*task).c.parent = null_mut();
        (*task).c.privdata = c.privdata;
        c.ridx = 0;
        (*reader).direct = default_table::makes_default_objects(c.r#fn);
        (*reader).root = None;
        (*reader).scanned = 0;
        (*reader).vacant = 0;
    }
}

/// Frees the reply in progress, if its table can.
unsafe fn discard_reply(reader: *mut Reader) {
    // SAFETY: the caller's reader is live; the root reaches every part that was attached.
    unsafe {
        (*reader).bulk.discard();
        let root = (*reader).c.reply;
        if !root.is_null()
            && let Some(table) = (*reader).c.r#fn.as_ref()
            && let Some(free_object) = table.freeObject
        {
            (*reader).c.reply = null_mut();
            free_object(root);
        }
    }
}

/// Makes `TASK_STEP` more tasks. They keep their addresses; the array that holds them may move, and
/// doubles, so that depth costs no more than it must.
unsafe fn grow_tasks(reader: *mut Reader) -> Result<(), Error> {
    // SAFETY: the caller's reader is live; `tasks` counts the allocated entries at every step.
    unsafe {
        let tasks = (*reader).c.tasks;
        let target = tasks.checked_add(TASK_STEP).ok_or(Error::OutOfMemory)?;
        if target > (*reader).task_slots {
            let slots = target.max((*reader).task_slots.saturating_mul(2));
            let size = slots as usize * size_of::<*mut redisReadTask>();
            let array = alloc::reallocate((*reader).c.task.cast(), size);
            if array.is_null() {
                return Err(Error::OutOfMemory);
            }
            (*reader).c.task = array.cast();
            (*reader).task_slots = slots;
        }
        for index in tasks..target {
            let task = alloc::zeroed::<Task>().ok_or(Error::OutOfMemory)?;
            *(*reader).c.task.offset(index as isize) = task.as_ptr().cast();
            (*reader).c.tasks = index + 1;
        }
        Ok(())
    }
}

/// Drops consumed bytes once they are at least as many as those behind them, so that every byte is
/// moved at most once however many replies one feed holds; and an empty buffer that has become
/// larger than the reads that fill it.
unsafe fn drop_consumed(reader: *mut Reader) {
    // SAFETY: `buf` is an sds of `len` bytes, of which `pos` are consumed.
    unsafe {
        let reads = (*reader).read_size;
        let busy = if reads > MIN_READ {
            2 * reads
        } else {
            MAX_CONSUMED
        };
        let keep = (*reader).c.maxbuf.max(busy);
        let (pos, len) = ((*reader).c.pos, (*reader).c.len);
        if pos == len && release_idle_buffer(reader, keep) {
            return;
        }
        let rest = len - pos;
        if pos >= MAX_CONSUMED && rest <= pos {
            let c = &mut (*reader).c;
            core::ptr::copy(c.buf.add(pos), c.buf, rest);
            sds::set_len(c.buf, rest);
            c.pos = 0;
            c.len = rest;
        }
    }
}

/// Replaces a buffer without unread bytes, where it is larger than an idle reader may `keep`; tells
/// whether it did.
unsafe fn release_idle_buffer(reader: *mut Reader, keep: usize) -> bool {
    // SAFETY: the caller's reader has a buffer.
    unsafe {
        let old = (*reader).c.buf;
        if (*reader).c.maxbuf == 0 || sds::capacity(old) <= keep {
            return false;
        }
        let empty = sds::empty();
        if empty.is_null() {
            return false;
        }
        sds::free(old);
        let c = &mut (*reader).c;
        c.buf = empty;
        c.pos = 0;
        c.len = 0;
    }
    true
}
