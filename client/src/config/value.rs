//! The types that options have: each is read from text and printed as text.

use crate::text::{self, OutOfMemory};
use std::fmt;
use std::time::Duration;

/// Why a text is no value of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// It is none of the option's values, which the text names.
    Not(&'static str),
    /// It is beyond the option's limits.
    Range {
        /// The smallest value.
        min: u64,
        /// The largest value.
        max: u64,
    },
    /// Memory is short.
    Memory,
}

impl From<OutOfMemory> for Invalid {
    fn from(_: OutOfMemory) -> Self {
        Self::Memory
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Not(expected) => write!(f, "expected {expected}"),
            Self::Range { min, max } => write!(f, "expected {min} to {max}"),
            Self::Memory => OutOfMemory.fmt(f),
        }
    }
}

/// A value of an option.
pub(super) trait Value: Sized {
    /// What programs are told of the type.
    const TYPE: &'static str;
    /// Whether it is shown only as `***`.
    const SECRET: bool = false;

    fn parse(text: &str) -> Result<Self, Invalid>;

    /// `None` is an option that is not set.
    fn print(&self) -> Result<Option<String>, OutOfMemory>;
}

/// A number of `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count<const MIN: u64, const MAX: u64>(u64);

impl<const MIN: u64, const MAX: u64> Count<MIN, MAX> {
    /// A constant, which is checked when the program is compiled.
    pub(super) const fn new(count: u64) -> Self {
        assert!(MIN <= count && count <= MAX);
        Self(count)
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }

    fn checked(count: Option<u64>) -> Result<Self, Invalid> {
        match count {
            Some(count) if (MIN..=MAX).contains(&count) => Ok(Self(count)),
            _ => Err(Invalid::Range { min: MIN, max: MAX }),
        }
    }
}

impl<const MIN: u64, const MAX: u64> Value for Count<MIN, MAX> {
    const TYPE: &'static str = "number";

    fn parse(text: &str) -> Result<Self, Invalid> {
        match digits(text) {
            (number, "") if !number.is_empty() => Self::checked(number.parse().ok()),
            _ => Err(Invalid::Not("a number")),
        }
    }

    fn print(&self) -> Result<Option<String>, OutOfMemory> {
        text::display(&self.0).map(Some)
    }
}

/// A number of bytes. Units: `k`, `m`, `g`, of 1024 each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes<const MIN: u64, const MAX: u64>(Count<MIN, MAX>);

impl<const MIN: u64, const MAX: u64> Bytes<MIN, MAX> {
    pub(super) const fn new(count: u64) -> Self {
        Self(Count::new(count))
    }

    /// The number of bytes.
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

impl<const MIN: u64, const MAX: u64> Value for Bytes<MIN, MAX> {
    const TYPE: &'static str = "bytes";

    fn parse(text: &str) -> Result<Self, Invalid> {
        const EXPECTED: Invalid = Invalid::Not("a number of bytes, with k, m or g");
        let (number, unit) = digits(text);
        let shift = match unit {
            "" => 0,
            "k" => 10,
            "m" => 20,
            "g" => 30,
            _ => return Err(EXPECTED),
        };
        if number.is_empty() {
            return Err(EXPECTED);
        }
        let count = number.parse::<u64>().ok();
        Count::checked(count.and_then(|count| count.checked_mul(1 << shift))).map(Self)
    }

    fn print(&self) -> Result<Option<String>, OutOfMemory> {
        self.0.print()
    }
}

/// A time. Units: `us`, `ms`, `s`, `m`; a number alone is milliseconds.
impl Value for Duration {
    const TYPE: &'static str = "duration";

    fn parse(text: &str) -> Result<Self, Invalid> {
        const EXPECTED: Invalid = Invalid::Not("a time, in us, ms, s or m");
        /// A year: whatever is longer is a mistake, and no sum of deadlines can overflow.
        const LONGEST: u64 = 365 * 24 * 3600 * 1_000_000;
        let (number, unit) = digits(text);
        let micros = match unit {
            "us" => 1,
            "" | "ms" => 1000,
            "s" => 1_000_000,
            "m" => 60_000_000,
            _ => return Err(EXPECTED),
        };
        if number.is_empty() {
            return Err(EXPECTED);
        }
        match number
            .parse::<u64>()
            .ok()
            .and_then(|n| n.checked_mul(micros))
        {
            Some(time) if time <= LONGEST => Ok(Self::from_micros(time)),
            _ => Err(Invalid::Not("a time of at most a year")),
        }
    }

    fn print(&self) -> Result<Option<String>, OutOfMemory> {
        let micros = self.as_micros();
        let text = match micros {
            0 => text::copy("0"),
            _ if micros.is_multiple_of(1_000_000) => {
                text::display(&format_args!("{}s", micros / 1_000_000))
            }
            _ if micros.is_multiple_of(1000) => text::display(&format_args!("{}ms", micros / 1000)),
            _ => text::display(&format_args!("{micros}us")),
        };
        text.map(Some)
    }
}

/// A text that may be left out.
impl Value for Option<String> {
    const TYPE: &'static str = "text";

    fn parse(text: &str) -> Result<Self, Invalid> {
        Ok(Some(text::copy(text)?))
    }

    fn print(&self) -> Result<Option<String>, OutOfMemory> {
        self.as_deref().map(text::copy).transpose()
    }
}

/// A text that nobody is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Value for Option<Secret> {
    const TYPE: &'static str = "secret";
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, Invalid> {
        Ok(Some(Secret(text::copy(text)?)))
    }

    fn print(&self) -> Result<Option<String>, OutOfMemory> {
        self.as_ref().map(|_| text::copy("***")).transpose()
    }
}

impl Value for bool {
    const TYPE: &'static str = "yes or no";

    fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "yes" | "true" | "1" | "on" => Ok(true),
            "no" | "false" | "0" | "off" => Ok(false),
            _ => Err(Invalid::Not("yes or no")),
        }
    }

    fn print(&self) -> Result<Option<String>, OutOfMemory> {
        text::copy(if *self { "yes" } else { "no" }).map(Some)
    }
}

/// Declares an enumeration whose values have names.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident: $expected:literal { $($(#[$value_doc:meta])* $value:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$value_doc])* $value,)+ }

        impl Value for $name {
            const TYPE: &'static str = $expected;

            fn parse(text: &str) -> Result<Self, Invalid> {
                match text {
                    $($text => Ok(Self::$value),)+
                    _ => Err(Invalid::Not($expected)),
                }
            }

            fn print(&self) -> Result<Option<String>, OutOfMemory> {
                text::copy(match self { $(Self::$value => $text,)+ }).map(Some)
            }
        }
    };
}

choice! {
    /// The version of RESP that the client asks for.
    Protocol: "2 or 3" {
        /// RESP2.
        Resp2 = "2",
        /// RESP3, or RESP2 if the server does not know it.
        Resp3 = "3",
    }
}

choice! {
    /// Which thread does the client's input and output if the program gives no loop.
    IoThread: "own, shared or none" {
        /// A thread of the client's own.
        Own = "own",
        /// A thread that several clients share.
        Shared = "shared",
        /// The program's, in `redisClientRunOnce` and in blocking calls.
        None = "none",
    }
}

choice! {
    /// After which outcomes of an attempt another attempt is made.
    RetryPolicy: "never, safe or idempotent" {
        /// After none.
        Never = "never",
        /// If another attempt cannot execute a command twice that changes something.
        Safe = "safe",
        /// After every unknown outcome, too: repeating the command is harmless.
        Idempotent = "idempotent",
    }
}

choice! {
    /// Which nodes answer commands that only read.
    ReadFrom: "master, master_preferred, replica_preferred, replica or any" {
        /// The master.
        Master = "master",
        /// The master, or a replica if there is no master.
        MasterPreferred = "master_preferred",
        /// A replica, or the master if there is no replica.
        ReplicaPreferred = "replica_preferred",
        /// A replica.
        Replica = "replica",
        /// All of them.
        Any = "any",
    }
}

/// The digits that a text begins with, and the rest.
fn digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}
