//! Rows survive their bytes, no bytes panic, and the bytes of format 1 are what they always were.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::decision::{Decision, JournalEntry};
use crate::events::{Event, Told};

fn stage() -> impl Strategy<Value = Stage> {
    prop::sample::select(Stage::ALL.to_vec())
}

fn state() -> impl Strategy<Value = FileState> {
    let orientation = prop::option::of(prop::sample::select(Orientation::ALL.to_vec()));
    prop_oneof![
        (any::<[u8; 32]>(), orientation, any::<Option<i64>>()).prop_map(|(photo, orientation, taken)| {
            FileState::Shows { photo: ContentId(photo), orientation, taken }
        }),
        (stage(), ".{0,40}", any::<u32>(), any::<i64>()).prop_map(|(stage, reason, tries, at)| {
            FileState::Failed { failure: Failure { stage, reason }, tries, at }
        }),
    ]
}

prop_compose! {
    fn file()(
        path in prop::collection::vec(any::<u8>(), 0..40), folder: u64, size: u64, mtime_ns: i64, inode: u64,
        state in state(),
    ) -> FileRow {
        FileRow { path: path_from(&path), folder: FolderId(folder), size, mtime_ns, inode, state }
    }
}

prop_compose! {
    fn face()(
        id: u64, photo: [u8; 32], pack: [u8; 16], floats in prop::collection::vec(-1f32..30.0, 17),
    ) -> FaceRow {
        let point = |i: usize| RelPoint { x: floats[7 + 2 * i], y: floats[8 + 2 * i] };
        let [left, top, right, bottom, score, quality, norm] = std::array::from_fn(|i| floats[i]);
        let detection = Detection {
            bbox: RelBox { left, top, right, bottom },
            landmarks: Landmarks(std::array::from_fn(point)),
            score,
        };
        FaceRow { id: FaceId(id), photo: ContentId(photo), pack: PackId(pack), detection, quality, norm }
    }
}

fn ids(numbers: Vec<u64>) -> Vec<FaceId> {
    numbers.into_iter().map(FaceId).collect()
}

fn event() -> impl Strategy<Value = Event> {
    let path = || prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| path_from(&bytes));
    let photo = || any::<[u8; 32]>().prop_map(ContentId);
    // Ids begin at 1.
    let person = || (1u64..).prop_map(PersonId);
    let people = move || prop::collection::vec(person(), 0..9);
    let maybe = move || prop::option::of(person());
    let name = || prop::option::of(".{0,20}");
    let face = any::<u64>().prop_map(FaceId);
    prop_oneof![
        (path(), photo()).prop_map(|(path, photo)| Event::Shown { path, photo }),
        (path(), prop::option::of(photo())).prop_map(|(path, photo)| Event::Gone { path, photo }),
        (path(), stage(), ".{0,40}")
            .prop_map(|(path, stage, reason)| Event::Failed { path, failure: Failure { stage, reason } }),
        prop::collection::vec((face, maybe(), maybe()), 0..9).prop_map(|faces| Event::Assigned { faces }),
        people().prop_map(|people| Event::Born { people }),
        (person(), name(), name()).prop_map(|(person, name, before)| Event::Renamed { person, name, before }),
        people().prop_map(|people| Event::Ended { people }),
        any::<u64>().prop_map(|entry| Event::Decided { entry }),
    ]
}

fn decision() -> impl Strategy<Value = Decision> {
    let person = || any::<u64>().prop_map(PersonId);
    let face = || any::<u64>().prop_map(FaceId);
    let faces = || prop::collection::vec(any::<u64>(), 0..9).prop_map(ids);
    let maybe = || prop::option::of(any::<u64>().prop_map(PersonId));
    prop_oneof![
        (person(), prop::option::of(".{0,20}"), prop::option::of(".{0,20}"))
            .prop_map(|(person, name, before)| Decision::Named { person, name, before }),
        (person(), prop::collection::vec((person(), faces()), 0..3), faces())
            .prop_map(|(into, from, together)| Decision::Merged { into, from, together }),
        (person(), person(), faces()).prop_map(|(from, into, faces)| Decision::Split { from, into, faces }),
        (face(), person(), maybe()).prop_map(|(face, person, before)| Decision::Confirmed {
            face,
            person,
            before
        }),
        (face(), person(), maybe()).prop_map(|(face, person, before)| Decision::Rejected {
            face,
            person,
            before
        }),
        (face(), maybe()).prop_map(|(face, before)| Decision::NotAFace { face, before }),
        (person(), any::<bool>()).prop_map(|(person, hidden)| Decision::Hidden { person, hidden }),
        (person(), prop::option::of(face()), prop::option::of(face()))
            .prop_map(|(person, face, before)| Decision::Covered { person, face, before }),
        (person(), person()).prop_map(|(a, b)| Decision::Apart { a, b }),
        prop::collection::vec(any::<u64>(), 0..4).prop_map(|entries| Decision::Undone { entries }),
        prop::collection::vec(any::<u64>(), 0..4).prop_map(|entries| Decision::Redone { entries }),
        prop::collection::vec((face(), person(), person()), 0..4).prop_map(|faces| Decision::Left { faces }),
        prop::collection::vec((face(), face()), 0..4).prop_map(|faces| Decision::Carried { faces }),
        (face(), prop::option::of(person())).prop_map(|(face, person)| Decision::Drawn { face, person }),
        (any::<Option<u16>>(), prop::collection::vec((person(), prop::collection::vec(face(), 0..3)), 0..3))
            .prop_map(|(merge_at, groups)| Decision::Refitted {
                method: "grow".to_owned(),
                merge_at,
                born: groups.iter().map(|(person, _)| *person).collect(),
                before: groups.clone(),
                groups,
            }),
    ]
}

proptest! {
    #[test]
    fn rows_survive(
        file in file(), face in face(), (id, a, b, flag, other) in any::<(u64, u64, i64, bool, Option<u64>)>(),
        (width, height) in any::<(u32, u32)>(), text in ".{0,20}", name in prop::option::of(".{0,20}"),
        faces in prop::collection::vec(any::<u64>(), 0..9),
    ) {
        prop_assert_eq!(take_file(path_bytes(&file.path), &put_file(&file).unwrap()).unwrap(), file.clone());
        prop_assert_eq!(take_face(face.id.0, &put_face(&face).unwrap()).unwrap(), face);
        let turn = match &file.state {
            FileState::Shows { orientation, .. } => *orientation,
            FileState::Failed { .. } => None,
        };
        let folder = Folder { id: FolderId(id), path: file.path, device: a, added: b };
        prop_assert_eq!(take_folder(id, &put_folder(&folder).unwrap()).unwrap(), folder);
        let photo = PhotoRow { content: face.photo, coded: Size { width, height }, format: text.clone(), first_seen: b, turn };
        prop_assert_eq!(take_photo(face.photo, &put_photo(&photo).unwrap()).unwrap(), photo);
        let faces: Vec<FaceId> = faces.into_iter().map(FaceId).collect();
        prop_assert_eq!(take_analysis(&put_analysis(&faces).unwrap()).unwrap(), faces);
        let person = PersonRow { id: PersonId(id), name: name.clone(), hidden: flag, cover: other.map(FaceId), created: b };
        prop_assert_eq!(take_person(id, &put_person(&person, flag).unwrap()).unwrap(), (person, flag));
        prop_assert_eq!(take_pack(&put_pack(&text).unwrap()).unwrap(), text);
    }

    #[test]
    fn decisions_survive(
        decision in decision(), (seq, at) in any::<(u64, i64)>(),
        known_by in prop::collection::vec((any::<u64>(), prop::collection::vec(any::<u64>(), 0..5)), 0..3),
    ) {
        let known_by = known_by.into_iter().map(|(person, faces)| (PersonId(person), ids(faces))).collect();
        let entry = JournalEntry { seq, at, decision, known_by };
        prop_assert_eq!(take_entry(seq, &put_entry(&entry).unwrap()).unwrap(), entry);
    }

    #[test]
    fn events_survive(event in event(), number: u64, at: i64) {
        prop_assert_eq!(take_event(number, &put_event(at, &event).unwrap()).unwrap(), Told { number, at, event });
    }

    #[test]
    fn embeddings_survive(raw in prop::collection::vec(-1f32..1.0, 1..600)) {
        if let Ok(embedding) = Embedding::from_raw(&raw) {
            prop_assert_eq!(take_embedding(&put_embedding(&embedding)).unwrap(), embedding);
        }
    }

    /// Of any kind, and such as begin like a row.
    #[test]
    fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), like_a_row: bool) {
        if let Some(first) = bytes.first_mut().filter(|_| like_a_row) {
            *first = 1 + *first % 2;
        }
        all(&bytes);
    }

    /// Rows that were cut off, or had a byte altered.
    #[test]
    fn no_damaged_row_panics(
        file in file(), face in face(), event in event(), at: prop::sample::Index, flip in 1u8..,
    ) {
        for mut bytes in [put_file(&file).unwrap(), put_face(&face).unwrap(), put_event(1, &event).unwrap()] {
            let at = at.index(bytes.len());
            all(&bytes[..at]);
            bytes[at] ^= flip;
            all(&bytes);
        }
    }
}

/// Every decoder.
fn all(bytes: &[u8]) {
    let _ = take_folder(1, bytes);
    let _ = take_file(b"/p", bytes);
    let _ = take_photo(ContentId([0; 32]), bytes);
    let _ = take_analysis(bytes);
    let _ = take_face(1, bytes);
    let _ = take_embedding(bytes);
    let _ = take_person(1, bytes);
    let _ = take_entry(1, bytes);
    let _ = take_pack(bytes);
    let _ = take_event(1, bytes);
}

#[test]
fn a_row_of_another_version_says_so() {
    let mut bytes = put_pack("starter").unwrap();
    bytes[0] = 2;
    let error = take_pack(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "a row of table packs cannot be read: row version 2 instead of 1");
    assert!(take_pack(&[]).is_err());
    let mut longer = put_pack("starter").unwrap();
    longer.push(0);
    assert!(take_pack(&longer).is_err());
}

/// What format 1 wrote is read for ever: no orientation was 1 then, and a photo had no turn.
#[test]
fn rows_of_format_1_are_read() {
    let head = [1, 3, 0xAC, 2, 3, 7];
    let file = take_file(b"/p", &[&head[..], &[0], &[9; 32], &[6, 1, 1]].concat()).unwrap();
    let orientation = Some(Orientation::Turned90);
    assert_eq!(file.state, FileState::Shows { photo: ContentId([9; 32]), orientation, taken: Some(-1) });
    let failed = take_file(b"/p", &[&head[..], b"\x01\x04read\x02\xC3\xBC\x02\x02"].concat()).unwrap();
    assert!(matches!(failed.state, FileState::Failed { tries: 2, at: 1, .. }));
    let photo = take_photo(ContentId([9; 32]), b"\x01\x04\x03\x03png\x02").unwrap();
    assert_eq!((photo.coded.width, photo.format.as_str(), photo.first_seen, photo.turn), (4, "png", 1, None));
    assert!(take_photo(ContentId([9; 32]), b"\x01\x04\x03\x03png\x02\x06").is_err(), "too long for a 1");
    assert!(take_photo(ContentId([9; 32]), b"\x02\x04\x03\x03png\x02\x09").is_err(), "no orientation");
}

/// Read by hand from docs/STORE.md. A change here is a new format version.
#[test]
fn the_bytes_of_format_2() {
    let shows = |orientation| FileState::Shows { photo: ContentId([9; 32]), orientation, taken: Some(-1) };
    let mut file = FileRow {
        path: path_from(b"/p"),
        folder: FolderId(3),
        size: 300,
        mtime_ns: -2,
        inode: 7,
        state: shows(Some(Orientation::Turned90)),
    };
    let head = [2, 3, 0xAC, 2, 3, 7];
    assert_eq!(put_file(&file).unwrap(), [&head[..], &[0], &[9; 32], &[6, 1, 1]].concat());
    file.state = shows(None);
    assert_eq!(put_file(&file).unwrap(), [&head[..], &[0], &[9; 32], &[0, 1, 1]].concat());
    let failure = Failure { stage: Stage::Read, reason: "ü".to_owned() };
    file.state = FileState::Failed { failure, tries: 2, at: 1 };
    assert_eq!(put_file(&file).unwrap(), [&head[..], b"\x01\x04read\x02\xC3\xBC\x02\x02"].concat());

    let folder = Folder { id: FolderId(1), path: path_from(b"/p"), device: 5, added: 1 };
    assert_eq!(put_folder(&folder).unwrap(), b"\x01\x02/p\x05\x02");
    let coded = Size { width: 4, height: 3 };
    let format = "png".to_owned();
    let mut photo = PhotoRow { content: ContentId([9; 32]), coded, format, first_seen: 1, turn: None };
    assert_eq!(put_photo(&photo).unwrap(), b"\x02\x04\x03\x03png\x02\x00");
    photo.turn = Some(Orientation::Turned270);
    assert_eq!(put_photo(&photo).unwrap(), b"\x02\x04\x03\x03png\x02\x08");
    assert_eq!(put_analysis(&[FaceId(1), FaceId(128)]).unwrap(), [1, 2, 1, 0x80, 1]);
    assert_eq!(put_pack("ab").unwrap(), b"\x01\x02ab");
    assert_eq!(put_embedding(&Embedding::from_raw(&[2.0, 0.0]).unwrap()), [1, 0, 0x3C, 0, 0]);

    let person =
        PersonRow { id: PersonId(1), name: Some("A".to_owned()), hidden: false, cover: None, created: 1 };
    assert_eq!(put_person(&person, true).unwrap(), b"\x01\x01\x01A\x00\x00\x02\x01");

    let numbers: Vec<f32> = (0..17u8).map(f32::from).collect();
    let points: [RelPoint; 5] =
        std::array::from_fn(|i| RelPoint { x: numbers[4 + 2 * i], y: numbers[5 + 2 * i] });
    let detection = Detection {
        bbox: RelBox { left: 0.0, top: 1.0, right: 2.0, bottom: 3.0 },
        landmarks: Landmarks(points),
        score: 14.0,
    };
    let (id, photo, pack) = (FaceId(1), ContentId([9; 32]), PackId([8; 16]));
    let face = FaceRow { id, photo, pack, detection, quality: 15.0, norm: 16.0 };
    let floats: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    assert_eq!(put_face(&face).unwrap(), [&[1][..], &[9; 32], &[8; 16], &floats].concat());
}

/// Read by hand from docs/STORE.md.
#[test]
fn the_bytes_of_the_journal() {
    let (one, two) = (PersonId(1), PersonId(2));
    let face = FaceId(9);
    let named = Decision::Named { person: one, name: Some("A".to_owned()), before: None };
    let old = b"\x01\x02\x00\x01\x01\x01A\x00";
    let entry = |decision| JournalEntry { seq: 1, at: 1, decision, known_by: Vec::new() };
    assert_eq!(take_entry(1, old).unwrap(), entry(named.clone()), "format 1 is still read");
    let known_by = vec![(one, vec![FaceId(5), FaceId(128)])];
    assert_eq!(
        put_entry(&JournalEntry { known_by, ..entry(named) }).unwrap(),
        b"\x02\x02\x00\x01\x01\x01A\x00\x01\x01\x02\x05\x80\x01"
    );
    let bytes: [(Decision, &[u8]); 14] = [
        (
            Decision::Merged { into: one, from: vec![(two, vec![face])], together: vec![face] },
            b"\x01\x01\x01\x02\x01\x09\x01\x09",
        ),
        (Decision::Split { from: one, into: two, faces: vec![face] }, b"\x02\x01\x02\x01\x09"),
        (Decision::Confirmed { face, person: one, before: Some(two) }, b"\x03\x09\x01\x01\x02"),
        (Decision::Rejected { face, person: one, before: None }, b"\x04\x09\x01\x00"),
        (Decision::NotAFace { face, before: None }, b"\x05\x09\x00"),
        (Decision::Hidden { person: one, hidden: true }, b"\x06\x01\x01"),
        (Decision::Covered { person: one, face: Some(face), before: None }, b"\x07\x01\x01\x09\x00"),
        (Decision::Apart { a: one, b: two }, b"\x08\x01\x02"),
        (Decision::Undone { entries: vec![3] }, b"\x09\x01\x03"),
        (Decision::Redone { entries: vec![3] }, b"\x0A\x01\x03"),
        (Decision::Left { faces: vec![(face, one, two)] }, b"\x0B\x01\x09\x01\x02"),
        (Decision::Drawn { face, person: Some(two) }, b"\x0E\x09\x01\x02"),
        (Decision::Carried { faces: vec![(face, FaceId(5))] }, b"\x0D\x01\x09\x05"),
        (
            Decision::Refitted {
                method: "dbscan".to_owned(),
                merge_at: Some(4875),
                groups: vec![(one, vec![face])],
                before: vec![(two, vec![face])],
                born: vec![one],
            },
            b"\x0C\x06dbscan\x01\x8B\x26\x01\x01\x01\x09\x01\x02\x01\x09\x01\x01",
        ),
    ];
    for (decision, body) in bytes {
        assert_eq!(put_entry(&entry(decision)).unwrap(), [b"\x02\x02", body, b"\x00"].concat());
    }
}

/// Read by hand from docs/STORE.md.
#[test]
fn the_bytes_of_events() {
    let (path, photo) = (PathBuf::from("a"), ContentId([7; 32]));
    let people = vec![PersonId(1), PersonId(128)];
    let failure = Failure { stage: Stage::Read, reason: "no".to_owned() };
    let faces = vec![(FaceId(9), None, Some(PersonId(1)))];
    let name = Some("A".to_owned());
    let bytes: [(Event, Vec<u8>); 8] = [
        (Event::Shown { path: path.clone(), photo }, [b"\x00\x01a", &[7; 32][..]].concat()),
        (Event::Gone { path: path.clone(), photo: Some(photo) }, [b"\x01\x01a\x01", &[7; 32][..]].concat()),
        (Event::Failed { path, failure }, b"\x02\x01a\x04read\x02no".to_vec()),
        (Event::Assigned { faces }, b"\x03\x01\x09\x00\x01".to_vec()),
        (Event::Born { people: people.clone() }, b"\x04\x02\x01\x80\x01".to_vec()),
        (Event::Renamed { person: PersonId(1), name, before: None }, b"\x05\x01\x01\x01A\x00".to_vec()),
        (Event::Ended { people }, b"\x06\x02\x01\x80\x01".to_vec()),
        (Event::Decided { entry: 3 }, b"\x07\x03".to_vec()),
    ];
    for (event, body) in bytes {
        let row = [&b"\x01\x02"[..], &body].concat();
        assert_eq!(put_event(1, &event).unwrap(), row);
        assert_eq!(take_event(5, &row).unwrap(), Told { number: 5, at: 1, event });
    }
}
