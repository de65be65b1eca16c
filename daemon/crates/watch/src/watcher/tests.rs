//! What the kernel loses is scanned for.

use std::sync::mpsc::channel;
use std::time::Duration;

use super::*;

/// The callback is stuck, the queue holds four events, and hundreds happen: they are scanned for, folders whose
/// birth nobody heard of are watched, and those whose end nobody heard of are let go.
#[test]
fn a_full_queue_becomes_a_scan() {
    let home = tempfile::TempDir::new().unwrap();
    let root = home.path();
    let (gate, wait) = channel::<()>();
    let (sender, hints) = channel();
    let on_hint = move |hint| {
        sender.send(hint).unwrap();
        let _ = wait.recv();
    };
    let watcher = Watcher::start_with(Patience::DEFAULT, 4, None, on_hint).unwrap();
    std::fs::create_dir_all(root.join("z/gone")).unwrap();
    watcher.watch(root, &|| false).unwrap();
    let next = || hints.recv_timeout(Duration::from_secs(30)).unwrap();

    std::fs::write(root.join("first.jpg"), "").unwrap();
    assert_eq!(next(), Hint::Touched(root.join("first.jpg")));
    for n in 0..300 {
        std::fs::create_dir(root.join(n.to_string())).unwrap();
    }
    while !watcher.flags.lost.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::fs::remove_dir_all(root.join("z")).unwrap();
    drop(gate);
    while next() != Hint::Rescan(root.to_owned()) {}
    assert_eq!(watcher.kernel.read(|tree| tree.below(&root.join("z"))), Vec::<PathBuf>::new());
    std::fs::write(root.join("299/last.jpg"), "").unwrap();
    while next() != Hint::Touched(root.join("299/last.jpg")) {}
}

#[test]
fn lost_events_wake_the_thread() {
    let home = tempfile::TempDir::new().unwrap();
    let (sender, hints) = channel();
    let watcher = Watcher::start(None, move |hint| drop(sender.send(hint))).unwrap();
    watcher.watch(home.path(), &|| false).unwrap();
    let ear = Ear { flags: Arc::clone(&watcher.flags), queue: watcher.queue.clone() };
    ear.hear(Ok(notify::Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan)));
    assert_eq!(hints.recv_timeout(Duration::from_secs(30)), Ok(Hint::Rescan(home.path().to_owned())));
    ear.hear(Err(notify::Error::generic("broken")));
    assert_eq!(hints.recv_timeout(Duration::from_secs(30)), Ok(Hint::Rescan(home.path().to_owned())));
}

/// A walk over folders without an end was one that nothing ended.
#[test]
fn a_walk_ends_when_it_is_told_to_and_when_its_root_is_unwatched() {
    let home = tempfile::TempDir::new().unwrap();
    let root = home.path();
    for n in 0..20 {
        std::fs::create_dir_all(root.join(format!("{n}/deep"))).unwrap();
    }
    let watcher = Watcher::start(None, |_| {}).unwrap();
    let watched = || watcher.kernel.read(|tree| tree.below(root).len());
    let asked = std::cell::Cell::new(0);
    let fifth = || {
        asked.set(asked.get() + 1);
        asked.get() > 5
    };
    watcher.watch(root, &fifth).unwrap();
    assert_eq!((watched(), asked.get()), (5, 6));
    watcher.watch(root, &|| false).unwrap();
    assert_eq!(watched(), 41);
    asked.set(0);
    watcher.watch(root, &fifth).unwrap();
    assert_eq!((watched(), asked.get()), (41, 6), "what was not come to is not let go");

    asked.set(0);
    let unwatched_meanwhile = || {
        asked.set(asked.get() + 1);
        if asked.get() == 5 {
            watcher.unwatch(root);
        }
        false
    };
    watcher.watch(root, &unwatched_meanwhile).unwrap();
    assert_eq!((watched(), asked.get()), (0, 5));
}
