//! `vow.v1.People`.

use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use vow_engine::types::{FaceId, IdError, PxBox, num};
use vow_engine::{Ask, Companion, Engine, EngineError, NameFilter, PersonOrder, PhotoOrder, PhotoQuery};
use vow_proto::v1;
use vow_proto::v1::list_people_request::{Names, Order as PeopleOrder};
use vow_proto::v1::list_photos_request::Order as PhotosOrder;

use crate::convert;
use crate::history;
use crate::paging::Page;
use crate::questions;
use crate::refit;
use crate::refusal::{blocking, refuse};
use crate::steps;

/// A person's answer shows at most this many faces.
const SHOWN_FACES: usize = 20;
/// People without a name are listed from this many faces on, unless asked otherwise.
pub(crate) const LEAST_FACES: usize = 3;
/// Photos that may wait for a slow reader of a stream; the stream waits beyond.
const UNREAD: usize = 64;

pub(crate) struct Service {
    engine: Engine,
    stopped: watch::Receiver<bool>,
}

impl Service {
    pub(crate) fn new(engine: Engine, stopped: watch::Receiver<bool>) -> Self {
        Self { engine, stopped }
    }
}

#[tonic::async_trait]
impl v1::people_server::People for Service {
    async fn list_people(
        &self,
        request: Request<v1::ListPeopleRequest>,
    ) -> Result<Response<v1::ListPeopleResponse>, Status> {
        let request = request.into_inner();
        let page = Page::read(&request.page_token, request.page_size, 100, 1000)?;
        let names = match request.names() {
            Names::Unspecified => NameFilter::Any,
            Names::Named => NameFilter::Named,
            Names::Unnamed => NameFilter::Unnamed,
        };
        let order = match request.order() {
            PeopleOrder::Unspecified => PersonOrder::Name,
            PeopleOrder::Faces => PersonOrder::Faces,
            PeopleOrder::FirstTaken => PersonOrder::FirstTaken,
            PeopleOrder::LastTaken => PersonOrder::LastTaken,
        };
        let least = match request.min_faces {
            0 => LEAST_FACES,
            some => num::index(some),
        };
        let engine = self.engine.clone();
        let (people, total) =
            blocking(move || engine.list_people(names, order, request.hidden, least, page.skip, page.limit))
                .await?;
        Ok(Response::new(v1::ListPeopleResponse {
            people: people.into_iter().map(convert::person).collect(),
            next_page_token: page.next(total),
            total: num::len_u64(total),
        }))
    }

    async fn get_person(
        &self,
        request: Request<v1::GetPersonRequest>,
    ) -> Result<Response<v1::GetPersonResponse>, Status> {
        let (engine, text) = (self.engine.clone(), request.into_inner().person);
        let (person, faces) = blocking(move || {
            let id = engine.find_person(&text)?;
            Ok((engine.person(id)?, engine.faces_of_person(id, SHOWN_FACES)?))
        })
        .await?;
        Ok(Response::new(v1::GetPersonResponse {
            person: Some(convert::person(person)),
            faces: faces.into_iter().map(convert::face).collect(),
        }))
    }

    async fn list_photos(
        &self,
        request: Request<v1::ListPhotosRequest>,
    ) -> Result<Response<v1::ListPhotosResponse>, Status> {
        let request = request.into_inner();
        let page = Page::read(&request.page_token, request.page_size, 1000, 10_000)?;
        let engine = self.engine.clone();
        let (photos, total) =
            blocking(move || engine.photos(&photo_query(&engine, request)?, page.skip, page.limit)).await?;
        Ok(Response::new(v1::ListPhotosResponse {
            photos: photos.into_iter().map(convert::photo).collect(),
            next_page_token: page.next(total),
            total: num::len_u64(total),
        }))
    }

    type StreamPhotosStream = ReceiverStream<Result<v1::PersonPhoto, Status>>;

    async fn stream_photos(
        &self,
        request: Request<v1::ListPhotosRequest>,
    ) -> Result<Response<Self::StreamPhotosStream>, Status> {
        let (request, engine) = (request.into_inner(), self.engine.clone());
        // Whom it is about is found out before the first message, so that a wrong name is a plain refusal.
        let (query, engine) = blocking(move || Ok((photo_query(&engine, request)?, engine))).await?;
        let (sender, receiver) = mpsc::channel(UNREAD);
        tokio::task::spawn_blocking(move || {
            // A reader that went away ends it.
            let result = engine
                .each_photo(&query, &mut |photo| sender.blocking_send(Ok(convert::photo(photo))).is_ok());
            if let Err(error) = result {
                let _ = sender.blocking_send(Err(refuse(error)));
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn list_companions(
        &self,
        request: Request<v1::ListCompanionsRequest>,
    ) -> Result<Response<v1::ListCompanionsResponse>, Status> {
        let v1::ListCompanionsRequest { people, limit } = request.into_inner();
        if people.is_empty() {
            return Err(Status::invalid_argument("say with whom: people is empty"));
        }
        let limit = if limit == 0 { 100 } else { num::index(limit).min(1000) };
        let engine = self.engine.clone();
        let companions = blocking(move || {
            let people = people.iter().map(|text| engine.find_person(text)).collect::<Result<Vec<_>, _>>()?;
            engine.companions(&people, limit)
        })
        .await?;
        let companion = |one: Companion| v1::Companion {
            person: Some(convert::person(one.person)),
            photos_together: num::len_u64(one.photos),
        };
        Ok(Response::new(v1::ListCompanionsResponse {
            companions: companions.into_iter().map(companion).collect(),
        }))
    }

    async fn list_suggestions(
        &self,
        request: Request<v1::ListSuggestionsRequest>,
    ) -> Result<Response<v1::ListSuggestionsResponse>, Status> {
        let limit = match request.into_inner().limit {
            0 => 20,
            some => num::index(some).min(1000),
        };
        let engine = self.engine.clone();
        let (open, total) = blocking(move || engine.questions(limit)).await?;
        Ok(Response::new(v1::ListSuggestionsResponse {
            suggestions: open.into_iter().map(questions::suggestion).collect(),
            total: num::len_u64(total),
        }))
    }

    async fn explain(
        &self,
        request: Request<v1::ExplainRequest>,
    ) -> Result<Response<v1::ExplainResponse>, Status> {
        let face = face_id(&request.into_inner().face_id)?;
        let engine = self.engine.clone();
        let why = blocking(move || engine.explain(face)).await?;
        Ok(Response::new(questions::explained(why, self.engine.same_cosine())))
    }

    type ReclusterStream = ReceiverStream<Result<v1::ReclusterResponse, Status>>;

    async fn recluster(
        &self,
        request: Request<v1::ReclusterRequest>,
    ) -> Result<Response<Self::ReclusterStream>, Status> {
        let request = request.into_inner();
        let (method, apply, engine) = (refit::method(&request)?, request.apply, self.engine.clone());
        let answers = steps::stream(self.stopped.clone(), move |teller, cancel| {
            let onlooker = refit::onlooker(teller, cancel.clone());
            let (difference, done) = engine.refit(method, apply, onlooker).map_err(refuse)?;
            Ok(refit::difference(difference, done))
        });
        Ok(Response::new(answers))
    }

    async fn people_stats(
        &self,
        _: Request<v1::PeopleStatsRequest>,
    ) -> Result<Response<v1::PeopleStatsResponse>, Status> {
        let engine = self.engine.clone();
        Ok(Response::new(refit::stats(blocking(move || engine.people_stats()).await?)))
    }

    async fn name_person(&self, request: Request<v1::NamePersonRequest>) -> Decision {
        let v1::NamePersonRequest { person, name } = request.into_inner();
        self.decide(move |engine| Ok(Ask::Name(engine.find_person(&person)?, name))).await
    }

    async fn merge_people(&self, request: Request<v1::MergePeopleRequest>) -> Decision {
        let v1::MergePeopleRequest { into, from, same_photo } = request.into_inner();
        if from.is_empty() {
            return Err(Status::invalid_argument("say who is merged in: from is empty"));
        }
        self.decide(move |engine| {
            let from = from.iter().map(|text| engine.find_person(text)).collect::<Result<_, _>>()?;
            Ok(Ask::Merge { into: engine.find_person(&into)?, from, same_photo })
        })
        .await
    }

    async fn split_person(&self, request: Request<v1::SplitPersonRequest>) -> Decision {
        let v1::SplitPersonRequest { person, face_ids } = request.into_inner();
        let faces = face_ids.iter().map(|text| face_id(text)).collect::<Result<_, _>>()?;
        self.decide(move |engine| Ok(Ask::Split(engine.find_person(&person)?, faces))).await
    }

    async fn confirm_face(&self, request: Request<v1::ConfirmFaceRequest>) -> Decision {
        let v1::ConfirmFaceRequest { face_id: face, person } = request.into_inner();
        let face = face_id(&face)?;
        self.decide(move |engine| Ok(Ask::Confirm(face, engine.find_person(&person)?))).await
    }

    async fn reject_face(&self, request: Request<v1::RejectFaceRequest>) -> Decision {
        let v1::RejectFaceRequest { face_id: face, person } = request.into_inner();
        let face = face_id(&face)?;
        self.decide(move |engine| {
            let person = Some(person).filter(|text| !text.is_empty());
            Ok(Ask::Reject(face, person.map(|text| engine.find_person(&text)).transpose()?))
        })
        .await
    }

    async fn reject_non_face(&self, request: Request<v1::RejectNonFaceRequest>) -> Decision {
        let face = face_id(&request.into_inner().face_id)?;
        self.decide(move |_| Ok(Ask::NotAFace(face))).await
    }

    async fn draw_face(&self, request: Request<v1::DrawFaceRequest>) -> Decision {
        let v1::DrawFaceRequest { path, r#box, person } = request.into_inner();
        let Some(v1::Box { left, top, right, bottom }) = r#box else {
            return Err(Status::invalid_argument("say where the face is: box is absent"));
        };
        let (path, place) = (convert::path(path), PxBox { left, top, right, bottom });
        let engine = self.engine.clone();
        let done = blocking(move || {
            let person = Some(person).filter(|text| !text.is_empty());
            engine.draw(&path, place, person.map(|text| engine.find_person(&text)).transpose()?)
        })
        .await?;
        Ok(Response::new(history::done(done)))
    }

    async fn keep_apart(&self, request: Request<v1::KeepApartRequest>) -> Decision {
        let v1::KeepApartRequest { person, other } = request.into_inner();
        self.decide(move |engine| Ok(Ask::Apart(engine.find_person(&person)?, engine.find_person(&other)?)))
            .await
    }

    async fn hide_person(&self, request: Request<v1::HidePersonRequest>) -> Decision {
        let v1::HidePersonRequest { person, hidden } = request.into_inner();
        self.decide(move |engine| Ok(Ask::Hide(engine.find_person(&person)?, hidden))).await
    }

    async fn set_cover(&self, request: Request<v1::SetCoverRequest>) -> Decision {
        let v1::SetCoverRequest { person, face_id: face } = request.into_inner();
        let face = Some(face).filter(|text| !text.is_empty()).map(|text| face_id(&text)).transpose()?;
        self.decide(move |engine| Ok(Ask::Cover(engine.find_person(&person)?, face))).await
    }

    async fn undo(&self, request: Request<v1::UndoRequest>) -> Decision {
        let v1::UndoRequest { entry_id, with_dependents } = request.into_inner();
        let entry = Some(entry_id).filter(|entry| *entry > 0);
        self.decide(move |_| Ok(Ask::Undo { entry, dependents: with_dependents })).await
    }

    async fn redo(&self, request: Request<v1::RedoRequest>) -> Decision {
        let entry = Some(request.into_inner().entry_id).filter(|entry| *entry > 0);
        self.decide(move |_| Ok(Ask::Redo(entry))).await
    }

    async fn history(
        &self,
        request: Request<v1::HistoryRequest>,
    ) -> Result<Response<v1::HistoryResponse>, Status> {
        let request = request.into_inner();
        let page = Page::read(&request.page_token, request.page_size, 100, 1000)?;
        let engine = self.engine.clone();
        let (lines, total) = blocking(move || {
            let person = Some(request.person).filter(|text| !text.is_empty());
            let person = person.map(|text| engine.find_person(&text)).transpose()?;
            engine.history(person, page.skip, page.limit)
        })
        .await?;
        Ok(Response::new(v1::HistoryResponse {
            entries: lines.into_iter().map(history::entry).collect(),
            next_page_token: page.next(total),
            total: num::len_u64(total),
        }))
    }
}

/// What photos a request asks for.
fn photo_query(engine: &Engine, request: v1::ListPhotosRequest) -> Result<PhotoQuery, EngineError> {
    if request.people.is_empty() {
        return Err(EngineError::Incomplete("say whose photos: people is empty"));
    }
    let find =
        |people: &[String]| people.iter().map(|text| engine.find_person(text)).collect::<Result<_, _>>();
    let order = match request.order() {
        PhotosOrder::Unspecified => PhotoOrder::Oldest,
        PhotosOrder::Newest => PhotoOrder::Newest,
        PhotosOrder::Path => PhotoOrder::Path,
    };
    Ok(PhotoQuery {
        people: find(&request.people)?,
        without: find(&request.without)?,
        any: request.any,
        since: request.since,
        until: request.until,
        folder: (!request.folder.is_empty()).then(|| convert::path(request.folder)),
        order,
    })
}

type Decision = Result<Response<v1::DecisionResponse>, Status>;

impl Service {
    /// Has a decision carried out; `ask` finds out what exactly it is about.
    async fn decide(
        &self,
        ask: impl FnOnce(&Engine) -> Result<Ask, EngineError> + Send + 'static,
    ) -> Decision {
        let engine = self.engine.clone();
        let done = blocking(move || engine.decide(ask(&engine)?)).await?;
        Ok(Response::new(history::done(done)))
    }
}

fn face_id(text: &str) -> Result<FaceId, Status> {
    text.parse().map_err(|error: IdError| Status::invalid_argument(error.to_string()))
}
