//! Private redis-servers: each on a free port and a unix socket in a folder of its own.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Stopped and its folder removed when dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) socket: PathBuf,
    dir: PathBuf,
    child: Child,
}

impl Server {
    /// Starts a server with these extra options (`["--requirepass", "x"]`). Panics when there is none to start.
    pub(crate) fn start(options: &[&str]) -> Server {
        // Somebody else may take the port between our choice and the server's bind.
        (0..5)
            .find_map(|_| Server::attempt(options))
            .expect("redis-server starts")
    }

    fn attempt(options: &[&str]) -> Option<Server> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let unique = format!(
            "hiredis-test-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        // Not below target/: a unix socket's path must be short.
        let dir = std::env::temp_dir().join(unique);
        fs::create_dir_all(&dir).expect("a temporary folder");
        let socket = dir.join("redis.sock");
        let port = TcpListener::bind("127.0.0.1:0")
            .expect("bind")
            .local_addr()
            .expect("address")
            .port();
        let child = Command::new("redis-server")
            .args([
                "--save",
                "",
                "--appendonly",
                "no",
                "--bind",
                "127.0.0.1",
                "--daemonize",
                "no",
            ])
            .args(["--port", &port.to_string()])
            .arg("--unixsocket")
            .arg(&socket)
            .arg("--dir")
            .arg(&dir)
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is installed (make test installs it)");
        let mut server = Server {
            port,
            socket,
            dir,
            child,
        };
        server.ready().then_some(server)
    }

    fn ready(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if answers(&self.socket) {
                return true;
            }
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// Stops the server early, so that a test can see what its clients do.
    pub(crate) fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Any answer will do: with a password set, PING is answered by an error.
fn answers(socket: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket) else {
        return false;
    };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    stream.write_all(b"PING\r\n").is_ok() && stream.read(&mut [0; 64]).is_ok_and(|n| n > 0)
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.dir);
    }
}
