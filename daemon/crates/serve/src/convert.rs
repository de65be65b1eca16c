//! From the engine's words to the wire's, and back. Nothing else is decided here.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use vow_engine::types::{Failure, PxBox, PxPoint, num};
use vow_engine::{
    CardState, FaceView, FailedFile, FileView, FolderInfo, Hold, IgnoredCounts, PersonPhoto, PersonView,
    Provider, State, Status,
};
use vow_proto::v1;

pub(crate) fn path(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}

pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

pub(crate) fn file(view: FileView) -> v1::File {
    v1::File {
        path: bytes(&view.path),
        photo_id: view.photo.to_string(),
        width: view.upright.width,
        height: view.upright.height,
        taken: view.taken,
        orientation: u32::from(view.orientation.to_exif()),
        found_turned: view.found_turned,
    }
}

pub(crate) fn face(view: FaceView) -> v1::Face {
    v1::Face {
        face_id: view.id.to_string(),
        photo_id: view.photo.to_string(),
        person_id: view.person.map(|id| id.to_string()).unwrap_or_default(),
        person_name: view.name.unwrap_or_default(),
        ..look(view.bbox, view.landmarks, (view.score, view.quality))
    }
}

/// A face that has no id: where it is, and its score and quality.
pub(crate) fn look(bbox: PxBox, landmarks: [PxPoint; 5], (score, quality): (f32, f32)) -> v1::Face {
    let PxBox { left, top, right, bottom } = bbox;
    v1::Face {
        r#box: Some(v1::Box { left, top, right, bottom }),
        landmarks: landmarks.into_iter().map(|PxPoint { x, y }| v1::Point { x, y }).collect(),
        score,
        quality,
        ..v1::Face::default()
    }
}

pub(crate) fn person(view: PersonView) -> v1::Person {
    v1::Person {
        person_id: view.id.to_string(),
        name: view.name.unwrap_or_default(),
        faces: num::len_u64(view.faces),
        photos: num::len_u64(view.photos),
        cover_face_id: view.cover.map(|id| id.to_string()).unwrap_or_default(),
        first_taken: view.taken.map(|(first, _)| first),
        last_taken: view.taken.map(|(_, last)| last),
        hidden: view.hidden,
    }
}

pub(crate) fn photo(photo: PersonPhoto) -> v1::PersonPhoto {
    v1::PersonPhoto { file: Some(file(photo.file)), faces: photo.faces.into_iter().map(face).collect() }
}

pub(crate) fn folder(info: FolderInfo) -> v1::Folder {
    v1::Folder {
        folder_id: info.id.to_string(),
        path: bytes(&info.path),
        online: info.online,
        files: info.files,
        watched: info.watched,
    }
}

pub(crate) fn failed(file: FailedFile) -> v1::FileFailure {
    failure(&file.path, file.failure, file.tries, file.at)
}

fn failure(path: &Path, failure: Failure, tries: u32, at: i64) -> v1::FileFailure {
    v1::FileFailure {
        path: bytes(path),
        stage: failure.stage.name().to_owned(),
        reason: failure.reason,
        tries,
        at,
    }
}

/// Nanoseconds since 1970 at the first status of this program's run.
static START_ID: LazyLock<u64> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
});

pub(crate) fn status(status: Status) -> v1::StatusResponse {
    let IgnoredCounts { not_a_picture, hidden, system_folder, special_file } = status.ignored;
    let problems = status.scan_problems.into_iter();
    v1::StatusResponse {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        state: state(status.state).into(),
        pack: status.pack,
        pack_id: status.pack_id,
        runtime: status.runtime,
        runtime_why: status.runtime_why,
        folders: status.folders,
        files: status.files,
        photos: status.photos,
        faces: status.faces,
        people: status.people,
        named: status.named,
        failures: status.failures,
        pending: status.pending,
        index_waiting: status.index_waiting,
        photos_inferred: status.photos_inferred,
        photos_turned: status.photos_turned,
        files_read: status.files_read,
        photos_per_s: status.photos_per_s,
        eta_s: status.eta_s,
        ignored: Some(v1::Ignored { not_a_picture, hidden, system_folder, special_file }),
        scan_problems: problems.map(|(path, problem)| failure(&path, problem, 0, 0)).collect(),
        started: status.started,
        pid: std::process::id(),
        start_id: *START_ID,
        groups: status.groups,
        hold: status.hold.map(hold),
        last_event: status.last_event,
        card: status.card.map(card),
    }
}

fn card((provider, state): (Provider, CardState)) -> v1::Card {
    use v1::card::State as Wire;
    let (state, reason) = match state {
        CardState::Asleep => (Wire::Asleep, None),
        CardState::Starting => (Wire::Starting, None),
        CardState::Ready => (Wire::Ready, None),
        CardState::Resting(reason) => (Wire::Resting, Some(reason)),
        CardState::GivenUp(reason) => (Wire::GivenUp, Some(reason)),
    };
    v1::Card { provider: provider.name().to_owned(), state: state.into(), reason }
}

pub(crate) fn hold(hold: Hold) -> v1::Hold {
    use v1::hold::Why;
    match hold {
        Hold::User { until } => v1::Hold { why: Why::User.into(), until, ..v1::Hold::default() },
        Hold::Heat { celsius, ceiling } => v1::Hold {
            why: Why::Heat.into(),
            celsius: Some(celsius),
            ceiling: Some(ceiling),
            ..v1::Hold::default()
        },
        Hold::Battery { charge } => {
            v1::Hold { why: Why::Battery.into(), charge: charge.map(u32::from), ..v1::Hold::default() }
        }
    }
}

fn state(state: State) -> v1::status_response::State {
    use v1::status_response::State as Wire;
    match state {
        State::Scanning => Wire::Scanning,
        State::Indexing => Wire::Indexing,
        State::Paused => Wire::Paused,
        State::Settling => Wire::Settling,
        State::Idle => Wire::Idle,
        State::Stopping => Wire::Stopping,
    }
}
