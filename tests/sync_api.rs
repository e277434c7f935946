//! What synchronous contexts do beyond the C library of the comparison: limits, deadlines, empty commands.
//! What both libraries share is compared in `differential/sync_*.c`.

mod support;

use support::{Build, Hiredis};

fn run(case: &str) {
    Build::new("c/sync_options.c")
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
    one_deadline_for_all_addresses
    nesting_is_limited
    attributes_are_in_band
    empty_commands_do_not_hang
    errors_of_the_socket
    one_byte_is_left
    no_reply_is_waited_for_without_blocking
}

#[test]
fn everything_under_valgrind() {
    Build::new("c/sync_options.c")
        .build()
        .on(Hiredis::Ours)
        .timeout(120)
        .valgrind()
        .success();
}

/// Names with addresses of both families, blocking. `conformance/scenarios.h` has the asynchronous half, on every loop.
#[test]
fn both_families_are_tried() {
    let program = Build::new("c/two_families.c").flag("-rdynamic").build();
    program.on(Hiredis::Ours).success();
    program.on(Hiredis::Ours).valgrind().success();
}

/// Pipelines to peers that read on only when their answers are taken. TLS's half is in `c/tls_peers.c`.
#[test]
fn pipelines_are_read_while_they_are_sent() {
    let program = Build::new("c/sync_exchange.c")
        .flag("-D_GNU_SOURCE")
        .build();
    program.on(Hiredis::Ours).timeout(60).success();
    program.on(Hiredis::Ours).valgrind().success();
}
