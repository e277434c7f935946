use super::*;

fn words(line: &str) -> Vec<&[u8]> {
    line.split(' ').map(str::as_bytes).collect()
}

fn keys_of(line: &str) -> String {
    let arguments = words(line);
    let command = find(&arguments).unwrap();
    assert!(command.takes(arguments.len()), "{line}");
    let keys: Vec<_> = command
        .keys_in(&arguments)
        .map(|place| str::from_utf8(arguments[place]).unwrap())
        .collect();
    keys.join(" ")
}

/// Where each command's keys stand. `tests/client_commands.rs` compares the table with a server.
#[test]
fn keys_are_found() {
    for (line, keys) in [
        ("GET a", "a"),
        ("get a", "a"),
        ("MGET a b c", "a b c"),
        ("MSET a 1 b 2", "a b"),
        ("MSETNX a 1", "a"),
        ("BITOP AND d a b", "d a b"),
        ("BLPOP a b 0", "a b"),
        ("BLMOVE a b LEFT RIGHT 0", "a b"),
        ("EVAL s 2 a b c", "a b"),
        ("EVAL s 0 c", ""),
        ("EVAL s -1 c", ""),
        ("EVAL s 9 a b", "a b"),
        ("EVAL s x a b", ""),
        ("FCALL_RO f 1 a b", "a"),
        ("ZUNIONSTORE d 2 a b WEIGHTS 1 2", "d a b"),
        ("ZINTER 2 a b", "a b"),
        ("LMPOP 2 a b LEFT", "a b"),
        ("BLMPOP 0 2 a b LEFT", "a b"),
        ("XREAD COUNT 2 STREAMS a b 0 0", "a b"),
        ("XREAD block 5 streams a 0", "a"),
        ("XREADGROUP GROUP g c STREAMS a b > >", "a b"),
        ("XREADGROUP GROUP g c COUNT 1 NOACK", ""),
        ("GEORADIUS a 1 2 3 m STORE d", "a d"),
        ("GEORADIUS a 1 2 3 m STOREDIST d", "a d"),
        ("SORT a BY nosort STORE d", "a d"),
        ("SORT a LIMIT 0 1", "a"),
        ("MIGRATE h 1 a 0 100", "a"),
        ("MIGRATE h 1  0 100 KEYS a b", " a b"),
        ("OBJECT ENCODING a", "a"),
        ("XINFO STREAM a", "a"),
        ("XGROUP CREATE a g 0", "a"),
        ("MEMORY USAGE a", "a"),
        ("PUBLISH c m", ""),
        ("SPUBLISH c m", "c"),
        ("SSUBSCRIBE a b", "a b"),
        ("PING", ""),
        ("INFO", ""),
    ] {
        assert_eq!(keys_of(line), keys, "{line}");
    }
}

#[test]
fn the_table_is_in_order_and_whole() {
    assert!(COMMANDS.len() > 350);
    assert!(COMMANDS.is_sorted_by(|a, b| a.name < b.name));
    for command in COMMANDS {
        let arguments = words(command.name);
        assert_eq!(find(&arguments), Some(command), "{}", command.name);
        assert!(command.arity != 0);
        let container = command.name.split(' ').next().unwrap();
        let container = named(container.as_bytes(), None);
        assert!(
            container.is_some_and(|c| c.has_subcommands || c == command),
            "{}",
            command.name
        );
    }
    assert_eq!(find(&[]), None);
    assert_eq!(find(&words("NOSUCH a")), None);
    assert_eq!(find(&words("CLIENT NOSUCH")), None);
    assert_eq!(
        find(&words("CLIENT SETNAME x")).unwrap().name,
        "CLIENT SETNAME"
    );
    assert_eq!(find(&words("client")).unwrap().name, "CLIENT");
    assert_eq!(find(&words("GET CLIENT")).unwrap().name, "GET");
}

#[test]
fn the_time_that_a_command_waits_is_found() {
    let blocks = |line| find(&words(line)).unwrap().blocks_for(&words(line));
    let seconds = Duration::from_secs;
    for (line, time) in [
        ("BLPOP a b 5", Blocks::For(seconds(5))),
        ("BLPOP a 0.5", Blocks::For(Duration::from_millis(500))),
        ("BLPOP a 0", Blocks::Forever),
        ("BLPOP a x", Blocks::Not),
        ("BLPOP a -1", Blocks::Not),
        ("BLPOP a nan", Blocks::Not),
        ("BLPOP a 1e300", Blocks::Not),
        ("BLMOVE a b LEFT LEFT 3", Blocks::For(seconds(3))),
        ("BRPOPLPUSH a b 3", Blocks::For(seconds(3))),
        ("BLMPOP 2 1 a LEFT", Blocks::For(seconds(2))),
        ("BZMPOP 2 1 a MIN", Blocks::For(seconds(2))),
        ("BZPOPMIN a 4", Blocks::For(seconds(4))),
        ("WAIT 1 2000", Blocks::For(seconds(2))),
        ("WAITAOF 1 1 2000", Blocks::For(seconds(2))),
        ("XREAD BLOCK 2000 STREAMS a 0", Blocks::For(seconds(2))),
        ("XREAD BLOCK 0 STREAMS a 0", Blocks::Forever),
        ("XREAD STREAMS a 0", Blocks::Not),
        ("XREAD COUNT 1 BLOCK", Blocks::Not),
        (
            "XREADGROUP GROUP g c block 1000 STREAMS a >",
            Blocks::For(seconds(1)),
        ),
        ("GET a", Blocks::Not),
    ] {
        assert_eq!(blocks(line), time, "{line}");
    }
    let waiting = COMMANDS
        .iter()
        .filter(|command| command.block_time.is_some());
    assert_eq!(waiting.count(), 12);
}

#[test]
fn what_would_change_a_shared_connection_is_refused_with_what_to_use() {
    for name in [
        "SUBSCRIBE",
        "PSUBSCRIBE",
        "SSUBSCRIBE",
        "UNSUBSCRIBE",
        "PUNSUBSCRIBE",
        "SUNSUBSCRIBE",
        "MONITOR",
        "MULTI",
        "EXEC",
        "DISCARD",
        "WATCH",
        "UNWATCH",
        "SELECT",
        "AUTH",
        "HELLO",
        "RESET",
        "QUIT",
        "CLIENT REPLY",
        "CLIENT TRACKING",
        "CLIENT CACHING",
        "CLIENT SETNAME",
        "CLIENT NO-EVICT",
        "CLIENT NO-TOUCH",
        "ASKING",
        "READONLY",
        "READWRITE",
        "SYNC",
        "PSYNC",
        "REPLCONF",
        "SCRIPT DEBUG",
        "WAIT",
        "WAITAOF",
    ] {
        let command = find(&words(name)).unwrap();
        assert_eq!(command.name, name);
        assert!(
            command.refused.is_some_and(|text| !text.is_empty()),
            "{name}"
        );
    }
    assert_eq!(
        COMMANDS
            .iter()
            .filter(|command| command.refused.is_some())
            .count(),
        32
    );
}

#[test]
fn no_arguments_make_it_panic() {
    let mut state = 1u64;
    let mut draw = move |below: usize| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    let parts = [
        "",
        "0",
        "1",
        "-1",
        "2",
        "99999999999999999999",
        "18446744073709551615",
        "9223372036854775807",
        "STORE",
        "STREAMS",
        "KEYS",
        "BLOCK",
        "a",
        "1e308",
        "inf",
    ];
    let mut found = 0;
    for command in COMMANDS {
        for _ in 0..500 {
            let mut arguments = words(command.name);
            arguments.extend((0..draw(9)).map(|_| parts[draw(parts.len())].as_bytes()));
            let Some(command) = find(&arguments) else {
                continue;
            };
            found += command
                .keys_in(&arguments)
                .inspect(|place| assert!(*place < arguments.len()))
                .count();
            let _ = command.blocks_for(&arguments);
        }
    }
    assert!(found > 1000);
}
