//! The index as one file, so that a start need not build it anew. The reader believes nothing: every number is
//! checked before it is used, and the file's own BLAKE3 hash before anything of it is handed out. Nodes that wait to be
//! linked are in it without links, so that whoever has many of them need not hold their vectors in memory.
//!
//! Its larger parts are mapped once they were checked, and stay where they are ([`Base`]): so a library takes little more memory
//! than what its book takes, and the kernel keeps of the file what there is room for. Numbers are in the machine's own order
//! for that reason; on a machine of the other one it is no snapshot.
//!
//! `faces.hnsw`: magic (8 bytes, with the format's number), 1 (u32, which tells the order), stamp (length u32, bytes),
//! dimension, links of the ground layer, links of the upper layers, nodes, entry node (or 2^32-1), faces, nodes in upper
//! layers, links, nodes that are linked, which come first (u32 each; format 2 lacks the last, all are linked there). Then, each from a multiple of 64 on, for all nodes: the vectors (i16, steps of 2^-14), where
//! each node's links end (u32, in links from the first one), and the links in the ground layer (u32). Then for each node in upper layers its number (u32), layers (u8) and their links (count
//! u8, nodes u32); for each face its id (u64), node (u32) and whether it is shown (u8); BLAKE3 of all that.

mod parts;

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, RwLockReadGuard};

use vow_types::{Embedding, FaceId, num};

use crate::IndexError;
use crate::book::Seat;
use crate::faces::Faces;
use crate::graph::{Base, GROUND, Graph, TOP, UPPER};
use crate::mapped::Mapped;
use parts::{Parts, Sink, Source};

const MAGIC: [u8; 8] = *b"VOWHNSW\x03";
/// Of the format before, in which all nodes were linked.
const MAGIC_2: [u8; 8] = *b"VOWHNSW\x02";
const FILE: &str = "faces.hnsw";
/// While it is written.
const NEW: &str = "faces.hnsw.new";
/// Numbers that are checked at once.
const BLOCK: usize = 1 << 16;
/// Nodes that are copied before what they hold is written, with nobody waiting for the disk.
const COPIED: u32 = if cfg!(test) { 16 } else { 1 << 10 };
/// Stands for no node.
const NOBODY: u32 = u32::MAX;

/// Looks at what there is, which nobody changes while it is looked at.
pub(crate) type Look<'a> = &'a dyn Fn() -> RwLockReadGuard<'a, Faces>;

/// Writes it and answers with what of it takes the place of what was saved; `None` where a file cannot be mapped. Between two looks faces
/// may be put in and hidden, but none linked.
pub(crate) fn save(look: Look<'_>, dir: &Path, stamp: &[u8]) -> Result<Option<Base>, IndexError> {
    let (new, path) = (dir.join(NEW), dir.join(FILE));
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| IndexError::Write { path, source }
    };
    fs::create_dir_all(dir).map_err(failed(dir))?;
    let (file, parts) = write(look, &new, stamp).map_err(failed(&new))?;
    fs::rename(&new, &path).map_err(failed(&path))?;
    // The name is on disk only when the folder is.
    File::open(dir).and_then(|folder| folder.sync_all()).map_err(failed(dir))?;
    tracing::debug!(path = %path.display(), nodes = parts.nodes, "index saved");
    match Mapped::of(&file) {
        Ok(map) => Ok(Some(parts.of(&Arc::new(map)))),
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "the saved index cannot be mapped and stays in memory too");
            Ok(None)
        }
    }
}

fn write(look: Look<'_>, path: &Path, stamp: &[u8]) -> io::Result<(File, Parts)> {
    let mut out = Sink::create(path)?;
    out.put(&MAGIC)?;
    out.put_u32(1)?;
    out.put_u32(num::len_u32(stamp.len()))?;
    out.put(stamp)?;
    let faces = look();
    let Faces { graph, book, .. } = &*faces;
    let (nodes, linked, seats) = (graph.nodes(), graph.linked(), book.total());
    let [dimension, ground, upper_links] = [graph.dimension, GROUND, UPPER].map(num::len_u32);
    let (entry, upper) = (graph.entry.unwrap_or(NOBODY), graph.upper.len());
    let shared = book.shared();
    drop(faces);
    let count = |graph: &Graph, node| num::len_u32(graph.links(node, 0).len());
    let mut links = 0;
    copy(look, nodes, &mut out, |faces, node, _| links += count(&faces.graph, node))?;
    for number in [dimension, ground, upper_links, nodes, entry] {
        out.put_u32(number)?;
    }
    for number in [num::len_u32(seats), num::len_u32(upper), links, linked] {
        out.put_u32(number)?;
    }
    let parts = Parts { head: out.at(), dimension, nodes, linked, links };
    let [vectors, ends, grounds] = parts.ranges();
    out.fill_to(vectors.start)?;
    copy(look, nodes, &mut out, |faces, node, to| {
        to.extend_from_slice(bytemuck::cast_slice(faces.graph.steps(node)))
    })?;
    out.fill_to(ends.start)?;
    let mut end = 0;
    copy(look, nodes, &mut out, |faces, node, to| {
        end += count(&faces.graph, node);
        to.extend_from_slice(&end.to_ne_bytes());
    })?;
    out.fill_to(grounds.start)?;
    copy(look, nodes, &mut out, |faces, node, to| {
        to.extend_from_slice(bytemuck::cast_slice(faces.graph.links(node, 0)));
    })?;
    copy(look, nodes, &mut out, |faces, node, to| {
        let height = faces.graph.upper.height(node);
        if height == 0 {
            return;
        }
        to.extend_from_slice(&node.to_ne_bytes());
        to.push(u8::try_from(height).unwrap_or(u8::MAX));
        for links in (1..=height).map(|layer| faces.graph.upper.links(node, layer)) {
            to.push(u8::try_from(links.len()).unwrap_or(u8::MAX));
            to.extend_from_slice(bytemuck::cast_slice(links));
        }
    })?;
    copy(look, nodes, &mut out, |faces, node, to| {
        // Not those that came to a node since this began.
        let there_were = shared.get(&node).copied().unwrap_or(1);
        for (face, shown) in faces.book.faces(node).take(there_were) {
            to.extend_from_slice(&face.0.to_ne_bytes());
            to.extend_from_slice(&node.to_ne_bytes());
            to.push(u8::from(shown));
        }
    })?;
    Ok((out.finish()?, parts))
}

/// Writes what `of` says of each node. Nothing is held still while the disk is waited for.
fn copy(
    look: Look<'_>,
    nodes: u32,
    out: &mut Sink,
    mut of: impl FnMut(&Faces, u32, &mut Vec<u8>),
) -> io::Result<()> {
    let mut bytes = Vec::new();
    let mut from = 0;
    while from < nodes {
        let to = nodes.min(from.saturating_add(COPIED));
        bytes.clear();
        let faces = look();
        (from..to).for_each(|node| of(&faces, node, &mut bytes));
        drop(faces);
        out.put(&bytes)?;
        from = to;
    }
    Ok(())
}

pub(crate) fn load(dir: &Path, stamp: &[u8]) -> Result<Option<Faces>, IndexError> {
    let path = dir.join(FILE);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(IndexError::Read { path, source }),
    };
    match read(&file, stamp) {
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

fn read(file: &File, stamp: &[u8]) -> Result<Option<Faces>, Fault> {
    let size = file.metadata()?.len();
    let mut from = Source::of(file, size)?;
    let magic = from.bytes()?;
    let all_linked = magic == MAGIC_2;
    if !(all_linked || magic == MAGIC) || from.u32()? != 1 || num::index(from.u32()?) != stamp.len() {
        return Ok(None);
    }
    let mut found = vec![0; stamp.len()];
    from.fill(&mut found)?;
    if found != stamp {
        return Ok(None);
    }
    let dimension = from.u32()?;
    if (num::index(from.u32()?), num::index(from.u32()?)) != (GROUND, UPPER) {
        return Ok(None);
    }
    let [nodes, entry, seats, upper, links] = from.several_u32()?;
    let linked = if all_linked { nodes } else { from.u32()? };
    let parts = Parts { head: from.at(), dimension, nodes, linked, links };
    // Before any room is made: what is promised must at least fit into the file.
    let least = parts.size().saturating_add(u64::from(seats) * 13).saturating_add(u64::from(upper) * 5);
    if least > size {
        return Err(Fault::Content("it promises more than it holds"));
    }
    let entry = Some(entry).filter(|entry| *entry != NOBODY);
    if linked > nodes || entry.is_some_and(|entry| entry >= linked) || entry.is_none() != (linked == 0) {
        return Err(Fault::Content("its entry is no node"));
    }
    let mut faces = Faces::new(num::index(dimension));
    faces.graph.entry = entry;
    check(&mut from, &parts, &mut faces)?;
    for _ in 0..upper {
        let (node, [layers]) = (from.u32()?, from.bytes()?);
        if node >= linked || layers == 0 || usize::from(layers) > TOP {
            return Err(Fault::Content("its upper layers are impossible"));
        }
        let layers = (0..layers).map(|_| upper_links(&mut from, linked)).collect::<Result<Vec<_>, _>>()?;
        faces.graph.upper.insert(node, layers.iter().map(|links| &**links));
    }
    for _ in 0..seats {
        let (face, node, [shown]) = (FaceId(u64::from_ne_bytes(from.bytes()?)), from.u32()?, from.bytes()?);
        if node >= nodes || !faces.book.sit(face, Seat { node, shown: shown != 0 }) {
            return Err(Fault::Content("its faces are in disorder"));
        }
    }
    if from.rest()? > 0 {
        return Err(Fault::Content("it holds more than it promises"));
    }
    if !from.hash_fits(file)? {
        return Err(Fault::Content("its checksum is wrong"));
    }
    let base = parts.of(&Arc::new(Mapped::of(file)?));
    drop(faces.graph.stand_on(base));
    Ok(Some(faces))
}

/// Looks at all that will be mapped, and notes which vector is whose.
fn check(from: &mut Source<'_>, parts: &Parts, faces: &mut Faces) -> Result<(), Fault> {
    let [vectors, ends, links] = parts.ranges();
    let length = num::index(parts.dimension);
    let mut node = 0;
    from.each(vectors, BLOCK.next_multiple_of(length.max(1)), |steps: &[i16]| {
        for steps in steps.chunks(length.max(1)) {
            if !Embedding::is_one(steps) {
                return Err(Fault::Content("a vector is none"));
            }
            faces.find_by(steps, node);
            node += 1;
        }
        Ok(())
    })?;
    if node != parts.nodes {
        return Err(Fault::Content("a vector is none"));
    }
    let (mut before, mut node) = (0, 0);
    from.each(ends, BLOCK, |ends: &[u32]| {
        for end in ends {
            let room = if node < parts.linked { GROUND } else { 0 };
            if end.checked_sub(before).is_none_or(|count| num::index(count) > room) {
                return Err(Fault::Content("a node has too many links"));
            }
            before = *end;
            node += 1;
        }
        Ok(())
    })?;
    if before != parts.links {
        return Err(Fault::Content("it has other links than it promises"));
    }
    from.each(links, BLOCK, |links: &[u32]| lead_somewhere(links, parts.linked))
}

fn lead_somewhere(links: &[u32], nodes: u32) -> Result<(), Fault> {
    if links.iter().any(|link| *link >= nodes) { Err(Fault::Content("a link leads nowhere")) } else { Ok(()) }
}

/// Up to [`UPPER`] links to any of the first `nodes` nodes.
fn upper_links(from: &mut Source<'_>, nodes: u32) -> Result<Box<[u32]>, Fault> {
    let [count] = from.bytes()?;
    let mut links = [0; UPPER];
    let Some(links) = links.get_mut(..usize::from(count)) else {
        return Err(Fault::Content("a node has too many links"));
    };
    from.fill(bytemuck::cast_slice_mut(links))?;
    lead_somewhere(links, nodes)?;
    Ok(links.iter().copied().collect())
}

#[cfg(test)]
mod tests;
