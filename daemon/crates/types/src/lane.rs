//! Who goes first.

/// Where a piece of work stands in line, the first first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// A photo that came in just now, or a question that somebody waits for.
    Live,
    /// One of many that a scan found.
    Backlog,
}
