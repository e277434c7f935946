//! A client as Drogon's (`drogon/client.h`), built from a fresh prefix in each of the ways in which programs find hiredis, at work on a
//! real server, alone and under memcheck.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use support::{Hiredis, Program, Server, empty, make, oracle, output, root, stage};

/// What the client prints, on either library.
const WORK: &str = "\
commands: 2000
transactions: 50
subscriber: 40 messages, 4 confirmations, error 0
disconnect inside: 6 replies
killed: 2 lost
refused: error 1
pool: 2 replaced
closed
";

/// Where `make install` has put everything, of its own for these tests.
fn prefix() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        stage(); // has built the library
        let prefix = empty("drogon/prefix");
        let place = format!("PREFIX={}", prefix.display());
        let places = ["DESTDIR=", "LIBDIR=lib", "INCLUDEDIR=include", &place];
        output(make("install").args(places));
        prefix
    })
}

/// Builds the client and lets it work.
fn client_found_by(how: &str) {
    let lib = prefix().join("lib");
    let dir = empty(&format!("drogon/{how}"));
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(root().join("tests/drogon"));
    configure.arg("-B").arg(&dir).arg(format!("-DHOW={how}"));
    configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix().display()));
    output(&mut configure);
    output(Command::new("cmake").arg("--build").arg(&dir));
    let program = Program {
        binary: dir.join("client"),
    };
    let linked = output(Command::new("readelf").arg("-d").arg(&program.binary));
    let here = format!("[{}", lib.display());
    assert!(linked.contains(&here), "found elsewhere:\n{linked}");

    let server = Server::start(&[]);
    let on_prefix = || {
        let run = program.on(Hiredis::Ours).env("LD_LIBRARY_PATH", &lib);
        run.server(&server)
    };
    assert_eq!(on_prefix().success(), WORK);
    assert_eq!(on_prefix().valgrind().success(), WORK, "under memcheck");
}

#[test]
fn found_by_a_module_with_find_path_and_find_library() {
    client_found_by("module");
}

#[test]
fn found_by_its_cmake_package() {
    client_found_by("config");
}

#[test]
fn found_by_pkg_config() {
    client_found_by("pkg-config");
}

/// The binary that was built for the C library does the same work on it, and on ours.
#[test]
fn built_for_the_c_library() {
    if oracle().is_none() {
        return;
    }
    let program = support::Build::new("drogon/client.cpp")
        .headers(Hiredis::Oracle)
        .build();
    let server = Server::start(&[]);
    for library in [Hiredis::Oracle, Hiredis::Ours] {
        let work = program.on(library).server(&server).success();
        assert_eq!(work, WORK, "{library:?}");
    }
}
