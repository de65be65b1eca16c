//! From a server: what is kept for the next attempt, and that nothing is left in the end.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex};

use super::*;

/// Answers each path with the next of its answers, or 404: as many bytes of them, of so many that it promises.
type Answers = Vec<(&'static str, &'static [u8], usize)>;

/// A server, and what it was asked for.
fn server(mut answers: Answers) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    // Ends with the test process.
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let lines: Vec<String> = BufReader::new(&stream)
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect();
            let path = lines[0].split(' ').nth(1).unwrap().to_owned();
            let at = answers.iter().position(|(known, _, _)| *known == path);
            seen.lock().unwrap().push(path);
            let (status, bytes, length) = match at.map(|at| answers.remove(at)) {
                Some((_, bytes, length)) => ("200 OK", bytes, length),
                None => ("404 Not Found", &b""[..], 0),
            };
            let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
            // Whoever hangs up gets no answer.
            let _ = stream.write_all(&[head.as_bytes(), bytes].concat());
        }
    });
    (url, asked)
}

/// A data folder whose pack `mine` comes from that server: as an archive, or file by file.
fn from_server(url: &str) -> Bench {
    let bench = bench("", Some(EMBEDDER));
    let mut text = catalog("", &format!("sha256 = \"{}\"", Sum::of(EMBEDDER)));
    text = text.replace("urls = []", &format!("urls = [\"{url}/mine.zip\"]"));
    for file in ["det.onnx", "rec.onnx"] {
        let member = format!("member = \"inner/{file}\"");
        text = text.replace(&member, &format!("{member}\nurls = [\"{url}/{file}\"]"));
    }
    let path = bench.dir.path().join("catalog.toml");
    fs::write(&path, text).unwrap();
    let packs = Packs::new(&bench.dir.path().join("data"), Catalog::builtin().unwrap().with(&path).unwrap());
    Bench { packs, ..bench }
}

fn install(bench: &Bench) -> Result<Installed, InstallError> {
    let staged = bench.packs.stage("mine", None, AGREED, &mut |_| {}, &Cancel::new())?;
    bench.packs.place(staged)
}

#[test]
fn what_came_is_kept_for_the_next_attempt_and_gone_when_all_is_done() {
    let (url, asked) = server(vec![
        ("/mine.zip", b"PK: the beginning of an archive", 1000),
        ("/det.onnx", DETECTOR, DETECTOR.len()),
    ]);
    let bench = from_server(&url);
    assert!(matches!(install(&bench), Err(InstallError::Fetch(FetchError::Unreachable { .. }))));
    let kept = bench.dir.path().join("data/downloads/mine");
    assert_eq!(bench.leftovers(), std::slice::from_ref(&kept), "nothing half put together");
    for file in ["mine.zip.part", "det.onnx"] {
        assert!(kept.join(file).exists(), "{file}");
    }

    drop(asked);
    let (url, asked) = server(vec![("/rec.onnx", EMBEDDER, EMBEDDER.len())]);
    let again = from_server(&url);
    let bench =
        Bench { packs: Packs::new(&bench.dir.path().join("data"), again.packs.catalog().clone()), ..bench };
    let installed = install(&bench).unwrap();
    assert_eq!(Pack::load(&installed.path).unwrap().detector_graph, DETECTOR);
    assert!(!asked.lock().unwrap().contains(&"/det.onnx".to_owned()), "it was there already");
    assert_eq!(bench.leftovers(), Vec::<PathBuf>::new());
}

/// As with a link from `packs` to a larger disk.
#[test]
fn packs_may_lie_on_another_file_system() {
    let elsewhere = tempfile::tempdir_in("/dev/shm").ok();
    let (url, _) =
        server(vec![("/det.onnx", DETECTOR, DETECTOR.len()), ("/rec.onnx", EMBEDDER, EMBEDDER.len())]);
    let bench = from_server(&url);
    let data = bench.dir.path().join("data");
    fs::create_dir(&data).unwrap();
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    // A machine without a second one has nothing to test.
    let Some(elsewhere) = elsewhere.filter(|folder| device(folder.path()) != device(&data)) else { return };
    std::os::unix::fs::symlink(elsewhere.path(), data.join("packs")).unwrap();
    install(&bench).unwrap();
    bench.install(&bench.folder(EMBEDDER), Consent::default()).unwrap();
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
    bench.packs.remove("mine").unwrap();
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}
