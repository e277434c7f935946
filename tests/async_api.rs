//! When the async API arms timers and announces writes, and when a wait ends (design: direct writes, one deadline).
//! What both libraries share is compared in `differential/async_*.c`.

mod support;

use support::{Build, Hiredis};

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
    own_timer_is_believed
    connecting_times_out
    done_connect_counts arrived_reply_counts arrived_pushes_do_not_count timer_within_a_callback
    idle_never_times_out
    writes_do_not_postpone
    answers_do_postpone
    written_when_the_dispatch_ends
    rest_is_announced
    announced_when_a_write_is_armed
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
