//! Lists and maps in files, through the allocator of the process, against those of the standard library.

use std::collections::HashMap;

use proptest::prelude::*;
use vow_tables::{Held, List, Map, held, place};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn tables_in_files_hold_what_is_put_in(count in 200_000u64..600_000, step in 1u64..9) {
        let dir = std::env::temp_dir();
        // The first word counts.
        let _ = place(dir, 4 << 20);
        let (mut list, mut map, mut model) = (List::new(), Map::default(), HashMap::new());
        for entry in 0..count {
            list.push(entry);
            map.insert(entry, entry * step);
            model.insert(entry, entry * step);
        }
        prop_assert!(held().memory <= 4 << 20, "{:?}", held());
        prop_assert!(held().files > 0);
        for gone in (0..count).step_by(3) {
            prop_assert_eq!(map.remove(&gone), model.remove(&gone));
        }
        list.reach(list.len() + 9, || 7);
        prop_assert!(list.iter().copied().eq((0..count).chain([7; 9])));
        prop_assert_eq!(map.len(), model.len());
        prop_assert!(map.iter().all(|(key, value)| model.get(key) == Some(value)));
        let again = list.clone();
        drop(list);
        prop_assert_eq!(again.len() as u64, count + 9);
        drop((again, map));
        prop_assert_eq!(held(), Held { memory: 0, files: 0 });
    }
}
