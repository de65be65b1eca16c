//! The real `vowd` and the real `vow`, in a folder of their own.
//!
//! A [`Home`] is what outlives a daemon: photos, data, models, and where the socket is. A [`Daemon`] is one running
//! process; dropping it kills that process.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::draw::Scene;
use crate::pack::TinyPack;
use crate::programs::{Answer, binary, clean, client, run, vow};

/// Nothing a test waits for takes this long on a machine that works at all: after it, waiting is given up.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(25);

/// Folders for one test: gone when it ends.
#[derive(Debug)]
pub struct Home {
    dir: TempDir,
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// New folders with a tiny pack in the SCRFD style and nothing else.
    ///
    /// # Panics
    /// When there is no place for temporary files.
    #[must_use]
    pub fn new() -> Self {
        Self::with_pack(TinyPack::default())
    }

    /// New folders with this pack.
    ///
    /// # Panics
    /// As [`Self::new`].
    #[must_use]
    pub fn with_pack(pack: TinyPack) -> Self {
        // A short name: the path of a Unix socket has at most 107 bytes.
        let dir = tempfile::Builder::new().prefix("vow").tempdir().expect("a place for temporary files");
        let home = Self { dir };
        pack.write(&home.pack()).expect("a pack");
        std::fs::create_dir_all(home.photos()).expect("a folder for photos");
        home
    }

    /// The folder above the others.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The folder that [`Self::start`] watches; it exists.
    #[must_use]
    pub fn photos(&self) -> PathBuf {
        self.path().join("photos")
    }

    /// Draws three photos of each of so many people, in a folder for each: `of 0/0.jpg` and so on.
    ///
    /// # Panics
    /// When they cannot be written.
    pub fn draw_event(&self, people: u32) {
        for identity in 0..people {
            let folder = self.photos().join(format!("of {identity}"));
            std::fs::create_dir(&folder).expect("a folder for a person");
            for shot in 0..3u32 {
                let seed = u64::from(10 * identity + shot);
                Scene::new(640, 480, seed).with_row(&[identity]).save(folder.join(format!("{shot}.jpg")));
            }
        }
    }

    /// The daemon's data folder; the daemon makes it.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// The pack's folder.
    #[must_use]
    pub fn pack(&self) -> PathBuf {
        self.path().join("pack")
    }

    /// Where the daemon listens.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.path().join("s")
    }

    /// `vowd` with this home's data, pack and socket and the built-in runtime (or the library that `VOW_ORT` names),
    /// not yet run: add what a test is about. The environment's own `VOW_` settings are left out.
    #[must_use]
    pub fn vowd(&self) -> Command {
        let mut command = self.vowd_without_pack();
        command.arg("--pack").arg(self.pack());
        command
    }

    /// As [`Self::vowd`], on the built-in pack or the one that was chosen.
    #[must_use]
    pub fn vowd_without_pack(&self) -> Command {
        let mut command = self.bare();
        let library = std::env::var_os("VOW_ORT").filter(|library| !library.is_empty());
        command.arg("--runtime").arg(library.unwrap_or_else(|| OsString::from("tract")));
        command
    }

    /// As [`Self::vowd`], on whatever runtime it finds by itself.
    #[must_use]
    pub fn vowd_on_any_runtime(&self) -> Command {
        let mut command = self.bare();
        command.arg("--pack").arg(self.pack());
        command
    }

    fn bare(&self) -> Command {
        let mut command = clean(&binary("vowd"));
        command.arg("--data-dir").arg(self.data());
        command.arg("--socket").arg(self.socket());
        // The tests of the gallery ask for it with a flag, which counts more.
        command.env("VOW_GALLERY", "off");
        // Stepping back is for a user's machine: beside other work a test would wait for its turn for minutes.
        command.args(["--threads", "1", "--nice", "0"]);
        command
    }

    /// Starts the daemon watching [`Self::photos`] and waits until it answers.
    ///
    /// # Panics
    /// When it does not start; the message has its log.
    #[must_use]
    pub fn start(&self) -> Daemon {
        let mut command = self.vowd();
        command.arg(self.photos());
        self.start_as(command)
    }

    /// Starts the daemon by this command, made from [`Self::vowd`], and waits until it answers.
    ///
    /// # Panics
    /// As [`Self::start`].
    #[must_use]
    pub fn start_as(&self, mut command: Command) -> Daemon {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, lines) = (child.stderr.take().expect("piped"), Arc::clone(&log));
        // Ends with the daemon: that closes the pipe.
        thread::spawn(move || {
            let mut reader = BufReader::new(stderr);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line);
                lines.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
                line.clear();
            }
        });
        let mut daemon = Daemon { child, log, socket: self.socket() };
        let begun = Instant::now();
        loop {
            // Only this daemon's answer counts: another may hold the socket.
            let answer = daemon.vow(["status", "--json"]);
            if answer.code == 0 && answer.json()["pid"] == daemon.pid() {
                return daemon;
            }
            if let Some(status) = daemon.child.try_wait().expect("our child") {
                panic!("vowd ended with {status} instead of answering; its log:\n{}", daemon.log());
            }
            assert!(begun.elapsed() < PATIENCE, "vowd does not answer; its log:\n{}", daemon.log());
            thread::sleep(PAUSE);
        }
    }

    /// Runs `vow` against this home's socket, whether a daemon is there or not.
    pub fn vow<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Answer {
        vow(&self.socket(), args)
    }

    /// Indexes [`Self::photos`] once, without serving, and gives the report as JSON.
    ///
    /// # Panics
    /// When that fails.
    pub fn index_once(&self) -> Value {
        let mut command = self.vowd();
        command.args(["--once", "--report", "json"]).arg(self.photos());
        run(&mut command).json()
    }
}

/// A running `vowd`, killed when dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    log: Arc<Mutex<String>>,
    socket: PathBuf,
}

impl Daemon {
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to standard error so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs `vow` against it.
    pub fn vow<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Answer {
        vow(&self.socket, args)
    }

    /// Runs `vow --json` against it and reads the answer.
    ///
    /// # Panics
    /// When it refuses or its output is not one JSON value.
    pub fn json<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Value {
        let mut command = client(&self.socket);
        run(command.arg("--json").args(args)).json()
    }

    /// The status.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn status(&self) -> Value {
        self.json(["status"])
    }

    /// Waits until it has nothing to do; gives the status then. A file written a moment ago may not have been noticed
    /// yet: wait for what it should lead to with [`Self::wait_until`].
    ///
    /// # Panics
    /// When that takes far too long; the message has its log.
    pub fn wait_idle(&self) -> Value {
        self.wait_until("idle", |_| true)
    }

    /// Waits until it has nothing to do and its status fulfils a condition; gives that status.
    ///
    /// # Panics
    /// As [`Self::wait_idle`]; `what` says what was waited for.
    pub fn wait_until(&self, what: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let status = self.status();
            if status["state"] == "idle" && status["pending"] == 0 && condition(&status) {
                return status;
            }
            let log = || self.log();
            assert!(begun.elapsed() < PATIENCE, "waited for: {what}; got {status:#}; log:\n{}", log());
            thread::sleep(PAUSE);
        }
    }

    /// Sends SIGTERM without waiting.
    ///
    /// # Panics
    /// When the process is gone already.
    pub fn ask_to_stop(&self) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, Signal::TERM).expect("our child is there");
    }

    /// Sends SIGTERM and waits for the end; gives its exit status and its whole log.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    pub fn stop(mut self) -> (ExitStatus, String) {
        self.ask_to_stop();
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("our child") {
                return (status, self.log());
            }
            assert!(begun.elapsed() < PATIENCE, "vowd does not end; its log:\n{}", self.log());
            thread::sleep(PAUSE);
        }
    }

    /// Sends SIGKILL, as a power cut would, and waits for the end.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub fn kill(mut self) {
        self.child.kill().expect("our child");
        self.child.wait().expect("our child");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
