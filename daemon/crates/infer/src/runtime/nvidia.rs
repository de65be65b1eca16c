//! Makes the libraries of CUDA and cuDNN known to the loader where they lie beside ONNX Runtime, as Python wheels and
//! the installer of runtimes put them: `onnxruntime/capi/libonnxruntime.so`, `nvidia/cudnn/lib/libcudnn.so.9` and so on.
//! Libraries that the system's loader finds by itself need none of this.

use std::path::{Path, PathBuf};

/// In the order in which they need one another; the number after `.so` is the library's own business.
const LIBRARIES: [&str; 14] = [
    "libcudart.so",
    "libnvJitLink.so",
    "libnvrtc.so",
    "libcublasLt.so",
    "libcublas.so",
    "libcurand.so",
    "libcufft.so",
    "libcudnn_graph.so",
    "libcudnn_ops.so",
    "libcudnn_heuristic.so",
    "libcudnn_adv.so",
    "libcudnn_cnn.so",
    "libcudnn_engines_precompiled.so",
    "libcudnn.so",
];

/// Loads what lies there and is needed. What cannot be loaded is named when the provider is tried.
pub(super) fn preload(onnxruntime: &Path) {
    for library in beside(onnxruntime) {
        match ort::util::preload_dylib(&library) {
            Ok(()) => tracing::debug!(library = %library.display(), "loaded for CUDA"),
            Err(error) => tracing::debug!(library = %library.display(), %error, "not loaded for CUDA"),
        }
    }
}

/// Libraries below a folder `nvidia` next to the one that ONNX Runtime lies in, up to two folders further up.
fn beside(onnxruntime: &Path) -> Vec<PathBuf> {
    let folders: Vec<PathBuf> = onnxruntime
        .ancestors()
        .skip(1)
        .take(3)
        .filter_map(|folder| std::fs::read_dir(folder.join("nvidia")).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path().join("lib")))
        .collect();
    let files: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .collect();
    let named = |library: &str| {
        let found = files.iter().find(|file| {
            let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
            name.strip_prefix(library).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        found.cloned()
    };
    LIBRARIES.into_iter().filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_beside_the_wheel_are_found_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for path in [
            "nvidia/cudnn/lib/libcudnn.so.9",
            "nvidia/cudnn/lib/libcudnn_ops.so.9",
            "nvidia/cu13/lib/libcudart.so.13",
            "nvidia/cu13/lib/libcublasLt.so.13",
            "nvidia/cu13/lib/libcublas.so.13",
            "nvidia/cu13/lib/README",
        ] {
            std::fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            std::fs::write(at(path), "").unwrap();
        }
        let found = beside(&at("onnxruntime/capi/libonnxruntime.so.1.32.0"));
        let names: Vec<_> = found.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(
            names,
            ["libcudart.so.13", "libcublasLt.so.13", "libcublas.so.13", "libcudnn_ops.so.9", "libcudnn.so.9"]
        );
        assert!(beside(Path::new("/nowhere/libonnxruntime.so")).is_empty());
        preload(&at("onnxruntime/capi/libonnxruntime.so"));
    }
}
