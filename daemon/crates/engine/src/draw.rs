//! Faces that humans point out because no detector found them: looked at, embedded and stored like any other, and said to be
//! a face for good.

use std::path::Path;

use vow_store::{Decision, FaceRow};
use vow_types::{PersonId, PxBox};

use crate::analyse::{self, SAME_PLACE};
use crate::decide::{Ask, Pointed, Result as Planned};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::people::Keeper;
use crate::plan::Plan;
use crate::views::Done;

/// A box has at least so many pixels each way.
const LEAST_SIDE: f32 = 8.0;

impl Engine {
    /// Adds a face at a place of an indexed file, in pixels of the upright photo, and says who it is where that is known. It
    /// stays through changes of the pack, and can be undone.
    ///
    /// # Errors
    /// When the file is not indexed or shows another photo by now, the box is no place in it, or a face is there already.
    pub fn draw(&self, path: &Path, place: PxBox, person: Option<PersonId>) -> Result<Done, EngineError> {
        let (file, _) = self.faces_of_file(path)?;
        let rel = place.to_rel(file.upright);
        let inside = rel.left >= 0.0 && rel.top >= 0.0 && rel.right <= 1.0 && rel.bottom <= 1.0;
        let side = (place.right - place.left).min(place.bottom - place.top);
        if !inside || !side.is_finite() || side < LEAST_SIDE {
            return Err(EngineError::Senseless(format!(
                "that is no place in this photo: a box has at least {LEAST_SIDE} pixels each way and lies within {} x {}",
                file.upright.width, file.upright.height
            )));
        }
        let bench = self.bench();
        let mut bytes = Vec::new();
        let failed = |source| EngineError::Unreadable { path: file.path.clone(), source };
        vow_media::read(&file.path, &bench.limits, &mut bytes).map_err(|error| failed(error.into()))?;
        let header = vow_media::inspect(&bytes, &bench.limits).map_err(|error| failed(error.into()))?;
        if header.content != file.photo {
            let hint = ": it shows another photo by now; wait until that is indexed".to_owned();
            return Err(EngineError::UnknownFile { path: file.path, hint });
        }
        let (networks, budget, progress) = (&bench.networks, &bench.budget, &bench.progress);
        let area = rel.mapped(|p| file.orientation.to_coded(p));
        let face = analyse::draw((&bytes, &header), file.orientation, area, networks, budget, progress)
            .map_err(|error| failed(error.into()))?
            .ok_or_else(|| EngineError::Senseless("no face could be cut out there".to_owned()))?;
        self.decide(Ask::Draw(Box::new(Pointed { photo: file.photo, face, person })))
    }
}

impl Keeper {
    /// The face comes into the store first: a face that nobody said anything about yet.
    pub(crate) fn plan_draw(&mut self, pointed: Pointed) -> Planned<Plan> {
        let person = pointed.person.map(|person| self.existing(person)).transpose()?;
        let (photo, pack) = (pointed.photo, self.shared.pack.id);
        // What is there is known only now: a closer look may have found another face than the box was drawn around.
        let (rulings, place) = (self.shared.rulings(), pointed.face.detection.bbox);
        let there =
            |row: &FaceRow| row.detection.bbox.iou(place) >= SAME_PLACE && !rulings.is_no_face(row.id);
        if let Some(row) = self.store.faces_of(&photo, pack)?.into_iter().find(there) {
            let text = format!("{} is there already; `vow confirm {} PERSON` says who it is", row.id, row.id);
            return Err(EngineError::Senseless(text).into());
        }
        let row = self.store.add_face(photo, pack, pointed.face)?;
        let face = row.id;
        if !self.store.files_of(&photo)?.is_empty()
            && let Some(embedding) = self.store.embedding(face)?
        {
            self.group(vec![(row, embedding)])?;
        }
        let people: Vec<PersonId> = person.into_iter().collect();
        let mut plan = self.about(&people, Decision::Drawn { face, person }, &[face]);
        plan.faces.insert(face);
        plan.people.extend(self.shared.read().person_of(face));
        Ok(plan)
    }
}
