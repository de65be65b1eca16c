//! `vow export links` and `vow export copies`: a folder with somebody's photos, to hand over or to look through. Every photo
//! once, under its own name; nothing that is there is ever overwritten, so that a second run goes on where the first ended.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io::{self, IsTerminal as _, Read};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};
use vow_proto::v1;

use crate::args::{HandOver, PhotoOrder};
use crate::call::{Daemon, Failure, absolute};
use crate::json::{path_json, printable, shown};
use crate::render::{Output, counted, line, value};

/// How a photo comes into the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Link,
    Copy,
}

impl Way {
    fn other(self) -> Self {
        match self {
            Self::Link => Self::Copy,
            Self::Copy => Self::Link,
        }
    }

    /// What to say where the photo is in the folder the other way: a second file of it would be one too many.
    fn mixed(self) -> &'static str {
        match self {
            Self::Link => "a copy of it is there already; links go into a folder of their own",
            Self::Copy => "a link to it is there already; copies go into a folder of their own",
        }
    }
}

/// What became of the photos.
#[derive(Debug, Default)]
struct Tally {
    written: u64,
    present: u64,
    failed: Vec<(PathBuf, io::Error)>,
}

/// Fills the folder.
pub(crate) async fn hand_over(
    daemon: &mut Daemon,
    args: HandOver,
    way: Way,
    out: &Output,
) -> Result<(), Failure> {
    let dir = PathBuf::from(OsString::from_vec(absolute(&args.dir)));
    // Whoever is misspelt is refused before a folder is made for their photos.
    let photos = once_each(daemon.photos(args.which.request(PhotoOrder::Oldest)).await?);
    if photos.is_empty() {
        return Err(Failure::NoPhoto);
    }
    refuse_watched(&dir, &daemon.folders().await?)?;
    let failed = |source| Failure::File { path: dir.clone(), source };
    fs::create_dir_all(&dir).map_err(failed)?;
    // A link may lead into a watched folder, and is seen through only now.
    let dir = dir.canonicalize().map_err(failed)?;
    refuse_watched(&dir, &daemon.folders().await?)?;

    let _alone = alone(&dir).map_err(failed)?;

    let bar = (!out.is_json() && io::stderr().is_terminal()).then(|| bar(photos.len()));
    let (mut tally, mut taken) = (Tally::default(), BTreeSet::new());
    for files in &photos {
        match put(files, &dir, way, &mut taken) {
            Ok(true) => tally.written += 1,
            Ok(false) => tally.present += 1,
            Err(error) => tally.failed.push((files.first().cloned().unwrap_or_default(), error)),
        }
        bar.iter().for_each(|bar| bar.inc(1));
    }
    bar.iter().for_each(ProgressBar::finish_and_clear);
    tell(&tally, &dir, way, out)?;
    match u64::try_from(tally.failed.len()).unwrap_or(u64::MAX) {
        0 => Ok(()),
        photos => Err(Failure::NotHandedOver { photos, dir }),
    }
}

/// The files of every photo, the photos in their order.
fn once_each(rows: Vec<v1::PersonPhoto>) -> Vec<Vec<PathBuf>> {
    let mut photos: Vec<(String, Vec<PathBuf>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for file in rows.into_iter().filter_map(|row| row.file) {
        let path = PathBuf::from(OsString::from_vec(file.path));
        let place = *places.entry(file.photo_id.clone()).or_insert(photos.len());
        match photos.get_mut(place) {
            Some((_, files)) => files.push(path),
            None => photos.push((file.photo_id, vec![path])),
        }
    }
    photos.into_iter().map(|(_, files)| files).collect()
}

/// What lies in a watched folder would be found again, as further files of the same photos.
fn refuse_watched(dir: &Path, folders: &[v1::Folder]) -> Result<(), Failure> {
    let holds = |folder: &&v1::Folder| dir.starts_with(Path::new(OsStr::from_bytes(&folder.path)));
    match folders.iter().find(holds) {
        None => Ok(()),
        Some(folder) => Err(Failure::InWatched { dir: dir.to_owned(), folder: shown(&folder.path) }),
    }
}

/// Makes sure that nobody else fills the folder the same way at the same time, as long as what is given back lives. A disk
/// that knows no locks does without.
fn alone(dir: &Path) -> io::Result<File> {
    let folder = File::open(dir)?;
    match folder.try_lock() {
        Err(TryLockError::WouldBlock) => {
            Err(io::Error::other("another `vow export` is filling it; wait until that is done"))
        }
        Ok(()) | Err(TryLockError::Error(_)) => Ok(folder),
    }
}

/// Puts one photo there, from the first of its files that can be read. False when it is there already.
fn put(files: &[PathBuf], dir: &Path, way: Way, taken: &mut BTreeSet<OsString>) -> io::Result<bool> {
    let mut refused = io::Error::from(io::ErrorKind::NotFound);
    for file in files {
        match File::open(file) {
            Ok(source) => return place(file, source, dir, way, taken),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn place(
    file: &Path,
    mut source: File,
    dir: &Path,
    way: Way,
    taken: &mut BTreeSet<OsString>,
) -> io::Result<bool> {
    for number in 1_u64.. {
        let name = numbered(file, number);
        // Of two photos of one name the second has a name of its own, in this run as in the next.
        if !taken.insert(name.clone()) {
            continue;
        }
        let target = dir.join(&name);
        match fs::symlink_metadata(&target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match way {
                    Way::Link => std::os::unix::fs::symlink(file, &target)?,
                    Way::Copy => copy(&mut source, dir, &target)?,
                }
                return Ok(true);
            }
            Err(error) => return Err(error),
            Ok(_) if is_it(&target, file, way)? => return Ok(false),
            Ok(_) if is_it(&target, file, way.other())? => return Err(io::Error::other(way.mixed())),
            Ok(_) => {}
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// `IMG_1.jpg`, `IMG_1 (2).jpg` and so on.
fn numbered(file: &Path, number: u64) -> OsString {
    let (stem, extension) = (file.file_stem().unwrap_or(OsStr::new("photo")), file.extension());
    let mut name = stem.to_owned();
    if number > 1 {
        name.push(format!(" ({number})"));
    }
    if let Some(extension) = extension {
        name.push(".");
        name.push(extension);
    }
    name
}

/// Whether what is there is this photo, put there the same way.
fn is_it(target: &Path, file: &Path, way: Way) -> io::Result<bool> {
    let there = fs::symlink_metadata(target)?;
    match way {
        Way::Link => Ok(there.is_symlink() && fs::read_link(target)? == file),
        Way::Copy if !there.is_file() || there.len() != fs::metadata(file)?.len() => Ok(false),
        Way::Copy => same_bytes(&mut File::open(target)?, &mut File::open(file)?),
    }
}

fn same_bytes(one: &mut impl Read, other: &mut impl Read) -> io::Result<bool> {
    let (mut left, mut right) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let (some, others) = (fill(one, &mut left)?, fill(other, &mut right)?);
        if some != others {
            return Ok(false);
        }
        if some.is_empty() {
            return Ok(true);
        }
    }
}

/// Reads until the buffer is full or the end is there; gives what was read.
fn fill<'a>(from: &mut impl Read, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let mut read = 0;
    while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match from.read(rest)? {
            0 => break,
            some => read += some,
        }
    }
    Ok(buffer.get(..read).unwrap_or_default())
}

/// Copies under another name first: what bears a photo's name is whole, even when the copying is interrupted.
fn copy(source: &mut File, dir: &Path, target: &Path) -> io::Result<()> {
    let part = dir.join(".vow-part");
    let copied = (|| {
        let mut file = File::create(&part)?;
        io::copy(source, &mut file)?;
        file.sync_data()?;
        // Programs without a time in the photo sort by that of the file. A disk that keeps none has the copy all the same.
        let _ = source.metadata().and_then(|metadata| file.set_modified(metadata.modified()?));
        fs::rename(&part, target)
    })();
    if copied.is_err() {
        // What is left over is overwritten by the next copy.
        let _ = fs::remove_file(&part);
    }
    copied
}

fn tell(tally: &Tally, dir: &Path, way: Way, out: &Output) -> io::Result<()> {
    if out.is_json() {
        let failed = tally.failed.iter().map(|(path, error)| {
            let mut object = Map::new();
            path_json(&mut object, "path", path.as_os_str().as_bytes());
            object.insert("reason".into(), error.to_string().into());
            Value::from(object)
        });
        let mut object = Map::new();
        path_json(&mut object, "folder", dir.as_os_str().as_bytes());
        let counts = json!({ "written": tally.written, "present": tally.present });
        object.extend(counts.as_object().cloned().unwrap_or_default());
        object.insert("failed".into(), failed.collect());
        return value(&object.into());
    }
    for (path, error) in &tally.failed {
        let path = shown(path.as_os_str().as_bytes());
        line(&format!("left out {path}: {}", printable(&error.to_string())))?;
    }
    let done = if way == Way::Link { "linked" } else { "copied" };
    let dir = shown(dir.as_os_str().as_bytes());
    let photos = counted(tally.written, "photo");
    line(&format!("{photos} {done} into {dir}, {} there already", tally.present))
}

fn bar(photos: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar:.cyan/blue} {pos}/{len} photos")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(photos.try_into().unwrap_or(u64::MAX)).with_style(style.progress_chars("━╸ "))
}

#[cfg(test)]
mod tests;
