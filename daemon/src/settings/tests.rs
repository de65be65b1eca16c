//! Settings put together from flags, an environment and a file that the tests make up.

use std::path::Path;

use clap::Parser as _;

use super::*;

fn gather(args: &[&str], env: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    let args = Args::parse_from(std::iter::once("vowd").chain(args.iter().copied()));
    let lookup = |name: &str| {
        let fixed = [("HOME", "/nowhere")];
        env.iter().chain(&fixed).find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
    };
    Settings::gather(args, lookup)
}

#[test]
fn nothing_to_configure_on_a_first_start() {
    let settings = gather(&[], &[]).unwrap();
    assert_eq!(settings.engine.data_dir, Path::new("/nowhere/.local/share/vowimager"));
    assert_eq!(settings.socket, Path::new("/nowhere/.local/share/vowimager/vowd.sock"));
    assert!(!settings.once && settings.folders.is_empty());
    assert_eq!(settings.client, "vow");
    let elsewhere = gather(&[], &[("VOW_DATA_DIR", "/data")]).unwrap();
    assert_eq!(
        elsewhere.client, "vow --socket /data/vowd.sock",
        "another shell may know nothing of the variable"
    );
}

#[test]
fn flags_win_over_environment_over_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("vowd.toml");
    std::fs::write(&file, "threads = 5\nbatch = 8\ngpu_memory_mb = 2048\nunload_minutes = 2\nmax_memory = 64\nsocket = \"s\"\nscan_minutes = 7").unwrap();
    let file = file.to_str().unwrap();
    let env = [("VOW_THREADS", "4"), ("VOW_CONFIG", file)];
    let settings = gather(&["--threads", "3", "--provider", "cuda"], &env).unwrap();
    assert_eq!(settings.engine.provider.to_string(), "cuda");
    assert_eq!(settings.engine.threads.get(), 3);
    assert_eq!(gather(&[], &env).unwrap().engine.threads.get(), 4);
    assert_eq!(gather(&["--config", file], &[]).unwrap().engine.threads.get(), 5);
    assert_eq!(settings.engine.max_memory, Some(64 << 20));
    assert_eq!(settings.engine.batch.map(NonZeroUsize::get), Some(8));
    assert_eq!(settings.engine.device_memory, Some(2 << 30));
    assert_eq!(settings.engine.unload_after, Duration::from_secs(120));
    assert_eq!(settings.socket, dir.path().join("s"));
    assert_eq!(settings.engine.scan_every, Duration::from_secs(420));
}

#[test]
fn every_mistake_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("vowd.toml");
    std::fs::write(&file, "max_memory = 1").unwrap();
    let env = [("VOW_THREADS", "many"), ("VOW_PROVIDER", "gpu"), ("VOW_CONFIG", file.to_str().unwrap())];
    let mistakes = gather(&["/no/such/folder", "--log", "a=b=c"], &env).unwrap_err();
    for expected in
        ["VOW_THREADS: `many`", "provider: `gpu`", "max_memory: `1`", "/no/such/folder", "log: `a=b=c`"]
    {
        assert!(mistakes.iter().any(|mistake| mistake.contains(expected)), "{expected}: {mistakes:?}");
    }
}

#[test]
fn a_good_neighbour_as_much_as_asked_for() {
    let defaults = gather(&[], &[]).unwrap();
    let engine = &defaults.engine;
    assert_eq!((engine.nice, engine.gpu_ceiling, engine.backlog_on_battery), (10, Some(87), false));
    assert!(defaults.metrics.is_none() && engine.max_cores.is_none() && engine.obey_pause);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("vowd.toml");
    let text = "max_cpu = 1\nnice = 19\ngpu_ceiling = 70\non_battery = \"all\"\nmetrics = \"[::1]:9464\"";
    std::fs::write(&file, text).unwrap();
    let settings = gather(&["--config", file.to_str().unwrap()], &[]).unwrap();
    let engine = &settings.engine;
    assert_eq!((engine.nice, engine.gpu_ceiling, engine.backlog_on_battery), (19, Some(70), true));
    assert_eq!(engine.max_cores, Some(NonZeroUsize::MIN));
    assert_eq!(settings.metrics, Some("[::1]:9464".parse().unwrap()));
    let off = gather(&["--gpu-ceiling", "off", "--threads", "3", "--max-cpu", "100"], &[]).unwrap();
    assert_eq!((off.engine.gpu_ceiling, off.engine.threads.get()), (None, 3));
    assert_eq!(off.engine.max_cores, Some(Config::new(PathBuf::new()).threads), "of the machine's cores");
    let once = gather(&["--once"], &[]).unwrap().engine;
    assert!(once.backlog_on_battery && !once.obey_pause);
}

#[test]
fn neighbourly_mistakes() {
    let args = ["--max-cpu", "0", "--nice", "-5", "--gpu-ceiling", "hot", "--on-battery", "never"];
    let mistakes = gather(&[&args[..], &["--metrics", "0.0.0.0:9464"]].concat(), &[]).unwrap_err();
    for word in ["--max-cpu: `0`", "--nice: `-5`", "gpu_ceiling: `hot`", "on_battery: `never`", "loopback"] {
        assert!(mistakes.iter().any(|mistake| mistake.contains(word)), "{word}: {mistakes:?}");
    }
}

#[test]
fn the_gallery_is_where_it_is_wanted_and_on_this_machine() {
    assert_eq!(gather(&[], &[]).unwrap().gallery, GalleryPlace::Usual);
    assert_eq!(gather(&["--gallery", "off"], &[]).unwrap().gallery, GalleryPlace::Off);
    let env = [("VOW_GALLERY", "[::1]:99")];
    assert_eq!(gather(&[], &env).unwrap().gallery, GalleryPlace::At("[::1]:99".parse().unwrap()));
    assert_eq!(gather(&["--gallery", "off"], &env).unwrap().gallery, GalleryPlace::Off);
    for wrong in ["0.0.0.0:8693", "192.168.1.2:8693", "8693", "on", "localhost:8693"] {
        let mistakes = gather(&["--gallery", wrong], &[]).unwrap_err();
        assert!(mistakes.len() == 1 && mistakes[0].contains(wrong), "{mistakes:?}");
    }
}

#[test]
fn the_chosen_pack_counts_when_nobody_names_one() {
    let dir = tempfile::tempdir().unwrap();
    let data = ["--data-dir", dir.path().to_str().unwrap()];
    let settings = gather(&data, &[]).unwrap();
    assert_eq!((settings.in_use.pack.as_str(), settings.in_use.pack_named_by), ("starter", None));
    std::fs::write(dir.path().join("chosen-pack"), "mine\n").unwrap();
    let settings = gather(&data, &[]).unwrap();
    assert_eq!(settings.engine.pack, "mine".parse().unwrap());
    let settings = gather(&data, &[("VOW_PACK", "other")]).unwrap();
    assert_eq!(settings.engine.pack, "other".parse().unwrap());
    assert_eq!(settings.in_use.pack_named_by.as_deref(), Some("VOW_PACK"));
    std::fs::write(dir.path().join("chosen-pack"), "").unwrap();
    assert!(gather(&data, &[]).unwrap_err()[0].contains("chosen-pack"));
}

#[test]
fn an_own_catalog_is_read_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let (file, own) = (dir.path().join("vowd.toml"), dir.path().join("own.toml"));
    std::fs::write(&file, "catalog = \"own.toml\"").unwrap();
    std::fs::write(&own, "format = 1").unwrap();
    let env = [("VOW_CONFIG", file.to_str().unwrap())];
    assert!(gather(&[], &env).unwrap().catalog.get("opencv").is_some());
    std::fs::write(&own, "format = 9").unwrap();
    let mistakes = gather(&[], &env).unwrap_err();
    assert!(mistakes[0].contains("own.toml") && mistakes[0].contains("format"), "{mistakes:?}");
}

#[test]
fn an_unknown_key_is_a_mistake() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("vowd.toml");
    std::fs::write(&file, "thread = 5").unwrap();
    let mistakes = gather(&["--config", file.to_str().unwrap()], &[]).unwrap_err();
    assert!(mistakes[0].contains("thread"), "{mistakes:?}");
}
