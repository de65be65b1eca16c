//! How good a partition is, beside the truth and beside another partition. Knows nothing of how it came about.

use std::collections::HashMap;

use vow_types::num::usize_to_f64;

/// The group of every face, by number. A face that is in no group is a group of one.
pub(crate) type Partition = Vec<usize>;

/// A partition from an answer that leaves faces out.
pub(crate) fn alone_where_none(groups: impl IntoIterator<Item = Option<usize>>) -> Partition {
    let groups: Vec<Option<usize>> = groups.into_iter().collect();
    let mut next = groups.iter().flatten().max().map_or(0, |most| most + 1);
    let mut own = || {
        next += 1;
        next - 1
    };
    groups.into_iter().map(|group| group.unwrap_or_else(&mut own)).collect()
}

/// How many faces each pair of a group of `a` and one of `b` shares.
struct Shared {
    both: HashMap<(usize, usize), usize>,
    a: HashMap<usize, usize>,
    b: HashMap<usize, usize>,
}

impl Shared {
    fn count(pairs: impl Iterator<Item = (usize, usize)>) -> Self {
        let mut shared = Self { both: HashMap::new(), a: HashMap::new(), b: HashMap::new() };
        for (a, b) in pairs {
            *shared.both.entry((a, b)).or_default() += 1;
            *shared.a.entry(a).or_default() += 1;
            *shared.b.entry(b).or_default() += 1;
        }
        shared
    }
}

/// A partition beside the truth.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Score {
    /// BCubed (Bagga and Baldwin 1998): of a face's group, the mean share that is the same person; and of its person, the
    /// mean share that is in its group.
    pub(crate) precision: f64,
    pub(crate) recall: f64,
    /// Groups of three faces and more.
    pub(crate) groups: usize,
    /// Share of the faces that are who most of their group is.
    pub(crate) purity: f64,
    /// What makes it perfect: faces to move out of the groups of others, and groups to merge with another one of the same
    /// person. A single face is a group.
    pub(crate) clicks: usize,
    /// The mean over people of the largest share of their faces in one group.
    pub(crate) together: f64,
}

impl Score {
    /// Of the faces whose person is known.
    pub(crate) fn of(groups: &[usize], people: &[Option<usize>]) -> Self {
        let known = groups.iter().zip(people).filter_map(|(group, person)| Some((*group, (*person)?)));
        let shared = Shared::count(known);
        let faces = usize_to_f64(shared.a.values().sum());
        let (mut precision, mut recall) = (0.0, 0.0);
        // By group the person that most of it is, the lower number among equals; by person the most in one group.
        let mut owner: HashMap<usize, (usize, usize)> = HashMap::new();
        let mut most: HashMap<usize, usize> = HashMap::new();
        for ((group, person), count) in &shared.both {
            let square = usize_to_f64(count * count);
            precision += square / usize_to_f64(shared.a[group]);
            recall += square / usize_to_f64(shared.b[person]);
            let best = owner.entry(*group).or_insert((*count, *person));
            if count > &best.0 || (count == &best.0 && person < &best.1) {
                *best = (*count, *person);
            }
            let best = most.entry(*person).or_default();
            *best = (*best).max(*count);
        }
        let owned: usize = owner.values().map(|(count, _)| count).sum();
        let owners: HashMap<usize, usize> = owner.values().fold(HashMap::new(), |mut owners, (_, person)| {
            *owners.entry(*person).or_default() += 1;
            owners
        });
        let merges: usize = owners.values().map(|groups| groups - 1).sum();
        let together =
            most.iter().map(|(person, count)| usize_to_f64(*count) / usize_to_f64(shared.b[person]));
        Self {
            precision: precision / faces,
            recall: recall / faces,
            groups: shared.a.values().filter(|size| **size >= 3).count(),
            purity: usize_to_f64(owned) / faces,
            clicks: shared.a.values().sum::<usize>() - owned + merges,
            together: together.sum::<f64>() / usize_to_f64(shared.b.len()),
        }
    }

    pub(crate) fn f(&self) -> f64 {
        harmonic(self.precision, self.recall)
    }
}

/// Pairwise F of two partitions: of the pairs of faces that either has together, how many both have.
pub(crate) fn agreement(one: &[usize], other: &[usize]) -> f64 {
    let shared = Shared::count(one.iter().copied().zip(other.iter().copied()));
    let pairs = |sizes: &mut dyn Iterator<Item = &usize>| sizes.map(|n| usize_to_f64(n * (n - 1) / 2)).sum();
    let both: f64 = pairs(&mut shared.both.values());
    let (one, other): (f64, f64) = (pairs(&mut shared.a.values()), pairs(&mut shared.b.values()));
    if one + other > 0.0 { 2.0 * both / (one + other) } else { 1.0 }
}

fn harmonic(a: f64, b: f64) -> f64 {
    2.0 * a * b / (a + b)
}
