//! A node's links in a layer, in the room of as many as there may be: so they lie in a list of their kind, and change where they are.

use vow_types::num;

/// At most `MOST` links.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<const MOST: usize> {
    count: u32,
    links: [u32; MOST],
}

impl<const MOST: usize> Row<MOST> {
    /// More links than there is room for are left out.
    pub(super) fn of(links: &[u32]) -> Self {
        let mut row = Self { count: 0, links: [0; MOST] };
        for (place, link) in row.links.iter_mut().zip(links) {
            *place = *link;
            row.count += 1;
        }
        row
    }

    pub(super) fn links(&self) -> &[u32] {
        self.links.get(..num::index(self.count)).unwrap_or_default()
    }
}
