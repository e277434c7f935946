//! Without memory: each allocation in turn fails, alone and with all after it, and the library answers `Out of memory` on the
//! right object, keeps every reply with its command, calls every accepted command's callback exactly once, and leaks nothing.
//! Twice: the functions of `hiredisSetAllocators` fail, and malloc itself, by which Rust code and libc allocate.

#[path = "tls/certificates.rs"]
mod certificates;
#[path = "adapters/qt.rs"]
mod qt_loop;
mod support;
#[path = "tls/server.rs"]
mod tls_server;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;
use support::{Build, Hiredis, Program, Server, oracle, pkg_config, root, say, target};
use tls_server::{TlsServer, pair};

#[derive(Clone, Copy)]
enum Failing {
    Allocators,
    Malloc,
}

macro_rules! programs {
    ($($name:ident)*) => {
        const PROGRAMS: &[&str] = &[$(stringify!($name)),*];

        mod allocators_fail {
            $(#[test] fn $name() { super::fails_clearly(stringify!($name), super::Failing::Allocators); })*
        }

        mod malloc_fails {
            $(#[test] fn $name() { super::fails_clearly(stringify!($name), super::Failing::Malloc); })*
        }

        mod under_valgrind {
            $(#[test] fn $name() { super::under_valgrind(stringify!($name)); })*
        }
    };
}

programs! {
    oom_async
    oom_async_calls
    oom_context
    oom_format
    oom_mio
    oom_reader
    oom_sds
    oom_sync
    oom_tls
}

/// Loops whose adapters are tried, and whether malloc fails, too: not for Qt, where `new` throws and the program ends, nor for the loops in
/// `c/loops`, which do not get along without memory.
const LOOPS: &[(&str, bool)] = &[
    ("ae", false),
    ("glib", true),
    ("ivykis", true),
    ("libev", true),
    ("libevent", true),
    ("libhv", false),
    ("libsdevent", true),
    ("libuv", true),
    ("mio", true),
    ("poll", true),
    ("qt", false),
];

/// An adapter that runs nowhere here: for macOS; and one within redis-server, whose functions cannot fail.
const UNTRIED: &[&str] = &["macosx", "redismoduleapi"];

/// The exported functions: those of hiredis, and our own.
fn exported() -> BTreeSet<&'static str> {
    let lists = [
        include_str!("abi/symbols-libhiredis.txt"),
        include_str!("abi/symbols-libhiredis_ssl.txt"),
        include_str!("abi/additions.txt"),
    ];
    let lines = lists.into_iter().flat_map(str::lines);
    lines
        .filter(|line| !line.starts_with('#') && !line.ends_with("\tdata"))
        .filter_map(|line| line.split('\t').next())
        .collect()
}

/// A header that notes each call of an exported function, to be included before a program.
fn calls() -> String {
    static PATH: OnceLock<String> = OnceLock::new();
    let path = PATH.get_or_init(|| {
        let mut text = String::from(
            "#include \"internals.h\"\n#include <hiredis/adapters/mio.h>\n#include <hiredis/hiredis_ssl.h>\n\
             static void on_call(const char *function);\n",
        );
        for name in exported() {
            let _ = writeln!(text, "#define {name} (on_call(\"{name}\"), {name})");
        }
        // Each text has a file of its own, written once, since programs are compiled again when what they include is newer.
        let mut hash = DefaultHasher::new();
        text.hash(&mut hash);
        let path = target().join(format!("tests/oom_calls-{:x}.h", hash.finish()));
        fs::create_dir_all(target().join("tests")).expect("a folder");
        if !path.exists() {
            fs::write(&path, text).expect("write");
        }
        path.display().to_string()
    });
    path.clone()
}

fn build(program: &str, failing: Failing) -> Program {
    finish(Build::new(format!("c/{program}.c")), failing)
}

/// The program of `conformance/` for a loop, with failures instead of scenarios.
fn build_loop(name: &str, failing: Failing) -> Program {
    let stand_ins = format!("-I{}", root().join("tests/c/loops").display());
    let flags = match name {
        "glib" => pkg_config(&["--cflags", "--libs", "glib-2.0"]),
        "qt" => qt_loop::flags(5, Hiredis::Ours),
        _ => vec![],
    };
    let build = Build::new(format!("c/conformance/{name}.c"));
    let build = build.flag("-DALLOCATIONS_FAIL").flag(&stand_ins);
    finish(
        flags.iter().fold(build, |build, flag| build.flag(flag)),
        failing,
    )
}

fn finish(build: Build, failing: Failing) -> Program {
    let sources = root().join("tests/c");
    let build = build
        .flag("-I")
        .flag(sources.to_str().expect("UTF-8"))
        .flag("-include")
        .flag(&calls());
    match failing {
        Failing::Allocators => build.build(),
        Failing::Malloc => ["-DFAILING_MALLOC", "-D_GNU_SOURCE", "-fno-builtin"]
            .into_iter()
            .fold(build, Build::flag)
            .build(),
    }
}

/// What a program reports: `NAME: COUNT failures`, and `tried FUNCTION`.
fn report(program: &str, failing: Failing) -> &'static str {
    static REPORTS: [[OnceLock<String>; PROGRAMS.len()]; 2] =
        [const { [const { OnceLock::new() }; PROGRAMS.len()] }; 2];
    let at = PROGRAMS.iter().position(|name| *name == program);
    REPORTS[failing as usize][at.expect("a program")].get_or_init(|| {
        let server = TlsServer::start("server", &[]);
        let run = build(program, failing).on(Hiredis::Ours).timeout(120);
        server.environment(run).success()
    })
}

/// How often something failed.
fn points(report: &str) -> u64 {
    let failures = |line: &str| {
        line.rsplit_once(": ")?
            .1
            .strip_suffix(" failures")?
            .parse()
            .ok()
    };
    report
        .lines()
        .filter_map(failures)
        .collect::<Vec<u64>>()
        .iter()
        .sum()
}

/// How many failures a program reports, and says.
fn count(program: &str, failing: Failing, report: &str) -> u64 {
    let how = match failing {
        Failing::Allocators => "allocators",
        Failing::Malloc => "malloc",
    };
    let points = points(report);
    say(&format!("{program}: {points} failures of {how}"));
    assert!(points > 10, "{report}");
    points
}

#[test]
fn every_adapter_leaves_the_context_as_it_was_or_drives_it() {
    let server = Server::start(&[]);
    let mut all = 0;
    for (name, malloc) in LOOPS {
        for failing in [Failing::Allocators, Failing::Malloc] {
            if matches!(failing, Failing::Malloc) && !malloc {
                continue;
            }
            let run = build_loop(name, failing).on(Hiredis::Ours).server(&server);
            all += count(name, failing, &run.timeout(120).success());
        }
    }
    say(&format!("adapters: {all} failures"));
}

#[test]
fn every_adapter_is_tried() {
    let headers = fs::read_dir(root().join("adapters"))
        .expect("adapters")
        .flatten();
    let headers = headers.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let headers: BTreeSet<String> = headers
        .filter_map(|name| Some(name.strip_suffix(".h")?.to_string()))
        .collect();
    let loops = LOOPS.iter().map(|(name, _)| *name);
    let known: BTreeSet<String> = loops
        .chain(UNTRIED.iter().copied())
        .map(String::from)
        .collect();
    assert_eq!(headers, known, "adapters/*.h, and LOOPS and UNTRIED here");
}

/// Our TLS on the C library's core: what it allocates itself fails.
#[test]
fn tls_on_the_c_librarys_core() {
    if oracle().is_none() {
        return; // The harness has said so.
    }
    let libraries = pair(Hiredis::Oracle, Hiredis::Ours);
    let server = TlsServer::start("server", &[]);
    for failing in [Failing::Allocators, Failing::Malloc] {
        let run = build("oom_tls", failing)
            .on(Hiredis::Ours)
            .arg("tls")
            .timeout(60);
        let run = server.environment(run).env("LD_LIBRARY_PATH", &libraries);
        count("TLS on the C core", failing, &run.success());
    }
    fs::remove_dir_all(libraries).expect("the folder goes");
}

fn fails_clearly(program: &str, failing: Failing) {
    count(program, failing, report(program, failing));
}

/// Every allocation near the start fails, of the later ones some.
fn under_valgrind(program: &str) {
    let server = TlsServer::start("server", &[]);
    let run = build(program, Failing::Allocators)
        .on(Hiredis::Ours)
        .valgrind();
    server.environment(run).success();
}

#[test]
fn every_exported_function_is_tried() {
    let (mut tried, mut all) = (BTreeSet::new(), 0);
    for failing in [Failing::Allocators, Failing::Malloc] {
        for program in PROGRAMS {
            let report = report(program, failing);
            tried.extend(
                report
                    .lines()
                    .filter_map(|line| line.strip_prefix("tried ")),
            );
            all += points(report);
        }
    }
    let exported = exported();
    let left: Vec<_> = exported.difference(&tried).collect();
    assert!(
        left.is_empty(),
        "no scenario calls these functions while allocations fail: {left:?}\n\
         Write one, or a call in one, in the tests/c/oom_*.c that is about their like: it calls the function between arm() and disarm(), \
         and checks what it answers without memory (tests/c/oom.h says how). Nothing has to be listed."
    );
    say(&format!("{} functions, {all} failures", exported.len()));
}
