//! The exported C functions, one file per header. They check, convert and call; nothing else.

pub mod alloc;
