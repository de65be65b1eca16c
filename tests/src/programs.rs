//! Our programs, as they were built beside the running test: started without the settings of whoever runs it, and what they
//! answer.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a command answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output. Bytes that are not UTF-8 are replaced; see [`Self::stdout_bytes`].
    pub stdout: String,
    /// Standard output as it came.
    pub stdout_bytes: Vec<u8>,
    /// Standard error.
    pub stderr: String,
}

impl Answer {
    /// Standard output as JSON.
    ///
    /// # Panics
    /// When the command failed or its output is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        assert_eq!(self.code, 0, "refused: {}", self.stderr);
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in: {}", self.stdout))
    }
}

/// A command's answer, once it has ended.
///
/// # Panics
/// When it cannot be run at all.
pub fn run(command: &mut Command) -> Answer {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    Answer {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        stdout_bytes: output.stdout,
    }
}

pub(crate) fn client(socket: &Path) -> Command {
    let mut command = clean(&binary("vow"));
    command.arg("--socket").arg(socket);
    command
}

pub(crate) fn vow<S: AsRef<OsStr>>(socket: &Path, args: impl IntoIterator<Item = S>) -> Answer {
    run(client(socket).args(args))
}

/// A command without the settings of whoever runs the tests.
pub(crate) fn clean(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let name_bytes = name.as_encoded_bytes();
        if name_bytes.starts_with(b"VOW_") || name_bytes == b"ORT_DYLIB_PATH" {
            command.env_remove(name);
        }
    }
    // No configuration file of the user's either.
    command.env("XDG_CONFIG_HOME", "/nonexistent");
    command
}

/// One of our programs, as built beside the running test.
///
/// Cargo builds a package's programs when that package has integration tests of its own: `cargo test` at the root has
/// them ready because `daemon/tests` and `client/tests` exist, `cargo test -p vow-tests` alone does not build them.
///
/// # Panics
/// When it is not built.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    // target/PROFILE/deps/TEST
    let profile = test.parent().and_then(Path::parent).expect("a test lies in target/PROFILE/deps");
    let path = profile.join(name);
    assert!(
        path.is_file(),
        "{} is not built: run `cargo test` at the workspace root, or `cargo build -p vowd -p vow` first",
        path.display()
    );
    path
}
