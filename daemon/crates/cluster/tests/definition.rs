//! The exact pass against its definition, written out the slow way: every pair of groups is scored anew before every
//! merge, from the faces themselves.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "a test may panic: that is how it fails; its counts are small"
)]

mod common;

use std::collections::BTreeMap;

use common::{Exact, FIRST, World, make, params, partition, spoken_of};
use proptest::prelude::*;
use vow_cluster::{Grouping, Neighbours, Observation, Params};
use vow_types::{FaceId, PersonId};

/// Two scores nearer than this may come out in another order in single precision.
const TOO_CLOSE: f64 = 1e-5;

struct Slow<'a> {
    faces: &'a [Observation],
    near: Vec<Vec<bool>>,
    params: Params,
    /// The smallest gap between what was decided for and the next best.
    narrowest: f64,
}

impl Slow<'_> {
    fn sum(&self, group: &[usize]) -> Vec<f64> {
        let mut sum = vec![0.0; self.faces[0].embedding.dimension()];
        for face in group {
            for (s, v) in sum.iter_mut().zip(self.faces[*face].embedding.components()) {
                *s += f64::from(v);
            }
        }
        sum
    }

    fn score(&self, a: &[usize], b: &[usize]) -> f64 {
        let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
        let (s, t) = (self.sum(a), self.sum(b));
        let (n, m) = (a.len() as f64, b.len() as f64);
        // A single face is a unit vector by definition.
        let tight = |s: &[f64], n: f64| if n < 1.5 { 1.0 } else { dot(s, s).sqrt() / n };
        dot(&s, &t) / (n * m) / (tight(&s, n) * tight(&t, m)).powf(f64::from(self.params.power))
            + f64::from(self.params.uneven) * ((1.0 / n - 1.0 / m).abs() - 0.25)
    }

    fn may_meet(&self, a: &[usize], b: &[usize]) -> bool {
        let is = |group: &[usize]| group.iter().find_map(|f| self.faces[*f].said.is);
        let refuses = |group: &[usize], person: Option<PersonId>| {
            person.is_some_and(|person| {
                group.iter().any(|f| {
                    self.faces[*f].said.is != Some(person) && self.faces[*f].said.is_not.contains(&person)
                })
            })
        };
        // Nobody else of a photo is who some face of it is by a human's word, weak or not.
        let shares = |group: &[usize], person: Option<PersonId>| {
            person.is_some_and(|person| {
                group.iter().filter(|f| self.faces[**f].said.is != Some(person)).any(|f| {
                    self.faces
                        .iter()
                        .any(|other| other.photo == self.faces[*f].photo && other.said.is == Some(person))
                })
            })
        };
        !shares(a, is(b))
            && !shares(b, is(a))
            && is(a).zip(is(b)).is_none_or(|(x, y)| x == y)
            && !refuses(a, is(b))
            && !refuses(b, is(a))
            && a.iter().all(|x| b.iter().all(|y| self.faces[*x].photo != self.faces[*y].photo))
    }

    /// Merges until no two groups reach the threshold.
    fn merge(&mut self, groups: &mut Vec<Vec<usize>>) {
        loop {
            let mut scores = Vec::new();
            for a in 0..groups.len() {
                for b in a + 1..groups.len() {
                    if self.are_near(&groups[a], &groups[b]) && self.may_meet(&groups[a], &groups[b]) {
                        scores.push((self.score(&groups[a], &groups[b]), a, b));
                    }
                }
            }
            let Some((a, b)) = self.clear_best(scores, f64::from(self.params.merge_at)) else { break };
            let gone = groups.swap_remove(b);
            groups[a].extend(gone);
        }
    }

    /// Those of `faces` who are one person by a human's word, together; the others each by itself.
    fn by_word(&self, faces: impl Iterator<Item = usize>) -> (Vec<Vec<usize>>, Vec<usize>) {
        let (mut people, mut others) = (BTreeMap::<PersonId, Vec<usize>>::new(), Vec::new());
        for face in faces {
            match self.faces[face].said.is {
                Some(is) => people.entry(is).or_default().push(face),
                None => others.push(face),
            }
        }
        (people.into_values().collect(), others)
    }

    fn are_near(&self, a: &[usize], b: &[usize]) -> bool {
        a.iter().any(|x| b.iter().any(|y| self.near[*x][*y]))
    }

    /// The highest of `scores` that reaches `bar`, noting how clear that was.
    fn clear_best(&mut self, mut scores: Vec<(f64, usize, usize)>, bar: f64) -> Option<(usize, usize)> {
        scores.sort_by(|x, y| y.0.total_cmp(&x.0));
        for pair in scores.windows(2).take(1) {
            self.narrowest = self.narrowest.min(pair[0].0 - pair[1].0);
        }
        for (score, ..) in &scores {
            self.narrowest = self.narrowest.min((score - bar).abs());
        }
        scores.first().filter(|(score, ..)| *score >= bar).map(|(_, a, b)| (*a, *b))
    }

    fn groups(&mut self) -> Vec<Vec<FaceId>> {
        let strong = (0..self.faces.len()).filter(|f| self.faces[*f].strong);
        let (mut groups, others) = self.by_word(strong);
        let (late, others): (Vec<usize>, Vec<usize>) =
            others.into_iter().partition(|f| !self.faces[*f].said.is_not.is_empty());
        groups.extend(others.into_iter().map(|face| vec![face]));
        self.merge(&mut groups);
        groups.extend(late.into_iter().map(|face| vec![face]));
        self.merge(&mut groups);
        let (homeless, mut weak) = self.by_word((0..self.faces.len()).filter(|f| !self.faces[*f].strong));
        let strong = groups.clone();
        for kin in homeless {
            let is = self.faces[kin[0]].said.is;
            let home = strong.iter().position(|group| group.iter().any(|f| self.faces[*f].said.is == is));
            match home {
                Some(home) => groups[home].extend(kin),
                None => groups.push(kin),
            }
        }
        loop {
            let mut scores = Vec::new();
            for (w, face) in weak.iter().enumerate() {
                for g in 0..strong.len() {
                    if self.are_near(&[*face], &strong[g]) && self.may_meet(&[*face], &groups[g]) {
                        scores.push((self.score(&[*face], &strong[g]), w, g));
                    }
                }
            }
            let bar = f64::from(self.params.merge_at + self.params.weak_extra);
            let Some((w, g)) = self.clear_best(scores, bar) else { break };
            groups[g].push(weak.swap_remove(w));
        }
        groups.extend(weak.into_iter().map(|face| vec![face]));
        let mut named: Vec<Vec<FaceId>> =
            groups.iter().map(|group| group.iter().map(|f| self.faces[*f].face).collect()).collect();
        named.iter_mut().for_each(|group| group.sort_unstable());
        named.sort();
        named
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_global_rejects: 4096, ..ProptestConfig::default() })]

    #[test]
    fn settling_does_what_the_definition_says(
        seed: u64,
        people in 1usize..10,
        faces in 1usize..50,
        cosine in 0.3f32..0.7,
        kinship in 0.2f32..0.7,
        weak in 0.0f32..0.4,
        neighbours in prop::sample::select(vec![3usize, 6, 32]),
        share in 0.0f32..0.3,
    ) {
        let world = World { seed, dimension: 48, people, faces, cosine, kinship, weak, crowd: 4 };
        let faces: Vec<Observation> = spoken_of(make(world), share, seed);
        let params = Params { neighbours, ..params() };
        let index = Exact::of(&faces);
        let mut near = vec![vec![false; faces.len()]; faces.len()];
        for (a, face) in faces.iter().enumerate() {
            let found = index.nearest(&face.embedding, neighbours + 1);
            for (id, _) in found.into_iter().filter(|(id, c)| *id != face.face && *c >= params.min_cosine) {
                let b = faces.iter().position(|o| o.face == id).unwrap();
                near[a][b] = true;
                near[b][a] = true;
            }
        }
        let mut slow = Slow { faces: &faces, near, params, narrowest: f64::MAX };
        let expected = slow.groups();
        prop_assume!(slow.narrowest > TOO_CLOSE);

        let mut grouping = Grouping::new(params, FIRST);
        grouping.add(faces.clone(), &index);
        grouping.settle(&index, &|| false).unwrap();
        prop_assert_eq!(partition(&grouping), expected);
    }
}
