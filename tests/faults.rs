//! Faults of networks, servers and the system. Acknowledged is what a program got a reply to that is no error: none of it may
//! be lost, and no command be reported or done twice. `docs/faults.md` says what a program sees.

#[path = "faults/traffic.rs"]
mod traffic;

mod support;

use std::thread;
use std::time::Duration;
use support::{Build, Control, Hiredis, Run, Server, say};
use traffic::{EVERYBODY, Report, SOME, Traffic};

const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

fn pause(milliseconds: u64) {
    thread::sleep(Duration::from_millis(milliseconds));
}

fn each(reports: &[Report], holds: impl Fn(&Report) -> bool) {
    for report in reports {
        assert!(holds(report), "{report:?}");
    }
}

/// Recorded conversations cut off at every byte: `WAY` as in `c/faults_cuts.c`.
fn cuts(way: &str) {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let program = Build::new("c/faults_cuts.c").build();
    for transport in ["tcp", "unix"] {
        for api in ["blocking", "poll", "mio", "libevent"] {
            let run = || {
                program
                    .on(Hiredis::Ours)
                    .server(&server)
                    .arg(api)
                    .arg(transport)
                    .arg(way)
            };
            let out = run().timeout(120).success();
            let mut points = 0;
            for line in out.lines() {
                let (_, numbers) = line
                    .rsplit_once(": ")
                    .expect("`conversation: tried of all`");
                let (tried, all) = numbers.split_once(" of ").expect("tried of all");
                assert_eq!(tried, all, "{line}");
                points += tried.parse::<u64>().expect("a number");
            }
            assert_eq!(out.lines().count(), 9, "{out}");
            say(&format!(
                "{way}, {api}, {transport}: {points} cut points, all"
            ));
        }
    }
}

#[test]
fn server_half_closed_at_every_byte() {
    cuts("closed");
}

#[test]
fn server_half_half_closed_at_every_byte() {
    cuts("half-closed");
}

#[test]
fn server_half_reset_at_every_byte() {
    cuts("reset");
}

#[test]
fn server_half_stalled_at_every_byte() {
    cuts("stalled");
}

#[test]
fn client_half_unread_from_every_byte() {
    cuts("unread");
}

#[test]
fn client_half_unsent_from_every_byte() {
    cuts("unsent");
}

#[test]
fn both_halves_in_single_bytes() {
    cuts("bytes");
}

#[test]
fn some_cuts_in_memcheck() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let program = Build::new("c/faults_cuts.c").build();
    for (api, transport, way) in [
        ("blocking", "unix", "closed"),
        ("blocking", "unix", "unsent"),
        ("poll", "tcp", "reset"),
        ("mio", "unix", "stalled"),
        ("libevent", "unix", "unsent"),
    ] {
        let run = program.on(Hiredis::Ours).server(&server);
        run.arg(api).arg(transport).arg(way).valgrind().success();
    }
}

#[test]
fn killed_and_restarted() {
    let mut server = Server::start(&DURABLE);
    let traffic = Traffic::start(&server, &EVERYBODY, "");
    for _ in 0..5 {
        traffic.progress(&mut server.control());
        server.stop();
        pause(20);
        server.restart(&[]);
    }
    traffic.progress(&mut server.control());
    each(&traffic.finish("SIGKILL"), |report| {
        report.count("connections: ") > 5
    });
}

/// What happens while the server does nothing for a while: `stop` has it do so.
fn unresponsive(fault: &str, server: &mut Server, mut stop: impl FnMut(&Server)) {
    let mut control = server.control();
    let patient = Traffic::start(server, &EVERYBODY, "");
    let hasty = Traffic::start(server, &SOME, "timeout=100");
    for _ in 0..3 {
        patient.progress(&mut control);
        hasty.progress(&mut control);
        stop(server);
    }
    patient.progress(&mut control);
    hasty.progress(&mut control);
    each(&patient.finish(&format!("{fault}, no timeout")), |report| {
        report.count("unknown: ") == 0 && report.count("connections: ") == 1
    });
    each(&hasty.finish(&format!("{fault}, timeout")), |report| {
        report.count("ended 6 Timeout") + report.count("ended 1 Resource temporarily unavailable")
            >= 3
    });
}

#[test]
fn paused() {
    let mut server = Server::start(&[]);
    unresponsive("SIGSTOP", &mut server, |server| {
        server.signal(libc::SIGSTOP);
        pause(400);
        server.signal(libc::SIGCONT);
    });
}

#[test]
fn asleep() {
    let mut server = Server::start(&["--enable-debug-command", "yes"]);
    let mut control = server.control();
    unresponsive("DEBUG SLEEP", &mut server, |_| {
        assert_eq!(control.ask("DEBUG SLEEP 0.4"), "+OK");
    });
}

#[test]
fn clients_killed() {
    let mut server = Server::start(&[]);
    let mut control = server.control();
    let traffic = Traffic::start(&server, &EVERYBODY, "");
    let interrupted = Traffic::start(&server, &SOME, "storm");
    for _ in 0..20 {
        traffic.progress(&mut control);
        interrupted.progress(&mut control);
        let killed = control.number("CLIENT KILL TYPE normal SKIPME yes");
        assert_eq!(killed, 10, "all of them, and not this one");
    }
    traffic.progress(&mut control);
    interrupted.progress(&mut control);
    each(&interrupted.finish("CLIENT KILL, EINTR"), |report| {
        report.count("connections: ") > 20
    });
    each(&traffic.finish("CLIENT KILL"), |report| {
        report.count("connections: ") > 20
    });
}

#[test]
fn too_many_clients() {
    const REFUSED: &str = "refused ERR max number of clients reached: ";
    let mut server = Server::start(&[]);
    let mut control = server.control();
    let traffic = Traffic::start(&server, &EVERYBODY, "");
    traffic.progress(&mut control);
    assert_eq!(control.ask("CONFIG SET maxclients 1"), "+OK");
    control.number("CLIENT KILL TYPE normal SKIPME yes");
    pause(300);
    assert_eq!(control.ask("CONFIG SET maxclients 100"), "+OK");
    traffic.progress(&mut control);
    // All but the connection that was killed and the one that is there in the end were told why.
    each(&traffic.finish("maxclients"), |report| {
        report.count(REFUSED) > 0 && report.count(REFUSED) == report.count("connections: ") - 2
    });
}

#[test]
fn loading() {
    const REFUSED: &str = "refused LOADING Redis is loading the dataset in memory: ";
    let mut server = Server::start(&DURABLE);
    let mut control = server.control();
    let traffic = Traffic::start(&server, &EVERYBODY, "");
    traffic.progress(&mut control);
    // The append-only file is loaded a thousand commands at a time between looks at the clients.
    while traffic.done(&mut control) < 3000 {
        pause(5);
    }
    let delay = 1_500_000 / traffic.done(&mut control);
    server.stop();
    server.restart(&["--key-load-delay", &delay.to_string()]);
    traffic.progress(&mut server.control());
    each(&traffic.finish("LOADING"), |report| {
        report.count(REFUSED) > 0
    });
}

/// The master is killed, its replica takes over, and the old master comes back as replica of the new. What `WAIT` said a replica
/// has must be there.
#[test]
fn failover() {
    let options = ["--repl-diskless-sync-delay", "0"];
    let mut old = Server::start(&options);
    let follow = |port: u16| {
        [
            "--replicaof".to_string(),
            "127.0.0.1".into(),
            port.to_string(),
        ]
    };
    let link = follow(old.port);
    let replica: Vec<&str> = options
        .into_iter()
        .chain(link.iter().map(String::as_str))
        .collect();
    let mut new = Server::start(&replica);
    let mut control = new.control();
    let in_sync = |control: &mut Control| {
        while !control
            .ask("INFO replication")
            .contains("master_link_status:up")
        {
            pause(5);
        }
    };
    in_sync(&mut control);
    let traffic = Traffic::start_with(&old, &EVERYBODY, "wait", |run| {
        run.env("OTHER_PORT", new.port.to_string())
            .env("OTHER_SOCK", &new.socket)
            .env("PROOF_PORT", new.port.to_string())
    });
    traffic.progress(&mut control);
    // Until it is killed, the old master goes on alone: it acknowledges, and WAIT does not.
    assert_eq!(control.ask("REPLICAOF NO ONE"), "+OK");
    let mut alone = old.control();
    while traffic.done(&mut alone) <= traffic.done(&mut control) {
        pause(5);
    }
    pause(50);
    old.stop();
    let link = follow(new.port);
    old.restart(&link.each_ref().map(String::as_str));
    in_sync(&mut old.control());
    traffic.progress(&mut control);
    traffic.progress(&mut control);
    let reports = traffic.finish("failover");
    each(&reports, |report| {
        report.count("durable: ") > 30 && report.count("connections: ") > 1
    });
    let gone = |report: &Report| report.count("gone without WAIT: ");
    assert!(
        reports.iter().map(gone).sum::<i64>() > 0,
        "nothing was at stake"
    );
}

/// Some thousand signals a second, none of which restarts a system call, are no error and cost nothing.
#[test]
fn storms_of_signals() {
    let mut server = Server::start(&[]);
    let mut control = server.control();
    let traffic = Traffic::start(&server, &EVERYBODY, "storm");
    for _ in 0..20 {
        traffic.progress(&mut control);
        pause(50);
    }
    each(&traffic.finish("EINTR"), |report| {
        report.count("signals: ") > 500
            && report.count("unknown: ") == 0
            && report.count("connections: ") == 1
    });
}

/// A proxy that delays, splits, stalls, resets, closes and half-closes. `make soak-faults` sets the variables.
#[test]
fn random_schedules() {
    let number = |key: &str, default: u64| {
        std::env::var(key).map_or(default, |text| text.parse().expect("a number"))
    };
    let seconds = number("FAULTS_SECONDS", 6);
    let seed = number("FAULTS_SEED", u64::from(std::process::id()));
    say(&format!("random schedules: FAULTS_SEED={seed}"));
    let server = Server::start(&[]);
    let traffic = Traffic::start(&server, &EVERYBODY, &format!("timeout=100 proxy={seed}"));
    pause(seconds * 1000);
    let reports = traffic.finish("proxy");
    for fault in [
        "delayed",
        "single bytes",
        "stalled",
        "reset",
        "closed",
        "half-closed to the client",
        "half-closed to the server",
    ] {
        let happened: i64 = reports
            .iter()
            .map(|report| report.count(&format!("connections {fault}: ")))
            .sum();
        assert!(happened > 0, "never {fault}: {reports:?}");
    }
}

#[test]
fn random_schedules_in_memcheck() {
    let mut server = Server::start(&[]);
    let mut control = server.control();
    let options = format!("timeout=500 proxy={}", std::process::id());
    let traffic = Traffic::start_with(&server, &SOME, &options, Run::valgrind);
    for _ in 0..8 {
        traffic.progress(&mut control);
    }
    traffic.finish("proxy, memcheck");
}

fn limits(case: &str) {
    let server = Server::start(&[]);
    let program = Build::new("c/faults_limits.c").build();
    program
        .on(Hiredis::Ours)
        .server(&server)
        .arg(case)
        .timeout(60)
        .success();
}

#[test]
fn full_send_buffers() {
    limits("full_send_buffers");
    limits("full_send_buffers_of_a_slow_peer");
    limits("full_send_buffers_time_out");
}

#[test]
fn no_descriptors_left() {
    limits("no_descriptors_left");
}

#[test]
fn no_memory_left() {
    limits("no_memory_left");
}
