//! The headers as programs with strict flags compile them, by every standard of C and C++ since C99 and C++11, with gcc and, where it is
//! installed, clang; their include guards, which programs ask for and define.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Hiredis, empty, oracle, output, redismodule, root, skip, stage, system_includes};

const STANDARDS: [&str; 9] = [
    "c99", "c11", "c17", "c2x", "c++11", "c++14", "c++17", "c++20", "c++2b",
];

const FLAGS: [&str; 8] = [
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wshadow",
    "-Wconversion",
    "-Wcast-qual",
    "-Wundef",
    "-Werror",
];

const IN_CPP: [&str; 2] = ["-Wold-style-cast", "-Wzero-as-null-pointer-constant"];

/// The compilers that are there, each with its one for C++.
fn compilers() -> Vec<[&'static str; 2]> {
    let all = [["gcc", "g++"], ["clang", "clang++"]];
    let (there, absent): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|pair| Command::new(pair[1]).arg("--version").output().is_ok());
    for [compiler, _] in absent {
        skip(&format!("headers by {compiler}, which is not installed"));
    }
    there
}

/// The core's headers and the adapters: where each is included from, and the names `async.h`, `adapters/glib.h`.
fn headers() -> Vec<String> {
    let mut names = vec![];
    for folder in ["", "adapters/"] {
        let all = fs::read_dir(stage().join("include/hiredis").join(folder)).expect("headers");
        let all = all
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.extend(
            all.filter(|name| name.ends_with(".h"))
                .map(|name| format!("{folder}{name}")),
        );
    }
    names.sort();
    assert!(names.len() >= 7 + 13, "{names:?}");
    names
}

/// What an adapter needs of its loop: folders of other people's headers, and what these need beyond the standard.
fn loops_flags(header: &str, qt: u8) -> Vec<String> {
    if header == "adapters/qt.h" {
        let mut flags = system_includes(&format!("Qt{qt}Core"));
        flags.push("-fPIC".into());
        return flags;
    }
    let mut flags = vec![];
    if header == "adapters/glib.h" {
        flags = system_includes("glib-2.0");
    }
    for folder in [root().join("tests/c/loops"), redismodule().to_path_buf()] {
        flags.push(format!("-isystem{}", folder.display()));
    }
    if ["ae", "ivykis", "libhv", "libuv"]
        .map(|name| format!("adapters/{name}.h"))
        .contains(&header.to_string())
    {
        flags.push("-D_XOPEN_SOURCE=700".into());
    }
    flags
}

/// Compiles `source`, and returns what the compiler said.
fn complaints(compiler: &str, standard: &str, source: &Path, flags: &[String]) -> String {
    let mut command = Command::new(compiler);
    let language = if standard.contains("++") { "c++" } else { "c" };
    command
        .args(["-x", language, &format!("-std={standard}"), "-fsyntax-only"])
        .args(FLAGS);
    if language == "c++" {
        command.args(IN_CPP);
    }
    command
        .arg("-I")
        .arg(Hiredis::Ours.include())
        .args(flags)
        .arg(source);
    let done = command.output().expect("a compiler");
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    if done.status.success() && said.is_empty() {
        said
    } else {
        format!("{command:?}\n{said}")
    }
}

/// Each alone, and not as a header of the system, whose warnings compilers keep to themselves.
fn every_header_compiles_alone_without_a_warning(compilers: &[[&str; 2]], folder: &str) {
    let dir = empty(folder);
    let mut found = String::new();
    for header in headers() {
        let source = dir.join(header.replace('/', "-")).with_extension("in");
        let code = format!("#include <hiredis/{header}>\nextern int not_empty;\n");
        fs::write(&source, code).expect("the source");
        for [c, cpp] in compilers {
            for standard in STANDARDS {
                let compiler = if standard.contains("++") { cpp } else { c };
                // Qt 6 needs C++17, and there are no others.
                let qt: &[u8] = match (header.as_str(), standard) {
                    ("adapters/qt.h", "c++11" | "c++14") => &[5],
                    ("adapters/qt.h", "c++17" | "c++2b") => &[5, 6],
                    ("adapters/qt.h", _) => &[],
                    _ => &[0],
                };
                for version in qt {
                    let flags = loops_flags(&header, *version);
                    found += &complaints(compiler, standard, &source, &flags);
                }
            }
        }
    }
    assert!(found.is_empty(), "{found}");
}

#[test]
fn every_header_compiles_alone_without_a_warning_of_gcc() {
    every_header_compiles_alone_without_a_warning(&compilers()[..1], "headers/gcc");
}

#[test]
fn every_header_compiles_alone_without_a_warning_of_clang() {
    every_header_compiles_alone_without_a_warning(&compilers()[1..], "headers/clang");
}

/// What macros make of a program's own code is compiled with that program's flags.
#[test]
fn macros_bring_no_warning_into_a_program() {
    let source = empty("headers/macros").join("macros.in");
    let code = r#"
        #include <hiredis/hiredis.h>
        size_t macros(redisReader *r, void *any, sds s, redisOptions *options, const redisReply *reply);
        size_t macros(redisReader *r, void *any, sds s, redisOptions *options, const redisReply *reply) {
          SDS_HDR_VAR(8, s)
          redisReaderSetPrivdata(any, r);
          REDIS_OPTIONS_SET_TCP(options, "localhost", 6379);
          REDIS_OPTIONS_SET_UNIX(options, "/tmp/redis");
          REDIS_OPTIONS_SET_PRIVDATA(options, any, sds_free);
          if (redisReaderGetObject(any) == any || redisIsPushReply(reply)) return 0;
          return SDS_HDR(16, s)->len + sh->len + sizeof(redisReaderGetError(r)) + sdslen(s);
        }
"#;
    fs::write(&source, code).expect("the source");
    for [c, cpp] in compilers() {
        for standard in STANDARDS {
            let compiler = if standard.contains("++") { cpp } else { c };
            let found = complaints(compiler, standard, &source, &[]);
            assert!(found.is_empty(), "{found}");
        }
    }
}

/// The name that a header's first directive asks for.
fn guards(include: PathBuf) -> BTreeMap<String, String> {
    let mut guards = BTreeMap::new();
    for header in headers() {
        let Ok(code) = fs::read_to_string(include.join("hiredis").join(&header)) else {
            continue; // ours alone
        };
        let mut lines = code.lines().filter(|line| line.starts_with('#'));
        let (first, second) = (
            lines.next().expect("a guard"),
            lines.next().expect("a guard"),
        );
        let guard = first.strip_prefix("#ifndef ").expect("a guard");
        assert_eq!(second.trim_end(), format!("#define {guard}"), "{header}");
        guards.insert(header, guard.to_string());
    }
    guards
}

/// Of each header that the C library has.
#[test]
fn include_guards_are_those_of_hiredis() {
    if oracle().is_none() {
        return;
    }
    let theirs = guards(Hiredis::Oracle.include());
    assert_eq!(theirs.len(), 7 + 12);
    let ours = guards(Hiredis::Ours.include());
    for (header, guard) in theirs {
        assert_eq!(ours[&header], guard, "{header}");
    }
}

/// As Redis Sentinel: an sds of the program's own, whose strings have another layout, before `hiredis.h`; and as programs that have
/// Redis where `__HIREDIS_H` is defined.
#[test]
fn a_program_brings_its_own_sds_and_asks_for_the_guard() {
    let dir = empty("headers/own-sds");
    let own = r#"#ifndef __SDS_H
        #define __SDS_H
        #include <stddef.h>
        #include <string.h>
        typedef char *sds;
        #define SDS_TYPE_8 7
        struct sdshdr8 { size_t own; char buf[1]; };
        static inline size_t sdslen(const sds s) { return 1000 + strlen(s); }
        #endif"#;
    let program = r#"#include "sds.h"
        #include <hiredis/async.h>
        #include <hiredis/adapters/poll.h>
        #include <hiredis/hiredis_ssl.h>
        #include <stdio.h>
        #if !defined __HIREDIS_H || !defined __HIREDIS_READ_H || !defined __HIREDIS_ASYNC_H || !defined __HIREDIS_SSL_H
        #error "no Redis"
        #endif
        int main(void) {
          char own[] = "own";
          char *command = NULL;
          return !(sdslen(own) == 1003 && redisFormatCommand(&command, "PING") == 14 && printf("%s\n", SDS_TYPE_8 == 7 ? "33" : "") == 3);
        }"#;
    fs::write(dir.join("sds.h"), own).expect("the header");
    for (compiler, file) in [("gcc", "own.c"), ("g++", "own.cc")] {
        fs::write(dir.join(file), program).expect("the source");
        let mut command = Command::new(compiler);
        command
            .current_dir(&dir)
            .args([file, "-Wall", "-Wextra", "-Werror", "-o", "program", "-I"]);
        command
            .arg(Hiredis::Ours.include())
            .arg("-L")
            .arg(Hiredis::Ours.lib());
        output(command.args(["-lhiredis"]));
        let mut run = Command::new(dir.join("program"));
        assert_eq!(
            output(run.env("LD_LIBRARY_PATH", Hiredis::Ours.lib())),
            "33\n"
        );
    }
}
