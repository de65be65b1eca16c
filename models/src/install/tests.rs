mod network;

use std::io::Write as _;

use vow_fetch::Sum;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::Pack;

const DETECTOR: &[u8] = b"a detector, as far as this crate can tell";
const EMBEDDER: &[u8] = b"an embedder";
const AGREED: Consent = Consent { licence: true, unconfirmed: false };

/// A data folder and a catalog with one pack, `mine`, in an archive with an inner folder.
struct Bench {
    dir: tempfile::TempDir,
    packs: Packs,
}

fn catalog(extra: &str, sum: &str) -> String {
    format!(
        r#"format = 1
[[pack]]
summary = "for tests"
notice = "only for tests"
licence_url = "https://example.org"
{extra}
[pack.manifest]
name = "mine"
version = "3"
licence = "test licence"
[pack.manifest.detector]
file = "det.onnx"
sha256 = "{}"
head = "yunet"
channels = "bgr"
mean = 0.0
std = 1.0
[pack.manifest.embedder]
file = "rec.onnx"
{sum}
channels = "rgb"
mean = 127.5
std = 127.5
dimension = 4
[pack.archive]
name = "mine.zip"
urls = []
[pack.files."det.onnx"]
member = "inner/det.onnx"
[pack.files."rec.onnx"]
member = "inner/rec.onnx"
"#,
        Sum::of(DETECTOR)
    )
}

fn bench(extra: &str, embedder: Option<&[u8]>) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let sum = embedder.map(|bytes| format!("sha256 = \"{}\"", Sum::of(bytes))).unwrap_or_default();
    let path = dir.path().join("catalog.toml");
    fs::write(&path, catalog(extra, &sum)).unwrap();
    let packs = Packs::new(&dir.path().join("data"), Catalog::builtin().unwrap().with(&path).unwrap());
    Bench { dir, packs }
}

impl Bench {
    fn folder(&self, embedder: &[u8]) -> PathBuf {
        let folder = self.dir.path().join("from");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("det.onnx"), DETECTOR).unwrap();
        fs::write(folder.join("rec.onnx"), embedder).unwrap();
        folder
    }

    fn zip(&self, members: &[(&str, &[u8])]) -> PathBuf {
        let path = self.dir.path().join("some.zip");
        let mut zip = ZipWriter::new(fs::File::create(&path).unwrap());
        for (name, content) in members {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap();
        path
    }

    fn install(&self, from: &Path, consent: Consent) -> Result<Installed, InstallError> {
        self.packs.place(self.packs.stage("mine", Some(from), consent, &mut |_| {}, &Cancel::new())?)
    }

    fn import(&self, from: &Path) -> Result<Installed, InstallError> {
        self.packs.place(self.packs.stage_own(from, &mut |_| {}, &Cancel::new())?)
    }

    /// What lies in the data folder that is no pack.
    fn leftovers(&self) -> Vec<PathBuf> {
        let folders =
            ["data/downloads", "data/packs"].map(|folder| fs::read_dir(self.dir.path().join(folder)));
        let all = folders.into_iter().flatten().flatten().map(|one| one.unwrap().path());
        all.filter(|path| path.file_name().unwrap() != "mine" || path.ends_with("downloads/mine")).collect()
    }
}

#[test]
fn a_pack_is_installed_from_a_folder_or_an_archive_and_loads() {
    let bench = bench("", Some(EMBEDDER));
    let installed = bench.install(&bench.folder(EMBEDDER), Consent::default()).unwrap();
    let pack = Pack::load(&installed.path).unwrap();
    assert_eq!((pack.name.as_str(), pack.version.as_str(), pack.embedder.dimension), ("mine", "3", 4));
    assert_eq!((&pack.detector_graph[..], &pack.embedder_graph[..]), (DETECTOR, EMBEDDER));
    let terms = fs::read_to_string(installed.path.join("LICENCE.txt")).unwrap();
    assert!(terms.contains("only for tests") && terms.contains("https://example.org"), "{terms}");
    assert_eq!(bench.packs.installed().unwrap(), std::slice::from_ref(&installed));

    for inner in ["inner/", "", "elsewhere/deep/"] {
        let (det, rec) = (format!("{inner}det.onnx"), format!("{inner}rec.onnx"));
        let zip = bench.zip(&[(&det, DETECTOR), (&rec, EMBEDDER), ("photo.jpg", b"x")]);
        assert_eq!(bench.install(&zip, Consent::default()).unwrap(), installed, "{inner}");
    }
    assert_eq!(bench.leftovers(), Vec::<PathBuf>::new());
    bench.packs.remove("mine").unwrap();
    assert!(bench.packs.installed().unwrap().is_empty() && !installed.path.exists());
    assert!(matches!(bench.packs.remove("mine"), Err(InstallError::NotInstalled(_))));
    // Names only: all of these are folders that are there.
    fs::create_dir_all(bench.dir.path().join("data/packs/in/side")).unwrap();
    for name in ["../data", "..", ".", "in/side", "../packs/in"] {
        assert!(matches!(bench.packs.remove(name), Err(InstallError::NotInstalled(_))), "{name}");
    }
    assert!(bench.dir.path().join("data/packs/in/side").exists());
    fs::remove_dir_all(bench.dir.path().join("data/packs/in")).unwrap();
    assert!(matches!(bench.packs.remove(STARTER), Err(InstallError::Bundled)));
}

#[test]
fn a_wrong_file_leaves_the_installed_pack_as_it_was() {
    let bench = bench("", Some(EMBEDDER));
    let installed = bench.install(&bench.folder(EMBEDDER), Consent::default()).unwrap();
    let error = bench.install(&bench.folder(b"tampered!!!"), Consent::default()).unwrap_err();
    assert!(error.to_string().contains(&Sum::of(EMBEDDER).to_string()), "{error}");
    let missing = bench.folder(EMBEDDER);
    fs::remove_file(missing.join("rec.onnx")).unwrap();
    assert!(matches!(bench.install(&missing, Consent::default()), Err(InstallError::NotThere { .. })));
    let zip = bench.zip(&[("det.onnx", DETECTOR)]);
    assert!(matches!(bench.install(&zip, Consent::default()), Err(InstallError::Fetch(_))));
    let error = bench.install(Path::new("/no/such"), Consent::default()).unwrap_err();
    assert!(error.to_string().contains("no /no/such"), "{error}");
    let error = bench.install(&bench.folder(EMBEDDER).join("det.onnx"), Consent::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("det.onnx is no pack") && text.contains("no zip archive"), "{text}");
    assert_eq!(bench.leftovers(), Vec::<PathBuf>::new());
    assert_eq!(Pack::load(&installed.path).unwrap().embedder_graph, EMBEDDER);
}

#[test]
fn an_archive_in_a_folder_counts_where_files_are_missing() {
    let bench = bench("", Some(EMBEDDER));
    let folder = bench.folder(EMBEDDER);
    fs::write(folder.join("mine.zip"), "half a download").unwrap();
    bench.install(&folder, Consent::default()).unwrap();
    fs::remove_file(folder.join("rec.onnx")).unwrap();
    let error = bench.install(&folder, Consent::default()).unwrap_err();
    assert!(error.to_string().contains("mine.zip"), "{error}");
    fs::copy(bench.zip(&[("det.onnx", DETECTOR), ("rec.onnx", EMBEDDER)]), folder.join("mine.zip")).unwrap();
    bench.install(&folder, Consent::default()).unwrap();
}

#[test]
fn a_licence_has_to_be_accepted_before_a_byte_is_read() {
    let bench = bench("non_commercial = true", Some(EMBEDDER));
    let error = bench.install(&bench.folder(EMBEDDER), Consent::default()).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, InstallError::Licence { .. }));
    assert!(text.contains("only for tests") && text.contains("--accept-licence"), "{text}");
    assert!(!bench.dir.path().join("data").exists());
    bench.install(&bench.folder(EMBEDDER), AGREED).unwrap();
}

#[test]
fn an_unconfirmed_sum_is_taken_on_trust_once_and_held() {
    let bench = bench("", None);
    let folder = bench.folder(EMBEDDER);
    let error = bench.install(&folder, AGREED).unwrap_err();
    assert!(matches!(&error, InstallError::Unconfirmed { files, .. } if files == &["rec.onnx"]), "{error}");
    let trust = Consent { unconfirmed: true, ..AGREED };
    let installed = bench.install(&folder, trust).unwrap();
    let manifest = fs::read_to_string(installed.path.join("pack.toml")).unwrap();
    assert!(manifest.contains(&Sum::of(EMBEDDER).to_string()), "its sum is recorded: {manifest}");
    bench.packs.remove("mine").unwrap();
    bench.install(&folder, AGREED).unwrap();
    let error = bench.install(&bench.folder(b"another file"), trust).unwrap_err();
    assert!(matches!(error, InstallError::Fetch(FetchError::Wrong { .. })), "held even then: {error}");
}

#[test]
fn a_pack_of_ones_own_is_made_whole() {
    let bench = bench("", Some(EMBEDDER));
    let folder = bench.folder(EMBEDDER);
    let elsewhere = bench.dir.path().join("elsewhere.onnx");
    fs::rename(folder.join("rec.onnx"), &elsewhere).unwrap();
    let manifest = |name: &str, embedder: &str| {
        format!(
            "name = \"{name}\"\nversion = \"1\"\nlicence = \"my own\"\n[detector]\nfile = \"det.onnx\"\nhead = \"scrfd\"\n\
             channels = \"rgb\"\nmean = 127.5\nstd = 128\n[embedder]\nfile = \"{embedder}\"\nchannels = \"rgb\"\n\
             mean = 127.5\nstd = 127.5\ndimension = 4\n[distances]\nsame = 0.41\n"
        )
    };
    fs::write(folder.join("pack.toml"), manifest("own", elsewhere.to_str().unwrap())).unwrap();
    let installed = bench.import(&folder).unwrap();
    fs::remove_file(&elsewhere).unwrap();
    let pack = Pack::load(&installed.path).unwrap();
    assert_eq!((pack.name.as_str(), pack.distances.same, &pack.embedder_graph[..]), ("own", 0.41, EMBEDDER));

    let text = manifest("zipped", "weights/rec.onnx");
    let zip = bench.zip(&[
        ("p/pack.toml", text.as_bytes()),
        ("p/det.onnx", DETECTOR),
        ("p/weights/rec.onnx", EMBEDDER),
    ]);
    assert_eq!(bench.import(&zip).unwrap().name, "zipped");

    for (name, why) in [("starter", "catalog"), ("mine", "catalog"), ("../out", "letters")] {
        fs::write(folder.join("pack.toml"), manifest(name, "det.onnx")).unwrap();
        let error = bench.import(&folder).unwrap_err();
        assert!(matches!(error, InstallError::BadName { .. }) && error.to_string().contains(why), "{error}");
    }
    fs::write(folder.join("pack.toml"), "name = 3").unwrap();
    assert!(matches!(bench.import(&folder), Err(InstallError::Pack(PackError::Mistakes { .. }))));
    fs::remove_file(folder.join("pack.toml")).unwrap();
    assert!(matches!(bench.import(&folder), Err(InstallError::NotThere { .. })));
}

#[test]
fn a_broken_folder_is_listed_with_its_reason() {
    let bench = bench("", Some(EMBEDDER));
    let installed = bench.install(&bench.folder(EMBEDDER), Consent::default()).unwrap();
    fs::remove_file(installed.path.join("rec.onnx")).unwrap();
    fs::create_dir_all(bench.packs.folder("odd")).unwrap();
    let listed = bench.packs.installed().unwrap();
    let problems: Vec<&str> = listed.iter().map(|one| one.problem.as_deref().unwrap()).collect();
    assert!(problems[0].contains("rec.onnx is missing") && problems[1].contains("pack.toml"), "{problems:?}");
    bench.packs.remove("odd").unwrap();
}

#[test]
fn names_that_nobody_knows_are_told_with_those_that_are() {
    let bench = bench("", Some(EMBEDDER));
    let install = |name: &str| bench.packs.stage(name, None, AGREED, &mut |_| {}, &Cancel::new());
    let error = install("bufalo").unwrap_err();
    assert!(error.to_string().contains("opencv, buffalo_s"), "{error}");
    assert!(matches!(install(STARTER), Err(InstallError::Bundled)));
}
