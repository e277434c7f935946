//! One connection to one server.

pub mod backoff;
pub mod ledger;
