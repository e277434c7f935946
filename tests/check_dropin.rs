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
