//! One photo of 12 megapixels on its way to the models. Every stage stands beside its floor.
#![allow(clippy::unwrap_used, reason = "a bench may panic: that is how it fails")]

use std::sync::LazyLock;

use divan::{Bencher, black_box};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use vow_media::{Limits, Picture};
use vow_tests::Scene;
use vow_types::{Channels, InputFormat, Landmarks, Orientation, RelPoint, Size};
use vow_vision::PictureView;
use zune_core::bytestream::ZCursor;
use zune_jpeg::JpegDecoder;

const FRAME: Size = Size { width: 640, height: 480 };

/// A drawn photo with the noise of a camera, quality 92.
static FILE: LazyLock<Vec<u8>> =
    LazyLock::new(|| vow_tests::files::jpeg(&Scene::new(4000, 3000, 1).with_row(&[1, 2, 3]).draw(), 92));

static PICTURE: LazyLock<Picture> = LazyLock::new(|| {
    let header = vow_media::inspect(&FILE, &Limits::default()).unwrap();
    vow_media::decode(&FILE, &header).unwrap()
});

fn view() -> PictureView<'static> {
    PictureView::new(PICTURE.size, &PICTURE.pixels).unwrap()
}

fn main() {
    divan::main();
}

/// Format, EXIF and content identity of a file in memory.
#[divan::bench]
fn inspect(bencher: Bencher<'_, '_>) {
    bencher.bench(|| vow_media::inspect(black_box(&FILE), &Limits::default()).unwrap());
}

#[divan::bench(sample_count = 20)]
fn decode(bencher: Bencher<'_, '_>) {
    let header = vow_media::inspect(&FILE, &Limits::default()).unwrap();
    bencher.bench(|| vow_media::decode(black_box(&FILE), &header).unwrap());
}

#[divan::bench(sample_count = 20)]
fn decode_floor_zune_jpeg(bencher: Bencher<'_, '_>) {
    bencher.bench(|| JpegDecoder::new(ZCursor::new(black_box(FILE.as_slice()))).decode().unwrap());
}

#[divan::bench]
fn frame(bencher: Bencher<'_, '_>) {
    bencher.bench(|| vow_vision::frame(black_box(view()), Orientation::Upright, FRAME).unwrap());
}

#[divan::bench]
fn frame_turned(bencher: Bencher<'_, '_>) {
    let tall = Size { width: FRAME.height, height: FRAME.width };
    bencher.bench(|| vow_vision::frame(black_box(view()), Orientation::Turned90, tall).unwrap());
}

#[divan::bench]
fn frame_floor_fast_image_resize(bencher: Bencher<'_, '_>) {
    let source =
        ImageRef::new(PICTURE.size.width, PICTURE.size.height, &PICTURE.pixels, PixelType::U8x3).unwrap();
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    bencher.bench(|| {
        let mut target = Image::new(FRAME.width, FRAME.height, PixelType::U8x3);
        Resizer::new().resize(black_box(&source), &mut target, &options).unwrap();
        target
    });
}

#[divan::bench]
fn crop(bencher: Bencher<'_, '_>) {
    let places = [(0.40, 0.40), (0.50, 0.40), (0.45, 0.47), (0.41, 0.55), (0.49, 0.55)];
    let landmarks = Landmarks(places.map(|(x, y)| RelPoint { x, y }));
    bencher.bench(|| vow_vision::crop(black_box(view()), Orientation::Upright, &landmarks, 112).unwrap());
}

#[divan::bench]
fn fill(bencher: Bencher<'_, '_>) {
    let framed = vow_vision::frame(view(), Orientation::Upright, FRAME).unwrap();
    let input = InputFormat { channels: Channels::Bgr, mean: 127.5, std: 128.0 };
    let mut tensor = vec![0.0; framed.pixels.len()];
    bencher.bench_local(|| vow_vision::fill_nchw(black_box(&framed.pixels), input, &mut tensor));
}
