//! The graph and the book together: what is in the index. Locks and files are dealt with around it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use vow_types::{FaceId, num};

use crate::book::{Book, Seat};
use crate::graph::{Graph, Place};

/// Nodes that are placed at once at most. They do not see each other in the graph (they are compared one by one
/// instead), so there must be few of them against those that are in; and all of them make searches wait.
const CHUNK: u32 = 256;
/// One in so many of the nodes that are in may be placed at once.
const SHARE: u32 = 32;
/// Fewer nodes than this are not worth a thread.
const WORTH_A_THREAD: u32 = 16;

pub(crate) struct Faces {
    pub(crate) graph: Graph,
    pub(crate) book: Book,
    /// Hash of a vector -> its node.
    nodes: HashMap<u64, u32>,
}

impl Faces {
    pub(crate) fn new(dimension: usize) -> Self {
        Self::of(Graph::new(dimension), Book::default())
    }

    pub(crate) fn of(graph: Graph, book: Book) -> Self {
        let nodes = (0..graph.linked()).map(|node| (hash(graph.vector(node)), node)).collect();
        Self { graph, book, nodes }
    }

    /// The node with exactly this vector.
    pub(crate) fn node_of(&self, vector: &[f32]) -> Option<u32> {
        self.nodes.get(&hash(vector)).copied().filter(|node| self.graph.vector(*node) == vector)
    }

    /// How many nodes may be placed at once now.
    pub(crate) fn chunk(&self) -> usize {
        num::index((self.graph.linked() / SHARE).clamp(1, CHUNK))
    }

    /// Puts vectors in, to be placed and then linked one after the other. What an earlier attempt that did not end
    /// put in is dropped.
    pub(crate) fn stage<'a>(&mut self, vectors: impl Iterator<Item = &'a [f32]>) {
        self.graph.vectors.truncate(self.graph.ground.len() * self.graph.dimension);
        vectors.for_each(|vector| self.graph.vectors.extend_from_slice(vector));
    }

    /// The places of so many staged nodes. The same for any number of threads.
    pub(crate) fn places(&self, count: u32, threads: u32) -> Vec<Place> {
        let start = self.graph.linked();
        let share = count.div_ceil(threads.clamp(1, count.div_ceil(WORTH_A_THREAD).max(1)));
        let place = |nodes: std::ops::Range<u32>| {
            nodes.map(|node| self.graph.place(node, start..node)).collect::<Vec<_>>()
        };
        let mut shares = (start..start + count).step_by(num::index(share.max(1))).map(|from| {
            from..(from + share).min(start + count)
        });
        std::thread::scope(|scope| {
            let own = shares.next();
            let others: Vec<_> = shares.map(|nodes| scope.spawn(|| place(nodes))).collect();
            let mut places = own.map(place).unwrap_or_default();
            for other in others {
                match other.join() {
                    Ok(more) => places.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            places
        })
    }

    /// Links the first of the staged nodes and seats its face.
    pub(crate) fn link(&mut self, face: FaceId, place: Place) {
        let node = self.graph.linked();
        self.graph.link(place);
        self.nodes.insert(hash(self.graph.vector(node)), node);
        self.book.sit(face, Seat { node, shown: true });
    }
}

fn hash(vector: &[f32]) -> u64 {
    let mut hasher = DefaultHasher::new();
    vector.iter().for_each(|value| value.to_bits().hash(&mut hasher));
    hasher.finish()
}
