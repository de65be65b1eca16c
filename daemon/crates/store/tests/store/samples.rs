//! A small world for tests: a few folders, paths, photos, packs and faces, all made from small numbers.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use vow_store::{FileRow, FileState, NewFace, PhotoRow};
use vow_types::{
    ContentId, Detection, Embedding, Failure, FolderId, Landmarks, Orientation, PackId, RelBox, RelPoint,
    Size, Stage,
};

/// Folders; the last lies inside the first, and the second's name begins like the first's.
pub(crate) const FOLDERS: [&str; 3] = ["/p/a", "/p/a-2", "/p/a/in"];

/// Paths, each with the folder it is in. Not all of them are text.
pub(crate) fn paths() -> Vec<(usize, PathBuf)> {
    let names: [&[u8]; 4] = [b"x.jpg", b"y/z.jpg", b"caf\xe9.jpg", b"\xff\xff"];
    let below = FOLDERS.iter().enumerate().flat_map(|(folder, path)| {
        names.iter().map(move |name| (folder, PathBuf::from(path).join(OsStr::from_bytes(name))))
    });
    below.chain([(0, PathBuf::from(FOLDERS[0]))]).collect()
}

pub(crate) fn photo(n: u8) -> ContentId {
    ContentId([n; 32])
}

pub(crate) fn pack(n: u8) -> PackId {
    PackId([n; 16])
}

pub(crate) fn photo_row(n: u8) -> PhotoRow {
    let coded = Size { width: 4000 + u32::from(n), height: 3000 };
    PhotoRow {
        content: photo(n),
        coded,
        format: "jpeg".to_owned(),
        first_seen: 1_700_000_000 + i64::from(n),
        turn: None,
    }
}

pub(crate) fn shows(n: u8) -> FileState {
    let orientation = Orientation::from_exif(u32::from(n) % 9);
    FileState::Shows { photo: photo(n), orientation, taken: n.is_multiple_of(2).then(|| -i64::from(n)) }
}

pub(crate) fn failed(at: i64) -> FileState {
    let failure = Failure { stage: Stage::Decode, reason: "cut off after 12 rows".to_owned() };
    FileState::Failed { failure, tries: 1, at }
}

pub(crate) fn file(path: impl Into<PathBuf>, folder: FolderId, state: FileState) -> FileRow {
    FileRow { path: path.into(), folder, size: 1 << 21, mtime_ns: -5, inode: 77, state }
}

/// A face unlike others with another number.
pub(crate) fn face(n: u8) -> NewFace {
    let x = f32::from(n) / 256.0;
    let bbox = RelBox { left: x, top: -0.01, right: x + 0.1, bottom: 0.2 };
    let landmarks = Landmarks([0.1, 0.2, 0.3, 0.4, 0.5].map(|y| RelPoint { x, y }));
    let raw: Vec<f32> = (0..8u8).map(|i| (f32::from(n) + f32::from(i)).sin()).collect();
    NewFace {
        detection: Detection { bbox, landmarks, score: 0.5 + x / 2.0 },
        quality: x,
        norm: 20.0 + x,
        embedding: Embedding::from_raw(&raw).unwrap(),
    }
}

pub(crate) fn faces(n: u8, count: u8) -> Vec<NewFace> {
    (0..count).map(|i| face(n.wrapping_mul(7).wrapping_add(i))).collect()
}
