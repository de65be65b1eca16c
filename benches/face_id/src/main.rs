//! The peer in Rust: the crate `face_id` over every photo of a folder, as its documentation uses it.
//!
//!     ORT_DYLIB_PATH=LIBRARY face_id_peer ALBUM PACK [THREADS]
//!
//! Each photo is decoded by `image` and turned upright, detected, aligned and embedded. PACK is a pack folder as VowImager
//! reads it, with a detector of head "scrfd" exported at 640 x 640 with named outputs, which is what `face_id` takes. With
//! THREADS, that many threads with networks of one thread each share the photos; without, one analyzer whose networks use
//! all cores. Nothing is stored or grouped. Prints one JSON object.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use face_id::detector::ScrfdDetector;
use face_id::embedder::ArcFaceEmbedder;
use face_id::face_align::norm_crop;
use image::{DynamicImage, ImageDecoder, ImageReader};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[derive(serde::Deserialize)]
struct Pack {
    detector: Detector,
    embedder: Embedder,
}

#[derive(serde::Deserialize)]
struct Detector {
    file: PathBuf,
    head: String,
    #[serde(default = "half")]
    threshold: f32,
    #[serde(default = "two_fifths")]
    nms_iou: f32,
}

#[derive(serde::Deserialize)]
struct Embedder {
    file: PathBuf,
}

fn half() -> f32 {
    0.5
}

fn two_fifths() -> f32 {
    0.4
}

/// One set of networks.
struct Analyzer {
    detector: ScrfdDetector,
    embedder: ArcFaceEmbedder,
}

impl Analyzer {
    fn new(folder: &Path, pack: &Pack, threads: Option<usize>) -> Outcome<Self> {
        let Detector { file, threshold, nms_iou, .. } = &pack.detector;
        let detector = ScrfdDetector::builder(folder.join(file))
            .score_threshold(*threshold)
            .iou_threshold(*nms_iou)
            .maybe_with_intra_threads(threads)
            .build()?;
        let embedder =
            ArcFaceEmbedder::builder(folder.join(&pack.embedder.file)).maybe_with_intra_threads(threads).build()?;
        Ok(Self { detector, embedder })
    }

    /// Faces in a photo.
    fn look(&mut self, path: &Path) -> Outcome<usize> {
        let photo = upright(path)?;
        let found = self.detector.detect(&photo)?;
        let pixels = photo.into_rgb8();
        let mut crops = Vec::new();
        for face in found {
            let face = face.to_absolute(pixels.width(), pixels.height());
            let Some(landmarks) = face.landmarks else { continue };
            let landmarks: [(f32, f32); 5] = landmarks.try_into().map_err(|_| "not five landmarks")?;
            crops.push(norm_crop(&pixels, &landmarks, 112));
        }
        Ok(self.embedder.compute_embeddings_batch(&crops)?.len())
    }
}

fn upright(path: &Path) -> Outcome<DynamicImage> {
    let mut decoder = ImageReader::open(path)?.with_guessed_format()?.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut photo = DynamicImage::from_decoder(decoder)?;
    photo.apply_orientation(orientation);
    Ok(photo)
}

fn main() -> Outcome<()> {
    let mut words = std::env::args_os().skip(1).map(PathBuf::from);
    let (album, folder) = words.next().zip(words.next()).ok_or("face_id_peer ALBUM PACK [THREADS]")?;
    let threads: Option<usize> = words.next().map(|text| text.to_string_lossy().parse()).transpose()?;
    let pack: Pack = toml::from_str(&std::fs::read_to_string(folder.join("pack.toml"))?)?;
    if pack.detector.head != "scrfd" {
        return Err("face_id has no other detector than SCRFD".into());
    }
    let begun = Instant::now();
    let mut photos = Vec::new();
    for entry in walkdir::WalkDir::new(album).sort_by_file_name() {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        let is_photo = [".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"].iter().any(|end| name.ends_with(end));
        if entry.file_type().is_file() && is_photo {
            photos.push(entry.into_path());
        }
    }
    let (next, faces) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || -> Outcome<()> {
        let mut analyzer = Analyzer::new(&folder, &pack, threads.map(|_| 1))?;
        while let Some(path) = photos.get(next.fetch_add(1, Ordering::Relaxed)) {
            faces.fetch_add(analyzer.look(path)?, Ordering::Relaxed);
        }
        Ok(())
    };
    std::thread::scope(|scope| -> Outcome<()> {
        let workers: Vec<_> = (0..threads.unwrap_or(1)).map(|_| scope.spawn(&work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a worker panicked")?)
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    let memory = std::fs::read_to_string("/proc/self/status")?;
    let memory = memory.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    println!(
        "{}",
        serde_json::json!({
            "photos": photos.len(),
            "seconds": seconds,
            "photos_per_s": photos.len() as f64 / seconds,
            "faces": faces.into_inner(),
            "memory_mb": memory.map(|kib| kib * 1024.0 / 1e6),
        })
    );
    Ok(())
}
