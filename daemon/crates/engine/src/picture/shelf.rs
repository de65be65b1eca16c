//! The last pictures, in memory, and whose turn it is to make one.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};
use vow_types::{ContentId, FaceId, Orientation};

use super::Jpeg;

/// Bytes of pictures that are kept: some thousand faces, or forty photos.
const MOST: usize = 16 << 20;
/// Pictures that are made at the same time.
const AT_ONCE: usize = 2;

/// What a picture depends on. A photo's pixels never change; how it stands may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) photo: ContentId,
    pub(super) face: Option<FaceId>,
    pub(super) orientation: Orientation,
    pub(super) side: u32,
}

/// Pictures that were made last, and turns to make the next.
#[derive(Debug)]
pub(crate) struct Shelf {
    kept: Mutex<Kept>,
    turns: (Sender<()>, Receiver<()>),
}

/// A turn, given back when dropped.
pub(super) struct Turn<'a>(&'a Sender<()>);

impl Default for Shelf {
    fn default() -> Self {
        let turns = bounded(AT_ONCE);
        for _ in 0..AT_ONCE {
            // There is room for all of them.
            let _ = turns.0.try_send(());
        }
        Self { kept: Mutex::new(Kept::new(MOST)), turns }
    }
}

impl Shelf {
    pub(super) fn get(&self, key: &Key) -> Option<Jpeg> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(key)
    }

    pub(super) fn put(&self, key: Key, jpeg: Jpeg) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).put(key, jpeg);
    }

    /// Waits for a turn.
    pub(super) fn turn(&self) -> Turn<'_> {
        // Both ends live as long as the shelf, so this only waits.
        let _ = self.turns.1.recv();
        Turn(&self.turns.0)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let _ = self.0.try_send(());
    }
}

/// Pictures by how long ago they were asked for; those that were asked for longest ago go first.
#[derive(Debug)]
struct Kept {
    most: usize,
    bytes: usize,
    asked: u64,
    pictures: HashMap<Key, (u64, Jpeg)>,
    order: BTreeMap<u64, Key>,
}

impl Kept {
    fn new(most: usize) -> Self {
        Self { most, bytes: 0, asked: 0, pictures: HashMap::new(), order: BTreeMap::new() }
    }

    fn get(&mut self, key: &Key) -> Option<Jpeg> {
        let (when, jpeg) = self.pictures.get_mut(key)?;
        self.asked += 1;
        self.order.remove(when);
        self.order.insert(self.asked, *key);
        *when = self.asked;
        Some(jpeg.clone())
    }

    fn put(&mut self, key: Key, jpeg: Jpeg) {
        self.forget(&key);
        if jpeg.bytes.len() > self.most {
            return;
        }
        self.asked += 1;
        self.bytes += jpeg.bytes.len();
        self.order.insert(self.asked, key);
        self.pictures.insert(key, (self.asked, jpeg));
        while self.bytes > self.most
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.forget(&oldest);
        }
    }

    fn forget(&mut self, key: &Key) {
        if let Some((when, jpeg)) = self.pictures.remove(key) {
            self.order.remove(&when);
            self.bytes -= jpeg.bytes.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vow_types::Size;

    use super::*;

    fn key(n: u8) -> Key {
        let (photo, orientation) = (ContentId([n; 32]), Orientation::Upright);
        Key { photo, face: None, orientation, side: 192 }
    }

    fn jpeg(n: u8, len: usize) -> Jpeg {
        Jpeg { bytes: vec![n; len].into(), size: Size { width: 1, height: 1 } }
    }

    proptest! {
        #[test]
        fn never_more_than_the_limit_and_always_what_was_put(
            steps in prop::collection::vec((0u8..12, 0usize..130, any::<bool>()), 0..200),
        ) {
            let mut kept = Kept::new(300);
            for (n, len, put) in steps {
                if put {
                    kept.put(key(n), jpeg(n, len));
                    prop_assert!(kept.get(&key(n)).is_some());
                } else if let Some(found) = kept.get(&key(n)) {
                    prop_assert!(found.bytes.iter().all(|byte| *byte == n));
                }
                let bytes: usize = kept.pictures.values().map(|(_, jpeg)| jpeg.bytes.len()).sum();
                prop_assert_eq!(bytes, kept.bytes);
                prop_assert!(bytes <= 300);
                prop_assert_eq!(kept.order.len(), kept.pictures.len());
            }
        }
    }

    #[test]
    fn who_was_asked_for_last_stays() {
        let mut kept = Kept::new(300);
        for n in 0..3 {
            kept.put(key(n), jpeg(n, 100));
        }
        assert!(kept.get(&key(0)).is_some());
        kept.put(key(3), jpeg(3, 100));
        let there = [0, 1, 2, 3].map(|n| kept.get(&key(n)).is_some());
        assert_eq!(there, [true, false, true, true]);
        kept.put(key(4), jpeg(4, 301));
        assert!(kept.get(&key(4)).is_none(), "what is larger than everything is not kept");
        assert!(kept.get(&key(3)).is_some(), "and throws nothing out");
    }

    #[test]
    fn few_at_once() {
        let shelf = Shelf::default();
        let turns: Vec<Turn<'_>> = (0..AT_ONCE).map(|_| shelf.turn()).collect();
        assert!(shelf.turns.1.is_empty(), "whoever comes now waits");
        drop(turns);
        assert_eq!(shelf.turns.1.len(), AT_ONCE);
    }
}
