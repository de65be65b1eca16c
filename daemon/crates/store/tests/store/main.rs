//! The store through its public face: what its methods mean, against a model, through power cuts, and on files that are
//! not what they should be.
#![cfg(test)]

mod crash;
mod meaning;
mod medium;
mod model;
mod opening;
mod samples;
mod steps;
