//! Any bytes at every scale: our own decoder never panics, and what it accepts is what zune-jpeg's full decode, reduced,
//! shows; parts are parts of the whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vow_media::{Buffers, Decoding, Limits, Scale, decode, inspect};
use vow_types::RelBox;

/// Mean difference per sample that two decoders may have on noise: of hostile coefficients, ours are not clipped between
/// the two passes of the transform. And where the coefficients are so large that zune-jpeg's numbers overflow, its picture is
/// none to compare with: jpeg-decoder's must be like it. Nor is one of which much is clipped: what was clipped before it was
/// averaged is another picture.
const MOST: u64 = 24;

/// Whether there may be more than one scan.
fn several_scans(bytes: &[u8]) -> bool {
    bytes.windows(2).filter(|two| *two == [0xff, 0xda]).count() > 1
}

/// Whether jpeg-decoder finds much the same picture.
fn is_agreed(bytes: &[u8], pixels: &[u8]) -> bool {
    let decoded = std::panic::catch_unwind(|| {
        let mut decoder = jpeg_decoder::Decoder::new(bytes);
        let samples = decoder.decode().ok()?;
        match decoder.info()?.pixel_format {
            jpeg_decoder::PixelFormat::RGB24 => Some(samples),
            jpeg_decoder::PixelFormat::L8 => Some(samples.iter().flat_map(|grey| [*grey; 3]).collect()),
            _ => None,
        }
    });
    let Ok(Some(other)) = decoded else { return false };
    let off: u64 = other.iter().zip(pixels).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    other.len() == pixels.len() && off <= MOST / 2 * pixels.len() as u64
}

fuzz_target!(init: {
    // Panics of other people's decoders are contained and no finding here; ours are, though they would be contained too.
    std::panic::set_hook(Box::new(|info| {
        let of = |name: &str| info.location().is_some_and(|place| place.file().contains(name));
        if of("jpeg/scaled") || of("fuzz_targets") {
            eprintln!("{info}");
            std::process::abort();
        }
    }));
}, |bytes: &[u8]| {
    let limits = Limits { max_pixels: 1 << 18, ..Limits::default() };
    let Ok(header) = inspect(bytes, &limits) else { return };
    let mut buffers = Buffers::default();
    let mut decoding = Decoding::new(bytes, &header, &mut buffers);
    for scale in [Scale::Half, Scale::Quarter, Scale::Eighth] {
        if !matches!(decoding.decode(scale), Ok(true)) {
            continue;
        }
        assert!(header.scalable);
        let whole = decoding.whole();
        assert_eq!(whole.size, scale.of(header.coded));
        assert_eq!(whole.pixels.len() as u64, whole.size.pixels() * 3);
        let small = whole.pixels.to_vec();
        let part = RelBox { left: 0.4, top: 0.3, right: 0.8, bottom: 0.6 };
        assert!(decoding.closer(part, scale).is_some());
        // Of a picture in several scans, those that were not needed may prove to be damaged.
        assert!(decoding.closer(part, Scale::Full).is_some() || several_scans(bytes));
        // What zune-jpeg takes as well looks alike. Where it refuses, ours may be right: it was given every block.
        let Ok(full) = decode(bytes, &header) else { continue };
        let clipped = full.pixels.iter().filter(|sample| matches!(sample, 0 | 255)).count();
        if clipped > full.pixels.len() / 8 || !is_agreed(bytes, &full.pixels) {
            continue;
        }
        let step = 8 / u64::from(scale.samples()) as usize;
        let (width, height) = (full.size.width as usize, full.size.height as usize);
        let (mut off, mut at, mut compared) = (0u64, 0, 0);
        for y in (0..height).step_by(step) {
            for x in (0..width).step_by(step) {
                for channel in 0..3 {
                    let (mut sum, mut count) = (0u64, 0u64);
                    for row in y..(y + step).min(height) {
                        for column in x..(x + step).min(width) {
                            sum += u64::from(full.pixels[(row * width + column) * 3 + channel]);
                            count += 1;
                        }
                    }
                    // Only whole pixels: those at the edge stand for samples that zune-jpeg does not show. And none that
                    // are clipped here: how far beyond black or white they are, decoders handle in ways of their own.
                    if count == (step * step) as u64 && !matches!(small[at], 0 | 255) {
                        compared += 1;
                        off += u64::from(small[at]).abs_diff(sum / count);
                    }
                    at += 1;
                }
            }
        }
        if compared > at / 2 {
            assert!(off <= MOST * compared as u64, "{scale:?}: {} a sample", off as f64 / compared as f64);
        }
    }
});
