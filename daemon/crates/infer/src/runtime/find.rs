//! Where an ONNX Runtime library may lie. Only names: whether one can be used is judged elsewhere.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A library to try.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// A file, or a bare name for the system's loader.
    pub(super) path: PathBuf,
    pub(super) named_by: NamedBy,
}

/// Who points at a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NamedBy {
    Choice,
    VowOrt,
    OrtDylibPath,
    DataFolder,
    Loader,
}

impl NamedBy {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Choice => "named by the configuration",
            Self::VowOrt => "named by VOW_ORT",
            Self::OrtDylibPath => "named by ORT_DYLIB_PATH",
            Self::DataFolder => "installed in the data folder",
            Self::Loader => "found by the system's loader",
        }
    }
}

impl fmt::Display for NamedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// Folders inside `runtime` are looked into this deep: `runtime/NAME/capi/libonnxruntime.so` and a little more.
const DEPTH: u32 = 6;

/// What to try, in order. The data folder is read when its turn comes. With `for_gpu`, installed libraries for GPUs come
/// before newer ones without.
pub(super) fn candidates(
    environment: &dyn Fn(&str) -> Option<OsString>,
    data_dir: &Path,
    for_gpu: bool,
) -> impl Iterator<Item = Candidate> {
    let variable = |name: &str, named_by: NamedBy| {
        let value = environment(name).filter(|value| !value.is_empty());
        value.map(|path| Candidate { path: path.into(), named_by })
    };
    let named = [variable("VOW_ORT", NamedBy::VowOrt), variable("ORT_DYLIB_PATH", NamedBy::OrtDylibPath)];
    let below = data_dir.join("runtime");
    let installed = std::iter::once_with(move || installed(&below, for_gpu)).flatten();
    let by_loader = ["libonnxruntime.so", "libonnxruntime.so.1"].map(PathBuf::from);
    named
        .into_iter()
        .flatten()
        .chain(installed.map(|path| Candidate { path, named_by: NamedBy::DataFolder }))
        .chain(by_loader.map(|path| Candidate { path, named_by: NamedBy::Loader }))
}

/// Libraries below a folder, those for GPUs first if wanted, then the newest; a file that several links name is listed once. What cannot be read is
/// left out: it holds nothing to load either.
fn installed(below: &Path, for_gpu: bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(below, DEPTH, &mut found);
    let mut seen = HashSet::new();
    let mut files: Vec<PathBuf> = found
        .iter()
        .filter_map(|path| fs::canonicalize(path).ok())
        .filter(|path| seen.insert(path.clone()))
        .collect();
    files.sort_by_cached_key(|path| {
        (Reverse(for_gpu && is_for_gpu(path)), Reverse(version(path)), path.clone())
    });
    files
}

/// Whether the part that drives NVIDIA cards lies beside it.
fn is_for_gpu(library: &Path) -> bool {
    library.with_file_name("libonnxruntime_providers_cuda.so").exists()
}

fn collect(folder: &Path, depth: u32, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        // Links to folders are not followed, so there is no way in a circle.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && depth > 0 {
            collect(&entry.path(), depth - 1, found);
        } else if !is_folder && entry.file_name().to_string_lossy().starts_with("libonnxruntime.so") {
            found.push(entry.path());
        }
    }
}

/// The numbers after `.so.`; a file without any counts as the oldest.
fn version(path: &Path) -> Vec<u32> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let numbers = name.split_once(".so.").map(|(_, numbers)| numbers).unwrap_or_default();
    numbers.split('.').map_while(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }

    #[test]
    fn the_newest_installed_library_comes_first_and_each_file_once() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        for name in [
            "a/libonnxruntime.so.1.9.0",
            "b/capi/libonnxruntime.so.1.32.0",
            "c/libonnxruntime.so",
            "c/libonnxruntime_providers_shared.so",
            "c/notes.txt",
        ] {
            touch(&root.join(name));
        }
        std::os::unix::fs::symlink("libonnxruntime.so.1.32.0", root.join("b/capi/libonnxruntime.so"))
            .unwrap();
        std::os::unix::fs::symlink(&root, root.join("circle")).unwrap();
        let expected =
            ["b/capi/libonnxruntime.so.1.32.0", "a/libonnxruntime.so.1.9.0", "c/libonnxruntime.so"];
        assert_eq!(installed(&root, true), expected.map(|name| root.join(name)));
        assert!(installed(&root.join("absent"), true).is_empty());

        touch(&root.join("a/libonnxruntime_providers_cuda.so"));
        assert_eq!(installed(&root, false), expected.map(|name| root.join(name)));
        let [newest, for_gpu, oldest] = expected;
        assert_eq!(installed(&root, true), [for_gpu, newest, oldest].map(|name| root.join(name)));
    }

    #[test]
    fn variables_go_first_and_the_loader_last() {
        let folder = tempfile::tempdir().unwrap();
        touch(&folder.path().join("runtime/libonnxruntime.so.1.30.0"));
        let all = |name: &str| Some(OsString::from(format!("/from/{name}")));
        let order: Vec<NamedBy> =
            candidates(&all, folder.path(), true).map(|candidate| candidate.named_by).collect();
        use NamedBy::{DataFolder, Loader, OrtDylibPath, VowOrt};
        assert_eq!(order, [VowOrt, OrtDylibPath, DataFolder, Loader, Loader]);

        let empty = |_: &str| Some(OsString::new());
        assert_eq!(candidates(&empty, folder.path(), true).next().unwrap().named_by, DataFolder);
    }
}
