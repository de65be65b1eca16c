//! Faces that come into sight and leave it: with their photo's last file, and because humans say that they are none.

use std::collections::BTreeSet;

use vow_cluster::Move;
use vow_store::{FaceRow, StoreError};
use vow_types::{ContentId, Embedding, FaceId, PersonId};

use super::Keeper;
use super::nearby::Near;
use super::shot::Shots;
use crate::query::taken_of;

impl Keeper {
    pub(super) fn hide(&mut self, photo: &ContentId) -> Result<(), StoreError> {
        if !self.store.files_of(photo)?.is_empty() {
            return Ok(()); // a later transaction brought it back already
        }
        let faces = self.store.faces_of(photo, self.pack)?;
        let ids: Vec<FaceId> =
            faces.iter().map(|row| row.id).filter(|id| self.shared.read().contains(*id)).collect();
        if ids.is_empty() {
            return Ok(());
        }
        self.shared.index().hide(&ids);
        self.unsaved += ids.len();
        let moves = self.grouping.remove(&ids);
        // The store remembers who the hidden faces were, so that a remounted disk brings everyone back as they were.
        let (gone, moved): (Vec<Move>, Vec<Move>) =
            moves.into_iter().partition(|step| ids.contains(&step.face));
        drop(gone);
        let mut roster = self.shared.write();
        ids.iter().for_each(|id| roster.hide(*id));
        drop(roster);
        self.follow(&moved)?;
        self.touch(ids.len());
        Ok(())
    }

    /// Takes faces out of everything: humans said that they are none.
    pub(crate) fn put_away(&mut self, faces: &[FaceId]) -> Vec<Move> {
        if faces.is_empty() {
            return Vec::new();
        }
        self.shared.index().hide(faces);
        self.unsaved += faces.len();
        self.grouping.remove(faces)
    }

    /// The way back from [`Self::put_away`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn bring_back(
        &mut self,
        faces: &[FaceId],
        were: &[(FaceId, PersonId)],
    ) -> Result<Vec<Move>, StoreError> {
        let (mut observations, mut shots) = (Vec::new(), Shots::default());
        for face in faces {
            let (Some(row), Some(embedding)) = (self.store.face(*face)?, self.store.embedding(*face)?) else {
                continue;
            };
            if row.pack != self.pack || self.store.files_of(&row.photo)?.is_empty() {
                continue;
            }
            let embedding = self.add_to_index(&[(*face, &embedding)]).pop().unwrap_or(embedding);
            let shot = self.shot(&row.photo, &mut shots)?;
            observations.push((self.observation(&row, embedding, shot), shot.shown(&row, &self.shared)));
        }
        let rulings = self.shared.rulings();
        for (observation, shown) in observations {
            let face = observation.face;
            let was =
                were.iter().find(|(other, _)| *other == face).map(|(_, person)| rulings.resolve(*person));
            // Back to where it was, unless another face of its photo is there now.
            let was = match was {
                Some(person) if self.also_theirs(&observation.photo, person)?.is_empty() => Some(person),
                _ => None,
            };
            self.grouping.restore(observation, was);
            self.shared.write().show(face, shown, self.grouping.in_photo_with(face));
        }
        let index = self.shared.index();
        let mut moves = self.grouping.add(Vec::new(), &Near(&index));
        let told: BTreeSet<FaceId> = moves.iter().map(|step| step.face).collect();
        let placed = faces.iter().filter(|face| !told.contains(face));
        moves.extend(placed.map(|face| Move { face: *face, person: self.grouping.person_of(*face) }));
        Ok(moves)
    }

    /// The visible faces of a photo that are a person's.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn also_theirs(&self, photo: &ContentId, person: PersonId) -> Result<Vec<FaceId>, StoreError> {
        let rows = self.store.faces_of(photo, self.pack)?;
        let roster = self.shared.read();
        let faces = rows.into_iter().map(|row| row.id);
        Ok(faces.filter(|face| roster.person_of(*face) == Some(person)).collect())
    }

    /// The files of a photo say another time.
    pub(super) fn date(&self, photo: &ContentId) -> Result<(), StoreError> {
        let taken = self.store.files_of(photo)?.iter().find_map(taken_of);
        for row in self.store.faces_of(photo, self.pack)? {
            self.shared.write().date(row.id, taken);
        }
        Ok(())
    }

    /// Shows a photo's faces; those who belonged to somebody before belong to them again, the others are `fresh`.
    pub(super) fn show(
        &mut self,
        photo: &ContentId,
        fresh: &mut Vec<(FaceRow, Embedding)>,
    ) -> Result<(), StoreError> {
        let mut back = Vec::new();
        let rulings = self.shared.rulings();
        for row in self.store.faces_of(photo, self.pack)? {
            if rulings.is_no_face(row.id)
                || self.shared.read().contains(row.id)
                || fresh.iter().any(|(other, _)| other.id == row.id)
            {
                continue;
            }
            let Some(embedding) = self.store.embedding(row.id)? else { continue };
            match self.store.person_of(row.id)? {
                Some(person) => back.push((row, embedding, rulings.resolve(person))),
                None => fresh.push((row, embedding)),
            }
        }
        if back.is_empty() {
            return Ok(());
        }
        let seen: Vec<_> = back.iter().map(|(row, embedding, _)| (row.id, embedding)).collect();
        let seen = self.add_to_index(&seen);
        self.touch(back.len());
        let shot = self.shot(photo, &mut Shots::default())?;
        for ((row, _, person), embedding) in back.into_iter().zip(seen) {
            let face = Move { face: row.id, person: Some(person) };
            let observation = self.observation(&row, embedding, shot);
            self.grouping.restore(observation, Some(person));
            let mut roster = self.shared.write();
            roster.show(row.id, shot.shown(&row, &self.shared), self.grouping.in_photo_with(row.id));
            roster.apply(&[face]);
        }
        Ok(())
    }
}
