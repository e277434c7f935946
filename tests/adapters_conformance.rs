//! One conformance program, parameterised by loop: every loop must print the same lines as `poll`. Each runs it with our
//! headers and library, under valgrind, and with each side replaced by the C library's.

#[path = "adapters/qt.rs"]
mod qt_loop;
mod support;

use Hiredis::{Oracle, Ours};
use std::sync::OnceLock;
use support::{Build, Hiredis, Program, Run, Server, oracle, pkg_config, redismodule, root, say};

/// A program, and the scenarios that its adapter's interface or its loop has no place for.
struct Loop {
    program: &'static str,
    flags: fn(Hiredis) -> Vec<String>,
    lacks: &'static [&'static str],
    /// It is a module, and a redis-server runs it.
    module: bool,
}

/// Adapters without timers, to which sockets of the other family are not given.
const WITHOUT_TIMERS: [&str; 7] = [
    "connect_timeout",
    "command_timeout",
    "free_at_timeout",
    "timers_are_not_late",
    "nested_beyond_the_timeout",
    "nested_in_the_disconnect_callback",
    "other_family",
];

/// What the C library's header or library fails, of every loop and of one. Each is a defect that ours does not have.
const TIMERS: [&str; 6] = [
    "connect_timeout",
    "command_timeout",
    "free_at_timeout",
    "timers_are_not_late",
    "nested_beyond_the_timeout",
    "nested_in_the_disconnect_callback",
];
/// It gives a refused subscription's error to nobody, asserts that no event comes while a callback runs, and believes a timer
/// before it looks at the socket.
const OF_THE_C_LIBRARY: [&str; 9] = [
    "free_in_push_callback",
    "commands_denied",
    "timeouts_that_are_none",
    "full_backlog",
    "held_up_beyond_the_timeout",
    "held_up_beyond_the_connect_timeout",
    "nested_beyond_the_timeout",
    "nested_with_a_reply_waiting",
    "other_family",
];

const fn plain(program: &'static str) -> Loop {
    Loop {
        program,
        flags: |_| vec![],
        lacks: &[],
        module: false,
    }
}

/// The loop is the smallest honest one: Debian has no package of the real one.
const fn stood_in_for(program: &'static str) -> Loop {
    Loop {
        program,
        flags: |_| vec![format!("-I{}", root().join("tests/c/loops").display())],
        ..plain(program)
    }
}

/// These loops refuse to run within a callback.
const NESTED: [&str; 3] = [
    "nested_beyond_the_timeout",
    "nested_with_a_reply_waiting",
    "nested_in_the_disconnect_callback",
];

const LIBEVENT: Loop = Loop {
    lacks: &NESTED,
    ..plain("libevent")
};

const LIBSDEVENT: Loop = Loop {
    lacks: &NESTED,
    ..plain("libsdevent")
};

const GLIB: Loop = Loop {
    flags: |_| pkg_config(&["--cflags", "--libs", "glib-2.0"]),
    // A GSource is always made: glib ends the process where memory is short.
    lacks: &["failed_attach"],
    ..plain("glib")
};

const QT5: Loop = Loop {
    flags: |headers| qt_loop::flags(5, headers),
    // The adapter is an object of the program's: attaching allocates nothing of ours.
    lacks: &["failed_attach"],
    ..plain("qt")
};

const QT6: Loop = Loop {
    flags: |headers| qt_loop::flags(6, headers),
    ..QT5
};

/// Linked with the static library: redis-server exports a hiredis of its own, which would get the calls otherwise.
const MODULE: Loop = Loop {
    flags: |_| {
        let mut flags = vec![format!("-isystem{}", redismodule().display())];
        flags.extend(["-shared", "-fPIC", "-Wl,--exclude-libs,ALL", "-lgcc_s"].map(String::from));
        // So that the library asks the program's resolver.
        flags.push("-Wl,-Bsymbolic".into());
        flags
    },
    module: true,
    // The scenarios wait on a stack of their own, which callbacks are not on.
    lacks: &NESTED,
    ..plain("redismoduleapi")
};

impl Loop {
    /// A program is linked with the library that it runs on: each has a soname of its own.
    fn build(&self, headers: Hiredis, library: Hiredis) -> Program {
        let kind = if self.module { "a" } else { "so" };
        let library = library.lib().join(format!("libhiredis.{kind}"));
        let build = Build::new(format!("c/conformance/{}.c", self.program))
            .headers(headers)
            .flag(&library.display().to_string())
            .flag("-Wl,--as-needed");
        (self.flags)(headers)
            .iter()
            .fold(build, |build, flag| build.flag(flag))
            .build()
    }

    /// The same program with watched descriptors instead of the scenarios.
    fn watches(&self) {
        let server = Server::start(&[]);
        let kind = if self.module { "a" } else { "so" };
        let library = Ours.lib().join(format!("libhiredis.{kind}"));
        let build = Build::new(format!("c/conformance/{}.c", self.program))
            .flag("-DWATCHES")
            .flag("-D_GNU_SOURCE")
            .flag(&library.display().to_string())
            .flag("-Wl,--as-needed");
        let program = (self.flags)(Ours)
            .iter()
            .fold(build, |build, flag| build.flag(flag))
            .build();
        let run = self.start(&program, Ours, &server).server(&server);
        let lines = run.timeout(240).success();
        say(&format!(
            "{}: {}",
            self.program,
            lines.trim().replace('\n', ", ")
        ));
        assert!(lines.contains("lost: 0 of 1000000\n"), "{lines}");
    }

    /// Runs it and compares what it prints with what poll prints, but for what is left out.
    fn conforms(&self, headers: Hiredis, library: Hiredis, fails: &[&str]) {
        let left_out: Vec<&str> = self.lacks.iter().chain(fails).copied().collect();
        let lines = self.lines(headers, library, &left_out, false);
        self.compare(&lines, &left_out);
    }

    fn conforms_under_valgrind(&self) {
        let lines = self.lines(Ours, Ours, self.lacks, true);
        self.compare(&lines, self.lacks);
    }

    fn lines(
        &self,
        headers: Hiredis,
        library: Hiredis,
        left_out: &[&str],
        valgrind: bool,
    ) -> String {
        let server = Server::start(&[]);
        let mut run = self
            .start(&self.build(headers, library), library, &server)
            .server(&server);
        if valgrind {
            let known = root().join("tests/c/conformance/loops.supp");
            let known = format!("--suppressions={}", known.display());
            run = run.valgrind().env("VALGRIND_OPTS", known);
        } else {
            run = run.timeout(120);
        }
        left_out
            .iter()
            .fold(run, |run, name| run.arg(name))
            .success()
    }

    /// A module's redis-server is reached by nobody, and logs where the module does not print.
    fn start(&self, program: &Program, library: Hiredis, other: &Server) -> Run {
        if !self.module {
            return program.on(library);
        }
        let server = Program {
            binary: "redis-server".into(),
        };
        let socket = other.socket.with_file_name("host.sock");
        let socket = socket.display().to_string();
        let module = program.binary.display().to_string();
        ["--port", "0", "--unixsocket", &socket]
            .into_iter()
            .chain(["--logfile", "/dev/stderr", "--loadmodule", &module])
            .fold(server.on(library), Run::arg)
    }

    fn compare(&self, lines: &str, left_out: &[&str]) {
        let kept = |line: &&str| !left_out.contains(&line.split(['.', ':']).next().unwrap_or(""));
        let expected: Vec<&str> = expected().lines().filter(kept).collect();
        let printed: Vec<&str> = lines.lines().collect();
        assert_eq!(printed, expected, "{} beside poll", self.program);
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
        let lines = plain("poll").lines(Ours, Ours, &[], false);
        assert_eq!(
            lines.matches(": done\n").count(),
            48,
            "every scenario ran:\n{lines}"
        );
        lines
    })
}

macro_rules! loops {
    ($($name:ident: $kind:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn conforms() {
                $kind.conforms(Ours, Ours, &[]);
            }

            #[test]
            fn watches_descriptors() {
                $kind.watches();
            }

            #[test]
            fn conforms_under_valgrind() {
                $kind.conforms_under_valgrind();
            }
        }
    )*};
}

loops! {
    poll: plain("poll");
    libevent: LIBEVENT;
    libev: plain("libev");
    libuv: plain("libuv");
    glib: GLIB;
    ivykis: plain("ivykis");
    libsdevent: LIBSDEVENT;
    mio: plain("mio");
    ae: stood_in_for("ae");
    libhv: stood_in_for("libhv");
    qt_5: QT5;
    qt_6: QT6;
    redismoduleapi: MODULE;
}

mod mixes_with_the_c_library {
    use super::*;

    macro_rules! mixes {
        ($($name:ident: $kind:expr, its_header_fails $fails:expr;)*) => {$(
            #[test]
            fn $name() {
                $kind.mixes_with_the_c_library($fails);
            }
        )*};
    }

    mixes! {
        // It waits past the deadline, though not every time, and a tick within a callback frees what the outer one uses.
        poll: plain("poll"), its_header_fails &["timers_are_not_late", "nested_with_a_reply_waiting"];
        libevent: LIBEVENT, its_header_fails &["one_registration_per_change"];
        libev: plain("libev"), its_header_fails &[];
        libuv: plain("libuv"), its_header_fails &["failed_attach", "refused_by_the_loop", "much_was_said_before_the_end"];
        glib: GLIB, its_header_fails &[&WITHOUT_TIMERS[..], &["free_another", "waits_quietly"]].concat();
        ivykis: plain("ivykis"), its_header_fails &WITHOUT_TIMERS;
        // Its timer stays off when it is set again after it has fired, which may be a little early.
        libsdevent: LIBSDEVENT, its_header_fails &TIMERS;
        qt_5: QT5, its_header_fails &WITHOUT_TIMERS;
        qt_6: QT6, its_header_fails &WITHOUT_TIMERS;
        ae: stood_in_for("ae"), its_header_fails &WITHOUT_TIMERS;
        libhv: stood_in_for("libhv"), its_header_fails &["free_while_writing", "one_registration_per_change", "no_family"];
        redismoduleapi: MODULE, its_header_fails &[];
    }
}
