//! Which of the library's names can be taken over by another's, and which addresses programs see of its functions.

mod support;

use std::fs;
use std::process::Command;
use support::{Build, Hiredis, Server, empty, oracle, output, stage};

/// The names that a library exports, of this kind in `nm`.
fn exports(library: &str, kind: &str) -> Vec<String> {
    let library = stage().join("lib").join(library);
    let table = output(
        Command::new("nm")
            .args(["-D", "--defined-only"])
            .arg(library),
    );
    let fields = table
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>());
    let fields = fields.filter(|fields| fields[1] == kind);
    fields.map(|fields| fields[2].to_string()).collect()
}

/// As a program that holds another copy of hiredis, or of sds.
#[test]
fn a_program_with_functions_of_the_same_names_changes_nothing() {
    let source = empty("interposition").join("namesakes.c");
    let mut code = "int taken_over;\nconst char *taken_over_last;\n".to_string();
    let names = exports("libhiredis.so", "T");
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
    let core = [
        "freeReplyObject",
        "hiredisAllocFns",
        "redisAsyncRead",
        "redisAsyncWrite",
        "redisNetClose",
        "redisNetRead",
        "redisNetWrite",
    ];
    let tls = ["redisContextSSLFuncs"];
    for (library, expected) in [("libhiredis.so", &core[..]), ("libhiredis_ssl.so", &tls)] {
        let path = stage().join("lib").join(library);
        let table = output(Command::new("readelf").args(["-r", "-W"]).arg(path));
        let own = [exports(library, "T"), exports(library, "D")].concat();
        let mut names = vec![];
        for line in table.lines() {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let Some(name) = fields
                .get(4)
                .filter(|name| own.iter().any(|own| own == *name))
            else {
                continue;
            };
            assert!(
                !fields[2].contains("JUMP_SLO"),
                "{name} is called by its symbol"
            );
            names.push(*name);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names, expected, "{library}");
    }
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
            for source in ["c/table_members.c", "c/table_members_ssl.c"] {
                if static_too && (headers == Hiredis::Oracle || source.contains("ssl")) {
                    continue; // it would hold the C library's archive; OpenSSL's need not be there
                }
                let build = Build::new(source);
                let build = flags.iter().fold(build, |build, flag| build.flag(flag));
                build.headers(headers).build().on(Hiredis::Ours).success();
            }
        }
    }
}
