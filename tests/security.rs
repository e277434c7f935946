//! `SECURITY.md` says of each thing that an attacker cannot do which test holds it: those tests are there.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use support::root;

/// The file of this name below a folder.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    entries.map(|entry| entry.path()).find_map(|path| {
        if path.is_dir() {
            return find(&path, name);
        }
        path.ends_with(name).then_some(path)
    })
}

#[test]
fn every_test_that_the_threat_model_names_is_there() {
    let page = fs::read_to_string(root().join("SECURITY.md")).expect("SECURITY.md");
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let proofs = rows.filter_map(|row| row.trim_end_matches(" |").rsplit_once(" | "));
    let mut named = 0;
    for proof in proofs.flat_map(|(_, proofs)| proofs.split("; ")) {
        let mut names = proof.split('`').skip(1).step_by(2);
        let is_file = |name: &&str| [".rs", ".c", ".h"].iter().any(|end| name.ends_with(end));
        let Some(file) = names.next().filter(is_file) else {
            continue;
        };
        let found = ["tests", "src"]
            .iter()
            .find_map(|folder| find(&root().join(folder), file));
        let found = found.unwrap_or_else(|| panic!("there is no {file}"));
        let code = fs::read_to_string(found).expect("a test");
        for name in names {
            assert!(code.contains(name), "{file} has no {name}");
            named += 1;
        }
    }
    assert!(named > 25, "{named} names were found");
}
