//! What a newcomer is told before anything is installed: which Rust is needed, and which packages are missing.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{empty, root};

/// A folder with these commands, each of which prints a line.
fn commands(folder: &str, lines: &[(&str, &str)]) -> PathBuf {
    let dir = empty(folder);
    for (name, line) in lines {
        let path = dir.join(name);
        fs::write(&path, format!("#!/bin/sh\necho '{line}'\n")).expect("a command");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("rights");
    }
    dir
}

/// What is said, without Rust but for that in `folder`, and with what is in `folder` in place of what the system has.
fn said(folder: &Path, command: &[&str]) -> String {
    let mut run = Command::new(command[0]);
    run.args(&command[1..]).current_dir(root()).env_clear();
    run.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    let done = run.output().expect("a command");
    assert!(!done.status.success(), "{command:?}");
    let both = [done.stdout, done.stderr].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// No Rust is one whose commands fail, wherever else the system has some.
#[test]
fn without_a_rust_that_is_new_enough_the_first_line_says_so() {
    let old = [
        ("rustc", "rustc 1.63.0 (4b91a6ea7 2022-08-08)"),
        ("cargo", "cargo 1.63.0"),
    ];
    let none = [("rustc", ""), ("cargo", "")];
    for (folder, commands_there, here) in [("rust-old", old, "1.63.0"), ("rust-none", none, "none")]
    {
        let folder = commands(&format!("first-minutes/{folder}"), &commands_there);
        let line = format!(
            "please install Rust 1.95 or later by rustup (https://rustup.rs); here is {here}. Nothing has been installed."
        );
        for goal in ["demo", "test", "all", "stage"] {
            let said = said(&folder, &["make", "--no-print-directory", goal]);
            assert_eq!(
                said.lines().next(),
                Some(line.as_str()),
                "make {goal}: {said}"
            );
        }
    }
}

#[test]
fn what_is_missing_is_named_in_one_line_to_an_ordinary_user() {
    let user = commands("first-minutes/user", &[("id", "1000")]);
    let tools = [
        "scripts/ensure-tools",
        "no-such-tool",
        "bash",
        "no-such-compiler",
    ];
    let expected = "please install: no-such-compiler no-such-tool \
                    (Debian and Ubuntu: apt-get install no-such-compiler no-such-tool)\n";
    assert_eq!(said(&user, &tools), expected);
}

/// Nothing passes because there was nothing to compare with.
#[test]
fn what_compares_fails_without_the_c_library() {
    let none = empty("first-minutes/none");
    let nowhere = none.join("usr/lib").display().to_string();
    let run = |command: &[&str], ci: bool| {
        let mut run = Command::new(root().join(command[0]));
        run.args(&command[1..]).current_dir(root());
        run.env("HIREDIS_ORACLE", &none).env_remove("CI");
        if ci {
            run.env("CI", "true");
        }
        let done = run.output().expect("a command");
        (
            done.status.success(),
            String::from_utf8_lossy(&done.stderr).into_owned(),
        )
    };
    for command in [
        &["scripts/bench-quick"][..],
        &["scripts/bench", "start"],
        &["scripts/bench-tls"],
        &["scripts/abidiff", &nowhere, "target/stage/lib"],
    ] {
        let (passed, said) = run(command, false);
        assert!(
            !passed && said.contains("no C library to compare with"),
            "{command:?}: {said}"
        );
    }
    for ci in [false, true] {
        let (passed, said) = run(&["scripts/fuzz", "differential", "1"], ci);
        assert!(
            passed != ci && said.contains("no C library to compare with"),
            "{ci}: {said}"
        );
    }
}
