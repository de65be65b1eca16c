//! One coded picture of HEVC (ITU-T H.265): whether its data is whole, and its samples by `heifer-hevc-dec`.
//!
//! Of that crate its parts are used, not the function for a whole stream: so the data is not copied into another
//! framing, nothing is allocated by a size that the file does not have, and what is coded twice ends the decoding, which would
//! otherwise let a small file take hours.

use heifer_hevc_dec::Error;
use heifer_hevc_dec::nal::NalUnit;
use heifer_hevc_dec::params::ParameterSets;
use heifer_hevc_dec::recon::{Frame, Reconstructor};
use heifer_hevc_dec::slice::SliceHeader;
use heifer_hevc_dec::syntax::{Picture, decode_slice_segment};
use vow_types::Size;
use vow_types::num::index;

use super::meta::Reader;
use super::{damaged, uncommon};
use crate::{Format, MediaError};

/// How much larger than shown a picture may be coded along each side: one less than its largest block.
const PADDING: u32 = 63;

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
    picture(&all, size)
}

fn picture(all: &[&[u8]], size: Size) -> Result<Frame, MediaError> {
    let mut sets = ParameterSets::default();
    let mut slices = Vec::new();
    for unit in all {
        let unit = NalUnit::parse(unit).map_err(failure)?;
        if unit.header.layer_id != 0 {
            continue;
        }
        if unit.header.unit_type.is_slice() {
            slices.push(unit);
        } else if slices.is_empty() {
            sets.add(&unit).map_err(failure)?;
            // At once: what is read next allocates by it.
            fits(&sets, size)?;
        }
    }
    let (mut state, mut previous) = (None, None::<SliceHeader>);
    for slice in &slices {
        let header =
            SliceHeader::parse(&slice.rbsp, &slice.header, &sets, previous.as_ref()).map_err(failure)?;
        if header.first_slice_segment_in_pic_flag && state.is_some() {
            break;
        }
        let (pps, sps) = sets.get(usize::from(header.slice_pic_parameter_set_id)).map_err(failure)?;
        let (coded, drawn) =
            state.get_or_insert_with(|| (Picture::new(sps, pps), Reconstructor::new(sps, pps)));
        // Each part begins where the one before it ended.
        if coded.layout.ts_to_rs.get(index(coded.decoded_ctbs)) != Some(&header.slice_segment_address) {
            return Err(damaged("the parts of a tile overlap or are missing"));
        }
        drawn.start_slice(&header);
        let qp = header.slice_qp_y(&sets).map_err(failure)?;
        let body = slice.rbsp.get(header.header_size..).unwrap_or_default();
        decode_slice_segment(coded, &header, qp, body, drawn).map_err(failure)?;
        if let Some(error) = drawn.error.take() {
            return Err(failure(error));
        }
        if !header.dependent_slice_segment_flag {
            previous = Some(header);
        }
    }
    let (coded, drawn) = state.ok_or_else(|| damaged("a tile has no picture data"))?;
    if !coded.is_complete() {
        return Err(damaged("the last part of a tile is missing"));
    }
    let frame = drawn.finish(false);
    Ok(if coded.sps.conf_win_offsets == [0; 4] { frame } else { frame.cropped(coded.sps) })
}

/// What is coded must be what was announced, up to the edge of a block.
fn fits(sets: &ParameterSets, size: Size) -> Result<(), MediaError> {
    for sps in sets.sps.iter().flatten() {
        let (width, height) = sps.output_size();
        let is_more = sps.pic_width_in_luma_samples > size.width.saturating_add(PADDING)
            || sps.pic_height_in_luma_samples > size.height.saturating_add(PADDING);
        if is_more || width < size.width || height < size.height {
            return Err(damaged("its two sizes contradict"));
        }
    }
    Ok(())
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

fn failure(error: Error) -> MediaError {
    match error {
        Error::Unimplemented(what) => uncommon(what),
        other => MediaError::Damaged { format: Format::Heic, source: other.into() },
    }
}
