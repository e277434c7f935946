//! One conformance program, parameterised by loop: every loop must print the same lines as `poll`. The loops that Debian
//! packages run it with our headers and library, under valgrind, and with each side replaced by the C library's.

#[path = "adapters/qt.rs"]
mod qt_loop;
mod support;

use Hiredis::{Oracle, Ours};
use qt_loop::pkg_config;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};
use support::{Build, Hiredis, Program, Server, oracle, root, target};

/// A program, and the scenarios that its adapter's interface or its loop has no place for.
struct Loop {
    program: &'static str,
    flags: fn(Hiredis) -> Vec<String>,
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

const fn plain(program: &'static str) -> Loop {
    Loop {
        program,
        flags: |_| vec![],
        lacks: &[],
    }
}

/// The loop is the smallest honest one: Debian has no package of the real one.
const fn stood_in_for(program: &'static str) -> Loop {
    Loop {
        program,
        flags: |_| vec![format!("-I{}", root().join("tests/c/loops").display())],
        lacks: &[],
    }
}

const GLIB: Loop = Loop {
    program: "glib",
    flags: |_| pkg_config(&["--cflags", "--libs", "glib-2.0"]),
    // A GSource is always made: glib ends the process where memory is short.
    lacks: &["failed_attach"],
};

const QT5: Loop = Loop {
    program: "qt",
    flags: |headers| qt_loop::flags(5, headers),
    // The adapter is an object of the program's: attaching allocates nothing of ours.
    lacks: &["failed_attach"],
};

const QT6: Loop = Loop {
    flags: |headers| qt_loop::flags(6, headers),
    ..QT5
};

impl Loop {
    /// A program is linked with the library that it runs on: each has a soname of its own.
    fn build(&self, headers: Hiredis, library: Hiredis) -> Program {
        let library = library.lib().join("libhiredis.so").display().to_string();
        let build = Build::new(format!("c/conformance/{}.c", self.program))
            .headers(headers)
            .flag(&library)
            .flag("-Wl,--as-needed");
        (self.flags)(headers)
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
    ($($name:ident: $kind:expr;)*) => {$(
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
        }
    )*};
}

loops! {
    poll: plain("poll");
    libevent: plain("libevent");
    libev: plain("libev");
    libuv: plain("libuv");
    glib: GLIB;
    ivykis: plain("ivykis");
    libsdevent: plain("libsdevent");
    mio: plain("mio");
    ae: stood_in_for("ae");
    libhv: stood_in_for("libhv");
}

/// Without valgrind: what Qt keeps for itself is no business of ours.
#[test]
fn qt_5() {
    QT5.conforms(Ours, Ours, &[]);
}

#[test]
fn qt_6() {
    QT6.conforms(Ours, Ours, &[]);
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
        poll: plain("poll"), its_header_fails &[];
        libevent: plain("libevent"), its_header_fails &["one_registration_per_change"];
        libev: plain("libev"), its_header_fails &[];
        libuv: plain("libuv"), its_header_fails &["failed_attach"];
        glib: GLIB, its_header_fails &[&NO_TIMERS[..], &["free_another", "waits_quietly"]].concat();
        ivykis: plain("ivykis"), its_header_fails &NO_TIMERS;
        libsdevent: plain("libsdevent"), its_header_fails &[];
        qt_5: QT5, its_header_fails &NO_TIMERS;
        qt_6: QT6, its_header_fails &NO_TIMERS;
    }
}

/// Adapters are compiled by their users, with their flags. Strict C99 needs the POSIX parts that the loops' headers use.
#[test]
fn headers_compile_alone_without_warnings() {
    let dir = target().join("tests/adapters");
    fs::create_dir_all(&dir).expect("a folder for the sources");
    let names = [
        "ae",
        "glib",
        "ivykis",
        "libev",
        "libevent",
        "libhv",
        "libsdevent",
        "libuv",
        "macosx",
        "poll",
        "redismoduleapi",
    ];
    for name in names {
        for (compiler, standard, extension) in [
            ("gcc", "-std=c99", "c"),
            ("gcc", "-std=gnu11", "c"),
            ("g++", "-std=c++17", "cc"),
        ] {
            let source = dir.join(format!("{name}{standard}-alone.{extension}"));
            fs::write(&source, format!("#include <hiredis/adapters/{name}.h>\n")).expect("source");
            let done = Command::new(compiler)
                .args([standard, "-D_XOPEN_SOURCE=700", "-fsyntax-only"])
                .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror"])
                .arg("-I")
                .arg(Ours.include())
                .arg("-isystem")
                .arg(root().join("tests/c/loops"))
                .args(pkg_config(&["--cflags", "glib-2.0"]))
                .arg(&source)
                .output()
                .expect("a compiler");
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(
                done.status.success(),
                "{name}.h with {compiler} {standard}:\n{said}"
            );
        }
    }
}

/// A real redis-server with a module that talks to a second one, refused by a third and kept waiting by a fourth.
#[test]
fn module_in_a_redis_server() {
    let library = Ours.lib().display().to_string();
    let module = Build::new("c/conformance/redismodule.c")
        .flag("-shared")
        .flag("-fPIC")
        .flag(&format!("-I{}", root().join("tests/c/loops").display()))
        .flag(&format!("-Wl,-rpath,{library}"))
        .build();
    let other = Server::start(&[]);
    let silent = TcpListener::bind("127.0.0.1:0").expect("bind");
    let silent_port = silent.local_addr().expect("address").port();
    let server = Server::start(&["--loadmodule", &module.binary.display().to_string()]);
    let mut client = UnixStream::connect(&server.socket).expect("connect");

    let start = format!("talk.start {} {silent_port}", other.port);
    assert_eq!(ask(&mut client, &start), "+started\r\n");
    let deadline = Instant::now() + Duration::from_secs(10);
    let report = loop {
        let report = ask(&mut client, "talk.report");
        if !report.contains("pending") || Instant::now() > deadline {
            break report;
        }
        thread::sleep(Duration::from_millis(10));
    };
    let expected = [
        "1000/0 connected 0 ended 0 err 0",
        "1/1 connected 0 ended 0 err 0",
        "0/1 connected 0 ended -1 err 6",
        "0/1 connected -1 ended 99 err 1",
    ];
    assert_eq!(report, format!("+{}\r\n", expected.join(", ")));
}

fn ask(client: &mut UnixStream, command: &str) -> String {
    let mut reply = [0; 1024];
    write!(client, "{command}\r\n").expect("write");
    let len = client.read(&mut reply).expect("read");
    String::from_utf8_lossy(&reply[..len]).into_owned()
}
