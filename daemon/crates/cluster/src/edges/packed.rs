//! A set of slots in few bytes. A face has some sixty candidate pairs, and there are a million faces: what is kept are the
//! gaps between ascending numbers, seven bits a byte, which takes two bytes for most where the number takes four.

use vow_types::room_for;

use crate::faces::Slot;

/// The most bytes that a gap takes.
const MOST: usize = 5;

/// Slots in ascending order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Packed(Vec<u8>);

/// Where a slot is, or would be.
struct Place {
    /// Where its gap begins.
    at: usize,
    /// The slot before it; the first gap is the slot itself.
    before: Slot,
    /// The first slot that is not before it, and where its gap ends.
    after: Option<(Slot, usize)>,
}

impl Packed {
    /// All of them, in ascending order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Slot> {
        let (mut at, mut last) = (0, 0);
        std::iter::from_fn(move || {
            let (gap, end) = read(&self.0, at)?;
            at = end;
            last += gap;
            Some(last)
        })
    }

    /// About how long it takes to go through.
    pub(crate) fn size(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn contains(&self, slot: Slot) -> bool {
        self.place(slot).after.is_some_and(|(after, _)| after == slot)
    }

    fn place(&self, slot: Slot) -> Place {
        let (mut at, mut before) = (0, 0);
        while let Some((gap, end)) = read(&self.0, at) {
            let this = before + gap;
            if this >= slot {
                return Place { at, before, after: Some((this, end)) };
            }
            (at, before) = (end, this);
        }
        Place { at, before, after: None }
    }

    /// Takes a slot in; `false` when it was there.
    pub(crate) fn insert(&mut self, slot: Slot) -> bool {
        let Place { at, before, after } = self.place(slot);
        if after.is_some_and(|(after, _)| after == slot) {
            return false;
        }
        room_for(&mut self.0, 2 * MOST);
        let gap = gap(slot - before);
        match after {
            Some((after, end)) => drop(self.0.splice(at..end, gap.chain(self::gap(after - slot)))),
            None => self.0.extend(gap),
        }
        true
    }

    /// Takes a slot out.
    pub(crate) fn remove(&mut self, slot: Slot) {
        let Place { at, before, after: Some((found, end)) } = self.place(slot) else { return };
        if found != slot {
            return;
        }
        match read(&self.0, end) {
            Some((next, next_end)) => drop(self.0.splice(at..next_end, gap(slot - before + next))),
            None => self.0.truncate(at),
        }
    }
}

/// Seven bits a byte, the lowest first; the highest bit says that there are more.
fn gap(mut value: u32) -> impl Iterator<Item = u8> {
    let mut more = true;
    std::iter::from_fn(move || {
        let low = u8::try_from(value & 0x7F).ok().filter(|_| more)?;
        value >>= 7;
        more = value > 0;
        Some(if more { low | 0x80 } else { low })
    })
}

/// The gap at a place, and where it ends.
fn read(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    let mut value = 0;
    for (byte, number) in bytes.get(at..)?.iter().zip(0..) {
        value |= u32::from(byte & 0x7F) << (7 * number);
        if byte & 0x80 == 0 {
            return Some((value, at + 1 + usize::try_from(number).unwrap_or_default()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against the standard library's set.
        #[test]
        fn it_is_a_set(steps in prop::collection::vec(
            (prop_oneof![0u32..40, 0u32..70_000, (u32::MAX - 40)..=u32::MAX], any::<bool>()), 0..200,
        )) {
            let (mut packed, mut model) = (Packed::default(), BTreeSet::new());
            for (slot, comes) in steps {
                if comes {
                    prop_assert_eq!(packed.insert(slot), model.insert(slot));
                } else {
                    packed.remove(slot);
                    model.remove(&slot);
                }
                prop_assert_eq!(packed.contains(slot), model.contains(&slot));
                prop_assert!(packed.iter().eq(model.iter().copied()));
            }
        }
    }

    #[test]
    fn a_face_among_a_million_has_its_pairs_in_two_bytes_each() {
        let mut packed = Packed::default();
        (0..64u32).for_each(|n| assert!(packed.insert(n * 15_625)));
        assert!(
            packed.size() <= 128 && packed.0.capacity() <= 160,
            "{} {}",
            packed.size(),
            packed.0.capacity()
        );
    }
}
