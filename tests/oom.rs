//! Without memory: each allocation in turn fails, alone and with all after it, and the library answers `Out of memory` on the
//! right object, keeps every reply with its command, calls every accepted command's callback exactly once, and leaks nothing.

mod support;

use support::{Build, Hiredis, Server, say};

fn every_allocation_fails(program: &str) {
    let report = Build::new(format!("c/{program}.c"))
        .build()
        .on(Hiredis::Ours)
        .server(&Server::start(&[]))
        .timeout(60)
        .success();
    for line in report.lines() {
        say(&format!("{program}: {line}"));
    }
    assert!(report.lines().count() > 3);
}

/// Every allocation near the start fails, of the later ones some.
fn under_valgrind(program: &str) {
    Build::new(format!("c/{program}.c"))
        .build()
        .on(Hiredis::Ours)
        .server(&Server::start(&[]))
        .valgrind()
        .success();
}

#[test]
fn reader() {
    every_allocation_fails("oom_reader");
}

#[test]
fn format() {
    every_allocation_fails("oom_format");
}

#[test]
fn blocking_contexts() {
    every_allocation_fails("oom_sync");
}

#[test]
fn asynchronous_contexts() {
    every_allocation_fails("oom_async");
}

#[test]
fn reader_under_valgrind() {
    under_valgrind("oom_reader");
}

#[test]
fn format_under_valgrind() {
    under_valgrind("oom_format");
}

#[test]
fn blocking_contexts_under_valgrind() {
    under_valgrind("oom_sync");
}

#[test]
fn asynchronous_contexts_under_valgrind() {
    under_valgrind("oom_async");
}
