//! Every error the library reports: its `REDIS_ERR_*` code and its text, in one place.

use crate::layout::{
    REDIS_ERR_EOF, REDIS_ERR_IO, REDIS_ERR_OOM, REDIS_ERR_OTHER, REDIS_ERR_PROTOCOL,
    REDIS_ERR_TIMEOUT,
};
use core::ffi::CStr;
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
    /// The same for the commands of a connection that is there, and stays sound.
    InvalidCommandTimeout,
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
    /// A limit that the program has set is reached.
    Limit(&'static str),
    /// A timeout passed.
    Timeout(&'static str),
}

/// A command text that the formatter refuses.
pub(crate) const INVALID_FORMAT: Error = Error::Other("Invalid format string");
/// A command without a name: the server would never answer it.
pub(crate) const EMPTY_COMMAND: Error = Error::Other("Empty command");

/// A reply is larger than the program allows.
pub(crate) const INPUT_LIMIT: Error = Error::Limit("Input limit reached");
/// A command would make more output wait than the program allows.
pub(crate) const OUTPUT_LIMIT: Error = Error::Limit("Output limit reached");

impl Error {
    /// The `REDIS_ERR_*` code.
    pub(crate) fn code(&self) -> c_int {
        match self {
            Self::Io(_) | Self::Call(..) | Self::InvalidTimeout | Self::InvalidCommandTimeout => {
                REDIS_ERR_IO
            }
            Self::Option(_)
            | Self::Resolve(_)
            | Self::ResolveSource(_)
            | Self::Bind(_)
            | Self::CreateSocket(_)
            | Self::Other(_) => REDIS_ERR_OTHER,
            Self::Eof => REDIS_ERR_EOF,
            Self::Protocol(_) | Self::ReplyType(_) => REDIS_ERR_PROTOCOL,
            Self::OutOfMemory | Self::Limit(_) => REDIS_ERR_OOM,
            Self::Timeout(_) => REDIS_ERR_TIMEOUT,
        }
    }

    /// Writes code and text into the fields of a reader or context.
    pub(crate) fn store(&self, err: &mut c_int, errstr: &mut ErrorText) {
        *err = self.code();
        self.write(&mut TextWriter::new(errstr));
    }

    /// The `Io` error of the calling thread's `errno`.
    pub(crate) fn last_os_error() -> Self {
        Self::Io(errno())
    }
}

impl Error {
    fn write(&self, text: &mut TextWriter<'_>) {
        match *self {
            Self::Io(errno) | Self::Option(errno) => text.push_system(errno),
            Self::Call(call, errno) => {
                text.push(call.as_bytes());
                text.push(b": ");
                text.push_system(errno);
            }
            Self::Resolve(code) => text.push_resolver(code),
            Self::ResolveSource(code) => {
                text.push(b"Can't get addr: ");
                text.push_resolver(code);
            }
            Self::Bind(errno) => {
                text.push(b"Can't bind socket: ");
                text.push_system(errno);
            }
            Self::CreateSocket(errno) => {
                text.push(b"Can't create socket: ");
                text.push_system(errno);
            }
            Self::Other(words)
            | Self::Protocol(words)
            | Self::Limit(words)
            | Self::Timeout(words) => {
                text.push(words.as_bytes());
            }
            Self::InvalidTimeout | Self::InvalidCommandTimeout => {
                text.push(b"Invalid timeout specified");
            }
            Self::Eof => text.push(b"Server closed the connection"),
            Self::ReplyType(byte) => {
                text.push(b"Protocol error, got \"");
                text.push_escaped(byte);
                text.push(b"\" as reply type byte");
            }
            Self::OutOfMemory => text.push(b"Out of memory"),
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

    /// `strerror` of an `errno`, in the locale's own bytes, without its shared buffer.
    fn push_system(&mut self, errno: c_int) {
        let mut text: ErrorText = [0; 128];
        // SAFETY: the buffer is as long as said, and zeroed, so that it is NUL-terminated however
        // much of it `strerror_r` fills.
        let text = unsafe {
            libc::strerror_r(errno, text.as_mut_ptr(), text.len() - 1);
            CStr::from_ptr(text.as_ptr())
        };
        self.push(text.to_bytes());
    }

    /// `gai_strerror` of an `EAI_*` code.
    fn push_resolver(&mut self, code: c_int) {
        // SAFETY: `gai_strerror` returns a static, NUL-terminated string for every code.
        self.push(unsafe { CStr::from_ptr(libc::gai_strerror(code)) }.to_bytes());
    }

    /// A byte as it is shown in an error text.
    fn push_escaped(&mut self, byte: u8) {
        match byte {
            b'\\' => self.push(b"\\\\"),
            b'"' => self.push(b"\\\""),
            b'\n' => self.push(b"\\n"),
            b'\r' => self.push(b"\\r"),
            b'\t' => self.push(b"\\t"),
            0x07 => self.push(b"\\a"),
            0x08 => self.push(b"\\b"),
            b' '..=b'~' => self.push(&[byte]),
            byte => {
                let digit = |value: u8| {
                    char::from_digit(u32::from(value), 16).map_or(b'?', |digit| digit as u8)
                };
                self.push(&[b'\\', b'x', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
}
