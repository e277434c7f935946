//! `make install` and `make uninstall`: what they leave, pkg-config, CMake, the static libraries.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{root, stage, target};

fn output(command: &mut Command) -> String {
    let done = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        done.status.success(),
        "{command:?}\n{}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8_lossy(&done.stdout).trim().to_string()
}

/// An empty folder below the target folder.
fn empty(name: &str) -> PathBuf {
    let dir = target().join("tests/install").join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a folder");
    dir
}

fn make(goal: &str, destdir: &Path) {
    stage(); // has built the library
    let mut make = Command::new("make");
    make.args([
        "--no-print-directory",
        "-s",
        goal,
        "PREFIX=/usr",
        "LIBDIR=lib/triplet",
    ]);
    make.arg(format!("DESTDIR={}", destdir.display()))
        .current_dir(root());
    make.env("CARGO_TARGET_DIR", target())
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL");
    output(&mut make);
}

fn pkg_config(lib: &Path, what: &[&str]) -> Vec<String> {
    pkg_config_of("hiredis", lib, what)
}

fn pkg_config_of(package: &str, lib: &Path, what: &[&str]) -> Vec<String> {
    let mut command = Command::new("pkg-config");
    command
        .env("PKG_CONFIG_PATH", lib.join("pkgconfig"))
        .args(what)
        .arg(package);
    output(&mut command)
        .split_whitespace()
        .map(String::from)
        .collect()
}

/// Compiles and runs the program with these flags behind it.
fn runs_with(name: &str, flags: &[String], lib: &Path) {
    runs("installed", name, flags, lib);
}

/// As `runs_with`, of another program below `tests/c`.
fn runs(program: &str, name: &str, flags: &[String], lib: &Path) {
    let binary = empty(name).join("program");
    let mut gcc = Command::new("gcc");
    output(
        gcc.arg(root().join(format!("tests/c/{program}.c")))
            .arg("-o")
            .arg(&binary)
            .args(flags),
    );
    assert_eq!(
        output(Command::new(&binary).env("LD_LIBRARY_PATH", lib)),
        "33"
    );
}

#[test]
fn everything_that_hiredis_installs_is_there() {
    let files = include_str!("abi/installed.txt").lines();
    for file in files.filter(|line| !line.starts_with('#')) {
        assert!(stage().join(file).is_file(), "{file} is missing");
    }
}

#[test]
fn pkg_config_is_all_a_program_needs() {
    let lib = stage().join("lib");
    runs_with("shared", &pkg_config(&lib, &["--cflags", "--libs"]), &lib);
    assert_eq!(pkg_config(&lib, &["--modversion"]), ["1.4.1"]);
}

#[test]
fn the_static_library_links_with_what_pkg_config_says() {
    let lib = stage().join("lib");
    let flags = pkg_config(&lib, &["--static", "--cflags", "--libs"]);
    let archive: Vec<String> = flags
        .iter()
        .map(|flag| flag.replace("-lhiredis", "-l:libhiredis.a"))
        .collect();
    runs_with("static", &archive, Path::new("/nonexistent"));
}

#[test]
fn pkg_config_is_all_a_program_with_tls_needs() {
    let lib = stage().join("lib");
    let flags = pkg_config_of("hiredis_ssl", &lib, &["--cflags", "--libs"]);
    runs("installed_ssl", "shared-ssl", &flags, &lib);
    assert_eq!(
        pkg_config_of("hiredis_ssl", &lib, &["--modversion"]),
        ["1.4.1"]
    );
}

/// Both archives hold Rust's standard library; the linker takes it from one of them.
#[test]
fn the_static_libraries_link_together() {
    let lib = stage().join("lib");
    let flags = pkg_config_of("hiredis_ssl", &lib, &["--static", "--cflags", "--libs"]);
    let archives: Vec<String> = flags
        .iter()
        .map(|flag| match flag.as_str() {
            "-lhiredis" | "-lhiredis_ssl" => flag.replacen("-l", "-l:lib", 1) + ".a",
            _ => flag.clone(),
        })
        .collect();
    runs(
        "installed_ssl",
        "static-ssl",
        &archives,
        Path::new("/nonexistent"),
    );
}

/// Builds `tests/cmake` against the installation below `prefix`, and runs its four programs.
fn cmake(name: &str, prefix: &Path) {
    let dir = empty(name);
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(root().join("tests/cmake"));
    // Debian's folder for libraries is known to CMake; the other is `lib/triplet`.
    let lib = fs::canonicalize(prefix.join("lib/triplet")).unwrap_or(prefix.join("lib"));
    configure
        .arg("-B")
        .arg(&dir)
        .arg(format!("-DPACKAGES={}/cmake", lib.display()));
    output(&mut configure);
    output(Command::new("cmake").arg("--build").arg(&dir));
    for program in ["shared", "static", "shared_ssl", "static_ssl"] {
        assert_eq!(
            output(&mut Command::new(dir.join(program))),
            "33",
            "{program}"
        );
    }
}

#[test]
fn cmake_finds_both_libraries_shared_and_static() {
    cmake("cmake", stage());
}

#[test]
fn an_installation_can_be_moved_and_taken_away() {
    let first = empty("first");
    make("install", &first);
    let moved = empty("moved").join("here");
    fs::rename(&first, &moved).expect("move the installation");
    let lib = moved.join("usr/lib/triplet");
    runs_with(
        "moved-program",
        &pkg_config(&lib, &["--cflags", "--libs"]),
        &lib,
    );

    cmake("moved-cmake", &moved.join("usr"));

    make("uninstall", &moved);
    let left = output(Command::new("find").arg(&moved).args(["!", "-type", "d"]));
    assert_eq!(left, "", "left behind by make uninstall");
    assert!(!moved.join("usr/include/hiredis").exists());
}
