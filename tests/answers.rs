//! Every reply finds its own command, also if the server refuses some. The decision itself is tested without
//! sockets in `src/async_context/pending/tests.rs`.

mod support;

use support::{Build, Hiredis, Server};

fn run(case: &str) {
    let server = Server::start(&[]);
    Build::new("c/answers.c")
        .build()
        .on(Hiredis::Ours)
        .arg(case)
        .server(&server)
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
    refused_subscriptions
    refused_in_a_transaction
    other_refusals
    refused_client_reply
    freed_nodes
    queued_subscription
    silent_work_is_bounded
}

#[test]
fn everything_under_valgrind() {
    let server = Server::start(&[]);
    Build::new("c/answers.c")
        .build()
        .on(Hiredis::Ours)
        .server(&server)
        .timeout(120)
        .valgrind()
        .success();
}
