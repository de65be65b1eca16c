//! Whatever happens to files while it runs, and while it does not: in the end it knows what a daemon knows that never knew anything else.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may panic: that is how it fails"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use vow_tests::files::jpeg;
use vow_tests::look::Random;
use vow_tests::{Daemon, Home, Scene};

const ROUNDS: u32 = 4;
const STEPS: u32 = 30;

/// All faces and failures, by file.
fn view(daemon: &Daemon) -> BTreeSet<String> {
    let faces = daemon.vow(["export", "json"]).stdout;
    let faces = faces.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let faces = faces.map(|face| format!("{} {}", face["path"], face["box"]));
    let failures = daemon.json(["failures"]);
    let failures = failures.as_array().unwrap().iter().map(|one| format!("{} {}", one["path"], one["stage"]));
    faces.chain(failures).collect()
}

/// The folders below `photos`, it among them, and all files.
fn tree(photos: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let (mut folders, mut files) = (vec![photos.to_owned()], Vec::new());
    let mut at = 0;
    while let Some(folder) = folders.get(at).cloned() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
        at += 1;
    }
    folders.sort();
    files.sort();
    (folders, files)
}

struct World {
    photos: PathBuf,
    random: Random,
    pictures: Vec<Vec<u8>>,
    names: u32,
}

impl World {
    fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        let bound = u32::try_from(of.len()).ok().filter(|bound| *bound > 0)?;
        of.get(self.random.below(bound) as usize).cloned()
    }

    fn new_path(&mut self) -> PathBuf {
        let folders = tree(&self.photos).0;
        let folder = self.pick(&folders).unwrap();
        self.names += 1;
        folder.join(format!("{}.jpg", self.names))
    }

    /// A picture, or what is none, comes to a path in one of the ways in which that happens.
    fn put(&mut self, path: &Path) {
        let pictures = self.pictures.clone();
        let picture = self.pick(&pictures).unwrap();
        let (half, rest) = picture.split_at(picture.len() / 2);
        match self.random.below(8) {
            0 => fs::write(path, "no picture at all").unwrap(),
            1 => fs::write(path, half).unwrap(),
            2 | 3 => {
                fs::write(path.with_extension("part"), &picture).unwrap();
                fs::rename(path.with_extension("part"), path).unwrap();
            }
            4 => {
                fs::write(path, half).unwrap();
                sleep(Duration::from_millis(self.random.below(150).into()));
                fs::write(path, [half, rest].concat()).unwrap();
            }
            _ => fs::write(path, &picture).unwrap(),
        }
    }

    fn step(&mut self) {
        let (folders, files) = tree(&self.photos);
        let below: Vec<PathBuf> = folders.iter().filter(|path| **path != self.photos).cloned().collect();
        let (file, folder) = (self.pick(&files), self.pick(&below));
        match (self.random.below(12), file, folder) {
            (0 | 1, Some(file), _) => self.put(&file),
            (2, Some(file), _) => fs::remove_file(file).unwrap(),
            (3 | 4, Some(file), _) => fs::rename(file, self.new_path()).unwrap(),
            (5, _, Some(folder)) => {
                self.names += 1;
                fs::rename(folder, self.photos.join(format!("folder {}", self.names))).unwrap();
            }
            (6, _, Some(folder)) => fs::remove_dir_all(folder).unwrap(),
            (7, _, _) => {
                let folder = self.pick(&folders).unwrap();
                self.names += 1;
                fs::create_dir(folder.join(format!("new {}", self.names))).unwrap();
            }
            _ => {
                let path = self.new_path();
                self.put(&path);
            }
        }
        if self.random.below(2) == 0 {
            sleep(Duration::from_millis(self.random.below(120).into()));
        }
    }
}

#[test]
fn in_the_end_it_knows_what_a_daemon_knows_that_never_knew_anything_else() {
    let home = Home::new();
    let pictures = (0..12u32).map(|n| {
        let scene = Scene::new(640 + 160 * (n % 4), 480, n.into()).with_row(&[n % 5, n % 3 + 5]);
        jpeg(&scene.draw(), 85)
    });
    let pictures = pictures.collect();
    let mut world = World { photos: home.photos(), random: Random::new(20_261_126), pictures, names: 0 };
    let mut daemon = home.start();
    for round in 0..ROUNDS {
        for step in 0..STEPS {
            world.step();
            if step == STEPS / 2 && round % 2 == 1 {
                // A kill, and more happens before the next start.
                daemon.kill();
                (0..4).for_each(|_| world.step());
                daemon = home.start();
            }
        }
        let fresh = Home::new();
        let mut command = fresh.vowd();
        command.arg(home.photos());
        let other = fresh.start_as(command);
        other.wait_idle();
        let expected = view(&other);
        println!(
            "round {round}: {} files, {} faces and failures",
            tree(&home.photos()).1.len(),
            expected.len()
        );
        daemon.wait_until("what a fresh daemon knows", |_| view(&daemon) == expected);
        let verified = daemon.vow(["verify"]);
        assert_eq!(verified.code, 0, "{verified:?}");
    }
    assert!(tree(&home.photos()).1.len() > 5, "it is not about nothing");
}
