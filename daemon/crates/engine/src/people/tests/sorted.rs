//! What sorting people out leaves behind, and what the next start makes of it.

use std::sync::atomic::Ordering;

use vow_types::PersonId;

use super::place::{Place, Random, analysed, as_a_large_one, pack};
use super::{Ask, Keeper, agrees, groups, settle};
use crate::questions::Open;
use crate::refit::Refitting;

fn is_settled(keeper: &Keeper) -> bool {
    !keeper.progress.unsettled.load(Ordering::SeqCst)
}

/// A library in which something is worth asking.
fn doubtful() -> (Place, Open) {
    for seed in 0..50 {
        let place = Place::new(seed);
        let mut keeper = place.keeper();
        settle(&mut keeper);
        let open = Open::clone(&keeper.shared.open());
        if !open.close.is_empty() && !open.doubts.is_empty() {
            return (place, open);
        }
    }
    panic!("nothing is ever worth asking");
}

#[test]
fn what_is_worth_asking_outlives_a_start() {
    let (place, open) = doubtful();
    let keeper = place.keeper();
    assert!(is_settled(&keeper) && keeper.touched == 0);
    assert_eq!(*keeper.shared.open(), open);
}

#[test]
fn whoever_was_not_sorted_out_is_after_the_next_start() {
    let (place, open) = doubtful();
    let note = place.dir.path().join("sorted");
    let bytes = std::fs::read(&note).unwrap();

    let mut keeper = place.keeper();
    keeper.touch(1);
    assert!(!note.exists(), "a kill from now on is noticed");
    drop(keeper);
    let keeper = place.keeper();
    assert!(!is_settled(&keeper) && *keeper.shared.open() == Open::default());
    drop(keeper);

    // An older note: something came since.
    std::fs::write(&note, &bytes).unwrap();
    let store = place.store();
    let folder = store.folders().unwrap()[0].id;
    store.commit(vec![analysed(77, folder, &mut Random(1))]).unwrap();
    drop(store);
    let mut keeper = place.keeper();
    assert!(is_settled(&keeper), "what came is in no group yet");
    while keeper.catching_up.is_some() {
        keeper.catch_up().unwrap();
    }
    assert!(!is_settled(&keeper));
    drop(keeper);
    std::fs::write(&note, &bytes).unwrap();
    let keeper = place.keeper();
    assert!(!is_settled(&keeper) && *keeper.shared.open() == open);
    drop(keeper);

    for broken in [&bytes[..bytes.len() / 2], &[], b"no note at all"] {
        std::fs::write(&note, broken).unwrap();
        assert!(!is_settled(&place.keeper()));
    }
}

/// Of a large library some are sorted out at a time; what there is to ask is found along the way.
#[test]
fn a_library_is_sorted_out_in_portions() {
    let (place, open) = doubtful();
    std::fs::remove_file(place.dir.path().join("sorted")).unwrap();
    let mut keeper = as_a_large_one(&place, 5);
    assert!(!is_settled(&keeper));

    // A message that waits goes first, and the next time it goes on from there.
    let (sender, waiting) = crossbeam_channel::unbounded();
    let (reply, _answer) = crossbeam_channel::bounded(1);
    sender.send(super::Message::Learn { reply }).unwrap();
    keeper.settle(&waiting).unwrap();
    assert!(!is_settled(&keeper), "somebody waits");
    settle(&mut keeper);
    assert!(is_settled(&keeper) && keeper.touched == 0 && keeper.sorting.is_none());
    agrees(&keeper);
    let found = keeper.shared.open();
    assert!(!found.close.is_empty(), "{found:?} instead of {open:?}");
    let everybody: Vec<PersonId> = keeper.grouping.people().collect();
    let doubts = keeper.grouping.doubts(&everybody, 0.04);
    assert!(doubts.iter().all(|doubt| found.doubts.iter().any(|other| other.face == doubt.face)));
}

/// Whoever wishes for another threshold in a large library does not wait until everybody is sorted out by it.
#[test]
fn another_threshold_is_heeded_in_the_background() {
    let (place, _) = doubtful();
    let mut keeper = as_a_large_one(&place, usize::MAX);
    settle(&mut keeper);
    let before = groups(&keeper);
    for (ask, falls_apart) in [
        (Ask::Refit(Refitting::by_score(9_500)), true),
        (Ask::Undo { entry: None, dependents: false }, false),
    ] {
        let as_it_was = groups(&keeper);
        let Ok(answer) = keeper.decide(ask) else { panic!("refused") };
        assert!(answer.notes.iter().any(|note| note.contains("in the background")), "{:?}", answer.notes);
        assert!(answer.moved.is_empty() && groups(&keeper) == as_it_was && !is_settled(&keeper));
        settle(&mut keeper);
        assert!(is_settled(&keeper) && keeper.touched == 0);
        assert_eq!(groups(&keeper).len() > before.len(), falls_apart);
    }
    assert_eq!(groups(&keeper), before);
}

/// A decision about the threshold sorts everybody out by itself in a small one; what is worth asking is found behind it all the same.
#[test]
fn what_a_decision_sorted_out_can_be_asked_about() {
    let (place, open) = doubtful();
    let mut keeper = place.keeper();
    let index = keeper.shared.index();
    let moves = keeper.grouping.settle(&super::Near(&index), &|| false).unwrap();
    assert!(moves.is_empty() && keeper.grouping.is_settled());
    keeper.touch(1);
    settle(&mut keeper);
    assert_eq!(*keeper.shared.open(), open);
    assert!(is_settled(&keeper) && keeper.touched == 0);

    // The pairs are forgotten by now in a large library: what was worth asking stays.
    keeper.grouping = vow_cluster::Grouping::new(pack().params, PersonId(1));
    keeper.touch(1);
    keeper.settle(&crossbeam_channel::never()).unwrap();
    assert_eq!(*keeper.shared.open(), open);
}
