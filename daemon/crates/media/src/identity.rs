//! What names a photo: a hash over the picture data, with everything left out that only describes it.

use vow_types::ContentId;
use vow_types::num::len_u64;

use crate::Format;

/// Changes whenever the same file would get another name, and never without a new format version of the store.
const DOMAIN: &str = "VowImager photo content, version 1";

/// BLAKE3 over the parts of a picture. Each part is its four letters, its data and the length of that, so that the list
/// can be read back from its end: two different lists of parts never run into the same bytes.
pub(crate) struct Identity {
    hasher: blake3::Hasher,
}

impl Identity {
    pub(crate) fn new(format: Format) -> Self {
        let mut identity = Self { hasher: blake3::Hasher::new_derive_key(DOMAIN) };
        identity.part(b"kind", format.name().as_bytes());
        identity
    }

    /// The whole file is the picture: nothing in it can be told apart.
    pub(crate) fn of_file(format: Format, bytes: &[u8]) -> ContentId {
        let mut identity = Self::new(format);
        identity.part(b"file", bytes);
        identity.finish()
    }

    pub(crate) fn part(&mut self, name: &[u8; 4], data: &[u8]) {
        self.begin(name);
        self.add(data);
        self.end(len_u64(data.len()));
    }

    /// A part that comes in pieces: [`Self::begin`], any number of [`Self::add`], then [`Self::end`] with their length.
    pub(crate) fn begin(&mut self, name: &[u8; 4]) {
        self.hasher.update(name);
    }

    pub(crate) fn add(&mut self, data: &[u8]) {
        self.hasher.update(data);
    }

    pub(crate) fn end(&mut self, len: u64) {
        self.hasher.update(&len.to_le_bytes());
    }

    pub(crate) fn finish(self) -> ContentId {
        ContentId(self.hasher.finalize().into())
    }
}
