//! Speaks gRPC with the daemon: one method a question, pages put together.

use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Streaming};
use vow_proto::v1;
use vow_proto::v1::admin_client::AdminClient;
use vow_proto::v1::events_client::EventsClient;
use vow_proto::v1::faces_client::FacesClient;
use vow_proto::v1::library_client::LibraryClient;
use vow_proto::v1::packs_client::PacksClient;
use vow_proto::v1::people_client::PeopleClient;

use crate::args::PeopleOrder;
pub(crate) use crate::failure::Failure;

/// The largest answer taken, in bytes: pages are far smaller.
const LARGEST: usize = 256 << 20;

/// While an answer is awaited, the daemon is asked this often whether it lives, and has so long to say so: a machine that swaps, or a
/// disk that wakes, can take its time.
const PING_EVERY: Duration = Duration::from_secs(15);
const PING_WAITS: Duration = Duration::from_secs(45);

/// A connection to the daemon.
pub(crate) struct Daemon {
    library: LibraryClient<Channel>,
    pub(crate) people: PeopleClient<Channel>,
    pub(crate) faces: FacesClient<Channel>,
    pub(crate) admin: AdminClient<Channel>,
    packs: PacksClient<Channel>,
    pub(crate) events: EventsClient<Channel>,
}

impl Daemon {
    pub(crate) async fn connect(socket: Option<PathBuf>) -> Result<Self, Failure> {
        let socket = socket.or_else(default_socket).ok_or(Failure::NoSocket)?;
        let target = socket.clone();
        let connector = tower::service_fn(move |_: Uri| {
            let target = target.clone();
            async move { Ok::<_, io::Error>(TokioIo::new(UnixStream::connect(target).await?)) }
        });
        // The address is not used: the connector goes to the socket. However long an answer takes, a daemon that lives answers pings.
        let endpoint = Endpoint::from_static("http://vowd")
            .http2_keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_WAITS);
        let channel = endpoint.connect_with_connector(connector).await;
        let channel = channel.map_err(|error| Failure::Unreachable { socket, reason: innermost(&error) })?;
        Ok(Self {
            library: LibraryClient::new(channel.clone()).max_decoding_message_size(LARGEST),
            people: PeopleClient::new(channel.clone()).max_decoding_message_size(LARGEST),
            admin: AdminClient::new(channel.clone()).max_decoding_message_size(LARGEST),
            faces: FacesClient::new(channel.clone()).max_decoding_message_size(LARGEST),
            packs: PacksClient::new(channel.clone()),
            events: EventsClient::new(channel).max_decoding_message_size(LARGEST),
        })
    }

    pub(crate) async fn status(&mut self) -> Result<v1::StatusResponse, Failure> {
        Ok(self.library.status(v1::StatusRequest {}).await?.into_inner())
    }

    pub(crate) async fn watch_status(&mut self) -> Result<Streaming<v1::StatusResponse>, Failure> {
        Ok(self.library.watch_status(v1::WatchStatusRequest {}).await?.into_inner())
    }

    pub(crate) async fn rescan(&mut self, path: Option<PathBuf>) -> Result<(), Failure> {
        let path = path.map(|path| absolute(&path)).unwrap_or_default();
        self.library.rescan(v1::RescanRequest { path }).await?;
        Ok(())
    }

    pub(crate) async fn add_folder(&mut self, path: &Path) -> Result<(v1::Folder, bool), Failure> {
        let answer =
            self.library.add_folder(v1::AddFolderRequest { path: absolute(path) }).await?.into_inner();
        Ok((answer.folder.ok_or(Failure::Incomplete("folder"))?, answer.added))
    }

    pub(crate) async fn remove_folder(&mut self, path: &Path) -> Result<u64, Failure> {
        // An id goes as it is; so does a path of a folder that no longer exists.
        let is_id = path.to_str().is_some_and(|text| {
            text.strip_prefix('d')
                .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
        });
        let path =
            if is_id && !path.exists() { path.as_os_str().as_bytes().to_vec() } else { absolute(path) };
        Ok(self.library.remove_folder(v1::RemoveFolderRequest { path }).await?.into_inner().photos_gone)
    }

    pub(crate) async fn folders(&mut self) -> Result<Vec<v1::Folder>, Failure> {
        Ok(self.library.list_folders(v1::ListFoldersRequest {}).await?.into_inner().folders)
    }

    pub(crate) async fn people(
        &mut self,
        named: bool,
        unnamed: bool,
        hidden: bool,
        min_faces: u32,
        by: PeopleOrder,
    ) -> Result<Vec<v1::Person>, Failure> {
        use v1::list_people_request::{Names, Order};
        let order = match by {
            PeopleOrder::Name => Order::Unspecified,
            PeopleOrder::Faces => Order::Faces,
            PeopleOrder::First => Order::FirstTaken,
            PeopleOrder::Last => Order::LastTaken,
        };
        let names = match (named, unnamed) {
            (true, _) => Names::Named,
            (_, true) => Names::Unnamed,
            _ => Names::Unspecified,
        };
        let mut people = Vec::new();
        let mut page_token = String::new();
        loop {
            let (names, order) = (names.into(), order.into());
            let request =
                v1::ListPeopleRequest { min_faces, names, page_size: 1000, page_token, hidden, order };
            let answer = self.people.list_people(request).await?.into_inner();
            people.extend(answer.people);
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                return Ok(people);
            }
        }
    }

    /// How many people without a name have at least so many faces.
    pub(crate) async fn groups_from(&mut self, min_faces: u32) -> Result<u64, Failure> {
        let names = v1::list_people_request::Names::Unnamed.into();
        let request = v1::ListPeopleRequest { min_faces, names, page_size: 1, ..Default::default() };
        Ok(self.people.list_people(request).await?.into_inner().total)
    }

    pub(crate) async fn person(&mut self, person: String) -> Result<v1::GetPersonResponse, Failure> {
        Ok(self.people.get_person(v1::GetPersonRequest { person }).await?.into_inner())
    }

    pub(crate) async fn photos(
        &mut self,
        request: v1::ListPhotosRequest,
    ) -> Result<Vec<v1::PersonPhoto>, Failure> {
        let mut stream = self.people.stream_photos(request).await?.into_inner();
        let mut photos = Vec::new();
        while let Some(photo) = next(&mut stream).await? {
            photos.push(photo);
        }
        Ok(photos)
    }

    pub(crate) async fn companions(
        &mut self,
        people: Vec<String>,
        limit: u32,
    ) -> Result<Vec<v1::Companion>, Failure> {
        let request = v1::ListCompanionsRequest { people, limit };
        Ok(self.people.list_companions(request).await?.into_inner().companions)
    }

    pub(crate) async fn faces(&mut self, photo: &Path) -> Result<v1::ListFacesResponse, Failure> {
        Ok(self.faces.list_faces(v1::ListFacesRequest { path: as_given(photo) }).await?.into_inner())
    }

    pub(crate) async fn similar(
        &mut self,
        photo: Option<PathBuf>,
        face: Option<String>,
        limit: u32,
        min_cosine: Option<f32>,
    ) -> Result<v1::FindSimilarResponse, Failure> {
        use v1::find_similar_request::Query;
        let ask = |query| v1::FindSimilarRequest { query: Some(query), limit, min_cosine };
        let query = match (&photo, face) {
            (Some(path), _) => Query::Path(as_given(path)),
            (None, face) => Query::FaceId(face.unwrap_or_default()),
        };
        match (self.faces.find_similar(ask(query)).await, photo) {
            // The daemon does not know it, but here it is: it is shown to the daemon.
            (Err(status), Some(path)) if status.code() == Code::NotFound && path.is_file() => {
                let picture = std::fs::read(&path).map_err(|source| Failure::File { path, source })?;
                Ok(self.faces.find_similar(ask(Query::Picture(picture))).await?.into_inner())
            }
            (answer, _) => Ok(answer?.into_inner()),
        }
    }

    pub(crate) async fn failures(&mut self) -> Result<Vec<v1::FileFailure>, Failure> {
        let mut failures = Vec::new();
        let mut page_token = Vec::new();
        loop {
            let request = v1::ListFailuresRequest { page_size: 10_000, page_token };
            let answer = self.library.list_failures(request).await?.into_inner();
            failures.extend(answer.failures);
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                return Ok(failures);
            }
        }
    }

    pub(crate) async fn retry_failures(&mut self) -> Result<u64, Failure> {
        Ok(self.library.retry_failures(v1::RetryFailuresRequest {}).await?.into_inner().files)
    }

    pub(crate) async fn report(&mut self) -> Result<v1::ReportResponse, Failure> {
        Ok(self.admin.report(v1::ReportRequest {}).await?.into_inner())
    }

    pub(crate) async fn gallery(&mut self) -> Result<String, Failure> {
        Ok(self.admin.get_gallery(v1::GetGalleryRequest {}).await?.into_inner().url)
    }

    pub(crate) async fn pause(&mut self, time: Option<std::time::Duration>) -> Result<v1::Hold, Failure> {
        let request = v1::PauseRequest { seconds: time.map(|time| time.as_secs()) };
        self.admin.pause(request).await?.into_inner().hold.ok_or(Failure::Incomplete("pause"))
    }

    pub(crate) async fn resume(&mut self) -> Result<v1::ResumeResponse, Failure> {
        Ok(self.admin.resume(v1::ResumeRequest {}).await?.into_inner())
    }

    pub(crate) async fn export(
        &mut self,
        embeddings: bool,
    ) -> Result<Streaming<v1::ExportResponse>, Failure> {
        Ok(self.faces.export(v1::ExportRequest { embeddings }).await?.into_inner())
    }

    pub(crate) async fn backup(&mut self, file: &Path) -> Result<u64, Failure> {
        Ok(self.admin.backup(v1::BackupRequest { path: absolute(file) }).await?.into_inner().size)
    }

    pub(crate) async fn packs(&mut self) -> Result<v1::ListPacksResponse, Failure> {
        Ok(self.packs.list_packs(v1::ListPacksRequest {}).await?.into_inner())
    }

    pub(crate) async fn install_pack(
        &mut self,
        request: v1::InstallPackRequest,
    ) -> Result<Streaming<v1::InstallPackResponse>, Failure> {
        Ok(self.packs.install_pack(request).await?.into_inner())
    }

    pub(crate) async fn use_pack(&mut self, name: String) -> Result<bool, Failure> {
        Ok(self.packs.use_pack(v1::UsePackRequest { name }).await?.into_inner().switching)
    }

    pub(crate) async fn remove_pack(&mut self, name: String) -> Result<(), Failure> {
        self.packs.remove_pack(v1::RemovePackRequest { name }).await?;
        Ok(())
    }

    pub(crate) async fn runtime(&mut self) -> Result<v1::ShowRuntimeResponse, Failure> {
        Ok(self.packs.show_runtime(v1::ShowRuntimeRequest {}).await?.into_inner())
    }

    pub(crate) async fn install_runtime(
        &mut self,
        request: v1::InstallRuntimeRequest,
    ) -> Result<Streaming<v1::InstallRuntimeResponse>, Failure> {
        Ok(self.packs.install_runtime(request).await?.into_inner())
    }
}

/// The next message of a stream.
pub(crate) async fn next<T>(stream: &mut Streaming<T>) -> Result<Option<T>, Failure> {
    Ok(stream.message().await?)
}

/// A photo's path as it was given, from the root on. The daemon may know it by this one, by which a link leads out of a watched folder, or by
/// the one without links; it tries both.
pub(crate) fn as_given(path: &Path) -> Vec<u8> {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).into_os_string().into_vec()
}

/// A path as the daemon knows it: absolute, the folder's links resolved, the file's own name as it is.
pub(crate) fn absolute(path: &Path) -> Vec<u8> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let resolved = match (absolute.parent(), absolute.file_name()) {
        (Some(parent), Some(name)) => parent.canonicalize().map(|parent| parent.join(name)).ok(),
        _ => None,
    };
    resolved.unwrap_or(absolute).into_os_string().into_vec()
}

fn default_socket() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data_dir = variable("VOW_DATA_DIR").or_else(|| {
        let base = variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")));
        Some(base?.join("vowimager"))
    });
    Some(data_dir?.join("vowd.sock"))
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
