//! A picture of a face or a photo, into a file of its own.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use serde_json::Map;
use vow_proto::v1;
use vow_proto::v1::get_thumbnail_request::Of;

use crate::call::{Daemon, Failure, absolute, as_given};
use crate::json::{path_json, shown};
use crate::render::{Output, line, value};

/// Asks for the picture and writes it; what is there already stays as it is.
pub(crate) async fn save(
    daemon: &mut Daemon,
    of: &Path,
    file: &Path,
    size: Option<u32>,
    out: &Output,
) -> Result<(), Failure> {
    let request = v1::GetThumbnailRequest { of: Some(meant(of)), size: size.unwrap_or_default() };
    let answer = daemon.faces.get_thumbnail(request).await?.into_inner();
    let failed = |source| Failure::File { path: file.to_owned(), source };
    let mut target = OpenOptions::new().write(true).create_new(true).open(file).map_err(failed)?;
    target.write_all(&answer.jpeg).map_err(failed)?;
    let path = absolute(file);
    if out.is_json() {
        let mut object = Map::new();
        path_json(&mut object, "file", &path);
        object.insert("width".into(), answer.width.into());
        object.insert("height".into(), answer.height.into());
        return Ok(value(&object.into())?);
    }
    Ok(line(&format!("{}: {} x {} pixels", shown(&path), answer.width, answer.height))?)
}

/// A face where it reads like one and no file is called so.
fn meant(of: &Path) -> Of {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match of.to_str() {
        Some(text) if text.strip_prefix('f').is_some_and(digits) && !of.exists() => {
            Of::FaceId(text.to_owned())
        }
        _ => Of::Path(as_given(of)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_id_is_no_path() {
        assert_eq!(meant(Path::new("f12")), Of::FaceId("f12".to_owned()));
        for path in ["f12.jpg", "f", "12", "/photos/f12", "fx"] {
            assert!(matches!(meant(Path::new(path)), Of::Path(_)), "{path}");
        }
    }
}
