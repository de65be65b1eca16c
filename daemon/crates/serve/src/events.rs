//! `vow.v1.Events`: every subscriber reads from the store at its own pace. Nothing is kept for anybody here but the page
//! that is being sent, so that a slow one costs nothing, and one that waits is woken by the next transaction.

use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use vow_engine::types::{PersonId, num};
use vow_engine::{Engine, Event, Happened, Moved};
use vow_proto::v1;
use vow_proto::v1::subscribe_response::Event as Wire;

use crate::refusal::blocking;
use crate::{convert, history};

/// Events that are read at a time.
const PAGE: usize = 128;

pub(crate) struct Service {
    engine: Engine,
    stopped: watch::Receiver<bool>,
}

impl Service {
    pub(crate) fn new(engine: Engine, stopped: watch::Receiver<bool>) -> Self {
        Self { engine, stopped }
    }
}

type Answer = Result<v1::SubscribeResponse, Status>;

#[tonic::async_trait]
impl v1::events_server::Events for Service {
    type SubscribeStream = ReceiverStream<Answer>;

    async fn subscribe(
        &self,
        request: Request<v1::SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let v1::SubscribeRequest { after, until_now } = request.into_inner();
        let engine = self.engine.clone();
        let (after, last) = blocking(move || {
            let (oldest, last) = engine.event_numbers()?.into_inner();
            let after = after.unwrap_or(oldest.saturating_sub(1));
            // What cannot be had is refused at once.
            engine.events(after, 1)?;
            Ok((after, last))
        })
        .await?;
        let (sender, receiver) = mpsc::channel(1);
        let (engine, mut stopped) = (self.engine.clone(), self.stopped.clone());
        let until = until_now.then_some(last);
        tokio::spawn(async move {
            let stops = tokio::select! {
                () = stream(engine, after, until, &sender) => false,
                _ = stopped.wait_for(|stop| *stop) => true,
                () = sender.closed() => false,
            };
            if stops {
                // Nobody may be there to be told.
                let _ = sender.send(Err(Status::unavailable("the daemon is stopping"))).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

/// Sends what comes after a number, up to another one if that is given, until nobody reads.
async fn stream(engine: Engine, mut after: u64, until: Option<u64>, sender: &mpsc::Sender<Answer>) {
    let mut written = engine.watch_events();
    while until.is_none_or(|until| after < until) {
        written.mark_unchanged();
        let reader = engine.clone();
        let page = match blocking(move || reader.events(after, PAGE)).await {
            Ok(page) => page,
            // It was read so slowly that what comes next is not kept any more.
            Err(status) => return drop(sender.send(Err(status)).await),
        };
        if page.is_empty() && written.changed().await.is_err() {
            return;
        }
        for happened in page {
            after = happened.told.number;
            if sender.send(Ok(told(happened))).await.is_err() || until == Some(after) {
                return;
            }
        }
    }
}

fn told(Happened { told, faces, line }: Happened) -> v1::SubscribeResponse {
    let ids = |people: Vec<PersonId>| people.iter().map(ToString::to_string).collect();
    let event = match told.event {
        Event::Shown { path, photo } => {
            let faces = faces.map(num::len_u64);
            Some(Wire::PhotoIndexed(v1::PhotoIndexed {
                path: convert::bytes(&path),
                photo_id: photo.to_string(),
                faces,
            }))
        }
        Event::Gone { path, photo } => {
            let photo_id = photo.map(|photo| photo.to_string()).unwrap_or_default();
            Some(Wire::PhotoGone(v1::PhotoGone { path: convert::bytes(&path), photo_id }))
        }
        Event::Failed { path, failure } => Some(Wire::PhotoFailed(v1::PhotoFailed {
            path: convert::bytes(&path),
            stage: failure.stage.name().to_owned(),
            reason: failure.reason,
        })),
        Event::Assigned { faces } => {
            let moved = faces.into_iter().map(|(face, from, to)| history::moved(Moved { face, from, to }));
            Some(Wire::FacesAssigned(v1::FacesAssigned { faces: moved.collect() }))
        }
        Event::Born { people } => Some(Wire::PeopleCreated(v1::PeopleCreated { person_ids: ids(people) })),
        Event::Renamed { person, name, before } => Some(Wire::PersonRenamed(v1::PersonRenamed {
            person_id: person.to_string(),
            name: name.unwrap_or_default(),
            before: before.unwrap_or_default(),
        })),
        Event::Ended { people } => Some(Wire::PeopleVanished(v1::PeopleVanished { person_ids: ids(people) })),
        Event::Decided { .. } => line.map(history::entry).map(Wire::Decision),
    };
    v1::SubscribeResponse { number: told.number, at: told.at, event }
}
