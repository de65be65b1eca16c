//! A pack as the engine uses it: where its bytes come from, that they are the right ones, and its id.

use std::fmt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use vow_types::{
    Channels, DetectorSpec, Distances, EmbedderSpec, Head, InputFormat, PackId, QualityGate, Shift,
};

use crate::manifest::{GraphFile, Manifest};
use crate::{Mistake, PackError};

/// The name of the manifest in a pack folder.
pub(crate) const MANIFEST: &str = "pack.toml";
/// ONNX files are protobuf messages, which cannot be larger than 2 GiB.
const MAX_GRAPH: u64 = 2 << 30;
/// Keeps pack ids apart from every other use of BLAKE3; the number rises when the settings below change.
const ID_DOMAIN: &str = "VowImager pack id 1";

/// The starter pack's files, as `(name, bytes)`.
static STARTER_FILES: [(&str, &[u8]); 2] = [
    ("detector.onnx", include_bytes!("../starter/detector.onnx")),
    ("embedder.onnx", include_bytes!("../starter/embedder.onnx")),
];

/// Where a pack came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackLocation {
    /// A folder with a `pack.toml`.
    Folder(PathBuf),
    /// Built into the binary.
    Bundled,
}

/// A detector and an embedder with everything needed to use them. The bytes are verified against the manifest's sums;
/// whether they are graphs that keep their contract is for the runtime to find out.
#[derive(Clone)]
pub struct Pack {
    /// What the pack calls itself, 1 to 200 characters without control characters, as are the next three.
    pub name: String,
    /// The pack's own version.
    pub version: String,
    /// Licence of the weights, for people to read (most often an SPDX expression).
    pub licence: String,
    /// Where the weights come from, for people to read.
    pub source: Option<String>,
    /// The detector's contract.
    pub detector: DetectorSpec,
    /// The detector's ONNX file.
    pub detector_graph: Vec<u8>,
    /// The embedder's contract.
    pub embedder: EmbedderSpec,
    /// The embedder's ONNX file.
    pub embedder_graph: Vec<u8>,
    /// Cosines calibrated for this embedder.
    pub distances: Distances,
    /// Which faces may found a person.
    pub quality: QualityGate,
    /// Made of both graphs and every setting that changes what comes out of them: head, channels, mean, std, size,
    /// threshold, overlap, mirroring, refining. A new name or other distances leave it as it is.
    pub id: PackId,
    /// Where it was read from.
    pub location: PackLocation,
}

/// Without the graphs, which are megabytes of bytes.
impl fmt::Debug for Pack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pack")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("id", &self.id)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

impl Pack {
    /// Reads the pack in `dir`. Graphs may lie elsewhere: their paths are taken relative to `dir` unless absolute.
    ///
    /// # Errors
    /// [`PackError::Mistakes`] lists all that is wrong with the manifest and the files it names; the others say that
    /// there is no manifest to speak of.
    pub fn load(dir: &Path) -> Result<Self, PackError> {
        if !dir.is_dir() {
            return Err(PackError::NoFolder { path: dir.to_owned() });
        }
        let path = dir.join(MANIFEST);
        let text = std::fs::read_to_string(&path).map_err(|source| PackError::Unreadable { path, source })?;
        Self::read(&text, PackLocation::Folder(dir.to_owned()), |key, name| {
            read_graph(key, name, &dir.join(name))
        })
    }

    /// Reads a pack that is in memory, such as one built into the binary: `files` gives the bytes of a name.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_parts(manifest: &str, files: impl Fn(&str) -> Option<Vec<u8>>) -> Result<Self, PackError> {
        Self::read(manifest, PackLocation::Bundled, |key, name| {
            files(name)
                .ok_or_else(|| Mistake::NotInBundle { key: format!("{key}.file"), name: name.to_owned() })
        })
    }

    /// The pack built into this binary, so that a first start needs nothing else.
    ///
    /// # Errors
    /// As [`Self::load`]; never in a build that passed its tests.
    pub fn starter() -> Result<Self, PackError> {
        Self::from_parts(include_str!("../starter/pack.toml"), |name| {
            STARTER_FILES.iter().find(|(known, _)| *known == name).map(|(_, bytes)| bytes.to_vec())
        })
    }

    /// `graph` gets the table (`detector`, `embedder`) and the file name in it.
    fn read(
        text: &str,
        location: PackLocation,
        graph: impl Fn(&str, &str) -> Result<Vec<u8>, Mistake>,
    ) -> Result<Self, PackError> {
        let table = match text.parse::<toml::Table>() {
            Ok(table) => table,
            Err(source) => return Err(PackError::Syntax { location, source: Box::new(source) }),
        };
        let (manifest, mut mistakes) = Manifest::read(&table);
        let mut take = |key: &str, file: &GraphFile| -> Vec<u8> {
            // An empty name is a placeholder: that the key is wrong has been noted.
            if file.name.is_empty() {
                return Vec::new();
            }
            let verified = graph(key, &file.name).and_then(|bytes| verify(key, file, bytes));
            verified.unwrap_or_else(|mistake| {
                mistakes.push(mistake);
                Vec::new()
            })
        };
        let detector_graph = take("detector", &manifest.detector_file);
        let embedder_graph = take("embedder", &manifest.embedder_file);
        if !mistakes.is_empty() {
            return Err(PackError::Mistakes { location, mistakes });
        }
        Ok(Self {
            id: id(&manifest.detector, &detector_graph, &manifest.embedder, &embedder_graph),
            name: manifest.name,
            version: manifest.version,
            licence: manifest.licence,
            source: manifest.source,
            detector: manifest.detector,
            detector_graph,
            embedder: manifest.embedder,
            embedder_graph,
            distances: manifest.distances,
            quality: manifest.quality,
            location,
        })
    }
}

fn read_graph(key: &str, name: &str, path: &Path) -> Result<Vec<u8>, Mistake> {
    let key = format!("{key}.file");
    let unreadable = |source: std::io::Error| {
        let (key, path) = (key.clone(), path.to_owned());
        if source.kind() == std::io::ErrorKind::NotFound {
            Mistake::FileMissing { key, name: name.to_owned(), looked_at: path }
        } else {
            Mistake::FileUnreadable { key, path, source }
        }
    };
    // Asked before opening: a named pipe would keep us waiting for ever.
    let meta = std::fs::metadata(path).map_err(unreadable)?;
    let why = match meta.len() {
        _ if meta.is_dir() => Some("is a folder"),
        _ if !meta.is_file() => Some("is not a regular file"),
        0 => Some("is empty"),
        length if length > MAX_GRAPH => Some("is larger than 2 GiB"),
        _ => None,
    };
    match why {
        Some(why) => Err(Mistake::FileUnsuitable { key, path: path.to_owned(), why }),
        None => std::fs::read(path).map_err(unreadable),
    }
}

fn verify(key: &str, file: &GraphFile, bytes: Vec<u8>) -> Result<Vec<u8>, Mistake> {
    let Some(stated) = &file.sha256 else { return Ok(bytes) };
    let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if &found == stated {
        Ok(bytes)
    } else {
        Err(Mistake::Altered { key: format!("{key}.sha256"), stated: stated.clone(), found })
    }
}

/// Numbers go in as their bits: two packs are one only if they compute the same.
fn id(
    detector: &DetectorSpec,
    detector_graph: &[u8],
    embedder: &EmbedderSpec,
    embedder_graph: &[u8],
) -> PackId {
    let head = match detector.head {
        Head::Scrfd => 0,
        Head::Yunet => 1,
    };
    let mut hasher = blake3::Hasher::new_derive_key(ID_DOMAIN);
    hasher.update(blake3::hash(detector_graph).as_bytes());
    hasher.update(blake3::hash(embedder_graph).as_bytes());
    hasher.update(&[head]);
    hash_input(&mut hasher, detector.input);
    hasher.update(&detector.threshold.to_le_bytes());
    hasher.update(&detector.nms_iou.to_le_bytes());
    hash_input(&mut hasher, embedder.input);
    hasher.update(&embedder.size.to_le_bytes());
    // Only what is on: packs from before there was this setting keep their ids. All before it has a fixed length.
    if embedder.mirror {
        hasher.update(b"mirror");
    }
    if embedder.refine {
        hasher.update(b"refine");
    }
    if embedder.shift != Shift::default() {
        hasher.update(b"shift");
        hasher.update(&embedder.shift.left.to_le_bytes());
        hasher.update(&embedder.shift.up.to_le_bytes());
    }
    let mut id = [0; 16];
    hasher.finalize_xof().fill(&mut id);
    PackId(id)
}

fn hash_input(hasher: &mut blake3::Hasher, input: InputFormat) {
    let channels = match input.channels {
        Channels::Rgb => 0,
        Channels::Bgr => 1,
    };
    hasher.update(&[channels]);
    hasher.update(&input.mean.to_le_bytes());
    hasher.update(&input.std.to_le_bytes());
}

#[cfg(test)]
mod tests;
