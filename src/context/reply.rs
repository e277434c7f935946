//! Replies of a blocking context.

use super::command::is_sound;
use super::exchange::{self, Exchange};
use super::{
    Command, Status, append, begin_command, buffer_read, clear_error, copy_reader_error, fail,
    hear_out, is_blocking, reader,
};
use crate::error::{Error, set_errno};
use crate::layout::{REDIS_OK, redisContext};
use crate::{net, reader as parser, sds};
use core::ptr::{NonNull, null_mut};
use libc::{EAGAIN, c_void};
use std::time::{Duration, Instant};

/// Bytes that count as progress: a peer that sends less within the command timeout is stalling.
const PROGRESS: usize = 16 * 1024;

/// `redisGetReplyFromReader`: the next reply in the buffer, pushes like any other.
///
/// # Safety
/// `c` is live.
#[inline]
pub(crate) unsafe fn next_buffered(c: *mut redisContext) -> Status<Option<NonNull<c_void>>> {
    // SAFETY: the context is live; a context without a reader has failed.
    unsafe {
        if reader(c).is_null() {
            return Err(());
        }
        let mut object = null_mut();
        if parser::take_reply(reader(c), &raw mut object) == REDIS_OK {
            return Ok(NonNull::new(object));
        }
        copy_reader_error(c);
        Err(())
    }
}

/// The next reply in the buffer; pushes go to the push callback, where there is one.
///
/// # Safety
/// `c` is live.
#[inline(always)]
pub(crate) unsafe fn next_in_band(c: *mut redisContext) -> Status<Option<NonNull<c_void>>> {
    // SAFETY: the caller's context is live; callback and privdata are re-read for each push.
    unsafe {
        loop {
            let Some(object) = next_buffered(c)? else {
                return Ok(None);
            };
            match (*c).push_cb {
                Some(push) if parser::last_is_push(reader(c)) => {
                    push((*c).privdata, object.as_ptr());
                }
                _ => return Ok(Some(object)),
            }
        }
    }
}

/// `redisGetReply`: the next reply. A blocking context sends what is waiting and waits for the
/// reply; another returns `None` where there is none. Replies that have arrived are handed out
/// even after an error.
///
/// # Safety
/// `c` is live.
pub(crate) unsafe fn get_reply(c: *mut redisContext) -> Status<Option<NonNull<c_void>>> {
    // SAFETY: the caller's promise.
    unsafe {
        let reply = next_in_band(c)?;
        if reply.is_some() || !is_blocking(c) {
            return Ok(reply);
        }
        if !is_sound(c) {
            return Err(());
        }
        let mut patience = Patience::new(c);
        let listens = exchange::can_listen(c);
        let waiting = sds::len((*c).obuf);
        let written = exchange::write(c, listens);
        if written != Ok(true)
            && let Some(reply) = send_rest(c, listens, waiting, written, &mut patience)?
        {
            return Ok(Some(reply));
        }
        loop {
            let count = buffer_read(c)?.count;
            if let Some(reply) = next_in_band(c)? {
                return Ok(Some(reply));
            }
            patience.spend(c, count)?;
        }
    }
}

/// Sends the rest after a write, `written`, that has not sent all of the `waiting` bytes. Returns a
/// reply that came meanwhile.
#[cold]
#[inline(never)]
unsafe fn send_rest(
    c: *mut redisContext,
    listens: bool,
    mut waiting: usize,
    mut written: Status<bool>,
    patience: &mut Patience,
) -> Status<Option<NonNull<c_void>>> {
    let mut exchange = Exchange::new(listens);
    // SAFETY: the caller's context is live, and `obuf` is looked at anew after each call out.
    unsafe {
        while written != Ok(true) {
            // A transport of the program's may have added to the buffer.
            let sent = waiting.saturating_sub(sds::len((*c).obuf));
            let moved = written.and_then(|_| Ok(sent + exchange.wait(c, sent)?));
            if moved.and_then(|moved| patience.spend(c, moved)).is_err() {
                return last_words(c, exchange.has_read());
            }
            // Before the socket alone is waited for, the program takes what has come.
            if !exchange.listens()
                && exchange.has_read()
                && let Some(reply) = next_in_band(c)?
            {
                return Ok(Some(reply));
            }
            waiting = sds::len((*c).obuf);
            written = exchange::write(c, exchange.listens());
        }
        if exchange.has_read() {
            return next_in_band(c);
        }
    }
    Ok(None)
}

/// The next reply of those that the peer sent before it went, or (`heard`) while it was being sent
/// to, after sending has just failed. The error comes up again when there are no more.
#[cold]
unsafe fn last_words(c: *mut redisContext, heard: bool) -> Status<Option<NonNull<c_void>>> {
    // SAFETY: the caller's context is live.
    unsafe {
        if (hear_out(c) || heard)
            && let Some(reply) = next_in_band(c)?
        {
            clear_error(c);
            return Ok(Some(reply));
        }
        Err(())
    }
}

/// `redisCommand`: sends a command and waits for its reply; NULL on errors, and always NULL on a
/// context that does not block.
///
/// # Safety
/// `c` is live, and the command's pointers are valid.
pub(crate) unsafe fn command_reply(c: *mut redisContext, command: &Command) -> *mut c_void {
    // SAFETY: the caller's promises.
    unsafe {
        begin_command(c);
        if let Err(error) = append(c, command) {
            super::set_error(c, error);
            return null_mut();
        }
        if !is_blocking(c) {
            return null_mut();
        }
        match get_reply(c) {
            Ok(Some(reply)) => reply.as_ptr(),
            _ => null_mut(),
        }
    }
}

/// The command timeout over several reads: the kernel bounds each of them, this the whole, so that
/// neither signals nor a trickle of bytes put the end off for ever. Every `PROGRESS` bytes renew it.
struct Patience {
    /// The timeout, and since when it runs.
    limit: Option<(Duration, Instant)>,
    progress: usize,
}

impl Patience {
    unsafe fn new(c: *const redisContext) -> Self {
        // SAFETY: the caller's context is live.
        let timeout = unsafe { (*c).command_timeout.as_ref() };
        Self {
            limit: timeout
                .filter(|time| !net::is_zero(time))
                .and_then(net::duration)
                .map(|limit| (limit, Instant::now())),
            progress: 0,
        }
    }

    /// Takes note of a read that brought `count` bytes and no reply; fails when the time is up.
    unsafe fn spend(&mut self, c: *mut redisContext, count: usize) -> Status {
        let Some((limit, since)) = &mut self.limit else {
            return Ok(());
        };
        self.progress += count;
        if self.progress >= PROGRESS {
            self.progress = 0;
            *since = Instant::now();
        } else if since.elapsed() > *limit {
            set_errno(EAGAIN);
            // SAFETY: the caller's context is live.
            return unsafe { fail(c, Error::Io(EAGAIN)) };
        }
        Ok(())
    }
}
