//! What one face more costs, by how many are there: a made-up library of people with 20 faces each, eight of whom look like
//! relatives. Neighbours come from the daemon's index; those of the faces that are there already from an oracle that knows who
//! is related.

use std::cell::Cell;
use std::collections::HashMap;
use std::time::Duration;

use vow_cluster::{Grouping, Neighbours, Observation, Params, Said};
use vow_index::FaceIndex;
use vow_tests::look::Random;
use vow_types::{ContentId, Distances, Embedding, FaceId, PersonId, num};

use crate::clock::Begun;
use crate::ours::{Indexed, id, shuffled};

const DIMENSION: usize = 128;
/// Faces of a person, and people of a family.
const EACH: usize = 20;
const FAMILY: usize = 8;
/// Faces that are timed, one a call.
const TIMED: usize = 2560;
const CALIBRATED: Distances = Distances { same: 0.30, group: 0.50, people: None, neighbour: 0.28 };

/// A library in the order in which it comes in.
struct Library {
    faces: Vec<Embedding>,
    /// The face that was made as this one, by [`key`]: it tells the family.
    number: HashMap<[i16; 16], usize>,
    /// The faces of each family as they come.
    families: Vec<Vec<usize>>,
}

impl Library {
    fn new(size: usize) -> Self {
        let mut random = Random::new(17);
        // Uniform numbers with the variance of a normal one do as well in 128 dimensions.
        let mut noise = move || (num::to_f32(random.below(1 << 16)) / 32_768.0 - 1.0) * 3.0f32.sqrt();
        let mut vector = move |around: &[f32], share: f32| -> Vec<f32> {
            around.iter().map(|at| share.sqrt() * at + (1.0 - share).sqrt() * noise()).collect()
        };
        let mut made = Vec::new();
        while made.len() < size {
            let ancestor = vector(&[0.0; DIMENSION], 0.0);
            for _ in 0..FAMILY {
                // Cosines of 0.62 within a person and of 0.25 in a family, on average.
                let person = vector(&ancestor, 0.4);
                made.extend((0..EACH).map(|_| Embedding::from_raw(&vector(&person, 0.62)).unwrap()));
            }
        }
        let order: Vec<usize> = shuffled(made.len(), 5).into_iter().take(size).collect();
        let mut families = vec![Vec::new(); made.len() / (FAMILY * EACH)];
        for (number, face) in order.iter().enumerate() {
            families[face / (FAMILY * EACH)].push(number);
        }
        let number = order.iter().map(|face| (key(&made[*face]), *face)).collect();
        Self { faces: order.iter().map(|face| made[*face].clone()).collect(), number, families }
    }

    fn seen(&self, number: usize) -> Observation {
        let mut photo = [0; 32];
        photo[..8].copy_from_slice(&number.to_le_bytes());
        let embedding = self.faces[number].clone();
        Observation {
            face: id(number),
            photo: ContentId(photo),
            embedding,
            strong: true,
            said: Said::default(),
        }
    }
}

/// Who is near, by who is related: exact but for chance.
struct Oracle<'a> {
    library: &'a Library,
    /// How many came so far.
    here: Cell<usize>,
}

impl Neighbours for Oracle<'_> {
    fn nearest(&self, of: &Embedding, k: usize) -> Vec<(FaceId, f32)> {
        let family = self.library.families[self.library.number[&key(of)] / (FAMILY * EACH)].iter();
        let kin = family.take_while(|face| **face < self.here.get());
        let mut kin: Vec<(FaceId, f32)> =
            kin.map(|face| (id(*face), self.library.faces[*face].cosine(of))).collect();
        kin.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        kin.truncate(k);
        kin
    }
}

/// Enough of a face to tell it from all others.
fn key(of: &Embedding) -> [i16; 16] {
    of.steps().first_chunk().copied().unwrap()
}

/// Measures how long the questions take.
struct Timed<'a> {
    inner: &'a dyn Neighbours,
    spent: Cell<Duration>,
}

impl Neighbours for Timed<'_> {
    fn nearest(&self, of: &Embedding, k: usize) -> Vec<(FaceId, f32)> {
        let begun = Begun::now();
        let found = self.inner.nearest(of, k);
        self.spent.set(self.spent.get() + begun.elapsed());
        found
    }
}

/// Prints the cost of a face at each of these sizes.
pub(crate) fn table(sizes: &[usize]) {
    println!("\ncost of one more face, processor microseconds; mean, and the slowest of {TIMED}");
    println!("{:>9} {:>12} {:>12} {:>12} {:>12}", "faces", "grouping", "slowest", "index query", "index add");
    for size in sizes {
        let library = Library::new(size + TIMED);
        let oracle = Oracle { library: &library, here: Cell::new(0) };
        let mut grouping = Grouping::new(Params::new(CALIBRATED), PersonId(1));
        let old: Vec<usize> = (0..*size).collect();
        for transaction in old.chunks(64) {
            oracle.here.set(oracle.here.get() + transaction.len());
            grouping.add(transaction.iter().map(|number| library.seen(*number)).collect(), &oracle);
        }
        let index = FaceIndex::new(DIMENSION, size + TIMED);
        let faces: Vec<(FaceId, &Embedding)> =
            old.iter().map(|number| (id(*number), &library.faces[*number])).collect();
        index.add(&faces).unwrap();
        let timed = Timed { inner: &Indexed(&index), spent: Cell::new(Duration::ZERO) };
        let (mut alone, mut slowest, mut adding) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        for number in *size..size + TIMED {
            oracle.here.set(number + 1);
            let begun = Begun::now();
            index.add(&[(id(number), &library.faces[number])]).unwrap();
            adding += begun.elapsed();
            let (begun, asked) = (Begun::now(), timed.spent.get());
            grouping.add(vec![library.seen(number)], &timed);
            let took = begun.elapsed() - (timed.spent.get() - asked);
            alone += took;
            slowest = slowest.max(took);
        }
        let each = |all: Duration| 1e6 * all.as_secs_f64() / num::usize_to_f64(TIMED);
        println!(
            "{size:>9} {:>12.0} {:>12.0} {:>12.0} {:>12.0}",
            each(alone),
            1e6 * slowest.as_secs_f64(),
            each(timed.spent.get()),
            each(adding)
        );
    }
}
