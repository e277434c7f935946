//! Peers that break the protocol and programs that misuse the async API (contract sections 6 and 11.20–11.32).

mod support;

use support::{Build, Hiredis, Server};

fn run(case: &str) {
    let server = Server::start(&[]);
    Build::new("c/hostile_async.c")
        .build()
        .on(Hiredis::Ours)
        .server(&server)
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
    reply_to_nobody
    second_reply_to_one_command
    error_to_nobody
    message_without_subscription
    malformed_after_subscribe
    subscription_never_asked_for
    sharded_message_resp2
    attribute_takes_no_callback
    three_pending_close
    three_pending_reset
    three_pending_half_reply
    hurried_by_the_kernel
    formatted_garbage
    two_commands_in_one_buffer
    strange_argv
    overlapping_subscriptions
    reissuing_while_timed_out
    ended_from_everywhere
    silent_replies
    peer_gone_without_sigpipe_handling
}

#[test]
fn everything_under_valgrind() {
    let server = Server::start(&[]);
    Build::new("c/hostile_async.c")
        .build()
        .on(Hiredis::Ours)
        .server(&server)
        .timeout(120)
        .valgrind()
        .success();
}
