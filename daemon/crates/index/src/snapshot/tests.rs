//! What is saved is loaded, whatever else the file may hold is refused.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::FaceIndex;

/// A small index with every feature: upper layers, hidden faces, faces that share a node, and some that wait to be linked.
fn sample() -> FaceIndex {
    let embeddings: Vec<Embedding> = (0..300u16)
        .map(|n| {
            let raw: Vec<f32> =
                (0..6u16).map(|i| (f32::from(n / 2 + 1) * f32::from(i + 1) * 0.7).sin()).collect();
            Embedding::from_raw(&raw).unwrap()
        })
        .collect();
    let faces: Vec<(FaceId, &Embedding)> =
        embeddings.iter().enumerate().map(|(n, one)| (FaceId(num::len_u64(n) * 7), one)).collect();
    let index = FaceIndex::new(6, 0);
    index.add(&faces).unwrap();
    index.hide(&[FaceId(0), FaceId(21), FaceId(70)]);
    assert!(index.read().graph.upper.len() > 0);
    assert_eq!((index.read().graph.linked(), index.len()), (150, 297));
    let waiting: Vec<Embedding> =
        (0..9u16).map(|n| Embedding::from_raw(&[1.0, f32::from(n), 1.0, 0.0, -1.0, 0.5]).unwrap()).collect();
    index.put(&(9000..).map(FaceId).zip(&waiting).collect::<Vec<_>>()).unwrap();
    assert_eq!((index.waiting(), index.len()), (9, 306));
    index
}

fn assert_same(a: &FaceIndex, b: &FaceIndex) {
    assert_eq!(a.read().graph, b.read().graph);
    assert_eq!(a.read().book, b.read().book);
}

#[test]
fn what_is_saved_is_loaded() {
    let home = TempDir::new().unwrap();
    let dir = home.path().join("made/if/need/be");
    assert!(FaceIndex::load(&dir, b"1").unwrap().is_none());
    let index = sample();
    index.save(&dir, b"1").unwrap();
    let loaded = FaceIndex::load(&dir, b"1").unwrap().unwrap();
    assert_same(&index, &loaded);

    // The loaded one goes on like the one that was never saved.
    let more = Embedding::from_raw(&[1.0, -2.0, 3.0, -4.0, 5.0, -6.0]).unwrap();
    for one in [&index, &loaded] {
        one.add(&[(FaceId(5), &more), (FaceId(21), &more)]).unwrap();
    }
    assert_same(&index, &loaded);
    assert!(loaded.contains(FaceId(21)));

    index.save(&dir, b"2").unwrap();
    assert!(FaceIndex::load(&dir, b"1").unwrap().is_none(), "another stamp");
    assert_same(&index, &FaceIndex::load(&dir, b"2").unwrap().unwrap());
}

/// What was saved is in the file from then on, and all that comes after is as if it had stayed in memory: links of saved nodes
/// that change, a second file that takes the first one's place, and shares of either that somebody holds.
#[test]
fn an_index_that_was_saved_goes_on_as_if_it_had_not_been() {
    let home = TempDir::new().unwrap();
    let (index, never_saved) = (sample(), sample());
    let shares: Vec<_> = [7, 70].map(|face| index.embedding(FaceId(face)).unwrap()).to_vec();
    let more: Vec<Embedding> = (0..90u16)
        .map(|n| {
            let raw: Vec<f32> = (0..6u16).map(|i| (f32::from(n) * 1.3 + f32::from(i)).cos()).collect();
            Embedding::from_raw(&raw).unwrap()
        })
        .collect();
    let faces: Vec<(FaceId, &Embedding)> = (5000..).map(FaceId).zip(&more).collect();
    for (round, part) in faces.chunks(30).enumerate() {
        index.save(home.path(), b"1").unwrap();
        assert_eq!(index.read().graph.in_memory(), 0, "all of it is in the file");
        assert_same(&index, &never_saved);
        let shares_of_the_file = part.iter().map(|_| index.embedding(FaceId(7)).unwrap()).collect::<Vec<_>>();
        for one in [&index, &never_saved] {
            one.put(part).unwrap();
            // Some wait while it is saved.
            one.link(part.len() / 2);
            assert!(one.held() > 0 && one.read().graph.in_memory() > 0, "as much as it says");
        }
        let left = if round == 0 { 9 } else { 0 };
        index.save(home.path(), b"2").unwrap();
        assert_same(&index, &never_saved);
        assert_eq!(index.waiting(), left + part.len() - part.len() / 2);
        for one in [&index, &never_saved] {
            one.link(usize::MAX);
            one.hide(&[FaceId(5000 + num::len_u64(round))]);
        }
        assert_same(&index, &never_saved);
        let of = &more[round];
        assert_eq!(index.search(of, 50), never_saved.search(of, 50));
        index.let_go();
        assert!(shares_of_the_file.iter().all(|share| *share == shares[0]));
    }
    fs::remove_file(home.path().join(FILE)).unwrap();
    assert_same(&index, &never_saved);
    assert_eq!(shares, [7, 70].map(|face| never_saved.embedding(FaceId(face)).unwrap()));
    // An index of those that are shown has shares of a file that is there no more.
    let anew = index.without_hidden();
    drop(index);
    anew.link(usize::MAX);
    assert_eq!(anew.search(&more[5], 3), never_saved.search(&more[5], 3));
}

#[test]
fn a_snapshot_of_a_machine_with_the_other_order_of_bytes_is_none() {
    let home = TempDir::new().unwrap();
    sample().save(home.path(), b"1").unwrap();
    let path = home.path().join(FILE);
    let mut bytes = fs::read(&path).unwrap();
    bytes[8..12].reverse();
    let body = bytes.len() - blake3::OUT_LEN;
    let hash = blake3::hash(&bytes[..body]);
    bytes.truncate(body);
    bytes.extend(hash.as_bytes());
    fs::write(&path, bytes).unwrap();
    assert!(FaceIndex::load(home.path(), b"1").unwrap().is_none());
}

#[test]
fn a_snapshot_of_the_format_before_is_read() {
    let home = TempDir::new().unwrap();
    let index = sample();
    index.link(usize::MAX);
    index.save(home.path(), b"1").unwrap();
    let path = home.path().join(FILE);
    let mut bytes = fs::read(&path).unwrap();
    let body = bytes.len() - blake3::OUT_LEN;
    bytes.truncate(body);
    // The number that it lacks lies where nothing was.
    bytes[7] = 2;
    assert_eq!(bytes[49..53], index.read().graph.linked().to_ne_bytes());
    bytes[49..53].fill(0);
    bytes.extend(blake3::hash(&bytes).as_bytes());
    fs::write(&path, bytes).unwrap();
    assert_same(&index, &FaceIndex::load(home.path(), b"1").unwrap().unwrap());
}

#[test]
fn an_empty_index_is_saved_too() {
    let home = TempDir::new().unwrap();
    FaceIndex::new(128, 1000).save(home.path(), b"").unwrap();
    let loaded = FaceIndex::load(home.path(), b"").unwrap().unwrap();
    assert!(loaded.is_empty() && loaded.search(&Embedding::from_raw(&[1.0; 128]).unwrap(), 3).is_empty());
    loaded.add(&[(FaceId(1), &Embedding::from_raw(&[1.0; 128]).unwrap())]).unwrap();
    assert_eq!(loaded.len(), 1);
}

#[test]
fn a_snapshot_that_was_not_finished_changes_nothing() {
    let home = TempDir::new().unwrap();
    let index = sample();
    index.save(home.path(), b"1").unwrap();
    fs::write(home.path().join(NEW), b"half of").unwrap();
    assert_same(&index, &FaceIndex::load(home.path(), b"1").unwrap().unwrap());
    index.save(home.path(), b"1").unwrap();
    assert!(!home.path().join(NEW).exists());
}

#[test]
fn a_disk_that_refuses_is_an_error_with_a_name() {
    let home = TempDir::new().unwrap();
    fs::write(home.path().join("file"), "").unwrap();
    let error = sample().save(&home.path().join("file"), b"").unwrap_err();
    assert!(error.to_string().contains("file; check the disk"), "{error}");
    fs::create_dir(home.path().join(FILE)).unwrap();
    assert!(matches!(FaceIndex::load(home.path(), b""), Err(IndexError::Read { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// A byte that changed, a file cut short, bytes put in: never a panic, never an index that is not the one
    /// that was saved.
    #[test]
    fn damage_is_noticed(at: prop::sample::Index, flip in 1u8.., how in 0..3) {
        let home = TempDir::new().unwrap();
        let index = sample();
        index.save(home.path(), b"stamp").unwrap();
        let path = home.path().join(FILE);
        let mut bytes = fs::read(&path).unwrap();
        // Half of the damage to the head, which is the small part that decides about the rest.
        let at = if flip % 2 == 0 { at.index(bytes.len()) } else { at.index(60) };
        match how {
            0 => bytes[at] ^= flip,
            1 => bytes.truncate(at),
            _ => bytes.insert(at, flip),
        }
        fs::write(&path, bytes).unwrap();
        match FaceIndex::load(home.path(), b"stamp") {
            Ok(None) | Err(IndexError::Damaged { .. }) => {}
            Ok(Some(loaded)) => assert_same(&index, &loaded),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}

/// The same with a checksum that fits, as if somebody had made such a file: still no panic, and an index that
/// can be searched.
#[test]
fn a_forged_snapshot_does_no_harm() {
    let home = TempDir::new().unwrap();
    sample().save(home.path(), b"").unwrap();
    let path = home.path().join(FILE);
    let good = fs::read(&path).unwrap();
    let body = good.len() - blake3::OUT_LEN;
    let (mut loaded, mut refused) = (0, 0);
    for at in (0..body).step_by(3) {
        let mut bytes = good[..body].to_vec();
        bytes[at] ^= 0x81;
        bytes.extend(blake3::hash(&bytes).as_bytes());
        fs::write(&path, bytes).unwrap();
        match FaceIndex::load(home.path(), b"") {
            Ok(Some(index)) => {
                let nodes = index.read().graph.linked();
                let sound = |node| index.read().graph.links(node, 0).iter().all(|other| *other < nodes);
                assert!((0..nodes).all(sound), "byte {at}");
                let _ = index.search(&Embedding::from_raw(&[1.0; 6]).unwrap(), 10);
                index.add(&[(FaceId(u64::MAX), &Embedding::from_raw(&[1.0; 6]).unwrap())]).unwrap();
                loaded += 1;
            }
            Ok(None) | Err(_) => refused += 1,
        }
    }
    assert!(loaded > 100 && refused > 100, "{loaded} {refused}");
    let mut longer = good[..body].to_vec();
    longer.push(0);
    longer.extend(blake3::hash(&longer).as_bytes());
    fs::write(&path, longer).unwrap();
    assert!(matches!(FaceIndex::load(home.path(), b""), Err(IndexError::Damaged { .. })));
}

/// Between any two looks at the index faces come, also to nodes that have one, and are hidden: what is saved is what there was when it
/// began, and the index goes on as one that was never saved.
#[test]
fn faces_come_and_are_hidden_while_it_is_saved() {
    let home = TempDir::new().unwrap();
    let (index, never_saved, expected) = (sample(), sample(), sample());
    let looks = Cell::new(0u16);
    let look = || {
        let n = looks.replace(looks.get() + 1);
        // What is there at the first look is what is saved.
        for one in [&index, &never_saved].into_iter().filter(|_| n > 0) {
            let new = Embedding::from_raw(&[f32::from(n), 1.0, -2.0, 0.5, 0.25, 3.0]).unwrap();
            let known = one.embedding(FaceId(7 * u64::from(n % 300))).unwrap();
            let [first, second] = [20_000, 30_000].map(|base| FaceId(base + u64::from(n)));
            one.put(&[(first, &new), (second, &known)]).unwrap();
            one.hide(&[FaceId(28 + 7 * u64::from(n % 200))]);
        }
        index.read()
    };
    let base = save(&look, home.path(), b"1").unwrap().unwrap();
    assert!(looks.get() > 40, "{}", looks.get());
    drop(index.write().graph.stand_on(base));
    assert_same(&index, &never_saved);
    index.link(usize::MAX);
    never_saved.link(usize::MAX);
    assert_same(&index, &never_saved);

    let loaded = FaceIndex::load(home.path(), b"1").unwrap().unwrap();
    let saved = |index: &FaceIndex| {
        index.read().book.seats().map(|(face, seat)| (face, seat.node)).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(loaded.read().graph, expected.read().graph);
    assert_eq!(saved(&loaded), saved(&expected));
}
