//! A context's life: made from options, reconnected, freed.

use super::connect::Untried;
use super::endpoint::{keep_tcp, keep_unix};
use super::{Status, clear_error, connect_bind_tcp, connect_unix, fail, options, reader};
use crate::error::Error;
use crate::layout::{
    CLOEXEC, REDIS_BLOCK, REDIS_CONN_TCP, REDIS_CONN_UNIX, REDIS_CONN_USERFD, REDIS_CONNECTED,
    REDIS_INVALID_FD, REDIS_NO_AUTO_FREE, REDIS_NO_AUTO_FREE_REPLIES, REDIS_OPT_NO_PUSH_AUTOFREE,
    REDIS_OPT_NOAUTOFREE, REDIS_OPT_NOAUTOFREEREPLIES, REDIS_OPT_NONBLOCK, REDIS_OPT_PREFER_IPV4,
    REDIS_OPT_PREFER_IPV6, REDIS_OPT_REUSEADDR, REDIS_OPT_SET_SOCK_CLOEXEC, REDIS_PREFER_IPV4,
    REDIS_PREFER_IPV6, REDIS_REUSEADDR, TLS, redisContext, redisFD, redisOptions,
};
use crate::reader::{Reader, default_functions, free_reply};
use crate::{alloc, one_thread, reader as parser, sds};
use core::ptr::{NonNull, null_mut};
use libc::{c_int, c_void};

/// Which context flag each option bit sets.
const FLAGS: [(c_int, c_int); 6] = [
    (REDIS_OPT_REUSEADDR, REDIS_REUSEADDR),
    (REDIS_OPT_NOAUTOFREE, REDIS_NO_AUTO_FREE),
    (REDIS_OPT_NOAUTOFREEREPLIES, REDIS_NO_AUTO_FREE_REPLIES),
    (REDIS_OPT_PREFER_IPV4, REDIS_PREFER_IPV4),
    (REDIS_OPT_PREFER_IPV6, REDIS_PREFER_IPV6),
    (REDIS_OPT_SET_SOCK_CLOEXEC, CLOEXEC),
];

/// What `connect_in` made of a context.
pub(crate) enum Kept {
    /// Connected, being connected, or failed with `err` set.
    Context,
    /// Out of memory, or an unknown connection type: freed, except for the block itself.
    Nothing,
}

/// Makes a context and connects it. `None` where memory ran out or the connection type is unknown;
/// otherwise check `err`.
///
/// # Safety
/// `options` is live, and so is what it points to.
pub(crate) unsafe fn connect_with_options(
    options: *const redisOptions,
) -> Option<NonNull<redisContext>> {
    let c = alloc::zeroed::<redisContext>()?;
    // SAFETY: the block is new and zeroed.
    unsafe {
        match connect_in(c.as_ptr(), options, null_mut()) {
            Kept::Context => Some(c),
            Kept::Nothing => {
                alloc::release(c.as_ptr());
                None
            }
        }
    }
}

/// Makes a context in a zeroed block, and connects it. Addresses left to try are put into `rest`.
///
/// # Safety
/// `c` is zeroed; `options` as in `connect_with_options`; `rest` is NULL or holds nothing.
pub(crate) unsafe fn connect_in(
    c: *mut redisContext,
    options: *const redisOptions,
    rest: *mut Option<Untried>,
) -> Kept {
    // SAFETY: the caller's promises.
    unsafe {
        let options = &*options;
        if create_in(c, options).is_err() {
            return Kept::Nothing;
        }
        if (*c).err != 0 {
            return Kept::Context;
        }
        // The outcome is in `err`.
        match options.r#type {
            REDIS_CONN_TCP => {
                let (tcp, timeout) = (options.endpoint.tcp, options.connect_timeout);
                let _ = connect_bind_tcp(c, tcp.ip, tcp.port, timeout, tcp.source_addr, rest);
            }
            REDIS_CONN_UNIX => {
                let path = options.endpoint.unix_socket;
                let _ = connect_unix(c, path, options.connect_timeout);
            }
            REDIS_CONN_USERFD => take_descriptor(c, options.endpoint.fd),
            _ => {
                free_parts(c);
                return Kept::Nothing;
            }
        }
        if (*c).err == 0 {
            // As above.
            let _ = options::apply_command_timeout(c);
        }
        Kept::Context
    }
}

/// Makes a context in a zeroed block that is to be connected later, and keeps where to. Fails, with
/// nothing kept, as `connect_in`; otherwise check `err`.
///
/// # Safety
/// As `connect_in`.
pub(crate) unsafe fn create_unconnected_in(
    c: *mut redisContext,
    options: *const redisOptions,
) -> Status {
    // SAFETY: the caller's promises.
    unsafe {
        let options = &*options;
        create_in(c, options)?;
        // The outcome is in `err`.
        match options.r#type {
            REDIS_CONN_TCP => {
                let tcp = options.endpoint.tcp;
                let timeout = options.connect_timeout;
                let _ = keep_tcp(c, tcp.ip, tcp.port, timeout, tcp.source_addr);
            }
            REDIS_CONN_UNIX => {
                let _ = keep_unix(c, options.endpoint.unix_socket, options.connect_timeout);
            }
            REDIS_CONN_USERFD => take_descriptor(c, options.endpoint.fd),
            _ => {
                free_parts(c);
                return Err(());
            }
        }
        Ok(())
    }
}

/// Takes the program's own connection over.
unsafe fn take_descriptor(c: *mut redisContext, fd: redisFD) {
    // SAFETY: the caller's context is live.
    unsafe {
        (*c).connection_type = REDIS_CONN_USERFD;
        (*c).fd = fd;
        (*c).flags |= REDIS_CONNECTED;
    }
}

/// The parts of a context that have nothing to do with where it leads. Fails, with nothing kept,
/// where there is no memory for the buffers.
unsafe fn create_in(c: *mut redisContext, options: &redisOptions) -> Status {
    // SAFETY: the caller's block is zeroed.
    unsafe {
        (*c).funcs = super::default_transport();
        (*c).fd = REDIS_INVALID_FD;
        (*c).obuf = sds::empty();
        (*c).reader = parser::create(default_functions()).map_or(null_mut(), NonNull::as_ptr);
        if (*c).obuf.is_null() || (*c).reader.is_null() {
            release_parts(c);
            return Err(());
        }
        (*c).flags = flags(options.options);
        (*c).push_cb = options.push_cb;
        if options.push_cb.is_none() && options.options & REDIS_OPT_NO_PUSH_AUTOFREE == 0 {
            (*c).push_cb = Some(free_push);
        }
        (*c).privdata = options.privdata;
        (*c).free_privdata = options.free_privdata;
        let kept = options::update_connect_timeout(c, options.connect_timeout)
            .and_then(|()| options::update_command_timeout(c, options.command_timeout));
        if kept.is_err() {
            super::set_error(c, Error::OutOfMemory);
        }
        Ok(())
    }
}

fn flags(options: c_int) -> c_int {
    let blocking = if options & REDIS_OPT_NONBLOCK == 0 {
        REDIS_BLOCK
    } else {
        0
    };
    FLAGS
        .iter()
        .filter(|(option, _)| options & option != 0)
        .fold(blocking, |flags, (_, flag)| flags | flag)
}

/// The push callback of a context for which the program gave none.
unsafe extern "C-unwind" fn free_push(_privdata: *mut c_void, reply: *mut c_void) {
    // SAFETY: pushes are given up to the callback.
    unsafe { free_reply(reply) }
}

/// `redisReconnect`: drops the connection and what is buffered, and connects as before. Keeps the
/// timeouts, the reader's table, privdata and limits, and the socket options that were set.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn reconnect(c: *mut redisContext) -> Status {
    // SAFETY: the caller's promise; fields are re-read after each call out.
    unsafe {
        clear_error(c);
        if !(*c).privctx.is_null()
            && let Some(free_privctx) = (*c).funcs.as_ref().and_then(|f| f.free_privctx)
        {
            free_privctx((*c).privctx);
            (*c).privctx = null_mut();
        }
        if let Some(close) = (*c).funcs.as_ref().and_then(|f| f.close) {
            close(c);
        }
        (*c).funcs = super::default_transport();
        (*c).flags &= !TLS;
        renew_buffers(c)?;
        match (*c).connection_type {
            REDIS_CONN_TCP => {
                let tcp = &(*c).tcp;
                let timeout = (*c).connect_timeout;
                connect_bind_tcp(c, tcp.host, tcp.port, timeout, tcp.source_addr, null_mut())?;
            }
            REDIS_CONN_UNIX => connect_unix(c, (*c).unix_sock.path, (*c).connect_timeout)?,
            _ => return fail(c, Error::Other("Not enough information to reconnect")),
        }
        // The connection stands even where an option is refused; `err` says so.
        let _ = options::apply_command_timeout(c).and_then(|()| options::restore_options(c));
        Ok(())
    }
}

/// Starts over with empty buffers. The reader keeps what the program set.
unsafe fn renew_buffers(c: *mut redisContext) -> Status {
    // SAFETY: the caller's context is live; the old parts go only after the new ones were had.
    unsafe {
        let table = (*c)
            .reader
            .as_ref()
            .map_or(default_functions(), |old| old.r#fn);
        let new = parser::create(table);
        let obuf = sds::empty();
        let (Some(new), false) = (new, obuf.is_null()) else {
            if let Some(new) = new {
                parser::free(new.as_ptr().cast());
            }
            sds::free(obuf);
            return fail(c, Error::OutOfMemory);
        };
        if let Some(old) = (*c).reader.as_ref() {
            let new = &mut *new.as_ptr();
            new.privdata = old.privdata;
            new.maxbuf = old.maxbuf;
            new.maxelements = old.maxelements;
            new.maxdepth = old.maxdepth;
            let new: *mut Reader = (&raw mut *new).cast();
            if parser::is_whole(reader(c)) {
                (*new).limits = (*reader(c)).limits;
            }
            parser::free(reader(c));
        }
        sds::free((*c).obuf);
        (*c).obuf = obuf;
        (*c).reader = new.as_ptr();
        Ok(())
    }
}

/// `redisFree`: closes and frees.
///
/// # Safety
/// `c` is live and not used afterwards.
pub(crate) unsafe fn free(c: *mut redisContext) {
    // SAFETY: the caller gives the context up.
    unsafe {
        free_parts(c);
        one_thread::gone(c);
        alloc::release(c);
    }
}

/// `redisFreeKeepFd`: frees, but hands the socket out.
///
/// # Safety
/// As `free`.
pub(crate) unsafe fn free_keep_fd(c: *mut redisContext) -> redisFD {
    // SAFETY: as `free`.
    unsafe {
        let fd = core::mem::replace(&mut (*c).fd, REDIS_INVALID_FD);
        free(c);
        fd
    }
}

/// Everything of `free` but the context's own block. Programs free contexts that they have zeroed
/// themselves, too, so that no part need be there; without functions there is no connection.
///
/// # Safety
/// `c` is live; only its block may be used afterwards.
pub(crate) unsafe fn free_parts(c: *mut redisContext) {
    // SAFETY: the caller gives the parts up; the transport is re-read after each call out.
    unsafe {
        if let Some(close) = (*c).funcs.as_ref().and_then(|f| f.close) {
            close(c);
        }
        release_parts(c);
        if let Some(free_privdata) = (*c).free_privdata
            && !(*c).privdata.is_null()
        {
            free_privdata((*c).privdata);
        }
        if let Some(free_privctx) = (*c).funcs.as_ref().and_then(|f| f.free_privctx) {
            free_privctx((*c).privctx);
        }
    }
}

/// Frees the blocks that a context points to.
unsafe fn release_parts(c: *mut redisContext) {
    // SAFETY: each is NULL or owned by the context.
    unsafe {
        sds::free((*c).obuf);
        if !(*c).reader.is_null() {
            parser::free(reader(c));
        }
        alloc::release((*c).tcp.host);
        alloc::release((*c).tcp.source_addr);
        alloc::release((*c).unix_sock.path);
        alloc::release((*c).connect_timeout);
        alloc::release((*c).command_timeout);
        alloc::release((*c).saddr);
    }
}
