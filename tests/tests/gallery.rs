//! The gallery and its pictures, through the real programs: who is let in, what is shown, and what forms change.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic: that is how it fails"
)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use serde_json::Value;
use vow_tests::look::{GRID, INNER, Look};
use vow_tests::{Daemon, Exif, Home, Scene};
use vow_types::num::{floor_u32, index, to_f32};
use vow_types::{Orientation, Size};

/// A name as nasty as names get.
const NASTY: &str = "<script>alert(1)</script>&\"'";
const NASTY_SHOWN: &str = "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#39;";

/// What came back.
struct Page {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (own, value) = line.split_once(": ")?;
            own.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// Sends a request as it is, with these headers and this body.
fn send(address: &str, line: &str, headers: &[(&str, &str)], body: &str) -> Page {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut text = format!("{line} HTTP/1.1\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    // A server that refuses the head of a large request may close before its body is sent.
    let _ = stream.write_all(format!("{text}\r\n{body}").as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer");
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Page { status, head, body: answer[end + 4..].to_vec() }
}

/// A browser that was let in.
struct Browser {
    address: String,
    cookie: String,
}

impl Browser {
    /// Opens the address that `vow gallery` prints.
    fn open(daemon: &Daemon) -> Self {
        let url = daemon.vow(["gallery"]).stdout.trim().to_owned();
        assert_eq!(daemon.json(["gallery"])["url"], url.as_str());
        let (address, key) = url.strip_prefix("http://").unwrap().split_once("/?key=").unwrap();
        let page = send(address, &format!("GET /?key={key}"), &[("Host", address)], "");
        assert_eq!((page.status, page.header("location")), (303, Some("/")), "{}", page.head);
        let cookie = page.header("set-cookie").unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Self { address: address.to_owned(), cookie }
    }

    fn get(&self, path: &str) -> Page {
        send(&self.address, &format!("GET {path}"), &[("Host", &self.address), ("Cookie", &self.cookie)], "")
    }

    /// A page that is there.
    fn page(&self, path: &str) -> String {
        let page = self.get(path);
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
        let text = page.text();
        assert!(!text.contains("<script") && !text.contains("style=") && !text.contains("http://"), "{text}");
        text
    }

    /// Sends a form of the gallery.
    fn post(&self, path: &str, form: &str) -> Page {
        self.post_from(&format!("http://{}", self.address), path, form)
    }

    fn post_from(&self, origin: &str, path: &str, form: &str) -> Page {
        let headers = [
            ("Host", self.address.as_str()),
            ("Cookie", &self.cookie),
            ("Origin", origin),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        send(&self.address, &format!("POST {path}"), &headers, form)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// Some people, three photos each, in a folder each.
fn event(home: &Home, people: u32) {
    for identity in 0..people {
        let folder = home.photos().join(format!("of {identity}"));
        fs::create_dir(&folder).unwrap();
        for shot in 0..3u32 {
            let seed = u64::from(10 * identity + shot);
            Scene::new(640, 480, seed).with_row(&[identity]).save(folder.join(format!("{shot}.jpg")));
        }
    }
}

fn start(home: &Home) -> Daemon {
    let mut command = home.vowd();
    command.args(["--gallery", "127.0.0.1:0"]).arg(home.photos());
    let daemon = home.start_as(command);
    daemon.wait_idle();
    daemon
}

/// The person of the first face in a photo.
fn who(daemon: &Daemon, photo: &Path) -> String {
    text(&daemon.json(["faces".as_ref(), photo.as_os_str()])["faces"][0]["person_id"])
}

/// The pixels of a JPEG.
fn decoded(jpeg: &[u8]) -> (Size, Vec<[u8; 3]>) {
    let header = vow_media::inspect(jpeg, &vow_media::Limits::default()).unwrap();
    let pixels = vow_media::decode(jpeg, &header).unwrap().pixels;
    (header.coded, pixels.as_chunks::<3>().0.to_vec())
}

/// How much of an identity's look a picture of a face shows: the share of cells that are as that look has them. The marker
/// is in the middle; around it is a margin.
fn shows(jpeg: &[u8], identity: u32) -> f32 {
    let (size, pixels) = decoded(jpeg);
    let marker = to_f32(size.width) / 1.6;
    let (mut right, mut all) = (0.0, 0.0);
    for row in 0..GRID {
        for column in 0..GRID {
            let place = |at: usize| {
                let inner = (f32::from(u8::try_from(at).unwrap()) + 0.5) / 7.0;
                0.5 + (inner - 0.5) * INNER
            };
            let (x, y) = (place(column), place(row));
            let px = |part: f32| floor_u32(to_f32(size.width) / 2.0 + (part - 0.5) * marker);
            let seen = pixels[index(px(y) * size.width + px(x))];
            let expected = Look::of(identity).colour(x, y);
            for channel in 0..2 {
                all += 1.0;
                right += if (seen[channel] > 60) == (expected[channel] > 60) { 1.0 } else { 0.0 };
            }
        }
    }
    right / all
}

#[test]
fn who_has_no_key_or_comes_from_elsewhere_sees_and_changes_nothing() {
    let home = Home::new();
    event(&home, 1);
    let daemon = start(&home);
    let browser = Browser::open(&daemon);
    let (address, port) = (browser.address.as_str(), browser.address.rsplit(':').next().unwrap());
    let person = who(&daemon, &home.photos().join("of 0/0.jpg"));
    let form = "name=Eve&before=";
    for path in
        ["/", "/style.css", &format!("/person/{person}"), "/face/f1", "/questions", "/?key=", "/?key=00"]
    {
        let page = send(address, &format!("GET {path}"), &[("Host", address)], "");
        assert_eq!(page.status, 403, "{path}");
        assert!(page.text().contains("`vow gallery` prints the address"), "{}", page.text());
        assert_eq!(page.header("set-cookie"), None);
    }
    for host in ["evil.example", &format!("evil.example:{port}"), "127.0.0.1", "localhost"] {
        let page = send(address, "GET /", &[("Host", host), ("Cookie", &browser.cookie)], "");
        assert_eq!(page.status, 403, "{host}");
    }
    let local = format!("localhost:{port}");
    let page = send(address, "GET /", &[("Host", &local), ("Cookie", &browser.cookie)], "");
    assert_eq!(page.status, 200, "localhost is this machine");
    let naming = format!("/person/{person}/name");
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1", &format!("https://{address}")] {
        assert_eq!(browser.post_from(origin, &naming, form).status, 403, "{origin}");
    }
    let headers = [("Host", address), ("Cookie", browser.cookie.as_str())];
    assert_eq!(send(address, &format!("POST {naming}"), &headers, form).status, 403, "no origin at all");
    let headers = [("Host", address), ("Origin", &format!("http://{address}"))];
    assert_eq!(send(address, &format!("POST {naming}"), &headers, form).status, 403, "no cookie");
    assert_eq!(daemon.json(["history"]), Value::Array(vec![]), "nobody was named");
    assert_eq!(browser.post(&naming, form).status, 303);
    assert_eq!(daemon.json(["person", "Eve"])["person_id"], person.as_str());

    let log = daemon.log();
    let key = browser.cookie.split_once('=').unwrap().1.to_owned();
    assert!(log.contains(&format!("http://{address}/")) && !log.contains(&key), "{log}");
    let kept = home.data().join("gallery-key");
    assert_eq!(fs::read_to_string(&kept).unwrap(), key);
    assert!(daemon.stop().0.success());
    assert!(TcpStream::connect(address).is_err(), "closed with the daemon");
    let daemon = start(&home);
    let again = Browser::open(&daemon);
    assert_eq!(again.cookie.split_once('=').unwrap().1, key, "the key stays");
}

#[test]
fn what_is_no_request_of_a_browser_is_refused() {
    let home = Home::new();
    event(&home, 1);
    let daemon = start(&home);
    let browser = Browser::open(&daemon);
    let address = browser.address.as_str();
    let headers = [("Host", address), ("Cookie", browser.cookie.as_str())];
    for (method, status) in [("PUT", 405), ("DELETE", 405), ("OPTIONS", 405), ("HEAD", 200)] {
        let page = send(address, &format!("{method} /"), &headers, "");
        assert_eq!(page.status, status, "{method}");
        assert!(status == 405 || page.body.is_empty());
    }
    for nothing in
        ["/nothing", "/person/p999", "/photo/ab", "/face/f999", "/../etc/passwd", "/%2e%2e/", "/person/p1x"]
    {
        let page = browser.get(nothing);
        assert_eq!(page.status, 404, "{nothing}: {}", page.text());
        assert!(!page.text().is_empty());
    }
    assert_eq!(browser.get("/search?q=%zz").status, 400);
    let person = who(&daemon, &home.photos().join("of 0/0.jpg"));
    let naming = format!("/person/{person}/name");
    assert_eq!(browser.post(&naming, &format!("before=&name={}", "a".repeat(20_000))).status, 413);
    assert_eq!(
        browser.post(&naming, &format!("before=&name={}", "a".repeat(600))).status,
        400,
        "too long a name"
    );
    assert_eq!(browser.post(&naming, "name=Ada").status, 400, "half a form");
    assert_eq!(browser.post("/person/p1/forget", "name=Ada").status, 404);
    let origin = format!("http://{address}");
    let json = [&headers[..], &[("Origin", &origin), ("Content-Type", "application/json")]].concat();
    assert_eq!(send(address, &format!("POST {naming}"), &json, "{}").status, 415);
    assert_eq!(daemon.json(["history"]), Value::Array(vec![]), "nothing was changed");
}

#[test]
fn people_are_shown_named_merged_and_hidden() {
    let home = Home::new();
    event(&home, 4);
    let daemon = start(&home);
    let browser = Browser::open(&daemon);
    let ids = [0, 1, 2, 3].map(|who_| who(&daemon, &home.photos().join(format!("of {who_}/0.jpg"))));
    let all = browser.page("/");
    for id in &ids {
        let cover = text(&daemon.json(["person", id])["cover_face_id"]);
        assert!(
            all.contains(&format!("href=\"/person/{id}\""))
                && all.contains(&format!("src=\"/face/{cover}\""))
        );
    }
    assert!(all.contains("no name yet") && all.contains("3 photos, 3 faces"));

    let [ada, ben, cem, dee] = &ids;
    let form = "before=&name=%3Cscript%3Ealert%281%29%3C%2Fscript%3E%26%22%27";
    let page = browser.post(&format!("/person/{ada}/name"), form);
    let person = format!("/person/{ada}");
    assert_eq!((page.status, page.header("location")), (303, Some(person.as_str())));
    let named = daemon.json(["people"]);
    assert_eq!((&named[0]["name"], &named[0]["person_id"]), (&NASTY.into(), &ada.as_str().into()));
    for path in ["/", &person, "/search?q=SCRIPT", &format!("/photo/{}", photo_id(&daemon, &home, 0))] {
        let html = browser.page(path);
        assert!(html.contains(NASTY_SHOWN) && !html.contains(NASTY), "{path}: {html}");
    }
    assert!(!browser.page("/search?q=nobody").contains("/person/"));
    assert!(browser.page("/search?q=%3Cb%3E%22").contains("&lt;b&gt;&quot;"));

    // Somebody else said something since the page was made.
    let page = browser.post(&format!("/person/{ada}/name"), "before=&name=Ada");
    assert_eq!(page.status, 409);
    assert!(page.text().contains("somebody else") && page.text().contains(NASTY_SHOWN), "{}", page.text());
    assert_eq!(daemon.json(["person", ada])["name"], NASTY);

    for (id, name) in [(ben, "Ben"), (cem, "Ben"), (dee, "Dee")] {
        assert_eq!(browser.post(&format!("/person/{id}/name"), &format!("before=&name={name}")).status, 303);
    }
    let html = browser.page(&format!("/person/{ben}"));
    assert!(html.contains("has this name too") && html.contains(&format!("value=\"{cem}\"")), "{html}");
    let merged = browser.post(&format!("/person/{ben}/merge"), &format!("other={cem}"));
    assert_eq!(merged.status, 303, "{}", merged.text());
    assert_eq!(daemon.json(["person", "Ben"])["photos"], 6);
    let led = browser.get(&format!("/person/{cem}"));
    assert_eq!((led.status, led.header("location")), (303, Some(format!("/person/{ben}").as_str())));

    assert_eq!(browser.post(&format!("/person/{dee}/hide"), "hidden=yes").header("location"), Some("/"));
    for path in ["/", "/search?q=Dee"] {
        assert!(!browser.page(path).contains(&format!("/person/{dee}\"")), "{path}");
    }
    assert!(browser.page("/?hidden=yes").contains(&format!("/person/{dee}\"")));
    assert_eq!(daemon.json(["people", "--hidden"])[0]["name"], "Dee");
    browser.post(&format!("/person/{dee}/hide"), "hidden=no");
    assert!(browser.page("/").contains(&format!("/person/{dee}\"")));
}

fn photo_id(daemon: &Daemon, home: &Home, identity: u32) -> String {
    let photo = home.photos().join(format!("of {identity}/0.jpg"));
    text(&daemon.json(["faces".as_ref(), photo.as_os_str()])["photo_id"])
}

#[test]
fn pictures_show_the_right_face_upright() {
    let home = Home::new();
    let scene = Scene::new(1600, 1200, 7).with(0, 200.0, 300.0, 300.0).with(1, 1000.0, 500.0, 300.0);
    scene.save(home.photos().join("both.jpg"));
    for orientation in [Orientation::Turned90, Orientation::Transposed] {
        let exif = Exif { orientation: Some(orientation), taken: None };
        let scene = Scene::new(640, 480, 100 + u64::from(orientation.to_exif())).with_row(&[2]);
        scene.save_with(home.photos().join(format!("turned {}.jpg", orientation.to_exif())), &exif);
    }
    let daemon = start(&home);
    let browser = Browser::open(&daemon);
    let both = home.photos().join("both.jpg");
    let faces = daemon.json(["faces".as_ref(), both.as_os_str()]);
    for (at, identity) in [(0, 0), (1, 1)] {
        let id = text(&faces["faces"][at]["face_id"]);
        for (path, side) in [("face", 192), ("portrait", 384)] {
            let picture = browser.get(&format!("/{path}/{id}"));
            assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/jpeg")));
            assert_eq!(decoded(&picture.body).0, Size { width: side, height: side });
            let (own, other) = (shows(&picture.body, identity), shows(&picture.body, 1 - identity));
            assert!(own > 0.95 && other < 0.8, "{identity}: {own} {other}");
        }
    }
    for orientation in [Orientation::Turned90, Orientation::Transposed] {
        let photo = home.photos().join(format!("turned {}.jpg", orientation.to_exif()));
        let faces = daemon.json(["faces".as_ref(), photo.as_os_str()]);
        let file = home.path().join(format!("face {}.jpg", orientation.to_exif()));
        let id = text(&faces["faces"][0]["face_id"]);
        let saved = daemon.json(["picture".as_ref(), id.as_ref(), file.as_os_str()]);
        let jpeg = fs::read(&file).unwrap();
        let size = decoded(&jpeg).0;
        assert_eq!((&saved["width"], &saved["height"]), (&size.width.into(), &size.height.into()));
        assert!(shows(&jpeg, 2) > 0.95, "{orientation:?}");
    }
    let photo = text(&faces["photo_id"]);
    let large = browser.get(&format!("/large/{photo}"));
    assert_eq!(decoded(&large.body).0, Size { width: 1600, height: 1200 });
    let small = browser.get(&format!("/small/{photo}"));
    assert_eq!(decoded(&small.body).0, Size { width: 320, height: 240 });
    let (size, pixels) = decoded(&large.body);
    let drawn = scene.draw();
    for (x, y) in [(350, 450), (1150, 650), (50, 50), (800, 100), (1550, 1150)] {
        let (seen, meant) = (pixels[index(y * size.width + x)], drawn.get_pixel(x, y).0);
        assert!(seen.iter().zip(meant).all(|(a, b)| a.abs_diff(b) < 60), "{x} {y}: {seen:?} {meant:?}");
    }
    let html = browser.page(&format!("/photo/{photo}"));
    assert!(
        html.contains("viewBox=\"0 0 1600 1200\"") && html.contains("both.jpg") && html.contains("2 faces")
    );
    assert_eq!(html.matches("<rect ").count(), 2);
}

#[test]
fn a_picture_that_cannot_be_had_says_why() {
    let home = Home::new();
    event(&home, 1);
    let daemon = start(&home);
    let photo = home.photos().join("of 0/0.jpg");
    let faces = daemon.json(["faces".as_ref(), photo.as_os_str()]);
    let face = text(&faces["faces"][0]["face_id"]);
    let file = home.path().join("new.jpg");
    let picture = |of: &str, to: &Path, more: &[&str]| {
        let args = [&["picture", of, to.to_str().unwrap()][..], more].concat();
        daemon.vow(args)
    };
    assert_eq!(picture(&face, &file, &["--size", "64"]).code, 0);
    assert_eq!(decoded(&fs::read(&file).unwrap()).0, Size { width: 64, height: 64 });
    let again = picture(&face, &file, &[]);
    assert!(again.code == 4 && again.stderr.contains("new.jpg"), "nothing is overwritten: {}", again.stderr);
    assert_eq!(picture(&face, &home.path().join("x"), &["--size", "5000"]).code, 2);
    assert_eq!(picture("f999", &home.path().join("x"), &[]).code, 1);
    let of_photo = home.path().join("whole.jpg");
    assert_eq!(picture(photo.to_str().unwrap(), &of_photo, &[]).code, 0);
    assert_eq!(decoded(&fs::read(&of_photo).unwrap()).0, Size { width: 640, height: 480 });

    // A disk that is away, then a photo that is gone for good.
    let away = home.path().join("away");
    fs::rename(home.photos(), &away).unwrap();
    let offline = picture(&face, &home.path().join("x"), &["--size", "100"]);
    assert!(offline.code == 4 && offline.stderr.contains("is offline; mount it"), "{}", offline.stderr);
    assert!(offline.stderr.contains("0.jpg"), "which file: {}", offline.stderr);
    fs::rename(&away, home.photos()).unwrap();
    fs::remove_file(&photo).unwrap();
    daemon.vow(["rescan"]);
    daemon.wait_until("the photo is gone", |status| status["photos"] == 2);
    let gone = picture(&face, &home.path().join("x"), &[]);
    assert!(gone.code == 1 && gone.stderr.contains("no file shows the photo"), "{gone:?}");
    let browser = Browser::open(&daemon);
    assert_eq!(browser.get(&format!("/face/{face}")).status, 404);
    assert!(!home.path().join("x").exists(), "no file without a picture");
}

/// A home whose pack takes people for one who are hardly alike: the first two of those drawn are near to that.
fn eager() -> Home {
    let home = Home::new();
    let manifest = home.pack().join("pack.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let text = text.replace("group = 0.6", "group = 0.04").replace("neighbour = 0.5", "neighbour = 0.0");
    fs::write(&manifest, text).unwrap();
    home
}

#[test]
fn a_question_is_asked_until_it_is_answered() {
    for (answer, kind) in [("yes", "merged"), ("no", "apart")] {
        let home = eager();
        event(&home, 3);
        let daemon = start(&home);
        let browser = Browser::open(&daemon);
        let open = daemon.json(["suggestions"]);
        let ids = ["person", "other"].map(|one| text(&open["suggestions"][0][one]["person_id"]));
        let faces = ["face", "other_face"].map(|one| text(&open["suggestions"][0][one]["face_id"]));
        let html = browser.page("/questions");
        assert!(html.contains("1 open question") && html.contains("% likely"), "{html}");
        for part in [format!("/portrait/{}\"", faces[0]), format!("/portrait/{}\"", faces[1])] {
            assert!(html.contains(&part), "{part}: {html}");
        }
        let form = format!("person={}&other={}&at=0", ids[0], ids[1]);
        let skipped = browser.post("/questions", &format!("{form}&answer=skip"));
        assert_eq!(skipped.header("location"), Some("/questions?at=1"));
        assert!(browser.page("/questions?at=1").contains("That was all"));
        assert_eq!(daemon.json(["history"]), Value::Array(vec![]), "skipping says nothing");

        let said = browser.post("/questions", &format!("{form}&answer={answer}"));
        assert_eq!((said.status, said.header("location")), (303, Some("/questions?at=0")), "{}", said.text());
        assert!(browser.page("/questions").contains("No question is open"));
        daemon.wait_idle();
        assert!(browser.page("/questions").contains("No question is open"), "{answer}: nor later");
        assert_eq!(daemon.json(["history"])[0]["kind"], kind);
    }
}

#[test]
fn the_usual_gallery_never_keeps_the_daemon_from_starting() {
    let home = Home::new();
    // Somebody has the port already: this listener, or whoever else.
    let _taken = TcpListener::bind("127.0.0.1:8693");
    let mut command = home.vowd();
    command.env_remove("VOW_GALLERY").arg(home.photos());
    let daemon = home.start_as(command);
    let browser = Browser::open(&daemon);
    assert!(!browser.address.ends_with(":8693"), "{}", browser.address);
    assert!(browser.page("/").contains("Nobody"), "empty, and it says so");
    assert!(daemon.stop().0.success());

    let mut command = home.vowd();
    command.args(["--gallery", "off"]).arg(home.photos());
    let daemon = home.start_as(command);
    let off = daemon.vow(["gallery"]);
    assert!(off.code == 4 && off.stderr.contains("--gallery 127.0.0.1:PORT"), "{}", off.stderr);
}
