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

use serde_json::Value;
use vow_tests::browser::{Browser, Page, send};
use vow_tests::{Daemon, Home};

/// A name as nasty as names get.
const NASTY: &str = "<script>alert(1)</script>&\"'";
const NASTY_SHOWN: &str = "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#39;";

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

#[test]
fn who_has_no_key_or_comes_from_elsewhere_sees_and_changes_nothing() {
    let home = Home::new();
    home.draw_event(1);
    let daemon = home.start_with_gallery();
    let browser = Browser::open(&daemon);
    let (address, port) = (browser.address.as_str(), browser.address.rsplit(':').next().unwrap());
    let person = daemon.person_in(&home.photos().join("of 0/0.jpg"));
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
    let daemon = home.start_with_gallery();
    let again = Browser::open(&daemon);
    assert_eq!(again.cookie.split_once('=').unwrap().1, key, "the key stays");
}

#[test]
fn what_is_no_request_of_a_browser_is_refused() {
    let home = Home::new();
    home.draw_event(1);
    let daemon = home.start_with_gallery();
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
    let person = daemon.person_in(&home.photos().join("of 0/0.jpg"));
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
    let daemon = home.start_with_gallery();
    let browser = Browser::open(&daemon);
    let ids = [0, 1, 2, 3].map(|who_| daemon.person_in(&home.photos().join(format!("of {who_}/0.jpg"))));
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
    assert_eq!((page.status, page.header("location")), (303, Some(format!("{person}?did=1").as_str())));
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

    assert_eq!(
        browser.post(&format!("/person/{dee}/hide"), "hidden=yes").header("location"),
        Some("/?did=6")
    );
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
fn a_question_is_asked_until_it_is_answered() {
    for (answer, kind) in [("yes", "merged"), ("no", "apart")] {
        let home = Home::eager();
        home.draw_event(3);
        let daemon = home.start_with_gallery();
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
        let next = said.header("location");
        assert_eq!((said.status, next), (303, Some("/questions?at=0&did=1")), "{}", said.text());
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

/// What stands between two texts, the first time.
fn between<'a>(html: &'a str, before: &str, after: &str) -> &'a str {
    let rest = html.split_once(before).unwrap_or_else(|| panic!("no {before}: {html}")).1;
    rest.split_once(after).unwrap_or_else(|| panic!("no {after}: {rest}")).0
}

/// Sends the form that takes back what the page says was just saved.
fn take_back(browser: &Browser, page: &Page) -> Page {
    let next = page.header("location").unwrap_or_else(|| panic!("{}: {}", page.status, page.text()));
    let html = browser.page(next);
    let form = between(&html, "role=\"status\">Saved.", "</form>");
    let fields = form.split("name=\"").skip(1).map(|part| part.split_once("\" value=\"").unwrap());
    let fields = fields.map(|(name, rest)| format!("{name}={}", rest.split('"').next().unwrap()));
    let undone = browser.post("/history", &fields.collect::<Vec<_>>().join("&"));
    assert_eq!(
        (undone.status, undone.header("location")),
        (303, next.split_once("did=").map(|(to, _)| &to[..to.len() - 1]))
    );
    undone
}

#[test]
fn faces_are_sorted_out_and_all_of_it_can_be_taken_back() {
    let home = Home::new();
    home.draw_event(3);
    let daemon = home.start_with_gallery();
    let browser = Browser::open(&daemon);
    let [ada, ben, cem] =
        [0, 1, 2].map(|who_| daemon.person_in(&home.photos().join(format!("of {who_}/0.jpg"))));
    let photo = |of: u32, shot: u32| home.photos().join(format!("of {of}/{shot}.jpg"));
    let face =
        |of, shot| text(&daemon.json(["faces".as_ref(), photo(of, shot).as_os_str()])["faces"][0]["face_id"]);
    let whose = |of, shot| daemon.person_in(&photo(of, shot));
    for (id, name) in [(&ada, "Ada"), (&ben, "Ben")] {
        browser.post(&format!("/person/{id}/name"), &format!("before=&name={name}"));
    }

    // Two of Ada's faces are Ben's; the page of her faces says which there are.
    let sorting = format!("/person/{ada}/faces");
    let html = browser.page(&sorting);
    for shot in 0..3 {
        assert!(html.contains(&format!("value=\"{}\"", face(0, shot))), "{html}");
    }
    let marked = format!("face={}&face={}&from=0", face(0, 1), face(0, 2));
    let said = browser.post(&sorting, &format!("{marked}&do=are&name=Ben"));
    assert_eq!((whose(0, 0), whose(0, 1), whose(0, 2)), (ada.clone(), ben.clone(), ben.clone()));
    take_back(&browser, &said);
    assert_eq!((whose(0, 1), whose(0, 2)), (ada.clone(), ada.clone()));

    // Somebody new, with a name and without.
    let said = browser.post(&sorting, &format!("{marked}&do=are&name=Dee"));
    let dee = whose(0, 1);
    assert_eq!(
        (daemon.json(["person", "Dee"])["person_id"].as_str(), whose(0, 2)),
        (Some(dee.as_str()), dee.clone())
    );
    take_back(&browser, &said);
    assert_eq!(daemon.vow(["person", "Dee"]).code, 1, "nobody is Dee");
    let said = browser.post(&sorting, &format!("{marked}&do=are&name="));
    assert!(whose(0, 1) != ada && whose(0, 1) == whose(0, 2));
    take_back(&browser, &said);

    // No faces.
    let said = browser.post(&sorting, &format!("{marked}&do=none"));
    assert_eq!(daemon.json(["person", "Ada"])["faces"], 1);
    take_back(&browser, &said);
    assert_eq!(daemon.json(["person", "Ada"])["faces"], 3);

    // The page of a photo says the same of one face.
    let at = format!("/photo/{}?of={ada}", photo_id(&daemon, &home, 0));
    let html = browser.page(&at);
    assert!(html.contains("rel=\"next\"") || html.contains("rel=\"prev\""), "{html}");
    let one = face(0, 0);
    let form = format!("photo={}&person={ada}&of={ada}", photo_id(&daemon, &home, 0));
    let about = format!("/face/{one}");
    for (what, checked) in [
        ("do=are&name=Ben", ben.as_str()),
        ("do=are&name=Eve", "Eve"),
        ("do=not", "somebody else"),
        ("do=none", "nobody"),
    ] {
        let said = browser.post(&about, &format!("{form}&{what}"));
        let now = daemon.json(["explain", &one]);
        let person = now["face"]["person_id"].as_str().unwrap_or_default().to_owned();
        match checked {
            "nobody" => assert_eq!(now["is_no_face"], true, "{now}"),
            "Eve" => assert_eq!(daemon.json(["person", "Eve"])["person_id"], person.as_str()),
            "somebody else" => assert_ne!(person, ada),
            expected => assert_eq!(person, expected),
        }
        take_back(&browser, &said);
        assert_eq!(whose(0, 0), ada, "{what}");
    }
    let said = browser.post(&about, &format!("{form}&do=cover"));
    assert_eq!(daemon.json(["person", "Ada"])["cover_face_id"], one.as_str());
    take_back(&browser, &said);

    // An unnamed person of whom all is said is named, not split.
    let said = browser.post(
        &format!("/face/{}", face(2, 0)),
        &format!("photo={}&person={cem}&do=are&name=", photo_id(&daemon, &home, 2)),
    );
    assert_eq!(said.status, 400, "nobody is named");
    for nothing in ["", "do=are", "face=f1", "face=f1&do=forget", "do=none"] {
        assert_eq!(browser.post(&sorting, nothing).status, 400, "{nothing}");
    }
}

#[test]
fn the_history_shows_what_was_said_and_takes_it_back_with_what_builds_on_it() {
    let home = Home::new();
    home.draw_event(2);
    let daemon = home.start_with_gallery();
    let browser = Browser::open(&daemon);
    assert!(browser.page("/history").contains("Nothing was said yet"));
    let [ada, ben] = [0, 1].map(|who_| daemon.person_in(&home.photos().join(format!("of {who_}/0.jpg"))));
    let face = text(
        &daemon.json(["faces".as_ref(), home.photos().join("of 0/1.jpg").as_os_str()])["faces"][0]["face_id"],
    );
    browser.post(&format!("/person/{ada}/faces"), &format!("face={face}&do=are&name=%3Cb%3E"));
    browser.post(&format!("/person/{ben}/name"), "before=&name=Ben");
    let html = browser.page("/history");
    assert!(
        html.contains("&lt;b&gt;") && !html.contains("<b>") && html.matches("name=\"undo\"").count() == 3,
        "{html}"
    );
    let about = browser.page(&format!("/history?person={ben}"));
    assert!(about.contains("is Ben") && !about.contains("&lt;b&gt;"), "{about}");

    // The name is that of the person who came into being by the split.
    let asked = browser.post("/history", "undo=1&back=/history");
    assert_eq!(asked.status, 409);
    assert!(asked.text().contains("name=\"dependents\" value=\"yes\""), "{}", asked.text());
    assert_eq!(browser.post("/history", "undo=1&dependents=yes&back=/").header("location"), Some("/"));
    let html = browser.page("/history");
    assert!(html.contains("class=\"undone\"") && html.contains("name=\"redo\" value=\"1\""), "{html}");
    assert!(html.contains("undone: 1 (1 face of"), "{html}");
    assert_eq!(daemon.json(["person", &ada])["faces"], 3);
    assert_eq!(browser.post("/history", "redo=1&back=//evil.example").header("location"), Some("/history"));
    assert_eq!(daemon.json(["person", &ada])["faces"], 2);
    for nothing in ["", "undo=x", "undo=", "redo=-1"] {
        assert_eq!(browser.post("/history", nothing).status, 400, "{nothing}");
    }
    assert!(browser.post("/history", "undo=99").status >= 400);
}
