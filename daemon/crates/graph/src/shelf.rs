//! Prepared graphs on disk, and notes about them: made once, named by what they were made from, checked whenever they are read.
//!
//! A file is the prepared graph with a last metadata entry, its seal: the BLAKE3 of all that comes before it. To ONNX
//! it is an entry like any other, so the file can be given to any runtime; and there is no second file to lose.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use prost::Message as _;
use prost::bytes::Bytes;
use vow_types::Channels;

use crate::prepare::{Picture, Prepared, Recipe, VERSION, noted, prepare};
use crate::proto::{ModelProto, StringStringEntryProto};

/// The key of the seal.
const SEAL: &str = "vow.blake3";
/// Keeps the hash of a recipe apart from every other use of BLAKE3.
const RECIPE_DOMAIN: &str = "VowImager graph recipe 1";

/// As [`RECIPE_DOMAIN`], for what a note is about.
const NOTE_DOMAIN: &str = "VowImager graph note 1";
/// What the name of a note ends with.
const NOTE: &str = ".note";

/// What an unfinished file begins with.
const UNFINISHED: &str = ".preparing-";

/// A folder for prepared graphs, which nobody else puts anything into. It is made when the first one is written.
#[derive(Debug)]
pub struct Shelf {
    folder: PathBuf,
    /// Names of the files that were asked for.
    used: HashSet<OsString>,
}

/// The name of something that is remembered about graphs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    name: String,
}

/// A prepared graph, or a note, could not be kept. It is no reason to do without it: it was made, and will be made again.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep what was prepared, {}: {source}", .path.display())]
pub struct ShelfError {
    /// The file that could not be written.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

impl Shelf {
    /// Nothing is read or written yet.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), used: HashSet::new() }
    }

    /// The prepared form of a graph: the one on the shelf where it is whole, otherwise made anew and put there. A graph
    /// that is not understood comes back as it was and leaves nothing behind.
    ///
    /// The second value says why a graph that was made could not be kept.
    #[must_use]
    pub fn prepare(&mut self, original: Vec<u8>, recipe: &Recipe) -> (Prepared, Option<ShelfError>) {
        let name = file_name(&original, recipe);
        let path = self.folder.join(&name);
        self.used.insert(name.into());
        if let Some(prepared) = fs::read(&path).ok().and_then(unsealed) {
            return (prepared, None);
        }
        let prepared = prepare(original, recipe);
        if prepared.did.is_err() {
            return (prepared, None);
        }
        let kept = self.keep(&path, &[&prepared.graph, &seal(&prepared.graph)]);
        (prepared, kept.err().map(|source| ShelfError { path, source }))
    }

    /// What a note says; nothing where it is not there or not whole.
    #[must_use]
    pub fn recall(&mut self, note: &Note) -> Option<String> {
        self.used.insert(note.name.clone().into());
        let text = fs::read_to_string(self.folder.join(&note.name)).ok()?;
        let (found, note) = text.split_once('\n')?;
        (found == blake3::hash(note.as_bytes()).to_hex().as_str()).then(|| note.to_owned())
    }

    /// Keeps what a note says from now on.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn remember(&mut self, note: &Note, says: &str) -> Result<(), ShelfError> {
        self.used.insert(note.name.clone().into());
        let path = self.folder.join(&note.name);
        let seal = blake3::hash(says.as_bytes()).to_hex();
        let kept = self.keep(&path, &[seal.as_bytes(), b"\n", says.as_bytes()]);
        kept.map_err(|source| ShelfError { path, source })
    }

    /// Removes what was not asked for from this shelf: graphs of packs and programs that are gone, and what a kill left
    /// unfinished. All of it can be made again. What cannot be removed stays.
    pub fn clear_others(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let text = name.to_string_lossy();
            let ours = text.ends_with(".onnx") || text.ends_with(NOTE) || text.starts_with(UNFINISHED);
            if ours && !self.used.contains(&name) {
                // A folder is none of ours, and stays.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Whoever looks meanwhile sees the old file or the whole new one; so does whoever looks after a power cut.
    fn keep(&self, path: &Path, parts: &[&[u8]]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.folder)?;
        for part in parts {
            file.write_all(part)?;
        }
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(&self.folder)?.sync_all()
    }
}

impl Note {
    /// About these things, which are known by their bytes: graphs, and whatever else counts.
    #[must_use]
    pub fn about(things: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(NOTE_DOMAIN);
        for thing in things {
            hasher.update(blake3::hash(thing).as_bytes());
        }
        Self { name: hasher.finalize().to_hex().chars().take(32).chain(NOTE.chars()).collect() }
    }
}

/// `<original>-<recipe>.onnx`, 16 hexadecimal digits each.
fn file_name(original: &[u8], recipe: &Recipe) -> String {
    let mut hasher = blake3::Hasher::new_derive_key(RECIPE_DOMAIN);
    hasher.update(&VERSION.to_le_bytes());
    let channels = match recipe.input.channels {
        Channels::Rgb => 0,
        Channels::Bgr => 1,
    };
    hasher.update(&[channels]);
    hasher.update(&recipe.input.mean.to_le_bytes());
    hasher.update(&recipe.input.std.to_le_bytes());
    let side = match recipe.picture {
        Picture::Any => 0,
        Picture::Square(side) => side,
    };
    hasher.update(&side.to_le_bytes());
    let digits = |hash: blake3::Hash| hash.to_hex().chars().take(16).collect::<String>();
    format!("{}-{}.onnx", digits(blake3::hash(original)), digits(hasher.finalize()))
}

/// Appended to a message of the same kind, a repeated field's entry becomes one of it.
fn seal(graph: &[u8]) -> Vec<u8> {
    let hash = blake3::hash(graph).to_hex().to_string();
    let entry = StringStringEntryProto { key: Some(SEAL.to_owned()), value: Some(hash) };
    ModelProto { metadata_props: vec![entry], ..ModelProto::default() }.encode_to_vec()
}

/// The graph of a file whose seal is right.
fn unsealed(mut file: Vec<u8>) -> Option<Prepared> {
    let (graph, found) = file.split_at_checked(file.len().checked_sub(seal(&[]).len())?)?;
    if seal(graph) != found {
        return None;
    }
    file.truncate(graph.len());
    let file = Bytes::from(file);
    let did = noted(&file)?;
    Some(Prepared { graph: file.into(), did: Ok(did) })
}
