//! Which face is at which node of the graph, and which are shown. Pure book-keeping.
//!
//! Faces with the very same vector (the same picture saved in two lossless formats) share a node: in a graph of
//! near neighbours, a crowd of equals would have links to nothing but itself.

use std::collections::HashMap;

use vow_types::{FaceId, PerFace, num, room_for};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) node: u32,
    pub(crate) shown: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Book {
    seats: PerFace<Seat>,
    /// The first face of each node.
    first: Vec<FaceId>,
    /// The others, of the few nodes that have some.
    others: HashMap<u32, Vec<FaceId>>,
    /// Shown faces of each node.
    shown_at: Vec<u32>,
    hidden: usize,
}

impl Book {
    pub(crate) fn seat(&self, face: FaceId) -> Option<Seat> {
        self.seats.get(face).copied()
    }

    /// All faces, in no order.
    pub(crate) fn seats(&self) -> impl Iterator<Item = (FaceId, Seat)> {
        self.seats.iter().map(|(face, seat)| (face, *seat))
    }

    /// All faces of a node and whether they are shown, in the order in which they came.
    pub(crate) fn faces(&self, node: u32) -> impl Iterator<Item = (FaceId, bool)> {
        let others = self.others.get(&node).into_iter().flatten();
        let faces = self.first.get(num::index(node)).into_iter().chain(others).copied();
        faces.filter_map(|face| Some((face, self.seats.get(face)?.shown)))
    }

    /// How many faces those nodes have that have several.
    pub(crate) fn shared(&self) -> HashMap<u32, usize> {
        self.others.iter().map(|(node, others)| (*node, others.len().saturating_add(1))).collect()
    }

    pub(crate) fn total(&self) -> usize {
        self.seats.len()
    }

    pub(crate) fn shown(&self) -> usize {
        self.seats.len() - self.hidden
    }

    /// Seats a new face at a node, which is one of those that have faces or the next; `false`, and nothing is done,
    /// when it is not, or the face has a seat already.
    pub(crate) fn sit(&mut self, face: FaceId, seat: Seat) -> bool {
        let next = num::len_u32(self.first.len());
        if seat.node > next || self.seats.contains(face) {
            return false;
        }
        self.seats.insert(face, seat);
        if seat.node == next {
            room_for(&mut self.first, 1);
            room_for(&mut self.shown_at, 1);
            self.first.push(face);
            self.shown_at.push(0);
        } else {
            self.others.entry(seat.node).or_default().push(face);
        }
        if let Some(count) = self.shown_at.get_mut(num::index(seat.node)).filter(|_| seat.shown) {
            *count += 1;
        }
        self.hidden += usize::from(!seat.shown);
        true
    }

    /// Shows or hides a face that has a seat.
    pub(crate) fn set_shown(&mut self, face: FaceId, shown: bool) {
        let Some(seat) = self.seats.get_mut(face).filter(|seat| seat.shown != shown) else { return };
        seat.shown = shown;
        let Some(count) = self.shown_at.get_mut(num::index(seat.node)) else { return };
        if shown {
            *count += 1;
            self.hidden -= 1;
        } else {
            *count -= 1;
            self.hidden += 1;
        }
    }

    /// Whether any face of a node is shown.
    pub(crate) fn any_shown(&self, node: u32) -> bool {
        self.shown_at.get(num::index(node)).is_some_and(|count| *count > 0)
    }

    /// The shown faces of a node.
    pub(crate) fn shown_faces(&self, node: u32) -> impl Iterator<Item = FaceId> {
        self.faces(node).filter(|(_, shown)| *shown).map(|(face, _)| face)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a plain map from face to node and shown.
        #[test]
        fn counts_and_faces_agree(steps in prop::collection::vec((0u64..12, 0u32..6, any::<bool>()), 0..60)) {
            let mut book = Book::default();
            let mut model: BTreeMap<FaceId, (u32, bool)> = BTreeMap::new();
            for (face, node, shown) in steps {
                let face = FaceId(face);
                let nodes = model.values().map(|(node, _)| node + 1).max().unwrap_or(0);
                if let Some((_, was)) = model.get_mut(&face) {
                    let sat = book.sit(face, Seat { node, shown });
                    prop_assert!(!sat);
                    *was = shown;
                    book.set_shown(face, shown);
                } else {
                    prop_assert_eq!(book.sit(face, Seat { node, shown }), node <= nodes);
                    if node <= nodes {
                        model.insert(face, (node, shown));
                    }
                    book.set_shown(FaceId(99), shown);
                }
                prop_assert_eq!(book.total(), model.len());
                prop_assert_eq!(book.shown(), model.values().filter(|(_, shown)| *shown).count());
                for node in 0..8 {
                    let at = |(face, (one, shown)): (&FaceId, &(u32, bool))| (*one == node && *shown).then_some(*face);
                    let expected: BTreeSet<FaceId> = model.iter().filter_map(at).collect();
                    prop_assert_eq!(book.any_shown(node), !expected.is_empty());
                    prop_assert_eq!(book.shown_faces(node).collect::<BTreeSet<_>>(), expected);
                }
            }
        }
    }
}
