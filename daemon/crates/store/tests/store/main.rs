//! The store through its public face: what its methods mean, against a model, through power cuts, and on files that are
//! not what they should be.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "a test may panic: that is how it fails; its counts are small"
)]
#![cfg(test)]

mod crash;
mod events;
mod meaning;
mod medium;
mod model;
mod opening;
mod restore;
mod samples;
mod steps;
mod verify;
