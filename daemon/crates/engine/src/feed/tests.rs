use std::path::Path;

use super::*;
use crate::progress::Progress;

fn job(path: &str) -> Job {
    Job { path: path.into(), folder: FolderId(1), tries: 0, ticket: Progress::new().file_ticket() }
}

#[test]
fn live_overtakes_and_a_path_is_queued_once() {
    let feed = Feed::default();
    for path in ["old1", "old2", "old1"] {
        feed.push(job(path), Lane::Backlog);
    }
    feed.push(job("new"), Lane::Live);
    feed.push(job("old2"), Lane::Live);
    feed.push_later(job("later"), Duration::from_millis(5));
    let order: Vec<_> = (0..4).map(|_| feed.next(Desk::Any).unwrap().0.path).collect();
    assert_eq!(order, ["new", "old2", "old1", "later"].map(PathBuf::from));
}

#[test]
fn a_job_that_was_overtaken_is_pending_no_longer() {
    let (feed, progress) = (Feed::default(), Progress::new());
    let job =
        |path: &str| Job { path: path.into(), folder: FolderId(1), tries: 0, ticket: progress.file_ticket() };
    let pending = || progress.pending.load(std::sync::atomic::Ordering::SeqCst);
    feed.push(job("a"), Lane::Backlog);
    feed.push(job("b"), Lane::Backlog);
    feed.push(job("a"), Lane::Live);
    feed.push(job("a"), Lane::Backlog);
    assert_eq!((pending(), feed.waiting()), (2, (1, 1)));
    let (live, lane) = feed.next(Desk::Any).unwrap();
    assert_eq!((&live.path, lane), (&PathBuf::from("a"), Lane::Live));
    drop(live);
    // It stands in line anew; its first place in the backlog serves as well as the last.
    feed.push(job("a"), Lane::Backlog);
    let rest = [feed.next(Desk::Any), feed.next(Desk::Any)].map(|next| next.unwrap().0.path);
    assert_eq!((rest, pending(), feed.waiting()), (["a".into(), "b".into()], 0, (0, 0)));
    feed.push(job("b"), Lane::Backlog);
    assert_eq!(feed.next(Desk::Any).unwrap().0.path, PathBuf::from("b"));
}

#[test]
fn a_path_may_come_again_after_it_was_taken() {
    let feed = Feed::default();
    feed.push(job("a"), Lane::Live);
    assert!(feed.next(Desk::Any).is_some());
    feed.push(job("a"), Lane::Live);
    assert!(feed.next(Desk::Any).is_some());
}

#[test]
fn the_gate_keeps_what_may_not_go() {
    let feed = Feed::default();
    feed.push(job("old"), Lane::Backlog);
    feed.push(job("new"), Lane::Live);
    assert_eq!((feed.waiting(), feed.held()), ((1, 1), 0));
    let next = |desk| feed.lock().take(desk).map(|(job, _)| job.path);
    feed.set_gate(Gate::Shut);
    assert_eq!((next(Desk::Any), next(Desk::Live), feed.held()), (None, None, 2));
    feed.set_gate(Gate::LiveOnly);
    assert_eq!((feed.held(), next(Desk::Any)), (1, Some("new".into())));
    assert_eq!(next(Desk::Any), None);
    feed.set_gate(Gate::Open);
    assert_eq!((next(Desk::Live), next(Desk::Any), feed.held()), (None, Some("old".into()), 0));
}

#[test]
fn a_live_job_is_left_to_the_live_desk_that_waits() {
    let feed = std::sync::Arc::new(Feed::default());
    let desk = std::thread::spawn({
        let feed = std::sync::Arc::clone(&feed);
        move || feed.next(Desk::Live).map(|(job, _)| job.path)
    });
    while feed.lock().live_desks == 0 {
        std::thread::yield_now();
    }
    feed.push(job("old"), Lane::Backlog);
    feed.push(job("new"), Lane::Live);
    assert_eq!(feed.next(Desk::Any).map(|(job, _)| job.path), Some("old".into()));
    assert_eq!(desk.join().unwrap(), Some("new".into()));
    // Nobody waits for it: whoever comes takes it.
    feed.push(job("more"), Lane::Live);
    assert_eq!(feed.next(Desk::Any).map(|(job, _)| job.path), Some("more".into()));
}

#[test]
fn closing_wakes_and_refuses() {
    let feed = Feed::default();
    feed.push(job("a"), Lane::Live);
    feed.close();
    feed.push(job("b"), Lane::Live);
    assert!(feed.next(Desk::Any).is_none());
}

fn run(progress: &std::sync::Arc<Progress>, place: &str, paths: &[&str]) -> Run {
    let mut list = vow_watch::Paths::default();
    paths.iter().for_each(|path| list.push(Path::new(path)));
    Run::new(FolderId(1), Path::new(place), list, progress.file_tickets(paths.len()))
}

fn rest(feed: &Feed) -> Vec<PathBuf> {
    std::iter::from_fn(|| feed.lock().take(Desk::Any).map(|(job, _)| job.path)).collect()
}

#[test]
fn a_later_scan_says_what_there_is_to_do_where_it_looked() {
    let (feed, progress) = (Feed::default(), Progress::new());
    let pending = || progress.pending.load(std::sync::atomic::Ordering::SeqCst);
    feed.push_run(run(&progress, "/a", &["/a/1", "/a/b/1", "/a/b/2", "/a/bc/1"]));
    assert_eq!((pending(), feed.waiting()), (4, (0, 4)));
    feed.push_run(run(&progress, "/a/b", &["/a/b/2", "/a/b/3"]));
    feed.push_run(run(&progress, "/x", &["/x/1"]));
    assert_eq!(rest(&feed), ["/a/1", "/a/bc/1", "/a/b/2", "/a/b/3", "/x/1"].map(PathBuf::from));
    assert_eq!((pending(), feed.waiting()), (0, (0, 0)));

    feed.push_run(run(&progress, "/a/b", &["/a/b/2"]));
    feed.push_run(run(&progress, "/ab", &["/ab/1"]));
    feed.push_run(run(&progress, "/a", &["/a/3"]));
    assert_eq!((pending(), rest(&feed)), (2, ["/ab/1", "/a/3"].map(PathBuf::from).to_vec()));
    feed.push_run(run(&progress, "/a", &["/a/3"]));
    feed.push_run(run(&progress, "/a", &[]));
    assert_eq!((pending(), progress.idle(), rest(&feed)), (0, true, Vec::new()));
}

#[test]
fn what_stands_in_line_by_itself_is_not_looked_at_with_the_others() {
    let (feed, progress) = (Feed::default(), Progress::new());
    let job =
        |path: &str| Job { path: path.into(), folder: FolderId(1), tries: 0, ticket: progress.file_ticket() };
    feed.push_later(job("/a/4"), Duration::from_secs(600));
    feed.push_run(run(&progress, "/a", &["/a/1", "/a/2", "/a/3", "/a/4"]));
    feed.push(job("/a/2"), Lane::Live);
    feed.push(job("/a/3"), Lane::Backlog);
    let next = || feed.lock().take(Desk::Any).map(|(job, lane)| (job.path, lane)).unwrap();
    assert_eq!(next(), ("/a/2".into(), Lane::Live));
    assert_eq!(next(), ("/a/3".into(), Lane::Backlog));
    feed.set_gate(Gate::LiveOnly);
    assert_eq!((feed.held(), rest(&feed)), (1, Vec::new()));
    feed.set_gate(Gate::Open);
    assert_eq!(rest(&feed), [PathBuf::from("/a/1")]);
    feed.close();
    feed.push_run(run(&progress, "/a", &["/a/1"]));
    assert!(progress.idle());
}

/// Those that the kernel told of before a scan found them, and after, counted twice until their turn came.
#[test]
fn what_a_scan_found_and_what_stands_in_line_is_pending_once() {
    let (feed, progress) = (Feed::default(), Progress::new());
    let job =
        |path: &str| Job { path: path.into(), folder: FolderId(1), tries: 0, ticket: progress.file_ticket() };
    let pending = || progress.pending.load(std::sync::atomic::Ordering::SeqCst);
    feed.set_gate(Gate::Shut);
    feed.push(job("/a/1"), Lane::Live);
    feed.push_run(run(&progress, "/a", &["/a/1", "/a/2", "/a/b/1", "/a/b/2"]));
    feed.push(job("/a/b/2"), Lane::Live);
    assert_eq!((pending(), feed.held()), (4, 4));
    feed.push_run(run(&progress, "/a/b", &["/a/b/1", "/a/b/2", "/a/b/3"]));
    assert_eq!((pending(), feed.held()), (5, 5));
    feed.push(job("/a/2"), Lane::Live);
    feed.push(job("/a/b/1"), Lane::Live);
    feed.push(job("/a/b/3"), Lane::Live);
    assert_eq!((pending(), feed.held(), feed.waiting()), (5, 5, (5, 0)));
    feed.set_gate(Gate::Open);
    assert_eq!((rest(&feed).len(), pending(), progress.idle()), (5, 0, true));
}
