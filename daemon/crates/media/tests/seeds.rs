//! Small JPEGs of every coding as a start for the fuzz targets: written where `VOW_SEEDS` says, checked in any case.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking, in its helpers too"
)]

mod common;

use common::coder::{Coefficients, Dice};
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
    let folder = std::env::var_os("VOW_SEEDS").map(std::path::PathBuf::from);
    for (at, seed) in seeds.iter().enumerate() {
        open(seed);
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join(format!("seed_{at:03}.jpg")), seed).unwrap();
        }
    }
}
