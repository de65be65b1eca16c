//! From what a human says to a line of the journal: is it possible, whom is it about, which faces may move. Reads; what is
//! to be done is carried out by `decide`.

use std::collections::{BTreeSet, HashMap};

use vow_cluster::Decided;
use vow_store::{Decision, StoreError};
use vow_types::{ContentId, FaceId, PersonId};

use crate::decide::{Ask, Result};
use crate::error::EngineError;
use crate::people::Keeper;
use crate::rulings::Rulings;

/// A decision that can be carried out.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) decision: Option<Decision>,
    pub(crate) known_by: Vec<(PersonId, Vec<FaceId>)>,
    /// For the grouping, but for what is said about faces.
    pub(crate) grouping: Decided,
    /// Faces about which something else may be said from now on.
    pub(crate) faces: BTreeSet<FaceId>,
    pub(crate) people: BTreeSet<PersonId>,
    /// What holds from now on, where that is not what held before and the decision.
    pub(crate) rulings: Option<Rulings>,
    pub(crate) notes: Vec<String>,
}

impl Keeper {
    pub(crate) fn plan(&mut self, ask: Ask) -> Result<Plan> {
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
            Ask::Draw(pointed) => self.plan_draw(*pointed),
            Ask::Refit(refitting) => Ok(self.plan_refit(refitting)),
            Ask::Undo { entry, dependents } => self.plan_undo(entry, dependents),
            Ask::Redo(entry) => self.plan_redo(entry),
        }
    }

    /// A decision about people, who can be told by their faces from then on; `without` these.
    pub(crate) fn about(&self, people: &[PersonId], decision: Decision, without: &[FaceId]) -> Plan {
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
        self.clearly_theirs(person, without)
    }

    /// Whoever loses the last face by which they could be told is told by others from now on.
    pub(crate) fn tell_who_lost(&self, plan: &mut Plan, before: &Rulings, after: &Rulings) {
        let Some(decision) = &plan.decision else { return };
        let faces = decision.mentioned().1;
        let were: BTreeSet<PersonId> = faces.iter().filter_map(|face| before.said(*face).is).collect();
        for person in were.into_iter().map(|person| after.resolve(person)) {
            if after.can_be_told(person) || after.person(person).is_none() {
                continue;
            }
            let core = self.clearly_theirs(person, &faces);
            if !core.is_empty() {
                plan.faces.extend(&core);
                plan.known_by.push((person, core));
            }
        }
    }

    fn clearly_theirs(&self, person: PersonId, without: &[FaceId]) -> Vec<FaceId> {
        let mut core = self.grouping.core(person);
        core.retain(|face| !without.contains(face));
        if core.is_empty() {
            core.extend(self.grouping.members(person).filter(|face| !without.contains(face)));
            core.sort_unstable();
        }
        core
    }

    /// Who this is now, if there is such a person.
    pub(crate) fn existing(&self, person: PersonId) -> Result<PersonId> {
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
        let mut people: Vec<PersonId> = others.iter().copied().chain([into]).collect();
        people.sort_by_key(|person| roster.members(*person).len());
        let last = people.pop();
        let seen = |person: PersonId| {
            let members = roster.members(person).iter();
            members.filter_map(|face| Some((roster.photo_of(*face)?, (person, *face)))).collect::<Vec<_>>()
        };
        for (photo, face) in people.into_iter().flat_map(seen) {
            photos.entry(photo).or_default().push(face);
        }
        // Of whoever has the most photos only those count that show another.
        for shown in photos.values_mut() {
            let Some((_, face)) = shown.first().copied() else { continue };
            let whose =
                |face: FaceId| Some((roster.person_of(face).filter(|whose| Some(*whose) == last)?, face));
            shown.extend(roster.beside(face).filter_map(whose));
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
        let photo = self.shared.read().photo_of(face);
        let same = photo.map(|photo| self.also_theirs(&photo, person)).transpose()?.unwrap_or_default();
        if let Some(other) = same.into_iter().find(|other| *other != face) {
            let stays = self.shared.rulings().said(other).is == Some(person)
                || plan.known_by.iter().any(|(_, core)| core.contains(&other));
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
}

impl Plan {
    /// It is so already.
    pub(crate) fn nothing<const N: usize>(people: [PersonId; N]) -> Self {
        Self { people: people.into_iter().collect(), ..Self::default() }
    }
}
