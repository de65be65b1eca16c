//! A hierarchical navigable small world graph (Malkov and Yashunin, "Efficient and robust approximate nearest
//! neighbor search using Hierarchical Navigable Small World graphs", 2018) over unit vectors: what it holds, and searching
//! it. Knows nodes by number; nothing of faces, files or locks.
//!
//! What was saved is in the file of the snapshot, which is mapped ([`base`]): such a node takes some 10 bytes besides, for the upper
//! layers and to know that its links are as they were saved. A node that came since takes its vector, which is shared with whoever else
//! holds the embedding, and 260 bytes for links, as has a saved node whose links changed. All but the vectors are in tables that may go
//! to files. Vectors may come, and be saved, long before their nodes are linked. A node's layer follows from its number and links are made in the order of the numbers, so that the
//! same vectors give the same graph on any machine, with any number of threads.

mod base;
mod near;
mod placing;
mod row;
mod since;
mod upper;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use vow_types::{Embedding, cosine, num, room_for};

pub(crate) use base::Base;
use near::Marks;
pub(crate) use near::Near;
pub(crate) use placing::Place;
use since::Since;
use upper::Upper;

/// Links of a node in an upper layer (M of the paper).
pub(crate) const UPPER: usize = 16;
/// Links that a new node makes in the ground layer: twice as many, as the paper advises.
const NEW: usize = 2 * UPPER;
/// Links that a node of the ground layer may come to have. The room beyond [`NEW`] is for those that come later and
/// find it near; on crowded groups (many photos of one person) it is what recall depends on most.
pub(crate) const GROUND: usize = 4 * UPPER;
/// Nodes that are kept in view while a place for a new one is sought (efConstruction of the paper).
const VIEW: usize = 200;
/// The most nodes: so that links can be counted with 32 bits.
pub(crate) const MOST: u32 = u32::MAX / 64;
const _: () = assert!(GROUND == 64);
/// No node is higher; by chance it would be one in 16^15.
pub(crate) const TOP: usize = 15;

#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) dimension: usize,
    /// The nodes that were saved; those that waited to be linked then come last.
    base: Option<Base>,
    /// Of the nodes that came since.
    vectors: Vec<Embedding>,
    /// Of the ground layer.
    since: Since,
    /// Of the nodes that reach higher: layers 1, 2, …
    pub(crate) upper: Upper,
    /// A node of the highest layer, where every search starts.
    pub(crate) entry: Option<u32>,
}

impl Graph {
    pub(crate) fn new(dimension: usize) -> Self {
        let (base, vectors, since) = (None, Vec::new(), Since::default());
        Self { dimension, base, vectors, since, upper: Upper::default(), entry: None }
    }

    /// All there is was saved like this, and is held there from now on. Answers with what is no more of use: to drop it
    /// takes a moment.
    pub(crate) fn stand_on(&mut self, base: Base) -> impl Sized + use<> {
        let saved = num::index(base.nodes().saturating_sub(self.saved()));
        let vectors = self.vectors.get(saved..).unwrap_or_default().to_vec();
        let vectors = std::mem::replace(&mut self.vectors, vectors);
        (vectors, std::mem::take(&mut self.since), self.base.replace(base))
    }

    /// Nodes that are held in a file.
    fn saved(&self) -> u32 {
        self.base.as_ref().map_or(0, Base::nodes)
    }

    /// Makes room ahead for that many more nodes, as far as there is memory.
    pub(crate) fn reserve(&mut self, nodes: usize) {
        let _ = self.vectors.try_reserve_exact(nodes);
    }

    /// Takes a vector in; its node waits to be linked.
    pub(crate) fn hold(&mut self, vector: Embedding) {
        room_for(&mut self.vectors, 1);
        self.vectors.push(vector);
    }

    /// Bytes of vectors and of links in the ground layer that no snapshot holds.
    pub(crate) fn held(&self) -> usize {
        self.vectors.len().saturating_mul(self.vector_size()).saturating_add(self.since.size())
    }

    fn vector_size(&self) -> usize {
        self.dimension.saturating_mul(size_of::<i16>()).saturating_add(size_of::<Embedding>())
    }

    /// Moves the vectors of the nodes from `first` on into one piece of memory.
    pub(crate) fn move_together(&mut self, first: u32) {
        let first = num::index(first.saturating_sub(self.saved()));
        if let Some(vectors) = self.vectors.get_mut(first..) {
            vectors.clone_from_slice(&Embedding::together(vectors));
        }
    }

    /// Nodes that are linked and can be found.
    pub(crate) fn linked(&self) -> u32 {
        let saved = self.base.as_ref().map_or(0, |base| base.linked);
        saved.max(num::len_u32(self.since.end()))
    }

    /// All nodes, those among them that wait to be linked.
    pub(crate) fn nodes(&self) -> u32 {
        self.saved().saturating_add(num::len_u32(self.vectors.len()))
    }

    /// The file that nodes are held in, if any are.
    pub(crate) fn base(&self) -> Option<&Base> {
        self.base.as_ref()
    }

    pub(crate) fn vector(&self, node: u32) -> Option<Embedding> {
        match node.checked_sub(self.saved()) {
            None => self.base.as_ref()?.vector(node),
            Some(since) => self.vectors.get(num::index(since)).cloned(),
        }
    }

    /// A vector's numbers (see [`Embedding::steps`]).
    pub(crate) fn steps(&self, node: u32) -> &[i16] {
        match (node.checked_sub(self.saved()), &self.base) {
            (None, Some(base)) => base.vectors.steps(node),
            (None, None) => &[],
            (Some(since), _) => self.vectors.get(num::index(since)).map_or(&[], Embedding::steps),
        }
    }

    pub(crate) fn links(&self, node: u32, layer: usize) -> &[u32] {
        match layer.checked_sub(1) {
            None => match (self.since.get(node), &self.base) {
                (Some(links), _) => links,
                (None, Some(base)) => base.links(node),
                (None, None) => &[],
            },
            Some(_) => self.upper.links(node, layer),
        }
    }

    fn height(&self, node: u32) -> usize {
        self.upper.height(node)
    }

    fn near(&self, to: &[i16], node: u32) -> Near {
        Near { cosine: cosine(to, self.steps(node)), node }
    }

    /// Looks at where each node's vector begins. In a large index hardly one of them is in a cache or its page's address known: the
    /// processor finds all at once this way, and one after the other where each is compared to its end first.
    fn fetch(&self, nodes: &[u32]) {
        let first = nodes.iter().filter_map(|node| self.steps(*node).first());
        std::hint::black_box(first.fold(0, |all, step| all ^ step));
    }

    /// The nodes nearest to a vector among those that are wanted, best first: at most `most`, found with `view` nodes in
    /// view.
    pub(crate) fn search(
        &self,
        to: &[i16],
        (most, view): (usize, usize),
        wanted: &dyn Fn(u32) -> bool,
    ) -> Vec<Near> {
        let Some(entry) = self.entry else { return Vec::new() };
        let view = view.min(num::index(self.linked()));
        let start = self.descend(to, self.near(to, entry), self.height(entry), 0);
        let mut found = self.search_layer(to, &[start], view, 0, wanted);
        found.truncate(most);
        found
    }

    /// The same without missing any: all nodes are compared, whether linked or not.
    pub(crate) fn scan(&self, to: &[i16], most: usize, wanted: &dyn Fn(u32) -> bool) -> Vec<Near> {
        let mut found = BinaryHeap::new();
        for node in (0..self.nodes()).filter(|node| wanted(*node)) {
            let near = self.near(to, node);
            if found.len() < most {
                found.push(Reverse(near));
            } else if let Some(mut worst) = found.peek_mut().filter(|worst| worst.0 < near) {
                *worst = Reverse(near);
            }
        }
        found.into_sorted_vec().into_iter().map(|near| near.0).collect()
    }

    /// From layer `from` down to above `above`, in each to the node nearest to the vector.
    fn descend(&self, to: &[i16], mut at: Near, from: usize, above: usize) -> Near {
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
        to: &[i16],
        start: &[Near],
        view: usize,
        layer: usize,
        wanted: &dyn Fn(u32) -> bool,
    ) -> Vec<Near> {
        let mut seen = Marks::new(num::index(self.linked()));
        let mut ahead = BinaryHeap::with_capacity(view);
        let mut found = BinaryHeap::with_capacity(view + 1);
        let (mut new, mut nearer) = (Vec::with_capacity(GROUND), Vec::with_capacity(GROUND));
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
            // All of them before any is judged.
            new.clear();
            new.extend(self.links(at.node, layer).iter().filter(|node| seen.mark(**node)));
            self.fetch(&new);
            nearer.clear();
            nearer.extend(new.iter().map(|node| self.near(to, *node)));
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
impl Graph {
    /// Vectors and lists of links that are in memory of its own.
    pub(crate) fn in_memory(&self) -> usize {
        self.vectors.len() + self.since.end()
    }
}

/// By what is held, wherever it is.
#[cfg(test)]
impl PartialEq for Graph {
    fn eq(&self, other: &Self) -> bool {
        let sizes = |of: &Self| (of.dimension, of.nodes(), of.linked(), of.entry);
        let node =
            |node| self.steps(node) == other.steps(node) && self.links(node, 0) == other.links(node, 0);
        sizes(self) == sizes(other) && self.upper == other.upper && (0..self.nodes()).all(node)
    }
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
