//! Model packs: a detector, an embedder, and what must be known to use them, read from a folder or from the binary.
//!
//! A pack is stated in a `pack.toml`; nothing is guessed from the networks themselves. This crate reads and verifies
//! bytes, and brings packs of its catalog into a data folder ([`Packs`]; the bytes come through `vow-fetch`). It knows
//! nothing of runtimes (whether a graph really keeps its contract is checked by whoever runs it), of photos, or of the
//! store, and it does not choose which pack is used.
//!
//! ```toml
//! name = "opencv-mobilefacenet"
//! version = "1"
//! licence = "MIT AND Apache-2.0"
//! source = "where the weights come from"   # optional
//!
//! [detector]
//! file = "detector.onnx"      # in this folder, or a path to anywhere else
//! sha256 = "…"                # optional, 64 hexadecimal digits
//! head = "yunet"              # or "scrfd"
//! channels = "bgr"            # or "rgb"
//! mean = 0.0                  # a byte x is fed as (x - mean) / std
//! std = 1.0
//! threshold = 0.5             # optional, as is all that follows with a value that is the default
//! nms_iou = 0.4
//!
//! [embedder]
//! file = "embedder.onnx"
//! channels = "rgb"
//! mean = 127.5
//! std = 127.5
//! size = 112
//! dimension = 128             # not optional
//! mirror = false              # embed every face mirrored too and average: twice the time, fewer mistakes
//! left = 0.0                  # how far faces lie from the template's place in a crop of 112 pixels, to the left and...
//! up = 0.0                    # ...upwards; default: what suits YuNet's landmarks, 1.0 and 1.5; 0 for scrfd
//! refine = false             # align every face by a second look; default: as `mirror` for yunet, false for scrfd
//!
//! [distances]                 # cosines; the defaults suit an ArcFace-like embedder that nobody has calibrated
//! same = 0.30
//! group = 0.50              # groups that score it are one person...
//! people = 3897             # ...among as many people; more want a higher score, fewer a lower one. Absent: any number
//! neighbour = 0.28
//!
//! [quality]                   # which faces may found a person
//! min_face = 24
//! min_score = 0.6
//! min_quality = 0.3
//! full_norm = 13.6            # length of the embedder's output for most good faces: shorter ones are worth less. 0: it says
//!                             # nothing; absent: learned from the first good faces
//! ```

mod catalog;
mod error;
mod held;
mod install;
mod manifest;
mod names;
mod pack;
mod table;

pub use catalog::{Catalog, CatalogError, Entry, STARTER};
pub use error::{Mistake, PackError};
pub use install::{Consent, InstallError, Installed, Packs, Staged};
pub use pack::{Pack, PackLocation};
