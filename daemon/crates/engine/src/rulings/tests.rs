use proptest::prelude::*;

use super::*;

const P: [PersonId; 4] = [PersonId(1), PersonId(2), PersonId(3), PersonId(4)];

fn entries(decisions: Vec<Decision>) -> Vec<JournalEntry> {
    let entry = |(seq, decision)| JournalEntry { seq, at: 0, decision, known_by: Vec::new() };
    (1..).zip(decisions).map(entry).collect()
}

fn read(journal: &[JournalEntry]) -> Rulings {
    Rulings::read(journal, &undone(journal))
}

fn named(person: PersonId, name: &str) -> Decision {
    Decision::Named { person, name: Some(name.to_owned()), before: None }
}

fn merged(into: PersonId, from: PersonId) -> Decision {
    Decision::Merged { into, from: vec![(from, Vec::new())], together: Vec::new() }
}

fn confirmed(face: u64, person: PersonId) -> Decision {
    Decision::Confirmed { face: FaceId(face), person, before: None }
}

fn rejected(face: u64, person: PersonId) -> Decision {
    Decision::Rejected { face: FaceId(face), person, before: None }
}

#[test]
fn merged_ids_lead_to_who_stayed_and_a_name_comes_along() {
    let [a, b, c, _] = P;
    let journal = entries(vec![named(b, "Ada"), merged(a, b), confirmed(7, b), merged(c, a)]);
    let rulings = read(&journal);
    assert_eq!((rulings.resolve(b), rulings.resolve(a)), (c, c));
    assert_eq!(rulings.said(FaceId(7)).is, Some(c));
    assert_eq!(rulings.person(c).and_then(|known| known.name.clone()).as_deref(), Some("Ada"));
    assert_eq!(rulings.person(a), None);
}

#[test]
fn the_later_word_about_a_face_counts() {
    let [a, b, ..] = P;
    let said = |decisions| read(&entries(decisions)).said(FaceId(7));
    assert_eq!(said(vec![confirmed(7, a), confirmed(7, b)]).is, Some(b));
    assert_eq!(said(vec![rejected(7, a), confirmed(7, a)]), Said { is: Some(a), is_not: vec![] });
    assert_eq!(said(vec![confirmed(7, a), rejected(7, a)]), Said { is: None, is_not: vec![a] });
    assert_eq!(said(vec![confirmed(7, a), rejected(7, b)]), Said { is: Some(a), is_not: vec![b] });
    let not = Decision::NotAFace { face: FaceId(7), before: Some(a) };
    assert!(read(&entries(vec![confirmed(7, a), not.clone()])).is_no_face(FaceId(7)));
    assert!(!read(&entries(vec![not, confirmed(7, a)])).is_no_face(FaceId(7)));
}

#[test]
fn an_entry_is_undone_redone_and_undone_again() {
    let [a, ..] = P;
    let undo = || Decision::Undone { entries: vec![1] };
    let name = |journal: Vec<Decision>| {
        read(&entries(journal)).person(a).and_then(|known| known.name.clone()).unwrap_or_default()
    };
    let redo = Decision::Redone { entries: vec![1] };
    assert_eq!(name(vec![named(a, "Ada"), undo()]), "");
    assert_eq!(name(vec![named(a, "Ada"), undo(), redo.clone()]), "Ada");
    assert_eq!(name(vec![named(a, "Ada"), undo(), redo, undo()]), "");
    assert_eq!(name(vec![named(a, "Ada"), named(a, "Eve"), undo()]), "Eve", "a later name stands");
}

#[test]
fn what_speaks_of_a_person_who_is_not_born_then_depends_on_it() {
    let [a, b, c, _] = P;
    let split = |from, into, face| Decision::Split { from, into, faces: vec![FaceId(face)] };
    let journal = entries(vec![
        named(a, "Ada"),
        split(a, b, 1),
        named(b, "Bob"),
        split(b, c, 2),
        confirmed(9, c),
        confirmed(8, a),
    ]);
    assert_eq!(dependents(&journal, &BTreeSet::new(), &[2]), [3, 4, 5]);
    assert_eq!(dependents(&journal, &BTreeSet::from([4, 5]), &[2]), [3]);
    assert_eq!(dependents(&journal, &BTreeSet::new(), &[1]), Vec::<u64>::new());
    assert_eq!(later(&journal, &BTreeSet::new(), 1), [2, 6]);
    assert_eq!(with_parents(&journal, &BTreeSet::from([2, 3, 4, 5]), vec![5]), [5, 4, 2]);
    assert_eq!(with_parents(&journal, &BTreeSet::from([4, 5]), vec![5]), [5, 4]);
}

fn decision() -> impl Strategy<Value = Decision> {
    let person = || prop::sample::select(P.to_vec());
    prop_oneof![
        (person(), prop::option::of("[AB]")).prop_map(|(person, name)| Decision::Named {
            person,
            name,
            before: None
        }),
        (person(), person()).prop_map(|(into, from)| merged(into, from)),
        (person(), person(), 0u64..6).prop_map(|(from, into, face)| Decision::Split {
            from,
            into,
            faces: vec![FaceId(face)]
        }),
        (0u64..6, person()).prop_map(|(face, person)| confirmed(face, person)),
        (0u64..6, person()).prop_map(|(face, person)| rejected(face, person)),
        (0u64..6).prop_map(|face| Decision::NotAFace { face: FaceId(face), before: None }),
        (person(), any::<bool>()).prop_map(|(person, hidden)| Decision::Hidden { person, hidden }),
        (person(), person()).prop_map(|(a, b)| Decision::Apart { a, b }),
    ]
}

proptest! {
    /// Whatever is passed over, nothing is overlooked.
    #[test]
    fn the_faces_that_differ_are_all_of_them(
        decisions in prop::collection::vec(decision(), 0..30), left_out in prop::collection::btree_set(1u64..30, 0..4),
        fitted in prop::collection::vec((0u64..6, 0usize..4), 0..6),
    ) {
        let mut decisions = decisions;
        let groups = fitted.into_iter().map(|(face, person)| (P[person], vec![FaceId(face)])).collect();
        let refitted = Decision::Refitted {
            method: "grow".to_owned(), merge_at: None, groups, before: Vec::new(), born: Vec::new(),
        };
        decisions.insert(decisions.len() / 2, refitted);
        let journal = entries(decisions);
        let (one, other) = (read(&journal), Rulings::read(&journal, &left_out));
        let differ: Vec<FaceId> = (0..6).map(FaceId).filter(|face| one.said(*face) != other.said(*face)).collect();
        prop_assert_eq!(one.faces_that_differ(&other), differ.clone());
        prop_assert_eq!(other.faces_that_differ(&one), differ);
    }

    /// Chains end, nobody is and is not somebody, undoing all of it leaves nothing, and redoing brings all of it back.
    #[test]
    fn any_journal_makes_sense(decisions in prop::collection::vec(decision(), 0..30)) {
        let mut journal = entries(decisions);
        let rulings = read(&journal);
        for person in P {
            let end = rulings.resolve(person);
            prop_assert_eq!(rulings.resolve(end), end);
            prop_assert!(end == person || rulings.person(person).is_none());
        }
        for face in (0..6).map(FaceId) {
            let said = rulings.said(face);
            prop_assert!(said.is.is_none_or(|is| !said.is_not.contains(&is)));
            prop_assert!(said.is.is_none() || !rulings.is_no_face(face));
        }
        let all: Vec<u64> = journal.iter().map(|entry| entry.seq).collect();
        let next = journal.len() as u64 + 1;
        let say = |seq, decision| JournalEntry { seq, at: 0, decision, known_by: Vec::new() };
        journal.push(say(next, Decision::Undone { entries: all.clone() }));
        prop_assert_eq!(read(&journal), Rulings::default());
        journal.push(say(next + 1, Decision::Redone { entries: all }));
        prop_assert_eq!(read(&journal), rulings);
    }
}
