//! The incremental parser behind `redisReader`.
//!
//! With the default table, [`direct`] builds `redisReply` trees itself; with a program's own,
//! [`table`] calls its functions for each item. What an item is, `resp` says. See `docs/reader.md`.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod buffer;
mod bulk;
mod common;
mod default_table;
mod direct;
mod input;
mod last;
mod open;
mod quick;
mod reply;
mod table;
mod tasks;

use crate::error::{Error, INPUT_LIMIT};
use crate::layout::{
    REDIS_READER_MAX_ARRAY_ELEMENTS, REDIS_READER_MAX_BUF, REDIS_READER_MAX_REPLY_DEPTH,
    redisReader, redisReplyObjectFunctions,
};
use crate::resp::encode::CRLF;
use crate::resp::{Found, Kind};
use crate::sds;
use crate::{alloc, one_thread};
use bulk::LargeBulk;
use core::ptr::{NonNull, null_mut};
use libc::{c_int, c_void};
use open::Open;

use default_table::makes_default_objects;

pub(crate) use default_table::{default_functions, keep_free_object};
pub(crate) use input::{
    MIN_READ, Scratch, feed, feed_quickly, has_allowance, landing, received, refuse,
};
pub(crate) use last::{as_aggregate, free_object, last_is_push, last_kind, makes_replies};
pub(crate) use quick::take_reply;
pub(crate) use reply::free_reply;

/// What was refused before anything was sent or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The command makes no sense.
    Command,
    /// The output buffer may not take the command.
    OutputLimit,
    /// A command timeout is no time.
    Timeout,
}

/// A reader: what C programs see, and behind it what is ours. Readers are only made here.
#[repr(C)]
pub(crate) struct Reader {
    pub(crate) c: redisReader,
    /// Bytes after `pos` that are known not to begin the end of the line in progress.
    scanned: usize,
    /// Bytes after `pos` without which the item in progress cannot be complete; 0 where none is.
    wanted: usize,
    /// The innermost aggregate that is being built directly.
    open: Open,
    /// Element slots allocated and not yet filled, in all open aggregates.
    vacant: usize,
    /// Where in the buffer the reply in progress began; wraps below 0 once bytes of it have left.
    begun: usize,
    /// How many bytes the next read from a socket asks for.
    read_size: usize,
    /// The last read from a socket has emptied it: the connection may be idle for long.
    drained: bool,
    /// The string being received into its final place.
    bulk: LargeBulk,
    /// Entries that the array of tasks has room for; 0 where the reader has no tasks of its own.
    task_slots: c_int,
    /// The type on the wire of the last reply, a `REDIS_REPLY_*`; `REDIS_REPLY_NIL` for every null.
    root: c_int,
    /// The type of the item in progress, where its reply is built directly.
    item: Option<Kind>,
    progress: Progress,
    pub(crate) limits: Limits,
    /// Kept for the context: why its last command was refused. It stands here because a context may
    /// be copied byte for byte.
    pub(crate) refused: Option<Refused>,
    /// Kept for the context, for the same reason.
    pub(crate) output: Output,
}

/// What has become of the output buffer.
#[derive(Clone, Copy, Default)]
pub(crate) struct Output {
    /// Bytes that the transport has taken, since the reader was made.
    pub(crate) taken: u64,
    /// The mark below which the buffer counts as drained; 0: there is none.
    pub(crate) low_water: usize,
    /// A write has brought the buffer below the mark.
    pub(crate) drained: bool,
}

impl Output {
    /// The transport has taken `count` of `before` bytes.
    #[inline(always)]
    pub(crate) fn take(&mut self, before: usize, count: usize) {
        self.taken = self.taken.wrapping_add(count as u64);
        if self.low_water > 0 {
            self.drained |=
                before >= self.low_water && before.saturating_sub(count) < self.low_water;
        }
    }
}

/// What a program allows the connection to hold, in bytes; 0: no limit. The output buffer's stands
/// here, too, since nothing of ours may stand behind a context that programs copy.
#[derive(Clone, Copy, Default)]
pub(crate) struct Limits {
    /// On the wire, of a reply that is not complete.
    pub(crate) input: usize,
    pub(crate) output: usize,
}

/// How far the next reply has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Not a byte of it has been seen: the program may change the table yet.
    Idle,
    /// It is built directly.
    Direct,
    /// It is made by the table's functions.
    Table,
}

/// Makes a reader with the given table, which is borrowed for the reader's life and may be NULL.
/// `None` when memory is short.
///
/// # Safety
/// `table` is NULL or outlives the reader.
pub(crate) unsafe fn create(table: *mut redisReplyObjectFunctions) -> Option<NonNull<redisReader>> {
    let reader = alloc::zeroed::<Reader>()?.as_ptr();
    // SAFETY: the reader is new and nobody else's; zeroes are a value of every field but three,
    // which are written before they are read.
    unsafe {
        (&raw mut (*reader).item).write(None);
        (&raw mut (*reader).refused).write(None);
        (&raw mut (*reader).progress).write(Progress::Idle);
        (*reader).read_size = MIN_READ;
        (*reader).c.maxbuf = REDIS_READER_MAX_BUF;
        (*reader).c.maxelements = REDIS_READER_MAX_ARRAY_ELEMENTS;
        (*reader).c.maxdepth = REDIS_READER_MAX_REPLY_DEPTH;
        (*reader).c.r#fn = table;
        (*reader).c.ridx = -1;
        tasks::show_blank(&mut *reader);
        (*reader).c.buf = sds::empty();
        let complete = !(*reader).c.buf.is_null()
            && (makes_default_objects(table) || tasks::own_tasks(reader).is_ok());
        if !complete {
            free(reader);
            return None;
        }
    }
    NonNull::new(reader.cast())
}

/// Whether a reader came from `create`, which always has tasks to show. A program may have zeroed
/// one of its own; that has the public fields alone.
///
/// # Safety
/// `reader` has the public fields.
pub(crate) unsafe fn is_whole(reader: *const Reader) -> bool {
    // SAFETY: the caller's promise.
    unsafe { !(*reader).c.task.is_null() }
}

/// Frees a reader and the reply in progress.
///
/// # Safety
/// `reader` came from `create`, or was zeroed by the program, and is not used afterwards.
pub(crate) unsafe fn free(reader: *mut Reader) {
    // SAFETY: the reader is live; nothing of it is used after it is released.
    unsafe {
        if is_whole(reader) {
            discard_reply(reader);
            tasks::free_tasks(reader);
        }
        sds::free((*reader).c.buf);
        one_thread::gone(reader);
        alloc::release(reader);
    }
}

/// Parses at most one reply. `Ok(None)` when the buffer holds no complete one. Errors are sticky
/// and stand in the reader's `err` and `errstr`.
///
/// # Safety
/// `reader` is live, and its table's functions keep to their contract.
#[inline(always)]
pub(crate) unsafe fn get_reply(reader: *mut Reader) -> Result<Option<NonNull<c_void>>, ()> {
    // SAFETY: the reader is live; raw accesses leave the table's functions free to read it.
    unsafe {
        if (*reader).c.err != 0 {
            return Err(());
        }
        let unread = (*reader).c.len - (*reader).c.pos;
        if unread < (*reader).wanted || !has_work(reader, unread) {
            return Ok(None);
        }
        let parsed = go_on(reader);
        end(reader, parsed)
    }
}

/// What is left to do when the buffer has been parsed as far as it goes.
#[inline(always)]
unsafe fn end(
    reader: *mut Reader,
    parsed: Result<Option<NonNull<c_void>>, Error>,
) -> Result<Option<NonNull<c_void>>, ()> {
    // SAFETY: the caller's reader is live.
    unsafe {
        match parsed {
            Ok(reply) => {
                if reply.is_some() {
                    (*reader).progress = Progress::Idle;
                } else if (*reader).limits.input > 0 && exceeds_limit(&*reader) {
                    fail(reader, INPUT_LIMIT);
                    return Err(());
                }
                buffer::drop_consumed(reader);
                Ok(reply)
            }
            Err(error) => {
                fail(reader, error);
                Err(())
            }
        }
    }
}

/// Begins an array or a push of at least one element, whose head takes `len` bytes with its type
/// byte, and parses on. `None`, and nothing is done, where that is for `get_reply`.
///
/// # Safety
/// As `get_reply`; the reader has not failed, and no reply is in progress.
#[inline(always)]
pub(crate) unsafe fn get_aggregate(
    reader: *mut Reader,
    kind: Kind,
    elements: i64,
    len: usize,
) -> Option<Result<Option<NonNull<c_void>>, ()>> {
    // SAFETY: the caller's reader is live.
    unsafe {
        let c = &mut (*reader).c;
        let within = c.maxelements <= 0 || elements <= c.maxelements;
        if elements < 1 || !within || !makes_default_objects(c.r#fn) {
            return None;
        }
        (*reader).begun = c.pos;
        c.ridx = 0;
        c.pos += len;
        (*reader).wanted = 0;
        (*reader).progress = Progress::Direct;
        let parsed = direct::begin(&mut *reader, kind, elements as usize);
        Some(end(reader, parsed))
    }
}

/// Whether there is anything to be parsed.
#[inline]
unsafe fn has_work(reader: *mut Reader, unread: usize) -> bool {
    // SAFETY: the caller's reader is live.
    unsafe {
        if unread > 0 || (*reader).bulk.is_complete() {
            return true;
        }
        // What C programs see of a reader that was asked in vain.
        if (*reader).progress == Progress::Idle && (*reader).c.len > 0 {
            (*reader).c.ridx = 0;
        }
        false
    }
}

/// Goes on with the reply in progress, or begins one.
#[inline]
unsafe fn go_on(reader: *mut Reader) -> Result<Option<NonNull<c_void>>, Error> {
    // SAFETY: the caller's reader is live, and there is something to be parsed.
    unsafe {
        (*reader).wanted = 0;
        if (*reader).progress == Progress::Idle {
            (*reader).c.ridx = 0;
            (*reader).begun = (*reader).c.pos;
            (*reader).progress = if makes_default_objects((*reader).c.r#fn) {
                Progress::Direct
            } else {
                table::begin(reader)?;
                Progress::Table
            };
        }
        if (*reader).progress == Progress::Direct && !has_other_table(reader) {
            direct::run(&mut *reader)
        } else {
            if let Some(kind) = (*reader).item.take() {
                table::begin(reader)?;
                table::take_over(reader, kind);
                (*reader).progress = Progress::Table;
            }
            table::run(reader)
        }
    }
}

/// Whether the reply in progress is known to take more bytes than the program allows: those parsed,
/// and those of the item that it is at, which may only be announced.
#[cold]
fn exceeds_limit(reader: &Reader) -> bool {
    let unread = reader.c.len - reader.c.pos;
    let item = unread.max(reader.wanted).max(reader.bulk.missing());
    reader.parsed().saturating_add(item) > reader.limits.input
}

impl Reader {
    /// Bytes that were parsed of the reply in progress.
    fn parsed(&self) -> usize {
        match self.progress {
            Progress::Idle => 0,
            _ => self.c.pos.wrapping_sub(self.begun),
        }
    }
}

/// Whether the program has exchanged the table since a type byte was seen, of which nothing has been
/// made: then the new one makes the reply.
#[inline]
unsafe fn has_other_table(reader: *mut Reader) -> bool {
    // SAFETY: the caller's reader is live.
    unsafe {
        (*reader).item.is_some()
            && (*reader).c.reply.is_null()
            && !(*reader).bulk.is_active()
            && !makes_default_objects((*reader).c.r#fn)
    }
}

/// Keeps in mind where an item stands whose end is missing.
#[inline]
fn suspend(reader: &mut Reader, found: Found<'_>) {
    match found {
        Found::Incomplete { scanned } => {
            reader.scanned = scanned;
            reader.wanted = reader.c.len - reader.c.pos + 1;
        }
        Found::Partial { begin, len } => {
            reader.wanted = begin.saturating_add(len).saturating_add(CRLF.len());
        }
        Found::Item(..) => {}
    }
}

/// Refuses an aggregate where it is nested too deep.
#[inline]
fn check_depth(c: &redisReader) -> Result<(), Error> {
    if c.maxdepth > 0 && c.ridx >= c.maxdepth {
        return Err(Error::Protocol("Max nesting depth exceeded"));
    }
    Ok(())
}

/// The bytes not yet parsed.
///
/// # Safety
/// `reader` has a buffer, which neither moves nor loses bytes while the result is in use.
#[inline(always)]
unsafe fn unread<'a>(reader: &Reader) -> &'a [u8] {
    // SAFETY: `pos` never exceeds `len`, the length of `buf`.
    unsafe {
        let c = &reader.c;
        core::slice::from_raw_parts(c.buf.add(c.pos).cast::<u8>(), c.len - c.pos)
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
        (*reader).progress = Progress::Idle;
        error.store(&mut c.err, &mut c.errstr);
    }
}

/// Frees the reply in progress, if its table can.
unsafe fn discard_reply(reader: *mut Reader) {
    // SAFETY: the caller's reader is live; the root reaches every part that was attached.
    unsafe {
        (*reader).bulk.discard();
        direct::close_all(&mut *reader);
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
