//! Debian 13's programs, unmodified, which need `libhiredis.so.1.1.0`: each does real work on ours (`packaged/NAME.sh`), in a root made
//! of Debian's packages that holds no other hiredis.

mod support;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use support::{Server, root, skip, stage, target};

fn script(name: &str) -> PathBuf {
    root().join("tests/packaged").join(format!("{name}.sh"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What the scripts' lines `# packages: …` name.
fn packages() -> BTreeSet<String> {
    let scripts = fs::read_dir(root().join("tests/packaged")).expect("tests/packaged");
    scripts
        .flatten()
        .filter_map(|entry| {
            let code = read(&entry.path());
            let line = code.lines().next()?.strip_prefix("# packages: ")?;
            Some(line.split(' ').map(String::from).collect::<Vec<_>>())
        })
        .flatten()
        .collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_string()
}

/// Runs a command in the root, on the hiredis in this folder.
fn run_in(debian: &Path, lib: &Path, command: &[&str]) -> Output {
    Command::new("timeout")
        .args(["--signal=KILL", "60"])
        .arg(root().join("scripts/in-debian13"))
        .arg(debian)
        .arg(lib)
        .args(command)
        .output()
        .expect("timeout")
}

/// The root, made by the first test that asks and kept for the next time; or `None` after saying why there is none.
fn debian() -> Option<&'static Path> {
    static DEBIAN: OnceLock<Option<PathBuf>> = OnceLock::new();
    DEBIAN
        .get_or_init(|| {
            let dir = target().join("debian13");
            let lock = File::create(dir.with_extension("lock")).expect("debian13.lock");
            lock.lock().expect("one test binary makes it at a time");
            let made = Command::new(root().join("scripts/debian13-root"))
                .arg(&dir)
                .args(packages())
                .output()
                .expect("scripts/debian13-root");
            let usable = match made.status.success() {
                true => run_in(&dir, &stage().join("lib"), &["true"]),
                false => made,
            };
            if !usable.status.success() {
                skip(&format!("programs of Debian 13: {}", text(&usable.stderr)));
            }
            usable.status.success().then_some(dir)
        })
        .as_deref()
}

/// Runs `packaged/NAME.sh`, which must print these lines and nothing else.
fn does(name: &str, lines: &[&str]) {
    let Some(debian) = debian() else { return };
    let server = Server::start(&[]);
    let free = TcpListener::bind("127.0.0.1:0").expect("bind").local_addr();
    let code = read(&script("prelude")) + &read(&script(name));
    let port = server.port.to_string();
    let free = free.expect("address").port().to_string();
    let lib = stage().join("lib");
    let done = run_in(debian, &lib, &["bash", "-c", &code, name, &port, &free]);
    let said = text(&done.stdout);
    assert!(
        done.status.success() && said.lines().eq(lines.iter().copied()),
        "{name}: {}\n{said}\n{}",
        done.status,
        text(&done.stderr)
    );
}

/// What the other tests rest on: a program that runs there at all runs on ours.
#[test]
fn no_other_hiredis_is_there() {
    let Some(debian) = debian() else { return };
    let found = Command::new("find")
        .arg(debian.join("usr"))
        .args(["-name", "libhiredis*.so*", "-type", "f"])
        .output()
        .expect("find");
    assert_eq!(text(&found.stdout), "");

    let empty = target().join("tests/packaged-empty");
    fs::create_dir_all(&empty).expect("a folder");
    let version = ["ccache", "--version"];
    let alone = text(&run_in(debian, &empty, &version).stderr);
    assert!(
        alone.contains("libhiredis.so.1.1.0: cannot open"),
        "{alone}"
    );
    assert!(
        run_in(debian, &stage().join("lib"), &version)
            .status
            .success()
    );
}

#[test]
fn ccache_finds_what_another_has_compiled() {
    does(
        "ccache",
        &[
            ":2",
            "cache_miss\t0",
            "direct_cache_hit\t1",
            "remote_storage_error\t0",
            "remote_storage_hit\t1",
        ],
    );
}

#[test]
fn drogon_serves_subscribes_and_connects_again() {
    does(
        "drogon",
        &[
            "5000 replies, 500 messages, n is 10000",
            "transaction: OK 4",
            "error: ERR value is not an integer or out of range",
            "again: 10000",
            "hit 1",
            "hit 2",
            "on ours",
        ],
    );
}

#[test]
fn varnish_answers_with_what_redis_says() {
    does("varnish", &["X-Hits: 2", "X-Hits: 3", "on ours"]);
}

#[test]
fn webdis_answers_over_http() {
    does(
        "webdis",
        &[
            r#"{"SET":[true,"OK"]}"#,
            r#"{"GET":"world"}"#,
            r#"{"LPUSH":1}"#,
            r#"{"LRANGE":["a b"]}"#,
            r#"{"INCR":[false,"ERR value is not an integer or out of range"]}"#,
            "world",
            "on ours",
        ],
    );
}

#[test]
fn rsyslog_logs_into_redis() {
    does("rsyslog", &[":3", " three", " three", "on ours"]);
}

#[test]
fn hiredis_py_reads_replies() {
    let mixed = "['OK', 1000000, ReplyError('ERR value is not an integer or out of range')]";
    does(
        "python",
        &["499500", mixed, "1000000", "[1, {'a': '1'}]", "on ours"],
    );
}

#[test]
fn redis_fast_speaks_from_perl() {
    does(
        "perl",
        &[
            "OK",
            "100000",
            "500500",
            "2 a b",
            "WRONGTYPE",
            "news: hello",
            "on ours",
        ],
    );
}

#[test]
fn unbound_caches_in_redis() {
    does(
        "unbound",
        &["10.1.2.3", "on ours", ":1", "10.1.2.3", "on ours"],
    );
}

#[test]
fn collectd_writes_to_redis() {
    does("collectd", &[":1", ":2", "on ours"]);
}

#[test]
fn syslog_ng_counts_in_redis() {
    does("syslog-ng", &["2", "1", "on ours"]);
}

#[test]
fn gearmand_keeps_its_jobs_in_redis() {
    does("gearman", &[":1", "on ours", "hello", ":0"]);
}

#[test]
fn turnadmin_keeps_its_users_in_redis() {
    does("coturn", &[":1", "ann", "bob", ":0"]);
}

#[test]
fn freeradius_asks_redis() {
    let accepted = ["+OK", "Received Access-Accept", "Reply-Message = \"1\""];
    does(
        "freeradius",
        &[&accepted[..], &["Received Access-Reject", "1", "on ours"]].concat(),
    );
}

#[test]
fn hiredis_rb_speaks_from_ruby() {
    let nested = r#"[1, [2, ["three"]]]"#;
    does("ruby", &["499500", "WRONGTYPE", nested, "on ours"]);
}

#[test]
fn suricata_logs_what_it_sees_to_redis() {
    does("suricata", &[":1", r#""rrname":"some.thing""#]);
}

#[test]
fn kamailio_counts_and_asks_in_redis() {
    let answer = ["SIP/2.0 200 Counted", "X-Calls: 1", "X-Name: Ann"];
    does(
        "kamailio",
        &[&[":1"], &answer[..], &["1", "on ours"]].concat(),
    );
}
