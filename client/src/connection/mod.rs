//! One connection to one server.

pub mod backoff;
pub mod handshake;
pub mod ledger;
pub mod life;
pub mod liveness;
