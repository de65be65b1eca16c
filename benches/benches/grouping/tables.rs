//! The tables: a row for every way to group some faces.

use vow_cluster::Params;

use crate::clock::Begun;
use crate::faces::Face;
use crate::measure::{Partition, Score, agreement};
use crate::near::{Near, true_positives};
use crate::ours::{By, Run, run, settled, shuffled};
use crate::peers;

/// Seeds of the orders in which faces come in.
const ORDERS: [u64; 3] = [1, 2, 3];

fn head() {
    println!(
        "{:44} {:>6} {:>6} {:>6} {:>7} {:>7} {:>7} {:>8} {:>7}",
        "", "P", "R", "F", "groups", "purity", "clicks", "together", "cpu s"
    );
}

fn row(name: &str, groups: &[usize], people: &[Option<usize>], seconds: f64) -> Score {
    let score = Score::of(groups, people);
    println!(
        "{name:44} {:6.4} {:6.4} {:6.4} {:7} {:7.4} {:7} {:8.4} {seconds:7.1}",
        score.precision,
        score.recall,
        score.f(),
        score.groups,
        score.purity,
        score.clicks,
        score.together
    );
    score
}

fn people(faces: &[Face]) -> Vec<Option<usize>> {
    faces.iter().map(|face| face.person).collect()
}

/// Portions in which as many faces are sorted out, to see what that does to them, as a library of many more is.
const PORTIONS: usize = 50;

/// Incremental in several orders, and after the idle pass, with the index and with exact neighbours; and as libraries are dealt with
/// that are too large for all at once, and for remembering who is near to whom.
pub(crate) fn ours(faces: &[Face], params: Params) {
    let large = Params { at_once: 0, portion: faces.len().div_ceil(PORTIONS), keep_pairs: 0, ..params };
    let without_room = Params { room: 0, ..large };
    let people = people(faces);
    let known = people.iter().flatten().count();
    let photos: std::collections::HashSet<usize> = faces.iter().map(|face| face.photo).collect();
    let truth: Partition =
        people.iter().enumerate().map(|(at, person)| person.unwrap_or(faces.len() + at)).collect();
    let truth = Score::of(&truth, &people);
    let weak = faces.iter().filter(|face| !face.strong).count();
    println!(
        "\n{} faces in {} photos, {weak} of them weak; {known} of {} people, {} of them with three and more",
        faces.len(),
        photos.len(),
        people.iter().flatten().max().map_or(0, |most| most + 1),
        truth.groups
    );
    let [at_4, at_3] = true_positives(faces, [1e-4, 1e-3]);
    println!("embeddings: TPR {at_3:.3} at FPR 1e-3, {at_4:.3} at 1e-4\n");
    head();
    for (name, by, params) in [
        ("index", By::Index, params),
        ("index, in portions", By::Index, large),
        ("index, no room for pairs", By::Index, without_room),
        ("exact", By::Brute, params),
    ] {
        let runs: Vec<Run> =
            ORDERS.iter().map(|seed| run(faces, &shuffled(faces.len(), *seed), params, by)).collect();
        for (run, seed) in runs.iter().zip(ORDERS) {
            row(&format!("{name}, order {seed}"), &run.grown, &people, run.grown_s);
            row(&format!("{name}, order {seed}, settled"), &run.settled, &people, run.settled_s);
        }
        let order_f = |of: fn(&Run) -> &Partition| {
            let pairs = [(0, 1), (0, 2), (1, 2)].map(|(a, b)| agreement(of(&runs[a]), of(&runs[b])));
            pairs.into_iter().fold(1.0, f64::min)
        };
        let (grown, settled) = (order_f(|run| &run.grown), order_f(|run| &run.settled));
        println!("{name}: order F, the least of three pairs: {grown:.4}, settled {settled:.4}");
    }
}

/// The peers. One that has a threshold has it as published, and as is best for it on these very faces.
pub(crate) fn peers(faces: &[Face], params: Params) {
    let people = people(faces);
    let begun = Begun::now();
    let near = Near::new(faces);
    let order = shuffled(faces.len(), ORDERS[0]);
    println!(
        "\npeers; all pairs took {:.1} s of a processor, which is in no row",
        begun.elapsed().as_secs_f64()
    );
    head();
    let timed = |name: &str, make: &dyn Fn() -> Partition| {
        let begun = Begun::now();
        let groups = make();
        row(name, &groups, &people, begun.elapsed().as_secs_f64());
    };
    // The name gets the value that is best by F.
    let best = |name: &str, values: &[f32], make: &dyn Fn(f32) -> Partition| {
        let f = |value: f32| Score::of(&make(value), &people).f();
        let value = values.iter().copied().max_by(|a, b| f(*a).total_cmp(&f(*b))).unwrap();
        timed(&format!("{name} {value:.2}"), &|| make(value));
    };
    let cosines: Vec<f32> = (0u8..12).map(|step| 0.30 + 0.04 * f32::from(step)).collect();
    let dbscan = |eps: f32| peers::dbscan_linfa(faces, eps, 3);
    timed("linfa DBSCAN 3, distance 0.7", &|| dbscan(0.7));
    timed("linfa DBSCAN 3, cosine distance 0.7", &|| dbscan(peers::distance(0.3)));
    best("linfa DBSCAN 3, best cosine", &[0.50, 0.56, 0.62], &|bar| dbscan(peers::distance(bar)));
    timed("Immich, 3 faces, distance 0.5", &|| peers::immich(&near, &order, 0.5, 3));
    best("Immich, 3 faces, best cosine", &cosines, &|bar| peers::immich(&near, &order, 1.0 - bar, 3));
    best("Immich, 1 face, best cosine", &cosines, &|bar| peers::immich(&near, &order, 1.0 - bar, 1));
    timed("PhotoPrism, 4 faces, 0.64 + 0.46", &|| peers::photoprism(&near, faces, 0.64, 4, 0.46));
    best(
        "PhotoPrism, 4 faces, eps / reach 0.64 / 0.46, best eps",
        &[0.7, 0.8, 0.85, 0.9, 0.95, 1.0],
        &|eps| peers::photoprism(&near, faces, eps, 4, eps * 0.46 / 0.64),
    );
    best("Chinese whispers, best cosine", &cosines, &|bar| {
        peers::chinese_whispers(&near, faces.len(), bar, 20)
    });
    best("average linkage, best cosine", &cosines, &|bar| {
        settled(faces, Params { power: 0.0, uneven: 0.0, merge_at: bar, calibrated_among: None, ..params })
    });
    timed("hdbscan 3, samples 1", &|| peers::hdbscan(faces, 3, 1));
}
