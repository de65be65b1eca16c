//! One coded picture of HEVC (ITU-T H.265) to its samples: a picture that is predicted from within itself, as HEIC files hold them.
//!
//! [`decode`] reads pictures as phones and most programs write them: one slice, 4:2:0 or grey, 8 to 10 bits, with or without rows that
//! can be begun on their own, lists of weights, and everything that belongs to the main profiles. The rarer tools (4:2:2 and 4:4:4, several
//! slices or tiles, lossless blocks, raw samples, the range extensions) are left to `heifer-hevc-dec`, which knows them all and takes nearly
//! twice as long; whatever both know they decode to the same samples, and tests hold that. Of that crate are also the reading of
//! parameter sets and slice headers and the filters behind everything.
//!
//! Where the picture is in a file, whether its data is whole, and what colours its samples mean is left to the caller.
//!
//! Time and memory are bounded by the size that the caller announces: what is coded larger is refused before anything is allocated by it, and
//! what is coded twice ends the decoding.

mod arithmetic;
mod corrections;
mod others;
mod picture;
mod predict;
mod residual;
mod scan;
mod slice;
mod transform;
mod weights;

pub use heifer_hevc_dec::Error;
use heifer_hevc_dec::filters::{self, FilterInfo, SliceFilterParams};
use heifer_hevc_dec::nal::NalUnit;
use heifer_hevc_dec::params::{ParameterSets, Pps, PpsRangeExtension, Sps, SpsRangeExtension};
pub use heifer_hevc_dec::recon::Frame;
use heifer_hevc_dec::scan::CtbLayout;
use heifer_hevc_dec::slice::SliceHeader;
use vow_types::Size;

use slice::{Decoder, Head};
use weights::Weights;

/// Why there is no picture.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum HevcError {
    /// The data contradicts itself, or the size that was announced.
    #[error("{0}")]
    Damaged(&'static str),
    /// Of what is before the slices and around them; [`Error::Unimplemented`] for tools that nobody here knows.
    #[error(transparent)]
    Stream(#[from] Error),
}

/// How much larger than shown a picture may be coded along each side: one less than its largest block.
const PADDING: u32 = 63;

/// Decodes a picture of at least this size: its parameter sets and slices, each as a NAL unit (without a start code or a length). What
/// comes after its last slice is not looked at. The window that is to be shown is cut out.
///
/// # Errors
/// When the data is cut short, contradicts itself or the size, or needs what nobody knows.
pub fn decode(units: &[&[u8]], size: Size) -> Result<Frame, HevcError> {
    let mut sets = ParameterSets::default();
    let mut slices = Vec::new();
    for unit in units {
        let unit = NalUnit::parse(unit)?;
        if unit.header.layer_id != 0 {
            continue;
        }
        if unit.header.unit_type.is_slice() {
            slices.push(unit);
        } else if slices.is_empty() {
            sets.add(&unit)?;
            // At once: what is read next allocates by it.
            fits(&sets, size)?;
        }
    }
    let frame = match slices.as_slice() {
        [] => return Err(HevcError::Damaged("a tile has no picture data")),
        [only] => match one(only, &sets)? {
            Some(frame) => frame,
            None => others::decode(&slices, &sets)?,
        },
        several => others::decode(several, &sets)?,
    };
    Ok(frame)
}

/// What is coded must be what was announced, up to the edge of a block.
fn fits(sets: &ParameterSets, size: Size) -> Result<(), HevcError> {
    for sps in sets.sps.iter().flatten() {
        let (width, height) = sps.output_size();
        let is_more = sps.pic_width_in_luma_samples > size.width.saturating_add(PADDING)
            || sps.pic_height_in_luma_samples > size.height.saturating_add(PADDING);
        if is_more || width < size.width || height < size.height {
            return Err(HevcError::Damaged("its two sizes contradict"));
        }
    }
    Ok(())
}

/// A picture of one slice, if it needs nothing rare.
fn one(slice: &NalUnit<'_>, sets: &ParameterSets) -> Result<Option<Frame>, HevcError> {
    let header = SliceHeader::parse(&slice.rbsp, &slice.header, sets, None)?;
    let (pps, sps) = sets.get(usize::from(header.slice_pic_parameter_set_id))?;
    if !is_common(sps, pps, &header) {
        return Ok(None);
    }
    let head = Head {
        quantiser: header.slice_qp_y(sets)?,
        offsets: [
            i32::from(pps.pps_cb_qp_offset) + i32::from(header.slice_cb_qp_offset),
            i32::from(pps.pps_cr_qp_offset) + i32::from(header.slice_cr_qp_offset),
        ],
        corrected: [header.slice_sao_luma_flag, header.slice_sao_chroma_flag && sps.chroma_format_idc > 0],
    };
    let layout = CtbLayout::new(sps, pps);
    let mut info = FilterInfo::new(sps, &layout);
    info.slices.push(SliceFilterParams {
        deblocking_disabled: header.slice_deblocking_filter_disabled_flag,
        beta_offset_div2: header.slice_beta_offset_div2,
        tc_offset_div2: header.slice_tc_offset_div2,
        loop_filter_across_slices: header.slice_loop_filter_across_slices_enabled_flag,
    });
    let lists = sps.scaling_list.as_ref().map(|lists| pps.scaling_list.as_ref().unwrap_or(lists));
    let weights = lists.map(Weights::new);
    let body = slice.rbsp.get(header.header_size..).unwrap_or_default();
    let mut decoder = Decoder::new((sps, pps), head, weights.as_ref(), body, info);
    decoder.decode()?;
    let (planes, info) = decoder.finish();

    let (width, height) = (sps.pic_width_in_luma_samples, sps.pic_height_in_luma_samples);
    let half = if sps.chroma_format_idc == 0 { [0; 2] } else { [width / 2, height / 2] };
    let mut frame = Frame {
        widths: [width, half[0], half[0]],
        heights: [height, half[1], half[1]],
        planes,
        bit_depth: [sps.bit_depth_luma, sps.bit_depth_chroma],
        chroma_format: sps.chroma_format_idc,
        full_range: sps.vui.as_ref().is_some_and(|vui| vui.video_full_range_flag),
        // 2: not said.
        matrix_coeffs: sps.vui.as_ref().map_or(2, |vui| vui.matrix_coeffs),
    };
    filters::deblock(&mut frame, &info, sps, pps, &layout);
    filters::sao(&mut frame, &info, sps, pps, &layout);
    Ok(Some(shown(frame, sps)))
}

/// The part that is to be shown.
fn shown(frame: Frame, sps: &Sps) -> Frame {
    if sps.conf_win_offsets == [0; 4] { frame } else { frame.cropped(sps) }
}

/// Whether a picture needs nothing that is left to others.
fn is_common(sps: &Sps, pps: &Pps, header: &SliceHeader) -> bool {
    // Numbers fit into 16 bits that far.
    let depths = 8..=10;
    let skip = pps.range_extension.log2_max_transform_skip_block_size;
    let plain =
        PpsRangeExtension { log2_max_transform_skip_block_size: skip, ..PpsRangeExtension::default() };
    sps.chroma_format_idc <= 1
        && depths.contains(&sps.bit_depth_luma)
        && depths.contains(&sps.bit_depth_chroma)
        && sps.pcm.is_none()
        && sps.range_extension == SpsRangeExtension::default()
        && pps.range_extension == plain
        && skip <= 2
        && !pps.transquant_bypass_enabled_flag
        && pps.tiles.is_none()
        && !header.dependent_slice_segment_flag
        && header.slice_segment_address == 0
        // As the standard has them: what is not so is for others to refuse.
        && (4..=6).contains(&sps.log2_ctb_size)
        && (3..=sps.log2_ctb_size).contains(&sps.log2_min_luma_coding_block_size)
        && (2..sps.log2_min_luma_coding_block_size).contains(&sps.log2_min_luma_transform_block_size)
        && (sps.log2_min_luma_transform_block_size..=5.min(sps.log2_ctb_size)).contains(&sps.log2_max_luma_transform_block_size)
        && is_whole(sps.pic_width_in_luma_samples, sps)
        && is_whole(sps.pic_height_in_luma_samples, sps)
}

/// Whether a side is made of whole blocks.
fn is_whole(side: u32, sps: &Sps) -> bool {
    side > 0 && side.is_multiple_of(1 << sps.log2_min_luma_coding_block_size)
}

#[cfg(test)]
mod tests;
