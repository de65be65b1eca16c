//! Rows to bytes and back. The bytes are a format of their own: what lies on disk must not change because a type
//! somewhere else gained a field or its variants changed places, so every row has a wire form here.
//!
//! A value is one byte, the row version, and then the wire form in postcard's encoding. An embedding is the row version
//! and then [`Embedding::to_bytes`]. Keys are not in the value; whoever decodes hands them in.

mod events;
mod journal;

pub(crate) use events::{put_event, take_event};
pub(crate) use journal::{put_entry, take_entry};
use serde::{Deserialize, Serialize};
use vow_types::{
    ContentId, Detection, Embedding, FaceId, Failure, FolderId, Landmarks, Orientation, PackId, PersonId,
    RelBox, RelPoint, Size, Stage,
};

use crate::path_bytes::{from_bytes as path_from, to_bytes as path_bytes};
use crate::rows::{FaceRow, FileRow, FileState, Folder, PersonRow, PhotoRow};

/// First byte of a value. One that is not known means that the row was written by another version.
const ROW: u8 = 1;
/// Rows of files and photos since format 2: an orientation may be 0, not known; a photo has one too.
const ROW_2: u8 = 2;

/// Bytes that are not the row they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a row of table {table} cannot be read: {why}")]
pub(crate) struct RowError {
    pub(crate) table: &'static str,
    pub(crate) why: String,
}

type Result<T> = std::result::Result<T, RowError>;

#[derive(Serialize, Deserialize)]
struct FolderWire<'a> {
    path: &'a [u8],
    device: u64,
    added: i64,
}

#[derive(Serialize, Deserialize)]
struct FileWire<'a> {
    folder: u64,
    size: u64,
    mtime_ns: i64,
    inode: u64,
    #[serde(borrow)]
    state: StateWire<'a>,
}

#[derive(Serialize, Deserialize)]
enum StateWire<'a> {
    /// Orientation as the value of the EXIF tag; 0 where there is none, which row version 1 could not say: it has 1 then.
    Shows { photo: [u8; 32], orientation: u8, taken: Option<i64> },
    /// Stage by its name, so that stages may come and go.
    Failed { stage: &'a str, reason: &'a str, tries: u32, at: i64 },
}

#[derive(Serialize, Deserialize)]
struct PhotoWire<'a> {
    width: u32,
    height: u32,
    format: &'a str,
    first_seen: i64,
    /// As in [`StateWire`].
    turn: u8,
}

/// Row version 1.
#[derive(Serialize, Deserialize)]
struct PhotoWire1<'a> {
    width: u32,
    height: u32,
    format: &'a str,
    first_seen: i64,
}

#[derive(Serialize, Deserialize)]
struct FaceWire {
    photo: [u8; 32],
    pack: [u8; 16],
    /// Left, top, right, bottom.
    bbox: [f32; 4],
    /// x and y of each point.
    landmarks: [[f32; 2]; 5],
    score: f32,
    quality: f32,
    norm: f32,
}

#[derive(Serialize, Deserialize)]
struct PersonWire<'a> {
    name: Option<&'a str>,
    hidden: bool,
    cover: Option<u64>,
    created: i64,
    decided: bool,
}

fn put<T: Serialize>(table: &'static str, wire: &T) -> Result<Vec<u8>> {
    put_as(ROW, table, wire)
}

fn put_as<T: Serialize>(row: u8, table: &'static str, wire: &T) -> Result<Vec<u8>> {
    postcard::to_extend(wire, vec![row]).map_err(|error| RowError { table, why: error.to_string() })
}

/// The value without its row version, which is `row`.
fn body<'a>(row: u8, table: &'static str, bytes: &'a [u8]) -> Result<&'a [u8]> {
    match bytes.split_first() {
        Some((found, body)) if *found == row => Ok(body),
        Some((other, _)) => Err(RowError { table, why: format!("row version {other} instead of {row}") }),
        None => Err(RowError { table, why: "it is empty".to_owned() }),
    }
}

/// The row version to read a row as that has had two: 1 if it says so, else 2.
fn either(bytes: &[u8]) -> u8 {
    if bytes.first() == Some(&ROW) { ROW } else { ROW_2 }
}

/// 0 where it is not known.
fn put_orientation(orientation: Option<Orientation>) -> u8 {
    orientation.map_or(0, Orientation::to_exif)
}

fn take_orientation(table: &'static str, value: u8) -> Result<Option<Orientation>> {
    match (value, Orientation::from_exif(u32::from(value))) {
        (0, _) => Ok(None),
        (_, Some(orientation)) => Ok(Some(orientation)),
        (_, None) => Err(RowError { table, why: format!("{value} is no orientation") }),
    }
}

fn take<'a, T: Deserialize<'a>>(table: &'static str, bytes: &'a [u8]) -> Result<T> {
    take_as(ROW, table, bytes)
}

fn take_as<'a, T: Deserialize<'a>>(row: u8, table: &'static str, bytes: &'a [u8]) -> Result<T> {
    whole(table, body(row, table, bytes)?)
}

/// A wire form that takes all bytes.
fn whole<'a, T: Deserialize<'a>>(table: &'static str, body: &'a [u8]) -> Result<T> {
    let (wire, rest) =
        postcard::take_from_bytes(body).map_err(|error| RowError { table, why: error.to_string() })?;
    if rest.is_empty() {
        Ok(wire)
    } else {
        Err(RowError { table, why: format!("{} bytes too many", rest.len()) })
    }
}

pub(crate) fn put_folder(folder: &Folder) -> Result<Vec<u8>> {
    put("folders", &FolderWire { path: path_bytes(&folder.path), device: folder.device, added: folder.added })
}

pub(crate) fn take_folder(id: u64, bytes: &[u8]) -> Result<Folder> {
    let wire: FolderWire<'_> = take("folders", bytes)?;
    Ok(Folder { id: FolderId(id), path: path_from(wire.path), device: wire.device, added: wire.added })
}

pub(crate) fn put_file(file: &FileRow) -> Result<Vec<u8>> {
    let state = match &file.state {
        FileState::Shows { photo, orientation, taken } => {
            StateWire::Shows { photo: photo.0, orientation: put_orientation(*orientation), taken: *taken }
        }
        FileState::Failed { failure, tries, at } => {
            StateWire::Failed { stage: failure.stage.name(), reason: &failure.reason, tries: *tries, at: *at }
        }
    };
    let FileRow { path: _, folder, size, mtime_ns, inode, state: _ } = *file;
    put_as(ROW_2, "files", &FileWire { folder: folder.0, size, mtime_ns, inode, state })
}

pub(crate) fn take_file(path: &[u8], bytes: &[u8]) -> Result<FileRow> {
    let bad = |why: String| RowError { table: "files", why };
    let wire: FileWire<'_> = take_as(either(bytes), "files", bytes)?;
    let state = match wire.state {
        StateWire::Shows { photo, orientation, taken } => {
            let orientation = take_orientation("files", orientation)?;
            FileState::Shows { photo: ContentId(photo), orientation, taken }
        }
        StateWire::Failed { stage, reason, tries, at } => {
            let stage: Stage = stage.parse().map_err(|()| bad(format!("`{stage}` is no stage")))?;
            FileState::Failed { failure: Failure { stage, reason: reason.to_owned() }, tries, at }
        }
    };
    let FileWire { folder, size, mtime_ns, inode, state: _ } = wire;
    Ok(FileRow { path: path_from(path), folder: FolderId(folder), size, mtime_ns, inode, state })
}

pub(crate) fn put_photo(photo: &PhotoRow) -> Result<Vec<u8>> {
    let Size { width, height } = photo.coded;
    let (turn, first_seen) = (put_orientation(photo.turn), photo.first_seen);
    put_as(ROW_2, "photos", &PhotoWire { width, height, format: &photo.format, first_seen, turn })
}

pub(crate) fn take_photo(content: ContentId, bytes: &[u8]) -> Result<PhotoRow> {
    let table = "photos";
    let PhotoWire { width, height, format, first_seen, turn } = match either(bytes) {
        ROW => {
            let PhotoWire1 { width, height, format, first_seen } = take(table, bytes)?;
            PhotoWire { width, height, format, first_seen, turn: 0 }
        }
        _ => take_as(ROW_2, table, bytes)?,
    };
    let turn = take_orientation(table, turn)?;
    Ok(PhotoRow { content, coded: Size { width, height }, format: format.to_owned(), first_seen, turn })
}

pub(crate) fn put_analysis(faces: &[FaceId]) -> Result<Vec<u8>> {
    let faces: Vec<u64> = faces.iter().map(|face| face.0).collect();
    put("analyses", &faces)
}

pub(crate) fn take_analysis(bytes: &[u8]) -> Result<Vec<FaceId>> {
    let faces: Vec<u64> = take("analyses", bytes)?;
    Ok(faces.into_iter().map(FaceId).collect())
}

pub(crate) fn put_face(face: &FaceRow) -> Result<Vec<u8>> {
    let Detection { bbox, landmarks, score } = face.detection;
    put(
        "faces",
        &FaceWire {
            photo: face.photo.0,
            pack: face.pack.0,
            bbox: [bbox.left, bbox.top, bbox.right, bbox.bottom],
            landmarks: landmarks.0.map(|p| [p.x, p.y]),
            score,
            quality: face.quality,
            norm: face.norm,
        },
    )
}

pub(crate) fn take_face(id: u64, bytes: &[u8]) -> Result<FaceRow> {
    let wire: FaceWire = take("faces", bytes)?;
    let [left, top, right, bottom] = wire.bbox;
    Ok(FaceRow {
        id: FaceId(id),
        photo: ContentId(wire.photo),
        pack: PackId(wire.pack),
        detection: Detection {
            bbox: RelBox { left, top, right, bottom },
            landmarks: Landmarks(wire.landmarks.map(|[x, y]| RelPoint { x, y })),
            score: wire.score,
        },
        quality: wire.quality,
        norm: wire.norm,
    })
}

pub(crate) fn put_embedding(embedding: &Embedding) -> Vec<u8> {
    let mut bytes = embedding.to_bytes();
    bytes.insert(0, ROW);
    bytes
}

pub(crate) fn take_embedding(bytes: &[u8]) -> Result<Embedding> {
    let table = "embeddings";
    Embedding::from_bytes(body(ROW, table, bytes)?)
        .map_err(|error| RowError { table, why: error.to_string() })
}

/// `decided`: a human has had a say about this person, so the row stays although its last face may leave.
pub(crate) fn put_person(person: &PersonRow, decided: bool) -> Result<Vec<u8>> {
    put(
        "people",
        &PersonWire {
            name: person.name.as_deref(),
            hidden: person.hidden,
            cover: person.cover.map(|face| face.0),
            created: person.created,
            decided,
        },
    )
}

/// The row, and whether a human has had a say about it.
pub(crate) fn take_person(id: u64, bytes: &[u8]) -> Result<(PersonRow, bool)> {
    let wire: PersonWire<'_> = take("people", bytes)?;
    let row = PersonRow {
        id: PersonId(id),
        name: wire.name.map(str::to_owned),
        hidden: wire.hidden,
        cover: wire.cover.map(FaceId),
        created: wire.created,
    };
    Ok((row, wire.decided))
}

pub(crate) fn put_pack(name: &str) -> Result<Vec<u8>> {
    put("packs", &name)
}

pub(crate) fn take_pack(bytes: &[u8]) -> Result<String> {
    let name: &str = take("packs", bytes)?;
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests;
