//! Decoding at a scale, for the tests of it: what is to come out, and where our own decoder would be at fault.

use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use vow_media::{Buffers, Decoding, Limits, Scale, inspect};
use vow_types::num::{index, round_u32};
use vow_types::{RelBox, Size};

pub(crate) const SMALLER: [Scale; 3] = [Scale::Half, Scale::Quarter, Scale::Eighth];

/// Panics in our own decoder. The wall around decoders contains them, so that they have to be looked for.
pub(crate) static OWN_PANICS: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn count_own_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.location().is_some_and(|place| place.file().contains("jpeg/scaled")) {
                OWN_PANICS.fetch_add(1, Ordering::SeqCst);
            }
            before(info);
        }));
    });
}

/// The picture at a scale, if the file can be had so.
pub(crate) fn at(bytes: &[u8], scale: Scale) -> Option<(Size, Vec<u8>)> {
    let header = inspect(bytes, &Limits::default()).ok()?;
    let mut buffers = Buffers::default();
    let mut decoding = Decoding::new(bytes, &header, &mut buffers);
    let done = decoding.decode(scale).unwrap_or(false);
    done.then(|| (decoding.whole().size, decoding.whole().pixels.to_vec()))
}

/// The mean of the pixels that each pixel of a smaller picture stands for.
pub(crate) fn reduced(size: Size, pixels: &[u8], scale: Scale) -> Vec<u8> {
    let step = 8 / usize::from(scale.samples());
    let (width, height) = (index(size.width), index(size.height));
    let mut out = Vec::new();
    for y in (0..height).step_by(step) {
        for x in (0..width).step_by(step) {
            for channel in 0..3 {
                let (mut sum, mut count) = (0u32, 0u32);
                for row in y..(y + step).min(height) {
                    for column in x..(x + step).min(width) {
                        sum += u32::from(pixels[(row * width + column) * 3 + channel]);
                        count += 1;
                    }
                }
                out.push(u8::try_from((sum + count / 2) / count).unwrap());
            }
        }
    }
    out
}

pub(crate) fn box_of(left: f32, top: f32, right: f32, bottom: f32) -> RelBox {
    RelBox { left, top, right, bottom }
}

/// Pixels of a picture inside a part of it, RGB8.
pub(crate) fn cut_out(size: Size, pixels: &[u8], shown: RelBox, part: Size) -> Vec<u8> {
    let px = shown.to_px(size);
    let (left, top) = (index(round_u32(px.left)), index(round_u32(px.top)));
    let row = |y: usize| {
        let from = ((top + y) * index(size.width) + left) * 3;
        pixels[from..from + index(part.width) * 3].to_vec()
    };
    (0..index(part.height)).flat_map(row).collect()
}
