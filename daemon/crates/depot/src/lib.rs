//! What is installed in a data folder beside the store: model packs, which of them is chosen, and an ONNX Runtime.
//!
//! [`Depot`] lists, installs, chooses and removes; one change at a time. Packs themselves are the business of
//! `vow-models`, bytes that of `vow-fetch`; here lies what they leave open: who has named a pack already, which one is in
//! use, where a runtime library comes from. It runs no model and loads no library: whether a pack runs is asked of whoever can
//! tell ([`Prove`]), and what a running daemon does with a choice is for the daemon.

mod choice;
mod depot;
mod error;
mod runtime;
mod wheels;

pub use choice::{choice_file, chosen};
pub use depot::{Cause, Depot, InUse, PackOrder, PackView, Prove};
pub use error::DepotError;
pub use runtime::{InstalledRuntime, RuntimeOrder};
pub use vow_fetch::{Cancel, FetchError, Phase, Progress};
pub use vow_models::{Catalog, CatalogError, Consent, InstallError, Packs, STARTER};
