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
use vow_watch::{Found, Ignored, Looked, Seen, WatchError, is_made_up, look, scan, scan_below};

fn is_picture(name: &Path) -> bool {
    assert_eq!(name.components().count(), 1, "asked with the file name alone");
    name.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("jpg"))
}

/// All that is seen but the folders themselves.
fn all(root: &Path, folder: &Path) -> Result<Vec<Seen>, WatchError> {
    all_without(root, folder, None)
}

fn all_without(root: &Path, folder: &Path, without: Option<&Path>) -> Result<Vec<Seen>, WatchError> {
    let mut seen = Vec::new();
    scan_below(root, folder, without, &is_picture, &mut |one| {
        if !matches!(one, Seen::Folder { .. }) {
            seen.push(one);
        }
        ControlFlow::Continue(())
    })?;
    Ok(seen)
}

fn path_of(seen: &Seen) -> &Path {
    match seen {
        Seen::Picture(found) => &found.path,
        Seen::Folder { path, .. } | Seen::Ignored { path, .. } | Seen::Problem { path, .. } => path,
    }
}

/// Every path with a word on it, relative to the root.
fn words(root: &Path, seen: &[Seen]) -> Vec<(String, String)> {
    let word = |one: &Seen| match one {
        Seen::Folder { .. } => "folder".to_owned(),
        Seen::Picture(_) => "picture".to_owned(),
        Seen::Ignored { why, .. } => format!("{why:?}"),
        Seen::Problem { .. } => "problem".to_owned(),
    };
    let relative = |path: &Path| path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
    seen.iter().map(|one| (relative(path_of(one)), word(one))).collect()
}

/// The whole scan in words.
fn assert_seen(root: &Path, expected: &[(&str, &str)]) {
    let got = words(root, &all(root, root).unwrap());
    let got: Vec<(&str, &str)> = got.iter().map(|(path, word)| (path.as_str(), word.as_str())).collect();
    assert_eq!(got, expected);
}

fn a_folder(path: &Path, linked: bool) -> Looked {
    Looked::Seen(Seen::Folder { path: path.to_owned(), linked })
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
    assert_eq!(look(root, &root.join("a"), &is_picture), a_folder(&root.join("a"), false));
    assert_eq!(look(root, root, &is_picture), a_folder(root, false));
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
fn links_are_followed_out_of_the_root_but_not_into_it() {
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
    put(root, ".hidden/3.jpg");
    symlink(root.join(".hidden"), root.join("h")).unwrap();

    let expected = [
        (".hidden", "Hidden"),
        ("a/1.jpg", "picture"),
        ("a/up", "ShownElsewhere"),
        ("b/2.jpg", "picture"),
        ("c", "ShownElsewhere"),
        ("d.jpg", "problem"),
        ("e", "problem"),
        ("f.jpg", "problem"),
        ("g.txt", "NotAPicture"),
        ("h/3.jpg", "picture"),
        ("one.jpg", "picture"),
    ];
    assert_seen(root, &expected);
    let seen = all(root, root).unwrap();
    for one in &seen {
        if let Seen::Problem { path, failure } = one {
            let text = failure.to_string();
            assert!(text.starts_with("scan: "), "{text}");
            assert!(text.contains(path.to_str().unwrap()), "{text}");
            assert!(["remove", "restore"].iter().any(|what_to_do| text.contains(what_to_do)), "{text}");
        }
    }
    let elsewhere = |one: &Seen| matches!(one, Seen::Ignored { why: Ignored::ShownElsewhere, .. });
    let (links, rest): (Vec<_>, Vec<_>) = seen.into_iter().partition(elsewhere);
    assert_looks_agree(root, &rest);
    // A single look does not ask where else a folder is shown, but the scan of that folder does.
    for link in links {
        assert_eq!(look(root, path_of(&link), &is_picture), a_folder(path_of(&link), true));
        assert_eq!(all(root, path_of(&link)).unwrap(), [link]);
    }
    assert_eq!(all(root, &root.join("c/up")).unwrap().len(), 1, "nor by a way through such a link");
}

/// Eight folders with links to each other were 13,700 paths of one photo.
#[test]
fn folders_that_link_to_one_another_are_seen_once() {
    let home = TempDir::new().unwrap();
    let (root, other) = (&home.path().join("photos"), &home.path().join("other"));
    for place in [root, other] {
        for a in 0..8 {
            put(place, &format!("{a}/1.jpg"));
            for b in 0..8 {
                symlink(place.join(b.to_string()), place.join(format!("{a}/to{b}"))).unwrap();
            }
        }
    }
    symlink(root, other.join("3/back")).unwrap();
    symlink(home.path(), other.join("3/up")).unwrap();
    symlink(other.join("3"), root.join("5/z")).unwrap();
    let pictures = || {
        let seen = all(root, root).unwrap().into_iter().filter(|one| matches!(one, Seen::Picture(_)));
        words(root, &seen.collect::<Vec<_>>()).into_iter().map(|(path, _)| path).collect::<Vec<_>>()
    };
    let found = pictures();
    assert_eq!(found, pictures(), "and under the same paths again");
    let (outside, inside): (Vec<_>, Vec<_>) = found.into_iter().partition(|path| path.starts_with("5/z/"));
    assert_eq!(inside, (0..8).map(|n| format!("{n}/1.jpg")).collect::<Vec<_>>(), "by their own paths");
    assert_eq!(outside.len(), 8, "{outside:?}");
    assert_eq!(outside[..3], ["5/z/1.jpg", "5/z/to0/1.jpg", "5/z/to0/to1/1.jpg"], "the first way counts");
}

#[test]
fn of_links_to_the_same_folder_the_first_counts_and_a_part_says_when_it_cannot_tell() {
    let (home, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let root = home.path();
    put(other.path(), "sub/deep/1.jpg");
    put(other.path(), "2.jpg");
    put(root, "plain/3.jpg");
    symlink(other.path().join("sub"), root.join("a")).unwrap();
    symlink(other.path(), root.join("b")).unwrap();
    symlink(other.path(), root.join("c")).unwrap();
    let expected = [
        ("a/deep/1.jpg", "picture"),
        ("b/2.jpg", "picture"),
        ("b/sub", "ShownElsewhere"),
        ("c", "ShownElsewhere"),
        ("plain/3.jpg", "picture"),
    ];
    assert_seen(root, &expected);
    let leads_out = |part: &str| {
        let go_on = &mut |_| ControlFlow::Continue(());
        scan_below(root, &root.join(part), None, &is_picture, go_on).unwrap().leads_out
    };
    assert_eq!(["", "b", "c", "a/deep", "plain"].map(leads_out), [true, true, true, false, false]);
}

#[test]
fn what_the_kernel_makes_up_and_what_the_caller_names_is_left_out() {
    let (home, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let root = home.path();
    put(root, "a/data/deep/1.jpg");
    put(root, "a/2.jpg");
    put(other.path(), "3.jpg");
    symlink(root.join("a/data"), root.join("data")).unwrap();
    let data = root.join("a/data");
    let seen = |folder: &Path| words(root, &all_without(root, folder, Some(&data)).unwrap());
    let left_out = |path: &str| (path.to_owned(), "SystemFolder".to_owned());
    let expected = [("a/2.jpg".to_owned(), "picture".to_owned()), left_out("a/data"), left_out("data")];
    assert_eq!(seen(root), expected);
    assert_eq!(seen(&data), [left_out("a/data")]);
    assert_eq!(seen(&data.join("deep")), [left_out("a/data/deep")]);
    assert_eq!(all_without(&data, &data.join("deep"), Some(&data)).unwrap().len(), 1, "a root is a root");
    if is_made_up(Path::new("/proc")) {
        for (name, made_up) in [("proc", "/proc"), ("self", "/proc/self"), ("dev", "/dev")] {
            symlink(made_up, other.path().join(name)).unwrap();
        }
        let left_out = ["dev", "proc", "self"].map(|name| (name, "SystemFolder"));
        assert_seen(other.path(), &[&[("3.jpg", "picture")], &left_out[..]].concat());
    }
    assert!(!is_made_up(root) && !is_made_up(&root.join("nowhere")));
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
    fs::create_dir_all(home.path().join("4/empty/empty/empty")).unwrap();
    for stop_after in 1..18 {
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
