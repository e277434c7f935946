//! Bytes in and out: the transport's `read` and `write`.

use crate::connection::{Connection, Stop, Want, of_context};
use crate::failure::{Failure, NOT_INITIATED, READ, WRITE, clear_errors};
use crate::handshake::{self, Progress};
use crate::layout::{NO_WAIT, REDIS_BLOCK, redisContext};
use crate::openssl::SSL_has_pending;
use crate::process::sds_bytes;
use crate::socket::Mode;
use libc::{EAGAIN, c_char};
use openssl_sys::{SSL_peek_ex, SSL_read_ex, SSL_write_ex};

/// The bytes of the longest record, and so many are given to OpenSSL at once.
const RECORD: usize = 16 << 10;

/// Bytes that were moved (0: to be tried again), or why there will be none.
type Moved = Result<usize, Failure>;

/// Reads up to `room` bytes: all that is there, if need be of several records.
///
/// # Safety
/// `c` is live, and `room` bytes at `place` may be written.
pub(crate) unsafe fn read(c: *mut redisContext, place: *mut c_char, room: usize) -> Moved {
    // SAFETY: the caller's promises.
    unsafe {
        let connection = ready(c)?;
        let Some(connection) = connection else {
            return Ok(0);
        };
        let waits = waits(c);
        connection.read_wants_write.set(false);
        connection.filled.set(false);
        let blocks = (*c).flags & REDIS_BLOCK != 0;
        let polled = connection.is_polled(blocks);
        if polled {
            connection.received.set(0);
        }
        connection.read_ahead(!polled);
        let mut mode = match waits {
            true => Mode::Wait,
            false if connection.draining.get() => Mode::Drain,
            false => Mode::Try,
        };
        connection.socket.begin(mode);
        let mut count = 0;
        while count < room {
            match connection.read_some(place.add(count), room - count, mode == Mode::Wait) {
                Ok(more) => {
                    count += more;
                    connection.received.update(|received| received + more);
                }
                Err(stop) => return connection.stopped_reading(stop, count),
            }
            if polled && room - count < RECORD {
                return Ok(count);
            }
            if mode == Mode::Wait {
                // Waiting was for the first bytes only.
                if SSL_has_pending(connection.ssl()) == 0 {
                    return Ok(count);
                }
                mode = Mode::Try;
                connection.socket.begin(mode);
            }
        }
        connection.filled.set(true);
        Ok(count)
    }
}

/// Sends from the output buffer what the socket takes.
///
/// # Safety
/// `c` is live, and its `obuf` an sds.
pub(crate) unsafe fn write(c: *mut redisContext) -> Moved {
    // SAFETY: the caller's promises.
    unsafe {
        let connection = ready(c)?;
        let Some(connection) = connection else {
            return Ok(0);
        };
        if let Some(failure) = connection.unsent() {
            return Err(connection.explained(failure));
        }
        let waits = waits(c);
        connection.write_wants_read.set(false);
        let mut left = sds_bytes((*c).obuf);
        let whole = left.len();
        while !left.is_empty() {
            let len = match connection.unfinished.get() {
                0 => left.len().min(RECORD),
                unfinished => left.len().min(unfinished),
            };
            let Some(chunk) = left.get(..len) else { break };
            match connection.write_some(chunk, waits) {
                Ok(sent) => left = left.get(sent..).unwrap_or_default(),
                Err(stop) => {
                    return connection.stopped_writing(stop, whole - left.len(), len);
                }
            }
        }
        Ok(whole)
    }
}

/// Whether a read or a write is to wait.
unsafe fn waits(c: *const redisContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe { (*c).flags & (REDIS_BLOCK | NO_WAIT) == REDIS_BLOCK }
}

/// The connection of a context, when its handshake is done; `None` while that goes on.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn ready<'a>(c: *mut redisContext) -> Result<Option<&'a Connection>, Failure> {
    // SAFETY: the caller's context is live.
    unsafe {
        let Some(connection) = of_context(c) else {
            return Err(NOT_INITIATED);
        };
        if let Some(failure) = connection.ended() {
            return Err(failure);
        }
        match handshake::advance(c, connection) {
            Progress::Established => Ok(Some(connection)),
            Progress::Pending => Ok(None),
            Progress::Failed(failure) => {
                connection.end(failure);
                Err(failure)
            }
        }
    }
}

impl Connection {
    /// One read of OpenSSL's, of one record at most.
    ///
    /// # Safety
    /// `room` bytes at `place` may be written.
    unsafe fn read_some(
        &self,
        place: *mut c_char,
        room: usize,
        waits: bool,
    ) -> Result<usize, Stop> {
        let mut count = 0;
        // SAFETY: the caller's promise; the connection is live.
        let result = unsafe {
            clear_errors();
            SSL_read_ex(self.ssl(), place.cast(), room, &raw mut count)
        };
        if result == 1 {
            return Ok(count);
        }
        Err(self.stop(result, READ, waits))
    }

    /// One write of OpenSSL's, of one record at most.
    fn write_some(&self, bytes: &[u8], waits: bool) -> Result<usize, Stop> {
        self.socket
            .begin(if waits { Mode::Wait } else { Mode::Try });
        let mut count = 0;
        // SAFETY: the slice is valid for its length; the connection is live.
        let result = unsafe {
            clear_errors();
            SSL_write_ex(
                self.ssl(),
                bytes.as_ptr().cast(),
                bytes.len(),
                &raw mut count,
            )
        };
        if result == 1 {
            self.unfinished.set(0);
            return Ok(count);
        }
        Err(self.stop(result, WRITE, waits))
    }

    /// What a read comes to that got `count` bytes and then no more. A failure behind bytes is told by the next call. An event may
    /// read several times: one behind what an earlier read of it got is told by the next event, so that the replies are handed out
    /// first.
    fn stopped_reading(&self, stop: Stop, count: usize) -> Moved {
        match stop {
            Stop::Wants(want) => self.read_wants_write.set(want == Want::Write),
            // What there is comes first; the rest would only have to be waited for.
            Stop::Interrupted(EAGAIN) if count == 0 => return Err(Failure::system("", EAGAIN)),
            Stop::Interrupted(_) => {}
            Stop::Failed(failure) => {
                let failure = self.ended_by(failure);
                let in_event = self.in_loop.get() && self.received.get() > 0;
                if count == 0 && !in_event {
                    return Err(failure);
                }
            }
        }
        Ok(count)
    }

    /// What a write comes to that sent `count` bytes and then not the next `len`, or not all of them: OpenSSL has these already, and
    /// insists on getting as many again.
    fn stopped_writing(&self, stop: Stop, count: usize, len: usize) -> Moved {
        match stop {
            Stop::Failed(failure @ Failure::System { .. }) => {
                self.end_sending(failure);
                if count == 0 && !self.in_loop.get() {
                    return Err(self.explained(failure));
                }
                return Ok(count);
            }
            Stop::Failed(failure) => {
                self.end(failure);
                return if count == 0 { Err(failure) } else { Ok(count) };
            }
            Stop::Interrupted(EAGAIN) if count == 0 => {
                self.unfinished.set(len);
                return Err(Failure::system("", EAGAIN));
            }
            Stop::Wants(want) => self.write_wants_read.set(want == Want::Read),
            Stop::Interrupted(_) => {}
        }
        self.unfinished.set(len);
        Ok(count)
    }

    /// A server that refuses us says why and closes the connection. Sending then fails for the latter; the former is still to be
    /// read. Replies in front of it stay where they are.
    fn explained(&self, failure: Failure) -> Failure {
        let (mut first, mut count) = (0_u8, 0);
        self.socket.begin(Mode::Try);
        // SAFETY: there is room for one byte; the connection is live.
        let result = unsafe {
            clear_errors();
            SSL_peek_ex(self.ssl(), (&raw mut first).cast(), 1, &raw mut count)
        };
        if result != 1
            && let Stop::Failed(end) = self.stop(result, READ, false)
        {
            return self.ended_by(end);
        }
        failure
    }

    /// Keeps what ended the reading, which is the end of the connection. If sending had failed before, that is what the program is
    /// told, unless TLS has more to say of it than the system.
    fn ended_by(&self, failure: Failure) -> Failure {
        let failure = match (failure, self.unsent()) {
            (Failure::System { .. } | Failure::Closed, Some(unsent)) => unsent,
            _ => failure,
        };
        self.end(failure);
        failure
    }
}
