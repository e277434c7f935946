//! The reader on its own: limits, hostile input, random input (contract sections 2 and 11.14–11.16).
//! Linear time is the concern of `linear.rs`.
//! What it shares with the C library is compared in `differential/reader_*.c`.

mod support;

use support::{Build, Hiredis};

#[test]
fn limits_hold_and_memory_follows_the_bytes_received() {
    Build::new("c/reader_limits.c")
        .build()
        .on(Hiredis::Ours)
        .success();
}

#[test]
fn limits_under_valgrind() {
    Build::new("c/reader_limits.c")
        .build()
        .on(Hiredis::Ours)
        .valgrind()
        .success();
}

#[test]
fn random_streams_have_one_verdict_for_every_split() {
    for seed in ["1", "2", "3"] {
        Build::new("c/reader_random.c")
            .build()
            .on(Hiredis::Ours)
            .arg(seed)
            .arg("20000")
            .success();
    }
}

#[test]
fn random_streams_under_valgrind() {
    let run = Build::new("c/reader_random.c").build().on(Hiredis::Ours);
    run.arg("4").arg("1500").valgrind().success();
}

#[test]
fn defect_15_tasks_hold_no_stale_object() {
    Build::new("c/reader_tasks.c")
        .build()
        .on(Hiredis::Ours)
        .success();
}
