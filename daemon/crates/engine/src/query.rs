//! Questions and their answers: faces of a photo, everyone, who looks like this (photos of people: `photos`). Reads the
//! store, the roster and the index; changes nothing.

use std::cmp::Reverse;
use std::path::Path;

use vow_store::{FaceRow, FileRow, FileState, PhotoRow};
use vow_types::{Embedding, FaceId, PersonId};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::roster::{Known, Roster};
use crate::views::{
    FaceView, FailedFile, FileView, NameFilter, PersonOrder, PersonView, SimilarFaces, SimilarHit,
};
use crate::watched::Folders;

impl Engine {
    /// The faces in an indexed file, from left to right.
    ///
    /// # Errors
    /// [`EngineError::UnknownFile`] says why there are none to show.
    pub fn faces_of_file(&self, path: &Path) -> Result<(FileView, Vec<FaceView>), EngineError> {
        let row = self.indexed_file(path)?;
        let Some(file) = self.file_view(&row)? else { return Err(unknown(path, "")) };
        let faces = self.faces_in(&file)?;
        Ok((file, faces))
    }

    /// The faces in a photo as a file shows it, from left to right.
    pub(crate) fn faces_in(&self, file: &FileView) -> Result<Vec<FaceView>, EngineError> {
        let no_faces = self.people().rulings().no_faces().clone();
        let roster = self.people().read();
        let mut faces: Vec<FaceView> = self
            .store()
            .faces_of(&file.photo, self.pack_id())?
            .into_iter()
            .filter(|face| !no_faces.contains(&face.id))
            .map(|face| face_view(face, file, &roster))
            .collect();
        faces.sort_by(|a, b| a.bbox.left.total_cmp(&b.bbox.left).then(a.id.cmp(&b.id)));
        Ok(faces)
    }

    /// Finds a person by id (`p7`) or by name, whatever the case.
    ///
    /// # Errors
    /// Unknown, or a name that several people bear.
    pub fn find_person(&self, text: &str) -> Result<PersonId, EngineError> {
        if let Ok(id) = text.parse::<PersonId>()
            && text.starts_with('p')
        {
            // Whoever was merged is found under the old id too.
            let id = self.people().rulings().resolve(id);
            if self.people().read().exists(id) {
                return Ok(id);
            }
        }
        let bearers: Vec<PersonId> = self.store().people_named(text)?.into_iter().map(|row| row.id).collect();
        match bearers.as_slice() {
            [] => Err(EngineError::UnknownPerson(text.to_owned())),
            [one] => Ok(*one),
            _ => Err(EngineError::AmbiguousPerson { name: text.to_owned(), candidates: bearers }),
        }
    }

    /// Everyone with at least `least` faces or a name; either those who are hidden, or those who are not. The second value is
    /// how many there are in all. Ordered by time, everyone's photos are looked at, otherwise only those of the page.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list_people(
        &self,
        names: NameFilter,
        order: PersonOrder,
        hidden: bool,
        least: usize,
        skip: usize,
        limit: usize,
    ) -> Result<(Vec<PersonView>, usize), EngineError> {
        let mut listed: Vec<(Option<String>, usize, PersonId)> = {
            let roster = self.people().read();
            let least = if hidden { 1 } else { least };
            let everyone = roster.everyone(least).into_iter().filter(|id| roster.is_hidden(*id) == hidden);
            everyone
                .map(|id| (roster.name_of(id).map(str::to_lowercase), roster.members(id).len(), id))
                .filter(|(name, _, _)| match names {
                    NameFilter::Any => true,
                    NameFilter::Named => name.is_some(),
                    NameFilter::Unnamed => name.is_none(),
                })
                .collect()
        };
        let total = listed.len();
        let by_time = |first: bool| -> Result<Vec<PersonView>, EngineError> {
            let views = listed.iter().map(|(_, _, id)| self.person(*id));
            let mut views = views.collect::<Result<Vec<_>, _>>()?;
            views.sort_by_key(|view| match view.taken {
                Some((time, _)) if first => (false, time, view.id),
                Some((_, time)) => (false, time.saturating_neg(), view.id),
                None => (true, 0, view.id),
            });
            Ok(views.into_iter().skip(skip).take(limit).collect())
        };
        match order {
            PersonOrder::Name => {
                listed.sort_by(|(a_name, a_faces, a), (b_name, b_faces, b)| {
                    let by_name = a_name.is_none().cmp(&b_name.is_none()).then(a_name.cmp(b_name));
                    by_name.then(b_faces.cmp(a_faces)).then(a.cmp(b))
                });
            }
            PersonOrder::Faces => listed.sort_by_key(|(_, faces, id)| (Reverse(*faces), *id)),
            PersonOrder::FirstTaken => return Ok((by_time(true)?, total)),
            PersonOrder::LastTaken => return Ok((by_time(false)?, total)),
        }
        let page = listed.into_iter().skip(skip).take(limit).map(|(_, _, id)| self.person(id));
        Ok((page.collect::<Result<_, _>>()?, total))
    }

    /// One person.
    ///
    /// # Errors
    /// When there is no such person.
    pub fn person(&self, id: PersonId) -> Result<PersonView, EngineError> {
        let known = self.people().read().person(id);
        let Known { name, hidden, faces, photos, cover, taken } =
            known.ok_or_else(|| EngineError::UnknownPerson(id.to_string()))?;
        Ok(PersonView { id, name, faces, photos, hidden, cover, taken })
    }

    /// A person's faces, the best quality first, at most `limit`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn faces_of_person(&self, id: PersonId, limit: usize) -> Result<Vec<FaceView>, EngineError> {
        let best = self.people().read().best_of(id, limit);
        let mut faces = Vec::with_capacity(best.len());
        for face in best {
            faces.extend(self.face_and_files(face)?.map(|(face, _)| face));
        }
        Ok(faces)
    }

    /// Faces that look like one face, most alike first.
    ///
    /// # Errors
    /// When there is no such face.
    pub fn similar_to_face(&self, id: FaceId, limit: usize, least: f32) -> Result<SimilarFaces, EngineError> {
        let unknown = || EngineError::UnknownFace(id);
        let row = self.store().face(id)?.ok_or_else(unknown)?;
        let embedding = self.store().embedding(id)?.ok_or_else(unknown)?;
        let (query, _) = self.show(row)?.ok_or_else(unknown)?;
        let similar = self.alike(&embedding, Some(id), limit, least)?;
        Ok(SimilarFaces { query, similar })
    }

    /// Known faces that look like this, without `own`.
    pub(crate) fn alike(
        &self,
        embedding: &Embedding,
        own: Option<FaceId>,
        limit: usize,
        least: f32,
    ) -> Result<Vec<SimilarHit>, EngineError> {
        let mut similar = Vec::new();
        for (face, cosine) in self.people().index().search(embedding, limit.saturating_add(1)) {
            if Some(face) == own || cosine < least || similar.len() == limit {
                continue;
            }
            let Some(row) = self.store().face(face)? else { continue };
            if let Some((face, files)) = self.show(row)? {
                similar.push(SimilarHit { face, files, cosine });
            }
        }
        Ok(similar)
    }

    /// Faces that look like each face of an indexed file.
    ///
    /// # Errors
    /// As [`Self::faces_of_file`].
    pub fn similar_to_file(
        &self,
        path: &Path,
        limit: usize,
        least: f32,
    ) -> Result<Vec<SimilarFaces>, EngineError> {
        let (_, faces) = self.faces_of_file(path)?;
        faces.into_iter().map(|face| self.similar_to_face(face.id, limit, least)).collect()
    }

    /// Every face of every file, folder by folder, in the order of the paths' bytes; `visit` returns false to end it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn export(&self, visit: &mut dyn FnMut(FileView, FaceView) -> bool) -> Result<(), EngineError> {
        for folder in self.folders_of_record().all() {
            for row in self.store().each_file_in(folder.folder.id)? {
                let Some(file) = self.file_view(&row?)? else { continue };
                for face in self.store().faces_of(&file.photo, self.pack_id())? {
                    if self.people().rulings().is_no_face(face.id) {
                        continue;
                    }
                    let face = face_view(face, &file, &self.people().read());
                    if !visit(file.clone(), face) {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// What the pack's embedder made of a face.
    ///
    /// # Errors
    /// When there is no such face.
    pub fn embedding(&self, id: FaceId) -> Result<Embedding, EngineError> {
        self.store().embedding(id)?.ok_or(EngineError::UnknownFace(id))
    }

    /// Files that could not be indexed, by path, after `after`, at most `limit`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn failures(&self, after: Option<&Path>, limit: usize) -> Result<Vec<FailedFile>, EngineError> {
        let rows = self.store().failures(after, limit)?.into_iter();
        let failed = |row: FileRow| match row.state {
            FileState::Failed { failure, tries, at } => {
                Some(FailedFile { path: row.path, failure, tries, at })
            }
            FileState::Shows { .. } => None,
        };
        Ok(rows.filter_map(failed).collect())
    }

    /// A face with all files that show it; `None` when no file does, or there is no such face.
    pub(crate) fn face_and_files(
        &self,
        id: FaceId,
    ) -> Result<Option<(FaceView, Vec<FileView>)>, EngineError> {
        match self.store().face(id)? {
            Some(row) => self.show(row),
            None => Ok(None),
        }
    }

    /// A face with all files that show it; `None` when no file does.
    fn show(&self, row: FaceRow) -> Result<Option<(FaceView, Vec<FileView>)>, EngineError> {
        let mut files = Vec::new();
        for file in self.store().files_of(&row.photo)? {
            files.extend(self.file_view(&file)?);
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let Some(first) = files.first() else { return Ok(None) };
        let face = face_view(row, first, &self.people().read());
        Ok(Some((face, files)))
    }

    pub(crate) fn file_view(&self, row: &FileRow) -> Result<Option<FileView>, EngineError> {
        let FileState::Shows { photo, orientation, taken } = row.state else { return Ok(None) };
        let Some(PhotoRow { coded, turn, .. }) = self.store().photo(&photo)? else { return Ok(None) };
        // What the file says is trusted; what was found counts where it says nothing.
        let found_turned = orientation.is_none() && turn.is_some();
        let orientation = orientation.or(turn).unwrap_or_default();
        let upright = orientation.upright_size(coded);
        Ok(Some(FileView { path: row.path.clone(), photo, upright, taken, orientation, found_turned }))
    }

    /// The row of a file that shows a photo, asked for by its path, with links in it or without: those of its folders, and its own.
    fn indexed_file(&self, path: &Path) -> Result<FileRow, EngineError> {
        let in_its_folder = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
        let mut row = self.store().file(path)?;
        for other in [in_its_folder(), path.canonicalize().ok()].into_iter().flatten() {
            if row.is_none() {
                row = self.store().file(&other)?;
            }
        }
        match row {
            Some(FileRow { state: FileState::Failed { failure, .. }, .. }) => {
                Err(unknown(path, &format!(": it failed at {failure}")))
            }
            Some(row) => Ok(row),
            None => Err(unknown(path, why_not(path, self.folders_of_record()))),
        }
    }
}

fn why_not(path: &Path, folders: &Folders) -> &'static str {
    let real = path.canonicalize();
    let inside = [path, real.as_deref().unwrap_or(path)].iter().any(|path| folders.holding(path).is_some());
    match (path.exists(), inside, vow_media::is_picture_name(path)) {
        (false, _, _) => ": there is no such file",
        (true, false, _) => ": it is in none of the watched folders (`vow folder add` watches one more)",
        (true, true, false) if path.is_dir() => ": it is a folder; ask for a photo in it",
        (true, true, false) => ": its name is not that of a picture",
        (true, true, true) => ": not yet, or it lies in a hidden folder (`vow status` shows what is pending)",
    }
}

fn unknown(path: &Path, hint: &str) -> EngineError {
    EngineError::UnknownFile { path: path.to_owned(), hint: hint.to_owned() }
}

pub(crate) fn taken_of(row: &FileRow) -> Option<i64> {
    match row.state {
        FileState::Shows { taken, .. } => taken,
        FileState::Failed { .. } => None,
    }
}

/// A stored face as `file` shows it.
pub(crate) fn face_view(row: FaceRow, file: &FileView, roster: &Roster) -> FaceView {
    let upright = row.detection.mapped(|p| file.orientation.to_upright(p));
    let person = roster.person_of(row.id);
    FaceView {
        id: row.id,
        photo: row.photo,
        bbox: upright.bbox.to_px(file.upright),
        landmarks: upright.landmarks.0.map(|p| p.to_px(file.upright)),
        score: row.detection.score,
        quality: roster.quality_of(row.id).unwrap_or(row.quality),
        person,
        name: person.and_then(|person| roster.name_of(person)).map(str::to_owned),
    }
}
