//! A value for each face: a map by face id that takes hardly more room than its values.
//!
//! A store numbers faces one after the other, and there are as many as a million: a hash map of small values takes three times
//! what they do. Here 64 neighbouring ids share an entry. Ids that lie far apart cost an entry each, and nothing else.

use std::collections::HashMap;

use crate::FaceId;

/// Neighbouring ids that share an entry: as many as a word has bits.
const IDS: usize = 64;

/// A map from face ids to values. Dense ids cost the value and about a byte each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerFace<T> {
    /// By the upper bits of the ids.
    blocks: HashMap<u64, Block<T>>,
    len: usize,
}

/// The values of 64 neighbouring ids.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Block<T> {
    /// A bit for each id that has a value.
    present: u64,
    /// The values of these, in the order of the ids.
    values: Vec<T>,
}

impl<T> Block<T> {
    /// Where the value of an id is, or would be if it had one.
    fn place(&self, bit: u32) -> Result<usize, usize> {
        let below = self.present & (1u64 << bit).wrapping_sub(1);
        // At most 64.
        let at = usize::try_from(below.count_ones()).unwrap_or_default();
        if self.present & (1 << bit) == 0 { Err(at) } else { Ok(at) }
    }

    /// For one more value. Most entries come to be full, and none holds more than it has ids.
    fn make_room(&mut self) {
        let len = self.values.len();
        if len == self.values.capacity() {
            self.values.reserve_exact(len.clamp(4, 16).min(IDS.saturating_sub(len)));
        }
    }
}

impl<T> Default for PerFace<T> {
    fn default() -> Self {
        Self { blocks: HashMap::new(), len: 0 }
    }
}

/// The entry of an id, and its bit there.
fn split(face: FaceId) -> (u64, u32) {
    (face.0 / 64, u32::try_from(face.0 % 64).unwrap_or_default())
}

impl<T> PerFace<T> {
    /// How many faces have a value.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// No face has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of a face.
    #[must_use]
    pub fn get(&self, face: FaceId) -> Option<&T> {
        let (entry, bit) = split(face);
        let block = self.blocks.get(&entry)?;
        block.values.get(block.place(bit).ok()?)
    }

    /// The same, to be changed.
    #[must_use]
    pub fn get_mut(&mut self, face: FaceId) -> Option<&mut T> {
        let (entry, bit) = split(face);
        let block = self.blocks.get_mut(&entry)?;
        let at = block.place(bit).ok()?;
        block.values.get_mut(at)
    }

    /// Whether a face has a value.
    #[must_use]
    pub fn contains(&self, face: FaceId) -> bool {
        self.get(face).is_some()
    }

    /// Gives a face a value and returns the one it had.
    pub fn insert(&mut self, face: FaceId, value: T) -> Option<T> {
        let (entry, bit) = split(face);
        let block = self.blocks.entry(entry).or_insert(Block { present: 0, values: Vec::new() });
        match block.place(bit) {
            Ok(at) => block.values.get_mut(at).map(|old| std::mem::replace(old, value)),
            Err(at) => {
                block.make_room();
                block.values.insert(at, value);
                block.present |= 1 << bit;
                self.len += 1;
                None
            }
        }
    }

    /// Takes a face's value away.
    pub fn remove(&mut self, face: FaceId) -> Option<T> {
        let (entry, bit) = split(face);
        let block = self.blocks.get_mut(&entry)?;
        let at = block.place(bit).ok()?;
        let value = block.values.remove(at);
        block.present &= !(1 << bit);
        if block.present == 0 {
            self.blocks.remove(&entry);
        }
        self.len -= 1;
        Some(value)
    }

    /// All faces that have a value, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (FaceId, &T)> {
        self.blocks.iter().flat_map(|(entry, block)| {
            let ids = (0..64u64).filter(|bit| block.present & (1 << bit) != 0);
            ids.map(move |bit| FaceId(entry * 64 + bit)).zip(&block.values)
        })
    }

    /// All values, in no order.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.blocks.values().flat_map(|block| &block.values)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against the standard library's map.
        #[test]
        fn it_is_a_map(steps in prop::collection::vec(
            (prop_oneof![0u64..200, u64::MAX - 70..=u64::MAX], prop::option::weighted(0.7, 0u32..9)), 0..300,
        )) {
            let (mut table, mut model) = (PerFace::default(), BTreeMap::new());
            for (id, value) in steps {
                let face = FaceId(id);
                match value {
                    Some(value) => prop_assert_eq!(table.insert(face, value), model.insert(face, value)),
                    None => prop_assert_eq!(table.remove(face), model.remove(&face)),
                }
                prop_assert_eq!(table.get(face), model.get(&face));
                prop_assert_eq!(table.get_mut(face).copied(), model.get(&face).copied());
                prop_assert_eq!((table.len(), table.is_empty()), (model.len(), model.is_empty()));
            }
            let all: BTreeMap<FaceId, u32> = table.iter().map(|(face, value)| (face, *value)).collect();
            prop_assert_eq!(&all, &model);
            prop_assert!(table.blocks.values().all(|block| block.values.capacity() <= IDS));
            let mut values: Vec<u32> = table.values().copied().collect();
            let mut expected: Vec<u32> = model.values().copied().collect();
            values.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(values, expected);
        }
    }
}
