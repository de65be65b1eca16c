//! Under which one path a folder is shown, whatever links lead to it: its own where it lies in the root, otherwise the first, in
//! the order of paths, that a link out of the root leads to. So links that lead round or to one another multiply nothing.
//!
//! Also which folders are never shown: those of file systems that the kernel makes up, and one that the caller names.

use std::collections::HashSet;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::fstatfs;

use crate::{Ignored, judge};

/// A folder's identity: device and inode.
pub(crate) type Id = (u64, u64);

/// How a walk came to a folder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reached {
    /// By a link out of the root, at whatever level.
    pub(crate) outside: bool,
    device: u64,
}

/// What one walk has shown. Folders of the root are known by their paths and take no room here, those outside 16 bytes each.
pub(crate) struct Once {
    /// The root's real path.
    root: PathBuf,
    /// What lies above where the walk began, and all outside that was shown.
    shown: HashSet<Id>,
    never: Vec<Id>,
}

impl Once {
    /// Begins a walk of `folder`, which is `root` or lies below it and is open. The inner error says why it is not shown.
    pub(crate) fn begin(
        root: &Path,
        folder: &Path,
        without: Option<&Path>,
        (fd, id): (&OwnedFd, Id),
    ) -> io::Result<Result<(Self, Reached), Ignored>> {
        let real_root = root.canonicalize()?;
        let mut never: Vec<Id> =
            without.into_iter().chain([Path::new("/dev")]).filter_map(identity).collect();
        // The root was chosen by a person, whatever it is.
        let root_id = identity(root);
        never.retain(|one| Some(*one) != root_id);
        let above = folder.ancestors().skip(1).take_while(|one| one.starts_with(root));
        let mut once = Self { root: real_root, shown: above.filter_map(identity).collect(), never };
        let real = folder.canonicalize()?;
        let outside = folder.strip_prefix(root).is_ok_and(|below| real != once.at(below));
        let left_out = |one: &Id| *one == id || once.shown.contains(one);
        if folder != root && (once.never.iter().any(left_out) || is_made_up(fd)) {
            return Ok(Err(Ignored::SystemFolder));
        }
        let again = !once.shown.insert(id);
        if outside && (again || once.shows(&real)) {
            return Ok(Err(Ignored::ShownElsewhere));
        }
        Ok(Ok((once, Reached { outside, device: id.0 })))
    }

    /// Goes on into a folder in one that was reached; `linked` when its name is a link.
    pub(crate) fn reach(
        &mut self,
        above: Reached,
        path: &Path,
        linked: bool,
        (fd, id): (&OwnedFd, Id),
    ) -> Result<Reached, Ignored> {
        // A file system begins where the device changes.
        if self.never.contains(&id) || (id.0 != above.device && is_made_up(fd)) {
            return Err(Ignored::SystemFolder);
        }
        let outside = above.outside || linked;
        if (linked && path.canonicalize().is_ok_and(|real| self.shows(&real)))
            || (outside && !self.shown.insert(id))
        {
            return Err(Ignored::ShownElsewhere);
        }
        Ok(Reached { outside, device: id.0 })
    }

    /// Whether a folder is shown by its own path: in the root, and nothing on the way to it is left out for its name.
    fn shows(&self, real: &Path) -> bool {
        real.starts_with(&self.root) && judge::by_path(&self.root, real).is_none()
    }

    fn at(&self, below: &Path) -> PathBuf {
        // Joining nothing would add a slash.
        if below.as_os_str().is_empty() { self.root.clone() } else { self.root.join(below) }
    }
}

fn identity(folder: &Path) -> Option<Id> {
    folder.metadata().ok().map(|found| (found.dev(), found.ino()))
}

/// `f_type` of file systems in which the kernel shows itself (linux/magic.h). That of `/dev` is any memory's.
const MADE_UP: [u64; 21] = [
    0x0000_9fa0, // proc
    0x6265_6572, // sysfs
    0x6265_6570, // configfs
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0x7363_6673, // securityfs
    0x0000_1cd1, // devpts
    0x0027_e0eb, // cgroup
    0x6367_7270, // cgroup2
    0xcafe_4a11, // bpf
    0x6165_676c, // pstore
    0xde5e_81e4, // efivarfs
    0x1980_0202, // mqueue
    0x9584_58f6, // hugetlbfs
    0x4249_4e4d, // binfmt_misc
    0x6573_5543, // fusectl
    0xf97c_ff8c, // selinuxfs
    0x4341_5d53, // smackfs
    0x6e73_6673, // nsfs
    0x6759_6969, // rpc_pipefs
    0x6e66_7364, // nfsd
];

/// Whether the kernel makes up what is in an open folder. One that does not say counts as real.
pub(crate) fn is_made_up(fd: &OwnedFd) -> bool {
    fstatfs(fd).is_ok_and(|found| u64::try_from(found.f_type).is_ok_and(|kind| MADE_UP.contains(&kind)))
}
