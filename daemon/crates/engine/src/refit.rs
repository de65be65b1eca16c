//! Sorting everyone out anew in another way, beside the people there are: what would be different, and, if that is wished,
//! one line of the journal that makes it so. Clusters by density become people in [`density`]; how far it all is, is told by
//! [`steps`].

mod density;
mod steps;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use vow_cluster::{DbscanParams, Grouping, Move, Params};
use vow_store::{Decision, WholeFace};
use vow_types::num::round_u32;
use vow_types::{Embedding, FaceId, PerFace, PersonId};

use crate::decide::Ask;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::people::{Keeper, Near};
use crate::plan::Plan;
use crate::rulings::Rulings;
use crate::views::{Change, Difference, Done};
use steps::Steps;
pub use steps::{Onlooker, RefitStage, RefitStep};

/// Faces that are read between two reports.
const READ_A_STEP: usize = 1000;

/// How to sort everyone out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// As ever, by sum-link, but from this score on; `None`: the pack's.
    Grow(Option<f32>),
    /// By density, as the program did that this one replaces. Faces that are too poor for it follow whom they look like.
    Dbscan(DbscanParams),
}

/// What was worked out: people by faces, new ones with ids from `next` upwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refitting {
    method: &'static str,
    merge_at: Option<u16>,
    groups: Vec<(PersonId, Vec<FaceId>)>,
    before: Vec<(PersonId, Vec<FaceId>)>,
    next: PersonId,
}

/// A copy of all people to try things on.
struct Trial {
    grouping: Grouping,
    live: PerFace<PersonId>,
    /// Those that may found a person, where the way of sorting needs them.
    strong: Vec<(FaceId, Embedding)>,
}

impl Engine {
    /// Works out what would be different if everyone were sorted out anew, beside the people there are; with `apply`, makes
    /// it so: one line of the journal, which can be undone. `onlooker` is told how far it is, and ends it by saying so; then
    /// nothing was changed.
    ///
    /// # Errors
    /// When a parameter makes no sense, there are too many faces for the method, the store fails, or `onlooker` ends it.
    pub fn refit(
        &self,
        method: Method,
        apply: bool,
        onlooker: Onlooker,
    ) -> Result<(Difference, Option<Done>), EngineError> {
        let steps = Steps::new(self, onlooker);
        let rulings = self.people().rulings();
        let by_density = matches!(method, Method::Dbscan(_));
        let mut trial = self.trial(&rulings, by_density, &steps)?;
        let next = trial.grouping.next_person();
        let (name, merge_at, groups) = match method {
            Method::Grow(None) => ("grow", None, Vec::new()),
            Method::Grow(Some(merge_at)) => ("grow", Some(parts(merge_at)?), Vec::new()),
            Method::Dbscan(params) => {
                let kept = rulings.merge_at().map(parts).transpose()?;
                ("dbscan", kept, density::people(&trial, &rulings, params, &steps)?)
            }
        };
        let mut refitting = Refitting { method: name, merge_at, groups, before: Vec::new(), next };
        let mut after = Rulings::clone(&rulings);
        after.apply(&refitting.decision(Vec::new()), &[]);
        let faces = rulings.faces_that_differ(&after);
        let said = faces.into_iter().map(|face| (face, after.said(face))).collect();
        let index = self.people().index();
        let decided = vow_cluster::Decided { said, ..vow_cluster::Decided::default() };
        let mut moves = trial.grouping.decide(&decided, &Near(&index));
        let params = self.people().params_by(&after);
        trial.grouping.set_merge_at(params.merge_at, params.calibrated_among);
        loop {
            let sorted = trial.grouping.settle_some(&Near(&index), &|step| !steps.settling(step));
            let sorted = sorted.ok_or_else(|| steps.why_not())?;
            moves.extend(sorted.moves);
            if sorted.is_all {
                break;
            }
        }
        let moved: BTreeSet<FaceId> = moves.iter().map(|step: &Move| step.face).collect();

        let mut before: BTreeMap<PersonId, Vec<FaceId>> = BTreeMap::new();
        let mut changed = Vec::new();
        for face in moved {
            let (from, to) = (trial.live.get(face).copied(), trial.grouping.person_of(face));
            if from == to {
                continue;
            }
            from.into_iter().for_each(|from| before.entry(from).or_default().push(face));
            changed.push((from, to));
        }
        refitting.before = before.into_iter().collect();
        let difference = self.difference(&trial, &changed);
        let nothing = changed.is_empty() && after == *rulings;
        steps.say(RefitStage::Applying, 0, None)?;
        let done = (apply && !nothing).then(|| self.decide(Ask::Refit(refitting))).transpose()?;
        Ok((difference, done))
    }

    /// A copy of everybody. It holds shares of the index's embeddings, and no list of the strong faces unless that is wanted: of a large
    /// library either is more than all else.
    fn trial(&self, rulings: &Rulings, lists_strong: bool, steps: &Steps) -> Result<Trial, EngineError> {
        let index = self.people().index();
        let all = index.len();
        let params: Params = self.people().params();
        let mut trial = Trial {
            grouping: Grouping::new(params, self.store().next_person()?),
            live: PerFace::default(),
            strong: Vec::new(),
        };
        trial.grouping.retire(rulings.merged());
        for (person, known) in rulings.people() {
            trial.grouping.name(person, known.name.is_some());
        }

        let people = self.people();
        let (mut read, mut told) = (0_usize, Ok(()));
        self.store().for_each_face(people.pack.id, &mut |face| {
            if told.is_ok() && read.is_multiple_of(READ_A_STEP) {
                told = steps.say(RefitStage::Reading, read.min(all), Some(all));
            }
            read += 1;
            if told.is_err() {
                return;
            }
            let WholeFace { row, embedding, person, coded, shown, .. } = face;
            if !shown || rulings.is_no_face(row.id) {
                return;
            }
            let person = person.map(|person| rulings.resolve(person));
            if let Some(person) = person {
                trial.live.insert(row.id, person);
            }
            let held = index.embedding(row.id).filter(|held| *held == embedding);
            let observation = people.observation(rulings, &row, held.unwrap_or(embedding), Some(coded));
            if observation.strong && lists_strong {
                trial.strong.push((row.id, observation.embedding.clone()));
            }
            trial.grouping.restore(observation, person);
        })?;
        told.map(|()| trial)
    }

    /// Who gains and who loses what: people with a name first, then the largest.
    fn difference(&self, trial: &Trial, steps: &[(Option<PersonId>, Option<PersonId>)]) -> Difference {
        let mut sizes: HashMap<PersonId, usize> = HashMap::new();
        trial.live.values().for_each(|person| *sizes.entry(*person).or_default() += 1);
        let roster = self.people().read();
        let change = |person: PersonId| Change {
            person,
            name: roster.name_of(person).map(str::to_owned),
            before: sizes.get(&person).copied().unwrap_or_default(),
            after: trial.grouping.members(person).count(),
            lost: BTreeMap::new(),
            gained: BTreeMap::new(),
        };
        let mut all: BTreeMap<PersonId, Change> = BTreeMap::new();
        for (from, to) in steps {
            if let Some(from) = from {
                let entry = all.entry(*from).or_insert_with(|| change(*from));
                to.iter().for_each(|to| *entry.lost.entry(*to).or_default() += 1);
            }
            if let Some(to) = to {
                let entry = all.entry(*to).or_insert_with(|| change(*to));
                from.iter().for_each(|from| *entry.gained.entry(*from).or_default() += 1);
            }
        }
        let mut changes: Vec<Change> = all.into_values().collect();
        changes.sort_by_key(|one| {
            (one.name.is_none(), std::cmp::Reverse(one.before.max(one.after)), one.person)
        });
        Difference {
            changes,
            moved: steps.len(),
            before: sizes.len(),
            after: trial.grouping.people().count(),
        }
    }
}

impl Refitting {
    /// Everyone as ever, but by another score, in ten-thousandths.
    #[cfg(test)]
    pub(crate) fn by_score(merge_at: u16) -> Self {
        let (groups, before) = (Vec::new(), Vec::new());
        Self { method: "grow", merge_at: Some(merge_at), groups, before, next: PersonId(1) }
    }

    fn decision(&self, born: Vec<PersonId>) -> Decision {
        Decision::Refitted {
            method: self.method.to_owned(),
            merge_at: self.merge_at,
            groups: self.groups.clone(),
            before: self.before.clone(),
            born,
        }
    }
}

impl Keeper {
    /// New people may have come into being since it was worked out: those of the refitting come after them.
    pub(crate) fn plan_refit(&self, mut refitting: Refitting) -> Plan {
        let next = self.grouping.next_person();
        let mut born = Vec::new();
        for (person, _) in &mut refitting.groups {
            if *person >= refitting.next {
                *person = PersonId(person.0 - refitting.next.0 + next.0);
                born.push(*person);
            }
        }
        let decision = refitting.decision(born);
        let before = self.shared.rulings();
        let mut rulings = Rulings::clone(&before);
        rulings.apply(&decision, &[]);
        let mut plan = Plan::default();
        plan.faces.extend(before.faces_that_differ(&rulings));
        plan.people.extend(refitting.groups.iter().map(|(person, _)| rulings.resolve(*person)));
        plan.decision = Some(decision);
        plan
    }
}

/// A score in ten-thousandths.
fn parts(merge_at: f32) -> Result<u16, EngineError> {
    let usual = (0.05..=0.95).contains(&merge_at);
    let text = || format!("{merge_at} is no score at which to take groups for one person: 0.05 to 0.95");
    u16::try_from(round_u32(merge_at * 10_000.0))
        .ok()
        .filter(|_| usual)
        .ok_or_else(|| EngineError::Senseless(text()))
}
