//! Benches of VowImager; see `benches/`.
