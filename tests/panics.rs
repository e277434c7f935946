//! No function of ours can panic or abort: a panic that unwinds into a C program, or an allocation that ends the process, would be
//! an answer that hiredis never gives. Searched for in the machine code of the shared library, where the optimizer has removed
//! the checks it could prove.

mod support;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use support::{output, root, say, stage, target};

/// What never returns, and what allocates without an answer for "no memory". Parts of names.
const FATAL: [&str; 11] = [
    "core::panicking::",
    "std::panicking::",
    "unwrap_failed",
    "expect_failed",
    "_fail",
    "panic_",
    "handle_error",
    "handle_alloc_error",
    "capacity_overflow",
    "do_reserve_and_handle",
    "grow_one",
];

/// A call that the code cannot do without, and why it is never made.
const NEVER_TAKEN: [(&str, &str, &str); 1] = [(
    "src/async_context/subscriptions.rs",
    "do_reserve_and_handle",
    "Vec::extend_from_slice looks at the capacity again, which try_reserve_exact has just made sufficient",
)];

/// A call to something fatal.
struct Call {
    address: u64,
    inside: String,
    fatal: String,
}

#[test]
fn our_functions_have_no_panic_paths() {
    stage();
    let mut found = panic_paths(&target().join("release/libhiredis.so"), &root().join("src"));
    let tls = target().join("release/libhiredis_ssl.so");
    found.extend(panic_paths(&tls, &root().join("ssl/src")));
    let (allowed, left): (Vec<_>, Vec<_>) = found.into_iter().partition(|line| {
        NEVER_TAKEN
            .iter()
            .any(|(file, call, _)| line.contains(file) && line.contains(call))
    });
    for line in &allowed {
        say(&format!("never taken: {line}"));
    }
    assert!(left.is_empty(), "\n{}", left.join("\n"));
}

/// The search sees each kind of panic in a library made to have them.
#[test]
fn the_search_finds_panic_paths() {
    let dir = target().join("tests/panics");
    fs::create_dir_all(&dir).expect("a folder");
    let source = dir.join("panics.rs");
    let library = dir.join("libpanics.so");
    fs::write(&source, PANICS).expect("the source");
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    output(
        Command::new(rustc)
            .args([
                "--crate-type=cdylib",
                "--edition=2024",
                "-Copt-level=3",
                "-g",
                "-o",
            ])
            .arg(&library)
            .arg(&source),
    );
    let found = panic_paths(&library, &dir);
    for name in ["indexes", "unwraps", "divides", "copies", "grows"] {
        assert!(
            found.iter().any(|line| line.starts_with(name)),
            "{name}: {found:#?}"
        );
    }
    assert!(
        !found.iter().any(|line| line.starts_with("checks")),
        "{found:#?}"
    );
}

const PANICS: &str = r#"
use std::slice::{from_raw_parts, from_raw_parts_mut};
#[unsafe(no_mangle)] unsafe extern "C" fn indexes(p: *const u8, n: usize, i: usize) -> u8 { unsafe { from_raw_parts(p, n)[i] } }
#[unsafe(no_mangle)] unsafe extern "C" fn checks(p: *const u8, n: usize, i: usize) -> u8 {
    unsafe { from_raw_parts(p, n).get(i).copied().unwrap_or(0) }
}
#[unsafe(no_mangle)] unsafe extern "C" fn unwraps(p: *const u8) -> u8 { unsafe { *p.as_ref().unwrap() } }
#[unsafe(no_mangle)] extern "C" fn divides(a: u32, b: u32) -> u32 { a / b }
#[unsafe(no_mangle)] unsafe extern "C" fn copies(a: *mut u8, n: usize, b: *const u8, m: usize) {
    unsafe { from_raw_parts_mut(a, n).copy_from_slice(from_raw_parts(b, m)) }
}
#[unsafe(no_mangle)] unsafe extern "C" fn grows(v: *mut Vec<u64>) { unsafe { (*v).push(1) } }
"#;

/// The fatal calls that stand in the source files below `sources`, wherever they were inlined to: `function: call at file:line`.
fn panic_paths(library: &Path, sources: &Path) -> Vec<String> {
    let calls = fatal_calls(library);
    assert!(
        calls
            .iter()
            .any(|call| call.inside.contains("core::") || call.inside.contains("std::")),
        "the standard library itself panics: the search sees nothing"
    );
    let places = places(library, &calls);
    let ours = |place: &String| Path::new(place).starts_with(sources);
    calls
        .iter()
        .zip(&places)
        .filter_map(|(call, place)| {
            let place = place.as_ref().filter(|place| ours(place))?;
            Some(format!("{}: {} at {place}", call.inside, call.fatal))
        })
        .collect()
}

/// Calls and jumps, direct or through the global offset table.
fn fatal_calls(library: &Path) -> Vec<Call> {
    let symbols = symbols(library);
    let slots = slots(library, &symbols);
    let code = output(
        Command::new("objdump")
            .args(["-d", "-C", "--no-show-raw-insn"])
            .arg(library),
    );
    let mut inside = "";
    let mut calls = vec![];
    for line in code.lines() {
        if let Some((_, name)) = line
            .strip_suffix(">:")
            .and_then(|head| head.split_once(" <"))
        {
            inside = name;
            continue;
        }
        let Some((address, instruction)) = line.trim_start().split_once(":\t") else {
            continue;
        };
        let called = destination(instruction, &symbols, &slots);
        let Some(fatal) = called.filter(|name| FATAL.iter().any(|part| name.contains(part))) else {
            continue;
        };
        if fatal != inside {
            calls.push(Call {
                address: hex(address).expect("an address"),
                inside: inside.to_string(),
                fatal: fatal.to_string(),
            });
        }
    }
    calls
}

/// Where an instruction goes, or what it loads from the offset table: `call 1234 <name>`, `call *0x1(%rip) # 5678 <…>`, and on
/// aarch64 `bl 1234 <name>`.
fn destination<'a>(
    instruction: &str,
    symbols: &'a HashMap<u64, String>,
    slots: &HashMap<u64, &'a str>,
) -> Option<&'a str> {
    if let Some((_, slot)) = instruction.split_once("# ") {
        return slots.get(&hex(slot.split(' ').next()?)?).copied();
    }
    let (before, _) = instruction.split_once(" <")?;
    let address = hex(before.split_whitespace().last()?)?;
    symbols.get(&address).map(String::as_str)
}

fn symbols(library: &Path) -> HashMap<u64, String> {
    let list = output(Command::new("nm").arg("-C").arg(library));
    list.lines()
        .filter_map(|line| {
            let (address, rest) = line.split_once(' ')?;
            let (kind, name) = rest.split_once(' ')?;
            "tTwW"
                .contains(kind)
                .then_some((hex(address)?, name.to_string()))
        })
        .collect()
}

/// The offset table's entries for the library's own functions.
fn slots<'a>(library: &Path, symbols: &'a HashMap<u64, String>) -> HashMap<u64, &'a str> {
    let relocations = output(Command::new("objdump").arg("-R").arg(library));
    relocations
        .lines()
        .filter_map(|line| {
            let (slot, rest) = line.split_once(' ')?;
            let function = hex(rest.rsplit_once("*ABS*+0x")?.1)?;
            Some((hex(slot)?, symbols.get(&function)?.as_str()))
        })
        .collect()
}

/// The innermost source line of each call that is not the standard library's: a method of `Option` that was inlined panics on
/// behalf of the code that called it. `None` where all of it is the standard library.
fn places(library: &Path, calls: &[Call]) -> Vec<Option<String>> {
    let mut command = Command::new("addr2line");
    command.arg("-i").arg("-a").arg("-e").arg(library);
    for call in calls {
        command.arg(format!("{:x}", call.address));
    }
    let mut places = vec![];
    for line in output(&mut command).lines() {
        if line.starts_with("0x") {
            places.push(None);
        } else if let Some(place @ None) =
            places.last_mut().filter(|_| !of_the_standard_library(line))
        {
            *place = Some(line.to_string());
        }
    }
    assert_eq!(places.len(), calls.len());
    assert!(
        !places.iter().flatten().any(|place| place.starts_with("??")),
        "lines are known"
    );
    places
}

fn of_the_standard_library(place: &str) -> bool {
    place.contains("/library/") || place.contains("/rust/deps/")
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}
