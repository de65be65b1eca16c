//! Which machine a library is for, by the first bytes of its file: loading it to find out would be running it.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use super::disk;
use crate::DepotError;

/// Numbers of machines in the header of an ELF file, with their names in `std::env::consts::ARCH`.
const MACHINES: [(u16, &str); 5] =
    [(3, "x86"), (40, "arm"), (62, "x86_64"), (183, "aarch64"), (243, "riscv64")];

/// What a file is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// No shared library of a Linux system.
    NoLibrary,
    /// One for a machine; `None` for one that has no name here.
    For(Option<&'static str>),
}

/// Reads the header (ELF-64 object file format: e_ident, e_type, e_machine).
pub(super) fn kind(path: &Path) -> Result<Kind, DepotError> {
    let mut header = [0; 20];
    match File::open(path).and_then(|mut file| file.read_exact(&mut header)) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(Kind::NoLibrary),
        read => read.map_err(disk(path))?,
    }
    let [m0, m1, m2, m3, _, order, .., t0, t1, a0, a1] = header;
    let number = |bytes| if order == 2 { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
    // 3 is a shared object.
    if [m0, m1, m2, m3] != *b"\x7fELF" || number([t0, t1]) != 3 {
        return Ok(Kind::NoLibrary);
    }
    let machine = number([a0, a1]);
    Ok(Kind::For(MACHINES.iter().find(|(known, _)| *known == machine).map(|(_, name)| *name)))
}

/// The beginning of a library for a machine.
#[cfg(test)]
pub(super) fn header(machine: u16) -> Vec<u8> {
    let mut header = b"\x7fELF\x02\x01\x01".to_vec();
    header.resize(16, 0);
    header.extend([3, 0]);
    header.extend(machine.to_le_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_known_by_its_header() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.so");
        let of = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            kind(&path).unwrap()
        };
        for (number, name) in MACHINES {
            assert_eq!(of(&header(number)), Kind::For(Some(name)));
        }
        assert_eq!(of(&header(21)), Kind::For(None));
        let program = [&header(62)[..16], &[2, 0, 62, 0]].concat();
        for other in [&b""[..], b"no library at all, but text", &header(62)[..19], &program] {
            assert_eq!(of(other), Kind::NoLibrary);
        }
        assert!(kind(&dir.path().join("none")).is_err());
        let this = std::env::current_exe().unwrap();
        assert!(matches!(kind(&this).unwrap(), Kind::For(Some(std::env::consts::ARCH)) | Kind::NoLibrary));
    }
}
