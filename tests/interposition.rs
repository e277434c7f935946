//! Which of the library's names can be taken over by another's, and which addresses programs see of its functions.

mod support;

use std::fs;
use std::process::Command;
use support::{Build, Hiredis, Server, empty, oracle, output, stage};

/// The functions that the library exports.
fn functions() -> Vec<String> {
    let library = stage().join("lib/libhiredis.so");
    let table = output(
        Command::new("nm")
            .args(["-D", "--defined-only"])
            .arg(library),
    );
    let fields = table
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>());
    let functions = fields.filter(|fields| fields[1] == "T");
    functions.map(|fields| fields[2].to_string()).collect()
}

/// As a program that holds another copy of hiredis, or of sds.
#[test]
fn a_program_with_functions_of_the_same_names_changes_nothing() {
    let source = empty("interposition").join("namesakes.c");
    let mut code = "int taken_over;\nconst char *taken_over_last;\n".to_string();
    let names = functions();
    assert!(names.len() >= 130, "{names:?}");
    for name in names {
        code += &format!(
            "void *{name}(void) {{ taken_over++; taken_over_last = \"{name}\"; return 0; }}\n"
        );
    }
    fs::write(&source, code).expect("the source");
    let server = Server::start(&[]);
    for kind in ["-pie", "-no-pie"] {
        let build = Build::new("c/interposed.c").flag(kind);
        let program = build.flag(&source.display().to_string()).build();
        for name in ["libhiredis.so", "libhiredis.so.1.1.0"] {
            let library = stage().join("lib").join(name).display().to_string();
            program
                .on(Hiredis::Ours)
                .arg(&library)
                .server(&server)
                .success();
        }
    }
}

/// Of its own names, the library has the dynamic linker look up these.
#[test]
fn nothing_else_is_looked_up() {
    let library = stage().join("lib/libhiredis.so");
    let table = output(Command::new("readelf").args(["-r", "-W"]).arg(&library));
    let own = functions();
    let looked_up = table.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let name = fields.get(4)?.to_string();
        (own.contains(&name) || name == "hiredisAllocFns")
            .then_some((name, fields[2].contains("JUMP_SLO")))
    });
    let mut names = vec![];
    for (name, called) in looked_up {
        assert!(!called, "{name} is called by its symbol");
        names.push(name);
    }
    names.sort();
    names.dedup();
    let expected = [
        "freeReplyObject",
        "hiredisAllocFns",
        "redisAsyncRead",
        "redisAsyncWrite",
        "redisNetClose",
        "redisNetRead",
        "redisNetWrite",
    ];
    assert_eq!(names, expected);
}

/// In a program that is not position-independent, such an address is in the program.
#[test]
fn members_of_tables_are_the_exported_functions() {
    let flags: [&[&str]; 3] = [
        &["-no-pie", "-fno-pic"],
        &["-pie", "-fPIE"],
        &["-no-pie", "-fno-pic", "-static"],
    ];
    for flags in flags {
        let static_too = flags.contains(&"-static");
        for headers in [Some(Hiredis::Ours), oracle().map(|_| Hiredis::Oracle)]
            .into_iter()
            .flatten()
        {
            if static_too && headers == Hiredis::Oracle {
                continue; // it would hold the C library's archive
            }
            let build = flags
                .iter()
                .fold(Build::new("c/table_members.c"), |build, flag| {
                    build.flag(flag)
                });
            build.headers(headers).build().on(Hiredis::Ours).success();
        }
    }
}
