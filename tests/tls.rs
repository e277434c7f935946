//! The C library's `libhiredis_ssl.so`, unmodified, over our core (clients.md: it takes seven symbols from the process).

mod support;

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use support::{Build, Hiredis, Server};

/// A self-signed certificate for `localhost`, and its key.
fn make_certificate(dir: &Path) {
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args([
            "-subj",
            "/CN=localhost",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
        ])
        .current_dir(dir)
        .output()
        .expect("openssl is installed (make test installs it)");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
}

#[test]
fn the_c_librarys_tls_runs_on_our_core() {
    let Some(oracle) = support::oracle() else {
        return; // The harness has said so.
    };
    let dir = std::env::temp_dir().join(format!("hiredis-tls-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a temporary folder");
    make_certificate(&dir);
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let port = port.expect("a free port").port().to_string();
    let file = |name| dir.join(name).to_string_lossy().into_owned();
    let (cert, key) = (file("cert.pem"), file("key.pem"));
    let server = Server::start(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &cert,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &cert,
        "--tls-auth-clients",
        "no",
    ]);
    let libraries = std::fs::read_dir(oracle.join("usr/lib"))
        .expect("the C library")
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.join("libhiredis_ssl.so").exists())
        .expect("the C library's TLS half");
    Build::new("c/tls.c")
        .headers(Hiredis::Oracle)
        .flag(&format!("-Wl,-rpath,{}", libraries.display()))
        .build()
        .on(Hiredis::Ours)
        .server(&server)
        .env("TLS_PORT", &port)
        .env("TLS_CA", &cert)
        .success();
    std::fs::remove_dir_all(&dir).expect("the temporary folder goes");
}
