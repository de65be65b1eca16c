//! `vow.v1.People`.

use tonic::{Request, Response, Status};
use vow_engine::types::num;
use vow_engine::{Engine, NameFilter, PhotoQuery};
use vow_proto::v1;
use vow_proto::v1::list_people_request::Names;

use crate::convert;
use crate::paging::Page;
use crate::refusal::blocking;

/// A person's answer shows at most this many faces.
const SHOWN_FACES: usize = 20;
/// People without a name are listed from this many faces on, unless asked otherwise.
const LEAST_FACES: usize = 3;

pub(crate) struct Service {
    engine: Engine,
}

impl Service {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
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
        let least = match request.min_faces {
            0 => LEAST_FACES,
            some => num::index(some),
        };
        let engine = self.engine.clone();
        let (people, total) =
            blocking(move || engine.list_people(names, least, page.skip, page.limit)).await?;
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
        if request.people.is_empty() {
            return Err(Status::invalid_argument("say whose photos: people is empty"));
        }
        let page = Page::read(&request.page_token, request.page_size, 1000, 10_000)?;
        let engine = self.engine.clone();
        let (photos, total) = blocking(move || {
            let people =
                request.people.iter().map(|text| engine.find_person(text)).collect::<Result<_, _>>()?;
            let query = PhotoQuery { people, any: request.any, since: request.since, until: request.until };
            engine.photos(&query, page.skip, page.limit)
        })
        .await?;
        Ok(Response::new(v1::ListPhotosResponse {
            photos: photos.into_iter().map(convert::photo).collect(),
            next_page_token: page.next(total),
            total: num::len_u64(total),
        }))
    }

    async fn name_person(
        &self,
        request: Request<v1::NamePersonRequest>,
    ) -> Result<Response<v1::NamePersonResponse>, Status> {
        let v1::NamePersonRequest { person, name } = request.into_inner();
        let engine = self.engine.clone();
        let named = blocking(move || engine.name_person(engine.find_person(&person)?, &name)).await?;
        Ok(Response::new(v1::NamePersonResponse {
            person: Some(convert::person(named.person)),
            before: named.before.unwrap_or_default(),
        }))
    }
}
