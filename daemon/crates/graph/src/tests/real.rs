//! Real weights: the starter pack's, and those in the folder `shared` beside the workspace where it exists.

use std::path::{Path, PathBuf};
use std::time::Instant;

use vow_types::InputFormat;
use zune_core::bytestream::ZCursor;
use zune_jpeg::JpegDecoder;

use super::run::{Input, Loaded, Runtime, furthest, input_type, part, plain_session, same_bits};
use super::{BGR, RGB, RGB_127, noise, planes};
use crate::prepare::{Picture, Recipe, prepare};

/// A file, how it is fed, and heights and widths to try; the first is timed.
pub(super) struct Real {
    path: PathBuf,
    recipe: Recipe,
    sizes: &'static [[usize; 2]],
    /// Its sides are numbers in the file.
    fixed: bool,
}

pub(super) fn all() -> Vec<Real> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let (shared, starter) = (root.join("../shared/models"), root.join("models/starter"));
    let real = |folder: &Path, file: &str, input: InputFormat, picture, sizes, fixed| Real {
        path: folder.join(file),
        recipe: Recipe { input, picture },
        sizes,
        fixed,
    };
    const OPEN: &[[usize; 2]] = &[[480, 640], [256, 256], [448, 320]];
    const CROP: &[[usize; 2]] = &[[112, 112]];
    let crop = Picture::Square(112);
    vec![
        real(&starter, "detector.onnx", BGR, Picture::Any, OPEN, false),
        real(&starter, "embedder.onnx", RGB_127, crop, CROP, false),
        real(&shared, "face_detection_yunet_2026may.onnx", BGR, Picture::Any, OPEN, false),
        real(&shared, "scrfd_2.5g_bnkps.onnx", RGB, Picture::Any, OPEN, false),
        real(&shared, "scrfd_2.5g_bnkps_640.onnx", RGB, Picture::Any, &[[640, 640]], true),
        real(&shared, "mobilefacenet.onnx", RGB_127, crop, CROP, false),
        real(&shared, "mobilefacenet_b1.onnx", RGB_127, crop, CROP, false),
    ]
}

impl Real {
    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap().to_string_lossy().into_owned()
    }

    /// How it is fed, and with which height and width first.
    pub(super) fn fed(&self) -> (Recipe, [usize; 2]) {
        (self.recipe, self.sizes[0])
    }

    pub(super) fn read(&self) -> Option<Vec<u8>> {
        let bytes = std::fs::read(&self.path).ok();
        if bytes.is_none() {
            println!("{} is skipped: it is not here", self.name());
        }
        bytes
    }
}

pub(super) fn files() -> Vec<(String, Vec<u8>)> {
    all().into_iter().filter_map(|real| Some((real.name(), real.read()?))).collect()
}

/// Three pictures: a real photo where there is one, drawn ones, and noise.
fn pictures([height, width]: [usize; 2]) -> Vec<Vec<u8>> {
    let drawn = |at: usize| {
        let (row, column) = (at / width, at % width);
        [row * 255 / height, column * 255 / width, (row / 16 + column / 16) % 2 * 200].map(|v| v as u8)
    };
    let drawn: Vec<u8> = (0..height * width).flat_map(drawn).collect();
    let photo = photo([height, width]).unwrap_or_else(|| noise(height * width * 3, 5));
    vec![photo, drawn, noise(height * width * 3, 3)]
}

/// A group photo, squeezed to a size.
fn photo([height, width]: [usize; 2]) -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/photos/scenes/t1.jpg");
    let bytes = std::fs::read(path).ok()?;
    let mut decoder = JpegDecoder::new(ZCursor::new(&bytes));
    let pixels = decoder.decode().unwrap();
    let (across, down) = decoder.dimensions().unwrap();
    let pick = |at: usize| {
        let from = (at / width * down / height * across + at % width * across / width) * 3;
        pixels[from..from + 3].to_vec()
    };
    Some((0..height * width).flat_map(pick).collect())
}

/// What the whole crate is for. Prints what was done to each file, and the time of an item before and after.
#[test]
fn prepared_and_original_agree() {
    for real in all() {
        let Some(original) = real.read() else { continue };
        let prepared = prepare(original.clone(), &real.recipe);
        let name = real.name();
        println!("{name}: {}", prepared.did.unwrap_or_else(|why| panic!("{name}: {why}")));
        for runtime in Runtime::all() {
            for (number, size) in real.sizes.iter().enumerate() {
                // tract makes a plan for every run, so one size must do there.
                if runtime == Runtime::OnnxRuntime || number == 0 {
                    compare(&real, runtime, [&original, &prepared.graph], *size);
                }
            }
        }
    }
}

fn compare(real: &Real, runtime: Runtime, [original, prepared]: [&[u8]; 2], [height, width]: [usize; 2]) {
    let name = real.name();
    let on_ort = runtime == Runtime::OnnxRuntime;
    let format = real.recipe.input;
    let pictures = pictures([height, width]);
    let (mut before, mut after) = (runtime.load(original), runtime.load(prepared));
    let all = pictures.concat();
    let together = after.run([3, height, width], Input::Bytes(&all));
    let (mut bits_alone, mut bits_batch, mut worst) = (true, true, 0f32);
    for (number, picture) in pictures.iter().enumerate() {
        let one = [1, height, width];
        let was = before.run(one, Input::Planes(&planes(picture, format)));
        let alone = after.run(one, Input::Bytes(picture));
        for ((was, alone), together) in was.iter().zip(&alone).zip(&together) {
            let part = part(together, 3, number);
            bits_alone &= same_bits(&was.numbers, &alone.numbers);
            bits_batch &= same_bits(part, &alone.numbers);
            worst = worst.max(furthest(&was.numbers, part)).max(furthest(&was.numbers, &alone.numbers));
        }
    }
    println!(
        "  {runtime:?} {width}x{height}: alone {}, three at once {}, furthest {worst}",
        if bits_alone { "the same bits" } else { "close" },
        if bits_batch { "the same bits" } else { "close" },
    );
    // tract chooses its kernels by the size of the whole batch, and multiplies where it should divide.
    let (alone_must, batch_must) = (on_ort && !real.fixed, on_ort);
    assert!(bits_alone || !alone_must, "{name} on {runtime:?}: alone, {worst}");
    assert!(bits_batch || !batch_must, "{name} on {runtime:?}: in a batch, {worst}");
    assert!(worst < 2e-4, "{name} on {runtime:?}: {worst}");
    if on_ort {
        assert!(input_type(&after).unwrap().to_lowercase().contains("u8"), "{:?}", input_type(&after));
        time(&mut before, &mut after, [height, width], &all, format);
    }
    if on_ort && real.fixed {
        plain_to_the_bit(&name, [original, prepared], [height, width], &pictures[0], format);
    }
}

/// Where every size is a number, ONNX Runtime changes the layout of more of the graph and adds up in another order. Without that,
/// nothing differs.
fn plain_to_the_bit(
    name: &str,
    graphs: [&[u8]; 2],
    [height, width]: [usize; 2],
    picture: &[u8],
    format: InputFormat,
) {
    let one = [1, height, width];
    let planes = planes(picture, format);
    let plain = |graph| plain_session(graph).unwrap();
    let expected = plain(graphs[0]).run(one, Input::Planes(&planes));
    assert_eq!(plain(graphs[1]).run(one, Input::Bytes(picture)), expected, "{name} without layouts");
}

/// Alternating in one run, so that whatever else the machine does happens to both. No time is asserted.
fn time(
    before: &mut Loaded<'_>,
    after: &mut Loaded<'_>,
    [h, w]: [usize; 2],
    all: &[u8],
    format: InputFormat,
) {
    let mut least = [f64::INFINITY; 3];
    let first = &all[..h * w * 3];
    for _ in 0..5 {
        let timed = |least: &mut f64, items: f64, run: &mut dyn FnMut()| {
            let began = Instant::now();
            run();
            *least = least.min(began.elapsed().as_secs_f64() * 1e3 / items);
        };
        timed(&mut least[0], 1.0, &mut || drop(before.run([1, h, w], Input::Planes(&planes(first, format)))));
        timed(&mut least[1], 1.0, &mut || drop(after.run([1, h, w], Input::Bytes(first))));
        timed(&mut least[2], 3.0, &mut || drop(after.run([3, h, w], Input::Bytes(all))));
    }
    println!(
        "    ms an item: {:.2} before (with filling), {:.2} after, {:.2} after in threes",
        least[0], least[1], least[2]
    );
}
