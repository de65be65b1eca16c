//! The kit that the end-to-end tests are made of: a pack of our own with real ONNX files, photos drawn for it, and the
//! real programs.
//!
//! The pack finds drawn markers instead of faces and reads their look instead of a likeness, through the real runtimes
//! and the real arithmetic: a test knows exactly who is where, and needs no weights and no photo of anybody. How good
//! real weights are is not measured here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "this is test code: failing loudly is its purpose"
)]

pub mod browser;
pub mod daemon;
pub mod detector;
pub mod draw;
pub mod embedder;
pub mod files;
pub mod look;
mod onnx;
pub mod pack;
pub mod people;
pub mod programs;
pub mod raw;
pub mod tiff;
pub mod web;
pub mod zip;

pub use daemon::{Daemon, Home};
pub use detector::Frames;
pub use draw::{Marker, Scene};
pub use files::Exif;
pub use image::ImageFormat;
pub use pack::TinyPack;
pub use programs::Answer;
pub use raw::RawFile;
