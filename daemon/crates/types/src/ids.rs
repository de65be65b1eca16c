//! Names of things. An id is never reused, and ids of different things cannot be mixed up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct IdError {
    text: String,
    expected: &'static str,
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident, $letter:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let digits = text.strip_prefix($letter).unwrap_or(text);
                let bad = || IdError { text: text.to_owned(), expected: $expected };
                if digits.starts_with('+') {
                    return Err(bad());
                }
                digits.parse().map(Self).map_err(|_| bad())
            }
        }
    };
}

number_id!(
    /// One face in one photo, as one pack saw it. Written `f12`.
    FaceId, "f", "a face id such as f12"
);
number_id!(
    /// An identity, named or not yet named. Written `p7`.
    PersonId, "p", "a person id such as p7"
);
number_id!(
    /// A watched folder. Written `d3`.
    FolderId, "d", "a folder id such as d3"
);

macro_rules! hash_id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub [u8; $bytes]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let bad = || IdError { text: text.to_owned(), expected: $expected };
                let mut id = [0; $bytes];
                if text.len() != 2 * id.len() || !text.is_ascii() {
                    return Err(bad());
                }
                for (byte, at) in id.iter_mut().zip((0..text.len()).step_by(2)) {
                    let pair = text.get(at..at + 2).ok_or_else(bad)?;
                    if pair.starts_with('+') {
                        return Err(bad());
                    }
                    *byte = u8::from_str_radix(pair, 16).map_err(|_| bad())?;
                }
                Ok(Self(id))
            }
        }
    };
}

hash_id!(
    /// The name of a photo: BLAKE3 of its picture data without metadata. Renaming, moving, copying and retagging a
    /// file leave it as it is. Written as 64 hexadecimal digits.
    ContentId, 32, "a content id of 64 hexadecimal digits"
);
hash_id!(
    /// The name of a model pack: a hash over its files and settings. Embeddings of different packs are never
    /// compared. Written as 32 hexadecimal digits.
    PackId, 16, "a pack id of 32 hexadecimal digits"
);

/// A person or nobody, in the room that a person takes: for tables of a million faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaybePerson(PersonId);

impl MaybePerson {
    /// Stands for nobody: ids are counted upwards from 1.
    const NOBODY: PersonId = PersonId(u64::MAX);

    /// The person, if it is one.
    #[must_use]
    pub fn get(self) -> Option<PersonId> {
        Some(self.0).filter(|person| *person != Self::NOBODY)
    }
}

impl From<Option<PersonId>> for MaybePerson {
    fn from(person: Option<PersonId>) -> Self {
        Self(person.unwrap_or(Self::NOBODY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn number_ids_survive_their_text(n: u64) {
            prop_assert_eq!(FaceId(n).to_string().parse::<FaceId>().unwrap(), FaceId(n));
            prop_assert_eq!(n.to_string().parse::<PersonId>().unwrap(), PersonId(n));
        }

        #[test]
        fn hash_ids_survive_their_text(bytes: [u8; 32]) {
            prop_assert_eq!(ContentId(bytes).to_string().parse::<ContentId>().unwrap(), ContentId(bytes));
        }

        #[test]
        fn no_text_panics(text in ".{0,70}") {
            let _ = text.parse::<FaceId>();
            let _ = text.parse::<ContentId>();
            let _ = text.parse::<PackId>();
        }
    }

    #[test]
    fn somebody_or_nobody() {
        for person in [None, Some(PersonId(0)), Some(PersonId(7))] {
            assert_eq!(MaybePerson::from(person).get(), person);
        }
        assert_eq!(size_of::<MaybePerson>(), size_of::<PersonId>());
    }

    #[test]
    fn a_wrong_id_says_what_was_expected() {
        assert_eq!(
            "anna".parse::<PersonId>().unwrap_err().to_string(),
            "`anna` is not a person id such as p7"
        );
        assert!("+7".parse::<PersonId>().is_err());
    }
}
