//! What an event loop reports, and what it is to watch for next: the transport's `async_read` and `async_write`.
//!
//! Reading may have to wait until the socket is writable, and writing until it is readable. Whatever OpenSSL waits for is watched,
//! and nothing else that would be reported at once and lead to nothing.

use crate::connection::{Connection, Want, of_context};
use crate::handshake::{self, Progress};
use crate::layout::{ASYNC, REDIS_CONNECTED, REDIS_OK, redisAsyncContext};
use crate::process::{
    __redisAsyncDisconnect, redisBufferRead, redisBufferWrite, redisProcessCallbacks,
};
use libc::{c_int, timeval};

/// Bytes that one event may take from the socket, about; what is left is for the next, so that one connection does not keep the
/// others waiting.
const BYTES: usize = 256 << 10;

/// Bytes of a peer that has gone that are still read at once: more than a socket holds.
const LAST_BYTES: usize = 8 << 20;

/// What an event came to: whether replies may have come, or commands have gone, that somebody waits for. An error stands in the
/// context.
type Outcome = Result<bool, ()>;

/// How far the handshake is.
enum Handshake {
    Done,
    /// This event completed it.
    JustDone,
    Pending,
}

/// The socket is readable.
///
/// # Safety
/// `ac` is live and connected; it may be gone on return.
pub(crate) unsafe fn readable(ac: *mut redisAsyncContext) {
    // SAFETY: the caller's promise; nothing of the context is borrowed when it ends.
    unsafe {
        let outcome = match of_context(ac.cast()) {
            Some(connection) => {
                connection.enter_loop();
                on_readable(ac, connection)
            }
            None => without_connection(ac),
        };
        conclude(ac, outcome);
    }
}

/// The socket is writable.
///
/// # Safety
/// As `readable`.
pub(crate) unsafe fn writable(ac: *mut redisAsyncContext) {
    // SAFETY: as in `readable`.
    unsafe {
        let outcome = match of_context(ac.cast()) {
            Some(connection) => {
                connection.enter_loop();
                on_writable(ac, connection)
            }
            None => without_connection(ac),
        };
        conclude(ac, outcome);
    }
}

/// The end of an event, which may be that of the context.
unsafe fn conclude(ac: *mut redisAsyncContext, outcome: Outcome) {
    // SAFETY: the caller's context is live, and not used afterwards.
    unsafe {
        match outcome {
            Ok(true) => redisProcessCallbacks(ac),
            Ok(false) => {}
            Err(()) => __redisAsyncDisconnect(ac),
        }
    }
}

/// TLS's table without TLS's state: after a reconnect over the C core. Reading says so.
unsafe fn without_connection(ac: *mut redisAsyncContext) -> Outcome {
    // SAFETY: the caller's context is live.
    unsafe { redisBufferRead(ac.cast()) };
    Err(())
}

unsafe fn on_readable(ac: *mut redisAsyncContext, connection: &Connection) -> Outcome {
    // SAFETY: the caller's context is live.
    unsafe {
        let write = match shake_hands(ac, connection)? {
            Handshake::Pending => return Ok(false),
            Handshake::JustDone => true,
            Handshake::Done => connection.write_wants_read.get(),
        };
        if write {
            send(ac, connection)?;
        }
        // If sending has failed, that has read everything.
        if !write || connection.unsent().is_none() {
            receive(ac, connection)?;
        }
        watch(ac, connection);
    }
    Ok(true)
}

unsafe fn on_writable(ac: *mut redisAsyncContext, connection: &Connection) -> Outcome {
    // SAFETY: the caller's context is live.
    unsafe {
        if let Handshake::Pending = shake_hands(ac, connection)? {
            return Ok(false);
        }
        let read = connection.read_wants_write.get() || connection.ended().is_some();
        if read {
            receive(ac, connection)?;
        }
        let sent = send(ac, connection)?;
        watch(ac, connection);
        // Sending may have been all that a disconnect waited for.
        Ok(read || sent || connection.unsent().is_some())
    }
}

/// Sees to the handshake first, and watches for what that waits for.
unsafe fn shake_hands(
    ac: *mut redisAsyncContext,
    connection: &Connection,
) -> Result<Handshake, ()> {
    if connection.established.get() {
        return Ok(Handshake::Done);
    }
    // SAFETY: the caller's context is live.
    unsafe {
        match handshake::advance(ac.cast(), connection) {
            Progress::Established => return Ok(Handshake::JustDone),
            Progress::Failed(failure) => {
                failure.report(ac.cast());
                return Err(());
            }
            Progress::Pending => {}
        }
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
    }
    Ok(Handshake::Pending)
}

/// Reads what there is.
unsafe fn receive(ac: *mut redisAsyncContext, connection: &Connection) -> Result<(), ()> {
    connection.received.set(0);
    loop {
        connection.filled.set(false);
        connection.draining.set(connection.received.get() >= BYTES);
        // SAFETY: the caller's context is live; reading calls nothing that could free it.
        let status = unsafe { redisBufferRead(ac.cast()) };
        connection.draining.set(false);
        if status != REDIS_OK {
            return Err(());
        }
        // The loop does not see what OpenSSL has taken out of the socket, so all of that goes now.
        if !connection.filled.get() {
            return Ok(());
        }
    }
}

/// After a write that has failed: reads what the peer had said, without waiting. If that was all, because the peer has gone, the next
/// event tells the failure, behind the replies. A peer that is still there answers later what it has received, so that its replies
/// must not be taken for the last ones: then the failure is told at once.
unsafe fn hear_out(ac: *mut redisAsyncContext, connection: &Connection) -> Result<(), ()> {
    connection.received.set(0);
    loop {
        let before = connection.received.get();
        // SAFETY: as in `receive`.
        if unsafe { redisBufferRead(ac.cast()) } != REDIS_OK {
            return Err(());
        }
        if connection.ended().is_some() {
            return Ok(());
        }
        if connection.received.get() == before || before >= LAST_BYTES {
            break;
        }
    }
    if let Some(failure) = connection.unsent() {
        // SAFETY: as above.
        unsafe { failure.report(ac.cast()) };
    }
    Err(())
}

/// Sends what the socket takes, and watches for the rest. Returns whether that was everything.
unsafe fn send(ac: *mut redisAsyncContext, connection: &Connection) -> Result<bool, ()> {
    let mut done: c_int = 0;
    // SAFETY: the caller's context is live.
    unsafe {
        if redisBufferWrite(ac.cast(), &raw mut done) != REDIS_OK {
            return Err(());
        }
        if connection.unsent().is_some() {
            hear_out(ac, connection)?;
            return Ok(false);
        }
        if done != 0 || connection.write_wants_read.get() {
            del_write(ac);
        } else {
            add_write(ac);
        }
    }
    Ok(done != 0)
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
            if connection.ended().is_some() {
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
