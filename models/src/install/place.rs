//! A pack that was put together gets its place: verified as a whole, by one rename where the file system can.

use std::fs;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use toml::Table;

use super::installed::{Installed, look};
use super::{InstallError, Packs, clear, disk};
use crate::Pack;
use crate::pack::MANIFEST;

impl Packs {
    /// Writes what is not a graph, verifies the whole and puts it in its place.
    pub(super) fn finish(
        &self,
        name: &str,
        staging: &Path,
        manifest: &Table,
        terms: &str,
    ) -> Result<Installed, InstallError> {
        for (file, text) in [(MANIFEST, manifest.to_string()), ("LICENCE.txt", terms.to_owned())] {
            let path = staging.join(file);
            fs::write(&path, text).and_then(|()| fs::File::open(&path)?.sync_all()).map_err(disk(&path))?;
        }
        Pack::load(staging)?;
        fs::create_dir_all(&self.packs).map_err(disk(&self.packs))?;
        let place = self.folder(name);
        // A pack that is there already changes places with the new one at once: no kill leaves none.
        let flags = if place.exists() { RenameFlags::EXCHANGE } else { RenameFlags::NOREPLACE };
        match renameat_with(CWD, staging, CWD, &place, flags) {
            // Some file systems of networks cannot.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => self.replace(name, staging, &place)?,
            moved => moved.map_err(|error| disk(&place)(error.into()))?,
        }
        fs::File::open(&self.packs).and_then(|folder| folder.sync_all()).map_err(disk(&self.packs))?;
        clear(staging)?;
        clear(&self.downloads.join(name))?;
        Ok(look(name.to_owned(), place))
    }

    /// Puts a pack in its place in two steps: a kill between them leaves the old one in the downloads.
    fn replace(&self, name: &str, staging: &Path, place: &Path) -> Result<(), InstallError> {
        let away = self.downloads.join(format!("{name}.old"));
        clear(&away)?;
        if place.exists() {
            fs::rename(place, &away).map_err(disk(place))?;
        }
        if let Err(error) = fs::rename(staging, place) {
            if away.exists() {
                // Back to how it was; the first error says more than a second would.
                let _ = fs::rename(&away, place);
            }
            return Err(disk(place)(error));
        }
        clear(&away)
    }
}
