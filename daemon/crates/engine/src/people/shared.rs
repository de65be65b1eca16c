//! What the people thread and its readers share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use vow_cluster::{Observation, Params};
use vow_index::FaceIndex;
use vow_store::FaceRow;
use vow_types::{Embedding, FaceId, PackId, QualityGate, Size};

use crate::analyse::side_in_frame;
use crate::answers::Learned;
use crate::questions::Open;
use crate::roster::Roster;
use crate::rulings::Rulings;

const SECONDS_OF_A_DAY: i64 = 86_400;

/// What a people thread and its readers share.
pub(crate) struct People {
    pub(crate) roster: RwLock<Roster>,
    pub(super) index: RwLock<Arc<FaceIndex>>,
    pub(super) rulings: RwLock<Arc<Rulings>>,
    /// Groups of strong faces that there are: the threshold depends on how many.
    pub(super) groups: AtomicUsize,
    pub(super) open: RwLock<Arc<Open>>,
    pub(super) learned: RwLock<Option<Learned>>,
    /// Length of a good face's embedding, once it is known.
    pub(super) full_norm: OnceLock<f32>,
    pub(crate) pack: PackFacts,
}

/// What must be known of the pack to group its faces.
pub(crate) struct PackFacts {
    pub(crate) id: PackId,
    pub(crate) dimension: u32,
    pub(crate) params: Params,
    pub(crate) gate: QualityGate,
    pub(crate) shapes: Vec<Size>,
}

impl PackFacts {
    /// Whether a face of this quality may found a person; `coded`: the size of the photo as coded, as far as it is known.
    pub(super) fn is_strong(&self, row: &FaceRow, quality: f32, coded: Option<Size>) -> bool {
        let side = coded.map_or(0.0, |coded| side_in_frame(row.detection.bbox, coded, &self.shapes));
        let QualityGate { min_face, min_score, min_quality, full_norm: _ } = self.gate;
        side >= min_face && row.detection.score >= min_score && quality >= min_quality
    }
}

impl People {
    /// What a stored face is worth, as far as it is known how long a good face's embedding is.
    pub(crate) fn quality(&self, row: &FaceRow) -> f32 {
        self.worth(row.quality, row.norm)
    }

    /// As [`Self::quality`], by what is stored of a face.
    pub(crate) fn worth(&self, quality: f32, norm: f32) -> f32 {
        quality * self.full_norm.get().map_or(1.0, |full| vow_vision::clearness(norm, *full))
    }

    /// A stored face as grouping is to see it; `coded`: the size of the photo as coded, as far as it is known.
    pub(crate) fn observation(
        &self,
        rulings: &Rulings,
        row: &FaceRow,
        embedding: Embedding,
        coded: Option<Size>,
    ) -> Observation {
        let strong = self.pack.is_strong(row, self.quality(row), coded);
        Observation { face: row.id, photo: row.photo, embedding, strong, said: rulings.said(row.id) }
    }

    pub(crate) fn index(&self) -> Arc<FaceIndex> {
        Arc::clone(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn rulings(&self) -> Arc<Rulings> {
        Arc::clone(&self.rulings.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_rulings(&self, rulings: Arc<Rulings>) {
        *self.rulings.write().unwrap_or_else(PoisonError::into_inner) = rulings;
    }

    /// What was worth asking when people were last sorted out over everything.
    pub(crate) fn open(&self) -> Arc<Open> {
        Arc::clone(&self.open.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn learned(&self) -> Option<Learned> {
        *self.learned.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_learned(&self, learned: Learned) {
        *self.learned.write().unwrap_or_else(PoisonError::into_inner) = Some(learned);
    }

    /// The numbers that grouping goes by: the pack's, but for what humans wished.
    pub(crate) fn params(&self) -> Params {
        self.params_by(&self.rulings())
    }

    pub(crate) fn params_by(&self, rulings: &Rulings) -> Params {
        match rulings.merge_at() {
            Some(merge_at) => Params { merge_at, calibrated_among: None, ..self.pack.params },
            None => self.pack.params,
        }
    }

    /// The score at which two groups are one person, among as many people as there are.
    pub(crate) fn merge_at(&self) -> f32 {
        self.params().merge_at_among(self.groups())
    }

    /// What it would be had nobody wished for another.
    pub(crate) fn pack_merge_at(&self) -> f32 {
        self.pack.params.merge_at_among(self.groups())
    }

    fn groups(&self) -> usize {
        self.groups.load(Ordering::Relaxed)
    }

    /// The day on which a visible face was taken, counted from 1970; `None` where no file says.
    pub(crate) fn day_of(&self, face: FaceId) -> Option<i32> {
        let seconds = self.read().taken_of(face)?;
        i32::try_from(seconds.div_euclid(SECONDS_OF_A_DAY)).ok()
    }

    pub(crate) fn read(&self) -> std::sync::RwLockReadGuard<'_, Roster> {
        self.roster.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> std::sync::RwLockWriteGuard<'_, Roster> {
        self.roster.write().unwrap_or_else(PoisonError::into_inner)
    }
}
