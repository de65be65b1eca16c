use std::io::Write as _;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

fn wheel(path: &Path, members: &[(&str, &[u8])]) -> PathBuf {
    let mut zip = ZipWriter::new(fs::File::create(path).unwrap());
    for (name, content) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
    path.to_owned()
}

/// A library for this machine, as far as its header tells, with a text behind.
fn code(text: &str) -> Vec<u8> {
    let machine = match std::env::consts::ARCH {
        "aarch64" => 183,
        "x86_64" => 62,
        other => panic!("these tests know no {other}"),
    };
    [&elf::header(machine)[..], text.as_bytes()].concat()
}

fn order(from: PathBuf, unconfirmed: bool) -> RuntimeOrder {
    RuntimeOrder { from: Some(from), unconfirmed, ..RuntimeOrder::default() }
}

fn install(places: &Places, order: &RuntimeOrder) -> Result<InstalledRuntime, DepotError> {
    places.install(order, &|_| Ok(()), &mut |_| {}, &Cancel::new())
}

#[test]
fn only_what_is_needed_is_unpacked_and_the_earlier_one_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let places = Places::new(dir.path());
    let plain = wheel(
        &dir.path().join("a.whl"),
        &[
            ("onnxruntime/capi/libonnxruntime.so.1.99.0", &code("library")),
            ("onnxruntime/capi/libonnxruntime_providers_shared.so", &code("shared")),
            ("onnxruntime/capi/onnxruntime_pybind11_state.so", b"python"),
            ("onnxruntime/LICENSE", b"MIT"),
        ],
    );
    let refused = install(&places, &order(plain.clone(), false)).unwrap_err();
    assert!(matches!(refused, DepotError::UnknownWheel { .. }), "{refused}");
    assert!(!dir.path().join("runtime").exists(), "nothing is unpacked before somebody agreed");

    let by_hand = dir.path().join("runtime/mine");
    fs::create_dir_all(&by_hand).unwrap();
    let installed = install(&places, &order(plain, true)).unwrap();
    assert_eq!((installed.version.as_str(), installed.cuda), ("1.99.0", false));
    assert_eq!(fs::read(&installed.library).unwrap(), code("library"));
    let folder = installed.library.parent().unwrap();
    assert_eq!(folder, dir.path().join("runtime/onnxruntime-1.99.0"));
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["LICENSE", "installed.toml", "libonnxruntime.so.1.99.0"]);
    assert_eq!(places.installed(), [installed]);

    let cuda = wheel(
        &dir.path().join("b.whl"),
        &[
            ("onnxruntime/capi/libonnxruntime.so.1.98.0", &code("library")),
            ("onnxruntime/capi/libonnxruntime_providers_shared.so", &code("shared")),
            ("onnxruntime/capi/libonnxruntime_providers_cuda.so", &code("cuda")),
        ],
    );
    let installed = install(&places, &order(cuda, true)).unwrap();
    assert!(installed.cuda && installed.library.with_file_name("libonnxruntime_providers_cuda.so").exists());
    assert_eq!(places.installed(), [installed], "the earlier one would be preferred as the newer");
    assert!(by_hand.exists(), "what somebody laid there by hand stays");
}

#[test]
fn what_is_no_wheel_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let places = Places::new(dir.path());
    let zip = wheel(&dir.path().join("a.zip"), &[("photo.jpg", b"x"), ("x/libonnxruntime.so.1.9", b"x")]);
    assert!(matches!(install(&places, &order(zip, true)), Err(DepotError::NotAWheel { .. })));
    let odd = wheel(&dir.path().join("b.zip"), &[("o/capi/libonnxruntime.so.1.9 x", b"x")]);
    assert!(matches!(install(&places, &order(odd, true)), Err(DepotError::NotAWheel { .. })));
    let text = dir.path().join("text");
    fs::write(&text, "no archive").unwrap();
    assert!(matches!(install(&places, &order(text, true)), Err(DepotError::Fetch(_))));
    assert!(matches!(install(&places, &order("/no/such.whl".into(), true)), Err(DepotError::Fetch(_))));
    assert!(places.installed().is_empty());
}

#[test]
fn nvidias_libraries_lie_where_they_are_looked_for() {
    let dir = tempfile::tempdir().unwrap();
    let places = Places::new(dir.path());
    let from = wheel(
        &dir.path().join("c.whl"),
        &[
            ("onnxruntime/capi/libonnxruntime.so.1.98.0", &code("library")),
            ("onnxruntime/capi/libonnxruntime_providers_shared.so", &code("shared")),
            ("onnxruntime/capi/libonnxruntime_providers_cuda.so", &code("cuda")),
        ],
    );
    let with = RuntimeOrder { libraries: true, ..order(from, true) };
    let missing = install(&places, &with).unwrap_err();
    assert!(missing.to_string().contains("nvidia_"), "{missing}");
    assert!(!dir.path().join("runtime").exists(), "nothing is unpacked while something is missing");

    for known in Wheel::here(Part::Libraries) {
        let package = known.file.split('-').next().unwrap();
        wheel(
            &dir.path().join(known.file),
            &[
                (&format!("nvidia/cu13/lib/lib{package}.so.9"), &code("")),
                (&format!("nvidia/cu13/include/{package}.h"), b"text"),
                ("nvidia/../../lib/libx.so", b"out of the way"),
                (&format!("{package}-1.dist-info/licenses/License.txt"), b"terms"),
            ],
        );
    }
    let refused = install(&places, &RuntimeOrder { unconfirmed: false, ..with.clone() }).unwrap_err();
    assert!(
        matches!(&refused, DepotError::UnknownWheel { path, .. } if path.to_string_lossy().contains("nvidia_")),
        "every wheel is looked at, not the runtime's alone: {refused}"
    );
    let installed = install(&places, &with).unwrap();
    assert!(installed.cuda && installed.libraries);
    let folder = installed.library.parent().unwrap().join("nvidia");
    let mut count = 0;
    for known in Wheel::here(Part::Libraries) {
        let package = known.file.split('-').next().unwrap();
        assert_eq!(fs::read(folder.join(format!("cu13/lib/lib{package}.so.9"))).unwrap(), code(""));
        assert_eq!(fs::read(folder.join(format!("LICENCE-{package}.txt"))).unwrap(), b"terms");
        count += 1;
    }
    assert_eq!(fs::read_dir(folder.join("cu13/lib")).unwrap().count(), count, "libraries alone");
    assert!(!folder.join("cu13/include").exists());
    assert!(!dir.path().join("downloads/lib").exists(), "a wheel writes nowhere else");
    assert_eq!(places.installed(), [installed]);
}

#[test]
fn what_does_not_fit_leaves_the_earlier_one_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let places = Places::new(dir.path());
    let plain = |name: &str, library: &[u8]| {
        wheel(&dir.path().join(name), &[("onnxruntime/capi/libonnxruntime.so.1.98.0", library)])
    };
    let good = plain("good.whl", &code("one"));
    let installed = install(&places, &order(good.clone(), true)).unwrap();

    let other = plain("other.whl", &elf::header(if std::env::consts::ARCH == "x86_64" { 183 } else { 62 }));
    let refused = install(&places, &order(other, true)).unwrap_err();
    assert!(matches!(refused, DepotError::OtherMachine { .. }), "{refused}");
    assert!(refused.to_string().contains(std::env::consts::ARCH), "{refused}");
    let text = install(&places, &order(plain("text.whl", b"no library, but a text"), true)).unwrap_err();
    assert!(matches!(text, DepotError::NotAWheel { .. }), "{text}");
    for (cuda, libraries) in [(true, false), (true, true)] {
        let asked = RuntimeOrder { cuda, libraries, ..order(good.clone(), true) };
        for known in Wheel::here(Part::Libraries) {
            let package = known.file.split('-').next().unwrap();
            let member = format!("nvidia/cu13/lib/lib{package}.so");
            wheel(&dir.path().join(known.file), &[(&member, &code(""))]);
        }
        let refused = install(&places, &asked).unwrap_err();
        assert!(matches!(refused, DepotError::NotForCuda { .. }), "{refused}");
    }
    let two = order(plain("two.whl", &code("two")), true);
    let tried = |library: &Path| {
        assert_eq!(
            fs::read(library).unwrap(),
            code("two"),
            "the new one is tried, before it is in its place"
        );
        Err("it crashes".into())
    };
    let refused = places.install(&two, &tried, &mut |_| {}, &Cancel::new()).unwrap_err();
    assert!(matches!(refused, DepotError::RuntimeDoesNotRun { .. }), "{refused}");

    assert_eq!(places.installed(), std::slice::from_ref(&installed));
    assert_eq!(fs::read(&installed.library).unwrap(), code("one"));
    assert!(!dir.path().join("downloads/runtime.new").exists());
    install(&places, &two).unwrap();
    assert_eq!(fs::read(&installed.library).unwrap(), code("two"), "the same version again");
}
