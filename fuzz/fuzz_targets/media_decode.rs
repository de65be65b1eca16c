//! Any bytes through `vow_media::decode`: no panic that is not contained, and as many pixels as were announced.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vow_media::{Limits, MediaError, decode, inspect};

fuzz_target!(init: {
    // A panic inside of a decoder that vow-media contains is no finding here: without this, libFuzzer would end on it.
    // One that is not contained still ends the run.
    std::panic::set_hook(Box::new(|_| {}));
}, |bytes: &[u8]| {
    // Small, so that a run is about the decoders' logic and not about filling memory.
    let limits = Limits { max_pixels: 1 << 18, ..Limits::default() };
    let Ok(header) = inspect(bytes, &limits) else { return };
    match decode(bytes, &header) {
        Ok(picture) => {
            assert_eq!(picture.size, header.coded);
            assert_eq!(picture.pixels.len() as u64, header.coded.pixels() * 3);
        }
        Err(MediaError::OtherPicture { .. }) => panic!("inspect and decode disagree about the size"),
        Err(_) => {}
    }
});
