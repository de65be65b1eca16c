//! What a search knows of nodes: how near they are to what is looked for, and which it has seen.

use std::cmp::Ordering;

use vow_types::num;

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

/// One bit a node.
pub(crate) struct Marks(Vec<u64>);

impl Marks {
    pub(crate) fn new(nodes: usize) -> Self {
        Self(vec![0; nodes.div_ceil(64)])
    }

    /// Marks a node; whether it was not marked before.
    pub(crate) fn mark(&mut self, node: u32) -> bool {
        let bit = 1 << (node % 64);
        let Some(word) = self.0.get_mut(num::index(node / 64)) else { return false };
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        list.sort_unstable_by_key(|one| std::cmp::Reverse(*one));
        assert_eq!(list.map(|one| one.node), [2, 1, 3]);
    }
}
