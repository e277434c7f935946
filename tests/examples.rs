//! c-examples/: each is built by the commands that its first comment gives, and run as that says; the demo by `make demo`.

mod support;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};
use support::{Hiredis, Server, empty, make, output, root, target};

/// Not run like the others: the demo, and TLS (`tls.rs`), which needs another server.
const ELSEWHERE: [&str; 4] = ["demo.c", "tls.c", "tls_hosts.c", "tls_poll.c"];

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
        .filter(|line| !line.contains("./"))
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
    assert_empty(&port);
}

fn assert_empty(port: &str) {
    let keys = Command::new("redis-cli")
        .args(["-p", port, "DBSIZE"])
        .output();
    let keys = String::from_utf8(keys.expect("redis-cli").stdout).expect("text");
    assert_eq!(keys.trim(), "0", "they leave nothing behind");
}

/// A port that nobody listens at.
fn refusing_port() -> String {
    let taken = TcpListener::bind("127.0.0.1:0").expect("bind");
    taken.local_addr().expect("address").port().to_string()
}

/// What this library has and the C library has not is shown at work.
#[test]
fn every_additional_function_is_in_an_example() {
    let examples: String = fs::read_dir(root().join("c-examples"))
        .expect("c-examples")
        .flatten()
        .map(|entry| fs::read_to_string(entry.path()).expect("source"))
        .collect();
    let list = fs::read_to_string(root().join("tests/abi/additions.txt")).expect("the list");
    let names: Vec<&str> = list
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split('\t').next())
        .collect();
    assert!(names.len() > 20);
    for name in names {
        assert!(examples.contains(&format!("{name}(")), "{name} is in none");
    }
}

#[test]
fn say_that_redis_is_away() {
    let port = refusing_port();
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

/// `make demo`, installing the library where nobody else looks for it, one at a time; without a URL it starts a server.
fn demo(url: Option<&str>) -> (String, String, Option<i32>) {
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _installing = INSTALLING.lock().expect("no panic");
    let stage = target().join("tests/demo");
    let mut command = make("demo");
    command
        .arg(format!("STAGE={}", stage.display()))
        .env_remove("REDIS_URL");
    if let Some(url) = url {
        command.env("REDIS_URL", url);
    }
    let done = command.output().expect("make");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (text(&done.stdout), text(&done.stderr), done.status.code())
}

/// What each row of the demo's table begins and ends with. A set has no order.
const ROWS: [(&str, &str); 10] = [
    ("connect      without blocking ", " ms"),
    (
        "pipeline     50,000 SET, 50,000 GET ",
        " commands per second",
    ),
    ("list         RPUSH, LRANGE ", " apple banana cherry"),
    (
        "hash         HSET, HGETALL ",
        " name Ada Lovelace year 1815",
    ),
    ("set          SADD, SMEMBERS ", ""),
    (
        "expiry       SET PX 50, GET, GET ",
        " here, 80 ms later (nil)",
    ),
    ("transaction  MULTI, INCRBY twice, EXEC ", " 40 42"),
    ("pub/sub      SUBSCRIBE, PUBLISH thrice ", " one two three"),
    ("clean up     DEL ", " 1,004 keys"),
    ("disconnect   both connections ", " clean"),
];

#[test]
fn the_demo_shows_the_library_at_work() {
    let server = Server::start(&[]);
    let socket = format!("unix://{}", server.socket.display());
    let port = format!("redis://127.0.0.1:{}", server.port);
    for url in [None, Some(socket.as_str()), Some(port.as_str())] {
        let (said, complained, code) = demo(url);
        assert_eq!(code, Some(0), "{said}{complained}");
        let lines: Vec<&str> = said
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        let title = concat!("hiredis ", env!("CARGO_PKG_VERSION"), " and Redis ");
        assert!(lines[0].starts_with(title), "{said}");
        assert_eq!(lines.len(), 1 + ROWS.len(), "{said}");
        for (line, (begin, end)) in lines[1..].iter().zip(ROWS) {
            assert!(line.starts_with(begin) && line.ends_with(end), "{line}");
        }
        let mut set: Vec<&str> = lines[5][ROWS[4].0.len()..].split_whitespace().collect();
        set.sort_unstable();
        assert_eq!(set, ["blue", "green", "red"]);
    }
    assert_empty(&server.port.to_string());
}

/// As its first comment says, without `make`.
#[test]
fn the_demo_is_built_and_run_by_hand() {
    let dir = empty("demo-by-hand");
    let source = root().join("c-examples/demo.c");
    fs::copy(&source, dir.join("demo.c")).expect("copy");
    build(&source, &dir);
    let server = Server::start(&[]);
    let mut demo = Command::new(dir.join("demo"));
    demo.env("LD_LIBRARY_PATH", Hiredis::Ours.lib());
    demo.env("REDIS_URL", format!("redis://127.0.0.1:{}", server.port));
    assert!(output(&mut demo).contains(ROWS[9].0));
    assert_empty(&server.port.to_string());
}

#[test]
fn the_demo_says_that_redis_is_away() {
    let port = refusing_port();
    let url = format!("redis://127.0.0.1:{port}");
    let refused = format!(
        "There is no Redis at 127.0.0.1:{port}: Connection refused (start redis-server, or set REDIS_URL)"
    );
    let absent = "There is no Redis at /nowhere/redis.sock: No such file or directory (start redis-server, or set REDIS_URL)";
    let unknown = "Cannot use REDIS_URL: it must begin with redis:// or unix://";
    for (url, expected) in [
        (url.as_str(), refused.as_str()),
        ("unix:///nowhere/redis.sock", absent),
        ("http://127.0.0.1", unknown),
    ] {
        let (said, complained, code) = demo(Some(url));
        assert_ne!(code, Some(0), "{said}{complained}");
        assert_eq!(said, "", "{complained}");
        assert!(
            complained.lines().any(|line| line == expected),
            "{complained}"
        );
    }
}
