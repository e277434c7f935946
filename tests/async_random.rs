//! Asynchronous contexts driven at random: every accepted command is answered once and by its own reply, every context ends
//! once, whatever callbacks and servers do.

mod support;

use support::{Build, Hiredis};

/// Runs `count` seeds from `first`; every kind of event must have come up in them.
fn holds(first: u32, count: u32, valgrind: bool) {
    let program = Build::new("c/async_random.c").build();
    let mut run = program
        .on(Hiredis::Ours)
        .arg(&first.to_string())
        .arg(&count.to_string())
        .timeout(300);
    if valgrind {
        run = run.valgrind();
    }
    let out = run.success();
    for line in out.lines() {
        assert!(!line.ends_with(": 0"), "never happened: {line}");
    }
    assert_eq!(out.lines().count(), 10, "{out}");
}

#[test]
fn random_runs() {
    holds(0, 20_000, false);
}

#[test]
fn random_runs_in_valgrind() {
    holds(1_000_000, 1_000, true);
}
