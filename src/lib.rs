//! The C library hiredis, rewritten in Rust behind the same ABI.
//!
//! C and C++ programs include `<hiredis/hiredis.h>` and link `libhiredis.so`; this crate is what
//! stands behind them. Layers, each of which knows only those after it:
//! `capi → event_loop → async_context → context → reader · format · net → resp · sds → alloc → error → layout`.

pub mod capi;
pub mod event_loop;
pub mod layout;

mod alloc;
mod async_context;
mod context;
mod error;
mod format;
mod interposed;
mod net;
mod one_thread;
mod reader;
mod resp;
mod sds;
mod unwinder;
