//! A set of slots in few bytes. A face has some sixty candidate pairs, and there are a million faces: what is kept are the
//! gaps between ascending numbers, seven bits a byte, which takes two bytes for most where the number takes four.

use crate::faces::Slot;

/// The most bytes that a gap takes.
const MOST: usize = 5;

/// Slots in ascending order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Packed(Box<[u8]>);

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
        match after {
            Some((after, _)) if after == slot => return false,
            Some((after, end)) => self.replace(at, end, &[slot - before, after - slot]),
            None => self.replace(at, at, &[slot - before]),
        }
        true
    }

    /// Takes a slot out; `false` when it was not there.
    pub(crate) fn remove(&mut self, slot: Slot) -> bool {
        let Place { at, before, after } = self.place(slot);
        let Some((_, end)) = after.filter(|(found, _)| *found == slot) else { return false };
        match read(&self.0, end) {
            Some((next, next_end)) => self.replace(at, next_end, &[slot - before + next]),
            None => self.replace(at, end, &[]),
        }
        true
    }

    /// Writes these gaps for what is between two places, and takes no more room than that needs.
    fn replace(&mut self, from: usize, to: usize, gaps: &[u32]) {
        let (head, tail) = (self.0.get(..from).unwrap_or_default(), self.0.get(to..).unwrap_or_default());
        let mut bytes =
            Vec::with_capacity(head.len() + tail.len() + gaps.iter().map(|gap| length(*gap)).sum::<usize>());
        bytes.extend_from_slice(head);
        for gap in gaps {
            write(&mut bytes, *gap);
        }
        bytes.extend_from_slice(tail);
        self.0 = bytes.into_boxed_slice();
    }
}

impl FromIterator<Slot> for Packed {
    fn from_iter<I: IntoIterator<Item = Slot>>(slots: I) -> Self {
        let mut slots: Vec<Slot> = slots.into_iter().collect();
        slots.sort_unstable();
        slots.dedup();
        let mut bytes = Vec::with_capacity(slots.len() * MOST);
        let mut before = 0;
        for slot in slots {
            write(&mut bytes, slot - before);
            before = slot;
        }
        Self(bytes.into_boxed_slice())
    }
}

/// Seven bits a byte, the lowest first; the highest bit says that there are more.
fn write(bytes: &mut Vec<u8>, mut gap: u32) {
    while gap > 0x7F {
        bytes.push(u8::try_from(gap & 0x7F).unwrap_or_default() | 0x80);
        gap >>= 7;
    }
    bytes.push(u8::try_from(gap).unwrap_or_default());
}

/// Bytes that a gap takes.
fn length(gap: u32) -> usize {
    match gap {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        0x20_0000..0x1000_0000 => 4,
        _ => MOST,
    }
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
                    prop_assert_eq!(packed.remove(slot), model.remove(&slot));
                }
                prop_assert_eq!(packed.contains(slot), model.contains(&slot));
                prop_assert!(packed.iter().eq(model.iter().copied()));
            }
            prop_assert_eq!(model.iter().rev().copied().collect::<Packed>(), packed);
        }
    }

    #[test]
    fn a_face_among_a_million_has_its_pairs_in_two_bytes_each() {
        let packed: Packed = (0..64u32).map(|n| n * 15_625).collect();
        assert!(packed.0.len() <= 128, "{}", packed.0.len());
    }
}
