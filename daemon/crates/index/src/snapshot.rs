//! The index as one file, so that a start need not build it anew. The reader believes nothing: every number is
//! checked before it is used, and the file's own BLAKE3 hash before anything of it is handed out. Nodes that wait to be
//! linked are left out, with their faces: whoever loads it finds them missing and puts them in again.
//!
//! `faces.hnsw`, numbers little endian: magic (8 bytes, with the format's number), stamp (length u32, bytes),
//! dimension, links of the ground layer, links of the upper layers, nodes, entry node (or 2^32-1), faces, nodes in upper
//! layers (u32 each); the vectors (f16, which holds an embedding exactly); for each node its links in the ground layer
//! (count u8, nodes u32); for each node in upper layers its number (u32), layers (u8) and their links (likewise); for
//! each face its id (u64), node (u32) and whether it is shown (u8); BLAKE3 of all that.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::Path;

use vow_types::{Embedding, FaceId, num};

use crate::IndexError;
use crate::book::{Book, Seat};
use crate::faces::Faces;
use crate::graph::{GROUND, Graph, TOP, UPPER};

const MAGIC: [u8; 8] = *b"VOWHNSW\x01";
const FILE: &str = "faces.hnsw";
/// While it is written.
const NEW: &str = "faces.hnsw.new";
/// Vectors that get a piece of memory together when they are read.
const BLOCK: usize = 1024;
/// Stands for no node.
const NOBODY: u32 = u32::MAX;

pub(crate) fn save(faces: &Faces, dir: &Path, stamp: &[u8]) -> Result<(), IndexError> {
    let (new, path) = (dir.join(NEW), dir.join(FILE));
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| IndexError::Write { path, source }
    };
    fs::create_dir_all(dir).map_err(failed(dir))?;
    write(faces, &new, stamp).map_err(failed(&new))?;
    fs::rename(&new, &path).map_err(failed(&path))?;
    // The name is on disk only when the folder is.
    File::open(dir).and_then(|folder| folder.sync_all()).map_err(failed(dir))?;
    tracing::debug!(path = %path.display(), faces = faces.book.total(), "index saved");
    Ok(())
}

fn write(faces: &Faces, path: &Path, stamp: &[u8]) -> io::Result<()> {
    let mut out = Hashing { inner: BufWriter::new(File::create(path)?), hash: blake3::Hasher::new() };
    let Faces { graph, book, .. } = faces;
    out.write_all(&MAGIC)?;
    out.write_all(&num::len_u32(stamp.len()).to_le_bytes())?;
    out.write_all(stamp)?;
    let nodes = graph.linked();
    let counts = [graph.dimension, GROUND, UPPER].map(num::len_u32);
    let entry = graph.entry.unwrap_or(NOBODY);
    let mut seats: Vec<(FaceId, Seat)> = book.seats().filter(|(_, seat)| seat.node < nodes).collect();
    let more = [nodes, entry, num::len_u32(seats.len()), num::len_u32(graph.upper.len())];
    for number in counts.into_iter().chain(more) {
        out.write_all(&number.to_le_bytes())?;
    }
    for vector in graph.vectors.iter().take(num::index(nodes)) {
        out.write_all(&vector.to_bytes())?;
    }
    for node in &graph.ground {
        write_links(&mut out, node)?;
    }
    let mut upper: Vec<_> = graph.upper.iter().collect();
    upper.sort_unstable_by_key(|(node, _)| **node);
    for (node, layers) in upper {
        out.write_all(&node.to_le_bytes())?;
        out.write_all(&[u8::try_from(layers.len()).unwrap_or(u8::MAX)])?;
        for links in layers {
            write_links(&mut out, links)?;
        }
    }
    // By node, so that the first face of each comes when its node is the next.
    seats.sort_unstable_by_key(|(face, seat)| (seat.node, *face));
    for (face, seat) in seats {
        out.write_all(&face.0.to_le_bytes())?;
        out.write_all(&seat.node.to_le_bytes())?;
        out.write_all(&[u8::from(seat.shown)])?;
    }
    let hash = out.hash.finalize();
    out.inner.write_all(hash.as_bytes())?;
    out.inner.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

fn write_links(out: &mut impl Write, links: &[u32]) -> io::Result<()> {
    out.write_all(&[u8::try_from(links.len()).unwrap_or(u8::MAX)])?;
    links.iter().try_for_each(|node| out.write_all(&node.to_le_bytes()))
}

pub(crate) fn load(dir: &Path, stamp: &[u8]) -> Result<Option<Faces>, IndexError> {
    let path = dir.join(FILE);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(IndexError::Read { path, source }),
    };
    match read(file, stamp) {
        Ok(Some(faces)) => {
            tracing::debug!(path = %path.display(), faces = faces.book.total(), "index loaded");
            Ok(Some(faces))
        }
        Ok(None) => Ok(None),
        Err(Fault::Io(error)) if error.kind() == ErrorKind::UnexpectedEof => {
            Err(IndexError::Damaged { path, reason: "it is cut short" })
        }
        Err(Fault::Io(source)) => Err(IndexError::Read { path, source }),
        Err(Fault::Content(reason)) => Err(IndexError::Damaged { path, reason }),
    }
}

enum Fault {
    Io(io::Error),
    Content(&'static str),
}

impl From<ErrorKind> for Fault {
    fn from(kind: ErrorKind) -> Self {
        Self::Io(kind.into())
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn read(mut file: File, stamp: &[u8]) -> Result<Option<Faces>, Fault> {
    let size = file.metadata()?.len();
    let body = size.checked_sub(num::len_u64(blake3::OUT_LEN)).ok_or(ErrorKind::UnexpectedEof)?;
    // Hashed below the buffer: BLAKE3 is several times as quick on a mebibyte as on a number at a time.
    let hashing = Hashing { inner: (&mut file).take(body), hash: blake3::Hasher::new() };
    let mut from = Source(BufReader::with_capacity(1 << 20, hashing));
    if from.bytes()? != MAGIC || num::index(from.u32()?) != stamp.len() {
        return Ok(None);
    }
    let mut found = vec![0; stamp.len()];
    from.0.read_exact(&mut found)?;
    if found != stamp {
        return Ok(None);
    }
    let dimension = num::index(from.u32()?);
    if (num::index(from.u32()?), num::index(from.u32()?)) != (GROUND, UPPER) {
        return Ok(None);
    }
    let (nodes, entry, faces, upper) = (from.u32()?, from.u32()?, from.u32()?, from.u32()?);
    // Before any room is made: what is promised must at least fit into the file.
    let vector = num::len_u64(dimension).saturating_mul(2);
    let least = u64::from(nodes).saturating_mul(vector.saturating_add(1));
    let least = least.saturating_add(u64::from(faces) * 13).saturating_add(u64::from(upper) * 5);
    if least > size {
        return Err(Fault::Content("it promises more than it holds"));
    }
    let entry = Some(entry).filter(|entry| *entry != NOBODY);
    if entry.is_some_and(|entry| entry >= nodes) || entry.is_none() != (nodes == 0) {
        return Err(Fault::Content("its entry is no node"));
    }
    let mut graph = Graph::new(dimension);
    graph.entry = entry;
    graph.reserve(num::index(nodes));
    let mut bytes = Vec::new();
    let mut left = num::index(nodes);
    while left > 0 {
        let block = left.min(BLOCK);
        bytes.resize(block.saturating_mul(dimension).saturating_mul(2), 0);
        from.0.read_exact(&mut bytes)?;
        let vectors = Embedding::several_from_bytes(&bytes, dimension);
        graph.hold(vectors.map_err(|_| Fault::Content("a vector is none"))?);
        left -= block;
    }
    for _ in 0..nodes {
        graph.ground.push(from.links::<GROUND>(nodes)?);
    }
    for _ in 0..upper {
        let (node, [layers]) = (from.u32()?, from.bytes()?);
        if node >= nodes || usize::from(layers) > TOP {
            return Err(Fault::Content("its upper layers are impossible"));
        }
        let layers = (0..layers).map(|_| from.links::<UPPER>(nodes)).collect::<Result<Vec<_>, _>>()?;
        graph.upper.insert(node, layers);
    }
    let mut book = Book::default();
    for _ in 0..faces {
        let (face, node, [shown]) = (FaceId(u64::from_le_bytes(from.bytes()?)), from.u32()?, from.bytes()?);
        if node >= nodes || !book.sit(face, Seat { node, shown: shown != 0 }) {
            return Err(Fault::Content("its faces are in disorder"));
        }
    }
    if io::copy(&mut from.0, &mut io::sink())? > 0 {
        return Err(Fault::Content("it holds more than it promises"));
    }
    let hash = from.0.into_inner().hash.finalize();
    let mut written = [0; blake3::OUT_LEN];
    file.read_exact(&mut written)?;
    if hash != written {
        return Err(Fault::Content("its checksum is wrong"));
    }
    Ok(Some(Faces::of(graph, book)))
}

/// Hashes what passes.
struct Hashing<T> {
    inner: T,
    hash: blake3::Hasher,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hash.update(bytes.get(..count).unwrap_or(bytes));
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(bytes)?;
        self.hash.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }
}

struct Source<R>(BufReader<R>);

impl<R: Read> Source<R> {
    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn u32(&mut self) -> io::Result<u32> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    /// Up to `N` links to any of `nodes` nodes.
    fn links<const N: usize>(&mut self, nodes: u32) -> Result<Box<[u32]>, Fault> {
        let [count] = self.bytes()?;
        let mut bytes = [[0; 4]; N];
        let Some(bytes) = bytes.get_mut(..usize::from(count)) else {
            return Err(Fault::Content("a node has too many links"));
        };
        self.0.read_exact(bytes.as_flattened_mut())?;
        let links: Box<[u32]> = bytes.iter().map(|link| u32::from_le_bytes(*link)).collect();
        if links.iter().any(|link| *link >= nodes) {
            return Err(Fault::Content("a link leads nowhere"));
        }
        Ok(links)
    }
}

#[cfg(test)]
mod tests;
