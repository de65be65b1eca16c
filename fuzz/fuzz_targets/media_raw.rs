//! Any bytes as a camera raw: no panic of our own, no preview smaller than is enough, and what is decoded in place has the size
//! that was announced, at every scale.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vow_media::{Buffers, Decoding, Format, Limits, MediaError, Scale, decode, inspect};

/// How raws begin: bytes without such a beginning are given one, so that no time goes into finding them out.
const BEGINNINGS: [&[u8]; 8] = [
    b"II*\0",
    b"MM\0*",
    b"IIU\0",
    b"IIRO",
    b"MMOR",
    b"II*\0\x10\0\0\0CR\x02\0",
    b"FUJIFILMCCD-RAW ",
    b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom",
];

fuzz_target!(init: {
    // Panics of other people's decoders are contained and no finding here; ours are.
    std::panic::set_hook(Box::new(|info| {
        let of = |name: &str| info.location().is_some_and(|place| place.file().contains(name));
        if of("media/src/raw") || of("media/src/jpeg") || of("fuzz_targets") {
            eprintln!("{info}");
            std::process::abort();
        }
    }));
}, |bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let file = match BEGINNINGS.get(usize::from(*first)) {
        Some(beginning) => [beginning, rest].concat(),
        None => bytes.to_vec(),
    };
    let limits = Limits { max_pixels: 1 << 20, ..Limits::default() };
    let header = match inspect(&file, &limits) {
        Ok(header) if matches!(header.format, Format::Raw(_)) => header,
        Err(MediaError::NoPreview { largest, least, .. }) => {
            assert!(largest.is_none_or(|size| size.width.max(size.height) < least));
            return;
        }
        _ => return,
    };
    assert!(header.preview.is_some() && header.coded.pixels() <= limits.max_pixels);
    assert!(header.coded.width.max(header.coded.height) >= 640);
    assert_eq!(inspect(&file, &limits).ok(), Some(header), "the same bytes are the same photo");
    if let Ok(picture) = decode(&file, &header) {
        assert_eq!(picture.pixels.len() as u64, header.coded.pixels() * 3);
    }
    let mut buffers = Buffers::default();
    let mut decoding = Decoding::new(&file, &header, &mut buffers);
    for scale in [Scale::Half, Scale::Quarter, Scale::Eighth] {
        if matches!(decoding.decode(scale), Ok(true)) {
            assert!(header.scalable);
            assert_eq!(decoding.whole().size, scale.of(header.coded));
        }
    }
});
