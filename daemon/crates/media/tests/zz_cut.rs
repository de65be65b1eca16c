//! scratch
mod common;
use common::*;
use image::{DynamicImage, ImageFormat};
#[test]
fn cut() {
    for (what, scene) in [("rgb", DynamicImage::ImageRgb8(scene(40, 30))), ("rgba", DynamicImage::ImageRgba8(DynamicImage::ImageRgb8(scene(140, 130)).to_rgba8()))] {
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Bmp, ImageFormat::Tiff] {
        let file = encode(&scene, format);
        let mut counts = std::collections::BTreeMap::new();
        for len in 4..file.len() {
            let key = match try_open(&file[..len]) { Ok(p) => if p == open(&file).1 {"same".to_string()} else {"HALF".into()}, Err(e) => vow_types::Failure::new(e.stage(), &e).to_string() };
            let e = counts.entry(key).or_insert((len, len, 0)); e.1 = len; e.2 += 1;
        }
        println!("{what} {format:?} {} {counts:#?}", file.len());
    }}
}
