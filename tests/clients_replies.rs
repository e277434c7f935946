//! What programs do with replies, allocators and function tables (contract sections 1, 2 and 8): parts kept, moved, replaced and
//! changed, replies built by hand, threads, allocators and tables exchanged. With the free lists, without them, and beside
//! another malloc.

mod support;

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use support::{Build, Hiredis, Program, Run, root, skip};

/// Steps of a random run.
const STEPS: &str = "100000";
const STEPS_UNDER_VALGRIND: &str = "4000";

/// Freed bytes are overwritten, so that none is used again unnoticed.
const SPOILED: (&str, &str) = ("MALLOC_PERTURB_", "165");
const LISTS_ON: (&str, &str) = ("HIREDIS_FREE_LISTS", "1");
const LISTS_OFF: (&str, &str) = ("HIREDIS_FREE_LISTS", "0");

/// Runs `c/NAME.c`, and returns what it prints.
fn run(name: &str, args: &[&str], env: &[(&str, &str)]) -> String {
    let program = Build::new(format!("c/{name}.c")).build();
    let run = program.on(Hiredis::Ours);
    let run = args.iter().fold(run, |run, arg| run.arg(arg));
    let run = env
        .iter()
        .fold(run, |run, (key, value)| run.env(key, value));
    run.success()
}

fn under_valgrind(name: &str, args: &[&str], lists: (&str, &str)) {
    let program = Build::new(format!("c/{name}.c")).build();
    let run = program.on(Hiredis::Ours);
    let run = args.iter().fold(run, |run, arg| run.arg(arg));
    with_lists_under_valgrind(run.valgrind(), lists).success();
}

/// Memcheck is told what the lists look at that a program may not have written.
fn with_lists_under_valgrind(run: Run, lists: (&str, &str)) -> Run {
    let known = root().join("tests/c/free_lists.supp");
    let options = format!("--suppressions={}", known.display());
    run.env(lists.0, lists.1).env("VALGRIND_OPTS", options)
}

#[test]
fn replies_stay_the_programs() {
    run("clients_replies", &[], &[SPOILED]);
    run("clients_replies", &[], &[SPOILED, LISTS_OFF]);
}

/// Such executables hold hiredisAllocFns themselves, and their own addresses of malloc and free.
#[test]
fn replies_of_position_dependent_executables() {
    let build = Build::new("c/clients_replies.c").flag("-no-pie");
    build.flag("-fno-pie").build().on(Hiredis::Ours).success();
}

#[test]
fn tables_are_copied_and_overridden() {
    run("clients_tables", &[], &[SPOILED]);
    under_valgrind("clients_tables", &[], LISTS_OFF);
}

/// The lists ask malloc for a block's size: they must leave a malloc alone that cannot tell.
#[test]
fn replies_of_executables_with_their_own_malloc() {
    let own = support::root().join("tests/c/own_malloc.h");
    let own = own.to_str().expect("a plain path");
    let flags = ["-fno-builtin", "-include", own];
    for (name, args) in [
        ("clients_replies", vec![]),
        ("clients_random", vec!["9", STEPS]),
    ] {
        let build = Build::new(format!("c/{name}.c"));
        let program = flags
            .iter()
            .fold(build, |build, flag| build.flag(flag))
            .build();
        let run = program.on(Hiredis::Ours);
        args.iter().fold(run, |run, arg| run.arg(arg)).success();
    }
}

#[test]
fn replies_under_valgrind() {
    under_valgrind("clients_replies", &[], LISTS_OFF);
}

/// Blocks in the lists do not count as lost when threads and the program end.
#[test]
fn replies_under_valgrind_with_free_lists() {
    under_valgrind("clients_replies", &[], LISTS_ON);
}

#[test]
fn random_surgery() {
    for seed in ["1", "2", "3", "4"] {
        run("clients_random", &[seed, STEPS], &[SPOILED]);
    }
    run("clients_random", &["5", STEPS], &[SPOILED, LISTS_OFF]);
}

#[test]
fn random_surgery_under_valgrind() {
    under_valgrind("clients_random", &["6", STEPS_UNDER_VALGRIND], LISTS_OFF);
    under_valgrind("clients_random", &["7", STEPS_UNDER_VALGRIND], LISTS_ON);
}

/// What the fuzz target `replies` has kept, on the library as it is shipped: under valgrind and beside jemalloc.
#[test]
fn surgery_of_the_fuzzer() {
    let build = Build::new("c/clients_random.c").flag("-DREPLAYED=clients_random");
    let program = build.build();
    let inputs = std::fs::read_dir(support::root().join("fuzz/corpus/replies")).expect("a corpus");
    let inputs: Vec<PathBuf> = inputs.flatten().map(|entry| entry.path()).collect();
    assert!(inputs.len() > 10, "{inputs:?}");
    let run = || {
        let paths = inputs
            .iter()
            .map(|path| path.to_str().expect("a plain path"));
        paths.fold(program.on(Hiredis::Ours), |run, path| run.arg(path))
    };
    for (key, value) in [LISTS_ON, LISTS_OFF] {
        with_lists_under_valgrind(run().valgrind(), (key, value)).success();
        let Some(path) = library("libjemalloc.so.2") else {
            skip("libjemalloc.so.2, which is not installed");
            continue;
        };
        let preload = path.to_str().expect("a plain path");
        run().env(key, value).env("LD_PRELOAD", preload).success();
    }
}

/// Another malloc has other block sizes, and finds foreign or broken blocks in its own way.
#[test]
fn replies_beside_another_malloc() {
    for name in ["libjemalloc.so.2", "libmimalloc.so.2"] {
        let Some(path) = library(name) else {
            skip(&format!("{name}, which is not installed"));
            continue;
        };
        let preload = ("LD_PRELOAD", path.to_str().expect("a plain path"));
        for lists in [LISTS_ON, LISTS_OFF] {
            run("clients_replies", &[], &[preload, lists]);
            run("clients_random", &["8", STEPS], &[preload, lists]);
        }
    }
}

/// A program that loads the library at run time closes it while threads that have used it go on, and end with it.
#[test]
fn the_library_goes_while_threads_live() {
    for lists in [LISTS_ON, LISTS_OFF] {
        let program = Build::new("c/dlclose.c").flag("-Wl,--as-needed").build();
        let run = program.on(Hiredis::Ours).env(lists.0, lists.1);
        assert_eq!(run.success(), "opened 50 times\n");
    }
    let program = Build::new("c/dlclose.c").flag("-Wl,--as-needed").build();
    let known = root().join("tests/c/dlclose.supp");
    let options = format!("--suppressions={}", known.display());
    let run = program.on(Hiredis::Ours).valgrind();
    run.env("VALGRIND_OPTS", options).success();
}

fn library(name: &str) -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?;
    folders
        .flatten()
        .map(|folder| folder.path().join(name))
        .find(|path| path.exists())
}

/// Bytes that freed replies still hold, as `c/free_lists.c` reports them.
fn kept(lists: (&str, &str)) -> Vec<usize> {
    let no_caches_of_malloc = ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0");
    let report = run("free_lists", &[], &[lists, no_caches_of_malloc]);
    let last = |line: &str| line.rsplit(' ').next().and_then(|bytes| bytes.parse().ok());
    report
        .lines()
        .map(|line| last(line).expect("bytes"))
        .collect()
}

/// At most 256 KiB and what malloc adds to it; nothing of ended threads, nothing beside the program's own functions.
#[test]
fn free_lists_are_bounded_and_emptied() {
    let bytes = kept(LISTS_ON);
    assert!((200_000..264_000).contains(&bytes[0]), "{bytes:?}");
    assert!(bytes[1..].iter().all(|&rest| rest < 1024), "{bytes:?}");
    assert!(kept(LISTS_OFF).iter().all(|&rest| rest < 1024));
}

/// What glibc notices of its own lists is noticed of these.
#[test]
fn free_lists_are_guarded_against_double_frees() {
    run("double_free", &["lists"], &[LISTS_ON]);
    run("double_free", &["none"], &[LISTS_OFF]);
}

/// Who starts a program that has more rights than he has decides nothing in it by his environment.
#[test]
fn the_environment_is_not_asked_by_programs_with_more_rights() {
    let library = format!("-Wl,-rpath={}", Hiredis::Ours.lib().display());
    let program = Build::new("c/environment.c").flag(&library).build();
    let lists_off = |program: &Program| {
        let run = program.on(Hiredis::Ours).env(LISTS_OFF.0, LISTS_OFF.1);
        run.success()
    };
    assert_eq!(lists_off(&program), "secure 0, kept 0\n");

    let binary = program.binary.with_extension("setgid");
    std::fs::copy(&program.binary, &binary).expect("a copy");
    if let Err(error) = chown(&binary, None, Some(65534)) {
        return skip(&format!(
            "a setgid program, which takes the right to give a file to another group (CAP_CHOWN): {error}"
        ));
    }
    let rights = Permissions::from_mode(0o2755);
    std::fs::set_permissions(&binary, rights).expect("setgid");
    let said = lists_off(&Program { binary });
    if said.starts_with("secure 0") {
        return skip(
            "setgid has no effect here: a file system that is mounted with nosuid, or no_new_privs",
        );
    }
    assert_eq!(said, "secure 1, kept 1\n");
}
