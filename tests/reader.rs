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

/// Quadratic, each of these takes hundreds of nanoseconds per byte at 64 MiB. What grows otherwise is the cost of memory: only
/// the many small replies take time enough of their own to be compared between the two sizes.
#[test]
fn time_per_byte_does_not_grow_with_the_input() {
    let report = Build::new("c/reader_linear.c")
        .build()
        .on(Hiredis::Ours)
        .timeout(120)
        .success();
    for line in report.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let [small, large] = [1, 2].map(|n| fields[n].parse::<f64>().expect("nanoseconds"));
        say(&format!(
            "{}: {small} ns/byte at 4 MiB, {large} at 64 MiB",
            fields[0]
        ));
        assert!(large < 30.0, "{line}");
        assert!(fields[0] != "statuses" || large / small < 1.5, "{line}");
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
