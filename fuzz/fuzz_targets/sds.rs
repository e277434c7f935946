//! Strings changed by every function of sds.h, also as the output buffer of a context that is sent bit by bit: after each
//! step they hold what a plain vector of bytes holds.
#![no_main]

use hiredis::capi::connect::{redisConnectFd, redisFree};
use hiredis::capi::hiredis::redisBufferWrite;
use hiredis::capi::sds::*;
use hiredis::capi::sds_text::*;
use hiredis::layout::*;
use hiredis_fuzz::{Choices, len_and_room, text_of};
use libfuzzer_sys::fuzz_target;
use std::cell::Cell;
use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::null_mut;

type Sds = *mut c_char;

unsafe extern "C" {
    fn sdscatfmt(s: Sds, format: *const c_char, ...) -> Sds;
    fn sdscatprintf(s: Sds, format: *const c_char, ...) -> Sds;
    fn malloc_usable_size(block: *mut c_void) -> usize;
}

const LONGEST: usize = 300_000;

/// A string, and what it should hold.
struct Text {
    sds: Sds,
    model: Vec<u8>,
}

impl Text {
    fn new(bytes: &[u8]) -> Text {
        // SAFETY: a slice is as long as it says.
        let sds = unsafe { sdsnewlen(bytes.as_ptr().cast(), bytes.len()) };
        Text {
            sds,
            model: bytes.to_vec(),
        }
    }

    /// What a program sees, by the header alone.
    fn bytes(&self) -> &[u8] {
        // SAFETY: the string is live, and its header tells its length.
        unsafe { text_of(self.sds) }
    }

    fn check(&self) {
        assert!(
            self.bytes() == self.model,
            "{} bytes, not {}",
            self.bytes().len(),
            self.model.len()
        );
        // SAFETY: the string is live.
        unsafe {
            let (len, alloc) = len_and_room(self.sds);
            assert_eq!(*self.sds.add(len), 0);
            let (block, size) = (sdsAllocPtr(self.sds), sdsAllocSize(self.sds));
            let end = self.sds.addr() + alloc + 1;
            assert!(len <= alloc && block.addr() < self.sds.addr() && end <= block.addr() + size);
            assert!(size <= malloc_usable_size(block));
        }
    }

    /// After a function that returns the string.
    fn moved(&mut self, sds: Sds) {
        assert!(!sds.is_null());
        self.sds = sds;
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        // SAFETY: the string is live, and nobody else's.
        unsafe { sdsfree(self.sds) }
    }
}

thread_local! {
    /// What the socket takes next.
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

unsafe extern "C-unwind" fn write(_: *mut redisContext) -> isize {
    TAKEN.get() as isize
}

fn c_string(bytes: &[u8]) -> CString {
    CString::new(bytes.split(|&byte| byte == 0).next().unwrap_or_default()).expect("no NUL")
}

fn represented(bytes: &[u8]) -> Vec<u8> {
    let mut text = vec![b'"'];
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => text.extend([b'\\', byte]),
            b'\n' => text.extend(b"\\n"),
            b'\r' => text.extend(b"\\r"),
            b'\t' => text.extend(b"\\t"),
            7 => text.extend(b"\\a"),
            8 => text.extend(b"\\b"),
            b' '..=b'~' => text.push(byte),
            _ => text.extend(format!("\\x{byte:02x}").bytes()),
        }
    }
    text.push(b'"');
    text
}

/// Copies and frees what the splitting functions return.
unsafe fn tokens(vector: *mut Sds, count: c_int) -> Option<Vec<Vec<u8>>> {
    if vector.is_null() {
        return None;
    }
    // SAFETY: the caller's vector holds so many strings, and is given up.
    unsafe {
        let strings = std::slice::from_raw_parts(vector, count as usize);
        let copies = strings.iter().map(|&s| text_of(s).to_vec()).collect();
        sdsfreesplitres(vector, count);
        Some(copies)
    }
}

fn split_arguments(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (line, mut count) = (c_string(line), -1);
    // SAFETY: the line is terminated.
    unsafe { tokens(sdssplitargs(line.as_ptr(), &mut count), count) }
}

fn split(text: &[u8], separator: &[u8]) -> Vec<Vec<u8>> {
    let (mut parts, mut rest) = (vec![], text);
    while let Some(at) = rest
        .windows(separator.len())
        .position(|window| window == separator)
    {
        parts.push(rest[..at].to_vec());
        rest = &rest[at + separator.len()..];
    }
    if !text.is_empty() {
        parts.push(rest.to_vec());
    }
    parts
}

/// Appends in one of the ways there are.
unsafe fn append(text: &mut Text, other: &Text, choices: &mut Choices<'_>) {
    let kind = choices.below(12);
    let len = choices.below(40);
    let bytes = choices.take(len);
    let cut = c_string(bytes);
    let scale = [1, -1, 0x7fff_ffff, i64::MAX / 5][choices.below(4)];
    let number = scale.wrapping_mul(choices.below(65536) as i64);
    let s = text.sds;
    // SAFETY: the strings are live, formats have their arguments.
    let (sds, appended) = unsafe {
        match kind {
            0 => (
                sdscatlen(s, bytes.as_ptr().cast(), len.min(bytes.len())),
                bytes.to_vec(),
            ),
            1 => (sdscat(s, cut.as_ptr()), cut.as_bytes().to_vec()),
            2 => (sdscatsds(s, other.sds), other.model.clone()),
            3 => (
                sdscatrepr(s, bytes.as_ptr().cast(), bytes.len()),
                represented(bytes),
            ),
            4 => (
                sdscatfmt(s, c"%s|%%".as_ptr(), cut.as_ptr()),
                [cut.as_bytes(), b"|%"].concat(),
            ),
            5 => (
                sdscatfmt(s, c"<%S".as_ptr(), other.sds),
                [b"<", &other.model[..]].concat(),
            ),
            6 => (
                sdscatfmt(s, c"%i %u".as_ptr(), number as c_int, number as u32),
                format!("{} {}", number as c_int, number as u32).into(),
            ),
            7 => (
                sdscatfmt(s, c"%I %U".as_ptr(), number, number),
                format!("{number} {}", number as u64).into(),
            ),
            8 => (
                sdscatprintf(s, c"%s:%lld".as_ptr(), cut.as_ptr(), number),
                [cut.as_bytes(), format!(":{number}").as_bytes()].concat(),
            ),
            9 => {
                let run = vec![len as u8; choices.below(50_000)];
                (sdscatlen(s, run.as_ptr().cast(), run.len()), run)
            }
            10 => {
                let wanted = text.model.len() + choices.below(3000);
                (sdsgrowzero(s, wanted), vec![0; wanted - text.model.len()])
            }
            _ => {
                let s = sdsMakeRoomFor(s, bytes.len());
                s.add(text.model.len())
                    .copy_from(bytes.as_ptr().cast(), bytes.len());
                sdsIncrLen(s, bytes.len() as c_int);
                (s, bytes.to_vec())
            }
        }
    };
    text.moved(sds);
    text.model.extend(appended);
}

/// Changes what is there.
unsafe fn change(text: &mut Text, context: *mut redisContext, choices: &mut Choices<'_>) {
    let kind = choices.below(12);
    let len = choices.below(20);
    let bytes = choices.take(len);
    let all = text.model.len();
    let s = text.sds;
    // SAFETY: the string is live, and so are the bytes.
    unsafe {
        match kind {
            0 | 1 => {
                TAKEN.set(
                    if choices.flag() {
                        choices.below(65536)
                    } else {
                        all - choices.below(65536).min(all)
                    }
                    .min(all),
                );
                let mut done = 0;
                (*context).obuf = s;
                assert_eq!(redisBufferWrite(context, &mut done), REDIS_OK);
                text.moved((*context).obuf);
                text.model.drain(..TAKEN.get());
                assert_eq!(done == 1, text.model.is_empty());
            }
            2 => {
                let bound = |choices: &mut Choices<'_>| {
                    choices.below(65536) as isize - if choices.flag() { 0 } else { 32768 }
                };
                let (start, end) = (bound(choices), bound(choices));
                assert_eq!(sdsrange(s, start, end), 0);
                let place = |at: isize| {
                    if at < 0 {
                        (all as isize + at).max(0)
                    } else {
                        at
                    }
                };
                let (from, to) = (
                    place(start).min(all as isize),
                    (place(end) + 1).min(all as isize),
                );
                text.model = if from < to {
                    text.model[from as usize..to as usize].to_vec()
                } else {
                    vec![]
                };
            }
            3 => {
                let set = c_string(bytes);
                assert_eq!(sdstrim(s, set.as_ptr()), s);
                let is_in = |byte: &u8| *byte == 0 || set.as_bytes().contains(byte);
                let from = text.model.iter().take_while(|byte| is_in(byte)).count();
                let behind = text.model[from..]
                    .iter()
                    .rev()
                    .take_while(|byte| is_in(byte))
                    .count();
                text.model = text.model[from..all - behind].to_vec();
            }
            4 => {
                let (from, to) = bytes.split_at(bytes.len() / 2);
                sdsmapchars(s, from.as_ptr().cast(), to.as_ptr().cast(), from.len());
                for byte in &mut text.model {
                    *byte = from
                        .iter()
                        .position(|other| other == byte)
                        .map_or(*byte, |at| to[at]);
                }
            }
            5 => {
                sdstolower(s);
                text.model.make_ascii_lowercase();
            }
            6 => {
                sdstoupper(s);
                text.model.make_ascii_uppercase();
            }
            7 => {
                sdsclear(s);
                text.model.clear();
            }
            8 => {
                let cut = choices.below(65536).min(all);
                sdsIncrLen(s, -(cut as c_int));
                text.model.truncate(all - cut);
            }
            9 => text.moved(sdsRemoveFreeSpace(s)),
            10 => {
                text.moved(sdscpylen(s, bytes.as_ptr().cast(), bytes.len()));
                text.model = bytes.to_vec();
            }
            _ => {
                sdsupdatelen(s);
                text.model = c_string(&text.model).into_bytes();
            }
        }
    }
}

/// Compares, copies and splits, and changes nothing.
unsafe fn look(text: &Text, other: &Text, choices: &mut Choices<'_>) {
    let len = choices.below(60);
    let bytes = choices.take(len);
    // SAFETY: the strings are live, and so are the bytes.
    unsafe {
        match choices.below(5) {
            0 => assert_eq!(
                sdscmp(text.sds, other.sds).signum(),
                text.model.cmp(&other.model) as c_int
            ),
            1 => Text {
                sds: sdsdup(text.sds),
                model: text.model.clone(),
            }
            .check(),
            2 if !bytes.is_empty() => {
                let separator = &bytes[..bytes.len().min(1 + choices.below(2))];
                let (mut count, line) = (-1, &text.model[..text.model.len().min(1000)]);
                let parts = sdssplitlen(
                    line.as_ptr().cast(),
                    line.len() as c_int,
                    separator.as_ptr().cast(),
                    separator.len() as c_int,
                    &mut count,
                );
                let parts = tokens(parts, count).expect("memory");
                assert_eq!(parts, split(line, separator));
                let strings: Vec<Text> = parts.iter().map(|part| Text::new(part)).collect();
                let mut sds: Vec<Sds> = strings.iter().map(|string| string.sds).collect();
                let joined = sdsjoinsds(
                    sds.as_mut_ptr(),
                    count,
                    separator.as_ptr().cast(),
                    separator.len(),
                );
                Text {
                    sds: joined,
                    model: line.to_vec(),
                }
                .check();
            }
            3 => {
                let words: Vec<&[u8]> = bytes.chunks(7).collect();
                let line = words
                    .iter()
                    .map(|word| represented(word))
                    .collect::<Vec<_>>()
                    .join(&b' ');
                assert_eq!(split_arguments(&line).expect("balanced quotes"), words);
            }
            _ => {
                if let Some(arguments) = split_arguments(bytes) {
                    let line = arguments
                        .iter()
                        .map(|argument| represented(argument))
                        .collect::<Vec<_>>()
                        .join(&b'\n');
                    assert_eq!(split_arguments(&line), Some(arguments));
                }
            }
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices(input);
    let mut texts = [&b""[..], b"hi", &[b'x'; 40]].map(Text::new);
    // SAFETY: the context lives until it is freed; its buffer is a text's while it writes, and NULL otherwise.
    unsafe {
        let context = redisConnectFd(-1);
        let funcs = redisContextFuncs {
            write: Some(write),
            ..*(*context).funcs
        };
        (*context).funcs = &funcs;
        sdsfree((*context).obuf);
        (*context).obuf = null_mut();
        while !choices.is_empty() {
            texts.rotate_left(choices.below(3));
            let [text, other, _] = &mut texts;
            match choices.below(8) {
                0..=2 if text.model.len() + other.model.len() < LONGEST => {
                    append(text, other, &mut choices)
                }
                3 => look(text, other, &mut choices),
                _ => change(text, context, &mut choices),
            }
            (*context).obuf = null_mut();
            text.check();
        }
        redisFree(context);
    }
});
