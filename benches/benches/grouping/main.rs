//! Grouping beside its peers, on faces whose names are known: how good, how dear, and whether the order of arrival tells.
//!
//! `cargo bench -p vow-benches --bench grouping -- --help` says what it needs and does. All rows of a run group the same
//! embeddings, made by the daemon's own engine.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench prints, and may panic: that is how it fails"
)]

mod album;
mod clock;
mod cost;
mod faces;
mod grow;
mod measure;
mod near;
mod ours;
mod peers;
mod sweep;
mod tables;

use std::path::{Path, PathBuf};

use vow_models::Pack;
use vow_types::QualityGate;

const HELP: &str = "\
grouping measures how faces are grouped. Arguments choose the tables:
  --faces DIR   portraits, a folder for each person or files by the name of Some_Body_0001.jpg
  --sweep       with --faces: power and threshold around the defaults, on two halves of the people
  --sizes       with --faces: the threshold by how many faces there are
  --album DIR   photos with several people, DIR.truth.jsonl beside them (tools/make_album.py makes both)
  --cost        one more face in libraries of 10,000 and more; needs no photos
  --grow N      memory while a made-up library of so many faces is indexed and sorted out; needs no photos
  --cache FILE  keeps what was found in DIR, so that the next run need not look again
  --others      with --faces: faces beside the portrayed one take part too
  --all-strong  every face may found a person, whatever the gate of the pack says
and the environment, where photos are looked at:
  VOW_PACK      a pack folder (pack.toml with a detector and an embedder)
  VOW_ORT       an ONNX Runtime library; without it the engine runs on tract
  VOW_FACES     stands for --faces";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|word| word == name);
    let value = |name: &str| {
        let at = arguments.iter().position(|word| word == name)?;
        Some(PathBuf::from(arguments.get(at + 1).unwrap_or_else(|| panic!("{name} needs a value"))))
    };
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if has("--cost") {
        cost::table(&[10_000, 100_000, 1_000_000]);
    }
    if let Some(size) = value("--grow") {
        let number = size.to_str().and_then(|size| size.parse().ok());
        grow::table(number.unwrap_or_else(|| panic!("--grow needs a number")));
    }
    let (portraits, album) = (value("--faces").or_else(|| variable("VOW_FACES")), value("--album"));
    let Some(pack) = variable("VOW_PACK").filter(|_| portraits.is_some() || album.is_some()) else {
        if !has("--cost") && !has("--grow") {
            println!("{HELP}");
        }
        return;
    };
    let mut settings = Pack::load(&pack).unwrap();
    if has("--all-strong") {
        settings.quality =
            QualityGate { min_face: 0.0, min_score: 0.0, min_quality: 0.0, ..settings.quality };
    }
    let params = vow_cluster::Params::new(settings.distances);
    let cache = value("--cache");
    if let Some(folder) = portraits {
        let found = faces::find(&folder, &pack, cache.as_deref());
        let faces = faces::portraits(&found, &settings.quality, has("--others"));
        if has("--sweep") {
            sweep::table(&faces, params);
        } else if has("--sizes") {
            sweep::by_size(&faces, params);
        } else {
            tables::ours(&faces, params);
            tables::peers(&faces, params);
        }
    }
    if let Some(folder) = album {
        let cache = cache.map(|path| path.with_extension("album"));
        let found = faces::find(&folder, &pack, cache.as_deref());
        let faces = faces::labelled(album::named(&found, Path::new(&folder)).into_iter(), &settings.quality);
        tables::ours(&faces, params);
    }
}
