//! The graph and the book together: what is in the index. Locks and files are dealt with around it.

use std::hash::{DefaultHasher, Hash, Hasher};

use vow_tables::Map;
use vow_types::{Embedding, FaceId, num};

use crate::book::{Book, Seat};
use crate::graph::{Graph, Place};

/// Nodes that are placed at once at most. They do not see each other in the graph (they are compared one by one
/// instead), so there must be few of them against those that are in; and all of them make searches wait.
const CHUNK: u32 = 256;
/// One in so many of the nodes that are in may be placed at once.
const SHARE: u32 = 32;
/// Components of a vector that its hash is made of.
const HASHED: usize = 16;
/// Fewer nodes than this are not worth a thread.
const WORTH_A_THREAD: u32 = 16;

pub(crate) struct Faces {
    pub(crate) graph: Graph,
    pub(crate) book: Book,
    /// Hash of a vector -> its node.
    nodes: Map<u32, u32>,
}

impl Faces {
    pub(crate) fn new(dimension: usize) -> Self {
        Self { graph: Graph::new(dimension), book: Book::default(), nodes: Map::default() }
    }

    /// Notes which node has a vector.
    pub(crate) fn find_by(&mut self, steps: &[i16], node: u32) {
        self.nodes.insert(hash(steps), node);
    }

    /// The node with exactly this vector.
    fn node_of(&self, vector: &Embedding) -> Option<u32> {
        let node = self.nodes.get(&hash(vector.steps())).copied();
        node.filter(|node| self.graph.steps(*node) == vector.steps())
    }

    /// Nodes that wait to be linked.
    pub(crate) fn waiting(&self) -> u32 {
        self.graph.nodes() - self.graph.linked()
    }

    /// How many nodes may be placed at once now.
    pub(crate) fn chunk(&self) -> u32 {
        (self.graph.linked() / SHARE).clamp(1, CHUNK).min(self.waiting())
    }

    /// Takes faces in, each at the node that has its vector or at a new one, which waits to be linked. The vectors of new
    /// nodes get a piece of memory together.
    pub(crate) fn take_in(&mut self, faces: &[(FaceId, &Embedding)]) {
        let first = self.graph.nodes();
        for (face, embedding) in faces {
            if self.book.seat(*face).is_some() {
                self.book.set_shown(*face, true);
            } else {
                self.seat(*face, embedding);
            }
        }
        self.graph.move_together(first);
    }

    /// Seats a face that has no seat at the node that has its vector or at a new one.
    fn seat(&mut self, face: FaceId, embedding: &Embedding) {
        let node = self.node_of(embedding).unwrap_or_else(|| {
            let node = self.graph.nodes();
            self.graph.hold(embedding.clone());
            self.find_by(embedding.steps(), node);
            node
        });
        self.book.sit(face, Seat { node, shown: true });
    }

    /// Those that are shown, all waiting, with shares of the same memory.
    pub(crate) fn shown_anew(&self) -> Self {
        let mut anew = Self::new(self.graph.dimension);
        let mut shown: Vec<(FaceId, Seat)> = self.book.seats().filter(|(_, seat)| seat.shown).collect();
        shown.sort_unstable_by_key(|(face, seat)| (seat.node, *face));
        for (face, seat) in shown {
            if let Some(embedding) = self.graph.vector(seat.node) {
                anew.seat(face, &embedding);
            }
        }
        anew
    }

    /// The places of the next so many nodes that wait. The same for any number of threads.
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

    /// Links the first node that waits.
    pub(crate) fn link(&mut self, place: Place) {
        if self.waiting() > 0 {
            self.graph.link(place);
        }
    }
}

/// Equal vectors have equal hashes; those of different faces are nearly always different, which the first components
/// tell.
fn hash(steps: &[i16]) -> u32 {
    let mut hasher = DefaultHasher::new();
    steps.iter().take(HASHED).for_each(|step| step.hash(&mut hasher));
    // The upper half of 64 bits always fits.
    u32::try_from(hasher.finish() >> 32).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::graph::{height_of, tests::embeddings};

    fn build(vectors: &[Embedding], threads: u32) -> Faces {
        let mut faces = Faces::new(vectors[0].dimension());
        let all: Vec<_> = vectors.iter().enumerate().map(|(n, one)| (FaceId(num::len_u64(n)), one)).collect();
        faces.take_in(&all);
        while faces.waiting() > 0 {
            for place in faces.places(faces.chunk(), threads) {
                faces.link(place);
            }
        }
        faces
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let vectors = embeddings(1500, 8, 30);
        let one = build(&vectors, 1);
        for threads in [2, 3, 16] {
            assert!(one.graph == build(&vectors, threads).graph);
        }
    }

    /// Two different vectors whose hashes are the same get a node each.
    #[test]
    fn hashes_that_meet_do_no_harm() {
        let vectors = embeddings(2, 8, 1);
        let mut faces = Faces::new(8);
        faces.take_in(&[(FaceId(0), &vectors[0])]);
        faces.find_by(vectors[1].steps(), 0);
        faces.take_in(&[(FaceId(1), &vectors[1]), (FaceId(2), &vectors[1])]);
        let node = |face| faces.book.seat(FaceId(face)).unwrap().node;
        assert_eq!([0, 1, 2].map(node), [0, 1, 1]);
    }

    #[test]
    fn links_are_sound_and_every_node_can_be_reached() {
        let vectors = embeddings(3000, 16, 10);
        let faces = build(&vectors, 2);
        let graph = &faces.graph;
        let highest = (0..graph.linked()).map(height_of).max();
        assert_eq!(graph.entry.map(height_of), highest, "searches start at the top");
        for node in 0..graph.linked() {
            assert_eq!(graph.upper.height(node), height_of(node));
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
