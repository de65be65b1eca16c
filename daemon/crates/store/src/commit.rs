//! The one transaction in which files, photos and faces change, so that every table agrees with every other one when it
//! is over. How photos and faces are counted is in [`tallies`], faces that are added by hand in [`drawn`].

mod drawn;
mod tallies;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use redb::{MultimapTable, ReadableMultimapTable, ReadableTable, Table, WriteTransaction};
use vow_types::{ContentId, FaceId, PackId};

use crate::codec::{
    put_analysis, put_embedding, put_face, put_file, put_photo, take_analysis, take_folder, take_photo,
};
use crate::error::StoreError;
use crate::events::{Event, Tale};
use crate::fault::Result;
use crate::files;
use crate::path_bytes::{is_inside, to_bytes};
use crate::rows::{Change, Committed, FaceRow, FileRow, FileState, NewFace, PhotoRow};
use crate::store::Store;
use crate::tables::{self, Bytes, Content, Pack, meta};

impl Store {
    /// Carries out all changes, in their order, in one transaction that is durable when this returns. A photo comes into
    /// the store with all of its faces, or not at all.
    ///
    /// A file whose folder has been removed meanwhile is not recorded; what was seen in it is, for when it comes back.
    ///
    /// # Errors
    /// When the store cannot be written; when a change contradicts the store or itself
    /// ([`StoreError::UnknownPhoto`], [`StoreError::OtherPhoto`], [`StoreError::OutsideFolder`]). Then nothing was changed.
    pub fn commit(&self, changes: Vec<Change>) -> std::result::Result<Committed, StoreError> {
        self.write(|txn| {
            let mut ingest = Ingest::begin(txn)?;
            for change in changes {
                match change {
                    Change::Known { file } => ingest.known(file)?,
                    Change::Analysed { file, photo, pack, faces } => {
                        ingest.analysed(file, &photo, pack, faces)?
                    }
                    Change::Gone { path } => ingest.gone(&path)?,
                }
            }
            ingest.finish()
        })
    }
}

/// The tables that such a transaction changes, and what it did so far.
pub(crate) struct Ingest<'txn> {
    folders: Table<'txn, u64, Bytes>,
    files: Table<'txn, Bytes, Bytes>,
    failures: Table<'txn, Bytes, ()>,
    photos: Table<'txn, Content, Bytes>,
    photo_files: MultimapTable<'txn, Content, Bytes>,
    hidden: Table<'txn, Content, ()>,
    analyses: Table<'txn, (Content, Pack), Bytes>,
    faces: Table<'txn, u64, Bytes>,
    embeddings: Table<'txn, u64, Bytes>,
    tallies: Table<'txn, Pack, (u64, u64)>,
    meta: Table<'txn, &'static str, u64>,
    events: Table<'txn, u64, Bytes>,
    tale: Tale,
    /// What was known of a photo before, for all whose files were touched.
    before: BTreeMap<ContentId, Before>,
    analysed: Vec<(ContentId, PackId, Vec<FaceId>)>,
    /// Id, row and embedding of every new face, in the order of their ids; written in one go at the end.
    new_faces: Vec<(u64, Vec<u8>, Vec<u8>)>,
}

/// What was known of a photo before a transaction.
struct Before {
    /// It had a file.
    shown: bool,
    taken: Option<i64>,
}

impl<'txn> Ingest<'txn> {
    pub(crate) fn begin(txn: &'txn WriteTransaction) -> Result<Self> {
        Ok(Self {
            folders: txn.open_table(tables::FOLDERS)?,
            files: txn.open_table(tables::FILES)?,
            failures: txn.open_table(tables::FAILURES)?,
            photos: txn.open_table(tables::PHOTOS)?,
            photo_files: txn.open_multimap_table(tables::PHOTO_FILES)?,
            hidden: txn.open_table(tables::HIDDEN)?,
            analyses: txn.open_table(tables::ANALYSES)?,
            faces: txn.open_table(tables::FACES)?,
            embeddings: txn.open_table(tables::EMBEDDINGS)?,
            tallies: txn.open_table(tables::TALLIES)?,
            meta: txn.open_table(tables::META)?,
            events: txn.open_table(tables::EVENTS)?,
            tale: Tale::default(),
            before: BTreeMap::new(),
            analysed: Vec::new(),
            new_faces: Vec::new(),
        })
    }

    pub(crate) fn files(&self) -> &Table<'txn, Bytes, Bytes> {
        &self.files
    }

    /// Writes what was put off, and tells the net effect. The transaction can be finished then.
    pub(crate) fn finish(mut self) -> Result<Committed> {
        self.add_faces()?;
        let mut done = Committed::default();
        for (photo, before) in &self.before {
            match (before.shown, self.is_shown(photo)?) {
                (false, true) => done.appeared.push(*photo),
                (true, false) => done.vanished.push(*photo),
                (true, true) if before.taken != self.taken(photo)? => done.redated.push(*photo),
                (true, true) | (false, false) => {}
            }
        }
        let mut listed = BTreeSet::new();
        for (photo, pack, faces) in &self.analysed {
            if listed.insert((photo, pack)) && self.is_shown(photo)? {
                done.analysed.push((*photo, faces.clone()));
            }
        }
        self.tale.write_to(&mut self.meta, &mut self.events)?;
        Ok(done)
    }

    /// New ids are larger than all others: a run of them after the last row fills the pages, where inserting them one by
    /// one would leave every page half empty.
    fn add_faces(&mut self) -> Result<()> {
        let mut faces = self.faces.upper_bound_mut(Bound::<u64>::Unbounded)?;
        for (id, face, _) in &self.new_faces {
            faces.insert_before(id, face.as_slice())?;
        }
        faces.close()?;
        let mut embeddings = self.embeddings.upper_bound_mut(Bound::<u64>::Unbounded)?;
        for (id, _, embedding) in &self.new_faces {
            embeddings.insert_before(id, embedding.as_slice())?;
        }
        Ok(embeddings.close()?)
    }

    fn known(&mut self, file: FileRow) -> Result<()> {
        if let FileState::Shows { photo, .. } = &file.state
            && self.photos.get(&photo.0)?.is_none()
        {
            return Err(StoreError::UnknownPhoto { file: file.path, photo: *photo }.into());
        }
        self.put(file, false)
    }

    fn analysed(&mut self, file: FileRow, photo: &PhotoRow, pack: PackId, faces: Vec<NewFace>) -> Result<()> {
        if !matches!(&file.state, FileState::Shows { photo: shown, .. } if *shown == photo.content) {
            return Err(StoreError::OtherPhoto { file: file.path, photo: photo.content }.into());
        }
        let content = photo.content;
        let known =
            self.photos.get(&content.0)?.map(|bytes| take_photo(content, bytes.value())).transpose()?;
        match known {
            None => {
                self.photos.insert(&content.0, put_photo(photo)?.as_slice())?;
                self.hidden.insert(&content.0, ())?; // until its file is put, below
            }
            Some(known) if known.turn.is_none() && photo.turn.is_some() => {
                let turned = PhotoRow { turn: photo.turn, ..known };
                self.photos.insert(&content.0, put_photo(&turned)?.as_slice())?;
            }
            Some(_) => {}
        }
        let old = self
            .analyses
            .get((&content.0, &pack.0))?
            .map(|bytes| take_analysis(bytes.value()))
            .transpose()?;
        let is_new = old.is_none();
        let ids = match old {
            Some(ids) => ids,
            None => self.add_analysis(content, pack, faces)?,
        };
        self.analysed.push((content, pack, ids));
        self.put(file, is_new)
    }

    fn add_analysis(&mut self, photo: ContentId, pack: PackId, faces: Vec<NewFace>) -> Result<Vec<FaceId>> {
        let mut ids = Vec::with_capacity(faces.len());
        for NewFace { detection, quality, norm, embedding } in faces {
            let id = tables::take_id(&mut self.meta, meta::NEXT_FACE)?;
            let row = FaceRow { id: FaceId(id), photo, pack, detection, quality, norm };
            self.new_faces.push((id, put_face(&row)?, put_embedding(&embedding)));
            ids.push(row.id);
        }
        self.analyses.insert((&photo.0, &pack.0), put_analysis(&ids)?.as_slice())?;
        if self.is_shown(&photo)? {
            self.tally(pack, ids.len(), u64::checked_add)?;
        }
        Ok(ids)
    }

    pub(crate) fn gone(&mut self, path: &std::path::Path) -> Result<()> {
        let key = to_bytes(path);
        let shown = match files::file(&self.files, key)?.map(|file| file.state) {
            None => return Ok(()),
            Some(FileState::Failed { .. }) => {
                self.failures.remove(key)?;
                None
            }
            Some(FileState::Shows { photo, .. }) => {
                self.note(photo)?;
                self.unlink(photo, key)?;
                Some(photo)
            }
        };
        self.files.remove(key)?;
        self.tale.tell(&Event::Gone { path: path.to_owned(), photo: shown })
    }

    /// Records a file, whose photo is in the store if it shows one. `is_new`: a pack has looked at that for the first time.
    fn put(&mut self, mut file: FileRow, is_new: bool) -> Result<()> {
        let folder = self.folders.get(file.folder.0)?.map(|bytes| take_folder(file.folder.0, bytes.value()));
        let Some(folder) = folder.transpose()? else {
            tracing::debug!(path = %file.path.display(), folder = %file.folder, "its folder has been removed");
            return Ok(());
        };
        if !is_inside(&file.path, &folder.path) {
            let FileRow { path: file, folder: id, .. } = file;
            return Err(StoreError::OutsideFolder { file, folder: id, path: folder.path }.into());
        }
        let path = to_bytes(&file.path).to_vec();
        let old = files::file(&self.files, &path)?;
        if let (Some(old), FileState::Failed { tries, .. }) = (&old, &mut file.state)
            && let FileState::Failed { tries: before, .. } = old.state
            && (old.size, old.mtime_ns, old.inode) == (file.size, file.mtime_ns, file.inode)
        {
            *tries = tries.saturating_add(before);
        }
        let shown = |state: &FileState| match state {
            FileState::Shows { photo, .. } => Some(*photo),
            FileState::Failed { .. } => None,
        };
        let (before, now) = (old.as_ref().map(|old| shown(&old.state)), shown(&file.state));
        for photo in before.flatten().into_iter().chain(now) {
            self.note(photo)?;
        }
        self.files.insert(path.as_slice(), put_file(&file)?.as_slice())?;
        if let Some(photo) = before.flatten()
            && Some(photo) != now
        {
            self.tale.tell(&Event::Gone { path: file.path.clone(), photo: Some(photo) })?;
        }
        match file.state {
            FileState::Failed { failure, .. } => {
                let as_before = old.is_some_and(
                    |old| matches!(old.state, FileState::Failed { failure: before, .. } if before == failure),
                );
                if !as_before {
                    self.tale.tell(&Event::Failed { path: file.path, failure })?;
                }
            }
            FileState::Shows { photo, .. } if is_new || before != Some(now) => {
                self.tale.tell(&Event::Shown { path: file.path, photo })?;
            }
            FileState::Shows { .. } => {}
        }
        if before == Some(now) {
            return Ok(());
        }
        match now {
            Some(photo) => self.link(photo, &path)?,
            None => drop(self.failures.insert(path.as_slice(), ())?),
        }
        match before {
            Some(Some(photo)) => self.unlink(photo, &path)?,
            Some(None) => drop(self.failures.remove(path.as_slice())?),
            None => {}
        }
        Ok(())
    }

    /// Keeps what is known of a photo before its files are changed.
    fn note(&mut self, photo: ContentId) -> Result<()> {
        if !self.before.contains_key(&photo) {
            let shown = self.is_shown(&photo)?;
            let taken = if shown { self.taken(&photo)? } else { None };
            self.before.insert(photo, Before { shown, taken });
        }
        Ok(())
    }

    /// When a photo was taken, by the first of its files that says so.
    fn taken(&self, photo: &ContentId) -> Result<Option<i64>> {
        for path in self.photo_files.get(&photo.0)? {
            if let Some(FileState::Shows { taken: Some(taken), .. }) =
                files::file(&self.files, path?.value())?.map(|file| file.state)
            {
                return Ok(Some(taken));
            }
        }
        Ok(None)
    }

    fn link(&mut self, photo: ContentId, path: &[u8]) -> Result<()> {
        self.photo_files.insert(&photo.0, path)?;
        if !self.is_shown(&photo)? {
            self.hidden.remove(&photo.0)?;
            self.tally_all(&photo, u64::checked_add)?;
        }
        Ok(())
    }

    fn unlink(&mut self, photo: ContentId, path: &[u8]) -> Result<()> {
        self.photo_files.remove(&photo.0, path)?;
        if self.photo_files.get(&photo.0)?.is_empty() {
            self.hidden.insert(&photo.0, ())?;
            self.tally_all(&photo, u64::checked_sub)?;
        }
        Ok(())
    }

    /// Whether a photo that is in the store has a file.
    fn is_shown(&self, photo: &ContentId) -> Result<bool> {
        Ok(self.hidden.get(&photo.0)?.is_none())
    }
}
