//! What happened, for those who follow along: the store's events with what is known of them besides.

use std::ops::RangeInclusive;

use tokio::sync::watch;
use vow_store::{Event, Store, StoreError, Told};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::views::HistoryLine;

/// An event.
#[derive(Debug, Clone)]
pub struct Happened {
    /// What was told.
    pub told: Told,
    /// Of [`Event::Shown`]: how many faces the pack in use sees; `None` while it has not looked.
    pub faces: Option<usize>,
    /// Of [`Event::Decided`]: the line of the journal, as it was said.
    pub line: Option<HistoryLine>,
}

/// Rings after every transaction of a store.
pub(crate) fn bell(store: &Store) -> watch::Sender<()> {
    let bell = watch::Sender::new(());
    let ringing = bell.clone();
    store.when_written(move || {
        ringing.send_replace(());
    });
    bell
}

impl Engine {
    /// The numbers of the events that are kept; ends with the last that was ever given, even where none is kept.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn event_numbers(&self) -> Result<RangeInclusive<u64>, EngineError> {
        Ok(self.store().event_numbers()?)
    }

    /// The events after this number, in their order, at most `limit`.
    ///
    /// # Errors
    /// When some of them are not kept any more ([`EngineError::EventsGone`]) or the number is none of this store's
    /// ([`EngineError::NoSuchEvent`]).
    pub fn events(&self, after: u64, limit: usize) -> Result<Vec<Happened>, EngineError> {
        let told = self.store().events(after, limit).map_err(|error| match error {
            StoreError::EventsGone { .. } => EngineError::EventsGone(error),
            StoreError::NoSuchEvent { .. } => EngineError::NoSuchEvent(error),
            other => EngineError::Store(other),
        })?;
        told.into_iter().map(|told| self.happened(told)).collect()
    }

    /// Changes whenever there may be new events.
    #[must_use]
    pub fn watch_events(&self) -> watch::Receiver<()> {
        self.written()
    }

    fn happened(&self, told: Told) -> Result<Happened, EngineError> {
        let (mut faces, mut line) = (None, None);
        match &told.event {
            Event::Shown { photo, .. } => {
                faces = self.store().analysis(photo, self.pack_id())?.map(|faces| faces.len());
            }
            Event::Decided { entry } => line = self.line_of(*entry)?,
            _ => {}
        }
        Ok(Happened { told, faces, line })
    }
}
