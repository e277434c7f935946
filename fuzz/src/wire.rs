//! Bytes on the wire: replies read by a library, commands read by a model.

use crate::{Choices, Item, Library, items_of};
use hiredis::layout::redisReader;
use std::ffi::{CStr, c_int};
use std::ptr::null_mut;

/// What a reader has made of some bytes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// Of all replies that were complete.
    pub items: Vec<Item>,
    /// How many they were.
    pub replies: usize,
    pub err: c_int,
    pub text: String,
}

/// Feeds `wire` in pieces of at most `piece` bytes, each in a block of exactly its size, and calls `taken` with every reply.
///
/// # Safety
/// `reader` is a live reader of `library`.
pub unsafe fn feed(
    library: &Library,
    reader: *mut redisReader,
    wire: &[u8],
    splits: &mut dyn FnMut() -> usize,
    taken: &mut dyn FnMut(*mut libc::c_void),
) {
    let mut rest = wire;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(splits().clamp(1, rest.len()));
        rest = behind;
        let piece: Box<[u8]> = piece.into();
        // SAFETY: the caller's reader is live, and so is the piece.
        unsafe { (library.feed)(reader, piece.as_ptr().cast(), piece.len()) };
        drop(piece);
        loop {
            let mut reply = null_mut();
            // SAFETY: the same.
            let status = unsafe { (library.get_reply)(reader, &mut reply) };
            if status != 0 || reply.is_null() {
                break;
            }
            taken(reply);
        }
    }
}

/// What `library`'s default table makes of `wire`.
pub fn read(
    library: &Library,
    wire: &[u8],
    limits: &dyn Fn(&mut redisReader),
    splits: &mut dyn FnMut() -> usize,
) -> Outcome {
    let mut outcome = Outcome::default();
    // SAFETY: the reader lives until it is freed, and every reply is freed once.
    unsafe {
        let reader = (library.create)();
        limits(&mut *reader);
        let mut taken = |reply: *mut libc::c_void| {
            items_of(reply.cast(), &mut outcome.items);
            outcome.replies += 1;
            (library.free_reply)(reply);
        };
        feed(library, reader, wire, splits, &mut taken);
        outcome.end(&*reader);
        (library.free)(reader);
    }
    outcome
}

impl Outcome {
    /// Notes how `reader` stands after the last byte.
    pub fn end(&mut self, reader: &redisReader) {
        self.err = reader.err;
        // SAFETY: errstr is always terminated.
        let text = unsafe { CStr::from_ptr(reader.errstr.as_ptr()) };
        self.text = text.to_string_lossy().into_owned();
        assert_eq!(self.err == 0, self.text.is_empty());
        assert_eq!(
            self.err != 0,
            reader.buf.is_null(),
            "the buffer goes with an error"
        );
        assert!(reader.pos <= reader.len);
    }
}

/// Sizes of pieces: all at once, one by one, or at random from `seed`.
pub fn splits(choices: &mut Choices<'_>) -> impl FnMut() -> usize + use<> {
    let (most, mut state) = (
        [usize::MAX, 1, 2, 7, 40, 300][choices.below(6)],
        choices.below(65536) as u64 + 1,
    );
    move || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        if most == usize::MAX {
            most
        } else {
            1 + (state >> 33) as usize % most
        }
    }
}

/// The arguments of the one command that is all of `bytes`, by the plainest reading of the protocol.
pub fn arguments(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    fn header(bytes: &[u8], marker: u8) -> Option<(usize, &[u8])> {
        let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
        let digits = bytes[..end].strip_prefix(&[marker])?;
        let number: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
        (number.to_string().as_bytes() == digits).then_some((number, &bytes[end + 2..]))
    }
    let (count, mut rest) = header(bytes, b'*')?;
    let mut arguments = Vec::new();
    for _ in 0..count {
        let (len, text) = header(rest, b'$')?;
        let (text, behind) = text.split_at_checked(len)?;
        rest = behind.strip_prefix(b"\r\n")?;
        arguments.push(text);
    }
    rest.is_empty().then_some(arguments)
}
