//! Room in lists that have an entry for each face: doubling one that is full leaves up to half of it empty, and there are a
//! million faces.

/// Makes room for that many more entries in a list, as [`vow_tables::room`] says.
pub fn room_for<T>(list: &mut Vec<T>, more: usize) {
    list.reserve_exact(vow_tables::room(list.len(), list.capacity(), more));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_of_a_long_list_is_empty() {
        for more in [1usize, 7] {
            let mut list = Vec::new();
            let mut moved = 0;
            while list.len() < 100_000 {
                let before = list.capacity();
                room_for(&mut list, more);
                moved += usize::from(list.capacity() != before) * list.len();
                list.extend(std::iter::repeat_n(0u32, more));
            }
            assert!(list.capacity() <= 126_000, "{}", list.capacity());
            assert!(moved < 500_000, "{moved} entries were moved");
        }
    }
}
