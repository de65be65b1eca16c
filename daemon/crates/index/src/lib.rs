//! Nearest faces: an approximate index over unit vectors. Derived from the store: it can be deleted and rebuilt.
//!
//! Knows face ids and embeddings; nothing of people, photos or the store. Holds embeddings as they are given, so that
//! others who hold them share the memory; what was saved is in the snapshot's file, which is mapped, and takes next to no memory
//! of the process's own. Faces that came in can be found at once; finding their places in the graph,
//! which takes a millisecond each in a large library, may be left for later and done in portions.
//!
//! The graph is our own (`graph.rs`) because the published one for Rust, `hnsw_rs` 0.3.5, does not carry a large
//! library. Side by side on 20,000 made-up vectors of 128 components in crowded groups, at a recall of about 0.99 for
//! both, on a busy machine: 3.6 to 4.3 KB a face against 0.8 (the vector's 0.5 included), 36 to 53 s to build against 7
//! to 11 (once 76), 4.7 to 8.2 ms to search against 0.4 to 1.8 (once 3.2); that was before vectors and links took half of that
//! room, and before they moved to a file. Coarse copies of the vectors, a byte a component, paid while these were of four bytes; of
//! two they are as quick to compare themselves, and more of what is nearest is found. It also ends the process when a snapshot is
//! cut short. What ours does not reach: on such data recall at 32 falls to 0.977 at 50,000 faces.

mod book;
mod error;
mod faces;
mod graph;
mod mapped;
mod snapshot;

use std::fmt;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use vow_types::{Embedding, FaceId, num};

pub use crate::error::IndexError;
use crate::faces::Faces;
use crate::graph::MOST;

/// Nodes that a search keeps in view at least (ef of the paper). At 32 neighbours of 20,000 vectors in crowded groups
/// this finds 99 of 100; what it misses lies at the edge, among near equals.
const VIEW: usize = 256;
/// One more for so many nodes, up to twice as many in all: the larger the crowd, the easier is it to get lost in.
const VIEW_GROWTH: usize = 512;
/// And for each neighbour that is asked for.
const VIEW_EACH: usize = 2;
/// Faces that are linked before searches get their turn.
const BREATH: usize = 8;

/// The faces of one pack, for searching by likeness. Any number of threads may search while others put faces in and hide some; who
/// links faces, and who saves, wait for each other.
pub struct FaceIndex {
    dimension: usize,
    /// Places that are found, and searches of [`Self::search_each`], side by side.
    threads: NonZeroUsize,
    /// Held while places are found and while a snapshot is written: links and their nodes stay as they are then.
    linking: Mutex<()>,
    faces: RwLock<Faces>,
}

impl FaceIndex {
    /// An empty index for vectors of `dimension` components; `expected` faces are room made ahead, not a limit.
    #[must_use]
    pub fn new(dimension: usize, expected: usize) -> Self {
        let mut faces = Faces::new(dimension);
        faces.graph.reserve(expected);
        Self::of(faces)
    }

    fn of(faces: Faces) -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { dimension: faces.graph.dimension, threads, linking: Mutex::new(()), faces: RwLock::new(faces) }
    }

    /// Leaves the other processors to others: it takes all by itself.
    #[must_use]
    pub fn with_threads(self, threads: NonZeroUsize) -> Self {
        Self { threads, ..self }
    }

    /// On how many threads it does what can be done side by side.
    #[must_use]
    pub fn threads(&self) -> NonZeroUsize {
        self.threads
    }

    // A panic in this crate is a bug; what it may leave behind is nodes that wait to be linked.
    fn read(&self) -> RwLockReadGuard<'_, Faces> {
        self.faces.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Faces> {
        self.faces.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds faces, on several threads when there are many. A face that is in already is shown again if it was
    /// hidden; its embedding never changes. The same calls give the same index, whatever the number of threads.
    ///
    /// # Errors
    /// [`IndexError::Dimension`] or [`IndexError::Full`]; then none of them was added.
    pub fn add(&self, faces: &[(FaceId, &Embedding)]) -> Result<(), IndexError> {
        self.put(faces)?;
        self.link(usize::MAX);
        Ok(())
    }

    /// The quick part of [`Self::add`]: the faces are found from now on, by comparing all there are, until
    /// [`Self::link`] has found the places of all that wait.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub fn put(&self, faces: &[(FaceId, &Embedding)]) -> Result<(), IndexError> {
        for (face, embedding) in faces {
            let found = embedding.dimension();
            if found != self.dimension {
                return Err(IndexError::Dimension { face: *face, found, expected: self.dimension });
            }
        }
        let mut inner = self.write();
        let room = num::index(MOST.saturating_sub(inner.graph.nodes()));
        if faces.len() > room {
            return Err(IndexError::Full);
        }
        inner.take_in(faces);
        Ok(())
    }

    /// Links up to `most` of the different faces that wait for it, and says how many still do. Searches get their turn in
    /// between. While a snapshot is written, it waits for the end of that.
    pub fn link(&self, most: usize) -> usize {
        let _linking = self.linking.lock().unwrap_or_else(PoisonError::into_inner);
        let threads = num::len_u32(self.threads.get());
        let mut left = num::len_u32(most);
        loop {
            let inner = self.read();
            let chunk = inner.chunk().min(left);
            if chunk == 0 {
                return num::index(inner.waiting());
            }
            let mut places = inner.places(chunk, threads);
            drop(inner);
            left -= chunk;
            while !places.is_empty() {
                let few = places.drain(..BREATH.min(places.len()));
                let mut inner = self.write();
                few.for_each(|place| inner.link(place));
            }
        }
    }

    /// An index of the faces that are shown in this one, which all wait to be linked; their embeddings are not held twice.
    #[must_use]
    pub fn without_hidden(&self) -> Self {
        Self::of(self.read().shown_anew()).with_threads(self.threads)
    }

    /// Different faces that wait to be linked. While some do, a search compares all faces.
    #[must_use]
    pub fn waiting(&self) -> usize {
        num::index(self.read().waiting())
    }

    /// The embedding of a face that is in, shown or hidden: a share of the index's own memory, or of the snapshot's.
    #[must_use]
    pub fn embedding(&self, face: FaceId) -> Option<Embedding> {
        let inner = self.read();
        let seat = inner.book.seat(face)?;
        inner.graph.vector(seat.node)
    }

    /// Leaves faces out of all searches from now on; ids that are not in are passed over.
    pub fn hide(&self, faces: &[FaceId]) {
        let mut inner = self.write();
        faces.iter().for_each(|face| inner.book.set_shown(*face, false));
    }

    /// Whether a face is in and shown.
    #[must_use]
    pub fn contains(&self, face: FaceId) -> bool {
        self.read().book.seat(face).is_some_and(|seat| seat.shown)
    }

    /// Shown faces.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().book.shown()
    }

    /// No face is shown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The `k` shown faces nearest to `of` with their cosine (as [`Embedding::cosine`] gives it), best first, equal
    /// ones by id. Approximate: of the 32 nearest one may be missing, seldom more. While faces wait to be linked all are
    /// compared, which takes some milliseconds for each 200,000 and misses none. An embedding of another dimension is near to
    /// nothing.
    #[must_use]
    pub fn search(&self, of: &Embedding, k: usize) -> Vec<(FaceId, f32)> {
        if k == 0 || of.dimension() != self.dimension {
            return Vec::new();
        }
        let inner = self.read();
        let view = VIEW + (num::index(inner.graph.linked()) / VIEW_GROWTH).min(VIEW);
        let view = k.saturating_mul(VIEW_EACH).max(view);
        let shown = |node: u32| inner.book.any_shown(node);
        let near = if inner.waiting() > 0 {
            inner.graph.scan(of.steps(), k, &shown)
        } else {
            inner.graph.search(of.steps(), (k, view), &shown)
        };
        let faces =
            near.iter().flat_map(|near| inner.book.shown_faces(near.node).map(|face| (face, near.cosine)));
        let mut found: Vec<(FaceId, f32)> = faces.collect();
        drop(inner);
        found.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.truncate(k);
        found
    }

    /// What [`Self::search`] finds for each, in their order.
    #[must_use]
    pub fn search_each(&self, of: &[&Embedding], k: usize) -> Vec<Vec<(FaceId, f32)>> {
        let search = |some: &[&Embedding]| some.iter().map(|of| self.search(of, k)).collect::<Vec<_>>();
        let mut shares = of.chunks(of.len().div_ceil(self.threads.get()).max(1));
        let own = shares.next().unwrap_or_default();
        std::thread::scope(|scope| {
            let others: Vec<_> = shares.map(|share| scope.spawn(|| search(share))).collect();
            let mut found = search(own);
            for other in others {
                match other.join() {
                    Ok(more) => found.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            found
        })
    }

    /// More than a fifth is hidden: building the index anew pays ([`Self::without_hidden`]).
    #[must_use]
    pub fn crowded(&self) -> bool {
        let inner = self.read();
        (inner.book.total() - inner.book.shown()).saturating_mul(5) > inner.book.total()
    }

    /// Writes a snapshot of all there is when it begins, linked or not, into the folder `dir`, which is made if need be; an older one is
    /// there until the new one is whole. `stamp` is any bytes that say which state of the store this is. Searching, [`Self::put`] and
    /// [`Self::hide`] go on meanwhile (whether what is hidden by then is hidden in it is left open); [`Self::link`] waits.
    ///
    /// From then on the index holds what it saved in that file, and no more in memory. Whoever has embeddings should ask for them
    /// again ([`Self::embedding`]): shares that were given before keep the memory, or the file, that they are of.
    ///
    /// # Errors
    /// [`IndexError::Write`].
    pub fn save(&self, dir: &Path, stamp: &[u8]) -> Result<(), IndexError> {
        let _linking = self.linking.lock().unwrap_or_else(PoisonError::into_inner);
        let base = snapshot::save(&|| self.read(), dir, stamp)?;
        let old = base.map(|base| self.write().graph.stand_on(base));
        drop(old);
        Ok(())
    }

    /// Bytes, about, of vectors and links that no snapshot holds, so that they take memory of the process's own: [`Self::save`] gives
    /// them back.
    #[must_use]
    pub fn held(&self) -> usize {
        self.read().graph.held()
    }

    /// Does without what it read of the snapshot's file until it is needed again: for when everything was touched, and few of it
    /// soon will be.
    pub fn let_go(&self) {
        if let Some(base) = self.read().graph.base() {
            base.let_go();
        }
    }

    /// Reads a snapshot; `None` when there is none, or it bears another stamp or format.
    ///
    /// # Errors
    /// [`IndexError::Read`] or [`IndexError::Damaged`]: rebuild from the store.
    pub fn load(dir: &Path, stamp: &[u8]) -> Result<Option<Self>, IndexError> {
        Ok(snapshot::load(dir, stamp)?.map(Self::of))
    }
}

impl fmt::Debug for FaceIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.read();
        f.debug_struct("FaceIndex")
            .field("dimension", &self.dimension)
            .field("shown", &inner.book.shown())
            .field("hidden", &(inner.book.total() - inner.book.shown()))
            .finish_non_exhaustive()
    }
}
