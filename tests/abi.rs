//! The shared libraries and the headers against the ABI as data (`abi/`): exports, names, size, layouts, constants, prototypes.

mod support;

#[path = "abi/generated.rs"]
mod generated;

use generated::{constants, layouts, names, prototypes};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Build, Hiredis, compiles, oracle, output, root, stage, target};

/// A shared library: its name and the symbols that hiredis exports from it.
struct Library {
    name: &'static str,
    symbols: &'static str,
    /// Whether an addition of `abi/additions.txt` belongs to it.
    adds: fn(&str) -> bool,
}

const CORE: Library = Library {
    name: "libhiredis",
    symbols: include_str!("abi/symbols-libhiredis.txt"),
    adds: |name| !name.contains("SSL"),
};

const TLS: Library = Library {
    name: "libhiredis_ssl",
    symbols: include_str!("abi/symbols-libhiredis_ssl.txt"),
    adds: |name| name.contains("SSL"),
};

impl Library {
    fn path(&self) -> PathBuf {
        stage().join(format!("lib/{}.so", self.name))
    }
}

/// The first field of every line that is not a comment.
fn first_fields(list: &str) -> BTreeSet<&str> {
    list.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split('\t').next())
        .collect()
}

/// Exported symbols: name → (type letter of nm, size).
fn exports(library: &Path) -> BTreeMap<String, (String, u64)> {
    let table = output(
        Command::new("nm")
            .args(["-D", "-S", "--defined-only"])
            .arg(library),
    );
    table
        .lines()
        .filter_map(
            |line| match line.split_whitespace().collect::<Vec<_>>()[..] {
                [_, size, kind, name] => Some((name, kind, u64::from_str_radix(size, 16).ok()?)),
                [_, kind, name] => Some((name, kind, 0)),
                _ => None,
            },
        )
        .map(|(name, kind, size)| (name.to_string(), (kind.to_string(), size)))
        .collect()
}

/// The values of one kind of entry (`SONAME`, `NEEDED`) of the dynamic section.
fn dynamic(library: &Path, kind: &str) -> Vec<String> {
    let section = output(Command::new("readelf").args(["-d", "-W"]).arg(library));
    let marked = format!("({kind})");
    section
        .lines()
        .filter(|line| line.contains(&marked))
        .filter_map(|line| Some(line.split_once('[')?.1.split_once(']')?.0.to_string()))
        .collect()
}

#[test]
fn exports_are_those_of_hiredis_and_the_documented_additions() {
    assert_eq!(first_fields(CORE.symbols).len(), 123);
    assert_eq!(first_fields(TLS.symbols).len(), 8);
    for library in [CORE, TLS] {
        let found = exports(&library.path());
        let found_names: BTreeSet<&str> = found.keys().map(String::as_str).collect();
        let expected = first_fields(library.symbols);
        let additions = first_fields(include_str!("abi/additions.txt"));
        let additions: BTreeSet<&str> = additions
            .into_iter()
            .filter(|name| (library.adds)(name))
            .collect();

        let missing: Vec<_> = expected.difference(&found_names).collect();
        assert!(missing.is_empty(), "missing: {missing:?}");
        let extra: Vec<_> = found_names
            .difference(&expected)
            .filter(|name| !additions.contains(*name))
            .collect();
        assert!(extra.is_empty(), "exported, but in neither list: {extra:?}");
        let gone: Vec<_> = additions.difference(&found_names).collect();
        assert!(
            gone.is_empty(),
            "listed in additions.txt, but not exported: {gone:?}"
        );
    }
}

#[test]
fn exports_are_of_the_right_kind() {
    for (library, data_size) in [(CORE, 40), (TLS, 48)] {
        let found = exports(&library.path());
        for line in library.symbols.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let (name, kind) = (fields[0], fields[2]);
            let (letter, size) = &found[name];
            match kind {
                "func" => assert_eq!(letter, "T", "{name}"),
                "data" => assert!(
                    ["D", "B"].contains(&letter.as_str()) && *size == data_size,
                    "{name}: {letter} of {size} bytes"
                ),
                other => panic!("unknown kind {other}"),
            }
        }
    }
}

/// Either library may be exchanged alone: ours finds in a process what the C one finds there.
#[test]
fn tls_takes_from_the_core_what_the_c_librarys_takes() {
    let table = output(
        Command::new("nm")
            .args(["-D", "--undefined-only"])
            .arg(TLS.path()),
    );
    let core = exports(&CORE.path());
    let taken: BTreeSet<&str> = table
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .filter(|name| core.contains_key(*name))
        .collect();
    let expected = BTreeSet::from([
        "__redisAsyncDisconnect",
        "__redisSetError",
        "hiredisAllocFns",
        "redisBufferRead",
        "redisBufferWrite",
        "redisNetClose",
        "redisProcessCallbacks",
    ]);
    assert_eq!(taken, expected);
}

#[test]
fn one_file_serves_every_name_that_programs_were_linked_with() {
    for library in [CORE, TLS] {
        let real = fs::canonicalize(library.path()).expect("the library");
        let soname = format!("{}.so.1.4.0", library.name);
        assert_eq!(dynamic(&real, "SONAME"), [soname.as_str()]);
        for suffix in ["so.1", "so.1.1.0", "so.1.3.0"] {
            let name = format!("{}.{suffix}", library.name);
            let path = stage().join("lib").join(&name);
            assert_eq!(dynamic(&path, "SONAME"), [name.as_str()]);
            assert_eq!(dynamic(&path, "NEEDED"), [soname.as_str()], "{name}");
            assert!(exports(&path).is_empty(), "{name} has functions");
        }
    }
}

#[test]
fn needs_nothing_but_libc_and_tls_openssl() {
    for (library, more) in [(CORE, &[][..]), (TLS, &["libssl.so.3", "libcrypto.so.3"])] {
        for needed in dynamic(&library.path(), "NEEDED") {
            // The core finds the unwinder when it is needed, where `src/unwinder.rs` knows how.
            let unwinder = needed == "libgcc_s.so.1"
                && (library.name == TLS.name || cfg!(not(target_arch = "x86_64")));
            let allowed = needed == "libc.so.6"
                || needed.starts_with("ld-linux")
                || unwinder
                || more.contains(&needed.as_str());
            assert!(allowed, "{} needs {needed}", library.name);
        }
    }
}

#[test]
fn stripped_it_is_at_most_700_kilobytes() {
    let stripped = target().join("tests/libhiredis.stripped.so");
    fs::create_dir_all(target().join("tests")).expect("a folder");
    output(
        Command::new("strip")
            .arg("-o")
            .arg(&stripped)
            .arg(CORE.path()),
    );
    let size = fs::metadata(&stripped).expect("the stripped file").len();
    support::say(&format!("stripped libhiredis.so: {size} bytes"));
    assert!(size <= 700 * 1024, "{size} bytes");
}

/// Compiles a generated file against our headers as C and as C++, and runs what comes out.
fn check(name: &str, source: &str) {
    let dir = target().join("tests/abi");
    fs::create_dir_all(&dir).expect("a folder for generated files");
    for extension in ["c", "cc"] {
        let file = dir.join(format!("{name}.{extension}"));
        fs::write(&file, source).expect("write the generated file");
        Build::new(&file)
            .flag("-Wno-unused-function")
            .flag("-lhiredis_ssl")
            .build()
            .on(Hiredis::Ours)
            .success();
    }
}

#[test]
fn layouts_are_those_of_hiredis() {
    check("layouts", &layouts());
}

#[test]
fn constants_are_those_of_hiredis() {
    check("constants", &constants());
}

#[test]
fn headers_declare_every_function_as_hiredis_does() {
    check("names", &names());
    check("prototypes", &prototypes());
}

#[test]
fn inline_functions_and_macros_do_what_they_do_in_hiredis() {
    let program = Build::new("abi/inlines.c");
    program.build().on(Hiredis::Ours).success();
}

#[test]
fn inline_functions_of_the_c_library_work_on_ours() {
    if oracle().is_none() {
        return;
    }
    let program = Build::new("abi/inlines.c").headers(Hiredis::Oracle).build();
    program.on(Hiredis::Oracle).success();
    program.on(Hiredis::Ours).success();
}

#[test]
fn a_non_pie_program_takes_the_allocator_table_by_copy_relocation() {
    let mut headers = vec![Hiredis::Ours];
    headers.extend(oracle().map(|_| Hiredis::Oracle));
    for headers in headers {
        let build = Build::new("abi/copy_relocation.c").headers(headers);
        let program = build.flag("-no-pie").flag("-fno-pic").build();
        let relocations = output(
            Command::new("readelf")
                .args(["-r", "-W"])
                .arg(&program.binary),
        );
        let copied = relocations
            .lines()
            .any(|line| line.contains("_COPY") && line.contains("hiredisAllocFns"));
        assert!(copied, "{headers:?}: no copy relocation\n{relocations}");
        program.on(Hiredis::Ours).success();
    }
}

/// Each header alone, as strict C99, C++17 and C++20, without a warning.
/// A program that includes no more than the header of an addition can ask whether it is there.
#[test]
fn every_header_of_an_addition_tells_whose_it_is() {
    let folders = ["", "adapters/"].map(|folder| (stage().join("include/hiredis"), folder));
    let mut headers = BTreeMap::new();
    for (include, folder) in folders {
        for entry in fs::read_dir(include.join(folder))
            .expect("headers")
            .flatten()
        {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().extension().is_some_and(|end| end == "h") {
                let text = fs::read_to_string(entry.path()).expect("a header");
                headers.insert(format!("{folder}{name}"), text);
            }
        }
    }
    for addition in first_fields(include_str!("abi/additions.txt")) {
        let declares = |text: &str| {
            text.lines()
                .any(|line| !line.starts_with("//") && line.contains(&format!("{addition}(")))
        };
        let (header, _) = headers
            .iter()
            .find(|(_, text)| declares(text))
            .expect(addition);
        let source = format!(
            "#include <hiredis/{header}>\n#ifndef HIREDIS_RS\n#error \"{addition}\"\n#endif\nextern int not_empty;\n"
        );
        compiles(&source, "-std=c99", Hiredis::Ours, &[]);
    }
}

#[test]
fn every_header_compiles_alone() {
    let headers = fs::read_dir(root().join("include/hiredis"))
        .expect("include/hiredis")
        .flatten();
    let headers = headers.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let names: BTreeSet<String> = headers.filter(|name| name.ends_with(".h")).collect();
    for expected in [
        "alloc.h",
        "async.h",
        "hiredis.h",
        "hiredis_ssl.h",
        "read.h",
        "sds.h",
        "sockcompat.h",
    ] {
        assert!(names.contains(expected), "{expected} is missing");
    }
    for name in &names {
        let source = format!("#include <hiredis/{name}>\nextern int not_empty;\n");
        for standard in ["-std=c99", "-std=c++17", "-std=c++20"] {
            compiles(&source, standard, Hiredis::Ours, &[]);
        }
    }
}
