//! What becomes of parsed items: `redisReply` trees built in place, or calls of the table.

use super::reply::{new_reply, new_text_reply};
use super::{Reader, Task};
use crate::alloc::{self, Heap};
use crate::error::Error;
use crate::layout::{redisReply, redisReplyObjectFunctions};
use crate::resp::Kind;
use core::ptr::NonNull;
use libc::{c_char, c_longlong, c_void};

/// Bytes that a double's text may have, by the contract of the reader.
pub(super) const MAX_DOUBLE: usize = 325;

/// Element vectors beyond any address space (128 TiB of pointers).
const MAX_ELEMENTS: usize = 1 << 44;

/// Slots that an aggregate gets at once, however little of it has arrived, and however much.
const MIN_SLOTS: usize = 4;
const MAX_FIRST_SLOTS: usize = 4096;

/// Bytes that the shortest elements take on the wire, commonly.
const BYTES_PER_ELEMENT: usize = 4;

/// Makes the object of an item, in its parent where it has one. `Err` is always out of memory.
///
/// # Safety
/// For each method: `reader` is live, `task` is its task in progress and of the kind given; `text`
/// lies in the reader's buffer or lives through the call.
pub(super) trait Builder {
    /// Whether long bulk strings may be received into their final place ([`super::bulk`]).
    const RECEIVES_LARGE: bool;

    fn new() -> Self;
    unsafe fn text(&self, reader: *mut Reader, task: *mut Task, text: *const [u8]) -> Made;
    unsafe fn double(&self, reader: *mut Reader, task: *mut Task, value: f64, text: &[u8]) -> Made;
    unsafe fn integer(&self, reader: *mut Reader, task: *mut Task, value: i64) -> Made;
    unsafe fn boolean(&self, reader: *mut Reader, task: *mut Task, value: bool) -> Made;
    unsafe fn null(&self, reader: *mut Reader, task: *mut Task) -> Made;
    unsafe fn aggregate(&self, reader: *mut Reader, task: *mut Task, elements: usize) -> Made;
    /// Puts a bulk string in that was received on its own.
    unsafe fn received(
        &self,
        reader: *mut Reader,
        task: *mut Task,
        reply: NonNull<redisReply>,
    ) -> Made;
}

/// The new object.
type Made = Result<*mut c_void, Error>;

/// Builds `redisReply` trees without going through the default table.
///
/// Until an aggregate is complete its `elements` counts those it has, so that the partial tree is
/// a valid one at every moment; its vector grows with what arrives, not with what is announced.
pub(super) struct Direct {
    heap: Heap,
}

impl Direct {
    /// Puts a new object into the parent, or frees it when that has no memory for it.
    #[inline]
    unsafe fn attach(
        &self,
        reader: *mut Reader,
        task: *mut Task,
        reply: Option<NonNull<redisReply>>,
    ) -> Made {
        let reply = reply.ok_or(Error::OutOfMemory)?.as_ptr();
        // SAFETY: a parent task's object is the aggregate that `aggregate` made for it, with
        // `capacity` slots of which `elements` are filled.
        unsafe {
            let parent = (*task).c.parent.cast::<Task>();
            if !parent.is_null() {
                let aggregate = (*parent).c.obj.cast::<redisReply>();
                if (*aggregate).elements == (*parent).capacity
                    && let Err(error) = grow(reader, parent)
                {
                    super::reply::free_reply(reply.cast());
                    return Err(error);
                }
                *(*aggregate).element.add((*aggregate).elements) = reply;
                (*aggregate).elements += 1;
                (*reader).vacant -= 1;
            }
        }
        Ok(reply.cast())
    }
}

/// Doubles the element vector of an aggregate, up to what it announced.
#[cold]
unsafe fn grow(reader: *mut Reader, task: *mut Task) -> Result<(), Error> {
    // SAFETY: the task is an open aggregate's, and its vector has `capacity` slots.
    unsafe {
        let aggregate = (*task).c.obj.cast::<redisReply>();
        let announced = (*task).c.elements as usize;
        let old = (*task).capacity;
        let new = (2 * old).max(MIN_SLOTS).min(announced);
        let size = new * size_of::<*mut redisReply>();
        let vector = alloc::reallocate((*aggregate).element.cast(), size);
        if vector.is_null() {
            return Err(Error::OutOfMemory);
        }
        (*aggregate).element = vector.cast();
        (*task).capacity = new;
        (*reader).vacant += new - old;
        Ok(())
    }
}

/// How many slots to allocate for an aggregate at once: all, where the bytes that have arrived may
/// well hold that many elements in addition to the slots already waiting for theirs.
unsafe fn first_slots(reader: *mut Reader, announced: usize) -> usize {
    // SAFETY: the caller's reader is live.
    let (unread, vacant) = unsafe { ((*reader).c.len - (*reader).c.pos, (*reader).vacant) };
    let plausible = (unread / BYTES_PER_ELEMENT).saturating_sub(vacant);
    announced.min(plausible.clamp(MIN_SLOTS, MAX_FIRST_SLOTS))
}

impl Builder for Direct {
    const RECEIVES_LARGE: bool = true;

    fn new() -> Self {
        Self {
            heap: Heap::current(),
        }
    }

    #[inline]
    unsafe fn text(&self, reader: *mut Reader, task: *mut Task, text: *const [u8]) -> Made {
        // SAFETY: the caller's promises; the text is only read.
        unsafe {
            let reply = new_text_reply(&self.heap, (*task).c.r#type, &*text);
            self.attach(reader, task, reply)
        }
    }

    unsafe fn double(&self, reader: *mut Reader, task: *mut Task, value: f64, text: &[u8]) -> Made {
        // SAFETY: the caller's promises; the object is new.
        unsafe {
            let reply = new_text_reply(&self.heap, Kind::Double as i32, text);
            if let Some(reply) = reply {
                (*reply.as_ptr()).dval = value;
            }
            self.attach(reader, task, reply)
        }
    }

    #[inline]
    unsafe fn integer(&self, reader: *mut Reader, task: *mut Task, value: i64) -> Made {
        // SAFETY: the caller's promises; the object is new.
        unsafe {
            let reply = new_reply(&self.heap, Kind::Integer as i32);
            if let Some(reply) = reply {
                (*reply.as_ptr()).integer = value;
            }
            self.attach(reader, task, reply)
        }
    }

    unsafe fn boolean(&self, reader: *mut Reader, task: *mut Task, value: bool) -> Made {
        // SAFETY: the caller's promises; the object is new.
        unsafe {
            let reply = new_reply(&self.heap, Kind::Boolean as i32);
            if let Some(reply) = reply {
                (*reply.as_ptr()).integer = c_longlong::from(value);
            }
            self.attach(reader, task, reply)
        }
    }

    #[inline]
    unsafe fn null(&self, reader: *mut Reader, task: *mut Task) -> Made {
        // SAFETY: the caller's promises.
        unsafe { self.attach(reader, task, new_reply(&self.heap, Kind::Null as i32)) }
    }

    unsafe fn aggregate(&self, reader: *mut Reader, task: *mut Task, elements: usize) -> Made {
        if elements > MAX_ELEMENTS {
            return Err(Error::OutOfMemory);
        }
        // SAFETY: the caller's promises; the object is new until it is attached.
        unsafe {
            let reply = new_reply(&self.heap, (*task).c.r#type).ok_or(Error::OutOfMemory)?;
            let slots = first_slots(reader, elements);
            if slots > 0 {
                let vector = self.heap.pointers::<redisReply>(slots);
                if vector.is_null() {
                    self.heap.release(reply.as_ptr());
                    return Err(Error::OutOfMemory);
                }
                (*reply.as_ptr()).element = vector;
            }
            let object = self.attach(reader, task, Some(reply))?;
            (*task).capacity = slots;
            (*reader).vacant += slots;
            Ok(object)
        }
    }

    unsafe fn received(
        &self,
        reader: *mut Reader,
        task: *mut Task,
        reply: NonNull<redisReply>,
    ) -> Made {
        // SAFETY: the caller's promises.
        unsafe { self.attach(reader, task, Some(reply)) }
    }
}

/// Calls the functions of the reader's table, which attach the objects themselves. A member that
/// is NULL, or no table at all, yields the type's number.
pub(super) struct Table;

impl Table {
    unsafe fn functions<'a>(reader: *mut Reader) -> Option<&'a redisReplyObjectFunctions> {
        // SAFETY: the table is NULL or live, as its owner promised.
        unsafe { (*reader).c.r#fn.as_ref() }
    }
}

/// The object, or out of memory where the function returned NULL.
fn made(object: *mut c_void) -> Made {
    if object.is_null() {
        return Err(Error::OutOfMemory);
    }
    Ok(object)
}

/// What an item becomes where no function makes it.
fn number(kind: i32) -> Made {
    Ok(kind as usize as *mut c_void)
}

impl Builder for Table {
    const RECEIVES_LARGE: bool = false;

    fn new() -> Self {
        Self
    }

    unsafe fn text(&self, reader: *mut Reader, task: *mut Task, text: *const [u8]) -> Made {
        // SAFETY: the caller's promises; the text is not used after the call.
        unsafe {
            match Self::functions(reader).and_then(|table| table.createString) {
                Some(create) => made(create(
                    &raw const (*task).c,
                    text as *mut c_char,
                    text.len(),
                )),
                None => number((*task).c.r#type),
            }
        }
    }

    unsafe fn double(&self, reader: *mut Reader, task: *mut Task, value: f64, text: &[u8]) -> Made {
        // SAFETY: the caller's promises; the copy lives through the call and ends in a NUL.
        unsafe {
            let Some(create) = Self::functions(reader).and_then(|table| table.createDouble) else {
                return number((*task).c.r#type);
            };
            let mut copy = [0u8; MAX_DOUBLE + 1];
            for (to, from) in copy.iter_mut().take(MAX_DOUBLE).zip(text) {
                *to = *from;
            }
            made(create(
                &raw const (*task).c,
                value,
                copy.as_mut_ptr().cast(),
                text.len(),
            ))
        }
    }

    unsafe fn integer(&self, reader: *mut Reader, task: *mut Task, value: i64) -> Made {
        // SAFETY: the caller's promises.
        unsafe {
            match Self::functions(reader).and_then(|table| table.createInteger) {
                Some(create) => made(create(&raw const (*task).c, value)),
                None => number((*task).c.r#type),
            }
        }
    }

    unsafe fn boolean(&self, reader: *mut Reader, task: *mut Task, value: bool) -> Made {
        // SAFETY: the caller's promises.
        unsafe {
            match Self::functions(reader).and_then(|table| table.createBool) {
                Some(create) => made(create(&raw const (*task).c, i32::from(value))),
                None => number((*task).c.r#type),
            }
        }
    }

    unsafe fn null(&self, reader: *mut Reader, task: *mut Task) -> Made {
        // SAFETY: the caller's promises.
        unsafe {
            match Self::functions(reader).and_then(|table| table.createNil) {
                Some(create) => made(create(&raw const (*task).c)),
                None => number(Kind::Null as i32),
            }
        }
    }

    unsafe fn aggregate(&self, reader: *mut Reader, task: *mut Task, elements: usize) -> Made {
        // SAFETY: the caller's promises.
        unsafe {
            match Self::functions(reader).and_then(|table| table.createArray) {
                Some(create) => made(create(&raw const (*task).c, elements)),
                None => number((*task).c.r#type),
            }
        }
    }

    unsafe fn received(
        &self,
        _reader: *mut Reader,
        _task: *mut Task,
        reply: NonNull<redisReply>,
    ) -> Made {
        Ok(reply.as_ptr().cast())
    }
}
