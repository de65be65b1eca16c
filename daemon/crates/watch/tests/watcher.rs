//! The real watcher on real folders. Waits for what must come, never asserts how long it took.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers as well")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tempfile::TempDir;
use vow_watch::{Hint, WatchError, Watcher};

struct Ear {
    watcher: Watcher,
    hints: Receiver<Hint>,
}

impl Ear {
    fn on(roots: &[&Path]) -> Self {
        let (sender, hints) = channel();
        let watcher = Watcher::start(None, move |hint| drop(sender.send(hint))).unwrap();
        for root in roots {
            watcher.watch(root, &|| false).unwrap();
        }
        Self { watcher, hints }
    }

    /// All hints up to the wanted one.
    fn until(&self, wanted: &Hint) -> Vec<Hint> {
        let mut hints = Vec::new();
        while hints.last() != Some(wanted) {
            match self.hints.recv_timeout(Duration::from_secs(30)) {
                Ok(hint) => hints.push(hint),
                Err(_) => panic!("waited for {wanted:?}, got {hints:?}"),
            }
        }
        hints
    }

    /// Like [`Self::until`], and nothing else comes before.
    fn only(&self, wanted: &Hint) {
        assert_eq!(self.until(wanted), std::slice::from_ref(wanted));
    }
}

fn touched(path: impl Into<PathBuf>) -> Hint {
    Hint::Touched(path.into())
}

fn rescan(path: impl Into<PathBuf>) -> Hint {
    Hint::Rescan(path.into())
}

fn put(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "x").unwrap();
}

#[test]
fn files_come_change_and_go() {
    let (home, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let root = home.path();
    put(&root.join("a/old.jpg"));
    let ear = Ear::on(&[root]);
    let file = root.join("a/new.jpg");

    fs::write(&file, "1").unwrap();
    ear.only(&touched(&file));
    fs::write(&file, "22").unwrap();
    ear.only(&touched(&file));
    fs::File::options().append(true).open(&file).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    ear.only(&touched(&file));

    // Renamed in, within, and out.
    put(&outside.path().join("in.jpg"));
    fs::rename(outside.path().join("in.jpg"), root.join("in.jpg")).unwrap();
    ear.only(&touched(root.join("in.jpg")));
    fs::rename(root.join("in.jpg"), root.join("a/in.jpg")).unwrap();
    ear.only(&touched(root.join("a/in.jpg")));
    ear.only(&touched(root.join("in.jpg")));
    fs::rename(root.join("a/in.jpg"), outside.path().join("in.jpg")).unwrap();
    ear.only(&touched(root.join("a/in.jpg")));

    fs::remove_file(&file).unwrap();
    ear.only(&touched(&file));

    // Reading is not a change; a hidden file, as copying programs write them first, is none of ours.
    fs::read(root.join("a/old.jpg")).unwrap();
    fs::write(root.join("a/.new.jpg.part"), "1").unwrap();
    fs::rename(root.join("a/.new.jpg.part"), &file).unwrap();
    ear.only(&touched(&file));
}

#[test]
fn new_folders_are_scanned_and_watched() {
    let (home, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let root = home.path();
    let ear = Ear::on(&[root]);

    // Made here, with files that may be there before anybody watches.
    for n in 0..5 {
        put(&root.join(format!("new/deep/{n}.jpg")));
    }
    ear.until(&rescan(root.join("new")));
    put(&root.join("new/deep/later.jpg"));
    ear.until(&touched(root.join("new/deep/later.jpg")));

    // Moved in from elsewhere: no event tells of what is in it.
    put(&outside.path().join("album/deep/1.jpg"));
    fs::rename(outside.path().join("album"), root.join("album")).unwrap();
    ear.only(&rescan(root.join("album")));
    put(&root.join("album/deep/2.jpg"));
    ear.only(&touched(root.join("album/deep/2.jpg")));

    // Renamed: the old name is gone, the new one is heard under its new name.
    fs::rename(root.join("album"), root.join("renamed")).unwrap();
    let mut hints = ear.until(&touched(root.join("album")));
    hints.extend(if hints.len() == 1 { ear.until(&rescan(root.join("renamed"))) } else { vec![] });
    assert!(hints.contains(&rescan(root.join("renamed"))) && hints.len() == 2, "{hints:?}");
    put(&root.join("renamed/deep/3.jpg"));
    ear.only(&touched(root.join("renamed/deep/3.jpg")));

    // Moved out: heard no more.
    fs::rename(root.join("renamed"), outside.path().join("gone")).unwrap();
    ear.only(&touched(root.join("renamed")));
    put(&outside.path().join("gone/deep/4.jpg"));
    put(&root.join("sentinel.jpg"));
    ear.only(&touched(root.join("sentinel.jpg")));

    // The same name again is another folder.
    for n in 0..3 {
        put(&root.join("again/1.jpg"));
        ear.until(&rescan(root.join("again")));
        put(&root.join(format!("again/{n}-later.jpg")));
        ear.until(&touched(root.join(format!("again/{n}-later.jpg"))));
        fs::remove_dir_all(root.join("again")).unwrap();
        ear.until(&touched(root.join("again")));
    }
    assert_eq!(ear.watcher.incomplete(), Vec::<PathBuf>::new());
}

#[test]
fn a_linked_folder_is_heard_under_the_path_that_a_scan_has_for_it() {
    let (home, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let root = home.path();
    put(&root.join("real/1.jpg"));
    put(&outside.path().join("sub/1.jpg"));
    symlink(root.join("real"), root.join("alias")).unwrap();
    symlink(outside.path(), root.join("elsewhere")).unwrap();
    symlink(outside.path(), root.join("further")).unwrap();
    symlink(root, root.join("real/circle")).unwrap();
    let ear = Ear::on(&[root]);

    put(&root.join("real/2.jpg"));
    ear.only(&touched(root.join("real/2.jpg")));
    put(&outside.path().join("sub/2.jpg"));
    ear.only(&touched(root.join("elsewhere/sub/2.jpg")));

    // A link that stands for nothing goes.
    fs::remove_file(root.join("alias")).unwrap();
    ear.only(&touched(root.join("alias")));
    put(&root.join("real/3.jpg"));
    ear.only(&touched(root.join("real/3.jpg")));

    // A link that is made later.
    symlink(outside.path().join("sub"), root.join("late")).unwrap();
    ear.only(&rescan(root.join("late")));
    put(&outside.path().join("sub/3.jpg"));
    let hints = [ear.until(&touched(root.join("late/3.jpg")))].concat();
    assert!(hints.len() <= 2, "{hints:?}");

    // The one that was followed goes: watched anew, the other is.
    fs::remove_file(root.join("elsewhere")).unwrap();
    ear.until(&touched(root.join("elsewhere")));
    ear.watcher.watch(root, &|| false).unwrap();
    put(&outside.path().join("4.jpg"));
    ear.until(&touched(root.join("further/4.jpg")));
}

#[test]
fn a_root_that_goes_and_comes_back() {
    let home = TempDir::new().unwrap();
    let root = home.path().join("disk");
    put(&root.join("a/1.jpg"));
    let ear = Ear::on(&[&root]);

    fs::rename(&root, home.path().join("unplugged")).unwrap();
    ear.only(&rescan(&root));
    assert!(matches!(ear.watcher.watch(&root, &|| false), Err(WatchError::Offline { .. })));
    fs::rename(home.path().join("unplugged"), &root).unwrap();
    ear.watcher.watch(&root, &|| false).unwrap();
    put(&root.join("a/2.jpg"));
    ear.only(&touched(root.join("a/2.jpg")));

    fs::remove_dir_all(&root).unwrap();
    ear.until(&rescan(&root));
}

#[test]
fn an_unwatched_folder_is_silent() {
    let (home, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let root = home.path();
    put(&root.join("a/1.jpg"));
    let ear = Ear::on(&[root, other.path()]);
    ear.watcher.unwatch(root);
    ear.watcher.unwatch(root);
    put(&root.join("a/2.jpg"));
    put(&root.join("b/3.jpg"));
    put(&other.path().join("sentinel.jpg"));
    ear.only(&touched(other.path().join("sentinel.jpg")));
    ear.watcher.watch(root, &|| false).unwrap();
    put(&root.join("b/4.jpg"));
    ear.only(&touched(root.join("b/4.jpg")));
}

#[test]
fn a_root_within_a_root_outlives_it() {
    let home = TempDir::new().unwrap();
    let (outer, inner) = (home.path().to_owned(), home.path().join("inner"));
    put(&inner.join("a/1.jpg"));
    let ear = Ear::on(&[&outer, &inner]);
    ear.watcher.unwatch(&inner);
    put(&inner.join("a/2.jpg"));
    ear.only(&touched(inner.join("a/2.jpg")));
    ear.watcher.watch(&inner, &|| false).unwrap();
    ear.watcher.unwatch(&outer);
    put(&outer.join("3.jpg"));
    put(&inner.join("a/4.jpg"));
    ear.only(&touched(inner.join("a/4.jpg")));
}

#[test]
fn watching_again_loses_nothing() {
    let home = TempDir::new().unwrap();
    let root = home.path();
    for n in 0..20 {
        put(&root.join(format!("{n}/0.jpg")));
    }
    let ear = Ear::on(&[root]);
    let mut wanted: Vec<Hint> = Vec::new();
    for n in 0..20 {
        let file = root.join(format!("{n}/1.jpg"));
        put(&file);
        wanted.push(touched(file));
        ear.watcher.watch(root, &|| false).unwrap();
    }
    while !wanted.is_empty() {
        let hint = ear.hints.recv_timeout(Duration::from_secs(30)).unwrap_or_else(|_| panic!("{wanted:?}"));
        wanted.retain(|one| *one != hint);
    }
}

#[test]
fn a_watcher_can_be_shared() {
    fn shared<T: Send + Sync>() {}
    shared::<Watcher>();
}

#[test]
fn dropping_ends_the_callbacks() {
    let home = TempDir::new().unwrap();
    let Ear { watcher, hints } = Ear::on(&[home.path()]);
    drop(watcher);
    // The callback, and with it the sender, is dropped when the thread has ended.
    assert!(hints.recv_timeout(Duration::from_secs(30)).is_err());
    assert_eq!(hints.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected));
}
