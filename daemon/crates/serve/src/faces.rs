//! `vow.v1.Faces`.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use vow_engine::types::{FaceId, IdError, num};
use vow_engine::{Engine, PictureOf, SimilarFaces, SimilarHit, Stranger};
use vow_proto::v1;
use vow_proto::v1::find_similar_request::Query;
use vow_proto::v1::get_thumbnail_request::Of;

use crate::convert;
use crate::refusal::{blocking, refuse};

/// Faces that may wait for a slow reader of an export; the export waits beyond.
const UNREAD: usize = 256;
/// Pixels of the longer side of a picture, unless asked otherwise: of a face, of a photo.
pub(crate) const FACE_SIDE: u32 = 192;
pub(crate) const PHOTO_SIDE: u32 = 1600;

/// Bytes of a picture that can be sent.
pub(crate) const LARGEST_PICTURE: usize = 64 << 20;
/// Of a request: such a picture and what stands beside it.
pub(crate) const LARGEST: usize = LARGEST_PICTURE + (1 << 20);

pub(crate) struct Service {
    engine: Engine,
}

impl Service {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

#[tonic::async_trait]
impl v1::faces_server::Faces for Service {
    async fn list_faces(
        &self,
        request: Request<v1::ListFacesRequest>,
    ) -> Result<Response<v1::ListFacesResponse>, Status> {
        let (engine, path) = (self.engine.clone(), convert::path(request.into_inner().path));
        let (file, faces) = blocking(move || engine.faces_of_file(&path)).await?;
        Ok(Response::new(v1::ListFacesResponse {
            file: Some(convert::file(file)),
            faces: faces.into_iter().map(convert::face).collect(),
        }))
    }

    async fn find_similar(
        &self,
        request: Request<v1::FindSimilarRequest>,
    ) -> Result<Response<v1::FindSimilarResponse>, Status> {
        let v1::FindSimilarRequest { query, limit, min_cosine } = request.into_inner();
        let limit = match limit {
            0 => 20,
            some => num::index(some).min(1000),
        };
        let least = min_cosine.unwrap_or(-1.0);
        let engine = self.engine.clone();
        let queries: Vec<v1::SimilarFaces> = match query {
            None => {
                return Err(Status::invalid_argument("say like whom: give a path, a face_id or a picture"));
            }
            Some(Query::Path(path)) => {
                let path = convert::path(path);
                let faces = blocking(move || engine.similar_to_file(&path, limit, least)).await?;
                faces.into_iter().map(similar).collect()
            }
            Some(Query::FaceId(text)) => {
                let id: FaceId = text.parse().map_err(no_id)?;
                vec![similar(blocking(move || engine.similar_to_face(id, limit, least)).await?)]
            }
            Some(Query::Picture(bytes)) if bytes.len() > LARGEST_PICTURE => {
                let most = LARGEST_PICTURE >> 20;
                return Err(Status::invalid_argument(format!(
                    "a picture that is sent has at most {most} MiB"
                )));
            }
            Some(Query::Picture(bytes)) => {
                let faces = blocking(move || engine.similar_to_picture(&bytes, limit, least)).await?;
                faces.into_iter().map(stranger).collect()
            }
        };
        Ok(Response::new(v1::FindSimilarResponse { queries, same_cosine: self.engine.same_cosine() }))
    }

    type ExportStream = ReceiverStream<Result<v1::ExportResponse, Status>>;

    async fn export(
        &self,
        request: Request<v1::ExportRequest>,
    ) -> Result<Response<Self::ExportStream>, Status> {
        let (sender, receiver) = mpsc::channel(UNREAD);
        let (engine, embeddings) = (self.engine.clone(), request.into_inner().embeddings);
        tokio::task::spawn_blocking(move || {
            let result = engine.export(&mut |file, face| {
                let embedding = match embeddings.then(|| engine.embedding(face.id)).transpose() {
                    Ok(embedding) => embedding.map(|one| one.components().collect()).unwrap_or_default(),
                    Err(error) => return sender.blocking_send(Err(refuse(error))).is_ok(),
                };
                let (file, face) = (Some(convert::file(file)), Some(convert::face(face)));
                let row = v1::ExportResponse { file, face, embedding };
                // A reader that went away ends the export.
                sender.blocking_send(Ok(row)).is_ok()
            });
            if let Err(error) = result {
                let _ = sender.blocking_send(Err(refuse(error)));
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn get_thumbnail(
        &self,
        request: Request<v1::GetThumbnailRequest>,
    ) -> Result<Response<v1::GetThumbnailResponse>, Status> {
        let v1::GetThumbnailRequest { of, size } = request.into_inner();
        let (of, usual) = match of {
            None => {
                return Err(Status::invalid_argument("say of what: give a face_id, a path or a photo_id"));
            }
            Some(Of::FaceId(text)) => (PictureOf::Face(text.parse().map_err(no_id)?), FACE_SIDE),
            Some(Of::Path(path)) => (PictureOf::File(convert::path(path)), PHOTO_SIDE),
            Some(Of::PhotoId(text)) => (PictureOf::Photo(text.parse().map_err(no_id)?), PHOTO_SIDE),
        };
        let (engine, side) = (self.engine.clone(), if size == 0 { usual } else { size });
        let jpeg = blocking(move || engine.picture(&of, side)).await?;
        Ok(Response::new(v1::GetThumbnailResponse {
            jpeg: jpeg.bytes.to_vec(),
            width: jpeg.size.width,
            height: jpeg.size.height,
        }))
    }
}

fn no_id(error: IdError) -> Status {
    Status::invalid_argument(error.to_string())
}

fn similar(faces: SimilarFaces) -> v1::SimilarFaces {
    v1::SimilarFaces { query: Some(convert::face(faces.query)), similar: hits(faces.similar) }
}

fn stranger(face: Stranger) -> v1::SimilarFaces {
    let query = convert::look(face.bbox, face.landmarks, (face.score, face.quality));
    v1::SimilarFaces { query: Some(query), similar: hits(face.similar) }
}

fn hits(hits: Vec<SimilarHit>) -> Vec<v1::SimilarFace> {
    let hit = |hit: SimilarHit| v1::SimilarFace {
        face: Some(convert::face(hit.face)),
        files: hit.files.into_iter().map(convert::file).collect(),
        cosine: hit.cosine,
    };
    hits.into_iter().map(hit).collect()
}
