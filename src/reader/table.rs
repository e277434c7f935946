//! Replies of a program's own table: its functions are called for each item, with a task that says
//! where in the reply the item stands, and attach their objects themselves. A member that is NULL,
//! or no table at all, yields the type's number.

use super::tasks::{begin_item, enter, grow_tasks, leave, own_tasks};
use super::{Reader, unread};
use crate::error::Error;
use crate::layout::{redisReadTask, redisReplyObjectFunctions};
use crate::resp::{Found, Item, Kind, MAX_DOUBLE, parse_item};
use core::ptr::{NonNull, null_mut};
use libc::{c_char, c_int, c_void};

/// Parses until the reply in progress is complete, and returns it; `None` where the buffer ends
/// before. After an error, what there is of the reply stands in `c.reply`.
///
/// # Safety
/// `reader` is live, and its table's functions keep to their contract.
#[inline(never)]
pub(super) unsafe fn run(reader: *mut Reader) -> Result<Option<NonNull<c_void>>, Error> {
    // SAFETY: `ridx` is the index of a task; nothing is borrowed across the calls of the table.
    unsafe {
        if (*reader).c.ridx == -1 || (*reader).task_slots == 0 {
            own_tasks(reader)?;
            begin_reply(reader);
        }
        while let Ok(depth) = usize::try_from((*reader).c.ridx) {
            let task = *(*reader).c.task.add(depth);
            let Some(kind) = item_kind(reader, task)? else {
                return Ok(None);
            };
            let bytes = unread(&*reader);
            let scanned = core::mem::take(&mut (*reader).scanned);
            match parse_item(kind, bytes, scanned, (*reader).c.maxelements)? {
                Found::Item(item, len) => {
                    (*reader).c.pos += len;
                    take_item(reader, task, kind, item)?;
                }
                Found::Incomplete { scanned } => {
                    (*reader).scanned = scanned;
                    return Ok(None);
                }
                Found::Partial { .. } => return Ok(None),
            }
        }
        Ok(NonNull::new(core::mem::replace(
            &mut (*reader).c.reply,
            null_mut(),
        )))
    }
}

/// Sets the stack up for a reply's root.
unsafe fn begin_reply(reader: *mut Reader) {
    // SAFETY: the caller's reader is live and has a task.
    unsafe {
        let task = *(*reader).c.task;
        (*task).idx = -1;
        (*task).parent = null_mut();
        (*task).privdata = (*reader).c.privdata;
        begin_item(task);
        (*reader).c.ridx = 0;
        (*reader).scanned = 0;
    }
}

/// The item's type: known already, or told by the next byte.
#[inline]
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

/// Has the table make the object of an item, and goes on to the next.
#[inline]
unsafe fn take_item(
    reader: *mut Reader,
    task: *mut redisReadTask,
    kind: Kind,
    item: Item<'_>,
) -> Result<(), Error> {
    // SAFETY: the caller's reader and task are live.
    unsafe {
        if let Item::Aggregate(1..) = item
            && (*reader).c.ridx + 1 == (*reader).c.tasks
        {
            grow_tasks(reader)?;
        }
        let object = make((*reader).c.r#fn.as_ref(), task, kind, item)?;
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
#[inline]
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
