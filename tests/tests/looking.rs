//! How photos are looked at, through the real programs on drawn photos: turned ones whose files do not say so, and faces
//! that are embedded mirrored too.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic: that is how it fails"
)]

use std::fs;
use std::path::Path;

use serde_json::Value;
use vow_tests::{Daemon, Exif, Frames, Home, Marker, Scene, TinyPack};
use vow_types::{Head, Orientation};

const TURNS: [Orientation; 3] = [Orientation::Turned90, Orientation::Turned180, Orientation::Turned270];

fn two_people(seed: u64) -> Scene {
    let scene = Scene::new(800, 600, seed).with(1, 100.0, 200.0, 110.0).with(2, 500.0, 260.0, 90.0);
    Scene { hats: true, ..scene }
}

/// Writes the scene so that this orientation would show it upright, with no word about it in the file.
fn save_untagged(scene: &Scene, orientation: Orientation, path: &Path) {
    let pixels = vow_tests::files::turned(&scene.draw(), orientation);
    fs::write(path, vow_tests::files::jpeg(&pixels, 95)).unwrap();
}

fn faces(daemon: &Daemon, path: &Path) -> Value {
    daemon.json(["faces".as_ref(), path.as_os_str()])
}

/// The person whose face lies over the marker.
fn person_at(answer: &Value, marker: &Marker) -> String {
    let faces = answer["faces"].as_array().unwrap();
    let side =
        |face: &Value, at: usize| face["box"][at].as_f64().unwrap().to_string().parse::<f32>().unwrap();
    let over = faces.iter().find(|face| marker.iou([0, 1, 2, 3].map(|at| side(face, at))) > 0.7);
    over.unwrap_or_else(|| panic!("nobody at {marker:?}: {answer}"))["person_id"].as_str().unwrap().to_owned()
}

/// Such a detector sees photo and close-up in one frame, and each find belongs to one of them.
#[test]
fn a_detector_that_takes_one_size_finds_the_same_faces() {
    let found = |frames| {
        let home = Home::with_pack(TinyPack { frames, ..TinyPack::default() });
        let mut faces_of = Vec::new();
        let (small, large) = ([56.0, 64.0, 72.0], 380.0);
        for (n, (width, height)) in [(800, 600), (600, 800), (700, 700), (900, 600)].into_iter().enumerate() {
            let seed = u64::try_from(n).unwrap();
            let row = Scene::new(width, height, seed).with(1, 60.0, 90.0, small[0]);
            let row = row.with(2, 250.0, 200.0, small[1]).with(3, 430.0, 420.0, small[2]);
            row.save(home.photos().join(format!("small {n}.jpg")));
            Scene::new(width, height, seed + 9)
                .with(4, 100.0, 110.0, large)
                .save(home.photos().join(format!("large {n}.jpg")));
        }
        let daemon = home.start();
        daemon.wait_idle();
        for n in 0..4 {
            for size in ["small", "large"] {
                let answer = faces(&daemon, &home.photos().join(format!("{size} {n}.jpg")));
                let boxes = answer["faces"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|face| [0, 1, 2, 3].map(|at| face["box"][at].as_f64().unwrap()));
                let mut boxes: Vec<[f64; 4]> = boxes.collect();
                boxes.sort_by(|a, b| a[0].total_cmp(&b[0]));
                assert_eq!(boxes.len(), if size == "small" { 3 } else { 1 }, "{size} {n}: {answer}");
                faces_of.extend(boxes);
            }
        }
        faces_of
    };
    for (any, square) in found(Frames::Any).iter().zip(found(Frames::Square)) {
        assert!(any.iter().zip(square).all(|(a, b)| (a - b).abs() < 16.0), "{any:?} {square:?}");
    }
}

#[test]
fn a_photo_that_does_not_say_how_it_stands_is_turned_by_its_faces_once() {
    for (head, frames) in
        [(Head::Scrfd, Frames::Any), (Head::Yunet, Frames::Any), (Head::Scrfd, Frames::Square)]
    {
        let home = Home::with_pack(TinyPack { head, frames, upright_only: true, ..TinyPack::default() });
        let photos = home.photos();
        let scene = two_people(1);
        save_untagged(&scene, Orientation::Upright, &photos.join("1.jpg"));
        for turn in TURNS {
            save_untagged(
                &two_people(turn.to_exif().into()),
                turn,
                &photos.join(format!("{}.jpg", turn.to_exif())),
            );
        }
        // One whose file says that it stands upright is trusted, and one without faces is left as it is.
        let wrong = Exif { orientation: Some(Orientation::Upright), taken: None };
        let lying = vow_tests::files::turned(&two_people(40).draw(), Orientation::Turned90);
        fs::write(
            photos.join("trusted.jpg"),
            vow_tests::files::with_exif(&vow_tests::files::jpeg(&lying, 95), &wrong),
        )
        .unwrap();
        Scene::new(800, 600, 41).save(photos.join("nobody.jpg"));

        let check = |daemon: &Daemon| {
            let upright = faces(daemon, &photos.join("1.jpg"));
            assert_eq!(upright["found_turned"], false, "{upright}");
            let people = scene.markers.iter().map(|marker| person_at(&upright, marker)).collect::<Vec<_>>();
            assert_ne!(people[0], people[1]);
            for turn in TURNS {
                let answer = faces(daemon, &photos.join(format!("{}.jpg", turn.to_exif())));
                assert_eq!(
                    (answer["width"].as_u64(), answer["height"].as_u64(), answer["orientation"].as_u64()),
                    (Some(800), Some(600), Some(turn.to_exif().into())),
                    "{answer}"
                );
                assert_eq!(answer["found_turned"], true, "{answer}");
                for (marker, person) in scene.markers.iter().zip(&people) {
                    assert_eq!(person_at(&answer, marker), *person, "{turn:?}");
                }
            }
            for name in ["trusted.jpg", "nobody.jpg"] {
                let answer = faces(daemon, &photos.join(name));
                assert_eq!(answer["found_turned"], false, "{answer}");
                assert_eq!(answer["faces"].as_array().unwrap().len(), 0, "{answer}");
            }
        };
        let daemon = home.start();
        let status = daemon.wait_idle();
        assert_eq!(
            (&status["photos_inferred"], &status["photos_turned"]),
            (&6.into(), &3.into()),
            "{status}"
        );
        check(&daemon);
        assert!(daemon.stop().0.success());
        // A tag that comes later is what counts then, and nothing is looked at again for it.
        let plain = fs::read(photos.join("6.jpg")).unwrap();
        let said = Exif { orientation: Some(Orientation::Turned180), taken: None };
        fs::write(photos.join("tagged.jpg"), vow_tests::files::with_exif(&plain, &said)).unwrap();
        let daemon = home.start();
        let status = daemon.wait_idle();
        assert_eq!(
            (&status["photos_inferred"], &status["photos_turned"]),
            (&0.into(), &0.into()),
            "{status}"
        );
        check(&daemon);
        let tagged = faces(&daemon, &photos.join("tagged.jpg"));
        assert_eq!((&tagged["orientation"], &tagged["found_turned"]), (&3.into(), &false.into()), "{tagged}");
        assert_eq!(tagged["faces"].as_array().unwrap().len(), 2);
    }
}

/// The look of a drawn face and of its mirror image are two identities; averaged with its own mirror image each of them is
/// the same face, but for the noise.
#[test]
fn a_pack_that_mirrors_knows_a_face_by_its_mirror_image() {
    for mirror in [false, true] {
        let home = Home::with_pack(TinyPack { mirror, ..TinyPack::default() });
        let scene = Scene::new(640, 480, 1).with(5, 200.0, 120.0, 200.0);
        save_untagged(&scene, Orientation::Upright, &home.photos().join("plain.jpg"));
        save_untagged(&scene, Orientation::Mirrored, &home.photos().join("mirrored.jpg"));
        let daemon = home.start();
        daemon.wait_idle();
        let found = daemon.json(["similar".as_ref(), home.photos().join("plain.jpg").as_os_str()]);
        let cosines: Vec<f64> = found["queries"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|face| face["similar"].as_array().unwrap())
            .map(|hit| hit["cosine"].as_f64().unwrap())
            .collect();
        assert_eq!(cosines.iter().any(|cosine| *cosine > 0.98), mirror, "{found}");
    }
}
