//! Replies of a program's own table: its functions are called for each item, with a task that says
//! where in the reply the item stands, and attach their objects themselves. A member that is NULL,
//! or no table at all, yields the type's number.

use super::tasks::{begin_item, enter, grow_tasks, leave, own_tasks};
use super::{Reader, unread};
use crate::error::Error;
use crate::layout::{redisReadTask, redisReplyObjectFunctions};
use crate::resp::{
    Found, Item, Kind, MAX_DOUBLE, parse_common_bulk, parse_common_status, parse_item,
    parse_small_integer,
};
use core::ptr::{NonNull, null_mut};
use libc::{c_char, c_int, c_void};

/// Parses until the reply in progress is complete, and returns it; `None` where the buffer ends
/// before. After an error, what there is of the reply stands in `c.reply`.
///
/// # Safety
/// `reader` is live, its reply was begun by `begin`, and its table's functions keep to their contract.
#[inline(never)]
pub(super) unsafe fn run(reader: *mut Reader) -> Result<Option<NonNull<c_void>>, Error> {
    // SAFETY: `ridx` is the index of a task; nothing is borrowed across the calls of the table.
    unsafe {
        while let Ok(depth) = usize::try_from((*reader).c.ridx) {
            let task = *(*reader).c.task.add(depth);
            if (*task).r#type < 0
                && let Some((kind, item, len)) = common(unread(&*reader))
            {
                (*task).r#type = kind as c_int;
                (*reader).c.pos += 1;
                take_item(reader, task, kind, item, len - 1)?;
            } else if !take_any(reader, task)? {
                return Ok(None);
            }
        }
        Ok(NonNull::new(core::mem::replace(
            &mut (*reader).c.reply,
            null_mut(),
        )))
    }
}

/// Sets the stack up for a reply's root.
///
/// # Safety
/// As `run`.
pub(super) unsafe fn begin(reader: *mut Reader) -> Result<(), Error> {
    // SAFETY: the caller's reader is live, and then has a task.
    unsafe {
        own_tasks(reader)?;
        let task = *(*reader).c.task;
        (*task).idx = -1;
        (*task).parent = null_mut();
        (*task).privdata = (*reader).c.privdata;
        begin_item(task);
        (*reader).scanned = 0;
    }
    Ok(())
}

/// Begins with an item whose type byte has been consumed.
///
/// # Safety
/// `begin` has just been called.
pub(super) unsafe fn take_over(reader: *mut Reader, kind: Kind) {
    // SAFETY: the caller's reader has a task.
    unsafe { (**(*reader).c.task).r#type = kind as c_int };
}

/// The item that begins `bytes`, with its type byte, where it is one that most replies are made of.
#[inline(always)]
fn common(bytes: &[u8]) -> Option<(Kind, Item<'_>, usize)> {
    let (&byte, rest) = bytes.split_first()?;
    let (kind, item, len) = match byte {
        b'$' => {
            let (text, len) = parse_common_bulk(rest)?;
            (Kind::BulkString, Item::Text(text), len)
        }
        b'+' => {
            let (text, len) = parse_common_status(rest)?;
            (Kind::SimpleString, Item::Text(text), len)
        }
        b':' => {
            let (value, len) = parse_small_integer(rest)?;
            (Kind::Integer, Item::Integer(value), len)
        }
        _ => return None,
    };
    Some((kind, item, len + 1))
}

/// Takes the item of `task`, whatever it is; tells whether all of it was there.
#[inline(never)]
unsafe fn take_any(reader: *mut Reader, task: *mut redisReadTask) -> Result<bool, Error> {
    // SAFETY: the caller's reader and task are live.
    unsafe {
        let Some(kind) = item_kind(reader, task)? else {
            return Ok(false);
        };
        let bytes = unread(&*reader);
        let scanned = core::mem::take(&mut (*reader).scanned);
        match parse_item(kind, bytes, scanned, (*reader).c.maxelements)? {
            Found::Item(item, len) => {
                take_item(reader, task, kind, item, len)?;
                Ok(true)
            }
            found => {
                super::suspend(&mut *reader, found);
                Ok(false)
            }
        }
    }
}

/// The item's type: known already, or told by the next byte.
unsafe fn item_kind(reader: *mut Reader, task: *mut redisReadTask) -> Result<Option<Kind>, Error> {
    // SAFETY: the caller's reader and task are live.
    unsafe {
        if (*task).r#type >= 0 {
            return Ok(Kind::from_number((*task).r#type));
        }
        let Some(&byte) = unread(&*reader).first() else {
            return Ok(None);
        };
        (*reader).c.pos += 1;
        let kind = Kind::from_byte(byte).ok_or(Error::ReplyType(byte))?;
        if kind.is_aggregate() {
            super::check_depth(&(*reader).c)?;
        }
        (*task).r#type = kind as c_int;
        Ok(Some(kind))
    }
}

/// Has the table make the object of an item, and goes on to the next. Before it is made nothing but
/// its type is consumed: a function that leaves by an exception or longjmp gets the item again.
#[inline(always)]
unsafe fn take_item(
    reader: *mut Reader,
    task: *mut redisReadTask,
    kind: Kind,
    item: Item<'_>,
    len: usize,
) -> Result<(), Error> {
    // SAFETY: the caller's reader and task are live.
    unsafe {
        if let Item::Aggregate(1..) = item
            && (*reader).c.ridx + 1 == (*reader).c.tasks
        {
            grow_tasks(reader)?;
        }
        let object = make((*reader).c.r#fn.as_ref(), task, kind, item)?;
        (*reader).c.pos += len;
        if (*reader).c.ridx == 0 {
            (*reader).root = if item == Item::Null { Kind::Null } else { kind } as c_int;
            (*reader).c.reply = object;
        }
        match item {
            Item::Aggregate(elements @ 1..) => enter(reader, task, object, elements),
            _ => leave(reader, task),
        }
    }
    Ok(())
}

/// Calls the table's function for an item; without one, its type's number is the object. NULL is
/// out of memory.
#[inline(always)]
unsafe fn make(
    table: Option<&redisReplyObjectFunctions>,
    task: *const redisReadTask,
    kind: Kind,
    item: Item<'_>,
) -> Result<*mut c_void, Error> {
    let number = kind as usize as *mut c_void;
    let Some(table) = table else {
        return Ok(match item {
            Item::Null => Kind::Null as usize as *mut c_void,
            _ => number,
        });
    };
    // SAFETY: the functions were given for such calls; text is not used after them.
    let object = unsafe {
        match item {
            Item::Text(text) => table.createString.map_or(number, |create| {
                create(task, text.as_ptr().cast_mut().cast(), text.len())
            }),
            Item::Aggregate(elements) => table
                .createArray
                .map_or(number, |create| create(task, elements)),
            Item::Integer(value) => table
                .createInteger
                .map_or(number, |create| create(task, value)),
            Item::Double(value, text) => table.createDouble.map_or(number, |create| {
                let mut copy = terminated(text);
                create(task, value, copy.as_mut_ptr(), text.len())
            }),
            Item::Null => table
                .createNil
                .map_or(Kind::Null as usize as *mut c_void, |create| create(task)),
            Item::Boolean(value) => table
                .createBool
                .map_or(number, |create| create(task, c_int::from(value))),
        }
    };
    if object.is_null() {
        return Err(Error::OutOfMemory);
    }
    Ok(object)
}

/// A copy of a double's text, with a NUL behind it.
fn terminated(text: &[u8]) -> [c_char; MAX_DOUBLE + 1] {
    let mut copy = [0; MAX_DOUBLE + 1];
    for (to, from) in copy.iter_mut().take(MAX_DOUBLE).zip(text) {
        *to = *from as c_char;
    }
    copy
}
