//! `read.h`: the reader, its tasks, and the table that makes replies.

use super::assert_layout;
use libc::{c_char, c_int, c_longlong, c_void, size_t};

/// One level of the reply being parsed, as the functions of `redisReplyObjectFunctions` see it.
#[repr(C)]
#[derive(Debug)]
pub struct redisReadTask {
    /// The item's type on the wire, one of `REDIS_REPLY_*`.
    pub r#type: c_int,
    /// In `parent`: the number of its elements (two per map entry). -1 in an item's own call.
    pub elements: c_longlong,
    /// Position in the parent, from 0; -1 at the root.
    pub idx: c_int,
    /// In `parent`: what its `createArray` returned.
    pub obj: *mut c_void,
    /// The enclosing aggregate's task; NULL at the root.
    pub parent: *mut redisReadTask,
    /// The reader's `privdata` when this level was entered.
    pub privdata: *mut c_void,
}

/// How a reader makes reply objects. Replies are made in pre-order: an aggregate before its
/// elements, elements in wire order. A function that returns NULL ends the reader with
/// `REDIS_ERR_OOM`; a member that is NULL yields the type number, cast to a pointer.
#[repr(C)]
#[derive(Debug)]
pub struct redisReplyObjectFunctions {
    /// Status, error, bulk, verbatim string (with its `xxx:` prefix) and big number. The bytes lie
    /// in the reader's buffer and are not NUL-terminated.
    pub createString: Option<
        unsafe extern "C-unwind" fn(
            task: *const redisReadTask,
            str: *mut c_char,
            len: size_t,
        ) -> *mut c_void,
    >,
    /// Aggregate of `elements` elements (two per map entry).
    pub createArray: Option<
        unsafe extern "C-unwind" fn(task: *const redisReadTask, elements: size_t) -> *mut c_void,
    >,
    /// Integer.
    pub createInteger: Option<
        unsafe extern "C-unwind" fn(task: *const redisReadTask, value: c_longlong) -> *mut c_void,
    >,
    /// Double, and its text: a temporary, NUL-terminated copy.
    pub createDouble: Option<
        unsafe extern "C-unwind" fn(
            task: *const redisReadTask,
            value: f64,
            str: *mut c_char,
            len: size_t,
        ) -> *mut c_void,
    >,
    /// Null; `task->type` is the type on the wire, `REDIS_REPLY_NIL` only for `_`.
    pub createNil: Option<unsafe extern "C-unwind" fn(task: *const redisReadTask) -> *mut c_void>,
    /// Boolean, 0 or 1.
    pub createBool: Option<
        unsafe extern "C-unwind" fn(task: *const redisReadTask, value: c_int) -> *mut c_void,
    >,
    /// Frees a root object and all it holds: an unfinished reply, or one that nobody takes.
    pub freeObject: Option<unsafe extern "C-unwind" fn(object: *mut c_void)>,
}

/// An incremental RESP parser. Made by `redisReaderCreate`, freed by `redisReaderFree`.
///
/// Programs may set `maxbuf`, `maxelements`, `maxdepth`, `fn` and `privdata`, and read the rest.
#[repr(C)]
#[derive(Debug)]
pub struct redisReader {
    /// 0, or the `REDIS_ERR_*` that ended this reader.
    pub err: c_int,
    /// Text of `err`, NUL-terminated; empty when `err` is 0.
    pub errstr: [c_char; 128],
    /// Bytes fed and not yet dropped: an sds, NULL after an error.
    pub buf: *mut c_char,
    /// Bytes of `buf` already parsed.
    pub pos: size_t,
    /// Bytes in `buf`.
    pub len: size_t,
    /// Unused bytes of `buf` to keep while idle; 0 keeps all.
    pub maxbuf: size_t,
    /// Elements that one aggregate may announce; 0 or less: no limit.
    pub maxelements: c_longlong,
    /// The stack of tasks; tasks do not move.
    pub task: *mut *mut redisReadTask,
    /// Tasks allocated in `task`.
    pub tasks: c_int,
    /// Index of the task in progress; -1 between replies.
    pub ridx: c_int,
    /// Root of the reply in progress.
    pub reply: *mut c_void,
    /// The table that makes replies; borrowed, NULL allowed.
    pub r#fn: *mut redisReplyObjectFunctions,
    /// For the functions of `fn`, by way of `redisReadTask.privdata`.
    pub privdata: *mut c_void,
    /// Aggregates that may be nested; 0 or less: no limit.
    pub maxdepth: c_int,
}

assert_layout!(redisReadTask, 48, {
    r#type: 0, elements: 8, idx: 16, obj: 24, parent: 32, privdata: 40,
});
assert_layout!(redisReplyObjectFunctions, 56, {
    createString: 0, createArray: 8, createInteger: 16, createDouble: 24, createNil: 32,
    createBool: 40, freeObject: 48,
});
assert_layout!(redisReader, 224, {
    err: 0, errstr: 4, buf: 136, pos: 144, len: 152, maxbuf: 160, maxelements: 168, task: 176,
    tasks: 184, ridx: 188, reply: 192, r#fn: 200, privdata: 208, maxdepth: 216,
});
