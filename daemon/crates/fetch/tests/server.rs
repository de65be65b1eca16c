//! Fetching from a server on this machine that misbehaves in every way servers do.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic: that is how it fails"
)]

mod common;

use std::fs;
use std::path::Path;
use std::time::Duration;

use common::{Answer, Server, bytes};
use vow_fetch::{Cancel, Fault, FetchError, Fetched, Fetcher, Phase, Progress, Remote, Settings, Sum};

/// Patient enough for a busy machine, impatient enough for a test.
fn fetcher() -> Fetcher {
    Fetcher::new(Settings {
        stall: Duration::from_millis(400),
        attempts: 2,
        pause: Duration::from_millis(5),
        patience: Duration::from_secs(2),
        largest: 1 << 20,
        ..Settings::default()
    })
}

fn remote(urls: &[String], content: &[u8]) -> Remote {
    Remote {
        name: "a.onnx".to_owned(),
        urls: urls.to_vec(),
        size: Some(content.len() as u64),
        sha256: Some(Sum::of(content)),
    }
}

fn fetch(file: &Remote, folder: &Path) -> Result<Fetched, FetchError> {
    fetcher().fetch(file, folder, &mut |_| {}, &Cancel::new())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn fault(error: FetchError) -> Fault {
    let FetchError::Unreachable { mut tried, .. } = error else { panic!("{error}") };
    tried.pop().unwrap().fault
}

#[test]
fn a_file_arrives_whole_under_its_name_and_alone() {
    let (content, folder) = (bytes(700_000), tempfile::tempdir().unwrap());
    let server = Server::start(vec![Answer::Whole(content.clone())]);
    let mut seen: Vec<Progress> = Vec::new();
    let file = remote(&[server.url("a.onnx")], &content);
    let fetched =
        fetcher().fetch(&file, folder.path(), &mut |one| seen.push(one.clone()), &Cancel::new()).unwrap();
    assert_eq!(fs::read(&fetched.path).unwrap(), content);
    assert_eq!((fetched.size, fetched.sha256), (content.len() as u64, Sum::of(&content)));
    assert_eq!(names(folder.path()), ["a.onnx"]);
    let last = seen.last().unwrap();
    assert_eq!((last.phase, last.done, last.total), (Phase::Fetching, 700_000, Some(700_000)));
    assert!(seen.windows(2).all(|pair| pair[0].done <= pair[1].done));

    fetch(&file, folder.path()).unwrap();
    assert_eq!(server.requests().len(), 1, "a file that is right already is not fetched again");
    fs::write(&fetched.path, "something else").unwrap();
    let server = Server::start(vec![Answer::Whole(content.clone())]);
    fetch(&remote(&[server.url("a.onnx")], &content), folder.path()).unwrap();
    assert_eq!(fs::read(&fetched.path).unwrap(), content, "one that is wrong is");
}

#[test]
fn a_cut_connection_is_resumed_where_it_was_cut() {
    let (content, folder) = (bytes(500_000), tempfile::tempdir().unwrap());
    let cut = |at| Answer::Cut { content: content.clone(), after: at, etag: Some("\"v1\"".to_owned()) };
    let server = Server::start(vec![cut(100_000), cut(250_000), Answer::Rest(content.clone())]);
    let fetched = fetch(&remote(&[server.url("a.onnx")], &content), folder.path()).unwrap();
    assert_eq!(fs::read(&fetched.path).unwrap(), content);
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[0].header("range"), None);
    assert_eq!(requests[1].header("range").as_deref(), Some("bytes=100000-"));
    assert_eq!(
        requests[1].header("if-range").as_deref(),
        Some("\"v1\""),
        "only if it is still the same file"
    );
    assert_eq!(requests[2].header("range").as_deref(), Some("bytes=250000-"));
}

#[test]
fn a_later_run_goes_on_where_the_first_ended() {
    let (content, folder) = (bytes(300_000), tempfile::tempdir().unwrap());
    let cut = || Answer::Cut { content: content.clone(), after: 200_000, etag: None };
    let server = Server::start(vec![cut(), Answer::Status(404)]);
    let error = fetch(&remote(&[server.url("a.onnx")], &content), folder.path()).unwrap_err();
    assert!(matches!(fault(error), Fault::Status { code: 404 }));
    assert_eq!(names(folder.path()), ["a.onnx.from", "a.onnx.part"]);

    let server = Server::start(vec![Answer::Rest(content.clone())]);
    let fetched = fetch(&remote(&[server.url("a.onnx")], &content), folder.path()).unwrap();
    assert_eq!(server.requests()[0].header("range").as_deref(), Some("bytes=200000-"));
    assert_eq!(server.requests()[0].header("if-range"), None, "another server's validator means nothing");
    assert_eq!(fs::read(fetched.path).unwrap(), content);
    assert_eq!(names(folder.path()), ["a.onnx"]);
}

#[test]
fn a_server_that_ignores_ranges_sends_it_all_again() {
    let (content, folder) = (bytes(300_000), tempfile::tempdir().unwrap());
    let cut = Answer::Cut { content: content.clone(), after: 200_000, etag: None };
    let server = Server::start(vec![cut, Answer::Whole(content.clone())]);
    let fetched = fetch(&remote(&[server.url("a.onnx")], &content), folder.path()).unwrap();
    assert_eq!(server.requests()[1].header("range").as_deref(), Some("bytes=200000-"));
    assert_eq!(fs::read(fetched.path).unwrap(), content);
}

#[test]
fn bytes_of_another_version_are_thrown_away_once_before_a_server_is_blamed() {
    let (content, folder) = (bytes(300_000), tempfile::tempdir().unwrap());
    fs::write(folder.path().join("a.onnx.part"), vec![7; 1000]).unwrap();
    let server = Server::start(vec![Answer::Rest(content.clone()), Answer::Whole(content.clone())]);
    let fetched = fetch(&remote(&[server.url("a.onnx")], &content), folder.path()).unwrap();
    assert_eq!(fs::read(fetched.path).unwrap(), content);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn wrong_bytes_are_refused_and_deleted_and_the_next_mirror_asked() {
    let (content, folder) = (bytes(50_000), tempfile::tempdir().unwrap());
    let mut wrong = content.clone();
    wrong[40_000] ^= 1;
    let bad = Server::start(vec![Answer::Whole(wrong.clone()), Answer::Whole(wrong.clone())]);
    let error = fetch(&remote(&[bad.url("a.onnx")], &content), folder.path()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains(&Sum::of(&content).to_string()) && text.contains(&Sum::of(&wrong).to_string()),
        "{text}"
    );
    assert!(matches!(fault(error), Fault::Altered { .. }));
    assert_eq!(names(folder.path()), [""; 0], "nothing wrong stays");

    let good = Server::start(vec![Answer::Whole(content.clone())]);
    let urls = [bad.url("a.onnx"), good.url("a.onnx")];
    assert_eq!(fs::read(fetch(&remote(&urls, &content), folder.path()).unwrap().path).unwrap(), content);
}

#[test]
fn a_missing_file_a_busy_server_and_a_wrong_size_lead_to_the_next_mirror() {
    let (content, folder) = (bytes(50_000), tempfile::tempdir().unwrap());
    let servers = [
        Server::start(vec![Answer::Status(404); 2]),
        Server::start(vec![Answer::Status(403); 2]),
        Server::start(vec![Answer::Busy(429, "3600".to_owned())]),
        Server::start(vec![Answer::Whole(bytes(49_999))]),
        Server::start(vec![Answer::Status(500), Answer::Status(500)]),
        Server::start(vec![Answer::Whole(content.clone())]),
    ];
    let urls: Vec<String> = servers.iter().map(|server| server.url("a.onnx")).collect();
    let fetched = fetch(&remote(&urls, &content), folder.path()).unwrap();
    assert_eq!(fs::read(fetched.path).unwrap(), content);
    let asked: Vec<usize> = servers.iter().map(|server| server.requests().len()).collect();
    assert_eq!(asked, [1, 1, 1, 1, 2, 1], "only a fault that may pass is worth a second question");

    let error = fetch(&Remote { name: "b.onnx".into(), ..remote(&urls[..2], &content) }, folder.path());
    let text = error.unwrap_err().to_string();
    assert!(text.contains("answers 404") && text.contains("answers 403"), "each address is told: {text}");
}

#[test]
fn a_server_that_asks_for_patience_gets_it_up_to_a_limit() {
    let (content, folder) = (bytes(50_000), tempfile::tempdir().unwrap());
    let server = Server::start(vec![Answer::Busy(503, "1".to_owned()), Answer::Whole(content.clone())]);
    let mut waits = Vec::new();
    let file = remote(&[server.url("a.onnx")], &content);
    fetcher()
        .fetch(
            &file,
            folder.path(),
            &mut |one| {
                if let Phase::Waiting(time) = one.phase {
                    waits.push(time);
                }
            },
            &Cancel::new(),
        )
        .unwrap();
    assert_eq!(waits, [Duration::from_secs(1)], "as long as it asked");
    assert!(server.requests()[1].at - server.requests()[0].at >= Duration::from_secs(1));

    let busy = Server::start(vec![Answer::Busy(429, "999999".to_owned())]);
    let error = fetch(&Remote { name: "b".into(), ..remote(&[busy.url("b")], &content) }, folder.path());
    assert!(matches!(fault(error.unwrap_err()), Fault::Busy { code: 429, after: Some(_) }));
}

#[test]
fn a_server_that_stalls_is_left_and_what_it_sent_is_used() {
    let (content, folder) = (bytes(300_000), tempfile::tempdir().unwrap());
    let stall = || Answer::Stall { content: content.clone(), after: 150_000 };
    let silent = Server::start(vec![stall(), Answer::Silence, Answer::Silence]);
    let good = Server::start(vec![Answer::Rest(content.clone())]);
    let urls = [silent.url("a.onnx"), good.url("a.onnx")];
    let fetched = fetch(&remote(&urls, &content), folder.path()).unwrap();
    assert_eq!(fs::read(fetched.path).unwrap(), content);
    assert_eq!(good.requests()[0].header("range").as_deref(), Some("bytes=150000-"));
}

/// Each time half of what is missing comes before it falls silent: something always came.
#[test]
fn a_server_that_stalls_again_and_again_is_left_after_three_times() {
    let (content, folder) = (bytes(300_000), tempfile::tempdir().unwrap());
    let after = |time: u32| 300_000 - (300_000 >> time);
    let stalls = (1..=9).map(|time| Answer::Stall { content: content.clone(), after: after(time) });
    let slow = Server::start(stalls.collect());
    let good = Server::start(vec![Answer::Rest(content.clone())]);
    let urls = [slow.url("a.onnx"), good.url("a.onnx")];
    let fetched = fetch(&remote(&urls, &content), folder.path()).unwrap();
    assert_eq!(fs::read(fetched.path).unwrap(), content);
    assert_eq!(slow.requests().len(), 3);
    assert_eq!(good.requests()[0].header("range"), Some(format!("bytes={}-", after(3))));
}

#[test]
fn nobody_there_is_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let file = remote(&[format!("http://me:secret@127.0.0.1:{port}/a.onnx")], b"abc");
    let error = fetch(&file, folder.path()).unwrap_err();
    let text = error.to_string();
    assert!(matches!(fault(error), Fault::Broken(_)), "{text}");
    assert!(!text.contains("secret"), "a password is not shown: {text}");
    for url in ["", "nonsense", "ftp://127.0.0.1/a", "http://"] {
        assert!(fetch(&remote(&[url.to_owned()], b"abc"), folder.path()).is_err(), "{url}");
    }
    let none = fetch(&remote(&[], b"abc"), folder.path()).unwrap_err();
    assert!(matches!(none, FetchError::NoAddress { .. }));
    let outside = Remote { name: "../a".into(), ..remote(&[], b"abc") };
    assert!(matches!(fetch(&outside, folder.path()), Err(FetchError::BadName { .. })));
}

#[test]
fn an_unknown_sum_is_learnt_and_never_mixed_from_two_servers() {
    let (content, folder) = (bytes(300_000), tempfile::tempdir().unwrap());
    let cut = Answer::Cut { content: content.clone(), after: 100_000, etag: None };
    let first = Server::start(vec![cut, Answer::Status(404)]);
    let second = Server::start(vec![Answer::Whole(content.clone())]);
    let file =
        Remote { size: None, sha256: None, ..remote(&[first.url("a.onnx"), second.url("a.onnx")], &content) };
    let fetched = fetch(&file, folder.path()).unwrap();
    assert_eq!(fetched.sha256, Sum::of(&content));
    assert_eq!(second.requests()[0].header("range"), None);

    let endless = Server::start(vec![Answer::Whole(bytes(2 << 20))]);
    let file = Remote { name: "b".into(), urls: vec![endless.url("b")], ..file };
    assert!(matches!(fault(fetch(&file, folder.path()).unwrap_err()), Fault::TooLarge { .. }));
}

#[test]
fn a_redirect_is_followed_with_its_range() {
    let (content, folder) = (bytes(300_000), tempfile::tempdir().unwrap());
    fs::write(folder.path().join("a.onnx.part"), &content[..1000]).unwrap();
    let store = Server::start(vec![Answer::Rest(content.clone())]);
    let front = Server::start(vec![Answer::Redirect(store.url("elsewhere"))]);
    fetch(&remote(&[front.url("a.onnx")], &content), folder.path()).unwrap();
    assert_eq!(store.requests()[0].header("range").as_deref(), Some("bytes=1000-"));
}

#[test]
fn cancelling_ends_it_and_keeps_what_came() {
    let (content, folder) = (bytes(900_000), tempfile::tempdir().unwrap());
    let server = Server::start(vec![Answer::Whole(content.clone())]);
    let cancel = Cancel::new();
    let file = remote(&[server.url("a.onnx")], &content);
    let error = fetcher().fetch(&file, folder.path(), &mut |_| cancel.cancel(), &cancel).unwrap_err();
    assert!(matches!(error, FetchError::Cancelled), "{error}");
    let kept = fs::metadata(folder.path().join("a.onnx.part")).unwrap().len();
    assert!(kept > 0 && kept < 900_000, "{kept}");
    let server = Server::start(vec![Answer::Rest(content.clone())]);
    fetch(&remote(&[server.url("a.onnx")], &content), folder.path()).unwrap();
    assert_eq!(server.requests()[0].header("range"), Some(format!("bytes={kept}-")));
}

#[test]
fn a_full_disk_is_told_and_no_other_mirror_is_bothered() {
    let (content, folder) = (bytes(300_000), tempfile::tempdir().unwrap());
    std::os::unix::fs::symlink("/dev/full", folder.path().join("a.onnx.part")).unwrap();
    let servers = [(); 2].map(|()| Server::start(vec![Answer::Whole(content.clone())]));
    let urls: Vec<String> = servers.iter().map(|server| server.url("a.onnx")).collect();
    let error = fetch(&remote(&urls, &content), folder.path()).unwrap_err();
    let FetchError::Disk { path, source } = &error else { panic!("{error}") };
    assert!(path.ends_with("a.onnx.part"));
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
    assert!(servers[1].requests().is_empty());

    let huge = Remote { name: "b".into(), size: Some(1 << 60), ..remote(&urls, &content) };
    let error = fetch(&huge, folder.path()).unwrap_err();
    assert!(matches!(error, FetchError::NoSpace { needed, .. } if needed == 1 << 60), "{error}");
}
