//! From a connected socket to an encrypted connection.

use crate::connection::{Connection, Stop, Want};
use crate::failure::{CONNECT, Failure, clear_errors};
use crate::layout::{ASYNC, HANDSHAKE, REDIS_BLOCK, REDIS_CONNECTED, redisContext};
use crate::process::errno;
use crate::socket::Mode;
use libc::{EAGAIN, EINTR, ETIMEDOUT, POLLIN, POLLOUT, c_int, pollfd, timeval};
use openssl_sys::SSL_do_handshake;
use std::time::{Duration, Instant};

/// How far the handshake is.
pub(crate) enum Progress {
    Established,
    /// To be continued when the socket is ready.
    Pending,
    Failed(Failure),
}

/// Begins the handshake. A blocking context is done with it on return; another goes as far as it can without waiting, and not at
/// all before its socket is connected, an asynchronous one before its core knows: who reads or writes earlier would take the error
/// of a failed connect, or of a server that ends the connection at once, from the core.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn begin(c: *mut redisContext, connection: &Connection) -> Progress {
    // SAFETY: the caller's promise.
    unsafe {
        if (*c).flags & REDIS_BLOCK != 0 {
            connection.read_ahead(true);
            return match limit((*c).connect_timeout.as_ref()) {
                Some(limit) => within(connection, limit),
                None => waiting(connection),
            };
        }
        let known = (*c).flags & ASYNC == 0 || (*c).flags & REDIS_CONNECTED != 0;
        let progress = if known && connection.socket.is_connected() {
            advance(c, connection)
        } else {
            Progress::Pending
        };
        if matches!(progress, Progress::Pending) && (*c).flags & ASYNC != 0 {
            (*c).flags |= HANDSHAKE;
        }
        progress
    }
}

/// Takes the handshake one step further.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn advance(c: *mut redisContext, connection: &Connection) -> Progress {
    if connection.established.get() {
        return Progress::Established;
    }
    // SAFETY: the caller's promise.
    let (fd, waits) = unsafe { ((*c).fd, (*c).flags & REDIS_BLOCK != 0) };
    connection.socket.follow(fd);
    let progress = match step(connection, if waits { Mode::Wait } else { Mode::Try }) {
        Ok(()) => Progress::Established,
        Err(Stop::Wants(_) | Stop::Interrupted(EINTR)) => Progress::Pending,
        Err(Stop::Interrupted(errno)) => failed(connection, Failure::system(CONNECT, errno)),
        Err(Stop::Failed(failure)) => failed(connection, failure),
    };
    if !matches!(progress, Progress::Pending) {
        // SAFETY: the caller's promise.
        unsafe { (*c).flags &= !HANDSHAKE };
    }
    progress
}

/// One call of OpenSSL's.
fn step(connection: &Connection, mode: Mode) -> Result<(), Stop> {
    connection.socket.begin(mode);
    // SAFETY: the connection is live.
    let result = unsafe {
        clear_errors();
        SSL_do_handshake(connection.ssl())
    };
    if result == 1 {
        connection.established.set(true);
        if let Some((sessions, offer)) = connection.sessions() {
            // SAFETY: as above.
            unsafe { sessions.succeeded(offer, connection.ssl()) };
        }
        return Ok(());
    }
    let stop = connection.stop(result, CONNECT, mode == Mode::Wait);
    match stop {
        Stop::Wants(want) => connection.handshake_wants.set(want),
        // To be tried again at once, whatever it waited for before: a socket is seldom not writable.
        Stop::Interrupted(_) => connection.handshake_wants.set(Want::Write),
        Stop::Failed(_) => {}
    }
    Err(stop)
}

/// A handshake without a deadline; the socket's own timeouts hold.
fn waiting(connection: &Connection) -> Progress {
    loop {
        return match step(connection, Mode::Wait) {
            Ok(()) => Progress::Established,
            Err(Stop::Interrupted(EINTR) | Stop::Wants(_)) => continue,
            Err(Stop::Interrupted(errno)) => failed(connection, silent(connection, errno)),
            Err(Stop::Failed(failure)) => failed(connection, failure),
        };
    }
}

/// A handshake that may take this long as a whole.
fn within(connection: &Connection, limit: Duration) -> Progress {
    // So far away that the clock cannot tell is never.
    let deadline = Instant::now().checked_add(limit);
    loop {
        match step(connection, Mode::Try) {
            Ok(()) => return Progress::Established,
            Err(Stop::Wants(want)) => {
                if let Err(errno) = wait(connection.socket.fd(), want, deadline) {
                    return failed(connection, silent(connection, errno));
                }
            }
            Err(Stop::Interrupted(_)) => {}
            Err(Stop::Failed(failure)) => return failed(connection, failure),
        }
    }
}

/// Waits until the socket is ready; `Err` is an `errno`.
fn wait(fd: c_int, want: Want, deadline: Option<Instant>) -> Result<(), c_int> {
    let events = match want {
        Want::Read => POLLIN,
        Want::Write => POLLOUT,
    };
    loop {
        let timeout = deadline.map_or(-1, |deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            c_int::try_from(left.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX)
        });
        let mut poll = pollfd {
            fd,
            events,
            revents: 0,
        };
        // SAFETY: one entry is passed.
        match unsafe { libc::poll(&raw mut poll, 1, timeout) } {
            0 => return Err(ETIMEDOUT),
            -1 if errno() == EINTR || errno() == EAGAIN => {}
            -1 => return Err(errno()),
            _ => return Ok(()),
        }
    }
}

/// A connect timeout; `None` where there is none. Zero, which for connecting means "at once", would allow no handshake ever.
fn limit(timeout: Option<&timeval>) -> Option<Duration> {
    let timeout = timeout?;
    let seconds = Duration::from_secs(u64::try_from(timeout.tv_sec).ok()?);
    let rest = Duration::from_micros(u64::try_from(timeout.tv_usec).ok()?);
    seconds.checked_add(rest).filter(|limit| !limit.is_zero())
}

/// A handshake that ended in waiting.
fn silent(connection: &Connection, errno: c_int) -> Failure {
    let note = if connection.socket.answered() {
        ""
    } else {
        "no answer, perhaps the peer does not speak TLS"
    };
    Failure::System {
        prefix: CONNECT,
        errno,
        note,
    }
}

/// A failed handshake.
fn failed(connection: &Connection, failure: Failure) -> Progress {
    if let Some((sessions, offer)) = connection.sessions() {
        sessions.failed(offer, failure.is_internal_error());
    }
    let _ = connection.fail(failure);
    Progress::Failed(failure)
}
