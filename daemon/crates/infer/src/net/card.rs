//! A network on a card. Providers of cards make a plan for every size of input, which takes a second or two, and a session
//! remembers one: with batches as they come, nearly every run would make it anew (ONNX Runtime 1.31 on an H200: 4 ms a
//! run, 1.6 s after a change of size). So each size of picture has a session for one picture and one for a whole batch,
//! which is filled up with black; a few pictures go one by one.

use std::sync::Arc;

use ort::environment::Environment;
use ort::session::Session;
use vow_types::Size;

use super::kept::Kept;
use super::onnxruntime::{NAME, failed};
use super::outputs::Outputs;
use super::{Feed, Numbers, Pinned, PinnedMemory, Tensor};
use crate::caught::caught;
use crate::error::GraphError;
use crate::runtime::session::{self, Place};

/// Up to this part of a batch goes one by one: a batch that is nearly empty takes as long as a full one.
const FEW: usize = 8;

/// Parts of the memory that a network may take: for its sessions of one picture and of a batch. The detector has two sizes.
const SHARES: [usize; 2] = [1, 3];
const SHARED: usize = 2 * (SHARES[0] + SHARES[1]);

/// How many pictures a session that runs `count` of them takes, where a batch is of `batch`: one, or as many as a batch.
pub(crate) fn taken_at_once(count: usize, batch: usize) -> usize {
    if batch > 1 && count > batch / FEW { batch } else { 1 }
}

pub(crate) struct Net {
    graph: Arc<Kept>,
    environment: Environment,
    place: Place,
    /// Pictures that a full batch has; fewer once memory was short. Whoever asks for batches asks for as many: see `at_once`.
    batch: usize,
    sessions: Vec<Bound>,
}

impl Net {
    /// Opens nothing yet but a session to see that the graph can be loaded, and whose memory cards read.
    pub(super) fn open(
        graph: Arc<Kept>,
        environment: Environment,
        place: Place,
    ) -> Result<(Self, Option<PinnedMemory>), GraphError> {
        let net = Self { graph, environment, place, batch: place.batch.max(1), sessions: Vec::new() };
        let first = session(&net.graph, &net.environment, place, 1)?;
        let memory = PinnedMemory::of(&first, place.provider);
        let memory = memory.inspect_err(|error| tracing::debug!(%error, "no pinned memory")).ok();
        Ok((net, memory))
    }

    /// Pictures that a full batch has now.
    pub(super) fn at_once(&self) -> usize {
        self.batch
    }

    /// Makes the sessions that pictures of these sizes will ask for, with their plans. One by one: each keeps one processor
    /// busy for seconds, and several at once are made no sooner. What fails here fails again, and is dealt with, when
    /// pictures come.
    pub(super) fn make_ready(&mut self, sizes: &[Size], nothing: Numbers<'_>, go_on: &dyn Fn() -> bool) {
        let counts = if self.batch > 1 { vec![self.batch, 1] } else { vec![1] };
        for (size, count) in sizes.iter().flat_map(|size| counts.iter().map(move |count| (*size, *count))) {
            if !go_on() {
                return;
            }
            if self.sessions.iter().any(|bound| (bound.size, bound.count) == (size, count)) {
                continue;
            }
            let made = caught(|| {
                let mut bound = Bound::open(&self.graph, &self.environment, self.place, (size, count))?;
                let black = Feed { numbers: nothing, size, count, pinned: None };
                bound.run(&black, |_| Ok(()))?;
                Ok::<_, GraphError>(bound)
            });
            match made {
                Ok(Ok(bound)) => self.sessions.push(bound),
                Ok(Err(error)) => tracing::debug!(%error, "a session could not be made ahead"),
                Err(message) => tracing::debug!(message, "a session could not be made ahead"),
            }
        }
    }

    /// The session for so many pictures of a size.
    fn bound(&mut self, size: Size, count: usize) -> Result<&mut Bound, GraphError> {
        let at = self.sessions.iter().position(|bound| (bound.size, bound.count) == (size, count));
        let at = match at {
            Some(at) => at,
            None => {
                self.sessions.push(Bound::open(&self.graph, &self.environment, self.place, (size, count))?);
                self.sessions.len() - 1
            }
        };
        self.sessions
            .get_mut(at)
            .ok_or_else(|| GraphError::Incomplete { what: "it is not loaded".to_owned() })
    }

    pub(super) fn run<T>(
        &mut self,
        feed: &Feed<'_>,
        read: impl FnOnce(&[Tensor<'_>]) -> Result<T, GraphError>,
    ) -> Result<T, GraphError> {
        let at_once = taken_at_once(feed.count, self.batch);
        if feed.count <= at_once {
            let run = self.bound(feed.size, at_once)?.run(feed, read);
            return self.learn(at_once, run);
        }
        let mut all = Vec::new();
        for first in (0..feed.count).step_by(at_once) {
            let part = feed.part(first..feed.count.min(first + at_once));
            let run = self.bound(feed.size, at_once)?.run(&part, |outputs| append(&mut all, outputs));
            self.learn(at_once, run)?;
        }
        read(&all.iter().map(Whole::tensor).collect::<Vec<_>>())
    }

    /// A batch that was too large for the card's memory is half as large from now on.
    fn learn<T>(&mut self, at_once: usize, run: Result<T, GraphError>) -> Result<T, GraphError> {
        if at_once > 1 && run.as_ref().is_err_and(GraphError::is_memory) {
            self.batch = at_once / 2;
            // Their memory is what is missing.
            self.sessions.retain(|bound| bound.count == 1);
        }
        run
    }
}

/// For so many pictures at once; what else is in the card's memory is others'.
fn session(
    graph: &Kept,
    environment: &Environment,
    place: Place,
    count: usize,
) -> Result<Session, GraphError> {
    let loading = |source| GraphError::Load { runtime: NAME, source };
    let bytes = graph.bytes().map_err(|error| loading(error.into()))?;
    let [one, several] = SHARES;
    let share = |all: usize| all / SHARED * if count == 1 { one } else { several };
    let place = Place { device_memory: place.device_memory.map(share), ..place };
    session::open(environment, &bytes, place).map_err(|error| loading(error.into()))
}

/// An output of pictures that ran one after the other.
struct Whole {
    dims: Vec<usize>,
    numbers: Vec<f32>,
}

impl Whole {
    fn tensor(&self) -> Tensor<'_> {
        Tensor { dims: self.dims.clone(), numbers: &self.numbers }
    }
}

fn append(all: &mut Vec<Whole>, outputs: &[Tensor<'_>]) -> Result<(), GraphError> {
    if all.is_empty() {
        *all = outputs
            .iter()
            .map(|output| Whole { dims: output.dims.clone(), numbers: output.numbers.to_vec() })
            .collect();
        return Ok(());
    }
    for (whole, output) in all.iter_mut().zip(outputs) {
        match (whole.dims.split_first_mut(), output.dims.split_first()) {
            (Some((count, rest)), Some((more, others))) if rest == others => *count += more,
            _ => return Err(GraphError::Batch { pictures: 1, found: output.dims.clone() }),
        }
        whole.numbers.extend_from_slice(output.numbers);
    }
    Ok(())
}

/// A session that has only ever seen one size of input.
struct Bound {
    size: Size,
    count: usize,
    session: Session,
    /// What runs write into: of one size, so they are made once.
    outputs: Outputs,
    /// Where its outputs and its own input are from.
    memory: PinnedMemory,
    /// For pictures that do not lie ready in memory that the card reads.
    input: Option<Pinned>,
}

impl Bound {
    fn open(
        graph: &Kept,
        environment: &Environment,
        place: Place,
        (size, count): (Size, usize),
    ) -> Result<Self, GraphError> {
        let session = session(graph, environment, place, count)?;
        let memory = PinnedMemory::of(&session, place.provider).unwrap_or_else(|error| {
            tracing::debug!(%error, "no pinned memory");
            PinnedMemory::ordinary()
        });
        Ok(Self { size, count, session, outputs: Outputs::default(), memory, input: None })
    }

    /// Runs at most as many pictures as it takes; `read` sees the outputs of these alone.
    fn run<T>(
        &mut self,
        feed: &Feed<'_>,
        read: impl FnOnce(&[Tensor<'_>]) -> Result<T, GraphError>,
    ) -> Result<T, GraphError> {
        let whole = Feed { count: self.count, pinned: None, ..*feed };
        let ready = feed.pinned.filter(|pinned| pinned.has(whole.dims()));
        if ready.is_none() {
            self.fill(feed, whole.dims())?;
        }
        let Some(input) = ready.or(self.input.as_ref()) else {
            return Err(GraphError::Incomplete { what: "there is no memory for its input".to_owned() });
        };
        let (session, dims, memory) = (&mut self.session, whole.dims(), &self.memory);
        let read = |outputs: &[Tensor<'_>]| {
            read(&outputs.iter().map(|output| first(output, feed.count, self.count)).collect::<Vec<_>>())
        };
        match input {
            Pinned::Planes(tensor) => self.outputs.run(session, (tensor, &dims), memory, read),
            Pinned::Bytes(tensor) => self.outputs.run(session, (tensor, &dims), memory, read),
        }
    }

    /// Copies pictures into the session's own input, and makes the rest of it black.
    fn fill(&mut self, feed: &Feed<'_>, dims: [usize; 4]) -> Result<(), GraphError> {
        if self.input.is_none() {
            let input = match feed.numbers {
                Numbers::Planes(_) => self.memory.planes(dims),
                Numbers::Bytes(_) => self.memory.bytes(dims),
            };
            self.input = Some(input.map_err(failed)?);
        }
        let Some(input) = &mut self.input else { return Ok(()) };
        match feed.numbers {
            Numbers::Planes(planes) => copy(planes, input.planes_mut().unwrap_or_default()),
            Numbers::Bytes(bytes) => copy(bytes, input.bytes_mut().unwrap_or_default()),
        }
        Ok(())
    }
}

fn copy<T: Copy + Default>(from: &[T], to: &mut [T]) {
    let filled = from.len().min(to.len());
    let (pictures, rest) = to.split_at_mut(filled);
    pictures.copy_from_slice(from.get(..filled).unwrap_or_default());
    rest.fill(T::default());
}

/// The part of an output that is of the first `count` pictures of `all`.
fn first<'a>(output: &Tensor<'a>, count: usize, all: usize) -> Tensor<'a> {
    let mut part = output.clone();
    if let Some(pictures) = part.dims.first_mut().filter(|pictures| count < all && **pictures == all) {
        *pictures = count;
        part.numbers = output.numbers.get(..output.numbers.len() / all * count).unwrap_or_default();
    }
    part
}

#[cfg(test)]
#[path = "card_tests.rs"]
mod tests;
