//! Constants of the public headers, by the header that defines them.

use libc::c_int;

/// Success.
pub const REDIS_OK: c_int = 0;
/// Failure; the object's `err` and `errstr` say why, where it has them.
pub const REDIS_ERR: c_int = -1;

/// A system call failed: `errno` tells which error, `errstr` is its text.
pub const REDIS_ERR_IO: c_int = 1;
/// Anything without a code of its own (name resolution, format strings, server refusals).
pub const REDIS_ERR_OTHER: c_int = 2;
/// The server closed the connection.
pub const REDIS_ERR_EOF: c_int = 3;
/// The server sent bytes that are not RESP, or a reply that nothing asked for.
pub const REDIS_ERR_PROTOCOL: c_int = 4;
/// An allocation failed.
pub const REDIS_ERR_OOM: c_int = 5;
/// A timeout passed: of an asynchronous connect or command, or of the kernel's keepalive. Timeouts of
/// blocking calls are `REDIS_ERR_IO`, with `errno` `EAGAIN` or `ETIMEDOUT`.
pub const REDIS_ERR_TIMEOUT: c_int = 6;

/// Bulk string.
pub const REDIS_REPLY_STRING: c_int = 1;
/// Array: `elements` replies in `element`.
pub const REDIS_REPLY_ARRAY: c_int = 2;
/// Integer in `integer`.
pub const REDIS_REPLY_INTEGER: c_int = 3;
/// Null of any kind.
pub const REDIS_REPLY_NIL: c_int = 4;
/// Simple string (`+OK`).
pub const REDIS_REPLY_STATUS: c_int = 5;
/// Error, its text in `str`.
pub const REDIS_REPLY_ERROR: c_int = 6;
/// RESP3 double: `dval`, and its text in `str`.
pub const REDIS_REPLY_DOUBLE: c_int = 7;
/// RESP3 boolean: `integer` is 0 or 1.
pub const REDIS_REPLY_BOOL: c_int = 8;
/// RESP3 map: `elements` is twice the number of pairs, keys and values alternate.
pub const REDIS_REPLY_MAP: c_int = 9;
/// RESP3 set.
pub const REDIS_REPLY_SET: c_int = 10;
/// RESP3 attribute: laid out like a map.
pub const REDIS_REPLY_ATTR: c_int = 11;
/// RESP3 push: out-of-band data, laid out like an array.
pub const REDIS_REPLY_PUSH: c_int = 12;
/// RESP3 big number: its digits in `str`.
pub const REDIS_REPLY_BIGNUM: c_int = 13;
/// RESP3 verbatim string: `vtype` holds its three-letter format.
pub const REDIS_REPLY_VERB: c_int = 14;

/// Default of `redisReader.maxbuf`: unused buffer, in bytes, that an idle reader may keep.
pub const REDIS_READER_MAX_BUF: usize = 1024 * 16;
/// Default of `redisReader.maxelements`: elements that one aggregate may announce.
pub const REDIS_READER_MAX_ARRAY_ELEMENTS: i64 = (1 << 32) - 1;
/// Default of `redisReader.maxdepth`: aggregates that may be nested in one another.
pub const REDIS_READER_MAX_REPLY_DEPTH: c_int = 1024;

/// Context flag: calls block until they are done.
pub const REDIS_BLOCK: c_int = 0x1;
/// Context flag: connected; with the non-blocking API also while the connect is in progress.
pub const REDIS_CONNECTED: c_int = 0x2;
/// Context flag: an orderly disconnect waits for the outstanding replies.
pub const REDIS_DISCONNECTING: c_int = 0x4;
/// Context flag: the context is being freed.
pub const REDIS_FREEING: c_int = 0x8;
/// Context flag: a callback of this context is running.
pub const REDIS_IN_CALLBACK: c_int = 0x10;
/// Context flag: in subscribed mode.
pub const REDIS_SUBSCRIBED: c_int = 0x20;
/// Context flag: in monitor mode.
pub const REDIS_MONITORING: c_int = 0x40;
/// Context flag: bind with `SO_REUSEADDR`.
pub const REDIS_REUSEADDR: c_int = 0x80;
/// Context flag: the server has sent RESP3 pushes.
pub const REDIS_SUPPORTS_PUSH: c_int = 0x100;
/// Context flag: an asynchronous context outlives its disconnection.
pub const REDIS_NO_AUTO_FREE: c_int = 0x200;
/// Context flag: replies given to callbacks belong to the callback.
pub const REDIS_NO_AUTO_FREE_REPLIES: c_int = 0x400;
/// Context flag: resolve to IPv4 first.
pub const REDIS_PREFER_IPV4: c_int = 0x800;
/// Context flag: resolve to IPv6 first.
pub const REDIS_PREFER_IPV6: c_int = 0x1000;
/// Context flag of our own: sockets are opened with `SOCK_CLOEXEC`. The C library keeps this in
/// `REDIS_REUSEADDR`'s bit, so that each option switches on the other.
pub(crate) const CLOEXEC: c_int = 0x2000;
/// Context flag of our own: this is the beginning of a `redisAsyncContext`, and the core keeps its timers. Our TLS library, which may
/// run over the C core too, looks at it.
pub(crate) const ASYNC: c_int = 0x4000;
/// Context flag of our own: our TLS library has a handshake in progress, for which the connect timeout counts.
pub(crate) const HANDSHAKE: c_int = 0x8000;
/// Context flag of our own: the transport is that of our TLS library, which heeds `NO_WAIT`.
pub(crate) const TLS: c_int = 0x1_0000;
/// Context flag of our own: the transport is not to wait, although the context blocks. The core sets
/// it for single calls; a program does not see `REDIS_BLOCK` change.
pub(crate) const NO_WAIT: c_int = 0x2_0000;
/// Context flag that adapters set: their timer fires although neither reading nor writing is of interest.
/// async.h has it, too.
pub(crate) const REDIS_TIMER_ALONE: c_int = 0x4_0000;
/// Context flag of our own: this asynchronous context watches a descriptor and takes no commands.
pub(crate) const WATCHES: c_int = 0x8_0000;

/// Interval, in seconds, of `redisEnableKeepAlive`.
pub const REDIS_KEEPALIVE_INTERVAL: c_int = 15;
/// Attempts to connect from a bound, reusable local address that is not available yet.
pub const REDIS_CONNECT_RETRIES: c_int = 10;

/// Option: do not block.
pub const REDIS_OPT_NONBLOCK: c_int = 0x01;
/// Option: bind with `SO_REUSEADDR`.
pub const REDIS_OPT_REUSEADDR: c_int = 0x02;
/// Option: keep an asynchronous context after it has disconnected.
pub const REDIS_OPT_NOAUTOFREE: c_int = 0x04;
/// Option: no default push callback; pushes arrive in-band.
pub const REDIS_OPT_NO_PUSH_AUTOFREE: c_int = 0x08;
/// Option: callbacks own the replies they are given.
pub const REDIS_OPT_NOAUTOFREEREPLIES: c_int = 0x10;
/// Option: resolve to IPv4 first.
pub const REDIS_OPT_PREFER_IPV4: c_int = 0x20;
/// Option: resolve to IPv6 first.
pub const REDIS_OPT_PREFER_IPV6: c_int = 0x40;
/// Option: take addresses of any family, in the resolver's order.
pub const REDIS_OPT_PREFER_IP_UNSPEC: c_int = REDIS_OPT_PREFER_IPV4 | REDIS_OPT_PREFER_IPV6;
/// Option: open sockets with `SOCK_CLOEXEC`.
pub const REDIS_OPT_SET_SOCK_CLOEXEC: c_int = 0x80;

/// No file descriptor.
pub const REDIS_INVALID_FD: c_int = -1;

/// `connection_type`: TCP.
pub const REDIS_CONN_TCP: c_int = 0;
/// `connection_type`: unix socket.
pub const REDIS_CONN_UNIX: c_int = 1;
/// `connection_type`: a descriptor that the program connected.
pub const REDIS_CONN_USERFD: c_int = 2;
