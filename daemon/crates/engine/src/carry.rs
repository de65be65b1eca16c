//! Another pack sees the same people in the same photos, but its faces have ids of their own: what humans said about the
//! faces of earlier packs is carried over to those at the same place, so that names stay.

use std::collections::{HashMap, HashSet};

use vow_store::{Decision, FaceRow, Outcome, StoreError};
use vow_types::{ContentId, FaceId, RelBox};

use crate::people::Keeper;
use crate::progress::now;
use crate::rulings::Rulings;
use crate::worker::Drawn;

/// Two boxes of one face overlap at least so much (intersection over union): detectors draw them a little differently.
const SAME_PLACE: f32 = 0.35;

/// Faces of other packs about which something was said, by photo.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere(HashMap<ContentId, Vec<(FaceId, RelBox)>>);

impl Keeper {
    /// The faces of other packs about which humans said something.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn elsewhere(&self, rulings: &Rulings) -> Result<Elsewhere, StoreError> {
        let mut elsewhere = Elsewhere::default();
        for face in rulings.faces_spoken_of() {
            let row = self.store.face(face)?.filter(|row| row.pack != self.shared.pack.id);
            if let Some(FaceRow { photo, detection, .. }) = row {
                elsewhere.0.entry(photo).or_default().push((face, detection.bbox));
            }
        }
        Ok(elsewhere)
    }

    /// The places where humans pointed out faces while other packs were used.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn drawn_elsewhere(&self) -> Result<Drawn, StoreError> {
        let mut drawn = Drawn::new();
        for face in self.shared.rulings().drawn() {
            let row = self.store.face(*face)?.filter(|row| row.pack != self.shared.pack.id);
            if let Some(FaceRow { photo, detection, .. }) = row {
                drawn.entry(photo).or_default().push(detection.bbox);
            }
        }
        Ok(drawn)
    }

    /// Notes, durably, which of these new faces are faces of earlier packs that humans spoke of.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(crate) fn carry_over(&self, fresh: &[&FaceRow]) -> Result<(), StoreError> {
        let faces = self.elsewhere.twins(fresh);
        if faces.is_empty() {
            return Ok(());
        }
        let decision = Decision::Carried { faces };
        let mut rulings = Rulings::clone(&self.shared.rulings());
        rulings.apply(&decision, &[]);
        self.store.decide(decision, Vec::new(), &Outcome::default(), now())?;
        self.shared.set_rulings(rulings.into());
        Ok(())
    }
}

impl Elsewhere {
    /// Each new face with the earlier one at its place, the best overlap first, everyone once.
    fn twins(&self, fresh: &[&FaceRow]) -> Vec<(FaceId, FaceId)> {
        let mut pairs = Vec::new();
        for row in fresh {
            for (old, bbox) in self.0.get(&row.photo).into_iter().flatten() {
                let overlap = row.detection.bbox.iou(*bbox);
                if overlap >= SAME_PLACE {
                    pairs.push((overlap, row.id, *old));
                }
            }
        }
        pairs.sort_unstable_by(|x, y| y.0.total_cmp(&x.0).then((x.1, x.2).cmp(&(y.1, y.2))));
        let mut twins: Vec<(FaceId, FaceId)> = Vec::new();
        let (mut found, mut used) = (HashSet::new(), HashSet::new());
        for (_, new, old) in pairs {
            if !found.contains(&new) && used.insert(old) {
                found.insert(new);
                twins.push((new, old));
            }
        }
        twins.sort_unstable();
        twins
    }
}

#[cfg(test)]
mod tests {
    use vow_types::{Detection, Landmarks, PackId, RelPoint};

    use super::*;

    fn bbox(left: f32) -> RelBox {
        RelBox { left, top: 0.1, right: left + 0.1, bottom: 0.2 }
    }

    fn row(id: u64, left: f32) -> FaceRow {
        let landmarks = Landmarks([RelPoint { x: 0.0, y: 0.0 }; 5]);
        let detection = Detection { bbox: bbox(left), landmarks, score: 1.0 };
        let (photo, pack) = (ContentId([1; 32]), PackId([2; 16]));
        FaceRow { id: FaceId(id), photo, pack, detection, quality: 1.0, norm: 1.0 }
    }

    #[test]
    fn each_face_has_the_nearest_twin_of_its_photo_and_only_one() {
        let old = vec![(FaceId(1), bbox(0.1)), (FaceId(2), bbox(0.13)), (FaceId(3), bbox(0.7))];
        let elsewhere = Elsewhere(HashMap::from([(ContentId([1; 32]), old)]));
        let (a, b, c) = (row(11, 0.11), row(12, 0.14), row(13, 0.5));
        assert_eq!(elsewhere.twins(&[&a, &b, &c]), [(FaceId(11), FaceId(1)), (FaceId(12), FaceId(2))]);
        let other = FaceRow { photo: ContentId([9; 32]), ..row(11, 0.11) };
        assert_eq!(elsewhere.twins(&[&other]), []);
    }
}
