//! How much memory a picture in several scans takes besides its pixels, told from its headers before anything is taken.
//! It counts; the memory itself is the store's and the notes'.

use vow_types::num::len_u64;

use super::super::super::frame::{Frame, Scan};
use super::super::super::survey::Survey;
use super::super::Scale;
use super::super::component::side;
use super::super::plan::{groups, spread};
use super::is_many;
use super::pass::{NOTE_EVERY, Note};
use super::script::MAX_SCANS;

/// What a picture in several scans holds while it is decoded, besides its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    components: [Blocks; 3],
    /// Whether scans add bits to what others said, so that it must be known of each coefficient whether it is zero.
    history: bool,
    /// Bytes of the notes of all scans.
    notes: u64,
}

/// The blocks of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Blocks {
    count: u64,
    /// Pixels of the picture that a sample covers along each side; 0 where there is no such component.
    spread: (u32, u32),
}

impl Held {
    /// `None` for a picture that is not read this way.
    pub(in crate::jpeg) fn of(survey: &Survey) -> Option<Self> {
        if !is_many(survey) {
            return None;
        }
        let frame = &survey.frame;
        let (grid, _) = groups(frame);
        let mut components = [Blocks::default(); 3];
        for (slot, component) in components.iter_mut().zip(&frame.components) {
            let a_group = match frame.components.len() {
                1 => 1,
                _ => u64::from(component.horizontal) * u64::from(component.vertical),
            };
            *slot = Blocks { count: grid.blocks() * a_group, spread: spread(frame, *component)? };
        }
        Some(Self { components, history: frame.progressive, notes: survey.notes })
    }

    /// Most bytes at once while the whole is decoded at this scale: the coefficients that it has use of, one bit for each of
    /// all of them where scans build upon one another, and where each scan can be read on.
    #[must_use]
    pub fn while_decoding(&self, scale: Scale) -> u64 {
        let of = |blocks: &Blocks| {
            let (across, down) = blocks.spread;
            let kept =
                if across == 0 { 0 } else { u64::from(side(scale, across)) * u64::from(side(scale, down)) };
            blocks.count * (2 * kept + self.a_history())
        };
        self.components.iter().map(of).sum::<u64>() + self.notes
    }

    /// Most bytes that stay, or come again when faces are looked at closer, once the whole is decoded. The coefficients of
    /// what is looked at come on top.
    #[must_use]
    pub fn afterwards(&self) -> u64 {
        self.components.iter().map(|blocks| blocks.count * self.a_history()).sum::<u64>() + self.notes
    }

    /// Bytes a block.
    fn a_history(&self) -> u64 {
        if self.history { 8 } else { 0 }
    }
}

/// Bytes of the notes that are taken of a scan. Of more than [`MAX_SCANS`] scans none are.
pub(in crate::jpeg) fn notes_of(frame: &Frame, scan: &Scan, before: u32) -> u64 {
    let grid = scan.grid(frame);
    let notes = u64::from(grid.across.div_ceil(NOTE_EVERY)) * u64::from(grid.down);
    if u64::from(before) < len_u64(MAX_SCANS) { notes * len_u64(size_of::<Note>()) } else { 0 }
}

#[cfg(test)]
mod tests {
    use vow_types::num::index;

    use super::super::super::{Area, Workspace};
    use super::super::ManyScans;
    use super::*;

    /// libjpeg's usual script.
    const JPEG: &[u8] = include_bytes!("../../../../tests/data/refined.jpg");

    /// What is said beforehand is never less than what is taken, and at full size, where everything is read, the same.
    #[test]
    fn no_less_is_said_than_is_taken() {
        let survey = Survey::take(JPEG, |_| {}).unwrap();
        let held = Held::of(&survey).unwrap();
        for scale in Scale::ALL {
            let mut space = Workspace::default();
            let mut scans = ManyScans::open(JPEG, &survey).unwrap();
            scans.whole(scale, &mut space, &mut Vec::new()).unwrap();
            let notes: usize = scans.notes.iter().map(|notes| notes.capacity() * size_of::<Note>()).sum();
            let taken = len_u64(space.memory.bytes() + notes);
            let said = held.while_decoding(scale);
            assert!(taken > 0 && taken <= said, "{scale:?}: {taken} of {said}");
            assert!(scale != Scale::Full || taken == said, "{taken} of {said}");

            // A closer look at everything that was not read before.
            let mut space = Workspace::default();
            let size = survey.frame.size;
            let corner =
                Area { left: size.width - 1, top: size.height - 1, right: size.width, bottom: size.height };
            scans.part(corner, Scale::Full, &mut space, &mut Vec::new()).unwrap().unwrap();
            let notes: usize = scans.notes.iter().map(|notes| notes.capacity() * size_of::<Note>()).sum();
            assert_eq!(len_u64(notes), held.notes);
            assert!(len_u64(space.memory.bytes()) <= held.afterwards() + 16 * 64 * 2 * 6, "{scale:?}");
        }
        assert!(index(u32::try_from(held.afterwards()).unwrap()) > 0);
    }

    #[test]
    fn of_what_is_read_in_one_go_nothing_is_said() {
        let mut one = JPEG.to_vec();
        let at = one.windows(2).position(|pair| pair == [0xff, 0xc2]).unwrap();
        one[at + 1] = 0xc0;
        let survey = Survey::take(&one, |_| {}).unwrap();
        assert_eq!(
            Held::of(&survey).map(|held| held.history),
            Some(false),
            "sequential: nothing is built upon"
        );
    }
}
