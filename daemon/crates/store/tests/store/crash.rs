//! The power goes at every sync of an ingest, and between them. Whatever of the last writes reached the disk, the store
//! opens again, holds everything that was acknowledged, and of what was not yet acknowledged all or nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use vow_store::Store;

use crate::medium::{Memory, Reached, Recorder, Told};
use crate::model::{Model, everything};
use crate::steps::{Spec, Step, apply_to_store, step};

/// A history on a medium that remembers it.
struct Tape {
    told: Vec<Told>,
    /// After how many steps the model looked how; the first is the new store.
    models: Vec<Model>,
    /// How much the medium had been told when each of these was acknowledged.
    acknowledged: Vec<usize>,
    steps: Vec<Step>,
}

fn record(steps: Vec<Step>) -> Tape {
    let medium = Recorder::default();
    let mut store = Store::with_backend(medium.clone()).unwrap();
    let (mut models, mut acknowledged) = (vec![Model::new()], vec![medium.now()]);
    for step in &steps {
        if matches!(step, Step::Reopen) {
            drop(store);
            store = Store::with_backend(medium.clone()).unwrap();
        }
        let mut model = models.last().unwrap().clone();
        let expected = step.apply_to_model(&mut model);
        assert_eq!(apply_to_store(step, &store, &model), expected);
        models.push(model);
        acknowledged.push(medium.now());
    }
    drop(store);
    Tape { told: medium.told(), models, acknowledged, steps }
}

impl Tape {
    /// Cuts the power after `at` things were told, for each of `cuts`.
    fn cut(&self, at: usize, durable: &[u8], pending: &[Told], cuts: &[Reached]) {
        let acknowledged = self.acknowledged.iter().filter(|when| **when <= at).count();
        for cut in cuts {
            let mut bytes = durable.to_vec();
            cut.apply(pending, &mut bytes);
            let store = Store::with_backend(Memory::holding(bytes))
                .unwrap_or_else(|error| panic!("power cut at {at}, {cut:?}: {error}"));
            let found = everything(&store);
            // At most one step was under way.
            let done = (acknowledged.max(1) - 1..=acknowledged.min(self.steps.len()))
                .find(|steps| found == self.models[*steps].state);
            let done = done.unwrap_or_else(|| panic!("power cut at {at}, {cut:?}: neither before nor after"));
            // The history goes on as if nothing had been; ids above all.
            if let Some(next) = self.steps.get(done) {
                let mut model = self.models[done].clone();
                let expected = next.apply_to_model(&mut model);
                assert_eq!(apply_to_store(next, &store, &model), expected, "power cut at {at}, {cut:?}");
                assert_eq!(everything(&store), model.state);
            }
        }
    }

    /// Cuts the power at every sync, and after every `every`th other thing.
    fn cut_everywhere(&self, every: usize, cuts: &[Reached]) -> usize {
        let (mut durable, mut since, mut syncs) = (Vec::new(), 0, 0);
        for at in 0..=self.told.len() {
            let pending = &self.told[since..at];
            let syncing = matches!(self.told.get(at), Some(Told::Sync) | None);
            if syncing || at % every == 0 {
                self.cut(at, &durable, pending, cuts);
            }
            if matches!(self.told.get(at), Some(Told::Sync)) {
                Reached::Everything.apply(pending, &mut durable);
                since = at + 1;
                syncs += 1;
            }
        }
        syncs
    }
}

fn analysed(path: usize, photo: u8, faces: u8) -> Spec {
    Spec::Analysed { path, photo, pack: 0, faces }
}

/// A first start: folders, photos in batches, copies, failures, people, a second pack, a folder that goes.
fn ingest() -> Vec<Step> {
    vec![
        Step::AddFolder(0, 1),
        Step::AddFolder(1, 1),
        Step::PutPack(0, "starter"),
        Step::Commit(vec![analysed(0, 0, 3), analysed(1, 1, 0), analysed(4, 0, 3)]),
        Step::Commit(vec![Spec::Failed { path: 2, at: 1, size: 9 }, analysed(3, 2, 200)]),
        Step::Assign(vec![(1, Some(1)), (2, Some(1)), (3, Some(2))]),
        Step::Name(1, "Ada"),
        Step::Checkpoint,
        Step::Commit(vec![analysed(0, 3, 2), Spec::Gone { path: 4 }]),
        Step::Reopen,
        Step::Commit(vec![Spec::Analysed { path: 3, photo: 2, pack: 1, faces: 2 }]),
        Step::Commit(vec![Spec::Shows { path: 5, photo: 0, wrong: false }, analysed(2, 4, 1)]),
        Step::Assign(vec![(1, Some(3)), (2, None), (3, Some(3)), (4, Some(4))]),
        Step::Merge(3, 4),
        Step::RemoveFolder(1),
        Step::Reopen,
        Step::Commit(vec![analysed(6, 5, 100)]),
    ]
}

#[test]
fn the_power_goes_at_every_sync_of_an_ingest() {
    let tape = record(ingest());
    let cuts = [
        Reached::Nothing,
        Reached::Everything,
        Reached::Header,
        Reached::Some(1),
        Reached::Some(2),
        Reached::Some(3),
        Reached::Some(4),
    ];
    let syncs = tape.cut_everywhere(5, &cuts);
    println!("{syncs} syncs, {} writes", tape.told.len() - syncs);
    assert!(syncs >= tape.steps.len(), "every step is synced");
}

/// After a crash redb goes through the whole file to find its free parts, unless they were noted.
#[test]
fn after_a_checkpoint_a_crash_costs_nothing() {
    for checkpoint in [false, true] {
        let medium = Recorder::default();
        let store = Store::with_backend(medium.clone()).unwrap();
        let mut model = Model::new();
        for step in ingest() {
            let expected = step.apply_to_model(&mut model);
            assert_eq!(apply_to_store(&step, &store, &model), expected);
        }
        if checkpoint {
            store.checkpoint().unwrap();
        }
        let mut bytes = Vec::new();
        Reached::Everything.apply(&medium.told(), &mut bytes);
        let repairs = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&repairs);
        let mut builder = redb::Builder::new();
        builder.set_repair_callback(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        builder.create_with_backend(Memory::holding(bytes.clone())).unwrap();
        assert_eq!(repairs.load(Ordering::SeqCst) == 0, checkpoint);
        assert_eq!(everything(&Store::with_backend(Memory::holding(bytes)).unwrap()), model.state);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn the_power_goes_during_any_history(steps in prop::collection::vec(step(), 1..15), seed: u64) {
        record(steps).cut_everywhere(11, &[Reached::Nothing, Reached::Some(seed)]);
    }
}
