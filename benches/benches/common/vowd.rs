//! The real `vowd`, as a release build on folders of one's own, and questions to it over gRPC: a process of `vow` for each
//! question would cost more than the answer. What to measure is the bench's business.
#![allow(dead_code, reason = "no bench asks for everything")]

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hyper_util::rt::TokioIo;
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tonic::transport::{Channel, Endpoint, Uri};
use vow_proto::v1;
use vow_proto::v1::admin_client::AdminClient;
use vow_proto::v1::faces_client::FacesClient;
use vow_proto::v1::library_client::LibraryClient;
use vow_proto::v1::people_client::PeopleClient;
use vow_proto::v1::status_response::State;

/// Between two questions: what is measured is exact to this.
pub(crate) const PAUSE: Duration = Duration::from_millis(2);

/// An environment variable of the bench that is set.
pub(crate) fn setting(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The release build of the daemon, made if need be; or the program that `VOW_VOWD` names, to compare with another version.
pub(crate) fn build() -> PathBuf {
    if let Some(program) = setting("VOW_VOWD") {
        return program.into();
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let status =
        Command::new(cargo).args(["build", "--release", "--locked", "-p", "vowd"]).current_dir(root).status();
    assert!(status.unwrap().success(), "vowd does not build");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    target.join("release/vowd")
}

/// Asks a daemon about people.
pub(crate) type People = PeopleClient<Channel>;

/// A running daemon; killed when dropped.
pub(crate) struct Vowd {
    child: Child,
    tokio: Runtime,
    channel: Channel,
    /// From the start of the process to its first answer, and the processor time of all its threads until then.
    pub(crate) ready: Duration,
    pub(crate) worked: Duration,
}

impl Vowd {
    /// Starts the daemon on this data folder and these photos, on the pack and the runtime that the bench's environment
    /// names, otherwise on the built-in ones. Waits until it answers.
    pub(crate) fn start(program: &Path, data: &Path, photos: &Path, pack: Option<&Path>) -> Self {
        Self::start_with(program, data, photos, pack, &[])
    }

    /// As [`Self::start`], with these flags as well.
    pub(crate) fn start_with(
        program: &Path,
        data: &Path,
        photos: &Path,
        pack: Option<&Path>,
        args: &[&str],
    ) -> Self {
        let socket = data.with_extension("socket");
        let mut command = Command::new(program);
        let ours =
            |name: &OsString| name.as_encoded_bytes().starts_with(b"VOW_") && name != "VOW_OPENVINO_DEVICE";
        for (name, _) in std::env::vars_os().filter(|(name, _)| ours(name)) {
            command.env_remove(name);
        }
        command.env("XDG_CONFIG_HOME", "/nonexistent");
        let runtime = setting("VOW_ORT").unwrap_or_else(|| "tract".into());
        command.arg("--data-dir").arg(data).arg("--socket").arg(&socket).arg("--runtime").arg(runtime);
        command.args(["--log", "warn"]).args(pack.iter().flat_map(|pack| [Path::new("--pack"), pack]));
        command.args(args).arg(photos).stdin(Stdio::null()).stdout(Stdio::null());
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let begun = Instant::now();
        let mut child = command.spawn().unwrap();
        let channel = loop {
            if let Ok(channel) = tokio.block_on(connect(&socket)) {
                let mut library = LibraryClient::new(channel.clone());
                if tokio.block_on(library.status(v1::StatusRequest {})).is_ok() {
                    break channel;
                }
            }
            assert!(child.try_wait().unwrap().is_none(), "vowd ended instead of answering");
            std::thread::sleep(PAUSE);
        };
        let ready = begun.elapsed();
        let worked = worked(child.id());
        Self { child, tokio, channel, ready, worked }
    }

    pub(crate) fn status(&self) -> v1::StatusResponse {
        let mut library = LibraryClient::new(self.channel.clone());
        self.tokio.block_on(library.status(v1::StatusRequest {})).unwrap().into_inner()
    }

    pub(crate) fn report(&self) -> v1::ReportResponse {
        let mut admin = AdminClient::new(self.channel.clone());
        self.tokio.block_on(admin.report(v1::ReportRequest {})).unwrap().into_inner()
    }

    /// The faces in a file, once it is indexed.
    pub(crate) fn faces(&self, path: &Path) -> Option<Vec<v1::Face>> {
        let path = path.as_os_str().as_encoded_bytes().to_vec();
        let mut faces = FacesClient::new(self.channel.clone());
        let answer = self.tokio.block_on(faces.list_faces(v1::ListFacesRequest { path })).ok()?;
        Some(answer.into_inner().faces)
    }

    /// Asks about people.
    pub(crate) fn people<T>(
        &self,
        ask: impl AsyncFnOnce(People) -> Result<tonic::Response<T>, tonic::Status>,
    ) -> T {
        self.tokio.block_on(ask(PeopleClient::new(self.channel.clone()))).unwrap().into_inner()
    }

    pub(crate) fn rescan(&self) {
        let mut library = LibraryClient::new(self.channel.clone());
        self.tokio.block_on(library.rescan(v1::RescanRequest { path: Vec::new() })).unwrap();
    }

    /// Waits until there is nothing to do, and gives how long that took.
    pub(crate) fn wait_idle(&self) -> Duration {
        let begun = Instant::now();
        while self.status().state() != State::Idle {
            std::thread::sleep(PAUSE);
        }
        begun.elapsed()
    }

    /// Memory that is resident now, and that was at most, in MB.
    pub(crate) fn memory(&self) -> [f64; 2] {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        ["VmRSS:", "VmHWM:"].map(|name| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0 / 1e6
        })
    }

    /// Asks it to end and waits until it has; gives how long that took.
    pub(crate) fn stop(mut self) -> Duration {
        let begun = Instant::now();
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success(), "vowd did not end in order");
        begun.elapsed()
    }
}

impl Drop for Vowd {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time of a process, exact to its hundredths of a second, by proc(5).
fn worked(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // Behind the name, which may have spaces in it: user and system time are fields 14 and 15.
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
    Duration::from_millis(fields.map(|ticks| ticks.parse::<u64>().unwrap() * 10).sum())
}

async fn connect(socket: &Path) -> Result<Channel, tonic::transport::Error> {
    let socket = socket.to_owned();
    let connector = tower::service_fn(move |_: Uri| {
        let socket = socket.clone();
        async move { Ok::<_, io::Error>(TokioIo::new(UnixStream::connect(socket).await?)) }
    });
    Endpoint::from_static("http://vowd").connect_with_connector(connector).await
}
