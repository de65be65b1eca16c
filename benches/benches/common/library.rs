//! A made-up library: many empty files in folders, and a store that knows them all, with faces of people who look alike as
//! people do. The files are no pictures, so a daemon that opened one would have a failure to show.
#![allow(dead_code, reason = "no bench asks for everything")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use vow_models::Pack;
use vow_store::{Change, FileRow, FileState, NewFace, PhotoRow, Store, StoreError};
use vow_tests::look::Random;
use vow_types::num::{index, len_u64};
use vow_types::{
    ContentId, Detection, Embedding, FaceId, FolderId, Landmarks, Orientation, PackId, PersonId, RelBox,
    RelPoint, Size,
};
use vow_watch::{Found, Seen};

const IN_A_FOLDER: u32 = 100;
/// People who are seen again; the first of them far more often than the last.
const PEOPLE: u32 = 4000;
/// Faces in ten photos.
const FACES: [usize; 10] = [0, 1, 1, 1, 2, 2, 2, 2, 3, 4];
/// One face in so many is a stranger's, seen once.
const STRANGERS: u32 = 10;
/// Rows in a transaction.
const BATCH: usize = 2000;
/// What a face shares with its person: two faces of one have a cosine of the square of this.
const ALIKE: f32 = 0.8;

/// Files in the library: 100,000, or as `VOW_FILES` says.
pub(crate) fn size() -> u32 {
    std::env::var("VOW_FILES").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000)
}

/// Of a hundred faces, how many are the first person's besides those that the draw gives them: none, or as `VOW_LARGEST` says.
fn largest() -> u32 {
    std::env::var("VOW_LARGEST").ok().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Makes that many files in folders below `root`. They are empty, since it takes minutes on some disks to delete so many that
/// are not.
pub(crate) fn make_files(root: &Path, count: u32) {
    for number in 0..count {
        let folder = root.join(format!("{:05}", number / IN_A_FOLDER));
        if number % IN_A_FOLDER == 0 {
            std::fs::create_dir_all(&folder).unwrap();
        }
        std::fs::File::create(folder.join(format!("IMG_{number:06}.jpg"))).unwrap();
    }
}

/// A library in a folder of its own: its photos, the daemon's data, and how many faces the store there has.
pub(crate) fn make(home: &Path, pack: &Pack) -> (PathBuf, PathBuf, usize) {
    let (photos, data) = (home.join("photos"), home.join("data"));
    make_files(&photos, size());
    std::fs::create_dir(&data).unwrap();
    let store = Store::open(&data.join("vow.redb")).unwrap();
    let (_, faces) = fill(&store, &photos, scan(&photos), pack.id, Some(pack.embedder.dimension));
    (photos, data, faces)
}

/// All files below `root`, as the daemon's scan sees them.
pub(crate) fn scan(root: &Path) -> Vec<Found> {
    let mut found = Vec::new();
    let mut visit = |seen| {
        found.extend(if let Seen::Picture(picture) = seen { Some(picture) } else { None });
        ControlFlow::Continue(())
    };
    vow_watch::scan(root, &vow_media::is_picture_name, &mut visit).unwrap();
    found
}

/// What the store knows of a folder's files, asked for as the library thread of the engine asks.
pub(crate) fn known(
    store: &Store,
    folder: FolderId,
    pack: PackId,
) -> impl Iterator<Item = Result<Found, StoreError>> {
    store.each_file_in(folder).unwrap().map(move |row| {
        let FileRow { path, size, mtime_ns, inode, state, .. } = row?;
        if let FileState::Shows { photo, .. } = &state {
            assert!(store.analysis(photo, pack)?.is_some());
        }
        Ok(Found { path, size, mtime_ns, inode })
    })
}

/// Makes a store know these files: a photo each, analysed by the pack, with as many faces as photos have if
/// `dimension` is given. Returns the folder and the number of faces.
pub(crate) fn fill(
    store: &Store,
    root: &Path,
    found: Vec<Found>,
    pack: PackId,
    dimension: Option<u32>,
) -> (FolderId, usize) {
    let device = std::os::linux::fs::MetadataExt::st_dev(&root.metadata().unwrap());
    let (folder, _) = store.add_folder(root, device, 0).unwrap();
    store.put_pack(pack, "bench").unwrap();
    let mut crowd = dimension.map(Crowd::new);
    let (mut random, mut faces) = (Random::new(7), 0);
    let mut files = found.into_iter().peekable();
    while files.peek().is_some() {
        let (mut changes, mut people) = (Vec::new(), Vec::new());
        for file in files.by_ref().take(BATCH) {
            let photo = photo(&mut random);
            let (who, seen) = crowd.as_mut().map(Crowd::photo).unwrap_or_default();
            people.push((photo.content, who));
            changes.push(Change::Analysed {
                file: row(file, folder.id, photo.content),
                photo,
                pack,
                faces: seen,
            });
        }
        let committed = store.commit(changes).unwrap();
        let moves: Vec<(FaceId, Option<PersonId>)> = committed
            .analysed
            .iter()
            .zip(people)
            .flat_map(|((photo, ids), (expected, who))| {
                assert_eq!(*photo, expected);
                ids.clone().into_iter().zip(who.into_iter().map(Some))
            })
            .collect();
        faces += moves.len();
        store.assign(&moves, 0).unwrap();
    }
    (folder.id, faces)
}

fn row(file: Found, folder: FolderId, photo: ContentId) -> FileRow {
    let Found { path, size, mtime_ns, inode } = file;
    let state =
        FileState::Shows { photo, orientation: Some(Orientation::Upright), taken: Some(1_700_000_000) };
    FileRow { path, folder, size, mtime_ns, inode, state }
}

fn photo(random: &mut Random) -> PhotoRow {
    let mut content = [0; 32];
    content.chunks_exact_mut(8).for_each(|part| part.copy_from_slice(&random.next().to_le_bytes()));
    let coded = Size { width: 4000, height: 3000 };
    PhotoRow { content: ContentId(content), coded, format: "JPEG".to_owned(), first_seen: 0, turn: None }
}

/// Everyone who may be in a photo.
struct Crowd {
    random: Random,
    people: Vec<Vec<f32>>,
    dimension: u32,
    strangers: u32,
    largest: u32,
}

impl Crowd {
    fn new(dimension: u32) -> Self {
        let mut random = Random::new(3);
        let people = (0..PEOPLE).map(|_| direction(&mut random, dimension)).collect();
        Self { random, people, dimension, strangers: 0, largest: largest() }
    }

    /// Who is in the next photo, nobody twice, and their faces.
    fn photo(&mut self) -> (Vec<PersonId>, Vec<NewFace>) {
        let (mut who, mut faces) = (Vec::new(), Vec::new());
        for _ in 0..FACES[index(self.random.below(10))] {
            let (person, looks) = self.someone();
            if !who.contains(&person) {
                who.push(person);
                faces.push(face(&looks, len_u64(faces.len())));
            }
        }
        (who, faces)
    }

    fn someone(&mut self) -> (PersonId, Embedding) {
        let own = direction(&mut self.random, self.dimension);
        if self.random.below(STRANGERS) == 0 {
            self.strangers += 1;
            let person = PersonId(u64::from(PEOPLE + self.strangers));
            return (person, Embedding::from_raw(&own).unwrap());
        }
        // The cube of an even draw: the first few have most of the photos, as a family has.
        let draw = f64::from(self.random.below(1 << 20)) / f64::from(1 << 20);
        let draw = if self.largest > 0 && self.random.below(100) < self.largest { 0.0 } else { draw };
        let at = vow_types::num::f64_to_u64(draw.powi(3) * f64::from(PEOPLE));
        let person = &self.people[usize::try_from(at).unwrap()];
        let rest = (1.0 - ALIKE * ALIKE).sqrt();
        let raw: Vec<f32> = person.iter().zip(own).map(|(same, own)| ALIKE * same + rest * own).collect();
        (PersonId(at + 1), Embedding::from_raw(&raw).unwrap())
    }
}

fn face(looks: &Embedding, number: u64) -> NewFace {
    let left = 0.1 + 0.2 * f32::from(u16::try_from(number).unwrap());
    let bbox = RelBox { left, top: 0.2, right: left + 0.15, bottom: 0.4 };
    let point = |x: f32, y: f32| RelPoint { x: left + x * 0.15, y: 0.2 + y * 0.2 };
    let landmarks =
        Landmarks([point(0.3, 0.4), point(0.7, 0.4), point(0.5, 0.6), point(0.35, 0.8), point(0.65, 0.8)]);
    NewFace {
        detection: Detection { bbox, landmarks, score: 0.95 },
        quality: 0.8,
        norm: 16.0,
        embedding: looks.clone(),
    }
}

/// Some direction, all equally likely: the sum of four even draws is nearly normal.
fn direction(random: &mut Random, dimension: u32) -> Vec<f32> {
    let mut draw = || {
        let bits = random.next();
        let parts = [0, 16, 32, 48].map(|shift| f32::from(u16::try_from(bits >> shift & 0xffff).unwrap()));
        parts.iter().sum::<f32>() / 65536.0 - 2.0
    };
    let raw: Vec<f32> = (0..dimension).map(|_| draw()).collect();
    let length = vow_types::norm(&raw);
    raw.into_iter().map(|value| value / length).collect()
}
