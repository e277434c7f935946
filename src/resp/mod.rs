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
mod item;
mod kind;
mod line;

pub(crate) use integer::{parse_integer, parse_short_line};
pub(crate) use item::{
    BAD_TERMINATOR, Found, Item, MAX_DOUBLE, NULL_BULK, parse_common_bulk, parse_common_double,
    parse_common_integer, parse_common_status, parse_item, parse_large_integer, parse_medium_bulk,
    parse_small_bulk, parse_small_integer,
};
pub(crate) use kind::Kind;
pub(crate) use line::{Line, find_line};

use double::parse_double;
use integer::{is_bignum, parse_long_line};
