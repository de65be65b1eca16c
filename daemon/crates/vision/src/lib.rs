//! From pixels to what a face network is fed, and from its tensors to faces: frames, decode heads, suppression of
//! doubles, aligned crops, quality.
//!
//! Arithmetic on slices only. This crate knows nothing of files, picture formats, inference runtimes or the store; it
//! starts no thread and keeps no state between calls.
//!
//! The way of a photo: [`choose_shape`] → [`frame`] → [`fill_nchw`] → the detector → [`scrfd::decode`] or
//! [`yunet::decode`] → [`suppress`] → [`Framed::detection`]; and of each of its faces: [`closer_looks`] → the detector →
//! [`refined`], where the pack wants it, → [`crop`] → [`Quality`] → [`fill_nchw`] → the embedder.

mod align;
mod closer;
mod crop;
#[cfg(test)]
mod crop_tests;
mod error;
mod found;
mod frame;
mod grid;
mod picture;
mod quality;
mod reach;
pub mod scrfd;
mod suppress;
mod tensor;
#[cfg(test)]
mod testing;
mod tiles;
mod turn;
mod upright;
pub mod yunet;

pub use align::Seat;
pub use closer::{closer_looks, refined};
pub use crop::{crop, mirrored};
pub use error::{UnusableLandmarks, VisionError};
pub use found::Found;
pub use frame::{CLOSE_UP, Framed, Part, SHAPES, choose_shape, frame, frame_part, frame_within};
pub use picture::PictureView;
pub use quality::{Quality, clearness};
pub use reach::{Reach, reach};
pub use suppress::suppress;
pub use tensor::fill_nchw;
pub use tiles::{Tiles, room_beside};
pub use upright::{Standing, TURNS, around, surest_upright};
