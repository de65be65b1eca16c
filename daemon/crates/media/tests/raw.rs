//! Camera raws: the preview inside is the picture, whoever made the file and whatever was written into it later.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking, in its helpers too"
)]

mod common;

use common::raw::RawFile;
use common::tiff::{Order, Page};
use common::{Jpeg, TAKEN, encode, exif, open, scene, try_open, with_exif};
use image::{DynamicImage, ImageFormat};
use proptest::prelude::*;
use vow_media::{Buffers, Decoding, Format, Header, Limits, MediaError, Raw, Scale, decode, inspect};
use vow_types::{Orientation, Size, Stage};

const SIZE: Size = Size { width: 640, height: 400 };

/// Its preview, and a thumbnail.
fn jpegs() -> [Vec<u8>; 2] {
    [Jpeg::default().encode(&scene(SIZE.width, SIZE.height)), Jpeg::default().encode(&scene(160, 120))]
}

fn file<'a>([large, small]: &'a [Vec<u8>; 2]) -> RawFile<'a> {
    RawFile { large, small, orientation: 6, taken: "2024:06:01 12:03:59", xmp: b"<x:xmpmeta/>" }
}

fn header(bytes: &[u8]) -> Result<Header, MediaError> {
    inspect(bytes, &Limits::default())
}

#[test]
fn the_largest_preview_is_the_picture() {
    let jpegs = jpegs();
    let plain = open(&jpegs[0]);
    for (ending, bytes) in file(&jpegs).all() {
        let (header, picture) = open(&bytes);
        assert_eq!(header.format.name(), ending.to_uppercase());
        assert_eq!((header.coded, header.orientation), (SIZE, Some(Orientation::Turned90)), "{ending}");
        assert_eq!(header.taken, Some(TAKEN), "{ending}");
        assert!(picture == plain.1, "{ending}");
        // The same picture, and so the same photo: as a JPEG it would have another name only if it were coded anew.
        assert_eq!(header.content, plain.0.content, "{ending}");
    }
}

/// Scaled, and in parts: as of a JPEG that lies in a file of its own.
#[test]
fn previews_are_decoded_in_place_at_every_scale() {
    let jpegs = jpegs();
    let plain = header(&jpegs[0]).unwrap();
    let part = vow_types::RelBox { left: 0.3, top: 0.2, right: 0.6, bottom: 0.7 };
    for (ending, bytes) in file(&jpegs).all() {
        let own = header(&bytes).unwrap();
        assert!(own.scalable && own.format.is_jpeg_coded() && own.held == plain.held);
        let (mut one, mut other) = (Buffers::default(), Buffers::default());
        let mut raw = Decoding::new(&bytes, &own, &mut one);
        let mut jpeg = Decoding::new(&jpegs[0], &plain, &mut other);
        for scale in Scale::ALL {
            assert!(raw.decode(scale).unwrap() && jpeg.decode(scale).unwrap());
            assert_eq!(raw.whole(), jpeg.whole(), "{ending} {scale:?}");
            assert_eq!(raw.closer(part, Scale::Full), jpeg.closer(part, Scale::Full), "{ending} {scale:?}");
        }
    }
}

#[test]
fn what_is_written_into_a_raw_does_not_name_it() {
    let jpegs = jpegs();
    let plain = file(&jpegs);
    let tagged = RawFile { xmp: &[b'k'; 5000], orientation: 1, taken: "2030:01:01 00:00:00", ..plain };
    let other = [Jpeg::default().encode(&scene(640, 401)), jpegs[1].clone()];
    for (((ending, one), (_, two)), (_, three)) in
        plain.all().into_iter().zip(tagged.all()).zip(file(&other).all())
    {
        let (one, two, three) = (header(&one).unwrap(), header(&two).unwrap(), header(&three).unwrap());
        assert_eq!(one.content, two.content, "{ending}");
        assert_ne!((one.orientation, one.taken), (two.orientation, two.taken), "{ending}");
        assert_ne!(one.content, three.content, "{ending}: another preview is another photo");
    }
    // The JPEG beside a raw is coded by itself: the same scene, and another photo.
    let beside = Jpeg { sampling: jpeg_encoder::SamplingFactor::F_1_1, ..Jpeg::default() };
    let beside = header(&beside.encode(&scene(SIZE.width, SIZE.height))).unwrap();
    assert_ne!(beside.content, header(&plain.nef()).unwrap().content);
}

/// What the raw itself does not say, the EXIF in its preview does.
#[test]
fn the_previews_own_facts_are_second() {
    let [large, small] = jpegs();
    let jpegs = [with_exif(&large, &exif(3)), small];
    let silent = RawFile { orientation: 0, taken: "    :  :     :  :  ", ..file(&jpegs) };
    let said = file(&jpegs);
    for (ending, bytes) in [("arw", silent.arw()), ("cr3", silent.cr3()), ("rw2", silent.rw2())] {
        let header = header(&bytes).unwrap();
        assert_eq!(
            (header.orientation, header.taken),
            (Some(Orientation::Turned180), Some(TAKEN)),
            "{ending}"
        );
    }
    assert_eq!(header(&said.arw()).unwrap().orientation, Some(Orientation::Turned90));
}

#[test]
fn a_raw_without_a_preview_says_so() {
    let [_, small] = jpegs();
    let jpegs = [small.clone(), small];
    for (ending, bytes) in file(&jpegs).all() {
        let error = header(&bytes).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, MediaError::NoPreview { largest: Some(_), .. }), "{ending}: {error}");
        assert!(
            text.contains(&ending.to_uppercase()) && text.contains("160 x 120") && text.contains("640"),
            "{text}"
        );
        assert_eq!((error.stage(), error.is_transient()), (Stage::Decode, false));
    }
    let none = Page::default().data(0xc612, 1, &[1, 4, 0, 0]).short(0x0106, 32803).strip(1, &[1; 99]);
    let error = header(&Order::Little.file(*b"II\x2a\0", b"", &[none])).unwrap_err();
    assert!(error.to_string().contains("there is none"), "{error}");
}

/// Masks and maps of depths are coded as pictures are, and sensor data without colours as JPEGs with 8 bits: larger than the
/// preview, and nothing to look at.
#[test]
fn what_is_no_picture_to_look_at_is_not_taken() {
    let jpegs = jpegs();
    let larger = Jpeg::default().encode(&scene(800, 600));
    let hidden = || Page::default().strip(7, &larger);
    let below = vec![
        hidden().long(0x00fe, 4),
        hidden().long(0x00fe, 0x10004),
        hidden().long(0x00fe, 8),
        hidden().short(0x0106, 34892),
        Page::default().strip(7, &jpegs[0]),
    ];
    let first = Page::default().data(0xc612, 1, &[1, 7, 0, 0]).below(0x014a, below);
    assert_eq!(open(&Order::Big.file(*b"MM\0\x2a", b"", &[first])).0.coded, SIZE);
}

/// Cameras write `Make` into pictures that are TIFFs and nothing else, and scanners masks.
/// Found by fuzzing: the choice went by the last frame header of a preview, decoding by the first.
#[test]
fn a_preview_with_two_frame_headers_is_as_large_as_the_first_says() {
    let [large, small] = jpegs();
    let frame = |jpeg: &[u8]| {
        let at = jpeg.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
        let len = usize::from(jpeg[at + 2]) * 256 + usize::from(jpeg[at + 3]);
        at..at + 2 + len
    };
    let mut two = small.clone();
    let behind = frame(&small).end;
    two.splice(behind..behind, large[frame(&large)].iter().copied());
    for (ending, bytes) in file(&[two, small]).all() {
        let error = header(&bytes).unwrap_err();
        let expected = Size { width: 160, height: 120 };
        assert!(
            matches!(error, MediaError::NoPreview { largest: Some(largest), .. } if largest == expected),
            "{ending}: {error}"
        );
    }
}

#[test]
fn ordinary_tiffs_stay_what_they_are() {
    let picture = encode(&DynamicImage::ImageRgb8(scene(700, 500)), ImageFormat::Tiff);
    assert_eq!(open(&picture).0.format, Format::Tiff);
    for make in ["NIKON CORPORATION", "SONY", "Somebody"] {
        let mask = Page::default().long(0x00fe, 4).short(0x0106, 4).strip(1, &[0]);
        let grey = Page::default().text(0x010f, make).short(0x0106, 1).strip(1, &[7; 6]);
        let grey = grey.short(0x0100, 3).short(0x0101, 2).short(0x0102, 8).short(0x0116, 2);
        let (header, picture) = open(&Order::Little.file(*b"II\x2a\0", b"", &[grey, mask]));
        assert_eq!((header.format, picture.pixels), (Format::Tiff, vec![7; 18]));
    }
    let maker = Page::default().text(0x010f, "Phase One").short(0x0106, 32803).strip(1, &[1; 99]);
    let jpegs = jpegs();
    let other = Order::Big.file(*b"MM\0\x2a", b"", &[maker, Page::default().jpeg(&jpegs[0])]);
    assert_eq!(open(&other).0.format, Format::Raw(Raw::Other));
}

/// Cut off anywhere, it is refused, or nothing of the picture is missing: what was cut off is the sensor's.
#[test]
fn raws_cut_anywhere() {
    let scene = scene(640, 16);
    let jpegs = [Jpeg::default().encode(&scene), Jpeg::default().encode(&common::scene(24, 16))];
    for (ending, bytes) in file(&jpegs).all() {
        let whole = open(&bytes);
        let mut accepted = 0;
        for len in 4..bytes.len() {
            match try_open(&bytes[..len]) {
                Ok(picture) => {
                    accepted += 1;
                    assert!(picture == whole.1, "{ending} at {len} of {}: another picture", bytes.len());
                    let facts = |header: Header| (header.content, header.coded, header.orientation);
                    assert_eq!(facts(header(&bytes[..len]).unwrap()), facts(whole.0), "{ending} at {len}");
                }
                Err(MediaError::Truncated { .. } | MediaError::NotAPicture { .. }) => {}
                // It begins as any TIFF does, and does not say yet whose it is.
                Err(MediaError::Damaged { format: Format::Tiff, .. }) if len < 300 => {}
                Err(other) => panic!("{ending} at {len} of {}: {other}", bytes.len()),
            }
        }
        assert!(accepted < bytes.len() / 2, "{ending}: {accepted} of {}", bytes.len());
    }
}

/// The room for the preview was made, and never filled.
#[test]
fn zeros_for_a_preview_are_a_cut() {
    let jpegs = jpegs();
    for (ending, mut bytes) in file(&jpegs).all() {
        let at = bytes.windows(100).position(|part| part == &jpegs[0][jpegs[0].len() / 2..][..100]).unwrap();
        bytes[at - jpegs[0].len() / 2..].fill(0);
        let result = try_open(&bytes);
        assert!(
            matches!(result, Err(MediaError::Truncated { .. } | MediaError::NoPreview { .. })),
            "{ending}"
        );
    }
}

fn survives(bytes: &[u8]) {
    let limits = Limits { max_pixels: 1 << 20, ..Limits::default() };
    if let Ok(header) = inspect(bytes, &limits) {
        assert!(header.coded.pixels() <= limits.max_pixels);
        let _ = decode(bytes, &header);
    }
}

fn broken(kind: usize, with: impl Fn(&mut Vec<u8>)) {
    let jpegs = [Jpeg::default().encode(&scene(640, 8)), Jpeg::default().encode(&scene(16, 8))];
    let mut files = file(&jpegs).all();
    let (_, mut bytes) = files.swap_remove(kind % files.len());
    with(&mut bytes);
    survives(&bytes);
}

proptest! {
    #[test]
    fn bytes_changed(
        kind in 0usize..9,
        changes in prop::collection::vec((0usize..1_000_000, any::<u8>()), 1..8),
        // Most of what can be got wrong stands at the front.
        front in prop::collection::vec((0usize..600, any::<u8>()), 0..4),
    ) {
        broken(kind, |bytes| {
            for (at, value) in changes.iter().chain(&front) {
                let len = bytes.len();
                bytes[at % len] = *value;
            }
        });
    }

    #[test]
    fn pieces_moved(kind in 0usize..9, from in 0usize..1_000_000, to in 0usize..1_000_000, len in 1usize..60) {
        broken(kind, |bytes| {
            let most = bytes.len() - len;
            bytes.copy_within(from % most..from % most + len, to % most);
        });
    }

    #[test]
    fn random_bytes_behind_a_magic(magic in 0usize..6, bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let magics: [&[u8]; 6] = [
            b"FUJIFILMCCD-RAW ", b"IIU\0\x08\0\0\0", b"IIRO\x08\0\0\0", b"II*\0\x10\0\0\0CR\x02\0\0\0\0\0",
            b"MM\0*\0\0\0\x08", b"\0\0\0\x14ftypcrx \0\0\0\0crx \0\0\0\x40moov",
        ];
        survives(&[magics[magic], &bytes].concat());
    }
}
