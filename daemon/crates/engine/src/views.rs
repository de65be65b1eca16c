//! What answers are made of: files, faces and people as whoever asks sees them, in pixels of upright photos.

use std::collections::BTreeMap;
use std::path::PathBuf;

use vow_cluster::{Placed, Proposal, Said};
use vow_store::JournalEntry;
use vow_types::{ContentId, FaceId, Failure, Orientation, PersonId, PxBox, PxPoint, Size};

/// A file that shows a photo.
#[derive(Debug, Clone, PartialEq)]
pub struct FileView {
    /// Absolute path; need not be UTF-8.
    pub path: PathBuf,
    /// The photo it shows.
    pub photo: ContentId,
    /// Size of the upright photo.
    pub upright: Size,
    /// Capture time, seconds since 1970.
    pub taken: Option<i64>,
    /// How the coded picture is turned.
    pub orientation: Orientation,
    /// Whether [`Self::orientation`] was found by the photo's faces, the file not saying anything.
    pub found_turned: bool,
}

/// A face as one file shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceView {
    /// Its id.
    pub id: FaceId,
    /// The photo it is in.
    pub photo: ContentId,
    /// In pixels of the upright photo.
    pub bbox: PxBox,
    /// In pixels of the upright photo; order as in [`vow_types::Landmarks`].
    pub landmarks: [PxPoint; 5],
    /// The detector's score, 0 to 1.
    pub score: f32,
    /// 0 to 1.
    pub quality: f32,
    /// Whose face it is; `None` until it was grouped.
    pub person: Option<PersonId>,
    /// That person's name.
    pub name: Option<String>,
}

/// A person, or a cluster that nobody has named.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonView {
    /// Its id, never used for anyone else.
    pub id: PersonId,
    /// Its name.
    pub name: Option<String>,
    /// Visible faces.
    pub faces: usize,
    /// Photos they are in.
    pub photos: usize,
    /// Not listed, unless asked for.
    pub hidden: bool,
    /// The face that a human chose to stand for them, otherwise that of the best quality.
    pub cover: Option<FaceId>,
    /// Capture time of the first and last photo that has one.
    pub taken: Option<(i64, i64)>,
}

/// Which people to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameFilter {
    /// Everyone.
    #[default]
    Any,
    /// With a name.
    Named,
    /// Without.
    Unnamed,
}

/// How to order people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PersonOrder {
    /// The named by name, then the others by number of faces.
    #[default]
    Name,
    /// The most faces first.
    Faces,
    /// By their first photo that has a time, the earliest first; those without a time last.
    FirstTaken,
    /// By their last one, the latest first; those without a time last.
    LastTaken,
}

/// How to order photos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PhotoOrder {
    /// Oldest first, those without a time last, by path.
    #[default]
    Oldest,
    /// Newest first, those without a time last, by path.
    Newest,
    /// By path.
    Path,
}

/// Somebody in the same photos as others.
#[derive(Debug, Clone)]
pub struct Companion {
    /// Who.
    pub person: PersonView,
    /// Photos that show them together.
    pub photos: usize,
}

/// Which photos to list.
#[derive(Debug, Clone, Default)]
pub struct PhotoQuery {
    /// Whose.
    pub people: Vec<PersonId>,
    /// With any of them instead of all.
    pub any: bool,
    /// And none of these.
    pub without: Vec<PersonId>,
    /// Files below this folder only.
    pub folder: Option<PathBuf>,
    /// In this order.
    pub order: PhotoOrder,
    /// Taken at or after, seconds since 1970.
    pub since: Option<i64>,
    /// Taken at or before.
    pub until: Option<i64>,
}

/// A file that shows people who were asked for, and their faces in it.
#[derive(Debug, Clone)]
pub struct PersonPhoto {
    /// The file.
    pub file: FileView,
    /// The faces of the people asked for.
    pub faces: Vec<FaceView>,
}

/// A face that looks like another.
#[derive(Debug, Clone)]
pub struct SimilarHit {
    /// The face, in its first file.
    pub face: FaceView,
    /// All files that show it.
    pub files: Vec<FileView>,
    /// Cosine similarity, -1 to 1.
    pub cosine: f32,
}

/// What looks like one face.
#[derive(Debug, Clone)]
pub struct SimilarFaces {
    /// The face asked for.
    pub query: FaceView,
    /// Most alike first; the face itself is left out.
    pub similar: Vec<SimilarHit>,
}

/// A face in a picture that is in no folder.
#[derive(Debug, Clone)]
pub struct Stranger {
    /// In pixels of the upright picture.
    pub bbox: PxBox,
    /// In pixels of the upright picture; order as in [`vow_types::Landmarks`].
    pub landmarks: [PxPoint; 5],
    /// The detector's score, 0 to 1.
    pub score: f32,
    /// 0 to 1.
    pub quality: f32,
    /// Known faces that look like it, most alike first.
    pub similar: Vec<SimilarHit>,
}

/// A file that could not be indexed.
#[derive(Debug, Clone)]
pub struct FailedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Where and why it failed.
    pub failure: Failure,
    /// How often it was tried.
    pub tries: u32,
    /// When it was tried last, seconds since 1970.
    pub at: i64,
}

/// A face that belongs to another person than before.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// The face.
    pub face: FaceId,
    /// Whose it was.
    pub from: Option<PersonId>,
    /// Whose it is.
    pub to: Option<PersonId>,
}

/// What a decision did.
#[derive(Debug, Clone)]
pub struct Done {
    /// Its line in the journal; `None`: it was so already, and nothing changed.
    pub entry: Option<JournalEntry>,
    /// Every face that belongs to another person now, by id.
    pub moved: Vec<Moved>,
    /// The people it is about, as they are now; who was merged away, or has no face and no name, is left out.
    pub people: Vec<PersonView>,
    /// What a human should know of it.
    pub notes: Vec<String>,
}

/// A line of the journal, for showing.
#[derive(Debug, Clone)]
pub struct HistoryLine {
    /// The entry.
    pub entry: JournalEntry,
    /// It counts: it was not undone.
    pub in_effect: bool,
    /// The first few of the entries that it undoes or redoes.
    pub about: Vec<JournalEntry>,
    /// The people that these speak of with the names they have now.
    pub names: Vec<(PersonId, String)>,
}

/// A question to a human: are these one person?
#[derive(Debug, Clone)]
pub struct Question {
    /// One.
    pub a: PersonView,
    /// The other, with no more faces.
    pub b: PersonView,
    /// A face of each, the two that are most alike, in the first file that shows it.
    pub faces: [(FaceView, FileView); 2],
    /// The other is a single face: the question is whether that is the first person.
    pub is_face: bool,
    /// That face is taken for the first person now, hardly: the question is whether it is. The other is the first then.
    pub in_doubt: bool,
    /// How near they are to being taken for one.
    pub score: f32,
    /// The score at which they would be.
    pub merge_at: f32,
    /// Estimated chance of yes, 0 to 1.
    pub chance: f32,
}

/// Why a face is where it is.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The face.
    pub face: FaceView,
    /// All files that show it.
    pub files: Vec<FileView>,
    /// A human said that it is no face.
    pub is_no_face: bool,
    /// What grouping says; `None` while it has no person.
    pub placed: Option<Placed>,
    /// What humans said about it.
    pub said: Said,
    /// Of the faces that are its person by a human's word, the nearest.
    pub confirmed: Vec<NearFace>,
    /// The nearest of all faces.
    pub nearest: Vec<NearFace>,
    /// Who else it looks like.
    pub runner_up: Option<LooksLike>,
    /// Lines of the journal that say something about it.
    pub decisions: Vec<HistoryLine>,
}

/// A face near another one.
#[derive(Debug, Clone, PartialEq)]
pub struct NearFace {
    /// Its id.
    pub face: FaceId,
    /// Cosine similarity, -1 to 1.
    pub cosine: f32,
    /// Whose it is.
    pub person: PersonId,
    /// That person's name.
    pub name: Option<String>,
    /// It is theirs by a human's word.
    pub confirmed: bool,
}

/// Somebody a face looks like.
#[derive(Debug, Clone, PartialEq)]
pub struct LooksLike {
    /// Who.
    pub person: PersonId,
    /// Their name.
    pub name: Option<String>,
    /// Sum-link score with their faces.
    pub score: f32,
    /// A human's word, or another face of the photo, keeps it from being them.
    pub barred: bool,
}

/// What would be different if everyone were sorted out anew.
#[derive(Debug, Clone)]
pub struct Difference {
    /// Whoever gains or loses faces: people with a name first, then the largest.
    pub changes: Vec<Change>,
    /// Faces that would be somebody else.
    pub moved: usize,
    /// Groups there are now, single faces among them.
    pub before: usize,
    /// Groups there would be.
    pub after: usize,
}

/// Somebody who would gain or lose faces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Who; an id that nobody has yet when they would come into being.
    pub person: PersonId,
    /// Their name.
    pub name: Option<String>,
    /// Faces now.
    pub before: usize,
    /// Faces then; 0: nobody would be this person any more.
    pub after: usize,
    /// To whom faces would go, and how many.
    pub lost: BTreeMap<PersonId, usize>,
    /// From whom faces would come.
    pub gained: BTreeMap<PersonId, usize>,
}

/// How good the grouping is, as far as humans' answers tell.
#[derive(Debug, Clone, PartialEq)]
pub struct PeopleStats {
    /// Decisions that count.
    pub decisions: usize,
    /// Answers to "are these one person?" among them, and the like.
    pub answers: usize,
    /// Of the faces that humans looked at, the share that was with the right person, with its 95 % interval.
    pub precision: Option<[f32; 3]>,
    /// Of the faces of people that humans put together, the share that was together already, with its 95 % interval.
    pub recall: Option<[f32; 3]>,
    /// Questions that are open.
    pub questions: usize,
    /// How many of them are expected to be answered yes.
    pub expected_yes: f32,
    /// The score from which on groups are one person: the pack's, and the one in use.
    pub pack_merge_at: f32,
    /// See there.
    pub merge_at: f32,
    /// What the answers say about it; `None`: too few yet.
    pub proposal: Option<Proposal>,
}
