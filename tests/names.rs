//! The names that programs ask for, `libhiredis.so.1`, `.so.1.1.0` and `.so.1.3.0`: each is a library without code that needs the one
//! which has the code, and leads to it in every way that a program comes to a library.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Build, Hiredis, empty, oracle, output, root, stage};

const SUFFIXES: [&str; 4] = ["1", "1.1.0", "1.3.0", "1.4.0"];

fn lib() -> PathBuf {
    fs::canonicalize(stage().join("lib")).expect("the libraries")
}

/// What `names.c` says where everything is found in the one file.
fn one_file() -> String {
    format!("{}/libhiredis.so.1.4.0\n", lib().display()).repeat(3)
}

/// Compiles `c/names.c`.
fn program(dir: &Path, flags: &[&str]) -> PathBuf {
    let program = dir.join("program");
    let mut gcc = Command::new("gcc");
    gcc.arg(root().join("tests/c/names.c"))
        .arg("-o")
        .arg(&program);
    output(
        gcc.arg("-I")
            .arg(stage().join("include"))
            .args(flags)
            .arg("-ldl"),
    );
    program
}

/// The same, so that it needs a library of this name.
fn program_that_needs(name: &str, flags: &[&str]) -> PathBuf {
    let dir = empty(&format!("names/{name}-{}", flags.len()));
    let library = dir.join("libnamesake.so").display().to_string();
    let mut gcc = Command::new("gcc");
    gcc.args(["-shared", "-x", "c", "/dev/null", "-o", &library]);
    output(gcc.arg(format!("-Wl,-soname,{name}")));
    program(&dir, &[&["-Wl,--no-as-needed", &library], flags].concat())
}

/// Standard output of a program that finds libraries by what is said here alone.
fn run(program: &Path, variable: Option<(&str, &str)>) -> String {
    let mut command = Command::new(program);
    command
        .env_remove("LD_LIBRARY_PATH")
        .env_remove("LD_PRELOAD");
    output(command.envs(variable))
}

#[test]
fn a_process_that_loads_several_names_has_one_implementation() {
    let program = Build::new("c/names.c").build(); // which needs 1.4.0 itself
    let run = SUFFIXES
        .iter()
        .fold(program.on(Hiredis::Ours), |run, suffix| {
            run.arg(&format!("libhiredis.so.{suffix}"))
        });
    assert_eq!(run.success(), one_file());
}

#[test]
fn each_name_alone_leads_to_it_by_dlopen_preloading_and_need() {
    let program = program(&empty("names/none"), &[]);
    let folder = lib().display().to_string();
    let runpath = format!("-Wl,--enable-new-dtags,-rpath,{folder}");
    for suffix in SUFFIXES {
        let name = format!("libhiredis.so.{suffix}");
        let path = format!("{folder}/{name}");
        // By its place, which the library that it needs is found in too.
        let mut command = Command::new(&program);
        assert_eq!(
            output(command.arg(&path).env_remove("LD_LIBRARY_PATH")),
            one_file(),
            "{name}"
        );
        assert_eq!(
            run(&program, Some(("LD_PRELOAD", &path))),
            one_file(),
            "{name}"
        );

        let needs = program_that_needs(&name, &[]);
        assert_eq!(
            run(&needs, Some(("LD_LIBRARY_PATH", &folder))),
            one_file(),
            "{name}"
        );
        assert_eq!(
            run(&needs, Some(("LD_PRELOAD", &path))),
            one_file(),
            "{name}"
        );
        let needs = program_that_needs(&name, &[&runpath]);
        assert_eq!(run(&needs, None), one_file(), "{name}");
    }
}

/// A preloaded name keeps a library of the same SONAME out of the process, whatever else would find it.
#[test]
fn a_program_of_the_c_library_runs_on_a_preloaded_name() {
    if oracle().is_none() {
        return;
    }
    let program = Build::new("c/names.c").headers(Hiredis::Oracle).build();
    let preloaded = lib().join("libhiredis.so.1.1.0");
    let run = program.on(Hiredis::Oracle).env("LD_PRELOAD", preloaded);
    assert_eq!(run.success(), one_file());
}

/// ldconfig, told to look in the installation, and nowhere that it keeps. It reads SONAMEs; a link has none of its own.
#[test]
fn the_dynamic_linkers_cache_knows_every_name() {
    let dir = empty("names/cache");
    let (conf, cache) = (dir.join("conf"), dir.join("cache"));
    fs::write(&conf, format!("{}\n", lib().display())).expect("the configuration");
    let ldconfig = || {
        let mut command = Command::new("/sbin/ldconfig");
        command.arg("-C").arg(&cache);
        command
    };
    output(ldconfig().arg("-X").arg("-f").arg(&conf));
    let known = output(ldconfig().arg("-p"));
    let ours = format!("=> {}/", lib().display());
    let known: BTreeSet<&str> = known
        .lines()
        .filter(|line| line.contains(&ours))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    for library in ["libhiredis", "libhiredis_ssl"] {
        for suffix in SUFFIXES {
            let name = format!("{library}.so.{suffix}");
            assert!(known.contains(name.as_str()), "{name}: {known:?}");
        }
    }
}
