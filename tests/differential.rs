//! The same C program on the C library and on ours: what it prints must be equal, line by line, except for
//! the differences listed in `differential/differences.txt`. How to write a program: `tests/README.md`.

mod support;

#[path = "differential/compare.rs"]
mod compare;

use compare::{Comparison, Listed, lines};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use support::{Build, Hiredis, Program, Server, oracle, root, say, target};

macro_rules! programs {
    ($($name:ident)*) => {
        const PROGRAMS: &[&str] = &[$(stringify!($name)),*];

        mod equal {
            $(#[test] fn $name() { super::compare(stringify!($name)); })*
        }

        mod memcheck {
            $(#[test] fn $name() { super::memcheck(stringify!($name)); })*
        }
    };
}

include!("differential/programs.rs");

fn folder() -> PathBuf {
    root().join("tests/differential")
}

fn build(name: &str, headers: Hiredis) -> Program {
    Build::new(format!("differential/{name}.c"))
        .headers(headers)
        .build()
}

/// The lines of one run on a fresh server, its end included; a copy stays in the target folder.
fn run(program: &Program, library: Hiredis, copy: &str) -> Vec<(String, String)> {
    let server = Server::start(&[]);
    let output = program.on(library).server(&server).output();
    let text = format!("{}exit: {}\n", output.stdout, output.end);
    let dir = target().join("tests/differential");
    fs::create_dir_all(&dir).expect("a folder for the outputs");
    fs::write(dir.join(copy), &text).expect("keep the output");
    lines(&text).unwrap_or_else(|problem| panic!("{copy}: {problem}\n{}", output.stderr))
}

fn compare(name: &str) {
    let ours = run(
        &build(name, Hiredis::Ours),
        Hiredis::Ours,
        &format!("{name}.ours"),
    );
    let end = &ours.last().expect("at least its end").1;
    assert_eq!(end, "0", "{name} on our library, compiled with our headers");
    if oracle().is_none() {
        return;
    }
    let old = build(name, Hiredis::Oracle);
    let expected = run(&old, Hiredis::Oracle, &format!("{name}.oracle"));
    let loaded = run(&old, Hiredis::Ours, &format!("{name}.loaded"));

    let mut comparison = Comparison::new(Listed::of(name));
    comparison.add("compiled with the C library's headers", &expected, &loaded);
    comparison.add("compiled with our headers", &expected, &ours);
    let listed = comparison
        .finish()
        .unwrap_or_else(|problems| panic!("{name}:\n{problems}"));
    say(&format!(
        "{name}: {} lines compared, {listed} differ for listed reasons",
        expected.len()
    ));
}

fn memcheck(name: &str) {
    if support::marked(&folder().join(format!("{name}.c")), "valgrind: off").is_some() {
        return;
    }
    let server = Server::start(&[]);
    build(name, Hiredis::Ours)
        .on(Hiredis::Ours)
        .server(&server)
        .valgrind()
        .success();
}

#[test]
fn every_program_in_the_folder_is_named() {
    let entries = fs::read_dir(folder())
        .expect("tests/differential")
        .flatten()
        .map(|entry| entry.path());
    let found: BTreeSet<String> = entries
        .filter(|path| path.extension().is_some_and(|ext| ext == "c"))
        .map(|path| {
            path.file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let named: BTreeSet<String> = PROGRAMS.iter().map(|name| name.to_string()).collect();
    assert_eq!(
        found, named,
        "tests/differential/*.c and the list in programs.rs"
    );
}

#[test]
fn every_listed_difference_is_well_formed() {
    let problems = Listed::problems(PROGRAMS);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
