//! A catalog as it is written, and from there to entries: every mistake is found and named with its pack. Where catalogs
//! lie and which entry counts is `catalog`'s.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Table;
use vow_fetch::{Remote, Sum};

use super::{CatalogError, Entry, EntryFile, STARTER};
use crate::Mistake;
use crate::manifest::Manifest;
use crate::names::is_pack_name;

/// A catalog's own version; another one is not understood.
const FORMAT: u32 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: u32,
    #[serde(default)]
    pack: Vec<WrittenPack>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPack {
    summary: String,
    notice: String,
    licence_url: Option<String>,
    #[serde(default)]
    non_commercial: bool,
    manifest: Table,
    archive: Option<WrittenArchive>,
    files: BTreeMap<String, WrittenFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenArchive {
    name: String,
    size: Option<u64>,
    sha256: Option<String>,
    urls: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFile {
    size: Option<u64>,
    member: Option<String>,
    #[serde(default)]
    urls: Vec<String>,
    #[serde(default = "yes")]
    confirmed: bool,
}

fn yes() -> bool {
    true
}

/// The entries of a catalog. `origin` names it in messages.
///
/// # Errors
/// When it is no catalog of this format, or has mistakes: all of them are listed.
pub(super) fn read(text: &str, origin: &str) -> Result<Vec<Entry>, CatalogError> {
    let written: Written = toml::from_str(text)
        .map_err(|source| CatalogError::Syntax { origin: origin.to_owned(), source: Box::new(source) })?;
    let mut mistakes = Vec::new();
    if written.format != FORMAT {
        mistakes.push(format!("`format` is {}; this version understands {FORMAT}", written.format));
    }
    let mut entries: Vec<Entry> = Vec::new();
    for pack in written.pack {
        let (entry, wrong) = entry(pack);
        mistakes.extend(wrong.into_iter().map(|mistake| format!("{}: {mistake}", entry.name)));
        if entries.iter().any(|other| other.name == entry.name) {
            mistakes.push(format!("{}: it is there twice", entry.name));
        }
        entries.push(entry);
    }
    if mistakes.is_empty() {
        Ok(entries)
    } else {
        Err(CatalogError::Mistakes { origin: origin.to_owned(), mistakes })
    }
}

/// An entry and all that is wrong with it.
fn entry(written: WrittenPack) -> (Entry, Vec<String>) {
    let (manifest, wrong) = Manifest::read(&written.manifest);
    let mut mistakes: Vec<String> = wrong.iter().map(Mistake::to_string).collect();
    if !is_pack_name(&manifest.name) || manifest.name == STARTER {
        mistakes.push(format!("`{}` cannot be the name of a pack", manifest.name));
    }
    let mut sum = |text: Option<&str>| {
        text.and_then(|text| text.parse::<Sum>().map_err(|error| mistakes.push(error.to_string())).ok())
    };
    let archive = written.archive.map(|archive| Remote {
        sha256: sum(archive.sha256.as_deref()),
        name: archive.name,
        urls: archive.urls,
        size: archive.size,
    });
    let mut files: Vec<EntryFile> = Vec::new();
    for named in [&manifest.detector_file, &manifest.embedder_file] {
        if files.iter().any(|file| file.remote.name == named.name) {
            continue;
        }
        let Some(file) = written.files.get(&named.name) else {
            mistakes.push(format!("[pack.files.\"{}\"] is missing", named.name));
            continue;
        };
        let (member, urls) = (file.member.clone(), file.urls.clone());
        if urls.is_empty() && (member.is_none() || archive.is_none()) {
            mistakes.push(format!("{} has neither an address nor a member of an archive", named.name));
        }
        let sha256 = named.sha256.as_deref().and_then(|text| text.parse().ok());
        let confirmed = file.confirmed && sha256.is_some();
        let remote = Remote { name: named.name.clone(), urls, size: file.size, sha256 };
        files.push(EntryFile { remote, member, confirmed });
    }
    let named = |name: &String| files.iter().any(|file| &file.remote.name == name);
    for unknown in written.files.keys().filter(|name| !named(name)) {
        mistakes.push(format!("[pack.files.\"{unknown}\"] is named nowhere in the manifest"));
    }
    let entry = Entry {
        name: manifest.name,
        version: manifest.version,
        licence: manifest.licence,
        summary: written.summary,
        notice: written.notice.trim().to_owned(),
        licence_url: written.licence_url,
        non_commercial: written.non_commercial,
        dimension: manifest.embedder.dimension,
        bundled: false,
        archive,
        files,
        manifest: written.manifest,
    };
    (entry, mistakes)
}
