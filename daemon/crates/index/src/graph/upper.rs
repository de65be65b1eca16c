//! Links above the ground layer, of the one node in sixteen that reaches there: a row for each node and layer.

use vow_tables::{List, Map};
use vow_types::num;

use super::UPPER;
use super::row::Row;

/// Layers 1, 2, … of the nodes that reach there. None has to be taken out.
#[derive(Debug, Default)]
pub(crate) struct Upper {
    /// The first row of each node, and how many it has.
    nodes: Map<u32, (u32, u32)>,
    rows: List<Row<UPPER>>,
}

impl Upper {
    /// How many nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// How many layers a node reaches above the ground.
    pub(crate) fn height(&self, node: u32) -> usize {
        self.nodes.get(&node).map_or(0, |(_, height)| num::index(*height))
    }

    /// A node's links in layer 1, 2, …; at most [`UPPER`].
    pub(crate) fn links(&self, node: u32, layer: usize) -> &[u32] {
        self.row(node, layer).and_then(|row| self.rows.get(row)).map_or(&[], Row::links)
    }

    fn row(&self, node: u32, layer: usize) -> Option<usize> {
        let (first, height) = self.nodes.get(&node)?;
        let above = layer.checked_sub(1).filter(|above| *above < num::index(*height))?;
        num::index(*first).checked_add(above)
    }

    /// A new node, with its links in layers 1, 2, …
    pub(crate) fn insert<'a>(&mut self, node: u32, layers: impl Iterator<Item = &'a [u32]>) {
        let first = self.rows.len();
        layers.for_each(|links| self.rows.push(Row::of(links)));
        let height = self.rows.len().saturating_sub(first);
        self.nodes.insert(node, (num::len_u32(first), num::len_u32(height)));
    }

    /// Other links of a node in a layer that it reaches.
    pub(crate) fn set(&mut self, node: u32, layer: usize, links: &[u32]) {
        if let Some(row) = self.row(node, layer).and_then(|row| self.rows.get_mut(row)) {
            *row = Row::of(links);
        }
    }
}

#[cfg(test)]
impl PartialEq for Upper {
    fn eq(&self, other: &Self) -> bool {
        let links = |of: &Self, node| {
            (0..=of.height(node)).map(|layer| of.links(node, layer).to_vec()).collect::<Vec<_>>()
        };
        self.len() == other.len() && self.nodes.keys().all(|node| links(self, *node) == links(other, *node))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a map from node to lists of links.
        #[test]
        fn it_is_a_map(
            nodes in prop::collection::btree_map(0u32..50, prop::collection::vec(prop::collection::vec(0u32..9, 0..=UPPER), 1..4), 0..20),
            changes in prop::collection::vec((0u32..50, 0usize..5, prop::collection::vec(0u32..9, 0..=UPPER)), 0..40),
        ) {
            let mut upper = Upper::default();
            for (node, layers) in &nodes {
                upper.insert(*node, layers.iter().map(Vec::as_slice));
            }
            let mut model: BTreeMap<u32, Vec<Vec<u32>>> = nodes;
            for (node, layer, links) in changes {
                upper.set(node, layer, &links);
                let place = layer.checked_sub(1).and_then(|above| model.get_mut(&node)?.get_mut(above));
                place.into_iter().for_each(|place| place.clone_from(&links));
            }
            prop_assert_eq!(upper.len(), model.len());
            for node in 0..50 {
                let layers = model.get(&node).map_or(&[][..], Vec::as_slice);
                prop_assert_eq!(upper.height(node), layers.len());
                for layer in 0usize..6 {
                    let expected = layer.checked_sub(1).and_then(|above| layers.get(above));
                    prop_assert_eq!(upper.links(node, layer), expected.map_or(&[][..], Vec::as_slice));
                }
            }
        }
    }
}
