//! Connecting: every address in turn, under one deadline.

use super::resolve::Addresses;
use super::socket;
use super::time::Deadline;
use crate::error::{Error, errno, set_errno};
use crate::layout::REDIS_CONNECT_RETRIES;
use core::ffi::CStr;
use libc::{
    EADDRNOTAVAIL, EAGAIN, EHOSTUNREACH, EINPROGRESS, EINTR, ENAMETOOLONG, ETIMEDOUT, addrinfo,
    c_int, pollfd, sockaddr, sockaddr_storage, socklen_t, timeval,
};
use std::time::Duration;

/// How a TCP connection is to be made.
pub(crate) struct TcpOptions<'a> {
    pub(crate) blocking: bool,
    pub(crate) cloexec: bool,
    pub(crate) reuse_address: bool,
    /// Local address to bind to.
    pub(crate) source: Option<&'a CStr>,
    pub(crate) deadline: Deadline,
}

/// A socket address of any family.
#[derive(Clone, Copy)]
pub(crate) struct SocketAddress {
    storage: sockaddr_storage,
    pub(crate) len: socklen_t,
}

/// What became of connecting. After a failure the socket may still be open; `fd` is -1 if not.
pub(crate) struct Attempt {
    pub(crate) fd: c_int,
    /// The address tried last.
    pub(crate) address: Option<SocketAddress>,
    /// How many addresses were tried.
    pub(crate) tried: usize,
    /// Another address could change the result.
    pub(crate) may_go_on: bool,
    pub(crate) result: Result<(), Error>,
}

impl SocketAddress {
    /// # Safety
    /// `address` points to `len` bytes of a socket address.
    unsafe fn copy(address: *const sockaddr, len: socklen_t) -> Self {
        // SAFETY: zeroes are a value of every field.
        let mut storage: sockaddr_storage = unsafe { core::mem::zeroed() };
        let len = len.min(size_of::<sockaddr_storage>() as socklen_t);
        // SAFETY: both are valid for `len` bytes and distinct.
        unsafe {
            (&raw mut storage)
                .cast::<u8>()
                .copy_from_nonoverlapping(address.cast(), len as usize);
        }
        Self { storage, len }
    }

    /// The address, of `len` bytes.
    pub(crate) fn as_ptr(&self) -> *const sockaddr {
        (&raw const self.storage).cast()
    }

    /// Its `AF_*`.
    pub(crate) fn family(&self) -> c_int {
        c_int::from(self.storage.ss_family)
    }
}

impl Attempt {
    fn failed(fd: c_int, error: Error) -> Self {
        Self {
            fd,
            address: None,
            tried: 0,
            may_go_on: true,
            result: Err(error),
        }
    }
}

/// Why one address led nowhere.
enum Failure {
    /// No socket for it; the `errno`.
    NoSocket(c_int),
    /// The peer or the network refused; the socket, closed or not, and the `errno`.
    Refused(c_int, c_int),
    /// Nothing that another address could change; the socket, closed or not.
    Final(c_int, Error),
}

/// Connects to the first address that answers, after the first `skip`. Non-blocking, the first that
/// may still answer.
pub(crate) fn connect_tcp(addresses: &Addresses, skip: usize, options: &TcpOptions) -> Attempt {
    let mut attempt = Attempt::failed(-1, Error::CreateSocket(0));
    for entry in addresses.iter().skip(skip) {
        if attempt.fd != -1 {
            socket::close(attempt.fd);
            attempt.fd = -1;
        }
        // SAFETY: the entry's address is as long as it says.
        let address = unsafe { SocketAddress::copy(entry.ai_addr, entry.ai_addrlen) };
        attempt.tried += 1;
        match connect_address(entry, &address, options) {
            Ok(fd) => {
                attempt.fd = fd;
                attempt.address = Some(address);
                attempt.result = Ok(());
                return attempt;
            }
            Err(Failure::Final(fd, error)) => {
                attempt.fd = fd;
                attempt.address = Some(address);
                attempt.may_go_on = false;
                attempt.result = Err(error);
                return attempt;
            }
            Err(Failure::Refused(fd, errno)) => {
                attempt.fd = fd;
                attempt.address = Some(address);
                attempt.result = Err(refusal(fd, errno));
                set_errno(errno);
            }
            Err(Failure::NoSocket(errno)) if attempt.address.is_none() => {
                attempt.result = Err(Error::CreateSocket(errno));
                set_errno(errno);
            }
            Err(Failure::NoSocket(_)) => {}
        }
    }
    attempt
}

/// The error for an address that refused. A host known at once to be unreachable, whose socket is
/// closed by then, has always been reported as a socket that cannot be made.
fn refusal(fd: c_int, errno: c_int) -> Error {
    match errno {
        EHOSTUNREACH if fd == -1 => Error::CreateSocket(errno),
        errno => Error::Io(errno),
    }
}

/// Opens a socket for one address and connects it, again where the local address needs time.
fn connect_address(
    entry: &addrinfo,
    address: &SocketAddress,
    options: &TcpOptions,
) -> Result<c_int, Failure> {
    let mut retries = 0;
    loop {
        let fd = socket::open(entry.ai_family, options.cloexec).map_err(Failure::NoSocket)?;
        prepare(fd, entry.ai_family, options)?;
        // SAFETY: the address is as long as it says.
        let status = unsafe { socket::connect(fd, address.as_ptr(), address.len) };
        let status = match status {
            Err(EINPROGRESS) if options.blocking => wait_connected(fd, address, &options.deadline)?,
            Err(EINPROGRESS) => Ok(()),
            Err(errno) => {
                socket::close(fd);
                Err((-1, errno))
            }
            Ok(()) => Ok(()),
        };
        match status {
            Ok(()) => return finish(fd, options),
            Err((_, EADDRNOTAVAIL))
                if options.reuse_address && retries + 1 < REDIS_CONNECT_RETRIES =>
            {
                retries += 1;
            }
            Err((fd, errno)) => return Err(Failure::Refused(fd, errno)),
        }
    }
}

/// Sets a new socket up: non-blocking, without delay, bound to the source address.
fn prepare(fd: c_int, family: c_int, options: &TcpOptions) -> Result<(), Failure> {
    let closing = |error| {
        socket::close(fd);
        Failure::Final(-1, error)
    };
    socket::set_blocking(fd, false).map_err(closing)?;
    socket::set_nodelay(fd).map_err(closing)?;
    match options.source {
        Some(source) => {
            bind(fd, source, family, options).map_err(|error| Failure::Final(fd, error))
        }
        None => Ok(()),
    }
}

/// Binds a socket to the first address of `source` that can be had.
fn bind(fd: c_int, source: &CStr, family: c_int, options: &TcpOptions) -> Result<(), Error> {
    let addresses = Addresses::of_source(source, family).map_err(Error::ResolveSource)?;
    if options.reuse_address {
        socket::set_reuse_address(fd)?;
    }
    let mut last = 0;
    for entry in addresses.iter() {
        // SAFETY: the entry's address is as long as it says.
        if unsafe { libc::bind(fd, entry.ai_addr, entry.ai_addrlen) } == 0 {
            return Ok(());
        }
        last = errno();
    }
    Err(Error::Bind(last))
}

/// Restores blocking mode where that is wanted.
fn finish(fd: c_int, options: &TcpOptions) -> Result<c_int, Failure> {
    if options.blocking {
        socket::set_blocking(fd, true).map_err(|error| {
            socket::close(fd);
            Failure::Final(-1, error)
        })?;
    }
    Ok(fd)
}

/// Waits for a connect in progress. The outer error ends all trying, the inner one this address,
/// whose socket stays open.
fn wait_connected(
    fd: c_int,
    address: &SocketAddress,
    deadline: &Deadline,
) -> Result<Result<(), (c_int, c_int)>, Failure> {
    loop {
        let mut poll = pollfd {
            fd,
            events: libc::POLLOUT,
            revents: 0,
        };
        // SAFETY: one entry is passed.
        match unsafe { libc::poll(&raw mut poll, 1, deadline.poll_timeout()) } {
            -1 if errno() == EINTR => continue,
            -1 => {
                let error = Error::Call("poll(2)", errno());
                socket::close(fd);
                return Err(Failure::Final(-1, error));
            }
            0 => {
                socket::close(fd);
                set_errno(ETIMEDOUT);
                return Err(Failure::Final(-1, Error::Io(ETIMEDOUT)));
            }
            _ => {}
        }
        // SAFETY: the address is the one being connected to.
        match unsafe { socket::connect_state(fd, address.as_ptr(), address.len) } {
            Ok(true) => return Ok(Ok(())),
            Ok(false) => {}
            Err(errno) => return Ok(Err((fd, errno))),
        }
    }
}

/// Goes on from a refused connect on a non-blocking socket: asks the same socket for the addresses
/// after `tried`, as long as they are of its `family`. `None` if none is left that it can be asked
/// for.
pub(crate) fn connect_next(
    fd: c_int,
    family: c_int,
    addresses: &Addresses,
    tried: &mut u32,
) -> Option<SocketAddress> {
    let rest = addresses.iter().skip(*tried as usize);
    for entry in rest.take_while(|entry| entry.ai_family == family) {
        *tried += 1;
        // SAFETY: the entry's address is as long as it says.
        unsafe {
            let address = SocketAddress::copy(entry.ai_addr, entry.ai_addrlen);
            // The first connect after a refusal may only report that the socket is to be used anew.
            for _ in 0..2 {
                match socket::connect(fd, address.as_ptr(), address.len) {
                    Ok(()) | Err(EINPROGRESS) => return Some(address),
                    Err(_) => {}
                }
            }
        }
    }
    None
}

/// Connects to a unix socket.
pub(crate) fn connect_unix(
    path: &CStr,
    blocking: bool,
    cloexec: bool,
    deadline: &Deadline,
) -> Attempt {
    let fd = match socket::open(libc::AF_UNIX, cloexec) {
        Ok(fd) => fd,
        Err(errno) => return Attempt::failed(-1, Error::Io(errno)),
    };
    let closed = |error| {
        socket::close(fd);
        Attempt::failed(-1, error)
    };
    let Some(address) = socket::unix_address(path) else {
        set_errno(ENAMETOOLONG);
        return closed(Error::Io(ENAMETOOLONG));
    };
    if let Err(error) = socket::set_blocking(fd, false) {
        return closed(error);
    }
    let len = size_of::<libc::sockaddr_un>() as socklen_t;
    // SAFETY: the address is as long as said.
    let address = unsafe { SocketAddress::copy((&raw const address).cast(), len) };
    // SAFETY: the copy holds `len` bytes.
    let status = match unsafe { socket::connect(fd, address.as_ptr(), address.len) } {
        Err(EAGAIN | EINPROGRESS) if !blocking => Ok(()),
        Err(EAGAIN) => queue_for_accept(fd, &address, deadline),
        status => status.map_err(Error::Io),
    };
    let status = match status {
        Ok(()) if blocking => socket::set_blocking(fd, true),
        status => status,
    };
    match status {
        Ok(()) => Attempt {
            fd,
            address: Some(address),
            tried: 1,
            may_go_on: false,
            result: Ok(()),
        },
        Err(error) => closed(error),
    }
}

/// Connects to a unix socket whose backlog is full: blocks until there is room, as only a blocking
/// socket can.
fn queue_for_accept(fd: c_int, address: &SocketAddress, deadline: &Deadline) -> Result<(), Error> {
    socket::set_blocking(fd, true)?;
    let limit = |left: Option<Duration>| {
        let left = left.unwrap_or_default();
        timeval {
            tv_sec: left.as_secs() as libc::time_t,
            tv_usec: libc::suseconds_t::from(left.subsec_micros()),
        }
    };
    loop {
        if deadline.is_past() {
            set_errno(ETIMEDOUT);
            return Err(Error::Io(ETIMEDOUT));
        }
        let left = deadline
            .left()
            .map(|left| left.max(Duration::from_micros(1)));
        socket::set_send_timeout(fd, &limit(left)).map_err(Error::Io)?;
        // SAFETY: the address is as long as it says.
        match unsafe { socket::connect(fd, address.as_ptr(), address.len) } {
            Ok(()) => break,
            Err(EINTR | EAGAIN) => {}
            Err(errno) => return Err(Error::Io(errno)),
        }
    }
    socket::set_send_timeout(fd, &limit(None)).map_err(Error::Io)
}
