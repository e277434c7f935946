//! The socket under OpenSSL: a BIO of our own. Compared with OpenSSL's it sends without SIGPIPE, waits or not as the context wants
//! at the moment and not as the descriptor is set, and keeps the `errno` of its last call, so that no stale one is ever looked at.

use crate::openssl::{BIO_C_GET_FD, BIO_TYPE_SOCKET};
use crate::process::errno;
use core::cell::Cell;
use core::ptr::NonNull;
use libc::{EAGAIN, EINTR, MSG_DONTWAIT, MSG_NOSIGNAL, c_char, c_int, c_long, c_void};
use openssl_sys::{
    BIO, BIO_CTRL_EOF, BIO_CTRL_FLUSH, BIO_FLAGS_READ, BIO_FLAGS_SHOULD_RETRY, BIO_FLAGS_WRITE,
    BIO_METHOD, BIO_clear_flags, BIO_get_data, BIO_meth_free, BIO_meth_new,
    BIO_meth_set_ctrl__fixed_rust, BIO_meth_set_read__fixed_rust, BIO_meth_set_write__fixed_rust,
    BIO_new, BIO_set_data, BIO_set_flags, BIO_set_init,
};

/// To be called again when there is something to read.
const RETRY_READ: c_int = BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY;
/// To be called again when there is room to write.
const RETRY_WRITE: c_int = BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY;

/// How a call goes about the socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// Waits, as long as the descriptor's own timeouts say.
    Wait,
    /// Takes what there is. A read that brought less than asked for has emptied the socket, and the next is spared.
    Try,
    /// Reads nothing more: OpenSSL is to hand out what it has.
    Drain,
}

/// A descriptor and what its last call came to.
pub(crate) struct Socket {
    fd: Cell<c_int>,
    mode: Cell<Mode>,
    errno: Cell<c_int>,
    emptied: Cell<bool>,
    ended: Cell<bool>,
    answered: Cell<bool>,
}

impl Socket {
    pub(crate) fn new(fd: c_int) -> Self {
        Self {
            fd: Cell::new(fd),
            mode: Cell::new(Mode::Try),
            errno: Cell::new(0),
            emptied: Cell::new(false),
            ended: Cell::new(false),
            answered: Cell::new(false),
        }
    }

    pub(crate) fn fd(&self) -> c_int {
        self.fd.get()
    }

    /// Follows a context that connects to another address, by another descriptor.
    pub(crate) fn follow(&self, fd: c_int) {
        self.fd.set(fd);
    }

    /// Begins a call of OpenSSL's.
    pub(crate) fn begin(&self, mode: Mode) {
        self.mode.set(mode);
        self.errno.set(0);
        self.emptied.set(false);
    }

    /// The `errno` of the call that failed last since `begin`, or 0.
    pub(crate) fn errno(&self) -> c_int {
        self.errno.get()
    }

    /// Whether the peer has sent anything at all.
    pub(crate) fn answered(&self) -> bool {
        self.answered.get()
    }

    /// Whether there is a connection. One in progress must not be touched: a failed one would tell its error to us, not to the
    /// core.
    pub(crate) fn is_connected(&self) -> bool {
        // SAFETY: zeroes are a value of every field; the address is as large as said.
        unsafe {
            let mut address: libc::sockaddr_storage = core::mem::zeroed();
            let mut len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            libc::getpeername(self.fd(), (&raw mut address).cast(), &raw mut len) == 0
        }
    }

    fn receive(&self, place: *mut c_char, len: usize) -> isize {
        let flags = match self.mode.get() {
            Mode::Drain => return self.failed(EAGAIN),
            Mode::Try if self.emptied.get() => return self.failed(EAGAIN),
            Mode::Try => MSG_DONTWAIT,
            Mode::Wait => 0,
        };
        // SAFETY: the caller's buffer is as long as it says.
        let count = unsafe { libc::recv(self.fd(), place.cast(), len, flags) };
        match usize::try_from(count) {
            Ok(0) => self.ended.set(true),
            Ok(count) => {
                self.answered.set(true);
                self.emptied.set(count < len);
            }
            Err(_) => return self.failed(errno()),
        }
        count
    }

    fn send(&self, place: *const c_char, len: usize) -> isize {
        let flags = match self.mode.get() {
            Mode::Wait => MSG_NOSIGNAL,
            Mode::Try | Mode::Drain => MSG_NOSIGNAL | MSG_DONTWAIT,
        };
        // SAFETY: the caller's buffer is as long as it says.
        let count = unsafe { libc::send(self.fd(), place.cast(), len, flags) };
        if count < 0 {
            return self.failed(errno());
        }
        count
    }

    fn failed(&self, errno: c_int) -> isize {
        self.errno.set(errno);
        -1
    }

    fn may_retry(&self) -> bool {
        matches!(self.errno.get(), EAGAIN | EINTR)
    }
}

/// The table that lets OpenSSL read and write a `Socket`.
#[derive(Clone, Copy)]
pub(crate) struct Method(NonNull<BIO_METHOD>);

impl Method {
    /// `None` without memory.
    pub(crate) fn new() -> Option<Self> {
        // SAFETY: the name is static, and the functions fit their places.
        unsafe {
            let method = NonNull::new(BIO_meth_new(BIO_TYPE_SOCKET, c"hiredis socket".as_ptr()))?;
            BIO_meth_set_read__fixed_rust(method.as_ptr(), Some(bio_read));
            BIO_meth_set_write__fixed_rust(method.as_ptr(), Some(bio_write));
            BIO_meth_set_ctrl__fixed_rust(method.as_ptr(), Some(bio_ctrl));
            Some(Self(method))
        }
    }

    /// A BIO on `socket`, or `None` without memory.
    ///
    /// # Safety
    /// `socket` and the method outlive the BIO.
    pub(crate) unsafe fn bio(self, socket: *const Socket) -> Option<NonNull<BIO>> {
        // SAFETY: the method is live, and the data what the functions expect.
        unsafe {
            let bio = NonNull::new(BIO_new(self.0.as_ptr()))?;
            BIO_set_data(bio.as_ptr(), socket.cast_mut().cast());
            BIO_set_init(bio.as_ptr(), 1);
            Some(bio)
        }
    }

    /// Frees the table.
    ///
    /// # Safety
    /// No BIO uses it any more.
    pub(crate) unsafe fn free(self) {
        // SAFETY: the caller's promise.
        unsafe { BIO_meth_free(self.0.as_ptr()) }
    }
}

/// Where the socket of one of our BIOs stands.
///
/// # Safety
/// `bio` is live.
pub(crate) unsafe fn place(bio: *mut BIO) -> *const Socket {
    // SAFETY: the caller's promise; the data was set in `Method::bio`.
    unsafe { BIO_get_data(bio).cast::<Socket>() }
}

/// The socket of one of our BIOs.
///
/// # Safety
/// `bio` is live, and its socket outlives the use.
unsafe fn of<'a>(bio: *mut BIO) -> Option<&'a Socket> {
    // SAFETY: the caller's promise.
    unsafe { place(bio).as_ref() }
}

unsafe extern "C" fn bio_read(bio: *mut BIO, place: *mut c_char, len: c_int) -> c_int {
    // SAFETY: OpenSSL passes one of our BIOs and a buffer of `len` bytes.
    unsafe {
        BIO_clear_flags(bio, RETRY_READ | RETRY_WRITE);
        let (Some(socket), Ok(len)) = (of(bio), usize::try_from(len)) else {
            return -1;
        };
        let count = socket.receive(place, len);
        if count < 0 && socket.may_retry() {
            BIO_set_flags(bio, RETRY_READ);
        }
        // No more than `len`, which is one of these.
        count as c_int
    }
}

unsafe extern "C" fn bio_write(bio: *mut BIO, place: *const c_char, len: c_int) -> c_int {
    // SAFETY: as in `bio_read`.
    unsafe {
        BIO_clear_flags(bio, RETRY_READ | RETRY_WRITE);
        let (Some(socket), Ok(len)) = (of(bio), usize::try_from(len)) else {
            return -1;
        };
        let count = socket.send(place, len);
        if count < 0 && socket.may_retry() {
            BIO_set_flags(bio, RETRY_WRITE);
        }
        count as c_int
    }
}

unsafe extern "C" fn bio_ctrl(
    bio: *mut BIO,
    what: c_int,
    _number: c_long,
    pointer: *mut c_void,
) -> c_long {
    // SAFETY: OpenSSL passes one of our BIOs; for this request the pointer is NULL or an int's.
    unsafe {
        match (what, of(bio)) {
            (BIO_CTRL_FLUSH, _) => 1,
            (BIO_CTRL_EOF, Some(socket)) => socket.ended.get().into(),
            (BIO_C_GET_FD, Some(socket)) => {
                if !pointer.is_null() {
                    *pointer.cast::<c_int>() = socket.fd();
                }
                socket.fd().into()
            }
            _ => 0,
        }
    }
}
