//! What other threads have for a loop, and signal handlers: letters, and the wish to stop. Belongs
//! to the loop and to the threads that look up names, which may outlive it.

use super::resolver::Requests;
use super::slab::Key;
use super::timers::Function;
use crate::alloc;
use crate::error::{errno, set_errno};
use crate::net::Addresses;
use core::cell::UnsafeCell;
use core::ptr::{NonNull, null_mut};
use libc::c_int;
use mio::Waker;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

/// What a loop finds in its mailbox.
pub(super) enum Letter {
    /// Call this.
    Task(Function),
    /// The host of the context with this key has these addresses.
    Host(Key, Result<Addresses, c_int>),
}

// SAFETY: a task's function and its argument are given to be called in the loop's thread.
unsafe impl Send for Letter {}

/// The letters, of which the tasks may be limited: what the loop itself has asked for always finds room.
struct Letters {
    list: List<Letter>,
    /// How many of them are tasks.
    tasks: usize,
    /// How many tasks there may be; 0: as many as memory holds.
    max_tasks: usize,
}

impl Letters {
    const fn new() -> Self {
        Self {
            list: List::new(),
            tasks: 0,
            max_tasks: 0,
        }
    }

    /// Gives a letter back that there is no room for.
    fn push(&mut self, letter: Box<Node<Letter>>) -> Result<(), Box<Node<Letter>>> {
        if let Letter::Task(_) = letter.value {
            if self.max_tasks > 0 && self.tasks >= self.max_tasks {
                return Err(letter);
            }
            self.tasks += 1;
        }
        self.list.push(letter);
        Ok(())
    }

    fn pop(&mut self) -> Option<Box<Node<Letter>>> {
        let letter = self.list.pop()?;
        if let Letter::Task(_) = letter.value {
            self.tasks -= 1;
        }
        Some(letter)
    }
}

pub(super) struct Mailbox {
    owners: AtomicUsize,
    stop: AtomicBool,
    waker: Waker,
    letters: Mutex<Letters>,
    /// How many letters there are.
    count: AtomicUsize,
    requests: Mutex<Requests>,
}

/// One owner's share of a mailbox. It is given up by `release`, not by a destructor, since loops
/// run callbacks.
#[derive(Clone, Copy)]
pub(super) struct Shared(NonNull<Mailbox>);

impl Shared {
    /// `None` where memory is short.
    pub(super) fn new(waker: Waker) -> Option<Self> {
        let mailbox = alloc::try_box(Mailbox {
            owners: AtomicUsize::new(1),
            stop: AtomicBool::new(false),
            waker,
            letters: Mutex::new(Letters::new()),
            count: AtomicUsize::new(0),
            requests: Mutex::new(Requests::new()),
        })?;
        Some(Self(NonNull::from(Box::leak(mailbox))))
    }

    /// Another owner's share.
    pub(super) fn share(self) -> Self {
        self.mailbox().owners.fetch_add(1, Ordering::Relaxed);
        self
    }

    /// # Safety
    /// This owner does not use its share afterwards.
    pub(super) unsafe fn release(self) {
        if self.mailbox().owners.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            // SAFETY: this was the last owner, and the mailbox was made by `try_box`.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }

    /// As an argument of a thread.
    pub(super) fn as_ptr(self) -> *mut libc::c_void {
        self.0.as_ptr().cast()
    }

    /// # Safety
    /// `pointer` came from `as_ptr`, and the share is not released.
    pub(super) unsafe fn from_ptr(pointer: *mut libc::c_void) -> Option<Self> {
        NonNull::new(pointer.cast()).map(Self)
    }

    fn mailbox(&self) -> &Mailbox {
        // SAFETY: the mailbox lives as long as a share of it.
        unsafe { self.0.as_ref() }
    }

    /// Wakes the loop. Allocates nothing and waits for nothing, as signal handlers need it.
    fn wake(&self) {
        let saved = errno();
        // Fails only where the process is out of its depth altogether; letters stay where they are.
        let _ = self.mailbox().waker.wake();
        set_errno(saved);
    }

    /// Asks the loop to stop.
    pub(super) fn stop(&self) {
        self.mailbox().stop.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether the loop was asked to stop since the last time.
    pub(super) fn take_stop(&self) -> bool {
        self.mailbox().stop.swap(false, Ordering::AcqRel)
    }

    /// Leaves a letter and wakes the loop. `false` where the program allows no more tasks.
    pub(super) fn post(&self, letter: Box<Node<Letter>>) -> bool {
        let mailbox = self.mailbox();
        let posted = mailbox.letters.with(|letters| {
            letters.push(letter)?;
            mailbox.count.fetch_add(1, Ordering::Release);
            Ok::<(), Box<Node<Letter>>>(())
        });
        if posted.is_ok() {
            self.wake();
        }
        posted.is_ok()
    }

    /// Bounds the tasks that wait for the loop; 0: no bound.
    pub(super) fn set_max_tasks(&self, tasks: usize) {
        self.mailbox()
            .letters
            .with(|letters| letters.max_tasks = tasks);
    }

    /// How many letters there are.
    pub(super) fn count(&self) -> usize {
        self.mailbox().count.load(Ordering::Acquire)
    }

    /// The oldest letter.
    pub(super) fn take(&self) -> Option<Letter> {
        let mailbox = self.mailbox();
        let node = mailbox.letters.with(|letters| {
            let node = letters.pop()?;
            mailbox.count.fetch_sub(1, Ordering::Release);
            Some(node)
        })?;
        Some(node.value)
    }

    pub(super) fn requests(&self) -> &Mutex<Requests> {
        &self.mailbox().requests
    }
}

/// A value for one thread at a time. Unlike the standard library's it knows nothing of panics.
pub(super) struct Mutex<T> {
    raw: UnsafeCell<libc::pthread_mutex_t>,
    value: UnsafeCell<T>,
}

// SAFETY: `with` lets one thread at a time at the value.
unsafe impl<T: Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    /// May be moved until it is used for the first time.
    const fn new(value: T) -> Self {
        Self {
            raw: UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER),
            value: UnsafeCell::new(value),
        }
    }

    /// Calls `work`, which does not call this again, with the value.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: the mutex is initialised, and does not move any more; the value is this thread's
        // while the mutex is.
        unsafe {
            libc::pthread_mutex_lock(self.raw.get());
            let result = work(&mut *self.value.get());
            libc::pthread_mutex_unlock(self.raw.get());
            result
        }
    }
}

/// A value that can stand in a list. Made beforehand, so that joining a list never fails.
pub(super) struct Node<T> {
    pub(super) value: T,
    next: *mut Node<T>,
}

impl<T> Node<T> {
    /// `None` where memory is short.
    pub(super) fn new(value: T) -> Option<Box<Self>> {
        alloc::try_box(Self {
            value,
            next: null_mut(),
        })
    }
}

/// First in, first out.
pub(super) struct List<T> {
    first: *mut Node<T>,
    last: *mut Node<T>,
}

// SAFETY: the nodes belong to the list alone.
unsafe impl<T: Send> Send for List<T> {}

impl<T> List<T> {
    pub(super) const fn new() -> Self {
        Self {
            first: null_mut(),
            last: null_mut(),
        }
    }

    pub(super) fn push(&mut self, node: Box<Node<T>>) {
        let node = Box::into_raw(node);
        // SAFETY: the nodes of the list are live.
        match unsafe { self.last.as_mut() } {
            Some(last) => last.next = node,
            None => self.first = node,
        }
        self.last = node;
    }

    pub(super) fn pop(&mut self) -> Option<Box<Node<T>>> {
        if self.first.is_null() {
            return None;
        }
        // SAFETY: nodes come from boxes, and this one leaves the list.
        let mut node = unsafe { Box::from_raw(self.first) };
        self.first = core::mem::replace(&mut node.next, null_mut());
        if self.first.is_null() {
            self.last = null_mut();
        }
        Some(node)
    }
}

impl<T> Drop for List<T> {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}
