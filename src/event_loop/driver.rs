//! All contexts on one `mio::Registry`.

use super::attachment::{self, Attachment, Host, Readiness};
use super::hooks;
use super::queue::Queue;
use super::slab::{Key, Slab};
use super::timers::{Due, Function, Timers};
use crate::alloc;
use crate::async_context::{self, AsyncContext};
use crate::layout::{REDIS_CONNECTED, redisAsyncContext};
use mio::event::Event;
use mio::{Registry, Token};
use std::io;
use std::time::Instant;

/// Drives asynchronous contexts on a `mio::Registry`. Contexts point to it, so it stays where it is
/// from the first `attach` on, and its methods take it by pointer: the callbacks that they run may
/// call them again.
#[allow(
    missing_debug_implementations,
    reason = "it is raw pointers all through"
)]
pub struct Driver {
    registry: Registry,
    /// Whose the registry is: a forked child shares it, and must leave it alone.
    process: libc::pid_t,
    attachments: Slab<*mut Attachment>,
    queue: Queue,
    timers: Timers,
    /// Counts the calls of `run`.
    round: u64,
    closed: bool,
}

impl Driver {
    /// A driver without contexts.
    #[must_use]
    pub fn new(registry: Registry) -> Self {
        Self {
            registry,
            // SAFETY: only tells a number.
            process: unsafe { libc::getpid() },
            attachments: Slab::new(),
            queue: Queue::new(),
            timers: Timers::new(),
            round: 0,
            closed: false,
        }
    }

    /// Attaches a context, whose events will carry the token. An error, and the context as it was,
    /// where it is attached already, has no socket, or memory is short.
    ///
    /// # Safety
    /// `this` is live and stays where it is; `context` is live and not used by other threads.
    pub unsafe fn attach(
        this: *mut Self,
        context: *mut redisAsyncContext,
        token: impl FnOnce(Key) -> Token,
    ) -> io::Result<Key> {
        // SAFETY: the caller's promises; contexts are only made by this library.
        unsafe {
            let context: *mut AsyncContext = context.cast();
            let attachment = Self::add(this, context, token)?;
            // An `io::Error` has a destructor, and the program's allocator may unwind.
            let registered = (*attachment).register(&(*this).registry);
            let errno = registered.map_or_else(|error| error.raw_os_error(), |()| None);
            if let Some(errno) = errno {
                Self::forget(this, attachment);
                return Err(io::Error::from_raw_os_error(errno));
            }
            hooks::set_hooks(attachment);
            // A descriptor that is watched, or a context that comes from another loop.
            if (*context).c.c.flags & REDIS_CONNECTED != 0 {
                (*attachment).interest.read = true;
            }
            Ok((*attachment).key)
        }
    }

    /// Attaches a context whose connect is not yet begun.
    ///
    /// # Safety
    /// As `attach`.
    pub(super) unsafe fn attach_unconnected(
        this: *mut Self,
        context: *mut AsyncContext,
        token: impl FnOnce(Key) -> Token,
    ) -> io::Result<Key> {
        // SAFETY: the caller's promises.
        unsafe {
            let attachment = Self::add(this, context, token)?;
            hooks::set_hooks(attachment);
            Ok((*attachment).key)
        }
    }

    /// Makes an attachment, without telling context or registry.
    unsafe fn add(
        this: *mut Self,
        context: *mut AsyncContext,
        token: impl FnOnce(Key) -> Token,
    ) -> io::Result<*mut Attachment> {
        let out_of_memory = || io::Error::from_raw_os_error(libc::ENOMEM);
        // SAFETY: the caller's promises; the block is large enough.
        unsafe {
            if (*this).closed || !(*context).c.ev.data.is_null() {
                return Err(io::Error::from_raw_os_error(libc::EALREADY));
            }
            let attachment: *mut Attachment = alloc::allocate(size_of::<Attachment>()).cast();
            if attachment.is_null() {
                return Err(out_of_memory());
            }
            let Some(key) = (*this).attachments.insert(attachment) else {
                alloc::release(attachment);
                return Err(out_of_memory());
            };
            let Some(timer) = (*this).timers.create(Due::Attachment(key)) else {
                (*this).attachments.remove(key);
                alloc::release(attachment);
                return Err(out_of_memory());
            };
            attachment.write(Attachment::new(this, context, key, timer, token(key)));
            Ok(attachment)
        }
    }

    /// Takes note of an event of a context; `run` then acts on it. Keys of contexts that have gone
    /// are ignored.
    ///
    /// # Safety
    /// `this` is live.
    pub unsafe fn note(this: *mut Self, key: Key, event: &Event) {
        // SAFETY: the caller's promise.
        unsafe { Self::note_readiness(this, key, event.into()) }
    }

    /// The same for an event of the loop's own wait.
    ///
    /// # Safety
    /// `this` is live.
    pub(super) unsafe fn note_readiness(this: *mut Self, key: Key, found: Readiness) {
        // SAFETY: the caller's promise.
        unsafe {
            if let Some(attachment) = Self::attachment(this, key) {
                (*attachment).note(found);
                Self::wake(this, attachment);
            }
        }
    }

    /// Reads, writes, runs callbacks and times out, as far as there is anything to do. Returns how
    /// much there was.
    ///
    /// # Safety
    /// `this` is live and stays so.
    pub unsafe fn run(this: *mut Self) -> usize {
        // SAFETY: the caller's promise; attachments in the queue are live.
        unsafe {
            let mut done = 0;
            (*this).round += 1;
            let round = (*this).round;
            while let Some(attachment) = (*this).queue.first(round) {
                done += 1;
                // It stays in the queue meanwhile, so that nothing is lost if a callback unwinds.
                let key = (*attachment).key;
                let left = attachment::serve(this, key);
                if let Some(attachment) = Self::attachment(this, key) {
                    (*this).queue.remove(attachment);
                    if left == Some(true) {
                        (*this).queue.push(attachment, round + 1);
                    }
                }
            }
            done + Self::run_timers(this)
        }
    }

    unsafe fn run_timers(this: *mut Self) -> usize {
        // SAFETY: the caller's driver is live; timers are looked up anew after each call out.
        unsafe {
            let mut done = 0;
            if (*this).timers.next().is_none() {
                return done;
            }
            let (now, order) = (Instant::now(), (*this).timers.order());
            while let Some(timer) = (*this).timers.take_due(now, order) {
                done += 1;
                match (*this).timers.due(timer) {
                    Some(Due::Attachment(key)) => attachment::time_is_up(this, key),
                    Some(Due::Function(Function { function, data })) => {
                        (*this).timers.remove(timer);
                        function(data);
                    }
                    None => {}
                }
            }
            done
        }
    }

    /// Whether the context with this key is still attached.
    ///
    /// # Safety
    /// `this` is live.
    #[must_use]
    pub unsafe fn contains(this: *const Self, key: Key) -> bool {
        // SAFETY: the caller's promise.
        unsafe { (*this).attachments.get(key).is_some() }
    }

    /// When to call `run` although there was no event; in the past where something waits already.
    ///
    /// # Safety
    /// `this` is live.
    #[must_use]
    pub unsafe fn deadline(this: *const Self) -> Option<Instant> {
        // SAFETY: the caller's promise.
        unsafe {
            if (*this).queue.is_empty() {
                (*this).timers.next()
            } else {
                Some(Instant::now())
            }
        }
    }

    /// Frees the contexts that are still attached, as `redisAsyncFree` does, and attaches none from
    /// now on: a program may answer the end of a connection with a new one.
    ///
    /// # Safety
    /// `this` is live; the contexts are not used afterwards.
    pub unsafe fn free_contexts(this: *mut Self) {
        // SAFETY: the caller's promise. A context whose callback is running is freed when that
        // returns, and is only let go here.
        unsafe {
            (*this).closed = true;
            let mut index = 0;
            while let Some((place, &attachment)) = (*this).attachments.next_from(index) {
                let (key, context) = ((*attachment).key, (*attachment).context);
                async_context::free(context);
                if let Some(attachment) = Self::attachment(this, key) {
                    hooks::clear_hooks(context);
                    Self::forget(this, attachment);
                }
                index = place + 1;
            }
        }
    }

    /// Whether no context is attached and no timer set.
    ///
    /// # Safety
    /// `this` is live.
    pub(super) unsafe fn is_idle(this: *const Self) -> bool {
        // SAFETY: the caller's promise.
        unsafe { (*this).attachments.len() == 0 && (*this).timers.next().is_none() }
    }

    /// Has a function called at a time. `None` where memory is short.
    ///
    /// # Safety
    /// `this` is live.
    pub(super) unsafe fn add_timer(
        this: *mut Self,
        at: Instant,
        function: Function,
    ) -> Option<Key> {
        // SAFETY: the caller's promise.
        unsafe {
            let timer = (*this).timers.create(Due::Function(function))?;
            (*this).timers.set(timer, at);
            Some(timer)
        }
    }

    /// Whether there was such a timer.
    ///
    /// # Safety
    /// `this` is live.
    pub(super) unsafe fn cancel_timer(this: *mut Self, timer: Key) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            let of_program = matches!((*this).timers.due(timer), Some(Due::Function(_)));
            of_program && (*this).timers.remove(timer)
        }
    }

    /// Begins the connect of a context that waits for it. It waits for one answer, and only while it is attached.
    ///
    /// # Safety
    /// `this` is live.
    pub(super) unsafe fn start(this: *mut Self, key: Key, host: Host) {
        // SAFETY: the caller's promise.
        unsafe {
            if let Some(attachment) = Self::attachment(this, key) {
                (*attachment).start(host);
                Self::wake(this, attachment);
            }
        }
    }

    /// # Safety
    /// `this` is live.
    pub(super) unsafe fn attachment(this: *mut Self, key: Key) -> Option<*mut Attachment> {
        // SAFETY: the caller's promise.
        unsafe { (*this).attachments.get(key).copied() }
    }

    /// # Safety
    /// `this` is live for as long as the reference is used.
    pub(super) unsafe fn registry<'a>(this: *mut Self) -> &'a Registry {
        // SAFETY: the caller's promise; the registry is never changed.
        unsafe { &(*this).registry }
    }

    /// Puts an attachment into the queue if it has something to do.
    ///
    /// # Safety
    /// `this` and the attachment are live.
    pub(super) unsafe fn wake(this: *mut Self, attachment: *mut Attachment) {
        // SAFETY: the caller's promise.
        unsafe {
            if (*attachment).is_runnable() {
                (*this).queue.push(attachment, (*this).round);
            }
        }
    }

    /// Sets an attachment's timer to when it is due.
    ///
    /// # Safety
    /// As `wake`.
    pub(super) unsafe fn set_timer(this: *mut Self, attachment: *mut Attachment) {
        // SAFETY: the caller's promise.
        unsafe {
            match (*attachment).due() {
                Some(at) => (*this).timers.set((*attachment).timer, at),
                None => (*this).timers.unset((*attachment).timer),
            }
        }
    }

    /// Lets an attachment go, which is gone then.
    ///
    /// # Safety
    /// As `wake`.
    pub(super) unsafe fn forget(this: *mut Self, attachment: *mut Attachment) {
        // SAFETY: the caller's promise.
        unsafe {
            (*this).queue.remove(attachment);
            (*this).timers.remove((*attachment).timer);
            (*this).attachments.remove((*attachment).key);
            if (*this).process == libc::getpid() {
                (*attachment).deregister(&(*this).registry);
            }
            attachment.drop_in_place();
            alloc::release(attachment);
        }
    }
}
