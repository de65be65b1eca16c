//! Questions to humans and reasons, through the real programs: what was answered is not asked again, an explanation names
//! what decided, and photos are found by who is in them, who is not, folder and order.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic: that is how it fails"
)]

use std::fs;
use std::path::Path;

use serde_json::Value;
use vow_tests::{Daemon, Home, Scene};

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// Three people, three photos each, in a folder each.
fn event(home: &Home) {
    for identity in 0..3u32 {
        let folder = home.photos().join(format!("of {identity}"));
        fs::create_dir(&folder).unwrap();
        for shot in 0..3u32 {
            let seed = u64::from(10 * identity + shot);
            Scene::new(640, 480, seed).with_row(&[identity]).save(folder.join(format!("{shot}.jpg")));
        }
    }
}

/// The first with the second, and the first with the third.
fn pairs(home: &Home) {
    Scene::new(640, 480, 100).with_row(&[0, 1]).save(home.photos().join("a.jpg"));
    Scene::new(640, 480, 101).with_row(&[0, 2]).save(home.photos().join("z.jpg"));
}

fn start(home: &Home) -> Daemon {
    let daemon = home.start();
    daemon.wait_idle();
    daemon
}

/// The person of the first face in a photo.
fn who(daemon: &Daemon, photo: &Path) -> String {
    text(&daemon.json(["faces".as_ref(), photo.as_os_str()])["faces"][0]["person_id"])
}

/// A home whose pack takes people for one who are hardly alike: the first two of those drawn (cosine 0.026) are near to that.
fn eager() -> Home {
    let home = Home::new();
    let manifest = home.pack().join("pack.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let text = text.replace("group = 0.6", "group = 0.04").replace("neighbour = 0.5", "neighbour = 0.0");
    fs::write(&manifest, text).unwrap();
    home
}

#[test]
fn a_question_is_asked_until_it_is_answered() {
    for (answer, people) in [("yes", 2), ("no", 3)] {
        let home = eager();
        event(&home);
        let mut daemon = start(&home);
        assert_eq!(daemon.status()["people"], 3);
        let open = daemon.json(["suggestions"]);
        assert_eq!(open["total"], 1, "{open:#}");
        let question = &open["suggestions"][0];
        let ids = [text(&question["person"]["person_id"]), text(&question["other"]["person_id"])];
        let two = ["of 0/0.jpg", "of 1/0.jpg"].map(|name| who(&daemon, &home.photos().join(name)));
        assert!(ids == two || ids == [two[1].clone(), two[0].clone()], "{ids:?} {two:?}");
        let chance = question["chance"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&chance), "{chance}");
        for (face, person) in [("face", &ids[0]), ("other_face", &ids[1])] {
            assert_eq!(question[face]["person_id"], person.as_str());
            assert!(text(&question[face]["file"]["file"]).ends_with(".jpg"));
        }
        let said = daemon.vow(["suggestions"]).stdout;
        assert!(said.contains("vow merge") && said.contains("vow apart"), "{said}");

        // The command of the answer, as it is printed.
        let command = text(&question[answer]);
        let words: Vec<&str> = command.split(' ').skip(1).collect();
        assert!(daemon.json(&words)["decision"].is_object());
        assert_eq!(daemon.json(["suggestions"])["total"], 0, "{answer}: it was answered");
        daemon.wait_idle();
        assert_eq!(daemon.json(["suggestions"])["total"], 0, "{answer}: sorting out asks nothing again");
        assert_eq!(daemon.status()["people"], people);
        let (status, log) = daemon.stop();
        assert!(status.success(), "{log}");
        daemon = start(&home);
        daemon.vow(["rescan"]);
        daemon.wait_idle();
        assert_eq!(daemon.json(["suggestions"])["total"], 0, "{answer}: nor does a new start");
        daemon.json(["undo"]);
        daemon.wait_idle();
        assert_eq!(daemon.json(["suggestions"])["total"], 1, "{answer}: what was taken back is open again");
    }
}

#[test]
fn an_explanation_names_what_decided() {
    let home = Home::new();
    event(&home);
    let daemon = start(&home);
    let photo = home.photos().join("of 0/0.jpg");
    let (a, b) = (who(&daemon, &photo), who(&daemon, &home.photos().join("of 1/0.jpg")));
    let faces = daemon.json(["faces".as_ref(), photo.as_os_str()]);
    let face = text(&faces["faces"][0]["face_id"]);

    let why = daemon.json(["explain", &face]);
    assert_eq!(why["face"]["person_id"], a.as_str());
    assert_eq!(why["placement"]["strong"], true);
    assert!(why["placement"]["score"].as_f64() > why["placement"]["threshold"].as_f64(), "{why:#}");
    assert_eq!((&why["is"], why["decisions"].as_array().unwrap().len()), (&Value::Null, 0));
    assert!(why["confirmed"].as_array().unwrap().is_empty());
    assert_eq!(why["nearest"][0]["person_id"], a.as_str());
    assert_ne!(why["nearest"][0]["face_id"], face.as_str(), "itself is no reason");

    daemon.json(["name", &a, "Ada"]);
    daemon.json(["name", &b, "Ben"]);
    daemon.json(["confirm", &face, "Ben"]);
    let why = daemon.json(["explain", &face]);
    assert_eq!((&why["is"], &why["face"]["person_name"]), (&b.as_str().into(), &"Ben".into()));
    assert!(why["placement"]["score"].as_f64() < why["placement"]["threshold"].as_f64(), "{why:#}");
    assert_eq!(why["decisions"][0]["kind"], "confirmed");
    assert!(why["confirmed"].as_array().unwrap().iter().all(|near| near["person_name"] == "Ben"));
    assert_eq!(why["runner_up"]["person_name"], "Ada");
    assert_eq!(why["runner_up"]["barred"], true);
    let said = daemon.vow(["explain", &face]).stdout;
    assert!(said.contains("by a human's word") && said.contains("runner-up: Ada"), "{said}");

    daemon.json(["reject", &face, "--not-a-face"]);
    assert_eq!(daemon.json(["explain", &face])["is_no_face"], true);
    assert_eq!(daemon.vow(["explain", "f999"]).code, 1);
    assert_eq!(daemon.vow(["explain", "seven"]).code, 2);
}

#[test]
fn photos_are_found_by_who_is_in_them_and_who_is_not() {
    let home = Home::new();
    event(&home);
    pairs(&home);
    let daemon = start(&home);
    let names = ["Ada", "Ben", "Cem"];
    for (identity, name) in names.iter().enumerate() {
        let person = who(&daemon, &home.photos().join(format!("of {identity}/0.jpg")));
        daemon.json(["name", &person, name]);
    }
    let files = |args: &[&str]| -> Vec<String> {
        let answer = daemon.json(["photos"].iter().chain(args));
        let name = |row: &Value| text(&row["file"]).rsplit("photos/").next().unwrap().to_owned();
        answer.as_array().unwrap().iter().map(name).collect()
    };
    assert_eq!(files(&["Ada", "Ben"]), ["a.jpg"]);
    assert_eq!(files(&["Ada"]).len(), 5);
    assert_eq!(files(&["Ben", "Cem", "--any"]).len(), 8);
    assert_eq!(files(&["Ben", "Cem", "--any", "--without", "Ada"]).len(), 6);
    assert_eq!(
        files(&["Ada", "--without", "Ben", "--without", "Cem"]),
        ["of 0/0.jpg", "of 0/1.jpg", "of 0/2.jpg"]
    );
    let folder = home.photos().join("of 0");
    assert_eq!(files(&["Ada", "--folder", folder.to_str().unwrap()]).len(), 3);
    assert_eq!(
        files(&["Ada", "--folder", home.photos().join("of").to_str().unwrap()]).len(),
        0,
        "no such folder"
    );
    let by_path = files(&["Ada", "--by", "path"]);
    assert!(by_path.is_sorted(), "{by_path:?}");
    assert_eq!(daemon.vow(["photos", "Nobody"]).code, 1);
    assert_eq!(daemon.vow(["photos", "Ada", "--without", "Nobody"]).code, 1);

    let with = daemon.json(["with", "Ada"]);
    let with: Vec<(String, u64)> = with
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (text(&row["name"]), row["photos_together"].as_u64().unwrap()))
        .collect();
    assert_eq!(with, [("Ben".to_owned(), 1), ("Cem".to_owned(), 1)]);
    assert_eq!(daemon.json(["with", "Ada", "Ben"]), Value::Array(vec![]));

    let by = |order: &str| -> Vec<String> {
        let people = daemon.json(["people", "--by", order]);
        people.as_array().unwrap().iter().map(|row| text(&row["name"])).collect()
    };
    assert_eq!(by("faces")[0], "Ada");
    assert_eq!(by("name"), names);
    assert_eq!(by("first").len(), 3);
}
