//! Replies of the default table, built without it: one loop over the buffer makes the tree in
//! place, with no stack. An aggregate whose elements are still arriving says itself where it stands
//! ([`Open`]).

use super::buffer::{room_to_keep, shrink};
use super::bulk::MIN_LARGE;
use super::common::take_common;
use super::open::Open;
use super::reply::{free_reply, new_double, new_integer, new_reply, new_string, new_verbatim};
use super::{Reader, unread};
use crate::alloc::Heap;
use crate::error::Error;
use crate::layout::redisReply;
use crate::resp::{Found, Item, Kind, parse_common_bulk, parse_item, parse_short_line};
use core::ptr::{NonNull, null_mut};
use libc::{c_int, c_void};

/// What an item became.
enum Step {
    /// A reply that is complete in itself.
    Made(NonNull<redisReply>),
    /// An aggregate that waits for its elements.
    Opened,
    /// The buffer ends within the item.
    Incomplete,
}

/// Parses until the reply in progress is complete, and returns it; `None` where the buffer ends
/// before. After an error, what there is of the reply stands in `c.reply`.
///
/// # Safety
/// The reader's table is the default one, and a reply in progress was begun here.
#[inline(always)]
pub(super) unsafe fn run(reader: &mut Reader) -> Result<Option<NonNull<c_void>>, Error> {
    let heap = Heap::current();
    // SAFETY: the caller's reader has a buffer, which allocating does not change; the reply is new.
    unsafe {
        let bytes = unread(reader);
        if reader.c.reply.is_null()
            && reader.item.is_none()
            && bytes.first() != Some(&b'*')
            && let Some((reply, len)) = take_common(&heap, bytes)
        {
            let reply = reply.ok_or(Error::OutOfMemory)?;
            reader.c.pos += len;
            reader.c.ridx = -1;
            reader.root = (*reply.as_ptr()).r#type;
            return Ok(Some(reply.cast()));
        }
        build(reader, heap, None)
    }
}

/// Begins an aggregate that is to have elements, and goes on as `run`.
///
/// # Safety
/// As `run`; no reply is in progress, and the aggregate's head has been taken.
#[inline(always)]
pub(super) unsafe fn begin(
    reader: &mut Reader,
    kind: Kind,
    elements: usize,
) -> Result<Option<NonNull<c_void>>, Error> {
    // SAFETY: the caller's promises.
    unsafe { build(reader, Heap::current(), Some((kind, elements))) }
}

/// The same for any reply.
#[inline(never)]
unsafe fn build(
    reader: &mut Reader,
    heap: Heap,
    first: Option<(Kind, usize)>,
) -> Result<Option<NonNull<c_void>>, Error> {
    let open = reader.open;
    let mut tree = Tree { heap, open };
    // SAFETY: the caller's promises; the tree is this reader's.
    unsafe {
        let mut step = match first {
            Some((kind, elements)) => {
                tree.open(reader, kind, elements)?;
                Step::Opened
            }
            None => tree.take_array(reader)?,
        };
        // What is behind `c.pos`, which follows only where others look at it.
        let mut rest = unread(reader);
        loop {
            match step {
                Step::Made(reply) => {
                    if let Some(root) = tree.add(reader, reply)? {
                        reader.c.pos = reader.c.len - rest.len();
                        reader.root = (*root.as_ptr()).r#type;
                        return Ok(Some(root.cast()));
                    }
                }
                Step::Opened => {}
                Step::Incomplete => return Ok(None),
            }
            step = match take_common(&tree.heap, rest) {
                Some((reply, len)) => {
                    rest = rest.get(len..).unwrap_or_default();
                    if tree.heap.is_foreign() {
                        // The program's allocator may leave by an exception or longjmp.
                        reader.c.pos = reader.c.len - rest.len();
                    }
                    Step::Made(reply.ok_or(Error::OutOfMemory)?)
                }
                None => {
                    reader.c.pos = reader.c.len - rest.len();
                    let step = tree.take_array(reader)?;
                    rest = unread(reader);
                    step
                }
            };
        }
    }
}

/// The reply in progress, as far as it has come. `c.ridx` counts the aggregates that are open.
struct Tree {
    heap: Heap,
    /// The innermost aggregate that misses elements: `Reader::open`, at hand.
    open: Open,
}

/// Makes what has been built of a reply an ordinary one, as a program may see and free it.
///
/// # Safety
/// The reader is live; the reply in progress is then freed.
pub(super) unsafe fn close_all(reader: &mut Reader) {
    // SAFETY: open aggregates are live.
    unsafe {
        while !reader.open.is_none() {
            (_, reader.open) = reader.open.close();
        }
    }
}

impl Tree {
    /// Takes the next item, in few steps where it is the head of a short array.
    #[inline(always)]
    unsafe fn take_array(&mut self, reader: &mut Reader) -> Result<Step, Error> {
        // SAFETY: the caller's reader has a buffer.
        unsafe {
            if reader.item.is_none()
                && let [b'*', rest @ ..] = unread(reader)
                && let Some((count @ 1.., len)) = parse_short_line(rest)
                && (reader.c.maxelements <= 0 || count <= reader.c.maxelements)
            {
                super::check_depth(&reader.c)?;
                reader.c.pos += len + 3;
                self.open(reader, Kind::Array, count as usize)?;
                return Ok(Step::Opened);
            }
            self.take_any(reader)
        }
    }

    /// Takes the next item, or goes on with the one whose end was missing.
    #[inline(never)]
    unsafe fn take_any(&mut self, reader: &mut Reader) -> Result<Step, Error> {
        // SAFETY: the caller's reader has a buffer; a string is finished once all of it is there.
        unsafe {
            let Some(kind) = reader.item.take() else {
                return match begin_item(reader)? {
                    Some(kind) => self.take_item(reader, kind, 0),
                    None => Ok(Step::Incomplete),
                };
            };
            if !reader.bulk.is_active() {
                // Once its head was there, nothing of it is to be scanned again.
                if kind == Kind::BulkString
                    && reader.scanned == 0
                    && let Some((text, len)) = parse_common_bulk(unread(reader))
                {
                    reader.c.pos += len;
                    let reply = new_string(&self.heap, kind as c_int, text);
                    return reply.map(Step::Made).ok_or(Error::OutOfMemory);
                }
                let scanned = core::mem::take(&mut reader.scanned);
                return self.take_item(reader, kind, scanned);
            }
            if reader.bulk.is_complete() {
                let reply = reader.bulk.finish()?;
                // The buffer held the string's beginning.
                shrink(reader, room_to_keep(reader));
                return Ok(Step::Made(reply));
            }
            reader.item = Some(kind);
            Ok(Step::Incomplete)
        }
    }

    /// Takes what follows a type byte, and makes the reply that it is.
    unsafe fn take_item(
        &mut self,
        reader: &mut Reader,
        kind: Kind,
        scanned: usize,
    ) -> Result<Step, Error> {
        // SAFETY: the caller's reader has a buffer, which allocating does not change.
        unsafe {
            let bytes = unread(reader);
            let (item, len) = match parse_item(kind, bytes, scanned, reader.c.maxelements)? {
                Found::Item(item, len) => (item, len),
                found => return suspend(reader, kind, found),
            };
            reader.c.pos += len;
            let heap = &self.heap;
            let reply = match item {
                Item::Text(text) if kind == Kind::VerbatimString => new_verbatim(heap, text),
                Item::Text(text) => new_string(heap, kind as c_int, text),
                Item::Double(value, text) => new_double(heap, value, text),
                Item::Integer(value) => new_integer(heap, kind as c_int, value),
                Item::Boolean(value) => new_integer(heap, kind as c_int, i64::from(value)),
                Item::Null => new_reply(heap, Kind::Null as c_int),
                Item::Aggregate(0) => new_reply(heap, kind as c_int),
                Item::Aggregate(elements) => {
                    self.open(reader, kind, elements)?;
                    return Ok(Step::Opened);
                }
            };
            reply.map(Step::Made).ok_or(Error::OutOfMemory)
        }
    }

    /// Adds a complete reply. Returns the root where that completes it.
    #[inline(always)]
    unsafe fn add(
        &mut self,
        reader: &mut Reader,
        reply: NonNull<redisReply>,
    ) -> Result<Option<NonNull<redisReply>>, Error> {
        // SAFETY: the reply is new; open aggregates are live and this tree's own.
        unsafe {
            if !self.open.is_none() {
                self.attach(reader, reply)?;
                if !self.open.is_full() {
                    return Ok(None);
                }
            }
            Ok(self.close(reader, reply))
        }
    }

    /// Makes a new reply the next element of the open aggregate; frees it where that has no memory.
    #[inline(always)]
    unsafe fn attach(
        &mut self,
        reader: &mut Reader,
        reply: NonNull<redisReply>,
    ) -> Result<(), Error> {
        // SAFETY: an aggregate is open; a slot is free where its vector has grown.
        unsafe {
            if !self.open.has_room() {
                match self.open.grow() {
                    Ok(slots) => reader.vacant += slots,
                    Err(error) => {
                        free_reply(reply.as_ptr().cast());
                        return Err(error);
                    }
                }
            }
            self.open.push(reply);
            reader.vacant -= 1;
        }
        Ok(())
    }

    /// Makes an aggregate that waits for its elements.
    #[inline(never)]
    unsafe fn open(
        &mut self,
        reader: &mut Reader,
        kind: Kind,
        elements: usize,
    ) -> Result<(), Error> {
        // SAFETY: open aggregates are live and this tree's own; the new one is reached by its parent
        // or by `c.reply` before anything can fail.
        unsafe {
            if self.open.is_none() {
                reader.vacant = 0;
            }
            let slots = Open::first_slots(elements, unread(reader).len(), reader.vacant);
            let (reply, open) = Open::new(&self.heap, kind, elements, slots)?;
            if self.open.is_none() {
                reader.c.reply = reply.as_ptr().cast();
            } else {
                self.attach(reader, reply)?;
            }
            open.set_parent(self.open);
            reader.vacant += slots;
            self.open = open;
            reader.open = open;
            reader.c.ridx += 1;
        }
        Ok(())
    }

    /// Goes up from a complete reply to the first aggregate that misses elements. Returns the root
    /// where there is none.
    #[inline]
    unsafe fn close(
        &mut self,
        reader: &mut Reader,
        reply: NonNull<redisReply>,
    ) -> Option<NonNull<redisReply>> {
        let mut complete = reply;
        // SAFETY: open aggregates are live and this tree's own.
        unsafe {
            while !self.open.is_none() {
                if !self.open.is_full() {
                    return None;
                }
                (complete, self.open) = self.open.close();
                reader.open = self.open;
                reader.c.ridx -= 1;
            }
        }
        reader.c.reply = null_mut();
        reader.c.ridx = -1;
        Some(complete)
    }
}

/// Takes the next item's type byte, if it is there.
unsafe fn begin_item(reader: &mut Reader) -> Result<Option<Kind>, Error> {
    // SAFETY: the caller's reader has a buffer.
    let Some(&byte) = unsafe { unread(reader) }.first() else {
        return Ok(None);
    };
    reader.c.pos += 1;
    let kind = Kind::from_byte(byte).ok_or(Error::ReplyType(byte))?;
    if kind.is_aggregate() {
        super::check_depth(&reader.c)?;
    }
    Ok(Some(kind))
}

/// Keeps in mind where an item stands whose end is missing. A long string goes on in its own place.
#[cold]
unsafe fn suspend(reader: &mut Reader, kind: Kind, found: Found<'_>) -> Result<Step, Error> {
    reader.item = Some(kind);
    match found {
        Found::Partial { begin, len } if kind == Kind::BulkString && len >= MIN_LARGE => {
            // SAFETY: the caller's reader has a buffer; no other string is active.
            unsafe {
                let begun = unread(reader).get(begin..).unwrap_or_default();
                reader.bulk.start(len, begun)?;
            }
            reader.c.pos = reader.c.len;
        }
        found => super::suspend(reader, found),
    }
    Ok(Step::Incomplete)
}
