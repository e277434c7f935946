//! ffi-examples/: other languages on our library, each run as its first comment says. A language that cannot be had is skipped.

mod support;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use support::{Server, root, skip, stage, target};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_string()
}

/// Whether these tools are there, or could be installed.
fn had(language: &str, tools: &[&str]) -> bool {
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = INSTALLING.lock();
    let done = Command::new(root().join("scripts/ensure-tools"))
        .args(tools)
        .output()
        .expect("scripts/ensure-tools");
    if !done.status.success() {
        skip(&format!("{language}: {}", text(&done.stderr)));
    }
    done.status.success()
}

fn run(command: &[&str], port: u16, modules: &Path) -> Output {
    let lib = stage().join("lib");
    Command::new("timeout")
        .arg("120")
        .args(command)
        .args(["127.0.0.1", &port.to_string()])
        .current_dir(root().join("ffi-examples"))
        .env("PKG_CONFIG_PATH", lib.join("pkgconfig"))
        .env("LD_LIBRARY_PATH", lib)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NODE_PATH", modules)
        .env("GOCACHE", target().join("tests/languages/go"))
        .output()
        .expect("timeout")
}

/// It says these lines where Redis is, leaves nothing there, and says in one line where Redis is not.
fn says(command: &[&str], lines: &[&str]) {
    let server = Server::start(&[]);
    let modules = modules();
    let done = run(command, server.port, &modules);
    let said = text(&done.stdout).replace('\t', " ");
    assert!(
        done.status.success() && said.lines().map(str::trim_end).eq(lines.iter().copied()),
        "{command:?}: {}\n{said}\n{}",
        done.status,
        text(&done.stderr)
    );
    let keys = Command::new("redis-cli")
        .args(["-p", &server.port.to_string(), "DBSIZE"])
        .output();
    assert_eq!(text(&keys.expect("redis-cli").stdout), "0", "{command:?}");

    let taken = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = taken.local_addr().expect("address").port();
    drop(taken);
    let away = run(command, port, &modules);
    let complaint = text(&away.stderr);
    assert_eq!(away.status.code(), Some(1), "{command:?}: {complaint}");
    assert!(
        complaint.starts_with("There is no Redis at 127.0.0.1: Connection refused"),
        "{command:?}: {complaint}"
    );
}

fn modules() -> PathBuf {
    target().join("tests/languages/node_modules")
}

const UNKNOWN: &str = "Error: ERR unknown command 'NO SUCH', with args beginning with:";

#[test]
fn python_through_ctypes() {
    if had("Python", &["python3"]) {
        let lines = ["SET OK", "GET hello", "DEL 1", UNKNOWN];
        says(&["python3", "blocking.py"], &lines);
    }
}

#[test]
fn asyncio_drives_an_asynchronous_context() {
    if had("Python", &["python3"]) {
        let thousand = "INCR, a thousand at once: 1 to 1000";
        says(
            &["python3", "asyncio_loop.py"],
            &["SET OK", thousand, "DEL 1", UNKNOWN],
        );
    }
}

#[test]
fn lua_through_the_ffi_of_luajit() {
    if had("Lua", &["luajit"]) {
        let refused = "Error: ERR value is not an integer or out of range";
        let list = "LRANGE 1000 elements, the last is 1000";
        says(
            &["luajit", "blocking.lua"],
            &["SET OK", "GET 3 bytes", refused, list, "DEL 2"],
        );
    }
}

#[test]
fn node_through_koffi() {
    if !had("Node", &["node", "npm"]) {
        return;
    }
    if !modules().join("koffi").exists() {
        fs::create_dir_all(modules()).expect("a folder");
        let npm = Command::new("npm")
            .args([
                "install",
                "--silent",
                "--no-audit",
                "--no-fund",
                "koffi@3",
                "--prefix",
            ])
            .arg(modules().parent().expect("its folder"))
            .output()
            .expect("npm");
        if !npm.status.success() {
            skip(&format!("Node: no koffi: {}", text(&npm.stderr)));
            return;
        }
    }
    let both = "MGET [ 'grüß dich', null ]";
    says(
        &["node", "blocking.js"],
        &["SET OK", "GET grüß dich", both, "DEL 1", UNKNOWN],
    );
}

#[test]
fn go_through_cgo() {
    if had("Go", &["go", "gcc", "pkg-config"]) {
        let lines = ["SET OK", "GET hello", "DEL 1", UNKNOWN];
        says(&["go", "run", "blocking.go"], &lines);
    }
}
