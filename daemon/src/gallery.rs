//! Opening the gallery at the start, and saying where it is.

use std::path::Path;

use vow_serve::{Gallery, ServeError};

use crate::settings::GalleryPlace;

/// The gallery, where it is wanted. Nobody asked for the usual one, so it must not keep the daemon from starting.
pub(crate) async fn open(place: GalleryPlace, data_dir: &Path) -> Result<Option<Gallery>, ServeError> {
    match place {
        GalleryPlace::Off => Ok(None),
        GalleryPlace::At(address) => Gallery::bind(address, data_dir).await.map(Some),
        GalleryPlace::Usual => Ok(Gallery::bind_usual(data_dir)
            .await
            .inspect_err(|error| tracing::warn!("there is no gallery: {}", crate::chain(error)))
            .ok()),
    }
}

/// Where it is. The key is shown to who sits at the terminal, never to a log that others may read.
pub(crate) fn tell(gallery: &Gallery, client: &str, terminal: bool) {
    let address = gallery.address();
    if terminal {
        tracing::info!("the gallery is at {}", gallery.url());
    } else {
        tracing::info!(
            "the gallery is at http://{address}/; `{client} gallery` prints the address with its key"
        );
    }
}
