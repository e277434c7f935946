//! The ABI: every public struct as C lays it out, and the public constants.
//!
//! Field names are C's. Each struct's size and offsets are asserted at compile time against the
//! layout of hiredis 1.1 to 1.4 on LP64 (`tests/abi/` holds the same facts for the C side).
#![forbid(unsafe_code)]
#![allow(non_camel_case_types, non_snake_case)]

mod alloc;
mod async_context;
mod constants;
mod context;
mod read;

pub use alloc::hiredisAllocFuncs;
pub use async_context::*;
pub use constants::*;
pub use context::*;
pub use read::*;

/// Asserts a struct's size and the offset of each named field, at compile time.
macro_rules! assert_layout {
    ($type:ty, $size:expr, { $($field:ident $(. $inner:ident)?: $offset:expr),* $(,)? }) => {
        const _: () = {
            assert!(size_of::<$type>() == $size);
            $(assert!(core::mem::offset_of!($type, $field $(. $inner)?) == $offset);)*
        };
    };
}
use assert_layout;
