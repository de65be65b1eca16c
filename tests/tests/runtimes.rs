//! Runtimes through the real programs: one out of a wheel is used, and one that does not run takes no one's place.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic: that is how it fails"
)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use vow_tests::zip::zip;
use vow_tests::{Home, Scene};

/// `vowd` that looks for a runtime by itself.
fn on_any_runtime(home: &Home) -> Command {
    let mut command = home.vowd_on_any_runtime();
    command.arg(home.photos());
    command
}

#[test]
fn what_does_not_run_is_not_installed_and_passed_over_where_it_lies() {
    let home = Home::new();
    let daemon = home.start_as(on_any_runtime(&home));
    let before = daemon.json(["runtime", "show"]);
    let path = home.path().join("onnxruntime-9.9.9-py3-none-any.whl");
    let wheel = path.to_str().unwrap();
    let write = |library: &[u8]| {
        let library: (&str, &[u8]) = ("onnxruntime/capi/libonnxruntime.so.9.9.9", library);
        fs::write(&path, zip(&[library, ("onnxruntime/LICENSE", b"MIT")])).unwrap();
    };
    write(b"no library");
    let refused = daemon.vow(["runtime", "install", "--from", wheel]);
    assert_eq!(refused.code, 4);
    assert!(refused.stderr.contains("--accept-unconfirmed"), "{}", refused.stderr);
    assert_eq!(daemon.vow(["runtime", "install", "--from", "/no/such.whl"]).code, 1);

    // One that is none, one of another machine, and one that only begins like one of this.
    let this = fs::read(vow_tests::programs::binary("vowd")).unwrap()[..64].to_vec();
    let other = [&this[..16], &[3, 0, 40, 0], &this[20..]].concat();
    let shared = [&this[..16], &[3, 0], &this[18..]].concat();
    for (library, why) in [
        (b"no library".to_vec(), "shared libraries of a Linux system"),
        (other, "is for arm, and this machine is"),
        (shared, "does not run here"),
    ] {
        write(&library);
        let refused = daemon.vow(["runtime", "install", "--from", wheel, "--accept-unconfirmed"]);
        assert_eq!(refused.code, 4, "{}", refused.stderr);
        assert!(refused.stderr.contains(why), "{why}: {}", refused.stderr);
        assert_eq!(daemon.json(["runtime", "show"]), before, "nothing changed");
    }
    assert!(daemon.stop().0.success());

    let by_hand = home.data().join("runtime/mine");
    fs::create_dir_all(&by_hand).unwrap();
    fs::write(by_hand.join("libonnxruntime.so.9.9.9"), b"no library").unwrap();
    let daemon = home.start_as(on_any_runtime(&home));
    let shown = daemon.json(["runtime", "show"]);
    assert_eq!(shown["runtime"], before["runtime"], "what is no library is not used");
    let passed = shown["passed_over"].as_array().unwrap();
    assert!(
        passed.iter().any(|one| one["what"].as_str().unwrap().ends_with("libonnxruntime.so.9.9.9")),
        "{shown}"
    );
    let table = daemon.vow(["runtime", "show"]).stdout;
    assert!(table.contains("passed over") && table.contains("9.9.9"), "{table}");
    assert!(daemon.stop().0.success());
}

#[test]
fn a_real_runtime_is_switched_over_to() {
    let Some(library) = library() else {
        println!("skipped: no ONNX Runtime library is at hand");
        return;
    };
    let name = library.file_name().unwrap().to_str().unwrap().to_owned();
    let home = Home::new();
    Scene::new(900, 600, 1).with_row(&[1, 2]).save(home.photos().join("a.jpg"));
    let wheel = home.path().join("real.whl");
    let member = format!("onnxruntime/capi/{name}");
    fs::write(&wheel, zip(&[(&member, &fs::read(&library).unwrap())])).unwrap();
    let mut command = on_any_runtime(&home);
    // A library for processors, so that this one is missed.
    command.args(["--provider", "cuda"]);
    let daemon = home.start_as(command);
    daemon.wait_idle();
    let done = daemon.json(["runtime", "install", "--from", wheel.to_str().unwrap(), "--accept-unconfirmed"]);
    assert!(done["in_use"].as_str().unwrap().starts_with("onnxruntime"), "{done}");
    let missed = &done["providers_passed_over"][0];
    assert_eq!(
        (&done["provider"], &missed["what"], &missed["loss"]),
        (&"cpu".into(), &"cuda".into(), &true.into())
    );
    let shown = daemon.json(["runtime", "show"]);
    assert!(shown["library"].as_str().unwrap().ends_with(&name), "{shown}");
    assert_eq!(shown["why"], "installed in the data folder");
    println!("ran on {} {}", shown["runtime"], shown["version"]);
    assert_eq!(daemon.wait_idle()["faces"], 2);

    let cuda = ["runtime", "install", "--cuda", "--from", wheel.to_str().unwrap(), "--accept-unconfirmed"];
    let refused = daemon.vow(cuda);
    assert_eq!(refused.code, 4);
    assert!(refused.stderr.contains("runs on the processor alone"), "{}", refused.stderr);
    assert_eq!(daemon.json(["runtime", "show"]), shown, "the one that works stays");
    assert!(daemon.stop().0.success());
}

/// A published library that was unpacked beside the build, or that `VOW_ORT` names.
fn library() -> Option<PathBuf> {
    let named = std::env::var_os("VOW_ORT").filter(|path| !path.is_empty()).map(PathBuf::from);
    let folder = vow_tests::programs::binary("vowd").parent()?.parent()?.join("onnxruntime/onnxruntime/capi");
    let beside = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_library = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libonnxruntime.so."))
    };
    named.or_else(|| beside.into_iter().find(is_library)).filter(|path| path.is_file())
}
