//! What is asked for, and what came of it.

use std::path::PathBuf;

use crate::{FetchError, Sum};

/// A file and where it can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// What it is called on disk: one component, no path.
    pub name: String,
    /// Its addresses (http or https), asked in this order.
    pub urls: Vec<String>,
    /// Its size in bytes, where it is known.
    pub size: Option<u64>,
    /// Its sum, where it is known. Without one the bytes are taken as they come.
    pub sha256: Option<Sum>,
}

/// A file that is where it should be, every byte on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Its sum: the one that was asked for, or the one it turned out to have.
    pub sha256: Sum,
}

impl Remote {
    /// The name, if it names a file of the folder and nothing else.
    pub(crate) fn file_name(&self) -> Result<&str, FetchError> {
        plain_name(&self.name).ok_or_else(|| FetchError::BadName { name: self.name.clone() })
    }
}

/// A name that stays in its folder.
pub(crate) fn plain_name(name: &str) -> Option<&str> {
    let plain = !name.is_empty()
        && name.len() <= 200
        && !name.starts_with('.')
        && !name.contains(['/', '\\'])
        && !name.chars().any(char::is_control);
    plain.then_some(name)
}

/// An address as it may be shown: without user and password.
pub(crate) fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest.get(..end).and_then(|authority| authority.rfind('@')) {
        Some(at) => format!("{scheme}://{}", rest.get(at + 1..).unwrap_or_default()),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_folder() {
        for good in ["det_10g.onnx", "a", "libonnxruntime.so.1.32.0"] {
            assert_eq!(plain_name(good), Some(good));
        }
        for bad in ["", ".", "..", "a/b", "/a", "..\\a", ".hidden", "a\nb", &"a".repeat(201)] {
            assert_eq!(plain_name(bad), None, "{bad}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(shown("https://me:secret@host/a@b?c"), "https://host/a@b?c");
        assert_eq!(shown("https://host/a@b"), "https://host/a@b");
        assert_eq!(shown("https://me@host"), "https://host");
        assert_eq!(shown("not a url"), "not a url");
    }
}
