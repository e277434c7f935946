//! Hostile input to the reader, and the list of what is hostile: every row of `docs/hostile.md` names the tests that assert it.

mod support;

use std::fs;
use support::{Build, Hiredis, root, say};

#[test]
fn every_row_has_its_error_and_its_price() {
    Build::new("c/hostile_reader.c")
        .build()
        .on(Hiredis::Ours)
        .timeout(120)
        .success();
}

#[test]
fn every_row_under_valgrind() {
    Build::new("c/hostile_reader.c")
        .build()
        .on(Hiredis::Ours)
        .valgrind()
        .success();
}

/// Without free lists, so that every byte is counted.
#[test]
fn memory_follows_what_arrives() {
    let run = Build::new("c/hostile_memory.c").build().on(Hiredis::Ours);
    let run = run.env("HIREDIS_FREE_LISTS", "0").timeout(120);
    let figures = run.success();
    assert_eq!(figures.lines().count(), 6 * 3);
    say(&figures);
}

/// The cells of the rows of `docs/hostile.md`, the last of which names tests; headings and lines below them are none.
fn rows() -> Vec<(String, String)> {
    let page = fs::read_to_string(root().join("docs/hostile.md")).expect("docs/hostile.md");
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.ends_with(" test |"));
    rows.map(|row| {
        let (cells, tests) = row
            .trim_end_matches(" |")
            .rsplit_once(" | ")
            .expect("cells");
        (cells.to_string(), tests.to_string())
    })
    .collect()
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// `c/hostile_reader.c: nesting` names what is in that file.
#[test]
fn every_row_names_its_tests() {
    let rows = rows();
    assert_eq!(rows.len(), 18 + 12 + 13);
    for (cells, tests) in rows {
        assert!(
            quoted(&tests).next().is_some(),
            "{cells}: no tests: {tests:?}"
        );
        for test in quoted(&tests) {
            let (file, name) = test.split_once(": ").expect("file: name");
            let text = fs::read_to_string(root().join("tests").join(file));
            let text = text.unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(text.contains(name), "{cells}: nothing of {name} in {file}");
        }
        if tests.contains("hostile_inputs.h") {
            let input = cells.split(" | ").next().expect("a cell");
            let known = include_str!("c/hostile_inputs.h");
            for input in quoted(input).map(|input| input.replace('␍', "\\r\\n")) {
                assert!(
                    known.contains(&format!("INPUT(\"{input}\")")),
                    "{input} is not tried"
                );
            }
        }
    }
}
