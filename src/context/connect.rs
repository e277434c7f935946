//! Connecting a context: tries its addresses, and takes the socket over.

use super::endpoint::{family, keep_tcp, keep_unix, text};
use super::peer::remember;
use super::{Status, fail, is_blocking, options};
use crate::error::{Error, errno, set_errno};
use crate::layout::{CLOEXEC, REDIS_CONNECTED, REDIS_REUSEADDR, redisContext};
use crate::net::{self, Addresses, Attempt, Deadline, Family, SocketAddress, TcpOptions};
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
/// Those left to try are put into `rest`, for who goes on with a connect in progress.
///
/// # Safety
/// `c` is live; the strings are NULL or NUL-terminated, `timeout` NULL or valid; each may be the
/// context's own. `rest` is NULL or holds nothing.
pub(crate) unsafe fn connect_bind_tcp(
    c: *mut redisContext,
    host: *const c_char,
    port: c_int,
    timeout: *const timeval,
    source: *const c_char,
    rest: *mut Option<Untried>,
) -> Status {
    // SAFETY: the caller's promises.
    unsafe {
        let deadline = keep_tcp(c, host, port, timeout, source)?;
        let attempt = match Addresses::of_peer(text((*c).tcp.host), port, family(c)) {
            Ok(addresses) => try_addresses(c, addresses, deadline, rest),
            Err(code) => return fail(c, Error::Resolve(code)),
        };
        conclude(c, attempt, rest)
    }
}

/// Tries the addresses of a host's preferred family, then those of the other. On return the addresses
/// stand in `rest` or are gone: taking the outcome over calls the program's allocator.
///
/// # Safety
/// As `connect_bind_tcp`.
unsafe fn try_addresses(
    c: *mut redisContext,
    addresses: Addresses,
    deadline: Deadline,
    rest: *mut Option<Untried>,
) -> Attempt {
    // SAFETY: the caller's promises.
    unsafe {
        let other = other_family(family(c), &addresses);
        let attempt = net::connect_tcp(&addresses, 0, &tcp_options(c, deadline));
        let mut untried = Untried {
            addresses,
            tried: attempt.tried as u32,
            other,
        };
        let attempt = connect_other_family(c, &mut untried, attempt, deadline);
        keep(untried, rest);
        attempt
    }
}

/// Leaves addresses to who goes on with them.
unsafe fn keep(untried: Untried, rest: *mut Option<Untried>) {
    // SAFETY: the caller's place is NULL or valid.
    if let Some(rest) = unsafe { rest.as_mut() } {
        *rest = Some(untried);
    }
}

/// Takes the outcome of an attempt over; after a failure nothing is left to try.
unsafe fn conclude(c: *mut redisContext, attempt: Attempt, rest: *mut Option<Untried>) -> Status {
    // SAFETY: the caller's context is live, and `rest` is NULL or valid.
    unsafe {
        let taken = take_over(c, attempt);
        if taken.is_err()
            && let Some(rest) = rest.as_mut()
        {
            *rest = None;
        }
        taken
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

/// Connects to the addresses of a host, which are of every family. Those left to try are put into
/// `rest`.
///
/// # Safety
/// As `connect_bind_tcp`.
pub(crate) unsafe fn connect_addresses(
    c: *mut redisContext,
    addresses: Addresses,
    deadline: Deadline,
    rest: *mut Option<Untried>,
) -> Status {
    // SAFETY: the caller's promises.
    unsafe {
        let attempt = net::connect_tcp(&addresses, 0, &tcp_options(c, deadline));
        let untried = Untried {
            addresses,
            tried: attempt.tried as u32,
            other: AF_UNSPEC,
        };
        keep(untried, rest);
        conclude(c, attempt, rest)
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
        let connecting = take_over(c, attempt).is_ok() && options::restore_options(c).is_ok();
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

// The program's allocator may leave by `longjmp`, which runs no destructors.
const _: () = assert!(!core::mem::needs_drop::<Attempt>());

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
