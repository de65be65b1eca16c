//! The packs that can be installed by name: what they are, where their files come from, and what must be accepted first.

mod written;

use std::path::{Path, PathBuf};

use toml::Table;
use vow_fetch::Remote;

use written::read;

use crate::Pack;

/// The name of the pack that is built in.
pub const STARTER: &str = "starter";

/// Everything that can be installed by name, and the built-in pack.
#[derive(Debug, Clone)]
pub struct Catalog {
    entries: Vec<Entry>,
}

/// A pack that can be had.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name, and that of its folder once it is installed.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its licence in short.
    pub licence: String,
    /// What it is and whom it suits, in one line.
    pub summary: String,
    /// What its licence asks for, for people to read.
    pub notice: String,
    /// Where the licence is to be read in full.
    pub licence_url: Option<String>,
    /// Whether the licence forbids commercial use, so that it must be accepted.
    pub non_commercial: bool,
    /// Length of its embeddings.
    pub dimension: u32,
    /// Built into the binary: nothing to install.
    pub bundled: bool,
    /// The publisher's own archive, which holds the files that name a member.
    pub(crate) archive: Option<Remote>,
    /// Detector and embedder; the same file may serve as both.
    pub(crate) files: Vec<EntryFile>,
    /// What becomes its `pack.toml`.
    pub(crate) manifest: Table,
}

/// One file of a pack.
#[derive(Debug, Clone)]
pub(crate) struct EntryFile {
    pub(crate) remote: Remote,
    /// Its name in the archive.
    pub(crate) member: Option<String>,
    /// Whether its sum is known for certain.
    pub(crate) confirmed: bool,
}

impl Entry {
    /// Bytes to fetch, where they are known.
    #[must_use]
    pub fn download_size(&self) -> Option<u64> {
        match &self.archive {
            Some(archive) => archive.size,
            None => self.files.iter().map(|file| file.remote.size).sum(),
        }
    }

    /// Files whose sums nobody has confirmed.
    pub fn unconfirmed(&self) -> impl Iterator<Item = &str> {
        self.files.iter().filter(|file| !file.confirmed).map(|file| file.remote.name.as_str())
    }
}

/// Why a catalog cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// It cannot be read.
    #[error("cannot read the catalog {}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no catalog.
    #[error("{origin} is no catalog: {source}")]
    Syntax {
        /// Which.
        origin: String,
        /// Line, column and what was expected there.
        source: Box<toml::de::Error>,
    },
    /// It contradicts itself, or the pack format.
    #[error("{origin} has mistakes:{}", .mistakes.iter().map(|one| format!("\n  {one}")).collect::<String>())]
    Mistakes {
        /// Which.
        origin: String,
        /// All of them, each with the pack it is in.
        mistakes: Vec<String>,
    },
}

impl Catalog {
    /// The one that is built in.
    ///
    /// # Errors
    /// Never in a build that passed its tests.
    pub fn builtin() -> Result<Self, CatalogError> {
        let mut entries = vec![starter().map_err(|mistake| CatalogError::Mistakes {
            origin: "the built-in pack".to_owned(),
            mistakes: vec![mistake],
        })?];
        entries.extend(read(include_str!("../catalog.toml"), "the built-in catalog")?);
        Ok(Self { entries })
    }

    /// Adds the packs of an own catalog; those of the same name are replaced.
    ///
    /// # Errors
    /// When it cannot be read or has mistakes: all of them are listed.
    pub fn with(mut self, path: &Path) -> Result<Self, CatalogError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| CatalogError::Unreadable { path: path.to_owned(), source })?;
        for entry in read(&text, &format!("the catalog {}", path.display()))? {
            self.entries.retain(|known| known.name != entry.name);
            self.entries.push(entry);
        }
        Ok(self)
    }

    /// All packs: the built-in one first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// A pack by name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

fn starter() -> Result<Entry, String> {
    let pack = Pack::starter().map_err(|error| error.to_string())?;
    Ok(Entry {
        name: pack.name,
        version: pack.version,
        licence: pack.licence,
        summary: "built in: trained by this project, small and free, not the strongest".to_owned(),
        notice: String::new(),
        licence_url: None,
        non_commercial: false,
        dimension: pack.embedder.dimension,
        bundled: true,
        archive: None,
        files: Vec::new(),
        manifest: Table::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_catalog_is_sound_and_every_sum_confirmed() {
        let catalog = Catalog::builtin().unwrap();
        let names: Vec<&str> = catalog.entries().iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["starter", "opencv", "buffalo_s", "buffalo_l", "antelopev2"]);
        for entry in &catalog.entries()[1..] {
            assert_eq!(entry.unconfirmed().count(), 0, "{}", entry.name);
            assert!(entry.download_size().unwrap() > 1_000_000, "{}", entry.name);
            assert_eq!(entry.non_commercial, entry.name != "opencv");
            assert!(!entry.notice.is_empty() && entry.licence_url.is_some());
            let addresses = entry.files.iter().map(|file| &file.remote).chain(&entry.archive);
            for url in addresses.flat_map(|remote| &remote.urls) {
                assert!(url.starts_with("https://"), "{url}");
            }
            for file in &entry.files {
                assert!(file.remote.size.is_some() && !file.remote.urls.is_empty());
                assert_eq!(file.member.is_some(), entry.archive.is_some());
            }
        }
        let detector = |name: &str| catalog.get(name).unwrap().files[0].remote.sha256;
        assert_eq!(detector("buffalo_l"), detector("antelopev2"), "one file under two names");
    }

    fn own(text: &str) -> Result<Catalog, CatalogError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("own.toml");
        std::fs::write(&path, text).unwrap();
        Catalog::builtin().unwrap().with(&path)
    }

    #[test]
    fn an_own_catalog_adds_and_replaces() {
        let text = include_str!("../catalog.toml").replace("\"buffalo_s\"", "\"mine\"");
        let catalog = own(&text.replace("summary = \"YuNet", "summary = \"Mirrored YuNet")).unwrap();
        assert_eq!(catalog.entries().len(), 6);
        assert!(catalog.get("opencv").unwrap().summary.starts_with("Mirrored"));
        assert!(catalog.get("mine").is_some() && catalog.get("buffalo_s").is_some());
    }

    #[test]
    fn every_mistake_is_named_with_its_pack() {
        let text = include_str!("../catalog.toml")
            .replace("head = \"yunet\"", "head = \"magic\"")
            .replace("\"buffalo_s\"", "\"../out\"")
            .replace("[pack.files.\"det_10g.onnx\"]", "[pack.files.\"other.onnx\"]")
            .replace("8e182f14", "8e18xxxx")
            .replace("format = 1", "format = 2");
        let error = own(&text).unwrap_err().to_string();
        for words in [
            "opencv: `detector.head`",
            "../out: `../out` cannot be",
            "buffalo_l: [pack.files.\"det_10g.onnx\"] is missing",
            "buffalo_l: [pack.files.\"other.onnx\"] is named nowhere",
            "antelopev2: `8e18xxxx",
            "`format` is 2",
        ] {
            assert!(error.contains(words), "{words} is missing in: {error}");
        }
        assert!(matches!(own("format = 1\npaks = 3"), Err(CatalogError::Syntax { .. })));
        assert!(matches!(own("format = ["), Err(CatalogError::Syntax { .. })));
        let none = Catalog::builtin().unwrap().with(Path::new("/no/such/catalog"));
        assert!(matches!(none, Err(CatalogError::Unreadable { .. })));
    }

    #[test]
    fn a_file_without_a_sum_is_unconfirmed() {
        let text = include_str!("../catalog.toml")
            .replace("sha256 = \"ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0\"\n", "");
        let catalog = own(&text.replace("size = 38696353", "size = 38696353\nconfirmed = false")).unwrap();
        let open: Vec<&str> = catalog.get("opencv").unwrap().unconfirmed().collect();
        assert_eq!(open, ["face_detection_yunet_2026may.onnx", "face_recognition_sface_2021dec.onnx"]);
    }
}
