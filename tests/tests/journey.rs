//! The main job on drawn photos, through the real programs: from a folder of files to people, names and answers, and
//! over restarts, renames, copies, new and removed photos.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic: that is how it fails"
)]

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde_json::Value;
use vow_tests::files::jpeg;
use vow_tests::{Exif, Home, ImageFormat, Marker, Scene, TinyPack};
use vow_types::{Head, Orientation};

/// An event: photo `i` shows some of five people, each of them in at least three photos.
fn event(home: &Home) -> Vec<(String, Scene)> {
    let casts: [&[u32]; 8] = [&[0, 1], &[0, 2, 3], &[1, 2], &[3], &[0, 1, 4], &[4, 2], &[3, 4], &[]];
    let scenes = casts.into_iter().zip(0u64..).map(|(cast, seed)| {
        let scene = Scene::new(900, 600, 100 + seed).with_row(cast);
        let name = format!("IMG_{seed}.jpg");
        let taken = Some(format!("2026:06:0{} 12:00:00", seed + 1));
        scene.save_with(home.photos().join(&name), &Exif { taken, ..Exif::default() });
        (name, scene)
    });
    scenes.collect()
}

fn corners(face: &Value) -> [f32; 4] {
    let side = |at: usize| face["box"][at].as_f64().unwrap().to_string().parse::<f32>().unwrap();
    [side(0), side(1), side(2), side(3)]
}

/// The face that lies over a marker.
fn over<'a>(faces: &'a Value, marker: &Marker) -> &'a Value {
    let faces = faces.as_array().unwrap();
    faces
        .iter()
        .find(|face| marker.iou(corners(face)) > 0.7)
        .unwrap_or_else(|| panic!("no face over {marker:?}"))
}

#[test]
fn from_a_folder_of_photos_to_people_with_names() {
    for head in [Head::Scrfd, Head::Yunet] {
        let home = Home::with_pack(TinyPack { head, ..TinyPack::default() });
        let scenes = event(&home);
        let daemon = home.start();
        let status = daemon.wait_idle();
        assert_eq!((status["photos"].as_u64(), status["faces"].as_u64()), (Some(8), Some(15)), "{status}");
        assert_eq!((status["failures"].as_u64(), status["photos_inferred"].as_u64()), (Some(0), Some(8)));
        assert_eq!(status["people"], 5, "{}", daemon.json(["people", "--min-faces", "1"]));

        // Every marker is a face in the right place, and every identity is one person.
        let mut people: BTreeMap<u32, String> = BTreeMap::new();
        for (name, scene) in &scenes {
            let answer = daemon.json(["faces".as_ref(), home.photos().join(name).as_os_str()]);
            assert_eq!(answer["faces"].as_array().unwrap().len(), scene.markers.len());
            assert_eq!((answer["width"].as_u64(), answer["height"].as_u64()), (Some(900), Some(600)));
            for marker in &scene.markers {
                let person = over(&answer["faces"], marker)["person_id"].as_str().unwrap().to_owned();
                assert_eq!(people.entry(marker.identity).or_insert_with(|| person.clone()), &person);
            }
        }
        assert_eq!(people.len(), 5);

        // A name, by id; then questions by that name.
        let ada = &people[&0];
        assert_eq!(daemon.json(["name", ada, "Ada L."])["name"], "Ada L.");
        let photos = daemon.json(["photos", "ada l."]);
        let files: Vec<_> =
            photos.as_array().unwrap().iter().map(|row| row["file"].as_str().unwrap()).collect();
        assert!(
            files[0].ends_with("IMG_0.jpg") && files[1].ends_with("IMG_1.jpg") && files.len() == 3,
            "{files:?}"
        );
        let both = daemon.json(["photos", "Ada L.", people[&1].as_str()]);
        assert_eq!(both.as_array().unwrap().len(), 2, "IMG_0 and IMG_4 show both");
        let any = daemon.json(["photos", "--any", "Ada L.", people[&1].as_str()]);
        assert_eq!(any.as_array().unwrap().len(), 4);
        let span = daemon.json(["photos", "Ada L.", "--since", "2026-06-02", "--until", "2026-06-04"]);
        assert_eq!(span.as_array().unwrap().len(), 1);
        let listed = daemon.json(["people"]);
        assert_eq!((&listed[0]["name"], &listed[0]["photos"]), (&Value::from("Ada L."), &Value::from(3)));
        let print0 = daemon.vow(["photos", "Ada L.", "--print0"]).stdout_bytes;
        assert_eq!(print0.split(|byte| *byte == 0).filter(|path| !path.is_empty()).count(), 3);

        // Who looks like this: the same identity above the pack's distance, others below.
        let similar = daemon.json(["similar".as_ref(), home.photos().join("IMG_3.jpg").as_os_str()]);
        let same = similar["same_cosine"].as_f64().unwrap();
        let hits = similar["queries"][0]["similar"].as_array().unwrap();
        let alike = hits.iter().filter(|hit| hit["cosine"].as_f64().unwrap() >= same);
        assert!(
            alike.clone().all(|hit| hit["person_id"] == people[&3].as_str()) && alike.count() == 2,
            "{similar}"
        );
        let by_face =
            daemon.json(["similar", "--face", similar["queries"][0]["face"]["face_id"].as_str().unwrap()]);
        assert_eq!(by_face["queries"][0]["similar"], similar["queries"][0]["similar"]);

        // The export says the same, a line a face.
        let export = daemon.vow(["export", "json", "--embeddings"]);
        let rows: Vec<Value> =
            export.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows.len(), 15);
        let named = rows.iter().filter(|row| row["person_name"] == "Ada L.");
        assert_eq!(named.count(), 3);
        for key in ["file", "box", "face_id", "person_id", "score", "embedding"] {
            assert!(rows.iter().all(|row| !row[key].is_null()), "{key}");
        }

        let (ended, log) = daemon.stop();
        assert!(ended.success(), "{log}");
    }
}

#[test]
fn every_format_and_every_orientation() {
    let home = Home::new();
    let scene = Scene::new(800, 600, 7).with(1, 80.0, 120.0, 220.0).with(2, 480.0, 200.0, 180.0);
    for format in ["jpg", "png", "webp", "tiff", "bmp", "gif"] {
        let other = Scene { seed: 50, ..scene.clone() };
        assert!(ImageFormat::from_extension(format).is_some());
        other.save(home.photos().join(format!("plain.{format}")));
    }
    for orientation in Orientation::ALL {
        let exif = Exif { orientation: Some(orientation), ..Exif::default() };
        scene.save_with(home.photos().join(format!("turned_{}.jpg", orientation.to_exif())), &exif);
    }
    let daemon = home.start();
    let status = daemon.wait_idle();
    assert_eq!((status["files"].as_u64(), status["failures"].as_u64()), (Some(14), Some(0)), "{status}");
    for entry in fs::read_dir(home.photos()).unwrap() {
        let path = entry.unwrap().path();
        let answer = daemon.json(["faces".as_ref(), path.as_os_str()]);
        assert_eq!((answer["width"].as_u64(), answer["height"].as_u64()), (Some(800), Some(600)), "{answer}");
        let [left, right] =
            [over(&answer["faces"], &scene.markers[0]), over(&answer["faces"], &scene.markers[1])];
        assert_ne!(left["person_id"], right["person_id"]);
        // The landmarks are upright too: eyes above the mouth, the left one on the left.
        let point = |face: &Value, at: usize, axis: usize| face["landmarks"][at][axis].as_f64().unwrap();
        for face in [left, right] {
            assert!(point(face, 0, 0) < point(face, 1, 0), "{path:?}");
            assert!(point(face, 0, 1) < point(face, 3, 1), "{path:?}");
        }
    }
    assert_eq!(
        daemon.json(["people", "--min-faces", "1"]).as_array().unwrap().len(),
        2,
        "two people in all of them"
    );
}

#[test]
fn a_restart_infers_nothing_and_finds_what_changed_meanwhile() {
    let home = Home::new();
    event(&home);
    let daemon = home.start();
    daemon.wait_idle();
    let person = daemon.json(["people"])[0]["person_id"].as_str().unwrap().to_owned();
    daemon.json(["name", &person, "Grace"]);
    let before = daemon.json(["people", "--min-faces", "1"]);
    assert!(daemon.stop().0.success());

    let daemon = home.start();
    let status = daemon.wait_idle();
    assert_eq!(
        (status["photos_inferred"].as_u64(), status["files_read"].as_u64()),
        (Some(0), Some(0)),
        "{status}"
    );
    assert_eq!(daemon.json(["people", "--min-faces", "1"]), before, "the same people, names and counts");
    assert!(daemon.stop().0.success());

    // While it is off: one new photo, one removed, one renamed, one copied, one retagged.
    let photos = home.photos();
    Scene::new(900, 600, 900).with_row(&[0, 9]).save(photos.join("new.jpg"));
    fs::remove_file(photos.join("IMG_3.jpg")).unwrap();
    fs::create_dir(photos.join("sub")).unwrap();
    fs::rename(photos.join("IMG_1.jpg"), photos.join("sub/renamed.jpg")).unwrap();
    fs::copy(photos.join("IMG_2.jpg"), photos.join("copy.jpg")).unwrap();
    let plain = fs::read(photos.join("IMG_4.jpg")).unwrap();
    let exif = Exif { orientation: Some(Orientation::Turned90), taken: None };
    fs::write(photos.join("IMG_4.jpg"), vow_tests::files::with_exif(&plain, &exif)).unwrap();

    let daemon = home.start();
    let status = daemon.wait_idle();
    assert_eq!(status["photos_inferred"], 1, "only the new photo: {status}");
    assert_eq!(status["files_read"], 4, "new, renamed, copied, retagged: {status}");
    assert_eq!((status["photos"].as_u64(), status["files"].as_u64()), (Some(8), Some(9)), "{status}");
    let gone = daemon.vow(["faces".as_ref(), photos.join("IMG_3.jpg").as_os_str()]);
    assert_eq!(gone.code, 1, "{}", gone.stderr);
    let export = daemon.vow(["export", "json"]).stdout;
    assert!(
        !export.contains("IMG_3.jpg") && !export.contains("IMG_1.jpg") && export.contains("sub/renamed.jpg")
    );
    let turned = daemon.json(["faces".as_ref(), photos.join("IMG_4.jpg").as_os_str()]);
    assert_eq!(
        (turned["width"].as_u64(), turned["height"].as_u64()),
        (Some(600), Some(900)),
        "the boxes turn along"
    );
    assert_eq!(daemon.json(["person", "Grace"])["person_id"], person.as_str());
}

#[test]
fn photos_come_and_go_while_it_runs() {
    let home = Home::new();
    let daemon = home.start();
    daemon.wait_idle();
    let path = Scene::new(900, 600, 1).with_row(&[5, 6]).save(home.photos().join("live.jpg"));
    let status = daemon.wait_until("the new photo is indexed", |status| status["faces"] == 2);
    assert_eq!(status["photos_inferred"], 1);

    let renamed = home.photos().join("renamed.jpg");
    fs::rename(&path, &renamed).unwrap();
    daemon
        .wait_until("the rename is seen", |_| daemon.vow(["faces".as_ref(), renamed.as_os_str()]).code == 0);
    fs::create_dir(home.photos().join("later")).unwrap();
    Scene::new(900, 600, 2).with_row(&[5]).save(home.photos().join("later/second.png"));
    daemon.wait_until("a photo in a new folder is indexed", |status| status["faces"] == 3);
    assert_eq!(daemon.wait_idle()["photos_inferred"], 2, "the rename cost no inference");

    fs::remove_file(&renamed).unwrap();
    daemon.wait_until("the removed photo is gone", |status| status["faces"] == 1);
    fs::remove_dir_all(home.photos().join("later")).unwrap();
    daemon.wait_until("the removed folder's photo is gone", |status| status["photos"] == 0);
}

/// A worker that was still at what a file had been stored that after another one had stored what it became; and what was gone before
/// it was stored came back.
#[test]
fn what_changes_while_it_is_looked_at_is_what_it_became() {
    let home = Home::new();
    let daemon = home.start();
    daemon.wait_idle();
    for n in 0..10u8 {
        // Finding its faces takes longer than to notice that there is something else.
        let photo = Scene::new(2400, 1600, n.into()).with_row(&[1, 2, 3]).draw();
        let photo = jpeg(&photo, 90);
        let path = home.photos().join(format!("{n}.jpg"));
        fs::write(&path, photo).unwrap();
        std::thread::sleep(Duration::from_millis(60 + 20 * u64::from(n / 2)));
        if n % 2 == 0 {
            fs::write(&path, "no picture at all").unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
    }
    daemon.wait_until("all of it is as it is now", |status| {
        (&status["faces"], &status["photos"], &status["failures"]) == (&0.into(), &0.into(), &5.into())
    });
    assert_eq!(daemon.vow(["export", "json"]).stdout, "");
}

#[test]
fn once_reports_what_it_did() {
    let home = Home::new();
    event(&home);
    let report = home.index_once();
    assert_eq!((&report["photos"], &report["faces"], &report["people"]), (&8.into(), &15.into(), &5.into()));
    assert_eq!(report["failures"], 0);
    for key in ["wall_s", "work_s", "photos_per_s"] {
        assert!(report[key].as_f64().unwrap() > 0.0, "{key}: {report}");
    }
    let again = home.index_once();
    assert_eq!((&again["photos_inferred"], &again["faces"]), (&0.into(), &15.into()));
    let mut table = home.vowd();
    table.arg("--once").arg(home.photos());
    let table = vow_tests::programs::run(&mut table);
    assert!(
        table.code == 0 && table.stdout.contains("photos/s") && table.stdout.contains("embed"),
        "{table:?}"
    );
}

#[test]
fn people_are_found_by_id_or_name_and_an_ambiguous_name_is_refused() {
    let home = Home::new();
    event(&home);
    let daemon = home.start();
    daemon.wait_idle();
    let people = daemon.json(["people"]);
    let ids: Vec<&str> =
        people.as_array().unwrap().iter().map(|row| row["person_id"].as_str().unwrap()).collect();
    daemon.json(["name", ids[0], "Sam"]);
    daemon.json(["name", ids[1], "sam"]);
    let refused = daemon.vow(["person", "Sam"]);
    assert_eq!(refused.code, 4);
    assert!(refused.stderr.contains(ids[0]) && refused.stderr.contains(ids[1]), "{}", refused.stderr);
    daemon.json(["name", ids[1], ""]);
    assert_eq!(daemon.json(["person", "SAM"])["person_id"], ids[0]);
    assert_eq!(daemon.vow(["person", "Nobody"]).code, 1);
    let least = daemon.vow(["people", "--min-faces", "4"]).stdout;
    assert!(least.contains("Sam") && least.contains("and 4 groups of fewer than 4 faces"), "{least}");
    assert_eq!(daemon.vow(["similar", "--face", "f999"]).code, 1);
    assert_eq!(daemon.vow(["similar", "--face", "x"]).code, 2);
}
