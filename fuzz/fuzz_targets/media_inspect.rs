//! Any bytes through `vow_media::inspect`: no panic, no allocation by a header, and the limits hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vow_media::{Limits, inspect};

fuzz_target!(init: {
    // See media_decode: the EXIF reader is contained, too.
    std::panic::set_hook(Box::new(|_| {}));
}, |bytes: &[u8]| {
    let limits = Limits { max_pixels: 1 << 20, ..Limits::default() };
    if let Ok(header) = inspect(bytes, &limits) {
        let pixels = header.coded.pixels();
        assert!(pixels > 0 && pixels <= limits.max_pixels);
        assert_eq!(inspect(bytes, &limits).ok(), Some(header), "the same bytes are the same photo");
    }
});
