//! Other ways to group the same faces: what photo programs do, and what libraries offer. Each is as short as it can be
//! told; none knows of photos or of weak faces.

use std::collections::{BTreeMap, VecDeque};

use hdbscan::{Hdbscan, HdbscanHyperParams};
use vow_cluster::{DbscanParams, dbscan as linfa_dbscan};
use vow_types::Embedding;

use crate::faces::Face;
use crate::measure::{Partition, alone_where_none};
use crate::near::Near;
use crate::ours::shuffled;

/// The distance of unit vectors at a cosine.
pub(crate) fn distance(cosine: f32) -> f32 {
    (2.0 - 2.0 * cosine).max(0.0).sqrt()
}

/// The cosine of unit vectors at a distance.
fn cosine(distance: f32) -> f32 {
    1.0 - distance * distance / 2.0
}

/// DBSCAN by `linfa-clustering`, with Euclidean distances.
pub(crate) fn dbscan_linfa(faces: &[Face], eps: f32, least: usize) -> Partition {
    let embeddings: Vec<&Embedding> = faces.iter().map(|face| &face.embedding).collect();
    alone_where_none(linfa_dbscan(&embeddings, DbscanParams { eps, min_samples: least }).unwrap())
}

/// The same on pairs that are known, for other rules to begin with.
fn dbscan(near: &Near, faces: usize, eps: f32, least: usize) -> Vec<Option<usize>> {
    let bar = cosine(eps);
    let is_core = |face: usize| near.of(face, bar).take(least - 1).count() == least - 1;
    let mut groups = vec![None; faces];
    let mut next = 0;
    for seed in 0..faces {
        if groups[seed].is_some() || !is_core(seed) {
            continue;
        }
        groups[seed] = Some(next);
        let mut open = VecDeque::from([seed]);
        while let Some(face) = open.pop_front() {
            for (other, _) in near.of(face, bar) {
                if groups[other].is_none() {
                    groups[other] = Some(next);
                    if is_core(other) {
                        open.push_back(other);
                    }
                }
            }
        }
        next += 1;
    }
    groups
}

/// Immich (`person.service.ts`, `handleRecognizeFaces`): all faces are stored; each asks for the `least` nearest within a
/// cosine distance. The first of them who has a person gives it, or else the nearest of all who has. Nobody has one: a
/// face with `least` matches, itself among them, founds a person. With fewer it waits until all others had their turn.
pub(crate) fn immich(near: &Near, order: &[usize], distance: f32, least: usize) -> Partition {
    let mut people: Vec<Option<usize>> = vec![None; order.len()];
    let mut next = 0;
    let within = |face: usize| near.of(face, 1.0 - distance);
    let is_core = |face: usize| within(face).take(least - 1).count() + 1 >= least;
    let (core, late): (Vec<usize>, Vec<usize>) = order.iter().copied().partition(|face| is_core(*face));
    for face in core.into_iter().chain(late) {
        people[face] = within(face).find_map(|(other, _)| people[other]);
        if people[face].is_none() && is_core(face) {
            people[face] = Some(next);
            next += 1;
        }
    }
    alone_where_none(people)
}

/// PhotoPrism (`faces_cluster.go`, `faces_match.go`): DBSCAN, then every face goes to the nearest group whose midpoint is
/// no further than the group's radius and `reach`. Its rules on size and score, its lists of faces to leave out and its
/// merging of groups with a name are left out.
pub(crate) fn photoprism(near: &Near, faces: &[Face], eps: f32, least: usize, reach: f32) -> Partition {
    let groups = dbscan(near, faces.len(), eps, least);
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (face, group) in groups.iter().enumerate().filter_map(|(face, group)| Some((face, (*group)?))) {
        members.entry(group).or_default().push(face);
    }
    let clusters: Vec<(usize, Embedding, f32)> = members
        .into_iter()
        .map(|(group, members)| {
            let views: Vec<Vec<f32>> =
                members.iter().map(|face| faces[*face].embedding.components().collect()).collect();
            let middle = Embedding::from_views(&views).unwrap();
            let far = members.iter().map(|face| distance(middle.cosine(&faces[*face].embedding)));
            let radius = far.fold(0.0, f32::max) + 0.01;
            (group, middle, radius)
        })
        .collect();
    let home = |face: &Face| {
        let near = clusters.iter().filter_map(|(group, middle, radius)| {
            let far = distance(middle.cosine(&face.embedding));
            (far <= radius + reach).then_some((far, *group))
        });
        near.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, group)| group)
    };
    alone_where_none(faces.iter().map(home))
}

/// Chinese whispers (Biemann 2006): every face takes the label that weighs most among its neighbours, in a random order,
/// over and over.
pub(crate) fn chinese_whispers(near: &Near, faces: usize, bar: f32, rounds: u64) -> Partition {
    let mut labels: Partition = (0..faces).collect();
    for round in 0..rounds {
        for face in shuffled(faces, round + 1) {
            let mut weights: BTreeMap<usize, f32> = BTreeMap::new();
            for (other, cosine) in near.of(face, bar) {
                *weights.entry(labels[other]).or_default() += cosine;
            }
            if let Some((label, _)) = weights.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)) {
                labels[face] = label;
            }
        }
    }
    labels
}

/// HDBSCAN by the crate of that name.
pub(crate) fn hdbscan(faces: &[Face], least: usize, samples: usize) -> Partition {
    let points: Vec<Vec<f32>> = faces.iter().map(|face| face.embedding.components().collect()).collect();
    let params = HdbscanHyperParams::builder().min_cluster_size(least).min_samples(samples).build();
    let labels = Hdbscan::new(&points, params).cluster().unwrap();
    alone_where_none(labels.into_iter().map(|label| usize::try_from(label).ok()))
}
