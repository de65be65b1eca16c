//! Which output of a detector is which tensor of its head. Reading the tensors is `vow-vision`'s.

use vow_types::{Head, Size};
use vow_vision::{Found, scrfd, yunet};

use crate::error::GraphError;

/// Places of the tensors in the order in which a run gives the outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heads {
    /// Of [`Head::Scrfd`].
    Scrfd([ScrfdLevel; 3]),
    /// Of [`Head::Yunet`].
    Yunet([YunetLevel; 3]),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScrfdLevel {
    stride: u32,
    scores: usize,
    boxes: usize,
    landmarks: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct YunetLevel {
    stride: u32,
    cls: usize,
    obj: usize,
    bbox: usize,
    kps: usize,
}

impl Heads {
    /// Finds a head's tensors among outputs of these names.
    ///
    /// SCRFD exists in two styles: `score_8 … kps_32`, and InsightFace's own export with nine numbered outputs, known
    /// by their order alone. YuNet's outputs have names.
    pub(crate) fn find(head: Head, outputs: &[String]) -> Result<Self, GraphError> {
        let found = match head {
            Head::Scrfd => scrfd_by_name(outputs).or_else(|| scrfd_by_order(outputs)).map(Self::Scrfd),
            Head::Yunet => yunet_by_name(outputs).map(Self::Yunet),
        };
        found.ok_or_else(|| GraphError::Outputs {
            found: outputs.to_vec(),
            head,
            expected: match head {
                Head::Scrfd => {
                    "score_8, score_16, score_32, bbox_8 …, kps_8 …, or nine unnamed ones in that order \
                     (a detector without landmarks cannot be used)"
                }
                Head::Yunet => "cls_8, cls_16, cls_32, obj_8 …, bbox_8 …, kps_8 …",
            },
        })
    }

    /// Reads the outputs of one frame. A missing output counts as an empty tensor, which vision refuses by name.
    pub(crate) fn decode(
        &self,
        outputs: &[&[f32]],
        shape: Size,
        threshold: f32,
    ) -> Result<Vec<Found>, GraphError> {
        let at = |place: usize| outputs.get(place).copied().unwrap_or_default();
        let found = match self {
            Self::Scrfd(levels) => {
                let levels = levels.each_ref().map(|level| scrfd::Level {
                    stride: level.stride,
                    scores: at(level.scores),
                    boxes: at(level.boxes),
                    landmarks: at(level.landmarks),
                });
                scrfd::decode(&levels, shape, threshold)
            }
            Self::Yunet(levels) => {
                let levels = levels.each_ref().map(|level| yunet::Level {
                    stride: level.stride,
                    cls: at(level.cls),
                    obj: at(level.obj),
                    bbox: at(level.bbox),
                    kps: at(level.kps),
                });
                yunet::decode(&levels, shape, threshold)
            }
        };
        found.map_err(|source| GraphError::Decode { source })
    }
}

fn scrfd_by_name(outputs: &[String]) -> Option<[ScrfdLevel; 3]> {
    levels(scrfd::STRIDES, |stride| {
        Some(ScrfdLevel {
            stride,
            scores: place(outputs, "score", stride)?,
            boxes: place(outputs, "bbox", stride)?,
            landmarks: place(outputs, "kps", stride)?,
        })
    })
}

fn scrfd_by_order(outputs: &[String]) -> Option<[ScrfdLevel; 3]> {
    if outputs.len() != 9 {
        return None;
    }
    let mut first = 0..;
    levels(scrfd::STRIDES, |stride| {
        let first = first.next()?;
        Some(ScrfdLevel { stride, scores: first, boxes: first + 3, landmarks: first + 6 })
    })
}

fn yunet_by_name(outputs: &[String]) -> Option<[YunetLevel; 3]> {
    levels(yunet::STRIDES, |stride| {
        Some(YunetLevel {
            stride,
            cls: place(outputs, "cls", stride)?,
            obj: place(outputs, "obj", stride)?,
            bbox: place(outputs, "bbox", stride)?,
            kps: place(outputs, "kps", stride)?,
        })
    })
}

fn levels<L>(strides: [u32; 3], mut level: impl FnMut(u32) -> Option<L>) -> Option<[L; 3]> {
    let [fine, middle, coarse] = strides;
    Some([level(fine)?, level(middle)?, level(coarse)?])
}

fn place(outputs: &[String], tensor: &str, stride: u32) -> Option<usize> {
    let name = format!("{tensor}_{stride}");
    outputs.iter().position(|output| *output == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    const SCRFD: [&str; 9] =
        ["score_8", "score_16", "score_32", "bbox_8", "bbox_16", "bbox_32", "kps_8", "kps_16", "kps_32"];

    #[test]
    fn both_export_styles_of_scrfd_mean_the_same() {
        let numbered = names(&["446", "466", "486", "449", "469", "489", "452", "472", "492"]);
        let named = Heads::find(Head::Scrfd, &names(&SCRFD)).unwrap();
        assert_eq!(Heads::find(Head::Scrfd, &numbered).unwrap(), named);
        let Heads::Scrfd([_, middle, _]) = named else { panic!("another head") };
        assert_eq!((middle.stride, middle.scores, middle.boxes, middle.landmarks), (16, 1, 4, 7));
    }

    #[test]
    fn names_win_over_order() {
        let mut turned = names(&SCRFD);
        turned.reverse();
        let Heads::Scrfd([fine, ..]) = Heads::find(Head::Scrfd, &turned).unwrap() else {
            panic!("another head")
        };
        assert_eq!((fine.stride, fine.scores, fine.boxes, fine.landmarks), (8, 8, 5, 2));
    }

    #[test]
    fn yunet_goes_by_name_whatever_the_order_and_whatever_else_there_is() {
        let mut outputs = vec!["iou".to_owned()];
        for tensor in ["kps", "bbox", "obj", "cls"] {
            outputs.extend([32, 8, 16].map(|stride| format!("{tensor}_{stride}")));
        }
        let Heads::Yunet([fine, ..]) = Heads::find(Head::Yunet, &outputs).unwrap() else {
            panic!("another head")
        };
        assert_eq!((fine.stride, fine.cls, fine.obj, fine.bbox, fine.kps), (8, 11, 8, 5, 2));
    }

    #[test]
    fn a_wrong_head_is_told_what_there_is_and_what_was_wanted() {
        let error = Heads::find(Head::Yunet, &names(&SCRFD)).unwrap_err().to_string();
        assert!(error.contains("\"score_8\"") && error.contains("`yunet`: cls_8"), "{error}");
        // SCRFD without landmarks has six outputs.
        let error = Heads::find(Head::Scrfd, &names(&SCRFD[..6])).unwrap_err().to_string();
        assert!(error.contains("without landmarks"), "{error}");
    }
}
