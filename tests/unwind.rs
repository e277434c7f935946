//! C++ exceptions thrown by callbacks reach the caller's `catch`, and `longjmp` out of callbacks works, as with the C library.
//! Not run under memcheck: a callback that is left that way leaves its reply behind.

mod support;

use support::{Build, Hiredis};

fn run(how: &str) {
    Build::new("c/unwind.cpp")
        .build()
        .on(Hiredis::Ours)
        .arg(how)
        .success();
}

#[test]
fn exceptions_pass_through() {
    run("throw");
}

#[test]
fn longjmp_passes_through() {
    run("jump");
}
