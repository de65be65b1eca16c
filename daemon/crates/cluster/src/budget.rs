//! What a face takes in memory, and so of how many the candidate pairs may be known.

/// Bytes of memory for a face in all of a daemon, index and what is shown of it included: of tables, which take no more than
/// [`vow_tables::MEMORY`], and beside them; and for its candidate pairs where they are known. As measured in libraries of hundreds of
/// thousands.
const TABLES: usize = 200;
const FACE: usize = 40;
const PAIRS: usize = 400;
/// The pairs of one face in so many may be known whatever room they take, up to so many faces'.
const KEPT_SHARE: usize = 8;
const KEPT: usize = 100_000;

/// Of how many of so many faces the candidate pairs may be known, in so many bytes for all of the daemon.
pub(crate) fn faces_with_pairs(faces: usize, room: usize) -> usize {
    let tables = faces.saturating_mul(TABLES).min(vow_tables::MEMORY);
    let left = room.saturating_sub(faces.saturating_mul(FACE)).saturating_sub(tables);
    (left / PAIRS).max((faces / KEPT_SHARE).min(KEPT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_take_the_room_that_is_left_and_of_a_large_library_few_are_known() {
        const ROOM: usize = 280_000_000;
        for faces in [0, 1_000, 100_000, 400_000] {
            assert!(faces_with_pairs(faces, ROOM) >= faces, "all of {faces}");
            assert_eq!(faces_with_pairs(faces, 0), faces / 8, "{faces} without room");
        }
        // 160 MB of tables and 40 of a million faces leave 80.
        assert_eq!(faces_with_pairs(1_000_000, ROOM), 200_000);
        for faces in [4_000_000, 100_000_000, usize::MAX] {
            assert_eq!(faces_with_pairs(faces, ROOM), 100_000, "{faces}");
        }
    }
}
