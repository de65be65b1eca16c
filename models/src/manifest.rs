//! From the text of a `pack.toml` to plain settings. Touches no file: see `pack` for that.

use std::ops::RangeInclusive;

use toml::Table;
use vow_types::{Channels, DetectorSpec, Distances, EmbedderSpec, Head, InputFormat, QualityGate, Shift};

use crate::Mistake;
use crate::table::TableReader;

/// Where faces lie behind a YuNet head when a pack says nothing. MobileFaceNet knows 8,910 portraits best so: see ARCHITECTURE.md.
/// More than half a pixel of it is YuNet's: its corners of the mouth lie higher than SCRFD's, so that faces lie lower.
const BEHIND_YUNET: Shift = Shift { left: 1.0, up: 1.5 };
/// A face that is moved by more is not moved but cut off.
const FARTHEST: RangeInclusive<f32> = -16.0..=16.0;

/// A graph as the manifest names it.
pub(crate) struct GraphFile {
    pub(crate) name: String,
    pub(crate) sha256: Option<String>,
}

/// What a manifest says.
pub(crate) struct Manifest {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) licence: String,
    pub(crate) source: Option<String>,
    pub(crate) detector_file: GraphFile,
    pub(crate) detector: DetectorSpec,
    pub(crate) embedder_file: GraphFile,
    pub(crate) embedder: EmbedderSpec,
    pub(crate) distances: Distances,
    pub(crate) quality: QualityGate,
}

impl Manifest {
    /// Reads all of it. With mistakes the settings hold placeholders and must not be used, but for the names of those
    /// files that are not empty: whether they exist can be told at the same time.
    pub(crate) fn read(table: &Table) -> (Self, Vec<Mistake>) {
        let mut top = TableReader::new(table);
        let (name, version, licence) = (top.text("name"), top.text("version"), top.text("licence"));
        let source = top.optional_text("source");
        let (detector_file, detector) = top.table("detector", true, |t| (graph_file(t), detector(t)));
        let (embedder_file, embedder) =
            top.table("embedder", true, |t| (graph_file(t), embedder(t, detector.head)));
        let distances = top.table("distances", false, distances);
        let quality = top.table("quality", false, quality);
        let manifest = Self {
            name,
            version,
            licence,
            source,
            detector_file,
            detector,
            embedder_file,
            embedder,
            distances,
            quality,
        };
        (manifest, top.finish())
    }
}

fn graph_file(table: &mut TableReader<'_>) -> GraphFile {
    GraphFile { name: table.file_name("file"), sha256: table.sha256("sha256") }
}

fn input(table: &mut TableReader<'_>) -> InputFormat {
    InputFormat {
        channels: table.choice("channels", [("rgb", Channels::Rgb), ("bgr", Channels::Bgr)]),
        mean: table.number("mean", 0.0..=255.0, None),
        std: table.number("std", 0.001..=1000.0, None),
    }
}

fn detector(table: &mut TableReader<'_>) -> DetectorSpec {
    DetectorSpec {
        head: table.choice("head", [("scrfd", Head::Scrfd), ("yunet", Head::Yunet)]),
        input: input(table),
        threshold: table.number("threshold", 0.0..=1.0, Some(0.5)),
        nms_iou: table.number("nms_iou", 0.0..=1.0, Some(0.4)),
    }
}

/// Refining is the default where it was found to pay and where quality comes before speed: YuNet's landmarks behind a
/// mirrored embedding. (SCRFD's do not get better.)
fn embedder(table: &mut TableReader<'_>, head: Head) -> EmbedderSpec {
    let (input, size) = (input(table), table.whole("size", 32..=512, Some(112)));
    let dimension = table.whole("dimension", 2..=8192, None);
    let mirror = table.flag("mirror", false);
    let refine = table.flag("refine", mirror && head == Head::Yunet);
    let usual = if head == Head::Yunet { BEHIND_YUNET } else { Shift::default() };
    let shift = Shift {
        left: table.number("left", FARTHEST, Some(usual.left)),
        up: table.number("up", FARTHEST, Some(usual.up)),
    };
    EmbedderSpec { input, size, dimension, mirror, refine, shift }
}

/// The defaults are for an ArcFace-like embedder (Deng et al. 2019, arXiv:1801.07698) that nobody has calibrated.
fn distances(table: &mut TableReader<'_>) -> Distances {
    // A threshold that is stated without saying among how many people it was found holds for any number of them.
    let (group, people) = match table.optional_number("group", -1.0..=1.0) {
        Some(group) => (group, None),
        None => (0.50, Some(3_897)),
    };
    Distances {
        same: table.number("same", -1.0..=1.0, Some(0.30)),
        group,
        people: table.optional_whole("people", 1..=1_000_000_000).or(people),
        neighbour: table.number("neighbour", -1.0..=1.0, Some(0.28)),
    }
}

fn quality(table: &mut TableReader<'_>) -> QualityGate {
    QualityGate {
        min_face: table.number("min_face", 0.0..=640.0, Some(24.0)),
        min_score: table.number("min_score", 0.0..=1.0, Some(0.6)),
        min_quality: table.number("min_quality", 0.0..=1.0, Some(0.3)),
        full_norm: table.optional_number("full_norm", 0.0..=1e6),
    }
}
