//! What a program allows the library to hold, and what the library gives back after a burst (docs/limits.md).

mod support;

use support::{Build, Hiredis, Server};

#[test]
fn input_and_output_are_bounded() {
    Build::new("c/limits.c").build().on(Hiredis::Ours).success();
}

#[test]
fn input_and_output_under_valgrind() {
    Build::new("c/limits.c")
        .build()
        .on(Hiredis::Ours)
        .valgrind()
        .success();
}

#[test]
fn asynchronous_contexts_are_bounded() {
    let server = Server::start(&[]);
    let program = Build::new("c/limits_async.c").build();
    program.on(Hiredis::Ours).server(&server).success();
    let out = program.on(Hiredis::Ours).server(&server).valgrind();
    assert!(out.success().contains("subscriptions"));
}

/// Without the free lists, which keep some blocks of replies.
#[test]
fn a_burst_leaves_nothing_behind() {
    let server = Server::start(&["--client-output-buffer-limit", "pubsub", "0", "0", "0"]);
    let program = Build::new("c/idle_async.c").build();
    let run = program.on(Hiredis::Ours).server(&server).timeout(300);
    run.env("HIREDIS_FREE_LISTS", "0").success();
}
