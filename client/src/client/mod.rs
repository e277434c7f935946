//! The client: what waits, what is under way, and how it ends.

pub mod arena;
pub mod deadlines;
