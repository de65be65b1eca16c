//! Is what is known whole, does the index agree with it, and do the originals still show what they did? On a thread that
//! stepped back, beside all other work; nothing is changed. What the store's tables must fulfil is known to `vow-store`.

use std::path::{Path, PathBuf};

use vow_media::MediaError;
use vow_store::{FileRow, FileState, Finding, Lengths, Verifying};
use vow_types::{ContentId, FaceId, Lane, num};

use crate::budget::Holds;
use crate::engine::{Engine, behind};
use crate::error::EngineError;

/// Files that are looked up at a time.
const PAGE: usize = 256;

/// How far verifying has come, or what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// So many rows of the store, of about so many.
    Rows(u64, u64),
    /// So many faces were looked for in the index.
    Faces(u64),
    /// So many originals were read, of so many files.
    Originals(u64, u64),
    /// Something is not as it should be.
    Found(Problem),
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A row of the store.
    Row(Finding),
    /// A face that can be seen and is not in the index, or is there with another embedding.
    NotInIndex(FaceId),
    /// The index has faces that nobody can see: so many.
    TooManyInIndex(usize),
    /// A watched folder is offline: its originals could not be read.
    Offline(PathBuf),
    /// An original is gone.
    Missing(PathBuf),
    /// An original shows something else than when it was indexed. The last value says whether its size or time changed too.
    Changed(PathBuf, bool),
    /// An original cannot be read, or is no picture any more.
    Unreadable(PathBuf, String),
}

/// What was verified in the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VerifiedAll {
    /// Things that were found.
    pub problems: u64,
    /// Whether the index was compared; it is not while photos are being indexed.
    pub index: bool,
    /// Originals that were read.
    pub originals: u64,
}

/// Whoever wants to know how far it is; says whether to go on.
type Tell<'a> = &'a mut (dyn FnMut(Verified) -> bool + Send);

impl Engine {
    /// Verifies the store and the index, and the originals if `originals` says so. `tell` hears how far it is and what was
    /// found, and says whether to go on.
    ///
    /// # Errors
    /// When the store cannot be read at all; [`EngineError::Cancelled`] when `tell` said so.
    pub fn verify(&self, originals: bool, tell: Tell<'_>) -> Result<VerifiedAll, EngineError> {
        behind("verify", self.config().nice, || {
            let mut work = Work { engine: self, tell, all: VerifiedAll::default() };
            work.rows()?;
            work.index()?;
            if originals {
                work.originals()?;
            }
            Ok(work.all)
        })
    }
}

struct Work<'a> {
    engine: &'a Engine,
    tell: Tell<'a>,
    all: VerifiedAll,
}

impl Work<'_> {
    fn tell(&mut self, what: Verified) -> Result<(), EngineError> {
        self.all.problems = self.all.problems.saturating_add(u64::from(matches!(what, Verified::Found(_))));
        if (self.tell)(what) && !self.engine.is_stopping() { Ok(()) } else { Err(EngineError::Cancelled) }
    }

    fn rows(&mut self) -> Result<(), EngineError> {
        let engine = self.engine;
        let lengths = Lengths::from([(engine.pack_id(), num::index(engine.people().pack.dimension))]);
        let mut outcome = Ok(());
        engine.store().verify(lengths, &mut |step| {
            outcome = self.tell(match step {
                Verifying::Rows(done, total) => Verified::Rows(done, total),
                Verifying::Found(finding) => Verified::Found(Problem::Row(finding)),
            });
            outcome.is_ok()
        })?;
        outcome
    }

    /// Compares the index with the store, unless photos or decisions come in meanwhile: then they differ for a moment, and
    /// that says nothing.
    fn index(&mut self) -> Result<(), EngineError> {
        let engine = self.engine;
        let last = || Ok::<_, EngineError>((engine.is_idle(), *engine.event_numbers()?.end()));
        let before = last()?;
        let (index, rulings) = (engine.people().index(), engine.people().rulings());
        let (mut seen, mut missing) = (0_usize, Vec::new());
        engine.store().for_each_face(engine.pack_id(), &mut |face| {
            if !face.shown || rulings.is_no_face(face.row.id) {
                return;
            }
            seen = seen.saturating_add(1);
            let held = index.embedding(face.row.id).filter(|_| index.contains(face.row.id));
            if held.is_none_or(|held| held != face.embedding) {
                missing.push(face.row.id);
            }
        })?;
        // All vectors were compared with the store's.
        index.let_go();
        let (shown, after) = (index.len(), last()?);
        if !before.0 || before != after {
            return Ok(());
        }
        self.all.index = true;
        for face in &missing {
            self.tell(Verified::Found(Problem::NotInIndex(*face)))?;
        }
        let there = seen.saturating_sub(missing.len());
        if shown > there {
            self.tell(Verified::Found(Problem::TooManyInIndex(shown.saturating_sub(there))))?;
        }
        self.tell(Verified::Faces(num::len_u64(seen)))
    }

    fn originals(&mut self) -> Result<(), EngineError> {
        let engine = self.engine;
        let watched = engine.folders_of_record().all();
        let offline: Vec<_> = watched.into_iter().filter(|one| !one.online).map(|one| one.folder).collect();
        for folder in &offline {
            self.tell(Verified::Found(Problem::Offline(folder.path.clone())))?;
        }
        let counts = engine.store().counts(engine.pack_id())?;
        let total = counts.files.saturating_sub(counts.failures);
        let (mut after, mut buffer) = (None::<PathBuf>, Vec::new());
        loop {
            let files = engine.store().files_after(after.as_deref(), PAGE)?;
            let Some(last) = files.last() else { return Ok(()) };
            after = Some(last.path.clone());
            for file in files {
                let FileState::Shows { photo, .. } = file.state else { continue };
                if offline.iter().any(|folder| folder.id == file.folder) {
                    continue;
                }
                if let Some(problem) = look(engine, &file, photo, &mut buffer)
                    && engine.store().file(&file.path)?.as_ref() == Some(&file)
                {
                    self.tell(Verified::Found(problem))?;
                }
                self.all.originals = self.all.originals.saturating_add(1);
                self.tell(Verified::Originals(self.all.originals, total))?;
            }
        }
    }
}

/// Reads an original; what is wrong with it may be news to the daemon, too, and counts if its row is still the same then.
fn look(engine: &Engine, file: &FileRow, photo: ContentId, buffer: &mut Vec<u8>) -> Option<Problem> {
    let path = || file.path.clone();
    let size = file.size.min(engine.bench().limits.max_file_bytes);
    // The daemon is stopping otherwise, and whoever is told next calls it off.
    let _held = engine.bench().budget.take(Holds::File, size, Lane::Backlog).ok()?;
    match content(engine, &file.path, buffer) {
        Ok((content, _)) if content == photo => None,
        Ok((_, stamp)) => {
            let trace = stamp != (file.size, file.mtime_ns, file.inode);
            Some(Problem::Changed(path(), trace))
        }
        Err(MediaError::Vanished { .. }) => Some(Problem::Missing(path())),
        Err(error) => Some(Problem::Unreadable(path(), error.to_string())),
    }
}

/// Which photo a file shows now, and its size, time and inode.
fn content(
    engine: &Engine,
    path: &Path,
    buffer: &mut Vec<u8>,
) -> Result<(ContentId, (u64, i64, u64)), MediaError> {
    let limits = &engine.bench().limits;
    let stamp = vow_media::read(path, limits, buffer)?;
    let header = vow_media::inspect(buffer, limits)?;
    Ok((header.content, (stamp.size, stamp.mtime_ns, stamp.inode)))
}
