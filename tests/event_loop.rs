//! The loop of `adapters/mio.h`: the scenarios of every adapter and its own, also under valgrind, and the system calls that a
//! request takes.

mod support;

use std::collections::HashMap;
use std::process::{Command, Stdio};
use support::{Build, Hiredis, Server, say};

/// Runs a program and expects the name of its last scenario.
fn passes(program: &str, last: &str) {
    let server = Server::start(&["--maxclients", "4000"]);
    let program = Build::new(format!("c/{program}.c")).build();
    for run in [
        program.on(Hiredis::Ours),
        program.on(Hiredis::Ours).valgrind(),
    ] {
        let out = run.server(&server).success();
        assert!(out.contains(last), "the scenarios ran:\n{out}");
    }
}

#[test]
fn does_what_every_adapter_does() {
    passes("event_loop_scenarios", "failed_attach");
}

#[test]
fn connects_without_waiting() {
    passes("event_loop_connect", "freed_with_the_loop");
}

#[test]
fn calls_timers_tasks_and_callbacks_that_do_what_they_want() {
    passes("event_loop_calls", "freed_with_the_loop");
}

#[test]
fn bears_load() {
    passes("event_loop_load", "transports");
}

#[test]
fn loses_no_wake_up() {
    passes("event_loop_random", "no wake-up lost");
}

/// Without valgrind: a context whose callback never returns stays where it is, to the end of the program.
#[test]
fn lets_exceptions_through() {
    let server = Server::start(&[]);
    let program = Build::new("c/event_loop_unwind.cc").build();
    let out = program.on(Hiredis::Ours).server(&server).success();
    assert!(out.contains("every exception arrived"), "{out}");
}

/// As above, without valgrind: tasks, timers and callbacks that throw, or run the loop, while others are due.
#[test]
fn loses_nothing_to_exceptions_and_nested_loops() {
    let server = Server::start(&[]);
    let program = Build::new("c/event_loop_interrupted.cc").build();
    let out = program.on(Hiredis::Ours).server(&server).success();
    assert!(
        out.contains("freed_with_callbacks_that_throw"),
        "the scenarios ran:\n{out}"
    );
}

/// A wait, a read and a write for each request and its reply; whatever else there is does not grow with their number.
#[test]
fn a_round_takes_three_system_calls() {
    let server = Server::start(&[]);
    let program = Build::new("c/event_loop_rounds.c").build();
    for kind in [&[][..], &["unix"]] {
        let count = |rounds: usize| {
            let mut command = Command::new("strace");
            command.args(["-f", "-c", "-U", "name,calls"]);
            command
                .arg(&program.binary)
                .arg(rounds.to_string())
                .args(kind);
            command.env("LD_LIBRARY_PATH", Hiredis::Ours.lib());
            command.env("REDIS_PORT", server.port.to_string());
            command.env("REDIS_SOCK", &server.socket);
            let done = command
                .stdin(Stdio::null())
                .output()
                .expect("strace is installed (make test installs it)");
            let table = String::from_utf8_lossy(&done.stderr).into_owned();
            assert!(done.status.success(), "{table}");
            calls(&table)
        };
        let (few, many) = (count(1000), count(3000));
        let per_round = |name: &str| {
            let of = |calls: &HashMap<String, f64>| calls.get(name).copied().unwrap_or(0.0);
            (of(&many) - of(&few)) / 2000.0
        };
        let total = per_round("total");
        say(&format!(
            "system calls per round{}: {total:.3}, of which epoll_ctl: {:.3}",
            if kind.is_empty() {
                ""
            } else {
                " on a unix socket"
            },
            per_round("epoll_ctl")
        ));
        assert!(total > 2.9, "strace counts: {many:?}");
        assert!(total < 3.02, "{total}: {many:?}");
    }
}

/// The lines `name calls` of strace's table.
fn calls(table: &str) -> HashMap<String, f64> {
    let lines = table
        .lines()
        .filter_map(|line| line.split_once(char::is_whitespace));
    lines
        .filter_map(|(name, calls)| Some((name.to_string(), calls.trim().parse().ok()?)))
        .collect()
}
