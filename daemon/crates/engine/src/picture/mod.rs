//! Pictures to look at: a face with some of what is around it, or a photo, as large as is asked for, upright, as JPEG. Made
//! from the original when it is asked for; nothing of it is kept on disk, and no metadata of the original goes along.
//!
//! [`make`] turns bytes of a file into a picture, [`shelf`] keeps the last ones in memory.

mod make;
mod shelf;

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use vow_media::Stamp;
use vow_types::{ContentId, FaceId, Lane, RelBox, Size};

use crate::budget::Holds;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::views::{FaceView, FileView};
use make::Wanted;
use shelf::Key;
pub(crate) use shelf::Shelf;

/// Pixels along the longer side that can be asked for.
const SIDES: RangeInclusive<u32> = 16..=4096;

/// What a picture is to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PictureOf {
    /// A face: a square around it with some margin, within the photo.
    Face(FaceId),
    /// All of a photo.
    Photo(ContentId),
    /// All of the photo in an indexed file.
    File(PathBuf),
}

/// A picture as a JPEG file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jpeg {
    /// The file.
    pub bytes: Arc<[u8]>,
    /// Its width and height in pixels.
    pub size: Size,
}

impl Engine {
    /// A picture whose longer side has `side` pixels, 16 to 4096, or fewer: nothing is enlarged.
    ///
    /// # Errors
    /// When there is no such face, photo or file, when no file shows it any more, and when none of those that do can be read:
    /// then with the first of them and why.
    pub fn picture(&self, of: &PictureOf, side: u32) -> Result<Jpeg, EngineError> {
        if !SIDES.contains(&side) {
            let (least, most) = (SIDES.start(), SIDES.end());
            return Err(EngineError::Senseless(format!(
                "a picture has {least} to {most} pixels along its longer side, not {side}"
            )));
        }
        let (photo, face, place) = match of {
            PictureOf::Face(id) => {
                let row = self.store().face(*id)?.ok_or(EngineError::UnknownFace(*id))?;
                (row.photo, Some(*id), Some(row.detection.bbox))
            }
            PictureOf::Photo(photo) => (*photo, None, None),
            PictureOf::File(path) => (self.faces_of_file(path)?.0.photo, None, None),
        };
        let mut trouble = None;
        for file in self.files_showing(photo)? {
            let key = Key { photo, face, orientation: file.orientation, side };
            if let Some(jpeg) = self.shelf().get(&key) {
                return Ok(jpeg);
            }
            match self.make(&file, place, side) {
                Ok(jpeg) => {
                    self.shelf().put(key, jpeg.clone());
                    return Ok(jpeg);
                }
                Err(error) => trouble = trouble.or(Some(error)),
            }
        }
        Err(trouble.unwrap_or(EngineError::NoFile(photo)))
    }

    /// The files that show a photo, by path, at least one, and the faces in it from left to right as the first of them has
    /// them.
    ///
    /// # Errors
    /// When no file shows it.
    pub fn faces_of_photo(&self, photo: ContentId) -> Result<(Vec<FileView>, Vec<FaceView>), EngineError> {
        let files = self.files_showing(photo)?;
        let first = files.first().ok_or(EngineError::NoFile(photo))?;
        let faces = self.faces_in(first)?;
        Ok((files, faces))
    }

    fn files_showing(&self, photo: ContentId) -> Result<Vec<FileView>, EngineError> {
        let mut files = Vec::new();
        for row in self.store().files_of(&photo)? {
            files.extend(self.file_view(&row)?);
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// One picture from one file. Few at a time, and within the engine's budget: whoever looks at photos must not take more
    /// memory than whoever indexes them.
    fn make(&self, file: &FileView, place: Option<RelBox>, side: u32) -> Result<Jpeg, EngineError> {
        let bench = self.bench();
        let _turn = self.shelf().turn();
        let size = Stamp::at(&file.path).map_or(0, |stamp| stamp.size.min(bench.limits.max_file_bytes));
        let _read = bench.budget.take(Holds::File, size, Lane::Live)?;
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| self.unreadable(file, source);
        let mut bytes = Vec::new();
        vow_media::read(&file.path, &bench.limits, &mut bytes).map_err(|error| failed(error.into()))?;
        let header = vow_media::inspect(&bytes, &bench.limits).map_err(|error| failed(error.into()))?;
        if header.content != file.photo {
            let hint = ": it shows another photo by now; wait until that is indexed".to_owned();
            return Err(EngineError::UnknownFile { path: file.path.clone(), hint });
        }
        let wanted = Wanted { place, orientation: file.orientation, side };
        make::picture(&bytes, &header, wanted, &bench.budget).map_err(|error| failed(error.into()))
    }

    /// Why a file cannot be looked at: its disk is away, or what the system or a decoder said.
    fn unreadable(&self, file: &FileView, source: Box<dyn std::error::Error + Send + Sync>) -> EngineError {
        let path = file.path.clone();
        let holds = self.folders_of_record().all().into_iter().find(|one| path.starts_with(&one.folder.path));
        match holds {
            Some(one) if !one.online || !one.folder.path.is_dir() => {
                EngineError::Offline { path, folder: one.folder.path }
            }
            _ => EngineError::Unreadable { path, source },
        }
    }
}
