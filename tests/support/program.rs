//! Compiling C and C++ programs and running them on either library, with a time limit or under valgrind.

use super::{Hiredis, Server, root, target};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How one program is compiled. The path is relative to `tests/`.
pub(crate) struct Build {
    source: PathBuf,
    headers: Hiredis,
    flags: Vec<String>,
}

impl Build {
    pub(crate) fn new(source: impl AsRef<Path>) -> Build {
        let source = root().join("tests").join(source);
        let own = marked(&source, "cc:").unwrap_or_default();
        let flags = own.split_whitespace().chain(sanitizer()).map(String::from);
        let flags = flags.collect();
        Build {
            source,
            headers: Hiredis::Ours,
            flags,
        }
    }

    pub(crate) fn headers(mut self, headers: Hiredis) -> Build {
        self.headers = headers;
        self
    }

    pub(crate) fn flag(mut self, flag: &str) -> Build {
        self.flags.push(flag.to_string());
        self
    }

    /// Compiles, unless the program of the last time is newer than everything it was made from.
    pub(crate) fn build(self) -> Program {
        let binary = self.binary();
        let command = self.command();
        let line = format!("{command:?}");
        let note = binary.with_extension("cmd");
        let fresh =
            fs::read_to_string(&note).is_ok_and(|last| last == line) && self.older_than(&binary);
        if !fresh {
            compile(command, &binary);
            fs::write(&note, line).expect("note the command");
        }
        Program { binary }
    }

    fn binary(&self) -> PathBuf {
        let stem = self.source.file_stem().expect("a file").to_string_lossy();
        let headers = match self.headers {
            Hiredis::Ours => "ours",
            Hiredis::Oracle => "oracle",
        };
        let extra: u64 = self
            .flags
            .iter()
            .flat_map(|flag| flag.bytes())
            .fold(0, |sum, byte| sum * 31 % 65521 + u64::from(byte));
        target()
            .join("tests/bin")
            .join(format!("{stem}-{headers}-{extra:x}"))
    }

    fn command(&self) -> Command {
        let plain_c = self.source.extension().is_some_and(|ext| ext == "c");
        let mut command = Command::new(if plain_c { "gcc" } else { "g++" });
        command.arg(if plain_c {
            "-std=gnu11"
        } else {
            "-std=gnu++17"
        });
        command.args([
            "-O1",
            "-g",
            "-pthread",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-Wno-unused-parameter",
        ]);
        command.arg("-isystem").arg(self.headers.include());
        command.arg(&self.source).arg("-L").arg(self.headers.lib());
        command.args(&self.flags).arg("-lhiredis").arg("-lm");
        command
    }

    /// Older than the binary are all files that the compiler noted, and the archives that it was given.
    fn older_than(&self, binary: &Path) -> bool {
        let Some(built) = modified(binary) else {
            return false;
        };
        let Ok(rule) = fs::read_to_string(binary.with_extension("d")) else {
            return false;
        };
        let included = rule
            .split_whitespace()
            .filter(|word| *word != "\\" && !word.ends_with(':'));
        let archives = self.flags.iter().map(String::as_str);
        let archives = archives.filter(|flag| flag.ends_with(".a"));
        included
            .chain(archives)
            .all(|path| modified(Path::new(path)).is_some_and(|time| time < built))
    }
}

/// What programs are compiled with where `scripts/asan` runs the tests, on a library made for it.
fn sanitizer() -> Option<&'static str> {
    std::env::var_os("HIREDIS_ASAN").map(|_| "-fsanitize=address")
}

/// The rest of a line `/* KEY rest */` or `// KEY rest` of a source file.
pub(crate) fn marked(source: &Path, key: &str) -> Option<String> {
    let code =
        fs::read_to_string(source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    code.lines().find_map(|line| {
        let rest = line.strip_prefix("/*").or(line.strip_prefix("//"))?.trim();
        Some(
            rest.strip_prefix(key)?
                .trim_end_matches("*/")
                .trim()
                .to_string(),
        )
    })
}

fn modified(path: &Path) -> Option<std::time::SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// Another test may be building or running the same program: the finished file is moved into place.
fn compile(mut command: Command, binary: &Path) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    fs::create_dir_all(binary.parent().expect("a folder")).expect("tests/bin");
    let unique = format!(
        "{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    let fresh = binary.with_extension(&unique);
    let rule = binary.with_extension(format!("{unique}.d"));
    command
        .arg("-o")
        .arg(&fresh)
        .arg("-MD")
        .arg("-MF")
        .arg(&rule);
    let done = command.output().expect("gcc or g++");
    assert!(
        done.status.success(),
        "{command:?}\n{}",
        String::from_utf8_lossy(&done.stderr)
    );
    fs::rename(&rule, binary.with_extension("d")).expect("move what it was made from into place");
    fs::rename(&fresh, binary).expect("move the program into place");
}

/// Compiles source code against the headers of one library, which is all: by the standard of C or C++ that `-std=` names,
/// pedantically and without a warning.
pub(crate) fn compiles(source: &str, standard: &str, headers: Hiredis, flags: &[String]) {
    let (compiler, language) = match standard.contains("++") {
        true => ("g++", "c++"),
        false => ("gcc", "c"),
    };
    let include = match headers {
        Hiredis::Ours => "-I",
        Hiredis::Oracle => "-isystem",
    };
    let mut command = Command::new(compiler);
    command
        .args(["-x", language, standard, "-fsyntax-only", "-"])
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror"])
        .arg(include)
        .arg(headers.include())
        .args(flags)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("gcc or g++");
    let mut input = child.stdin.take().expect("piped");
    input
        .write_all(source.as_bytes())
        .expect("the compiler reads");
    drop(input);
    let done = child.wait_with_output().expect("the compiler ends");
    assert!(
        done.status.success(),
        "{source}\n{command:?}\n{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// A compiled program.
pub(crate) struct Program {
    pub(crate) binary: PathBuf,
}

impl Program {
    pub(crate) fn on(&self, library: Hiredis) -> Run {
        Run {
            command: vec![self.binary.clone().into()],
            env: vec![("LD_LIBRARY_PATH".into(), library.lib().into())],
            seconds: 60,
        }
    }
}

/// One run of a program.
pub(crate) struct Run {
    command: Vec<std::ffi::OsString>,
    env: Vec<(String, std::ffi::OsString)>,
    seconds: u64,
}

/// What a program printed and how it ended: `0`, `3`, `signal 6` or `timeout`.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) end: String,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The exit status valgrind gives when it found an error or a leak.
const MEMCHECK_FAILED: &str = "99";

impl Run {
    pub(crate) fn arg(mut self, arg: &str) -> Run {
        self.command.push(arg.into());
        self
    }

    pub(crate) fn env(mut self, key: &str, value: impl Into<std::ffi::OsString>) -> Run {
        self.env.push((key.into(), value.into()));
        self
    }

    pub(crate) fn server(self, server: &Server) -> Run {
        self.env("REDIS_PORT", server.port.to_string())
            .env("REDIS_SOCK", &server.socket)
    }

    pub(crate) fn timeout(mut self, seconds: u64) -> Run {
        self.seconds = seconds;
        self
    }

    /// Free lists keep blocks that memcheck would otherwise see freed, so they are off. Under
    /// AddressSanitizer, which does not run in valgrind, that takes memcheck's place.
    pub(crate) fn valgrind(mut self) -> Run {
        self.seconds = 300;
        self = self
            .env("HIREDIS_FREE_LISTS", "0")
            .env("UNDER_VALGRIND", "1");
        if sanitizer().is_some() {
            return self;
        }
        let memcheck = [
            "valgrind",
            "-q",
            "--leak-check=full",
            "--show-leak-kinds=all",
            "--errors-for-leak-kinds=all",
        ];
        let fds_and_end = [
            "--child-silent-after-fork=yes",
            "--error-exitcode=99",
            "--num-callers=20",
        ];
        self.command.splice(
            0..0,
            memcheck.into_iter().chain(fds_and_end).map(Into::into),
        );
        self
    }

    /// Under helgrind, which looks for data races: the exit status is 99 where it has found one.
    pub(crate) fn helgrind(mut self, suppressions: &str) -> Run {
        let known = root().join("tests").join(suppressions);
        let tool = ["valgrind", "--tool=helgrind", "-q", "--error-exitcode=99"];
        let known = format!("--suppressions={}", known.display());
        let line = tool.into_iter().chain([known.as_str()]).map(Into::into);
        self.command.splice(0..0, line);
        self.seconds = 240;
        self.env("UNDER_VALGRIND", "1")
    }

    pub(crate) fn output(self) -> Output {
        let mut command = Command::new(&self.command[0]);
        command
            .args(&self.command[1..])
            .envs(self.env.iter().map(|(key, value)| (key, value)));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{:?}: {error}", self.command));
        let stdout = collect(child.stdout.take().expect("piped"));
        let stderr = collect(child.stderr.take().expect("piped"));
        let slower = if sanitizer().is_some() { 4 } else { 1 };
        let end = wait(&mut child, Duration::from_secs(self.seconds * slower));
        // Whatever it forked and left behind would keep the pipes open.
        let group = format!("-{}", child.id());
        let _ = Command::new("kill")
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
        Output {
            end,
            stdout: stdout.join().expect("stdout"),
            stderr: stderr.join().expect("stderr"),
        }
    }

    /// Standard output of a program that must end with 0.
    pub(crate) fn success(self) -> String {
        let what = format!("{:?}", self.command);
        let output = self.output();
        let memcheck = if output.end == MEMCHECK_FAILED {
            " (memcheck)"
        } else {
            ""
        };
        assert!(
            output.end == "0",
            "{what}: exit {}{memcheck}\n{}\n{}",
            output.end,
            output.stdout,
            output.stderr
        );
        output.stdout
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn wait(child: &mut Child, limit: Duration) -> String {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().expect("wait for the program") {
            return end(status);
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            return "timeout".into();
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn end(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => code.to_string(),
        (None, signal) => format!("signal {}", signal.unwrap_or(0)),
    }
}
