//! Any bytes as a HEIC: no panic of our own, as many pixels as were announced, the same answer twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vow_media::{Format, Limits, MediaError, decode, inspect};

/// How they begin: bytes without such a beginning are given one, so that no time goes into finding it out.
const BEGINNING: &[u8] = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";

fuzz_target!(init: {
    // Panics of the decoder that rare pictures are left to are contained and no finding here; ours are.
    std::panic::set_hook(Box::new(|info| {
        let of = |name: &str| info.location().is_some_and(|place| place.file().contains(name));
        if of("media/src") || of("hevc/src") || of("fuzz_targets") {
            eprintln!("{info}");
            std::process::abort();
        }
    }));
}, |bytes: &[u8]| {
    let file = if bytes.get(4..8) == Some(b"ftyp") { bytes.to_vec() } else { [BEGINNING, bytes].concat() };
    let limits = Limits { max_pixels: 1 << 18, ..Limits::default() };
    let header = match inspect(&file, &limits) {
        Ok(header) if header.format == Format::Heic => header,
        _ => return,
    };
    assert!(header.coded.pixels() <= limits.max_pixels && header.working <= limits.max_pixels * 14);
    assert_eq!(inspect(&file, &limits).ok(), Some(header), "the same bytes are the same photo");
    match decode(&file, &header) {
        Ok(picture) => assert_eq!(picture.pixels.len() as u64, header.coded.pixels() * 3),
        Err(MediaError::OtherPicture { .. }) => panic!("inspect and decode disagree about the size"),
        Err(_) => {}
    }
});
