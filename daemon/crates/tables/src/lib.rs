//! Lists and maps with an entry for each of millions of faces. Together they take so much memory and no more ([`place`]): what is
//! beyond it is in files without a name, mapped, of which the kernel keeps in memory what is used and there is room for.
//!
//! Knows sizes; nothing of what the entries are. Nothing here outlives the process: what must is in the store.

mod list;
mod piece;
mod pool;
mod spill;

use std::hash::RandomState;

pub use list::{List, room};
pub use pool::{Held, MEMORY, held, place};
pub use spill::Spill;

/// The map of the standard library, but for where it lies.
pub type Map<K, V> = hashbrown::HashMap<K, V, RandomState, Spill>;

pub use hashbrown::hash_table::Entry;

/// A map whose keys are in what its entries stand for: they are compared and hashed by whoever asks.
pub type Entries<T> = hashbrown::HashTable<T, Spill>;
