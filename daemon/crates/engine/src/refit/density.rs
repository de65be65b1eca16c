//! DBSCAN's clusters as people. The clusters are `vow-cluster`'s; what is done with the people is left to the parent.

use std::collections::{BTreeMap, HashMap, HashSet};

use vow_cluster::{DbscanError, DbscanParams, dbscan_watched};
use vow_types::{Embedding, FaceId, PersonId};

use super::Trial;
use super::steps::{RefitStage, Steps};
use crate::error::EngineError;
use crate::rulings::Rulings;

/// DBSCAN compares everyone with everyone: with so many faces of 128 numbers that takes half an hour on two cores, and their
/// numbers are in memory once more, 256 MB.
const MOST: usize = 500_000;

/// DBSCAN's clusters as people: those who hold a face by a human's word are that person, the others whoever most of their
/// faces are now, each person once, people with a name first. Only clusters that are not as they are now.
pub(super) fn people(
    trial: &Trial,
    rulings: &Rulings,
    params: DbscanParams,
    steps: &Steps,
) -> Result<Vec<(PersonId, Vec<FaceId>)>, EngineError> {
    if trial.strong.len() > MOST {
        let text = format!(
            "dbscan compares every face with every other one: {} faces are too many (at most {MOST}); use --method grow",
            trial.strong.len()
        );
        return Err(EngineError::Senseless(text));
    }
    let embeddings: Vec<&Embedding> = trial.strong.iter().map(|(_, embedding)| embedding).collect();
    let (told, all) = (steps.clone(), embeddings.len());
    let onlooker = move |done| told.say(RefitStage::Density, done, Some(all)).is_ok();
    let labels = dbscan_watched(&embeddings, params, onlooker).map_err(|error| match error {
        DbscanError::Stopped => steps.why_not(),
        other => EngineError::Senseless(other.to_string()),
    })?;
    let mut clusters: BTreeMap<(usize, FaceId), Vec<FaceId>> = BTreeMap::new();
    for ((face, _), label) in trial.strong.iter().zip(labels) {
        // Noise is everyone by themselves.
        let key = label.map_or((usize::MAX, *face), |label| (label, FaceId(0)));
        clusters.entry(key).or_default().push(*face);
    }

    let mut claims: Vec<(bool, bool, usize, PersonId, usize)> = Vec::new();
    let clusters: Vec<Vec<FaceId>> = clusters.into_values().collect();
    for (number, faces) in clusters.iter().enumerate() {
        let mut votes: HashMap<(bool, PersonId), usize> = HashMap::new();
        for face in faces {
            let word = rulings.is_pinned(*face).then(|| rulings.said(*face).is).flatten();
            let person = word.or_else(|| trial.live.get(*face).copied());
            person.into_iter().for_each(|person| *votes.entry((word.is_some(), person)).or_default() += 1);
        }
        claims.extend(votes.into_iter().map(|((by_word, person), count)| {
            let named = rulings.person(person).is_some_and(|known| known.name.is_some());
            (by_word, named, count, person, number)
        }));
    }
    claims.sort_unstable_by(|x, y| (y.0, y.1, y.2).cmp(&(x.0, x.1, x.2)).then((x.3, x.4).cmp(&(y.3, y.4))));
    let mut people: HashMap<usize, PersonId> = HashMap::new();
    let mut taken: HashSet<PersonId> = HashSet::new();
    for (_, _, _, person, number) in claims {
        if !people.contains_key(&number) && taken.insert(person) {
            people.insert(number, person);
        }
    }

    let mut sizes: HashMap<PersonId, usize> = HashMap::new();
    let strong: HashSet<FaceId> = trial.strong.iter().map(|(face, _)| *face).collect();
    let live = trial.live.iter().filter(|(face, _)| strong.contains(face));
    live.for_each(|(_, person)| *sizes.entry(*person).or_default() += 1);
    let mut next = trial.grouping.next_person();
    let mut groups = Vec::new();
    for (number, faces) in clusters.into_iter().enumerate() {
        let person = people.get(&number).copied();
        let same = |face: &FaceId| person.is_some() && trial.live.get(*face).copied() == person;
        let as_now =
            faces.iter().all(same) && person.and_then(|one| sizes.get(&one).copied()) == Some(faces.len());
        if as_now {
            continue;
        }
        let person = person.unwrap_or_else(|| {
            let fresh = next;
            next = PersonId(next.0.saturating_add(1));
            fresh
        });
        groups.push((person, faces));
    }
    Ok(groups)
}
