//! Faces to group, with who they are: found by the daemon's own engine in a folder, read from its store, and kept in a file
//! so that the next run need not look again. What is done with them is left to others.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use vow_engine::{Config, Engine, PackChoice, RuntimeChoice};
use vow_models::Pack;
use vow_store::{FileState, Store};
use vow_types::{Embedding, Orientation, PackId, QualityGate, RelBox, num};
use vow_vision::{SHAPES, choose_shape};

/// A face as the store has it. Copies of a photo are one photo; the first file name stands for them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) photo: [u8; 32],
    /// Relative to the folder.
    pub(crate) file: PathBuf,
    /// Left, top, right, bottom, relative to the upright photo.
    pub(crate) bbox: [f32; 4],
    /// Shorter side in the detector's frame, in pixels.
    pub(crate) side: f32,
    pub(crate) score: f32,
    pub(crate) quality: f32,
    vector: Vec<u8>,
}

/// What a cache file holds: faces, and the pack that saw them.
#[derive(Serialize, Deserialize)]
struct Cached {
    pack: [u8; 16],
    faces: Vec<Found>,
}

/// A face for grouping.
#[derive(Debug, Clone)]
pub(crate) struct Face {
    /// Photos by number.
    pub(crate) photo: usize,
    pub(crate) embedding: Embedding,
    pub(crate) strong: bool,
    /// Who it is; `None` for a face that nobody labelled. It is grouped like any other and counted nowhere.
    pub(crate) person: Option<usize>,
}

impl Found {
    pub(crate) fn area(&self) -> f32 {
        let [left, top, right, bottom] = self.bbox;
        (right - left) * (bottom - top)
    }

    fn is_strong(&self, gate: &QualityGate) -> bool {
        self.side >= gate.min_face && self.score >= gate.min_score && self.quality >= gate.min_quality
    }
}

/// The faces in a folder, from `cache` where that was made with this pack.
pub(crate) fn find(folder: &Path, pack: &Path, cache: Option<&Path>) -> Vec<Found> {
    let id = Pack::load(pack).unwrap().id;
    let known = cache.and_then(|path| std::fs::read(path).ok());
    let known = known.and_then(|bytes| postcard::from_bytes::<Cached>(&bytes).ok());
    if let Some(known) = known.filter(|known| known.pack == id.0) {
        return known.faces;
    }
    let faces = look(folder, pack, id);
    let cached = Cached { pack: id.0, faces };
    if let Some(path) = cache {
        std::fs::write(path, postcard::to_stdvec(&cached).unwrap()).unwrap();
    }
    cached.faces
}

/// Has the engine look at a folder, into a data folder of its own.
fn look(folder: &Path, pack: &Path, id: PackId) -> Vec<Found> {
    let data = tempfile::tempdir().unwrap();
    let runtime =
        std::env::var_os("VOW_ORT").map_or(RuntimeChoice::Tract, |path| RuntimeChoice::Library(path.into()));
    let stated = Pack::load(pack).unwrap().quality.full_norm;
    let pack = PackChoice::Folder(pack.to_owned());
    let config = Config { pack, runtime, backlog_on_battery: true, ..Config::new(data.path().join("data")) };
    let begun = Instant::now();
    let engine = Engine::open(&config, &[folder.to_owned()]).unwrap();
    while !engine.is_idle() {
        if let Some(error) = engine.failure() {
            panic!("the engine failed: {error}");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    engine.stop();
    drop(engine);
    let store = Store::open(&config.data_dir.join("vow.redb")).unwrap();
    let full = stated.or(store.full_norm(id).unwrap());
    let faces = read(&store, folder, id, full.unwrap_or(0.0));
    println!("{} faces found in {:.0} s", faces.len(), begun.elapsed().as_secs_f64());
    faces
}

/// `full`: the length of a good face's embedding, 0 where it is not known.
fn read(store: &Store, folder: &Path, pack: PackId, full: f32) -> Vec<Found> {
    let folder = folder.canonicalize().unwrap();
    let mut faces = Vec::new();
    let mut visit = |vow_store::WholeFace { row, embedding, shown, .. }| {
        if !shown {
            return;
        }
        let photo = store.photo(&row.photo).unwrap().unwrap();
        let file =
            store.files_of(&row.photo).unwrap().into_iter().min_by(|a, b| a.path.cmp(&b.path)).unwrap();
        let FileState::Shows { orientation, .. } = file.state else { return };
        let orientation: Orientation = orientation.or(photo.turn).unwrap_or_default();
        let RelBox { left, top, right, bottom } = row.detection.bbox.mapped(|p| orientation.to_upright(p));
        let coded = row.detection.bbox.to_px(photo.coded);
        let side = (coded.right - coded.left).min(coded.bottom - coded.top);
        let frame = choose_shape(photo.coded, &SHAPES).unwrap();
        let scale = (num::to_f32(frame.width) / num::to_f32(photo.coded.width))
            .min(num::to_f32(frame.height) / num::to_f32(photo.coded.height));
        faces.push(Found {
            photo: row.photo.0,
            file: file.path.strip_prefix(&folder).unwrap().to_owned(),
            bbox: [left, top, right, bottom],
            side: side * scale,
            score: row.detection.score,
            quality: row.quality * vow_vision::clearness(row.norm, full),
            vector: embedding.to_bytes(),
        });
    };
    store.for_each_face(pack, &mut visit).unwrap();
    // Threads find photos in any order; from here on the order is that of the names.
    faces.sort_by(|a, b| a.file.cmp(&b.file).then(b.area().total_cmp(&a.area())));
    faces
}

/// Of every photo the largest face, which is who the photo is named after: the folder it is in, or else its file name
/// up to the last `_`. With `others`, what else was found comes along without a name.
pub(crate) fn portraits(found: &[Found], gate: &QualityGate, others: bool) -> Vec<Face> {
    let named = |found: &Found| {
        let folder = found.file.parent().and_then(Path::file_name).map(|name| name.to_owned());
        let stem = found.file.file_stem().unwrap().to_str().unwrap();
        folder.unwrap_or_else(|| stem.rsplit_once('_').map_or(stem, |(name, _)| name).into())
    };
    let mut last = None;
    let faces = found.iter().filter_map(|face| {
        let first = last.replace(face.photo) != Some(face.photo);
        (first || others).then(|| (face, first.then(|| named(face))))
    });
    labelled(faces, gate)
}

/// Numbers photos and people.
pub(crate) fn labelled<'a, N: std::hash::Hash + Eq>(
    faces: impl Iterator<Item = (&'a Found, Option<N>)>,
    gate: &QualityGate,
) -> Vec<Face> {
    let (mut photos, mut people) = (HashMap::new(), HashMap::new());
    let numbered = faces.map(|(found, name)| {
        let (photo, person) = (photos.len(), people.len());
        Face {
            photo: *photos.entry(found.photo).or_insert(photo),
            embedding: Embedding::from_bytes(&found.vector).unwrap(),
            strong: found.is_strong(gate),
            person: name.map(|name| *people.entry(name).or_insert(person)),
        }
    });
    numbered.collect()
}
