//! Photos put into a folder: under which names, and what is never overwritten.

use super::*;

fn photo(dir: &Path, name: &str, content: &str) -> PathBuf {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn put_all(photos: &[PathBuf], dir: &Path, way: Way) -> Vec<bool> {
    let mut taken = BTreeSet::new();
    photos.iter().map(|one| put(std::slice::from_ref(one), dir, way, &mut taken).unwrap()).collect()
}

#[test]
fn two_cameras_with_the_same_names_lose_no_photo_and_a_second_run_changes_nothing() {
    for way in [Way::Copy, Way::Link] {
        let home = tempfile::tempdir().unwrap();
        let out = home.path().join("out");
        fs::create_dir(&out).unwrap();
        let photos = ["a/IMG_1.jpg", "b/IMG_1.jpg", "c/.jpg", "d/IMG_2"]
            .map(|name| photo(home.path(), name, &format!("taken by {name}")));
        assert_eq!(put_all(&photos, &out, way), [true; 4]);
        assert_eq!(names(&out), [".jpg", "IMG_1 (2).jpg", "IMG_1.jpg", "IMG_2"]);
        assert_eq!(fs::read_to_string(out.join("IMG_1 (2).jpg")).unwrap(), "taken by b/IMG_1.jpg");
        assert_eq!(fs::symlink_metadata(out.join("IMG_2")).unwrap().is_symlink(), way == Way::Link);
        assert_eq!(put_all(&photos, &out, way), [false; 4]);
    }
}

#[test]
fn what_is_there_is_never_overwritten() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("out");
    let theirs = photo(&out, "IMG_1.jpg", "retouched");
    // As an interrupted run leaves it.
    photo(&out, ".vow-part", "half a pho");
    let photos = [photo(home.path(), "IMG_1.jpg", "as it was"), photo(home.path(), "IMG_2.jpg", "more")];
    assert_eq!(put_all(&photos, &out, Way::Copy), [true; 2]);
    assert_eq!(fs::read_to_string(theirs).unwrap(), "retouched");
    assert_eq!(fs::read_to_string(out.join("IMG_1 (2).jpg")).unwrap(), "as it was");
    assert_eq!(names(&out), ["IMG_1 (2).jpg", "IMG_1.jpg", "IMG_2.jpg"]);
    let at = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    assert_eq!(at(&out.join("IMG_2.jpg")), at(&photos[1]));
}

#[test]
fn copies_and_links_of_one_photo_do_not_come_into_one_folder() {
    for (first, then) in [(Way::Copy, Way::Link), (Way::Link, Way::Copy)] {
        let home = tempfile::tempdir().unwrap();
        let out = home.path().join("out");
        fs::create_dir(&out).unwrap();
        let one = photo(home.path(), "IMG_1.jpg", "x");
        assert_eq!(put_all(std::slice::from_ref(&one), &out, first), [true]);
        let refused = put(&[one], &out, then, &mut BTreeSet::new()).unwrap_err();
        assert!(refused.to_string().contains("a folder of their own"), "{refused}");
        assert_eq!(names(&out), ["IMG_1.jpg"]);
    }
}

/// Two at once would write into each other's half-copied photo.
#[test]
fn a_folder_is_filled_by_one_at_a_time() {
    let home = tempfile::tempdir().unwrap();
    let first = alone(home.path()).unwrap();
    assert!(alone(home.path()).unwrap_err().to_string().contains("another `vow export`"));
    drop(first);
    alone(home.path()).unwrap();
}

#[test]
fn a_photo_comes_from_whichever_file_can_be_read() {
    let home = tempfile::tempdir().unwrap();
    let there = photo(home.path(), "there.jpg", "x");
    let files = [home.path().join("gone.jpg"), there];
    let out = home.path().join("out");
    fs::create_dir(&out).unwrap();
    assert!(put(&files, &out, Way::Copy, &mut BTreeSet::new()).unwrap());
    assert_eq!(names(&out), ["there.jpg"]);
    assert!(put(&files[..1], &out, Way::Copy, &mut BTreeSet::new()).is_err());
}

#[test]
fn the_files_of_one_photo_are_one() {
    let row = |photo: &str, path: &str| v1::PersonPhoto {
        file: Some(v1::File { photo_id: photo.into(), path: path.into(), ..Default::default() }),
        ..Default::default()
    };
    let photos = once_each(vec![row("1", "/a"), row("2", "/b"), row("1", "/c")]);
    assert_eq!(photos, [vec![PathBuf::from("/a"), PathBuf::from("/c")], vec![PathBuf::from("/b")]]);
}

#[test]
fn a_watched_folder_is_no_place_to_hand_over_in() {
    let watched = v1::Folder { path: b"/photos".to_vec(), ..Default::default() };
    let refused = |dir: &str| refuse_watched(Path::new(dir), std::slice::from_ref(&watched)).is_err();
    assert!(refused("/photos/for Ada") && refused("/photos"));
    assert!(!refused("/photos for Ada") && !refused("/"));
}
