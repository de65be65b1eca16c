//! Photos by who is in them: all or any of some people, without others, by time and folder, and who else is there. Reads the
//! store and the roster; changes nothing.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use vow_store::FileRow;
use vow_types::{ContentId, FaceId, PersonId};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::query::{face_view, taken_of};
use crate::roster::Roster;
use crate::views::{Companion, PersonPhoto, PhotoOrder, PhotoQuery};

/// A photo that was asked for.
struct Found {
    taken: Option<i64>,
    /// The files that show it and were asked for, by path; at least one.
    files: Vec<FileRow>,
    /// The faces of the people asked for.
    faces: Vec<FaceId>,
}

impl Engine {
    /// The photos that an answer to `query` holds, each with all its files. The second value is how many photos there are in
    /// all.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn photos(
        &self,
        query: &PhotoQuery,
        skip: usize,
        limit: usize,
    ) -> Result<(Vec<PersonPhoto>, usize), EngineError> {
        let found = self.find_photos(query)?;
        let total = found.len();
        let mut page = Vec::new();
        for photo in found.into_iter().skip(skip).take(limit) {
            self.photo_views(&photo, &mut |view| {
                page.push(view);
                true
            })?;
        }
        Ok((page, total))
    }

    /// The same, all of it, one file after the other; `visit` returns false to end it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn each_photo(
        &self,
        query: &PhotoQuery,
        visit: &mut dyn FnMut(PersonPhoto) -> bool,
    ) -> Result<(), EngineError> {
        for photo in self.find_photos(query)? {
            if !self.photo_views(&photo, visit)? {
                break;
            }
        }
        Ok(())
    }

    /// Who is in photos that show all of these people, the most photos first; people who are hidden are left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn companions(&self, people: &[PersonId], limit: usize) -> Result<Vec<Companion>, EngineError> {
        let mut together: HashMap<PersonId, usize> = HashMap::new();
        {
            let roster = self.people().read();
            let query = PhotoQuery { people: people.to_vec(), ..PhotoQuery::default() };
            let photos = shown(&query, &roster).into_keys().collect();
            for (_, person) in roster.people_in(&photos) {
                *together.entry(person).or_default() += 1;
            }
            together.retain(|person, _| !people.contains(person) && !roster.is_hidden(*person));
        }
        let mut together: Vec<(PersonId, usize)> = together.into_iter().collect();
        together.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        let most = together.into_iter().take(limit);
        most.map(|(person, photos)| Ok(Companion { person: self.person(person)?, photos })).collect()
    }

    fn find_photos(&self, query: &PhotoQuery) -> Result<Vec<Found>, EngineError> {
        let shown = shown(query, &self.people().read());
        let timed = query.since.is_some() || query.until.is_some();
        let mut found = Vec::with_capacity(shown.len());
        for (photo, faces) in shown {
            let mut files = self.store().files_of(&photo)?;
            // A time is the photo's, whichever of its files says it.
            let taken = files.iter().find_map(taken_of);
            files.retain(|file| query.folder.as_ref().is_none_or(|folder| file.path.starts_with(folder)));
            files.sort_by(|a, b| a.path.cmp(&b.path));
            let within = |time: i64| {
                query.since.is_none_or(|since| time >= since) && query.until.is_none_or(|until| time <= until)
            };
            if !files.is_empty() && (!timed || taken.is_some_and(within)) {
                found.push(Found { taken, files, faces });
            }
        }
        let path = |photo: &Found| -> PathBuf {
            photo.files.first().map(|file| file.path.clone()).unwrap_or_default()
        };
        found.sort_by_cached_key(|photo| {
            let time = match query.order {
                PhotoOrder::Oldest => (photo.taken.is_none(), photo.taken.unwrap_or_default()),
                PhotoOrder::Newest => {
                    (photo.taken.is_none(), photo.taken.unwrap_or_default().saturating_neg())
                }
                PhotoOrder::Path => (false, 0),
            };
            (time, path(photo))
        });
        Ok(found)
    }

    fn photo_views(
        &self,
        photo: &Found,
        visit: &mut dyn FnMut(PersonPhoto) -> bool,
    ) -> Result<bool, EngineError> {
        for file in &photo.files {
            let Some(file) = self.file_view(file)? else { continue };
            let mut faces = Vec::with_capacity(photo.faces.len());
            for face in &photo.faces {
                let row = self.store().face(*face)?;
                faces.extend(row.map(|row| face_view(row, &file, &self.people().read())));
            }
            if !visit(PersonPhoto { file, faces }) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The photos that show who was asked for, and their faces there.
fn shown(query: &PhotoQuery, roster: &Roster) -> HashMap<ContentId, Vec<FaceId>> {
    let wanted: BTreeSet<PersonId> = query.people.iter().copied().collect();
    let mut photos: HashMap<ContentId, (BTreeSet<PersonId>, Vec<FaceId>)> = HashMap::new();
    for person in &wanted {
        for face in roster.members(*person) {
            let Some(photo) = roster.photo_of(*face) else { continue };
            let (people, faces) = photos.entry(photo).or_default();
            people.insert(*person);
            faces.push(*face);
        }
    }
    let without = query.without.iter().flat_map(|person| roster.members(*person));
    for photo in without.filter_map(|face| roster.photo_of(*face)) {
        photos.remove(&photo);
    }
    photos.retain(|_, (people, _)| query.any || people.len() == wanted.len());
    photos.into_iter().map(|(photo, (_, faces))| (photo, faces)).collect()
}
