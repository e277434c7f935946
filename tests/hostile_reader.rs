//! Hostile input to the reader: every row, and where it is asserted.
//!
//! | input | where |
//! |---|---|
//! | `*2305843009213693953` without a limit | `reader_limits.c`: `impossible_sizes` |
//! | `*4294967295`, `%4294967295` | `announcements`, `connection_announcements`, `nested_announcements` |
//! | `%4611686018427387904` | `refused`; without a limit `reader_limits.c`: `impossible_sizes` |
//! | `$9223372036854775807`, `$2147483648` to `$68719476736` and a trickle | `announcements`, `connection_announcements` |
//! | `*1` 1024 and 1025 times | `nesting`; other limits `reader_limits.c`: `depth` |
//! | `*1` a million times without a limit | `reader_limits.c`: `unlimited_depth` |
//! | a command cut off, byte by byte and in every split | `every_split` |
//! | `:+1`, `:00`, `:-0`, `:`, `:9223372036854775808` | `refused` |
//! | `$-2`, `*-2` | `refused` |
//! | `#` with a NUL, `x`, nothing | `refused` |
//! | `,1e400`, `,1e-400`, `,+1`, `,0x1p3`, `, 1`; 326 bytes | `refused`; `long_double` |
//! | `=3 abc`, `=4 abcd` | `refused` |
//! | `!`, `.`, `?`, NUL, 0x80, 0xff | `refused`; all 256 bytes `differential/reader_errors.c` |
//! | 64 MiB of `+OK` in one feed, many replies of 1.1 KiB, a line of 64 MiB | `linear.rs` |
//! | every allocation failing | `oom.rs` |
//! | random bytes, streams flipped, cut, repeated | `reader_random.c` |
//!
//! Names without a file are functions and tables of `c/hostile_reader.c`.

mod support;

use support::{Build, Hiredis, say};

#[test]
fn every_row_has_its_error_and_its_price() {
    Build::new("c/hostile_reader.c")
        .build()
        .on(Hiredis::Ours)
        .success();
}

#[test]
fn every_row_under_valgrind() {
    Build::new("c/hostile_reader.c")
        .build()
        .on(Hiredis::Ours)
        .valgrind()
        .success();
}

/// Without free lists, so that every byte is counted.
#[test]
fn memory_follows_what_arrives() {
    let run = Build::new("c/hostile_memory.c").build().on(Hiredis::Ours);
    let run = run.env("HIREDIS_FREE_LISTS", "0").timeout(120);
    let figures = run.success();
    assert_eq!(figures.lines().count(), 6 * 3);
    say(&figures);
}
