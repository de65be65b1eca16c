//! Which names are not for us, whatever they are: hidden things and the folders that systems keep for themselves.
//!
//! Looks at names only; whether something is a picture is for the caller to say.

use std::ffi::OsStr;
use std::path::{Component, Path};

use crate::Ignored;

/// Folders that hold copies, thumbnails and remains of photos rather than photos. Any case.
const SYSTEM: [&[u8]; 16] = [
    b"@eaDir",                    // Synology: thumbnails and metadata
    b"#recycle",                  // Synology: wastebasket
    b"#snapshot",                 // Synology: snapshots
    b"@Recycle",                  // QNAP: wastebasket
    b"@Recently-Snapshot",        // QNAP: snapshots
    b"@__thumb",                  // QNAP: thumbnails
    b".@__thumb",                 // QNAP: thumbnails
    b"lost+found",                // ext4: remains found by fsck
    b"$RECYCLE.BIN",              // Windows: wastebasket
    b"RECYCLER",                  // Windows XP: wastebasket
    b"System Volume Information", // Windows: restore points
    b".thumbnails",               // desktops and Android: thumbnails
    b".snapshot",                 // NetApp and others: snapshots
    b".snapshots",                // snapper: snapshots
    b".zfs",                      // ZFS: snapshots
    b".Spotlight-V100",           // macOS: search index
];

/// Wastebaskets of desktops: `.Trash`, `.Trashes`, `.Trash-1000`.
const TRASH: &[u8] = b".Trash";

/// Why a thing of this name is left out, if it is.
pub(crate) fn by_name(name: &OsStr) -> Option<Ignored> {
    let name = name.as_encoded_bytes();
    let trash = name.get(..TRASH.len()).is_some_and(|start| start.eq_ignore_ascii_case(TRASH));
    if trash || SYSTEM.iter().any(|system| name.eq_ignore_ascii_case(system)) {
        return Some(Ignored::SystemFolder);
    }
    name.starts_with(b".").then_some(Ignored::Hidden)
}

/// Why a path is left out of the scan of `root`, by any of the names below the root. The root's own name does not
/// count: it was chosen by a person.
pub(crate) fn by_path(root: &Path, path: &Path) -> Option<Ignored> {
    path.strip_prefix(root).unwrap_or(path).components().find_map(|part| match part {
        Component::Normal(name) => by_name(name),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged() {
        for name in
            ["@eaDir", "@EADIR", "$Recycle.Bin", ".Trash-1000", ".trashes", "lost+found", ".thumbnails"]
        {
            assert_eq!(by_name(OsStr::new(name)), Some(Ignored::SystemFolder), "{name}");
        }
        for name in [".hidden", ".a.jpg", "._a.jpg", ".Tras"] {
            assert_eq!(by_name(OsStr::new(name)), Some(Ignored::Hidden), "{name}");
        }
        for name in ["a.jpg", "eaDir", "Trash", "recycle", "a.", "…"] {
            assert_eq!(by_name(OsStr::new(name)), None, "{name}");
        }
    }

    #[test]
    fn the_roots_own_name_does_not_count() {
        let root = Path::new("/home/.photos");
        assert_eq!(by_path(root, Path::new("/home/.photos/a.jpg")), None);
        assert_eq!(by_path(root, Path::new("/home/.photos/.x/a.jpg")), Some(Ignored::Hidden));
        assert_eq!(by_path(root, Path::new("/home/.photos/@eaDir/.x/a.jpg")), Some(Ignored::SystemFolder));
    }
}
