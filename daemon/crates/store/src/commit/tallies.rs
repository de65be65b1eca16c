//! For each pack, how many photos with a file it has looked at, and the faces in them.

use redb::ReadableTable as _;
use vow_types::num::len_u64;
use vow_types::{ContentId, PackId};

use super::Ingest;
use crate::codec::take_analysis;
use crate::fault::{Fault, Result};

impl Ingest<'_> {
    /// Counts a photo in, or out, in the tallies of all packs that have analysed it.
    pub(super) fn tally_all(&mut self, photo: &ContentId, step: fn(u64, u64) -> Option<u64>) -> Result<()> {
        let all = (&photo.0, &[u8::MIN; 16])..=(&photo.0, &[u8::MAX; 16]);
        let mut found = Vec::new();
        for row in self.analyses.range(all)? {
            let (key, bytes) = row?;
            found.push((PackId(*key.value().1), take_analysis(bytes.value())?.len()));
        }
        found.into_iter().try_for_each(|(pack, faces)| self.tally(pack, faces, step))
    }

    /// The same for one pack and so many faces.
    pub(super) fn tally(
        &mut self,
        pack: PackId,
        faces: usize,
        step: fn(u64, u64) -> Option<u64>,
    ) -> Result<()> {
        let (photos, before) = self.tallies.get(&pack.0)?.map_or((0, 0), |tally| tally.value());
        let now = step(photos, 1).zip(step(before, len_u64(faces)));
        let now = now.ok_or_else(|| Fault::missing("tallies", "a photo that is counted out"))?;
        self.tallies.insert(&pack.0, now)?;
        Ok(())
    }
}
