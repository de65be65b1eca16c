//! Small JPEGs of every coding, camera raws of every maker, and HEICs, as a start for the fuzz targets: written where `VOW_SEEDS` says, checked in any case.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking, in its helpers too"
)]

mod common;

use common::coder::{Coefficients, Dice};
use common::heif::{DRAWN, Heif, clap};
use common::raw::RawFile;
use common::{Jpeg, open, scene};

#[test]
fn seeds() {
    let mut seeds: Vec<_> = Jpeg::all().into_iter().map(|kind| kind.encode(&scene(41, 27))).collect();
    for seed in 0..40usize {
        let mut dice = Dice(seed as u64);
        let samplings: [&[(u32, u32)]; 4] =
            [&[(1, 1)], &[(1, 1); 3], &[(2, 1), (1, 1), (1, 1)], &[(2, 2), (1, 1), (1, 1)]];
        let picture = Coefficients::drawn((33, 20), samplings[seed % 4], &mut dice);
        let restart = [0, 0, 3][seed % 3];
        seeds.push(picture.encode(true, &picture.script(&mut dice), restart, seed % 2 == 0));
        if picture.parts() == 3 {
            let script = Coefficients::sequential(&[&[0], &[1, 2]]);
            seeds.push(picture.encode(false, &script, restart, seed % 2 == 1));
        }
    }
    for data in ["data/refined.jpg", "data/refined_restarts.jpg"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(data);
        seeds.push(std::fs::read(path).unwrap());
    }
    let mut seeds: Vec<_> = seeds.into_iter().map(|seed| ("jpg", seed)).collect();
    let (large, small) = (Jpeg::default().encode(&scene(640, 8)), Jpeg::default().encode(&scene(16, 8)));
    let raw =
        RawFile { large: &large, small: &small, orientation: 6, taken: "2024:06:01 12:03:59", xmp: b"<x/>" };
    seeds.extend(raw.all());
    let tile = Heif::of(DRAWN[0].0);
    let grid = Heif { grid: Some((2, 2, 120, 100)), ..tile }.with(b"irot", &[1]).with_exif(6);
    seeds.extend(DRAWN.map(|(file, ..)| ("heic", file.to_vec())));
    seeds.push(("heic", grid.bytes()));
    seeds.push(("heic", grid.with(b"imir", &[1]).bytes()));
    seeds.push(("heic", Heif::of(DRAWN[2].0).with(b"clap", &clap(40, 30, 4, 2)).bytes()));
    let folder = std::env::var_os("VOW_SEEDS").map(std::path::PathBuf::from);
    for (at, (ending, seed)) in seeds.iter().enumerate() {
        open(seed);
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join(format!("seed_{at:03}.{ending}")), seed).unwrap();
        }
    }
}
