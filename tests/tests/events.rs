//! Who follows along hears of everything once and in order, whatever happens to the daemon; who was away too long is told so;
//! who reads slowly costs nothing. Through the real programs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic: that is how it fails"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use vow_store::{Change, EVENTS_KEPT, FileRow, FileState, Store};
use vow_tests::programs::binary;
use vow_tests::{Daemon, Home, Scene};
use vow_types::{Failure, Stage};

/// All events after a number, or all that are kept.
fn events(daemon: &Daemon, after: Option<u64>) -> Vec<Value> {
    let mut args = vec!["--json".to_owned(), "events".to_owned()];
    args.extend(after.into_iter().flat_map(|after| ["--after".to_owned(), after.to_string()]));
    let answer = daemon.vow(args);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    answer.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn number(event: &Value) -> u64 {
    event["number"].as_u64().unwrap()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

/// Who every face is, by what was told.
fn heard(events: &[Value]) -> BTreeMap<String, String> {
    let mut faces = BTreeMap::new();
    for face in events.iter().filter_map(|event| event["faces"].as_array()).flatten() {
        let id = face["face_id"].as_str().unwrap().to_owned();
        let was = match face["to_person_id"].as_str() {
            Some(to) => faces.insert(id, to.to_owned()),
            None => faces.remove(&id),
        };
        assert_eq!(was.as_deref(), face["from_person_id"].as_str(), "{face}");
    }
    faces
}

/// The same, asked for.
fn asked(daemon: &Daemon) -> BTreeMap<String, String> {
    let export = daemon.vow(["export", "json"]).stdout;
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        (row["face_id"].as_str().unwrap().to_owned(), row["person_id"].as_str().unwrap().to_owned())
    };
    export.lines().map(row).collect()
}

fn draw(home: &Home, names: std::ops::Range<u32>) {
    for n in names {
        let cast = [n % 4, 4 + n % 3];
        Scene::new(640, 480, u64::from(n)).with_row(&cast).save(home.photos().join(format!("{n:03}.jpg")));
    }
}

#[test]
fn killed_between_two_subscriptions_nothing_is_missed_and_nothing_comes_twice() {
    let home = Home::new();
    draw(&home, 0..24);
    let (mut all, mut after) = (Vec::new(), None);
    for round in 0u32..5 {
        let daemon = home.start();
        std::thread::sleep(Duration::from_millis(40 + 120 * u64::from(round)));
        let told = events(&daemon, after);
        after = told.last().map(number).or(after);
        all.extend(told);
        daemon.kill();
    }
    // On a busy machine the rounds leave much undone, and a photo must have been known to be gone.
    let daemon = home.start();
    daemon.wait_until("the first are indexed", |status| status["photos"] == 24);
    daemon.kill();
    draw(&home, 24..30);
    fs::remove_file(home.photos().join("000.jpg")).unwrap();
    fs::write(home.photos().join("bad.jpg"), "no picture").unwrap();
    let daemon = home.start();
    daemon.wait_until("all is indexed", |status| status["photos"] == 29 && status["failures"] == 1);
    let person = daemon.person_in(&home.photos().join("001.jpg"));
    daemon.json(["name", &person, "Ada"]);
    daemon.kill();
    let daemon = home.start();
    daemon.wait_idle();
    all.extend(events(&daemon, after));

    let numbers: Vec<u64> = all.iter().map(number).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    assert_eq!(daemon.status()["last_event"].as_u64(), numbers.last().copied());
    assert_eq!(events(&daemon, None), all, "in pieces as in one");
    let count = |kind: &str| all.iter().filter(|event| event["event"] == kind).count();
    let indexed = all.iter().filter(|event| event["event"] == "photo-indexed");
    assert_eq!(indexed.filter(|event| event["faces"] == 2).count(), 30, "{:?}", kinds(&all));
    assert_eq!((count("photo-gone"), count("photo-failed"), count("decision")), (1, 1, 1));
    let renamed = all.iter().find(|event| event["event"] == "person-renamed").unwrap();
    assert_eq!((&renamed["person_id"], &renamed["name"]), (&person.as_str().into(), &"Ada".into()));
    let (mut told, asked) = (heard(&all), asked(&daemon));
    // A face of a photo without a file stays whose it was.
    told.retain(|face, _| asked.contains_key(face));
    assert_eq!(told, asked);
}

/// `vow events --follow` in a process of its own.
struct Follower(Child);

impl Follower {
    fn begin(home: &Home, after: u64) -> Self {
        let mut command = Command::new(binary("vow"));
        command.arg("--socket").arg(home.socket()).args(["--json", "events", "--follow", "--after"]);
        command.arg(after.to_string()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_follower_hears_of_a_merge_as_it_happens_and_of_the_end() {
    let home = Home::new();
    home.draw_event(2);
    let daemon = home.start();
    daemon.wait_idle();
    let last = daemon.status()["last_event"].as_u64().unwrap();
    let mut follower = Follower::begin(&home, last);
    let mut lines = BufReader::new(follower.0.stdout.take().unwrap()).lines();
    let (a, b) = (
        daemon.person_in(&home.photos().join("of 0/0.jpg")),
        daemon.person_in(&home.photos().join("of 1/0.jpg")),
    );
    daemon.json(["merge", &a, &b]);
    let mut told = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    let merged = told();
    assert_eq!((number(&merged), &merged["decision"]["kind"]), (last + 1, &"merged".into()));
    let moved = told();
    assert_eq!(moved["faces"].as_array().unwrap().len(), 3, "{moved}");
    let vanished = told();
    assert_eq!(
        (&vanished["event"], &vanished["person_ids"][0]),
        (&"people-vanished".into(), &b.as_str().into())
    );
    daemon.json(["undo"]);
    assert_eq!(told()["decision"]["kind"], "undone");

    let begun = Instant::now();
    assert!(daemon.stop().0.success());
    assert!(begun.elapsed() < Duration::from_secs(20), "a stream holds no shutdown up");
    assert_eq!(follower.0.wait().unwrap().code(), Some(3));
    let text = home.start().vow(["events", "--after", &last.to_string()]).stdout;
    assert!(text.contains("said: ") && text.contains(" (decision 1)"), "{text}");
}

/// As a power cut ends it, in the middle of a stream: what the connection says of that is no refusal.
#[test]
fn a_daemon_that_is_killed_went_away_and_refused_nothing() {
    let home = Home::new();
    draw(&home, 0..1);
    let daemon = home.start();
    let last = daemon.wait_idle()["last_event"].as_u64().unwrap();
    let mut follower = Follower::begin(&home, last);
    let mut lines = BufReader::new(follower.0.stdout.take().unwrap()).lines();
    draw(&home, 1..2);
    lines.next().unwrap().unwrap();
    daemon.kill();
    assert_eq!(follower.0.wait().unwrap().code(), Some(3));
    let error: Value = serde_json::from_reader(follower.0.stderr.take().unwrap()).unwrap();
    assert_eq!((&error["kind"], &error["exit_code"]), (&"unreachable".into(), &3.into()));
    assert!(error["error"].as_str().unwrap().contains("went away"), "{error}");
}

/// Lets many files fail in one transaction, behind the back of no daemon.
fn fail_many(home: &Home, files: u64) {
    let store = Store::open(&home.data().join("vow.redb")).unwrap();
    let folder = store.folders().unwrap()[0].clone();
    let change = |n: u64| {
        let failure = Failure { stage: Stage::Read, reason: "the card is worn out, copy it anew".repeat(3) };
        let path = folder.path.join(format!("{n}.jpg"));
        let state = FileState::Failed { failure, tries: 1, at: 0 };
        Change::Known { file: FileRow { path, folder: folder.id, size: 1, mtime_ns: 1, inode: 1, state } }
    };
    store.commit((0..files).map(change).collect()).unwrap();
}

#[test]
fn who_was_away_too_long_is_told_to_list_anew_and_from_where_to_go_on() {
    let home = Home::new();
    draw(&home, 0..1);
    let daemon = home.start();
    let after = daemon.wait_idle()["last_event"].as_u64().unwrap();
    assert!(daemon.stop().0.success());
    fail_many(&home, EVENTS_KEPT + 2000);
    let daemon = home.start();
    let refused = daemon.vow(["events", "--after", &after.to_string(), "--json"]);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(refused.stderr.contains("not kept any more"), "{}", refused.stderr);
    let last = daemon.status()["last_event"].as_u64().unwrap();
    assert!(last >= after + EVENTS_KEPT + 2000, "{last}");
    assert!(events(&daemon, Some(last - 2)).len() >= 2);
    for strange in [0, 17, last * 2] {
        let refused = daemon.vow(["events", "--after", &strange.to_string()]);
        assert_eq!(refused.code, 4, "{}", refused.stderr);
        assert!(refused.stderr.contains("another store"), "{}", refused.stderr);
    }
}

#[test]
fn who_reads_slowly_neither_holds_the_daemon_up_nor_makes_it_grow() {
    let home = Home::new();
    draw(&home, 0..1);
    let daemon = home.start();
    let after = daemon.wait_idle()["last_event"].as_u64().unwrap();
    assert!(daemon.stop().0.success());
    // Each is told twice: as it fails, and as it is found gone at the start.
    fail_many(&home, 40_000);
    let daemon = home.start();
    let resident = || {
        let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    daemon.wait_idle();
    let before = resident();
    // Eight who read nothing at all: what is told to them, 10 MB each, would be seen.
    let mut sleepers: Vec<Follower> = (0..8).map(|_| Follower::begin(&home, after)).collect();
    std::thread::sleep(Duration::from_millis(1500));
    draw(&home, 1..6);
    daemon.wait_until("new photos are indexed", |status| status["photos"] == 6);
    let grown = resident().saturating_sub(before);
    assert!(grown < 40_000, "{grown} KB more");

    // One of them wakes up and finds everything.
    let last = daemon.status()["last_event"].as_u64().unwrap();
    let mut lines = BufReader::new(sleepers[0].0.stdout.take().unwrap()).lines();
    let mut expected = after;
    while expected < last {
        let told: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        expected += 1;
        assert_eq!(number(&told), expected);
    }
}
