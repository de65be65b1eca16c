//! Faces cut out of a photo, from a closer look where that shows more; with a closer look at their landmarks where the pack
//! wants one. How close, `closeness` says.
//!
//! The closer looks of all faces of a photo go to the detector together, so that they share a batch or several threads, as far
//! as the memory for them goes; meanwhile the pixels are kept that the faces will be cut out of.

use std::sync::Arc;
use std::time::Instant;

use vow_media::{Decoding, View};
use vow_types::{Detection, Landmarks, Lane, Orientation, RelBox, RelPoint, Size, Stage};
use vow_vision::{CLOSE_UP, Framed, PictureView, VisionError};

use super::{AnalyseError, Networks};
use crate::closeness;
use crate::progress::Progress;

/// Bytes that the faces of a round take, which are taken up and not cut out yet: their frames and pixels, and the crops that
/// come of them. The face that reaches it is the last.
pub(super) const ROUND: usize = 3 << 20;

/// A face cut out.
pub(super) struct Cut {
    /// With the landmarks as they were given, or as closer looks have them.
    pub(super) face: Detection,
    /// Aligned, RGB8.
    pub(super) crop: Vec<u8>,
}

/// What the faces of one photo are cut out with.
pub(super) struct Knife<'a> {
    /// Size of the photo as coded.
    pub(super) coded: Size,
    pub(super) orientation: Orientation,
    pub(super) networks: &'a Networks,
    pub(super) lane: Lane,
    pub(super) progress: &'a Progress,
}

/// Faces that were taken up and are not cut out yet.
#[derive(Default)]
pub(super) struct Round {
    faces: Vec<Begun>,
    bytes: usize,
}

struct Begun {
    face: Detection,
    /// Its landmarks relative to the pixels that it is cut out of, upright.
    inside: Landmarks,
    pixels: Pixels,
    /// As it is and mirrored; none where the pack wants no closer look, or its detector has no frame for it.
    looks: Option<[Arc<Framed>; 2]>,
}

/// What a face is cut out of.
enum Pixels {
    Whole,
    /// A part that was decoded for this face alone.
    Part {
        size: Size,
        pixels: Vec<u8>,
        shown: RelBox,
    },
}

impl Pixels {
    fn view<'a>(&'a self, whole: View<'a>) -> View<'a> {
        match self {
            Self::Whole => whole,
            Self::Part { size, pixels, shown } => View { size: *size, pixels, shown: *shown },
        }
    }
}

impl Round {
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= ROUND
    }
}

impl Knife<'_> {
    /// Takes up a face, relative to the upright photo: its pixels, and the frames for closer looks.
    ///
    /// # Errors
    /// When the pixels are of no use. Landmarks that are none only lose the face.
    pub(super) fn take_up(
        &self,
        photo: &mut Decoding<'_>,
        face: Detection,
        round: &mut Round,
    ) -> Result<(), AnalyseError> {
        let Some(begun) = unless_no_face(self.begin(photo, face))? else { return Ok(()) };
        let looks = begun.looks.iter().flatten().map(|framed| framed.pixels.len());
        let pixels = if let Pixels::Part { pixels, .. } = &begun.pixels { pixels.len() } else { 0 };
        round.bytes += looks.sum::<usize>() + pixels + self.networks.crop_bytes();
        round.faces.push(begun);
        Ok(())
    }

    fn begin(&self, photo: &mut Decoding<'_>, face: Detection) -> Result<Begun, AnalyseError> {
        let (orientation, embedder) = (self.orientation, self.networks.embedder);
        let reach = vow_vision::reach(self.coded, orientation, &face.landmarks, embedder)
            .map_err(AnalyseError::Crop)?;
        let mut part = None;
        if let Some(scale) = closeness::of_face(reach.density, photo.scale()) {
            let start = Instant::now();
            part = photo.closer(reach.area, scale);
            self.progress.add_busy(Stage::Decode, start.elapsed());
        }
        let pixels = part.map_or(Pixels::Whole, |View { size, pixels, shown }| {
            // The next face is decoded into the same memory.
            Pixels::Part { size, pixels: pixels.to_vec(), shown }
        });
        let view = pixels.view(photo.whole());
        let in_view = |p: RelPoint| orientation.to_upright(view.within(orientation.to_coded(p)));
        let inside = Landmarks(face.landmarks.0.map(in_view));
        let looks = self.looks(view, &inside)?;
        Ok(Begun { face, inside, pixels, looks })
    }

    fn looks(&self, view: View<'_>, inside: &Landmarks) -> Result<Option<[Arc<Framed>; 2]>, AnalyseError> {
        if !self.networks.embedder.refine || self.networks.faces.close_up() != CLOSE_UP {
            return Ok(None);
        }
        let picture = PictureView::new(view.size, view.pixels).map_err(AnalyseError::Crop)?;
        let looks = || vow_vision::closer_looks(picture, self.orientation, inside);
        let looks = self.progress.timed(Stage::Align, looks).map_err(AnalyseError::Crop)?;
        Ok(Some(looks.map(Arc::new)))
    }

    /// Cuts out the faces of a round; `whole` is the photo that they were taken up from.
    ///
    /// # Errors
    /// When a closer look fails, or the pixels are of no use.
    pub(super) fn finish(&self, round: Round, whole: View<'_>) -> Result<Vec<Cut>, AnalyseError> {
        let see = |frames| {
            let found = self.networks.faces.detect_all(frames, self.lane).map_err(AnalyseError::Detect)?;
            super::count(self.progress, Stage::Detect, found.busy, found.waited);
            Ok(found.value)
        };
        self.finish_with(round, whole, see)
    }

    /// As [`Self::finish`], with somebody who answers with the finds in each frame.
    fn finish_with(
        &self,
        mut round: Round,
        whole: View<'_>,
        see: impl FnOnce(Vec<Arc<Framed>>) -> Result<Vec<Vec<Detection>>, AnalyseError>,
    ) -> Result<Vec<Cut>, AnalyseError> {
        let frames: Vec<_> = round.faces.iter_mut().flat_map(|begun| begun.looks.take()).flatten().collect();
        let mut found = if frames.is_empty() { Vec::new() } else { see(frames)? }.into_iter();
        let mut all = Vec::with_capacity(round.faces.len());
        for begun in round.faces {
            let looks = found.next().zip(found.next());
            all.extend(unless_no_face(self.cut(begun, looks, whole))?);
        }
        Ok(all)
    }

    fn cut(
        &self,
        begun: Begun,
        looks: Option<(Vec<Detection>, Vec<Detection>)>,
        whole: View<'_>,
    ) -> Result<Cut, AnalyseError> {
        let Begun { face, inside, pixels, .. } = begun;
        let (view, orientation) = (pixels.view(whole), self.orientation);
        let picture = PictureView::new(view.size, view.pixels).map_err(AnalyseError::Crop)?;
        let upright = orientation.upright_size(view.size);
        let refined =
            looks.map(|(plain, mirrored)| vow_vision::refined(upright, &inside, [&plain, &mirrored]));
        let embedder = self.networks.embedder;
        let align = || vow_vision::crop(picture, orientation, refined.as_ref().unwrap_or(&inside), embedder);
        let crop = self.progress.timed(Stage::Align, align).map_err(AnalyseError::Crop)?;
        let in_photo = |p: RelPoint| orientation.to_upright(view.to_coded(orientation.to_coded(p)));
        let landmarks = refined.map_or(face.landmarks, |refined| Landmarks(refined.0.map(in_photo)));
        Ok(Cut { face: Detection { landmarks, ..face }, crop })
    }
}

/// Five points in one place are no face: the detector's mistake must not cost the photo.
fn unless_no_face<T>(result: Result<T, AnalyseError>) -> Result<Option<T>, AnalyseError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(AnalyseError::Crop(VisionError::Landmarks(error))) => {
            tracing::debug!(%error, "a find was dropped");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[path = "cut_tests.rs"]
mod tests;
