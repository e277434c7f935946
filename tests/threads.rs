//! Threads and processes (docs/threads.md): many threads that share nothing, one context in two threads, which debug builds report, and
//! forked children.

mod support;

use std::path::PathBuf;
use std::process::Command;
use support::{Build, Hiredis, Output, Server, root, target};

/// The library as `cargo build` makes it, under the name that programs are linked with.
fn debug_build() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--lib", "--package", "hiredis"])
        .current_dir(root())
        .env("CARGO_TARGET_DIR", target())
        .status();
    assert!(built.expect("cargo").success());
    let folder = target().join("tests/debug");
    std::fs::create_dir_all(&folder).expect("a folder");
    let library = target().join("debug/libhiredis.so");
    std::fs::copy(library, folder.join("libhiredis.so.1.4.0")).expect("copied");
    folder
}

/// What a scenario says on a build of the library.
fn reports(scenario: &str, library: PathBuf) -> String {
    let run = Build::new("c/two_threads.c").build().on(Hiredis::Ours);
    let run = run.arg(scenario).env("LD_LIBRARY_PATH", library);
    let Output { end, stderr, .. } = run.output();
    assert_eq!(end, "0", "{scenario}: {stderr}");
    stderr
}

#[test]
fn debug_builds_report_two_threads_in_one_context_once() {
    let library = debug_build();
    for (scenario, inside, call) in [
        ("blocking", "redisGetReply", "redisvAppendCommand"),
        ("asynchronous", "redisAsyncHandleRead", "redisvAsyncCommand"),
    ] {
        let said = reports(scenario, library.clone());
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(
            said.starts_with("hiredis: two threads use 0x"),
            "{scenario}: {said}"
        );
        assert!(said.contains(&format!(" is in {inside}, ")), "{said}");
        assert!(said.ends_with(&format!(" calls {call}\n")), "{said}");
        assert_eq!(
            reports(scenario, Hiredis::Ours.lib()),
            "",
            "in release builds"
        );
    }
    assert_eq!(reports("proper", library), "");
}

/// The child frees its copies of the connections, or leaves them alone; under memcheck it has freed everything.
#[test]
fn a_forked_child_leaves_its_parents_connections_alone() {
    let server = Server::start(&[]);
    let program = Build::new("c/fork.c").build();
    let run = || program.on(Hiredis::Ours).server(&server);
    for run in [
        run().arg("ignores"),
        run().arg("frees"),
        run().arg("frees").valgrind(),
    ] {
        assert_eq!(run.success(), "the parent went on\n");
    }
}

#[test]
fn sixteen_threads_share_nothing() {
    let server = Server::start(&[]);
    let program = Build::new("c/threads.c").build();
    let run = |work| program.on(Hiredis::Ours).server(&server).arg(work);
    assert_eq!(run("2000").success(), "every thread is done\n");
    let checked = run("40").helgrind("c/threads.supp");
    assert_eq!(checked.success(), "every thread is done\n");
    // What helgrind is there for, it finds.
    let race = run("race").helgrind("c/threads.supp").output();
    assert_eq!(race.end, "99", "{}", race.stderr);
    assert!(
        race.stderr.contains("Possible data race"),
        "{}",
        race.stderr
    );
    assert!(
        race.stderr.contains("redisvAppendCommand"),
        "{}",
        race.stderr
    );
}
