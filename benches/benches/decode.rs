//! JPEGs as cameras and programs write them, decoded by ours at the scales that photos are wanted at and by its peers:
//! zune-jpeg (full size only), jpeg-decoder, libjpeg-turbo-rs, and C's libjpeg-turbo through Pillow. One photo of 12
//! megapixels in every coding, on one thread; the decoders take turns and the best of the rounds counts.
//!
//! A second table shows what else ours does with pictures in several scans: half the size, and a face as coded besides.
//!
//! `VOW_JPEGS` names a folder of JPEG files to be used instead, `VOW_PYTHON` a Python with Pillow (without one that column
//! is empty, and there are no files with libjpeg's script of scans). What a decoder does not decode is a dash.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench prints, and may panic: that is how it fails"
)]

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use rustix::time::{ClockId, clock_gettime};
use vow_media::{Buffers, Decoding, Limits, Scale};
use vow_tests::Scene;
use vow_types::{RelBox, Size};
use zune_core::bytestream::ZCursor;

thread_local!(static BUFFERS: RefCell<Buffers> = RefCell::default());

const ROUNDS: u32 = 7;
const SIZE: Size = Size { width: 4000, height: 3000 };

fn main() {
    let files = std::env::var_os("VOW_JPEGS").map_or_else(made, |folder| read(Path::new(&folder)));
    println!("processor ms, best of {ROUNDS} rounds, one thread; in brackets against ours at that scale\n");
    println!(
        "| file | MB | zune-jpeg, full | ours at 1/4 | jpeg-decoder | libjpeg-turbo-rs | libjpeg-turbo (C) | ours at 1/8 | \
         jpeg-decoder | libjpeg-turbo-rs | libjpeg-turbo (C) |"
    );
    println!("|---{}", "|---".repeat(10) + "|");
    for (name, bytes) in &files {
        let [full, ours4, pure4, turbo4, ours8, pure8, turbo8] = best([
            &|| zune(bytes),
            &|| ours(bytes, Scale::Quarter),
            &|| jpeg_decoder(bytes, 4),
            &|| turbo_rs(bytes, 4),
            &|| ours(bytes, Scale::Eighth),
            &|| jpeg_decoder(bytes, 8),
            &|| turbo_rs(bytes, 8),
        ]);
        let [c4, c8] = c_turbo(bytes);
        // Where ours leaves a file to zune-jpeg, that is what it takes.
        let [used4, used8] = [ours4, ours8].map(|ours| if ours.is_finite() { ours } else { full });
        let at4 = [ours4, pure4, turbo4, c4].map(|ms| cell(ms, used4));
        let at8 = [ours8, pure8, turbo8, c8].map(|ms| cell(ms, used8));
        let size = vow_types::num::usize_to_f64(bytes.len()) / 1e6;
        println!(
            "| {name} | {size:.1} | {} | {} | {} |",
            cell(full, used4),
            at4.join(" | "),
            at8.join(" | ")
        );
    }
    println!(
        "\n| several scans | zune-jpeg, full | ours at 1/2 | at 1/4, a face at 1/1 | at 1/8, a face at 1/1 |"
    );
    println!("|---{}", "|---".repeat(4) + "|");
    for (name, bytes) in
        files.iter().filter(|(name, _)| name.contains("scan") || name.contains("progressive"))
    {
        let [full, half, face4, face8] =
            best([&|| zune(bytes), &|| ours(bytes, Scale::Half), &|| face(bytes, Scale::Quarter), &|| {
                face(bytes, Scale::Eighth)
            }]);
        let cells = [half, face4, face8].map(|ms| cell(ms, full));
        println!("| {name} | {full:.1} | {} |", cells.join(" | "));
    }
}

/// Least processor milliseconds of each, infinite where it does not decode the file.
fn best<const N: usize>(columns: [&dyn Fn() -> bool; N]) -> [f64; N] {
    let mut best = [f64::INFINITY; N];
    for _ in 0..ROUNDS {
        for (best, decode) in best.iter_mut().zip(columns) {
            let begun = processor();
            if decode() {
                *best = best.min((processor() - begun).as_secs_f64() * 1e3);
            }
        }
    }
    best
}

/// Time that this thread has had a processor.
fn processor() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

fn cell(ms: f64, ours: f64) -> String {
    if ms.is_finite() { format!("{ms:.1} ({:.2})", ms / ours) } else { "-".to_owned() }
}

fn zune(bytes: &[u8]) -> bool {
    zune_jpeg::JpegDecoder::new(ZCursor::new(bytes)).decode().is_ok()
}

/// Ours, with everything that goes before: recognising the file, and its identity.
fn ours(bytes: &[u8], scale: Scale) -> bool {
    let header = vow_media::inspect(bytes, &Limits::default()).unwrap();
    BUFFERS.with_borrow_mut(|buffers| Decoding::new(bytes, &header, buffers).decode(scale).unwrap())
}

/// The same, and then a face as coded: a tenth of the picture's width in its middle.
fn face(bytes: &[u8], scale: Scale) -> bool {
    let header = vow_media::inspect(bytes, &Limits::default()).unwrap();
    let area = RelBox { left: 0.45, top: 0.4, right: 0.55, bottom: 0.55 };
    BUFFERS.with_borrow_mut(|buffers| {
        let mut decoding = Decoding::new(bytes, &header, buffers);
        decoding.decode(scale).unwrap() && decoding.closer(area, Scale::Full).is_some()
    })
}

fn jpeg_decoder(bytes: &[u8], scale: u16) -> bool {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.read_info().unwrap();
    let info = decoder.info().unwrap();
    decoder.scale(info.width / scale, info.height / scale).unwrap();
    decoder.decode().is_ok()
}

fn turbo_rs(bytes: &[u8], scale: u32) -> bool {
    let Ok(mut decoder) = libjpeg_turbo_rs::Decoder::new(bytes) else { return false };
    decoder.set_scale(libjpeg_turbo_rs::ScalingFactor::try_new(1, scale).unwrap());
    decoder.decode_image().is_ok()
}

/// At 1/4 and 1/8, measured by Python itself.
fn c_turbo(bytes: &[u8]) -> [f64; 2] {
    let none = [f64::INFINITY; 2];
    let Some(python) = std::env::var_os("VOW_PYTHON") else { return none };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/decode.py");
    let output = Command::new(python).arg(script).arg(file.path()).arg(ROUNDS.to_string()).output().unwrap();
    let Ok(answer) = serde_json::from_slice::<serde_json::Value>(&output.stdout) else { return none };
    ["4", "8"].map(|scale| answer["ms"][scale].as_f64().unwrap())
}

fn read(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), std::fs::read(path).unwrap())).collect()
}

/// A drawn photo with the noise of a camera in every coding, quality 90.
fn made() -> Vec<(String, Vec<u8>)> {
    let picture = Scene::new(SIZE.width, SIZE.height, 1).with_row(&[1, 2, 3]).draw();
    let rgb = picture.as_raw();
    let grey: Vec<u8> = rgb.chunks_exact(3).map(|pixel| pixel[1]).collect();
    let ink: Vec<u8> = rgb.chunks_exact(3).flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255]).collect();
    let (colour, luma, cmyk) = (ColorType::Rgb, ColorType::Luma, ColorType::Cmyk);
    type Setting = fn(&mut Encoder<&mut Vec<u8>>);
    let codings: [(&str, &[u8], ColorType, Setting); 10] = [
        ("4:2:0", rgb, colour, |e| e.set_sampling_factor(SamplingFactor::F_2_2)),
        ("4:2:2", rgb, colour, |e| e.set_sampling_factor(SamplingFactor::F_2_1)),
        ("4:4:4", rgb, colour, |e| e.set_sampling_factor(SamplingFactor::F_1_1)),
        ("grey", &grey, luma, |_| {}),
        ("CMYK", &ink, cmyk, |e| e.set_sampling_factor(SamplingFactor::F_1_1)),
        ("4:2:0, restart markers", rgb, colour, |e| {
            e.set_sampling_factor(SamplingFactor::F_2_2);
            e.set_restart_interval(250);
        }),
        ("4:2:0, three scans", rgb, colour, |e| {
            e.set_sampling_factor(SamplingFactor::F_2_2);
            e.set_optimized_huffman_tables(true);
        }),
        ("4:2:0, progressive", rgb, colour, |e| {
            e.set_sampling_factor(SamplingFactor::F_2_2);
            e.set_progressive(true);
        }),
        ("4:4:4, progressive", rgb, colour, |e| {
            e.set_sampling_factor(SamplingFactor::F_1_1);
            e.set_progressive(true);
        }),
        ("grey, progressive", &grey, luma, |e| e.set_progressive(true)),
    ];
    let [width, height] = [SIZE.width, SIZE.height].map(|side| u16::try_from(side).unwrap());
    let encoded = |(name, pixels, kind, set): (&str, &[u8], ColorType, Setting)| {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, 90);
        set(&mut encoder);
        encoder.encode(pixels, width, height, kind).unwrap();
        (name.to_owned(), file)
    };
    let mut files: Vec<_> = codings.into_iter().map(encoded).collect();
    for (at, subsampling) in [(0, "4:2:0"), (2, "4:4:4")] {
        if let Some(file) = progressive(&files[at].1, subsampling) {
            files.push((format!("{subsampling}, progressive by libjpeg"), file));
        }
    }
    files
}

/// The same picture with libjpeg's ten scans, five of which add a bit to what is known: most progressive files are like
/// that, and the encoder here has no such scans.
fn progressive(bytes: &[u8], subsampling: &str) -> Option<Vec<u8>> {
    let python = std::env::var_os("VOW_PYTHON")?;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/progressive.py");
    let output = Command::new(python).arg(script).arg(file.path()).arg(subsampling).output().unwrap();
    output.stdout.starts_with(&[0xff, 0xd8]).then_some(output.stdout)
}
