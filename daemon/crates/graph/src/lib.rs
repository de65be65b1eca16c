//! ONNX files as data: bytes in, bytes out, and a statement of what was done.
//!
//! [`prepare`] gives a face network a real batch (published detectors pin it to one picture) and an input that takes
//! pictures as they are, bytes in rows. [`half`] turns its arithmetic to half precision. A graph that is not understood is
//! left alone, with the reason. [`Shelf`] keeps prepared graphs on disk.
//!
//! Nothing here runs a graph or knows runtimes, packs or photos. Whether a graph keeps a pack's contract is for whoever
//! runs it to check.

mod batch;
mod error;
mod front;
mod half;
mod model;
mod node;
mod prepare;
mod proto;
mod shelf;
#[cfg(test)]
mod tests;

pub use error::NotPrepared;
pub use half::half;
pub use prepare::{Picture, Prepared, Recipe, prepare};
pub use shelf::{Note, Shelf, ShelfError};
