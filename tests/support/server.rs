//! Private redis-servers: each on a free port and a unix socket in a folder of its own.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt;
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
    arguments: Vec<OsString>,
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
        // Ours alone: what somebody else has put under this name is not used.
        DirBuilder::new().mode(0o700).create(&dir).ok()?;
        let socket = dir.join("redis.sock");
        let port = TcpListener::bind("127.0.0.1:0")
            .expect("bind")
            .local_addr()
            .expect("address")
            .port();
        let fixed = [
            "--save",
            "",
            "--appendonly",
            "no",
            "--bind",
            "127.0.0.1",
            "--daemonize",
            "no",
        ];
        let port_text = port.to_string();
        let places: [&OsStr; 6] = [
            "--port".as_ref(),
            port_text.as_ref(),
            "--unixsocket".as_ref(),
            socket.as_ref(),
            "--dir".as_ref(),
            dir.as_ref(),
        ];
        let arguments: Vec<OsString> = fixed
            .iter()
            .map(OsStr::new)
            .chain(places)
            .chain(options.iter().map(OsStr::new))
            .map(OsStr::to_os_string)
            .collect();
        let mut server = Server {
            port,
            socket,
            dir,
            child: spawn(&arguments),
            arguments,
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

    /// Starts the server that was stopped once more, with these further options, without waiting
    /// until it answers.
    pub(crate) fn restart(&mut self, options: &[&str]) {
        self.arguments.extend(options.iter().map(Into::into));
        self.child = spawn(&self.arguments);
    }

    /// Sends a signal to the server.
    pub(crate) fn signal(&self, signal: i32) {
        let pid = i32::try_from(self.child.id()).expect("a pid");
        // SAFETY: no pointers are passed; the child has not been waited for.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0, "kill");
    }

    /// A connection for the test's own commands, once the server answers.
    pub(crate) fn control(&mut self) -> Control {
        assert!(self.ready(), "redis-server answers");
        let stream = UnixStream::connect(&self.socket).expect("connect");
        let limit = Some(Duration::from_secs(20));
        stream.set_read_timeout(limit).expect("a time limit");
        Control(BufReader::new(stream))
    }

    /// Stops the server early, so that a test can see what its clients do.
    pub(crate) fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A test's own connection to a server.
pub(crate) struct Control(BufReader<UnixStream>);

impl Control {
    /// The reply to a command without quotes: its line, or the text of a bulk string.
    pub(crate) fn ask(&mut self, command: &str) -> String {
        let line = format!("{command}\r\n");
        let sent = self.0.get_mut().write_all(line.as_bytes());
        sent.expect("the server takes a command");
        let mut reply = String::new();
        self.0
            .read_line(&mut reply)
            .expect("the server answers in time");
        let Some(len) = reply.strip_prefix('$') else {
            return reply.trim_end().to_string();
        };
        let mut text = vec![0; len.trim_end().parse::<usize>().expect("a length") + 2];
        self.0.read_exact(&mut text).expect("the rest of the reply");
        String::from_utf8_lossy(&text).trim_end().to_string()
    }

    /// The reply to a command that is answered with an integer, once the server has loaded its data.
    pub(crate) fn number(&mut self, command: &str) -> i64 {
        loop {
            let reply = self.ask(command);
            if let Some(digits) = reply.strip_prefix(':') {
                return digits.parse().expect("an integer");
            }
            assert!(reply.starts_with("-LOADING"), "{command}: {reply}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn spawn(arguments: &[OsString]) -> Child {
    Command::new("redis-server")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server is installed (make test installs it)")
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
