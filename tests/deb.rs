//! `make deb`: the pair of packages, put in place by dpkg in a folder of its own, used there, and taken away without a trace.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use support::{empty, make, output, root, stage};

/// The two packages, made once.
fn packages() -> &'static [PathBuf] {
    static PACKAGES: OnceLock<Vec<PathBuf>> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        stage(); // has built the library
        let made = output(&mut make("deb"));
        let packages: Vec<PathBuf> = made
            .lines()
            .filter(|line| line.ends_with(".deb"))
            .map(|line| root().join(line))
            .collect();
        assert_eq!(packages.len(), 2, "{made}");
        packages
    })
}

/// dpkg on a system that holds nothing but its own records: what ours depends on is that of the machine.
fn dpkg(system: &Path) -> Command {
    let mut dpkg = Command::new("dpkg");
    dpkg.arg(format!("--root={}", system.display()));
    dpkg.args(["--force-depends", "--force-not-root", "--log=/dev/null"]);
    dpkg
}

fn files(system: &Path) -> String {
    output(Command::new("find").current_dir(system).args([
        ".",
        "-path",
        "./var/lib/dpkg",
        "-prune",
        "-o",
        "-mindepth",
        "1",
        "-print",
    ]))
}

#[test]
fn packages_are_installed_used_and_purged() {
    let packages = packages();
    let system = empty("deb");
    for folder in ["info", "updates", "triggers"] {
        fs::create_dir_all(system.join("var/lib/dpkg").join(folder)).expect("dpkg's folders");
    }
    for file in ["status", "available"] {
        fs::write(system.join("var/lib/dpkg").join(file), "").expect("dpkg's files");
    }
    let before = files(&system);

    output(dpkg(&system).arg("-i").args(packages));
    let triplet = output(Command::new("gcc").arg("-print-multiarch"));
    let lib = system.join("usr/lib").join(triplet.trim());
    for name in include_str!("abi/installed.txt").lines() {
        let Some(name) = name.strip_prefix("lib/") else {
            continue;
        };
        assert!(lib.join(name).is_file(), "{name} is missing");
    }
    let mut flags = Command::new("pkg-config");
    flags.env("PKG_CONFIG_PATH", lib.join("pkgconfig"));
    let flags = output(flags.args(["--cflags", "--libs", "hiredis_ssl"]));
    let program = system.join("program");
    let mut gcc = Command::new("gcc");
    gcc.arg(root().join("tests/c/installed_ssl.c")).arg("-o");
    output(gcc.arg(&program).args(flags.split_whitespace()));
    let mut run = Command::new(&program);
    assert_eq!(output(run.env("LD_LIBRARY_PATH", &lib)), "33\n");
    fs::remove_file(&program).expect("the program");

    output(dpkg(&system).args(["-P", "libhiredis-rs-dev", "libhiredis-rs"]));
    assert_eq!(files(&system), before, "left behind");
}

/// What was built on ours asks for ours.
#[test]
fn packages_built_on_ours_depend_on_it() {
    let control = empty("deb-control");
    let package = &packages()[0];
    output(
        Command::new("dpkg-deb")
            .arg("-e")
            .arg(package)
            .arg(&control),
    );
    let said = fs::read_to_string(control.join("shlibs")).expect("shlibs");
    let library = stage().join("lib/libhiredis.so");
    let dynamic = output(Command::new("readelf").arg("-d").arg(library));
    for line in said.lines() {
        let (names, package) = line.split_once(" libhiredis-rs ").expect("our package");
        assert_eq!(package, "(>= 1.4.1)");
        let version = names.split(' ').nth(1).expect("a version");
        assert!(
            dynamic.contains(&format!("[libhiredis.so.{version}]")),
            "{line}"
        );
    }
    assert_eq!(said.lines().count(), 2);
}

/// They stand in for Debian's, whose versions its programs ask for, and cannot be mixed with them.
#[test]
fn packages_take_the_place_of_debians() {
    let expected = [
        ("libhiredis1.1.0 (= 1.4.1)", "libhiredis1.1.0"),
        ("libhiredis-dev (= 1.4.1)", "libhiredis-dev"),
    ];
    for (package, (provides, replaces)) in packages().iter().zip(expected) {
        let field = |name| output(Command::new("dpkg-deb").arg("-f").arg(package).arg(name));
        assert_eq!(field("Provides").trim(), provides);
        assert_eq!(field("Conflicts").trim(), replaces);
        assert_eq!(field("Replaces").trim(), replaces);
    }
}
