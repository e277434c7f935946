//! Comparing two outputs key by key, and the list of differences that are allowed.

use std::collections::{BTreeSet, HashMap};

/// `key: value` lines in order. A line without a key or a key that comes twice is a mistake of the program.
pub(super) fn lines(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut seen = BTreeSet::new();
    text.lines()
        .map(|line| {
            let (key, value) = line
                .split_once(": ")
                .ok_or_else(|| format!("no key in {line:?}"))?;
            if !seen.insert(key) {
                return Err(format!("the key {key:?} comes twice"));
            }
            Ok((key.to_string(), value.to_string()))
        })
        .collect()
}

/// One line of `differences.txt`: program, reason, our line, why.
struct Entry {
    line: &'static str,
    program: &'static str,
    key: &'static str,
    value: &'static str,
}

/// The differences that one program may show.
pub(super) struct Listed {
    entries: Vec<Entry>,
}

const LIST: &str = include_str!("differences.txt");

fn entries() -> impl Iterator<Item = Result<Entry, String>> {
    LIST.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(parse)
}

fn parse(line: &'static str) -> Result<Entry, String> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [program, reason, ours, why] = fields[..] else {
        return Err(format!("not four fields: {line:?}"));
    };
    let numbered = |prefix| {
        reason
            .strip_prefix(prefix)
            .is_some_and(|n| n.parse::<u8>().is_ok())
    };
    let known = numbered("11.")
        || numbered("design.")
        || ["since-1.3", "since-1.4", "since-head"].contains(&reason);
    if !known {
        return Err(format!("unknown reason: {line:?}"));
    }
    if why.trim().is_empty() {
        return Err(format!("it does not say why: {line:?}"));
    }
    let (key, value) = ours
        .split_once(": ")
        .ok_or_else(|| format!("no key: {line:?}"))?;
    Ok(Entry {
        line,
        program,
        key,
        value,
    })
}

impl Listed {
    pub(super) fn of(program: &str) -> Listed {
        Listed {
            entries: entries()
                .flatten()
                .filter(|entry| entry.program == program)
                .collect(),
        }
    }

    /// What is wrong with the list itself.
    pub(super) fn problems(programs: &[&str]) -> Vec<String> {
        entries()
            .filter_map(|entry| match entry {
                Err(problem) => Some(problem),
                Ok(entry) if !programs.contains(&entry.program) => {
                    Some(format!("no such program: {:?}", entry.line))
                }
                Ok(_) => None,
            })
            .collect()
    }

    fn find(&self, key: &str, expected: &str, ours: &str) -> Option<usize> {
        self.entries
            .iter()
            .position(|entry| matches(entry.key, key) && entry.allows(expected, ours))
    }
}

impl Entry {
    /// The value is exactly ours, or `(same without X)`: both are equal once every `X` is taken out of them.
    fn allows(&self, expected: &str, ours: &str) -> bool {
        let without = self.value.strip_prefix("(same without ");
        match without.and_then(|rest| rest.strip_suffix(')')) {
            Some(pattern) => remove(pattern, expected) == remove(pattern, ours),
            None => self.value == ours,
        }
    }
}

/// `text` without what the pattern matches; its one `*` stands for the shortest run of characters.
fn remove(pattern: &str, text: &str) -> String {
    let (head, tail) = pattern.split_once('*').unwrap_or((pattern, ""));
    let mut left = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(head) {
        let Some((_, after)) = after.split_once(tail) else {
            break;
        };
        left.push_str(before);
        rest = after;
    }
    left + rest
}

/// `*` in the pattern stands for any run of characters.
fn matches(pattern: &str, key: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == key,
        Some((head, tail)) => key.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len())
                .filter(|&at| rest.is_char_boundary(at))
                .any(|at| matches(tail, &rest[at..]))
        }),
    }
}

/// Collects what differs over several runs of one program.
pub(super) struct Comparison {
    listed: Listed,
    used: BTreeSet<usize>,
    differing: BTreeSet<String>,
    problems: Vec<String>,
}

/// Stands for a line that one of the two does not print.
const NONE: &str = "(none)";

impl Comparison {
    pub(super) fn new(listed: Listed) -> Comparison {
        Comparison {
            listed,
            used: BTreeSet::new(),
            differing: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    pub(super) fn add(
        &mut self,
        how: &str,
        expected: &[(String, String)],
        ours: &[(String, String)],
    ) {
        let before = self.problems.len();
        let our_values: HashMap<&str, &str> = ours
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        let expected_values: HashMap<&str, &str> = expected
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        for (key, value) in expected {
            self.check(key, value, our_values.get(key.as_str()).unwrap_or(&NONE));
        }
        for (key, value) in ours
            .iter()
            .filter(|(key, _)| !expected_values.contains_key(key.as_str()))
        {
            self.check(key, NONE, value);
        }
        let order = |lines: &[(String, String)], other: &HashMap<&str, &str>| -> Vec<String> {
            lines
                .iter()
                .map(|(key, _)| key.clone())
                .filter(|key| other.contains_key(key.as_str()))
                .collect()
        };
        let (theirs, ours) = (order(expected, &our_values), order(ours, &expected_values));
        if let Some((a, b)) = theirs.iter().zip(&ours).find(|(a, b)| a != b) {
            self.problem(format!(
                "  order: the C library prints {a:?} where ours prints {b:?}"
            ));
        }
        if self.problems.len() > before {
            self.problems.insert(before, format!(" {how}:"));
        }
    }

    fn check(&mut self, key: &str, expected: &str, ours: &str) {
        if expected == ours {
            return;
        }
        match self.listed.find(key, expected, ours) {
            Some(entry) => {
                self.used.insert(entry);
                self.differing.insert(key.to_string());
            }
            None => self.problem(format!("  {key}: C {expected}\n  {key}: we {ours}")),
        }
    }

    /// What differs in both runs is said once.
    fn problem(&mut self, problem: String) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// How many keys differ for listed reasons, or everything that is not as it should be.
    pub(super) fn finish(mut self) -> Result<usize, String> {
        let unused = (0..self.listed.entries.len()).filter(|entry| !self.used.contains(entry));
        self.problems.extend(
            unused.map(|entry| format!(" matches nothing: {:?}", self.listed.entries[entry].line)),
        );
        let shown = 60;
        if self.problems.len() > shown {
            let more = self.problems.len() - shown;
            self.problems.truncate(shown);
            self.problems.push(format!(" and {more} more"));
        }
        if self.problems.is_empty() {
            Ok(self.differing.len())
        } else {
            Err(self.problems.join("\n"))
        }
    }
}

#[test]
fn a_star_stands_for_any_run() {
    assert!(matches("a.*.err", "a.1.2.err"));
    assert!(matches("a.*", "a."));
    assert!(matches("*", ""));
    assert!(!matches("a.*.err", "a.1.errstr"));
    assert!(!matches("a", "ab"));
}

#[test]
fn a_value_may_be_the_same_without_something() {
    let entry = parse("p\tdesign.7\tk: (same without <timer *>)\tw")
        .unwrap_or_else(|problem| panic!("{problem}"));
    assert!(entry.allows("<timer 1><addRead><timer 2><x>", "<addRead><timer 9><x>"));
    assert!(!entry.allows("<timer 1><addRead>", "<addWrite>"));
    assert!(!entry.allows("<addRead><timer", "<addRead>"));
    assert_eq!(remove("ab", "1ab2ab3"), "123");
}

#[test]
fn a_difference_is_found_and_an_unused_entry_too() {
    let entry = |line| parse(line).unwrap_or_else(|problem| panic!("{problem}"));
    let listed = || Listed {
        entries: vec![entry("p\t11.15\tb.*: 2\tit is a defect")],
    };
    let (old, new) = (
        lines("a: 1\nb.x: 1\n").unwrap(),
        lines("a: 1\nb.x: 2\n").unwrap(),
    );

    let mut listed_reason = Comparison::new(listed());
    listed_reason.add("", &old, &new);
    assert_eq!(listed_reason.finish(), Ok(1));

    let mut nothing_differs = Comparison::new(listed());
    nothing_differs.add("", &old, &old);
    assert!(nothing_differs.finish().is_err());

    let mut unlisted = Comparison::new(Listed { entries: vec![] });
    unlisted.add("", &old, &new);
    assert!(unlisted.finish().is_err());

    let mut absent = Comparison::new(Listed {
        entries: vec![entry("p\tdesign.2\tb.x: (none)\tnever printed")],
    });
    absent.add("", &old, &old[..1]);
    assert_eq!(absent.finish(), Ok(1));
}

#[test]
fn bad_entries_and_outputs_are_refused() {
    for bad in [
        "p\t11.15\ta: 1",
        "p\tbecause\ta: 1\tw",
        "p\t11.\ta: 1\tw",
        "p\t11.1\tno key\tw",
        "p\t11.1\ta: 1\t ",
    ] {
        assert!(parse(bad).is_err(), "{bad:?}");
    }
    assert!(lines("a: 1\na: 2\n").is_err());
    assert!(lines("no key\n").is_err());
}
