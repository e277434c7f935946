//! What a program allows the library to hold (docs/limits.md).

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
