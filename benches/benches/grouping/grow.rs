//! What a library takes in memory while it is indexed for the first time and sorted out behind that, as the daemon does it: index and
//! grouping alone, on made-up faces that are made when they come, so that nothing else is in memory.

use std::cell::Cell;
use std::time::{Duration, Instant};

use vow_cluster::{Grouping, Observation, Params, Said};
use vow_index::FaceIndex;
use vow_tests::look::Random;
use vow_types::{ContentId, Distances, Embedding, FaceId, PersonId, num};

use crate::ours::Indexed;

const DIMENSION: usize = 128;
/// Faces of a transaction; and what is saved at once, as in the daemon: so many places of the index at least, and a sixteenth of all or so
/// many bytes in memory.
const TRANSACTION: usize = 64;
const SAVED_LEAST: usize = 4_096;
const SAVED_SHARE: usize = 16;
const HELD: usize = 48 << 20;
/// One face in so many is a stranger's; the others are of one of so many people for each hundred faces, some far more often than others.
const STRANGERS: usize = 10;
const PEOPLE: usize = 4;
const CALIBRATED: Distances = Distances { same: 0.30, group: 0.50, people: None, neighbour: 0.28 };

/// The `number`th face of a library of `size`, by chance that depends on these alone.
fn face(number: usize, size: usize) -> Embedding {
    let vector = |seed: u64| -> Vec<f32> {
        let mut random = Random::new(seed);
        let mut noise = || (num::to_f32(random.below(1 << 16)) / 32_768.0 - 1.0) * 3.0f32.sqrt();
        (0..DIMENSION).map(|_| noise()).collect()
    };
    let own = vector(num::len_u64(number) ^ 0x5EED_0000_0000);
    let draw = Random::new(num::len_u64(number) * 31 + 7).below(1 << 16);
    let people = num::len_u64(size / 100 * PEOPLE).max(1);
    let person = if num::index(draw).is_multiple_of(STRANGERS) {
        (1 << 40) | num::len_u64(number)
    } else {
        // Squared, so that some are seen much more often.
        ((u64::from(draw) * u64::from(draw) * people) >> 32) + 1
    };
    let centre = vector(person.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    // Cosines of 0.62 within a person.
    let raw: Vec<f32> = centre.iter().zip(&own).map(|(centre, own)| 0.787 * centre + 0.616 * own).collect();
    Embedding::from_raw(&raw).unwrap()
}

/// Memory of the process's own and of mapped files, in MB.
fn memory() -> [f64; 2] {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    ["RssAnon:", "RssFile:"].map(|what| {
        let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1_024.0 / 1e6
    })
}

struct Watch {
    begun: Instant,
    at_least: f64,
    most: f64,
}

impl Watch {
    fn look(&mut self) {
        self.most = self.most.max(memory()[0]);
    }

    fn tell(&mut self, what: &str, faces: usize) {
        let [own, files] = memory();
        println!(
            "{what:34} {faces:>9} {own:>8.0} {:>8.0} {files:>8.0} {:>9.0} {:>8.0}",
            self.most,
            (self.most - self.at_least) * 1e6 / num::usize_to_f64(faces),
            self.begun.elapsed().as_secs_f64()
        );
        self.most = own;
    }
}

/// Prints what so many faces take.
pub(crate) fn table(size: usize) {
    println!("\na library of {size} faces of {DIMENSION} components, index and grouping alone, MB");
    println!(
        "{:34} {:>9} {:>8} {:>8} {:>8} {:>9} {:>8}",
        "", "faces", "own", "at most", "files", "B/face", "after s"
    );
    let dir = tempfile::tempdir().unwrap();
    // As a large one is, whatever its size.
    let params = Params { at_once: size / 2, ..Params::new(CALIBRATED) };
    let (index, mut grouping) = (FaceIndex::new(DIMENSION, 0), Grouping::new(params, PersonId(1)));
    let mut watch = Watch { begun: Instant::now(), at_least: memory()[0], most: 0.0 };
    let (mut unsaved, mut told) = (0, 0);
    let numbers: Vec<usize> = (0..size).collect();
    for transaction in numbers.chunks(TRANSACTION) {
        let made: Vec<(FaceId, Embedding)> =
            transaction.iter().map(|number| (FaceId(num::len_u64(*number)), face(*number, size))).collect();
        index.add(&made.iter().map(|(id, embedding)| (*id, embedding)).collect::<Vec<_>>()).unwrap();
        let seen = made.into_iter().map(|(face, _)| {
            let mut photo = [0; 32];
            photo[..8].copy_from_slice(&(face.0 / 2).to_le_bytes());
            let embedding = index.embedding(face).unwrap();
            Observation { face, photo: ContentId(photo), embedding, strong: true, said: Said::default() }
        });
        grouping.add(seen.collect(), &Indexed(&index));
        watch.look();
        unsaved += transaction.len();
        let here = transaction.last().copied().unwrap_or_default() + 1;
        let is_due = unsaved > SAVED_LEAST && (unsaved > here / SAVED_SHARE || index.held() > HELD);
        if is_due || here == size {
            unsaved = 0;
            index.save(dir.path(), &[1]).unwrap();
            watch.look();
            let mut from = Some(0);
            while let Some(at) = from {
                from = grouping.share(at, 4_096, &|face| index.embedding(face));
                watch.look();
            }
            index.let_go();
            if here == size || here - told >= size / 8 {
                told = here;
                watch.tell("indexed and saved", here);
            }
        }
    }
    let (mut portions, mut longest) = (0, Duration::ZERO);
    loop {
        // Whoever decides something waits until it is asked whether to stop.
        let (looked, waited) = (Cell::new(Instant::now()), Cell::new(Duration::ZERO));
        let look = || waited.set(waited.get().max(looked.replace(Instant::now()).elapsed()));
        let step = grouping
            .settle_some(&Indexed(&index), &|_| {
                look();
                false
            })
            .unwrap();
        watch.look();
        portions += 1;
        let open = grouping.close_pairs(&step.people, 0.08).len();
        look();
        longest = longest.max(waited.get());
        watch.look();
        if step.is_all || portions % 16 == 0 {
            let longest = std::mem::take(&mut longest).as_millis();
            watch.tell(&format!("sorted out, {portions}, {open} close, {longest} ms"), size);
        }
        if step.is_all {
            break;
        }
    }
    grouping.let_go_of_pairs();
    index.let_go();
    watch.tell("at rest", size);
    println!("{} people", grouping.people().count());
}
