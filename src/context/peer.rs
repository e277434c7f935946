//! The block behind `saddr`: the address last tried and, for TCP, the socket options that a
//! reconnect has to set again. It is an ordinary block of `hiredisAllocFns` and travels with a
//! copied context.

use crate::alloc;
use crate::error::Error;
use crate::layout::redisContext;
use crate::net::SocketAddress;
use libc::{AF_UNIX, c_int, c_uint, sockaddr_in6, socklen_t};

/// What `saddr` points to where the connection is TCP's.
#[repr(C)]
pub(super) struct Peer {
    /// Room for an address of either family.
    address: sockaddr_in6,
    /// Keepalive interval in seconds, 0 where none was set.
    pub(super) keepalive: c_int,
    /// User timeout in milliseconds.
    pub(super) user_timeout: Option<c_uint>,
}

/// The peer of a context that has ever tried an address of TCP.
///
/// # Safety
/// `c` is live, and the reference is given up before its peer changes.
pub(super) unsafe fn peer<'a>(c: *mut redisContext) -> Option<&'a mut Peer> {
    // SAFETY: `saddr` is NULL or was made by `remember`.
    unsafe {
        let family = (*c).saddr.as_ref()?.sa_family;
        (c_int::from(family) != AF_UNIX).then(|| &mut *(*c).saddr.cast::<Peer>())
    }
}

/// Keeps the address last tried, as `saddr` and `addrlen`.
///
/// # Safety
/// `c` is live.
pub(super) unsafe fn remember(c: *mut redisContext, address: &SocketAddress) -> Result<(), Error> {
    let (bytes, len) = (address.as_ptr(), address.len as usize);
    let is_unix = address.family() == AF_UNIX;
    // SAFETY: the context is live; zeroes are a value of every
    // field of `Peer`, which holds any address of TCP.
    unsafe {
        let fits = match (*c).saddr.as_ref() {
            None => false,
            Some(old) if c_int::from(old.sa_family) == AF_UNIX => is_unix && len <= (*c).addrlen,
            Some(_) => !is_unix,
        };
        if !fits {
            let size = if is_unix { len } else { size_of::<Peer>() };
            let block = alloc::allocate_zeroed(1, size);
            if block.is_null() {
                return Err(Error::OutOfMemory);
            }
            alloc::release((*c).saddr);
            (*c).saddr = block.cast();
            if let (false, Some(peer)) = (is_unix, block.cast::<Peer>().as_mut()) {
                peer.user_timeout = None;
            }
        }
        let most = if is_unix {
            len
        } else {
            size_of::<sockaddr_in6>()
        };
        (*c).addrlen = len.min(most);
        (*c).saddr
            .cast::<u8>()
            .copy_from_nonoverlapping(bytes.cast(), (*c).addrlen);
    }
    Ok(())
}

/// The address last tried, as `connect` takes it; the length is 0 where there is none.
///
/// # Safety
/// `c` is live.
pub(super) unsafe fn address_len(c: *const redisContext) -> socklen_t {
    // SAFETY: the context is live.
    unsafe {
        if (*c).saddr.is_null() {
            0
        } else {
            (*c).addrlen as socklen_t
        }
    }
}
