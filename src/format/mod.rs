//! The printf-like command formatter, over C's variadic arguments.

mod va;

pub(crate) use va::Arguments;
pub use va::VaList;
