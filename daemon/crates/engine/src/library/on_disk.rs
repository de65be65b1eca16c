//! What a path is on disk at this moment, beside what is known of it. Changes nothing.

use std::path::Path;

use vow_store::{FileRow, Folder};
use vow_watch::{Found, Looked, Seen};

/// Whether a disk that comes or goes at `place` may change what is seen in `folder`.
pub(super) fn concerns(place: &Path, folder: &Path) -> bool {
    folder.starts_with(place) || place.starts_with(folder)
}

/// Whether a folder that was offline can be scanned: an empty one may be the mount point of a disk that is away.
pub(super) fn is_back(folder: &Folder) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(mut entries) = std::fs::read_dir(&folder.path) else { return false };
    let device = std::fs::metadata(&folder.path).map(|metadata| metadata.dev());
    entries.next().is_some() || device.is_ok_and(|device| device == folder.device)
}

/// Whether there is no picture at a path any more, as far as can be seen.
pub(super) fn is_gone(folder: &Folder, path: &Path) -> bool {
    match vow_watch::look(&folder.path, path, &vow_media::is_picture_name) {
        Looked::Gone | Looked::Seen(Seen::Folder { .. } | Seen::Ignored { .. }) => true,
        Looked::Seen(Seen::Picture(_) | Seen::Problem { .. }) => false,
    }
}

/// Whether a file looks as it did when it was read.
pub(super) fn same(row: &FileRow, found: &Found) -> bool {
    (row.size, row.mtime_ns, row.inode) == (found.size, found.mtime_ns, found.inode)
}

#[cfg(test)]
mod tests {
    use vow_types::FolderId;

    use super::*;

    /// A photo that was copied in and indexed while a scan was under way was taken for gone.
    #[test]
    fn what_came_while_a_scan_was_under_way_is_not_gone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder { id: FolderId(1), path: dir.path().to_owned(), device: 0, added: 0 };
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("here.jpg"), b"a").unwrap();
        std::fs::create_dir(at("folder.jpg")).unwrap();
        std::fs::write(at("words.txt"), b"a").unwrap();
        assert!(!is_gone(&folder, &at("here.jpg")));
        for name in ["away.jpg", "no/away.jpg", "folder.jpg", "words.txt"] {
            assert!(is_gone(&folder, &at(name)), "{name}");
        }
    }

    #[test]
    fn disks_above_and_below_a_folder_concern_it() {
        let card = Path::new("/media/card");
        assert!(concerns(card, Path::new("/media/card/DCIM")) && concerns(card, Path::new("/media")));
        assert!(!concerns(card, Path::new("/media/cards")));
    }
}
