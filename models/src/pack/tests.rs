//! Packs on disk and in memory: what is read, what is refused and in which words. What makes an id is in [`id`].

use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

mod id;

const FULL: &str = r#"
name = "drawn"
version = "1"
licence = "CC0-1.0"
source = "made here"
[detector]
file = "detector.onnx"
head = "yunet"
channels = "bgr"
mean = 0
std = 1.0
threshold = 0.7
nms_iou = 0.3
[embedder]
file = "embedder.onnx"
channels = "rgb"
mean = 127.5
std = 128
size = 112
dimension = 128
mirror = false
left = 0
up = 0.0
[distances]
same = 0.4
group = 0.6
neighbour = 0.35
[quality]
min_face = 30
min_score = 0.8
min_quality = 0.2
full_norm = 16
"#;

const SMALLEST: &str = r#"
name = "drawn"
version = "1"
licence = "CC0-1.0"
detector = { file = "detector.onnx", head = "scrfd", channels = "rgb", mean = 127.5, std = 128 }
embedder = { file = "embedder.onnx", channels = "rgb", mean = 127.5, std = 127.5, dimension = 128 }
"#;

fn folder(manifest: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("pack.toml"), manifest).unwrap();
    fs::write(dir.path().join("detector.onnx"), b"a detector").unwrap();
    fs::write(dir.path().join("embedder.onnx"), b"an embedder").unwrap();
    dir
}

fn parts(manifest: &str) -> Result<Pack, PackError> {
    Pack::from_parts(manifest, |name| match name {
        "detector.onnx" => Some(b"a detector".to_vec()),
        "embedder.onnx" => Some(b"an embedder".to_vec()),
        _ => None,
    })
}

/// The mistakes in the words the user reads.
fn complaints(result: Result<Pack, PackError>) -> Vec<String> {
    match result {
        Err(PackError::Mistakes { mistakes, .. }) => mistakes.iter().map(ToString::to_string).collect(),
        other => panic!("expected mistakes, got {other:?}"),
    }
}

#[test]
fn everything_that_is_stated_is_read() {
    let dir = folder(FULL);
    let pack = Pack::load(dir.path()).unwrap();
    assert_eq!((pack.name.as_str(), pack.version.as_str(), pack.licence.as_str()), ("drawn", "1", "CC0-1.0"));
    assert_eq!(pack.source.as_deref(), Some("made here"));
    assert_eq!(pack.location, PackLocation::Folder(dir.path().to_owned()));
    let input = InputFormat { channels: Channels::Bgr, mean: 0.0, std: 1.0 };
    assert_eq!(pack.detector, DetectorSpec { head: Head::Yunet, input, threshold: 0.7, nms_iou: 0.3 });
    let input = InputFormat { channels: Channels::Rgb, mean: 127.5, std: 128.0 };
    assert_eq!(
        pack.embedder,
        EmbedderSpec {
            input,
            size: 112,
            dimension: 128,
            mirror: false,
            refine: false,
            shift: Shift::default()
        }
    );
    assert_eq!(pack.distances, Distances { same: 0.4, group: 0.6, people: None, neighbour: 0.35 });
    assert_eq!(
        pack.quality,
        QualityGate { min_face: 30.0, min_score: 0.8, min_quality: 0.2, full_norm: Some(16.0) }
    );
    assert_eq!(pack.detector_graph, b"a detector");
    assert_eq!(pack.embedder_graph, b"an embedder");
}

#[test]
fn what_is_not_stated_has_the_documented_defaults() {
    let pack = parts(SMALLEST).unwrap();
    assert_eq!((pack.detector.threshold, pack.detector.nms_iou, pack.embedder.size), (0.5, 0.4, 112));
    assert_eq!(pack.distances, Distances { same: 0.30, group: 0.50, people: Some(3_897), neighbour: 0.28 });
    assert_eq!(
        pack.quality,
        QualityGate { min_face: 24.0, min_score: 0.6, min_quality: 0.3, full_norm: None }
    );
    assert_eq!((pack.source, pack.location, pack.embedder.mirror), (None, PackLocation::Bundled, false));
}

#[test]
fn yunet_is_refined_where_faces_are_mirrored_unless_the_pack_says_otherwise() {
    let refines = |text: &str| parts(text).unwrap().embedder.refine;
    let mirrored = FULL.replace("mirror = false", "mirror = true");
    assert!(!refines(FULL) && refines(&mirrored));
    assert!(!refines(&mirrored.replace("yunet", "scrfd")));
    assert!(!refines(&mirrored.replace("mirror = true", "mirror = true\nrefine = false")));
    assert!(refines(&FULL.replace("mirror = false", "refine = true")));
}

#[test]
fn faces_lie_higher_behind_yunet_unless_the_pack_says_otherwise() {
    let shift = |text: &str| parts(text).unwrap().embedder.shift;
    let unsaid = FULL.replace("left = 0\nup = 0.0\n", "");
    assert_eq!(shift(FULL), Shift::default());
    assert_eq!(shift(&unsaid), Shift { left: 1.0, up: 1.5 });
    assert_eq!(shift(&unsaid.replace("yunet", "scrfd")), Shift::default());
    assert_eq!(
        shift(&FULL.replace("left = 0\nup = 0.0", "left = -2\nup = 0.5")),
        Shift { left: -2.0, up: 0.5 }
    );
}

#[test]
fn a_threshold_says_among_how_many_people_it_was_found_or_holds_for_any_number() {
    let distances = |text: &str| parts(text).unwrap().distances;
    let stated = distances(&FULL.replace("group = 0.6", "group = 0.6\npeople = 250"));
    assert_eq!((stated.group, stated.people), (0.6, Some(250)));
    let usual = distances(&FULL.replace("group = 0.6", ""));
    assert_eq!((usual.group, usual.people), (0.50, Some(3_897)));
}

#[test]
fn every_mistake_is_reported_at_once_with_its_key_and_the_allowed_values() {
    let dir = folder(
        r#"
name = ""
version = 1
colour = "blue"
[detector]
file = "detectr.onnx"
sha256 = "abc"
head = "retina"
channels = "rgb"
mean = 300
std = 0.0
threshold = nan
treshold = 0.5
[embedder]
file = "embedder.onnx"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
channels = ["rgb"]
mean = "a lot"
std = 128
size = 112.5
mirror = "yes"
[distances]
same = -2
[quality]
min_face = 99999999999999
"#,
    );
    let found = complaints(Pack::load(dir.path()));
    let text = "a text in quotes, 1 to 200 characters on one line";
    let looked = dir.path().join("detectr.onnx");
    let expected = [
        format!("`name` is \"\"; it must be {text}"),
        format!("`version` is 1; it must be {text}"),
        format!("`licence` is missing; it must be {text}"),
        "`detector.sha256` is \"abc\"; it must be 64 hexadecimal digits in quotes".to_owned(),
        "`detector.head` is \"retina\"; it must be \"scrfd\" or \"yunet\"".to_owned(),
        "`detector.mean` is 300; it must be a number from 0 to 255".to_owned(),
        "`detector.std` is 0.0; it must be a number from 0.001 to 1000".to_owned(),
        "`detector.threshold` is nan; it must be a number from 0 to 1".to_owned(),
        "`detector.treshold` is not known here; allowed are `file`, `sha256`, `head`, `channels`, `mean`, \
         `std`, `threshold`, `nms_iou`"
            .to_owned(),
        "`embedder.channels` is a list; it must be \"rgb\" or \"bgr\"".to_owned(),
        "`embedder.mean` is \"a lot\"; it must be a number from 0 to 255".to_owned(),
        "`embedder.size` is 112.5; it must be a whole number from 32 to 512".to_owned(),
        "`embedder.dimension` is missing; it must be a whole number from 2 to 8192".to_owned(),
        "`embedder.mirror` is \"yes\"; it must be true or false".to_owned(),
        "`distances.same` is -2; it must be a number from -1 to 1".to_owned(),
        "`quality.min_face` is 99999999999999; it must be a number from 0 to 640".to_owned(),
        "`colour` is not known here; allowed are `name`, `version`, `licence`, `source`, `detector`, \
         `embedder`, `distances`, `quality`"
            .to_owned(),
        format!(
            "`detector.file` names a file that is not there: detectr.onnx (looked for at {})",
            looked.display()
        ),
    ];
    assert_eq!(found[..18], expected);
    assert!(found[18].starts_with("`embedder.sha256`: the file has the sha256 "), "{}", found[18]);
    assert_eq!(found.len(), 19);
}

#[test]
fn the_whole_report_names_the_pack_and_counts() {
    let dir = folder(&FULL.replace("\"yunet\"", "\"yolo\""));
    let report = Pack::load(dir.path()).unwrap_err().to_string();
    let expected = format!(
        "1 mistake in the pack.toml of {}:\n  `detector.head` is \"yolo\"; it must be \"scrfd\" or \"yunet\"",
        dir.path().display()
    );
    assert_eq!(report, expected);
}

#[test]
fn an_absent_table_is_one_mistake() {
    let found = complaints(parts("name = 'a'\nversion = '1'\nlicence = 'MIT'\nquality = 3"));
    assert_eq!(
        found,
        [
            "`detector` is missing; it must be a table, [detector]",
            "`embedder` is missing; it must be a table, [embedder]",
            "`quality` is 3; it must be a table, [quality]",
        ]
    );
}

#[test]
fn graphs_may_lie_anywhere() {
    let weights = folder("");
    let elsewhere = weights.path().join("detector.onnx");
    let absolute = folder(&FULL.replace("detector.onnx", elsewhere.to_str().unwrap()));
    fs::remove_file(absolute.path().join("detector.onnx")).unwrap();
    assert_eq!(Pack::load(absolute.path()).unwrap().detector_graph, b"a detector");

    let up = format!("../{}/detector.onnx", weights.path().file_name().unwrap().to_str().unwrap());
    let relative = folder(&FULL.replace("detector.onnx", &up));
    fs::remove_file(relative.path().join("detector.onnx")).unwrap();
    assert_eq!(Pack::load(relative.path()).unwrap().detector_graph, b"a detector");
}

#[test]
fn sums_are_checked_in_either_case_of_letters() {
    let sum = "c6e8cc7ea8fc6fa1fd6f1d5c3b4d7b6f5e3c0e52f2a7d5b5d3a3cf4a0c7a7b9d";
    let with = |sum: &str| {
        parts(&FULL.replace("head = \"yunet\"", &format!("sha256 = \"{sum}\"\nhead = \"yunet\"")))
    };
    let real: String = Sha256::digest(b"a detector").iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(with(&real).is_ok() && with(&real.to_uppercase()).is_ok());
    assert_eq!(
        complaints(with(sum)),
        [format!(
            "`detector.sha256`: the file has the sha256 {real}, not {sum}: it is damaged or another version"
        )]
    );
}

/// FIPS 180-2, appendix B.1.
#[test]
fn the_sum_is_sha256() {
    let found: String = Sha256::digest(b"abc").iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(found, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn what_cannot_be_a_graph_is_refused_without_reading_it() {
    let dir = folder(&FULL.replace("detector.onnx", "/dev/zero").replace("embedder.onnx", "."));
    let found = complaints(Pack::load(dir.path()));
    assert_eq!(found[0], "`detector.file`: /dev/zero is not a regular file, so it is no ONNX graph");
    assert!(found[1].ends_with(" is a folder, so it is no ONNX graph"), "{}", found[1]);
    fs::write(dir.path().join("pack.toml"), FULL).unwrap();
    fs::write(dir.path().join("detector.onnx"), "").unwrap();
    assert!(
        complaints(Pack::load(dir.path()))[0].ends_with("detector.onnx is empty, so it is no ONNX graph")
    );
}

#[test]
fn no_manifest_is_said_plainly() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("nothing");
    assert!(matches!(Pack::load(&missing), Err(PackError::NoFolder { path }) if path == missing));
    let error = Pack::load(dir.path()).unwrap_err();
    assert!(matches!(&error, PackError::Unreadable { .. }), "{error}");
    fs::write(dir.path().join("pack.toml"), "name = \n").unwrap();
    let error = Pack::load(dir.path()).unwrap_err().to_string();
    assert!(error.contains("is not TOML") && error.contains("line 1"), "{error}");
}

#[test]
fn a_bundle_lacking_a_file_says_which() {
    let found = complaints(parts(&FULL.replace("embedder.onnx", "other.onnx")));
    assert_eq!(found, ["`embedder.file` names a file that is not built into this binary: other.onnx"]);
}

#[test]
fn the_starter_pack_is_whole_and_is_the_folder_it_was_built_from() {
    let bundled = Pack::starter().unwrap();
    let folder = Pack::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/starter"))).unwrap();
    assert_eq!(bundled.id, folder.id);
    assert_eq!((bundled.name.as_str(), bundled.location), ("starter", PackLocation::Bundled));
}

/// Manifests that are nearly right, and text that is anything.
fn some_text() -> impl Strategy<Value = String> {
    let nearly = (0..FULL.len(), 0..FULL.len(), ".{0,12}").prop_map(|(from, to, put)| {
        let (from, to) = (from.min(to), from.max(to));
        format!("{}{put}{}", &FULL[..from], &FULL[to..])
    });
    let key = prop::sample::select(vec!["name", "detector.mean", "embedder.file", "quality", "\"\\u0007\""]);
    let value =
        prop::sample::select(vec!["-1", "1e400", "nan", "''", "[[]]", "{}", "1979-05-27", "'\\u0000'"]);
    prop_oneof![".{0,200}", nearly, (key, value).prop_map(|(key, value)| format!("{key} = {value}"))]
}

proptest! {
    #[test]
    fn no_text_panics_and_a_refusal_always_has_a_reason(text in some_text()) {
        match parts(&text) {
            Err(PackError::Mistakes { mistakes, .. }) => prop_assert!(!mistakes.is_empty()),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
            Ok(pack) => prop_assert!(pack.detector.input.std > 0.0 && !pack.name.is_empty()),
        }
    }

    #[test]
    fn refusals_print_no_control_characters(text in "[\\u{0}-\\u{ff}]{0,80}") {
        let manifest = format!("name = {}", toml::Value::String(text));
        let Err(error) = parts(&manifest) else { panic!("accepted") };
        let printed = error.to_string();
        prop_assert!(!printed.replace('\n', "").chars().any(char::is_control), "{}", printed);
    }
}
