//! Faces in a picture that is in no folder: a guest's selfie, say. It is looked at as every photo is, its faces are compared
//! with those that are known, and nothing of it is kept.

use std::panic::AssertUnwindSafe;

use vow_media::Buffers;
use vow_store::NewFace;
use vow_types::{Lane, PxBox, num};

use crate::analyse::{Analysed, analyse};
use crate::budget::Holds;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::views::Stranger;

impl Engine {
    /// The faces in a picture that need not be known, the largest first, each with up to `limit` known ones that look like it
    /// at a cosine of `least` or more, most alike first.
    ///
    /// # Errors
    /// When that is no picture, or one that cannot be looked at.
    pub fn similar_to_picture(
        &self,
        bytes: &[u8],
        limit: usize,
        least: f32,
    ) -> Result<Vec<Stranger>, EngineError> {
        let bench = self.bench();
        let refused = |source| EngineError::NoPicture(source);
        let _held = bench.budget.take(Holds::File, num::len_u64(bytes.len()), Lane::Live)?;
        let header = vow_media::inspect(bytes, &bench.limits).map_err(|error| refused(error.into()))?;
        let (networks, budget, progress) = (&bench.networks, &bench.budget, &bench.progress);
        let mut buffers = Buffers::default();
        // As for files: whatever a picture does to a decoder is that picture's fault alone.
        let looked = std::panic::catch_unwind(AssertUnwindSafe(|| {
            analyse((bytes, &header), (None, &[]), (networks, Lane::Live), &mut buffers, budget, progress)
        }));
        let Analysed { faces, turn } = match looked {
            Ok(analysed) => analysed.map_err(|error| refused(error.into()))?,
            Err(_) => return Err(refused("the daemon stumbled over it; its log says where".into())),
        };
        let orientation = header.orientation.or(turn).unwrap_or_default();
        let upright = orientation.upright_size(header.coded);
        let mut strangers = Vec::with_capacity(faces.len());
        for NewFace { detection, quality, norm, embedding } in faces {
            let seen = detection.mapped(|p| orientation.to_upright(p));
            strangers.push(Stranger {
                bbox: seen.bbox.to_px(upright),
                landmarks: seen.landmarks.0.map(|p| p.to_px(upright)),
                score: seen.score,
                quality: self.people().worth(quality, norm),
                similar: self.alike(&embedding, None, limit, least)?,
            });
        }
        let area = |PxBox { left, top, right, bottom }: PxBox| (right - left) * (bottom - top);
        strangers.sort_by(|a, b| area(b.bbox).total_cmp(&area(a.bbox)));
        Ok(strangers)
    }
}
