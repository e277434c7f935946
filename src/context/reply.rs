//! Replies of a blocking context.

use super::command::is_sound;
use super::exchange::Exchange;
use super::{
    Command, Status, append, begin_command, buffer_read, clear_error, copy_reader_error, fail,
    hear_out, is_blocking, reader,
};
use crate::error::{Error, set_errno};
use crate::layout::{REDIS_OK, redisContext};
use crate::{net, reader as parser};
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
        let mut exchange = Exchange::new(c);
        loop {
            match exchange.turn(c) {
                Ok(turn) if turn.done => break,
                Ok(turn) => patience.spend(c, turn.moved)?,
                Err(()) => return last_words(c),
            }
        }
        // It may have come while the command was being sent.
        if exchange.has_read()
            && let Some(reply) = next_in_band(c)?
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

/// The next reply of those that the peer sent before it went, after a write that has just failed.
/// The error comes up again when there are no more.
#[cold]
unsafe fn last_words(c: *mut redisContext) -> Status<Option<NonNull<c_void>>> {
    // SAFETY: the caller's context is live.
    unsafe {
        if hear_out(c)
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
