//! Whether an ONNX Runtime library runs here. It is tried by this program in a process of its own: a foreign library may crash
//! whoever loads it, and a process can load one, ever.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use vow_depot::{Cause, STARTER};

use crate::again::program;

/// Loading and running the built-in pack takes seconds.
const PATIENCE: Duration = Duration::from_secs(180);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Tries a library: one run over no photos, in a data folder that is thrown away.
pub(crate) fn runtime(data_dir: &Path) -> impl Fn(&Path) -> Result<(), Cause> + Send + Sync + 'static {
    let folder = data_dir.join("downloads/runtime.trial");
    move |library| {
        clear(&folder)?;
        let tried = run(library, &folder);
        clear(&folder)?;
        tried
    }
}

fn run(library: &Path, data_dir: &Path) -> Result<(), Cause> {
    let mut command = Command::new(program()?);
    command.arg("--once").args(["--config", "/dev/null", "--log", "off", "--provider", "cpu"]);
    command.args(["--pack", STARTER, "--runtime"]).arg(library).arg("--data-dir").arg(data_dir);
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = Killed(command.spawn()?);
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.0.try_wait()? {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            return Err(format!("it did not come to an end in {} s", PATIENCE.as_secs()).into());
        }
        sleep(PAUSE);
    };
    if status.success() {
        return Ok(());
    }
    let mut said = String::new();
    if let Some(mut stderr) = child.0.stderr.take() {
        // What it said may be lost; that it failed is known.
        let _ = stderr.read_to_string(&mut said);
    }
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    let last = last.map(|line| line.strip_prefix("vowd: ").unwrap_or(line).to_owned());
    Err(last.unwrap_or_else(|| format!("a trial ended with {status}")).into())
}

fn clear(folder: &Path) -> Result<(), Cause> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{}: {error}", folder.display()).into())
        }
        _ => Ok(()),
    }
}

/// A child that does not outlive us.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
