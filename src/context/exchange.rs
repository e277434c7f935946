//! Sending while the peer may be sending: a peer that stops reading until its answers are read
//! would otherwise wait for us, and we for it.

use super::{Status, buffer_read, buffer_write, clear_error, default_transport, fail, reader};
use crate::error::{Error, set_errno};
use crate::layout::{
    FOLLOWS_BLOCK, REDIS_BLOCK, REDIS_ERR_EOF, REDIS_ERR_IO, REDIS_ERR_TIMEOUT, redisContext,
};
use crate::net::{self, Deadline};
use crate::sds;
use libc::EAGAIN;

/// How a blocking context sends what is waiting.
pub(super) struct Exchange {
    /// Until when the socket must have taken something; found out at the first wait.
    limit: Option<Deadline>,
    /// The socket was said to take something.
    writable: bool,
    /// Something has arrived.
    heard: bool,
    /// Nothing more is to be had from listening: the transport waits for itself.
    deaf: bool,
}

/// What one turn has come to.
pub(super) struct Turn {
    /// All is sent.
    pub(super) done: bool,
    /// Bytes sent and received.
    pub(super) moved: usize,
}

impl Exchange {
    /// # Safety
    /// `c` is live.
    pub(super) unsafe fn new(c: *const redisContext) -> Self {
        // A transport of the program's may wait whatever the context's flags say.
        // SAFETY: the caller's context is live.
        let follows = unsafe {
            core::ptr::eq((*c).funcs, default_transport()) || (*c).flags & FOLLOWS_BLOCK != 0
        };
        Self {
            limit: None,
            writable: false,
            heard: false,
            deaf: !follows,
        }
    }

    /// Whether something was read, which may be a reply.
    #[inline(always)]
    pub(super) fn has_read(&self) -> bool {
        self.heard
    }

    /// Sends what the socket takes. If that is not all, waits until it takes more or something has
    /// arrived, and reads that.
    ///
    /// # Safety
    /// `c` is live, and blocking.
    #[inline(always)]
    pub(super) unsafe fn turn(&mut self, c: *mut redisContext) -> Status<Turn> {
        // SAFETY: the caller's promise; the output buffer is looked at anew after the call out.
        unsafe {
            let waiting = sds::len((*c).obuf);
            if !self.deaf {
                (*c).flags &= !REDIS_BLOCK;
            }
            let written = buffer_write(c);
            (*c).flags |= REDIS_BLOCK;
            let done = written?;
            // A transport of the program's may have added to the buffer.
            let mut moved = waiting.saturating_sub(sds::len((*c).obuf));
            if !done && !self.deaf {
                moved += self.wait(c, moved)?;
            }
            Ok(Turn { done, moved })
        }
    }

    /// Waits for either direction after `sent` bytes were sent. Returns how many have arrived.
    #[cold]
    unsafe fn wait(&mut self, c: *mut redisContext, sent: usize) -> Status<usize> {
        // It may be reading that would help, as with TLS, and not for anything that has arrived.
        if sent == 0 && self.writable {
            self.deaf = true;
            return Ok(0);
        }
        // SAFETY: the caller's context is live.
        unsafe {
            let fd = (*c).fd;
            if sent > 0 || self.limit.is_none() {
                self.limit = Some(Deadline::after(net::send_timeout(fd)));
            }
            let limit = self.limit.unwrap_or(Deadline::after(None));
            let ready = net::wait_for_either(fd, &limit);
            self.writable = ready.write;
            if ready.read {
                return self.listen(c);
            }
            if !ready.write && limit.is_past() {
                set_errno(EAGAIN);
                return fail(c, Error::Io(EAGAIN));
            }
        }
        Ok(0)
    }

    /// Reads what has arrived. If the connection's other half is over, that is for the next read to
    /// say: the peer may take what is being sent.
    unsafe fn listen(&mut self, c: *mut redisContext) -> Status<usize> {
        // SAFETY: the caller's context is live.
        unsafe {
            // The program has bounded what may be held.
            let held = reader(c).as_ref().map(|reader| reader.limits.input);
            let buffered = (*(*c).reader).len.saturating_sub((*(*c).reader).pos);
            if held.is_none_or(|limit| limit > 0 && buffered >= limit) {
                self.deaf = true;
                return Ok(0);
            }
            (*c).flags &= !REDIS_BLOCK;
            let received = buffer_read(c);
            (*c).flags |= REDIS_BLOCK;
            match received {
                Ok(received) => {
                    self.heard |= received.count > 0;
                    net::acknowledge((*c).fd);
                    Ok(received.count)
                }
                Err(()) if matches!((*c).err, REDIS_ERR_IO | REDIS_ERR_EOF | REDIS_ERR_TIMEOUT) => {
                    clear_error(c);
                    self.deaf = true;
                    Ok(0)
                }
                Err(()) => Err(()),
            }
        }
    }
}
