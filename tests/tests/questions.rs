//! Questions to humans and reasons, through the real programs: what was answered is not asked again, an explanation names
//! what decided, and photos are found by who is in them, who is not, folder and order.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic: that is how it fails"
)]

use std::io::{Read, Write as _};
use std::process::{Command, Stdio};

use serde_json::Value;
use vow_tests::programs::binary;
use vow_tests::{Daemon, Home, Scene};

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
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

#[test]
fn a_question_is_asked_until_it_is_answered() {
    for (answer, people) in [("yes", 2), ("no", 3)] {
        let home = Home::eager();
        home.draw_event(3);
        let mut daemon = start(&home);
        assert_eq!(daemon.status()["people"], 3);
        let open = daemon.json(["suggestions"]);
        assert_eq!(open["total"], 1, "{open:#}");
        let question = &open["suggestions"][0];
        let ids = [text(&question["person"]["person_id"]), text(&question["other"]["person_id"])];
        let two = ["of 0/0.jpg", "of 1/0.jpg"].map(|name| daemon.person_in(&home.photos().join(name)));
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

/// Reads what is asked at the terminal, up to the answer that is wanted.
fn next_question(asked: &mut impl Read) -> String {
    let (mut text, mut byte) = (Vec::new(), [0]);
    while !text.ends_with(b"[q]uit: ") {
        assert_eq!(asked.read(&mut byte).unwrap(), 1, "it ended: {}", String::from_utf8_lossy(&text));
        text.extend(byte);
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn an_answer_that_came_too_late_does_not_end_the_asking() {
    let home = Home::eager();
    home.draw_event(3);
    let daemon = start(&home);
    let mut asking = Command::new(binary("vow"));
    asking.arg("--socket").arg(home.socket()).args(["suggestions", "--ask"]);
    let mut asking =
        asking.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut answers, mut asked) = (asking.stdin.take().unwrap(), asking.stdout.take().unwrap());
    let question = next_question(&mut asked);
    assert!(question.contains("% likely"), "{question}");

    // Meanwhile, at another terminal.
    let open = daemon.json(["suggestions"]);
    let command = text(&open["suggestions"][0]["yes"]);
    daemon.json(command.split(' ').skip(1));
    answers.write_all(b"n\n").unwrap();
    drop(answers);

    let mut rest = String::new();
    asked.read_to_string(&mut rest).unwrap();
    let ended = asking.wait_with_output().unwrap();
    assert!(rest.contains("not taken: ") && rest.contains("that was all"), "{rest}");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn an_explanation_names_what_decided() {
    let home = Home::new();
    home.draw_event(3);
    let daemon = start(&home);
    let photo = home.photos().join("of 0/0.jpg");
    let (a, b) = (daemon.person_in(&photo), daemon.person_in(&home.photos().join("of 1/0.jpg")));
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
    home.draw_event(3);
    pairs(&home);
    let daemon = start(&home);
    let names = ["Ada", "Ben", "Cem"];
    for (identity, name) in names.iter().enumerate() {
        let person = daemon.person_in(&home.photos().join(format!("of {identity}/0.jpg")));
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

/// Every face with its person.
fn people(daemon: &Daemon) -> std::collections::BTreeMap<String, String> {
    let export = daemon.vow(["export", "json"]).stdout;
    let rows = export.lines().map(|row| serde_json::from_str::<Value>(row).unwrap());
    rows.map(|row| (text(&row["face_id"]), text(&row["person_id"]))).collect()
}

/// The drawn people, the first of them named.
fn named(home: &Home) -> (Daemon, String) {
    home.draw_event(3);
    pairs(home);
    let daemon = start(home);
    let ada = daemon.person_in(&home.photos().join("of 0/0.jpg"));
    daemon.json(["name", &ada, "Ada"]);
    daemon.wait_idle();
    (daemon, ada)
}

#[test]
fn sorting_out_anew_is_shown_first_done_on_request_and_taken_back() {
    // A distance so small that everybody falls apart, one so large that all become one, and two scores.
    for (way, moves) in [
        (&["recluster", "--method", "dbscan", "--eps", "0.001"][..], true),
        (&["recluster", "--method", "dbscan", "--eps", "1.9", "--min-samples", "2"], true),
        (&["recluster", "--merge-at", "0.95"], false),
        (&["recluster", "--method", "grow", "--merge-at", "0.05"], false),
    ] {
        let home = Home::new();
        let (mut daemon, ada) = named(&home);
        let before = people(&daemon);
        let preview = daemon.json(way);
        assert_eq!(people(&daemon), before, "a preview changes nothing: {way:?}");
        assert_eq!(daemon.json(["history"]).as_array().unwrap().len(), 1, "{way:?}");
        assert_eq!(preview["moved"] != 0, moves, "{way:?}: {preview:#}");
        let changes = preview["changes"].as_array().unwrap();
        let named = changes.iter().position(|change| change["name"] == "Ada");
        assert!(named.is_none_or(|at| at == 0), "people with a name come first: {preview:#}");
        assert!(named.is_none_or(|at| changes[at]["lost_to"].as_array().unwrap().is_empty()), "{preview:#}");
        let applied = daemon.json(way.iter().copied().chain(["--apply"]));
        assert_eq!(applied["changes"], preview["changes"], "what is done is what was shown: {way:?}");
        daemon.wait_idle();
        let after = people(&daemon);
        let moved = before.iter().filter(|(face, person)| after[*face] != **person).count();
        assert_eq!(preview["moved"], moved, "{way:?}: {preview:#}");
        assert_eq!(daemon.json(["history"])[0]["kind"], "refitted", "one line: {way:?}");

        daemon.kill();
        daemon = home.start();
        daemon.vow(["rescan"]);
        daemon.wait_idle();
        assert_eq!(people(&daemon), after, "it holds over a restart: {way:?}");
        for (command, then) in [("undo", &before), ("redo", &after), ("undo", &before)] {
            daemon.json([command]);
            daemon.wait_idle();
            assert_eq!(&people(&daemon), then, "{command} {way:?}");
        }
        assert_eq!(daemon.json(["person", "Ada"])["person_id"], ada.as_str());
    }
}

#[test]
fn sorting_out_anew_as_before_is_nothing() {
    let home = Home::new();
    let (daemon, _) = named(&home);
    // DBSCAN with its usual distance finds the same people here.
    for way in [&["recluster", "--apply"][..], &["recluster", "--method", "dbscan"]] {
        let answer = daemon.json(way);
        assert_eq!((&answer["moved"], &answer["applied"]), (&0.into(), &Value::Null), "{answer:#}");
    }
    assert!(daemon.vow(["recluster", "--apply"]).stdout.contains("nothing to do"));
    for (wrong, code) in [
        (&["recluster", "--eps", "0.5"][..], 2),
        (&["recluster", "--method", "dbscan", "--merge-at", "0.5"], 2),
        (&["recluster", "--method", "dbscan", "--eps", "7"], 4),
        (&["recluster", "--merge-at", "2"], 4),
        (&["recluster", "--merge-at", "answers"], 4),
    ] {
        let answer = daemon.vow(wrong);
        assert_eq!(answer.code, code, "{wrong:?}: {}", answer.stderr);
    }
}

#[test]
fn the_estimates_follow_the_answers() {
    let home = Home::new();
    home.draw_event(3);
    let daemon = start(&home);
    let stats = daemon.json(["people", "--stats"]);
    assert_eq!(
        (&stats["decisions"], &stats["precision"], &stats["recall"]),
        (&0.into(), &Value::Null, &Value::Null)
    );
    let [a, b] = ["of 0/0.jpg", "of 1/0.jpg"].map(|name| daemon.person_in(&home.photos().join(name)));
    daemon.json(["name", &a, "Ada"]);
    daemon.json(["merge", &a, &b]);
    let stats = daemon.json(["people", "--stats"]);
    assert_eq!((&stats["decisions"], &stats["answers"]), (&2.into(), &1.into()));
    assert_eq!(stats["recall"]["value"], 0.5, "three of six were together: {stats:#}");
    assert!(stats["recall"]["low"].as_f64() < Some(0.5) && stats["recall"]["high"].as_f64() > Some(0.5));
    assert_eq!(stats["proposal"], Value::Null);
    let said = daemon.vow(["people", "--stats"]).stdout;
    assert!(said.contains("too few answers"), "{said}");
    assert_eq!(daemon.vow(["people", "--stats", "--named"]).code, 2);
}
