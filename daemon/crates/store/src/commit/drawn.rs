//! Faces that humans point out: they join those that a pack saw in a photo.

use redb::ReadableTable as _;
use vow_types::{ContentId, FaceId, PackId};

use super::Ingest;
use crate::codec::{put_analysis, put_embedding, put_face, take_analysis};
use crate::error::StoreError;
use crate::fault::{Fault, Result};
use crate::rows::{FaceRow, NewFace};
use crate::store::Store;
use crate::tables::{self, meta};

impl Store {
    /// Adds a face to those that a pack saw in a photo: one that a human pointed out.
    ///
    /// # Errors
    /// When the pack has not looked at the photo, or the store cannot be written; nothing was changed then.
    pub fn add_face(
        &self,
        photo: ContentId,
        pack: PackId,
        face: NewFace,
    ) -> std::result::Result<FaceRow, StoreError> {
        self.write(|txn| {
            let mut ingest = Ingest::begin(txn)?;
            let row = ingest.add_face(photo, pack, face)?;
            ingest.finish()?;
            Ok(row)
        })
    }
}

impl Ingest<'_> {
    fn add_face(&mut self, photo: ContentId, pack: PackId, face: NewFace) -> Result<FaceRow> {
        let ids =
            self.analyses.get((&photo.0, &pack.0))?.map(|bytes| take_analysis(bytes.value())).transpose()?;
        let mut ids = ids.ok_or_else(|| Fault::missing("analyses", photo))?;
        let NewFace { detection, quality, norm, embedding } = face;
        let id = tables::take_id(&mut self.meta, meta::NEXT_FACE)?;
        let row = FaceRow { id: FaceId(id), photo, pack, detection, quality, norm };
        self.new_faces.push((id, put_face(&row)?, put_embedding(&embedding)));
        ids.push(row.id);
        self.analyses.insert((&photo.0, &pack.0), put_analysis(&ids)?.as_slice())?;
        if self.is_shown(&photo)? {
            let (photos, faces) = self.tallies.get(&pack.0)?.map_or((0, 0), |tally| tally.value());
            self.tallies.insert(&pack.0, (photos, faces.saturating_add(1)))?;
        }
        Ok(row)
    }
}
