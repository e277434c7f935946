//! The block behind `saddr`: the address last tried, and the socket options that a reconnect has
//! to set again. It is an ordinary block of `hiredisAllocFns` and travels with a copied context.

use crate::alloc;
use crate::error::Error;
use crate::layout::redisContext;
use crate::net::SocketAddress;
use libc::{c_int, c_uint, sockaddr_storage, socklen_t};

/// What `saddr` points to.
#[repr(C)]
pub(super) struct Peer {
    address: sockaddr_storage,
    /// Keepalive interval in seconds, 0 where none was set.
    pub(super) keepalive: c_int,
    /// User timeout in milliseconds.
    pub(super) user_timeout: Option<c_uint>,
}

/// The context's peer, if it has ever tried an address.
///
/// # Safety
/// `c` is live, and the reference is given up before its peer changes.
pub(super) unsafe fn peer<'a>(c: *mut redisContext) -> Option<&'a mut Peer> {
    // SAFETY: `saddr` is NULL or was made by `remember`.
    unsafe { (*c).saddr.cast::<Peer>().as_mut() }
}

/// Keeps the address last tried, as `saddr` and `addrlen`.
///
/// # Safety
/// `c` is live.
pub(super) unsafe fn remember(c: *mut redisContext, address: &SocketAddress) -> Result<(), Error> {
    // SAFETY: the context is live; zeroes are a value of every field of `Peer`.
    unsafe {
        if (*c).saddr.is_null() {
            let peer = alloc::zeroed::<Peer>().ok_or(Error::OutOfMemory)?;
            (*peer.as_ptr()).user_timeout = None;
            (*c).saddr = peer.as_ptr().cast();
        }
        if let Some(peer) = peer(c) {
            peer.address = address.storage;
            (*c).addrlen = address.len as usize;
        }
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
