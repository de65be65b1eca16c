//! The index of faces is derived: whoever loses it loses no time at the start, no answer and nothing that was said, whatever
//! becomes of the daemon while it is built anew.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic: that is how it fails"
)]

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use vow_models::Pack;
use vow_store::{Change, FileRow, FileState, NewFace, PhotoRow, Store};
use vow_tests::look::{Look, Random};
use vow_tests::{Daemon, Home, Scene};
use vow_types::{
    ContentId, Detection, Embedding, FaceId, Landmarks, Orientation, PersonId, RelBox, RelPoint, Size,
};

/// People of the made-up library, each seen once in every so many photos. The looks of the others are for new photos.
const PEOPLE: u16 = 200;
const PHOTOS: u16 = 6000;
/// Photos in a transaction.
const BATCH: usize = 1000;

fn face(person: u16, random: &mut Random) -> NewFace {
    let mut noise = || f32::from(u16::try_from(random.next() >> 48).unwrap()) / 32_768.0 - 1.0;
    let raw: Vec<f32> = Look::of(person.into()).vector().iter().map(|value| value + 0.8 * noise()).collect();
    let bbox = RelBox { left: 0.3, top: 0.3, right: 0.6, bottom: 0.7 };
    let detection = Detection { bbox, landmarks: Landmarks([RelPoint { x: 0.45, y: 0.5 }; 5]), score: 0.95 };
    NewFace { detection, quality: 0.9, norm: 14.0, embedding: Embedding::from_raw(&raw).unwrap() }
}

/// A store that knows many photos with a face each, and files for them. They are no pictures: a daemon that opened one would
/// have a failure to show.
fn made_up(home: &Home) {
    std::fs::create_dir_all(home.data()).unwrap();
    let root = home.photos().canonicalize().unwrap();
    let pack = Pack::load(&home.pack()).unwrap();
    let store = Store::open(&home.data().join("vow.redb")).unwrap();
    store.put_pack(pack.id, "made up").unwrap();
    let (folder, _) = store.add_folder(&root, root.metadata().unwrap().dev(), 0).unwrap();
    let mut random = Random::new(11);
    let all: Vec<u16> = (0..PHOTOS).collect();
    for some in all.chunks(BATCH) {
        let changes = some.iter().map(|number| {
            let path = root.join(format!("old-{number}.jpg"));
            std::fs::write(&path, "").unwrap();
            let meta = path.metadata().unwrap();
            let mut content = [7; 32];
            content[..2].copy_from_slice(&number.to_le_bytes());
            let photo = ContentId(content);
            let state = FileState::Shows { photo, orientation: Some(Orientation::Upright), taken: None };
            let mtime_ns = meta.mtime() * 1_000_000_000 + meta.mtime_nsec();
            Change::Analysed {
                file: FileRow { path, folder: folder.id, size: 0, mtime_ns, inode: meta.ino(), state },
                photo: PhotoRow {
                    content: photo,
                    coded: Size { width: 4000, height: 3000 },
                    format: "JPEG".to_owned(),
                    first_seen: 0,
                    turn: None,
                },
                pack: pack.id,
                faces: vec![face(number % PEOPLE, &mut random)],
            }
        });
        let committed = store.commit(changes.collect()).unwrap();
        let whose = committed
            .analysed
            .iter()
            .zip(some)
            .map(|((_, faces), number)| (faces[0], Some(PersonId(u64::from(number % PEOPLE) + 1))));
        store.assign(&whose.collect::<Vec<(FaceId, Option<PersonId>)>>(), 0).unwrap();
    }
}

/// Every face of the library and whose it is, in some order.
fn whose(daemon: &Daemon) -> Vec<(String, String)> {
    let export = daemon.vow(["export", "json"]).stdout;
    let one = |line: &str| {
        let face: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| face[key].as_str().unwrap_or_default().to_owned();
        (text("face_id"), text("person_id"))
    };
    let mut whose: Vec<_> = export.lines().map(one).collect();
    whose.sort();
    whose
}

fn alike(daemon: &Daemon, photo: &Path) -> Value {
    daemon.json(["similar".as_ref(), photo.as_os_str(), "--limit".as_ref(), "5".as_ref()])
}

fn waiting(daemon: &Daemon) -> u64 {
    daemon.status()["index_waiting"].as_u64().unwrap()
}

/// Who is in a photo, as soon as that is known.
fn people_in(daemon: &Daemon, photo: &Path) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let answer = daemon.vow(["--json".as_ref(), "faces".as_ref(), photo.as_os_str()]);
        if answer.code == 0 {
            let people = answer.json()["faces"].as_array().unwrap().clone();
            let people: Vec<String> =
                people.iter().filter_map(|face| Some(face["person_id"].as_str()?.to_owned())).collect();
            if !people.is_empty() {
                return people;
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{}: {}", answer.stderr, daemon.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn without_its_index_the_daemon_answers_at_once_and_a_kill_while_it_is_built_loses_nothing() {
    let home = Home::new();
    made_up(&home);
    let index = home.data().join("index");
    let daemon = home.start();
    let status = daemon.wait_idle();
    assert_eq!((&status["faces"], &status["index_waiting"]), (&PHOTOS.into(), &0.into()));
    let old = home.photos().join("old-7.jpg");
    let (before, similar) = (whose(&daemon), alike(&daemon, &old));
    assert!(daemon.stop().0.success());

    std::fs::remove_dir_all(&index).unwrap();
    let daemon = home.start();
    let at_first = waiting(&daemon);
    assert!(at_first > u64::from(PHOTOS) / 2, "it answers while the index is built: {at_first}");
    assert_eq!(alike(&daemon, &old), similar);
    assert!(whose(&daemon) == before);
    let text = daemon.vow(["status"]).stdout;
    assert!(text.contains("being built"), "{text}");
    // Somebody who is in the library, and somebody new, twice.
    for (number, identity) in [(0, 7), (1, 230), (2, 230)] {
        let scene = Scene::new(640, 480, 900 + number).with_row(&[identity]);
        scene.save(home.photos().join(format!("new-{number}.jpg")));
    }
    let new = |number: u8| home.photos().join(format!("new-{number}.jpg"));
    let known = people_in(&daemon, &old);
    let came = [0, 1, 2].map(|number| people_in(&daemon, &new(number)));
    assert_eq!(came[0], known, "it was found among faces that wait for their places");
    assert!(came[1] == came[2] && came[1] != known, "{came:?} {known:?}");
    daemon.json(["name", &known[0], "Ada"]);
    let (then, similar) = (whose(&daemon), alike(&daemon, &new(0)));
    let in_the_middle = waiting(&daemon);
    daemon.kill();
    assert!(in_the_middle > 0, "the test was too slow to kill it while the index was built");

    let daemon = home.start();
    assert!(waiting(&daemon) > 0);
    assert!(whose(&daemon) == then);
    assert_eq!(alike(&daemon, &new(0)), similar);
    let status = daemon.wait_idle();
    assert_eq!((&status["index_waiting"], &status["failures"]), (&0.into(), &0.into()));
    assert!(whose(&daemon) == then);
    assert_eq!(alike(&daemon, &new(0)), similar);
    assert_eq!(daemon.json(["person", "Ada"])["person_id"], known[0].as_str());
    assert!(daemon.stop().0.success());

    // Asked to stop in the middle it does, and the next start goes on where it was.
    std::fs::remove_dir_all(&index).unwrap();
    let daemon = home.start();
    let all = waiting(&daemon);
    while waiting(&daemon) > all - 1000 {
        std::thread::sleep(Duration::from_millis(10));
    }
    let begun = Instant::now();
    let (ended, log) = daemon.stop();
    assert!(ended.success(), "{log}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let daemon = home.start();
    assert!(waiting(&daemon) <= all - 1000, "what was done by then was kept");
    assert!(whose(&daemon) == then);
}

/// The saved index is mapped, and whoever cuts it short under the daemon's hands ends it. The store is as it was, and the next
/// start builds the index anew.
#[test]
fn an_index_that_somebody_cuts_short_ends_the_daemon_and_loses_nothing() {
    let home = Home::new();
    made_up(&home);
    let daemon = home.start();
    daemon.wait_idle();
    let old = home.photos().join("old-7.jpg");
    let known = people_in(&daemon, &old);
    daemon.json(["name", &known[0], "Ada"]);
    let (then, similar) = (whose(&daemon), alike(&daemon, &old));
    let saved = home.data().join("index/faces.hnsw");
    std::fs::File::options().write(true).open(&saved).unwrap().set_len(4096).unwrap();
    assert_ne!(daemon.vow(["similar".as_ref(), old.as_os_str()]).code, 0, "{}", daemon.log());
    daemon.kill();

    let daemon = home.start();
    assert!(waiting(&daemon) > 0, "{}", daemon.log());
    assert!(whose(&daemon) == then);
    assert_eq!(alike(&daemon, &old), similar);
    daemon.wait_idle();
    assert!(whose(&daemon) == then);
    assert_eq!(alike(&daemon, &old), similar);
    assert_eq!(daemon.json(["person", "Ada"])["person_id"], known[0].as_str());
}
