//! Carrying out what a human says: is it possible, what is it as a line of the journal, which faces move, and all of it in
//! one transaction before it is acknowledged. On the people thread, so that nobody changes meanwhile.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use vow_cluster::Decided;
use vow_store::{Decision, JournalEntry, Outcome, PersonRow, Standing, StoreError};
use vow_types::{ContentId, FaceId, PersonId};

use crate::error::EngineError;
use crate::people::{Keeper, Near};
use crate::progress::now;
use crate::rulings::{self, Rulings};
use crate::views::Moved;

/// What a human says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// This is the person's name; empty: they have none.
    Name(PersonId, String),
    /// These people are all the first one. `same_photo`: even where one photo shows several of them.
    Merge {
        /// Who stays.
        into: PersonId,
        /// Who is taken in.
        from: Vec<PersonId>,
        /// Even where one photo shows several of them.
        same_photo: bool,
    },
    /// These faces of the person are somebody else.
    Split(PersonId, Vec<FaceId>),
    /// The face is this person.
    Confirm(FaceId, PersonId),
    /// The face is not this person, by default whoever it is taken for.
    Reject(FaceId, Option<PersonId>),
    /// This is no face.
    NotAFace(FaceId),
    /// The person is not to be listed, or is again.
    Hide(PersonId, bool),
    /// The face stands for the person; `None`: whichever is best.
    Cover(PersonId, Option<FaceId>),
    /// These are two people.
    Apart(PersonId, PersonId),
    /// The decision with this number, or the last one, does not count.
    Undo {
        /// Its number.
        entry: Option<u64>,
        /// Nor do those that make no sense without it.
        dependents: bool,
    },
    /// The decision with this number, or the one that was undone last, counts again.
    Redo(Option<u64>),
}

/// What the people thread answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) entry: Option<JournalEntry>,
    pub(crate) moved: Vec<Moved>,
    pub(crate) people: Vec<PersonId>,
    pub(crate) notes: Vec<String>,
}

/// A decision that can be carried out.
#[derive(Debug, Default)]
struct Plan {
    decision: Option<Decision>,
    known_by: Vec<(PersonId, Vec<FaceId>)>,
    /// For the grouping, but for what is said about faces.
    grouping: Decided,
    /// Faces about which something else may be said from now on.
    faces: BTreeSet<FaceId>,
    people: BTreeSet<PersonId>,
    /// What holds from now on, where that is not what held before and the decision.
    rulings: Option<Rulings>,
    notes: Vec<String>,
}

/// Either a human asked for what cannot be, or the store failed and with it the thread.
pub(crate) enum Trouble {
    Asked(EngineError),
    Store(StoreError),
}

impl From<EngineError> for Trouble {
    fn from(error: EngineError) -> Self {
        Self::Asked(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

type Result<T> = std::result::Result<T, Trouble>;

impl Keeper {
    /// Carries out what a human says. It is stored when this returns.
    pub(crate) fn decide(&mut self, ask: Ask) -> Result<Answer> {
        let plan = self.plan(ask)?;
        let Some(decision) = plan.decision else {
            let people = plan.people.into_iter().collect();
            return Ok(Answer { people, notes: plan.notes, ..Answer::default() });
        };
        let before = self.shared.rulings();
        let rulings = Arc::new(plan.rulings.unwrap_or_else(|| {
            let mut rulings = Rulings::clone(&before);
            rulings.apply(&decision, &plan.known_by);
            rulings
        }));
        self.shared.set_rulings(Arc::clone(&rulings));

        let no_longer: Vec<FaceId> = rulings.no_faces().difference(before.no_faces()).copied().collect();
        let again: Vec<FaceId> = before.no_faces().difference(rulings.no_faces()).copied().collect();
        let said = plan.faces.iter().map(|face| (*face, rulings.said(*face))).collect();
        let decided = Decided { said, ..plan.grouping };
        let index = self.shared.index();
        let mut moves = self.grouping.decide(&decided, &Near(&index));
        moves.extend(self.put_away(&no_longer));
        moves.extend(self.bring_back(&again, &decided.were)?);
        // A face may have moved twice; the last time counts.
        let last: HashMap<FaceId, Option<PersonId>> =
            moves.iter().map(|step| (step.face, step.person)).collect();
        let mut last: Vec<(FaceId, Option<PersonId>)> = last.into_iter().collect();
        last.sort_unstable();

        let mut people = plan.people;
        people.extend(rulings.people_that_differ(&before));
        let standing = people.iter().map(|person| standing(*person, &rulings)).collect::<Vec<_>>();
        let mut stored = last.clone();
        stored.extend(self.out_of_sight(&decision, &rulings, &last)?);
        let outcome = Outcome { moves: stored, people: standing };
        let entry = self.store.decide(decision, plan.known_by, &outcome, now())?;

        let mut roster = self.shared.write();
        let moved = last
            .iter()
            .map(|(face, to)| Moved { face: *face, from: roster.person_of(*face), to: *to })
            .filter(|moved| moved.from != moved.to)
            .collect();
        for standing in &outcome.people {
            self.grouping.name(standing.row.id, standing.row.name.is_some());
            roster.describe(&standing.row);
        }
        roster.apply(&moves);
        no_longer.iter().for_each(|face| roster.hide(*face));
        drop(roster);
        self.touch(decided.said.len().max(1));
        self.progress.touch();
        Ok(Answer { entry: Some(entry), moved, people: people.into_iter().collect(), notes: plan.notes })
    }

    fn plan(&self, ask: Ask) -> Result<Plan> {
        match ask {
            Ask::Name(person, name) => self.plan_name(person, &name),
            Ask::Merge { into, from, same_photo } => self.plan_merge(into, &from, same_photo),
            Ask::Split(person, faces) => self.plan_split(person, &faces),
            Ask::Confirm(face, person) => self.plan_confirm(face, person),
            Ask::Reject(face, person) => self.plan_reject(face, person),
            Ask::NotAFace(face) => self.plan_not_a_face(face),
            Ask::Hide(person, hidden) => {
                let person = self.existing(person)?;
                if self.shared.read().is_hidden(person) == hidden {
                    return Ok(Plan::nothing([person]));
                }
                Ok(self.about(&[person], Decision::Hidden { person, hidden }, &[]))
            }
            Ask::Cover(person, face) => self.plan_cover(person, face),
            Ask::Apart(a, b) => {
                let (a, b) = (self.existing(a)?, self.existing(b)?);
                if a == b {
                    return Err(EngineError::Senseless(format!(
                        "{a} is one person; to make two of them, split"
                    ))
                    .into());
                }
                if self.shared.rulings().are_apart(a, b) {
                    return Ok(Plan::nothing([a, b]));
                }
                Ok(self.about(&[a, b], Decision::Apart { a, b }, &[]))
            }
            Ask::Undo { entry, dependents } => self.plan_undo(entry, dependents),
            Ask::Redo(entry) => self.plan_redo(entry),
        }
    }

    /// A decision about people, who can be told by their faces from then on; `without` these.
    fn about(&self, people: &[PersonId], decision: Decision, without: &[FaceId]) -> Plan {
        let mut plan = Plan { decision: Some(decision), ..Plan::default() };
        plan.people.extend(people);
        for person in people {
            let core = self.core(*person, without);
            plan.faces.extend(&core);
            if !core.is_empty() {
                plan.known_by.push((*person, core));
            }
        }
        plan
    }

    /// The faces by which a person can be told from now on; none when they can be told already.
    fn core(&self, person: PersonId, without: &[FaceId]) -> Vec<FaceId> {
        if self.shared.rulings().can_be_told(person) {
            return Vec::new();
        }
        let mut core = self.grouping.core(person);
        core.retain(|face| !without.contains(face));
        if core.is_empty() {
            core.extend(self.grouping.members(person).filter(|face| !without.contains(face)));
            core.sort_unstable();
        }
        core
    }

    /// Who this is now, if there is such a person.
    fn existing(&self, person: PersonId) -> Result<PersonId> {
        let now = self.shared.rulings().resolve(person);
        if self.shared.read().exists(now) {
            return Ok(now);
        }
        Err(EngineError::UnknownPerson(person.to_string()).into())
    }

    fn visible(&self, face: FaceId) -> Result<FaceId> {
        if self.shared.read().contains(face) { Ok(face) } else { Err(EngineError::UnknownFace(face).into()) }
    }

    fn plan_name(&self, person: PersonId, name: &str) -> Result<Plan> {
        let person = self.existing(person)?;
        let name = Some(name.trim()).filter(|name| !name.is_empty()).map(str::to_owned);
        let before = self.shared.read().name_of(person).map(str::to_owned);
        if name == before {
            return Ok(Plan::nothing([person]));
        }
        let mut plan = self.about(&[person], Decision::Named { person, name: name.clone(), before }, &[]);
        let namesakes =
            name.as_ref().map(|name| self.store.people_named(name)).transpose()?.unwrap_or_default();
        for other in namesakes.into_iter().filter(|other| other.id != person) {
            plan.notes.push(format!("{} has this name too; `vow merge` makes one person of two", other.id));
        }
        Ok(plan)
    }

    fn plan_merge(&self, into: PersonId, from: &[PersonId], same_photo: bool) -> Result<Plan> {
        let into = self.existing(into)?;
        let mut others = Vec::new();
        for person in from {
            let person = self.existing(*person)?;
            if person != into && !others.contains(&person) {
                others.push(person);
            }
        }
        if others.is_empty() {
            return Ok(Plan::nothing([into]));
        }
        let together = self.in_one_photo(into, &others, same_photo)?;
        let everyone: Vec<PersonId> = [into].into_iter().chain(others.iter().copied()).collect();
        let absorbed = others.iter().map(|person| Ok((*person, self.store.faces_of_person(*person)?)));
        let absorbed = absorbed.collect::<std::result::Result<Vec<_>, StoreError>>()?;
        let mut plan =
            self.about(&everyone, Decision::Merged { into, from: absorbed, together: together.clone() }, &[]);
        plan.faces.extend(together);
        plan.faces.extend(self.shared.rulings().faces_said(&others));
        let roster = self.shared.read();
        let kept = roster.name_of(into);
        for name in others
            .iter()
            .filter_map(|person| roster.name_of(*person))
            .filter(|name| kept.is_some_and(|kept| kept != *name))
        {
            plan.notes.push(format!("the name {name} went; undo brings it back"));
        }
        drop(roster);
        plan.grouping.joined = others.into_iter().map(|person| (into, person)).collect();
        Ok(plan)
    }

    /// The faces of photos that show several of these people; refused unless a human says that this may be.
    fn in_one_photo(&self, into: PersonId, others: &[PersonId], allowed: bool) -> Result<Vec<FaceId>> {
        let roster = self.shared.read();
        let mut photos: HashMap<ContentId, Vec<(PersonId, FaceId)>> = HashMap::new();
        for person in others.iter().chain([&into]) {
            for face in roster.members(*person) {
                let Some(photo) = roster.photo_of(*face) else { continue };
                photos.entry(photo).or_default().push((*person, *face));
            }
        }
        let differ = |shown: &Vec<(PersonId, FaceId)>| {
            shown.iter().any(|(person, _)| shown.iter().any(|(other, _)| other != person))
        };
        photos.retain(|_, shown| differ(shown));
        if !allowed
            && let Some((a, b)) = photos.values().find_map(|shown| {
                let (a, _) = shown.first()?;
                let (b, _) = shown.iter().find(|(person, _)| person != a)?;
                Some((*a, *b))
            })
        {
            return Err(EngineError::SamePhoto { a, b, photos: photos.len() }.into());
        }
        let mut faces: Vec<FaceId> = photos.into_values().flatten().map(|(_, face)| face).collect();
        faces.sort_unstable();
        Ok(faces)
    }

    fn plan_split(&self, person: PersonId, faces: &[FaceId]) -> Result<Plan> {
        let from = self.existing(person)?;
        let faces: BTreeSet<FaceId> = faces.iter().copied().collect();
        for face in &faces {
            let whose = self.shared.read().person_of(self.visible(*face)?);
            if whose != Some(from) {
                return Err(EngineError::NotTheirs { face: *face, person: from, whose }.into());
            }
        }
        let faces: Vec<FaceId> = faces.into_iter().collect();
        if faces.is_empty() || faces.len() == self.shared.read().members(from).len() {
            let what = if faces.is_empty() { "no face was given" } else { "these are all of their faces" };
            return Err(EngineError::Senseless(format!("{from} cannot be split: {what}")).into());
        }
        let into = self.grouping.next_person();
        let mut plan = self.about(&[from], Decision::Split { from, into, faces: faces.clone() }, &faces);
        plan.faces.extend(faces);
        plan.people.insert(into);
        Ok(plan)
    }

    fn plan_confirm(&self, face: FaceId, person: PersonId) -> Result<Plan> {
        let person = self.existing(person)?;
        if self.shared.rulings().said(face).is == Some(person) && self.shared.read().contains(face) {
            return Ok(Plan::nothing([person]));
        }
        let no_face = self.shared.rulings().is_no_face(face);
        let face = if no_face { face } else { self.visible(face)? };
        let before = self.shared.read().person_of(face);
        let mut plan = self.about(&[person], Decision::Confirmed { face, person, before }, &[face]);
        plan.faces.insert(face);
        plan.people.extend(before);
        let roster = self.shared.read();
        let photo = roster.photo_of(face);
        let same = |other: &&FaceId| **other != face && photo.is_some() && roster.photo_of(**other) == photo;
        if let Some(other) = roster.members(person).iter().find(same) {
            let stays = self.shared.rulings().said(*other).is == Some(person)
                || plan.known_by.iter().any(|(_, core)| core.contains(other));
            plan.notes.push(if stays {
                format!("{other} of the same photo is {person} by an earlier word; both are now")
            } else {
                format!(
                    "{other} of the same photo is no longer {person}: two faces of a photo are two people"
                )
            });
        }
        Ok(plan)
    }

    fn plan_reject(&self, face: FaceId, person: Option<PersonId>) -> Result<Plan> {
        let before = self.shared.read().person_of(self.visible(face)?);
        let person = match person {
            Some(person) => self.existing(person)?,
            None => before.ok_or(EngineError::UnknownPerson(format!("the person of {face}")))?,
        };
        if self.shared.rulings().said(face).is_not.contains(&person) {
            return Ok(Plan::nothing([person]));
        }
        let roster = self.shared.read();
        if roster.members(person) == [face] && roster.name_of(person).is_none() {
            let text = format!(
                "{face} is the only face of {person}, who has no name: there is nobody to tell it from"
            );
            return Err(EngineError::Senseless(text).into());
        }
        drop(roster);
        let mut plan = self.about(&[person], Decision::Rejected { face, person, before }, &[face]);
        plan.faces.insert(face);
        if before != Some(person) {
            let whose = before.map_or_else(|| "nobody's".to_owned(), |one| format!("{one}'s"));
            plan.notes.push(format!("{face} was {whose}; it will not become {person}'s either"));
        }
        Ok(plan)
    }

    fn plan_not_a_face(&self, face: FaceId) -> Result<Plan> {
        if self.shared.rulings().is_no_face(face) {
            return Ok(Plan::nothing([]));
        }
        let before = self.shared.read().person_of(self.visible(face)?);
        let mut plan = Plan { decision: Some(Decision::NotAFace { face, before }), ..Plan::default() };
        plan.people.extend(before);
        Ok(plan)
    }

    fn plan_cover(&self, person: PersonId, face: Option<FaceId>) -> Result<Plan> {
        let person = self.existing(person)?;
        if let Some(face) = face {
            let whose = self.shared.read().person_of(self.visible(face)?);
            if whose != Some(person) {
                return Err(EngineError::NotTheirs { face, person, whose }.into());
            }
        }
        let before = self.shared.rulings().person(person).and_then(|known| known.cover);
        if before == face {
            return Ok(Plan::nothing([person]));
        }
        Ok(self.about(&[person], Decision::Covered { person, face, before }, &[]))
    }

    fn plan_undo(&self, entry: Option<u64>, dependents: bool) -> Result<Plan> {
        let journal = self.store.journal(0, usize::MAX)?;
        let undone = rulings::undone(&journal);
        let counts = |entry: &&JournalEntry| rulings::is_decision(entry) && !undone.contains(&entry.seq);
        let seq = match entry {
            None => journal
                .iter()
                .rev()
                .find(counts)
                .map(|entry| entry.seq)
                .ok_or(EngineError::NothingTo("undo"))?,
            Some(seq) => {
                let entry =
                    journal.iter().find(|entry| entry.seq == seq).ok_or(EngineError::UnknownEntry(seq))?;
                if !rulings::is_decision(entry) {
                    let text = format!(
                        "entry {seq} is no decision; `vow undo` and `vow redo` take the number of one"
                    );
                    return Err(EngineError::Senseless(text).into());
                }
                if undone.contains(&seq) {
                    let mut plan = Plan::nothing([]);
                    plan.notes.push(format!("decision {seq} was undone already"));
                    return Ok(plan);
                }
                seq
            }
        };
        let mut gone = vec![seq];
        let depend = rulings::dependents(&journal, &undone, &gone);
        if !depend.is_empty() && !dependents {
            return Err(EngineError::Dependents { entry: seq, dependents: depend }.into());
        }
        gone.extend(depend);
        let later = rulings::later(&journal, &undone, seq).into_iter().filter(|seq| !gone.contains(seq));
        let later: Vec<String> = later.map(|seq| seq.to_string()).collect();
        let mut plan = self.plan_toggle(&journal, &gone, &undone, true);
        if !later.is_empty() {
            plan.notes.push(format!("later decisions about the same people stand: {}", later.join(", ")));
        }
        Ok(plan)
    }

    fn plan_redo(&self, entry: Option<u64>) -> Result<Plan> {
        let journal = self.store.journal(0, usize::MAX)?;
        let undone = rulings::undone(&journal);
        let seqs = match entry {
            Some(seq) if undone.contains(&seq) => rulings::with_parents(&journal, &undone, vec![seq]),
            Some(seq) if journal.iter().any(|entry| entry.seq == seq) => {
                let mut plan = Plan::nothing([]);
                plan.notes.push(format!("entry {seq} was not undone"));
                return Ok(plan);
            }
            Some(seq) => return Err(EngineError::UnknownEntry(seq).into()),
            None => {
                let together = journal.iter().rev().find_map(|entry| match &entry.decision {
                    Decision::Undone { entries } => {
                        Some(entries.iter().copied().filter(|seq| undone.contains(seq)).collect::<Vec<_>>())
                            .filter(|still| !still.is_empty())
                    }
                    _ => None,
                });
                together.ok_or(EngineError::NothingTo("redo"))?
            }
        };
        Ok(self.plan_toggle(&journal, &seqs, &undone, false))
    }

    /// Entries that count no longer, or again.
    fn plan_toggle(
        &self,
        journal: &[JournalEntry],
        seqs: &[u64],
        undone: &BTreeSet<u64>,
        undo: bool,
    ) -> Plan {
        let mut undone = undone.clone();
        for seq in seqs {
            if undo {
                undone.insert(*seq);
            } else {
                undone.remove(seq);
            }
        }
        let rulings = Rulings::read(journal, &undone);
        let mut plan = Plan::default();
        plan.faces.extend(self.shared.rulings().faces_that_differ(&rulings));
        for entry in journal.iter().filter(|entry| seqs.contains(&entry.seq)) {
            let (people, _) = rulings::mentioned(&entry.decision);
            plan.people.extend(people.into_iter().map(|person| rulings.resolve(person)));
            // Where they were before; unless something else is said about them, they find their place by their looks.
            let were: Vec<(FaceId, PersonId)> = match &entry.decision {
                Decision::Merged { into, from, .. } => {
                    if !undo {
                        let into = rulings.resolve(*into);
                        let joined = from.iter().map(|(person, _)| (into, *person));
                        plan.grouping.joined.extend(joined.filter(|(into, person)| into != person));
                    }
                    from.iter()
                        .flat_map(|(person, faces)| faces.iter().map(|face| (*face, *person)))
                        .collect()
                }
                Decision::Split { from, faces, .. } => faces.iter().map(|face| (*face, *from)).collect(),
                Decision::Confirmed { face, before, .. } | Decision::Rejected { face, before, .. } => {
                    before.iter().map(|before| (*face, *before)).collect()
                }
                Decision::NotAFace { face, before } => before.iter().map(|before| (*face, *before)).collect(),
                _ => Vec::new(),
            };
            if undo {
                let loose = were.iter().map(|(face, _)| *face);
                plan.grouping.again.extend(loose.filter(|face| rulings.said(*face).is.is_none()));
                plan.grouping.were.extend(were);
            }
        }
        let entries = seqs.to_vec();
        plan.decision = Some(if undo { Decision::Undone { entries } } else { Decision::Redone { entries } });
        plan.rulings = Some(rulings);
        plan
    }

    /// Faces of photos without a file follow a merge too, in the store: they are there when the photo is back.
    fn out_of_sight(
        &self,
        decision: &Decision,
        rulings: &Rulings,
        seen: &[(FaceId, Option<PersonId>)],
    ) -> Result<Vec<(FaceId, Option<PersonId>)>> {
        let Decision::Merged { into, from, .. } = decision else { return Ok(Vec::new()) };
        let into = rulings.resolve(*into);
        let roster = self.shared.read();
        let hidden = from.iter().flat_map(|(_, faces)| faces).filter(|face| !roster.contains(**face));
        let known: BTreeSet<FaceId> = seen.iter().map(|(face, _)| *face).collect();
        Ok(hidden.filter(|face| !known.contains(face)).map(|face| (*face, Some(into))).collect())
    }
}

impl Plan {
    /// It is so already.
    fn nothing<const N: usize>(people: [PersonId; N]) -> Self {
        Self { people: people.into_iter().collect(), ..Self::default() }
    }
}

/// A person as the store is to have them.
pub(crate) fn standing(person: PersonId, rulings: &Rulings) -> Standing {
    let known = rulings.person(person).cloned().unwrap_or_default();
    Standing {
        row: PersonRow {
            id: person,
            name: known.name,
            hidden: known.hidden,
            cover: known.cover,
            created: now(),
        },
        decided: rulings.person(person).is_some(),
    }
}
