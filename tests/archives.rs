//! The static libraries as other tools see them: names, repackaging, whole in one library, beside another library of Rust, size.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{empty, output, root, say, skip, stage};

const LIBRARIES: [&str; 2] = ["hiredis", "hiredis_ssl"];

fn archive(library: &str) -> PathBuf {
    stage().join(format!("lib/lib{library}.a"))
}

/// The third field of each line of `nm`: names, without those that are only used.
fn defined(flags: &[&str], file: &Path) -> BTreeSet<String> {
    let table = output(
        Command::new("nm")
            .args(flags)
            .arg("--defined-only")
            .arg(file),
    );
    let fields = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let fields = fields.filter(|fields| fields.len() == 3);
    fields.map(|fields| fields[2].to_string()).collect()
}

/// Runs a command that must print nothing on standard error.
fn silent(command: &mut Command) {
    let done = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(
        done.status.success() && said.is_empty(),
        "{command:?}\n{said}"
    );
}

/// Links a program with this archive in front of what pkg-config names, and runs it.
fn works(program: &str, dir: &Path, archives: &[PathBuf], flags: &[&str]) {
    let binary = dir.join("program");
    let mut gcc = Command::new("gcc");
    gcc.arg(root().join(format!("tests/c/{program}.c")))
        .arg("-o")
        .arg(&binary);
    gcc.arg("-I").arg(stage().join("include")).args(flags);
    output(gcc.args(archives).args(["-lssl", "-lcrypto"]));
    assert_eq!(output(&mut Command::new(&binary)), "33\n");
}

#[test]
fn global_names_are_the_exported_ones() {
    for library in LIBRARIES {
        let shared = defined(&["-D"], &stage().join(format!("lib/lib{library}.so")));
        assert_eq!(defined(&["-g"], &archive(library)), shared, "{library}");
        let members = output(Command::new("ar").arg("t").arg(archive(library)));
        assert_eq!(members, format!("{library}.o\n"));
    }
}

/// With LLVM's plugin, where it is installed, which ends `nm` and `ranlib` at bitcode that it cannot read.
#[test]
fn no_bitcode_is_there_and_tools_have_nothing_to_say() {
    for library in LIBRARIES {
        let sections = output(Command::new("readelf").arg("-SW").arg(archive(library)));
        assert!(!sections.contains(".llvm"), "{library}");
        let dir = empty(&format!("archives/tools-{library}"));
        let copy = dir.join("copy.a");
        fs::copy(archive(library), &copy).expect("copy");
        let mut tools = vec![
            vec!["nm", "copy.a"],
            vec!["ranlib", "copy.a"],
            vec!["ar", "x", "copy.a"],
            vec!["strip", "--strip-debug", "copy.a"],
        ];
        for plugin in llvm_plugins() {
            let plugin: &str = plugin.leak();
            tools.push(vec!["nm", "--plugin", plugin, "copy.a"]);
            tools.push(vec!["ranlib", "--plugin", plugin, "copy.a"]);
        }
        for tool in tools {
            silent(Command::new(tool[0]).args(&tool[1..]).current_dir(&dir));
        }
    }
}

fn llvm_plugins() -> Vec<String> {
    let installed = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let plugins = installed.map(|entry| entry.path().join("lib/LLVMgold.so"));
    let plugins: Vec<String> = plugins
        .filter(|path| path.exists() && !path.is_symlink())
        .map(|path| path.display().to_string())
        .collect();
    if plugins.is_empty() {
        skip("LLVM's plugin for tools, which is not installed (Debian: llvm)");
    }
    plugins
}

/// Taken apart, put into another archive, stripped: what comes out links and works.
#[test]
fn archives_can_be_repackaged() {
    let strips = ["--strip-debug", "--strip-unneeded"];
    for strip in strips {
        let dir = empty(&format!("archives/repackaged{strip}"));
        let both = dir.join("libboth.a");
        for library in LIBRARIES {
            silent(
                Command::new("ar")
                    .arg("x")
                    .arg(archive(library))
                    .current_dir(&dir),
            );
            let object = dir.join(format!("{library}.o"));
            silent(Command::new("ar").arg("rc").arg(&both).arg(object));
        }
        silent(Command::new("strip").arg(strip).arg(&both));
        silent(Command::new("ranlib").arg(&both));
        works("installed_ssl", &dir, &[both], &[]);
    }
}

#[test]
fn both_are_linked_whole_into_one_library() {
    let dir = empty("archives/whole");
    let library = dir.join("libwhole.so");
    let mut gcc = Command::new("gcc");
    gcc.args(["-shared", "-o"])
        .arg(&library)
        .arg("-Wl,--whole-archive");
    gcc.args(LIBRARIES.map(archive))
        .arg("-Wl,--no-whole-archive");
    silent(gcc.args(["-lssl", "-lcrypto", "-Wl,--fatal-warnings"]));
    let ours: BTreeSet<String> = LIBRARIES
        .iter()
        .flat_map(|library| defined(&["-g"], &archive(library)))
        .collect();
    assert_eq!(defined(&["-D"], &library), ours);
    let rpath = format!("-Wl,-rpath,{}", dir.display());
    works("installed_ssl", &dir, &[library], &[&rpath]);
}

/// libtool takes archives apart that it is told to take whole, and passes the others on.
#[test]
fn libtool_links_them_into_a_library() {
    let dir = empty("archives/libtool");
    let own = "#include <hiredis/hiredis.h>\n#include <hiredis/hiredis_ssl.h>\n\
               void *own[] = {(void *)redisFormatCommand, (void *)redisCreateSSLContext};\n";
    fs::write(dir.join("own.c"), own).expect("the source");
    let libtool = |mode: &str, rest: &[&str]| {
        let mut command = Command::new("libtool");
        command
            .current_dir(&dir)
            .args(["--quiet", "--tag=CC", mode, "gcc"]);
        output(command.arg("-I").arg(stage().join("include")).args(rest));
    };
    for library in LIBRARIES {
        fs::copy(archive(library), dir.join(format!("lib{library}.a"))).expect("copy");
    }
    libtool("--mode=compile", &["-c", "own.c", "-o", "own.lo"]);
    let library = ["-o", "libown.la", "-rpath", "/nowhere", "own.lo"];
    let archives = ["libhiredis_ssl.a", "libhiredis.a", "-lssl", "-lcrypto"];
    libtool("--mode=link", &[&library[..], &archives[..]].concat());
    let library = dir.join(".libs/libown.so");
    assert!(defined(&["-D"], &library).contains("own"));
    let rpath = format!("-Wl,-rpath,{}", dir.join(".libs").display());
    works("installed_ssl", &dir, &[library], &[&rpath]);
}

/// Another static library of Rust brings its own standard library, with all of its names.
#[test]
fn another_library_of_rust_is_linked_beside_them() {
    let dir = empty("archives/rust");
    let source = dir.join("other.rs");
    let code = r#"#[unsafe(no_mangle)] pub extern "C" fn other(n: i32) -> i32 {
        std::panic::catch_unwind(|| { let v: Vec<i32> = (0..n).collect(); v[n as usize] }).map_or(33, |_| 0)
    }"#;
    fs::write(&source, code).expect("the source");
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let mut rustc = Command::new(rustc);
    rustc
        .current_dir(&dir)
        .args(["--crate-type=staticlib", "--edition=2024", "other.rs"]);
    output(&mut rustc);
    let program = dir.join("both.c");
    let code = r#"#include <hiredis/hiredis.h>
        #include <hiredis/hiredis_ssl.h>
        #include <stdio.h>
        int other(int);
        int main(void) {
          char *command;
          return !(redisFormatCommand(&command, "PING") == 14 && redisInitOpenSSL() == REDIS_OK && printf("%d\n", other(3)) == 3);
        }"#;
    fs::write(&program, code).expect("the source");
    let other = dir.join("libother.a");
    let [core, tls] = LIBRARIES.map(archive);
    let orders = [
        [&other, &tls, &core],
        [&tls, &core, &other],
        [&tls, &other, &core],
    ];
    for (number, order) in orders.iter().enumerate() {
        let binary = dir.join(format!("both{number}"));
        let mut gcc = Command::new("gcc");
        gcc.arg(&program)
            .arg("-o")
            .arg(&binary)
            .arg("-I")
            .arg(stage().join("include"));
        output(gcc.args(*order).args(["-lssl", "-lcrypto", "-lm"]));
        assert_eq!(output(&mut Command::new(&binary)), "33\n");
    }
}

/// A program keeps an sds of its own beside the library, which calls none of it.
#[test]
fn an_sds_of_the_programs_own_is_linked_beside_them() {
    let dir = empty("archives/sds");
    let names = defined(&["-g"], &archive("hiredis"));
    let names: Vec<_> = names
        .iter()
        .filter(|name| name.starts_with("sds"))
        .collect();
    assert!(names.len() > 30, "{names:?}");
    let own: String = names
        .iter()
        .map(|name| format!("void *{name}(void) {{ abort(); }}\n"))
        .collect();
    fs::write(dir.join("own.c"), format!("#include <stdlib.h>\n{own}")).expect("the source");
    let own = dir.join("own.c").display().to_string();
    works("installed", &dir, &[archive("hiredis")], &[&own]);
}

/// Two unwinders must not work on the same exception: the program's own is taken, and no other is looked for.
#[test]
fn exceptions_pass_by_the_programs_own_unwinder() {
    for flags in [&["-static"][..], &["-static-libgcc", "-static-libstdc++"]] {
        let program = empty("archives/unwind").join("program");
        let mut cpp = Command::new("g++");
        cpp.args(["-std=c++17", "-Wall", "-Wextra"])
            .arg(root().join("tests/c/archive_unwind.cc"));
        cpp.arg("-I")
            .arg(stage().join("include"))
            .args(flags)
            .arg("-o")
            .arg(&program);
        output(cpp.arg(archive("hiredis")));
        assert_eq!(output(&mut Command::new(&program)), "33\n");
    }
}

#[test]
fn a_small_static_program_is_at_most_1500_kilobytes() {
    let dir = empty("archives/size");
    works("installed", &dir, &[archive("hiredis")], &["-static"]);
    let stripped = dir.join("stripped");
    output(
        Command::new("strip")
            .arg("-o")
            .arg(&stripped)
            .arg(dir.join("program")),
    );
    let size = fs::metadata(&stripped).expect("the program").len();
    say(&format!(
        "a small program with everything in it, stripped: {size} bytes"
    ));
    assert!(size <= 1_500_000, "{size} bytes");
}
