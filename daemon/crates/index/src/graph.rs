//! A hierarchical navigable small world graph (Malkov and Yashunin, "Efficient and robust approximate nearest
//! neighbor search using Hierarchical Navigable Small World graphs", 2018) over unit vectors. Knows nodes by number;
//! nothing of faces, files or locks.
//!
//! Links lie flat: a node costs 260 bytes beside its vector, which is shared with whoever else holds the embedding, 24 to
//! know where that is, and about 9 more for the upper layers. Vectors may come long before their nodes are linked. A node's
//! layer follows from its number and links are made in the order of the numbers, so that the same vectors give the
//! same graph on any machine, with any number of threads.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};

use vow_types::{Embedding, num};

/// Links of a node in an upper layer (M of the paper).
pub(crate) const UPPER: usize = 16;
/// Links that a new node makes in the ground layer: twice as many, as the paper advises.
const NEW: usize = 2 * UPPER;
/// Links that a node of the ground layer may come to have. The room beyond [`NEW`] is for those that come later and
/// find it near; on crowded groups (many photos of one person) it is what recall depends on most.
pub(crate) const GROUND: usize = 4 * UPPER;
/// Nodes that are kept in view while a place for a new one is sought (efConstruction of the paper).
const VIEW: usize = 200;
/// No node is higher; by chance it would be one in 16^15.
pub(crate) const TOP: usize = 15;

/// A node and its cosine to what is looked for. Greater is nearer; equal ones by number, lowest first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Near {
    pub(crate) cosine: f32,
    pub(crate) node: u32,
}

impl Ord for Near {
    fn cmp(&self, other: &Self) -> Ordering {
        self.cosine.total_cmp(&other.cosine).then(other.node.cmp(&self.node))
    }
}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Near {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Near {}

/// Up to `N` nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Links<const N: usize> {
    count: u32,
    to: [u32; N],
}

impl<const N: usize> Links<N> {
    pub(crate) const NONE: Self = Self { count: 0, to: [0; N] };

    /// The first `N` of `nodes`.
    pub(crate) fn of(nodes: impl IntoIterator<Item = u32>) -> Self {
        let mut links = Self::NONE;
        for (slot, node) in links.to.iter_mut().zip(nodes) {
            *slot = node;
            links.count += 1;
        }
        links
    }

    pub(crate) fn nodes(&self) -> &[u32] {
        self.to.get(..num::index(self.count)).unwrap_or(&[])
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Graph {
    pub(crate) dimension: usize,
    /// By node.
    pub(crate) vectors: Vec<Embedding>,
    /// The ground layer. Shorter than the vectors while nodes wait to be linked.
    pub(crate) ground: Vec<Links<GROUND>>,
    /// Of the nodes that reach higher: layers 1, 2, …
    pub(crate) upper: HashMap<u32, Vec<Links<UPPER>>>,
    /// A node of the highest layer, where every search starts.
    pub(crate) entry: Option<u32>,
}

/// Where a new node belongs: its links for the layers 0, 1, … as far as it reaches.
pub(crate) struct Place(Vec<Vec<Near>>);

impl Graph {
    pub(crate) fn new(dimension: usize) -> Self {
        Self { dimension, vectors: Vec::new(), ground: Vec::new(), upper: HashMap::new(), entry: None }
    }

    /// Makes room ahead for that many more nodes, as far as there is memory.
    pub(crate) fn reserve(&mut self, nodes: usize) {
        let _ = self.vectors.try_reserve_exact(nodes);
        let _ = self.ground.try_reserve_exact(nodes);
    }

    /// Nodes that are linked and can be found.
    pub(crate) fn linked(&self) -> u32 {
        num::len_u32(self.ground.len())
    }

    /// All nodes, those among them that wait to be linked.
    pub(crate) fn nodes(&self) -> u32 {
        num::len_u32(self.vectors.len())
    }

    pub(crate) fn vector(&self, node: u32) -> &[f32] {
        self.vectors.get(num::index(node)).map_or(&[], Embedding::as_slice)
    }

    pub(crate) fn links(&self, node: u32, layer: usize) -> &[u32] {
        match layer.checked_sub(1) {
            None => self.ground.get(num::index(node)).map_or(&[], Links::nodes),
            Some(layer) => {
                self.upper.get(&node).and_then(|layers| layers.get(layer)).map_or(&[], Links::nodes)
            }
        }
    }

    fn height(&self, node: u32) -> usize {
        self.upper.get(&node).map_or(0, Vec::len)
    }

    fn near(&self, to: &[f32], node: u32) -> Near {
        Near { cosine: dot(to, self.vector(node)), node }
    }

    /// Nodes near to a vector, best first: at most `view`, and only those that are wanted.
    pub(crate) fn search(&self, to: &[f32], view: usize, wanted: &dyn Fn(u32) -> bool) -> Vec<Near> {
        let Some(entry) = self.entry else { return Vec::new() };
        let view = view.min(self.ground.len());
        let start = self.descend(to, self.near(to, entry), self.height(entry), 0);
        self.search_layer(to, &[start], view, 0, wanted)
    }

    /// The `most` wanted nodes nearest to a vector, best first: all nodes are compared, whether linked or not.
    pub(crate) fn scan(&self, to: &[f32], most: usize, wanted: &dyn Fn(u32) -> bool) -> Vec<Near> {
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
    fn descend(&self, to: &[f32], mut at: Near, from: usize, above: usize) -> Near {
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
        to: &[f32],
        start: &[Near],
        view: usize,
        layer: usize,
        wanted: &dyn Fn(u32) -> bool,
    ) -> Vec<Near> {
        let mut seen = Marks::new(self.ground.len());
        let mut ahead = BinaryHeap::with_capacity(view);
        let mut found = BinaryHeap::with_capacity(view + 1);
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
            for node in self.links(at.node, layer).iter().filter(|node| seen.mark(**node)) {
                let near = self.near(to, *node);
                if bar(&found).is_some_and(|bar| near < bar) {
                    continue;
                }
                ahead.push(near);
                if wanted(near.node) {
                    found.push(Reverse(near));
                    if found.len() > view {
                        found.pop();
                    }
                }
            }
        }
        found.into_sorted_vec().into_iter().map(|near| near.0).collect()
    }

    /// Finds the place of a node whose vector is in, but which is not linked. `beside`: nodes in the same state that
    /// will be linked before it, and so are near to it already.
    pub(crate) fn place(&self, node: u32, beside: std::ops::Range<u32>) -> Place {
        let vector = self.vector(node);
        let height = height_of(node);
        let beside: Vec<Near> = beside.map(|other| self.near(vector, other)).collect();
        let mut layers = vec![Vec::new(); height + 1];
        let mut start: Vec<Near> = Vec::new();
        let top = self.entry.map_or(0, |entry| self.height(entry));
        if let Some(entry) = self.entry {
            start.push(self.descend(vector, self.near(vector, entry), top, height));
        }
        for (layer, links) in layers.iter_mut().enumerate().rev() {
            // Above the entry's layer there is nobody yet.
            let from: &[Near] = if layer > top { &[] } else { &start };
            let mut found = self.search_layer(vector, from, VIEW, layer, &|_| true);
            if layer <= top {
                start.clone_from(&found);
            }
            found.extend(beside.iter().filter(|other| height_of(other.node) >= layer));
            found.sort_unstable_by_key(|near| Reverse(*near));
            *links = self.select(&found, if layer == 0 { NEW } else { UPPER });
        }
        Place(layers)
    }

    /// Algorithm 4 of the paper: of nodes near to a vector (best first) those that are nearer to it than to any that
    /// was taken before. This is what keeps ways open between groups of faces that are all alike.
    fn select(&self, near: &[Near], count: usize) -> Vec<Near> {
        let mut taken: Vec<Near> = Vec::with_capacity(count);
        for one in near {
            if taken.len() == count {
                break;
            }
            let vector = self.vector(one.node);
            if taken.iter().all(|other| dot(vector, self.vector(other.node)) < one.cosine) {
                taken.push(*one);
            }
        }
        taken
    }

    /// Links the next node, [`Self::linked`], at its place.
    pub(crate) fn link(&mut self, place: Place) {
        let node = self.linked();
        let height = place.0.len().saturating_sub(1);
        let nodes = |links: &[Near]| links.iter().map(|near| near.node).collect::<Vec<_>>();
        self.ground.push(Links::of(place.0.first().map(|links| nodes(links)).unwrap_or_default()));
        if height > 0 {
            let upper = place.0.iter().skip(1).map(|links| Links::of(nodes(links)));
            self.upper.insert(node, upper.collect());
        }
        for (layer, links) in place.0.iter().enumerate() {
            for near in links {
                self.link_back(near.node, layer, Near { node, ..*near });
            }
        }
        if self.entry.is_none_or(|entry| self.height(entry) < height) {
            self.entry = Some(node);
        }
    }

    /// `from` gets a link to `new`; when it has too many, the choice is made anew among all of them.
    fn link_back(&mut self, from: u32, layer: usize, new: Near) {
        let links = self.links(from, layer);
        let room = if layer == 0 { GROUND } else { UPPER };
        let nodes: Vec<u32> = if links.len() < room {
            links.iter().copied().chain([new.node]).collect()
        } else {
            let vector = self.vector(from);
            let mut near: Vec<Near> = links.iter().map(|node| self.near(vector, *node)).collect();
            near.push(new);
            near.sort_unstable_by_key(|near| Reverse(*near));
            self.select(&near, room).iter().map(|near| near.node).collect()
        };
        match layer.checked_sub(1) {
            None => {
                if let Some(links) = self.ground.get_mut(num::index(from)) {
                    *links = Links::of(nodes);
                }
            }
            Some(layer) => {
                if let Some(links) = self.upper.get_mut(&from).and_then(|layers| layers.get_mut(layer)) {
                    *links = Links::of(nodes);
                }
            }
        }
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

/// Sum of products, in the order in which `Embedding::cosine` adds, so that both give the same bits.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a16, a_rest) = a.as_chunks::<16>();
    let (b16, b_rest) = b.as_chunks::<16>();
    let mut lanes = [0.0f32; 16];
    for (x, y) in a16.iter().zip(b16) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += x * y;
        }
    }
    lanes.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum::<f32>()
}

/// One bit a node.
struct Marks(Vec<u64>);

impl Marks {
    fn new(nodes: usize) -> Self {
        Self(vec![0; nodes.div_ceil(64)])
    }

    /// Marks a node; whether it was not marked before.
    fn mark(&mut self, node: u32) -> bool {
        let bit = 1 << (node % 64);
        let Some(word) = self.0.get_mut(num::index(node / 64)) else { return false };
        let new = *word & bit == 0;
        *word |= bit;
        new
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

    #[test]
    fn links_go_to_all_sides_rather_than_into_the_crowd() {
        let mut graph = Graph::new(2);
        for degrees in [10.0f32, 11.0, 12.0, -30.0, -31.0, 170.0] {
            let raw = [degrees.to_radians().cos(), degrees.to_radians().sin()];
            graph.vectors.push(Embedding::from_raw(&raw).unwrap());
        }
        let mut near: Vec<Near> = (0..6).map(|node| graph.near(&[1.0, 0.0], node)).collect();
        near.sort_unstable_by_key(|one| Reverse(*one));
        let taken = |count| graph.select(&near, count).iter().map(|one| one.node).collect::<Vec<_>>();
        assert_eq!(taken(5), [0, 3]);
        assert_eq!(taken(1), [0]);
    }

    #[test]
    fn marks_are_set_once() {
        let mut marks = Marks::new(65);
        for node in [0, 63, 64] {
            assert!(marks.mark(node));
            assert!(!marks.mark(node));
        }
        assert!(!marks.mark(128), "beyond the end");
    }

    #[test]
    fn equal_nodes_come_by_number() {
        let near = |cosine, node| Near { cosine, node };
        let mut list = [near(0.5, 3), near(0.9, 2), near(0.5, 1)];
        list.sort_unstable_by_key(|one| Reverse(*one));
        assert_eq!(list.map(|one| one.node), [2, 1, 3]);
    }
}
