//! HEIC: pixels as drawn, orientation beside them, one name whatever is written about a picture, and refusals by name.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking, in its helpers too"
)]

mod common;

use common::heif::{DRAWN, Heif, boxed, clap};
use common::{TAKEN, difference, open, scene, try_open};
use image::Rgb;
use proptest::prelude::*;
use vow_media::{Format, Header, Limits, MediaError, decode, inspect};
use vow_types::{Failure, Orientation, Size};

fn plain() -> Heif {
    Heif::of(DRAWN[0].0)
}

/// Two by two tiles, of which the right and lower ones are not shown whole.
fn grid() -> Heif {
    Heif { grid: Some((2, 2, 120, 100)), ..plain() }
}

fn header(file: &Heif) -> Header {
    inspect(&file.bytes(), &Limits::default()).unwrap()
}

fn refusal(file: &Heif) -> MediaError {
    try_open(&file.bytes()).unwrap_err()
}

#[test]
fn pictures_come_out_as_drawn() {
    for (at, (file, width, height)) in DRAWN.into_iter().enumerate() {
        let (header, picture) = open(file);
        assert_eq!((header.format, header.coded), (Format::Heic, Size { width, height }));
        assert_eq!((header.orientation, header.taken, header.scalable), (None, None, false));
        let mut drawn = scene(width, height);
        if at == 4 {
            for Rgb(pixel) in drawn.pixels_mut() {
                let [red, green, blue] = pixel.map(u32::from);
                *pixel = [u8::try_from((299 * red + 587 * green + 114 * blue) / 1000).unwrap(); 3];
            }
        }
        let difference = difference(&picture.pixels, drawn.as_raw());
        assert!(difference < 3.0, "{at}: {difference}");
    }
}

#[test]
fn a_grid_is_put_together() {
    let tile = open(&plain().bytes()).1;
    let (header, picture) = open(&grid().bytes());
    assert_eq!(header.coded, Size { width: 120, height: 100 });
    for y in 0..100 {
        for x in 0..120 {
            let (at, of) = ((y * 120 + x) * 3, ((y % 64) * 64 + x % 64) * 3);
            assert_eq!(picture.pixels[at..at + 3], tile.pixels[of..of + 3], "{x}, {y}");
        }
    }
    // What decoding takes besides is said for one tile, not for all.
    assert_eq!(header.working, 64 * 64 * 14);
}

#[test]
fn what_is_cut_off_by_the_file_is_not_shown() {
    let whole = open(&grid().bytes()).1;
    // 70 x 40 pixels, which begin at 20, 50: so they lie in all four tiles.
    let (header, picture) = open(&grid().with(b"clap", &clap(70, 40, -10, 40)).bytes());
    assert_eq!(header.coded, Size { width: 70, height: 40 });
    for y in 0..40 {
        let (at, of) = (y * 70 * 3, ((y + 50) * 120 + 20) * 3);
        assert_eq!(picture.pixels[at..at + 210], whole.pixels[of..of + 210], "{y}");
    }
    for (width, height, right, down) in [(121, 40, 0, 0), (70, 40, 100, 0), (70, 40, 0, -100), (0, 40, 0, 0)]
    {
        let cut = grid().with(b"clap", &clap(width, height, right, down));
        assert!(matches!(refusal(&cut), MediaError::Damaged { .. }), "{width} {height} {right} {down}");
    }
}

#[test]
fn how_it_stands_travels_beside_it() {
    let plain = plain();
    let (unturned, picture) = open(&plain.bytes());
    let turns = [Orientation::Upright, Orientation::Turned270, Orientation::Turned180, Orientation::Turned90];
    for (turn, orientation) in (0u8..).zip(turns) {
        let (header, own) = open(&plain.clone().with(b"irot", &[turn]).bytes());
        assert_eq!((header.orientation, header.coded), (Some(orientation), unturned.coded));
        assert!(own == picture && header.content == unturned.content, "{orientation:?}");
    }
    for (axis, orientation) in [(0, Orientation::Flipped), (1, Orientation::Mirrored)] {
        assert_eq!(header(&plain.clone().with(b"imir", &[axis])).orientation, Some(orientation));
    }
    // Anticlockwise, then left and right change places: the first row ends on the left, from top to bottom.
    let both = plain.clone().with(b"irot", &[1]).with(b"imir", &[1]);
    assert_eq!(header(&both).orientation, Some(Orientation::Transversed));
    let other = plain.with(b"imir", &[1]).with(b"irot", &[1]);
    assert_eq!(header(&other).orientation, Some(Orientation::Transposed));
}

#[test]
fn an_exif_orientation_is_not_applied_on_top() {
    let turned = header(&grid().with(b"irot", &[3]).with_exif(6));
    assert_eq!((turned.orientation, turned.taken), (Some(Orientation::Turned90), Some(TAKEN)));
    let upright = header(&grid().with(b"irot", &[0]).with_exif(6));
    assert_eq!(upright.orientation, Some(Orientation::Upright));
    // Where nothing says how it is shown, the camera's word counts only for what needs no turning.
    assert_eq!(header(&grid().with_exif(6)).orientation, None);
    assert_eq!(header(&grid().with_exif(1)).orientation, Some(Orientation::Upright));
}

#[test]
fn metadata_does_not_name_the_photo() {
    let name = |file: &Heif| header(file).content;
    let grid = grid();
    for same in [
        grid.clone().with_exif(3),
        grid.clone().with(b"irot", &[2]),
        grid.clone().with(b"colr", b"profwhatever"),
        grid.clone().with(b"pixi", &[0, 0, 0, 0, 3, 8, 8, 8]),
        Heif { tail: boxed(b"free", &[7; 99]), ..grid.clone() },
        Heif { brands: b"mif1\0\0\0\0mif1heicMiHBmiaf".to_vec(), ..grid.clone() },
    ] {
        assert_eq!(name(&same), name(&grid));
    }
    for other in [
        plain(),
        Heif { grid: Some((2, 2, 121, 100)), ..grid.clone() },
        Heif { grid: Some((1, 2, 64, 100)), ..grid.clone() },
        grid.clone().with(b"clap", &clap(70, 40, 0, 0)),
        grid.clone().with(b"colr", b"nclx\0\x01\0\x0d\0\x01\x80"),
        Heif { data: Heif::of(DRAWN[5].0).data, config: Heif::of(DRAWN[5].0).config, ..grid.clone() },
    ] {
        assert_ne!(name(&other), name(&grid));
    }
}

#[test]
fn colours_are_those_that_the_file_says() {
    let of = |colr: &[u8]| open(&plain().with(b"colr", colr).bytes()).1;
    let stated = of(b"nclx\0\x01\0\x0d\0\x06\x80");
    assert!(difference(&stated.pixels[..64 * 48 * 3], scene(64, 48).as_raw()) < 3.0);
    assert!(of(b"nclx\0\x01\0\x0d\0\x06\0") != stated, "the range");
    assert!(of(b"nclx\0\x01\0\x0d\0\x01\x80") != stated, "the matrix");
    let strange = refusal(&plain().with(b"colr", b"nclx\0\x01\0\x0d\0\x0e\x80"));
    assert!(matches!(strange, MediaError::UnsupportedCoding { .. }));
}

#[test]
fn a_cut_copy_is_refused_wherever_it_is_cut() {
    for file in [plain(), grid().with_exif(1)] {
        let (bytes, whole) = (file.bytes(), open(&file.bytes()).1);
        for len in 12..bytes.len() {
            match try_open(&bytes[..len]) {
                Err(MediaError::Truncated { .. }) => {}
                Ok(picture) => assert!(picture == whole && file.exif.is_some(), "{len}"),
                Err(other) => panic!("{len} of {}: {other}", bytes.len()),
            }
            // Space that a copy program reserved and never wrote.
            let mut filled = bytes[..len].to_vec();
            filled.resize(bytes.len(), 0);
            match try_open(&filled) {
                Err(MediaError::Truncated { .. } | MediaError::Damaged { .. }) => {}
                // Nothing but the EXIF item was lost.
                Ok(picture) => assert!(picture == whole && bytes.len() - len <= 160, "{len} filled"),
                Err(other) => panic!("{len} of {} filled: {other}", bytes.len()),
            }
        }
    }
}

#[test]
fn a_giant_header_is_refused_before_anything_is_decoded() {
    let giant = Heif { tile: (60_000, 60_000), ..plain() };
    assert!(matches!(refusal(&giant), MediaError::TooManyPixels { .. }));
    let giant = Heif { tile: (60_000, 60_000), grid: Some((1, 1, 64, 64)), ..plain() };
    assert!(matches!(refusal(&giant), MediaError::TooManyPixels { .. }), "of which little is shown");
    let limits = Limits { max_pixels: 128 * 128 - 1, ..Limits::default() };
    assert!(matches!(inspect(&grid().bytes(), &limits), Err(MediaError::TooManyPixels { .. })));
    // Within the limit, but not what is coded.
    for tile in [(15_000, 15_000), (65, 64), (64, 65)] {
        let error = refusal(&Heif { tile, ..plain() });
        assert!(matches!(error, MediaError::Damaged { .. }), "{tile:?}: {error}");
    }
}

#[test]
fn a_grid_that_does_not_fit_is_damaged() {
    for shape in [(2, 2, 129, 100), (2, 2, 120, 129), (3, 2, 120, 100), (2, 2, 64, 100), (2, 2, 0, 100)] {
        let error = refusal(&Heif { grid: Some(shape), ..plain() });
        assert!(matches!(error, MediaError::Damaged { .. }), "{shape:?}: {error}");
    }
}

#[test]
fn what_is_no_hevc_is_named() {
    let named = |kind: &[u8; 4]| refusal(&Heif { kind: *kind, ..plain() }).to_string();
    assert!(named(b"av01").contains("AVIF") && named(b"jpeg").contains("\"jpeg\""));
    let avif = Heif { brands: b"avif\0\0\0\0mif1avif".to_vec(), ..plain() };
    assert!(matches!(refusal(&avif), MediaError::Unsupported { format: "AVIF" }));
    let film = [boxed(b"ftyp", b"hevc\0\0\0\0msf1hevc"), boxed(b"moov", &[0; 40])].concat();
    assert!(matches!(try_open(&film), Err(MediaError::UnsupportedCoding { .. })));
}

/// What is coded twice would be work without an end for a small file.
#[test]
fn parts_that_overlap_are_not_decoded() {
    let file = plain();
    let whole = open(&file.bytes()).1;
    // A second picture behind the first is nobody's.
    let twice = Heif { data: file.data.repeat(2), ..file.clone() };
    assert!(open(&twice.bytes()).1 == whole);
    // The same as a further part of the first, which begins at its first block once more: the bit that says that a picture
    // begins is cleared, and two more behind the third say where. They are taken from the end of its header, wherever that is.
    let slice = file.data.windows(2).position(|two| two[0] >> 1 == 19 || two[0] >> 1 == 20).unwrap();
    let (unit, body) = (&file.data[slice - 4..], &file.data[slice + 2..]);
    let again = |header: usize| {
        let bits: Vec<u8> =
            body[..header].iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)).collect();
        let moved = [&[0, bits[1], bits[2], 0, 0], &bits[3..bits.len() - 2]].concat();
        let bytes = moved.chunks(8).map(|bits| bits.iter().fold(0, |sum, bit| sum << 1 | bit));
        [unit[..6].to_vec(), bytes.collect(), body[header..].to_vec()].concat()
    };
    let reasons = (2..12).filter_map(|header| {
        let error =
            try_open(&Heif { data: [file.data.clone(), again(header)].concat(), ..file.clone() }.bytes())
                .err()?;
        Some(Failure::new(error.stage(), &error).to_string())
    });
    let reasons: Vec<_> = reasons.collect();
    assert!(reasons.iter().any(|reason| reason.contains("overlap")), "{reasons:#?}");
}

/// Files to be broken.
fn files() -> Vec<Vec<u8>> {
    let mut files: Vec<_> = DRAWN.iter().map(|(file, ..)| file.to_vec()).collect();
    files.push(grid().with(b"irot", &[1]).with_exif(6).bytes());
    files.push(grid().with(b"clap", &clap(70, 40, -10, 40)).with(b"imir", &[1]).bytes());
    files
}

/// Nothing panics out of the decoder, and what is read has the size that was announced. What is large is left alone: this
/// is not about filling memory.
fn survives(bytes: &[u8]) {
    let limits = Limits { max_pixels: 1 << 20, ..Limits::default() };
    let Ok(header) = inspect(bytes, &limits) else { return };
    match decode(bytes, &header) {
        Ok(picture) => assert_eq!(picture.pixels.len() as u64, header.coded.pixels() * 3),
        Err(MediaError::OtherPicture { .. }) => panic!("inspect and decode disagree about the size"),
        Err(_) => {}
    }
}

proptest! {
    #[test]
    fn bits_flipped(file in 0usize..8, flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 1..8)) {
        let mut bytes = files()[file].clone();
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        survives(&bytes);
    }

    #[test]
    fn bytes_set(file in 0usize..8, sets in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let mut bytes = files()[file].clone();
        for (at, value) in sets {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        survives(&bytes);
    }

    #[test]
    fn pieces_moved(
        file in 0usize..8, from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(), len in 1usize..60,
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = files()[file].clone();
        let (from, to) = (from.index(bytes.len() - len), to.index(bytes.len() - len));
        bytes.copy_within(from..from + len, to);
        survives(&bytes);
        let cut = cut.index(bytes.len());
        survives(&bytes[..cut]);
    }

    #[test]
    fn random_bytes_as_what_is_coded(bytes in prop::collection::vec(any::<u8>(), 1..300)) {
        let mut file = plain();
        let slice = file.data.windows(2).position(|two| two[0] >> 1 == 19 || two[0] >> 1 == 20).unwrap();
        let at = slice + 3;
        let len = bytes.len().min(file.data.len() - at - 1);
        file.data[at..at + len].copy_from_slice(&bytes[..len]);
        survives(&file.bytes());
    }
}
