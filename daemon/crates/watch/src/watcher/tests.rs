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
    let watcher = Watcher::start_with(Patience::DEFAULT, 4, on_hint).unwrap();
    std::fs::create_dir_all(root.join("z/gone")).unwrap();
    watcher.watch(root).unwrap();
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
    let watcher = Watcher::start(move |hint| drop(sender.send(hint))).unwrap();
    watcher.watch(home.path()).unwrap();
    let ear = Ear { flags: Arc::clone(&watcher.flags), queue: watcher.queue.clone() };
    ear.hear(Ok(notify::Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan)));
    assert_eq!(hints.recv_timeout(Duration::from_secs(30)), Ok(Hint::Rescan(home.path().to_owned())));
    ear.hear(Err(notify::Error::generic("broken")));
    assert_eq!(hints.recv_timeout(Duration::from_secs(30)), Ok(Hint::Rescan(home.path().to_owned())));
}
