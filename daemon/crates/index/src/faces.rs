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
        let mut shares = (start..start + count)
            .step_by(num::index(share.max(1)))
            .map(|from| from..(from + share).min(start + count));
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

/// Equal vectors have equal hashes; different ones nearly always different ones.
pub(crate) fn hash(vector: &[f32]) -> u64 {
    let mut hasher = DefaultHasher::new();
    vector.iter().for_each(|value| value.to_bits().hash(&mut hasher));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::graph::{height_of, tests::unit_vectors};

    fn build(vectors: &[Vec<f32>], threads: u32) -> Faces {
        let mut faces = Faces::new(vectors[0].len());
        let mut rest = vectors;
        let mut id = 0;
        while !rest.is_empty() {
            let (chunk, more) = rest.split_at(faces.chunk().min(rest.len()));
            faces.stage(chunk.iter().map(Vec::as_slice));
            for place in faces.places(num::len_u32(chunk.len()), threads) {
                faces.link(FaceId(id), place);
                id += 1;
            }
            rest = more;
        }
        faces
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let vectors = unit_vectors(1500, 8, 30);
        let one = build(&vectors, 1);
        for threads in [2, 3, 16] {
            assert!(one.graph == build(&vectors, threads).graph);
        }
    }

    #[test]
    fn an_attempt_that_did_not_end_leaves_nothing() {
        let vectors = unit_vectors(40, 8, 4);
        let mut faces = build(&vectors[..39], 1);
        faces.stage([[0.5f32; 8].as_slice(); 3].into_iter());
        faces.stage(std::iter::once(vectors[39].as_slice()));
        for place in faces.places(1, 1) {
            faces.link(FaceId(39), place);
        }
        assert_eq!(faces.graph.vector(39), vectors[39]);
        assert_eq!(faces.graph.vectors.len(), 40 * 8);
    }

    #[test]
    fn links_are_sound_and_every_node_can_be_reached() {
        let vectors = unit_vectors(3000, 16, 10);
        let faces = build(&vectors, 2);
        let graph = &faces.graph;
        let highest = (0..graph.linked()).map(height_of).max();
        assert_eq!(graph.entry.map(height_of), highest, "searches start at the top");
        for node in 0..graph.linked() {
            assert_eq!(graph.upper.get(&node).map_or(0, Vec::len), height_of(node));
            for layer in 0..=height_of(node) {
                let links = graph.links(node, layer);
                let different: HashSet<&u32> = links.iter().collect();
                assert_eq!(different.len(), links.len(), "no link twice");
                assert!(!different.contains(&node), "none to itself");
                assert!(links.iter().all(|other| height_of(*other) >= layer), "none out of the layer");
            }
        }
        let mut reached: HashSet<u32> = graph.entry.into_iter().collect();
        let mut ahead: Vec<u32> = reached.iter().copied().collect();
        while let Some(node) = ahead.pop() {
            ahead.extend(graph.links(node, 0).iter().copied().filter(|other| reached.insert(*other)));
        }
        assert_eq!(num::len_u32(reached.len()), graph.linked());
    }
}
