//! The TLS side of one context, behind `c->privctx`. The program may call anything from within anything, so all state is in cells,
//! and what is shared is borrowed only while nothing of the program's runs.

use crate::failure::{self, Failure, clear_errors};
use crate::layout::{redisContext, redisContextFuncs};
use crate::openssl::{SSL_CTRL_MODE, SSL_R_UNEXPECTED_EOF_WHILE_READING, SSL_set_read_ahead};
use crate::process::{self, errno, set_errno};
use crate::session::{Offer, SessionSlot};
use crate::socket::{self, Method, Mode, Socket};
use crate::tls_context::Origin;
use core::cell::Cell;
use core::ptr::{NonNull, null_mut};
use libc::{EAGAIN, EINTR, c_int, c_void};
use openssl_sys::{
    ERR_GET_REASON, ERR_get_error, SSL, SSL_ERROR_SYSCALL, SSL_ERROR_WANT_READ,
    SSL_ERROR_WANT_WRITE, SSL_ERROR_ZERO_RETURN, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER,
    SSL_MODE_ENABLE_PARTIAL_WRITE, SSL_RECEIVED_SHUTDOWN, SSL_SENT_SHUTDOWN, SSL_SESSION, SSL_ctrl,
    SSL_free, SSL_get_error, SSL_get_rbio, SSL_get_verify_result, SSL_set_bio,
    SSL_set_connect_state, SSL_set_shutdown, SSL_shutdown,
};

/// What OpenSSL waits for before it can go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Want {
    Read,
    Write,
}

/// Why a call of OpenSSL's did nothing.
pub(crate) enum Stop {
    /// It is to be called again when the socket is ready for this.
    Wants(Want),
    /// It is to be called again: a signal came, or, waiting, the socket's own timeout passed (`EAGAIN`).
    Interrupted(c_int),
    /// The connection is over.
    Failed(Failure),
}

/// The TLS side of a context.
pub(crate) struct Connection {
    ssl: *mut SSL,
    method: Method,
    pub(crate) socket: Socket,
    /// The context that it was made from, if any.
    origin: Option<Origin>,
    /// The process that made the connection: a child that inherits it must not end it.
    process: c_int,
    pub(crate) established: Cell<bool>,
    /// Nothing can be sent over it any more.
    over: Cell<bool>,
    /// What a handshake in progress waits for.
    pub(crate) handshake_wants: Cell<Want>,
    /// Reading has to wait until the socket is writable, writing until it is readable.
    pub(crate) read_wants_write: Cell<bool>,
    pub(crate) write_wants_read: Cell<bool>,
    /// Bytes of the write that is to be repeated with the same length, 0 for none.
    pub(crate) unfinished: Cell<usize>,
    /// An event loop reads and writes, by this library's `events`. A write that fails may leave it to the event to say so.
    pub(crate) in_loop: Cell<bool>,
    /// OpenSSL takes more out of the socket than the next record.
    reads_ahead: Cell<bool>,
    /// Reads are to hand out what OpenSSL has, and leave the socket alone.
    pub(crate) draining: Cell<bool>,
    /// Bytes read in the event that is running.
    pub(crate) received: Cell<usize>,
    /// The last read filled the room it was given: there may be more.
    pub(crate) filled: Cell<bool>,
    /// How the connection has ended, found while bytes that came before that were still to be handed out.
    failure: Cell<Option<Failure>>,
    /// Why nothing can be sent any more. What the peer said before is still to be read.
    unsent: Cell<Option<Failure>>,
}

/// A connection of a context, if TLS was initiated on it.
///
/// # Safety
/// `c` is live, and its connection outlives the use.
pub(crate) unsafe fn of_context<'a>(c: *const redisContext) -> Option<&'a Connection> {
    // SAFETY: the caller's promise; under our table only we set `privctx`.
    unsafe {
        if !is_ours((*c).funcs) {
            return None;
        }
        (*c).privctx.cast::<Connection>().as_ref()
    }
}

impl Connection {
    /// Puts OpenSSL's `ssl` onto a descriptor. `None` without memory; then `ssl` is as it was.
    ///
    /// # Safety
    /// `ssl` is live, and used through this alone from here on. `origin`, if given, is held.
    pub(crate) unsafe fn new(
        ssl: *mut SSL,
        fd: c_int,
        origin: Option<Origin>,
    ) -> Option<NonNull<Self>> {
        // SAFETY: the block is new and as large as the value; the BIO's socket stands in it.
        unsafe {
            let new = process::allocate_zeroed::<Self>()?;
            let Some(method) = Method::new() else {
                process::release(new.as_ptr());
                return None;
            };
            new.as_ptr().write(Self {
                ssl,
                method,
                socket: Socket::new(fd),
                origin,
                process: libc::getpid(),
                established: Cell::new(false),
                over: Cell::new(false),
                handshake_wants: Cell::new(Want::Write),
                read_wants_write: Cell::new(false),
                write_wants_read: Cell::new(false),
                unfinished: Cell::new(0),
                in_loop: Cell::new(false),
                reads_ahead: Cell::new(false),
                draining: Cell::new(false),
                received: Cell::new(0),
                filled: Cell::new(false),
                failure: Cell::new(None),
                unsent: Cell::new(None),
            });
            let Some(bio) = method.bio(&raw const (*new.as_ptr()).socket) else {
                method.free();
                process::release(new.as_ptr());
                return None;
            };
            // One BIO for both directions takes one reference.
            SSL_set_bio(ssl, bio.as_ptr(), bio.as_ptr());
            let mode = SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_ENABLE_PARTIAL_WRITE;
            SSL_ctrl(ssl, SSL_CTRL_MODE, mode, null_mut());
            SSL_set_connect_state(ssl);
            if let Some(origin) = origin {
                origin.hold();
            }
            Some(new)
        }
    }

    /// The connection that OpenSSL's `ssl` belongs to.
    ///
    /// # Safety
    /// `ssl` is live, made from a context of ours, and its connection outlives the use.
    pub(crate) unsafe fn of<'a>(ssl: *const SSL) -> Option<&'a Self> {
        // SAFETY: a `Socket` under an SSL of our contexts stands in a `Connection`.
        unsafe {
            let bio = SSL_get_rbio(ssl);
            if bio.is_null() {
                return None;
            }
            let socket = socket::place(bio);
            if socket.is_null() {
                return None;
            }
            let offset = core::mem::offset_of!(Self, socket);
            socket.byte_sub(offset).cast::<Self>().as_ref()
        }
    }

    pub(crate) fn ssl(&self) -> *mut SSL {
        self.ssl
    }

    /// An event loop drives the connection.
    pub(crate) fn enter_loop(&self) {
        self.in_loop.set(true);
        self.read_ahead(true);
    }

    /// Whether the program waits for the socket itself, so that nothing may be left where only we know of it.
    pub(crate) fn is_polled(&self, waits: bool) -> bool {
        !waits && !self.in_loop.get()
    }

    /// Has OpenSSL take as much out of the socket as its buffer for one record holds, which may be many small ones. A larger buffer
    /// saves system calls, but OpenSSL moves what is left in it to the front for each record.
    pub(crate) fn read_ahead(&self, yes: bool) {
        if self.reads_ahead.replace(yes) != yes {
            // SAFETY: the connection is live.
            unsafe { SSL_set_read_ahead(self.ssl, yes.into()) }
        }
    }

    /// The sessions that it has to do with, and what was offered of them.
    pub(crate) fn sessions(&self) -> Option<(&SessionSlot, Offer)> {
        // SAFETY: the connection holds its origin.
        self.origin
            .map(|origin| (unsafe { origin.sessions() }, origin.offer))
    }

    /// Why the last call of OpenSSL's, which returned `result`, did nothing. `prefix` says what it was for.
    pub(crate) fn stop(&self, result: c_int, prefix: &'static str, waiting: bool) -> Stop {
        // SAFETY: the connection is live.
        let (kind, error) = unsafe { (SSL_get_error(self.ssl, result), ERR_get_error()) };
        let errno = self.socket.errno();
        match kind {
            SSL_ERROR_WANT_READ | SSL_ERROR_WANT_WRITE if errno == EINTR => {
                Stop::Interrupted(EINTR)
            }
            SSL_ERROR_WANT_READ | SSL_ERROR_WANT_WRITE if waiting && errno == EAGAIN => {
                Stop::Interrupted(EAGAIN)
            }
            SSL_ERROR_WANT_READ => Stop::Wants(Want::Read),
            SSL_ERROR_WANT_WRITE => Stop::Wants(Want::Write),
            SSL_ERROR_ZERO_RETURN => self.fail(Failure::Closed),
            SSL_ERROR_SYSCALL if errno != 0 => {
                // Reading and writing report what the system says, as over plain sockets.
                let prefix = if prefix == failure::CONNECT {
                    prefix
                } else {
                    ""
                };
                self.fail(Failure::system(prefix, errno))
            }
            SSL_ERROR_SYSCALL if error == 0 && prefix != failure::CONNECT => {
                self.fail(Failure::Closed)
            }
            _ if prefix != failure::CONNECT
                && ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING =>
            {
                self.fail(Failure::Closed)
            }
            _ => self.fail(Failure::OpenSsl {
                prefix,
                error,
                // SAFETY: as above.
                verdict: unsafe { SSL_get_verify_result(self.ssl) },
            }),
        }
    }

    pub(crate) fn fail(&self, failure: Failure) -> Stop {
        self.over.set(true);
        Stop::Failed(failure)
    }

    /// Keeps how the connection has ended. OpenSSL cannot be asked twice.
    pub(crate) fn end(&self, failure: Failure) {
        self.failure.set(Some(failure));
    }

    /// How the connection has ended, once that is known.
    pub(crate) fn ended(&self) -> Option<Failure> {
        self.failure.get()
    }

    /// Keeps why nothing can be sent any more.
    pub(crate) fn end_sending(&self, failure: Failure) {
        self.unsent.set(Some(failure));
    }

    /// Why nothing can be sent any more.
    pub(crate) fn unsent(&self) -> Option<Failure> {
        self.unsent.get()
    }

    /// The context is about to close its socket: says goodbye to the server where that does not have to wait.
    pub(crate) fn close(&self, fd: c_int) {
        let usable = self.established.get() && !self.over.replace(true);
        // SAFETY: no pointers are passed.
        if !usable || fd != self.socket.fd() || unsafe { libc::getpid() } != self.process {
            return;
        }
        let saved = errno();
        self.socket.begin(Mode::Try);
        // SAFETY: the connection is live. It may not be in the mood (a write is unfinished); then nothing is sent.
        unsafe {
            clear_errors();
            SSL_shutdown(self.ssl);
            clear_errors();
            // Otherwise OpenSSL takes the session for broken, and would not take it up again.
            SSL_set_shutdown(self.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        }
        set_errno(saved);
    }

    /// Frees the connection, with OpenSSL's part.
    ///
    /// # Safety
    /// `connection` is not used afterwards.
    pub(crate) unsafe fn free(connection: NonNull<Self>) {
        // SAFETY: the caller's promise.
        unsafe {
            let this = connection.as_ref();
            if !this.over.get() {
                SSL_set_shutdown(this.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
            }
            SSL_free(this.ssl);
            Self::free_ours(connection);
        }
    }

    /// Frees the connection, but leaves OpenSSL's part to the caller, off the socket.
    ///
    /// # Safety
    /// As `free`.
    pub(crate) unsafe fn detach(connection: NonNull<Self>) {
        // SAFETY: the caller's promise; the BIO goes with its last reference.
        unsafe {
            SSL_set_bio(connection.as_ref().ssl, null_mut(), null_mut());
            Self::free_ours(connection);
        }
    }

    unsafe fn free_ours(connection: NonNull<Self>) {
        // SAFETY: the caller gives the connection up, and no BIO uses the method any more.
        unsafe {
            let this = connection.as_ref();
            let origin = this.origin;
            this.method.free();
            process::release(connection.as_ptr());
            if let Some(origin) = origin {
                origin.release();
            }
            clear_errors();
        }
    }
}

/// `free_privctx` of our table, by which that is known.
///
/// # Safety
/// `privctx` is NULL or a connection, which is not used afterwards.
pub(crate) unsafe extern "C-unwind" fn free_privctx(privctx: *mut c_void) {
    if let Some(connection) = NonNull::new(privctx.cast::<Connection>()) {
        // SAFETY: the caller's promise.
        unsafe { Connection::free(connection) }
    }
}

/// Whether a table is ours: then what stands behind `privctx` is, too. A program may have copied the table to change members.
fn is_ours(funcs: *const redisContextFuncs) -> bool {
    // SAFETY: a context's table is NULL or valid.
    unsafe { funcs.as_ref() }
        .and_then(|funcs| funcs.free_privctx)
        .is_some_and(|f| f as usize == free_privctx as *const () as usize)
}

/// Takes a session that has come, for later connections; 1 keeps its reference.
///
/// # Safety
/// `ssl` is live, and made from a context of ours.
pub(crate) unsafe extern "C" fn keep_session(ssl: *mut SSL, session: *mut SSL_SESSION) -> c_int {
    // SAFETY: the connection is live, and holds its context.
    unsafe {
        Connection::of(ssl)
            .and_then(Connection::sessions)
            .is_some_and(|(sessions, offer)| sessions.keep(offer, session))
            .into()
    }
}
