//! Disks that come and go: the kernel's table of mounts, and a thread that sleeps until it changes. A disk that is taken
//! away takes its watches along without a word, so that nothing would ever be heard of the one that comes back.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read as _, Seek as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::retry_on_intr;

/// Where Linux keeps it. Elsewhere there is none, and disks that come back are found by scanning.
const TABLE: &str = "/proc/self/mountinfo";

/// Listens until it is dropped.
pub(crate) struct Mounts {
    /// Its end wakes the thread.
    _alive: PipeWriter,
}

impl Mounts {
    /// Calls back with every place at which a disk came or went, on a thread of its own.
    pub(crate) fn listen(on_change: impl FnMut(PathBuf) + Send + 'static) -> io::Result<Self> {
        let table = File::open(TABLE)?;
        let (closed, alive) = io::pipe()?;
        let body = move || {
            if let Err(error) = follow(table, &closed, on_change) {
                tracing::warn!(%error, "disks that come back are found by scanning only");
            }
        };
        std::thread::Builder::new().name("vow-mounts".to_owned()).spawn(body)?;
        Ok(Self { _alive: alive })
    }
}

fn follow(mut table: File, closed: &PipeReader, mut on_change: impl FnMut(PathBuf)) -> io::Result<()> {
    let mut before = read(&mut table)?;
    loop {
        // Of a pipe whose other end is gone the kernel tells unasked.
        let mut waits = [PollFd::new(&table, PollFlags::PRI), PollFd::new(closed, PollFlags::empty())];
        retry_on_intr(|| poll(&mut waits, None))?;
        let [_, end] = waits;
        if !end.revents().is_empty() {
            return Ok(());
        }
        let now = read(&mut table)?;
        changed(&before, &now).into_iter().for_each(&mut on_change);
        before = now;
    }
}

fn read(table: &mut File) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    table.rewind()?;
    table.read_to_end(&mut text)?;
    Ok(text)
}

/// The places of lines that are in one table only.
fn changed(before: &[u8], now: &[u8]) -> BTreeSet<PathBuf> {
    let (before, now) = (mounts(before), mounts(now));
    before.symmetric_difference(&now).map(|(.., place)| place.clone()).collect()
}

/// Number of the mount and of its filesystem, and its place.
type Mount<'a> = (&'a [u8], &'a [u8], PathBuf);

fn mounts(table: &[u8]) -> BTreeSet<Mount<'_>> {
    let mount = |line| {
        // 36 35 98:0 /root/of/it /mnt/disk rw,noatime …
        let mut words = <[u8]>::split(line, |byte| *byte == b' ');
        let (id, device, place) = (words.next()?, words.nth(1)?, words.nth(1)?);
        Some((id, device, plain(place)))
    };
    table.split(|byte| *byte == b'\n').filter_map(mount).collect()
}

/// Spaces, tabs, line ends and backslashes are octal in the table: `\040`.
fn plain(escaped: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((first, after)) = rest.split_first() {
        let octal = after.split_at_checked(3).and_then(|(digits, after)| {
            Some((u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()?, after))
        });
        let (byte, after) = octal.filter(|_| *first == b'\\').unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
        36 22 8:17 / /media/My\\040Card rw shared:9 - vfat /dev/sdb1 rw\n";

    #[test]
    fn what_comes_and_what_goes_is_told_by_its_place() {
        let without = TABLE.split_inclusive(|byte| *byte == b'\n').next().unwrap();
        let card = BTreeSet::from([PathBuf::from("/media/My Card")]);
        assert_eq!(changed(TABLE, without), card);
        assert_eq!(changed(without, TABLE), card);
        assert_eq!(changed(TABLE, TABLE), BTreeSet::new());
        let other = String::from_utf8_lossy(TABLE).replace("8:17", "8:33").into_bytes();
        assert_eq!(changed(TABLE, &other), card, "another card at the same place");
    }

    #[test]
    fn names_are_as_they_are_on_disk() {
        assert_eq!(plain(b"/a\\011b\\134040\\"), PathBuf::from("/a\tb\\040\\"));
    }

    #[test]
    fn a_table_that_makes_no_sense_holds_nothing() {
        assert!(mounts(b"\n36\n36 22 8:17 /\nx y z").is_empty());
    }

    #[test]
    fn the_thread_ends_when_nobody_listens_any_more() {
        let (sender, told) = std::sync::mpsc::channel::<PathBuf>();
        let mounts = Mounts::listen(move |place| drop(sender.send(place))).unwrap();
        drop(mounts);
        while told.recv().is_ok() {}
    }
}
