//! Decoding at a scale and in part of pictures in one scan, against the full decode of zune-jpeg: the same picture, the same rules for what is cut
//! off or damaged, and no panic of our own.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking, in its helpers too"
)]

mod common;

use std::sync::atomic::Ordering;

use common::scaled::{OWN_PANICS, SMALLER, at, box_of, count_own_panics, cut_out, reduced};
use common::{Jpeg, difference, open, scene, shared_photos, with_segment};
use jpeg_encoder::{ColorType, SamplingFactor};
use proptest::prelude::*;
use vow_media::{Buffers, Decoding, Limits, Scale, inspect};
use vow_types::Size;
use vow_types::num::index;

/// What is in one scan and decoded at a scale: all but progressive, CMYK and a subsampling by more than two. The encoder of
/// these tests puts the colours of a picture with tables of its own into a scan each; grey has one scan anyhow.
fn plain() -> Vec<Jpeg> {
    let grey =
        Jpeg { color: ColorType::Luma, sampling: SamplingFactor::F_1_1, optimised: true, ..Jpeg::default() };
    Jpeg::all()
        .into_iter()
        .filter(|kind| !kind.progressive && !kind.optimised && kind.sampling != SamplingFactor::F_4_1)
        .chain([grey])
        .collect()
}

#[test]
fn smaller_pictures_are_the_reduced_picture() {
    for kind in plain() {
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

#[test]
fn what_is_rare_is_left_to_the_others() {
    let picture = scene(64, 64);
    for kind in [
        Jpeg { sampling: SamplingFactor::F_4_1, ..Jpeg::default() },
        Jpeg { sampling: SamplingFactor::F_4_1, progressive: true, ..Jpeg::default() },
        Jpeg { color: ColorType::Cmyk, sampling: SamplingFactor::F_1_1, ..Jpeg::default() },
    ] {
        let jpeg = kind.encode(&picture);
        let (header, _) = open(&jpeg);
        assert!(!header.scalable, "{kind:?}");
        assert_eq!(at(&jpeg, Scale::Half), None);
        assert!(at(&jpeg, Scale::Full).is_some());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// A part is to the byte what the whole shows there, wherever reading begins; and at full size it is zune-jpeg's.
    #[test]
    fn parts_are_parts_of_the_whole(
        kind in 0usize..100, width in 1u32..700, height in 1u32..120,
        (x, y) in (0.0f32..1.0, 0.0f32..1.0), (w, h) in (0.0f32..0.6, 0.0f32..0.6),
    ) {
        count_own_panics();
        let kinds = plain();
        let jpeg = kinds[kind % kinds.len()].encode(&scene(width, height));
        let (header, full) = open(&jpeg);
        let area = box_of(x, y, (x + w).min(1.0), (y + h).min(1.0));
        let mut buffers = Buffers::default();
        let mut decoding = Decoding::new(&jpeg, &header, &mut buffers);
        for scale in SMALLER {
            prop_assert!(decoding.decode(scale).unwrap());
            let whole = decoding.whole();
            let (size, shown, pixels) = (whole.size, whole.shown, whole.pixels.to_vec());
            let part = decoding.closer(area, scale).unwrap();
            // Where the part lies in the whole, in pixels of the whole.
            let place = box_of(part.shown.left / shown.right, part.shown.top / shown.bottom, 1.0, 1.0);
            prop_assert!(part.pixels == cut_out(size, &pixels, place, part.size), "{:?}", scale);
            prop_assert!(part.shown.left <= area.left + 1e-6 && part.shown.top <= area.top + 1e-6);
            prop_assert!(part.shown.right >= area.right - 1e-6 && part.shown.bottom >= area.bottom - 1e-6);

            let part = decoding.closer(area, Scale::Full).unwrap();
            let off = difference(part.pixels, &cut_out(full.size, &full.pixels, part.shown, part.size));
            // How a sample that covers two rows is widened differs a little: in a few pixels that is much, and the lower the
            // picture, the steeper the scene.
            let few = if part.size.pixels() < 2000 { 12.0 } else { 0.0 };
            let most = (80.0 / f64::from(height)).max(2.0) + few;
            prop_assert!(off < most, "{}", off);
        }
        prop_assert_eq!(OWN_PANICS.load(Ordering::SeqCst), 0);
    }

    /// Broken files: refused here, or what zune-jpeg makes of them; never a panic, never another size.
    #[test]
    fn broken_files(
        kind in 0usize..100, flips in prop::collection::vec((0usize..1_000_000, 0u8..8), 1..6), cut in 0usize..400,
    ) {
        count_own_panics();
        let kinds = plain();
        let mut jpeg = kinds[kind % kinds.len()].encode(&scene(61, 47));
        for (at, bit) in flips {
            let at = at % jpeg.len();
            jpeg[at] ^= 1 << bit;
        }
        if cut < 200 {
            jpeg.truncate(jpeg.len().saturating_sub(cut).max(4));
        }
        for scale in SMALLER {
            if let Some((size, pixels)) = at(&jpeg, scale) {
                prop_assert_eq!(pixels.len(), index(size.width) * index(size.height) * 3);
                prop_assert_eq!(size, scale.of(inspect(&jpeg, &Limits::default()).unwrap().coded));
            }
        }
        prop_assert_eq!(OWN_PANICS.load(Ordering::SeqCst), 0);
    }
}

#[test]
fn cut_anywhere_it_is_refused_or_nothing_is_missing() {
    for kind in plain() {
        let jpeg = kind.encode(&scene(83, 61));
        let whole = SMALLER.map(|scale| at(&jpeg, scale).unwrap());
        for len in 4..jpeg.len() {
            for closed in [false, true] {
                let mut cut = jpeg[..len].to_vec();
                if closed {
                    cut.extend_from_slice(&[0xff, 0xd9]);
                }
                for (scale, whole) in SMALLER.into_iter().zip(&whole) {
                    if let Some(picture) = at(&cut, scale) {
                        assert!(
                            picture == *whole,
                            "{kind:?} {scale:?}: half a picture at {len} of {}",
                            jpeg.len()
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_lost_restart_interval_is_refused() {
    let jpeg = Jpeg { restart: 3, ..Jpeg::default() }.encode(&scene(160, 120));
    let marks: Vec<_> =
        (0..jpeg.len() - 1).filter(|at| jpeg[*at] == 0xff && matches!(jpeg[at + 1], 0xd0..=0xd7)).collect();
    let holed = [&jpeg[..marks[4]], &jpeg[marks[5]..]].concat();
    for scale in SMALLER {
        assert_eq!(at(&holed, scale), None);
    }
}

/// Coordinates stay those of the coded picture, though a last pixel may be begun only.
#[test]
fn views_say_what_they_show() {
    let jpeg = Jpeg::default().encode(&scene(1001, 500));
    let (header, _) = open(&jpeg);
    let mut buffers = Buffers::default();
    let mut decoding = Decoding::new(&jpeg, &header, &mut buffers);
    assert_eq!(decoding.whole().pixels.len(), 0, "nothing is decoded yet");
    assert!(decoding.closer(box_of(0.0, 0.0, 1.0, 1.0), Scale::Full).is_none());
    decoding.decode(Scale::Eighth).unwrap();
    let view = decoding.whole();
    assert_eq!(view.size, Size { width: 126, height: 63 });
    assert!(
        (view.shown.right - 1008.0 / 1001.0).abs() < 1e-6 && (view.shown.bottom - 504.0 / 500.0).abs() < 1e-6
    );
    let p = vow_types::RelPoint { x: 0.3, y: 0.7 };
    let back = view.within(view.to_coded(p));
    assert!((back.x - p.x).abs() < 1e-6 && (back.y - p.y).abs() < 1e-6);
    let part = decoding.closer(box_of(0.5, 0.5, 0.6, 0.6), Scale::Half).unwrap();
    // Groups of 16 x 16 pixels.
    assert_eq!(part.size, Size { width: 56, height: 32 });
    assert!((part.shown.left - 496.0 / 1001.0).abs() < 1e-6 && (part.shown.top - 240.0 / 500.0).abs() < 1e-6);
    // Relative to the part, its first corner and its middle; and back.
    for (x, y) in [(0.0, 0.0), (0.5, 0.5)] {
        let coded = part.to_coded(vow_types::RelPoint { x, y });
        let (shown, back) = (part.shown, part.within(coded));
        assert!((coded.x - (shown.left + x * shown.width())).abs() < 1e-6);
        assert!((coded.y - (shown.top + y * shown.height())).abs() < 1e-6);
        assert!((back.x - x).abs() < 1e-5 && (back.y - y).abs() < 1e-5);
    }
    assert!(decoding.closer(box_of(0.7, 0.5, 0.2, 0.6), Scale::Half).is_none());
    assert!(decoding.closer(box_of(1.5, 0.5, 1.6, 0.6), Scale::Half).is_none());
}

/// Memory is used again: nothing of one photo may show in the next.
#[test]
fn one_photo_after_another() {
    let (large, small) = (Jpeg::default().encode(&scene(333, 222)), Jpeg::default().encode(&scene(64, 40)));
    let mut buffers = Buffers::default();
    for _ in 0..2 {
        for jpeg in [&large, &small] {
            for scale in SMALLER {
                let header = inspect(jpeg, &Limits::default()).unwrap();
                let mut decoding = Decoding::new(jpeg, &header, &mut buffers);
                assert!(decoding.decode(scale).unwrap());
                let view = decoding.whole();
                assert_eq!(Some((view.size, view.pixels.to_vec())), at(jpeg, scale));
            }
        }
    }
}

#[test]
fn metadata_changes_nothing() {
    let jpeg = Jpeg::default().encode(&scene(64, 40));
    let tagged = with_segment(&jpeg, 0xe1, &[0xff; 300]);
    assert_eq!(at(&tagged, Scale::Half), at(&jpeg, Scale::Half));
}

#[test]
fn photos_of_real_cameras() {
    let Some(folder) = shared_photos() else { return };
    let mut count = 0;
    for part in ["formats", "scenes", "orientation", "backgrounds"] {
        for entry in std::fs::read_dir(folder.join(part)).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let Ok(header) = inspect(&bytes, &Limits::default()) else { continue };
            if !header.scalable {
                continue;
            }
            let Ok(full) = vow_media::decode(&bytes, &header) else {
                assert_eq!(at(&bytes, Scale::Quarter), None, "{}", path.display());
                continue;
            };
            let (_, pixels) = at(&bytes, Scale::Quarter).unwrap_or_else(|| panic!("{}", path.display()));
            let off = difference(&pixels, &reduced(full.size, &full.pixels, Scale::Quarter));
            // Of small pictures the edges, where a pixel stands for less than it was coded for, are much.
            let most = if full.size.pixels() < 400_000 { 6.0 } else { 3.0 };
            assert!(off < most, "{}: {off}", path.display());
            count += 1;
        }
    }
    eprintln!("{count} photos of real cameras compared");
    assert!(count > 20);
}
