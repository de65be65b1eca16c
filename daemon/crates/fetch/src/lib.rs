//! Brings one pinned file into a folder, from the network or from disk, and verifies it before anybody reads it; takes
//! single members out of zip archives in the same way. A folder of such files takes its place in one step ([`take_place`]).
//!
//! A [`Remote`] says what a file is called, where it can be had, how large it is and what its SHA-256 is. A [`Fetcher`]
//! asks one address after the other, goes on where an earlier attempt ended (`NAME.part` is kept beside the target),
//! waits when it is told to, and gives the file its name only when every byte is the one that was asked for. It knows
//! nothing of models, packs or runtimes: what a file is for is its caller's business.
//!
//! The client is `ureq` with `rustls` over `ring`: blocking and small. The proxy variables (`ALL_PROXY`, `HTTPS_PROXY`,
//! `HTTP_PROXY`, `NO_PROXY`) count, and one that cannot be used is refused. Certificates are those of the system, so that
//! the authority of a firm whose proxy looks into connections is known where the system knows it; no list of authorities
//! is shipped.

mod archive;
mod client;
mod error;
mod fetcher;
mod local;
mod part;
mod place;
mod progress;
mod proxy;
mod remote;
mod stalls;
mod sum;

pub use archive::{Archive, Member};
pub use error::{Fault, FetchError, Tried, UnusableProxy};
pub use fetcher::{Fetcher, Settings};
pub use local::{copy, sum_of};
pub use part::check_space;
pub use place::take_place;
pub use progress::{Cancel, Phase, Progress};
pub use remote::{Fetched, Remote};
pub use sum::{ParseSumError, Sum};
