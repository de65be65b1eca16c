//! A face detector for drawn markers: an ONNX graph that finds solid blue squares and answers in the coding of a real
//! head, so that everything behind it is exercised as it is by real weights.
//!
//! A pixel belongs to a marker where blue exceeds both red and green clearly ([`MARKER_FROM`] to [`MARKER_SURE`]). On
//! a grid of 8 pixels four maps tell how far a marker reaches from each grid point to the left, up, right and down;
//! for a solid square they are exact to a fraction of a pixel. A point in the middle of a square fires.

use crate::look::INNER;
use crate::onnx::{Attribute, Dim, GraphBuilder, Wire};
use vow_types::Head;

/// Blue above red and green by this many levels begins to be a marker.
pub const MARKER_FROM: f32 = 70.0;
/// Blue above red and green by this many levels is a marker.
pub const MARKER_SURE: f32 = 110.0;

/// Green and blue from which on something begins to be white …
const HAT_FROM: f32 = 150.0;
/// … and is.
const HAT_SURE: f32 = 200.0;

/// Each stride with the least and the greatest side of a marker it answers for, in pixels of the frame. They overlap,
/// so that several strides see the same marker and the strongest must be chosen.
const LEVELS: [(u8, f32, f32); 3] = [(8, 14.0, 96.0), (16, 64.0, 192.0), (32, 150.0, 400.0)];

/// ArcFace's template for a crop of 112 pixels (Deng et al. 2019, insightface `face_align.py`).
const TEMPLATE: [(f32, f32); 5] =
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)];

/// Where the five landmarks of a marker lie, as fractions of its square. Aligned by them, the square's inner part
/// ([`INNER`]) fills the crop.
#[must_use]
pub fn landmark_places() -> [(f32, f32); 5] {
    let place = |px: f32| 0.5 + (px / 112.0 - 0.5) * INNER;
    TEMPLATE.map(|(x, y)| (place(x), place(y)))
}

/// The frames that a detector takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frames {
    /// Of any size, in multiples of 32.
    Any,
    /// It says so too, runs on 256 pixels a side and fails at every other.
    CloseUp,
    /// Of 640 pixels a side alone, as some published detectors.
    Square,
}

/// The ONNX file. `scrfd`: RGB, `(x - 127.5) / 128`, nine unnamed-style outputs flattened with two anchors a cell.
/// `yunet`: BGR as it is, twelve named outputs. Batch 1.
///
/// A square looks the same however it is turned. With `upright_only` a marker counts only if there is something white up
/// to 96 pixels of the frame above its middle: a hat (see [`crate::Scene::hats`]), so that this detector is as lost with a
/// turned picture as real ones are.
#[must_use]
pub fn detector(head: Head, upright_only: bool, frames: Frames) -> Vec<u8> {
    let mut g = GraphBuilder::default();
    let [height, width] = match frames {
        Frames::Square => [Dim::Fixed(640), Dim::Fixed(640)],
        Frames::Any | Frames::CloseUp => [Dim::Named("height"), Dim::Named("width")],
    };
    let dims = [Dim::Fixed(1), Dim::Fixed(3), height, width];
    let (image, planes, mean, scale) = match head {
        Head::Scrfd => (g.input("input.1", &dims), [0, 1, 2], 127.5, 128.0),
        Head::Yunet => (g.input("input", &dims), [2, 1, 0], 0.0, 1.0),
    };
    let [red, green, blue] = planes.map(|plane| slice(&mut g, &image, &[plane], &[plane + 1], &[1], None));
    let other = g.node("Max", &[&red, &green], &[]);
    let excess = g.node("Sub", &[&blue, &other], &[]);
    let slope = 1.0 / (MARKER_SURE - MARKER_FROM);
    let mask = ramp(&mut g, &excess, scale * slope, -MARKER_FROM * slope);
    let hat = upright_only.then(|| {
        // Markers have no green like that, the background no blue.
        let white = g.node("Min", &[&green, &blue], &[]);
        let slope = 1.0 / (HAT_SURE - HAT_FROM);
        let white = ramp(&mut g, &white, scale * slope, (mean - HAT_FROM) * slope);
        above(&mut g, &white)
    });
    let mut to_edges = reach(&mut g, &mask);
    if frames == Frames::CloseUp {
        let nothing = g.floats(&[1, 4, 32, 32], &[0.0; 4 * 32 * 32]);
        to_edges = g.node("Add", &[&to_edges, &nothing], &[]);
    }
    let reach = Reach { to_edges, hat };
    match head {
        Head::Scrfd => scrfd(&mut g, &reach),
        Head::Yunet => yunet(&mut g, &reach),
    }
    g.finish("drawn_markers")
}

/// What is around each point of the grid of 8 pixels.
struct Reach {
    to_edges: Wire,
    /// Whether something white is above.
    hat: Option<Wire>,
}

/// `[1, 1, H/8, W/8]`: the most of a map in the eight columns from each grid point on, from 96 pixels above to 8 below.
fn above(g: &mut GraphBuilder, map: &Wire) -> Wire {
    let kernel = ("kernel_shape", Attribute::Ints(vec![104, 8]));
    let pads = ("pads", Attribute::Ints(vec![96, 0, 0, 0]));
    g.node("MaxPool", &[map], &[kernel, pads, ("strides", Attribute::Ints(vec![8, 8]))])
}

/// `[1, 4, H/8, W/8]`: pixels from each grid point to the marker's left, top, right and bottom edge.
fn reach(g: &mut GraphBuilder, mask: &Wire) -> Wire {
    // Two rows (columns) of pixels around the grid line, eight along it: thin, so that only the direction counts.
    let along_x = strip(g, mask, [2, 8], [1, 0, 0, 0]);
    let along_y = strip(g, mask, [8, 2], [0, 1, 0, 0]);
    let (before_x, before_y) = (shift(g, &along_x, 3, -1), shift(g, &along_y, 2, -1));
    let left = run_length(g, before_x, 3, -1);
    let top = run_length(g, before_y, 2, -1);
    let right = run_length(g, along_x, 3, 1);
    let bottom = run_length(g, along_y, 2, 1);
    let cells = g.node("Concat", &[&left, &top, &right, &bottom], &[("axis", Attribute::Int(1))]);
    let eight = g.scalar(8.0);
    g.node("Mul", &[&cells, &eight], &[])
}

/// Mean of the mask over strips of 16 pixels, a little steepened so that noise leaves 0 and 1 alone.
fn strip(g: &mut GraphBuilder, mask: &Wire, [height, width]: [i64; 2], pads: [i64; 4]) -> Wire {
    let weights = g.floats(&[1, 1, height, width], &[1.0 / 16.0; 16]);
    let strides = ("strides", Attribute::Ints(vec![8, 8]));
    let mean = g.node("Conv", &[mask, &weights], &[strides, ("pads", Attribute::Ints(pads.to_vec()))]);
    ramp(g, &mean, 1.1, -0.05)
}

/// How many cells from here on in one direction are covered without a gap, the last one counted in part: by doubling,
/// up to 32 cells.
fn run_length(g: &mut GraphBuilder, cover: Wire, axis: usize, direction: i64) -> Wire {
    let mut length = cover;
    let mut unbroken = ramp(g, &length, 4.0, -2.0);
    for step in [1, 2, 4, 8, 16] {
        let further = shift(g, &length, axis, direction * step);
        let further = g.node("Mul", &[&unbroken, &further], &[]);
        length = g.node("Add", &[&length, &further], &[]);
        let also = shift(g, &unbroken, axis, direction * step);
        unbroken = g.node("Mul", &[&unbroken, &also], &[]);
    }
    length
}

/// A map whose value at `p` is the old one's at `p + by`, zero beyond the edge.
fn shift(g: &mut GraphBuilder, map: &Wire, axis: usize, by: i64) -> Wire {
    let along = i64::try_from(axis).expect("an axis");
    let mut pads = [0; 8];
    let kept = if by > 0 {
        pads[4 + axis] = by;
        slice(g, map, &[by], &[i64::from(i32::MAX)], &[along], None)
    } else {
        pads[axis] = -by;
        slice(g, map, &[0], &[by], &[along], None)
    };
    let pads = g.ints(&pads);
    g.node("Pad", &[&kept, &pads], &[])
}

fn slice(
    g: &mut GraphBuilder,
    map: &Wire,
    starts: &[i64],
    ends: &[i64],
    axes: &[i64],
    steps: Option<&[i64]>,
) -> Wire {
    let (starts, ends, axes) = (g.ints(starts), g.ints(ends), g.ints(axes));
    match steps {
        None => g.node("Slice", &[map, &starts, &ends, &axes], &[]),
        Some(steps) => {
            let steps = g.ints(steps);
            g.node("Slice", &[map, &starts, &ends, &axes, &steps], &[])
        }
    }
}

/// `clip(factor * x + offset, 0, 1)`.
fn ramp(g: &mut GraphBuilder, x: &Wire, factor: f32, offset: f32) -> Wire {
    let (factor, offset) = (g.scalar(factor), g.scalar(offset));
    let scaled = g.node("Mul", &[x, &factor], &[]);
    let moved = g.node("Add", &[&scaled, &offset], &[]);
    let (zero, one) = (g.scalar(0.0), g.scalar(1.0));
    g.node("Clip", &[&moved, &zero, &one], &[])
}

/// A 1x1 convolution: each row of weights makes one channel.
fn mix(g: &mut GraphBuilder, x: &Wire, rows: &[Vec<f32>], bias: Option<&[f32]>) -> Wire {
    let length = |n: usize| i64::try_from(n).expect("a few channels");
    let weights = g.floats(&[length(rows.len()), length(rows[0].len()), 1, 1], &rows.concat());
    match bias {
        None => g.node("Conv", &[x, &weights], &[]),
        Some(bias) => {
            let bias = g.floats(&[length(bias.len())], bias);
            g.node("Conv", &[x, &weights, &bias], &[])
        }
    }
}

/// One stride's view: the reach map thinned out to its cells, and the score `[1, 1, h, w]`, 0 to 0.99.
fn level(g: &mut GraphBuilder, reach: &Reach, (stride, least, greatest): (u8, f32, f32)) -> (Wire, Wire) {
    let step = i64::from(stride / 8);
    let far = i64::from(i32::MAX);
    let thinned = |g: &mut GraphBuilder, map: &Wire| match step {
        1 => map.clone(),
        _ => slice(g, map, &[0, 0], &[far, far], &[2, 3], Some(&[step, step])),
    };
    let cells = thinned(g, &reach.to_edges);
    let rows = [vec![1.0, 0.0, -1.0, 0.0], vec![0.0, 1.0, 0.0, -1.0], vec![1.0, -1.0, 1.0, -1.0]];
    let differences = mix(g, &cells, &rows, None);
    // How far off the middle in x and y, and how far from square.
    let off = g.node("Abs", &[&differences], &[]);
    let all = g.node("Concat", &[&cells, &off], &[("axis", Attribute::Int(1))]);
    let decay = -0.16 / f32::from(stride);
    let sides = |weight: f32, off: [f32; 3]| [vec![weight; 4], off.to_vec()].concat();
    // The weakest of four decides: in the middle, large enough, not too large, square.
    let conditions = [
        sides(0.0, [decay, decay, 0.0]),
        sides(0.125, [0.0; 3]),
        sides(-1.0 / 16.0, [0.0; 3]),
        sides(0.02, [0.0, 0.0, -0.5]),
    ];
    let bias = [1.2, -least / 4.0, greatest / 8.0 + 1.0, 2.5];
    let each = mix(g, &all, &conditions, Some(&bias));
    let axes = ("axes", Attribute::Ints(vec![1]));
    let weakest = g.node("ReduceMin", &[&each], &[axes, ("keepdims", Attribute::Int(1))]);
    let (zero, top) = (g.scalar(0.0), g.scalar(0.99));
    let score = g.node("Clip", &[&weakest, &zero, &top], &[]);
    let Some(hat) = &reach.hat else { return (cells, score) };
    let hat = thinned(g, hat);
    (cells, g.node("Mul", &[&score, &hat], &[]))
}

/// Weights that turn reach into landmark offsets from the grid point, in strides: x and y of each of the five.
fn landmark_rows(stride: f32) -> Vec<Vec<f32>> {
    let places = landmark_places().into_iter();
    places
        .flat_map(|(x, y)| {
            [vec![(x - 1.0) / stride, 0.0, x / stride, 0.0], vec![0.0, (y - 1.0) / stride, 0.0, y / stride]]
        })
        .collect()
}

/// SCRFD's coding, in the flattened export style: two anchors a cell, the second one less sure.
fn scrfd(g: &mut GraphBuilder, reach: &Reach) {
    let mut heads: [Vec<(Wire, i64)>; 3] = Default::default();
    for description in LEVELS {
        let stride = f32::from(description.0);
        let (cells, score) = level(g, reach, description);
        let less = g.scalar(0.9);
        let second = g.node("Mul", &[&score, &less], &[]);
        let scores = g.node("Concat", &[&score, &second], &[("axis", Attribute::Int(1))]);
        let edges: Vec<Vec<f32>> = (0..8)
            .map(|row| (0..4).map(|side| if row % 4 == side { 1.0 / stride } else { 0.0 }).collect())
            .collect();
        let boxes = mix(g, &cells, &edges, None);
        let rows = landmark_rows(stride);
        let points = mix(g, &cells, &[rows.clone(), rows].concat(), None);
        for (head, (map, width)) in heads.iter_mut().zip([(scores, 1), (boxes, 4), (points, 10)]) {
            head.push((flat(g, &map, [2, 3, 0, 1], &[-1, width]), width));
        }
    }
    // The published exports number their outputs; only the order counts.
    for (at, (wire, width)) in heads.iter().flatten().enumerate() {
        g.output(wire, &format!("{}", 400 + at), &[Dim::Any, Dim::Fixed(*width)]);
    }
}

/// YuNet's coding: one prior a cell, centre offsets, logarithms of the sides, twelve outputs by name.
fn yunet(g: &mut GraphBuilder, reach: &Reach) {
    let mut outputs = Vec::new();
    for description in LEVELS {
        let stride = f32::from(description.0);
        let (cells, score) = level(g, reach, description);
        let (half, whole) = (0.5 / stride, 1.0 / stride);
        let centre = mix(g, &cells, &[vec![-half, 0.0, half, 0.0], vec![0.0, -half, 0.0, half]], None);
        let sides = mix(g, &cells, &[vec![whole, 0.0, whole, 0.0], vec![0.0, whole, 0.0, whole]], None);
        let least = g.scalar(0.01);
        let sides = g.node("Max", &[&sides, &least], &[]);
        let sides = g.node("Log", &[&sides], &[]);
        let boxes = g.node("Concat", &[&centre, &sides], &[("axis", Attribute::Int(1))]);
        let points = mix(g, &cells, &landmark_rows(stride), None);
        // The score is the root of `cls * obj`: the same number twice.
        for (name, map, width) in
            [("cls", &score, 1), ("obj", &score, 1), ("bbox", &boxes, 4), ("kps", &points, 10)]
        {
            let rows = flat(g, map, [0, 2, 3, 1], &[1, -1, width]);
            outputs.push((format!("{name}_{}", description.0), rows, width));
        }
    }
    for kind in ["cls", "obj", "bbox", "kps"] {
        for (name, wire, width) in outputs.iter().filter(|(name, ..)| name.starts_with(kind)) {
            g.output(wire, name, &[Dim::Fixed(1), Dim::Any, Dim::Fixed(*width)]);
        }
    }
}

/// Rows of one cell (and anchor) each.
fn flat(g: &mut GraphBuilder, map: &Wire, perm: [i64; 4], shape: &[i64]) -> Wire {
    let rows = g.node("Transpose", &[map], &[("perm", Attribute::Ints(perm.to_vec()))]);
    let shape = g.ints(shape);
    g.node("Reshape", &[&rows, &shape], &[])
}
