//! From a pack's graphs to networks that run: prepared where they are understood, as they are otherwise.
//!
//! Prepared graphs are kept in the data folder, never in the folder of a pack, which may be somebody's own.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use vow_graph::{NotPrepared, Picture, Recipe, Shelf, half};
use vow_infer::{FaceEngine, InferError, Learned, Models, Provider, Runtime, Tuning};
use vow_models::Pack;

use crate::config::Config;
use crate::error::EngineError;
use crate::trials::Trial;

/// Where they are kept, below the data folder: among the packs, and no name of a pack begins with a point.
const SHELF: &str = "packs/.prepared";

/// What becomes of graphs that were prepared for other packs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Others {
    /// Nobody needs them any more.
    Clear,
    /// The pack in use is among them.
    Keep,
}

/// Where prepared graphs are kept, and for which machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) data_dir: &'a Path,
    pub(crate) machine_root: &'a Path,
    pub(crate) others: Others,
}

impl<'a> Place<'a> {
    /// The engine's own: what was prepared for other packs goes.
    pub(crate) fn of(config: &'a Config) -> Self {
        Self { data_dir: &config.data_dir, machine_root: &config.machine_root, others: Others::Clear }
    }
}

/// Starts the networks of a pack. Should the runtime refuse what was prepared, `again` gives the pack once more and its
/// graphs are used as they are.
///
/// # Errors
/// When the pack's own graphs cannot be used.
pub(crate) fn start(
    pack: Pack,
    Place { data_dir, machine_root, others }: Place<'_>,
    (runtime, tuning): (&Runtime, &Tuning),
    again: impl FnOnce() -> Result<Pack, EngineError>,
) -> Result<FaceEngine, EngineError> {
    let mut shelf = Shelf::new(data_dir.join(SHELF));
    let (mut models, left) = prepared(pack, &mut shelf, runtime.provider());
    let trial = Trial::of(&models, runtime, machine_root);
    models.known = trial.as_ref().and_then(|trial| trial.recall(&mut shelf));
    if others == Others::Clear {
        shelf.clear_others();
    }
    models.learned = trial.map(|trial| -> Learned {
        let shelf = Mutex::new(shelf);
        Arc::new(move |found| {
            trial.remember(&mut shelf.lock().unwrap_or_else(PoisonError::into_inner), found)
        })
    });
    match FaceEngine::start(models, runtime, tuning) {
        Err(error @ InferError::Pack { .. }) => {
            // What is wrong with the pack itself is better said of its own graphs.
            let started = FaceEngine::start(as_they_are(again()?), runtime, tuning)?;
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the prepared graphs do not run here: the pack's own are used, one picture at a time"
            );
            Ok(started)
        }
        Ok(started) => {
            // Not before it is known that they can be used at all.
            for Left { pack, role, why } in left {
                tracing::warn!(
                    pack, role, %why,
                    "this graph is not understood: it is used as it is, for one picture at a time"
                );
            }
            Ok(started)
        }
        Err(error) => Err(error.into()),
    }
}

/// The pack's own graphs.
pub(crate) fn as_they_are(pack: Pack) -> Models {
    Models {
        detector: pack.detector,
        detector_graph: pack.detector_graph,
        detector_half: None,
        embedder: pack.embedder,
        embedder_graph: pack.embedder_graph,
        embedder_half: None,
        known: None,
        learned: None,
        pack_name: pack.name,
        pack_place: pack.location.to_string(),
    }
}

/// A graph that is left as it was.
struct Left {
    pack: String,
    role: &'static str,
    why: NotPrepared,
}

fn prepared(pack: Pack, shelf: &mut Shelf, provider: Provider) -> (Models, Vec<Left>) {
    let (mut not_kept, mut left) = (None, Vec::new());
    let mut prepare = |role: &'static str, graph: Vec<u8>, recipe: Recipe| {
        let (prepared, failed) = shelf.prepare(graph, &recipe);
        not_kept = not_kept.take().or(failed);
        match prepared.did {
            Ok(did) => tracing::info!(pack = pack.name, role, did, "graph prepared"),
            Err(why) => left.push(Left { pack: pack.name.clone(), role, why }),
        }
        prepared.graph
    };
    let (any, crop) = (Picture::Any, Picture::Square(pack.embedder.size));
    let feed = |input, picture| Recipe { input, picture };
    let detector_graph = prepare("detector", pack.detector_graph, feed(pack.detector.input, any));
    let embedder_graph = prepare("embedder", pack.embedder_graph, feed(pack.embedder.input, crop));
    if let Some(error) = not_kept {
        tracing::warn!(%error, "prepared graphs are made again at every start; free the disk or make the folder writable");
    }
    // Only there does half precision pay, and is it asked for.
    let halves = provider == Provider::Cuda;
    let halved = |role: &str, graph: &[u8]| {
        let graph = halves.then(|| half(graph))?;
        graph.inspect_err(|why| tracing::info!(role, %why, "no half precision")).ok()
    };
    let models = Models {
        detector: pack.detector,
        detector_half: halved("detector", &detector_graph),
        detector_graph,
        embedder: pack.embedder,
        embedder_half: halved("embedder", &embedder_graph),
        embedder_graph,
        known: None,
        learned: None,
        pack_name: pack.name,
        pack_place: pack.location.to_string(),
    };
    (models, left)
}
