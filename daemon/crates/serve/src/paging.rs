//! Pages: a token is the number of rows that came before, so that an answer can be fetched piece by piece.

use tonic::Status;

/// Rows to skip and rows to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) skip: usize,
    pub(crate) limit: usize,
}

impl Page {
    /// `size` 0 means `default`; more than `most` means `most`.
    pub(crate) fn read(token: &str, size: u32, default: usize, most: usize) -> Result<Self, Status> {
        let skip = match token {
            "" => 0,
            text => text.parse().map_err(|_| {
                Status::invalid_argument("page_token is not one that an answer gave; leave it empty")
            })?,
        };
        let size = usize::try_from(size).unwrap_or(most);
        Ok(Self { skip, limit: if size == 0 { default } else { size.min(most) } })
    }

    /// The token of the page after this one, empty when `total` rows end here.
    pub(crate) fn next(self, total: usize) -> String {
        let end = self.skip.saturating_add(self.limit);
        if end < total { end.to_string() } else { String::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let first = Page::read("", 0, 100, 1000).unwrap();
        assert_eq!((first.skip, first.limit, first.next(250).as_str()), (0, 100, "100"));
        let last = Page::read("200", 5000, 100, 1000).unwrap();
        assert_eq!((last.limit, last.next(250).as_str()), (1000, ""));
        assert!(Page::read("x", 0, 1, 1).is_err());
    }
}
