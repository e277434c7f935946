//! README.md's samples, each written, built and run as it is printed there; the commands that it names.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use support::{Server, empty, output, root, stage};

/// The first block of this language, and the indented commands that follow it up to the next heading.
fn sample(language: &str) -> (String, Vec<String>) {
    let text = fs::read_to_string(root().join("README.md")).expect("README.md");
    let (_, rest) = text
        .split_once(&format!("```{language}\n"))
        .expect("a sample");
    let (code, rest) = rest.split_once("```\n").expect("its end");
    let section = rest.split("\n#").next().expect("a section");
    let commands = section
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .map(String::from);
    (code.to_string(), commands.collect())
}

/// Runs each command by a shell that finds the installation as it would find one in the system.
fn built(dir: &Path, commands: &[String]) {
    assert!(!commands.is_empty());
    for command in commands {
        let mut shell = Command::new("sh");
        shell.current_dir(dir).args(["-ec", command]);
        shell.env("PKG_CONFIG_PATH", stage().join("lib/pkgconfig"));
        output(shell.env("CMAKE_PREFIX_PATH", stage()));
    }
}

/// The programs count in a Redis at a port of their own.
fn counts(program: &Path, expected: &str) {
    let mut run = Command::new(program);
    assert_eq!(
        output(run.env("LD_LIBRARY_PATH", stage().join("lib"))),
        expected
    );
}

#[test]
fn samples_are_built_and_run_as_printed() {
    let server = Server::start(&[]);
    let dir = empty("readme");
    let port = server.port.to_string();
    let (c, compile_c) = sample("c");
    let (cpp, compile_cpp) = sample("cpp");
    let (cmake, configure) = sample("cmake");
    fs::write(dir.join("visits.c"), c.replace("6379", &port)).expect("the sample");
    fs::write(dir.join("visits.cpp"), cpp.replace("6379", &port)).expect("the sample");
    fs::write(dir.join("CMakeLists.txt"), cmake).expect("the sample");

    built(&dir, &compile_c);
    counts(&dir.join("visits"), "1 visits\n");
    built(&dir, &compile_cpp);
    counts(&dir.join("visits"), "2 visits\n");
    built(&dir, &configure);
    counts(&dir.join("build/visits"), "3 visits\n");
}

/// Every goal of make, every script and every file that the pages for newcomers name is there.
#[test]
fn what_is_named_is_there() {
    let makefile = fs::read_to_string(root().join("Makefile")).expect("Makefile");
    let mut named = 0;
    for page in [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "docs/compatibility.md",
    ] {
        let text = fs::read_to_string(root().join(page)).expect(page);
        for code in text.split('`').skip(1).step_by(2) {
            let mut words = code.split_whitespace();
            let first = words.next().unwrap_or("");
            if first == "make" {
                let Some(goal) = words
                    .next()
                    .filter(|goal| goal.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
                else {
                    continue;
                };
                assert!(
                    makefile.contains(&format!("\n{goal}:")),
                    "{page}: make {goal}"
                );
                named += 1;
            } else if [
                "scripts/",
                "tests/",
                "src/",
                "docs/",
                "cbindgen/",
                "adapters/mio",
            ]
            .iter()
            .any(|folder| first.starts_with(folder))
                && !first.contains(['*', '…'])
                && !first.contains("NAME")
                && !first.contains("LOOP")
            {
                assert!(root().join(first).exists(), "{page}: {first}");
                named += 1;
            }
        }
    }
    assert!(named > 40, "{named}");
}
