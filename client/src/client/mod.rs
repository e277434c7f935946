//! The client: what waits, what is under way, and how it ends.

mod arena;
mod deadlines;
mod engine;
#[cfg(test)]
mod truth;

pub use arena::Id;
pub use deadlines::Time;
pub use engine::{Completion, Engine, Limits, Refusal, Reply};
