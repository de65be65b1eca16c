//! Boxes, of which ISO base media files consist (ISO/IEC 14496-12): Canon's CR3 and HEIF are such files. What lies in a box
//! is its reader's business.

use std::ops::Range;

use vow_types::num::index;

/// Most boxes side by side that are looked at.
const MOST: usize = 1000;

/// The boxes in a part of the file: the kind, where the content lies, and whether all of it does.
pub(crate) fn boxes(
    file: &[u8],
    within: Range<usize>,
) -> impl Iterator<Item = ([u8; 4], Range<usize>, bool)> {
    let (mut at, end) = (within.start, within.end);
    let next = move || {
        let (size, rest) = file.get(at..end)?.split_first_chunk::<4>()?;
        let (kind, rest) = rest.split_first_chunk::<4>()?;
        let (header, len) = match u32::from_be_bytes(*size) {
            // Up to the end of what it is in.
            0 => (8, end - at),
            1 => (16, usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).unwrap_or(usize::MAX)),
            len => (8, index(len)),
        };
        if len < header {
            return None;
        }
        let behind = at.saturating_add(len);
        let found = (*kind, at.saturating_add(header).min(end)..behind.min(end), behind <= end);
        at = behind;
        Some(found)
    };
    std::iter::from_fn(next).take(MOST)
}

/// The first box of this kind.
pub(crate) fn child(file: &[u8], within: Range<usize>, kind: [u8; 4]) -> Option<Range<usize>> {
    boxes(file, within).find(|(own, ..)| *own == kind).map(|(_, body, _)| body)
}
