//! Qt's part of a conformance program: an object file with its loop, made by moc and a C++ compiler.

use crate::support::{Hiredis, output, pkg_config, root, system_includes, target};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Compiler flags that add the loop of Qt 5 or 6 to the scenarios.
pub(crate) fn flags(version: u8, headers: Hiredis) -> Vec<String> {
    let core = format!("Qt{version}Core");
    let mut flags = vec![
        object(version, &core, headers).display().to_string(),
        "-lstdc++".into(),
    ];
    flags.extend(pkg_config(&["--libs", &core]));
    flags
}

/// Named after its content: programs are built again where that has changed, and tests at the same time share it.
fn object(version: u8, core: &str, headers: Hiredis) -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let dir = target().join(format!("tests/adapters/qt-{}-{next}", std::process::id()));
    fs::create_dir_all(&dir).expect("a folder for what moc makes");
    moc(version, headers, &dir.join("moc_qt.cpp"));
    let made = dir.join("qt_loop.o");
    output(
        Command::new("g++")
            .args(["-std=c++17", "-fPIC", "-O1", "-c"])
            .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror"])
            .args(system_includes(core))
            .arg(if headers == Hiredis::Ours {
                "-I"
            } else {
                "-isystem"
            })
            .arg(headers.include())
            .arg("-I")
            .arg(&dir)
            .arg(root().join("tests/c/conformance/qt_loop.cpp"))
            .arg("-o")
            .arg(&made),
    );
    let mut content = DefaultHasher::new();
    fs::read(&made).expect("the object").hash(&mut content);
    let named = target().join(format!("tests/adapters/qt_loop-{:x}.o", content.finish()));
    fs::rename(&made, &named).expect("move the object into place");
    fs::remove_dir_all(&dir).expect("remove the folder");
    named
}

fn moc(version: u8, headers: Hiredis, into: &Path) {
    let folder = match version {
        5 => pkg_config(&["--variable=host_bins", "Qt5Core"]),
        _ => pkg_config(&["--variable=libexecdir", "Qt6Core"]),
    };
    output(
        Command::new(Path::new(&folder[0]).join("moc"))
            .arg("-fhiredis/adapters/qt.h")
            .arg(headers.include().join("hiredis/adapters/qt.h"))
            .arg("-o")
            .arg(into),
    );
}
