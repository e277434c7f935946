//! One socket: opening, modes, options, bytes in and out.

use super::time::{Deadline, duration};
use crate::error::{Error, errno};
use core::ffi::CStr;
use libc::{
    EAGAIN, EALREADY, EINPROGRESS, EINTR, EISCONN, ETIMEDOUT, IPPROTO_TCP, MSG_DONTWAIT,
    MSG_NOSIGNAL, SO_KEEPALIVE, SO_RCVTIMEO, SO_REUSEADDR, SO_SNDTIMEO, SOCK_CLOEXEC, SOCK_STREAM,
    SOL_SOCKET, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_NODELAY, TCP_USER_TIMEOUT, c_char,
    c_int, c_uint, sockaddr, socklen_t, ssize_t, timeval,
};
use std::time::Duration;

/// Keepalive probes that may stay unanswered.
const KEEPALIVE_PROBES: c_int = 3;

/// Opens a stream socket; `Err` is an `errno`.
pub(super) fn open(family: c_int, cloexec: bool) -> Result<c_int, c_int> {
    let kind = if cloexec {
        SOCK_STREAM | SOCK_CLOEXEC
    } else {
        SOCK_STREAM
    };
    // SAFETY: no pointers are passed.
    match unsafe { libc::socket(family, kind, 0) } {
        -1 => Err(errno()),
        fd => Ok(fd),
    }
}

/// Closes a socket; keeps `errno`, which callers report afterwards.
pub(crate) fn close(fd: c_int) {
    let saved = errno();
    // SAFETY: no pointers are passed; the caller gives the descriptor up.
    unsafe { libc::close(fd) };
    crate::error::set_errno(saved);
}

/// Puts the socket `new` in the place of `fd`, which goes, and of which the number stays. Whether
/// that could be done; `new` itself is closed in either case.
pub(crate) fn replace(fd: c_int, new: c_int, cloexec: bool) -> bool {
    let flags = if cloexec { libc::O_CLOEXEC } else { 0 };
    // SAFETY: no pointers are passed; the caller gives both descriptors up.
    let replaced = unsafe { libc::dup3(new, fd, flags) } != -1;
    close(new);
    replaced
}

/// Switches between blocking and non-blocking mode.
pub(super) fn set_blocking(fd: c_int, blocking: bool) -> Result<(), Error> {
    // SAFETY: no pointers are passed.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    if flags == -1 {
        return Err(Error::Call("fcntl(F_GETFL)", errno()));
    }
    let wanted = if blocking {
        flags & !libc::O_NONBLOCK
    } else {
        flags | libc::O_NONBLOCK
    };
    // SAFETY: as above.
    if unsafe { libc::fcntl(fd, libc::F_SETFL, wanted) } == -1 {
        return Err(Error::Call("fcntl(F_SETFL)", errno()));
    }
    Ok(())
}

/// Sets an option to a value of any plain type; `Err` is an `errno`.
fn set_option<T>(fd: c_int, level: c_int, name: c_int, value: &T) -> Result<(), c_int> {
    let value: *const T = value;
    // SAFETY: the value is as large as said.
    match unsafe { libc::setsockopt(fd, level, name, value.cast(), size_of::<T>() as socklen_t) } {
        0 => Ok(()),
        _ => Err(errno()),
    }
}

/// Reads an integer option; `Err` is an `errno`.
fn option(fd: c_int, name: c_int) -> Result<c_int, c_int> {
    let mut value: c_int = 0;
    let mut size = size_of::<c_int>() as socklen_t;
    // SAFETY: `value` is as large as `size` says.
    let status =
        unsafe { libc::getsockopt(fd, SOL_SOCKET, name, (&raw mut value).cast(), &raw mut size) };
    if status == 0 { Ok(value) } else { Err(errno()) }
}

/// Switches Nagle's algorithm off.
pub(crate) fn set_nodelay(fd: c_int) -> Result<(), Error> {
    set_option::<c_int>(fd, IPPROTO_TCP, TCP_NODELAY, &1)
        .map_err(|errno| Error::Call("setsockopt(TCP_NODELAY)", errno))
}

/// Lets a local address be bound again that an earlier connection still holds.
pub(super) fn set_reuse_address(fd: c_int) -> Result<(), Error> {
    set_option::<c_int>(fd, SOL_SOCKET, SO_REUSEADDR, &1)
        .map_err(|errno| Error::Call("setsockopt(SO_REUSEADDR)", errno))
}

/// Probes an idle connection after `interval` seconds, then three times as often, three times.
pub(crate) fn set_keepalive(fd: c_int, interval: c_int) -> Result<(), Error> {
    let set =
        |level, name, value: c_int| set_option(fd, level, name, &value).map_err(Error::Option);
    set(SOL_SOCKET, SO_KEEPALIVE, 1)?;
    set(IPPROTO_TCP, TCP_KEEPIDLE, interval)?;
    set(IPPROTO_TCP, TCP_KEEPINTVL, (interval / 3).max(1))?;
    set(IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES)
}

/// Bounds how long sent data may stay unacknowledged, in milliseconds.
pub(crate) fn set_user_timeout(fd: c_int, milliseconds: c_uint) -> Result<(), Error> {
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds)
        .map_err(|errno| Error::Call("setsockopt(TCP_USER_TIMEOUT)", errno))
}

/// Bounds how long one blocking read or write may take; zero switches the bound off.
pub(crate) fn set_io_timeouts(fd: c_int, timeout: &timeval) -> Result<(), Error> {
    set_option(fd, SOL_SOCKET, SO_RCVTIMEO, timeout)
        .map_err(|errno| Error::Call("setsockopt(SO_RCVTIMEO)", errno))?;
    set_send_timeout(fd, timeout).map_err(|errno| Error::Call("setsockopt(SO_SNDTIMEO)", errno))
}

/// Bounds how long one blocking write or connect may take.
pub(super) fn set_send_timeout(fd: c_int, timeout: &timeval) -> Result<(), c_int> {
    set_option(fd, SOL_SOCKET, SO_SNDTIMEO, timeout)
}

/// How long one blocking write may take; `None` for as long as it takes.
pub(crate) fn send_timeout(fd: c_int) -> Option<Duration> {
    let mut timeout = timeval {
        tv_sec: 0,
        tv_usec: 0,
    };
    let mut size = size_of::<timeval>() as socklen_t;
    // SAFETY: `timeout` is as large as `size` says.
    unsafe {
        libc::getsockopt(
            fd,
            SOL_SOCKET,
            SO_SNDTIMEO,
            (&raw mut timeout).cast(),
            &raw mut size,
        )
    };
    duration(&timeout).filter(|limit| !limit.is_zero())
}

/// Has TCP acknowledge at once what was read. It waits for something to send along with that, and
/// a peer with little room for what is unacknowledged waits, too. Other sockets know no such thing.
pub(crate) fn acknowledge(fd: c_int) {
    let _ = set_option::<c_int>(fd, IPPROTO_TCP, libc::TCP_QUICKACK, &1);
}

/// What a socket is ready for.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ready {
    pub(crate) read: bool,
    /// Also if writing would fail.
    pub(crate) write: bool,
}

/// Waits until a socket can be read or written, the time is up, or a signal has come. Without poll,
/// writing has to find out.
pub(crate) fn wait_for_either(fd: c_int, deadline: &Deadline) -> Ready {
    let mut poll = libc::pollfd {
        fd,
        events: libc::POLLIN | libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: one entry is passed.
    match unsafe { libc::poll(&raw mut poll, 1, deadline.poll_timeout()) } {
        0 => Ready::default(),
        1.. => Ready {
            read: poll.revents & libc::POLLIN != 0,
            write: poll.revents & !libc::POLLIN != 0,
        },
        _ => Ready {
            read: false,
            write: errno() != EINTR,
        },
    }
}

/// The error that the socket has met asynchronously, 0 for none.
pub(crate) fn pending_error(fd: c_int) -> Result<c_int, c_int> {
    option(fd, libc::SO_ERROR)
}

/// Whether this is a unix socket.
pub(crate) fn is_unix(fd: c_int) -> bool {
    option(fd, libc::SO_DOMAIN) == Ok(libc::AF_UNIX)
}

/// Asks for a connection to an address; `Err` is an `errno`.
///
/// # Safety
/// `address` points to `len` bytes of a socket address.
pub(super) unsafe fn connect(
    fd: c_int,
    address: *const sockaddr,
    len: socklen_t,
) -> Result<(), c_int> {
    // SAFETY: the caller's promise.
    match unsafe { libc::connect(fd, address, len) } {
        0 => Ok(()),
        _ => Err(errno()),
    }
}

/// Whether the socket is connected.
fn has_peer(fd: c_int) -> bool {
    // SAFETY: zeroes are a value of every field; the address is as large as said.
    unsafe {
        let mut address: libc::sockaddr_storage = core::mem::zeroed();
        let mut len = size_of::<libc::sockaddr_storage>() as socklen_t;
        libc::getpeername(fd, (&raw mut address).cast(), &raw mut len) == 0
    }
}

/// How a connect in progress stands: established, still in progress (`false`), or failed with an
/// `errno`.
///
/// # Safety
/// `address` is the address of the last connect, of `len` bytes.
pub(crate) unsafe fn connect_state(
    fd: c_int,
    address: *const sockaddr,
    len: socklen_t,
) -> Result<bool, c_int> {
    // SAFETY: the caller's promise.
    match unsafe { connect(fd, address, len) } {
        Ok(()) | Err(EISCONN) => Ok(true),
        Err(EALREADY) => Ok(false),
        // A unix listener without room, which is said of sockets that have been connected, too.
        Err(EAGAIN) => Ok(has_peer(fd)),
        Err(EINPROGRESS) => match pending_error(fd)? {
            0 => Ok(true),
            error => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// Reads what there is, up to `len` bytes. `Ok(0)` is to be tried again.
///
/// # Safety
/// `len` bytes at `place` may be written.
pub(crate) unsafe fn receive(
    fd: c_int,
    place: *mut c_char,
    len: usize,
    blocking: bool,
) -> Result<usize, Error> {
    // A program's own descriptor may be in blocking mode although its context is not.
    let flags = if blocking { 0 } else { MSG_DONTWAIT };
    // SAFETY: the caller's promise.
    match unsafe { libc::recv(fd, place.cast(), len, flags) } {
        0 => Err(Error::Eof),
        count if count > 0 => Ok(count as usize),
        _ => match errno() {
            EINTR => Ok(0),
            EAGAIN if !blocking => Ok(0),
            ETIMEDOUT if blocking => Err(Error::Timeout("recv timeout")),
            errno => Err(Error::Io(errno)),
        },
    }
}

/// Whether there is anything to be read, the end of the connection included. Does not wait.
pub(crate) fn has_arrived(fd: c_int) -> bool {
    let mut one = libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one descriptor is passed, and it is valid for the call.
    unsafe { libc::poll(&raw mut one, 1, 0) == 1 }
}

/// Sends from `bytes` what the socket takes. `Ok(0)` is to be tried again. A peer that has gone is
/// an error, never a signal.
pub(crate) fn send(fd: c_int, bytes: &[u8], blocking: bool) -> Result<usize, Error> {
    let flags = MSG_NOSIGNAL | if blocking { 0 } else { MSG_DONTWAIT };
    // SAFETY: the slice is valid for its length.
    let count: ssize_t = unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), flags) };
    if count >= 0 {
        return Ok(count as usize);
    }
    match errno() {
        EINTR => Ok(0),
        EAGAIN if !blocking => Ok(0),
        errno => Err(Error::Io(errno)),
    }
}

/// A unix socket address; `None` where the path does not fit.
pub(super) fn unix_address(path: &CStr) -> Option<libc::sockaddr_un> {
    // SAFETY: zeroes are a value of every field.
    let mut address: libc::sockaddr_un = unsafe { core::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let path = path.to_bytes();
    if path.len() >= address.sun_path.len() {
        return None;
    }
    for (to, from) in address.sun_path.iter_mut().zip(path) {
        *to = *from as c_char;
    }
    Some(address)
}
