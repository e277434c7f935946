//! Every error the library reports: its `REDIS_ERR_*` code and its text, in one place.

use crate::layout::{
    REDIS_ERR_EOF, REDIS_ERR_IO, REDIS_ERR_OOM, REDIS_ERR_OTHER, REDIS_ERR_PROTOCOL,
    REDIS_ERR_TIMEOUT,
};
use core::ffi::CStr;
use core::fmt::{self, Display, Formatter, Write};
use libc::{c_char, c_int};

/// The `errstr` of a reader or context: at most 127 bytes of text and a NUL.
pub(crate) type ErrorText = [c_char; 128];

/// Why an operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// A system call failed with this `errno`.
    Io(c_int),
    /// As `Io`, naming the call.
    Call(&'static str, c_int),
    /// A timeout that is negative, not normalised, or too long.
    InvalidTimeout,
    /// A socket option was refused; unlike `Io` the connection itself is sound.
    Option(c_int),
    /// The host name did not resolve (`EAI_*`).
    Resolve(c_int),
    /// The local address to bind to did not resolve (`EAI_*`).
    ResolveSource(c_int),
    /// Binding to the local address failed with this `errno`.
    Bind(c_int),
    /// No address led to a connection; the last `errno`.
    CreateSocket(c_int),
    /// Anything else that is not the peer's fault.
    Other(&'static str),
    /// The peer closed the connection.
    Eof,
    /// The peer broke the protocol.
    Protocol(&'static str),
    /// A reply began with this byte.
    ReplyType(u8),
    /// An allocation failed.
    OutOfMemory,
    /// A timeout passed.
    Timeout(&'static str),
}

/// A command text that the formatter refuses.
pub(crate) const INVALID_FORMAT: Error = Error::Other("Invalid format string");
/// A command without a name: the server would never answer it.
pub(crate) const EMPTY_COMMAND: Error = Error::Other("Empty command");

impl Error {
    /// The `REDIS_ERR_*` code.
    pub(crate) fn code(&self) -> c_int {
        match self {
            Self::Io(_) | Self::Call(..) | Self::InvalidTimeout => REDIS_ERR_IO,
            Self::Option(_)
            | Self::Resolve(_)
            | Self::ResolveSource(_)
            | Self::Bind(_)
            | Self::CreateSocket(_)
            | Self::Other(_) => REDIS_ERR_OTHER,
            Self::Eof => REDIS_ERR_EOF,
            Self::Protocol(_) | Self::ReplyType(_) => REDIS_ERR_PROTOCOL,
            Self::OutOfMemory => REDIS_ERR_OOM,
            Self::Timeout(_) => REDIS_ERR_TIMEOUT,
        }
    }

    /// Writes code and text into the fields of a reader or context.
    pub(crate) fn store(&self, err: &mut c_int, errstr: &mut ErrorText) {
        *err = self.code();
        let mut text = TextWriter::new(errstr);
        // A text that does not fit is cut, as `errstr` always was; that is no failure.
        let _ = write!(text, "{self}");
    }

    /// The `Io` error of the calling thread's `errno`.
    pub(crate) fn last_os_error() -> Self {
        Self::Io(errno())
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Io(errno) | Self::Option(errno) => SystemText(errno).fmt(f),
            Self::Call(call, errno) => write!(f, "{call}: {}", SystemText(errno)),
            Self::Resolve(code) => ResolverText(code).fmt(f),
            Self::ResolveSource(code) => write!(f, "Can't get addr: {}", ResolverText(code)),
            Self::Bind(errno) => write!(f, "Can't bind socket: {}", SystemText(errno)),
            Self::CreateSocket(errno) => write!(f, "Can't create socket: {}", SystemText(errno)),
            Self::Other(text) | Self::Protocol(text) | Self::Timeout(text) => f.write_str(text),
            Self::InvalidTimeout => f.write_str("Invalid timeout specified"),
            Self::Eof => f.write_str("Server closed the connection"),
            Self::ReplyType(byte) => {
                write!(
                    f,
                    "Protocol error, got \"{}\" as reply type byte",
                    Escaped(byte)
                )
            }
            Self::OutOfMemory => f.write_str("Out of memory"),
        }
    }
}

/// Copies `text` into `errstr`, cut to what fits.
pub(crate) fn store_text(errstr: &mut ErrorText, text: &[u8]) {
    TextWriter::new(errstr).push(text);
}

/// The calling thread's `errno`.
pub(crate) fn errno() -> c_int {
    // SAFETY: `__errno_location` always returns the calling thread's own, valid location.
    unsafe { *libc::__errno_location() }
}

/// Sets the calling thread's `errno`, which programs inspect after `REDIS_ERR_IO`.
pub(crate) fn set_errno(value: c_int) {
    // SAFETY: as in `errno`.
    unsafe { *libc::__errno_location() = value }
}

/// Fills an `errstr`, keeping it NUL-terminated at every step.
struct TextWriter<'a> {
    text: &'a mut ErrorText,
    len: usize,
}

impl<'a> TextWriter<'a> {
    fn new(text: &'a mut ErrorText) -> Self {
        text.fill(0);
        Self { text, len: 0 }
    }

    fn push(&mut self, bytes: &[u8]) {
        let room = self.text.len() - 1;
        for &byte in bytes {
            if self.len == room {
                return;
            }
            if let Some(place) = self.text.get_mut(self.len) {
                *place = byte as c_char;
            }
            self.len += 1;
        }
    }
}

impl Write for TextWriter<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.push(s.as_bytes());
        Ok(())
    }
}

/// `strerror` of an `errno`, without its shared buffer.
struct SystemText(c_int);

impl Display for SystemText {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut text: ErrorText = [0; 128];
        // SAFETY: the buffer is as long as said, and zeroed, so that it is NUL-terminated however
        // much of it `strerror_r` fills.
        let text = unsafe {
            libc::strerror_r(self.0, text.as_mut_ptr(), text.len() - 1);
            CStr::from_ptr(text.as_ptr())
        };
        f.write_str(text.to_str().unwrap_or("Unknown error"))
    }
}

/// `gai_strerror` of an `EAI_*` code.
struct ResolverText(c_int);

impl Display for ResolverText {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // SAFETY: `gai_strerror` returns a static, NUL-terminated string for every code.
        let text = unsafe { CStr::from_ptr(libc::gai_strerror(self.0)) };
        f.write_str(text.to_str().unwrap_or("Name resolution failed"))
    }
}

/// A byte as it is shown in an error text.
struct Escaped(u8);

impl Display for Escaped {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            b'\\' => f.write_str("\\\\"),
            b'"' => f.write_str("\\\""),
            b'\n' => f.write_str("\\n"),
            b'\r' => f.write_str("\\r"),
            b'\t' => f.write_str("\\t"),
            0x07 => f.write_str("\\a"),
            0x08 => f.write_str("\\b"),
            byte @ b' '..=b'~' => f.write_char(char::from(byte)),
            byte => write!(f, "\\x{byte:02x}"),
        }
    }
}
