//! Scans of real folders: what is found, what is left out and why, and what cannot be seen.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers as well")]

use std::ffi::OsStr;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, mkdirat, mknodat, openat};
use tempfile::TempDir;
use vow_watch::{Found, Ignored, Looked, Seen, WatchError, look, scan, scan_below};

fn is_picture(name: &Path) -> bool {
    assert_eq!(name.components().count(), 1, "asked with the file name alone");
    name.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("jpg"))
}

fn all(root: &Path, folder: &Path) -> Result<Vec<Seen>, WatchError> {
    let mut seen = Vec::new();
    scan_below(root, folder, &is_picture, &mut |one| {
        seen.push(one);
        ControlFlow::Continue(())
    })?;
    Ok(seen)
}

fn path_of(seen: &Seen) -> &Path {
    match seen {
        Seen::Picture(found) => &found.path,
        Seen::Ignored { path, .. } | Seen::Problem { path, .. } => path,
    }
}

/// Every path with a word on it, relative to the root.
fn words(root: &Path, seen: &[Seen]) -> Vec<(String, String)> {
    let word = |one: &Seen| match one {
        Seen::Picture(_) => "picture".to_owned(),
        Seen::Ignored { why, .. } => format!("{why:?}"),
        Seen::Problem { .. } => "problem".to_owned(),
    };
    let relative = |path: &Path| path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
    seen.iter().map(|one| (relative(path_of(one)), word(one))).collect()
}

fn put(root: &Path, name: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, name).unwrap();
}

/// Looking at every path says what the scan said.
fn assert_looks_agree(root: &Path, seen: &[Seen]) {
    for one in seen {
        assert_eq!(look(root, path_of(one), &is_picture), Looked::Seen(one.clone()));
    }
}

#[test]
fn everything_is_seen_in_order() {
    let home = TempDir::new().unwrap();
    let root = home.path();
    for name in
        ["b.jpg", "a/2.jpg", "a/1.JPG", "a-b.jpg", "a/x.txt", "x.jpg/inside.jpg", ".a.jpg", ".hid/a.jpg"]
    {
        put(root, name);
    }
    for name in
        ["@eaDir/a.jpg", "a/#recycle/a.jpg", "lost+found/a.jpg", ".Trash-0/a.jpg", "$RECYCLE.BIN/a.jpg"]
    {
        put(root, name);
    }
    put(root, "System Volume Information/a.jpg");
    mknodat(CWD, root.join("pipe.jpg"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let odd = root.join(OsStr::from_bytes(b"\xff\xfe.jpg"));
    fs::write(&odd, "odd").unwrap();

    let seen = all(root, root).unwrap();
    let expected = [
        ("$RECYCLE.BIN", "SystemFolder"),
        (".Trash-0", "SystemFolder"),
        (".a.jpg", "Hidden"),
        (".hid", "Hidden"),
        ("@eaDir", "SystemFolder"),
        ("System Volume Information", "SystemFolder"),
        ("a-b.jpg", "picture"),
        ("a/#recycle", "SystemFolder"),
        ("a/1.JPG", "picture"),
        ("a/2.jpg", "picture"),
        ("a/x.txt", "NotAPicture"),
        ("b.jpg", "picture"),
        ("lost+found", "SystemFolder"),
        ("pipe.jpg", "SpecialFile"),
        ("x.jpg/inside.jpg", "picture"),
        ("\u{fffd}\u{fffd}.jpg", "picture"),
    ];
    let got = words(root, &seen);
    let got: Vec<(&str, &str)> = got.iter().map(|(path, word)| (path.as_str(), word.as_str())).collect();
    assert_eq!(got, expected);
    let bytes = |one| path_of(one).as_os_str().as_bytes();
    assert!(seen.is_sorted_by_key(bytes), "in the order of the paths' bytes");
    assert!(seen.iter().any(|one| path_of(one) == odd), "the bytes of a name are kept");
    assert_looks_agree(root, &seen);
    assert_eq!(look(root, &root.join("a"), &is_picture), Looked::Folder);
    assert_eq!(look(root, root, &is_picture), Looked::Folder);
    assert_eq!(look(root, &root.join("a/none.jpg"), &is_picture), Looked::Gone);
    assert_eq!(look(root, &root.join("b.jpg/none.jpg"), &is_picture), Looked::Gone);
}

#[test]
fn a_picture_comes_with_what_its_folder_knows() {
    let home = TempDir::new().unwrap();
    put(home.path(), "a.jpg");
    let path = home.path().join("a.jpg");
    let before_1970 = std::time::SystemTime::UNIX_EPOCH - std::time::Duration::from_nanos(1_500_000_001);
    fs::File::options().append(true).open(&path).unwrap().set_modified(before_1970).unwrap();
    let inode = path.metadata().unwrap().ino();
    let seen = all(home.path(), home.path()).unwrap();
    assert_eq!(seen, [Seen::Picture(Found { path, size: 5, mtime_ns: -1_500_000_001, inode })]);
    assert_looks_agree(home.path(), &seen);
    let device = home.path().metadata().unwrap().dev();
    let root = scan(home.path(), &is_picture, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(root.device, device);
}

#[test]
fn links_are_followed_but_not_in_circles() {
    let (home, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let root = home.path();
    put(root, "a/1.jpg");
    put(other.path(), "2.jpg");
    symlink(root.join("a/1.jpg"), root.join("one.jpg")).unwrap();
    symlink(other.path(), root.join("b")).unwrap();
    symlink(root.join("a"), root.join("c")).unwrap();
    symlink(root, root.join("a/up")).unwrap();
    symlink("nowhere", root.join("d.jpg")).unwrap();
    symlink(other.path().join("unplugged"), root.join("e")).unwrap();
    symlink("f.jpg", root.join("f.jpg")).unwrap();
    symlink(root.join("a/1.jpg"), root.join("g.txt")).unwrap();

    let seen = all(root, root).unwrap();
    let expected = [
        ("a/1.jpg", "picture"),
        ("a/up", "problem"),
        ("b/2.jpg", "picture"),
        ("c/1.jpg", "picture"),
        ("c/up", "problem"),
        ("d.jpg", "problem"),
        ("e", "problem"),
        ("f.jpg", "problem"),
        ("g.txt", "NotAPicture"),
        ("one.jpg", "picture"),
    ];
    let got = words(root, &seen);
    let got: Vec<(&str, &str)> = got.iter().map(|(path, word)| (path.as_str(), word.as_str())).collect();
    assert_eq!(got, expected);
    for one in &seen {
        if let Seen::Problem { path, failure } = one {
            let text = failure.to_string();
            assert!(text.starts_with("scan: "), "{text}");
            assert!(text.contains(path.to_str().unwrap()), "{text}");
            assert!(["remove", "restore"].iter().any(|what_to_do| text.contains(what_to_do)), "{text}");
        }
    }
    let circle = root.join("a/up");
    let (circles, rest): (Vec<_>, Vec<_>) =
        seen.iter().cloned().partition(|one| path_of(one).ends_with("up"));
    assert_looks_agree(root, &rest);
    // A single look cannot tell that a folder is its own ancestor, but the scan of that folder can.
    assert_eq!(look(root, &circle, &is_picture), Looked::Folder);
    assert_eq!(all(root, &circle).unwrap(), circles[..1]);
}

#[test]
fn a_part_is_scanned_as_the_whole_would() {
    let home = TempDir::new().unwrap();
    let root = home.path();
    for name in ["a/b/1.jpg", "a/2.jpg", "c/3.jpg", "@eaDir/x/4.jpg"] {
        put(root, name);
    }
    symlink(root, root.join("a/b/up")).unwrap();
    let whole = all(root, root).unwrap();
    let part = all(root, &root.join("a")).unwrap();
    let below: Vec<Seen> =
        whole.iter().filter(|one| path_of(one).starts_with(root.join("a"))).cloned().collect();
    assert_eq!(part, below);
    let path = root.join("@eaDir/x");
    assert_eq!(all(root, &path).unwrap(), [Seen::Ignored { path, why: Ignored::SystemFolder }]);
}

#[test]
fn a_visitor_can_stop() {
    let home = TempDir::new().unwrap();
    for n in 0..10 {
        put(home.path(), &format!("{}/{n}.jpg", n % 3));
    }
    for stop_after in 1..10 {
        let mut count = 0;
        scan(home.path(), &is_picture, &mut |_| {
            count += 1;
            if count == stop_after { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
        assert_eq!(count, stop_after);
    }
}

#[test]
fn a_root_that_is_not_there_is_offline_and_nothing_is_gone() {
    let home = TempDir::new().unwrap();
    let root = home.path().join("disk");
    let error = all(&root, &root).unwrap_err();
    assert!(matches!(&error, WatchError::Offline { path, .. } if *path == root), "{error}");
    let picture = root.join("a.jpg");
    assert!(matches!(look(&root, &picture, &is_picture), Looked::Seen(Seen::Problem { .. })));
    fs::write(&root, "a file where the folder was").unwrap();
    assert!(matches!(all(&root, &root), Err(WatchError::Offline { .. })));
}

#[test]
fn a_root_that_goes_away_under_the_scan_is_offline() {
    let home = TempDir::new().unwrap();
    let root = home.path().join("disk");
    put(&root, "a/1.jpg");
    put(&root, "b/2.jpg");
    let result = scan(&root, &is_picture, &mut |_| {
        // What unmounting looks like: the same path, and another folder under it.
        if root.join("a").exists() {
            fs::rename(&root, home.path().join("unplugged")).unwrap();
            fs::create_dir(&root).unwrap();
        }
        ControlFlow::Continue(())
    });
    assert!(matches!(result, Err(WatchError::Offline { .. })), "{result:?}");
}

#[test]
fn an_unreadable_folder_is_a_problem_with_a_name() {
    let home = TempDir::new().unwrap();
    let root = home.path();
    put(root, "a/1.jpg");
    put(root, "b/2.jpg");
    fs::set_permissions(root.join("a"), fs::Permissions::from_mode(0o000)).unwrap();
    let readable_anyway = fs::read_dir(root.join("a")).is_ok();
    let seen = all(root, root).unwrap();
    fs::set_permissions(root.join("a"), fs::Permissions::from_mode(0o755)).unwrap();
    if readable_anyway {
        println!("skipped: this user may read everything");
        return;
    }
    let [Seen::Problem { path, failure }, Seen::Picture(_)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!(*path, root.join("a"));
    assert!(failure.reason.contains("check its permissions"), "{failure}");
}

/// A folder that cannot be opened whoever asks: its path is longer than the system takes.
#[test]
fn a_path_too_long_to_open_is_a_problem_and_the_rest_goes_on() {
    let home = TempDir::new().unwrap();
    let root = home.path();
    put(root, "z.jpg");
    let name = "n".repeat(250);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut folder = openat(CWD, root, flags, Mode::empty()).unwrap();
    for _ in 0..20 {
        mkdirat(&folder, name.as_str(), Mode::RWXU).unwrap();
        folder = openat(&folder, name.as_str(), flags, Mode::empty()).unwrap();
    }
    let seen = all(root, root).unwrap();
    let [Seen::Problem { path, failure }, Seen::Picture(found)] = &seen[..] else { panic!("{seen:?}") };
    assert!(path.as_os_str().len() > 4000);
    assert!(failure.reason.contains("cannot list the folder"), "{failure}");
    assert_eq!(found.path, root.join("z.jpg"));
}

/// The speed that a library of millions needs, for reading by a person: `--nocapture`.
#[test]
fn many_files() {
    let home = TempDir::new().unwrap();
    for folder in 0..20 {
        let folder = home.path().join(folder.to_string());
        fs::create_dir(&folder).unwrap();
        for n in 0..1000 {
            fs::File::create(folder.join(format!("img_{n}.jpg"))).unwrap();
        }
    }
    let started = std::time::Instant::now();
    let seen: Vec<PathBuf> =
        all(home.path(), home.path()).unwrap().iter().map(|one| path_of(one).to_owned()).collect();
    println!("{} files in {:?}", seen.len(), started.elapsed());
    assert_eq!(seen.len(), 20_000);
    assert!(seen.is_sorted());
}
