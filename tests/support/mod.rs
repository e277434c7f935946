//! Where things are: the staged installation of our library and the C library to compare with.
#![allow(dead_code, reason = "each test binary uses the part it needs")]
#![allow(unused_imports, reason = "the same")]

mod program;
mod server;

pub(crate) use program::{Build, Output, Program, Run, compiles, marked};
pub(crate) use server::{Control, Server};

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Whose headers a program is compiled with, or whose library it runs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hiredis {
    Ours,
    Oracle,
}

impl Hiredis {
    pub(crate) fn include(self) -> PathBuf {
        match self {
            Hiredis::Ours => stage().join("include"),
            Hiredis::Oracle => oracle_or_panic().join("usr/include"),
        }
    }

    /// The folder of the shared library.
    pub(crate) fn lib(self) -> PathBuf {
        match self {
            Hiredis::Ours => stage().join("lib"),
            Hiredis::Oracle => oracle_lib(oracle_or_panic()).expect("oracle() saw the library"),
        }
    }
}

/// The project's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The target folder this test binary was built in (`target/release/deps/abi-…` → `target`).
pub(crate) fn target() -> &'static Path {
    static TARGET: OnceLock<PathBuf> = OnceLock::new();
    TARGET.get_or_init(|| {
        let exe = std::env::current_exe().expect("a test binary has a path");
        exe.ancestors()
            .nth(3)
            .expect("it stands in target/PROFILE/deps")
            .to_path_buf()
    })
}

/// Our library as a user finds it after `make install`: `include/hiredis`, `lib`, `lib/pkgconfig`.
/// `HIREDIS_STAGE` names an installation to test instead.
pub(crate) fn stage() -> &'static Path {
    static STAGE: OnceLock<PathBuf> = OnceLock::new();
    STAGE.get_or_init(|| match std::env::var_os("HIREDIS_STAGE") {
        Some(dir) => PathBuf::from(dir),
        None => install(),
    })
}

fn install() -> PathBuf {
    fs::create_dir_all(target()).expect("target folder");
    let lock = File::create(target().join("stage.lock")).expect("stage.lock");
    lock.lock().expect("one test binary installs at a time");
    let dir = target().join("stage");
    output(
        make("install")
            .args(["DESTDIR=", "LIBDIR=lib"])
            .arg(format!("PREFIX={}", dir.display())),
    );
    dir
}

/// Standard output of a command that must succeed.
pub(crate) fn output(command: &mut Command) -> String {
    let done = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        done.status.success(),
        "{command:?}\n{}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// A folder of this name below `target/tests`, emptied.
pub(crate) fn empty(name: &str) -> PathBuf {
    let dir = target().join("tests").join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a folder");
    dir
}

/// The words that `pkg-config` prints.
pub(crate) fn pkg_config(arguments: &[&str]) -> Vec<String> {
    let words = output(Command::new("pkg-config").args(arguments));
    words.split_whitespace().map(String::from).collect()
}

/// Compiler flags of a package, its folders as those whose warnings are not ours.
pub(crate) fn system_includes(package: &str) -> Vec<String> {
    let flags = pkg_config(&["--cflags", package]);
    let system = |flag: String| flag.replacen("-I", "-isystem", 1);
    flags.into_iter().map(system).collect()
}

/// The folder of redis-server's `redismodule.h`.
pub(crate) fn redismodule() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let dir = target().join("redismodule");
        output(Command::new(root().join("scripts/get-redismodule")).arg(&dir));
        dir
    })
}

/// `make GOAL`, with nothing from a make that runs the tests, and without its commands in the output.
pub(crate) fn make(goal: &str) -> Command {
    let mut command = Command::new("make");
    command
        .args(["--no-print-directory", "-s", goal])
        .current_dir(root())
        .env("CARGO_TARGET_DIR", target());
    for inherited in ["MAKEFLAGS", "MAKELEVEL", "CARGO_MAKEFLAGS"] {
        command.env_remove(inherited);
    }
    command
}

/// The unpacked C library, or `None` after saying so.
pub(crate) fn oracle() -> Option<&'static Path> {
    static ORACLE: OnceLock<Option<PathBuf>> = OnceLock::new();
    ORACLE
        .get_or_init(|| {
            let dir = std::env::var_os("HIREDIS_ORACLE").map_or(root().join("target/oracle"), PathBuf::from);
            let found = oracle_lib(&dir).is_some();
            if !found {
                skip(&format!(
                    "no C library to compare with in {}; `make oracle` fetches it where there is a network",
                    dir.display()
                ));
            }
            found.then_some(dir)
        })
        .as_deref()
}

fn oracle_or_panic() -> &'static Path {
    oracle().expect("the caller asked oracle() first")
}

/// Debian puts the library below a folder named after the architecture.
fn oracle_lib(dir: &Path) -> Option<PathBuf> {
    let folders = fs::read_dir(dir.join("usr/lib")).ok()?;
    folders
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.join("libhiredis.so").exists())
}

/// Says that something cannot be tried here, and why. With `CI` set that is a failure: some faults are caught by that alone.
pub(crate) fn skip(what: &str) {
    say(&format!("skipped: {what}"));
    assert!(
        std::env::var_os("CI").is_none(),
        "skipped, although CI is set: {what}"
    );
}

/// Says it also where the test passes: the test harness captures only what goes through `print!`.
pub(crate) fn say(message: &str) {
    let _ = writeln!(std::io::stderr(), "{message}");
}
