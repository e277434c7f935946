use super::*;
use std::time::Duration;

fn tcp(host: &str, port: u16) -> Endpoint {
    Endpoint::Tcp {
        host: host.into(),
        port,
    }
}

fn good(url: &str) -> Config {
    let config = Config::new(Some(url));
    assert_eq!(config.problem(), None, "{url}");
    config
}

fn bad(url: &str) -> String {
    match Config::new(Some(url)).problem() {
        Some(problem) => problem.to_string(),
        None => panic!("{url} is accepted"),
    }
}

#[test]
fn urls_name_servers() {
    for (url, topology, tls, endpoints) in [
        (
            "redis://",
            Topology::Standalone,
            false,
            vec![tcp("127.0.0.1", 6379)],
        ),
        (
            "redis://h",
            Topology::Standalone,
            false,
            vec![tcp("h", 6379)],
        ),
        (
            "rediss://h:1/",
            Topology::Standalone,
            true,
            vec![tcp("h", 1)],
        ),
        (
            "valkey://[::1]",
            Topology::Standalone,
            false,
            vec![tcp("::1", 6379)],
        ),
        (
            "valkeys://[::1]:7",
            Topology::Standalone,
            true,
            vec![tcp("::1", 7)],
        ),
        (
            "redis://a%2Db:",
            Topology::Standalone,
            false,
            vec![tcp("a-b", 6379)],
        ),
        (
            "redis+sentinel://a,b:3?master_name=m",
            Topology::Sentinel,
            false,
            vec![tcp("a", 26379), tcp("b", 3)],
        ),
        (
            "valkeys+cluster://a,[::2]:3",
            Topology::Cluster,
            true,
            vec![tcp("a", 6379), tcp("::2", 3)],
        ),
        (
            "unix:///a%20b@c",
            Topology::Standalone,
            false,
            vec![Endpoint::Unix("/a b@c".into())],
        ),
        (
            "redis+unix:///a?db=2",
            Topology::Standalone,
            false,
            vec![Endpoint::Unix("/a".into())],
        ),
    ] {
        let config = good(url);
        assert_eq!(config.topology(), topology, "{url}");
        assert_eq!(config.tls(), tls, "{url}");
        assert_eq!(config.endpoints(), endpoints, "{url}");
    }
    assert_eq!(Config::new(None).endpoints(), [tcp("127.0.0.1", 6379)]);
}

#[test]
fn urls_carry_credentials_a_database_and_options() {
    let config = good("redis://us%3Aer:p%40s:s@h/3?timeout=250ms&client_name=a%26b&pool_size=4");
    let settings = config.settings();
    assert_eq!(settings.user.as_deref(), Some("us:er"));
    assert_eq!(
        settings.password.as_ref().map(Secret::expose),
        Some("p@s:s")
    );
    assert_eq!(settings.db.get(), 3);
    assert_eq!(settings.timeout, Duration::from_millis(250));
    assert_eq!(settings.client_name.as_deref(), Some("a&b"));
    assert_eq!(settings.connections.get(), 4);

    let only_a_password = good("redis://:secret@h");
    assert_eq!(only_a_password.settings().user, None);
    assert_eq!(
        only_a_password
            .settings()
            .password
            .as_ref()
            .map(Secret::expose),
        Some("secret")
    );
    let over_unix = good("unix://u:p@/run/redis?db=9");
    assert_eq!(over_unix.settings().user.as_deref(), Some("u"));
    assert_eq!(over_unix.settings().db.get(), 9);
}

#[test]
fn what_is_wrong_is_named() {
    for (url, named) in [
        ("", "scheme"),
        ("h:6379", "scheme"),
        ("http://h", "scheme"),
        ("redis+foo://h", "scheme"),
        ("unix+cluster:///a", "scheme"),
        ("unix://a", "path"),
        ("redis://h#0", "%23"),
        ("redis://a,b", "+cluster"),
        ("redis://::1", "brackets"),
        ("redis://[::1", "bracket"),
        ("redis://[::1]6", "bracket"),
        ("redis://h:0", "65535"),
        ("redis://h:65536", "65535"),
        ("redis://h:+1", "65535"),
        ("redis://h:x", "65535"),
        ("redis://%zz", "hexadecimal"),
        ("redis://%f", "hexadecimal"),
        ("redis://%ff", "UTF-8"),
        ("redis://a%00b", "%00"),
        ("redis://h/x", "'db'"),
        ("redis://h/-1", "'db'"),
        ("redis://h/2147483648", "2147483647"),
        ("redis://h?timeout", "'timeout': a value is missing"),
        ("redis://h?time%6Fut=1h", "'timeout': expected a time"),
        ("redis://h?timeout=", "'timeout'"),
        ("redis://h?timeout=400000000s", "a year"),
        ("redis://h?timeout=99999999999999999999", "a year"),
        (
            "redis://h?nonsense=1",
            "'nonsense': there is no such option",
        ),
        ("redis://h?connections=0", "1 to 1024"),
        ("redis://h?connections=1x", "a number"),
        ("redis://h?max_reply=1t", "bytes"),
        ("redis://h?max_reply=99999999999g", "1024 to"),
        ("redis://h?retry=always", "never, safe or idempotent"),
        ("redis://h?fail_fast=maybe", "yes or no"),
        ("redis+sentinel://h", "'master_name'"),
        ("redis+cluster://h/1", "database 0"),
        ("redis://user@h", "'password'"),
        ("rediss://h?tls_cert=c", "'tls_key'"),
        ("rediss://h?tls_key=c", "'tls_cert'"),
    ] {
        let message = bad(url);
        assert!(message.contains(named), "{url}: {message}");
    }
    let long = "n".repeat(1000);
    assert!(bad(&format!("redis://h?{long}=1")).len() < 200);
}

#[test]
fn every_option_is_set_and_read_back_by_each_of_its_names() {
    let mut names: Vec<&str> = vec![];
    for option in OPTIONS {
        let text = match option.kind {
            "number" => "7",
            "bytes" => "8192",
            "duration" => "1500ms",
            "text" | "secret" => "a text",
            "yes or no" => "yes",
            "2 or 3" => "2",
            choices => choices.split(", ").next().unwrap(),
        };
        for name in [option.name].iter().chain(option.aliases) {
            let mut config = Config::new(None);
            assert_eq!(config.set(name, text), Ok(()), "{name}");
            let shown = if option.secret { "***" } else { text };
            assert_eq!(
                config.get(option.name).unwrap().as_deref(),
                Some(shown),
                "{name}"
            );
            names.push(name);
        }
        assert!(
            !option.help.is_empty() && option.help.len() < 100,
            "{}",
            option.name
        );
        assert!(option.name.len() <= 64);
        // What is read back can be set again.
        if let Some(default) = option.get(&Settings::new()).unwrap() {
            let mut settings = Settings::new();
            assert_eq!(
                option.set(&mut settings, &default),
                Ok(()),
                "{}",
                option.name
            );
            assert_eq!(option.get(&settings).unwrap().unwrap(), default);
        }
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "no two options have one name");
}

#[test]
fn units_are_taken() {
    for (text, time) in [
        ("0", Duration::ZERO),
        ("7", Duration::from_millis(7)),
        ("7us", Duration::from_micros(7)),
        ("7ms", Duration::from_millis(7)),
        ("7s", Duration::from_secs(7)),
        ("7m", Duration::from_secs(420)),
    ] {
        let mut config = Config::new(None);
        config.set("timeout", text).unwrap();
        assert_eq!(config.settings().timeout, time, "{text}");
    }
    for (text, bytes) in [
        ("2048", 2048),
        ("2k", 2 << 10),
        ("2m", 2 << 20),
        ("2g", 2 << 30),
    ] {
        let mut config = Config::new(None);
        config.set("max_reply", text).unwrap();
        assert_eq!(config.settings().max_reply.get(), bytes, "{text}");
    }
}

#[test]
fn the_first_problem_stays() {
    let mut config = Config::new(None);
    assert!(config.set("nonsense", "1").is_err());
    assert!(config.set("timeout", "1h").is_err());
    assert_eq!(config.set("timeout", "1s"), Ok(()));
    assert!(config.problem().unwrap().to_string().contains("'nonsense'"));
    assert_eq!(config.settings().timeout, Duration::from_secs(1));
}

#[test]
fn secrets_are_not_told() {
    let config = Config::new(Some("redis://u:hunter2@h?sentinel_password=hunter3"));
    let told = format!("{config:?}");
    assert!(!told.contains("hunter"), "{told}");
    for option in OPTIONS {
        let value = config.get(option.name).unwrap().unwrap_or_default();
        assert!(!value.contains("hunter"), "{}", option.name);
    }
    for url in [
        "redis://u:hunter2@h:x",
        "redis://u:hunter2@h?password=hunter3&x",
        "redis://u:hun%zzter2@h",
    ] {
        assert!(!bad(url).contains("hunter"), "{url}");
    }
}

#[test]
fn no_url_makes_it_panic() {
    // A linear congruential generator: the URLs are the same in each run.
    let mut state = 1u64;
    let mut draw = move |below: usize| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    let parts = [
        "redis",
        "rediss",
        "unix",
        "+cluster",
        "+sentinel",
        "://",
        ":",
        "/",
        "//",
        "@",
        ",",
        "?",
        "&",
        "=",
        "%",
        "%4",
        "%41",
        "%00",
        "[",
        "]",
        "::1",
        "h",
        "6379",
        "db",
        "timeout",
        "5s",
        "é",
        "#",
        "\u{10ffff}",
        "master_name",
    ];
    let mut accepted = 0;
    for _ in 0..200_000 {
        let url: String = (0..draw(12)).map(|_| parts[draw(parts.len())]).collect();
        let url = if draw(2) == 0 {
            format!("redis://{url}")
        } else {
            url
        };
        let config = Config::new(Some(&url));
        accepted += usize::from(config.problem().is_none());
        assert!(
            config.problem().is_some() || !config.endpoints().is_empty(),
            "{url}"
        );
    }
    assert!(accepted > 1000, "{accepted}");
}
