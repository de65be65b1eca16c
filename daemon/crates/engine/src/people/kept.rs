//! What the last sorting out came to, kept from one start to the next in a file of its own: what was worth asking then, and by how
//! much the library has changed since. Derived as all else here; when it is missing or does not fit, everybody is sorted out again.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use serde::{Deserialize, Serialize};
use vow_cluster::{Close, Doubt, Params};
use vow_types::{FaceId, PackId, PersonId, num};

use super::Keeper;
use crate::questions::Open;

/// The name of the file, beside the index.
const NAME: &str = "sorted";
/// Another one for another content, or another way to sort out.
const VERSION: u32 = 1;

/// The file's content, in postcard's bytes.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    version: u32,
    pack: [u8; 16],
    /// The law it was sorted out by.
    law: [u32; 7],
    faces: u64,
    /// The highest id among them.
    newest: u64,
    touched: u64,
    usual: f32,
    close: Vec<Pair>,
    doubts: Vec<InDoubt>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Pair {
    people: (u64, u64),
    score: f32,
    sizes: (u64, u64),
    faces: (u64, u64),
    crowd: Option<f32>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct InDoubt {
    face: u64,
    person: u64,
    score: f32,
    size: u64,
    nearest: u64,
}

/// The faces that are grouped.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Grouped {
    pub(super) count: usize,
    pub(super) newest: Option<FaceId>,
}

impl Grouped {
    /// One more.
    pub(super) fn see(&mut self, face: FaceId) {
        self.count += 1;
        self.newest = self.newest.max(Some(face));
    }
}

impl Keeper {
    /// Writes it. Where that cannot be, the next start sorts everybody out.
    pub(super) fn keep(&self) {
        let mut grouped = Grouped::default();
        self.shared.read().each_grouped(|face| grouped.see(face));
        let kept = Kept::of(self.pack, &self.shared.params(), grouped, self.touched, &self.shared.open());
        let path = self.place();
        if let Err(error) = kept.write(&path) {
            tracing::warn!(
                path = %path.display(),
                %error,
                "who was sorted out could not be noted; the next start does it again"
            );
        }
    }

    /// Reads it, for the faces that were found grouped; by how many faces the library has changed since. `None` when it is not
    /// there or of no use.
    pub(super) fn recall(&self, grouped: Grouped) -> Option<usize> {
        let kept = Kept::read(&self.place())?;
        if kept.version != VERSION || kept.pack != self.pack.0 || kept.law != law(&self.shared.params()) {
            return None;
        }
        let count = num::len_u64(grouped.count);
        let mut touched = kept.touched.saturating_add(kept.faces.abs_diff(count));
        if kept.newest != newest(grouped) {
            touched = touched.max(1);
        }
        *self.shared.open.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(kept.open());
        Some(usize::try_from(touched).unwrap_or(usize::MAX))
    }

    /// Takes it away: it is not true any more.
    pub(super) fn withdraw(&self) {
        let path = self.place();
        if let Err(error) = std::fs::remove_file(&path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(
                path = %path.display(),
                %error,
                "a note about who was sorted out could not be taken away; after a bad end the next start may think that all were"
            );
        }
    }

    fn place(&self) -> PathBuf {
        self.snapshot.with_file_name(NAME)
    }
}

fn newest(grouped: Grouped) -> u64 {
    grouped.newest.map_or(0, |FaceId(face)| face)
}

/// What decides who is one person; not how that is found.
fn law(params: &Params) -> [u32; 7] {
    [
        params.merge_at.to_bits(),
        params.calibrated_among.unwrap_or_default(),
        num::len_u32(params.neighbours),
        params.min_cosine.to_bits(),
        params.power.to_bits(),
        params.uneven.to_bits(),
        params.weak_extra.to_bits(),
    ]
}

impl Kept {
    fn of(PackId(pack): PackId, params: &Params, grouped: Grouped, touched: usize, open: &Open) -> Self {
        let pair = |close: &Close| Pair {
            people: (close.a.0, close.b.0),
            score: close.score,
            sizes: (num::len_u64(close.sizes.0), num::len_u64(close.sizes.1)),
            faces: (close.faces.0.0, close.faces.1.0),
            crowd: close.crowd,
        };
        let in_doubt = |doubt: &Doubt| InDoubt {
            face: doubt.face.0,
            person: doubt.person.0,
            score: doubt.score,
            size: num::len_u64(doubt.size),
            nearest: doubt.nearest.0,
        };
        Self {
            version: VERSION,
            pack,
            law: law(params),
            faces: num::len_u64(grouped.count),
            newest: newest(grouped),
            touched: num::len_u64(touched),
            usual: open.usual,
            close: open.close.iter().map(pair).collect(),
            doubts: open.doubts.iter().map(in_doubt).collect(),
        }
    }

    fn open(&self) -> Open {
        let size = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        let close = |pair: &Pair| Close {
            a: PersonId(pair.people.0),
            b: PersonId(pair.people.1),
            score: pair.score,
            sizes: (size(pair.sizes.0), size(pair.sizes.1)),
            faces: (FaceId(pair.faces.0), FaceId(pair.faces.1)),
            crowd: pair.crowd,
        };
        let doubt = |doubt: &InDoubt| Doubt {
            face: FaceId(doubt.face),
            person: PersonId(doubt.person),
            score: doubt.score,
            size: size(doubt.size),
            nearest: FaceId(doubt.nearest),
        };
        Open {
            close: self.close.iter().map(close).collect(),
            usual: self.usual,
            doubts: self.doubts.iter().map(doubt).collect(),
        }
    }

    /// The old file or the new one is there at any time.
    fn write(&self, path: &Path) -> std::io::Result<()> {
        let bytes = postcard::to_stdvec(self).map_err(std::io::Error::other)?;
        let fresh = path.with_extension("new");
        let mut file = File::create(&fresh)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)
    }

    fn read(path: &Path) -> Option<Self> {
        let bytes = std::fs::read(path).ok()?;
        let (kept, rest): (Self, _) = postcard::take_from_bytes(&bytes).ok()?;
        let numbers = kept.close.iter().flat_map(|pair| [pair.score, pair.crowd.unwrap_or_default()]);
        let mut numbers = numbers.chain(kept.doubts.iter().map(|doubt| doubt.score)).chain([kept.usual]);
        (rest.is_empty() && numbers.all(f32::is_finite)).then_some(kept)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vow_types::Distances;

    use super::*;

    fn params() -> Params {
        Params::new(Distances { same: 0.3, group: 0.5, people: Some(4_000), neighbour: 0.28 })
    }

    fn opens() -> impl Strategy<Value = Open> {
        let close = (any::<[u32; 4]>(), 0.0f32..1.0, any::<[u16; 2]>(), prop::option::of(-1.0f32..1.0))
            .prop_map(|([a, b, f, g], score, [n, m], crowd)| Close {
                a: PersonId(u64::from(a)),
                b: PersonId(u64::from(b)),
                score,
                sizes: (usize::from(n), usize::from(m)),
                faces: (FaceId(u64::from(f)), FaceId(u64::from(g))),
                crowd,
            });
        let doubt = (any::<[u32; 3]>(), 0.0f32..1.0, any::<u16>()).prop_map(
            |([face, person, nearest], score, size)| Doubt {
                face: FaceId(u64::from(face)),
                person: PersonId(u64::from(person)),
                score,
                size: usize::from(size),
                nearest: FaceId(u64::from(nearest)),
            },
        );
        (prop::collection::vec(close, 0..9), 0.0f32..1.0, prop::collection::vec(doubt, 0..9))
            .prop_map(|(close, usual, doubts)| Open { close, usual, doubts })
    }

    proptest! {
        #[test]
        fn it_is_read_as_it_was_written(open in opens(), count: u16, touched: u16) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join(NAME);
            let grouped = Grouped { count: usize::from(count), newest: Some(FaceId(u64::from(count) + 1)) };
            let kept = Kept::of(PackId([3; 16]), &params(), grouped, usize::from(touched), &open);
            kept.write(&path).unwrap();
            let read = Kept::read(&path).unwrap();
            prop_assert_eq!(read.open(), open);
            prop_assert_eq!(read, kept);
        }

        #[test]
        fn whatever_else_is_there_is_nothing_or_has_numbers(bytes in prop::collection::vec(any::<u8>(), 0..300), open in opens(), cut: u16) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join(NAME);
            std::fs::write(&path, &bytes).unwrap();
            if let Some(kept) = Kept::read(&path) {
                prop_assert!(kept.close.iter().all(|pair| pair.score.is_finite()));
            }
            Kept::of(PackId([3; 16]), &params(), Grouped::default(), 0, &open).write(&path).unwrap();
            let whole = std::fs::read(&path).unwrap();
            std::fs::write(&path, &whole[..usize::from(cut) % whole.len()]).unwrap();
            prop_assert_eq!(Kept::read(&path), None, "cut off");
        }
    }
}
