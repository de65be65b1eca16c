//! Folders, files, photos, analyses, faces, embeddings, and how they are counted.

use std::collections::{HashMap, HashSet};

use vow_types::num::len_u64;
use vow_types::{ContentId, FaceId, FolderId, PackId};

use super::Lengths;
use super::walk::Look;
use crate::codec::{take_analysis, take_embedding, take_face, take_file, take_folder, take_pack, take_photo};
use crate::path_bytes::{from_bytes, is_inside};
use crate::rows::FileState;
use crate::tables::{
    ANALYSES, EMBEDDINGS, FACES, FAILURES, FILES, FOLDERS, FULL_NORMS, HIDDEN, PACKS, PHOTO_FILES, PHOTOS,
    TALLIES,
};

pub(super) fn verify(look: &mut Look<'_>, lengths: Lengths) {
    files(look);
    photos(look);
    analyses(look);
    faces(look, lengths);
    look.rows("packs", PACKS, |pack, bytes, found| {
        found.read(PackId(*pack), take_pack(bytes));
        Ok(())
    });
    look.rows("full_norms", FULL_NORMS, |pack, bits, found| {
        let norm = f32::from_bits(bits);
        found.must(norm.is_finite() && norm > 0.0, PackId(*pack), || format!("{norm} is no length"));
        Ok(())
    });
}

fn files(look: &mut Look<'_>) {
    let mut folders = HashMap::new();
    look.rows("folders", FOLDERS, |id, bytes, found| {
        folders
            .extend(found.read(FolderId(id), take_folder(id, bytes)).map(|folder| (folder.id, folder.path)));
        Ok(())
    });
    let (photos, failures) = (look.finder(PHOTOS), look.finder(FAILURES));
    let (mut showing, mut failed) = (0_u64, 0_u64);
    look.rows("files", FILES, |path, bytes, found| {
        let name = from_bytes(path);
        let Some(file) = found.read(name.display(), take_file(path, bytes)) else { return Ok(()) };
        match folders.get(&file.folder) {
            None => found.add(name.display(), format!("its folder {} is not there", file.folder)),
            Some(folder) => found.must(is_inside(&name, folder), name.display(), || {
                format!("it is not inside its folder {}", folder.display())
            }),
        }
        match file.state {
            FileState::Shows { photo, .. } => {
                showing = showing.saturating_add(1);
                let there = photos.has(&photo.0)?;
                found.must(there, name.display(), || format!("it shows photo {photo}, which is not there"));
            }
            FileState::Failed { .. } => {
                failed = failed.saturating_add(1);
                let listed = failures.has(path)?;
                found.must(listed, name.display(), || "it failed and is not among the failures".to_owned());
            }
        }
        Ok(())
    });
    let table = look.finder(FILES);
    look.rows("failures", FAILURES, |path, (), found| {
        let file = table.get(path)?.and_then(|bytes| take_file(path, bytes.value()).ok());
        let failed = file.is_some_and(|file| matches!(file.state, FileState::Failed { .. }));
        found.must(failed, from_bytes(path).display(), || "there is no such file that failed".to_owned());
        Ok(())
    });
    let mut pairs = 0_u64;
    look.pairs("photo_files", PHOTO_FILES, |photo, path, found| {
        let file = table.get(path)?.and_then(|bytes| take_file(path, bytes.value()).ok());
        let shows = file.is_some_and(
            |file| matches!(file.state, FileState::Shows { photo: shown, .. } if shown.0 == *photo),
        );
        pairs = pairs.saturating_add(u64::from(shows));
        let name = from_bytes(path);
        found.must(shows, ContentId(*photo), || format!("no file {} shows it", name.display()));
        Ok(())
    });
    look.as_many("photo_files", pairs, showing);
}

fn photos(look: &mut Look<'_>) {
    let (files, hidden, photos) = (look.pair_finder(PHOTO_FILES), look.finder(HIDDEN), look.finder(PHOTOS));
    look.rows("photos", PHOTOS, |content, bytes, found| {
        let photo = ContentId(*content);
        found.read(photo, take_photo(photo, bytes));
        let (shown, is_hidden) = (files.has(content)?, hidden.has(content)?);
        found.must(shown != is_hidden, photo, || {
            let says = if is_hidden { "has no file" } else { "has a file" };
            format!("it counts as one that {says}, which is not so")
        });
        Ok(())
    });
    look.rows("photos_without_file", HIDDEN, |content, (), found| {
        found.must(photos.has(content)?, ContentId(*content), || "there is no such photo".to_owned());
        Ok(())
    });
}

fn analyses(look: &mut Look<'_>) {
    let (photos, hidden, faces) = (look.finder(PHOTOS), look.finder(HIDDEN), look.finder(FACES));
    let mut tallies: HashMap<PackId, (u64, u64)> = HashMap::new();
    look.rows("analyses", ANALYSES, |(content, pack), bytes, found| {
        let (photo, pack) = (ContentId(*content), PackId(*pack));
        found.must(photos.has(content)?, photo, || "there is no such photo".to_owned());
        let Some(ids) = found.read(photo, take_analysis(bytes)) else { return Ok(()) };
        for id in &ids {
            let row = faces.get(id.0)?.and_then(|bytes| take_face(id.0, bytes.value()).ok());
            let theirs = row.is_some_and(|row| (row.photo, row.pack) == (photo, pack));
            found.must(theirs, photo, || format!("it is said to show {id}, which is not there"));
        }
        if !hidden.has(content)? {
            let (photos, faces) = tallies.entry(pack).or_default();
            *photos = photos.saturating_add(1);
            *faces = faces.saturating_add(len_u64(ids.len()));
        }
        Ok(())
    });
    let mut told = HashSet::new();
    look.rows("tallies", TALLIES, |pack, said, found| {
        let pack = PackId(*pack);
        let counted = tallies.get(&pack).copied().unwrap_or_default();
        told.insert(pack);
        found.must(said == counted, pack, || {
            format!("{said:?} photos and faces are counted, but there are {counted:?}")
        });
        Ok(())
    });
    for pack in tallies.keys().filter(|pack| !told.contains(*pack)) {
        look.add("tallies", pack, "its photos are not counted".to_owned());
    }
}

fn faces(look: &mut Look<'_>, mut lengths: Lengths) {
    let (photos, analyses, embeddings) =
        (look.finder(PHOTOS), look.finder(ANALYSES), look.finder(EMBEDDINGS));
    look.rows("faces", FACES, |id, bytes, found| {
        let face = FaceId(id);
        let Some(row) = found.read(face, take_face(id, bytes)) else { return Ok(()) };
        let there = photos.has(&row.photo.0)?;
        found.must(there, face, || format!("its photo {} is not there", row.photo));
        let named = analyses.get((&row.photo.0, &row.pack.0))?;
        let named = named.and_then(|bytes| take_analysis(bytes.value()).ok());
        found.must(named.is_some_and(|ids| ids.contains(&face)), face, || {
            format!("no analysis of photo {} names it", row.photo)
        });
        found.must(embeddings.has(id)?, face, || "it has no embedding: nobody can be told by it".to_owned());
        Ok(())
    });
    let faces = look.finder(FACES);
    look.rows("embeddings", EMBEDDINGS, |id, bytes, found| {
        let face = FaceId(id);
        let Some(embedding) = found.read(face, take_embedding(bytes)) else { return Ok(()) };
        match faces.get(id)?.map(|bytes| take_face(id, bytes.value())) {
            None => found.add(face, "there is no such face"),
            // A row that cannot be read was found with its own table.
            Some(Err(_)) => {}
            Some(Ok(row)) => {
                let length = embedding.steps().len();
                let wanted = *lengths.entry(row.pack).or_insert(length);
                found.must(length == wanted, face, || {
                    format!("its embedding has {length} numbers; those of its pack have {wanted}")
                });
            }
        }
        Ok(())
    });
}
