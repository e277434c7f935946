//! Asynchronous hiredis contexts on a [`mio::Poll`], for Rust programs that have one.
//!
//! A context is attached under a token; from then on the program gives it its events, and time when
//! it has asked for some:
//!
//! ```
//! # use std::{fs, process::{Child, Command, Stdio}, thread::sleep};
//! # struct Server { dir: std::path::PathBuf, child: Child }
//! # impl Drop for Server {
//! #     fn drop(&mut self) { let _ = self.child.kill(); let _ = self.child.wait(); let _ = fs::remove_dir_all(&self.dir); }
//! # }
//! # fn server() -> std::io::Result<Server> {
//! #     let dir = std::env::temp_dir().join(format!("hiredis-mio-{}", std::process::id()));
//! #     fs::create_dir_all(&dir)?;
//! #     let mut command = Command::new("redis-server");
//! #     command.args(["--port", "0", "--save", "", "--unixsocket"]).arg(dir.join("sock")).arg("--dir").arg(&dir);
//! #     let child = command.stdout(Stdio::null()).spawn()?;
//! #     for _ in 0..500 {
//! #         if std::os::unix::net::UnixStream::connect(dir.join("sock")).is_ok() { break }
//! #         sleep(std::time::Duration::from_millis(10));
//! #     }
//! #     Ok(Server { dir, child })
//! # }
//! # let server = server().expect("redis-server is installed (make test installs it)");
//! # let path = std::ffi::CString::new(server.dir.join("sock").to_str().expect("a path")).expect("a path");
//! use hiredis::capi::r#async::{redisAsyncConnectUnix, redisAsyncDisconnect, redisAsyncFormattedCommand};
//! use hiredis::layout::{redisAsyncContext, redisReply};
//! use hiredis_mio::Contexts;
//! use mio::{Events, Poll, Token};
//! use std::{ffi::CStr, ffi::c_void, time::Instant};
//!
//! /// `privdata` is whether the reply was the right one.
//! unsafe extern "C-unwind" fn on_pong(ac: *mut redisAsyncContext, reply: *mut c_void, privdata: *mut c_void) {
//!     unsafe {
//!         let reply = reply.cast::<redisReply>();
//!         *privdata.cast::<bool>() = !reply.is_null() && CStr::from_ptr((*reply).str) == c"PONG";
//!         redisAsyncDisconnect(ac);
//!     }
//! }
//!
//! let mut poll = Poll::new()?;
//! let mut events = Events::with_capacity(64);
//! let redis = Contexts::new(poll.registry())?;
//! let mut answered = false;
//!
//! // Attach first, then issue commands.
//! unsafe {
//!     let context = redisAsyncConnectUnix(path.as_ptr());
//!     redis.attach(context, Token(7))?;
//!     let command = c"*1\r\n$4\r\nPING\r\n";
//!     redisAsyncFormattedCommand(context, Some(on_pong), (&raw mut answered).cast(), command.as_ptr(), 14);
//! }
//!
//! while !redis.is_empty() {
//!     let timeout = redis.deadline().map(|at| at.saturating_duration_since(Instant::now()));
//!     poll.poll(&mut events, timeout)?;
//!     for event in &events {
//!         if !redis.handle(event) {
//!             // It is the program's own.
//!         }
//!     }
//!     redis.handle_timeout();
//! }
//! assert!(answered);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Readiness is told once by `mio`, and here it is remembered until a read or write has found the
//! contrary; there is one registration per connection, and no call into the kernel per change of
//! interest. Programs without a `Poll` use the loop of `hiredis/adapters/mio.h`, which is the same
//! code.

use hiredis::event_loop::{Driver, Key};
use hiredis::layout::redisAsyncContext;
use mio::event::Event;
use mio::{Registry, Token};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::time::Instant;

/// The contexts on one registry. All methods take it shared, since the callbacks that they run may
/// want to use it, too. Dropping it frees the contexts that are still attached, as `redisAsyncFree`
/// does; it must not be dropped by a callback.
pub struct Contexts {
    driver: *mut Driver,
    keys: RefCell<HashMap<Token, Key>>,
}

impl Contexts {
    /// No contexts yet. Keeps a handle of the registry, which is one descriptor.
    pub fn new(registry: &Registry) -> io::Result<Self> {
        let driver = Driver::new(registry.try_clone()?);
        Ok(Self {
            driver: Box::into_raw(Box::new(driver)),
            keys: RefCell::default(),
        })
    }

    /// Attaches a context, whose events carry `token`. The token is free again when the context has
    /// gone.
    ///
    /// # Errors
    /// The context is attached already, or has no socket; the token is in use; memory is short. The
    /// context is as it was then.
    ///
    /// # Safety
    /// `context` is live, and used by no other thread.
    pub unsafe fn attach(&self, context: *mut redisAsyncContext, token: Token) -> io::Result<()> {
        let mut keys = self.keys.borrow_mut();
        if keys.len() == keys.capacity() {
            keys.retain(|_, key| self.contains(*key));
        }
        if keys.get(&token).is_some_and(|key| self.contains(*key)) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        // SAFETY: the driver is live and stays where it is; the caller's promise. Nothing is called
        // out to.
        let key = unsafe { Driver::attach(self.driver, context, |_| token) }?;
        keys.insert(token, key);
        Ok(())
    }

    /// Reads, writes and runs callbacks as an event demands. `false`, and nothing is done, for
    /// events with other tokens.
    pub fn handle(&self, event: &Event) -> bool {
        let noted = self.note(event);
        if noted {
            // SAFETY: the driver is live, and this is not dropped by callbacks.
            unsafe { Driver::run(self.driver) };
        }
        noted
    }

    /// Takes note of an event; `handle_timeout`, which is due at once then, acts on it. `false` for
    /// events with other tokens.
    ///
    /// `mio` does not tell of an event again. A program whose callbacks poll and handle events
    /// themselves, or panic, therefore notes all events of a poll before it acts on the first: what
    /// is noted is done by whoever calls `handle` or `handle_timeout` next, within a callback, too.
    pub fn note(&self, event: &Event) -> bool {
        let Some(key) = self.keys.borrow().get(&event.token()).copied() else {
            return false;
        };
        // SAFETY: the driver is live.
        unsafe { Driver::note(self.driver, key, event) };
        true
    }

    /// When to call `handle_timeout`, if no event comes before. Commands that were issued and work
    /// that was left for fairness's sake are due at once.
    pub fn deadline(&self) -> Option<Instant> {
        // SAFETY: the driver is live.
        unsafe { Driver::deadline(self.driver) }
    }

    /// Does what is due: connections that have timed out, commands that were issued meanwhile.
    pub fn handle_timeout(&self) {
        // SAFETY: as in `handle`.
        unsafe { Driver::run(self.driver) };
    }

    /// Whether no context is attached.
    pub fn is_empty(&self) -> bool {
        !self.keys.borrow().values().any(|key| self.contains(*key))
    }

    fn contains(&self, key: Key) -> bool {
        // SAFETY: the driver is live.
        unsafe { Driver::contains(self.driver, key) }
    }
}

impl Drop for Contexts {
    fn drop(&mut self) {
        // SAFETY: the driver came from a box, and is not used afterwards; its contexts are freed first.
        unsafe {
            Driver::free_contexts(self.driver);
            drop(Box::from_raw(self.driver));
        }
    }
}

impl fmt::Debug for Contexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contexts").finish_non_exhaustive()
    }
}
