//! Packs through the real programs: installing from a folder, an archive and a server, consent, switching over, removing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic: that is how it fails"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use vow_fetch::Sum;
use vow_tests::web::Server;
use vow_tests::zip::zip;
use vow_tests::{Daemon, Frames, Home, Scene, TinyPack};
use vow_types::Head;

/// A catalog whose pack `tiny` is the drawn pack with a YuNet head, non-commercial, in an archive at `url`.
fn catalog(home: &Home, url: &str) -> PathBuf {
    let tiny = tiny();
    let (detector, embedder) = (tiny.detector_graph(), tiny.embedder_graph());
    let mut manifest: toml::Table = tiny.manifest().parse().unwrap();
    manifest.insert("name".into(), "tiny".into());
    for (role, graph) in [("detector", &detector), ("embedder", &embedder)] {
        let table = manifest[role].as_table_mut().unwrap();
        table.insert("sha256".into(), Sum::of(graph).to_string().into());
    }
    let archive = archive();
    let text = format!(
        "format = 1\n[[pack]]\nsummary = \"drawn\"\nnotice = \"for drawn markers only\"\nnon_commercial = true\n\
         [pack.archive]\nname = \"tiny.zip\"\nsize = {}\nsha256 = \"{}\"\nurls = [\"{url}\"]\n\
         [pack.files.\"detector.onnx\"]\nsize = {}\nmember = \"tiny/detector.onnx\"\n\
         [pack.files.\"embedder.onnx\"]\nsize = {}\nmember = \"tiny/embedder.onnx\"\n",
        archive.len(),
        Sum::of(&archive),
        detector.len(),
        embedder.len()
    );
    let manifest =
        toml::Table::from_iter([("manifest".to_owned(), toml::Value::Table(manifest))]).to_string();
    // The tables of the manifest are the pack's.
    let manifest = manifest.replace("[manifest", "[pack.manifest");
    let path = home.path().join("catalog.toml");
    fs::write(&path, text + &manifest).unwrap();
    path
}

fn tiny() -> TinyPack {
    TinyPack { head: Head::Yunet, ..TinyPack::default() }
}

fn archive() -> Vec<u8> {
    zip(&[("tiny/detector.onnx", &tiny().detector_graph()), ("tiny/embedder.onnx", &tiny().embedder_graph())])
}

/// `vowd` on the built-in pack, or the chosen one, with that catalog.
fn vowd(home: &Home, catalog: &Path) -> Command {
    let mut command = home.vowd_without_pack();
    command.arg("--catalog").arg(catalog).arg(home.photos());
    command
}

/// What a process took since it began, whichever programs it ran.
fn processor_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let ticks = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
    let ticks: f64 = ticks.map(|ticks| ticks.parse::<f64>().unwrap()).sum();
    ticks / f64::from(u32::try_from(rustix::param::clock_ticks_per_second()).unwrap())
}

fn pack<'a>(packs: &'a Value, name: &str) -> &'a Value {
    packs.as_array().unwrap().iter().find(|pack| pack["name"] == name).unwrap()
}

#[test]
fn a_pack_is_installed_used_and_removed_and_names_stay() {
    let home = Home::new();
    let server = Server::start(vec![archive()]);
    for seed in 0..3 {
        Scene::new(900, 600, seed).with_row(&[1, 2]).save(home.photos().join(format!("{seed}.jpg")));
    }
    let daemon = home.start_as(vowd(&home, &catalog(&home, &server.url("tiny.zip"))));
    let status = daemon.wait_idle();
    assert_eq!(status["pack"], "starter");
    assert!(
        daemon.log().contains("models install opencv"),
        "the way to a better pack is told: {}",
        daemon.log()
    );
    let packs = daemon.json(["models", "list"]);
    assert_eq!(pack(&packs, "starter")["state"], "in use");
    for name in ["opencv", "buffalo_s", "buffalo_l", "antelopev2", "tiny"] {
        assert_eq!(pack(&packs, name)["state"], "available", "{name}");
    }

    let refused = daemon.vow(["models", "install", "tiny"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.stderr.contains("for drawn markers only") && refused.stderr.contains("--accept-licence"));
    assert_eq!(server.requests(), 0, "nothing is fetched before somebody agreed");
    assert_eq!(daemon.vow(["models", "use", "tiny"]).code, 1, "not installed yet");

    let installed = daemon.json(["models", "install", "tiny", "--accept-licence"]);
    assert_eq!((&installed["state"], server.requests()), (&"installed".into(), 1));
    assert!(home.data().join("packs/tiny/LICENCE.txt").is_file());
    let spent = |daemon: &Daemon| daemon.json(["report"])["cpu"]["process_s"].as_f64().unwrap();
    let before = spent(&daemon);
    let used = daemon.json(["models", "use", "tiny"]);
    assert_eq!(used["switched"], true);
    let after = daemon.wait_until("the new pack sees the markers", |status| status["faces"] == 6);
    assert_eq!((&after["pack"], &after["pid"]), (&"tiny".into(), &status["pid"]), "the same process");
    let in_all = processor_seconds(daemon.pid());
    assert!(spent(&daemon) <= in_all - before + 0.2, "only what was spent since the switch is told");
    assert_eq!(daemon.json(["models", "use", "tiny"])["switched"], false, "it is in use already");
    let person = daemon.json(["people"])[0]["person_id"].as_str().unwrap().to_owned();
    daemon.json(["name", &person, "Ada"]);

    let refused = daemon.vow(["models", "remove", "tiny"]);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(refused.stderr.contains("in use"));
    daemon.json(["models", "use", "starter"]);
    assert_eq!(daemon.wait_idle()["pack"], "starter");
    daemon.json(["models", "use", "tiny"]);
    assert_eq!(daemon.wait_until("back", |status| status["faces"] == 6)["photos_inferred"], 0);
    assert_eq!(daemon.json(["person", "Ada"])["person_id"], person.as_str(), "names stay");

    // The choice outlives the daemon.
    assert!(daemon.stop().0.success());
    let daemon = home.start_as(vowd(&home, &home.path().join("catalog.toml")));
    assert_eq!(daemon.wait_idle()["pack"], "tiny");
    daemon.json(["models", "use", "starter"]);
    daemon.json(["models", "remove", "tiny"]);
    assert!(!home.data().join("packs/tiny").exists());
    assert_eq!(daemon.vow(["models", "remove", "tiny"]).code, 1);
    assert_eq!(daemon.vow(["models", "remove", "starter"]).code, 4);
    assert!(daemon.stop().0.success());
}

#[test]
fn a_machine_without_a_network_installs_from_a_folder_or_an_archive() {
    let home = Home::new();
    let daemon = home.start_as(vowd(&home, &catalog(&home, "http://127.0.0.1:1/tiny.zip")));
    let offline = daemon.vow(["models", "install", "tiny", "--accept-licence"]);
    assert_eq!(offline.code, 4, "{}", offline.stderr);
    assert!(offline.stderr.contains("127.0.0.1:1"), "the address is told: {}", offline.stderr);

    let from = home.path().join("stick");
    fs::create_dir(&from).unwrap();
    let install = |from: &Path| {
        let from = from.to_str().unwrap();
        daemon.vow(["models", "install", "tiny", "--accept-licence", "--from", from, "--json"])
    };
    assert_eq!(install(&from.join("none")).code, 1);
    assert_eq!(install(&from).code, 4, "an empty folder");
    fs::write(from.join("detector.onnx"), tiny().detector_graph()).unwrap();
    fs::write(from.join("embedder.onnx"), tiny().embedder_graph()).unwrap();
    assert_eq!(install(&from).json()["state"], "installed");
    fs::write(from.join("some.zip"), archive()).unwrap();
    assert_eq!(install(&from.join("some.zip")).json()["state"], "installed");

    let mut altered = tiny().embedder_graph();
    *altered.last_mut().unwrap() ^= 1;
    fs::write(from.join("embedder.onnx"), altered).unwrap();
    let wrong = install(&from);
    assert_eq!(wrong.code, 4);
    assert!(wrong.stderr.contains("SHA-256"), "{}", wrong.stderr);
    assert_eq!(pack(&daemon.json(["models", "list"]), "tiny")["problem"], Value::Null, "the good one stays");

    // A pack of one's own, by its place; the home's has a pack.toml.
    let own = daemon.json(["models".as_ref(), "install".as_ref(), home.pack().as_os_str()]);
    assert_eq!((&own["name"], &own["state"]), (&"drawn-scrfd".into(), &"installed".into()));
    assert_eq!(daemon.json(["models", "use", "drawn-scrfd"])["switched"], true);
    assert_eq!(daemon.wait_idle()["pack"], "drawn-scrfd");
    assert!(daemon.stop().0.success());
}

#[test]
fn a_pack_that_does_not_run_is_refused_and_the_old_one_stays() {
    let home = Home::new();
    let broken = home.path().join("broken");
    tiny().write(&broken).unwrap();
    let manifest = tiny().manifest().replace("drawn-yunet", "broken");
    fs::write(broken.join("pack.toml"), manifest).unwrap();
    fs::write(broken.join("embedder.onnx"), "no graph").unwrap();
    let daemon = home.start_as(vowd(&home, &catalog(&home, "http://127.0.0.1:1/")));
    daemon.json(["models".as_ref(), "install".as_ref(), broken.as_os_str()]);
    let refused = daemon.vow(["models", "use", "broken"]);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    let file = format!("`embedder.file` in the pack.toml of {}", home.data().join("packs/broken").display());
    for part in ["the embedder of pack `broken`", &file, "not an ONNX graph", "install the pack again"] {
        assert!(refused.stderr.contains(part), "`{part}` is missing in: {}", refused.stderr);
    }
    assert!(!daemon.log().contains("is used as it is"), "it is not used: {}", daemon.log());
    assert_eq!(daemon.status()["pack"], "starter");
    assert!(!home.data().join("chosen-pack").exists());
    assert!(daemon.stop().0.success());
}

/// It loads, and every photo would fail: what is tried is what photos are looked at with. The graphs that the old pack runs on
/// stay where they are kept.
#[test]
fn a_pack_that_runs_on_no_photo_is_refused() {
    let home = Home::new();
    Scene::new(900, 600, 1).with_row(&[1, 2]).save(home.photos().join("a.jpg"));
    let narrow = TinyPack { frames: Frames::CloseUp, ..tiny() };
    let folder = home.path().join("narrow");
    narrow.write(&folder).unwrap();
    fs::write(folder.join("pack.toml"), narrow.manifest().replace("drawn-yunet", "narrow")).unwrap();
    let daemon = home.start_as(vowd(&home, &catalog(&home, "http://127.0.0.1:1/")));
    daemon.wait_idle();
    let prepared = || -> BTreeSet<_> {
        let folder = fs::read_dir(home.data().join("packs/.prepared")).unwrap();
        folder.map(|entry| entry.unwrap().file_name()).collect()
    };
    let before = prepared();
    daemon.json(["models".as_ref(), "install".as_ref(), folder.as_os_str()]);
    let refused = daemon.vow(["models", "use", "narrow"]);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(prepared().is_superset(&before) && before.len() == 2, "{before:?}");
    assert_eq!(daemon.status()["pack"], "starter");
    assert!(daemon.stop().0.success());
}

/// Each start says it once; trying the pack before the switch is no start.
#[test]
fn a_pack_that_is_tried_says_nothing_again_of_a_card_that_is_missing() {
    let home = Home::new();
    let mut command = vowd(&home, &catalog(&home, "http://127.0.0.1:1/"));
    command.args(["--provider", "cuda"]);
    let daemon = home.start_as(command);
    let told = |log: &str| log.matches("the models run on the processor").count();
    assert_eq!(told(&daemon.log()), 1, "{}", daemon.log());
    daemon.json(["models".as_ref(), "install".as_ref(), home.pack().as_os_str()]);
    assert_eq!(daemon.json(["models", "use", "drawn-scrfd"])["switched"], true);
    let log = daemon.stop().1;
    assert_eq!(told(&log), 2, "{log}");
}

#[test]
fn a_pack_named_at_the_start_cannot_be_changed_from_outside() {
    let home = Home::new();
    let daemon = home.start();
    let refused = daemon.vow(["models", "use", "starter"]);
    assert_eq!(refused.code, 4);
    assert!(refused.stderr.contains("--pack names the pack"), "{}", refused.stderr);
    assert_eq!(daemon.vow(["models", "use", "bufalo"]).code, 1);
    assert_eq!(daemon.vow(["models", "install", "bufalo"]).code, 1);
    assert_eq!(daemon.vow(["models", "install"]).code, 2);
    assert!(daemon.stop().0.success());
}

#[test]
fn a_proxy_is_used_where_it_is_set_and_not_where_it_is_not() {
    let home = Home::new();
    // A proxy is asked for a tunnel; this one says no, and is known by that.
    let proxy = Server::start(vec![]);
    let mut command = vowd(&home, &catalog(&home, "http://models.invalid/tiny.zip"));
    command
        .env("http_proxy", proxy.url(""))
        .env("HTTP_PROXY", proxy.url(""))
        .env_remove("NO_PROXY")
        .env_remove("no_proxy");
    let daemon = home.start_as(command);
    let answer = daemon.vow(["models", "install", "tiny", "--accept-licence"]);
    assert_eq!(answer.code, 4);
    assert!(proxy.requests() > 0, "the proxy was never asked: {}", answer.stderr);
    let told = format!("through the proxy {}, which HTTP_PROXY names", proxy.url(""));
    assert!(answer.stderr.contains(&told), "{}", answer.stderr);
    assert!(daemon.stop().0.success());

    let direct = Server::start(vec![archive()]);
    let before = proxy.requests();
    let mut command = vowd(&home, &catalog(&home, &direct.url("tiny.zip")));
    command.env("HTTP_PROXY", proxy.url("")).env("NO_PROXY", "127.0.0.1");
    let daemon = home.start_as(command);
    daemon.json(["models", "install", "tiny", "--accept-licence"]);
    assert_eq!((direct.requests(), proxy.requests()), (1, before));
    assert!(daemon.stop().0.success());

    let direct = Server::start(vec![archive()]);
    let mut command = vowd(&home, &catalog(&home, &direct.url("tiny.zip")));
    command.env("HTTPS_PROXY", "socks5://me:secret@127.0.0.1:1");
    let daemon = home.start_as(command);
    let refused = daemon.vow(["models", "install", "tiny", "--accept-licence"]);
    assert_eq!((refused.code, direct.requests()), (4, 0), "nobody goes around it: {}", refused.stderr);
    assert!(refused.stderr.contains("HTTPS_PROXY is `socks5://127.0.0.1:1`"), "{}", refused.stderr);
    assert!(daemon.stop().0.success());
}
