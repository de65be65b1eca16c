//! The floor of a whole run: the same stages, each called directly, by as many threads as there are cores. Every thread has
//! sessions of its own and takes the next photo when it is done with one; nothing waits, nothing is stored, nobody is
//! grouped. What vowd does beside that is what can be saved. YuNet heads only.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;
use vow_graph::{Picture, Recipe, prepare};
use vow_media::{Buffers, Decoding, Header, Limits, Scale, View};
use vow_models::Pack;
use vow_types::num::usize_to_f64;
use vow_types::{Detection, Head, Landmarks, Orientation, RelPoint, Size};
use vow_vision::{
    CLOSE_UP, Framed, PictureView, SHAPES, Seat, Standing, TURNS, choose_shape, frame_within, suppress, yunet,
};

/// A folder of photos, and one worker for each core.
pub(crate) struct Floor {
    files: Vec<PathBuf>,
    workers: Vec<Worker>,
}

impl Floor {
    pub(crate) fn open(album: &Path, pack: &Path, library: &Path) -> Self {
        let pack = Pack::load(pack).unwrap();
        assert_eq!(pack.detector.head, Head::Yunet, "the floor knows the YuNet head alone");
        let entries = std::fs::read_dir(album).unwrap();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| vow_media::is_picture_name(path));
        let environment = ort::init_from(library).unwrap().with_telemetry(false).build().unwrap();
        let threads = std::thread::available_parallelism().unwrap().get();
        Self { files, workers: (0..threads).map(|_| Worker::new(&pack, &environment)).collect() }
    }

    /// Photos a second, and the faces found.
    pub(crate) fn run(&mut self) -> (f64, usize) {
        let faces = AtomicUsize::new(0);
        let rate = self.each(|worker, path| {
            faces.fetch_add(worker.photo(path), Ordering::Relaxed);
        });
        (rate, faces.into_inner())
    }

    /// Photos a second where each is only read and decoded, as large as its first look needs it.
    pub(crate) fn decode(&mut self) -> f64 {
        self.each(|worker, path| {
            let header = worker.read(path);
            drop(decoded(&worker.file, &header, &mut worker.buffers));
        })
    }

    /// Photos a second.
    fn each(&mut self, work: impl Fn(&mut Worker, &Path) + Sync) -> f64 {
        let Self { files, workers } = self;
        let next = AtomicUsize::new(0);
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for worker in workers {
                let (files, next, work) = (&*files, &next, &work);
                scope.spawn(move || {
                    while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                        work(worker, path);
                    }
                });
            }
        });
        usize_to_f64(files.len()) / begun.elapsed().as_secs_f64()
    }
}

struct Worker {
    eyes: Eyes,
    embedder: Session,
    mirror: bool,
    seat: Seat,
    file: Vec<u8>,
    buffers: Buffers,
}

impl Worker {
    fn new(pack: &Pack, environment: &Environment) -> Self {
        let open = |graph: &[u8], recipe| {
            let builder = Session::builder(environment).unwrap();
            let builder = builder.with_optimization_level(GraphOptimizationLevel::All).unwrap();
            let builder = builder.with_intra_threads(1).unwrap();
            let mut builder = builder.with_memory_pattern(false).unwrap();
            builder.commit_from_memory(&prepare(graph.to_vec(), &recipe).graph).unwrap()
        };
        let (detector, embedder) = (&pack.detector, &pack.embedder);
        let crops = Recipe { input: embedder.input, picture: Picture::Square(embedder.size) };
        Self {
            eyes: Eyes {
                detector: open(&pack.detector_graph, Recipe { input: detector.input, picture: Picture::Any }),
                threshold: detector.threshold,
                overlap: detector.nms_iou,
                standing: Standing::of(detector.head),
            },
            embedder: open(&pack.embedder_graph, crops),
            mirror: embedder.mirror,
            seat: (*embedder).into(),
            file: Vec::new(),
            buffers: Buffers::default(),
        }
    }

    fn read(&mut self, path: &Path) -> Header {
        let limits = Limits::default();
        vow_media::read(path, &limits, &mut self.file).unwrap();
        vow_media::inspect(&self.file, &limits).unwrap()
    }

    /// All that is done to a photo; gives the number of faces. The close-up counts in time alone.
    fn photo(&mut self, path: &Path) -> usize {
        let header = self.read(path);
        let mut photo = decoded(&self.file, &header, &mut self.buffers);
        let orientation = header.orientation.unwrap_or_default();
        let whole = photo.whole();
        let view = PictureView::new(whole.size, whole.pixels).unwrap();
        let (found, frames) = self.eyes.look([view, view], header.coded, orientation);
        let surest = vow_vision::surest_upright(&found, frames[0].fitted);
        // Nothing says how it stands: the largest find does, from near, or else all of it in its three turns.
        let is_told = header.orientation.is_some()
            || self.eyes.standing.is_sure(surest)
            || self.eyes.stands_by_one(view, &found);
        if !is_told {
            let pixels = frames.each_ref().map(Framed::picture);
            let [wide, near] = &frames;
            let views = [(wide, &pixels[0]), (near, &pixels[1])]
                .map(|(frame, pixels)| PictureView::new(frame.fitted, pixels).unwrap());
            TURNS.into_iter().for_each(|turn| drop(self.eyes.look(views, header.coded, turn)));
        }
        let in_photo = |p: RelPoint| orientation.to_upright(whole.to_coded(orientation.to_coded(p)));
        let found: Vec<Detection> = found.into_iter().map(|face| face.mapped(in_photo)).collect();
        for face in &found {
            let crop = cut(&mut photo, (header.coded, orientation), &face.landmarks, self.seat);
            embed(&mut self.embedder, self.seat.side, &crop);
            if self.mirror {
                embed(&mut self.embedder, self.seat.side, &vow_vision::mirrored(&crop, self.seat.side));
            }
        }
        found.len()
    }
}

/// A photo, decoded as large as its first look needs it.
fn decoded<'a>(file: &'a [u8], header: &Header, buffers: &'a mut Buffers) -> Decoding<'a> {
    let mut photo = Decoding::new(file, header, buffers);
    let enough = |scale: &Scale| {
        let Size { width, height } = scale.of(header.coded);
        width.max(height) >= 800
    };
    let scale = Scale::ALL.into_iter().find(enough).unwrap_or(Scale::Full);
    assert!(photo.decode(scale).unwrap() || photo.decode(Scale::Full).unwrap());
    photo
}

/// What faces are found with.
struct Eyes {
    detector: Session,
    threshold: f32,
    overlap: f32,
    standing: Standing,
}

impl Eyes {
    /// Both looks at a picture in one orientation: the faces of the first, and the frames.
    fn look(
        &mut self,
        [wide, near]: [PictureView<'_>; 2],
        coded: Size,
        orientation: Orientation,
    ) -> (Vec<Detection>, [Framed; 2]) {
        let shape = choose_shape(orientation.upright_size(coded), &SHAPES).unwrap();
        let frames = [(wide, shape), (near, CLOSE_UP)]
            .map(|(view, shape)| frame_within(view, orientation, shape, shape).unwrap());
        let [found, _] =
            frames.each_ref().map(|framed| detect(&mut self.detector, framed, self.threshold, self.overlap));
        (found, frames)
    }

    /// Whether a picture clearly stands as it is coded by its largest find, seen from near in all four ways.
    fn stands_by_one(&mut self, picture: PictureView<'_>, found: &[Detection]) -> bool {
        let weight = |face: &Detection| face.score * face.bbox.shorter_px(picture.size);
        let Some(find) = found.iter().max_by(|a, b| weight(a).total_cmp(&weight(b))) else { return false };
        let near = vow_vision::around(picture.size, find.bbox);
        let mut surest = |turn| {
            let framed = vow_vision::frame_part(picture, near, turn, CLOSE_UP).unwrap();
            let found = detect(&mut self.detector, &framed, self.threshold, self.overlap);
            vow_vision::surest_upright(&found, framed.fitted)
        };
        let coded = surest(Orientation::Upright);
        let turned = TURNS.map(surest);
        self.standing.stands(coded, turned)
    }
}

fn detect(session: &mut Session, framed: &Framed, threshold: f32, overlap: f32) -> Vec<Detection> {
    let dims = [1, vow_types::num::index(framed.shape.height), vow_types::num::index(framed.shape.width), 3];
    let input = TensorRef::from_array_view((dims, framed.pixels.as_slice())).unwrap();
    let outputs = session.run(ort::inputs![input]).unwrap();
    let levels = yunet::STRIDES.map(|stride| {
        let tensor = |name: &str| outputs[format!("{name}_{stride}")].try_extract_tensor::<f32>().unwrap().1;
        let [cls, obj, bbox, kps] = ["cls", "obj", "bbox", "kps"].map(tensor);
        yunet::Level { stride, cls, obj, bbox, kps }
    });
    let found = yunet::decode(&levels, framed.shape, threshold).unwrap();
    suppress(found, overlap).iter().map(|found| framed.detection(found)).collect()
}

fn embed(session: &mut Session, side: u32, crop: &[u8]) {
    let side = vow_types::num::index(side);
    let input = TensorRef::from_array_view(([1, side, side, 3], crop)).unwrap();
    drop(std::hint::black_box(session.run(ort::inputs![input]).unwrap()));
}

/// The face, from a closer look where the whole is too coarse for it, as `vow-engine` decides.
fn cut(
    photo: &mut Decoding<'_>,
    (coded, orientation): (Size, Orientation),
    landmarks: &Landmarks,
    seat: Seat,
) -> Vec<u8> {
    let crop = |view: View<'_>| {
        let within = |p| orientation.to_upright(view.within(orientation.to_coded(p)));
        let landmarks = Landmarks(landmarks.0.map(within));
        let picture = PictureView::new(view.size, view.pixels).unwrap();
        vow_vision::crop(picture, orientation, &landmarks, seat).unwrap()
    };
    let reach = vow_vision::reach(coded, orientation, landmarks, seat).unwrap();
    let shows = |scale: Scale| reach.density * f32::from(scale.samples()) / 8.0 >= 1.0;
    if photo.scale() != Scale::Full && !shows(photo.scale()) {
        let scale = Scale::ALL.into_iter().find(|scale| shows(*scale)).unwrap_or(Scale::Full);
        if let Some(view) = photo.closer(reach.area, scale) {
            return crop(view);
        }
    }
    crop(photo.whole())
}
