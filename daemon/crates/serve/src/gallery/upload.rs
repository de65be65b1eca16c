//! A picture that a form sends along (`multipart/form-data`, RFC 7578).

use std::convert::Infallible;

use http_body_util::{BodyExt as _, Limited};
use hyper::StatusCode;
use hyper::body::{Bytes, Incoming};
use multer::Multipart;

use super::reply::Reply;
use crate::faces::{LARGEST, LARGEST_PICTURE};
use crate::http::UPLOAD_PATIENCE;

/// Name of the field that the picture is in.
pub(super) const PICTURE: &str = "picture";

/// The picture in a form, of this content type. What it is has not been looked at.
pub(super) async fn picture(kind: &str, body: Incoming) -> Result<Bytes, Reply> {
    let refused = |status, text: &str| Err(Reply::failed(status, text));
    let Ok(boundary) = multer::parse_boundary(kind) else {
        return refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "that is no form of this gallery");
    };
    let whole = tokio::time::timeout(UPLOAD_PATIENCE, Limited::new(body, LARGEST).collect()).await;
    let bytes = match whole {
        Ok(Ok(whole)) => whole.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => return Err(too_large()),
        _ => return refused(StatusCode::BAD_REQUEST, "the picture did not come whole; send it again"),
    };
    let mut form = Multipart::new(tokio_stream::once(Ok::<_, Infallible>(bytes)), boundary);
    while let Ok(Some(field)) = form.next_field().await {
        if field.name() != Some(PICTURE) {
            continue;
        }
        return match field.bytes().await {
            Ok(picture) if picture.is_empty() => {
                refused(StatusCode::BAD_REQUEST, "no picture was chosen; go back and choose one")
            }
            Ok(picture) if picture.len() > LARGEST_PICTURE => Err(too_large()),
            Ok(picture) => Ok(picture),
            Err(_) => break,
        };
    }
    refused(StatusCode::BAD_REQUEST, "the form holds no picture; open the page anew")
}

fn too_large() -> Reply {
    let text = format!("a picture that is sent has at most {} MiB", LARGEST_PICTURE >> 20);
    Reply::failed(StatusCode::PAYLOAD_TOO_LARGE, &text)
}
