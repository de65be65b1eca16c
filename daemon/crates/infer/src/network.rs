//! One network of a pack, its contract checked: what it is fed, where it is loaded, how many pictures it takes at once.

use std::sync::{Mutex, PoisonError};

use vow_types::num::index;
use vow_types::{InputFormat, Size};
use vow_vision::fill_nchw;

use crate::agreement::least_cosine;
use crate::drawn;
use crate::error::{GraphError, Role};
use crate::graph::{Graph, Layout, PictureInput};
use crate::net::{Feed, Loader, Net, Numbers, split};
use crate::runtime::session::Place;
use crate::runtime::{Provider, Runtime};

/// Half precision is used where, of the pictures that are drawn for it, no embedding and no output of the detector turns further
/// from that of full precision.
const SAME_IN_HALF: f32 = 0.9995;
/// A picture in a batch and alone give the same but for the device's rounding.
const SAME_IN_BATCH: f32 = 0.999;

/// What a card's trial found out about a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// Half precision gives what full precision gives.
    pub half: bool,
    /// Several pictures together give what they give alone.
    pub batched: bool,
}

/// A network that can be loaded.
pub(crate) struct Network {
    pub(crate) role: Role,
    pub(crate) layout: Layout,
    format: InputFormat,
    loader: Loader,
    half: Option<Loader>,
    /// Whether `half` is what is loaded on a GPU.
    use_half: bool,
    batched: bool,
    /// What was tried out on a card, with its plans made: whoever loads the network there first gets it.
    tried: Mutex<Option<(Place, Net)>>,
    /// Pictures at once for which there is memory.
    fits: usize,
}

impl Network {
    /// Of a graph whose input was found good. `rank` is the number of dimensions of an output for several pictures.
    pub(crate) fn new(
        role: Role,
        format: InputFormat,
        graph: Graph,
        input: PictureInput,
        rank: usize,
        runtime: &Runtime,
    ) -> Self {
        let batched = input.open_batch && graph.outputs_are_batched(rank) && Loader::takes_batches(runtime);
        let loader = Loader::new(graph, runtime);
        Self {
            role,
            layout: input.layout,
            format,
            loader,
            half: None,
            use_half: false,
            batched,
            tried: Mutex::new(None),
            fits: usize::MAX,
        }
    }

    /// Offers the same network in half precision. One that is fed differently is left aside.
    pub(crate) fn offer_half(&mut self, graph: Vec<u8>, runtime: &Runtime) {
        let half = Graph::read(graph).and_then(|graph| Ok((graph.picture_input()?, graph)));
        match half {
            Ok((input, graph)) if input.layout == self.layout => {
                self.half = Some(Loader::new(graph, runtime))
            }
            Ok(_) => {
                tracing::warn!(role = %self.role, "its half precision graph takes other input: not used")
            }
            Err(error) => tracing::warn!(role = %self.role, %error, "its half precision graph is not used"),
        }
    }

    pub(crate) fn is_slow_when_tall(&self) -> bool {
        self.loader.is_slow_when_tall()
    }

    /// Pictures at once, where `wanted` would be good.
    pub(crate) fn most(&self, wanted: usize) -> usize {
        if self.batched { wanted.min(self.fits).max(1) } else { 1 }
    }

    /// From now on no more pictures at once than these.
    pub(crate) fn keep_to(&mut self, fits: usize) {
        self.fits = fits;
    }

    /// Bytes of one picture of this size among those that are put together for a run.
    pub(crate) fn input_bytes(&self, size: Size) -> u64 {
        let a_pixel = match self.layout {
            Layout::Bytes => 3,
            Layout::Planes => 12,
        };
        size.pixels().saturating_mul(a_pixel)
    }

    /// Runs so many black pictures, for the memory that it takes.
    pub(crate) fn run_black(&self, net: &mut Net, size: Size, count: usize) -> Result<(), GraphError> {
        let numbers = count * 3 * index(size.width) * index(size.height);
        let (mut planes, mut bytes) = (Vec::new(), Vec::new());
        let numbers = match self.layout {
            Layout::Bytes => {
                bytes.resize(numbers, 0);
                Numbers::Bytes(&bytes)
            }
            Layout::Planes => {
                planes.resize(numbers, 0.0);
                Numbers::Planes(&planes)
            }
        };
        net.run(&Feed { numbers, size, count, pinned: None }, |_| Ok(()))
    }

    /// Makes all that a card needs for pictures of these sizes.
    pub(crate) fn make_ready(&self, net: &mut Net, sizes: &[Size], go_on: &dyn Fn() -> bool) {
        let nothing = match self.layout {
            Layout::Bytes => Numbers::Bytes(&[]),
            Layout::Planes => Numbers::Planes(&[]),
        };
        net.make_ready(sizes, nothing, go_on);
    }

    /// Loads it for one thread.
    pub(crate) fn open(&self, place: Place) -> Result<Net, GraphError> {
        let tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((_, net)) = tried.filter(|(there, _)| *there == place) {
            return Ok(net);
        }
        match &self.half {
            Some(half) if self.use_half && place.provider == Provider::Cuda => half.open(place),
            _ => self.loader.open(place),
        }
    }

    /// What is known of it now.
    pub(crate) fn found(&self) -> Tried {
        Tried { half: self.use_half, batched: self.batched }
    }

    /// Takes what an earlier trial of the same graphs at the same place found, instead of another one.
    pub(crate) fn believe(&mut self, tried: Tried) {
        self.use_half = tried.half && self.half.is_some();
        self.batched = tried.batched && self.batched;
    }

    /// Lets go of what the threads shared; it is made again when it is asked for.
    pub(crate) fn forget_plans(&self) {
        self.loader.forget_plans();
    }

    /// Finds out, before any photo comes, whether batches and half precision do what they should at this place. Ends early
    /// with what `go_on` says.
    pub(crate) fn try_out(
        &mut self,
        size: Size,
        place: Place,
        wanted: usize,
        go_on: &dyn Fn() -> Result<(), GraphError>,
    ) -> Result<(), GraphError> {
        let half = self.half.as_ref().filter(|_| place.provider == Provider::Cuda);
        if self.most(wanted) > 1 || half.is_some() {
            let pictures: Vec<_> = drawn::pictures(size).collect();
            let alone = |loader: &Loader| -> Result<_, GraphError> {
                let mut net = loader.open(place)?;
                let outputs = self.outputs_alone(&mut net, size, &pictures)?;
                Ok((net, outputs))
            };
            // One after the other: a card's plans keep one processor busy for seconds, and several at once are made no sooner.
            let full = alone(&self.loader);
            go_on()?;
            let half = half.map(alone);
            go_on()?;
            let (mut net, mut alone) = full?;
            if let Some(found) = half {
                let cosine = found.as_ref().map(|(_, found)| least_cosine(&alone, found));
                self.use_half = matches!(cosine, Ok(cosine) if cosine > SAME_IN_HALF);
                match cosine {
                    Ok(cosine) if self.use_half => {
                        tracing::info!(role = %self.role, cosine, "half precision is used")
                    }
                    Ok(cosine) => {
                        tracing::warn!(role = %self.role, cosine, "half precision is not used: it changes too much");
                    }
                    // That says nothing about it, and is not to be remembered.
                    Err(error) if error.is_memory() => {
                        return Err(found
                            .err()
                            .unwrap_or(GraphError::Incomplete { what: "memory was short".to_owned() }));
                    }
                    Err(error) => {
                        tracing::warn!(role = %self.role, %error, "half precision is not used: it fails")
                    }
                }
                // What is compared below is what will be used.
                if let (Ok(of_half), true) = (found, self.use_half) {
                    (net, alone) = of_half;
                }
            }
            if self.most(wanted) > 1 {
                // A card's batch is a full one; on a processor, any will do.
                let count =
                    if place.provider.gains_from_batches() { self.most(wanted) } else { pictures.len() };
                let outputs = alone.len() / pictures.len().max(1);
                let alone: Vec<_> = alone.iter().cycle().take(count * outputs).cloned().collect();
                let company: Vec<_> = pictures.iter().cycle().take(count).cloned().collect();
                let together = self.outputs(&mut net, size, &company);
                let cosine = together.map(|together| least_cosine(&alone, &together));
                self.batched = match &cosine {
                    Ok(cosine) => *cosine > SAME_IN_BATCH,
                    // Too large is no difference: it is made smaller when it is run.
                    Err(error) => error.is_memory(),
                };
                if !self.batched {
                    tracing::warn!(role = %self.role, ?cosine, "in a batch it gives something else than alone");
                }
            }
            if place.provider.gains_from_batches() {
                *self.tried.lock().unwrap_or_else(PoisonError::into_inner) = Some((place, net));
            }
        }
        if wanted > 1 && !self.batched {
            tracing::info!(role = %self.role, "it takes one picture at a time: a prepared graph would be faster");
        }
        Ok(())
    }

    fn outputs_alone(
        &self,
        net: &mut Net,
        size: Size,
        pictures: &[Vec<u8>],
    ) -> Result<Vec<Vec<f32>>, GraphError> {
        let mut all = Vec::new();
        for picture in pictures {
            all.extend(self.outputs(net, size, std::slice::from_ref(picture))?);
        }
        Ok(all)
    }

    /// Every output of every picture, run together.
    fn outputs(&self, net: &mut Net, size: Size, pictures: &[Vec<u8>]) -> Result<Vec<Vec<f32>>, GraphError> {
        let count = pictures.len();
        let (mut planes, mut bytes) = (Vec::new(), Vec::new());
        let numbers = match self.layout {
            Layout::Bytes => {
                bytes.extend(pictures.iter().flatten());
                Numbers::Bytes(&bytes)
            }
            Layout::Planes => {
                planes.resize(pictures.iter().map(Vec::len).sum(), 0.0);
                let each = planes.len() / count.max(1);
                let places = planes.chunks_exact_mut(each.max(1));
                places.zip(pictures).for_each(|(place, picture)| self.fill(picture, place));
                Numbers::Planes(&planes)
            }
        };
        net.run(&Feed { numbers, size, count, pinned: None }, |outputs| {
            let parts = split(outputs, count)?;
            Ok(parts.into_iter().flatten().map(<[f32]>::to_vec).collect())
        })
    }

    /// Puts a picture into planes as the pack says.
    pub(crate) fn fill(&self, picture: &[u8], planes: &mut [f32]) {
        fill_nchw(picture, self.format, planes);
    }
}
