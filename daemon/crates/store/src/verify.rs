//! Is the store what it should be: does every row say something, and does what it speaks of exist? Read from one moment's
//! state while the daemon goes on; nothing is changed. What must hold is in `docs/STORE.md`; what each table is asked is in
//! [`photos`], [`people`] and [`told`], how one is gone through in [`walk`].

mod people;
mod photos;
mod told;
mod walk;

use std::collections::HashMap;

use vow_types::PackId;

use crate::error::StoreError;
use crate::store::Store;
use walk::Look;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The table of `docs/STORE.md`.
    pub table: &'static str,
    /// The row, as a person would name it: a path, `f12`, `p7`, a photo.
    pub row: String,
    /// What is wrong with it.
    pub what: String,
    /// It could be made again from the other tables: nothing that is known was lost.
    pub derived: bool,
}

/// Tables that could be made again from the others.
const DERIVED: [&str; 8] = [
    "failures",
    "photo_files",
    "photos_without_file",
    "person_faces",
    "names",
    "tallies",
    "face_person",
    "people",
];

impl Finding {
    fn new(table: &'static str, row: impl ToString, what: String) -> Self {
        Self { table, row: row.to_string(), what, derived: DERIVED.contains(&table) }
    }
}

/// What verifying tells while it is at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verifying {
    /// So many rows of about so many were looked at.
    Rows(u64, u64),
    /// Something was found.
    Found(Finding),
}

/// The length of embeddings by pack, as far as it is known.
pub type Lengths = HashMap<PackId, usize>;

impl Store {
    /// Looks at every row of every table, and at what it speaks of. `lengths`: of embeddings, where a pack says it; those of
    /// other packs must be equally long. `tell` says whether to go on.
    ///
    /// # Errors
    /// When the store cannot be read at all; a table that cannot be read to its end is a finding.
    pub fn verify(
        &self,
        lengths: Lengths,
        tell: &mut dyn FnMut(Verifying) -> bool,
    ) -> Result<(), StoreError> {
        let view = self.view()?;
        let mut look = Look::begin(&view, tell);
        look.count();
        photos::verify(&mut look, lengths);
        people::verify(&mut look);
        told::verify(&mut look);
        Ok(())
    }
}
