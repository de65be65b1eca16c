//! A whole pack for drawn markers, as a folder with a `pack.toml`: small enough for every test to write its own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use vow_types::Head;

use crate::detector::{Frames, detector};
use crate::embedder::embedder;
use crate::look::DIMENSION;

/// Which of the kinds of published packs the tiny one imitates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TinyPack {
    /// The detector's coding.
    pub head: Head,
    /// Whether the embedder takes any batch, or 1 alone.
    pub any_batch: bool,
    /// Whether the detector finds markers with a hat alone, which is above them only in an upright picture.
    pub upright_only: bool,
    /// Whether faces are embedded mirrored too.
    pub mirror: bool,
    /// Which frames the detector takes.
    pub frames: Frames,
}

impl Default for TinyPack {
    fn default() -> Self {
        Self { head: Head::Scrfd, any_batch: true, upright_only: false, mirror: false, frames: Frames::Any }
    }
}

impl TinyPack {
    /// The cosine at which its `pack.toml` takes two markers for the same identity: far below what noise leaves of
    /// one (above 0.9), far above what two share (0.25 when drawn without noise).
    pub const SAME: f32 = 0.6;

    /// The text of its `pack.toml`.
    #[must_use]
    pub fn manifest(self) -> String {
        let (head, channels, mean, std) = match self.head {
            Head::Scrfd => ("scrfd", "rgb", 127.5, 128.0),
            Head::Yunet => ("yunet", "bgr", 0.0, 1.0),
        };
        let (same, mirror) = (Self::SAME, self.mirror);
        format!(
            r#"name = "drawn-{head}"
version = "1"
licence = "MIT OR Apache-2.0"
[detector]
file = "detector.onnx"
head = "{head}"
channels = "{channels}"
mean = {mean}
std = {std}
[embedder]
file = "embedder.onnx"
channels = "rgb"
mean = 127.5
std = 127.5
size = 112
dimension = {DIMENSION}
mirror = {mirror}
[distances]
same = {same}
group = 0.6
neighbour = 0.5
[quality]
min_face = 12
min_score = 0.6
# How long what was made of a drawn face is depends on its colours.
full_norm = 0
"#
        )
    }

    /// The detector's ONNX file.
    #[must_use]
    pub fn detector_graph(self) -> Vec<u8> {
        detector(self.head, self.upright_only, self.frames)
    }

    /// The embedder's ONNX file.
    #[must_use]
    pub fn embedder_graph(self) -> Vec<u8> {
        embedder(self.any_batch)
    }

    /// Writes `dir/pack.toml` and the two graphs, making the folder; gives the folder back.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(self, dir: &Path) -> io::Result<PathBuf> {
        fs::create_dir_all(dir)?;
        fs::write(dir.join("pack.toml"), self.manifest())?;
        fs::write(dir.join("detector.onnx"), self.detector_graph())?;
        fs::write(dir.join("embedder.onnx"), self.embedder_graph())?;
        Ok(dir.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_pack() {
        for head in [Head::Scrfd, Head::Yunet] {
            let dir = tempfile::tempdir().unwrap();
            let tiny = TinyPack { head, any_batch: false, ..TinyPack::default() };
            let pack = vow_models::Pack::load(&tiny.write(dir.path()).unwrap()).unwrap();
            assert_eq!((pack.detector.head, pack.distances.same), (head, TinyPack::SAME));
            assert!(pack.detector_graph.len() + pack.embedder_graph.len() < 64 << 10, "tiny");
        }
    }
}
