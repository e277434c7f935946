//! Why TLS failed: the error code, the text, and the `errno` that programs may look at.

use crate::layout::{
    ASYNC, REDIS_ERR, REDIS_ERR_EOF, REDIS_ERR_IO, REDIS_ERR_OOM, REDIS_ERR_OTHER,
    redisAsyncContext, redisContext,
};
use crate::openssl::{
    SSL_R_CERTIFICATE_VERIFY_FAILED, SSL_R_HTTP_REQUEST, SSL_R_PACKET_LENGTH_TOO_LONG,
    SSL_R_TLSV1_ALERT_INTERNAL_ERROR, SSL_R_WRONG_VERSION_NUMBER,
};
use crate::process::{__redisSetError, set_errno};
use core::ffi::CStr;
use libc::{c_char, c_int, c_long, c_ulong};
use openssl_sys::{
    ERR_GET_REASON, ERR_clear_error, ERR_peek_last_error, ERR_reason_error_string, X509_V_OK,
    X509_verify_cert_error_string,
};

/// Longest text that a context holds, with its NUL.
const ROOM: usize = 128;

/// In front of what ended a handshake.
pub(crate) const CONNECT: &str = "SSL_connect failed: ";
/// In front of what ended the reading.
pub(crate) const READ: &str = "SSL_read failed: ";
/// In front of what ended the writing.
pub(crate) const WRITE: &str = "SSL_write failed: ";

/// What ended a connection, or kept it from beginning.
#[derive(Clone, Copy)]
pub(crate) enum Failure {
    OutOfMemory,
    /// The peer has closed the connection.
    Closed,
    /// A system call failed, in what `prefix` says; `note` may say more about it.
    System {
        prefix: &'static str,
        errno: c_int,
        note: &'static str,
    },
    /// OpenSSL refused, for the reason in this entry of its queue (0: none), with this verdict on the peer's certificate.
    OpenSsl {
        prefix: &'static str,
        error: c_ulong,
        verdict: c_long,
    },
    Other(&'static str),
}

/// A context whose table is TLS's, or is asked of TLS, and that has no such connection.
pub(crate) const NOT_INITIATED: Failure =
    Failure::Other("TLS has not been initiated on this connection");

impl Failure {
    /// A failed system call about which there is no more to say.
    pub(crate) fn system(prefix: &'static str, errno: c_int) -> Self {
        Self::System {
            prefix,
            errno,
            note: "",
        }
    }

    /// Whether it is the alert by which a peer says that the fault is its own.
    pub(crate) fn is_internal_error(&self) -> bool {
        matches!(self, Self::OpenSsl { error, .. } if ERR_GET_REASON(*error) == SSL_R_TLSV1_ALERT_INTERNAL_ERROR)
    }

    /// Puts the failure into a context, unless that has one already. Returns `REDIS_ERR`.
    ///
    /// # Safety
    /// `c` is live, and the beginning of a `redisAsyncContext` if the core says so.
    pub(crate) unsafe fn report(&self, c: *mut redisContext) -> c_int {
        // SAFETY: the caller's promise; the text is NUL-terminated.
        unsafe {
            if (*c).err == 0 {
                let mut text = Text::new();
                text.describe(self);
                __redisSetError(c, self.code(), text.bytes.as_ptr().cast());
                mirror(c);
            }
            clear_errors();
        }
        if let Self::System { errno, .. } = self {
            set_errno(*errno);
        }
        REDIS_ERR
    }

    fn code(&self) -> c_int {
        match self {
            Self::OutOfMemory => REDIS_ERR_OOM,
            Self::Closed => REDIS_ERR_EOF,
            Self::System { .. } | Self::OpenSsl { .. } => REDIS_ERR_IO,
            Self::Other(_) => REDIS_ERR_OTHER,
        }
    }
}

/// The text of an error, cut to what fits.
struct Text {
    bytes: [u8; ROOM],
    len: usize,
}

impl Text {
    fn new() -> Self {
        Self {
            bytes: [0; ROOM],
            len: 0,
        }
    }

    fn describe(&mut self, failure: &Failure) {
        match *failure {
            Failure::OutOfMemory => self.push("Out of memory"),
            Failure::Closed => self.push("Server closed the connection"),
            Failure::System {
                prefix,
                errno,
                note,
            } => {
                self.push(prefix);
                self.push_system(errno);
                self.push_detail(note);
            }
            Failure::OpenSsl {
                prefix,
                error,
                verdict,
            } => {
                self.push(prefix);
                // SAFETY: the string is NULL or static.
                unsafe { self.push_c(ERR_reason_error_string(error), "unknown error") };
                self.push_reason(ERR_GET_REASON(error), verdict);
            }
            Failure::Other(text) => self.push(text),
        }
    }

    /// What is behind a reason that by itself says little.
    fn push_reason(&mut self, reason: c_int, verdict: c_long) {
        match reason {
            SSL_R_CERTIFICATE_VERIFY_FAILED if verdict != c_long::from(X509_V_OK) => {
                self.push(": ");
                // SAFETY: the string is NULL or static.
                unsafe { self.push_c(X509_verify_cert_error_string(verdict), "unknown") };
            }
            SSL_R_WRONG_VERSION_NUMBER | SSL_R_PACKET_LENGTH_TOO_LONG | SSL_R_HTTP_REQUEST => {
                self.push_detail("the peer does not speak TLS");
            }
            _ => {}
        }
    }

    fn push_detail(&mut self, detail: &str) {
        if !detail.is_empty() {
            self.push(": ");
            self.push(detail);
        }
    }

    fn push(&mut self, text: &str) {
        self.push_bytes(text.as_bytes());
    }

    fn push_bytes(&mut self, bytes: &[u8]) {
        // The last byte stays NUL.
        let room = self.bytes.iter_mut().take(ROOM - 1).skip(self.len);
        for (place, byte) in room.zip(bytes) {
            *place = *byte;
            self.len += 1;
        }
    }

    /// A C string, or what stands for none.
    ///
    /// # Safety
    /// `text` is NULL or NUL-terminated.
    unsafe fn push_c(&mut self, text: *const c_char, otherwise: &str) {
        if text.is_null() {
            return self.push(otherwise);
        }
        // SAFETY: the caller's promise.
        self.push_bytes(unsafe { CStr::from_ptr(text) }.to_bytes());
    }

    /// `strerror` of an `errno`, without its shared buffer.
    fn push_system(&mut self, errno: c_int) {
        let mut text: [c_char; ROOM] = [0; ROOM];
        // SAFETY: the buffer is as long as said, and zeroed, so that its text ends in it.
        unsafe {
            libc::strerror_r(errno, text.as_mut_ptr(), ROOM - 1);
            self.push_c(text.as_ptr(), "");
        }
    }
}

/// Empties OpenSSL's queue of errors: others of the program's stand there, and would be taken for ours. It seldom has any, and looking
/// costs less than clearing.
pub(crate) fn clear_errors() {
    // SAFETY: the queue is the calling thread's.
    unsafe {
        if ERR_peek_last_error() != 0 {
            ERR_clear_error();
        }
    }
}

/// Shows an error in the asynchronous context that surrounds this one. Only our core says where there is one.
unsafe fn mirror(c: *mut redisContext) {
    // SAFETY: the caller's context is live, and what the flag says is true.
    unsafe {
        if (*c).flags & ASYNC != 0 {
            let ac: *mut redisAsyncContext = c.cast();
            (*ac).err = (*c).err;
            (*ac).errstr = (&raw mut (*c).errstr).cast();
        }
    }
}
