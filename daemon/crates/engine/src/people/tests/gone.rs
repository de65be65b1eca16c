//! Photos whose files go, and come back.

use super::place::{Place, Random};
use super::*;

fn go(keeper: &mut Keeper, photo: &ContentId) -> Vec<FileRow> {
    let files = keeper.store.files_of(photo).unwrap();
    let gone = files.iter().map(|file| Change::Gone { path: file.path.clone() }).collect();
    let committed = keeper.store.commit(gone).unwrap();
    keeper.take(&Stored { committed, _tickets: Vec::new() }).unwrap();
    files
}

fn come_back(keeper: &mut Keeper, files: Vec<FileRow>) {
    let known = files.into_iter().map(|file| Change::Known { file }).collect();
    let committed = keeper.store.commit(known).unwrap();
    keeper.take(&Stored { committed, _tickets: Vec::new() }).unwrap();
}

/// Photos whose files go take their faces along; what was said about them is there when they are back.
#[test]
fn what_was_said_outlives_the_photo() {
    let place = Place::new(4);
    let mut keeper = place.keeper();
    settle(&mut keeper);
    let (face, person) = whose(&keeper).into_iter().next().unwrap();
    let person = person.unwrap();
    let other = keeper.store.people().unwrap().iter().map(|row| row.id).find(|id| *id != person).unwrap();
    assert!(say(&mut keeper, Ask::Confirm(face, other)));
    let photo = keeper.store.face(face).unwrap().unwrap().photo;
    let files = go(&mut keeper, &photo);
    assert!(!keeper.shared.read().contains(face));
    settle(&mut keeper);
    come_back(&mut keeper, files);
    assert_eq!(keeper.shared.read().person_of(face), Some(other));
    settle(&mut keeper);
    assert_eq!(keeper.shared.read().person_of(face), Some(other));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Who fell apart because a photo went was shown as one person until the next start.
    #[test]
    fn who_falls_apart_when_photos_go_is_shown_as_such(seed: u64) {
        let place = Place::new(seed);
        let mut random = Random(seed ^ 3);
        let mut keeper = place.keeper();
        settle(&mut keeper);
        let mut away: Vec<Vec<FileRow>> = Vec::new();
        for _ in 0..40 {
            match random.below(8) {
                0 if !away.is_empty() => {
                    let files = away.swap_remove(random.below(away.len()));
                    come_back(&mut keeper, files);
                }
                1 => settle(&mut keeper),
                2 => {
                    if let Some(ask) = ask(&keeper, &mut random) {
                        say(&mut keeper, ask);
                    }
                }
                _ => {
                    let photo = ContentId([u8::try_from(random.below(30)).unwrap(); 32]);
                    away.extend(Some(go(&mut keeper, &photo)).filter(|files| !files.is_empty()));
                }
            }
            agrees(&keeper);
        }
        settle(&mut keeper);
    }
}
