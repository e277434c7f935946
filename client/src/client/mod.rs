//! The client: what waits, what is under way, and how it ends.

mod arena;
mod command;
mod deadlines;
mod engine;
#[cfg(test)]
mod truth;

pub use arena::Id;
pub use command::{Completion, Limits, Refusal, Reply};
pub use engine::Engine;
