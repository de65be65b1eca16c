//! Ours against `heifer-hevc-dec`, sample by sample: on pictures that use every tool that is decoded here, whole and damaged.

use heifer_hevc_dec::nal::split_annex_b;
use proptest::prelude::*;

use super::*;

/// What a picture's parameter sets must say, so that it tests what its name says.
type Uses = fn(&Sps, &Pps) -> bool;

/// Pictures that are decoded here; `tests/data/README.md` says what they show.
const COMMON: [(&str, &[u8], Uses); 8] = [
    ("small blocks", include_bytes!("../tests/data/small_blocks.h265"), |sps, pps| {
        sps.log2_ctb_size == 4 && !pps.entropy_coding_sync_enabled_flag && pps.sign_data_hiding_enabled_flag
    }),
    ("large blocks", include_bytes!("../tests/data/large_blocks.h265"), |sps, pps| {
        sps.log2_ctb_size == 6
            && sps.strong_intra_smoothing_enabled_flag
            && sps.max_transform_hierarchy_depth_intra == 3
            && pps.entropy_coding_sync_enabled_flag
    }),
    ("skipped transforms", include_bytes!("../tests/data/skips.h265"), |_, pps| {
        pps.transform_skip_enabled_flag && !pps.sign_data_hiding_enabled_flag && pps.pps_cb_qp_offset != 0
    }),
    ("weights", include_bytes!("../tests/data/weights.h265"), |sps, _| sps.scaling_list.is_some()),
    ("quantisers", include_bytes!("../tests/data/quantisers.h265"), |_, pps| {
        pps.diff_cu_qp_delta_depth == Some(3)
    }),
    ("nothing behind", include_bytes!("../tests/data/plain.h265"), |sps, pps| {
        pps.pps_deblocking_filter_disabled_flag && !sps.sample_adaptive_offset_enabled_flag
    }),
    ("grey", include_bytes!("../tests/data/grey.h265"), |sps, _| sps.chroma_format_idc == 0),
    ("ten bits", include_bytes!("../tests/data/deep.h265"), |sps, _| sps.bit_depth_luma == 10),
];

/// Pictures that are left to others.
const RARE: [(&str, &[u8]); 3] = [
    ("slices", include_bytes!("../tests/data/slices.h265")),
    ("lossless", include_bytes!("../tests/data/lossless.h265")),
    ("lossless blocks", include_bytes!("../tests/data/units.h265")),
];

const SIZE: Size = Size { width: 152, height: 104 };

fn taken_apart(units: &[Vec<u8>]) -> Option<(Vec<NalUnit<'_>>, ParameterSets)> {
    let (mut sets, mut slices) = (ParameterSets::default(), Vec::new());
    for unit in units {
        let unit = NalUnit::parse(unit).ok()?;
        if unit.header.unit_type.is_slice() {
            slices.push(unit);
        } else {
            sets.add(&unit).ok()?;
            fits(&sets, SIZE).ok()?;
        }
    }
    Some((slices, sets))
}

fn units(stream: &[u8]) -> Vec<Vec<u8>> {
    split_annex_b(stream).map(<[u8]>::to_vec).collect()
}

#[test]
fn every_tool_gives_the_samples_that_its_peer_gives() {
    for (name, stream, uses) in COMMON {
        let units = units(stream);
        let (slices, sets) = taken_apart(&units).unwrap();
        let (pps, sps) = sets.get(0).unwrap();
        assert!(uses(sps, pps), "{name} is not what its name says");
        let ours = one(&slices[0], &sets).unwrap().unwrap_or_else(|| panic!("{name} is left to others"));
        assert_eq!((ours.widths[0], ours.heights[0]), (SIZE.width, SIZE.height));
        assert!(ours == others::decode(&slices, &sets).unwrap(), "{name}");
    }
}

#[test]
fn what_is_rare_is_left_to_others() {
    for (name, stream) in RARE {
        let units = units(stream);
        let (slices, sets) = taken_apart(&units).unwrap();
        assert!(slices.len() > 1 || one(&slices[0], &sets) == Ok(None), "{name}");
        let refs: Vec<&[u8]> = units.iter().map(Vec::as_slice).collect();
        assert!(decode(&refs, SIZE).unwrap() == others::decode(&slices, &sets).unwrap(), "{name}");
    }
}

#[test]
fn what_is_coded_in_another_size_or_not_at_all_is_refused() {
    let units = units(COMMON[0].1);
    let mut refs: Vec<&[u8]> = units.iter().map(Vec::as_slice).collect();
    for (width, height) in [(153, 104), (152, 105), (80, 104), (152, 16)] {
        let contradict = HevcError::Damaged("its two sizes contradict");
        assert_eq!(decode(&refs, Size { width, height }), Err(contradict), "{width} x {height}");
    }
    refs.pop();
    assert_eq!(decode(&refs, SIZE), Err(HevcError::Damaged("a tile has no picture data")));
}

#[test]
fn a_picture_cut_short_is_refused_wherever_it_is_cut() {
    for (name, stream, _) in COMMON {
        let units = units(stream);
        let (slice, sets) = units.split_last().unwrap();
        for left in (8..slice.len()).step_by(7) {
            let mut refs: Vec<&[u8]> = sets.iter().map(Vec::as_slice).collect();
            refs.push(&slice[..left]);
            assert!(decode(&refs, SIZE).is_err(), "{name}, {left} of {} bytes", slice.len());
        }
    }
}

proptest! {
    /// Damage is refused, or gives what the peer makes of it; nothing panics.
    #[test]
    fn damage_is_seen_as_the_peer_sees_it(
        which in 0..COMMON.len(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 1..4),
        in_slice in prop::bool::weighted(0.8),
    ) {
        let mut units = units(COMMON[which].1);
        let last = units.len() - 1;
        let unit = if in_slice { last } else { flips[0].0.index(last) };
        for (at, bit) in flips {
            let at = at.index(units[unit].len());
            units[unit][at] ^= 1 << bit;
        }
        let Some((slices, sets)) = taken_apart(&units) else { return Ok(()) };
        let Some(slice) = slices.first() else { return Ok(()) };
        if let Ok(Some(ours)) = one(slice, &sets)
            && let Ok(peer) = others::decode(&slices[..1], &sets)
        {
            prop_assert!(ours == peer, "{}", COMMON[which].0);
        }
    }
}
