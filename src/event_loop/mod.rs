//! Asynchronous contexts on `mio`: [`Driver`] for programs that own a `mio::Poll`, and on top of it
//! the loop of `adapters/mio.h` for programs that have none. See `docs/event-loop.md`.
//!
//! Callbacks may do anything: run the loop, unwind, `longjmp`. So nothing is borrowed and nothing
//! with a destructor is alive while one runs, and what is still to be done stands in the driver and
//! in the mailbox, from where whoever runs the loop next takes it.

mod attachment;
mod connect;
mod driver;
mod events;
mod hooks;
mod mailbox;
mod queue;
mod resolver;
mod slab;
mod timers;

pub use driver::Driver;
pub use slab::Key;

pub(crate) use connect::connect;
pub(crate) use timers::Function;

use crate::alloc;
use core::ptr::NonNull;
use events::Events;
use libc::{ENOBUFS, ENOMEM, c_int};
use mailbox::{Letter, Node, Shared};
use mio::{Poll, Token, Waker};
use std::io;
use std::time::{Duration, Instant};

/// The token of the mailbox; no key has it.
const MAILBOX: Token = Token(0);

/// The token of a context with this key.
fn token_of(key: Key) -> Token {
    Token(key.to_bits() as usize)
}

/// Used by its own thread alone, except for `post` and `stop`. Passed by pointer, because callbacks
/// use it while it runs.
pub(crate) struct EventLoop {
    poll: Poll,
    events: Events,
    driver: Driver,
    mailbox: Shared,
}

impl EventLoop {
    /// `None` where memory or descriptors are short.
    pub(crate) fn create() -> Option<NonNull<Self>> {
        // The program's allocator may unwind: it is called while nothing with a destructor is alive.
        let place: NonNull<Self> = NonNull::new(alloc::allocate(size_of::<Self>()))?.cast();
        // SAFETY: the block is new, large enough, aligned as malloc aligns, and nobody else's.
        unsafe {
            if Self::create_in(place) {
                return Some(place);
            }
            alloc::release(place.as_ptr());
        }
        None
    }

    /// Makes a loop in `place`; `false` where memory or descriptors are short.
    unsafe fn create_in(place: NonNull<Self>) -> bool {
        let made = || {
            let poll = Poll::new().ok()?;
            let registry = poll.registry().try_clone().ok()?;
            let mailbox = Shared::new(Waker::new(poll.registry(), MAILBOX).ok()?)?;
            Some(Self {
                poll,
                events: Events::new(),
                driver: Driver::new(registry),
                mailbox,
            })
        };
        // SAFETY: the caller's block is large enough, aligned, and nobody else's.
        made().is_some_and(|made| unsafe {
            place.write(made);
            true
        })
    }

    /// Frees the contexts that are still attached, then the loop. Tasks and timers are not run. If a
    /// callback unwinds, the loop is still there, and is to be freed again.
    ///
    /// # Safety
    /// `this` is live, does not run, and is not used afterwards.
    pub(crate) unsafe fn free(this: NonNull<Self>) {
        // SAFETY: the caller's promises.
        unsafe {
            Driver::free_contexts(Self::driver(this));
            let mailbox = Self::mailbox(this);
            resolver::close(mailbox);
            this.drop_in_place();
            mailbox.release();
            alloc::release(this.as_ptr());
        }
    }

    /// # Safety
    /// `this` is live.
    pub(crate) unsafe fn driver(this: NonNull<Self>) -> *mut Driver {
        // SAFETY: the caller's promise; only the address is taken.
        unsafe { &raw mut (*this.as_ptr()).driver }
    }

    /// # Safety
    /// `this` is live. May be called by any thread.
    unsafe fn mailbox(this: NonNull<Self>) -> Shared {
        // SAFETY: the caller's promise; the field is never changed.
        unsafe { (*this.as_ptr()).mailbox }
    }

    /// Runs until it is stopped, or until no context is attached, no timer set and no task left.
    ///
    /// # Safety
    /// `this` is live and stays so.
    pub(crate) unsafe fn run(this: NonNull<Self>) -> io::Result<()> {
        // SAFETY: the caller's promise.
        unsafe {
            let mailbox = Self::mailbox(this);
            while !mailbox.take_stop() {
                if Driver::is_idle(Self::driver(this)) && mailbox.count() == 0 {
                    break;
                }
                Self::run_once(this, None)?;
            }
            Ok(())
        }
    }

    /// Waits until there is something to do, but no longer than `limit`, and does it. Returns how
    /// much that was. A signal ends the wait.
    ///
    /// # Safety
    /// As `run`.
    pub(crate) unsafe fn run_once(
        this: NonNull<Self>,
        limit: Option<Duration>,
    ) -> io::Result<usize> {
        // SAFETY: the caller's promise; no callback runs while events are borrowed.
        unsafe {
            let loop_ = this.as_ptr();
            let driver = Self::driver(this);
            (*loop_)
                .events
                .wait(&(*loop_).poll, Self::timeout(this, limit))?;
            // All events are noted before the first callback runs: it may run the loop, or unwind.
            // The mailbox's event only ends the wait; that there are letters, the mailbox tells.
            for (token, found) in (*loop_).events.iter() {
                if token != MAILBOX {
                    Driver::note_readiness(driver, Key::from_bits(token.0 as u64), found);
                }
            }
            let letters = Self::mailbox(this).count();
            let done = Driver::run(driver);
            Ok(done + Self::open_mail(this, letters))
        }
    }

    /// How long to wait: not at all while there is work that a nested loop or an exception has left.
    unsafe fn timeout(this: NonNull<Self>, limit: Option<Duration>) -> Option<Duration> {
        // SAFETY: the caller's loop is live.
        unsafe {
            if Self::mailbox(this).count() > 0 {
                return Some(Duration::ZERO);
            }
            let left = Driver::deadline(Self::driver(this))
                .map(|deadline| deadline.saturating_duration_since(Instant::now()));
            match (left, limit) {
                (Some(left), Some(limit)) => Some(left.min(limit)),
                (left, limit) => left.or(limit),
            }
        }
    }

    /// Acts on so many letters, or on those that are left of them: a callback that ran the loop has
    /// had the others opened. What is posted meanwhile wakes the loop again.
    unsafe fn open_mail(this: NonNull<Self>, letters: usize) -> usize {
        // SAFETY: the caller's loop is live and stays so, whatever the functions do.
        unsafe {
            let mut opened = 0;
            while opened < letters && Self::open_letter(this) {
                opened += 1;
            }
            opened
        }
    }

    /// Acts on the oldest letter, which has left the mailbox by then; `false` where there is none.
    unsafe fn open_letter(this: NonNull<Self>) -> bool {
        // SAFETY: the caller's loop is live and stays so, whatever the function does.
        unsafe {
            let task = match Self::mailbox(this).take() {
                Some(Letter::Task(task)) => task,
                Some(Letter::Host(key, found)) => {
                    Driver::start(Self::driver(this), key, Some(found));
                    return true;
                }
                None => return false,
            };
            // Here, where the letter is gone: it has a destructor.
            (task.function)(task.data);
            true
        }
    }

    /// Has `run` return after what it is doing.
    ///
    /// # Safety
    /// `this` is live. May be called by any thread, and by signal handlers.
    pub(crate) unsafe fn stop(this: NonNull<Self>) {
        // SAFETY: the caller's promise.
        unsafe { Self::mailbox(this) }.stop();
    }

    /// Has a function called by the loop. `Err` is an `errno`: memory is short, or so many tasks wait
    /// as may.
    ///
    /// # Safety
    /// `this` is live. May be called by any thread.
    pub(crate) unsafe fn post(this: NonNull<Self>, task: Function) -> Result<(), c_int> {
        let letter = Node::new(Letter::Task(task)).ok_or(ENOMEM)?;
        // SAFETY: the caller's promise.
        let posted = unsafe { Self::mailbox(this) }.post(letter);
        if posted { Ok(()) } else { Err(ENOBUFS) }
    }

    /// Bounds how many tasks may wait; 0: no bound.
    ///
    /// # Safety
    /// As `post`.
    pub(crate) unsafe fn set_max_tasks(this: NonNull<Self>, tasks: usize) {
        // SAFETY: the caller's promise.
        unsafe { Self::mailbox(this) }.set_max_tasks(tasks);
    }

    /// Has a function called once, after a time. `None` where memory is short, or the time is
    /// beyond the clock.
    ///
    /// # Safety
    /// `this` is live.
    pub(crate) unsafe fn add_timer(
        this: NonNull<Self>,
        after: Duration,
        function: Function,
    ) -> Option<Key> {
        let at = Instant::now().checked_add(after)?;
        // SAFETY: the caller's promise.
        unsafe { Driver::add_timer(Self::driver(this), at, function) }
    }

    /// Whether there was such a timer.
    ///
    /// # Safety
    /// `this` is live.
    pub(crate) unsafe fn cancel_timer(this: NonNull<Self>, timer: Key) -> bool {
        // SAFETY: the caller's promise.
        unsafe { Driver::cancel_timer(Self::driver(this), timer) }
    }
}
