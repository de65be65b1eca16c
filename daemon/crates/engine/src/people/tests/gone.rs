//! Photos whose files go, and come back; and whatever else can happen, in any order.

use vow_store::Event;

use super::place::{Place, Random, analysed, as_a_large_one};
use super::*;

fn go(keeper: &mut Keeper, photo: &ContentId) -> Vec<FileRow> {
    let files = keeper.store.files_of(photo).unwrap();
    let gone = files.iter().map(|file| Change::Gone { path: file.path.clone() }).collect();
    let committed = keeper.store.commit(gone).unwrap();
    keeper.take(&Stored { committed, _tickets: Vec::new() }).unwrap();
    files
}

/// A new photo is stored; the people thread is not told of it yet.
fn come(keeper: &Keeper, photo: u8, random: &mut Random) -> Stored {
    let folder = keeper.store.folders().unwrap()[0].id;
    let committed = keeper.store.commit(vec![analysed(photo, folder, random)]).unwrap();
    Stored { committed, _tickets: Vec::new() }
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

/// Somebody who knows of all that happened, and of nothing else.
#[derive(Default)]
struct Follower {
    at: Option<u64>,
    whose: BTreeMap<FaceId, PersonId>,
    people: BTreeSet<PersonId>,
    names: BTreeMap<PersonId, String>,
}

impl Follower {
    /// Hears of what is new; knows then what the store knows.
    fn follow(&mut self, keeper: &Keeper) {
        let first = *keeper.store.event_numbers().unwrap().start();
        let told = keeper.store.events(self.at.unwrap_or(first - 1), usize::MAX).unwrap();
        for one in told {
            assert_eq!(one.number, self.at.map_or(first, |at| at + 1), "nothing twice, nothing missed");
            self.at = Some(one.number);
            match one.event {
                Event::Assigned { faces } => {
                    for (face, from, to) in faces {
                        assert_eq!(self.whose.get(&face).copied(), from, "{face} goes to {to:?}");
                        match to {
                            Some(to) => drop(self.whose.insert(face, to)),
                            None => drop(self.whose.remove(&face)),
                        }
                    }
                }
                Event::Born { people } => {
                    people
                        .into_iter()
                        .for_each(|person| assert!(self.people.insert(person), "{person} again"));
                }
                Event::Ended { people } => {
                    for person in people {
                        assert!(self.people.remove(&person), "{person}");
                        // Who is no more has no name.
                        self.names.remove(&person);
                    }
                }
                Event::Renamed { person, name, before } => {
                    assert_eq!(self.names.remove(&person), before);
                    self.names.extend(name.map(|name| (person, name)));
                }
                _ => {}
            }
        }
        let mut whose = BTreeMap::new();
        let mut see = |face: WholeFace| whose.extend(face.person.map(|person| (face.row.id, person)));
        keeper.store.for_each_face(keeper.pack, &mut see).unwrap();
        assert_eq!(self.whose, whose);
        let rows = keeper.store.people().unwrap();
        let names = rows.iter().filter_map(|row| Some((row.id, row.name.clone()?)));
        assert_eq!(self.names, names.collect());
        assert_eq!(self.people, rows.iter().map(|row| row.id).collect());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Photos come, go and come back, humans speak, the index is saved beside that or lost, kills fall wherever they like, and people
    /// are sorted out at once or in portions: at any moment everybody is the same in store, roster and grouping, and to whom
    /// follows what happens.
    ///
    /// (Who fell apart because a photo went was shown as one person until the next start; and who came back and was not who they had been, by
    /// a human's word meanwhile, was shown as that until the next photo came.)
    #[test]
    fn whatever_happens_everybody_is_the_same_everywhere(seed: u64, portion in prop::option::of(1usize..20)) {
        let place = Place::new(seed);
        let open = || portion.map_or_else(|| place.keeper(), |portion| as_a_large_one(&place, portion));
        let mut random = Random(seed ^ 3);
        let mut keeper = open();
        settle(&mut keeper);
        let mut follower = Follower::default();
        let (mut away, mut photos): (Vec<Vec<FileRow>>, u8) = (Vec::new(), 30);
        for _ in 0..60 {
            match random.below(14) {
                0 if !away.is_empty() => {
                    let files = away.swap_remove(random.below(away.len()));
                    come_back(&mut keeper, files);
                }
                1 => settle(&mut keeper),
                2..4 => {
                    if let Some(ask) = ask(&keeper, &mut random) {
                        say(&mut keeper, ask);
                    }
                }
                4..6 => {
                    let stored = come(&keeper, photos, &mut random);
                    photos += 1;
                    keeper.take(&stored).unwrap();
                }
                6 => keeper.save(),
                7 => keeper.wait_for_saving(),
                8 if keeper.is_behind() => keeper.catch_up().unwrap(),
                // A kill; perhaps right behind a transaction.
                9 => {
                    if random.below(2) == 0 {
                        drop(come(&keeper, photos, &mut random));
                        photos += 1;
                    }
                    keeper.wait_for_saving();
                    drop(keeper);
                    if random.below(3) == 0 {
                        drop(std::fs::remove_dir_all(place.dir.path().join("index")));
                    }
                    keeper = open();
                    while !keeper.loose.is_empty() {
                        keeper.catch_up().unwrap();
                    }
                }
                10 => {
                    // Interrupted wherever it looks.
                    let (sender, waiting) = crossbeam_channel::unbounded();
                    let (reply, _answer) = crossbeam_channel::bounded(1);
                    sender.send(Message::Learn { reply }).unwrap();
                    keeper.settle(&waiting).unwrap();
                }
                _ => {
                    let photo = ContentId([u8::try_from(random.below(photos.into())).unwrap(); 32]);
                    away.extend(Some(go(&mut keeper, &photo)).filter(|files| !files.is_empty()));
                }
            }
            agrees(&keeper);
            follower.follow(&keeper);
        }
        settle(&mut keeper);
        keeper.wait_for_saving();
        follower.follow(&keeper);
        let before = everyone(&keeper);
        drop(keeper);
        let keeper = open();
        agrees(&keeper);
        prop_assert_eq!(everyone(&keeper), before);
    }
}
