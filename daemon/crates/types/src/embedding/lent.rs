//! The memory that vectors lie in: their own, or lent by somebody who keeps it, such as a file that is mapped.

use std::fmt;
use std::sync::Arc;

use vow_tables::List;

use super::Embedding;
use crate::num;

/// Vectors one after the other, in steps of 2^-14.
pub(super) enum Block {
    Own(Box<[i16]>),
    /// Those of many embeddings: a large one counts as a table of faces, and lies in a file where there are many such.
    Together(List<i16>),
    Lent(Box<dyn AsRef<[i16]> + Send + Sync>),
}

impl Block {
    /// The numbers of one vector among those of its length; none beyond the end.
    pub(super) fn vector(&self, number: u32, length: u32) -> &[i16] {
        let (number, length) = (num::index(number), num::index(length));
        let all: &[i16] = match self {
            Self::Own(all) => all,
            Self::Together(all) => all,
            Self::Lent(all) => (**all).as_ref(),
        };
        let from = number.saturating_mul(length);
        all.get(from..from.saturating_add(length)).unwrap_or(&[])
    }
}

/// Embeddings of one length in memory that somebody lends. Each of them keeps all of it.
#[derive(Clone)]
pub struct Lent {
    block: Arc<Block>,
    length: u32,
    count: u32,
}

impl Lent {
    /// `numbers` are the [`Embedding::steps`] of `count` embeddings of `length` components, one after the other, which
    /// [`Embedding::is_one`] was asked about. Numbers that change meanwhile make cosines wrong, and nothing worse.
    #[must_use]
    pub fn new(numbers: Box<dyn AsRef<[i16]> + Send + Sync>, length: u32, count: u32) -> Self {
        Self { block: Arc::new(Block::Lent(numbers)), length, count }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// One of them, as a share of this memory; `None` beyond the end.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<Embedding> {
        let there = number < self.count;
        there.then(|| Embedding { block: Arc::clone(&self.block), number, length: self.length })
    }

    /// The [`Embedding::steps`] of one of them; none beyond the end.
    #[must_use]
    pub fn steps(&self, number: u32) -> &[i16] {
        if number < self.count { self.block.vector(number, self.length) } else { &[] }
    }
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lent").field("count", &self.count).field("length", &self.length).finish()
    }
}
