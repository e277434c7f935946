//! Sockets: resolving names, connecting, options, reading and writing. Knows descriptors, nothing
//! of contexts.

mod connect;
mod resolve;
mod socket;
mod time;

pub(crate) use connect::{
    Attempt, SocketAddress, TcpOptions, connect_next, connect_tcp, connect_unix,
};
pub(crate) use resolve::{Addresses, Family};
pub(crate) use socket::{
    acknowledge, close, connect_state, has_arrived, is_unix, pending_error, receive, replace, send,
    send_timeout, set_io_timeouts, set_keepalive, set_nodelay, set_user_timeout, wait_for_either,
};
pub(crate) use time::{Deadline, NEVER, connect_deadline, duration, is_zero};
