use super::*;
use crate::config::Config;

const TAIL: [Item; 4] = [
    Item::LibraryName,
    Item::LibraryVersion,
    Item::Multi,
    Item::Discard,
];

/// Plays a handshake against a server. Returns what was sent, in its writes, and how it ended.
fn play(
    url: &str,
    purpose: Purpose,
    mut server: impl FnMut(Item) -> Answer<'static>,
) -> (Vec<Vec<Item>>, Next, Handshake) {
    let config = Config::new(Some(url));
    assert_eq!(config.problem(), None);
    let settings = config.settings();
    let mut handshake = Handshake::new(settings, purpose).unwrap();
    let mut writes = vec![];
    loop {
        let sent: Vec<Item> = handshake.to_send().unwrap().collect();
        assert!(!sent.is_empty() && writes.len() < 100);
        let last = sent.len() - 1;
        let mut next = Next::Listen;
        for (n, item) in sent.iter().enumerate() {
            next = handshake.answer(settings, server(*item));
            if matches!(next, Next::Failed(_)) {
                break;
            }
            assert_eq!(n < last, next == Next::Listen, "{sent:?} {n}");
        }
        writes.push(sent);
        match next {
            Next::Send | Next::SendWithin(_) => {}
            _ => return (writes, next, handshake),
        }
    }
}

fn good(_: Item) -> Answer<'static> {
    Answer::Good
}

#[test]
fn hello_goes_alone_and_the_rest_in_one_write() {
    let (writes, next, handshake) = play("redis://", Purpose::default(), good);
    assert_eq!(writes, [vec![Item::Hello], TAIL.to_vec()]);
    assert_eq!(next, Next::Ready);
    assert_eq!(handshake.protocol(), Protocol::Resp3);
    assert!(handshake.transactions());

    let everything = Purpose {
        replica: true,
        named_by_sentinels: true,
        set_up: 2,
    };
    let (writes, next, _) = play("redis://u:p@h/3?name=n", everything, |item| match item {
        Item::Role => Answer::Role(b"master"),
        _ => Answer::Good,
    });
    let rest = [
        Item::SetName,
        Item::LibraryName,
        Item::LibraryVersion,
        Item::Select,
        Item::ReadOnly,
        Item::Role,
        Item::Multi,
        Item::Discard,
        Item::SetUp(0),
        Item::SetUp(1),
    ];
    assert_eq!(writes, [vec![Item::Hello], rest.to_vec()]);
    assert_eq!(next, Next::Ready);
}

#[test]
fn without_hello_it_authenticates_and_speaks_resp2() {
    for error in [
        &b"ERR unknown command 'HELLO'"[..],
        b"NOPERM this user has no permissions to run the 'hello' command",
        b"NOPROTO unsupported protocol version",
    ] {
        for (url, auth) in [("redis://", false), ("redis://:p@h", true)] {
            let (writes, next, handshake) = play(url, Purpose::default(), |item| match item {
                Item::Hello => Answer::Error(error),
                _ => Answer::Good,
            });
            let mut rest = vec![Item::Auth; usize::from(auth)];
            rest.extend(TAIL);
            assert_eq!(writes, [vec![Item::Hello], rest]);
            assert_eq!(next, Next::Ready);
            assert_eq!(handshake.protocol(), Protocol::Resp2);
        }
    }
    let (writes, _, _) = play("redis://?protocol=2", Purpose::default(), good);
    assert_eq!(writes, [TAIL.to_vec()]);
}

#[test]
fn what_fails_is_told() {
    let refused = |bad: Item, text: &'static [u8]| {
        let purpose = Purpose {
            replica: true,
            named_by_sentinels: true,
            set_up: 1,
        };
        let (_, next, handshake) = play("redis://u:p@h/3?name=n", purpose, |item| match item {
            _ if item == bad => Answer::Error(text),
            Item::Hello if bad == Item::Auth => Answer::Error(b"ERR unknown command"),
            Item::Role => Answer::Role(b"master"),
            _ => Answer::Good,
        });
        (next, handshake.transactions())
    };
    let authentication = (Next::Failed(Failure::Authentication), true);
    assert_eq!(refused(Item::Hello, b"WRONGPASS invalid"), authentication);
    assert_eq!(
        refused(Item::Hello, b"NOAUTH HELLO must be called"),
        authentication
    );
    assert_eq!(refused(Item::Auth, b"ERR invalid password"), authentication);
    assert_eq!(refused(Item::Auth, b"ERR Client sent AUTH"), authentication);
    assert_eq!(
        refused(Item::Select, b"NOAUTH Authentication"),
        authentication
    );
    for item in [Item::Select, Item::ReadOnly, Item::Role, Item::SetUp(0)] {
        let failed = (Next::Failed(Failure::Refused(item)), true);
        assert_eq!(refused(item, b"NOPERM x"), failed);
    }
    for item in [Item::SetName, Item::LibraryName, Item::LibraryVersion] {
        assert_eq!(refused(item, b"NOPERM x"), (Next::Ready, true));
    }
    for item in [Item::Multi, Item::Discard] {
        assert_eq!(refused(item, b"NOPERM x"), (Next::Ready, false));
    }
    let sentinel = Purpose {
        named_by_sentinels: true,
        ..Purpose::default()
    };
    let (_, next, _) = play("redis://", sentinel, |item| match item {
        Item::Role => Answer::Role(b"slave"),
        _ => Answer::Good,
    });
    assert_eq!(next, Next::Failed(Failure::NotMaster));
}

#[test]
fn a_server_that_loads_or_is_busy_is_given_time() {
    for bad in [
        Item::Hello,
        Item::Select,
        Item::Multi,
        Item::Discard,
        Item::SetUp(0),
    ] {
        for text in [&b"LOADING Redis is loading"[..], b"BUSY Redis is busy"] {
            let mut left = 3;
            let mut in_multi = false;
            let purpose = Purpose {
                set_up: 1,
                ..Purpose::default()
            };
            let (writes, next, handshake) = play("redis://h/1", purpose, |item| {
                if item == bad && left > 0 {
                    left -= 1;
                    return Answer::Error(text);
                }
                match item {
                    Item::Multi => in_multi = true,
                    Item::Discard if !in_multi => {
                        return Answer::Error(b"ERR DISCARD without MULTI");
                    }
                    Item::Discard => in_multi = false,
                    _ => {}
                }
                Answer::Good
            });
            assert_eq!(next, Next::Ready, "{bad:?}");
            assert!(handshake.transactions());
            assert_eq!(handshake.waits, 3);
            let times = writes.iter().flatten().filter(|item| **item == bad).count();
            assert_eq!(times, 4, "{bad:?} {writes:?}");
        }
    }
}

/// Servers that answer anything: whatever is ready has been told everything that must hold.
#[test]
fn ready_means_that_everything_needed_was_granted() {
    let errors: [&[u8]; 6] = [
        b"ERR x",
        b"NOPERM x",
        b"NOAUTH x",
        b"WRONGPASS x",
        b"LOADING x",
        b"BUSY x",
    ];
    let mut state = 1u64;
    let mut draw = move |below: usize| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    let mut ready = 0;
    for _ in 0..20_000 {
        let mut granted = vec![];
        let purpose = Purpose {
            replica: draw(2) == 0,
            named_by_sentinels: draw(2) == 0,
            set_up: draw(3),
        };
        let (_, next, handshake) = play("redis://u:p@h/3?name=n", purpose, |item| {
            if draw(6) == 0 {
                return Answer::Error(errors[draw(errors.len())]);
            }
            if item == Item::Role && draw(6) == 0 {
                return Answer::Role(b"slave");
            }
            granted.push(item);
            match item {
                Item::Role => Answer::Role(b"master"),
                _ => Answer::Good,
            }
        });
        if next != Next::Ready {
            assert!(matches!(next, Next::Failed(_)));
            continue;
        }
        ready += 1;
        let by_hello = handshake.protocol() == Protocol::Resp3;
        assert!(granted.contains(if by_hello { &Item::Hello } else { &Item::Auth }));
        assert!(granted.contains(&Item::Select));
        assert_eq!(granted.contains(&Item::ReadOnly), purpose.replica);
        assert_eq!(granted.contains(&Item::Role), purpose.named_by_sentinels);
        assert!((0..purpose.set_up).all(|index| granted.contains(&Item::SetUp(index))));
        if handshake.transactions() {
            assert!(granted.contains(&Item::Multi) && granted.contains(&Item::Discard));
        }
    }
    assert!(ready > 1000, "{ready}");
}

#[test]
fn arguments_are_those_of_the_commands() {
    let config = Config::new(Some("redis://u:p@h/3?name=n"));
    let only_password = Config::new(Some("redis://:p@h"));
    let none = Config::new(None);
    let line = |item: Item, config: &Config| {
        let mut number = String::new();
        let arguments = item.arguments(config.settings(), &mut number).unwrap();
        arguments.map(|arguments| arguments.join(" "))
    };
    for (item, config, expected) in [
        (Item::Hello, &config, "HELLO 3 AUTH u p"),
        (Item::Hello, &only_password, "HELLO 3 AUTH default p"),
        (Item::Hello, &none, "HELLO 3"),
        (Item::Auth, &config, "AUTH u p"),
        (Item::Auth, &only_password, "AUTH p"),
        (Item::SetName, &config, "CLIENT SETNAME n"),
        (Item::Select, &config, "SELECT 3"),
        (Item::ReadOnly, &config, "READONLY"),
        (Item::Role, &config, "ROLE"),
        (Item::Multi, &config, "MULTI"),
        (Item::Discard, &config, "DISCARD"),
        (
            Item::LibraryName,
            &config,
            "CLIENT SETINFO LIB-NAME hiredis-rs",
        ),
    ] {
        assert_eq!(line(item, config).as_deref(), Some(expected));
    }
    assert_eq!(line(Item::SetUp(0), &config), None);
}
