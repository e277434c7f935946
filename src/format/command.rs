//! Writes a command front to back, without knowing its lengths in advance.

use super::FormatError;
use super::sink::{Room, Sink};
use crate::alloc;
use crate::resp::encode::{self, CRLF, header_len};
use libc::{c_char, c_int};

/// Room kept behind every piece of an argument: for the header before it, the line end after it,
/// and the digits by which that header and the command's own may turn out longer.
const SLACK: usize = 64;

/// A header whose number is not known yet: where it begins and, by its probable length, ends.
#[derive(Clone, Copy)]
pub(super) struct Gap {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Gap {
    pub(super) fn expecting(start: usize, number: usize) -> Self {
        let end = start + header_len(number);
        Self { start, end }
    }
}

/// Takes a command piece by piece. Whoever uses one ends with `finish` or `abandon`.
pub(super) trait Writer {
    /// What a finished command is.
    type Output;

    /// How long the command may become.
    fn limit(&self) -> usize;

    /// Makes room for `expected_len` bytes, at least one, and writes the header of `expected_count`
    /// arguments.
    fn begin(&mut self, expected_len: usize, expected_count: usize) -> Result<(), FormatError>;

    /// Whether the next piece continues an argument.
    fn is_open(&self) -> bool;

    /// Appends to the open argument, or begins one.
    ///
    /// # Safety
    /// `text` is valid for reading `len` bytes, unless that is 0, and lies outside of what is
    /// written to.
    unsafe fn push(&mut self, text: *const u8, len: usize) -> Result<(), FormatError>;

    /// Appends a whole argument; none may be open. The same as `push` and `close`, in one go.
    ///
    /// # Safety
    /// As `push`.
    unsafe fn push_whole(&mut self, text: *const u8, len: usize) -> Result<(), FormatError>;

    /// Appends what `print` prints; it is called as `snprintf` is, with room for `expected` bytes,
    /// and may be called again with more if that did not suffice.
    fn print(
        &mut self,
        expected: usize,
        print: impl FnMut(*mut c_char, usize) -> c_int,
    ) -> Result<(), FormatError>;

    /// Ends the open argument, if there is one.
    fn close(&mut self);

    /// Ends the command.
    fn finish(self) -> Result<Self::Output, FormatError>;

    /// Gives up; there is no trace of the command.
    fn abandon(self);
}

/// A command that gets as much room as it needs. Headers stand before what they count, so each gets the room that
/// its number will probably need; what follows is moved where the guess was wrong.
pub(super) struct Command<S: Sink> {
    sink: S,
    room: Room,
    len: usize,
    /// Arguments begun, and how many the command's header says there are.
    count: usize,
    announced: usize,
    /// The header of the argument that may be continued.
    open: Option<Gap>,
}

impl<S: Sink> Command<S> {
    #[inline]
    pub(super) fn new(sink: S) -> Self {
        Self {
            room: sink.room(),
            sink,
            len: 0,
            count: 0,
            announced: 0,
            open: None,
        }
    }

    /// Makes room for `additional` bytes and the slack.
    #[inline]
    fn reserve(&mut self, additional: usize) -> Result<(), FormatError> {
        if self.len.saturating_add(additional) > self.room.capacity.saturating_sub(SLACK) {
            self.grow(additional)?;
        }
        Ok(())
    }

    #[cold]
    fn grow(&mut self, additional: usize) -> Result<(), FormatError> {
        let need = self.len.checked_add(additional);
        if need.is_none_or(|need| need > self.sink.limit()) {
            return Err(FormatError::TooLong);
        }
        // SAFETY: the first `len` bytes were written, or left for headers; below the limit
        // nothing overflows.
        self.room = unsafe { self.sink.grow(self.len, additional + SLACK)? };
        Ok(())
    }

    /// Begins an argument unless one is open. The slack must be there, which it takes from.
    #[inline]
    fn open(&mut self, expected_len: usize) {
        if self.open.is_none() {
            let header = Gap::expecting(self.len, expected_len);
            self.len = header.end;
            self.count += 1;
            self.open = Some(header);
        }
    }

    /// Writes a header, and moves what follows it where it is longer than expected.
    #[inline]
    fn write_header(&mut self, Gap { start, end }: Gap, marker: u8, number: usize) {
        let header = encode::header(marker, number);
        // It never is shorter: what is counted only grew.
        let shift = header.len - (end - start);
        // SAFETY: room for the expected length was left, and the slack is large enough for what
        // is missing.
        unsafe {
            let place = self.room.start.add(start);
            if shift > 0 {
                let followers = self.room.start.add(end);
                place.add(header.len).copy_from(followers, self.len - end);
            }
            let text = core::slice::from_raw_parts(header.words.as_ptr().cast(), header.len);
            alloc::copy(text, place);
        }
        self.len += shift;
    }
}

impl<S: Sink> Writer for Command<S> {
    type Output = S::Output;

    #[inline]
    fn limit(&self) -> usize {
        self.sink.limit()
    }

    #[inline]
    fn begin(&mut self, expected_len: usize, expected_count: usize) -> Result<(), FormatError> {
        self.reserve(expected_len)?;
        let header = encode::header(b'*', expected_count);
        // SAFETY: the slack has room for the longest header.
        unsafe {
            self.room
                .start
                .cast::<[u64; 3]>()
                .write_unaligned(header.words)
        };
        self.announced = expected_count;
        self.len = header.len;
        Ok(())
    }

    #[inline]
    fn is_open(&self) -> bool {
        self.open.is_some()
    }

    unsafe fn push(&mut self, text: *const u8, len: usize) -> Result<(), FormatError> {
        self.reserve(len)?;
        self.open(len);
        // SAFETY: there is room for a header and `len` bytes; the caller vouches for `text`.
        unsafe {
            let place = self.room.start.add(self.len);
            place.copy_from_nonoverlapping(text, len);
        }
        self.len += len;
        Ok(())
    }

    #[inline]
    unsafe fn push_whole(&mut self, text: *const u8, len: usize) -> Result<(), FormatError> {
        self.reserve(len)?;
        let header = encode::header(b'$', len);
        // SAFETY: there is room for the longest header, the text and a line end; the caller
        // vouches for `text`.
        unsafe {
            let place = self.room.start.add(self.len);
            place.cast::<[u64; 3]>().write_unaligned(header.words);
            let body = place.add(header.len);
            body.copy_from_nonoverlapping(text, len);
            body.add(len).cast::<[u8; 2]>().write(CRLF);
        }
        self.len += header.len + len + CRLF.len();
        self.count += 1;
        Ok(())
    }

    fn print(
        &mut self,
        mut expected: usize,
        mut print: impl FnMut(*mut c_char, usize) -> c_int,
    ) -> Result<(), FormatError> {
        loop {
            self.reserve(expected)?;
            self.open(1);
            // SAFETY: `open` took part of the slack only.
            let place = unsafe { self.room.start.add(self.len) };
            // A negative length means that the text would be longer than an `int` can say.
            let len = usize::try_from(print(place.cast(), expected + 1))
                .map_err(|_| FormatError::OutOfMemory)?;
            if len <= expected {
                self.len += len;
                return Ok(());
            }
            expected = len;
        }
    }

    #[inline]
    fn close(&mut self) {
        if let Some(header) = self.open.take() {
            self.write_header(header, b'$', self.len - header.end);
            // SAFETY: the slack has room for the line end.
            unsafe {
                let place = self.room.start.add(self.len);
                place.cast::<[u8; 2]>().write(CRLF);
            }
            self.len += CRLF.len();
        }
    }

    #[inline]
    fn finish(mut self) -> Result<S::Output, FormatError> {
        self.close();
        if self.count != self.announced {
            self.write_header(Gap::expecting(0, self.announced), b'*', self.count);
        }
        if self.len > self.sink.limit() {
            self.abandon();
            return Err(FormatError::TooLong);
        }
        // SAFETY: everything up to `len` is written now.
        Ok(unsafe { self.sink.finish(self.len) })
    }

    fn abandon(self) {
        // SAFETY: `self` ends here, and the room with it.
        unsafe { self.sink.abandon() }
    }
}
