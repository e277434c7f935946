//! One context on a `mio::Registry`.
//!
//! `mio` tells of readiness once, when it begins, and the library reads and writes once per call.
//! So an attachment remembers that its socket is ready until a read or write has found the
//! contrary, and goes on for as long as what the context wants is ready.

use super::driver::Driver;
use super::queue::Place;
use super::slab::Key;
use crate::async_context::{self, AsyncContext, Brought, Transfers};
use crate::layout::{REDIS_CONN_UNIX, REDIS_CONNECTED, WATCHES};
use crate::net::Addresses;
use libc::c_int;
use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use std::io;
use std::time::{Duration, Instant};

/// Reads and writes for one context before the others have their turn.
const TURNS: u32 = 32;

/// When to look again where no event will tell.
const SOON: Duration = Duration::from_millis(5);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Read,
    Write,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Directions {
    pub(super) read: bool,
    pub(super) write: bool,
}

/// What an event tells of a socket.
#[derive(Clone, Copy, Default)]
pub(super) struct Readiness {
    pub(super) read: bool,
    pub(super) write: bool,
    /// The peer has ended the connection, or it has failed.
    pub(super) hung_up: bool,
}

impl From<&Event> for Readiness {
    fn from(event: &Event) -> Self {
        let failed = event.is_error();
        Self {
            read: event.is_readable() || event.is_read_closed() || failed,
            write: event.is_writable() || event.is_write_closed() || failed,
            hung_up: event.is_read_closed() || failed,
        }
    }
}

/// The addresses of a host, or why there are none (`EAI_*`); `None` for what has no host.
pub(super) type Host = Option<Result<Addresses, c_int>>;

pub(super) struct Attachment {
    pub(super) context: *mut AsyncContext,
    pub(super) key: Key,
    pub(super) place: Place,
    pub(super) timer: Key,
    pub(super) driver: *mut Driver,
    token: Token,
    /// The descriptor that the registry knows, -1 for none.
    registered: c_int,
    /// Where to connect to, as soon as that is known and until it is done.
    start: Option<Host>,
    /// What the context wants.
    pub(super) interest: Directions,
    ready: Directions,
    /// What events have told since the call into the context began that is under way: its callbacks
    /// may run the loop, and what the call finds then is older.
    news: Readiness,
    /// The registry watches the socket for reading only. A unix socket is reported writable whenever
    /// the peer has read something, which nobody wants to know after a write that was complete.
    reads_only: bool,
    /// The peer has ended the connection: behind what is read there is an end to be read, of which
    /// no event will tell.
    hung_up: bool,
    /// Until when the context wants to be told that its time is up.
    pub(super) deadline: Option<Instant>,
    /// When to look whether the socket is ready.
    look_again: Option<Instant>,
}

impl Attachment {
    pub(super) fn new(
        driver: *mut Driver,
        context: *mut AsyncContext,
        key: Key,
        timer: Key,
        token: Token,
    ) -> Self {
        Self {
            context,
            key,
            place: Place::none(),
            timer,
            driver,
            token,
            registered: -1,
            start: None,
            interest: Directions::default(),
            ready: Directions::default(),
            news: Readiness::default(),
            reads_only: false,
            hung_up: false,
            deadline: None,
            look_again: None,
        }
    }

    /// Takes note of an event.
    pub(super) fn note(&mut self, found: Readiness) {
        self.news.read |= found.read;
        self.news.write |= found.write;
        self.news.hung_up |= found.hung_up;
        self.believe_news();
    }

    fn believe_news(&mut self) {
        self.ready.read |= self.news.read;
        self.ready.write |= self.news.write;
        self.hung_up |= self.news.hung_up;
    }

    /// A call into the context begins.
    fn expect_news(&mut self) {
        self.news = Readiness::default();
    }

    /// Has the context connect at its next turn.
    pub(super) fn start(&mut self, host: Host) {
        self.start = Some(host);
    }

    /// Whether there is something to do now.
    pub(super) fn is_runnable(&self) -> bool {
        self.start.is_some() || self.next(Direction::Write).is_some()
    }

    /// What to do after `last`: by turns, where both are possible.
    fn next(&self, last: Direction) -> Option<Direction> {
        let read = self.interest.read && self.ready.read;
        let write = self.interest.write && self.ready.write;
        match (read, write) {
            (true, true) if last == Direction::Read => Some(Direction::Write),
            (true, _) => Some(Direction::Read),
            (false, true) => Some(Direction::Write),
            (false, false) => None,
        }
    }

    /// When to look after this attachment although nothing has happened.
    pub(super) fn due(&self) -> Option<Instant> {
        match (self.deadline, self.look_again) {
            (Some(deadline), Some(look)) => Some(deadline.min(look)),
            (deadline, look) => deadline.or(look),
        }
    }

    /// Has the registry watch the context's socket.
    pub(super) unsafe fn register(&mut self, registry: &Registry) -> io::Result<()> {
        // SAFETY: the attachment's context is live.
        let fd = unsafe { (*self.context).c.c.fd };
        let both = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut SourceFd(&fd), self.token, both)?;
        self.registered = fd;
        self.reads_only = false;
        self.ready = Directions::default();
        self.news = Readiness::default();
        self.hung_up = false;
        Ok(())
    }

    pub(super) fn deregister(&mut self, registry: &Registry) {
        let fd = core::mem::replace(&mut self.registered, -1);
        if fd != -1 {
            // Fails where the program has closed the descriptor; then nobody watches it.
            let _ = registry.deregister(&mut SourceFd(&fd));
        }
    }

    /// Has the registry tell anew what the socket is ready for.
    fn ask_again(&mut self, registry: &Registry, reads_only: bool) {
        let interest = if reads_only {
            Interest::READABLE
        } else {
            Interest::READABLE | Interest::WRITABLE
        };
        self.reads_only = reads_only;
        let failed = registry
            .reregister(&mut SourceFd(&self.registered), self.token, interest)
            .is_err();
        if failed {
            self.look_again = Instant::now().checked_add(SOON);
        }
    }

    /// Learns from a call into the context what its socket is still ready for, and from the events
    /// that came meanwhile.
    fn learn(&mut self, done: Direction, context: &AsyncContext, registry: &Registry) {
        self.learn_from_call(done, context, registry);
        self.believe_news();
    }

    fn learn_from_call(&mut self, done: Direction, context: &AsyncContext, registry: &Registry) {
        let Transfers { read, written } = context.transfers;
        if let Some(received) = read {
            let brought = received != Brought::Nothing;
            self.ready.read &= received == Brought::Full || (self.hung_up && brought);
        }
        self.ready.write &= written != Some(false);
        let is_unix = context.c.c.connection_type == REDIS_CONN_UNIX;
        if let Some(complete) = written
            && is_unix
            && complete != self.reads_only
        {
            self.ask_again(registry, complete);
        }
        let learned = match done {
            Direction::Read => read.is_some(),
            Direction::Write => written.is_some(),
        };
        if learned {
            return;
        }
        self.ready = Directions::default();
        self.hung_up = false;
        if context.c.c.flags & REDIS_CONNECTED != 0 {
            // A transport of the program's: what it leaves in the socket only the kernel knows.
            self.ask_again(registry, context.c.c.flags & WATCHES != 0);
        }
    }
}

/// The addresses of a host for a context to connect to. One that has failed by then is only told so:
/// while its callbacks run, nothing with a destructor is to be alive.
unsafe fn of_use(host: Host, context: *const AsyncContext) -> Host {
    // SAFETY: the caller's context is live.
    let failed = unsafe { (*context).c.c.err != 0 };
    host.filter(|_| !failed)
}

unsafe fn is_connected(context: *const AsyncContext) -> bool {
    // SAFETY: the caller's context is live.
    unsafe { (*context).c.c.flags & REDIS_CONNECTED != 0 }
}

/// Reads and writes as long as there is something to do, but not for ever. Returns whether more is
/// left; `None` where the attachment is gone.
///
/// # Safety
/// `driver` is live; nothing is borrowed from it.
pub(super) unsafe fn serve(driver: *mut Driver, key: Key) -> Option<bool> {
    // SAFETY: the driver outlives its attachments; the attachment is looked up again after every
    // call out.
    unsafe {
        let mut last = Direction::Write;
        for _ in 0..TURNS {
            let this = Driver::attachment(driver, key)?;
            let context = (*this).context;
            if async_context::is_in_callback(context) {
                // A loop within a callback: the context takes no events before that returns.
                (*this).look_again = Instant::now().checked_add(SOON);
                Driver::set_timer(driver, this);
                return Some(false);
            }
            if let Some(host) = (*this).start.take() {
                async_context::begin_connect(context, of_use(host, context));
                continue;
            }
            let Some(direction) = (*this).next(last) else {
                return Some(false);
            };
            (*context).transfers = Transfers::default();
            (*this).expect_news();
            match direction {
                Direction::Read => async_context::handle_read(context),
                Direction::Write => async_context::handle_write(context),
            }
            let this = Driver::attachment(driver, key)?;
            (*this).learn(direction, &*context, Driver::registry(driver));
            if (*this).look_again.is_some() {
                Driver::set_timer(driver, this);
            }
            last = direction;
        }
        Some((*Driver::attachment(driver, key)?).is_runnable())
    }
}

/// The attachment's timer went off.
///
/// # Safety
/// As `serve`.
pub(super) unsafe fn time_is_up(driver: *mut Driver, key: Key) {
    // SAFETY: as in `serve`.
    unsafe {
        let Some(this) = Driver::attachment(driver, key) else {
            return;
        };
        let now = Instant::now();
        if (*this).look_again.is_some_and(|at| at <= now) {
            (*this).look_again = None;
            (*this).ready = Directions {
                read: true,
                write: true,
            };
            Driver::wake(driver, this);
        }
        let passed = (*this).deadline.is_some_and(|at| at <= now);
        let is_due = passed && !async_context::is_in_callback((*this).context);
        if is_due {
            (*this).deadline = None;
        } else if passed {
            // A loop within a callback: the context takes no timeout before that returns.
            (*this).deadline = now.checked_add(SOON);
        }
        Driver::set_timer(driver, this);
        if !is_due {
            return;
        }
        let context = (*this).context;
        let was_connected = is_connected(context);
        async_context::handle_timeout(context);
        // A connect that is done by then is told by no event, if it had to be tried again.
        if let Some(this) = Driver::attachment(driver, key)
            && !was_connected
            && is_connected(context)
        {
            (*this).ask_again(Driver::registry(driver), false);
        }
    }
}
