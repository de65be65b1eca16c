//! What a card's trials found out about a pack's networks, kept from one start to the next: a trial takes seconds there, and
//! the same graphs on the same card give the same. Where and how notes are kept is the shelf's.

use std::path::Path;

use vow_graph::{Note, Shelf};
use vow_infer::{Models, Provider, Runtime, Trials, Tried};
use vow_machine::open_gpu;

/// The note about a pack's networks on a card. It is another one for other graphs, another runtime or version of it, another
/// provider or card.
pub(crate) struct Trial(Note);

impl Trial {
    /// None on the processor, where there is nothing to try.
    pub(crate) fn of(models: &Models, runtime: &Runtime, machine_root: &Path) -> Option<Self> {
        let info = runtime.info();
        if info.provider == Provider::Cpu {
            return None;
        }
        let card = open_gpu(machine_root).and_then(|mut card| card.read()).map(|card| card.name);
        let place =
            format!("{}\n{}\n{}\n{}", info.name, info.version, info.provider, card.unwrap_or_default());
        Some(Self(Note::about(&[place.as_bytes(), &models.detector_graph, &models.embedder_graph])))
    }

    /// What was found earlier.
    pub(crate) fn recall(&self, shelf: &mut Shelf) -> Option<Trials> {
        from_text(&shelf.recall(&self.0)?)
    }

    /// Keeps it for the next start; where that cannot be, the trial is made again.
    pub(crate) fn remember(&self, shelf: &mut Shelf, found: Trials) {
        if let Err(error) = shelf.remember(&self.0, &to_text(found)) {
            tracing::warn!(%error, "what was tried on the card is tried again at the next start");
        }
    }
}

fn to_text(Trials { detector, embedder }: Trials) -> String {
    let words = |tried: Tried| {
        let precision = if tried.half { "half" } else { "full" };
        let company = if tried.batched { "batches" } else { "alone" };
        format!("{precision} {company}")
    };
    format!("{}\n{}\n", words(detector), words(embedder))
}

fn from_text(text: &str) -> Option<Trials> {
    let mut lines = text.lines().map(|line| {
        let (precision, company) = line.split_once(' ')?;
        let half = ["full", "half"].iter().position(|word| *word == precision)? == 1;
        let batched = ["alone", "batches"].iter().position(|word| *word == company)? == 1;
        Some(Tried { half, batched })
    });
    let trials = Trials { detector: lines.next()??, embedder: lines.next()?? };
    lines.next().is_none().then_some(trials)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_read_as_it_was_written() {
        let all =
            [false, true].into_iter().flat_map(|half| [false, true].map(|batched| Tried { half, batched }));
        let all: Vec<Tried> = all.collect();
        for detector in all.clone() {
            for embedder in all.clone() {
                let trials = Trials { detector, embedder };
                assert_eq!(from_text(&to_text(trials)), Some(trials));
            }
        }
    }

    #[test]
    fn anything_else_is_nothing() {
        for text in
            ["", "half", "half batches", "half batches\nfull\n", "half batches\nhalf batches\nx", "1 2\n3 4"]
        {
            assert_eq!(from_text(text), None, "{text:?}");
        }
    }
}
