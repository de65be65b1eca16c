//! What came back, as a table for people or as JSON for programs.

mod packs;

use std::io::{self, Write as _};
use std::path::Path;

use clap::CommandFactory as _;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::{Value, json};
use vow_proto::v1;

use crate::call::Failure;
use crate::hold::{hold_json, hold_text};
use crate::json::{
    face_json, failure_json, file_json, folder_json, lossy, person_json, short, state, status_json,
};

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

    /// Something that was done and has no further answer.
    pub(crate) fn done(&self, text: &str) -> io::Result<()> {
        if self.json { value(&json!({ "ok": true })) } else { line(text) }
    }

    pub(crate) fn status(&self, status: &v1::StatusResponse) -> io::Result<()> {
        if self.json {
            return value(&status_json(status));
        }
        let ignored = status.ignored.unwrap_or_default();
        let mut rows = vec![
            ("state", state(status).to_owned()),
            ("photos", format!("{} in {} files", status.photos, status.files)),
            ("faces", status.faces.to_string()),
            (
                "people",
                format!(
                    "{}, {} with a name (groups of any size: {})",
                    status.people, status.named, status.groups
                ),
            ),
            ("failures", status.failures.to_string()),
            ("pending", status.pending.to_string()),
            ("folders", status.folders.to_string()),
            (
                "inferred",
                format!(
                    "{} photos since the start, {} of them found turned; {} files read",
                    status.photos_inferred, status.photos_turned, status.files_read
                ),
            ),
            ("speed", format!("{:.1} photos/s", status.photos_per_s)),
            (
                "left out",
                format!(
                    "{} not pictures, {} hidden, {} system folders, {} special files",
                    ignored.not_a_picture, ignored.hidden, ignored.system_folder, ignored.special_file
                ),
            ),
            ("pack", status.pack.clone()),
            ("runtime", format!("{} ({})", status.runtime, status.runtime_why)),
            ("since", time(status.started)),
        ];
        rows.extend(status.hold.as_ref().map(|hold| ("held up", hold_text(hold))));
        let building =
            |waiting| format!("being built, {waiting} faces to go; until then all faces are compared");
        rows.extend(
            Some(status.index_waiting).filter(|faces| *faces > 0).map(|faces| ("index", building(faces))),
        );
        rows.extend(status.eta_s.map(|seconds| ("time left", format!("{seconds:.0} s"))));
        let mut out = io::stdout().lock();
        for (name, text) in rows {
            writeln!(out, "{name:<10} {text}")?;
        }
        for problem in &status.scan_problems {
            writeln!(out, "not seen   {}: {}", lossy(&problem.path), problem.reason)?;
        }
        Ok(())
    }

    /// One step of `vow watch`.
    pub(crate) fn progress(&self, status: &v1::StatusResponse) -> io::Result<()> {
        if self.json { compact(&status_json(status)) } else { line(&progress_line(status)) }
    }

    pub(crate) fn folder_added(&self, folder: &v1::Folder, added: bool) -> io::Result<()> {
        if self.json {
            let mut object = folder_json(folder);
            object.insert("added".into(), added.into());
            return value(&object.into());
        }
        let path = lossy(&folder.path);
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
            path.display()
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
            vec![folder.folder_id.clone(), folder.files.to_string(), state.to_owned(), lossy(&folder.path)]
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
                person.name.clone(),
                person.photos.to_string(),
                person.faces.to_string(),
                span(person),
                person.cover_face_id.clone(),
            ]
        });
        let none = "nobody yet; `vow status` shows how far the indexing has come, `--min-faces 1` lists single faces too";
        table(&["id", "name", "photos", "faces", "taken", "cover"], &[2, 3], rows, none)
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
        let name = if person.name.is_empty() { "(no name yet)" } else { &person.name };
        line(&format!(
            "{} {name}: {} faces in {} photos {}",
            person.person_id,
            person.faces,
            person.photos,
            span(&person)
        ))?;
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
        let rows = rows.map(|file| vec![file.taken.map(time).unwrap_or_default(), lossy(&file.path)]);
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
            vec![companion.photos_together.to_string(), person.person_id, person.name]
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
        for query in &answer.queries {
            let face = query.query.clone().unwrap_or_default();
            line(&format!("like {} ({}):", face.face_id, whose(&face)))?;
            let rows = query.similar.iter().map(|hit| {
                let face = hit.face.clone().unwrap_or_default();
                let same = if hit.cosine >= answer.same_cosine { "same" } else { "" };
                let file = hit.files.first().map(|file| lossy(&file.path)).unwrap_or_default();
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
            .map(|failure| vec![failure.stage.clone(), lossy(&failure.path), failure.reason.clone()]);
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

/// A sentence about progress.
pub(crate) fn progress_line(status: &v1::StatusResponse) -> String {
    let failed = if status.failures == 0 { String::new() } else { format!(", {} failed", status.failures) };
    let left = status.eta_s.map(|seconds| format!(", {seconds:.0} s left")).unwrap_or_default();
    let held = status.hold.as_ref().map(|hold| format!("; {}", hold_text(hold))).unwrap_or_default();
    format!(
        "{}: {} photos, {} faces, {} people{failed}, {} pending, {:.1} photos/s{left}{held}",
        state(status),
        status.photos,
        status.faces,
        status.people,
        status.pending,
        status.photos_per_s
    )
}

/// Completions for a shell, to standard output.
pub(crate) fn completions(shell: clap_complete::Shell) -> io::Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut crate::args::Args::command(), "vow", &mut text);
    io::stdout().write_all(&text)
}

pub(crate) fn face_table(faces: &[v1::Face]) -> io::Result<()> {
    let rows = faces.iter().map(|face| {
        let b = face.r#box.unwrap_or_default();
        let place = format!("{:.0},{:.0} {:.0}x{:.0}", b.left, b.top, b.right - b.left, b.bottom - b.top);
        vec![
            face.face_id.clone(),
            whose(face),
            place,
            format!("{:.3}", face.score),
            format!("{:.2}", face.quality),
        ]
    });
    table(&["face", "person", "box", "score", "quality"], &[3, 4], rows, "no face")
}

pub(crate) fn whose(face: &v1::Face) -> String {
    match (face.person_id.as_str(), face.person_name.as_str()) {
        ("", _) => "not grouped yet".to_owned(),
        (id, "") => id.to_owned(),
        (id, name) => format!("{name} ({id})"),
    }
}

fn span(person: &v1::Person) -> String {
    let day = |seconds: i64| time(seconds).chars().take(10).collect::<String>();
    match (person.first_taken.map(day), person.last_taken.map(day)) {
        (Some(first), Some(last)) if first == last => first,
        (Some(first), Some(last)) => format!("{first} to {last}"),
        _ => String::new(),
    }
}

/// Seconds since 1970 as date and time.
pub(crate) fn time(seconds: i64) -> String {
    let moment = jiff::Timestamp::from_second(seconds).map(|stamp| stamp.to_zoned(jiff::tz::TimeZone::UTC));
    moment.map_or_else(|_| seconds.to_string(), |moment| moment.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

pub(crate) fn table(
    head: &[&str],
    numbers: &[usize],
    rows: impl Iterator<Item = Vec<String>>,
    none: &str,
) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(head);
    table.add_rows(rows);
    if table.row_count() == 0 {
        return line(none);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
        if numbers.contains(&column.index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt().lines().try_for_each(line)
}

pub(crate) fn line(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

pub(crate) fn value(value: &Value) -> io::Result<()> {
    line(&format!("{value:#}"))
}

fn compact(value: &Value) -> io::Result<()> {
    line(&value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_readable() {
        assert_eq!(time(1_780_272_000), "2026-06-01 00:00:00");
    }
}
