//! Bytes that arrive in any pieces, read by the default table, by the program's own, by copies of the default table with
//! members replaced, and by tables with members missing: the same replies and the same error each time, every promise to a
//! table kept (docs/reader.md), nothing leaked.
#![no_main]

use hiredis::layout::*;
use hiredis_fuzz::{
    Choices, Library, Outcome, PRIVDATA, RECORDING, Recorder, feed, read, recorder, splits,
};
use libfuzzer_sys::fuzz_target;
use std::ffi::{c_char, c_longlong, c_void};
use std::ptr::{null_mut, with_exposed_provenance};
use std::sync::OnceLock;

struct Limits {
    elements: Option<c_longlong>,
    depth: Option<i32>,
    kept: Option<usize>,
}

impl Limits {
    fn choose(choices: &mut Choices<'_>) -> Limits {
        Limits {
            elements: [None, None, Some(0), Some(1), Some(5), Some(-1)][choices.below(6)],
            depth: [None, None, Some(0), Some(1), Some(3), Some(-1)][choices.below(6)],
            kept: [None, Some(0), Some(1), Some(100)][choices.below(4)],
        }
    }

    fn set(&self, reader: &mut redisReader) {
        reader.maxelements = self.elements.unwrap_or(reader.maxelements);
        reader.maxdepth = self.depth.unwrap_or(reader.maxdepth);
        reader.maxbuf = self.kept.unwrap_or(reader.maxbuf);
    }
}

/// The default table, for members of a copy that pass on what they are called with.
fn default_table() -> &'static redisReplyObjectFunctions {
    static TABLE: OnceLock<usize> = OnceLock::new();
    let address = TABLE.get_or_init(|| {
        let library = Library::ours();
        // SAFETY: the reader is live until it is freed.
        unsafe {
            let reader = (library.create)();
            let table = (*reader).r#fn;
            (library.free)(reader);
            table.expose_provenance()
        }
    });
    // SAFETY: the table lives as long as the program.
    unsafe { &*with_exposed_provenance(*address) }
}

unsafe extern "C-unwind" fn string(
    task: *const redisReadTask,
    text: *mut c_char,
    len: usize,
) -> *mut c_void {
    // SAFETY: called as the member it replaces is.
    unsafe { default_table().createString.expect("a member")(task, text, len) }
}
unsafe extern "C-unwind" fn array(task: *const redisReadTask, elements: usize) -> *mut c_void {
    // SAFETY: the same.
    unsafe { default_table().createArray.expect("a member")(task, elements) }
}
unsafe extern "C-unwind" fn integer(task: *const redisReadTask, value: c_longlong) -> *mut c_void {
    // SAFETY: the same.
    unsafe { default_table().createInteger.expect("a member")(task, value) }
}
unsafe extern "C-unwind" fn nil(task: *const redisReadTask) -> *mut c_void {
    // SAFETY: the same.
    unsafe { default_table().createNil.expect("a member")(task) }
}
unsafe extern "C-unwind" fn free(object: *mut c_void) {
    // SAFETY: the same.
    unsafe { default_table().freeObject.expect("a member")(object) }
}

/// The default table with some members replaced by functions that do the same.
fn overridden(members: u8) -> redisReplyObjectFunctions {
    let default = default_table();
    redisReplyObjectFunctions {
        createString: if members & 1 != 0 {
            Some(string)
        } else {
            default.createString
        },
        createArray: if members & 2 != 0 {
            Some(array)
        } else {
            default.createArray
        },
        createInteger: if members & 4 != 0 {
            Some(integer)
        } else {
            default.createInteger
        },
        createNil: if members & 8 != 0 {
            Some(nil)
        } else {
            default.createNil
        },
        freeObject: if members & 16 != 0 {
            Some(free)
        } else {
            default.freeObject
        },
        ..*default
    }
}

/// The recording table without some members.
fn partial(members: u8) -> redisReplyObjectFunctions {
    let has = |bit: u8| members & 1 << bit != 0;
    redisReplyObjectFunctions {
        createString: RECORDING.createString.filter(|_| has(0)),
        createArray: RECORDING.createArray.filter(|_| has(1)),
        createInteger: RECORDING.createInteger.filter(|_| has(2)),
        createDouble: RECORDING.createDouble.filter(|_| has(3)),
        createNil: RECORDING.createNil.filter(|_| has(4)),
        createBool: RECORDING.createBool.filter(|_| has(5)),
        freeObject: RECORDING.freeObject.filter(|_| has(6)),
    }
}

/// Reads by `table`, and by the default one in turn where `turns`; replies are not taken but discarded where `discards`.
fn read_by(
    table: *mut redisReplyObjectFunctions,
    (turns, discards): (bool, bool),
    wire: &[u8],
    limits: &Limits,
    splits: &mut dyn FnMut() -> usize,
) -> Outcome {
    let mut outcome = Outcome::default();
    let library = Library::ours();
    // SAFETY: the reader lives until it is freed, every reply is freed once, and the table outlives them.
    unsafe {
        let reader = (library.create)();
        let default = (*reader).r#fn;
        limits.set(&mut *reader);
        (*reader).r#fn = table;
        (*reader).privdata = PRIVDATA;
        let mut taken = |reply: *mut c_void| {
            outcome.replies += 1;
            if (*reader).r#fn == default {
                recorder(|recorder| recorder.add(reply.cast()));
                (library.free_reply)(reply);
            } else {
                recorder(|recorder| recorder.take(reply));
            }
            if turns {
                (*reader).r#fn = if (*reader).r#fn == default {
                    table
                } else {
                    default
                };
            }
        };
        if discards {
            (library.feed)(reader, wire.as_ptr().cast(), wire.len());
            let mut freed = usize::MAX;
            while recorder(|recorder| {
                std::mem::replace(&mut freed, recorder.freed) != recorder.freed
            }) {
                (library.get_reply)(reader, null_mut());
            }
        } else {
            feed(&library, reader, wire, splits, &mut taken);
        }
        outcome.end(&*reader);
        (library.free)(reader);
    }
    recorder(Recorder::end);
    outcome.items = recorder(|recorder| std::mem::take(&mut recorder.items));
    outcome
}

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices(input);
    let (kind, members) = (choices.below(8), choices.byte());
    let mut limits = Limits::choose(&mut choices);
    let mut pieces = splits(&mut choices);
    let library = Library::ours();
    if kind == 7 && !matches!(limits.elements, Some(1..)) {
        // Such tables are told what was announced, and the default createArray allocates it.
        limits.elements = Some(500);
    }
    let wire = choices.take(6000);
    let expected = read(&library, wire, &|reader| limits.set(reader), &mut || {
        usize::MAX
    });
    if expected.err == REDIS_ERR_OOM && kind > 1 {
        // What is announced would not fit the address space, which is nothing to a table without vectors.
        return;
    }
    recorder(|recorder| *recorder = Recorder::default());
    match kind {
        0 | 1 => assert_eq!(
            read(&library, wire, &|reader| limits.set(reader), &mut pieces),
            expected
        ),
        2 | 3 => {
            let mut table = RECORDING;
            assert_eq!(
                read_by(&mut table, (kind == 3, false), wire, &limits, &mut pieces),
                expected
            );
        }
        4 => {
            recorder(|recorder| recorder.fails_after = Some(members.into()));
            let outcome = read_by(
                &mut { RECORDING },
                (false, false),
                wire,
                &limits,
                &mut pieces,
            );
            assert!(expected.items.starts_with(&outcome.items));
            assert!(outcome == expected || outcome.err == REDIS_ERR_OOM);
        }
        5 => {
            recorder(|recorder| recorder.loose = true);
            let mut table = partial(members);
            let table = if members == 0 {
                null_mut()
            } else {
                &raw mut table
            };
            let outcome = read_by(table, (false, false), wire, &limits, &mut pieces);
            assert_eq!(
                (outcome.replies, outcome.err),
                (expected.replies, expected.err)
            );
        }
        6 => {
            let outcome = read_by(
                &mut { RECORDING },
                (false, true),
                wire,
                &limits,
                &mut pieces,
            );
            assert_eq!((outcome.err, &outcome.text), (expected.err, &expected.text));
        }
        _ => {
            let mut pieces = pieces;
            let mut table = overridden(members);
            let table = &raw mut table;
            let outcome = read(
                &library,
                wire,
                &|reader| {
                    limits.set(reader);
                    reader.r#fn = table
                },
                &mut pieces,
            );
            assert_eq!(outcome, expected);
        }
    }
});
