//! A value for each face: a map by face id that takes hardly more room than its values.
//!
//! A store numbers faces one after the other, and there are millions: a hash map of small values takes three times
//! what they do. Here 64 neighbouring ids share a page. Ids that lie far apart cost a page each.

use std::collections::HashMap;

use vow_tables::List;

use crate::FaceId;
use crate::num::{index, len_u32};

/// Neighbouring ids that share a page: as many as a word has bits.
const IDS: usize = 64;

/// A map from face ids to values. Dense ids cost the value, a bit, and little more.
#[derive(Debug, Clone)]
pub struct PerFace<T> {
    /// The number of each page, by the upper bits of its ids.
    numbers: HashMap<u64, u32>,
    pages: List<Page<T>>,
    /// Pages that hold nothing.
    free: Vec<u32>,
    len: usize,
}

/// The values of 64 neighbouring ids.
#[derive(Debug, Clone)]
struct Page<T> {
    /// A bit for each id that has a value.
    present: u64,
    /// One for each id; of those that have none, any.
    values: [T; IDS],
}

impl<T> Page<T> {
    fn has(&self, at: usize) -> bool {
        self.present >> at & 1 == 1
    }

    /// All that there are, by their place.
    fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        (0..).zip(&self.values).filter(|(at, _)| self.present >> at & 1 == 1)
    }
}

impl<T> Default for PerFace<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), pages: List::new(), free: Vec::new(), len: 0 }
    }
}

/// The upper bits of an id, and its place in its page.
fn split(face: FaceId) -> (u64, usize) {
    // Below 64.
    (face.0 / 64, usize::try_from(face.0 % 64).unwrap_or_default())
}

impl<T: Copy> PerFace<T> {
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
        let (upper, at) = split(face);
        let page = self.pages.get(index(*self.numbers.get(&upper)?)).filter(|page| page.has(at))?;
        page.values.get(at)
    }

    /// The same, to be changed.
    #[must_use]
    pub fn get_mut(&mut self, face: FaceId) -> Option<&mut T> {
        let (upper, at) = split(face);
        let page = self.pages.get_mut(index(*self.numbers.get(&upper)?)).filter(|page| page.has(at))?;
        page.values.get_mut(at)
    }

    /// Whether a face has a value.
    #[must_use]
    pub fn contains(&self, face: FaceId) -> bool {
        self.get(face).is_some()
    }

    /// Gives a face a value and returns the one it had.
    pub fn insert(&mut self, face: FaceId, value: T) -> Option<T> {
        if let Some(held) = self.get_mut(face) {
            return Some(std::mem::replace(held, value));
        }
        let (upper, at) = split(face);
        let number = *self.numbers.entry(upper).or_insert_with(|| {
            self.free.pop().unwrap_or_else(|| {
                self.pages.push(Page { present: 0, values: [value; IDS] });
                len_u32(self.pages.len().saturating_sub(1))
            })
        });
        let page = self.pages.get_mut(index(number))?;
        *page.values.get_mut(at)? = value;
        page.present |= 1 << at;
        self.len = self.len.saturating_add(1);
        None
    }

    /// Takes a face's value away.
    pub fn remove(&mut self, face: FaceId) -> Option<T> {
        let (upper, at) = split(face);
        let number = *self.numbers.get(&upper)?;
        let page = self.pages.get_mut(index(number)).filter(|page| page.has(at))?;
        let value = *page.values.get(at)?;
        page.present &= !(1 << at);
        if page.present == 0 {
            self.numbers.remove(&upper);
            self.free.push(number);
        }
        self.len = self.len.saturating_sub(1);
        Some(value)
    }

    /// All faces that have a value, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (FaceId, &T)> {
        let pages =
            self.numbers.iter().filter_map(|(upper, number)| Some((upper, self.pages.get(index(*number))?)));
        pages.flat_map(|(upper, page)| page.iter().map(move |(at, value)| (FaceId(upper * 64 + at), value)))
    }

    /// All values, in no order.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flat_map(Page::iter).map(|(_, value)| value)
    }
}

/// By what faces have.
impl<T: Copy + PartialEq> PartialEq for PerFace<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().all(|(face, value)| other.get(face) == Some(value))
    }
}

impl<T: Copy + Eq> Eq for PerFace<T> {}

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
            prop_assert_eq!(table.numbers.len() + table.free.len(), table.pages.len());
            let again: PerFace<u32> = all.iter().rev().fold(PerFace::default(), |mut again, (face, value)| {
                again.insert(*face, *value);
                again
            });
            prop_assert_eq!(&again, &table);
            let mut values: Vec<u32> = table.values().copied().collect();
            let mut expected: Vec<u32> = model.values().copied().collect();
            values.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(values, expected);
        }
    }
}
