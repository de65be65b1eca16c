//! Pictures that need a rarer tool, by `heifer-hevc-dec`.
//!
//! Of that crate its parts are used, not the function for a whole stream: so the data is not copied into another framing, and what is
//! coded twice ends the decoding, which would otherwise let a small file take hours.

use heifer_hevc_dec::nal::NalUnit;
use heifer_hevc_dec::params::ParameterSets;
use heifer_hevc_dec::recon::{Frame, Reconstructor};
use heifer_hevc_dec::slice::SliceHeader;
use heifer_hevc_dec::syntax::{Picture, decode_slice_segment};
use vow_types::num::index;

use crate::{HevcError, shown};

/// The first picture of these slices.
pub(crate) fn decode(slices: &[NalUnit<'_>], sets: &ParameterSets) -> Result<Frame, HevcError> {
    let (mut state, mut previous) = (None, None::<SliceHeader>);
    for slice in slices {
        let header = SliceHeader::parse(&slice.rbsp, &slice.header, sets, previous.as_ref())?;
        if header.first_slice_segment_in_pic_flag && state.is_some() {
            break;
        }
        let (pps, sps) = sets.get(usize::from(header.slice_pic_parameter_set_id))?;
        let (coded, drawn) =
            state.get_or_insert_with(|| (Picture::new(sps, pps), Reconstructor::new(sps, pps)));
        // Each part begins where the one before it ended.
        if coded.layout.ts_to_rs.get(index(coded.decoded_ctbs)) != Some(&header.slice_segment_address) {
            return Err(HevcError::Damaged("the parts of a tile overlap or are missing"));
        }
        drawn.start_slice(&header);
        let quantiser = header.slice_qp_y(sets)?;
        let body = slice.rbsp.get(header.header_size..).unwrap_or_default();
        decode_slice_segment(coded, &header, quantiser, body, drawn)?;
        if let Some(error) = drawn.error.take() {
            return Err(error.into());
        }
        if !header.dependent_slice_segment_flag {
            previous = Some(header);
        }
    }
    let (coded, drawn) = state.ok_or(HevcError::Damaged("a tile has no picture data"))?;
    if !coded.is_complete() {
        return Err(HevcError::Damaged("the last part of a tile is missing"));
    }
    Ok(shown(drawn.finish(false), coded.sps))
}
