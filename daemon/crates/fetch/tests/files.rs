//! Files that are here already, and zip archives, good and bad.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic: that is how it fails"
)]

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use vow_fetch::{Archive, Cancel, Fault, FetchError, Fetched, Remote, Sum};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

fn wanted(content: &[u8]) -> Remote {
    Remote {
        name: "a.onnx".into(),
        urls: Vec::new(),
        size: Some(content.len() as u64),
        sha256: Some(Sum::of(content)),
    }
}

fn copy(from: &Path, file: &Remote, folder: &Path) -> Result<Fetched, FetchError> {
    vow_fetch::copy(from, file, folder, &mut |_| {}, &Cancel::new())
}

fn pack(path: &Path, members: &[(&str, &[u8])]) -> PathBuf {
    let mut zip = ZipWriter::new(File::create(path).unwrap());
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in members {
        zip.start_file(*name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
    path.to_owned()
}

fn unpack(archive: &Path, member: &str, file: &Remote, folder: &Path) -> Result<Fetched, FetchError> {
    let mut archive = Archive::open(archive)?;
    let member = archive.find(member)?;
    archive.unpack(&member, file, folder, &mut |_| {}, &Cancel::new())
}

#[test]
fn a_copy_is_the_file_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (from, into) = (dir.path().join("download (1).bin"), dir.path().join("into"));
    fs::write(&from, b"weights").unwrap();
    let copied = copy(&from, &wanted(b"weights"), &into).unwrap();
    assert_eq!(fs::read(copied.path).unwrap(), b"weights");
    fs::remove_dir_all(&into).unwrap();

    for (other, what) in [(&b"weighty"[..], "sum"), (b"more weights", "size")] {
        let error = copy(&from, &wanted(other), &into).unwrap_err();
        assert!(matches!(error, FetchError::Wrong { .. }), "{what}: {error}");
        assert!(!into.join("a.onnx").exists(), "{what}");
    }
    let error = copy(dir.path(), &wanted(b"weights"), &into).unwrap_err();
    assert!(matches!(error, FetchError::Wrong { fault: Fault::NotAFile, .. }), "{error}");
    assert!(matches!(copy(&dir.path().join("none"), &wanted(b""), &into), Err(FetchError::Disk { .. })));
    let cancel = Cancel::new();
    cancel.cancel();
    let error = vow_fetch::copy(&from, &wanted(b"weights"), &into, &mut |_| {}, &cancel).unwrap_err();
    assert!(matches!(error, FetchError::Cancelled));
    assert!(!into.join("a.onnx").exists());
}

#[test]
fn nothing_that_lies_in_the_way_is_written_through() {
    let dir = tempfile::tempdir().unwrap();
    let (from, photo) = (dir.path().join("from"), dir.path().join("photo.jpg"));
    fs::write(&from, b"weights").unwrap();
    fs::write(&photo, b"precious").unwrap();
    let into = dir.path().join("into");
    fs::create_dir(&into).unwrap();
    std::os::unix::fs::symlink(&photo, into.join("a.onnx")).unwrap();
    assert!(copy(&from, &wanted(b"weights"), &into).is_err());
    assert_eq!(fs::read(&photo).unwrap(), b"precious");
}

#[test]
fn a_member_is_found_by_its_name_or_by_its_last_part() {
    let dir = tempfile::tempdir().unwrap();
    let zip = pack(
        &dir.path().join("a.zip"),
        &[("pack/det.onnx", b"one"), ("x/rec.onnx", b"two"), ("y/rec.onnx", b"3")],
    );
    let archive = Archive::open(&zip).unwrap();
    assert_eq!(archive.find("pack/det.onnx").unwrap().name, "pack/det.onnx");
    assert_eq!(archive.find("det.onnx").unwrap().name, "pack/det.onnx");
    assert_eq!(archive.find("y/rec.onnx").unwrap().size, 1);
    let error = archive.find("z/rec.onnx").unwrap_err().to_string();
    assert!(error.contains("several"), "{error}");
    assert!(archive.find("none").unwrap_err().to_string().contains("not in the archive"));

    let fetched = unpack(&zip, "det.onnx", &wanted(b"one"), &dir.path().join("into")).unwrap();
    assert_eq!(fs::read(fetched.path).unwrap(), b"one");
    let error = unpack(&zip, "x/rec.onnx", &wanted(b"abc"), &dir.path().join("other")).unwrap_err();
    assert!(matches!(error, FetchError::Wrong { fault: Fault::Altered { .. }, .. }), "{error}");
    assert!(!dir.path().join("other/a.onnx").exists());
}

#[test]
fn names_that_lead_out_of_the_archive_are_not_even_listed() {
    let dir = tempfile::tempdir().unwrap();
    let zip = pack(
        &dir.path().join("a.zip"),
        &[("../evil", b"x"), ("/etc/evil", b"x"), ("fine", b"x"), ("a/../../evil", b"x")],
    );
    let archive = Archive::open(&zip).unwrap();
    let names: Vec<&str> = archive.members().iter().map(|member| member.name.as_str()).collect();
    assert!(names.contains(&"fine") && names.iter().all(|name| !name.contains("..")), "{names:?}");
}

#[test]
fn a_member_that_is_not_what_it_claims_ends_at_its_claim() {
    let dir = tempfile::tempdir().unwrap();
    let zip = pack(&dir.path().join("a.zip"), &[("bomb", &vec![0; 1 << 20])]);
    let mut bytes = fs::read(&zip).unwrap();
    // The size in both headers: 1 MiB becomes 10 bytes.
    let claim = (1u32 << 20).to_le_bytes();
    let places: Vec<usize> = (0..bytes.len() - 4).filter(|at| bytes[*at..*at + 4] == claim).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + 4].copy_from_slice(&10u32.to_le_bytes());
    }
    fs::write(&zip, bytes).unwrap();
    let any = Remote { size: None, sha256: None, ..wanted(b"") };
    let into = dir.path().join("into");
    assert!(unpack(&zip, "bomb", &any, &into).is_err());
    assert!(!into.join("a.onnx").exists());
}

#[test]
fn what_is_no_archive_or_a_broken_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("page.html");
    fs::write(&text, "<html>please log in</html>").unwrap();
    assert!(matches!(Archive::open(&text), Err(FetchError::Archive { .. })));
    assert!(matches!(Archive::open(dir.path()), Err(FetchError::Archive { .. })));
    let good = pack(&dir.path().join("a.zip"), &[("a", &vec![1; 10_000]), ("b", b"hello")]);
    let bytes = fs::read(&good).unwrap();
    for cut in [1, 10, bytes.len() / 2, bytes.len() - 1] {
        let path = dir.path().join("cut.zip");
        fs::write(&path, &bytes[..cut]).unwrap();
        assert!(Archive::open(&path).is_err(), "{cut}");
    }
    // Every byte wrong once: an error or the right bytes, never something else and never a panic.
    let any = Remote { size: None, sha256: Some(Sum::of(b"hello")), ..wanted(b"") };
    for at in 0..bytes.len() {
        let mut broken = bytes.clone();
        broken[at] ^= 0xff;
        let path = dir.path().join("broken.zip");
        fs::write(&path, broken).unwrap();
        let into = dir.path().join(format!("into{at}"));
        if unpack(&path, "b", &any, &into).is_ok() {
            assert_eq!(fs::read(into.join("a.onnx")).unwrap(), b"hello");
        }
    }
}
