//! Who looks like whom, exactly: every pair of faces is compared. What peers are run on, and what the index approximates.

use std::cell::RefCell;

use vow_cluster::Neighbours;
use vow_types::num::{index, len_u32, usize_to_f64};
use vow_types::{Embedding, FaceId};

use crate::faces::Face;

/// Pairs of a lower cosine are not kept: no rule here looks below it.
const LEAST: f32 = 0.25;

/// Of every face all others with a cosine of at least [`LEAST`], the nearest first.
pub(crate) struct Near(Vec<Vec<(u32, f32)>>);

impl Near {
    pub(crate) fn new(faces: &[Face]) -> Self {
        let mut near = vec![Vec::new(); faces.len()];
        for (at, face) in faces.iter().enumerate() {
            for (other, with) in faces.iter().enumerate().take(at) {
                let cosine = face.embedding.cosine(&with.embedding);
                if cosine >= LEAST {
                    near[at].push((len_u32(other), cosine));
                    near[other].push((len_u32(at), cosine));
                }
            }
        }
        for list in &mut near {
            list.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        }
        Self(near)
    }

    /// The faces with at least this cosine to a face, itself left out, the nearest first.
    pub(crate) fn of(&self, face: usize, least: f32) -> impl Iterator<Item = (usize, f32)> + '_ {
        self.0[face]
            .iter()
            .map(|(other, cosine)| (index(*other), *cosine))
            .take_while(move |near| near.1 >= least)
    }
}

/// What an index is asked, answered by comparing with every face so far.
#[derive(Default)]
pub(crate) struct Brute(RefCell<Vec<(FaceId, Embedding)>>);

impl Brute {
    pub(crate) fn add(&self, face: FaceId, embedding: &Embedding) {
        self.0.borrow_mut().push((face, embedding.clone()));
    }
}

impl Neighbours for Brute {
    fn nearest(&self, of: &Embedding, k: usize) -> Vec<(FaceId, f32)> {
        let mut all: Vec<(FaceId, f32)> =
            self.0.borrow().iter().map(|(face, other)| (*face, other.cosine(of))).collect();
        let order = |a: &(FaceId, f32), b: &(FaceId, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if all.len() > k {
            all.select_nth_unstable_by(k, order);
            all.truncate(k);
        }
        all.sort_unstable_by(order);
        all
    }
}

/// Share of the pairs of one person above the cosine that the given share of pairs of two people reaches.
pub(crate) fn true_positives(faces: &[Face], false_positives: [f64; 2]) -> [f64; 2] {
    let (mut same, mut other) = (Vec::new(), Vec::new());
    for (at, a) in faces.iter().enumerate() {
        for b in &faces[..at] {
            let (Some(one), Some(two)) = (a.person, b.person) else { continue };
            let cosine = a.embedding.cosine(&b.embedding);
            if one == two { same.push(cosine) } else { other.push(cosine) }
        }
    }
    other.sort_unstable_by(|a, b| b.total_cmp(a));
    false_positives.map(|share| {
        let rank = vow_types::num::f64_to_u64(share * usize_to_f64(other.len()));
        let bar = other[usize::try_from(rank).unwrap()];
        usize_to_f64(same.iter().filter(|cosine| **cosine > bar).count()) / usize_to_f64(same.len())
    })
}
