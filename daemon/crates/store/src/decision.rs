//! What humans say about people, as plain data: the lines of the journal. What follows from them is the business of
//! whoever reads the journal from its beginning.

use vow_types::{FaceId, PersonId};

use crate::rows::PersonRow;

/// What a human said, or had to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// A person has this name.
    Named {
        /// Who.
        person: PersonId,
        /// The name from then on; `None`: no name any more.
        name: Option<String>,
        /// The name until then.
        before: Option<String>,
    },
    /// Several people are one. The ids of those who are taken in lead to the one who stays.
    Merged {
        /// Who stays.
        into: PersonId,
        /// Who is taken in, each with all faces they had.
        from: Vec<(PersonId, Vec<FaceId>)>,
        /// Faces of one photo that are this one person all the same.
        together: Vec<FaceId>,
    },
    /// Some faces of a person are another one.
    Split {
        /// Whose faces they were.
        from: PersonId,
        /// Who they are: a person who came into being then.
        into: PersonId,
        /// The faces.
        faces: Vec<FaceId>,
    },
    /// A face is this person.
    Confirmed {
        /// The face.
        face: FaceId,
        /// Who it is.
        person: PersonId,
        /// Whom it was taken for.
        before: Option<PersonId>,
    },
    /// A face is not this person.
    Rejected {
        /// The face.
        face: FaceId,
        /// Who it is not.
        person: PersonId,
        /// Whom it was taken for.
        before: Option<PersonId>,
    },
    /// What was found is no face.
    NotAFace {
        /// What was found.
        face: FaceId,
        /// Whom it was taken for.
        before: Option<PersonId>,
    },
    /// A person is not to be listed, or is again.
    Hidden {
        /// Who.
        person: PersonId,
        /// From then on.
        hidden: bool,
    },
    /// A face stands for a person.
    Covered {
        /// Who.
        person: PersonId,
        /// The face; `None`: whichever is best.
        face: Option<FaceId>,
        /// The face until then.
        before: Option<FaceId>,
    },
    /// Two people who look alike are two people.
    Apart {
        /// One.
        a: PersonId,
        /// The other.
        b: PersonId,
    },
    /// A human pointed out a face that was not found.
    Drawn {
        /// It.
        face: FaceId,
        /// Who it is, if that was said.
        person: Option<PersonId>,
    },
    /// No human's word but a note: another pack saw faces anew, and what was said about them counts for what it saw.
    Carried {
        /// Each new face with the face of an earlier pack that it is.
        faces: Vec<(FaceId, FaceId)>,
    },
    /// Everyone was sorted out anew, in another way than before.
    Refitted {
        /// How: `grow` or `dbscan`.
        method: String,
        /// The score at which groups are one person from then on, in ten-thousandths; `None`: the pack's.
        merge_at: Option<u16>,
        /// Who these faces are from then on, until the next time, unless a human says otherwise.
        groups: Vec<(PersonId, Vec<FaceId>)>,
        /// Who the faces were that became somebody else.
        before: Vec<(PersonId, Vec<FaceId>)>,
        /// People who came into being then.
        born: Vec<PersonId>,
    },
    /// Earlier entries do not count.
    Undone {
        /// Their numbers.
        entries: Vec<u64>,
    },
    /// Entries that were undone count again.
    Redone {
        /// Their numbers.
        entries: Vec<u64>,
    },
    /// No human's word but a note: faces left people with a name, because by their looks they belong elsewhere.
    Left {
        /// Each face with whom it left and to whom it went.
        faces: Vec<(FaceId, PersonId, PersonId)>,
    },
}

impl Decision {
    /// The people and the faces that a decision speaks of.
    #[must_use]
    pub fn mentioned(&self) -> (Vec<PersonId>, Vec<FaceId>) {
        match self {
            Self::Named { person, .. } | Self::Hidden { person, .. } => (vec![*person], Vec::new()),
            Self::Merged { into, from, together } => {
                let people = from.iter().map(|(person, _)| *person).chain([*into]).collect();
                (people, together.clone())
            }
            Self::Split { from, into, faces } => (vec![*from, *into], faces.clone()),
            Self::Confirmed { face, person, before } | Self::Rejected { face, person, before } => {
                (before.iter().copied().chain([*person]).collect(), vec![*face])
            }
            Self::NotAFace { face, before } => (before.iter().copied().collect(), vec![*face]),
            Self::Covered { person, face, .. } => (vec![*person], face.iter().copied().collect()),
            Self::Apart { a, b } => (vec![*a, *b], Vec::new()),
            Self::Undone { .. } | Self::Redone { .. } => (Vec::new(), Vec::new()),
            Self::Refitted { groups, before, .. } => {
                let people = groups.iter().chain(before).map(|(person, _)| *person);
                (people.collect(), groups.iter().flat_map(|(_, faces)| faces.clone()).collect())
            }
            Self::Drawn { face, person } => (person.iter().copied().collect(), vec![*face]),
            Self::Carried { faces } => (Vec::new(), faces.iter().map(|(new, _)| *new).collect()),
            Self::Left { faces } => (
                faces.iter().map(|(_, from, _)| *from).collect(),
                faces.iter().map(|(face, ..)| *face).collect(),
            ),
        }
    }
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// Its number: 1 for the first, each one larger than the last.
    pub seq: u64,
    /// When it was said.
    pub at: i64,
    /// What was said.
    pub decision: Decision,
    /// By which faces the people it speaks of can be told from then on: empty for those who could be told before.
    pub known_by: Vec<(PersonId, Vec<FaceId>)>,
}

/// A person as they are after a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What is known of them.
    pub row: PersonRow,
    /// A human has a say about them, so that they stay although their last face may leave.
    pub decided: bool,
}

/// What follows from a decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Faces that belong to another person from then on, or to nobody.
    pub moves: Vec<(FaceId, Option<PersonId>)>,
    /// People about whom something else changed. Without a face, and without anybody's say, they end.
    pub people: Vec<Standing>,
}
