//! What a snapshot holds of the nodes that there were when it was written, in a file that is mapped. It never changes.

use std::fmt;
use std::sync::Arc;

use vow_types::{Embedding, Lent, num};

use crate::mapped::{Mapped, Run};

/// Some nodes, from the first one on.
pub(crate) struct Base {
    pub(crate) vectors: Lent,
    /// How many of them, from the first one on, were linked.
    pub(crate) linked: u32,
    pub(crate) map: Arc<Mapped>,
    /// Where each node's links end; those of the next begin there.
    pub(crate) ends: Run<u32>,
    /// The ground layer's.
    pub(crate) links: Run<u32>,
}

impl Base {
    /// See [`Mapped::let_go`].
    pub(crate) fn let_go(&self) {
        self.map.let_go();
    }

    pub(crate) fn nodes(&self) -> u32 {
        self.vectors.count()
    }

    pub(crate) fn vector(&self, node: u32) -> Option<Embedding> {
        self.vectors.get(node)
    }

    /// A node's links in the ground layer.
    pub(crate) fn links(&self, node: u32) -> &[u32] {
        let (ends, node) = (self.ends.as_ref(), num::index(node));
        let end = |node: usize| ends.get(node).map_or(0, |end| num::index(*end));
        let from = node.checked_sub(1).map_or(0, end);
        self.links.as_ref().get(from..end(node)).unwrap_or(&[])
    }
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Base").field("vectors", &self.vectors).finish_non_exhaustive()
    }
}
