//! Questions and their answers: faces of a photo, photos of a person, everyone, who looks like this. Reads the store,
//! the roster and the index; changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use vow_store::{FaceRow, FileRow, FileState, PhotoRow};
use vow_types::{ContentId, Embedding, FaceId, PersonId};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::library::Folders;
use crate::roster::Roster;
use crate::views::{
    FaceView, FailedFile, FileView, NameFilter, PersonPhoto, PersonView, PhotoQuery, SimilarFaces, SimilarHit,
};

impl Engine {
    /// The faces in an indexed file, from left to right.
    ///
    /// # Errors
    /// [`EngineError::UnknownFile`] says why there are none to show.
    pub fn faces_of_file(&self, path: &Path) -> Result<(FileView, Vec<FaceView>), EngineError> {
        let row = self.indexed_file(path)?;
        let Some(file) = self.file_view(&row)? else { return Err(unknown(path, "")) };
        let no_faces = self.people().rulings().no_faces().clone();
        let roster = self.people().read();
        let mut faces: Vec<FaceView> = self
            .store()
            .faces_of(&file.photo, self.pack_id())?
            .into_iter()
            .filter(|face| !no_faces.contains(&face.id))
            .map(|face| face_view(face, &file, &roster))
            .collect();
        faces.sort_by(|a, b| a.bbox.left.total_cmp(&b.bbox.left).then(a.id.cmp(&b.id)));
        Ok((file, faces))
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

    /// Everyone with at least `least` faces or a name: the named by name, then the others by number of faces; either those
    /// who are hidden, or those who are not. Only the people of the page are worked out; the second value is how many there
    /// are in all.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn list_people(
        &self,
        names: NameFilter,
        hidden: bool,
        least: usize,
        skip: usize,
        limit: usize,
    ) -> Result<(Vec<PersonView>, usize), EngineError> {
        let mut order: Vec<(Option<String>, usize, PersonId)> = {
            let roster = self.people().read();
            let least = if hidden { 1 } else { least };
            let everyone = roster.everyone(least).into_iter().filter(|id| roster.is_hidden(*id) == hidden);
            everyone
                .map(|id| (roster.name_of(id).map(str::to_owned), roster.members(id).len(), id))
                .filter(|(name, _, _)| match names {
                    NameFilter::Any => true,
                    NameFilter::Named => name.is_some(),
                    NameFilter::Unnamed => name.is_none(),
                })
                .collect()
        };
        order.sort_by(|(a_name, a_faces, a), (b_name, b_faces, b)| {
            let by_name = match (a_name, b_name) {
                (Some(a), Some(b)) => a.to_lowercase().cmp(&b.to_lowercase()),
                (a, b) => b.is_some().cmp(&a.is_some()),
            };
            by_name.then(b_faces.cmp(a_faces)).then(a.cmp(b))
        });
        let total = order.len();
        let page = order.into_iter().skip(skip).take(limit).map(|(_, _, id)| self.person(id));
        Ok((page.collect::<Result<_, _>>()?, total))
    }

    /// One person.
    ///
    /// # Errors
    /// When there is no such person, or the store cannot be read.
    pub fn person(&self, id: PersonId) -> Result<PersonView, EngineError> {
        let (name, members, chosen, hidden) = {
            let roster = self.people().read();
            if !roster.exists(id) {
                return Err(EngineError::UnknownPerson(id.to_string()));
            }
            let name = roster.name_of(id).map(str::to_owned);
            (name, roster.members(id).to_vec(), roster.cover_of(id), roster.is_hidden(id))
        };
        let mut photos = BTreeSet::new();
        let mut cover: Option<(f32, FaceId)> = None;
        for face in &members {
            let Some(row) = self.store().face(*face)? else { continue };
            photos.insert(row.photo);
            if cover.is_none_or(|(best, id)| {
                (row.quality, std::cmp::Reverse(row.id)) > (best, std::cmp::Reverse(id))
            }) {
                cover = Some((row.quality, row.id));
            }
        }
        let mut taken: Option<(i64, i64)> = None;
        for photo in &photos {
            if let Some(time) = self.store().files_of(photo)?.iter().find_map(taken_of) {
                taken = Some(taken.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
            }
        }
        let cover = chosen.or(cover.map(|(_, id)| id));
        Ok(PersonView { id, name, faces: members.len(), photos: photos.len(), hidden, cover, taken })
    }

    /// A person's faces, the best quality first, at most `limit`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn faces_of_person(&self, id: PersonId, limit: usize) -> Result<Vec<FaceView>, EngineError> {
        let members = self.people().read().members(id).to_vec();
        let mut rows = Vec::with_capacity(members.len());
        for face in members {
            rows.extend(self.store().face(face)?);
        }
        rows.sort_by(|a, b| b.quality.total_cmp(&a.quality).then(a.id.cmp(&b.id)));
        rows.truncate(limit);
        rows.into_iter().filter_map(|row| self.show(row).transpose()).map(|shown| Ok(shown?.0)).collect()
    }

    /// The photos that an answer to `query` holds, oldest first, those without a time last by path; each with all its
    /// files. The second value is how many photos there are in all.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn photos(
        &self,
        query: &PhotoQuery,
        skip: usize,
        limit: usize,
    ) -> Result<(Vec<PersonPhoto>, usize), EngineError> {
        let wanted: BTreeSet<PersonId> = query.people.iter().copied().collect();
        let mut photos: BTreeMap<ContentId, (BTreeSet<PersonId>, Vec<FaceId>)> = BTreeMap::new();
        {
            let roster = self.people().read();
            for person in &wanted {
                for face in roster.members(*person) {
                    let Some(photo) = roster.photo_of(*face) else { continue };
                    let (people, faces) = photos.entry(photo).or_default();
                    people.insert(*person);
                    faces.push(*face);
                }
            }
        }
        photos.retain(|_, (people, _)| query.any || people.len() == wanted.len());
        let timed = query.since.is_some() || query.until.is_some();
        let mut rows = Vec::with_capacity(photos.len());
        for (photo, (_, faces)) in photos {
            let mut files = self.store().files_of(&photo)?;
            files.sort_by(|a, b| a.path.cmp(&b.path));
            let taken = files.iter().find_map(taken_of);
            let within = |time: i64| {
                query.since.is_none_or(|since| time >= since) && query.until.is_none_or(|until| time <= until)
            };
            let Some(first) = files.first() else { continue };
            if !timed || taken.is_some_and(within) {
                rows.push((taken.is_none(), taken, first.path.clone(), files, faces));
            }
        }
        rows.sort_by(|a, b| (a.0, a.1, &a.2).cmp(&(b.0, b.1, &b.2)));
        let total = rows.len();
        let mut page = Vec::new();
        for (_, _, _, files, faces) in rows.into_iter().skip(skip).take(limit) {
            for file in files {
                let Some(file) = self.file_view(&file)? else { continue };
                let mut views = Vec::with_capacity(faces.len());
                for face in &faces {
                    let row = self.store().face(*face)?;
                    views.extend(row.map(|row| face_view(row, &file, &self.people().read())));
                }
                page.push(PersonPhoto { file, faces: views });
            }
        }
        Ok((page, total))
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
        let mut similar = Vec::new();
        for (face, cosine) in self.people().index().search(&embedding, limit.saturating_add(1)) {
            if face == id || cosine < least || similar.len() == limit {
                continue;
            }
            let Some(row) = self.store().face(face)? else { continue };
            if let Some((face, files)) = self.show(row)? {
                similar.push(SimilarHit { face, files, cosine });
            }
        }
        Ok(SimilarFaces { query, similar })
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

    /// Every face of every file, folder by folder, in the order of the paths; `visit` returns false to end it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn export(&self, visit: &mut dyn FnMut(FileView, FaceView) -> bool) -> Result<(), EngineError> {
        for folder in self.folders_of_record().all() {
            let mut rows = self.store().files_in(folder.folder.id)?;
            rows.sort_by(|a, b| a.path.cmp(&b.path));
            for row in rows {
                let Some(file) = self.file_view(&row)? else { continue };
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

    /// A face as its first file shows it; `None` when no file does, or there is no such face.
    pub(crate) fn face(&self, id: FaceId) -> Result<Option<FaceView>, EngineError> {
        Ok(self.face_and_files(id)?.map(|(face, _)| face))
    }

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

    fn file_view(&self, row: &FileRow) -> Result<Option<FileView>, EngineError> {
        let FileState::Shows { photo, orientation, taken } = row.state else { return Ok(None) };
        let Some(PhotoRow { coded, turn, .. }) = self.store().photo(&photo)? else { return Ok(None) };
        // What the file says is trusted; what was found counts where it says nothing.
        let found_turned = orientation.is_none() && turn.is_some();
        let orientation = orientation.or(turn).unwrap_or_default();
        let upright = orientation.upright_size(coded);
        Ok(Some(FileView { path: row.path.clone(), photo, upright, taken, orientation, found_turned }))
    }

    /// The row of a file that shows a photo, asked for by any path that leads to it.
    fn indexed_file(&self, path: &Path) -> Result<FileRow, EngineError> {
        let mut row = self.store().file(path)?;
        if row.is_none()
            && let Ok(real) = path.canonicalize()
        {
            row = self.store().file(&real)?;
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
    let inside = folders.holding(real.as_deref().unwrap_or(path)).is_some();
    match (path.exists(), inside, vow_media::is_picture_name(path)) {
        (false, _, _) => ": there is no such file",
        (true, false, _) => ": it is in none of the watched folders (`vow folder add` watches one more)",
        (true, true, false) => ": its name is not that of a picture",
        (true, true, true) => ": not yet, or it lies in a hidden folder (`vow status` shows what is pending)",
    }
}

fn unknown(path: &Path, hint: &str) -> EngineError {
    EngineError::UnknownFile { path: path.to_owned(), hint: hint.to_owned() }
}

fn taken_of(row: &FileRow) -> Option<i64> {
    match row.state {
        FileState::Shows { taken, .. } => taken,
        FileState::Failed { .. } => None,
    }
}

/// A stored face as `file` shows it.
fn face_view(row: FaceRow, file: &FileView, roster: &Roster) -> FaceView {
    let upright = row.detection.mapped(|p| file.orientation.to_upright(p));
    let person = roster.person_of(row.id);
    FaceView {
        id: row.id,
        photo: row.photo,
        bbox: upright.bbox.to_px(file.upright),
        landmarks: upright.landmarks.0.map(|p| p.to_px(file.upright)),
        score: row.detection.score,
        quality: row.quality,
        person,
        name: person.and_then(|person| roster.name_of(person)).map(str::to_owned),
    }
}
