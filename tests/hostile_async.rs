//! Peers that break the protocol and programs that misuse the async API (contract sections 6 and 11.20–11.32).

mod support;

use support::{Build, Hiredis, Server};

fn run(program: &str, case: &str) {
    let server = Server::start(&[]);
    Build::new(format!("c/{program}.c"))
        .build()
        .on(Hiredis::Ours)
        .server(&server)
        .arg(case)
        .success();
}

macro_rules! cases {
    ($program:ident: $($name:ident)*) => {
        $(#[test]
        fn $name() {
            run(stringify!($program), stringify!($name));
        })*
    };
}

cases! {
    hostile_async:
    peers_that_break_the_protocol
    hurried_by_the_kernel
    formatted_garbage
    two_commands_in_one_buffer
    strange_argv
    overlapping_subscriptions
    reissuing_while_timed_out
    ended_from_everywhere
    silent_replies
    peer_gone_without_sigpipe_handling
    endless_last_words
}

cases! {
    hostile_calls:
    ports
    unix_paths
    names_of_nothing
    strange_argc
    contexts_without_parts
    contexts_that_lost_parts
    readers_without_parts
    write_to_a_closed_peer
}

#[test]
fn everything_under_valgrind() {
    let server = Server::start(&[]);
    for program in ["hostile_async", "hostile_calls"] {
        let program = Build::new(format!("c/{program}.c")).build();
        let run = program.on(Hiredis::Ours).server(&server);
        run.valgrind().success();
    }
}
