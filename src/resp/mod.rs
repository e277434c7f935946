//! RESP as bytes: types, lines, numbers, commands. Follows the specifications of RESP2 and RESP3
//! at <https://redis.io/docs/latest/develop/reference/protocol-spec/>.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub(crate) mod command;
pub(crate) mod encode;

mod double;
mod integer;
mod kind;
mod line;

pub(crate) use double::parse_double;
pub(crate) use integer::{is_bignum, parse_integer, parse_short_line};
pub(crate) use kind::Kind;
pub(crate) use line::{Line, find_line, is_broken};
