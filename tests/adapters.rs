//! The adapters: each passes the scenarios that every adapter must, on a real server and scripted peers.

mod support;

use std::fs;
use std::process::Command;
use support::{Build, Hiredis, Server, target};

fn passes(program: &str) {
    let server = Server::start(&[]);
    let program = Build::new(format!("c/{program}.c")).build();
    let out = program.on(Hiredis::Ours).server(&server).success();
    assert!(out.contains("failed_attach"), "the scenarios ran:\n{out}");
    program
        .on(Hiredis::Ours)
        .server(&server)
        .valgrind()
        .success();
}

#[test]
fn poll() {
    passes("adapter_poll");
}

#[test]
fn libevent() {
    passes("adapter_libevent");
}

/// Adapters are compiled by their users, with their flags.
#[test]
fn headers_compile_alone_without_warnings() {
    let dir = target().join("tests/adapters");
    fs::create_dir_all(&dir).expect("a folder for the sources");
    for name in ["poll", "libevent"] {
        for (compiler, standard, extension) in [
            ("gcc", "-std=c99", "c"),
            ("gcc", "-std=gnu11", "c"),
            ("g++", "-std=c++17", "cc"),
        ] {
            let source = dir.join(format!("{name}{standard}.{extension}"));
            fs::write(&source, format!("#include <hiredis/adapters/{name}.h>\n")).expect("source");
            let done = Command::new(compiler)
                .args([standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
                .arg("-I")
                .arg(Hiredis::Ours.include())
                .arg("-fsyntax-only")
                .arg(&source)
                .output()
                .expect("a compiler");
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(
                done.status.success(),
                "{name}.h with {compiler} {standard}:\n{said}"
            );
        }
    }
}
