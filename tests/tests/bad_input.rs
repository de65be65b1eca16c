//! Nothing that lies in a folder stops the daemon or is skipped in silence: each broken file is a failure with path, stage
//! and reason, or left out for a reason that `vow status` counts, and everything else is indexed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic: that is how it fails"
)]

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use serde_json::Value;
use vow_tests::{Home, ImageFormat, Scene};

fn failure<'a>(failures: &'a Value, name: &str) -> &'a Value {
    let rows = failures.as_array().unwrap();
    rows.iter()
        .find(|row| row["path"].as_str().unwrap().ends_with(name))
        .unwrap_or_else(|| panic!("{name}: {failures}"))
}

#[test]
fn broken_files_are_failures_and_the_rest_is_indexed() {
    let home = Home::new();
    let photos = home.photos();
    let good = Scene::new(900, 600, 1).with_row(&[1, 2]);
    good.save(photos.join("good.jpg"));
    let whole = vow_tests::files::encode(&Scene::new(900, 600, 2).with_row(&[3]).draw(), ImageFormat::Jpeg);
    fs::write(photos.join("cut.jpg"), &whole[..whole.len() / 2]).unwrap();
    fs::write(photos.join("empty.jpg"), b"").unwrap();
    fs::write(photos.join("text.jpg"), b"dear diary, this is not a picture").unwrap();
    fs::write(photos.join("huge.png"), png_header(60_000, 60_000)).unwrap();
    fs::write(photos.join("huge.jpg"), jpeg_header(60_000, 60_000)).unwrap();
    fs::write(photos.join("notes.txt"), b"not a picture by its name").unwrap();
    fs::write(photos.join(".hidden.jpg"), &whole).unwrap();
    fs::create_dir(photos.join("folder.jpg")).unwrap();
    Scene::new(900, 600, 3).with_row(&[4]).save(photos.join("folder.jpg/inside.jpg"));
    symlink(&photos, photos.join("loop")).unwrap();
    symlink(photos.join("nowhere.jpg"), photos.join("dangling.jpg")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        photos.join("pipe.jpg"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let odd = photos.join(std::ffi::OsStr::from_bytes(b"odd\xff\xfename.jpg"));
    fs::write(
        &odd,
        vow_tests::files::encode(&Scene::new(900, 600, 4).with_row(&[5]).draw(), ImageFormat::Jpeg),
    )
    .unwrap();
    fs::write(photos.join("locked.jpg"), &whole).unwrap();
    fs::set_permissions(photos.join("locked.jpg"), fs::Permissions::from_mode(0o000)).unwrap();
    let readable_anyway = fs::read(photos.join("locked.jpg")).is_ok(); // root may read everything

    let daemon = home.start();
    let status = daemon.wait_idle();
    let failures = daemon.json(["failures"]);
    let locked = u64::from(!readable_anyway);
    assert_eq!(status["failures"], 5 + locked, "{failures}");
    assert_eq!(status["faces"], 2 + 1 + 1 + u64::from(readable_anyway), "{status}");
    for (name, stage, words) in [
        ("cut.jpg", "decode", "truncated"),
        ("empty.jpg", "read", "empty"),
        ("text.jpg", "decode", "not a picture"),
        ("huge.png", "decode", "60000 x 60000"),
        ("huge.jpg", "decode", "60000 x 60000"),
    ] {
        let row = failure(&failures, name);
        let reason = row["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{name}: `{words}` is missing in `{reason}`");
        assert!(row["stage"] == stage || row["stage"] == "read", "{row}");
    }
    // What is left out on purpose is counted, what could not be seen is named.
    assert_eq!(status["ignored"]["not_a_picture"], 1, "{status}");
    assert_eq!(status["ignored"]["hidden"], 1);
    assert_eq!(status["ignored"]["special_file"], 1);
    let problems = status["scan_problems"].to_string();
    assert!(problems.contains("dangling.jpg"), "{problems}");
    assert!(!problems.contains("loop"), "a link into the folder is not followed: {problems}");
    // A name that is not UTF-8 is a name.
    let faces = daemon.json(["faces".as_ref(), odd.as_os_str()]);
    assert_eq!(faces["faces"].as_array().unwrap().len(), 1);
    assert!(faces["file_hex"].as_str().unwrap().contains("fffe"));

    // A failed file is tried again when it changes, and by request.
    fs::write(photos.join("cut.jpg"), &whole).unwrap();
    daemon.wait_until("the mended file is indexed", |status| status["failures"] == 4 + locked);
    assert_eq!(daemon.json(["failures", "--retry"])["files"], 4 + locked);
    assert_eq!(daemon.wait_idle()["failures"], 4 + locked);
    assert!(daemon.stop().0.success());
}

#[test]
fn a_file_that_grows_while_it_is_read_is_indexed_when_it_is_whole() {
    use std::io::Write as _;
    let home = Home::new();
    let daemon = home.start();
    daemon.wait_idle();
    let whole =
        vow_tests::files::encode(&Scene::new(900, 600, 2).with_row(&[3, 4]).draw(), ImageFormat::Jpeg);
    let mut file = fs::File::create(home.photos().join("slow.jpg")).unwrap();
    for part in whole.chunks(whole.len() / 12) {
        file.write_all(part).unwrap();
        file.sync_all().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(60));
    }
    drop(file);
    let status = daemon.wait_until("the whole file is indexed", |status| status["faces"] == 2);
    assert_eq!(status["failures"], 0, "{status}");
}

#[test]
fn a_second_daemon_on_the_same_data_is_refused() {
    let home = Home::new();
    let daemon = home.start();
    daemon.wait_idle();
    let mut second = home.vowd();
    second.arg("--socket").arg(home.path().join("other"));
    let args: Vec<_> = second.get_args().map(ToOwned::to_owned).collect();
    // The last --socket would be a repeated option; give one only.
    let mut second = std::process::Command::new(second.get_program());
    let at = args.iter().position(|arg| arg == "--socket").unwrap();
    second.args(&args[..at]).args(&args[at + 2..]);
    let refused = vow_tests::programs::run(&mut second);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("vow.redb") || refused.stderr.contains("another"), "{}", refused.stderr);
    assert_eq!(daemon.status()["state"], "idle", "the first one goes on");
}

#[test]
fn an_unusable_data_folder_is_refused() {
    let home = Home::new();
    fs::write(home.data(), b"a file where the folder should be").unwrap();
    let mut command = home.vowd();
    command.arg("--once").arg(home.photos());
    let refused = vow_tests::programs::run(&mut command);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("data folder") && refused.stderr.contains("--data-dir"),
        "{}",
        refused.stderr
    );
    assert_eq!(fs::read(home.data()).unwrap(), b"a file where the folder should be");

    fs::remove_file(home.data()).unwrap();
    fs::create_dir(home.data()).unwrap();
    fs::write(home.data().join("vow.redb"), b"somebody else's file").unwrap();
    let refused = vow_tests::programs::run(&mut command);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert_eq!(
        fs::read(home.data().join("vow.redb")).unwrap(),
        b"somebody else's file",
        "nothing was touched"
    );
}

#[test]
fn originals_are_never_written_to() {
    let home = Home::new();
    let path = Scene::new(900, 600, 1).with_row(&[1, 2]).save(home.photos().join("a.jpg"));
    let before = (fs::read(&path).unwrap(), modified(&path));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    home.index_once();
    assert_eq!((fs::read(&path).unwrap(), modified(&path)), before);
    assert_eq!(fs::read_dir(home.photos()).unwrap().count(), 1, "nothing is put beside them");
}

fn modified(path: &Path) -> std::time::SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

/// A PNG that promises much and holds little.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut size = width.to_be_bytes().to_vec();
    size.extend(height.to_be_bytes());
    size.extend([8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, body) in
        [(b"IHDR", size), (b"IDAT", vec![0x78, 0x9c, 3, 0, 0, 0, 0, 1]), (b"IEND", Vec::new())]
    {
        file.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        let chunk = [&name[..], &body].concat();
        file.extend(&chunk);
        file.extend(crc32(&chunk).to_be_bytes());
    }
    file
}

/// A JPEG of the same kind.
fn jpeg_header(width: u16, height: u16) -> Vec<u8> {
    let mut file = vec![0xff, 0xd8, 0xff, 0xc0, 0, 17, 8];
    file.extend(height.to_be_bytes());
    file.extend(width.to_be_bytes());
    file.extend([3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]);
    file.extend([0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0, 0, 0, 0xff, 0xd9]);
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}
