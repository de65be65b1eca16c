//! Batches on a processor, made as small as the memory wants it, and then as few threads. What they take is tried out on
//! networks that are loaded for the purpose and let go of; how sizes are chosen is `memory`'s.

use vow_types::Size;
use vow_types::num::len_u64;

use super::Networks;
use crate::crew::{AHEAD, Machine as _};
use crate::detector::Detector;
use crate::embedder::Embedder;
use crate::error::{GraphError, Role};
use crate::memory::{Fit, UNLIMITED, largest, peak, resident};
use crate::network::Network;
use crate::runtime::session::Place;
use crate::trim::give_memory_back;
use crate::tuning::Tuning;

/// Bytes that a run takes for a pixel of its pictures, where the system does not tell what a process holds. Stated, not
/// measured there: YuNet and SCRFD-2.5G stay below it.
const A_PIXEL: u64 = 128;

/// The embedder's part of the memory for work, at most: 1/3. What it leaves is the detector's, whose frames are ten times
/// as large.
const EMBEDDERS_SHARE: u64 = 3;

/// Tries out how many pictures at once fit the memory of [`Tuning::process_memory`], where more than one is asked for, and
/// has the networks keep to it.
///
/// # Errors
/// When a network cannot be loaded, or not run with one picture.
pub(super) fn make_fit(
    detector: &mut Detector,
    embedder: &mut Embedder,
    tuning: &Tuning,
) -> Result<(), (Role, GraphError)> {
    let wanted = tuning.batch(crate::runtime::Provider::Cpu);
    if detector.network.most(wanted).max(embedder.network.most(wanted)) <= 1 {
        return Ok(());
    }
    let (frame, crop) = (detector.largest(), embedder.size());
    let threads = len_u64(tuning.threads.max(1));
    let before = resident();
    // Each alone, so that the one does not work in memory that the other has no more use for.
    let (loaded_embedder, crops) = {
        let trial = Trial { network: &embedder.network, size: crop, threads };
        trial.run(wanted, |loaded| room(tuning, before, threads, loaded) / EMBEDDERS_SHARE)
    }
    .map_err(|error| (Role::Embedder, error))?;
    give_memory_back();
    let trial = Trial { network: &detector.network, size: frame, threads };
    let left = |loaded: u64| {
        room(tuning, before, threads, loaded.saturating_add(loaded_embedder)).saturating_sub(crops.bytes)
    };
    let (_, frames) = trial.run(wanted, left).map_err(|error| (Role::Detector, error))?;
    give_memory_back();
    for (network, fit) in [(&mut detector.network, frames), (&mut embedder.network, crops)] {
        let asked = network.most(wanted);
        network.keep_to(fit.most);
        if fit.most < asked {
            tracing::warn!(
                role = %network.role,
                takes_mb = fit.bytes >> 20,
                "a batch of {} instead of {asked}: more does not fit the memory that there is for it",
                fit.most
            );
        }
    }
    Ok(())
}

/// How many of the threads that are asked for can have networks at work within the memory of [`Tuning::process_memory`]; at least
/// one. The log says so where that is not all of them.
///
/// # Errors
/// When a network cannot be loaded, or not run.
pub(super) fn threads_that_fit(
    detector: &Detector,
    embedder: &Embedder,
    tuning: &Tuning,
) -> Result<usize, (Role, GraphError)> {
    let asked = tuning.threads.max(1);
    let Some(limit) = tuning.process_memory.filter(|_| asked > 1) else { return Ok(asked) };
    let wanted = tuning.batch(crate::runtime::Provider::Cpu);
    let at_work = || {
        let run = |network: &Network, sizes: &[Size]| {
            let mut net = network.open(Place::CPU)?;
            let ran =
                sizes.iter().try_for_each(|size| network.run_black(&mut net, *size, network.most(wanted)));
            ran.map(|()| net)
        };
        // All of them: tract keeps something for each.
        let frames: Vec<_> = detector.shapes.iter().copied().chain([detector.close_up]).collect();
        let detector = run(&detector.network, &frames).map_err(|error| (Role::Detector, error))?;
        let embedder = run(&embedder.network, &[embedder.size()]).map_err(|error| (Role::Embedder, error))?;
        Ok((detector, embedder))
    };
    // With the first comes what all of them share. What a run gives back at its end, others hold at that moment.
    let (first, one) = peak(at_work);
    let first = first?;
    give_memory_back();
    let before = resident();
    let (second, two) = peak(at_work);
    drop((first, second?));
    give_memory_back();
    let Some((one, each)) = one.zip(grown(before, two)) else { return Ok(asked) };
    let threads = seats(limit, one, each).min(asked);
    if threads < asked {
        let all = one.saturating_add(each.saturating_mul(len_u64(asked - 1)));
        tracing::warn!(
            asked,
            threads,
            missing_mib = all.saturating_sub(limit) >> 20,
            "max_memory is too little for as many threads to run models as were asked for: so much more would do for all of them"
        );
    }
    Ok(threads)
}

/// Threads that fit, where the process takes `one` bytes with the first of them and `each` more with every other.
fn seats(limit: u64, one: u64, each: u64) -> usize {
    let more = limit.saturating_sub(one).checked_div(each);
    more.map_or(usize::MAX, |more| usize::try_from(more).unwrap_or(usize::MAX)).saturating_add(1)
}

/// Bytes for the work of all threads, where the process held `before` bytes and each thread's networks take `loaded`.
fn room(tuning: &Tuning, before: Option<u64>, threads: u64, loaded: u64) -> u64 {
    tuning.process_memory.map_or(UNLIMITED, |limit| {
        limit.saturating_sub(before.unwrap_or_default()).saturating_sub(threads.saturating_mul(loaded))
    })
}

impl Networks {
    /// The size and number of pictures that a thread runs first: the largest where memory counts, so that whoever asks what the
    /// process holds is told all of it; otherwise what is soonest done.
    pub(super) fn first_run(&self, role: Role) -> (Size, usize) {
        let most = self.most(role);
        let size = match role {
            Role::Detector if most > 1 || self.tuning.process_memory.is_some() => self.detector.largest(),
            Role::Detector => self.detector.smallest(),
            Role::Embedder => self.embedder.size(),
        };
        (size, most)
    }
}

/// A network that is tried out.
struct Trial<'n> {
    network: &'n Network,
    /// Of the largest pictures.
    size: Size,
    threads: u64,
}

impl Trial<'_> {
    /// Bytes that loading takes for one thread, and how many of `wanted` pictures at once fit the room that there is then.
    fn run(&self, wanted: usize, room: impl FnOnce(u64) -> u64) -> Result<(u64, Fit), GraphError> {
        let before = resident();
        let mut net = self.network.open(Place::CPU)?;
        let opened = resident();
        let loaded = grown(before, opened).unwrap_or_default();
        let input = self.network.input_bytes(self.size);
        let fit = largest(self.network.most(wanted), room(loaded), |count| {
            self.network.run_black(&mut net, self.size, count)?;
            let pictures = len_u64(count);
            let stated = self.size.pixels().saturating_mul(A_PIXEL).saturating_mul(pictures);
            let work = grown(opened, resident()).unwrap_or(stated);
            // Batches lie put together while others run: their memory is none of the network's.
            let inputs = input.saturating_mul(pictures).saturating_mul(len_u64(AHEAD));
            Ok(work.saturating_add(inputs).saturating_mul(self.threads))
        })?;
        Ok((loaded, fit))
    }
}

fn grown(before: Option<u64>, after: Option<u64>) -> Option<u64> {
    Some(after?.saturating_sub(before?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_threads_as_fit_and_never_none() {
        assert_eq!(seats(500, 100, 40), 11);
        assert_eq!(seats(100, 100, 40), 1);
        assert_eq!(seats(10, 100, 40), 1, "somebody has to do it");
        assert_eq!(seats(500, 100, 0), usize::MAX, "the others take nothing that can be measured");
    }

    #[test]
    fn what_is_left_is_for_work() {
        let given = Tuning { process_memory: Some(500), ..Tuning::new(2) };
        assert_eq!(room(&given, Some(100), 2, 30), 340);
        assert_eq!(room(&given, Some(450), 2, 30), 0, "there is nothing left");
        assert_eq!(room(&given, None, 2, 30), 440);
        assert_eq!(room(&Tuning::new(2), Some(1 << 40), 2, 30), UNLIMITED, "whatever the rest takes");
    }
}
