//! Measurements of VowImager's stages, each beside the library it stands on, called directly: what we add to that floor
//! is what can be saved. `cargo bench -p vow-benches` runs them; nothing else builds this crate.
