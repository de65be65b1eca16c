//! A pack that was put together gets its place, or none.

use std::path::PathBuf;

use vow_fetch::{Sum, take_place};

use super::installed::{Installed, look};
use super::{InstallError, Packs, clear};
use crate::held::Held;

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

impl Packs {
    /// Gives a pack its place, where it replaces an earlier one of its name.
    ///
    /// # Errors
    /// When the disk refuses; the earlier one stays as it was then.
    pub fn place(&self, staged: Staged) -> Result<Installed, InstallError> {
        let Staged { name, folder: staging, on_trust } = staged;
        let mut held = Held::read(&self.packs)?;
        let place = self.folder(&name);
        take_place(&staging, &place)?;
        clear(&self.fetched(&name))?;
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
        clear(&self.fetched(&staged.name))
    }
}
