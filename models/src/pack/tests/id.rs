//! What makes a pack's id, which every stored face carries.

use super::*;

#[test]
fn the_id_follows_what_is_computed_and_nothing_else() {
    let id = |text: &str| parts(text).unwrap().id;
    let own = id(FULL);
    assert_eq!(own, Pack::load(folder(FULL).path()).unwrap().id);
    for (from, to) in [
        ("\"drawn\"", "\"renamed\""),
        ("version = \"1\"", "version = \"2\""),
        ("CC0-1.0", "MIT"),
        ("same = 0.4", "same = 0.5"),
        ("min_score = 0.8", "min_score = 0.1"),
        ("full_norm = 16", "full_norm = 17"),
        ("mean = 0\n", "mean = -0.0\n"),
        ("mirror = false\n", ""),
        ("mirror = false\n", "refine = false\n"),
        ("left = 0\nup = 0.0\n", "left = -0.0\nup = 0\n"),
    ] {
        assert!(FULL.contains(from));
        assert_eq!(id(&FULL.replace(from, to)), own, "{to}");
    }
    let mut seen = vec![own];
    for (from, to) in [
        ("\"yunet\"", "\"scrfd\""),
        ("\"bgr\"", "\"rgb\""),
        ("mean = 0\n", "mean = 1\n"),
        ("std = 1.0", "std = 2.0"),
        ("threshold = 0.7", "threshold = 0.6"),
        ("nms_iou = 0.3", "nms_iou = 0.4"),
        ("channels = \"rgb\"", "channels = \"bgr\""),
        ("mean = 127.5", "mean = 127"),
        ("std = 128", "std = 127.5"),
        ("size = 112", "size = 128"),
        ("mirror = false", "mirror = true"),
        ("mirror = false", "mirror = true\nrefine = false"),
        ("mirror = false", "refine = true"),
        ("left = 0\n", "left = 1\n"),
        ("up = 0.0\n", "up = 1\n"),
        ("left = 0\nup = 0.0\n", ""),
        ("detector.onnx", "embedder.onnx"),
        ("embedder.onnx", "detector.onnx"),
    ] {
        assert!(FULL.contains(from));
        let other = id(&FULL.replace(from, to));
        assert!(!seen.contains(&other), "{from} -> {to}");
        seen.push(other);
    }
}

/// Ids are stored: a change here would orphan every face in every store.
#[test]
fn the_id_of_a_known_pack_stays() {
    assert_eq!(parts(FULL).unwrap().id.to_string(), "328c72c4e7dbeb1b080fd1eefde8945b");
}
