//! Questions to humans, the most useful first, and the reasons for where a face is.

use std::collections::BTreeMap;

use crossbeam_channel::bounded;
use vow_cluster::{Close, Doubt, Grouping, Placed};
use vow_store::JournalEntry;
use vow_types::num::usize_to_f32;
use vow_types::{FaceId, PersonId};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::people::{Message, People};
use crate::rulings;
use crate::views::{Explained, HistoryLine, LooksLike, NearFace, Question};

/// Pairs of people that miss the threshold by more are not worth asking about: of those nearer than 0.04 about a quarter to a
/// half were one person on 8,911 portraits, and hardly any beyond this.
pub(crate) const MISSES_BY: f32 = 0.08;
/// Faces that reach the threshold by more are surely their person.
const REACHES_BY: f32 = 0.04;
/// Nearest faces that an explanation shows, of those a human confirmed and of all.
const SHOWN: usize = 5;
/// Neighbours among which they are looked for.
const LOOKED_AT: usize = 200;

/// So many pairs of people, and so many faces in doubt, are kept for asking, those nearest to the threshold: nobody answers more.
const MOST: usize = 20_000;

/// What may be asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Open {
    pub(crate) close: Vec<Close>,
    /// How crowded it usually is around them.
    pub(crate) usual: f32,
    pub(crate) doubts: Vec<Doubt>,
}

/// The same while it is found: people are sorted out some at a time where there are many.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    close: BTreeMap<(PersonId, PersonId), Close>,
    doubts: BTreeMap<FaceId, Doubt>,
}

impl Opening {
    /// Takes in what is worth asking about these people, who were just sorted out.
    pub(crate) fn take_in(&mut self, grouping: &mut Grouping, people: &People, of: &[PersonId]) {
        let close = grouping.close_pairs(of, MISSES_BY).into_iter();
        let across = grouping.close_across_years(of, MISSES_BY, &|face| people.day_of(face));
        self.close.extend(close.chain(across).map(|close| ((close.a, close.b), close)));
        self.doubts.extend(grouping.doubts(of, REACHES_BY).into_iter().map(|doubt| (doubt.face, doubt)));
        if self.close.len().max(self.doubts.len()) > 2 * MOST {
            self.prune();
        }
    }

    /// Leaves what is nearest to the threshold.
    fn prune(&mut self) {
        let mut close: Vec<Close> = std::mem::take(&mut self.close).into_values().collect();
        close.sort_by(|x, y| y.score.total_cmp(&x.score));
        self.close = close.into_iter().take(MOST).map(|close| ((close.a, close.b), close)).collect();
        let mut doubts: Vec<Doubt> = std::mem::take(&mut self.doubts).into_values().collect();
        doubts.sort_by(|x, y| x.score.total_cmp(&y.score));
        self.doubts = doubts.into_iter().take(MOST).map(|doubt| (doubt.face, doubt)).collect();
    }

    /// All of it, once everybody is sorted out.
    pub(crate) fn finish(mut self) -> Open {
        self.prune();
        let close: Vec<Close> = self.close.into_values().collect();
        let crowds = close.iter().filter_map(|close| close.crowd);
        let usual = crowds.clone().sum::<f32>() / usize_to_f32(crowds.count().max(1));
        Open { close, usual, doubts: self.doubts.into_values().collect() }
    }
}

/// A question that may be asked, before it is worked out for showing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    /// What the answer that changes something is expected to put right, in faces.
    worth: f32,
    pub(crate) chance: f32,
    a: PersonId,
    b: PersonId,
    faces: (FaceId, FaceId),
    score: f32,
    in_doubt: bool,
}

impl Engine {
    /// Questions that humans have not answered yet, the most useful first, at most `limit`; the second value is how many
    /// there are. They are found whenever people are sorted out over everything, so that what is new brings none until then.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn questions(&self, limit: usize) -> Result<(Vec<Question>, usize), EngineError> {
        let mut open = self.candidates()?;
        open.sort_unstable_by(|x, y| y.worth.total_cmp(&x.worth).then((x.faces).cmp(&y.faces)));
        let total = open.len();
        let mut questions = Vec::new();
        for candidate in open.into_iter().take(limit) {
            let (a, b) = match (self.person(candidate.a), self.person(candidate.b)) {
                (Ok(a), Ok(b)) => (a, b),
                (Err(EngineError::UnknownPerson(_)), _) | (_, Err(EngineError::UnknownPerson(_))) => continue,
                (Err(error), _) | (_, Err(error)) => return Err(error),
            };
            let shown = |face: FaceId| -> Result<_, EngineError> {
                Ok(self
                    .face_and_files(face)?
                    .and_then(|(face, files)| Some((face, files.into_iter().next()?))))
            };
            let (Some(one), Some(other)) = (shown(candidate.faces.0)?, shown(candidate.faces.1)?) else {
                continue;
            };
            let Candidate { chance, score, in_doubt, .. } = candidate;
            let is_face = in_doubt || b.faces == 1;
            let merge_at = self.people().merge_at();
            questions.push(Question {
                a,
                b,
                faces: [one, other],
                is_face,
                in_doubt,
                score,
                merge_at,
                chance,
            });
        }
        Ok((questions, total))
    }

    /// All questions that were not answered since they were found.
    pub(crate) fn candidates(&self) -> Result<Vec<Candidate>, EngineError> {
        let (open, calibration, rulings) =
            (self.people().open(), self.calibration()?, self.people().rulings());
        let roster = self.people().read();
        let there = |person: PersonId, face: FaceId| roster.person_of(face) == Some(person);
        // What is put right for somebody with a name is found by it.
        let weight = |named: bool| if named { 2.0 } else { 1.0 };
        let mut candidates = Vec::new();
        for close in &open.close {
            let (a, b, faces) = (close.a, close.b, close.faces);
            // They may be one, or two, by now, or one of the faces moved.
            if !there(a, faces.0)
                || !there(b, faces.1)
                || roster.is_hidden(a)
                || roster.is_hidden(b)
                || rulings.are_apart(a, b)
                || rulings.said(faces.1).is_not.contains(&a)
            {
                continue;
            }
            let chance = calibration.chance_knowing(close.score, close.beyond_score(open.usual));
            let (n, m) = (usize_to_f32(close.sizes.0), usize_to_f32(close.sizes.1));
            let named = roster.name_of(a).or_else(|| roster.name_of(b)).is_some();
            let worth = chance * 2.0 * n * m / (n + m) * weight(named);
            candidates.push(Candidate { worth, chance, a, b, faces, score: close.score, in_doubt: false });
        }
        for doubt in &open.doubts {
            let (person, face) = (doubt.person, doubt.face);
            let there = there(person, face) && there(person, doubt.nearest);
            if !there || roster.is_hidden(person) || rulings.is_pinned(face) {
                continue;
            }
            let chance = calibration.chance(doubt.score);
            let n = usize_to_f32(doubt.size);
            let worth = (1.0 - chance) * 2.0 * (n - 1.0) / n * weight(roster.name_of(person).is_some());
            let (a, b, faces, score) = (person, person, (doubt.nearest, face), doubt.score);
            candidates.push(Candidate { worth, chance, a, b, faces, score, in_doubt: true });
        }
        Ok(candidates)
    }

    /// Why a face is where it is.
    ///
    /// # Errors
    /// When there is no such face.
    pub fn explain(&self, id: FaceId) -> Result<Explained, EngineError> {
        let unknown = || EngineError::UnknownFace(id);
        let (face, files) = self.face_and_files(id)?.ok_or_else(unknown)?;
        let embedding = self.embedding(id)?;
        let (reply, answer) = bounded(1);
        self.tell(Message::Explain { face: id, reply })?;
        let placed: Option<Placed> = answer.recv().map_err(|_| EngineError::Stopping)?;
        let rulings = self.people().rulings();
        let said = rulings.said(id);
        let mut nearest = Vec::new();
        for (other, cosine) in self.people().index().search(&embedding, LOOKED_AT) {
            let roster = self.people().read();
            let Some(person) = roster.person_of(other).filter(|_| other != id) else { continue };
            let name = roster.name_of(person).map(str::to_owned);
            let confirmed = rulings.said(other).is == Some(person);
            nearest.push(NearFace { face: other, cosine, person, name, confirmed });
        }
        let theirs = |near: &&NearFace| near.confirmed && Some(near.person) == placed.map(|one| one.person);
        let confirmed: Vec<NearFace> = nearest.iter().filter(theirs).take(SHOWN).cloned().collect();
        nearest.truncate(SHOWN);
        let runner_up = placed.and_then(|one| one.runner_up).map(|other| LooksLike {
            person: other.person,
            name: self.people().read().name_of(other.person).map(str::to_owned),
            score: other.score,
            barred: other.barred,
        });
        let decisions = self.decisions_about(id)?;
        Ok(Explained {
            is_no_face: rulings.is_no_face(id),
            face,
            files,
            placed,
            said,
            confirmed,
            nearest,
            runner_up,
            decisions,
        })
    }

    /// The lines of the journal that count and say something about a face.
    fn decisions_about(&self, face: FaceId) -> Result<Vec<HistoryLine>, EngineError> {
        let speaks = |entry: &JournalEntry, in_effect: bool| {
            in_effect
                && rulings::is_decision(entry)
                && (entry.decision.mentioned().1.contains(&face)
                    || entry.known_by.iter().any(|(_, faces)| faces.contains(&face)))
        };
        Ok(self.lines(Some(&speaks), 0, usize::MAX)?.0)
    }
}
