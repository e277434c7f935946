//! A Redis client on top of hiredis: `libhiredis_client.so`.
//!
//! It links nothing of the core's Rust code and uses the exported C functions alone.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

#[forbid(unsafe_code)]
pub mod client;
#[forbid(unsafe_code)]
pub mod commands;
#[forbid(unsafe_code)]
pub mod config;
#[forbid(unsafe_code)]
pub mod connection;
#[forbid(unsafe_code)]
pub mod outcome;
#[forbid(unsafe_code)]
pub mod retry;
#[forbid(unsafe_code)]
mod text;
#[forbid(unsafe_code)]
pub mod time;
