//! The table that makes `redisReply` objects, as functions that C programs reach through
//! `reader->fn`: they copy it, override members and call the others. While all that creates objects
//! is unchanged, the reader builds the same objects without it.

use super::reply::{new_double, new_integer, new_reply, new_string, new_verbatim};
use crate::alloc::{self, Heap, Release};
use crate::layout::{
    REDIS_REPLY_BOOL, REDIS_REPLY_INTEGER, REDIS_REPLY_NIL, REDIS_REPLY_VERB, redisReadTask,
    redisReply, redisReplyObjectFunctions,
};
use core::ptr::{NonNull, null_mut};
use libc::{c_char, c_int, c_longlong, c_void, size_t};

unsafe extern "C-unwind" {
    /// The exported function, as programs see it: they compare the member with it.
    fn freeReplyObject(reply: *mut c_void);
}

const TABLE: redisReplyObjectFunctions = redisReplyObjectFunctions {
    createString: Some(create_string),
    createArray: Some(create_array),
    createInteger: Some(create_integer),
    createDouble: Some(create_double),
    createNil: Some(create_nil),
    createBool: Some(create_bool),
    freeObject: Some(freeReplyObject),
};

/// In memory, to compare a reader's table with.
static UNCHANGED: redisReplyObjectFunctions = TABLE;

/// What its `freeObject` is, unless a program changes that.
static mut FREE: unsafe extern "C-unwind" fn(*mut c_void) = freeReplyObject;

/// Writable, as in the C library: programs reach it through a pointer that is not const.
static mut FUNCTIONS: redisReplyObjectFunctions = TABLE;

/// Has the table free objects by `own` if `freeReplyObject` has been taken over.
///
/// # Safety
/// Nobody uses the table yet.
pub(crate) unsafe fn keep_free_object(
    own: unsafe extern "C-unwind" fn(*mut c_void),
    is_taken_over: fn(usize) -> bool,
) {
    if is_taken_over(freeReplyObject as *const () as usize) {
        // SAFETY: the caller's promise.
        unsafe {
            FREE = own;
            FUNCTIONS.freeObject = Some(own);
        }
    }
}

/// The default table.
pub(crate) fn default_functions() -> *mut redisReplyObjectFunctions {
    &raw mut FUNCTIONS
}

/// Whether `table` makes objects by the functions of the default table: the table itself, or a copy
/// whose `freeObject` at most is the program's.
#[inline(always)]
pub(super) fn makes_default_objects(table: *const redisReplyObjectFunctions) -> bool {
    if table.is_null() {
        return false;
    }
    // SAFETY: a reader's table is NULL or live; the six members that make objects come first.
    unsafe { alloc::equal::<6>(table.cast(), (&raw const UNCHANGED).cast()) }
}

/// Whether `table` makes strings by the function of the default table.
#[inline(always)]
pub(super) fn makes_strings(table: *const redisReplyObjectFunctions) -> bool {
    // SAFETY: a reader's table is NULL or live.
    let create = unsafe { table.as_ref() }.and_then(|table| table.createString);
    create.is_some_and(|f| f as usize == create_string as *const () as usize)
}

/// Whether `table` makes integers by the function of the default table.
#[inline(always)]
pub(super) fn makes_integers(table: *const redisReplyObjectFunctions) -> bool {
    // SAFETY: as above.
    let create = unsafe { table.as_ref() }.and_then(|table| table.createInteger);
    create.is_some_and(|f| f as usize == create_integer as *const () as usize)
}

/// Whether `table` makes nulls by the function of the default table.
#[inline(always)]
pub(super) fn makes_nulls(table: *const redisReplyObjectFunctions) -> bool {
    // SAFETY: as above.
    let create = unsafe { table.as_ref() }.and_then(|table| table.createNil);
    create.is_some_and(|f| f as usize == create_nil as *const () as usize)
}

/// Whether aggregates made by `table` are `redisReply` objects.
///
/// Those of a function that wraps the default one are, too; a program that leaves freeing to the
/// default table has no others.
pub(crate) fn makes_default_aggregates(table: *const redisReplyObjectFunctions) -> bool {
    // SAFETY: a reader's table is NULL or live.
    let Some(table) = (unsafe { table.as_ref() }) else {
        return false;
    };
    let own = create_array as *const () as usize;
    // SAFETY: written when the library is loaded, and not since.
    let frees = unsafe { FREE } as usize;
    table.createArray.is_some_and(|create| {
        create as usize == own || table.freeObject.is_some_and(|free| free as usize == frees)
    })
}

/// Puts a new object into its parent's element vector, and hands it out.
unsafe fn attach(task: *const redisReadTask, reply: Option<NonNull<redisReply>>) -> *mut c_void {
    let Some(reply) = reply else {
        return null_mut();
    };
    // SAFETY: the task and its parents are live; a parent's object was made by `create_array`,
    // whose vector has a place for every index.
    unsafe {
        if let Some(parent) = (*task).parent.as_ref() {
            let vector = (*parent.obj.cast::<redisReply>()).element;
            *vector.offset((*task).idx as isize) = reply.as_ptr();
        }
    }
    reply.as_ptr().cast()
}

unsafe extern "C-unwind" fn create_string(
    task: *const redisReadTask,
    str: *mut c_char,
    len: size_t,
) -> *mut c_void {
    // SAFETY: the reader passes a live task and `len` bytes at `str`.
    unsafe {
        let text = core::slice::from_raw_parts(str.cast::<u8>(), len);
        let heap = Heap::current();
        let reply = match (*task).r#type {
            REDIS_REPLY_VERB => new_verbatim(&heap, text),
            kind => new_string(&heap, kind, text),
        };
        attach(task, reply)
    }
}

unsafe extern "C-unwind" fn create_array(
    task: *const redisReadTask,
    elements: size_t,
) -> *mut c_void {
    // SAFETY: the reader passes a live task.
    unsafe { attach(task, new_aggregate((*task).r#type, elements)) }
}

/// An aggregate with room for all its elements, zeroed.
fn new_aggregate(kind: c_int, elements: usize) -> Option<NonNull<redisReply>> {
    let heap = Heap::current();
    let reply = new_reply(&heap, kind)?;
    if elements > 0 {
        let vector = match elements.checked_mul(size_of::<*mut redisReply>()) {
            Some(_) => heap.pointers::<redisReply>(elements),
            None => null_mut(),
        };
        // SAFETY: the object is new and reached by nothing else.
        unsafe {
            if vector.is_null() {
                heap.release(reply.as_ptr());
                return None;
            }
            (*reply.as_ptr()).element = vector;
        }
    }
    // SAFETY: as above.
    unsafe { (*reply.as_ptr()).elements = elements };
    Some(reply)
}

unsafe extern "C-unwind" fn create_integer(
    task: *const redisReadTask,
    value: c_longlong,
) -> *mut c_void {
    // SAFETY: the reader passes a live task.
    unsafe {
        attach(
            task,
            new_integer(&Heap::current(), REDIS_REPLY_INTEGER, value),
        )
    }
}

unsafe extern "C-unwind" fn create_double(
    task: *const redisReadTask,
    value: f64,
    str: *mut c_char,
    len: size_t,
) -> *mut c_void {
    // SAFETY: the reader passes a live task and `len` bytes at `str`; the object is new.
    unsafe {
        let text = core::slice::from_raw_parts(str.cast::<u8>(), len);
        attach(task, new_double(&Heap::current(), value, text))
    }
}

unsafe extern "C-unwind" fn create_nil(task: *const redisReadTask) -> *mut c_void {
    // SAFETY: the reader passes a live task.
    unsafe { attach(task, new_reply(&Heap::current(), REDIS_REPLY_NIL)) }
}

unsafe extern "C-unwind" fn create_bool(task: *const redisReadTask, value: c_int) -> *mut c_void {
    // SAFETY: the reader passes a live task.
    unsafe {
        let value = c_longlong::from(value != 0);
        attach(task, new_integer(&Heap::current(), REDIS_REPLY_BOOL, value))
    }
}
