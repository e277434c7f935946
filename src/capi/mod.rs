//! The exported C functions, by header. They check, convert and call; nothing else.

pub mod alloc;
pub mod r#async;
pub mod connect;
pub mod format;
pub mod hiredis;
pub mod mio;
pub mod net;
pub mod read;
pub mod sds;
pub mod sds_text;
mod tables;
pub mod variadic;
