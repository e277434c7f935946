//! `make install` and `make uninstall`: what they leave, pkg-config, CMake, the static libraries.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{output, root, stage};

/// `make GOAL` for a system at `destdir`, which has its libraries in a folder of its own.
fn make(goal: &str, destdir: &Path) {
    stage(); // has built the library
    let destdir = format!("DESTDIR={}", destdir.display());
    output(support::make(goal).args(["PREFIX=/usr", "LIBDIR=lib/triplet", &destdir]));
}

/// An empty folder of these tests.
fn empty(name: &str) -> PathBuf {
    support::empty(&format!("install/{name}"))
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
        "33\n"
    );
}

/// Where the dynamic linker does not look; and where it will, once what is in DESTDIR has been put in its place.
#[test]
fn one_line_says_how_programs_find_it() {
    stage();
    let dir = empty("elsewhere");
    let prefix = format!("PREFIX={}", dir.display());
    let said = output(support::make("install").args(["DESTDIR=", "LIBDIR=lib", &prefix]));
    let path = format!("LD_LIBRARY_PATH={}/lib", dir.display());
    assert_eq!(said, format!("to have a program find it: {path} PROGRAM\n"));
    let destdir = format!("DESTDIR={}", dir.display());
    let said = output(support::make("install").args([&destdir, "LIBDIR=lib", "PREFIX=/usr/local"]));
    assert_eq!(
        said,
        "to have programs find it once it is in place: ldconfig\n"
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
    // With everything in the program, libc and the unwinder among it.
    let all = [&flags[..], &["-static".into()]].concat();
    runs_with("all-static", &all, Path::new("/nonexistent"));
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

/// Builds `tests/cmake` on an installation that CMake finds in this way, and runs its programs. Returns the folder.
fn cmake(name: &str, found: &str) -> PathBuf {
    let dir = empty(name);
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(root().join("tests/cmake"));
    output(configure.arg("-B").arg(&dir).arg(found));
    output(Command::new("cmake").arg("--build").arg(&dir));
    let kinds = ["shared", "static"];
    for program in kinds
        .iter()
        .flat_map(|kind| ["", "_ssl", "_both"].map(|more| format!("{kind}{more}")))
    {
        let said = output(&mut Command::new(dir.join(&program)));
        assert_eq!(said, "33\n", "{program}");
    }
    dir
}

/// As `cmake`, told of the folder of CMake packages, which may be one that CMake does not look in.
fn cmake_of_packages(name: &str, lib: &Path) {
    let lib = fs::canonicalize(lib).expect("the libraries");
    cmake(name, &format!("-DPACKAGES={}/cmake", lib.display()));
}

#[test]
fn cmake_finds_both_libraries_shared_and_static() {
    cmake_of_packages("cmake", &stage().join("lib"));
}

#[test]
fn cmake_needs_to_know_no_more_than_the_prefix() {
    let prefix = format!("-DCMAKE_PREFIX_PATH={}", stage().display());
    let cache = cmake("cmake-prefix", &prefix).join("CMakeCache.txt");
    let cache = fs::read_to_string(cache).expect("CMake's cache");
    let here = format!("hiredis_DIR:PATH={}/lib/cmake/hiredis\n", stage().display());
    assert!(cache.contains(&here), "found elsewhere:\n{cache}");
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

    cmake_of_packages("moved-cmake", &lib);

    let others = ["include/hiredis/own.h", "lib/triplet/cmake/hiredis/own"];
    let others = others.map(|file| moved.join("usr").join(file));
    for file in &others {
        fs::write(file, "").expect("a file of somebody else's");
    }
    make("uninstall", &moved);
    let left = output(Command::new("find").arg(&moved).args(["!", "-type", "d"]));
    assert_eq!(left.lines().count(), 2, "left behind:\n{left}");
    for file in &others {
        fs::remove_file(file).expect("what is not ours stays");
    }
    make("uninstall", &moved);
    let mut left = Command::new("find");
    let left = left.current_dir(&moved).args([".", "-printf", "%P\n"]);
    let mut left: Vec<String> = output(left).lines().map(String::from).collect();
    left.sort();
    assert_eq!(
        left,
        ["", "usr", "usr/include", "usr/lib", "usr/lib/triplet"]
    );
}
