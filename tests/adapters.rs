//! The adapters' headers: how they compile, and that they declare what those of hiredis do. Then the scenarios that every
//! adapter must pass, on a real server and scripted peers; `adapters_conformance.rs` has more of them, on every loop.

mod support;

use Hiredis::{Oracle, Ours};
use std::collections::BTreeSet;
use std::fs;
use support::{
    Build, Hiredis, Server, compiles, oracle, pkg_config, redismodule, root, system_includes,
};

fn passes(program: &str) {
    let server = Server::start(&[]);
    let program = Build::new(format!("c/{program}.c")).build();
    let out = program.on(Ours).server(&server).success();
    assert!(out.contains("failed_attach"), "the scenarios ran:\n{out}");
    program.on(Ours).server(&server).valgrind().success();
}

#[test]
fn poll() {
    passes("adapter_poll");
}

/// Without valgrind: the reply whose callback never returned is not freed.
#[test]
fn poll_lets_exceptions_through() {
    let program = Build::new("c/adapter_poll_unwind.cc").build();
    let out = program.on(Ours).success();
    assert!(out.contains("went on"), "{out}");
}

#[test]
fn libevent() {
    passes("adapter_libevent");
}

/// A program that ends its loop, and then the context. On libevent and Qt, ae and libhv nothing tells of the loop's end.
fn loop_gone(name: &str, flags: &[String]) {
    let server = Server::start(&[]);
    let build = Build::new("c/loop_gone.c").flag(&format!("-DLOOP_{name}"));
    let program = flags.iter().fold(build, |build, flag| build.flag(flag));
    let program = program.flag("-Wno-unused-function").build();
    program.on(Ours).server(&server).success();
    let run = program.on(Ours).server(&server).valgrind();
    let known = root().join("tests/c/conformance/loops.supp");
    run.env(
        "VALGRIND_OPTS",
        format!("--suppressions={}", known.display()),
    )
    .success();
}

#[test]
fn libuv_s_handles_may_be_closed_first() {
    loop_gone("UV", &["-luv".into()]);
}

#[test]
fn glib_s_source_may_be_destroyed_first() {
    loop_gone("GLIB", &pkg_config(&["--cflags", "--libs", "glib-2.0"]));
}

#[test]
fn libev_s_loop_may_be_destroyed_first() {
    loop_gone("EV", &["-lev".into()]);
}

#[test]
fn ivykis_may_be_left_first() {
    loop_gone("IVYKIS", &["-livykis".into()]);
}

#[test]
fn sd_event_may_be_left_first() {
    loop_gone("SDEVENT", &["-lsystemd".into()]);
}

#[test]
fn poll_goes_by_a_clock_that_nobody_sets() {
    let program = Build::new("c/poll_clock.c").build();
    program.on(Ours).success();
}

/// The adapters in C. What Debian does not package is found in `c/loops`.
fn in_c() -> BTreeSet<String> {
    let all = fs::read_dir(root().join("adapters")).expect("adapters");
    let names = all
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut headers: BTreeSet<String> = names.filter(|name| name.ends_with(".h")).collect();
    assert!(headers.remove("qt.h"));
    assert_eq!(headers.len(), 12, "{headers:?}");
    headers
}

/// Adapters are `static` functions, of which a program need not use all. Some loops' own headers need more than C99.
fn flags(header: &str) -> Vec<String> {
    let mut flags = system_includes("glib-2.0");
    let stand_ins = root().join("tests/c/loops");
    for folder in [&stand_ins, redismodule()] {
        flags.push(format!("-isystem{}", folder.display()));
    }
    flags.push("-Wno-unused-function".into());
    if ["ae.h", "ivykis.h", "libhv.h", "libuv.h"].contains(&header) {
        flags.push("-D_XOPEN_SOURCE=700".into());
    }
    flags
}

fn qt_flags(version: u8) -> Vec<String> {
    let mut flags = system_includes(&format!("Qt{version}Core"));
    flags.push("-fPIC".into());
    flags
}

/// Adapters are compiled by their users, with their flags.
#[test]
fn every_header_compiles_alone() {
    for header in in_c() {
        let source = format!("#include <hiredis/adapters/{header}>\n");
        for standard in ["-std=c99", "-std=gnu11", "-std=c++17", "-std=c++20"] {
            compiles(&source, standard, Ours, &flags(&header));
        }
    }
    for version in [5, 6] {
        for standard in ["-std=c++17", "-std=c++20"] {
            let source = "#include <hiredis/adapters/qt.h>\n";
            compiles(source, standard, Ours, &qt_flags(version));
        }
    }
}

/// The C library's headers too, where there are any: that shows that the list is right.
fn both() -> Vec<Hiredis> {
    [Ours].into_iter().chain(oracle().map(|_| Oracle)).collect()
}

/// A pointer of the right type to every function of a header: another type would be a warning in C, an error in C++.
fn pointers(header: &str) -> String {
    let all = include_str!("abi/adapters.txt").lines();
    let fields = all.map(|line| line.split('\t').collect::<Vec<_>>());
    let mut source = format!("#include <hiredis/adapters/{header}>\n");
    let included = source.len();
    for line in fields.filter(|line| line[0] == header) {
        let (name, c_type) = (line[1], line[2]);
        source += &format!("__typeof__({c_type}) to_{name} = {name};\n");
    }
    assert!(source.len() > included, "{header} is not in adapters.txt");
    source
}

/// Those of `mio.h` are the library's own, and not in hiredis.
#[test]
fn functions_have_the_signatures_of_hiredis() {
    let mut headers = in_c();
    headers.remove("mio.h");
    for header in headers {
        let source = pointers(&header);
        for library in both() {
            for standard in ["-std=gnu99", "-std=gnu++17"] {
                compiles(&source, standard, library, &flags(&header));
            }
        }
    }
    // libev may have one loop only, which no call names.
    let mut one_loop = flags("libev.h");
    one_loop.push("-DEV_MULTIPLICITY=0".into());
    for library in both() {
        compiles(&pointers("libev.h"), "-std=gnu99", library, &one_loop);
    }
}

#[test]
fn the_class_for_qt_has_the_methods_of_hiredis() {
    let source = r#"
        #include <hiredis/adapters/qt.h>
        #include <type_traits>
        using Adapter = RedisQtAdapter;
        static_assert(std::is_base_of<QObject, Adapter>::value, "a QObject");
        static_assert(std::is_default_constructible<Adapter>::value, "without a parent");
        static_assert(std::is_constructible<Adapter, QObject *>::value, "with a parent");
        static_assert(std::is_same<decltype(&Adapter::setContext), int (Adapter::*)(redisAsyncContext *)>::value, "setContext");
        static_assert(std::is_same<decltype(&Adapter::metaObject), const QMetaObject *(Adapter::*)() const>::value, "Q_OBJECT");
    "#;
    for version in [5, 6] {
        for library in both() {
            compiles(source, "-std=c++17", library, &qt_flags(version));
        }
    }
}
