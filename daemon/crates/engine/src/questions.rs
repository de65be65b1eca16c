//! Questions to humans, the most useful first, and the reasons for where a face is.

use crossbeam_channel::bounded;
use vow_cluster::{Close, Placed};
use vow_types::num::usize_to_f32;
use vow_types::{FaceId, PersonId};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::people::Message;
use crate::rulings;
use crate::views::{Explained, HistoryLine, LooksLike, NearFace, Question};

/// Pairs of people that miss the threshold by more are not worth asking about. Of pairs nearer than that about half were one
/// person, on 8,872 portraits.
pub(crate) const WORTH_ASKING: f32 = 0.04;

/// Nearest faces that an explanation shows, of those a human confirmed and of all.
const SHOWN: usize = 5;
/// Neighbours among which they are looked for.
const LOOKED_AT: usize = 200;

impl Engine {
    /// Questions that humans have not answered yet, the most useful first, at most `limit`; the second value is how many
    /// there are. They are found whenever people are sorted out over everything, so that what is new brings none until then.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn questions(&self, limit: usize) -> Result<(Vec<Question>, usize), EngineError> {
        let rulings = self.people().rulings();
        let group = self.people().params().merge_at;
        let close = self.people().close();
        let calibration = self.calibration()?;
        let mut open: Vec<(f32, f32, Close)> = {
            let roster = self.people().read();
            let open = close.iter().copied().filter(|close| {
                // Answered since: they are one, or two, or one of the faces moved.
                let there = |person: PersonId, face: FaceId| roster.person_of(face) == Some(person);
                there(close.a, close.faces.0)
                    && there(close.b, close.faces.1)
                    && !roster.is_hidden(close.a)
                    && !roster.is_hidden(close.b)
                    && !rulings.are_apart(close.a, close.b)
                    && !rulings.said(close.faces.1).is_not.contains(&close.a)
            });
            let valued = open.map(|close| {
                let chance = calibration.chance(close.score);
                // Yes puts the smaller one right; with a name it is found by it.
                let named = roster.name_of(close.a).or_else(|| roster.name_of(close.b)).is_some();
                let worth = chance * usize_to_f32(close.sizes.1) * if named { 2.0 } else { 1.0 };
                (worth, chance, close)
            });
            valued.collect()
        };
        open.sort_unstable_by(|x, y| y.0.total_cmp(&x.0).then((x.2.a, x.2.b).cmp(&(y.2.a, y.2.b))));
        let total = open.len();
        let mut questions = Vec::new();
        for (_, chance, close) in open.into_iter().take(limit) {
            let (a, b) = match (self.person(close.a), self.person(close.b)) {
                (Ok(a), Ok(b)) => (a, b),
                (Err(EngineError::UnknownPerson(_)), _) | (_, Err(EngineError::UnknownPerson(_))) => continue,
                (Err(error), _) | (_, Err(error)) => return Err(error),
            };
            let shown = |face: FaceId| -> Result<_, EngineError> {
                Ok(self
                    .face_and_files(face)?
                    .and_then(|(face, files)| Some((face, files.into_iter().next()?))))
            };
            let (Some(face_a), Some(face_b)) = (shown(close.faces.0)?, shown(close.faces.1)?) else {
                continue;
            };
            let (is_face, score) = (b.faces == 1, close.score);
            questions.push(Question {
                a,
                b,
                faces: [face_a, face_b],
                is_face,
                score,
                merge_at: group,
                chance,
            });
        }
        Ok((questions, total))
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
        let (lines, _) = self.history(None, 0, usize::MAX)?;
        let speaks = |line: &HistoryLine| {
            line.in_effect
                && rulings::is_decision(&line.entry)
                && (rulings::mentioned(&line.entry.decision).1.contains(&face)
                    || line.entry.known_by.iter().any(|(_, faces)| faces.contains(&face)))
        };
        Ok(lines.into_iter().filter(speaks).collect())
    }
}
