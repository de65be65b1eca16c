//! One coded picture of HEVC (ITU-T H.265) as HEIF holds it: its parameter sets and units, whether its data is whole. Its samples
//! are made by `vow-hevc`.

use vow_hevc::{Error, Frame, HevcError};
use vow_types::Size;

use super::meta::Reader;
use super::{damaged, uncommon};
use crate::{Format, MediaError};

/// Whether all of the data is there: whole units, none of which ends with a zero (H.265, 7.4.2.1).
///
/// # Errors
/// [`MediaError::Truncated`] for zeros in place of data, as an interrupted copy leaves them, [`MediaError::Damaged`] for the rest.
pub(super) fn check(config: &[u8], data: &[u8]) -> Result<(), MediaError> {
    let zeros = || MediaError::truncated("the HEIC file holds zeros in place of a part of its picture data");
    let (_, size) = parameters(config)?;
    let mut any = false;
    for unit in units(data, size) {
        match unit.ok_or_else(|| damaged("the data of a tile is in pieces that do not fit"))? {
            [] | [.., 0] => return Err(zeros()),
            _ => any = true,
        }
    }
    if any { Ok(()) } else { Err(damaged("a tile has no data")) }
}

/// The samples of a tile of at least this size.
///
/// # Errors
/// [`MediaError::Damaged`] when the data contradicts itself or the size, [`MediaError::UnsupportedCoding`] for the rarer tools of HEVC.
pub(super) fn decode(config: &[u8], data: &[u8], size: Size) -> Result<Frame, MediaError> {
    let (sets, prefix) = parameters(config)?;
    let all = sets.into_iter().map(Some).chain(units(data, prefix));
    let all: Option<Vec<&[u8]>> = all.collect();
    let all = all.ok_or_else(|| damaged("the data of a tile is in pieces that do not fit"))?;
    vow_hevc::decode(&all, size).map_err(failure)
}

/// The parameter sets of an `hvcC` (ISO/IEC 14496-15, 8.3.3.1), and of how many bytes the length before each unit is.
fn parameters(config: &[u8]) -> Result<(Vec<&[u8]>, usize), MediaError> {
    let read = || {
        let mut numbers = Reader::new(config.get(21..)?);
        let size = usize::try_from(numbers.number(1)? & 3).ok()? + 1;
        let mut sets = Vec::new();
        for _ in 0..numbers.number(1)? {
            numbers.number(1)?;
            for _ in 0..numbers.number(2)? {
                let len = usize::try_from(numbers.number(2)?).ok()?;
                let (own, rest) = numbers.bytes.split_at_checked(len)?;
                sets.push(own);
                numbers.bytes = rest;
            }
        }
        Some((sets, size))
    };
    read().ok_or_else(|| damaged("the parameter sets of a tile are cut short"))
}

/// The units of an item, each behind its length; `None` for one that is longer than what is left.
fn units(data: &[u8], prefix: usize) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = Reader::new(data);
    std::iter::from_fn(move || {
        if rest.bytes.is_empty() {
            return None;
        }
        let len = rest.number(prefix).and_then(|len| usize::try_from(len).ok());
        let unit = len.and_then(|len| rest.bytes.split_at_checked(len));
        let Some((unit, behind)) = unit else {
            rest.bytes = &[];
            return Some(None);
        };
        rest.bytes = behind;
        Some(Some(unit))
    })
}

fn failure(error: HevcError) -> MediaError {
    match error {
        HevcError::Damaged(what) => damaged(what),
        HevcError::Stream(Error::Unimplemented(what)) => uncommon(what),
        HevcError::Stream(other) => MediaError::Damaged { format: Format::Heic, source: other.into() },
    }
}
