//! Beginning anew in the same process: same id, same arguments, same environment.
//!
//! A process can load one ONNX Runtime library, ever, and a start is the one well-trodden way to have everything fit
//! together; so a switch to another pack or runtime is a start, and a service manager sees no end.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

/// Replaces this program by itself; comes back only when that fails.
pub(crate) fn again() -> io::Error {
    match program() {
        Ok(program) => Command::new(program).args(std::env::args_os().skip(1)).exec(),
        Err(error) => error,
    }
}

/// Where this program lies.
pub(crate) fn program() -> io::Result<PathBuf> {
    std::env::current_exe().map(installed)
}

/// The kernel marks the path of a program whose file was replaced meanwhile, as an upgrade does: the new one is meant.
fn installed(path: PathBuf) -> PathBuf {
    match path.as_os_str().as_bytes().strip_suffix(b" (deleted)") {
        Some(real) if !path.exists() => OsString::from_vec(real.to_vec()).into(),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgraded_program_is_the_new_one() {
        assert_eq!(installed("/no/such/vowd (deleted)".into()), PathBuf::from("/no/such/vowd"));
        assert_eq!(installed("/no/such/vowd".into()), PathBuf::from("/no/such/vowd"));
    }
}
