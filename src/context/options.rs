//! Timeouts and socket options of a context.

use super::peer::{address_len, peer};
use super::{Status, fail, is_blocking, set_error};
use crate::alloc;
use crate::error::{Error, set_errno};
use crate::layout::{
    REDIS_CONN_TCP, REDIS_CONN_UNIX, REDIS_CONN_USERFD, REDIS_INVALID_FD, redisContext,
};
use crate::net;
use core::ptr::null_mut;
use libc::{EINVAL, c_int, c_uint, timeval};

/// Replaces a kept timeout by a copy of `value`, which may be that timeout itself; NULL removes it.
pub(super) unsafe fn keep_timeout(
    place: *mut *mut timeval,
    value: *const timeval,
) -> Result<(), Error> {
    // SAFETY: `place` holds NULL or a block of the allocator table; `value` is NULL or valid.
    unsafe {
        if value == (*place).cast_const() {
            return Ok(());
        }
        if value.is_null() {
            alloc::release(*place);
            *place = null_mut();
            return Ok(());
        }
        if (*place).is_null() {
            *place = alloc::allocate(size_of::<timeval>()).cast();
            if (*place).is_null() {
                return Err(Error::OutOfMemory);
            }
        }
        (*place).copy_from(value, 1);
    }
    Ok(())
}

/// `redisContextUpdateConnectTimeout`: keeps a connect timeout. Leaves `err` alone.
///
/// # Safety
/// `c` is live; `timeout` is NULL or valid.
pub(crate) unsafe fn update_connect_timeout(
    c: *mut redisContext,
    timeout: *const timeval,
) -> Status {
    // SAFETY: the caller's promises.
    unsafe { keep_timeout(&raw mut (*c).connect_timeout, timeout).map_err(|_| ()) }
}

/// `redisContextUpdateCommandTimeout`: keeps a command timeout. Leaves `err` alone.
///
/// # Safety
/// As `update_connect_timeout`.
pub(crate) unsafe fn update_command_timeout(
    c: *mut redisContext,
    timeout: *const timeval,
) -> Status {
    // SAFETY: the caller's promises.
    unsafe { keep_timeout(&raw mut (*c).command_timeout, timeout).map_err(|_| ()) }
}

/// `redisContextSetTimeout`: keeps a command timeout and bounds blocking reads and writes by it. A
/// timeout that is no time is refused, and the connection is as before.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn set_command_timeout(c: *mut redisContext, timeout: timeval) -> Status {
    // SAFETY: the caller's promise.
    unsafe {
        if net::duration(&timeout).is_none() {
            set_errno(EINVAL);
            return fail(c, Error::InvalidCommandTimeout);
        }
        if update_command_timeout(c, &raw const timeout).is_err() {
            return fail(c, Error::OutOfMemory);
        }
        net::set_io_timeouts((*c).fd, &timeout).or_else(|error| fail(c, error))
    }
}

/// `redisKeepAlive`: makes the kernel probe an idle connection. Not for unix sockets.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn enable_keepalive(c: *mut redisContext, interval: c_int) -> Status {
    // SAFETY: the context is live.
    unsafe {
        let kind = (*c).connection_type;
        if kind == REDIS_CONN_UNIX || (kind == REDIS_CONN_USERFD && net::is_unix((*c).fd)) {
            return Err(());
        }
        if let Err(error) = net::set_keepalive((*c).fd, interval) {
            return fail(c, error);
        }
        if let Some(peer) = peer(c) {
            peer.keepalive = interval;
        }
        Ok(())
    }
}

/// `redisContextSetTcpUserTimeout`; the socket is closed where that fails.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn set_user_timeout(c: *mut redisContext, milliseconds: c_uint) -> Status {
    // SAFETY: the context is live.
    unsafe {
        if let Err(error) = net::set_user_timeout((*c).fd, milliseconds) {
            super::net_close(c);
            return fail(c, error);
        }
        if let Some(peer) = peer(c) {
            peer.user_timeout = Some(milliseconds);
        }
        Ok(())
    }
}

/// Sets the options again that the program had set before a reconnect.
///
/// # Safety
/// `c` is live.
pub(super) unsafe fn restore_options(c: *mut redisContext) -> Status {
    // SAFETY: the context is live.
    unsafe {
        let (keepalive, user_timeout) =
            peer(c).map_or((0, None), |peer| (peer.keepalive, peer.user_timeout));
        if keepalive != 0 {
            enable_keepalive(c, keepalive)?;
        }
        match user_timeout {
            Some(milliseconds) => set_user_timeout(c, milliseconds),
            None => Ok(()),
        }
    }
}

/// Fails if the kept command timeout is no time.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn check_command_timeout(c: *mut redisContext) -> Status {
    // SAFETY: the context is live.
    unsafe {
        match (*c).command_timeout.as_ref().map(net::duration) {
            Some(None) => fail(c, Error::InvalidTimeout),
            _ => Ok(()),
        }
    }
}

/// Bounds blocking reads and writes by the kept command timeout.
///
/// # Safety
/// `c` is live.
pub(super) unsafe fn apply_command_timeout(c: *mut redisContext) -> Status {
    // SAFETY: the context is live.
    unsafe {
        match (*c).command_timeout.as_ref() {
            Some(timeout) if is_blocking(c) && (*c).fd != REDIS_INVALID_FD => {
                check_command_timeout(c)?;
                net::set_io_timeouts((*c).fd, timeout).or_else(|error| fail(c, error))
            }
            _ => Ok(()),
        }
    }
}

/// `redisSetTcpNoDelay`; the socket is closed where that fails.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn set_nodelay(c: *mut redisContext) -> Status {
    // SAFETY: the context is live.
    unsafe {
        net::set_nodelay((*c).fd).or_else(|error| {
            super::net_close(c);
            fail(c, error)
        })
    }
}

/// `redisCheckSocketError`: fails with the error that the socket has met asynchronously.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn check_socket_error(c: *mut redisContext) -> Status {
    // SAFETY: the context is live.
    unsafe {
        let error = match net::pending_error((*c).fd) {
            Ok(0) => return Ok(()),
            Ok(errno) => Error::Io(errno),
            Err(errno) => Error::Call("getsockopt(SO_ERROR)", errno),
        };
        // A failed connect() has reported this error already, so that the option may read 0.
        set_error(c, error);
        Err(())
    }
}

/// `redisCheckConnectDone`: whether the connection is established. A failure has its `errno` only;
/// `check_socket_error` or the caller writes it into the context.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn check_connect_done(c: *mut redisContext) -> Result<bool, c_int> {
    // SAFETY: the context is live; `saddr` holds `addrlen` bytes.
    unsafe {
        if (*c).connection_type == REDIS_CONN_USERFD {
            return Ok(true);
        }
        debug_assert!(matches!(
            (*c).connection_type,
            REDIS_CONN_TCP | REDIS_CONN_UNIX
        ));
        net::connect_state((*c).fd, (*c).saddr, address_len(c))
    }
}
