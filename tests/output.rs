//! Pipelined output to a peer that reads slowly, so that nearly every write is partial (contract section 11.12): the peer
//! compares every byte. That the work is linear is the concern of `linear.rs`. And what a connection keeps when all is done.

mod support;

use support::{Build, Hiredis};

#[test]
fn every_byte_arrives_in_order() {
    let run = Build::new("../benches/linear.c").build().on(Hiredis::Ours);
    run.arg("output").arg("256").success();
}

#[test]
fn output_under_valgrind() {
    let run = Build::new("../benches/linear.c").build().on(Hiredis::Ours);
    run.arg("output").arg("4").valgrind().success();
}

#[test]
fn idle_connections_keep_no_buffers() {
    Build::new("c/idle_memory.c")
        .build()
        .on(Hiredis::Ours)
        .success();
}
