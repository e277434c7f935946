//! A private redis-server that speaks TLS, and one library over another's core.

use crate::certificates::Certificates;
use crate::support::{Hiredis, Run, Server, target};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A redis-server with TLS on a port of its own.
pub(crate) struct TlsServer {
    pub(crate) server: Server,
    pub(crate) port: String,
}

impl TlsServer {
    /// With this certificate, and more options.
    pub(crate) fn start(certificate: &str, options: &[&str]) -> TlsServer {
        let made = Certificates::get();
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let port = port.expect("a free port").port().to_string();
        let cert = made.path(&format!("{certificate}.pem"));
        let key = made.path(&format!("{certificate}.key"));
        let ca = made.path("ca.pem");
        let mut all = vec!["--tls-port", &port, "--tls-cert-file", &cert];
        all.extend(["--tls-key-file", &key, "--tls-ca-cert-file", &ca]);
        if !options.contains(&"--tls-auth-clients") {
            all.extend(["--tls-auth-clients", "no"]);
        }
        all.extend(options);
        let server = Server::start(&all);
        TlsServer { server, port }
    }

    /// What a program needs to know of it.
    pub(crate) fn environment(&self, run: Run) -> Run {
        let made = Certificates::get();
        run.server(&self.server)
            .env("TLS_PORT", &self.port)
            .env("TLS_DIR", made.dir())
            .env("OPENSSL_CONF", "/dev/null")
    }
}

/// A folder with one library's core and another's TLS half.
pub(crate) fn pair(core: Hiredis, tls: Hiredis) -> PathBuf {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let dir = target().join(format!(
        "tests/tls-pairs/{core:?}-{tls:?}-{}-{}",
        std::process::id(),
        MADE.fetch_add(1, Ordering::Relaxed)
    ));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("a folder");
    for (name, from) in [("libhiredis", core), ("libhiredis_ssl", tls)] {
        for suffix in ["so", "so.1", "so.1.1.0", "so.1.4.0"] {
            let library = from.lib().join(format!("{name}.so"));
            let library = library.canonicalize().expect("the library");
            symlink(library, dir.join(format!("{name}.{suffix}"))).expect("a link");
        }
    }
    dir
}
