//! What is kept, and what happens to what was damaged.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::build::Build;
use super::{BGR, RGB, recipe};
use crate::prepare::prepare;
use crate::shelf::{Note, Shelf};

fn graph() -> Vec<u8> {
    let mut b = Build::new(13, &[1, 3, 8, 8]);
    let y = b.conv("x", 3, 4);
    b.output(&y, &[1, 4, 4, 4]);
    b.finish()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn a_graph_is_prepared_once() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("packs/.prepared");
    let mut shelf = Shelf::new(&below);
    let (made, failed) = shelf.prepare(graph(), &recipe(RGB));
    assert!(failed.is_none());
    assert_eq!(made, prepare(graph(), &recipe(RGB)));
    let [file] = files(&below).try_into().unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    assert_eq!(name.len(), "0123456789abcdef-0123456789abcdef.onnx".len());
    assert!(name.starts_with(&blake3::hash(&graph()).to_hex()[..16]), "{name}");

    let written = fs::metadata(&file).unwrap().modified().unwrap();
    let (again, failed) = shelf.prepare(graph(), &recipe(RGB));
    assert!(failed.is_none());
    assert_eq!(again, made, "with the same words");
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), written);

    // Another recipe is another file.
    shelf.prepare(graph(), &recipe(BGR)).0.did.unwrap();
    assert_eq!(files(&below).len(), 2);
}

#[test]
fn what_nobody_asks_for_any_more_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let mut before = Shelf::new(folder.path());
    let _ = before.prepare(graph(), &recipe(RGB));
    let _ = before.prepare(graph(), &recipe(BGR));
    fs::write(folder.path().join(".preparing-abc"), "half").unwrap();
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    before.clear_others();
    assert_eq!(files(folder.path()).len(), 3, "both were asked for");

    let mut now = Shelf::new(folder.path());
    let _ = now.prepare(graph(), &recipe(BGR));
    now.clear_others();
    let names: Vec<_> =
        files(folder.path()).iter().map(|path| path.extension().unwrap().to_owned()).collect();
    assert_eq!(names, ["onnx", "txt"]);
    Shelf::new(folder.path().join("absent")).clear_others();
}

/// Every byte counts: whichever is changed or missing, the file is made again.
#[test]
fn a_damaged_file_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut shelf = Shelf::new(folder.path());
    let (made, _) = shelf.prepare(graph(), &recipe(RGB));
    let [file] = files(folder.path()).try_into().unwrap();
    let whole = fs::read(&file).unwrap();
    assert!(whole.len() > made.graph.len(), "the seal");
    for at in (0..whole.len()).step_by(7).chain(whole.len() - 90..whole.len()) {
        let mut broken = whole.clone();
        broken[at] ^= 1;
        for broken in [&broken[..], &whole[..at]] {
            fs::write(&file, broken).unwrap();
            let (again, failed) = shelf.prepare(graph(), &recipe(RGB));
            assert!(failed.is_none());
            assert_eq!(again, made);
            assert_eq!(fs::read(&file).unwrap(), whole, "mended");
        }
    }
    assert_eq!(files(folder.path()).len(), 1, "nothing is left lying about");
}

#[test]
fn what_is_not_understood_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("prepared");
    let (same, failed) = Shelf::new(&below).prepare(b"no graph".to_vec(), &recipe(RGB));
    assert!(failed.is_none() && same.did.is_err());
    assert_eq!(same.graph, b"no graph");
    assert!(!below.exists());
}

#[test]
fn a_note_is_remembered_for_what_it_is_about_and_for_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (Note::about(&[b"card", b"graph"]), Note::about(&[b"car", b"dgraph"]));
    let mut shelf = Shelf::new(folder.path());
    assert_eq!(shelf.recall(&one), None);
    shelf.remember(&one, "half batches\n").unwrap();
    shelf.remember(&one, "full alone\n").unwrap();
    assert_eq!(shelf.recall(&one).as_deref(), Some("full alone\n"));
    assert_eq!(shelf.recall(&other), None);

    // One that was asked for stays, another goes; what is not whole is no note.
    shelf.clear_others();
    assert_eq!(shelf.recall(&one).as_deref(), Some("full alone\n"));
    let file = files(folder.path()).remove(0);
    let text = fs::read_to_string(&file).unwrap().replace("alone", "batches");
    fs::write(&file, text).unwrap();
    assert_eq!(shelf.recall(&one), None);
    Shelf::new(folder.path()).clear_others();
    assert!(files(folder.path()).is_empty());
}

/// The graph is made all the same, and the reason is told with the path.
#[test]
fn a_folder_that_cannot_be_written_is_no_reason_to_refuse() {
    let folder = tempfile::tempdir().unwrap();
    // A file where the folder should be: so that it also fails for root, whom permissions do not stop.
    let taken = folder.path().join("prepared");
    fs::write(&taken, "").unwrap();
    let (made, failed) = Shelf::new(&taken).prepare(graph(), &recipe(RGB));
    made.did.unwrap();
    let failed = failed.unwrap().to_string();
    assert!(failed.contains("cannot keep what was prepared") && failed.contains("prepared/"), "{failed}");

    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    let (made, _) = Shelf::new(closed.join("prepared")).prepare(graph(), &recipe(RGB));
    made.did.unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
}

/// A sealed file is an ONNX file, so a runtime can be given its path.
#[test]
fn a_sealed_file_runs() {
    use super::run::{Input, Runtime};
    let folder = tempfile::tempdir().unwrap();
    let (made, _) = Shelf::new(folder.path()).prepare(graph(), &recipe(RGB));
    let sealed = fs::read(&files(folder.path())[0]).unwrap();
    let pixels = super::noise(2 * 8 * 8 * 3, 4);
    for runtime in Runtime::all() {
        let run = |graph| runtime.load(graph).run([2, 8, 8], Input::Bytes(&pixels));
        assert_eq!(run(&sealed), run(&made.graph));
    }
}
