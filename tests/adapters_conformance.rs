//! One conformance program, parameterised by loop: every loop must print the same lines as `poll`. The loops that Debian
//! packages run it with our headers and library, under valgrind, and with each side replaced by the C library's.

mod support;

use Hiredis::{Oracle, Ours};
use std::process::Command;
use std::sync::OnceLock;
use support::{Build, Hiredis, Program, Server, oracle, root};

/// A program and what it leaves out: its adapter's interface has no such case.
struct Loop {
    name: &'static str,
    flags: fn() -> Vec<String>,
    lacks: &'static [&'static str],
}

/// What the C library's header or library fails, of every loop and of one. Each is a defect that ours does not have.
const NO_TIMERS: [&str; 4] = [
    "connect_timeout",
    "command_timeout",
    "free_at_timeout",
    "timers_are_not_late",
];
const OF_THE_C_LIBRARY: [&str; 1] = ["free_in_push_callback"];

fn no_flags() -> Vec<String> {
    vec![]
}

const GLIB: Loop = Loop {
    name: "glib",
    flags: || pkg_config(&["--cflags", "--libs", "glib-2.0"]),
    // A GSource is always made: glib ends the process where memory is short.
    lacks: &["failed_attach"],
};

const fn plain(name: &'static str) -> Loop {
    Loop {
        name,
        flags: no_flags,
        lacks: &[],
    }
}

fn pkg_config(arguments: &[&str]) -> Vec<String> {
    let done = Command::new("pkg-config")
        .args(arguments)
        .output()
        .expect("pkg-config");
    assert!(done.status.success(), "pkg-config {arguments:?}");
    let words = String::from_utf8(done.stdout).expect("text");
    words.split_whitespace().map(String::from).collect()
}

impl Loop {
    /// A program is linked with the library that it runs on: each has a soname of its own.
    fn build(&self, headers: Hiredis, library: Hiredis) -> Program {
        let library = library.lib().join("libhiredis.so").display().to_string();
        let build = Build::new(format!("c/conformance/{}.c", self.name))
            .headers(headers)
            .flag(&library)
            .flag("-Wl,--as-needed");
        (self.flags)()
            .iter()
            .fold(build, |build, flag| build.flag(flag))
            .build()
    }

    /// Runs it and compares what it prints with what poll prints, but for what is left out.
    fn conforms(&self, headers: Hiredis, library: Hiredis, fails: &[&str]) {
        let left_out: Vec<&str> = self.lacks.iter().chain(fails).copied().collect();
        let lines = lines(&self.build(headers, library), library, &left_out, false);
        self.compare(&lines, &left_out);
    }

    fn conforms_under_valgrind(&self) {
        let lines = lines(&self.build(Ours, Ours), Ours, self.lacks, true);
        self.compare(&lines, self.lacks);
    }

    fn compare(&self, lines: &str, left_out: &[&str]) {
        let kept = |line: &&str| !left_out.contains(&line.split(['.', ':']).next().unwrap_or(""));
        let expected: Vec<&str> = expected().lines().filter(kept).collect();
        let printed: Vec<&str> = lines.lines().collect();
        assert_eq!(printed, expected, "{} beside poll", self.name);
    }

    /// All four combinations of headers and library.
    fn mixes_with_the_c_library(&self, header_fails: &[&str]) {
        if oracle().is_none() {
            return;
        }
        let both = [header_fails, &OF_THE_C_LIBRARY].concat();
        self.conforms(Ours, Oracle, &OF_THE_C_LIBRARY);
        self.conforms(Oracle, Ours, header_fails);
        self.conforms(Oracle, Oracle, &both);
    }
}

fn expected() -> &'static str {
    static LINES: OnceLock<String> = OnceLock::new();
    LINES.get_or_init(|| {
        let lines = lines(&plain("poll").build(Ours, Ours), Ours, &[], false);
        assert_eq!(
            lines.matches(": done\n").count(),
            34,
            "every scenario ran:\n{lines}"
        );
        lines
    })
}

fn lines(program: &Program, library: Hiredis, left_out: &[&str], valgrind: bool) -> String {
    let server = Server::start(&[]);
    let mut run = program.on(library).server(&server);
    if valgrind {
        let known = root().join("tests/c/conformance/glib.supp");
        run = run.valgrind().env(
            "VALGRIND_OPTS",
            format!("--suppressions={}", known.display()),
        );
    } else {
        run = run.timeout(120);
    }
    left_out
        .iter()
        .fold(run, |run, name| run.arg(name))
        .success()
}

macro_rules! loops {
    ($($name:ident: $kind:expr, with_c_header_fails $fails:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn conforms() {
                $kind.conforms(Ours, Ours, &[]);
            }

            #[test]
            fn conforms_under_valgrind() {
                $kind.conforms_under_valgrind();
            }

            #[test]
            fn mixes_with_the_c_library() {
                $kind.mixes_with_the_c_library($fails);
            }
        }
    )*};
}

loops! {
    poll: plain("poll"), with_c_header_fails &[];
    libevent: plain("libevent"), with_c_header_fails &["one_registration_per_change"];
    libev: plain("libev"), with_c_header_fails &[];
    libuv: plain("libuv"), with_c_header_fails &["failed_attach"];
    glib: GLIB, with_c_header_fails &[&NO_TIMERS[..], &["free_another", "waits_quietly"]].concat();
    ivykis: plain("ivykis"), with_c_header_fails &NO_TIMERS;
    libsdevent: plain("libsdevent"), with_c_header_fails &[];
}
