//! Programs at work (`c/faults_traffic.c`) while a test does something to their server.

use crate::support::{Build, Control, Hiredis, Run, Server, say};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Every API on both kinds of socket, where a test needs no other choice.
pub(crate) const EVERYBODY: [&str; 6] = [
    "blocking tcp",
    "blocking unix",
    "poll tcp",
    "poll unix",
    "mio unix",
    "libevent tcp",
];

/// One of each API, for tests whose programs come in two kinds.
pub(crate) const SOME: [&str; 4] = ["blocking unix", "poll tcp", "mio unix", "libevent tcp"];

/// Commands that each program has to get done before it counts as being at work.
const PROGRESS: i64 = 30;

/// Programs that run until `finish`.
pub(crate) struct Traffic {
    stop_file: PathBuf,
    programs: Vec<(String, JoinHandle<String>)>,
}

impl Traffic {
    /// Starts a program for each of `who` (`"poll tcp"`), all with the same further options.
    pub(crate) fn start(server: &Server, who: &[&str], options: &str) -> Traffic {
        Self::start_with(server, who, options, |run| run)
    }

    /// The same, after `prepare` has seen to each run.
    pub(crate) fn start_with(
        server: &Server,
        who: &[&str],
        options: &str,
        prepare: impl Fn(Run) -> Run,
    ) -> Traffic {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let program = Build::new("c/faults_traffic.c").build();
        let unique = NEXT.fetch_add(1, Ordering::Relaxed);
        let stop_file = std::env::temp_dir().join(format!(
            "hiredis-faults-stop-{}-{unique}",
            std::process::id()
        ));
        let start = |who: &&str| {
            let name = format!("{}-{unique}", who.replace(' ', "-"));
            let run = program.on(Hiredis::Ours).server(server).timeout(3600);
            let run = who
                .split(' ')
                .chain(options.split_whitespace())
                .fold(run, Run::arg)
                .arg(&format!("name={name}"))
                .env("FAULTS_STOP", &stop_file);
            let run = prepare(run);
            (name, thread::spawn(move || run.success()))
        };
        let programs = who.iter().map(start).collect();
        Traffic {
            stop_file,
            programs,
        }
    }

    /// Waits until every program has got something done since the call.
    pub(crate) fn progress(&self, control: &mut Control) {
        let deadline = Instant::now() + Duration::from_secs(100);
        let wanted: Vec<i64> = self
            .programs
            .iter()
            .map(|(name, _)| done(control, name) + PROGRESS)
            .collect();
        for ((name, thread), wanted) in self.programs.iter().zip(wanted) {
            while done(control, name) < wanted && !thread.is_finished() {
                assert!(Instant::now() < deadline, "{name} gets nothing done");
                thread::sleep(Duration::from_millis(2));
            }
        }
    }

    /// How much all of them have got done.
    pub(crate) fn done(&self, control: &mut Control) -> i64 {
        self.programs
            .iter()
            .map(|(name, _)| done(control, name))
            .sum()
    }

    /// Stops the programs, which then prove that nothing acknowledged was lost, and nothing was reported or done twice.
    pub(crate) fn finish(mut self, fault: &str) -> Vec<Report> {
        let ended = self.stop();
        let report = |(name, text): (String, thread::Result<String>)| {
            let text = text.unwrap_or_else(|_| panic!("{fault}: {name} failed"));
            let report = Report { name, text };
            say(&format!("{fault}: {}", report.summary()));
            assert_eq!(report.count("lost: "), 0, "{report:?}");
            assert_eq!(report.count("twice: "), 0, "{report:?}");
            assert!(report.count("acknowledged: ") > PROGRESS, "{report:?}");
            report
        };
        ended.into_iter().map(report).collect()
    }

    /// What the programs printed; an error where they failed.
    fn stop(&mut self) -> Vec<(String, thread::Result<String>)> {
        fs::write(&self.stop_file, "").expect("tell the programs to stop");
        let ended = self
            .programs
            .drain(..)
            .map(|(name, thread)| (name, thread.join()))
            .collect();
        fs::remove_file(&self.stop_file).expect("nobody else removes it");
        ended
    }
}

/// A test that fails leaves no program behind.
impl Drop for Traffic {
    fn drop(&mut self) {
        if !self.programs.is_empty() {
            self.stop();
        }
    }
}

fn done(control: &mut Control, name: &str) -> i64 {
    control.number(&format!("LLEN faults:{name}"))
}

/// What a program printed.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) name: String,
    text: String,
}

impl Report {
    /// The number at the end of the lines that begin so, added up.
    pub(crate) fn count(&self, start: &str) -> i64 {
        let lines = self.text.lines().filter(|line| line.starts_with(start));
        let number = |line: &str| -> i64 {
            let (_, number) = line.rsplit_once(": ").expect("`key: value`");
            number.parse().expect("a number")
        };
        lines.map(number).sum()
    }

    fn summary(&self) -> String {
        let lines: Vec<&str> = self
            .text
            .lines()
            .filter(|line| !line.ends_with(": 0"))
            .collect();
        format!("{}: {}", self.name, lines.join(", "))
    }
}
