//! `scripts/check-dropin`: what it says of programs that ours serves, of those it does not, and of what is no program.

mod support;

use std::path::Path;
use std::process::Command;
use support::{Build, Hiredis, oracle, root, stage};

fn check(program: &Path) -> (Option<i32>, String) {
    let done = Command::new(root().join("scripts/check-dropin"))
        .arg(program)
        .env("HIREDIS_LIB", stage().join("lib"))
        .output()
        .expect("check-dropin");
    (
        done.status.code(),
        String::from_utf8_lossy(&done.stdout).into_owned(),
    )
}

#[test]
fn programs_of_either_library_are_served() {
    let mut headers = vec![(Hiredis::Ours, "libhiredis.so.1.4.0")];
    headers.extend(oracle().map(|_| (Hiredis::Oracle, "libhiredis.so.1.1.0")));
    for (headers, name) in headers {
        let build = Build::new("abi/inlines.c").headers(headers);
        let (code, said) = check(&build.build().binary);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(name), "{said}");
        assert!(said.contains("all served: LD_LIBRARY_PATH="), "{said}");
    }
}

/// The way that is told, by a shell: the library that is loaded then is ours, also where the program knows a place of another.
#[test]
fn programs_run_as_they_are_told_to() {
    let built_with = match oracle() {
        Some(_) => Hiredis::Oracle,
        None => Hiredis::Ours,
    };
    let elsewhere = built_with.lib();
    let rpath = format!("-Wl,--disable-new-dtags,-rpath,{}", elsewhere.display());
    let ours = support::target().join("tests/check dropin");
    let _ = std::fs::remove_dir_all(&ours);
    std::fs::create_dir_all(&ours).expect("a folder");
    for (library, name) in [
        ("libhiredis.so.1", "libhiredis.so.1"),
        ("libhiredis.so.1", "libhiredis.so.1.1.0"),
        ("libhiredis.so.1", "libhiredis.so.1.4.0"),
        ("libhiredis_ssl.so.1", "libhiredis_ssl.so.1"),
    ] {
        std::fs::copy(Hiredis::Ours.lib().join(library), ours.join(name)).expect("a library");
    }
    for flag in ["-Wall", &rpath] {
        let program = Build::new("abi/inlines.c").headers(built_with);
        let program = program.flag(flag).build();
        let said = Command::new(root().join("scripts/check-dropin"))
            .arg(&program.binary)
            .env("HIREDIS_LIB", &ours)
            .output()
            .expect("check-dropin");
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let (_, way) = said.split_once("all served: ").expect("a way");
        let mut run = Command::new("bash");
        run.args(["-c", way]).env_remove("LD_LIBRARY_PATH");
        let run = run.env("LD_DEBUG", "libs").output().expect("bash");
        let log = String::from_utf8_lossy(&run.stderr).into_owned();
        let loaded: Vec<&str> = log
            .lines()
            .filter_map(|line| line.split_once("calling init: "))
            .map(|(_, library)| library)
            .filter(|library| library.contains("libhiredis"))
            .collect();
        let [loaded] = loaded[..] else {
            panic!("{way}{log}")
        };
        assert!(Path::new(loaded).starts_with(&ours), "{way}{log}");
    }
    // Nobody runs a plugin.
    let plugin = Build::new("abi/inlines.c").flag("-shared").flag("-fPIC");
    let (_, said) = check(&plugin.build().binary);
    assert!(said.ends_with(" for the program that loads it\n"), "{said}");
}

#[test]
fn what_is_missing_is_named() {
    // A shared library is linked whatever it lacks.
    let build = Build::new("c/dropin_missing.c");
    let (code, said) = check(&build.flag("-shared").flag("-fPIC").build().binary);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.ends_with("not served: redisNoSuchFunction\n"),
        "{said}"
    );
}

#[test]
fn what_is_no_program_of_hiredis_is_told_apart() {
    let (code, said) = check(&root().join("README.md"));
    assert_eq!(code, Some(2), "{said}");
    let (code, said) = check(Path::new("/bin/sh"));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("not linked with libhiredis"), "{said}");
}
