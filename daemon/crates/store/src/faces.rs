//! Photos, analyses, faces, packs, and how much of everything there is. All of it is read here; it is written in
//! `commit`.

use redb::{ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata, TableError};
use vow_tables::Map;
use vow_types::{ContentId, Embedding, FaceId, PackId, PersonId, Size};

use crate::codec::{put_pack, take_analysis, take_embedding, take_face, take_file, take_pack, take_photo};
use crate::each_file::BATCH;
use crate::error::StoreError;
use crate::fault::{Fault, Result};
use crate::rows::{Counts, FaceRow, FileState, PhotoRow, WholeFace};
use crate::store::Store;
use crate::tables::{
    ANALYSES, Bytes, Content, EMBEDDINGS, FACE_PERSON, FACES, FAILURES, FILES, FULL_NORMS, HIDDEN, PACKS,
    PHOTOS, TALLIES,
};

impl Store {
    /// What is known of a photo.
    ///
    /// # Errors
    /// When the store cannot be read; so with all below.
    pub fn photo(&self, photo: &ContentId) -> std::result::Result<Option<PhotoRow>, StoreError> {
        self.read(|txn| {
            let bytes = txn.open_table(PHOTOS)?.get(&photo.0)?;
            Ok(bytes.map(|bytes| take_photo(*photo, bytes.value())).transpose()?)
        })
    }

    /// The faces that a pack saw in a photo; `None` when it has not looked.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn analysis(
        &self,
        photo: &ContentId,
        pack: PackId,
    ) -> std::result::Result<Option<Vec<FaceId>>, StoreError> {
        self.read(|txn| analysis(txn, photo, pack))
    }

    /// What is known of a face.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn face(&self, face: FaceId) -> std::result::Result<Option<FaceRow>, StoreError> {
        self.read(|txn| {
            let bytes = txn.open_table(FACES)?.get(face.0)?;
            Ok(bytes.map(|bytes| take_face(face.0, bytes.value())).transpose()?)
        })
    }

    /// The faces that a pack saw in a photo; none when it has not looked.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn faces_of(&self, photo: &ContentId, pack: PackId) -> std::result::Result<Vec<FaceRow>, StoreError> {
        self.read(|txn| {
            let faces = txn.open_table(FACES)?;
            let ids = analysis(txn, photo, pack)?.unwrap_or_default();
            ids.into_iter()
                .map(|id| {
                    let bytes = faces.get(id.0)?.ok_or_else(|| Fault::missing("faces", id))?;
                    Ok(take_face(id.0, bytes.value())?)
                })
                .collect()
        })
    }

    /// What a face looks like.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn embedding(&self, face: FaceId) -> std::result::Result<Option<Embedding>, StoreError> {
        self.read(|txn| {
            let bytes = txn.open_table(EMBEDDINGS)?.get(face.0)?;
            Ok(bytes.map(|bytes| take_embedding(bytes.value())).transpose()?)
        })
    }

    /// Hands every face that a pack ever saw to `visit`, in the order of their ids, as they were when this began. A few
    /// hundred are in memory at a time.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn for_each_face(
        &self,
        pack: PackId,
        visit: &mut dyn FnMut(WholeFace),
    ) -> std::result::Result<(), StoreError> {
        let view = self.view()?;
        let mut tour = self.guard("read", || Tour::begin(&view, pack))?;
        loop {
            let batch = self.guard("read", || tour.next())?;
            if batch.is_empty() {
                return Ok(());
            }
            batch.into_iter().for_each(&mut *visit);
        }
    }

    /// Notes the name of a pack.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put_pack(&self, pack: PackId, name: &str) -> std::result::Result<(), StoreError> {
        self.write(|txn| {
            txn.open_table(PACKS)?.insert(&pack.0, put_pack(name)?.as_slice())?;
            Ok(())
        })
    }

    /// The length of a good face's embedding by this pack, as it was learned.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn full_norm(&self, pack: PackId) -> std::result::Result<Option<f32>, StoreError> {
        self.read(|txn| match txn.open_table(FULL_NORMS) {
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            norms => Ok(norms?.get(&pack.0)?.map(|bits| f32::from_bits(bits.value()))),
        })
    }

    /// Keeps what [`Self::full_norm`] is to answer.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put_full_norm(&self, pack: PackId, norm: f32) -> std::result::Result<(), StoreError> {
        self.write(|txn| {
            txn.open_table(FULL_NORMS)?.insert(&pack.0, norm.to_bits())?;
            Ok(())
        })
    }

    /// All packs that were ever noted, with their names, in the order of their ids.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn packs(&self) -> std::result::Result<Vec<(PackId, String)>, StoreError> {
        self.read(|txn| {
            let packs = txn.open_table(PACKS)?;
            let rows = packs.iter()?;
            rows.map(|row| {
                let (id, bytes) = row?;
                Ok((PackId(*id.value()), take_pack(bytes.value())?))
            })
            .collect()
        })
    }

    /// How much there is; what depends on the pack, for this one. Takes no longer for a large store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn counts(&self, pack: PackId) -> std::result::Result<Counts, StoreError> {
        self.read(|txn| {
            let tally = txn.open_table(TALLIES)?.get(&pack.0)?;
            let (analysed, faces) = tally.map_or((0, 0), |tally| tally.value());
            Ok(Counts {
                files: txn.open_table(FILES)?.len()?,
                photos: txn.open_table(PHOTOS)?.len()?.saturating_sub(txn.open_table(HIDDEN)?.len()?),
                analysed,
                faces,
                failures: txn.open_table(FAILURES)?.len()?,
            })
        })
    }
}

fn analysis(txn: &ReadTransaction, photo: &ContentId, pack: PackId) -> Result<Option<Vec<FaceId>>> {
    let bytes = txn.open_table(ANALYSES)?.get((&photo.0, &pack.0))?;
    Ok(bytes.map(|bytes| take_analysis(bytes.value())).transpose()?)
}

/// Capture times by photo. There may be millions of photos: half of an id tells them apart, too.
#[derive(Default)]
struct Times(Map<[u8; 16], i64>);

impl Times {
    /// Of every photo that has one: that of the first of its files that says one.
    fn read(files: &ReadOnlyTable<Bytes, Bytes>) -> Result<Self> {
        let mut times = Self::default();
        for row in files.range::<&[u8]>(..)? {
            let (path, bytes) = row?;
            if let FileState::Shows { photo, taken: Some(time), .. } =
                take_file(path.value(), bytes.value())?.state
            {
                times.0.entry(half(photo)).or_insert(time);
            }
        }
        Ok(times)
    }

    fn of(&self, photo: ContentId) -> Option<i64> {
        self.0.get(&half(photo)).copied()
    }
}

fn half(ContentId(photo): ContentId) -> [u8; 16] {
    photo.first_chunk().copied().unwrap_or_default()
}

/// Goes through all faces of a pack, a batch at a time.
struct Tour {
    pack: PackId,
    faces: ReadOnlyTable<u64, Bytes>,
    embeddings: ReadOnlyTable<u64, Bytes>,
    people: ReadOnlyTable<u64, u64>,
    photos: ReadOnlyTable<Content, Bytes>,
    hidden: ReadOnlyTable<Content, ()>,
    /// When photos were taken. Reading all files in a row takes a fraction of looking them up photo by photo.
    taken: Times,
    /// The photo of the last face, which is as a rule that of the next: its size, and whether it has a file.
    photo: Option<(ContentId, Size, bool)>,
    /// The id to go on at; `None` at the end.
    from: Option<u64>,
}

impl Tour {
    fn begin(view: &ReadTransaction, pack: PackId) -> Result<Self> {
        Ok(Self {
            pack,
            faces: view.open_table(FACES)?,
            embeddings: view.open_table(EMBEDDINGS)?,
            people: view.open_table(FACE_PERSON)?,
            photos: view.open_table(PHOTOS)?,
            hidden: view.open_table(HIDDEN)?,
            taken: Times::read(&view.open_table(FILES)?)?,
            photo: None,
            from: Some(0),
        })
    }

    /// The next faces; none at the end.
    fn next(&mut self) -> Result<Vec<WholeFace>> {
        let mut rows: Vec<FaceRow> = Vec::with_capacity(BATCH);
        let Some(from) = self.from.take() else { return Ok(Vec::new()) };
        for row in self.faces.range(from..)? {
            let (id, bytes) = row?;
            let face = take_face(id.value(), bytes.value())?;
            if face.pack == self.pack {
                if rows.len() == BATCH {
                    self.from = Some(face.id.0);
                    break;
                }
                rows.push(face);
            }
        }
        rows.into_iter().map(|row| self.whole(row)).collect()
    }

    fn whole(&mut self, row: FaceRow) -> Result<WholeFace> {
        let bytes = self.embeddings.get(row.id.0)?;
        let bytes = bytes.ok_or_else(|| Fault::missing("embeddings", row.id))?;
        let person = self.people.get(row.id.0)?.map(|person| PersonId(person.value()));
        let (coded, shown) = self.photo(row.photo)?;
        let taken = self.taken.of(row.photo);
        Ok(WholeFace { row, embedding: take_embedding(bytes.value())?, person, coded, shown, taken })
    }

    fn photo(&mut self, content: ContentId) -> Result<(Size, bool)> {
        if let Some((last, coded, shown)) = self.photo
            && last == content
        {
            return Ok((coded, shown));
        }
        let bytes = self.photos.get(&content.0)?.ok_or_else(|| Fault::missing("photos", content))?;
        let coded = take_photo(content, bytes.value())?.coded;
        let shown = self.hidden.get(&content.0)?.is_none();
        self.photo = Some((content, coded, shown));
        Ok((coded, shown))
    }
}
