//! Connecting a context: keeps what was asked for, for reconnects, and takes the socket over.

use super::peer::remember;
use super::{Status, fail, is_blocking, options};
use crate::alloc;
use crate::error::{Error, errno, set_errno};
use crate::layout::{
    CLOEXEC, REDIS_CONN_TCP, REDIS_CONN_UNIX, REDIS_CONNECTED, REDIS_PREFER_IPV4,
    REDIS_PREFER_IPV6, REDIS_REUSEADDR, redisContext,
};
use crate::net::{self, Addresses, Attempt, Deadline, Family, SocketAddress, TcpOptions};
use core::ffi::CStr;
use core::ptr::null_mut;
use libc::{AF_INET, AF_INET6, AF_UNSPEC, c_char, c_int, timeval};

/// Addresses that a connect may still try.
pub(crate) struct Untried {
    addresses: Addresses,
    /// How many of them are done.
    tried: u32,
    /// The family that the host has not been looked up for, or `AF_UNSPEC`. Most hosts answer at
    /// their first, and resolvers may take long for the other.
    other: c_int,
}

/// What can be done after an asynchronous connect was refused.
pub(crate) enum Next {
    /// Another address is being asked, on the same socket.
    Asked,
    /// There is another address, which takes another socket.
    OnNewSocket,
    Nothing,
}

/// Connects to a TCP port: to the addresses of the preferred family, then to those of the other.
/// Non-blocking, returns the addresses left to try.
///
/// # Safety
/// `c` is live; the strings are NULL or NUL-terminated, `timeout` NULL or valid; each may be the
/// context's own.
pub(crate) unsafe fn connect_bind_tcp(
    c: *mut redisContext,
    host: *const c_char,
    port: c_int,
    timeout: *const timeval,
    source: *const c_char,
) -> Status<Untried> {
    // SAFETY: the caller's promises.
    unsafe {
        let deadline = keep_tcp(c, host, port, timeout, source)?;
        let addresses = match Addresses::of_peer(text((*c).tcp.host), port, family(c)) {
            Ok(addresses) => addresses,
            Err(code) => return fail(c, Error::Resolve(code)),
        };
        let other = other_family(family(c), &addresses);
        let attempt = net::connect_tcp(&addresses, 0, &tcp_options(c, deadline));
        let mut untried = Untried {
            addresses,
            tried: attempt.tried as u32,
            other,
        };
        let attempt = connect_other_family(c, &mut untried, attempt, deadline);
        take_over(c, attempt)?;
        Ok(untried)
    }
}

/// The family that a host's addresses are to be asked for once those of `family` have refused;
/// `AF_UNSPEC` if the resolver has given all, or has none of the preferred.
fn other_family(family: Family, addresses: &Addresses) -> c_int {
    let found = addresses.iter().next().map(|entry| entry.ai_family);
    match (family, found) {
        (Family::V4, Some(AF_INET)) => AF_INET6,
        (Family::V6, Some(AF_INET6)) => AF_INET,
        _ => AF_UNSPEC,
    }
}

/// Goes on from addresses that have refused to those of the other family. If they refuse, too, what
/// the first have said is reported: hosts without IPv6 have nothing to say of it.
///
/// # Safety
/// `c` is live.
unsafe fn connect_other_family(
    c: *mut redisContext,
    untried: &mut Untried,
    first: Attempt,
    deadline: Deadline,
) -> Attempt {
    if first.result.is_ok() || !first.may_go_on || deadline.is_past() {
        return first;
    }
    let said = errno();
    // SAFETY: the caller's context is live.
    let attempt = unsafe {
        untried
            .has_more(c)
            .then(|| net::connect_tcp(&untried.addresses, 0, &tcp_options(c, deadline)))
    };
    let (kept, dropped) = match attempt {
        None => (first, None),
        Some(second) => {
            untried.tried += second.tried as u32;
            match second.result {
                Ok(()) => (second, Some(first)),
                Err(_) => (first, Some(second)),
            }
        }
    };
    if let Some(fd) = dropped.map(|attempt| attempt.fd).filter(|&fd| fd != -1) {
        net::close(fd);
    }
    set_errno(said);
    kept
}

impl Untried {
    /// Whether there is another address; the host is looked up for the other family, if that has
    /// not been done. Only such a lookup may wait.
    ///
    /// # Safety
    /// `c` is live.
    unsafe fn has_more(&mut self, c: *mut redisContext) -> bool {
        if self.addresses.iter().nth(self.tried as usize).is_some() {
            return true;
        }
        let family = core::mem::replace(&mut self.other, AF_UNSPEC);
        if family == AF_UNSPEC {
            return false;
        }
        // SAFETY: the caller's context is live; its host is NULL or NUL-terminated.
        let found = unsafe { Addresses::of_family(text((*c).tcp.host), (*c).tcp.port, family) };
        // A resolver of the program's may give what was tried before.
        match found {
            Ok(found) if found.iter().all(|entry| entry.ai_family == family) => {
                self.addresses = found;
                self.tried = 0;
                true
            }
            _ => false,
        }
    }
}

/// Keeps where a TCP connection is to lead. Returns until when it is to stand.
///
/// # Safety
/// As `connect_bind_tcp`.
pub(crate) unsafe fn keep_tcp(
    c: *mut redisContext,
    host: *const c_char,
    port: c_int,
    timeout: *const timeval,
    source: *const c_char,
) -> Status<Deadline> {
    // SAFETY: the caller's promises.
    unsafe {
        (*c).connection_type = REDIS_CONN_TCP;
        (*c).tcp.port = port;
        let kept = keep_string(&raw mut (*c).tcp.host, host)
            .and_then(|()| options::keep_timeout(&raw mut (*c).connect_timeout, timeout));
        if let Err(error) = kept {
            return fail(c, error);
        }
        let deadline = match net::connect_deadline((*c).connect_timeout.as_ref()) {
            Ok(deadline) => deadline,
            Err(error) => return fail(c, error),
        };
        match keep_string(&raw mut (*c).tcp.source_addr, source) {
            Ok(()) => Ok(deadline),
            Err(error) => fail(c, error),
        }
    }
}

/// Connects to the addresses of a host. Non-blocking, returns those left to try.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn connect_addresses(
    c: *mut redisContext,
    addresses: Addresses,
    deadline: Deadline,
) -> Status<Untried> {
    // SAFETY: the context is live.
    unsafe {
        let attempt = net::connect_tcp(&addresses, 0, &tcp_options(c, deadline));
        let tried = attempt.tried as u32;
        take_over(c, attempt)?;
        Ok(Untried {
            addresses,
            tried,
            other: AF_UNSPEC,
        })
    }
}

/// How the context wants its socket. The strings are the context's own.
unsafe fn tcp_options<'a>(c: *mut redisContext, deadline: Deadline) -> TcpOptions<'a> {
    // SAFETY: the caller's context is live.
    unsafe {
        TcpOptions {
            blocking: is_blocking(c),
            cloexec: (*c).flags & CLOEXEC != 0,
            reuse_address: (*c).flags & REDIS_REUSEADDR != 0,
            source: text((*c).tcp.source_addr),
            deadline,
        }
    }
}

/// Connects to a unix socket.
///
/// # Safety
/// As `connect_bind_tcp`; `path` is not NULL.
pub(crate) unsafe fn connect_unix(
    c: *mut redisContext,
    path: *const c_char,
    timeout: *const timeval,
) -> Status {
    // SAFETY: the caller's promises.
    unsafe {
        let deadline = keep_unix(c, path, timeout)?;
        let path = text((*c).unix_sock.path).unwrap_or_default();
        let cloexec = (*c).flags & CLOEXEC != 0;
        take_over(
            c,
            net::connect_unix(path, is_blocking(c), cloexec, &deadline),
        )
    }
}

/// Keeps where a unix connection is to lead. Returns until when it is to stand.
///
/// # Safety
/// As `connect_unix`.
pub(crate) unsafe fn keep_unix(
    c: *mut redisContext,
    path: *const c_char,
    timeout: *const timeval,
) -> Status<Deadline> {
    // SAFETY: the caller's promises.
    unsafe {
        (*c).connection_type = REDIS_CONN_UNIX;
        let kept = keep_string(&raw mut (*c).unix_sock.path, path)
            .and_then(|()| options::keep_timeout(&raw mut (*c).connect_timeout, timeout))
            .and_then(|()| net::connect_deadline((*c).connect_timeout.as_ref()));
        kept.or_else(|error| fail(c, error))
    }
}

/// Goes on from a refused asynchronous connect to the next address, on a new socket, which may be
/// of another family.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn connect_next_anew(c: *mut redisContext, untried: &mut Untried) -> bool {
    // SAFETY: the context is live.
    unsafe {
        if !untried.has_more(c) {
            return false;
        }
        super::net_close(c);
        let options = tcp_options(c, Deadline::after(None));
        let attempt = net::connect_tcp(&untried.addresses, untried.tried as usize, &options);
        untried.tried += attempt.tried as u32;
        let connecting = take_over(c, attempt).is_ok();
        (*c).flags &= !REDIS_CONNECTED;
        connecting
    }
}

/// Goes on from a refused asynchronous connect to the next address, on the same socket if that can
/// be.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn connect_next(c: *mut redisContext, untried: &mut Untried) -> Next {
    // SAFETY: the context is live.
    unsafe {
        let Some(last) = (*c).saddr.as_ref() else {
            return Next::Nothing;
        };
        let family = c_int::from(last.sa_family);
        match net::connect_next((*c).fd, family, &untried.addresses, &mut untried.tried) {
            Some(address) if remember(c, &address).is_ok() => Next::Asked,
            Some(_) => Next::Nothing,
            None if untried.has_more(c) => Next::OnNewSocket,
            None => Next::Nothing,
        }
    }
}

/// The same on a new socket, which takes the descriptor of the old one: for loops that know a
/// context by its descriptor alone. They must have been told to forget the old socket before, and
/// be told to watch the new one afterwards.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn connect_next_in_place(c: *mut redisContext, untried: &mut Untried) -> bool {
    // SAFETY: the context is live.
    unsafe {
        while untried.has_more(c) {
            let options = tcp_options(c, Deadline::after(None));
            let cloexec = options.cloexec;
            let attempt = net::connect_tcp(&untried.addresses, untried.tried as usize, &options);
            untried.tried += attempt.tried as u32;
            let Some(address) = attempt.address.filter(|_| attempt.result.is_ok()) else {
                if attempt.fd != -1 {
                    net::close(attempt.fd);
                }
                continue;
            };
            let replaced = net::replace((*c).fd, attempt.fd, cloexec);
            return replaced
                && remember(c, &address).is_ok()
                && options::restore_options(c).is_ok();
        }
        false
    }
}

/// Puts the outcome of an attempt into the context.
unsafe fn take_over(c: *mut redisContext, attempt: Attempt) -> Status {
    // SAFETY: the caller's context is live.
    unsafe {
        (*c).fd = attempt.fd;
        let kept = attempt
            .address
            .map_or(Ok(()), |address: SocketAddress| remember(c, &address));
        match attempt.result.and(kept) {
            Ok(()) => {
                (*c).flags |= REDIS_CONNECTED;
                Ok(())
            }
            Err(error) => fail(c, error),
        }
    }
}

/// Which addresses the context's flags ask for.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn family(c: *const redisContext) -> Family {
    // SAFETY: the caller's context is live.
    match unsafe { (*c).flags } & (REDIS_PREFER_IPV4 | REDIS_PREFER_IPV6) {
        REDIS_PREFER_IPV6 => Family::V6,
        0 | REDIS_PREFER_IPV4 => Family::V4,
        _ => Family::Any,
    }
}

/// Replaces a kept string by a copy of `value`, which may be that string itself.
unsafe fn keep_string(place: *mut *mut c_char, value: *const c_char) -> Result<(), Error> {
    // SAFETY: `place` holds NULL or a block of the allocator table; `value` is NULL or
    // NUL-terminated and read before the old string goes.
    unsafe {
        if value == (*place).cast_const() {
            return Ok(());
        }
        let copy = if value.is_null() {
            null_mut()
        } else {
            alloc::duplicate(value)
        };
        if copy.is_null() && !value.is_null() {
            return Err(Error::OutOfMemory);
        }
        alloc::release(*place);
        *place = copy;
    }
    Ok(())
}

/// A C string, if there is one.
unsafe fn text<'a>(string: *const c_char) -> Option<&'a CStr> {
    // SAFETY: the caller's string is NULL or NUL-terminated, and outlives the use.
    unsafe { (!string.is_null()).then(|| CStr::from_ptr(string)) }
}
