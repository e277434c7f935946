//! What an event loop reports, and what it is to watch for next: the transport's `async_read` and `async_write`.
//!
//! Reading may have to wait until the socket is writable, and writing until it is readable. Whatever OpenSSL waits for is watched,
//! and nothing else that would be reported at once and lead to nothing.

use crate::connection::{Connection, Want, of_context};
use crate::handshake::{self, Progress};
use crate::layout::{ASYNC, REDIS_CONNECTED, REDIS_OK, redisAsyncContext, redisContext};
use crate::process::{
    __redisAsyncDisconnect, redisBufferRead, redisBufferWrite, redisProcessCallbacks,
};
use libc::{c_int, timeval};

/// Bytes that one event may take from the socket, about; what is left is for the next, so that one connection does not keep the
/// others waiting.
const BYTES: usize = 256 << 10;

/// Whether an event may go on.
enum Ready {
    Yes,
    /// The handshake was completed by this event.
    Just,
    No,
}

/// The socket is readable.
///
/// # Safety
/// `ac` is live and connected; it may be gone on return.
pub(crate) unsafe fn readable(ac: *mut redisAsyncContext) {
    // SAFETY: the caller's promise; the context is not used after it may be gone.
    unsafe {
        let Some(connection) = of_context(ac.cast()) else {
            return without_connection(ac);
        };
        let flush_first = match proceed(ac, connection) {
            Ready::No => return,
            Ready::Just => true,
            Ready::Yes => connection.write_wants_read.get(),
        };
        if flush_first && flush(ac, connection).is_none() {
            return;
        }
        if receive(ac, connection) {
            watch(ac, connection);
            redisProcessCallbacks(ac);
        }
    }
}

/// The socket is writable.
///
/// # Safety
/// As `readable`.
pub(crate) unsafe fn writable(ac: *mut redisAsyncContext) {
    // SAFETY: as in `readable`.
    unsafe {
        let Some(connection) = of_context(ac.cast()) else {
            return without_connection(ac);
        };
        if let Ready::No = proceed(ac, connection) {
            return;
        }
        let read = connection.read_wants_write.get() || connection.deferred().is_some();
        if read && !receive(ac, connection) {
            return;
        }
        let Some(done) = flush(ac, connection) else {
            return;
        };
        watch(ac, connection);
        // Sending may have been all that a disconnect waited for.
        if read || done {
            redisProcessCallbacks(ac);
        }
    }
}

/// TLS's table without TLS's state: after a reconnect over the C core. Reading says so, and ends it.
unsafe fn without_connection(ac: *mut redisAsyncContext) {
    // SAFETY: the caller's context is live.
    unsafe {
        redisBufferRead(ac.cast());
        __redisAsyncDisconnect(ac);
    }
}

/// Sees to the handshake first.
unsafe fn proceed(ac: *mut redisAsyncContext, connection: &Connection) -> Ready {
    if connection.established.get() {
        return Ready::Yes;
    }
    // SAFETY: the caller's context is live, and not used after it is gone.
    unsafe {
        match handshake::advance(ac.cast(), connection) {
            Progress::Established => Ready::Just,
            Progress::Pending => {
                match connection.handshake_wants.get() {
                    Want::Read => {
                        del_write(ac);
                        add_read(ac);
                    }
                    Want::Write => {
                        del_read(ac);
                        add_write(ac);
                    }
                }
                Ready::No
            }
            Progress::Failed(failure) => {
                failure.report(ac.cast());
                __redisAsyncDisconnect(ac);
                Ready::No
            }
        }
    }
}

/// Reads what there is. Returns whether the context is still there.
unsafe fn receive(ac: *mut redisAsyncContext, connection: &Connection) -> bool {
    let c: *mut redisContext = ac.cast();
    connection.received.set(0);
    // SAFETY: the caller's context is live; reading calls nothing that could free it.
    unsafe {
        loop {
            connection.filled.set(false);
            connection.draining.set(connection.received.get() >= BYTES);
            let status = redisBufferRead(c);
            connection.draining.set(false);
            if status != REDIS_OK {
                __redisAsyncDisconnect(ac);
                return false;
            }
            // The loop does not see what OpenSSL has taken out of the socket, so all of that goes now.
            if !connection.filled.get() {
                return true;
            }
        }
    }
}

/// Sends what the socket takes, and watches for the rest. Returns whether that was everything; `None` if the context is gone.
unsafe fn flush(ac: *mut redisAsyncContext, connection: &Connection) -> Option<bool> {
    let mut done: c_int = 0;
    // SAFETY: the caller's context is live, and not used after it is gone.
    unsafe {
        if redisBufferWrite(ac.cast(), &raw mut done) != REDIS_OK {
            __redisAsyncDisconnect(ac);
            return None;
        }
        if done != 0 || connection.write_wants_read.get() {
            del_write(ac);
        } else {
            add_write(ac);
        }
    }
    Some(done != 0)
}

/// Watches for what reading waits for. A failure that is still to be told needs an event to be told in.
unsafe fn watch(ac: *mut redisAsyncContext, connection: &Connection) {
    // SAFETY: the caller's context is live.
    unsafe {
        if connection.read_wants_write.get() {
            del_read(ac);
            add_write(ac);
        } else {
            add_read(ac);
            if connection.deferred().is_some() {
                add_write(ac);
            }
        }
    }
}

// The hooks. Each is looked up anew at each use: programs change them at any time.

unsafe fn add_read(ac: *mut redisAsyncContext) {
    // SAFETY: the caller's context is live; hooks are given for such calls.
    unsafe {
        refresh_timer(ac);
        if let Some(add_read) = (*ac).ev.addRead {
            add_read((*ac).ev.data);
        }
    }
}

unsafe fn add_write(ac: *mut redisAsyncContext) {
    // SAFETY: as in `add_read`.
    unsafe {
        refresh_timer(ac);
        if let Some(add_write) = (*ac).ev.addWrite {
            add_write((*ac).ev.data);
        }
    }
}

unsafe fn del_read(ac: *mut redisAsyncContext) {
    // SAFETY: as in `add_read`.
    unsafe {
        if let Some(del_read) = (*ac).ev.delRead {
            del_read((*ac).ev.data);
        }
    }
}

unsafe fn del_write(ac: *mut redisAsyncContext) {
    // SAFETY: as in `add_read`.
    unsafe {
        if let Some(del_write) = (*ac).ev.delWrite {
            del_write((*ac).ev.data);
        }
    }
}

/// Sets the loop's timer anew, as the C core expects of a transport with each event. Our core keeps its own deadline, which this
/// would only put off.
unsafe fn refresh_timer(ac: *mut redisAsyncContext) {
    // SAFETY: the caller's context is live, its timeouts are NULL or valid.
    unsafe {
        if (*ac).c.flags & ASYNC != 0 {
            return;
        }
        let timeout: *mut timeval = match (*ac).c.flags & REDIS_CONNECTED {
            0 => (*ac).c.connect_timeout,
            _ => (*ac).c.command_timeout,
        };
        if let (Some(schedule), Some(timeout)) = ((*ac).ev.scheduleTimer, timeout.as_ref())
            && (timeout.tv_sec != 0 || timeout.tv_usec != 0)
        {
            schedule((*ac).ev.data, *timeout);
        }
    }
}
