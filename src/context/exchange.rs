//! Sending while the peer may be sending: a peer that stops reading until its answers are read
//! would otherwise wait for us, and we for it.

use super::{
    Status, buffer_read, buffer_write, clear_error, default_transport, fail, let_wait, whole_reader,
};
use crate::error::{Error, set_errno};
use crate::layout::{NO_WAIT, REDIS_ERR_EOF, TLS, redisContext};
use crate::net::{self, Deadline};
use crate::reader as parser;
use libc::EAGAIN;

/// Whether a context can listen while it sends: its transport heeds `NO_WAIT`. One of the program's
/// may wait whatever the flags say, and is called as ever.
///
/// # Safety
/// `c` is live.
#[inline(always)]
pub(super) unsafe fn can_listen(c: *const redisContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe { core::ptr::eq((*c).funcs, default_transport()) || (*c).flags & TLS != 0 }
}

/// One write. It does not wait if the context can listen meanwhile. Returns whether all is sent.
///
/// # Safety
/// `c` is live.
#[inline(always)]
pub(super) unsafe fn write(c: *mut redisContext, listens: bool) -> Status<bool> {
    // SAFETY: the caller's context is live.
    unsafe {
        (*c).flags |= if listens { NO_WAIT } else { 0 };
        let written = buffer_write(c);
        let_wait(c);
        written
    }
}

/// How a blocking context goes on that could not send all at once.
pub(super) struct Exchange {
    /// It waits for either direction. If not, the transport waits, for its own.
    listens: bool,
    /// Until when something must have moved; found out at the first wait.
    limit: Option<Deadline>,
    /// The socket was said to take something.
    writable: bool,
    /// Something has arrived.
    heard: bool,
}

impl Exchange {
    pub(super) fn new(listens: bool) -> Self {
        Self {
            listens,
            limit: None,
            writable: false,
            heard: false,
        }
    }

    /// Whether it waits for either direction. If not, the transport waits, for its own.
    pub(super) fn listens(&self) -> bool {
        self.listens
    }

    /// Whether something was read, which may be a reply.
    pub(super) fn has_read(&self) -> bool {
        self.heard
    }

    /// After `sent` bytes were sent, and not all: waits until the socket takes more or something has
    /// arrived, and reads that. Returns how much it was.
    ///
    /// # Safety
    /// `c` is live, and blocking.
    pub(super) unsafe fn wait(&mut self, c: *mut redisContext, sent: usize) -> Status<usize> {
        // The socket takes something, but the transport gave it nothing: it knows what it waits for.
        self.listens &= sent > 0 || !self.writable;
        if !self.listens {
            return Ok(0);
        }
        // SAFETY: the caller's context is live.
        unsafe {
            let fd = (*c).fd;
            let limit = match self.limit {
                Some(limit) if sent == 0 => limit,
                _ => Deadline::after(net::send_timeout(fd)),
            };
            self.limit = Some(limit);
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
            // The program has bounded what may be held: it is to take some first.
            if !whole_reader(c).is_some_and(|reader| parser::has_allowance(reader)) {
                self.listens = false;
                return Ok(0);
            }
            (*c).flags |= NO_WAIT;
            let received = buffer_read(c);
            let_wait(c);
            match received {
                Ok(received) => {
                    if received.count > 0 {
                        self.heard = true;
                        self.limit = None;
                        net::acknowledge((*c).fd);
                    }
                    Ok(received.count)
                }
                Err(()) if (*c).err == REDIS_ERR_EOF => {
                    clear_error(c);
                    self.listens = false;
                    Ok(0)
                }
                Err(()) => Err(()),
            }
        }
    }
}
