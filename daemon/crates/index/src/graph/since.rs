//! Links of the ground layer that are in no file: those of nodes that were linked since it was written, and those of saved nodes to
//! which they came near. Most saved nodes have none here, and take four bytes.

use vow_tables::List;
use vow_types::num;

use super::GROUND;
use super::row::Row;

/// Lists of links by node. Empty as long as nothing was linked.
#[derive(Debug, Default)]
pub(super) struct Since {
    /// The number of each node's list, counted from 1; 0 where it is as it was saved. Ends with the last node that is linked.
    places: List<u32>,
    lists: List<Row<GROUND>>,
}

impl Since {
    /// One more than the last node that is linked; 0 when none was linked since.
    pub(super) fn end(&self) -> usize {
        self.places.len()
    }

    /// This node is linked now, and so are all before it.
    pub(super) fn reach(&mut self, node: u32) {
        self.places.reach(num::index(node).saturating_add(1), || 0);
    }

    /// A node's links; `None` where they are as they were saved.
    pub(super) fn get(&self, node: u32) -> Option<&[u32]> {
        let list = self.places.get(num::index(node))?.checked_sub(1)?;
        self.lists.get(num::index(list)).map(Row::links)
    }

    /// Other links of a node, at most [`GROUND`]; one that is not linked yet gets none.
    pub(super) fn set(&mut self, node: u32, links: &[u32]) {
        let Some(place) = self.places.get_mut(num::index(node)) else { return };
        match place.checked_sub(1).and_then(|list| self.lists.get_mut(num::index(list))) {
            Some(list) => *list = Row::of(links),
            None => {
                self.lists.push(Row::of(links));
                *place = num::len_u32(self.lists.len());
            }
        }
    }

    /// Bytes of all links that are held here.
    pub(super) fn size(&self) -> usize {
        size_of_val(&*self.lists)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a map from node to links.
        #[test]
        fn it_is_a_map(steps in prop::collection::vec((0u32..40, prop::collection::vec(0u32..9, 0..4)), 0..60)) {
            let (mut since, mut model) = (Since::default(), BTreeMap::new());
            let mut end = 0;
            for (node, links) in steps {
                if node >= end {
                    since.set(node, &links);
                    since.reach(node);
                    end = node + 1;
                    prop_assert_eq!(since.get(node), None);
                }
                since.set(node, &links);
                model.insert(node, links);
                since.reach(node / 2);
                prop_assert_eq!(num::len_u32(since.end()), end);
                for node in 0..41 {
                    prop_assert_eq!(since.get(node), model.get(&node).map(Vec::as_slice));
                }
                prop_assert_eq!(since.lists.len(), model.len());
            }
        }
    }

    #[test]
    fn a_saved_node_takes_four_bytes_beside_one_that_came() {
        let mut since = Since::default();
        since.reach(1_000_000);
        since.set(1_000_000, &[1, 2]);
        assert!(size_of_val(&*since.places) <= 4_000_004 && since.lists.len() == 1);
    }
}
