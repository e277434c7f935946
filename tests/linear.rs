//! Work does not grow faster than its input (contract sections 11.12 and 11.13): instructions per byte, counted by callgrind,
//! of a small and a large input. `scripts/bench` measures the same works by the clock.

mod support;

use std::process::Command;
use support::{Build, Hiredis, say};

/// How much more a byte may cost in the larger input. Quadratic work costs as many times more as the input is larger.
const BAR: f64 = 1.5;

/// `rep movsb` moves any number of bytes and counts as one instruction; without it, moving costs as much as it moves.
const NO_STRING_INSTRUCTIONS: &str = "glibc.cpu.hwcaps=-ERMS";

fn instructions_per_byte(work: &str, mib: u64) -> f64 {
    let program = Build::new("../benches/linear.c").build();
    let run = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            "--child-silent-after-fork=yes",
        ])
        .arg(&program.binary)
        .args([work, &mib.to_string()])
        .env("LD_LIBRARY_PATH", Hiredis::Ours.lib())
        .env("GLIBC_TUNABLES", NO_STRING_INSTRUCTIONS)
        .output()
        .expect("valgrind is installed (make test installs it)");
    let report = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{work} {mib}: {report}");
    let (_, count) = report.split_once("Collected : ").expect("callgrind counts");
    let count = count
        .lines()
        .next()
        .and_then(|count| count.trim().parse::<f64>().ok());
    count.expect("a number") / (mib << 20) as f64
}

fn is_linear(work: &str, small: u64, large: u64) {
    let [before, after] = [small, large].map(|mib| instructions_per_byte(work, mib));
    say(&format!(
        "{work}: {before:.2} instructions per byte at {small} MiB, {after:.2} at {large} MiB"
    ));
    assert!(after < before * BAR, "{work}");
}

#[test]
fn many_replies_in_one_feed() {
    is_linear("statuses", 1, 8);
    is_linear("bulks", 1, 8);
}

#[test]
fn one_long_reply_in_pieces() {
    is_linear("long-line", 1, 8);
    is_linear("long-bulk", 1, 8);
}

/// The peer is a program of its own, which callgrind does not follow.
#[test]
fn output_to_a_slow_peer() {
    is_linear("output", 4, 64);
}
