//! Tables that grow from memory to files, and back where there is no room.

use std::path::Path;

use super::*;
use crate::piece::tests::FULL;

const SIZE: usize = 2 * LARGE;

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 16).unwrap()
}

/// Writes all of it, each part another number.
fn fill(at: NonNull<[u8]>) {
    for place in (0..at.len()).step_by(4001) {
        let value = u8::try_from(place / 4001 % 251).unwrap();
        // SAFETY: the memory is the test's, and that long.
        unsafe { at.cast::<u8>().add(place).write(value) };
    }
}

fn is_filled(at: NonNull<[u8]>, size: usize) -> bool {
    (0..size).step_by(4001).all(|place| {
        // SAFETY: the memory is the test's, and that long; it was written by `fill`.
        let found = unsafe { at.cast::<u8>().add(place).read() };
        usize::from(found) == place / 4001 % 251
    })
}

fn pool(dir: &Path, limit: usize) -> Pool {
    let pool = Pool::new();
    pool.place.set(Place { dir: dir.to_owned(), limit }).unwrap();
    pool
}

fn give_back(pool: &Pool, at: NonNull<[u8]>, size: usize) {
    // SAFETY: it came from this pool, and is not used any more.
    unsafe { pool.deallocate(at.cast(), layout(size)) };
}

fn grow(pool: &Pool, at: NonNull<[u8]>, old: usize, new: usize) -> NonNull<[u8]> {
    // SAFETY: it came from this pool, and only what is returned is used from now on.
    unsafe { pool.grow(at.cast(), layout(old), layout(new)).unwrap() }
}

#[test]
fn beyond_the_limit_tables_are_in_files_and_keep_what_they_hold() {
    let dir = tempfile::tempdir().unwrap();
    let pool = pool(dir.path(), 3 * SIZE);
    let [one, two] = [0; 2].map(|_| pool.allocate(layout(SIZE)).unwrap());
    [one, two].into_iter().for_each(fill);
    assert_eq!(pool.held(), Held { memory: 2 * SIZE, files: 0 });
    // In memory, then to a file, then as a file.
    let one = grow(&pool, one, SIZE, 2 * SIZE);
    assert_eq!(pool.held(), Held { memory: 3 * SIZE, files: 0 });
    assert!(is_filled(one, SIZE));
    fill(one);
    let one = grow(&pool, one, 2 * SIZE, 3 * SIZE);
    assert_eq!(pool.held(), Held { memory: SIZE, files: 3 * SIZE });
    assert!(is_filled(one, 2 * SIZE));
    fill(one);
    let one = grow(&pool, one, 3 * SIZE, 40 * SIZE);
    assert_eq!(pool.held(), Held { memory: SIZE, files: 40 * SIZE });
    assert!(is_filled(one, 3 * SIZE) && is_filled(two, SIZE));
    fill(one);
    assert!(is_filled(one, 40 * SIZE));
    give_back(&pool, one, 40 * SIZE);
    give_back(&pool, two, SIZE);
    assert_eq!(pool.held(), Held { memory: 0, files: 0 });
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "files have no names");
}

#[test]
fn what_becomes_large_may_go_to_a_file_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let pool = pool(dir.path(), 0);
    let small = Global.allocate(layout(LARGE / 2)).unwrap();
    fill(small);
    let large = grow(&pool, small, LARGE / 2, SIZE);
    assert_eq!(pool.held(), Held { memory: 0, files: SIZE });
    assert!(is_filled(large, LARGE / 2));
    give_back(&pool, large, SIZE);
}

#[test]
fn where_no_file_can_be_it_stays_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let pool = pool(&dir.path().join("gone"), 0);
    let one = pool.allocate(layout(SIZE)).unwrap();
    fill(one);
    let one = grow(&pool, one, SIZE, 2 * SIZE);
    assert_eq!(pool.held(), Held { memory: 2 * SIZE, files: 0 });
    assert!(is_filled(one, SIZE));
    give_back(&pool, one, 2 * SIZE);
    assert_eq!(pool.held(), Held { memory: 0, files: 0 });
}

#[test]
fn where_the_disk_is_full_a_file_comes_back_into_memory() {
    let dir = tempfile::tempdir().unwrap();
    let pool = pool(dir.path(), 0);
    let one = pool.allocate(layout(SIZE)).unwrap();
    fill(one);
    FULL.set(true);
    let one = grow(&pool, one, SIZE, 2 * SIZE);
    assert_eq!(pool.held(), Held { memory: 2 * SIZE, files: 0 });
    assert!(is_filled(one, SIZE));
    FULL.set(false);
    fill(one);
    let one = grow(&pool, one, 2 * SIZE, 3 * SIZE);
    assert_eq!(pool.held(), Held { memory: 0, files: 3 * SIZE }, "there is room again");
    assert!(is_filled(one, 2 * SIZE));
    give_back(&pool, one, 3 * SIZE);
}

#[test]
fn what_cannot_grow_anywhere_is_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    for limit in [0, usize::MAX] {
        let pool = pool(dir.path(), limit);
        let one = pool.allocate(layout(SIZE)).unwrap();
        fill(one);
        let held = pool.held();
        // More than any machine has.
        let huge = Layout::from_size_align(1 << 60, 16).unwrap();
        // SAFETY: it came from this pool; it fails, so that the memory is as it was.
        assert!(unsafe { pool.grow(one.cast(), layout(SIZE), huge) }.is_err());
        assert!(is_filled(one, SIZE));
        assert_eq!(pool.held(), held);
        give_back(&pool, one, SIZE);
    }
}
