//! Paths as the bytes they are on Unix, and what lies below a folder.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

pub(crate) fn to_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

pub(crate) fn from_bytes(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

/// The same folder in the one spelling that is stored: no doubled or trailing slash, no `.`.
pub(crate) fn plain(folder: &Path) -> PathBuf {
    folder.components().collect()
}

/// What every path below the folder begins with. The folder is spelled [`plain`].
pub(crate) fn prefix(folder: &Path) -> Vec<u8> {
    let mut bytes = to_bytes(folder).to_vec();
    if bytes.last() != Some(&b'/') {
        bytes.push(b'/');
    }
    bytes
}

/// Whether the path is the folder or lies below it.
pub(crate) fn is_inside(path: &Path, folder: &Path) -> bool {
    path.as_os_str() == folder.as_os_str() || to_bytes(path).starts_with(&prefix(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_have_one_spelling() {
        for spelling in ["/a/b", "/a/b/", "/a//b", "/a/./b/."] {
            assert_eq!(plain(Path::new(spelling)).as_os_str(), "/a/b");
        }
        assert_eq!(plain(Path::new("/")).as_os_str(), "/");
    }

    #[test]
    fn a_sibling_with_a_longer_name_is_outside() {
        for (path, folder, inside) in [
            ("/a/b/c.jpg", "/a/b", true),
            ("/a/b", "/a/b", true),
            ("/a/bc.jpg", "/a/b", false),
            ("/a/b-2/c.jpg", "/a/b", false),
            ("/c.jpg", "/", true),
            ("/a", "/a/b", false),
        ] {
            assert_eq!(is_inside(Path::new(path), Path::new(folder)), inside, "{path} {folder}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_survive() {
        let bytes = b"/photos/caf\xe9.jpg";
        assert_eq!(to_bytes(&from_bytes(bytes)), bytes);
    }
}
