//! c-examples/: each is built by the commands that its first comment gives, and run as that says.

mod support;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use support::{Hiredis, Server, root, target};

/// These have tests of their own: the demo, and TLS (`tls.rs`), which needs another server.
const ELSEWHERE: [&str; 2] = ["demo.c", "tls.c"];

fn sources() -> Vec<PathBuf> {
    let all = fs::read_dir(root().join("c-examples")).expect("c-examples");
    let mut sources: Vec<PathBuf> = all
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| ELSEWHERE.iter().all(|other| name != *other))
        })
        .collect();
    sources.sort();
    assert!(sources.len() >= 14, "{sources:?}");
    sources
}

/// Where they are built: copies of the sources, and the programs beside them.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let dir = target().join("tests/examples");
        fs::create_dir_all(&dir).expect("a folder");
        for source in sources() {
            let name = source.file_name().expect("a name");
            fs::copy(&source, dir.join(name)).expect("copy");
            build(&source, &dir);
        }
        dir
    })
}

/// Runs the lines ` *     moc …`, ` *     cc …` and ` *     c++ …`, and only wants fewer warnings than they do.
fn build(source: &Path, dir: &Path) {
    let code = fs::read_to_string(source).expect("source");
    let commands: Vec<&str> = code
        .lines()
        .filter_map(|line| line.strip_prefix(" *     "))
        .filter(|line| !line.starts_with("./"))
        .collect();
    assert!(!commands.is_empty(), "{}", source.display());
    for command in commands {
        let strict = match command.split_once(' ') {
            Some((compiler @ ("cc" | "c++"), rest)) => {
                format!("{compiler} -Wall -Wextra -Werror {rest}")
            }
            _ => command.to_string(),
        };
        let done = Command::new("sh")
            .args(["-c", &strict])
            .env("PKG_CONFIG_PATH", Hiredis::Ours.lib().join("pkgconfig"))
            .env("QT_SELECT", "5")
            .current_dir(dir)
            .output()
            .expect("sh");
        assert!(
            done.status.success(),
            "{strict}\n{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }
}

/// What each prints and how it ends, `timeout` beginning its command so that none can hang.
fn run(source: &Path, arguments: &[&str]) -> (String, String, Option<i32>) {
    let program = built().join(source.file_stem().expect("a name"));
    let done = Command::new("timeout")
        .arg("20")
        .arg(program)
        .args(arguments)
        .env("LD_LIBRARY_PATH", Hiredis::Ours.lib())
        .output()
        .expect("timeout");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (text(&done.stdout), text(&done.stderr), done.status.code())
}

#[test]
fn say_what_they_did() {
    let server = Server::start(&[]);
    let port = server.port.to_string();
    let path = server.socket.display().to_string();
    for source in sources() {
        for address in [vec!["127.0.0.1", &port], vec![&path]] {
            let (said, complained, code) = run(&source, &address);
            let name = source.display();
            assert_eq!(code, Some(0), "{name} {address:?}: {said}{complained}");
            assert!(
                !said.is_empty() && complained.is_empty(),
                "{name}: {complained}"
            );
        }
    }
    let keys = Command::new("redis-cli")
        .args(["-p", &port, "DBSIZE"])
        .output();
    let keys = String::from_utf8(keys.expect("redis-cli").stdout).expect("text");
    assert_eq!(keys.trim(), "0", "they leave nothing behind");
}

#[test]
fn say_that_redis_is_away() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = taken.local_addr().expect("address").port().to_string();
    drop(taken);
    for source in sources() {
        for address in [vec!["127.0.0.1", &port], vec!["/nowhere/redis.sock"]] {
            let (said, complained, code) = run(&source, &address);
            let name = source.display();
            assert_eq!(code, Some(1), "{name} {address:?}: {said}{complained}");
            assert!(
                complained.starts_with("There is no Redis"),
                "{name}: {complained}"
            );
            assert_eq!(complained.lines().count(), 1, "{name}: {complained}");
        }
    }
}
