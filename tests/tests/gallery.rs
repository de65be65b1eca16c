//! The gallery, through the real programs: who is let in, what is shown, and what forms change.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic: that is how it fails"
)]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use serde_json::Value;
use vow_tests::browser::{Browser, send};
use vow_tests::{Daemon, Home};

/// A name as nasty as names get.
const NASTY: &str = "<script>alert(1)</script>&\"'";
const NASTY_SHOWN: &str = "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#39;";

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
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

#[test]
fn who_has_no_key_or_comes_from_elsewhere_sees_and_changes_nothing() {
    let home = Home::new();
    home.draw_event(1);
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
    home.draw_event(1);
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
    home.draw_event(4);
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
        home.draw_event(3);
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
