//! What came back, as a table for people or as JSON for programs.

mod packs;
mod plain;
mod spreadsheet;
mod status;

use std::io::{self, Write as _};
use std::path::Path;

use clap::CommandFactory as _;
use serde_json::{Map, Value, json};
use vow_proto::v1;

use crate::call::{Failure, absolute};
use crate::hold::{hold_json, hold_text};
use crate::json::{
    face_json, failure_json, file_json, folder_json, path_json, person_json, printable, short, shown,
};
pub(crate) use plain::{arranged, called, counted, face_table, line, table, time, value, whose};
use plain::{compact, place, span};
pub(crate) use spreadsheet::Csv;
pub(crate) use status::progress_line;

/// Where answers go.
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    pub(crate) fn retried(&self, files: u64) -> io::Result<()> {
        if self.json {
            return value(&json!({ "ok": true, "files": files }));
        }
        line(&if files == 1 {
            "1 failed file is read again".to_owned()
        } else {
            format!("{files} failed files are read again")
        })
    }

    /// Something that was done and has no further answer.
    pub(crate) fn done(&self, text: &str) -> io::Result<()> {
        if self.json { value(&json!({ "ok": true })) } else { line(text) }
    }

    pub(crate) fn gallery(&self, url: &str) -> io::Result<()> {
        if self.json { value(&json!({ "url": url })) } else { line(url) }
    }

    pub(crate) fn folder_added(&self, folder: &v1::Folder, added: bool) -> io::Result<()> {
        if self.json {
            let mut object = folder_json(folder);
            object.insert("added".into(), added.into());
            return value(&object.into());
        }
        let path = shown(&folder.path);
        line(&if added {
            format!("{path} is watched from now on")
        } else {
            format!("{path} was watched already")
        })
    }

    pub(crate) fn folder_removed(&self, path: &Path, gone: u64) -> io::Result<()> {
        if self.json {
            return value(&json!({ "removed": path.to_string_lossy(), "photos_gone": gone }));
        }
        line(&format!(
            "{} is no longer watched; {gone} photos left the answers, none left the disk",
            printable(&path.to_string_lossy())
        ))
    }

    pub(crate) fn folders(&self, folders: &[v1::Folder]) -> io::Result<()> {
        if self.json {
            return value(&folders.iter().map(|folder| Value::from(folder_json(folder))).collect());
        }
        let rows = folders.iter().map(|folder| {
            let state = match (folder.online, folder.watched) {
                (false, _) => "offline",
                (true, true) => "watched",
                (true, false) => "scanned",
            };
            vec![folder.folder_id.clone(), folder.files.to_string(), state.to_owned(), shown(&folder.path)]
        });
        table(
            &["id", "files", "state", "path"],
            &[1],
            rows,
            "no folder is watched; `vow folder add DIR` adds one",
        )
    }

    pub(crate) fn people(&self, people: &[v1::Person]) -> io::Result<()> {
        if self.json {
            return value(&people.iter().map(|person| Value::from(person_json(person))).collect());
        }
        let rows = people.iter().map(|person| {
            vec![
                person.person_id.clone(),
                called(&person.name),
                person.photos.to_string(),
                person.faces.to_string(),
                span(person),
                person.cover_face_id.clone(),
            ]
        });
        let none = "nobody yet; `vow status` shows how far the indexing has come";
        table(&["id", "name", "photos", "faces", "taken", "cover"], &[2, 3], rows, none)
    }

    /// Those whom a list leaves out.
    pub(crate) fn smaller_groups(&self, groups: u64, least: u32) -> io::Result<()> {
        match groups {
            0 => Ok(()),
            1 => line(&format!("and one group of fewer than {least} faces; --min-faces 1 lists it too")),
            _ => line(&format!(
                "and {groups} groups of fewer than {least} faces; --min-faces 1 lists them too"
            )),
        }
    }

    pub(crate) fn person(&self, answer: &v1::GetPersonResponse) -> io::Result<()> {
        let person = answer.person.clone().unwrap_or_default();
        if self.json {
            let mut object = person_json(&person);
            object.insert(
                "best_faces".into(),
                answer.faces.iter().map(|face| Value::from(face_json(face))).collect(),
            );
            return value(&object.into());
        }
        let name = if person.name.is_empty() { "(no name yet)".to_owned() } else { called(&person.name) };
        let (faces, photos) = (counted(person.faces, "face"), counted(person.photos, "photo"));
        let text = format!("{} {name}: {faces} in {photos} {}", person.person_id, span(&person));
        line(text.trim_end())?;
        face_table(&answer.faces)
    }

    pub(crate) fn photos(&self, photos: &[v1::PersonPhoto], print0: bool) -> io::Result<()> {
        if print0 {
            let mut out = io::BufWriter::new(io::stdout().lock());
            for file in photos.iter().filter_map(|photo| photo.file.as_ref()) {
                out.write_all(&file.path)?;
                out.write_all(&[0])?;
            }
            return out.flush();
        }
        if self.json {
            let rows = photos.iter().map(|photo| {
                let mut object = file_json(&photo.file.clone().unwrap_or_default());
                object.insert(
                    "faces".into(),
                    photo.faces.iter().map(|face| Value::from(face_json(face))).collect(),
                );
                Value::from(object)
            });
            return value(&rows.collect());
        }
        let rows = photos.iter().filter_map(|photo| photo.file.as_ref());
        let rows = rows.map(|file| vec![file.taken.map(time).unwrap_or_default(), shown(&file.path)]);
        table(&["taken", "file"], &[], rows, "no photo")
    }

    pub(crate) fn companions(&self, companions: &[v1::Companion]) -> io::Result<()> {
        let person = |companion: &v1::Companion| companion.person.clone().unwrap_or_default();
        if self.json {
            let rows = companions.iter().map(|companion| {
                let mut object = person_json(&person(companion));
                object.insert("photos_together".into(), companion.photos_together.into());
                Value::from(object)
            });
            return value(&rows.collect());
        }
        let rows = companions.iter().map(|companion| {
            let person = person(companion);
            vec![companion.photos_together.to_string(), person.person_id, called(&person.name)]
        });
        table(&["together", "id", "name"], &[0], rows, "nobody else is in these photos")
    }

    pub(crate) fn faces(&self, answer: &v1::ListFacesResponse) -> io::Result<()> {
        if self.json {
            let mut object = file_json(&answer.file.clone().unwrap_or_default());
            object.insert(
                "faces".into(),
                answer.faces.iter().map(|face| Value::from(face_json(face))).collect(),
            );
            return value(&object.into());
        }
        face_table(&answer.faces)
    }

    pub(crate) fn similar(&self, answer: &v1::FindSimilarResponse) -> io::Result<()> {
        if self.json {
            let queries = answer.queries.iter().map(|query| {
                let similar = query.similar.iter().map(|hit| {
                    let mut object = face_json(&hit.face.clone().unwrap_or_default());
                    object.insert("cosine".into(), short(hit.cosine));
                    object.insert(
                        "files".into(),
                        hit.files.iter().map(|file| Value::from(file_json(file))).collect(),
                    );
                    Value::from(object)
                });
                let face = query.query.as_ref().map(face_json);
                json!({ "face": face, "similar": similar.collect::<Vec<_>>() })
            });
            return value(
                &json!({ "same_cosine": short(answer.same_cosine), "queries": queries.collect::<Vec<_>>() }),
            );
        }
        if answer.queries.is_empty() {
            return line("there is no face in it");
        }
        for query in &answer.queries {
            let face = query.query.clone().unwrap_or_default();
            line(&if face.face_id.is_empty() {
                let likely = query.similar.first().filter(|hit| hit.cosine >= answer.same_cosine);
                let likely = likely.and_then(|hit| hit.face.as_ref());
                let likely = likely.map(|face| format!(", most likely {}", whose(face))).unwrap_or_default();
                format!("like the face at {}{likely}:", place(&face))
            } else {
                format!("like {} ({}):", face.face_id, whose(&face))
            })?;
            let rows = query.similar.iter().map(|hit| {
                let face = hit.face.clone().unwrap_or_default();
                let same = if hit.cosine >= answer.same_cosine { "same" } else { "" };
                let file = hit.files.first().map(|file| shown(&file.path)).unwrap_or_default();
                vec![format!("{:.3}", hit.cosine), same.to_owned(), face.face_id.clone(), whose(&face), file]
            });
            table(&["cosine", "", "face", "person", "file"], &[0], rows, "nobody looks like that")?;
        }
        Ok(())
    }

    /// The report printed, or drawn into a file.
    pub(crate) fn report(&self, report: &v1::ReportResponse, plot: Option<&Path>) -> Result<(), Failure> {
        if let Some(path) = plot {
            let failed = |source| Failure::File { path: path.to_owned(), source };
            std::fs::write(path, vow_report::plot(report)).map_err(failed)?;
            return Ok(line(&format!("drawn into {}", path.display()))?);
        }
        let text = if self.json {
            vow_report::json(report).map_err(io::Error::from)?
        } else {
            vow_report::table(report)
        };
        Ok(io::stdout().lock().write_all(text.as_bytes())?)
    }

    pub(crate) fn backed_up(&self, file: &Path, size: u64) -> io::Result<()> {
        let path = absolute(file);
        if self.json {
            let mut object = Map::new();
            path_json(&mut object, "file", &path);
            object.insert("size".into(), size.into());
            return value(&object.into());
        }
        line(&format!("all that is known is in {}, {}", shown(&path), indicatif::HumanBytes(size)))
    }

    pub(crate) fn paused(&self, hold: &v1::Hold) -> io::Result<()> {
        if self.json { value(&json!({ "hold": hold_json(Some(hold)) })) } else { line(&hold_text(hold)) }
    }

    pub(crate) fn resumed(&self, answer: &v1::ResumeResponse) -> io::Result<()> {
        if self.json {
            let hold = hold_json(answer.hold.as_ref());
            return value(&json!({ "was_paused": answer.was_paused, "hold": hold }));
        }
        line(if answer.was_paused { "going on" } else { "it was not paused" })?;
        answer.hold.as_ref().map_or(Ok(()), |hold| line(&hold_text(hold)))
    }

    pub(crate) fn failures(&self, failures: &[v1::FileFailure]) -> io::Result<()> {
        if self.json {
            return value(&failures.iter().map(|failure| Value::from(failure_json(failure))).collect());
        }
        let rows = failures
            .iter()
            .map(|failure| vec![failure.stage.clone(), shown(&failure.path), printable(&failure.reason)]);
        table(&["stage", "file", "reason"], &[], rows, "no failures")
    }

    /// One line of an export, always JSON.
    pub(crate) fn exported(&self, row: &v1::ExportResponse) -> io::Result<()> {
        let (file, face) = (row.file.clone().unwrap_or_default(), row.face.clone().unwrap_or_default());
        let mut object = file_json(&file);
        object.extend(face_json(&face));
        if !row.embedding.is_empty() {
            object.insert(
                "embedding".into(),
                row.embedding.iter().map(|one| Value::from(f64::from(*one))).collect(),
            );
        }
        compact(&object.into())
    }
}

/// Completions for a shell, to standard output.
pub(crate) fn completions(shell: clap_complete::Shell) -> io::Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut crate::args::Args::command(), "vow", &mut text);
    io::stdout().write_all(&text)
}
