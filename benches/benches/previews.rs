//! What a preview inside of a file would save, and does in raws: a photo decoded as the daemon does (at the smallest scale
//! of at least 800 pixels), beside the preview of 1,920 pixels that cameras and phones put into it, and a raw around the same
//! JPEG. Everything is drawn and made here; one thread, processor time, in turn, the best of the rounds.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench prints, and may panic: that is how it fails"
)]

use std::cell::RefCell;
use std::time::Duration;

use image::RgbImage;
use image::imageops::{FilterType, resize};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use rustix::time::{ClockId, clock_gettime};
use vow_media::{Buffers, Decoding, Header, Limits, Scale};
use vow_tests::{RawFile, Scene};

thread_local!(static BUFFERS: RefCell<Buffers> = RefCell::default());

const ROUNDS: u32 = 9;
/// Longer side of a preview, and the one from which on the daemon looks for faces.
const PREVIEW: u32 = 1920;
const ENOUGH: u32 = 800;

fn main() {
    println!("processor ms, best of {ROUNDS} rounds, one thread\n");
    println!(
        "| photo | MB | identity alone | and decoded, at | and a face at 1/1 | identity and its preview decoded | a raw \
         around it, decoded |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (name, width, height, progressive) in [
        ("12 MP", 4000, 3000, false),
        ("24 MP", 6000, 4000, false),
        ("24 MP, progressive", 6000, 4000, true),
        ("50 MP", 8688, 5792, false),
        ("100 MP", 11648, 8736, false),
    ] {
        let picture = Scene::new(width, height, 1).with_row(&[1, 2, 3]).draw();
        let whole = jpeg(&picture, 90, progressive);
        let small = resize(&picture, PREVIEW, PREVIEW * height / width, FilterType::Triangle);
        let preview = jpeg(&small, 85, false);
        let raw = RawFile { large: &whole, small: &preview, orientation: 1, taken: "", xmp: b"" }.dng();
        let scale = scale(&inspect(&whole));
        let [alone, decoded, face, by_preview, of_raw] = best([
            &|| {
                inspect(&whole);
            },
            &|| decode(&whole, false),
            &|| decode(&whole, true),
            // Whatever is decoded: the photo is named by all of its data.
            &|| {
                inspect(&whole);
                decode(&preview, false);
            },
            &|| decode(&raw, false),
        ]);
        let size = vow_types::num::usize_to_f64(whole.len()) / 1e6;
        println!(
            "| {name} | {size:.1} | {alone:.1} | {decoded:.1}, 1/{} | {face:.1} | {by_preview:.1} | {of_raw:.1} |",
            8 / scale.samples()
        );
    }
}

fn inspect(bytes: &[u8]) -> Header {
    vow_media::inspect(bytes, &Limits::default()).unwrap()
}

/// As the daemon chooses it.
fn scale(header: &Header) -> Scale {
    let enough = |scale: &Scale| scale.of(header.coded).width.max(scale.of(header.coded).height) >= ENOUGH;
    Scale::ALL.into_iter().find(enough).unwrap_or(Scale::Full)
}

/// With everything that goes before, and perhaps a face in the middle from all pixels.
fn decode(bytes: &[u8], face: bool) {
    let header = inspect(bytes);
    let area = vow_types::RelBox { left: 0.45, top: 0.4, right: 0.55, bottom: 0.55 };
    BUFFERS.with_borrow_mut(|buffers| {
        let mut decoding = Decoding::new(bytes, &header, buffers);
        assert!(decoding.decode(scale(&header)).unwrap());
        assert!(!face || decoding.closer(area, Scale::Full).is_some());
    });
}

/// Least processor milliseconds of each.
fn best<const N: usize>(columns: [&dyn Fn(); N]) -> [f64; N] {
    let mut best = [f64::INFINITY; N];
    for _ in 0..ROUNDS {
        for (best, work) in best.iter_mut().zip(columns) {
            let begun = processor();
            work();
            *best = best.min((processor() - begun).as_secs_f64() * 1e3);
        }
    }
    best
}

/// Time that this thread has had a processor.
fn processor() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

fn jpeg(picture: &RgbImage, quality: u8, progressive: bool) -> Vec<u8> {
    let [width, height] = [picture.width(), picture.height()].map(|side| u16::try_from(side).unwrap());
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_progressive(progressive);
    encoder.encode(picture.as_raw(), width, height, ColorType::Rgb).unwrap();
    file
}
