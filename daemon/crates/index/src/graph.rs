//! A hierarchical navigable small world graph (Malkov and Yashunin, "Efficient and robust approximate nearest
//! neighbor search using Hierarchical Navigable Small World graphs", 2018) over unit vectors: what it holds, and searching
//! it. Knows nodes by number; nothing of faces, files or locks.
//!
//! Ways are found by coarse copies of the vectors ([`crate::codes`]); what a search answers with is compared exactly.
//!
//! A node's links take as much room as they need: some 160 bytes, since most nodes have half of the links that one may have. Beside
//! its vector, which is shared with whoever else holds the embedding, there are a byte a component for the coarse copy, 28 to
//! know where they are, and about 12 more for the upper layers. Vectors may come long before
//! their nodes are linked. A node's layer follows from its number and links are made in the order of the numbers, so that the
//! same vectors give the same graph on any machine, with any number of threads.

mod near;
mod placing;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use vow_types::{Embedding, num, room_for};

use crate::codes::{Code, Codes};
use near::Marks;
pub(crate) use near::Near;
pub(crate) use placing::Place;

/// Links of a node in an upper layer (M of the paper).
pub(crate) const UPPER: usize = 16;
/// Links that a new node makes in the ground layer: twice as many, as the paper advises.
const NEW: usize = 2 * UPPER;
/// Links that a node of the ground layer may come to have. The room beyond [`NEW`] is for those that come later and
/// find it near; on crowded groups (many photos of one person) it is what recall depends on most.
pub(crate) const GROUND: usize = 4 * UPPER;
/// Nodes that are kept in view while a place for a new one is sought (efConstruction of the paper).
const VIEW: usize = 200;
/// Of so many times the nodes that are asked for, and at least so many more, the exact cosine decides.
const COMPARED: usize = 2;
const COMPARED_MORE: usize = 32;
/// No node is higher; by chance it would be one in 16^15.
pub(crate) const TOP: usize = 15;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Graph {
    pub(crate) dimension: usize,
    /// By node.
    pub(crate) vectors: Vec<Embedding>,
    /// Of every vector.
    codes: Codes,
    /// The ground layer. Shorter than the vectors while nodes wait to be linked.
    pub(crate) ground: Vec<Box<[u32]>>,
    /// Of the nodes that reach higher: layers 1, 2, …
    pub(crate) upper: HashMap<u32, Vec<Box<[u32]>>>,
    /// A node of the highest layer, where every search starts.
    pub(crate) entry: Option<u32>,
}

impl Graph {
    pub(crate) fn new(dimension: usize) -> Self {
        let codes = Codes::new(dimension);
        Self { dimension, vectors: Vec::new(), codes, ground: Vec::new(), upper: HashMap::new(), entry: None }
    }

    /// Makes room ahead for that many more nodes, as far as there is memory.
    pub(crate) fn reserve(&mut self, nodes: usize) {
        let _ = self.vectors.try_reserve_exact(nodes);
        let _ = self.ground.try_reserve_exact(nodes);
        self.codes.reserve(nodes);
    }

    /// Takes vectors in; their nodes wait to be linked.
    pub(crate) fn hold(&mut self, vectors: impl IntoIterator<Item = Embedding>) {
        for vector in vectors {
            self.codes.push(&vector);
            room_for(&mut self.vectors, 1);
            self.vectors.push(vector);
        }
    }

    /// Nodes that are linked and can be found.
    pub(crate) fn linked(&self) -> u32 {
        num::len_u32(self.ground.len())
    }

    /// All nodes, those among them that wait to be linked.
    pub(crate) fn nodes(&self) -> u32 {
        num::len_u32(self.vectors.len())
    }

    pub(crate) fn vector(&self, node: u32) -> Option<&Embedding> {
        self.vectors.get(num::index(node))
    }

    pub(crate) fn links(&self, node: u32, layer: usize) -> &[u32] {
        match layer.checked_sub(1) {
            None => self.ground.get(num::index(node)).map_or(&[], |links| links),
            Some(layer) => {
                self.upper.get(&node).and_then(|layers| layers.get(layer)).map_or(&[], |links| links)
            }
        }
    }

    fn height(&self, node: u32) -> usize {
        self.upper.get(&node).map_or(0, Vec::len)
    }

    fn near(&self, to: Code<'_>, node: u32) -> Near {
        Near { cosine: to.cosine(self.codes.get(node)), node }
    }

    /// The same, exactly.
    fn exactly(&self, to: &Embedding, node: u32) -> Near {
        Near { cosine: self.vector(node).map_or(0.0, |vector| vector.cosine(to)), node }
    }

    /// The nodes nearest to a vector among those that are wanted, best first: at most `most`, found with `view` nodes in
    /// view.
    pub(crate) fn search(
        &self,
        to: &Embedding,
        (most, view): (usize, usize),
        wanted: &dyn Fn(u32) -> bool,
    ) -> Vec<Near> {
        let Some(entry) = self.entry else { return Vec::new() };
        let codes = Codes::of(to);
        let code = codes.get(0);
        let view = view.min(self.ground.len());
        let start = self.descend(code, self.near(code, entry), self.height(entry), 0);
        let found = self.search_layer(code, &[start], view, 0, wanted);
        self.nearest(to, most, found)
    }

    /// The same, but for what the coarse copies miss: all nodes are compared, whether linked or not.
    pub(crate) fn scan(&self, to: &Embedding, most: usize, wanted: &dyn Fn(u32) -> bool) -> Vec<Near> {
        let codes = Codes::of(to);
        let code = codes.get(0);
        let compared = compared(most);
        let mut found = BinaryHeap::new();
        for node in (0..self.nodes()).filter(|node| wanted(*node)) {
            let near = self.near(code, node);
            if found.len() < compared {
                found.push(Reverse(near));
            } else if let Some(mut worst) = found.peek_mut().filter(|worst| worst.0 < near) {
                *worst = Reverse(near);
            }
        }
        self.nearest(to, most, found.into_sorted_vec().into_iter().map(|near| near.0).collect())
    }

    /// Of nodes that are near by their coarse copies, best first, those that are nearest, exactly.
    fn nearest(&self, to: &Embedding, most: usize, mut found: Vec<Near>) -> Vec<Near> {
        found.truncate(compared(most));
        found.iter_mut().for_each(|near| *near = self.exactly(to, near.node));
        found.sort_unstable_by_key(|near| Reverse(*near));
        found.truncate(most);
        found
    }

    /// From layer `from` down to above `above`, in each to the node nearest to the vector.
    fn descend(&self, to: Code<'_>, mut at: Near, from: usize, above: usize) -> Near {
        for layer in (above + 1..=from).rev() {
            loop {
                let best = self.links(at.node, layer).iter().map(|node| self.near(to, *node)).max();
                match best {
                    Some(best) if best > at => at = best,
                    _ => break,
                }
            }
        }
        at
    }

    /// Algorithm 2 of the paper. Unwanted nodes are passed through, not returned.
    fn search_layer(
        &self,
        to: Code<'_>,
        start: &[Near],
        view: usize,
        layer: usize,
        wanted: &dyn Fn(u32) -> bool,
    ) -> Vec<Near> {
        let mut seen = Marks::new(self.ground.len());
        let mut ahead = BinaryHeap::with_capacity(view);
        let mut found = BinaryHeap::with_capacity(view + 1);
        let mut nearer = Vec::with_capacity(GROUND);
        for near in start.iter().filter(|near| seen.mark(near.node)) {
            ahead.push(*near);
            if wanted(near.node) {
                found.push(Reverse(*near));
            }
        }
        while let Some(at) = ahead.pop() {
            let bar = |found: &BinaryHeap<Reverse<Near>>| {
                if found.len() < view { None } else { found.peek().map(|worst| worst.0) }
            };
            if bar(&found).is_some_and(|bar| at < bar) {
                break;
            }
            // All of them before any is judged: so the processor fetches what lies apart at once.
            nearer.clear();
            let new = self.links(at.node, layer).iter().filter(|node| seen.mark(**node));
            nearer.extend(new.map(|node| self.near(to, *node)));
            for near in &nearer {
                if bar(&found).is_some_and(|bar| *near < bar) {
                    continue;
                }
                ahead.push(*near);
                if wanted(near.node) {
                    found.push(Reverse(*near));
                    if found.len() > view {
                        found.pop();
                    }
                }
            }
        }
        found.into_sorted_vec().into_iter().map(|near| near.0).collect()
    }
}

/// How many that are nearest by their coarse copies hold the `most` nearest.
fn compared(most: usize) -> usize {
    most.saturating_mul(COMPARED).max(most.saturating_add(COMPARED_MORE))
}

/// How many layers a node reaches above the ground: each with one in [`UPPER`] of those below it (the paper's choice),
/// here four bits of a hash of its number for each.
pub(crate) fn height_of(node: u32) -> usize {
    // splitmix64 by Sebastiano Vigna, public domain.
    let mut x = u64::from(node).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    num::index((x ^ (x >> 31)).trailing_zeros() / UPPER.ilog2()).min(TOP)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Embeddings in `groups` groups, no two the same.
    pub(crate) fn embeddings(count: u16, dimension: u16, groups: u16) -> Vec<Embedding> {
        let wave = |a: u16, b: u16, pace: f32| (f32::from(a) * pace + f32::from(b) * 1.7 + 1.0).sin();
        (0..count)
            .map(|n| {
                let value = |i| wave(n % groups, i, 12.9) + 0.6 * wave(n, i * 7, 78.2);
                let raw: Vec<f32> = (0..dimension).map(value).collect();
                Embedding::from_raw(&raw).unwrap()
            })
            .collect()
    }

    #[test]
    fn each_layer_has_a_sixteenth_of_the_one_below() {
        let mut counts = [0u32; TOP + 1];
        (0..1_000_000).for_each(|node| counts[height_of(node)] += 1);
        for (layer, expected) in [(0, 937_500.0), (1, 58_594.0), (2, 3662.0), (3, 229.0)] {
            let count = f64::from(counts[layer]);
            assert!((count - expected).abs() < 5.0 * f64::sqrt(expected), "{layer}: {count}");
        }
    }
}
