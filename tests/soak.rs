//! Resident memory over a long life (docs/limits.md): a million commands here, a hundred million by `make soak`.

mod support;

use support::{Build, Hiredis, Server, say};

fn soak(commands: &str, seconds: u64) {
    let server = Server::start(&[]);
    let program = Build::new("c/soak.c").build();
    let run = program.on(Hiredis::Ours).server(&server).timeout(seconds);
    say(&run.arg(commands).success());
}

#[test]
fn memory_stays_flat() {
    soak("1000000", 120);
}

#[test]
#[ignore = "takes minutes: make soak"]
fn memory_stays_flat_for_long() {
    soak("100000000", 4 * 3600);
}
