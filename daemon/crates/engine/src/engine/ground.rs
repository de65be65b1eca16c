//! What must be there on disk before the engine can run: its data folder, the store, and the pack.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use vow_models::Pack;
use vow_store::{Restored, Store, finish_restore};

use crate::config::{Config, PackChoice};
use crate::error::EngineError;
use crate::safekeeping::STORE;

/// The pack that the configuration chooses.
///
/// # Errors
/// When there is none of that name, or it is broken.
pub(super) fn load_pack(config: &Config) -> Result<Pack, EngineError> {
    match &config.pack {
        PackChoice::Folder(dir) => Ok(Pack::load(dir)?),
        PackChoice::Named(name) => {
            let dir = config.data_dir.join("packs").join(name);
            if dir.is_dir() {
                Ok(Pack::load(&dir)?)
            } else if name == "starter" {
                Ok(Pack::starter()?)
            } else {
                Err(EngineError::NoSuchPack { name: name.clone(), looked: dir })
            }
        }
    }
}

/// The data folder, for its owner alone where it is new.
///
/// # Errors
/// When it cannot be made.
pub(super) fn make_data_dir(path: &Path) -> Result<(), EngineError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| EngineError::DataDir { path: path.to_owned(), source })
}

/// The store; a backup that waits to be put in its place is, first.
///
/// # Errors
/// When it cannot be opened, or the backup not be put in place.
pub(super) fn open_store(data_dir: &Path) -> Result<Store, EngineError> {
    let path = data_dir.join(STORE);
    if let Some(Restored { kept }) = finish_restore(&path)? {
        let kept = kept.map(|kept| kept.display().to_string());
        tracing::info!(kept, "a backup was put in the place of the store, which is kept");
    }
    Ok(Store::open(&path)?)
}
