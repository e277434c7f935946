//! Waits as `mio::Poll` does, but into room that is part of the loop: where there is no memory for
//! that of `mio::Events`, the process ends.

use super::attachment::Readiness;
use libc::{EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP, c_int, epoll_event};
use mio::{Poll, Token};
use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

/// Events that one wait may bring; the rest is brought by the next.
const MAX_EVENTS: usize = 256;

pub(super) struct Events {
    room: [epoll_event; MAX_EVENTS],
    len: usize,
}

impl Events {
    pub(super) const fn new() -> Self {
        Self {
            room: [epoll_event { events: 0, u64: 0 }; MAX_EVENTS],
            len: 0,
        }
    }

    /// Waits until something has happened, but no longer than `timeout`, in whole milliseconds. A
    /// signal ends the wait.
    pub(super) fn wait(&mut self, poll: &Poll, timeout: Option<Duration>) -> io::Result<()> {
        let milliseconds = timeout.map_or(-1, |timeout| {
            let rounded_up = timeout.as_micros().div_ceil(1000);
            c_int::try_from(rounded_up).unwrap_or(c_int::MAX)
        });
        self.len = 0;
        // SAFETY: the room is as large as is said.
        let status = unsafe {
            let room = self.room.as_mut_ptr();
            libc::epoll_wait(poll.as_raw_fd(), room, MAX_EVENTS as c_int, milliseconds)
        };
        match usize::try_from(status) {
            Ok(len) => self.len = len,
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// What the last wait has brought.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Token, Readiness)> {
        self.room.iter().take(self.len).map(|event| {
            let (bits, token) = (event.events as c_int, event.u64);
            (Token(token as usize), readiness(bits))
        })
    }
}

/// What the kernel's bits say; the same as `mio` makes of them.
fn readiness(bits: c_int) -> Readiness {
    let has = |any: c_int| bits & any != 0;
    Readiness {
        read: has(EPOLLIN | EPOLLPRI | EPOLLHUP | EPOLLERR),
        write: has(EPOLLOUT | EPOLLHUP | EPOLLERR),
        hung_up: has(EPOLLHUP | EPOLLERR) || (has(EPOLLIN) && has(EPOLLRDHUP)),
    }
}
