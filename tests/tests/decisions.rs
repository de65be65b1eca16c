//! What humans say about people, through the real programs: each kind of decision, taking it back, its history, two clients
//! at once, and that a kill right after the answer loses nothing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic: that is how it fails"
)]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use vow_tests::{Daemon, Home, Scene};

/// Four people, each in three photos of their own and together with one other in one more.
fn event(home: &Home) {
    for identity in 0..4u32 {
        for shot in 0..3u32 {
            let seed = u64::from(10 * identity + shot);
            let scene = Scene::new(640, 480, seed).with_row(&[identity]);
            scene.save(home.photos().join(format!("{identity}_{shot}.jpg")));
        }
    }
    Scene::new(640, 480, 100).with_row(&[0, 1]).save(home.photos().join("both.jpg"));
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// Every person with their faces.
fn people(daemon: &Daemon) -> BTreeMap<String, BTreeSet<String>> {
    let mut people: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in daemon.vow(["export", "json"]).stdout.lines() {
        let row: Value = serde_json::from_str(row).unwrap();
        people.entry(text(&row["person_id"])).or_default().insert(text(&row["face_id"]));
    }
    people
}

/// The person in photos of this identity, and the faces there.
fn who(home: &Home, daemon: &Daemon, identity: u32) -> (String, Vec<String>) {
    let mut faces = Vec::new();
    let mut person = String::new();
    for shot in 0..3 {
        let path = home.photos().join(format!("{identity}_{shot}.jpg"));
        let answer = daemon.json(["faces".as_ref(), path.as_os_str()]);
        person = text(&answer["faces"][0]["person_id"]);
        faces.push(text(&answer["faces"][0]["face_id"]));
    }
    (person, faces)
}

fn start(home: &Home) -> Daemon {
    event(home);
    let daemon = home.start();
    assert_eq!(daemon.wait_idle()["people"], 4);
    daemon
}

#[test]
fn every_decision_does_what_it_says_and_can_be_taken_back() {
    let home = Home::new();
    let daemon = start(&home);
    let (a, a_faces) = who(&home, &daemon, 0);
    let (c, c_faces) = who(&home, &daemon, 2);
    let (d, _) = who(&home, &daemon, 3);
    let original = people(&daemon);

    // Name, rename.
    let named = daemon.json(["name", &a, "Ada"]);
    assert_eq!(
        (&named["name"], &named["before"], &named["moved"]),
        (&"Ada".into(), &Value::Null, &Value::Array(vec![]))
    );
    assert_eq!(daemon.json(["name", "ada", "Ada L."])["before"], "Ada");
    assert_eq!(daemon.json(["name", &a, "Ada L."])["decision"], Value::Null, "it is so already");
    daemon.json(["undo"]);
    assert_eq!(daemon.json(["person", &a])["name"], "Ada", "only the last name was taken back");
    daemon.json(["redo"]);
    assert_eq!(daemon.json(["person", &a])["name"], "Ada L.");

    // Merge: the old id leads on; undo brings exactly the former people back.
    let merged = daemon.json(["merge", &c, &d]);
    assert_eq!(merged["moved"].as_array().unwrap().len(), 3);
    assert_eq!(daemon.json(["person", &d])["person_id"], c.as_str());
    daemon.wait_idle();
    assert_eq!(people(&daemon)[&c].len(), 6, "everything was sorted out anew, and they are still one");
    daemon.json(["undo"]);
    daemon.wait_idle();
    assert_eq!(people(&daemon), original);

    // People who are in one photo are two, unless a human insists.
    let (b, _) = who(&home, &daemon, 1);
    let refused = daemon.vow(["merge", &a, &b]);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(refused.stderr.contains("--same-photo"), "{}", refused.stderr);
    daemon.json(["merge", "--same-photo", &a, &b]);
    daemon.wait_idle();
    assert_eq!(people(&daemon)[&a].len(), 8);
    daemon.json(["undo"]);
    daemon.wait_idle();
    assert_eq!(people(&daemon), original);

    // Split, with a decision that depends on it.
    let split = daemon.json(["split", &c, &c_faces[0], &c_faces[1]]);
    let (number, new) =
        (split["decision"]["id"].to_string(), text(&split["decision"]["other_person_ids"][0]));
    assert_eq!(people(&daemon)[&new], BTreeSet::from([c_faces[0].clone(), c_faces[1].clone()]));
    daemon.wait_idle();
    assert_eq!(people(&daemon)[&new].len(), 2, "they look the same, and stay apart");
    daemon.json(["name", &new, "Carol"]);
    let refused = daemon.vow(["undo", &number]);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(refused.stderr.contains("--with-dependents"), "{}", refused.stderr);
    daemon.json(["undo", &number, "--with-dependents"]);
    daemon.wait_idle();
    assert_eq!(people(&daemon), original);
    assert_eq!(daemon.vow(["person", "Carol"]).code, 1);

    // Reject for good; confirm; not a face.
    daemon.json(["reject", &a_faces[0], "Ada L."]);
    daemon.json(["rescan"]);
    daemon.wait_idle();
    let export = people(&daemon);
    assert!(!export[&a].contains(&a_faces[0]) && export[&a].len() == 3, "{export:?}");
    daemon.json(["confirm", &c_faces[0], "Ada L."]);
    daemon.wait_idle();
    assert!(people(&daemon)[&a].contains(&c_faces[0]), "whatever it looks like");
    daemon.json(["reject", &a_faces[1], "--not-a-face"]);
    daemon.wait_idle();
    assert!(people(&daemon).values().all(|faces| !faces.contains(&a_faces[1])));
    let similar = daemon.json(["similar", "--face", &c_faces[1]]);
    let similar = similar["queries"][0]["similar"].as_array().unwrap();
    assert!(!similar.is_empty() && similar.iter().all(|hit| hit["face_id"] != a_faces[1].as_str()));
    for _ in 0..3 {
        daemon.json(["undo"]);
    }
    daemon.wait_idle();
    assert_eq!(people(&daemon), original);

    // Hide, cover, apart.
    daemon.json(["hide", &c]);
    assert_eq!(daemon.json(["people"]).as_array().unwrap().len(), 3);
    assert_eq!(daemon.json(["people", "--hidden"])[0]["person_id"], c.as_str());
    daemon.json(["unhide", &c]);
    assert_eq!(daemon.json(["people"]).as_array().unwrap().len(), 4);
    daemon.json(["cover", &c, &c_faces[2]]);
    assert_eq!(daemon.json(["person", &c])["cover_face_id"], c_faces[2].as_str());
    assert_eq!(daemon.vow(["cover", &c, &a_faces[0]]).code, 4, "not a face of theirs");
    daemon.json(["apart", &c, &d]);

    // The history has all of it, and undoing everything leaves nothing.
    let history = daemon.json(["history"]);
    let kinds: BTreeSet<String> =
        history.as_array().unwrap().iter().map(|line| text(&line["kind"])).collect();
    for kind in [
        "named",
        "merged",
        "split",
        "confirmed",
        "rejected",
        "not-a-face",
        "hidden",
        "shown",
        "cover",
        "apart",
        "undone",
        "redone",
    ] {
        assert!(kinds.contains(kind), "{kind}: {kinds:?}");
    }
    assert!(daemon.vow(["history"]).stdout.contains("Ada L."));
    while daemon.vow(["undo"]).code == 0 {}
    daemon.wait_idle();
    assert_eq!(people(&daemon), original);
    assert!(daemon.json(["people"]).as_array().unwrap().iter().all(|person| person["name"].is_null()));
    assert_eq!(daemon.vow(["undo"]).code, 1, "there is nothing to undo");
    assert_eq!(daemon.vow(["undo", "999"]).code, 1);
}

#[test]
fn what_was_answered_for_survives_a_kill() {
    let home = Home::new();
    let mut daemon = start(&home);
    let (a, a_faces) = who(&home, &daemon, 0);
    let (b, b_faces) = who(&home, &daemon, 1);
    let (c, c_faces) = who(&home, &daemon, 2);
    let (d, _) = who(&home, &daemon, 3);
    let decisions: [Vec<&str>; 9] = [
        vec!["name", &a, "Ada"],
        vec!["merge", &c, &d],
        vec!["split", &c, &c_faces[0]],
        vec!["confirm", &c_faces[1], "Ada"],
        vec!["reject", &a_faces[0], "Ada"],
        vec!["reject", &b_faces[0], "--not-a-face"],
        vec!["hide", &b],
        vec!["cover", &c, &c_faces[2]],
        vec!["undo"],
    ];
    for decision in decisions {
        let before = people(&daemon);
        let answer = daemon.json(&decision);
        let said = daemon.json(["history"]);
        daemon.kill(); // right after the answer
        daemon = home.start();
        daemon.wait_idle();
        assert_eq!(daemon.json(["history"]), said, "{decision:?}");
        // Every move that was answered for is there.
        let now = people(&daemon);
        for moved in answer["moved"].as_array().unwrap() {
            let (face, to) = (text(&moved["face_id"]), &moved["to_person_id"]);
            let holder =
                now.iter().find(|(_, faces)| faces.contains(&face)).map(|(person, _)| person.as_str());
            assert_eq!(holder, to.as_str(), "{decision:?}: {face}; before: {before:?}");
        }
    }
    assert_eq!(daemon.json(["person", "Ada"])["person_id"], a.as_str());
    assert_eq!(daemon.json(["person", &d])["person_id"], c.as_str());
    assert_eq!(daemon.status()["photos_inferred"], 0);
}

#[test]
fn two_clients_at_once_are_both_told_what_they_changed() {
    let home = Home::new();
    let daemon = start(&home);
    let (a, _) = who(&home, &daemon, 0);
    let names: Vec<String> = (0..8).map(|n| format!("Name {n}")).collect();
    let befores: Vec<Value> = std::thread::scope(|scope| {
        let (daemon, a) = (&daemon, &a);
        let asked: Vec<_> = names
            .iter()
            .map(|name| scope.spawn(move || daemon.json(["name", a, name])["before"].clone()))
            .collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    // Whoever came first found no name, everyone after that the name of the one before.
    let last = text(&daemon.json(["person", &a])["name"]);
    let mut seen: BTreeSet<String> =
        befores.iter().filter_map(|before| before.as_str().map(str::to_owned)).collect();
    assert_eq!(seen.len(), 7, "{befores:?}");
    assert!(seen.insert(last));
    assert_eq!(seen, names.into_iter().collect());
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let home = Home::new();
    let daemon = start(&home);
    let (a, a_faces) = who(&home, &daemon, 0);
    let (c, c_faces) = who(&home, &daemon, 2);
    let before = people(&daemon);
    let all: Vec<&str> = ["split", &c].into_iter().chain(c_faces.iter().map(String::as_str)).collect();
    for (command, code) in [
        (vec!["merge", &a, "Nobody"], 1),
        (vec!["split", &a, &c_faces[0]], 4),
        (all, 4),
        (vec!["confirm", "f999", &a], 1),
        (vec!["confirm", "x", &a], 2),
        (vec!["reject", "f999"], 1),
        (vec!["apart", &a, &a], 4),
        (vec!["merge", &a], 2),
        (vec!["history", "Nobody"], 1),
    ] {
        let answer = daemon.vow(&command);
        assert_eq!(answer.code, code, "{command:?}: {}{}", answer.stdout, answer.stderr);
    }
    assert_eq!(daemon.json(["merge", &a, &a])["decision"], Value::Null);
    daemon.json(["name", &a, "Sam"]);
    let again = daemon.json(["name", &c, "Sam"]);
    assert!(again["notes"][0].as_str().unwrap().contains("merge"), "{again}");
    let refused = daemon.vow(["hide", "sam"]);
    assert!(
        refused.code == 4 && refused.stderr.contains(&a) && refused.stderr.contains(&c),
        "{}",
        refused.stderr
    );
    daemon.wait_idle();
    assert_eq!(people(&daemon), before);
    assert!(a_faces.len() == 3);
}

/// Another pack sees the same photos: its faces have other ids, and what was said holds for them.
#[test]
fn what_was_said_outlives_a_change_of_the_pack() {
    let home = Home::new();
    let daemon = start(&home);
    let (a, a_faces) = who(&home, &daemon, 0);
    let (c, c_faces) = who(&home, &daemon, 2);
    daemon.json(["name", &a, "Ada"]);
    daemon.json(["name", &c, "Cem"]);
    daemon.json(["confirm", &c_faces[0], "Ada"]);
    daemon.json(["reject", &a_faces[0], "Ada"]);
    daemon.json(["reject", &a_faces[1], "--not-a-face"]);
    daemon.kill();

    std::fs::remove_dir_all(home.pack()).unwrap();
    let other = vow_tests::TinyPack { head: vow_types::Head::Yunet, ..vow_tests::TinyPack::default() };
    other.write(&home.pack()).unwrap();
    let mut daemon = home.start();
    for round in 0..2 {
        assert_eq!(daemon.wait_idle()["people"], 4, "round {round}");
        let shown = |identity: u32, shot: u32| {
            let path = home.photos().join(format!("{identity}_{shot}.jpg"));
            daemon.json(["faces".as_ref(), path.as_os_str()])["faces"].clone()
        };
        assert_ne!(shown(0, 2)[0]["face_id"], a_faces[2].as_str(), "another pack's faces are others");
        assert_eq!(shown(0, 2)[0]["person_id"], a.as_str());
        assert_eq!(shown(0, 2)[0]["person_name"], "Ada");
        assert_eq!(shown(2, 1)[0]["person_name"], "Cem");
        assert_eq!(shown(2, 0)[0]["person_name"], "Ada", "confirmed");
        assert_ne!(shown(0, 0)[0]["person_name"], "Ada", "rejected");
        assert_eq!(shown(0, 1), Value::Array(vec![]), "no face");
        assert_eq!(daemon.json(["history"])[0]["kind"], "carried");
        daemon.kill();
        daemon = home.start();
    }
    // Undoing what was said about the earlier pack's faces undoes it for these.
    let history = daemon.json(["history"]);
    let entry = history.as_array().unwrap().iter().find(|entry| entry["kind"] == "not-a-face").unwrap();
    daemon.json(["undo", &entry["id"].to_string()]);
    daemon.wait_idle();
    let path = home.photos().join("0_1.jpg");
    assert_eq!(daemon.json(["faces".as_ref(), path.as_os_str()])["faces"][0]["person_name"], "Ada");
}

/// A face that is too small for the detector, pointed out by a human: it is looked at closer, is somebody, can be taken back,
/// and is there for another pack too.
#[test]
fn a_face_that_was_missed_can_be_pointed_out() {
    let home = Home::new();
    event(&home);
    let small = home.photos().join("small.jpg");
    let side = 40.0;
    Scene::new(2560, 1920, 7).with(3, 200.0, 300.0, 900.0).with(0, 2000.0, 1500.0, side).save(&small);
    let daemon = home.start();
    daemon.wait_idle();
    let faces = |daemon: &Daemon| daemon.json(["faces".as_ref(), small.as_os_str()])["faces"].clone();
    assert_eq!(faces(&daemon).as_array().unwrap().len(), 1, "the small one is missed: {:#}", faces(&daemon));
    let (a, _) = who(&home, &daemon, 0);
    daemon.json(["name", &a, "Ada"]);
    let path = small.to_str().unwrap();

    let drawn = daemon.json(["draw", path, "2000,1500,2040,1540"]);
    assert_eq!(drawn["decision"]["kind"], "drawn");
    let now = faces(&daemon);
    assert_eq!(now.as_array().unwrap().len(), 2, "{now:#}");
    let face = text(&drawn["decision"]["face_ids"][0]);
    assert!(now[1]["score"].as_f64() > Some(0.5), "a closer look sees it: {now:#}");
    daemon.wait_idle();
    assert_eq!(daemon.status()["faces"], 16);
    daemon.json(["undo"]);
    assert_eq!(faces(&daemon).as_array().unwrap().len(), 1);
    daemon.json(["redo"]);
    assert_eq!(faces(&daemon)[1]["face_id"], face.as_str());
    daemon.json(["confirm", &face, "Ada"]);

    // Where there is nothing to see, a human's word is enough.
    let blank = daemon.json(["draw", path, "1400,100,1700,400", "Ada"]);
    let blank = text(&blank["decision"]["face_ids"][0]);
    assert_eq!(daemon.json(["explain", &blank])["face"]["person_name"], "Ada");
    assert_eq!(daemon.json(["explain", &blank])["placement"]["strong"], false, "it founds nobody");

    for (wrong, code) in [
        (["draw", path, "2000,1500,2040,1540"], 4),
        (["draw", path, "1995,1492,2052,1548"], 4),
        (["draw", path, "2500,1500,2600,1600"], 4),
        (["draw", path, "10,10,12,12"], 4),
        (["draw", path, "1,2,3"], 2),
        (["draw", "/nowhere.jpg", "10,10,40,40"], 1),
    ] {
        let answer = daemon.vow(wrong);
        assert_eq!(answer.code, code, "{wrong:?}: {}", answer.stderr);
    }

    daemon.kill();
    std::fs::remove_dir_all(home.pack()).unwrap();
    let other = vow_tests::TinyPack { head: vow_types::Head::Yunet, ..vow_tests::TinyPack::default() };
    other.write(&home.pack()).unwrap();
    let daemon = home.start();
    daemon.wait_idle();
    let names: Vec<Value> =
        faces(&daemon).as_array().unwrap().iter().map(|face| face["person_name"].clone()).collect();
    assert_eq!(names, [Value::Null, "Ada".into(), "Ada".into()]);
}
