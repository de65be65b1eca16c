//! x
use vow_types::Detection;

/// x
#[must_use]
pub fn quality(detection: &Detection, face_px: f32, crop: &[u8]) -> f32 {
    let _ = (face_px, crop);
    detection.score
}
