//! A pack that was put together is verified as a whole, and gets its place: by one rename where the file system can.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use toml::Table;
use vow_fetch::Sum;

use super::installed::{Installed, look};
use super::{InstallError, Packs, clear, disk};
use crate::Pack;
use crate::held::Held;
use crate::pack::MANIFEST;

/// A pack that is whole and right but has no place yet: it is tried, and then [placed](Packs::place) or
/// [discarded](Packs::discard).
#[derive(Debug)]
pub struct Staged {
    /// Its name.
    pub name: String,
    /// The folder that it lies in until then.
    pub folder: PathBuf,
    /// Files whose sums nobody confirmed, with the sums that they turned out to have.
    pub(super) on_trust: Vec<(String, Sum)>,
}

impl Staged {
    /// Writes what is not a graph, and verifies the whole.
    pub(super) fn complete(self, manifest: &Table, terms: &str) -> Result<Self, InstallError> {
        for (file, text) in [(MANIFEST, manifest.to_string()), ("LICENCE.txt", terms.to_owned())] {
            let path = self.folder.join(file);
            fs::write(&path, text).and_then(|()| fs::File::open(&path)?.sync_all()).map_err(disk(&path))?;
        }
        Pack::load(&self.folder)?;
        Ok(self)
    }
}

impl Packs {
    /// Gives a pack its place, where it replaces an earlier one of its name.
    ///
    /// # Errors
    /// When the disk refuses; the earlier one stays as it was then.
    pub fn place(&self, staged: Staged) -> Result<Installed, InstallError> {
        let Staged { name, folder: staging, on_trust } = staged;
        let mut held = Held::read(&self.packs)?;
        fs::create_dir_all(&self.packs).map_err(disk(&self.packs))?;
        let place = self.folder(&name);
        // A pack that is there already changes places with the new one at once: no kill leaves none.
        let flags = if place.exists() { RenameFlags::EXCHANGE } else { RenameFlags::NOREPLACE };
        match renameat_with(CWD, &staging, CWD, &place, flags) {
            // Some file systems of networks cannot.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => self.replace(&name, &staging, &place)?,
            moved => moved.map_err(|error| disk(&place)(error.into()))?,
        }
        fs::File::open(&self.packs).and_then(|folder| folder.sync_all()).map_err(disk(&self.packs))?;
        clear(&staging)?;
        clear(&self.downloads.join(&name))?;
        for (file, sum) in on_trust {
            held.hold(&name, &file, sum)?;
        }
        Ok(look(name, place))
    }

    /// Deletes a pack that is not to get a place.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn discard(&self, staged: Staged) -> Result<(), InstallError> {
        clear(&staged.folder)?;
        clear(&self.downloads.join(staged.name))
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
