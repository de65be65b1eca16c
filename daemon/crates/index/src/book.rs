//! Which face is at which node of the graph, and which are shown. Pure book-keeping.
//!
//! Faces with the very same vector (the same picture saved in two lossless formats) share a node: in a graph of
//! near neighbours, a crowd of equals would have links to nothing but itself.

use std::collections::HashMap;

use vow_tables::List;
use vow_types::{FaceId, PerFace, num};

use crate::graph::MOST;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) node: u32,
    pub(crate) shown: bool,
}

/// The same in four bytes: there are a million. The lowest bit is whether it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Packed(u32);

const _: () = assert!(MOST <= u32::MAX / 2);

impl From<Seat> for Packed {
    fn from(Seat { node, shown }: Seat) -> Self {
        Self((node << 1) | u32::from(shown))
    }
}

impl From<Packed> for Seat {
    fn from(Packed(seat): Packed) -> Self {
        Self { node: seat >> 1, shown: seat & 1 == 1 }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Book {
    seats: PerFace<Packed>,
    /// The first face of each node.
    first: List<FaceId>,
    /// The others, of the few nodes that have some.
    others: HashMap<u32, Vec<FaceId>>,
    /// A bit for each node: whether any face of it is shown.
    shown: List<u64>,
    hidden: usize,
}

impl Book {
    pub(crate) fn seat(&self, face: FaceId) -> Option<Seat> {
        self.seats.get(face).map(|seat| (*seat).into())
    }

    /// All faces, in no order.
    pub(crate) fn seats(&self) -> impl Iterator<Item = (FaceId, Seat)> {
        self.seats.iter().map(|(face, seat)| (face, (*seat).into()))
    }

    /// All faces of a node and whether they are shown, in the order in which they came.
    pub(crate) fn faces(&self, node: u32) -> impl Iterator<Item = (FaceId, bool)> {
        let others = self.others.get(&node).into_iter().flatten();
        let faces = self.first.get(num::index(node)).into_iter().chain(others).copied();
        faces.filter_map(|face| Some((face, self.seat(face)?.shown)))
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
        if seat.node > next || seat.node >= MOST || self.seats.contains(face) {
            return false;
        }
        self.seats.insert(face, seat.into());
        if seat.node == next {
            self.first.push(face);
        } else {
            self.others.entry(seat.node).or_default().push(face);
        }
        let any = seat.shown || self.any_shown(seat.node);
        self.mark(seat.node, any);
        self.hidden += usize::from(!seat.shown);
        true
    }

    /// Shows or hides a face that has a seat.
    pub(crate) fn set_shown(&mut self, face: FaceId, shown: bool) {
        let Some(seat) = self.seats.get_mut(face) else { return };
        let before = Seat::from(*seat);
        if before.shown == shown {
            return;
        }
        *seat = Seat { shown, ..before }.into();
        if shown {
            self.hidden -= 1;
        } else {
            self.hidden += 1;
        }
        let any = shown || self.shown_faces(before.node).next().is_some();
        self.mark(before.node, any);
    }

    fn mark(&mut self, node: u32, shown: bool) {
        let (word, bit) = place(node);
        self.shown.reach(word.saturating_add(1), || 0);
        let Some(word) = self.shown.get_mut(word) else { return };
        if shown {
            *word |= bit;
        } else {
            *word &= !bit;
        }
    }

    /// Whether any face of a node is shown.
    pub(crate) fn any_shown(&self, node: u32) -> bool {
        let (word, bit) = place(node);
        self.shown.get(word).is_some_and(|word| word & bit != 0)
    }

    /// The shown faces of a node.
    pub(crate) fn shown_faces(&self, node: u32) -> impl Iterator<Item = FaceId> {
        self.faces(node).filter(|(_, shown)| *shown).map(|(face, _)| face)
    }
}

/// The word in which a node's bit is, and the bit.
fn place(node: u32) -> (usize, u64) {
    (num::index(node / u64::BITS), 1 << (node % u64::BITS))
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
