//! When the async API arms timers and announces writes, and when a wait ends (design: direct writes, one deadline).
//! What both libraries share is compared in `differential/async_*.c`.

mod support;

use support::{Build, Hiredis, Server};

fn run(case: &str) {
    Build::new("c/async_timers.c")
        .build()
        .on(Hiredis::Ours)
        .arg(case)
        .success();
}

macro_rules! cases {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })*
    };
}

cases! {
    armed_once_for_many_commands
    early_timer_is_armed_again
    some_milliseconds_early_is_early
    a_new_timeout_is_armed
    own_timer_is_believed
    a_slow_connect_leaves_commands_their_time
    a_transport_that_does_not_read_times_out
    a_wait_moves_to_another_loop
    a_wait_that_is_over_moves_to_another_loop
    connecting_times_out
    done_connect_counts arrived_reply_counts arrived_pushes_do_not_count timer_within_a_callback
    idle_never_times_out
    writes_do_not_postpone
    answers_do_postpone
    written_when_the_dispatch_ends
    rest_is_announced
    announced_when_a_write_is_armed
}

/// The drain callback and what the socket has taken, on a real server.
#[test]
fn keeps_a_window() {
    let server = Server::start(&[]);
    let program = Build::new("c/drain.c").build();
    let run = || program.on(Hiredis::Ours).server(&server);
    run().success();
    assert!(run().valgrind().success().contains("tells_what_was_taken"));
}

/// The benchmark of it compares what it says: few turns, and no bar, since the machine may be busy.
#[test]
fn a_window_is_measured() {
    let server = Server::start(&[]);
    let program = Build::new("../benches/window.c").build();
    let port = server.port.to_string();
    let run = ["3", "20000"]
        .iter()
        .fold(program.on(Hiredis::Ours).arg(&port), |run, argument| {
            run.arg(argument)
        });
    let table = run.success();
    assert_eq!(table.lines().count(), 4, "{table}");
    let ratios: Vec<f64> = table
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().last()?.parse().ok())
        .collect();
    assert!(
        ratios.len() == 3 && ratios.iter().all(|ratio| (0.1..3.0).contains(ratio)),
        "{table}"
    );
}

#[test]
fn everything_under_valgrind() {
    Build::new("c/async_timers.c")
        .build()
        .on(Hiredis::Ours)
        .timeout(120)
        .valgrind()
        .success();
}
