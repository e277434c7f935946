//! Looks host names up in threads of its own, since `getaddrinfo` waits.

use super::mailbox::{Letter, List, Node, Shared};
use super::slab::Key;
use crate::net::{Addresses, Family};
use core::ffi::CStr;
use core::ptr::null_mut;
use libc::{c_int, c_void};

unsafe extern "C" {
    fn pthread_create(
        thread: *mut libc::pthread_t,
        attributes: *const libc::pthread_attr_t,
        function: extern "C-unwind" fn(argument: *mut c_void) -> *mut c_void,
        argument: *mut c_void,
    ) -> c_int;
}

/// Threads that look up names at the same time. Each ends when no name is left.
const MAX_WORKERS: usize = 16;

/// A name to look up for the context with this key.
pub(super) struct Request {
    key: Key,
    host: [u8; libc::NI_MAXHOST as usize],
    port: c_int,
    family: Family,
    /// For the answer, so that this needs no memory.
    letter: Box<Node<Letter>>,
}

pub(super) struct Requests {
    waiting: List<Request>,
    workers: usize,
    /// The loop is gone.
    closed: bool,
}

impl Requests {
    pub(super) const fn new() -> Self {
        Self {
            waiting: List::new(),
            workers: 0,
            closed: false,
        }
    }
}

/// Has a host's name looked up; the answer arrives in the mailbox. `Err` is an `EAI_*` code.
pub(super) fn look_up(
    mailbox: Shared,
    key: Key,
    name: &CStr,
    port: c_int,
    family: Family,
) -> Result<(), c_int> {
    let mut host = [0; libc::NI_MAXHOST as usize];
    let name = name.to_bytes_with_nul();
    if name.len() > host.len() {
        return Err(libc::EAI_NONAME);
    }
    for (to, from) in host.iter_mut().zip(name) {
        *to = *from;
    }
    let letter = Node::new(Letter::Host(key, Err(libc::EAI_MEMORY))).ok_or(libc::EAI_MEMORY)?;
    let request = Node::new(Request {
        key,
        host,
        port,
        family,
        letter,
    });
    let request = request.ok_or(libc::EAI_MEMORY)?;
    mailbox.requests().with(|requests| {
        if requests.workers < MAX_WORKERS && begin_worker(mailbox) {
            requests.workers += 1;
        }
        if requests.workers == 0 {
            return Err(libc::EAI_AGAIN);
        }
        requests.waiting.push(request);
        Ok(())
    })
}

/// The loop is gone: nothing more is looked up.
pub(super) fn close(mailbox: Shared) {
    mailbox.requests().with(|requests| requests.closed = true);
}

/// Starts a thread that is nobody's to join, and in which no signals are handled.
fn begin_worker(mailbox: Shared) -> bool {
    let share = mailbox.share();
    // SAFETY: the sets and the thread are written before they are used; the thread's argument is
    // valid until the thread gives it up.
    unsafe {
        let (mut all, mut before) = (core::mem::zeroed(), core::mem::zeroed());
        let mut thread = core::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        let status = pthread_create(&raw mut thread, core::ptr::null(), work, share.as_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, null_mut());
        if status != 0 {
            share.release();
            return false;
        }
        libc::pthread_detach(thread);
    }
    true
}

extern "C-unwind" fn work(mailbox: *mut c_void) -> *mut c_void {
    // SAFETY: the argument is this thread's share.
    if let Some(mailbox) = unsafe { Shared::from_ptr(mailbox) } {
        while let Some(request) = next(mailbox) {
            answer(mailbox, request);
        }
        // SAFETY: it is not used afterwards.
        unsafe { mailbox.release() }
    }
    null_mut()
}

/// The oldest request. Without one the thread is done.
fn next(mailbox: Shared) -> Option<Box<Node<Request>>> {
    mailbox.requests().with(|requests| {
        let request = if requests.closed {
            None
        } else {
            requests.waiting.pop()
        };
        if request.is_none() {
            requests.workers -= 1;
        }
        request
    })
}

fn answer(mailbox: Shared, request: Box<Node<Request>>) {
    let Request {
        key,
        host,
        port,
        family,
        mut letter,
    } = request.value;
    let found = CStr::from_bytes_until_nul(&host)
        .map_err(|_| libc::EAI_NONAME)
        .and_then(|host| Addresses::of_every_family(Some(host), port, family));
    letter.value = Letter::Host(key, found);
    mailbox.post(letter);
}
