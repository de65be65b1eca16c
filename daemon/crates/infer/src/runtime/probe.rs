//! Looks at a library before `ort` does: is it ONNX Runtime, and one that speaks our version of its interface?
//!
//! With `trim`, the only file of the crate with `unsafe` in it. Loading a library and calling into it cannot be checked by the
//! compiler; everything unsafe is these few calls, whose types are `ort`'s own.
#![allow(
    unsafe_code,
    reason = "a foreign library is loaded and asked for its version; see each SAFETY comment"
)]

use std::ffi::CStr;
use std::path::{Path, PathBuf};

use libloading::Library;
use ort::sys::{OrtApi, OrtApiBase};

use crate::error::LibraryError;

/// A library that `ort` can use, held open.
pub(super) struct Probed {
    /// The file itself where a bare name was given.
    pub(super) path: PathBuf,
    /// As it says itself.
    pub(super) version: String,
    /// The execution providers it was built with, in its own names.
    pub(super) offered: Vec<String>,
    /// While this lives, opening the path again gives the same library.
    _library: Library,
}

/// Opens a library (a path, or a bare name for the system's loader) and asks it who it is.
pub(super) fn probe(path: &Path) -> Result<Probed, LibraryError> {
    // A path with a folder in it is meant from here, not from the loader's search path.
    let bare = path.components().count() == 1;
    let path =
        if bare { path.to_owned() } else { std::path::absolute(path).unwrap_or_else(|_| path.to_owned()) };
    // SAFETY: opening a library runs its initialisers. The file is one that the user named, installed into the data
    // folder or has in the system's library folders: code that is trusted like the program itself.
    let library =
        unsafe { Library::new(&path) }.map_err(|error| LibraryError::Load { source: error.into() })?;
    let base = {
        // SAFETY: in every ONNX Runtime this symbol is a function of exactly this type (onnxruntime_c_api.h).
        // Another library that exports the same name with another meaning would have to be made on purpose.
        let entry = unsafe { library.get::<unsafe extern "C" fn() -> *const OrtApiBase>(b"OrtGetApiBase") };
        let entry = entry.map_err(|_| foreign("it has no function OrtGetApiBase"))?;
        // SAFETY: takes nothing and gives a pointer to a constant of the library, or null.
        let base = unsafe { entry() };
        // SAFETY: checked for null by `as_ref`; the constant lives as long as the library, which is held below.
        unsafe { base.as_ref() }.ok_or_else(|| foreign("OrtGetApiBase gives nothing"))?
    };
    // SAFETY: takes nothing and gives a constant text that ends with a zero byte, or null.
    let text = unsafe { (base.GetVersionString)() };
    if text.is_null() {
        return Err(foreign("it does not say its version"));
    }
    // SAFETY: not null, and a C string by the interface's promise. Copied before the library can go.
    let version = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    // Before an interface is asked for: an old library complains on the error output when it does not have it.
    if !is_supported(&version) {
        return Err(LibraryError::Version { found: version });
    }
    // SAFETY: any number may be asked for; the answer is a constant of the library or null.
    let interface = unsafe { (base.GetApi)(ort::MINOR_VERSION) };
    // SAFETY: checked for null by `as_ref`; the constant lives as long as the library, which is held below.
    let Some(interface) = (unsafe { interface.as_ref() }) else {
        return Err(LibraryError::Version { found: version });
    };
    let offered = offered(interface);
    let path = if bare { file_of(base.GetVersionString as usize).unwrap_or(path) } else { path };
    Ok(Probed { path, version, offered, _library: library })
}

/// The execution providers that the library was built with; none where it does not say.
fn offered(interface: &OrtApi) -> Vec<String> {
    let (mut names, mut count) = (std::ptr::null_mut(), 0);
    // SAFETY: both places are written by the call, which takes nothing else. Its status is null when all went well; it
    // cannot fail but for memory, and one status is not worth the freeing.
    let status = unsafe { (interface.GetAvailableProviders)(&raw mut names, &raw mut count) };
    if !status.0.is_null() || names.is_null() {
        return Vec::new();
    }
    let count_of_names = usize::try_from(count).unwrap_or_default();
    // SAFETY: the call gave this many pointers, which are freed only below.
    let pointers = unsafe { std::slice::from_raw_parts(names, count_of_names) };
    let texts = pointers.iter().filter(|name| !name.is_null());
    // SAFETY: each is a C string by the interface's promise, copied before it is freed.
    let texts = texts.map(|name| unsafe { CStr::from_ptr(*name) }.to_string_lossy().into_owned()).collect();
    // SAFETY: what was given above, once; nothing points there any more.
    let _ = unsafe { (interface.ReleaseAvailableProviders)(names, count) };
    texts
}

fn foreign(what: &str) -> LibraryError {
    LibraryError::Foreign { what: what.to_owned() }
}

/// Interfaces only grow within major version 1. The rule is `ort`'s own, but for the major version, which it ignores.
fn is_supported(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
    numbers.next().flatten() == Some(1)
        && numbers.next().flatten().is_some_and(|minor| minor >= ort::MINOR_VERSION)
}

/// The file that an address of this process was loaded from, by the kernel's list of what lies where (proc(5)):
/// `7f0000-7f1000 r-xp 00000000 08:01 42    /usr/lib/libonnxruntime.so.1.30.0`.
fn file_of(address: usize) -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let line = maps.lines().find(|line| covers(line, address))?;
    line.find('/').and_then(|at| line.get(at..)).map(PathBuf::from)
}

fn covers(line: &str, address: usize) -> bool {
    let bounds = line.split_once(' ').and_then(|(range, _)| range.split_once('-'));
    let number = |text| usize::from_str_radix(text, 16).ok();
    bounds.and_then(|(from, to)| Some((number(from)?..number(to)?).contains(&address))).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_new_enough_first_major_version_is_supported() {
        for good in ["1.24.0", "1.32.0", "1.100.1-rc1", "1.24"] {
            assert!(is_supported(good), "{good}");
        }
        for bad in ["1.23.9", "0.32.0", "2.0.0", "2.30.0", "1", "", "1.x", "libonnxruntime"] {
            assert!(!is_supported(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_no_library_is_refused_with_the_loaders_words() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("libonnxruntime.so");
        std::fs::write(&text, "plain text").unwrap();
        for path in [text, folder.path().join("absent.so"), folder.path().to_owned()] {
            assert!(matches!(probe(&path), Err(LibraryError::Load { .. })), "{}", path.display());
        }
    }

    #[test]
    fn another_library_is_not_taken_for_onnx_runtime() {
        // The C library is there wherever this test runs.
        let error = probe(Path::new("libc.so.6")).map(|probed| probed.version).unwrap_err();
        assert!(error.to_string().contains("OrtGetApiBase"), "{error}");
    }

    #[test]
    fn an_address_leads_to_its_file() {
        let own = std::fs::canonicalize(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(file_of(an_address_leads_to_its_file as *const () as usize), Some(own));
        assert_eq!(file_of(0), None);
    }
}
