//! The state machine: one item at a time, over the stack of tasks.

use super::build::{Builder, MAX_DOUBLE};
use super::bulk::MIN_LARGE;
use super::{Reader, Task, grow_tasks};
use crate::error::Error;
use crate::resp::{
    Kind, Line, find_line, is_bignum, is_broken, parse_double, parse_integer, parse_short_line,
};
use core::ptr::null_mut;
use libc::c_void;

/// A bulk string that is longer or shorter than announced.
pub(super) const BAD_TERMINATOR: Error = Error::Protocol("Bad bulk string terminator");

/// What one step came to.
enum Step {
    /// An item is finished, or an aggregate begun.
    Progress,
    /// The buffer ends within the item.
    Incomplete,
}

/// Parses until the reply in progress is complete (`ridx` is -1) or the buffer ends.
///
/// # Safety
/// `reader` is live and has a reply in progress; `B` is the builder it began with.
pub(super) unsafe fn run<B: Builder>(reader: *mut Reader) -> Result<(), Error> {
    let builder = B::new();
    // SAFETY: `ridx` is the index of a task; nothing is borrowed across the builder's calls.
    unsafe {
        while let Ok(depth) = usize::try_from((*reader).c.ridx) {
            let task = (*(*reader).c.task.add(depth)).cast::<Task>();
            if let Step::Incomplete = step(reader, task, &builder)? {
                break;
            }
        }
    }
    Ok(())
}

/// Parses the item of `task`.
#[inline]
unsafe fn step<B: Builder>(
    reader: *mut Reader,
    task: *mut Task,
    builder: &B,
) -> Result<Step, Error> {
    // SAFETY: the caller's reader and task are live.
    unsafe {
        let Some(kind) = item_kind(reader, task)? else {
            return Ok(Step::Incomplete);
        };
        match kind {
            Kind::BulkString | Kind::VerbatimString => bulk(reader, task, kind, builder),
            Kind::Integer => integer(reader, task, builder),
            kind if kind.is_aggregate() => aggregate(reader, task, kind, builder),
            kind => line_item(reader, task, kind, builder),
        }
    }
}

/// The item's type: known already, or told by the next byte.
#[inline]
unsafe fn item_kind(reader: *mut Reader, task: *mut Task) -> Result<Option<Kind>, Error> {
    // SAFETY: the caller's reader and task are live; `pos` is checked against `len`.
    unsafe {
        if (*task).c.r#type >= 0 {
            return Ok(Kind::from_number((*task).c.r#type));
        }
        let c = &mut (*reader).c;
        if c.pos >= c.len {
            return Ok(None);
        }
        let byte = *c.buf.add(c.pos).cast::<u8>();
        c.pos += 1;
        let kind = Kind::from_byte(byte).ok_or(Error::ReplyType(byte))?;
        if kind.is_aggregate() && c.maxdepth > 0 && c.ridx >= c.maxdepth {
            return Err(Error::Protocol("Max nesting depth exceeded"));
        }
        (*task).c.r#type = kind as i32;
        (*reader).scanned = 0;
        Ok(Some(kind))
    }
}

/// The bytes not yet parsed.
#[inline]
unsafe fn unread<'a>(reader: *mut Reader) -> &'a [u8] {
    // SAFETY: `pos` never exceeds `len`, the length of `buf`. The slice is not used after the
    // buffer changes.
    unsafe {
        let c = &(*reader).c;
        core::slice::from_raw_parts(c.buf.add(c.pos).cast::<u8>(), c.len - c.pos)
    }
}

/// The line that begins here, without its CRLF; remembers how far it looked.
#[inline]
unsafe fn line<'a>(reader: *mut Reader) -> Option<&'a [u8]> {
    // SAFETY: the caller's reader is live.
    unsafe {
        let unread = unread(reader);
        match find_line(unread, (*reader).scanned) {
            Line::Complete(len) => {
                (*reader).scanned = len;
                unread.get(..len)
            }
            Line::Incomplete(scanned) => {
                (*reader).scanned = scanned;
                None
            }
        }
    }
}

/// The number of the line that begins here, and the line's length; `refusal` where it is none.
#[inline]
unsafe fn number_line(
    reader: *mut Reader,
    refusal: &'static str,
) -> Result<Option<(i64, usize)>, Error> {
    // SAFETY: the caller's reader is live.
    unsafe {
        let short = parse_short_line(unread(reader));
        if short.is_some() {
            return Ok(short);
        }
        let Some(line) = line(reader) else {
            return Ok(None);
        };
        let number = parse_integer(line).ok_or(Error::Protocol(refusal))?;
        Ok(Some((number, line.len())))
    }
}

/// An integer.
unsafe fn integer<B: Builder>(
    reader: *mut Reader,
    task: *mut Task,
    builder: &B,
) -> Result<Step, Error> {
    // SAFETY: the caller's reader and task are live.
    unsafe {
        let Some((value, len)) = number_line(reader, "Bad integer value")? else {
            return Ok(Step::Incomplete);
        };
        (*reader).c.pos += len + 2;
        note_root(reader, Kind::Integer);
        let object = builder.integer(reader, task, value)?;
        finish_item(reader, task, object);
        Ok(Step::Progress)
    }
}

/// Any other item that is one line.
unsafe fn line_item<B: Builder>(
    reader: *mut Reader,
    task: *mut Task,
    kind: Kind,
    builder: &B,
) -> Result<Step, Error> {
    // SAFETY: the caller's reader and task are live; the line is not used after the builder's call.
    unsafe {
        let Some(line) = line(reader) else {
            return Ok(Step::Incomplete);
        };
        (*reader).c.pos += line.len() + 2;
        note_root(reader, kind);
        let object = match kind {
            Kind::Double => {
                if line.len() > MAX_DOUBLE {
                    return Err(Error::Protocol("Double value is too large"));
                }
                let value = parse_double(line).ok_or(Error::Protocol("Bad double value"))?;
                builder.double(reader, task, value, line)?
            }
            Kind::Null if line.is_empty() => builder.null(reader, task)?,
            Kind::Null => return Err(Error::Protocol("Bad nil value")),
            Kind::Boolean => builder.boolean(reader, task, parse_boolean(line)?)?,
            Kind::BigNumber if !is_bignum(line) => {
                return Err(Error::Protocol("Bad bignum value"));
            }
            Kind::SimpleString | Kind::SimpleError if is_broken(line) => {
                return Err(Error::Protocol("Bad simple string value"));
            }
            _ => builder.text(reader, task, line)?,
        };
        finish_item(reader, task, object);
        Ok(Step::Progress)
    }
}

fn parse_boolean(line: &[u8]) -> Result<bool, Error> {
    match line {
        b"t" | b"T" => Ok(true),
        b"f" | b"F" => Ok(false),
        _ => Err(Error::Protocol("Bad bool value")),
    }
}

/// A bulk or verbatim string. Until all of it is there nothing but its type is consumed, unless it
/// is long enough to be received on its own.
unsafe fn bulk<B: Builder>(
    reader: *mut Reader,
    task: *mut Task,
    kind: Kind,
    builder: &B,
) -> Result<Step, Error> {
    // SAFETY: the caller's reader and task are live; the text is not used after the builder's call.
    unsafe {
        if (*reader).bulk.is_active() {
            return large_bulk(reader, task, builder);
        }
        let Some((len, header)) = number_line(reader, "Bad bulk string length")? else {
            return Ok(Step::Incomplete);
        };
        let begin = header + 2;
        if len < 0 {
            if len < -1 {
                return Err(Error::Protocol("Bulk string length out of range"));
            }
            (*reader).c.pos += begin;
            let object = builder.null(reader, task)?;
            finish_item(reader, task, object);
            return Ok(Step::Progress);
        }
        let len = len as usize;
        let unread = unread(reader);
        let payload = unread.get(begin..).unwrap_or_default();
        let (Some(text), Some(terminator)) = (payload.get(..len), payload.get(len..len + 2)) else {
            if B::RECEIVES_LARGE && kind == Kind::BulkString && len >= MIN_LARGE {
                (*reader).bulk.start(len, payload)?;
                (*reader).c.pos += unread.len();
            }
            return Ok(Step::Incomplete);
        };
        if kind == Kind::VerbatimString && text.get(3) != Some(&b':') {
            return Err(Error::Protocol(
                "Verbatim string 4 bytes of content type are missing or incorrectly encoded.",
            ));
        }
        if terminator != b"\r\n" {
            return Err(BAD_TERMINATOR);
        }
        (*reader).c.pos += begin + len + 2;
        note_root(reader, kind);
        let object = builder.text(reader, task, text)?;
        finish_item(reader, task, object);
        Ok(Step::Progress)
    }
}

/// Goes on with a bulk string that is received on its own.
unsafe fn large_bulk<B: Builder>(
    reader: *mut Reader,
    task: *mut Task,
    builder: &B,
) -> Result<Step, Error> {
    // SAFETY: the caller's reader and task are live.
    unsafe {
        if !(*reader).bulk.is_complete() {
            return Ok(Step::Incomplete);
        }
        let reply = (*reader).bulk.finish()?;
        note_root(reader, Kind::BulkString);
        let object = builder.received(reader, task, reply)?;
        finish_item(reader, task, object);
        Ok(Step::Progress)
    }
}

/// The head of an aggregate; its elements follow as items of their own.
unsafe fn aggregate<B: Builder>(
    reader: *mut Reader,
    task: *mut Task,
    kind: Kind,
    builder: &B,
) -> Result<Step, Error> {
    // SAFETY: the caller's reader and task are live.
    unsafe {
        let Some((count, header)) = number_line(reader, "Bad multi-bulk length")? else {
            return Ok(Step::Incomplete);
        };
        (*reader).c.pos += header + 2;
        if count == -1 {
            let object = builder.null(reader, task)?;
            finish_item(reader, task, object);
            return Ok(Step::Progress);
        }
        let limit = (*reader).c.maxelements;
        let elements = (count >= 0 && (limit <= 0 || count <= limit))
            .then(|| count.checked_mul(kind.elements_per_entry()))
            .flatten()
            .ok_or(Error::Protocol("Multi-bulk length out of range"))?;
        if elements > 0 {
            make_room_below(reader)?;
        }
        let object = builder.aggregate(reader, task, elements as usize)?;
        note_root(reader, kind);
        if elements == 0 {
            finish_item(reader, task, object);
        } else {
            enter(reader, task, object, elements);
        }
        Ok(Step::Progress)
    }
}

/// Remembers the type of a reply's root.
#[inline]
unsafe fn note_root(reader: *mut Reader, kind: Kind) {
    // SAFETY: the caller's reader is live.
    unsafe {
        if (*reader).c.ridx == 0 && kind != Kind::Null {
            (*reader).root = Some(kind);
        }
    }
}

/// Makes sure that the stack has a task for the elements of the item in progress.
unsafe fn make_room_below(reader: *mut Reader) -> Result<(), Error> {
    // SAFETY: the caller's reader is live.
    unsafe {
        if (*reader).c.ridx + 1 == (*reader).c.tasks {
            grow_tasks(reader)?;
        }
    }
    Ok(())
}

/// Goes down to the first element of an aggregate.
unsafe fn enter(reader: *mut Reader, task: *mut Task, object: *mut c_void, elements: i64) {
    // SAFETY: the caller made room for the level below.
    unsafe {
        let c = &mut (*reader).c;
        if c.ridx == 0 {
            c.reply = object;
        }
        (*task).c.elements = elements;
        (*task).c.obj = object;
        (*task).done = 0;
        c.ridx += 1;
        let child = (*c.task.offset(c.ridx as isize)).cast::<Task>();
        (*child).c.idx = 0;
        (*child).c.parent = &raw mut (*task).c;
        (*child).c.privdata = c.privdata;
        begin_item(child);
    }
}

/// Finishes an item: goes on to its next sibling, or up to the first level that has one.
#[inline]
unsafe fn finish_item(reader: *mut Reader, task: *mut Task, object: *mut c_void) {
    // SAFETY: the caller's reader and task are live, and so is every level above.
    unsafe {
        let c = &mut (*reader).c;
        if c.ridx == 0 {
            c.reply = object;
        }
        let mut task = task;
        while c.ridx > 0 {
            let parent = (*task).c.parent.cast::<Task>();
            (*parent).done += 1;
            if (*parent).done < (*parent).c.elements {
                (*task).c.idx = (*task).c.idx.wrapping_add(1);
                begin_item(task);
                return;
            }
            c.ridx -= 1;
            task = parent;
        }
        c.ridx = -1;
    }
}

/// Sets a task up for an item whose type is not known yet.
#[inline]
unsafe fn begin_item(task: *mut Task) {
    // SAFETY: the caller's task is live.
    unsafe {
        (*task).c.r#type = -1;
        (*task).c.elements = -1;
        (*task).c.obj = null_mut();
    }
}
