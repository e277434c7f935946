//! TLS for hiredis contexts, on the system's OpenSSL: `libhiredis_ssl.so`.
//!
//! It links nothing of the core. What it needs of `libhiredis.so` are seven C symbols, found in the process that loads both, and
//! the layouts of the public structures; so either library may be the C one. Layers, each of which knows only those after it:
//! `capi → transport → events → transfer → handshake → connection → tls_context → named → session · peer_name → socket → failure → process`.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub mod capi;
#[path = "../../src/layout/mod.rs"]
#[allow(dead_code, reason = "part of it is for the core alone")]
pub mod layout;

mod connection;
mod events;
mod failure;
mod handshake;
mod named;
mod openssl;
#[forbid(unsafe_code)]
pub mod options;
mod peer_name;
mod process;
mod session;
mod socket;
mod tls_context;
mod transfer;
mod transport;
