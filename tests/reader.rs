//! The reader on its own: limits, hostile input, linear time, random input (contract sections 2 and 11.13–11.16).
//! What it shares with the C library is compared in `differential/reader_*.c`.

mod support;

use support::{Build, Hiredis, say};

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

/// The bar is 1.5 on a quiet machine; what the C library does wrong is 16 and more.
#[test]
fn time_per_byte_does_not_grow_with_the_input() {
    let report = Build::new("c/reader_linear.c")
        .build()
        .on(Hiredis::Ours)
        .timeout(120)
        .success();
    say(report.trim_end());
    for line in report.lines() {
        let ratio: f64 = line
            .rsplit(' ')
            .next()
            .and_then(|word| word.parse().ok())
            .expect("a ratio");
        assert!(ratio < 3.0, "{line}");
    }
    assert_eq!(report.lines().count(), 4);
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
