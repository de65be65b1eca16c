//! The command line, as plain data. Touches nothing outside. Which photos are meant is said in [`which`].

mod which;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::events::EventsArgs;
use crate::restore::RestoreArgs;
use crate::say::Say;
pub(crate) use which::{HandOver, PhotoOrder, PhotosArgs};

/// What every command knows is shown apart from what it alone does.
const EVERYWHERE: &str = "Options of every command";

/// Asks a running vowd who is in your photos.
///
/// Exit codes: 0 fine, 1 what was asked for does not exist or `vow verify` found something, 2 wrong use, 3 the daemon cannot be reached, 4 refused.
#[derive(Debug, Parser)]
#[command(name = "vow", version, max_term_width = 100)]
pub(crate) struct Args {
    /// The daemon's socket [default: vowd.sock in VOW_DATA_DIR or in $XDG_DATA_HOME/vowimager].
    #[arg(long, global = true, env = "VOW_SOCKET", value_name = "PATH", help_heading = EVERYWHERE)]
    pub(crate) socket: Option<PathBuf>,

    /// Answer in JSON.
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What the daemon is doing and what it has.
    Status,
    /// Follow its progress until everything is done.
    Watch,
    /// What happened, an event a line: photos indexed and gone, faces and people, names and other decisions.
    Events(EventsArgs),
    /// The watched folders.
    #[command(subcommand)]
    Folder(FolderCommand),
    /// Compare a folder, or all of them, with what is known.
    Rescan {
        /// A folder that is watched, or lies in one that is.
        path: Option<PathBuf>,
    },
    /// Everyone: first people with a name, then the others by number of faces.
    People {
        /// Only people with a name.
        #[arg(long, conflicts_with = "unnamed")]
        named: bool,
        /// Only people without a name.
        #[arg(long)]
        unnamed: bool,
        /// Only people who were hidden.
        #[arg(long)]
        hidden: bool,
        /// List people without a name from this many faces on.
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
        min_faces: u32,
        /// In which order.
        #[arg(long, value_enum, default_value_t = PeopleOrder::Name)]
        by: PeopleOrder,
        /// Instead of everyone: how good the grouping is, as far as your answers tell.
        #[arg(long, conflicts_with_all = ["named", "unnamed", "hidden", "min_faces", "by"])]
        stats: bool,
    },
    /// One person and their best faces.
    Person {
        /// An id such as p7, or a name.
        person: String,
    },
    /// Every photo of a person, or of several together.
    Photos(PhotosArgs),
    /// Who else is in photos of a person, or of several together.
    With {
        /// Ids or names.
        #[arg(required = true)]
        people: Vec<String>,
        /// People at most.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// The faces in a photo.
    Faces {
        /// An indexed file.
        photo: PathBuf,
    },
    /// The address of the gallery, for a browser on the daemon's machine. It holds the key: keep it to yourself.
    Gallery,
    /// A picture of a face, or of a photo, as a JPEG file: upright and without the original's metadata.
    Picture {
        /// A face id such as f12, or an indexed file.
        of: PathBuf,
        /// The new file; nothing may be there yet.
        file: PathBuf,
        /// Pixels along its longer side at most; nothing is enlarged [default: 192 for a face, 1600 for a photo].
        #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(16..=4096))]
        size: Option<u32>,
    },
    /// Who looks like this.
    Similar {
        /// A picture: every face in it is looked up. It need not be indexed; a selfie will do.
        #[arg(required_unless_present = "face", conflicts_with = "face")]
        photo: Option<PathBuf>,
        /// A face id such as f12.
        #[arg(long, value_name = "ID")]
        face: Option<String>,
        /// Results for each face.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// Leave out faces that are less alike (cosine, -1 to 1).
        #[arg(long, value_name = "COSINE", allow_negative_numbers = true, value_parser = cosine)]
        min_cosine: Option<f32>,
    },
    #[command(flatten)]
    Say(Say),
    /// Questions whose answers would help most: are these two the same person?
    Suggestions {
        /// Questions at most.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// Ask them one by one and pass the answers on: yes, no, skip, quit.
        #[arg(long, conflicts_with = "json")]
        ask: bool,
    },
    /// Sort everyone out anew in another way: shows what would be different, and with --apply makes it so.
    Recluster(ReclusterArgs),
    /// Why a face is where it is.
    Explain {
        /// A face id such as f12.
        face: String,
    },
    /// Files that could not be indexed, and why.
    Failures {
        /// Read them all again.
        #[arg(long)]
        retry: bool,
    },
    /// What the work since the daemon's start has cost: photos a second, processor, memory, every stage.
    Report {
        /// Draw it over time as SVG instead of printing it.
        #[arg(long, value_name = "FILE", conflicts_with = "json")]
        plot: Option<PathBuf>,
    },
    /// Index nothing until `vow resume`; a restart does not end it.
    Pause {
        /// Go on by itself after this time, such as 45m, 2h or 1h30m.
        #[arg(long = "for", value_name = "TIME", value_parser = crate::hold::span)]
        time: Option<std::time::Duration>,
    },
    /// Go on after a pause.
    Resume,
    /// Copy all that is known - names, decisions, faces - into a new file; the daemon goes on meanwhile.
    Backup {
        /// The file; nothing may be there yet. `vow restore` goes back to it.
        file: PathBuf,
    },
    /// Read all that is known and see whether it is whole, while the daemon goes on; exit code 1 when something is found.
    Verify {
        /// Read every original, too, and see whether it still shows what was indexed; takes hours for a large library.
        #[arg(long)]
        photos: bool,
    },
    /// Go back to a backup: the daemon begins anew with it, and keeps what it knows now beside it.
    Restore(RestoreArgs),
    /// The models that find and recognise faces: list, install, choose, remove.
    #[command(subcommand)]
    Models(ModelsCommand),
    /// What runs the models: show it, install a faster one.
    #[command(subcommand)]
    Runtime(RuntimeCommand),
    /// Everything for other programs, or somebody's photos for other people.
    #[command(subcommand)]
    Export(ExportForm),
    /// Completions for a shell, to standard output.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReclusterArgs {
    /// Only show what would be different; so it is without --apply too.
    #[arg(long, conflicts_with = "apply")]
    pub(crate) preview: bool,
    /// Make it so; `vow undo` takes it back.
    #[arg(long)]
    pub(crate) apply: bool,
    /// How.
    #[arg(long, value_enum, default_value_t = Method::Grow)]
    pub(crate) method: Method,
    /// grow: the score from which on groups are one person, 0.05 to 0.95, or `answers` for what your answers speak for
    /// [default: the pack's].
    #[arg(long, value_name = "SCORE")]
    pub(crate) merge_at: Option<String>,
    /// dbscan: the largest distance of neighbours, above 0 and up to 2 [default: 0.7].
    #[arg(long)]
    pub(crate) eps: Option<f32>,
    /// dbscan: neighbours that make a core, at least 2 [default: 3].
    #[arg(long)]
    pub(crate) min_samples: Option<u32>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Method {
    /// As ever: by sum-link, growing with what comes in.
    Grow,
    /// By density, with one distance for everyone.
    Dbscan,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum PeopleOrder {
    /// People with a name by name, then the others by number of faces.
    Name,
    /// The most faces first.
    Faces,
    /// By their first photo, the earliest first.
    First,
    /// By their last photo, the latest first.
    Last,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FolderCommand {
    /// Watch one more folder.
    Add {
        /// A folder on this machine.
        path: PathBuf,
    },
    /// Stop watching a folder; nothing on disk is touched.
    Remove {
        /// The folder, or its id such as d3.
        path: PathBuf,
    },
    /// The watched folders.
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// The packs that can be had, and those that are installed.
    List,
    /// Fetch a pack, verify it and put it into the data folder.
    Install(InstallArgs),
    /// Switch over to an installed pack, or back to `starter`. Names stay; photos are looked at again.
    Use {
        /// Its name.
        pack: String,
    },
    /// Delete an installed pack that is not in use.
    Remove {
        /// Its name.
        pack: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct InstallArgs {
    /// A pack's name, or the folder or zip archive of a pack of your own (with a pack.toml).
    pub(crate) pack: String,
    /// Take the pack's files from this folder or zip archive instead of the network.
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) from: Option<PathBuf>,
    /// Accept the licence of a pack that is not for commercial use.
    #[arg(long, alias = "accept-license")]
    pub(crate) accept_licence: bool,
    /// Take files whose SHA-256 nobody has confirmed; it is held from then on.
    #[arg(long)]
    pub(crate) accept_unconfirmed: bool,
    /// Switch over to it at once.
    #[arg(long = "use")]
    pub(crate) use_it: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RuntimeCommand {
    /// Fetch ONNX Runtime, verify it and put it into the data folder; the daemon switches over to it.
    Install {
        /// The one that runs on NVIDIA cards: needs their driver, CUDA 13 and cuDNN 9.
        #[arg(long)]
        cuda: bool,
        /// With it CUDA 13 and cuDNN 9 (0.9 GB to fetch, 1.5 GB on disk, under NVIDIA's own licences, which are put
        /// beside them): for machines that have NVIDIA's driver alone.
        #[arg(long, requires = "cuda")]
        libraries: bool,
        /// Take it from this wheel instead of the network; NVIDIA's wheels lie beside it.
        #[arg(long, value_name = "WHEEL")]
        from: Option<PathBuf>,
        /// Take that wheel even if this version does not know it.
        #[arg(long, requires = "from")]
        accept_unconfirmed: bool,
    },
    /// Which runtime is used and why, and why others are not.
    Show,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ExportForm {
    /// One JSON object a line for every face in every file.
    Json {
        /// Also what the models made of each face: the numbers that faces are compared by.
        #[arg(long)]
        embeddings: bool,
    },
    /// The same as a table for a spreadsheet: comma-separated values with a head line, one row a face and file.
    Csv,
    /// A folder with somebody's photos, every photo once: as links to the originals.
    Links(HandOver),
    /// A folder with somebody's photos, every photo once: as copies, to hand over.
    Copies(HandOver),
}

fn cosine(text: &str) -> Result<f32, String> {
    let cosine = text.parse().ok().filter(|cosine| (-1.0..=1.0).contains(cosine));
    cosine.ok_or_else(|| "expected a number from -1 to 1".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn similar_wants_a_photo_or_a_face() {
        assert!(Args::try_parse_from(["vow", "similar"]).is_err());
        assert!(Args::try_parse_from(["vow", "similar", "a.jpg", "--face", "f1"]).is_err());
        assert!(Args::try_parse_from(["vow", "similar", "--face", "f1"]).is_ok());
        let least =
            |cosine| Args::try_parse_from(["vow", "similar", "--face", "f1", "--min-cosine", cosine]).is_ok();
        assert!(least("-0.5") && least("1") && !least("nan") && !least("1.01") && !least("60"));
    }
}
