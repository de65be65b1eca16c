//! What the pack makes of finds: faces cut out, judged and embedded. Finding them is left to `look`, cutting out to `cut`.

use vow_media::{Decoding, Header};
use vow_store::NewFace;
use vow_types::{Detection, Embedding, Lane, Orientation, Size, Stage, norm, num};
use vow_vision::Quality;

use super::cut::{Cut, Knife, Round};
use super::pixels::WORKING;
use super::{AnalyseError, Networks, count};
use crate::budget::Share;
use crate::progress::Progress;

/// Bytes of crops, mirrored ones among them, that are embedded together; the face that reaches it is the last.
pub(super) const TOGETHER: usize = 3 << 20;

/// What the pack makes of finds, which are relative to the upright photo.
pub(super) fn described(
    (finds, orientation): (Vec<Detection>, Orientation),
    header: &Header,
    (mut photo, mut share): (Decoding<'_>, Share),
    (networks, lane): (&Networks, Lane),
    progress: &Progress,
) -> Result<Vec<NewFace>, AnalyseError> {
    let knife = Knife { coded: header.coded, orientation, networks, lane, progress };
    let embedding = Describer { upright: orientation.upright_size(header.coded), knife: &knife };
    let (mut round, mut cut, mut faces) = (Round::default(), Vec::new(), Vec::new());
    for face in finds {
        knife.take_up(&mut photo, face, &mut round)?;
        if round.is_full() {
            cut.extend(knife.finish(std::mem::take(&mut round), photo.whole())?);
        }
        if embedding.is_enough(&cut) {
            faces.extend(embedding.describe(std::mem::take(&mut cut))?);
        }
    }
    cut.extend(knife.finish(round, photo.whole())?);

    // While others embed, nobody waits for memory that this photo has no more use for.
    drop(photo);
    share.shrink_to(WORKING);
    faces.extend(embedding.describe(cut)?);
    Ok(faces)
}

// What is in flight besides: one more face than a round should hold.
const _: () = assert!(super::cut::ROUND + TOGETHER + (1 << 20) <= 8 << 20 && WORKING == 8 << 20);

struct Describer<'a> {
    /// Of the photo.
    upright: Size,
    knife: &'a Knife<'a>,
}

impl Describer<'_> {
    fn is_enough(&self, cut: &[Cut]) -> bool {
        cut.len() * self.knife.networks.crop_bytes() >= TOGETHER
    }

    fn describe(&self, cut: Vec<Cut>) -> Result<Vec<NewFace>, AnalyseError> {
        if cut.is_empty() {
            return Ok(Vec::new());
        }
        let (mut found, mut crops) = (Vec::with_capacity(cut.len()), Vec::with_capacity(cut.len()));
        let shift = self.knife.networks.embedder.shift;
        for Cut { face, crop } in cut {
            found.push((face, Quality::of(&face, self.upright, &crop, shift)));
            crops.push(crop);
        }
        let orientation = self.knife.orientation;
        let views = self.embed(crops)?;
        let faces = found.into_iter().zip(views).map(|((face, quality), views)| {
            let norm =
                views.iter().map(|view| norm(view)).sum::<f32>() / num::usize_to_f32(views.len().max(1));
            Ok(NewFace {
                detection: face.mapped(|p| orientation.to_coded(p)),
                quality: quality.total(),
                norm,
                embedding: Embedding::from_views(&views)?,
            })
        });
        faces.collect()
    }

    /// The embedder's vectors of every crop: one, or that of the mirrored crop too where the pack asks for it.
    fn embed(&self, crops: Vec<Vec<u8>>) -> Result<Vec<Vec<Vec<f32>>>, AnalyseError> {
        let Knife { networks, lane, progress, .. } = *self.knife;
        let embedder = networks.embedder;
        let views: Vec<Vec<u8>> = if embedder.mirror {
            let both = |crop: Vec<u8>| [vow_vision::mirrored(&crop, embedder.size), crop];
            crops.into_iter().flat_map(both).collect()
        } else {
            crops
        };
        let asked = views.len();
        let raw = networks.faces.embed(views, lane).map_err(AnalyseError::Embed)?;
        count(progress, Stage::Embed, raw.busy, raw.waited);
        if raw.value.len() != asked {
            return Err(AnalyseError::FacesLost { asked, got: raw.value.len() });
        }
        let each = if embedder.mirror { 2 } else { 1 };
        let mut vectors = raw.value.into_iter();
        Ok((0..asked / each).map(|_| vectors.by_ref().take(each).collect()).collect())
    }
}
