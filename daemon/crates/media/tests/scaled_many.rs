//! Pictures in several scans at a scale and in part, progressive ones and such with their components apart: the same
//! picture as from one scan, as from other decoders; the same rules for what is cut off or damaged; no panic of our own.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking, in its helpers too"
)]

mod common;

use std::sync::atomic::Ordering;

use common::coder::{Coefficients, Dice, Turn};
use common::scaled::{OWN_PANICS, SMALLER, at, box_of, count_own_panics, reduced};
use common::{Jpeg, difference, open, scene};
use jpeg_encoder::SamplingFactor;
use proptest::prelude::*;
use vow_media::{Buffers, Decoding, Limits, Scale, inspect};
use vow_types::RelBox;
use vow_types::num::index;

fn kinds() -> Vec<Jpeg> {
    let many = |kind: &Jpeg| kind.progressive || kind.optimised;
    Jpeg::all().into_iter().filter(|kind| many(kind) && kind.sampling != SamplingFactor::F_4_1).collect()
}

#[test]
fn smaller_pictures_are_the_reduced_picture() {
    for kind in kinds() {
        for (width, height) in [(160, 120), (83, 61), (16, 16), (17, 33), (400, 20)] {
            let jpeg = kind.encode(&scene(width, height));
            let (header, full) = open(&jpeg);
            assert!(header.scalable, "{kind:?}");
            for scale in SMALLER {
                let (size, pixels) = at(&jpeg, scale).unwrap_or_else(|| panic!("{kind:?} {scale:?}"));
                assert_eq!(size, scale.of(full.size));
                // At an edge a pixel stands for fewer pixels than were coded: those that only fill up the block differ.
                let off = difference(&pixels, &reduced(full.size, &full.pixels, scale));
                let most = if width.min(height) < 40 { 9.0 } else { 4.0 };
                assert!(off < most, "{kind:?} {width} x {height} {scale:?}: {off}");
            }
        }
    }
}

/// Drawn for `truncated.rs` and written by libjpeg-turbo with its usual ten scans.
const REFINED: [&[u8]; 2] = [include_bytes!("data/refined.jpg"), include_bytes!("data/refined_restarts.jpg")];

#[test]
fn refining_scans_of_libjpeg() {
    for jpeg in REFINED {
        let (_, full) = open(jpeg);
        for scale in SMALLER {
            let (size, pixels) = at(jpeg, scale).unwrap();
            assert_eq!(size, scale.of(full.size));
            let off = difference(&pixels, &reduced(full.size, &full.pixels, scale));
            assert!(off < 6.0, "{scale:?}: {off}");
        }
    }
}

const SAMPLINGS: [&[(u32, u32)]; 5] = [
    &[(1, 1)],
    &[(1, 1), (1, 1), (1, 1)],
    &[(2, 1), (1, 1), (1, 1)],
    &[(2, 2), (1, 1), (1, 1)],
    &[(1, 2), (1, 1), (1, 1)],
];

/// The same coefficients in one scan and in several; the latter progressive or not, as the lot falls.
fn pair(seed: u64, size: (u16, u16), restart: u16) -> (Vec<u8>, Vec<u8>) {
    let mut dice = Dice(seed);
    let sampling = SAMPLINGS[index(dice.below(5))];
    let picture = Coefficients::drawn(size, sampling, &mut dice);
    let all: Vec<usize> = (0..picture.parts()).collect();
    let steep = dice.below(2) == 0;
    let one = picture.encode(false, &Coefficients::sequential(&[&all]), restart, steep);
    let many = if picture.parts() == 3 && dice.below(4) == 0 {
        let scans: [&[&[usize]]; 4] =
            [&[&[0], &[1], &[2]], &[&[0], &[1, 2]], &[&[2], &[1], &[0]], &[&[0, 1], &[2]]];
        let script = Coefficients::sequential(scans[index(dice.below(4))]);
        picture.encode(false, &script, restart, steep)
    } else {
        picture.encode(true, &picture.script(&mut dice), restart, steep)
    };
    (one, many)
}

fn decoded(bytes: &[u8], scale: Scale, area: RelBox, closer: Scale) -> Option<[Vec<u8>; 2]> {
    let header = inspect(bytes, &Limits::default()).ok()?;
    let mut buffers = Buffers::default();
    let mut decoding = Decoding::new(bytes, &header, &mut buffers);
    if !decoding.decode(scale).ok()? {
        return None;
    }
    let whole = decoding.whole().pixels.to_vec();
    let part = decoding.closer(area, closer)?;
    Some([whole, part.pixels.to_vec()])
}

proptest! {
    /// To the byte what one scan with the same coefficients shows, the whole at each scale and a part at each other one;
    /// and the other decoders find the same picture in both files.
    #[test]
    fn several_scans_show_what_one_does(
        seed in any::<u64>(), width in 1u16..200, height in 1u16..70, restart in 0u16..12,
        (x, y) in (0.0f32..1.0, 0.0f32..1.0), (w, h) in (0.0f32..0.6, 0.0f32..0.6),
    ) {
        count_own_panics();
        let (one, many) = pair(seed, (width, height), restart.saturating_sub(4));
        let area = box_of(x, y, (x + w).min(1.0), (y + h).min(1.0));
        let [of_one, of_many] = [&one, &many].map(|file| open(file).1.pixels);
        // At an edge decoders smooth colours in different ways, and a few columns are nothing but edges.
        if width > 8 {
            prop_assert!(difference(&of_one, &of_many) < 1.0, "the files are of one picture");
        }
        for scale in SMALLER {
            for closer in Scale::ALL {
                let expected = decoded(&one, scale, area, closer).expect("one scan");
                let got = decoded(&many, scale, area, closer);
                prop_assert!(got.is_some(), "{:?} {:?}", scale, closer);
                prop_assert!(got == Some(expected), "{:?} {:?}", scale, closer);
            }
        }
        prop_assert_eq!(OWN_PANICS.load(Ordering::SeqCst), 0);
    }

    /// Broken files: refused here, or a picture of the size that was announced; never a panic.
    #[test]
    fn broken_files(
        seed in any::<u64>(), restart in 0u16..6,
        flips in prop::collection::vec((0usize..1_000_000, 0u8..8), 1..6), cut in 0usize..400,
        area in (0.0f32..1.0, 0.0f32..1.0),
    ) {
        count_own_panics();
        let (_, mut jpeg) = pair(seed, (61, 47), restart);
        for (at, bit) in flips {
            let at = at % jpeg.len();
            jpeg[at] ^= 1 << bit;
        }
        if cut < 200 {
            jpeg.truncate(jpeg.len().saturating_sub(cut).max(4));
        }
        let Ok(header) = inspect(&jpeg, &Limits { max_pixels: 1 << 20, ..Limits::default() }) else { return Ok(()) };
        let mut buffers = Buffers::default();
        let mut decoding = Decoding::new(&jpeg, &header, &mut buffers);
        for scale in SMALLER {
            if !decoding.decode(scale).unwrap_or(false) {
                continue;
            }
            let whole = decoding.whole();
            prop_assert_eq!(whole.size, scale.of(header.coded));
            prop_assert_eq!(whole.pixels.len(), index(whole.size.width) * index(whole.size.height) * 3);
            for closer in Scale::ALL {
                if let Some(part) = decoding.closer(box_of(area.0, area.1, 1.0, 1.0), closer) {
                    prop_assert_eq!(part.pixels.len(), index(part.size.width) * index(part.size.height) * 3);
                }
            }
        }
        prop_assert_eq!(OWN_PANICS.load(Ordering::SeqCst), 0);
    }
}

#[test]
fn cut_anywhere_it_is_refused_or_nothing_is_missing() {
    let made = kinds().into_iter().map(|kind| kind.encode(&scene(83, 61)));
    let drawn = (0..12).map(|seed| pair(seed, (61, 47), 0).1);
    for jpeg in made.chain(drawn).chain(REFINED.map(<[u8]>::to_vec)) {
        let whole = SMALLER.map(|scale| at(&jpeg, scale).unwrap());
        for len in (4..jpeg.len()).rev().step_by(3) {
            for (scale, whole) in SMALLER.into_iter().zip(&whole) {
                if let Some(picture) = at(&jpeg[..len], scale) {
                    assert!(picture == *whole, "{scale:?}: half a picture at {len} of {}", jpeg.len());
                }
            }
        }
    }
}

/// Offsets at which scan headers begin.
fn scans(jpeg: &[u8]) -> Vec<usize> {
    (0..jpeg.len() - 1).filter(|at| jpeg[*at..*at + 2] == [0xff, 0xda]).collect()
}

/// With an end mark behind the cut nothing is in doubt but the scans themselves: where one is missing or ends early, the
/// picture is left to the other decoders. Only the last scan may end early where its data is not wanted at that scale;
/// its blocks are shown as they are then.
#[test]
fn cut_and_closed_again_it_is_left_to_the_others() {
    let drawn = (0..20).map(|seed| pair(seed, (61, 47), 0).1);
    for jpeg in drawn.chain(REFINED.map(<[u8]>::to_vec)) {
        let whole = SMALLER.map(|scale| at(&jpeg, scale).unwrap());
        for len in (scans(&jpeg)[0]..jpeg.len() - 2).rev().step_by(5) {
            let closed = [&jpeg[..len], &[0xff, 0xd9]].concat();
            for (scale, whole) in SMALLER.into_iter().zip(&whole) {
                if let Some(picture) = at(&closed, scale) {
                    assert!(picture == *whole, "{scale:?}: half a picture at {len} of {}", jpeg.len());
                }
            }
        }
    }
}

/// A missing last scan would show at no small scale. It is refused all the same: faces may be wanted closer.
#[test]
fn a_script_without_its_last_scan_is_left_to_the_others() {
    for jpeg in REFINED {
        let last = scans(jpeg).pop().unwrap();
        let closed = [&jpeg[..last], &[0xff, 0xd9]].concat();
        for scale in SMALLER {
            assert_eq!(at(&closed, scale), None);
        }
    }
}

/// Fewer rows than the scans have blocks for: many bytes are left over, or the end of a run of empty blocks lies outside of
/// the picture.
#[test]
fn more_than_the_picture_is_left_to_the_others() {
    let mut dice = Dice(5);
    let long = Coefficients::drawn((8, 1000), &[(1, 1)], &mut dice);
    let flat = Coefficients::drawn((8, 64), &[(1, 1)], &mut dice).flat();
    let scan = Coefficients::sequential(&[&[0], &[1], &[2]]);
    let scattered = Coefficients::drawn((8, 1000), &[(1, 1); 3], &mut dice);
    for mut jpeg in [
        long.encode(true, &long.script(&mut dice), 0, false),
        flat.encode(true, &flat.script(&mut dice), 0, false),
        scattered.encode(false, &scan, 0, false),
    ] {
        assert!(at(&jpeg, Scale::Half).is_some());
        let frame = (0..jpeg.len()).find(|at| matches!(jpeg[*at..*at + 2], [0xff, 0xc0 | 0xc2])).unwrap();
        let height = u16::from_be_bytes([jpeg[frame + 5], jpeg[frame + 6]]);
        jpeg[frame + 5..frame + 7].copy_from_slice(&(height - height / 4).to_be_bytes());
        assert_eq!(at(&jpeg, Scale::Half), None);
    }
}

/// Found by fuzzing: bits were missing before a restart marker in the middle of a row, and behind it that was forgotten.
#[test]
fn a_restart_interval_that_ends_early_is_left_to_the_others() {
    let mut dice = Dice(1);
    let picture = Coefficients::drawn((120, 40), &[(1, 1)], &mut dice);
    let low = [(0, 0), (1, 63)].map(|(first, last)| Turn { parts: vec![0], first, last, high: 0, low: 0 });
    let jpeg = picture.encode(true, &low, 4, false);
    assert!(at(&jpeg, Scale::Half).is_some());
    let marks: Vec<_> = (scans(&jpeg)[0]..jpeg.len() - 1)
        .filter(|at| jpeg[*at] == 0xff && matches!(jpeg[at + 1], 0xd0..=0xd7))
        .collect();
    assert!(marks.len() > 20);
    for mark in marks {
        let short = [&jpeg[..mark - 1], &jpeg[mark..]].concat();
        assert_eq!(at(&short, Scale::Half), None, "at {mark}");
    }
}

/// What a scale does not need is not read, and damage in it is not noticed; whoever looks closer is told.
#[test]
fn damage_where_nobody_looks() {
    let mut jpeg = REFINED[0].to_vec();
    let whole = at(&jpeg, Scale::Eighth).unwrap();
    // The second scan of libjpeg's script holds the first five of the other coefficients of the brightness.
    let scan = scans(&jpeg)[1] + 10;
    let behind = (scan..).find(|at| jpeg[*at] == 0xff && jpeg[at + 1] != 0).unwrap();
    assert_eq!(jpeg[scan - 3..scan - 1], [1, 5]);
    jpeg[scan..behind].fill(0);
    assert_eq!(at(&jpeg, Scale::Eighth), Some(whole));
    let header = inspect(&jpeg, &Limits::default()).unwrap();
    let mut buffers = Buffers::default();
    let mut decoding = Decoding::new(&jpeg, &header, &mut buffers);
    assert!(decoding.decode(Scale::Eighth).unwrap());
    assert!(decoding.closer(box_of(0.0, 0.0, 1.0, 1.0), Scale::Eighth).is_some());
    assert!(decoding.closer(box_of(0.0, 0.0, 1.0, 1.0), Scale::Full).is_none());
}

/// Memory is used again: nothing of one photo may show in the next.
#[test]
fn one_photo_after_another() {
    let mut buffers = Buffers::default();
    for seed in 0..60 {
        let (one, many) = pair(seed, (30 + 7 * u16::try_from(seed % 20).unwrap(), 45), 0);
        for jpeg in [&many, &one, &many] {
            for scale in SMALLER {
                let header = inspect(jpeg, &Limits::default()).unwrap();
                let mut decoding = Decoding::new(jpeg, &header, &mut buffers);
                assert!(decoding.decode(scale).unwrap());
                let view = decoding.whole();
                assert_eq!(Some((view.size, view.pixels.to_vec())), at(&one, scale));
            }
        }
    }
}
