//! TLS against servers that do what no redis-server does, and on loops, under valgrind too; and what a context that has failed does.

#[path = "tls/certificates.rs"]
mod certificates;
mod support;
#[path = "tls/server.rs"]
mod tls_server;

use certificates::Certificates;
use support::{Build, Hiredis, oracle};
use tls_server::{TlsServer, pair};

/// A program with servers of its own, which needs only the certificates; then again under valgrind.
fn with_its_own_servers(source: &str) -> String {
    let program = Build::new(source).build();
    let run = || {
        program
            .on(Hiredis::Ours)
            .env("TLS_DIR", Certificates::get().dir())
    };
    let told = run().timeout(60).success();
    run().valgrind().success();
    told
}

#[test]
fn servers_that_misbehave() {
    support::say(&with_its_own_servers("c/tls_peers.c"));
}

#[test]
fn bytes_that_come_one_by_one_or_not_at_all() {
    let server = TlsServer::start("server", &[]);
    let program = Build::new("c/tls_cuts.c").build();
    let run = || server.environment(program.on(Hiredis::Ours));
    support::say(&run().timeout(60).success());
    run().valgrind().success();
}

#[test]
fn what_was_said_before_the_end() {
    with_its_own_servers("c/tls_last_words.c");
}

#[test]
fn sessions_are_taken_up() {
    with_its_own_servers("c/tls_sessions.c");
}

#[test]
fn one_context_for_several_hosts() {
    with_its_own_servers("c/tls_names.c");
}

#[test]
fn handshakes_that_the_program_drives() {
    with_its_own_servers("c/tls_handshake.c");
}

/// A program against redis-server, then again under valgrind.
fn with_redis(source: &str) {
    let server = TlsServer::start("server", &[]);
    let program = Build::new(source).build();
    let run = || server.environment(program.on(Hiredis::Ours));
    run().timeout(60).success();
    run().valgrind().success();
}

#[test]
fn loops() {
    with_redis("c/tls_loops.c");
}

/// The drain callback and what OpenSSL has taken; over plain sockets that is `async_api.rs`.
#[test]
fn keeps_a_window() {
    with_redis("c/drain.c");
}

#[test]
fn one_context_for_many_threads() {
    with_redis("c/tls_threads.c");
}

/// A context that has failed stays failed, whatever `errno` is at the next call; on the C library, too, which prints the same.
#[test]
fn a_stale_errno_revives_no_context() {
    let program = Build::new("c/stale_errno.c").build();
    let run = |library| {
        program
            .on(library)
            .env("TLS_DIR", Certificates::get().dir())
    };
    let ours = run(Hiredis::Ours).timeout(120).success();
    assert_eq!(ours.lines().count(), 16 * 3, "{ours}");
    if oracle().is_none() {
        return; // The harness has said so.
    }
    let libraries = pair(Hiredis::Oracle, Hiredis::Oracle);
    let theirs = run(Hiredis::Oracle)
        .env("LD_LIBRARY_PATH", &libraries)
        .env("C_CORE", "1")
        .timeout(120)
        .success();
    std::fs::remove_dir_all(libraries).expect("the folder goes");
    let shared = |line: &&str| !line.starts_with("beyond the input limit");
    let ours = ours.lines().filter(shared);
    for (ours, theirs) in ours.zip(theirs.lines()) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(theirs.lines().count(), 15 * 3, "{theirs}");
}

#[test]
fn exceptions_and_longjmp_pass_through() {
    with_redis("c/tls_unwind.cpp");
}
