//! Writes a command into memory of the program's, in the manner of `snprintf`: as much as fits, and
//! how long the whole would be.

use super::command::{Gap, Writer};
use super::{FormatError, NO_LIMIT};
use crate::resp::encode::{self, CRLF};
use core::slice;
use libc::{c_char, c_int};

/// A command of which only the beginning is written if it is longer than there is room for. What
/// lies beyond is counted. A header never gets shorter than expected, so what lies beyond never is
/// needed again.
pub(super) struct Bounded {
    start: *mut u8,
    /// Bytes of the command that fit, and behind them a NUL; `None` if not even that does.
    capacity: Option<usize>,
    len: usize,
    /// Arguments begun, and how many the command's header says there are.
    count: usize,
    announced: usize,
    /// The header of the argument that may be continued.
    open: Option<Gap>,
}

impl Bounded {
    /// # Safety
    /// As long as the command is written, `size` bytes at `start` are nobody else's.
    pub(super) unsafe fn new(start: *mut c_char, size: usize) -> Self {
        Self {
            start: start.cast(),
            capacity: size.checked_sub(1),
            len: 0,
            count: 0,
            announced: 0,
            open: None,
        }
    }

    /// How many of `len` bytes fit that are to stand at `at`.
    fn fitting(&self, at: usize, len: usize) -> usize {
        self.capacity.unwrap_or(0).saturating_sub(at).min(len)
    }

    /// Makes sure that `len` more bytes, a header and a line end can be counted.
    fn reserve(&self, len: usize) -> Result<(), FormatError> {
        const REST: usize = 64;
        match self.len.checked_add(len) {
            Some(all) if all < NO_LIMIT - REST => Ok(()),
            _ => Err(FormatError::TooLong),
        }
    }

    /// Appends what fits, and counts all.
    ///
    /// # Safety
    /// `text` is valid for reading `len` bytes, unless that is 0, and lies outside of what is
    /// written to; there is a reserve of so many.
    unsafe fn append(&mut self, text: *const u8, len: usize) {
        let fitting = self.fitting(self.len, len);
        if fitting > 0 {
            // SAFETY: so many bytes fit there, and may be read; this says the caller.
            unsafe {
                self.start
                    .add(self.len)
                    .copy_from_nonoverlapping(text, fitting)
            };
        }
        self.len += len;
    }

    fn append_line_end(&mut self) {
        // SAFETY: the text is a constant, and the reserve counts it.
        unsafe { self.append(CRLF.as_ptr(), CRLF.len()) };
    }

    /// Writes a header where room was left for it; what follows is moved if it is longer than
    /// expected.
    fn write_header(&mut self, Gap { start, end }: Gap, marker: u8, number: usize) {
        let header = encode::header(marker, number);
        let shift = header.len - (end - start);
        let followers = self.fitting(end + shift, self.len - end);
        let fitting = self.fitting(start, header.len);
        // SAFETY: so many bytes fit at either place; of those that follow, no more are moved than
        // fitted before, since they then stand further back.
        unsafe {
            if shift > 0 && followers > 0 {
                let place = self.start.add(end);
                place.add(shift).copy_from(place, followers);
            }
            if fitting > 0 {
                let text: &[u8] = slice::from_raw_parts(header.words.as_ptr().cast(), fitting);
                let place = self.start.add(start);
                place.copy_from_nonoverlapping(text.as_ptr(), fitting);
            }
        }
        self.len += shift;
    }

    fn open(&mut self, expected_len: usize) {
        if self.open.is_none() {
            let header = Gap::expecting(self.len, expected_len);
            self.len = header.end;
            self.count += 1;
            self.open = Some(header);
        }
    }
}

impl Writer for Bounded {
    type Output = usize;

    fn limit(&self) -> usize {
        NO_LIMIT
    }

    fn begin(&mut self, _: usize, expected_count: usize) -> Result<(), FormatError> {
        self.announced = expected_count;
        let header = Gap::expecting(0, expected_count);
        self.len = header.end;
        self.write_header(header, b'*', expected_count);
        Ok(())
    }

    fn is_open(&self) -> bool {
        self.open.is_some()
    }

    unsafe fn push(&mut self, text: *const u8, len: usize) -> Result<(), FormatError> {
        self.reserve(len)?;
        self.open(len);
        // SAFETY: the caller's promise.
        unsafe { self.append(text, len) };
        Ok(())
    }

    unsafe fn push_whole(&mut self, text: *const u8, len: usize) -> Result<(), FormatError> {
        // SAFETY: the caller's promise.
        unsafe { self.push(text, len)? };
        self.close();
        Ok(())
    }

    fn print(
        &mut self,
        expected: usize,
        mut print: impl FnMut(*mut c_char, usize) -> c_int,
    ) -> Result<(), FormatError> {
        self.reserve(expected)?;
        self.open(1);
        // The NUL that `print` writes behind takes a byte of its own.
        let room = match self.capacity {
            Some(capacity) => (capacity + 1).saturating_sub(self.len),
            None => 0,
        };
        // Without room nothing is written, wherever that would be.
        let place = self.start.wrapping_add(self.len);
        // A negative length means that the text would be longer than an `int` can say.
        let len =
            usize::try_from(print(place.cast(), room)).map_err(|_| FormatError::OutOfMemory)?;
        self.reserve(len)?;
        self.len += len;
        Ok(())
    }

    fn close(&mut self) {
        if let Some(header) = self.open.take() {
            self.write_header(header, b'$', self.len - header.end);
            self.append_line_end();
        }
    }

    fn finish(mut self) -> Result<usize, FormatError> {
        self.close();
        if self.count != self.announced {
            self.write_header(Gap::expecting(0, self.announced), b'*', self.count);
        }
        if let Some(capacity) = self.capacity {
            // SAFETY: behind the capacity there is room for a NUL.
            unsafe { self.start.add(self.len.min(capacity)).write(0) };
        }
        Ok(self.len)
    }

    fn abandon(self) {
        if self.capacity.is_some() {
            // SAFETY: there is room for a NUL.
            unsafe { self.start.write(0) };
        }
    }
}
