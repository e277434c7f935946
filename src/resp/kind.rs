//! The types of replies.

use crate::layout::{
    REDIS_REPLY_ARRAY, REDIS_REPLY_ATTR, REDIS_REPLY_BIGNUM, REDIS_REPLY_BOOL, REDIS_REPLY_DOUBLE,
    REDIS_REPLY_ERROR, REDIS_REPLY_INTEGER, REDIS_REPLY_MAP, REDIS_REPLY_NIL, REDIS_REPLY_PUSH,
    REDIS_REPLY_SET, REDIS_REPLY_STATUS, REDIS_REPLY_STRING, REDIS_REPLY_VERB,
};
use libc::c_int;

/// The type of a reply on the wire; its value is the `REDIS_REPLY_*` number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Kind {
    BulkString = REDIS_REPLY_STRING,
    Array = REDIS_REPLY_ARRAY,
    Integer = REDIS_REPLY_INTEGER,
    Null = REDIS_REPLY_NIL,
    SimpleString = REDIS_REPLY_STATUS,
    SimpleError = REDIS_REPLY_ERROR,
    Double = REDIS_REPLY_DOUBLE,
    Boolean = REDIS_REPLY_BOOL,
    Map = REDIS_REPLY_MAP,
    Set = REDIS_REPLY_SET,
    Attribute = REDIS_REPLY_ATTR,
    Push = REDIS_REPLY_PUSH,
    BigNumber = REDIS_REPLY_BIGNUM,
    VerbatimString = REDIS_REPLY_VERB,
}

impl Kind {
    /// The type that a reply's first byte announces.
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            b'$' => Self::BulkString,
            b'*' => Self::Array,
            b':' => Self::Integer,
            b'+' => Self::SimpleString,
            b'-' => Self::SimpleError,
            b'_' => Self::Null,
            b',' => Self::Double,
            b'#' => Self::Boolean,
            b'%' => Self::Map,
            b'~' => Self::Set,
            b'|' => Self::Attribute,
            b'>' => Self::Push,
            b'(' => Self::BigNumber,
            b'=' => Self::VerbatimString,
            _ => return None,
        })
    }

    /// The type with this `REDIS_REPLY_*` number.
    pub(crate) fn from_number(number: c_int) -> Option<Self> {
        Some(match number {
            REDIS_REPLY_STRING => Self::BulkString,
            REDIS_REPLY_ARRAY => Self::Array,
            REDIS_REPLY_INTEGER => Self::Integer,
            REDIS_REPLY_NIL => Self::Null,
            REDIS_REPLY_STATUS => Self::SimpleString,
            REDIS_REPLY_ERROR => Self::SimpleError,
            REDIS_REPLY_DOUBLE => Self::Double,
            REDIS_REPLY_BOOL => Self::Boolean,
            REDIS_REPLY_MAP => Self::Map,
            REDIS_REPLY_SET => Self::Set,
            REDIS_REPLY_ATTR => Self::Attribute,
            REDIS_REPLY_PUSH => Self::Push,
            REDIS_REPLY_BIGNUM => Self::BigNumber,
            REDIS_REPLY_VERB => Self::VerbatimString,
            _ => return None,
        })
    }

    /// Whether replies of this type hold other replies.
    pub(crate) fn is_aggregate(self) -> bool {
        matches!(
            self,
            Self::Array | Self::Map | Self::Set | Self::Attribute | Self::Push
        )
    }

    /// Elements per announced entry: two where entries are pairs.
    pub(crate) fn elements_per_entry(self) -> i64 {
        match self {
            Self::Map | Self::Attribute => 2,
            _ => 1,
        }
    }
}
