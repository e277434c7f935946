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
    for file in std::fs::read_dir(Hiredis::Ours.lib())
        .expect("the libraries")
        .flatten()
    {
        if file.file_name().to_string_lossy().contains(".so.") {
            std::fs::copy(file.path(), ours.join(file.file_name())).expect("a library");
        }
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
        // The name that the program asks for may lead to the library of another.
        assert!(!loaded.is_empty(), "{way}{log}");
        for library in loaded {
            assert!(Path::new(library).starts_with(&ours), "{way}{log}");
        }
    }
    // Nobody runs a plugin.
    let plugin = Build::new("abi/inlines.c").flag("-shared").flag("-fPIC");
    let (_, said) = check(&plugin.build().binary);
    assert!(said.ends_with(" for the program that loads it\n"), "{said}");
}

/// It knows what the library serves before there is one.
#[test]
fn nothing_needs_to_be_built() {
    let program = Build::new("abi/inlines.c").build();
    let mut check = Command::new(root().join("scripts/check-dropin"));
    check
        .arg(&program.binary)
        .env("HIREDIS_LIB", "/nowhere/lib");
    let said = support::output(&mut check);
    let way = format!(
        "once `make stage` has built it: LD_LIBRARY_PATH=/nowhere/lib {}\n",
        program.binary.display()
    );
    assert!(said.ends_with(&way), "{said}");
    let build = Build::new("c/dropin_missing.c");
    let missing = build.flag("-shared").flag("-fPIC").build();
    let mut check = Command::new(root().join("scripts/check-dropin"));
    let done = check
        .arg(&missing.binary)
        .env("HIREDIS_LIB", "/nowhere/lib")
        .output();
    let said = String::from_utf8_lossy(&done.expect("check-dropin").stdout).into_owned();
    assert!(
        said.ends_with("not served: redisNoSuchFunction\n"),
        "{said}"
    );
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
