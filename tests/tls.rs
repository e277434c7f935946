//! TLS against a real redis-server: our library and the C one, each over our core and the C one; certificates, names, versions.

#[path = "tls/certificates.rs"]
mod certificates;
mod support;
#[path = "tls/server.rs"]
mod tls_server;

use certificates::Certificates;
use support::{Build, Hiredis, oracle, target};
use tls_server::{TlsServer, pair};

impl TlsServer {
    /// What `tls_client.c` tells of a connection.
    fn client(&self, arguments: &[&str]) -> String {
        let program = Build::new("c/tls_client.c").build();
        let run = arguments
            .iter()
            .fold(program.on(Hiredis::Ours), |run, argument| run.arg(argument));
        let run = run.arg(&format!("port={}", self.port));
        self.environment(run).success().trim_end().to_string()
    }
}

fn scenarios(core: Hiredis, tls: Hiredis, headers: Hiredis) {
    if oracle().is_none() && [core, tls, headers].contains(&Hiredis::Oracle) {
        return; // The harness has said so.
    }
    let libraries = pair(core, tls);
    let server = TlsServer::start("server", &[]);
    let program = Build::new("c/tls.c").headers(headers).build();
    let run = || {
        server
            .environment(program.on(core))
            .env("LD_LIBRARY_PATH", &libraries)
    };
    run().timeout(120).success();
    if tls == Hiredis::Ours {
        run().valgrind().success();
    }
    std::fs::remove_dir_all(libraries).expect("the folder goes");
}

#[test]
fn our_tls_on_our_core() {
    scenarios(Hiredis::Ours, Hiredis::Ours, Hiredis::Ours);
}

#[test]
fn our_tls_on_the_c_librarys_core() {
    scenarios(Hiredis::Oracle, Hiredis::Ours, Hiredis::Oracle);
}

#[test]
fn the_c_librarys_tls_on_our_core() {
    scenarios(Hiredis::Ours, Hiredis::Oracle, Hiredis::Oracle);
}

#[test]
fn the_c_librarys_tls_on_its_own_core() {
    scenarios(Hiredis::Oracle, Hiredis::Oracle, Hiredis::Oracle);
}

#[test]
fn programs_built_for_the_c_library_run_on_ours() {
    scenarios(Hiredis::Ours, Hiredis::Ours, Hiredis::Oracle);
}

/// The outcome of one connection, as `tls_client.c` tells it.
#[track_caller]
fn ends(server: &TlsServer, arguments: &str, expected: &str) {
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let found = server.client(&arguments);
    assert_eq!(found, expected, "{arguments:?}");
}

const OK: &str = "ok: PONG";

#[test]
fn authorities_are_read_from_a_file_or_a_folder() {
    let server = TlsServer::start("server", &[]);
    ends(&server, "ca=ca.pem", OK);
    ends(&server, "capath=authorities", OK);
    ends(&server, "capath=nowhere ca=ca.pem", OK);
    ends(
        &server,
        "ca=other-ca.pem",
        "initiate: 1 SSL_connect failed: certificate verify failed: self-signed certificate in certificate chain",
    );
    ends(
        &server,
        "capath=nowhere",
        "initiate: 1 SSL_connect failed: certificate verify failed: self-signed certificate in certificate chain",
    );
    ends(
        &server,
        "", // the system's
        "initiate: 1 SSL_connect failed: certificate verify failed: self-signed certificate in certificate chain",
    );
    ends(&server, "capath=nowhere verify=0", OK);
    ends(
        &server,
        "ca=nothing.pem",
        "create: 3 Failed to load CA Certificate or CA Path",
    );
}

#[test]
fn client_certificates_are_sent_when_the_server_asks() {
    let server = TlsServer::start("server", &["--tls-auth-clients", "yes"]);
    ends(&server, "ca=ca.pem cert=client.pem key=client.key", OK);
    // In TLS 1.3 the server's verdict comes after our end of the handshake.
    ends(
        &server,
        "ca=ca.pem",
        "ping: 1 SSL_read failed: tlsv13 alert certificate required",
    );
    let half = "create: 2 Client cert and key must both be specified or skipped";
    ends(&server, "ca=ca.pem cert=client.pem", half);
    ends(&server, "ca=ca.pem key=client.key", half);
    ends(
        &server,
        "ca=ca.pem cert=no.pem key=client.key",
        "create: 4 Failed to load client certificate",
    );
    ends(
        &server,
        "ca=ca.pem cert=client.pem key=ca.key",
        "create: 6 Failed to load private key",
    );
    let old = TlsServer::start(
        "server",
        &["--tls-auth-clients", "yes", "--tls-protocols", "TLSv1.2"],
    );
    ends(
        &old,
        "ca=ca.pem",
        "initiate: 1 SSL_connect failed: sslv3 alert handshake failure",
    );
}

#[test]
fn the_peer_is_verified_by_name_or_address() {
    let server = TlsServer::start("server", &[]);
    for name in ["localhost", "LOCALHOST", "127.0.0.1", "redis.example.test"] {
        ends(&server, &format!("ca=ca.pem name={name}"), OK);
    }
    let wrong_name = "initiate: 1 SSL_connect failed: certificate verify failed: hostname mismatch";
    for name in [
        "elsewhere.test",
        "a.b.example.test",
        "example.test",
        "127.0.0.1.test",
    ] {
        ends(&server, &format!("ca=ca.pem name={name}"), wrong_name);
    }
    let wrong_address =
        "initiate: 1 SSL_connect failed: certificate verify failed: IP address mismatch";
    for address in ["127.0.0.2", "::1"] {
        ends(&server, &format!("ca=ca.pem name={address}"), wrong_address);
    }
    // A wildcard stands for a whole label, not for a part of one.
    ends(
        &TlsServer::start("partial", &[]),
        "ca=ca.pem name=redis.example.test",
        wrong_name,
    );
    // Without DNS names in the certificate its common name counts.
    ends(
        &TlsServer::start("common", &[]),
        "ca=ca.pem name=localhost",
        OK,
    );
    // Telling the server a name verifies nothing.
    let elsewhere = TlsServer::start("elsewhere", &[]);
    ends(&elsewhere, "ca=ca.pem sni=localhost", OK);
    ends(
        &elsewhere,
        "ca=ca.pem sni=localhost name=localhost",
        wrong_name,
    );
    ends(
        &elsewhere,
        "ca=ca.pem sni=localhost name=elsewhere.test",
        OK,
    );
}

/// What all four pairs must agree upon, however much they say about why.
#[test]
fn each_pair_trusts_the_same_peers() {
    let failed = "initiate: 1 SSL_connect failed:";
    let unverified = "initiate: 1 SSL_connect failed: certificate verify failed";
    let plain = TlsServer::start("server", &[]);
    let asking = TlsServer::start(
        "server",
        &["--tls-auth-clients", "yes", "--tls-protocols", "TLSv1.2"],
    );
    let newest = TlsServer::start("server", &["--tls-protocols", "TLSv1.3"]);
    let expired = TlsServer::start("expired", &[]);
    for (core, tls) in [
        (Hiredis::Ours, Hiredis::Ours),
        (Hiredis::Oracle, Hiredis::Ours),
        (Hiredis::Ours, Hiredis::Oracle),
        (Hiredis::Oracle, Hiredis::Oracle),
    ] {
        if oracle().is_none() && [core, tls].contains(&Hiredis::Oracle) {
            continue; // The harness has said so.
        }
        let libraries = pair(core, tls);
        let headers = if oracle().is_some() {
            Hiredis::Oracle
        } else {
            core
        };
        let program = Build::new("c/tls_client.c").headers(headers).build();
        for (server, arguments, begins) in [
            (&plain, "ca=ca.pem", OK),
            (&plain, "capath=authorities", OK),
            (&plain, "ca=other-ca.pem", unverified),
            (&plain, "ca=other-ca.pem verify=0", OK),
            (&plain, "ca=ca.pem sni=redis.example.test", OK),
            (&plain, "ca=nothing.pem", "create: 3 "),
            (&plain, "ca=ca.pem cert=client.pem", "create: 2 "),
            (&plain, "ca=ca.pem cert=client.pem key=ca.key", "create: 6 "),
            (&asking, "ca=ca.pem cert=client.pem key=client.key", OK),
            (&asking, "ca=ca.pem", failed),
            (&newest, "ca=ca.pem", OK),
            (&expired, "ca=ca.pem", unverified),
        ] {
            let run = arguments
                .split(' ')
                .fold(program.on(core), |run, argument| run.arg(argument))
                .arg(&format!("port={}", server.port))
                .env("LD_LIBRARY_PATH", &libraries);
            let told = server.environment(run).success();
            let agrees = told.starts_with(begins);
            assert!(agrees, "{tls:?} over {core:?}, {arguments}: {told}");
        }
        std::fs::remove_dir_all(libraries).expect("the folder goes");
    }
}

/// Our TLS meets the same servers over the C core.
#[test]
fn over_the_c_core() {
    if oracle().is_none() {
        return; // The harness has said so.
    }
    let libraries = pair(Hiredis::Oracle, Hiredis::Ours);
    let server = TlsServer::start("server", &[]);
    for source in [
        "c/tls_peers.c",
        "c/tls_last_words.c",
        "c/tls_sessions.c",
        "c/tls_names.c",
        "c/tls_handshake.c",
        "c/tls_cuts.c",
    ] {
        let run = Build::new(source).build().on(Hiredis::Oracle);
        let run = run.env("LD_LIBRARY_PATH", &libraries).env("C_CORE", "1");
        server.environment(run).timeout(60).success();
    }
    std::fs::remove_dir_all(libraries).expect("the folder goes");
}

/// A server that ends the connection as soon as it has seen that there is no certificate: the socket was connected all the same.
#[test]
fn asynchronous_contexts_are_told_of_missing_certificates() {
    let server = TlsServer::start("server", &["--tls-auth-clients", "yes"]);
    let program = Build::new("c/tls_refused.c").build();
    let run = || server.environment(program.on(Hiredis::Ours));
    run().timeout(60).success();
    run().valgrind().success();
}

/// A program that does not look at the result of naming must not end up with an unverified peer.
#[test]
fn a_name_that_cannot_be_verified_allows_no_connection() {
    let server = TlsServer::start("server", &[]);
    let text = "Failed to set the expected peer certificate name for verification";
    let refused = format!("name: 9 {text}; initiate: 2 {text}");
    ends(&server, "ca=ca.pem name=", &refused);
    ends(&server, "ca=ca.pem name=.example.test", &refused);
    ends(&server, "ca=ca.pem verify=0 name=localhost", &refused);
}

#[test]
fn an_expired_certificate_is_refused_and_said_to_be() {
    let server = TlsServer::start("expired", &[]);
    ends(
        &server,
        "ca=ca.pem",
        "initiate: 1 SSL_connect failed: certificate verify failed: certificate has expired",
    );
}

#[test]
fn server_names_that_cannot_be_sent_are_refused() {
    let server = TlsServer::start("server", &[]);
    let refused = "initiate: 2 Failed to set server_name/SNI";
    ends(&server, "ca=ca.pem sni=", refused);
    ends(
        &server,
        &format!("ca=ca.pem sni={}", "a".repeat(300)),
        refused,
    );
}

#[test]
fn both_versions_of_tls_are_spoken_and_no_older_one() {
    for version in ["TLSv1.2", "TLSv1.3"] {
        let server = TlsServer::start("server", &["--tls-protocols", version]);
        ends(&server, "ca=ca.pem name=localhost", OK);
    }
    let old = TlsServer::start(
        "server",
        &[
            "--tls-protocols",
            "TLSv1.1",
            "--tls-ciphers",
            "DEFAULT@SECLEVEL=0",
        ],
    );
    ends(
        &old,
        "ca=ca.pem",
        "initiate: 1 SSL_connect failed: tlsv1 alert protocol version",
    );
}

/// Defect 33: over the C core, whose table stays after a reconnect, our TLS reports what the C one crashes on.
#[test]
fn a_reconnect_before_tls_is_initiated_again() {
    let server = TlsServer::start("server", &[]);
    let mut cores = vec![Hiredis::Ours];
    cores.extend(oracle().map(|_| Hiredis::Oracle));
    for core in cores {
        let libraries = pair(core, Hiredis::Ours);
        let program = Build::new("c/tls_reconnect.c").headers(core).build();
        let run = || {
            server
                .environment(program.on(core))
                .env("LD_LIBRARY_PATH", &libraries)
        };
        let told = run().success();
        if core == Hiredis::Oracle {
            assert_eq!(
                told.trim(),
                "2 TLS has not been initiated on this connection"
            );
        }
        run().valgrind().success();
        std::fs::remove_dir_all(libraries).expect("the folder goes");
    }
}

#[test]
fn the_program_of_the_page_compiles() {
    let page = include_str!("../docs/tls.md");
    let code = page
        .split("```c\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let file = target().join("tests/page_tls.c");
    std::fs::create_dir_all(target().join("tests")).expect("a folder");
    std::fs::write(&file, code.expect("a program")).expect("write");
    Build::new(&file).flag("-lhiredis_ssl").build();
}

#[test]
fn the_example_connects_to_whom_it_means() {
    let server = TlsServer::start("server", &[]);
    let made = Certificates::get();
    let example = support::root().join("c-examples/tls.c");
    let program = Build::new(&example).flag("-lhiredis_ssl").build();
    let run = |host: &str| {
        let run = program.on(Hiredis::Ours).arg(host).arg(&server.port);
        run.arg(&made.path("ca.pem")).output()
    };
    assert_eq!(run("localhost").stdout, "PING: PONG\nPING: PONG\n");
    // An address of this machine, but not one that the certificate is for.
    let other = run("127.0.0.2");
    let text = "SSL_connect failed: certificate verify failed: IP address mismatch";
    assert_eq!((other.end.as_str(), other.stdout.as_str()), ("1", ""));
    assert!(
        other.stderr == format!("Not this one: {text}\n")
            || other.stderr.contains("Connection refused"),
        "{}",
        other.stderr
    );
}

/// As a program of c-examples is called, and what it prints.
fn example(name: &str, arguments: &[&str]) -> support::Output {
    let source = support::root().join("c-examples").join(name);
    let program = Build::new(&source).flag("-lhiredis_ssl").build();
    let run = program.on(Hiredis::Ours);
    let run = arguments
        .iter()
        .fold(run, |run, argument| run.arg(argument));
    run.output()
}

#[test]
fn the_example_with_several_hosts_means_each_of_them() {
    let server = TlsServer::start("server", &[]);
    let authority = Certificates::get().path("ca.pem");
    let run = example(
        "tls_hosts.c",
        &[&authority, &server.port, "localhost", "127.0.0.1"],
    );
    assert_eq!(run.stdout, "localhost: PONG\n127.0.0.1: PONG\n");
    assert_eq!((run.end.as_str(), run.stderr.as_str()), ("0", ""));
    // Signed by the same authority, but for another host.
    let elsewhere = TlsServer::start("elsewhere", &[]);
    let run = example("tls_hosts.c", &[&authority, &elsewhere.port, "localhost"]);
    let text = "SSL_connect failed: certificate verify failed: hostname mismatch";
    assert_eq!(run.stderr, format!("Not localhost: {text}\n"));
    assert_eq!((run.end.as_str(), run.stdout.as_str()), ("1", ""));
}

#[test]
fn the_example_without_a_loop_waits_by_poll() {
    let server = TlsServer::start("server", &[]);
    let authority = Certificates::get().path("ca.pem");
    let run = example("tls_poll.c", &["localhost", &server.port, &authority]);
    assert_eq!(run.stdout, "PING: PONG\n");
    assert_eq!((run.end.as_str(), run.stderr.as_str()), ("0", ""));
    let elsewhere = TlsServer::start("elsewhere", &[]);
    let run = example("tls_poll.c", &["localhost", &elsewhere.port, &authority]);
    let text = "SSL_connect failed: certificate verify failed: hostname mismatch";
    assert_eq!(run.stderr, format!("Not this one: {text}\n"));
    assert_eq!((run.end.as_str(), run.stdout.as_str()), ("1", ""));
}
