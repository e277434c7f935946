//! A table of the program's own that notes what it is called with, and checks what it is promised.

use crate::{Item, items_of};
use hiredis::layout::*;
use std::cell::RefCell;
use std::ffi::{c_char, c_int, c_longlong, c_void};
use std::ptr::{null_mut, without_provenance_mut};

/// The `privdata` that a recording reader is to have.
pub const PRIVDATA: *mut c_void = without_provenance_mut(0x5ead);

/// What one reader's calls have left.
#[derive(Default)]
pub struct Recorder {
    pub items: Vec<Item>,
    /// Elements that the aggregate at the same place has by now.
    children: Vec<usize>,
    /// Where the reply in progress begins; its object is one more, since NULL means failure.
    root: Option<usize>,
    /// Calls until one fails.
    pub fails_after: Option<usize>,
    /// Members are missing: other objects than ours turn up, and not all of ours are to be seen.
    pub loose: bool,
    pub freed: usize,
}

thread_local! {
    static RECORDER: RefCell<Recorder> = RefCell::default();
}

/// The recorder of this thread.
pub fn recorder<T>(with: impl FnOnce(&mut Recorder) -> T) -> T {
    RECORDER.with_borrow_mut(with)
}

pub const RECORDING: redisReplyObjectFunctions = redisReplyObjectFunctions {
    createString: Some(string),
    createArray: Some(array),
    createInteger: Some(integer),
    createDouble: Some(double),
    createNil: Some(nil),
    createBool: Some(bool),
    freeObject: Some(free),
};

impl Recorder {
    /// The program takes a reply that is complete.
    pub fn take(&mut self, object: *mut c_void) {
        if !self.loose {
            assert_eq!(self.root.take().map(|place| place + 1), Some(object.addr()));
        }
    }

    /// Notes a reply that the default table has made.
    ///
    /// # Safety
    /// `reply` is live.
    pub unsafe fn add(&mut self, reply: *const redisReply) {
        // SAFETY: the caller's promise.
        unsafe { items_of(reply, &mut self.items) };
        self.children.resize(self.items.len(), 0);
    }

    /// The reader is gone.
    pub fn end(&mut self) {
        assert!(
            self.loose || self.root.is_none(),
            "an unfinished reply is freed"
        );
    }

    fn create(&mut self, task: &redisReadTask, item: Item) -> *mut c_void {
        assert_eq!((task.elements, task.privdata), (-1, PRIVDATA));
        if self.fails_after == Some(0) {
            return null_mut();
        }
        self.fails_after = self.fails_after.map(|calls| calls - 1);
        if !self.loose {
            self.place(task);
        }
        self.items.push(item);
        self.children.push(0);
        without_provenance_mut(self.items.len())
    }

    fn place(&mut self, task: &redisReadTask) {
        // SAFETY: a parent lives as long as its elements are made.
        let Some(parent) = (unsafe { task.parent.as_ref() }) else {
            assert_eq!((task.idx, self.root), (-1, None));
            self.root = Some(self.items.len());
            return;
        };
        let place = parent.obj.addr() - 1;
        let Item::Aggregate(kind, elements) = self.items[place] else {
            panic!("elements of {:?}", self.items[place]);
        };
        assert_eq!(
            (parent.r#type, parent.elements),
            (kind, elements as c_longlong)
        );
        assert_eq!(
            task.idx as usize, self.children[place],
            "elements come in order"
        );
        self.children[place] += 1;
        assert!(self.children[place] <= elements);
    }
}

fn create(task: *const redisReadTask, item: Item) -> *mut c_void {
    // SAFETY: a table is called with a live task.
    recorder(|recorder| recorder.create(unsafe { &*task }, item))
}

/// # Safety
/// `len` bytes are at `text`.
unsafe fn bytes(text: *const c_char, len: usize) -> Vec<u8> {
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(text.cast::<u8>(), len) }.to_vec()
}

unsafe extern "C-unwind" fn string(
    task: *const redisReadTask,
    text: *mut c_char,
    len: usize,
) -> *mut c_void {
    // SAFETY: a table is called with a live task and as many bytes as it is told.
    let (kind, text) = unsafe { ((*task).r#type, bytes(text, len)) };
    let item = match kind {
        REDIS_REPLY_VERB => Item::Verbatim([text[0], text[1], text[2]], text[4..].to_vec()),
        _ => Item::Text(kind, text),
    };
    create(task, item)
}

unsafe extern "C-unwind" fn array(task: *const redisReadTask, elements: usize) -> *mut c_void {
    // SAFETY: as in `string`.
    create(task, Item::Aggregate(unsafe { (*task).r#type }, elements))
}

unsafe extern "C-unwind" fn integer(task: *const redisReadTask, value: c_longlong) -> *mut c_void {
    create(task, Item::Integer(value))
}

unsafe extern "C-unwind" fn double(
    task: *const redisReadTask,
    value: f64,
    text: *mut c_char,
    len: usize,
) -> *mut c_void {
    // SAFETY: as in `string`; the text is terminated.
    let text = unsafe {
        assert_eq!(*text.add(len), 0);
        bytes(text, len)
    };
    create(task, Item::Double(value.to_bits(), text))
}

unsafe extern "C-unwind" fn nil(task: *const redisReadTask) -> *mut c_void {
    create(task, Item::Nil)
}

unsafe extern "C-unwind" fn bool(task: *const redisReadTask, value: c_int) -> *mut c_void {
    assert!(matches!(value, 0 | 1));
    create(task, Item::Bool(value == 1))
}

/// Only a root is freed, in the place of all it holds.
unsafe extern "C-unwind" fn free(object: *mut c_void) {
    recorder(|recorder| {
        recorder.freed += 1;
        if recorder.loose {
            return;
        }
        let root = recorder.root.take().expect("a root is freed once");
        assert_eq!(object.addr(), root + 1);
        recorder.items.truncate(root);
        recorder.children.truncate(root);
    });
}
