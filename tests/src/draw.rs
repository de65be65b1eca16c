//! Drawing test photos: markers, each with the look of an identity, on a background of noise.
//!
//! How photos become files is the business of `files`.

use image::{Rgb, RgbImage};
use vow_types::num::{floor_u32, round_u32, to_f32, to_u8};

use crate::look::{Look, Random};

/// Blue levels of the background stay below this, and red and green are free: nothing there looks like a marker.
const BACKGROUND_BLUE: u32 = 70;
/// Samples along each side of a pixel where a marker is drawn, so that its edges are smooth.
const SAMPLES: u8 = 4;

/// One face, drawn: a square with its left top corner at `x`, `y`, in pixels (not necessarily whole ones).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Marker {
    /// Whose look it bears, below [`crate::look::IDENTITIES`].
    pub identity: u32,
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Side of the square.
    pub side: f32,
}

impl Marker {
    /// Intersection over union with another box, given as left, top, right, bottom in pixels of the same picture.
    #[must_use]
    pub fn iou(&self, [left, top, right, bottom]: [f32; 4]) -> f32 {
        let width = (self.x + self.side).min(right) - self.x.max(left);
        let height = (self.y + self.side).min(bottom) - self.y.max(top);
        let both = width.max(0.0) * height.max(0.0);
        both / (self.side * self.side + (right - left) * (bottom - top) - both)
    }
}

/// A photo to be drawn. The same scene always gives the same pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Of the background and the noise; two scenes that differ in nothing else differ in content.
    pub seed: u64,
    /// Every pixel is moved up or down by at most this much, markers included.
    pub noise: u8,
    /// Whether every face has a white hat on, a tenth of its side above it, which says where up is.
    pub hats: bool,
    /// The faces. For the detector to see each of them, leave 10 pixels of its frame between two.
    pub markers: Vec<Marker>,
}

impl Scene {
    /// A photo without faces, with the noise of a good camera.
    #[must_use]
    pub fn new(width: u32, height: u32, seed: u64) -> Self {
        Self { width, height, seed, noise: 6, hats: false, markers: Vec::new() }
    }

    /// The same with one more face.
    #[must_use]
    pub fn with(mut self, identity: u32, x: f32, y: f32, side: f32) -> Self {
        self.markers.push(Marker { identity, x, y, side });
        self
    }

    /// The same with these identities in a row, of equal size and well apart, in the order given. For when it does
    /// not matter where they are.
    #[must_use]
    pub fn with_row(mut self, identities: &[u32]) -> Self {
        let count = u16::try_from(identities.len().max(1)).expect("not that many in one photo");
        let place = to_f32(self.width) / f32::from(count);
        let side = (0.6 * place).min(0.5 * to_f32(self.height)).floor();
        let y = ((to_f32(self.height) - side) / 2.0).floor();
        for (identity, at) in identities.iter().zip(0u16..) {
            let x = (place * f32::from(at) + (place - side) / 2.0).floor();
            self.markers.push(Marker { identity: *identity, x, y, side });
        }
        self
    }

    /// The pixels, upright.
    #[must_use]
    pub fn draw(&self) -> RgbImage {
        let mut random = Random::new(self.seed);
        let mut picture = background(self.width, self.height, &mut random);
        for marker in &self.markers {
            draw_marker(&mut picture, marker);
            if self.hats {
                draw_hat(&mut picture, marker);
            }
        }
        if self.noise > 0 {
            let span = 2 * u32::from(self.noise) + 1;
            for pixel in picture.pixels_mut() {
                let bits = random.next();
                for (level, shift) in pixel.0.iter_mut().zip([0, 16, 32]) {
                    let part = u32::try_from((bits >> shift) & 0xffff).expect("16 bits");
                    let up = u8::try_from((part * span) >> 16).expect("below the span");
                    *level = level.saturating_add(up).saturating_sub(self.noise);
                }
            }
        }
        picture
    }
}

/// Squares of 32 pixels in random colours with little blue.
fn background(width: u32, height: u32, random: &mut Random) -> RgbImage {
    let across = width.div_ceil(32);
    let mut level = |least: u32, most: u32| u8::try_from(least + random.below(most - least)).expect("a byte");
    let colours: Vec<Rgb<u8>> = (0..across * height.div_ceil(32))
        .map(|_| Rgb([level(30, 200), level(30, 200), level(10, BACKGROUND_BLUE)]))
        .collect();
    RgbImage::from_fn(width, height, |x, y| {
        let at = usize::try_from(y / 32 * across + x / 32).expect("an index");
        colours[at]
    })
}

fn draw_marker(picture: &mut RgbImage, marker: &Marker) {
    let look = Look::of(marker.identity);
    let right = round_u32((marker.x + marker.side).ceil()).min(picture.width());
    let bottom = round_u32((marker.y + marker.side).ceil()).min(picture.height());
    for y in floor_u32(marker.y)..bottom {
        for x in floor_u32(marker.x)..right {
            let pixel = picture.get_pixel_mut(x, y);
            pixel.0 = blend(pixel.0, marker, look, x, y);
        }
    }
}

fn draw_hat(picture: &mut RgbImage, Marker { x, y, side, .. }: &Marker) {
    for row in floor_u32(y - 0.3 * side)..floor_u32(y - 0.1 * side) {
        for column in floor_u32(x + 0.2 * side)..floor_u32(x + 0.8 * side).min(picture.width()) {
            picture.put_pixel(column, row, Rgb([255; 3]));
        }
    }
}

/// Mean colour of a pixel that a marker covers in part or in whole.
fn blend(under: [u8; 3], marker: &Marker, look: &Look, x: u32, y: u32) -> [u8; 3] {
    let samples = f32::from(SAMPLES);
    let mut sum = [0.0f32; 3];
    for row in 0..SAMPLES {
        for column in 0..SAMPLES {
            let along = (to_f32(x) + (f32::from(column) + 0.5) / samples - marker.x) / marker.side;
            let down = (to_f32(y) + (f32::from(row) + 0.5) / samples - marker.y) / marker.side;
            let inside = (0.0..1.0).contains(&along) && (0.0..1.0).contains(&down);
            let colour = if inside { look.colour(along, down) } else { under };
            for (sum, level) in sum.iter_mut().zip(colour) {
                *sum += f32::from(level);
            }
        }
    }
    sum.map(|sum| to_u8(sum / (samples * samples)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_scene_gives_the_same_pixels_and_another_seed_gives_others() {
        let scene = |seed| Scene::new(200, 150, seed).with(3, 20.5, 30.0, 60.0).draw();
        assert_eq!(scene(1), scene(1));
        assert_ne!(scene(1), scene(2));
    }

    #[test]
    fn nothing_in_the_background_is_a_marker() {
        let picture = Scene { noise: 10, ..Scene::new(640, 480, 9) }.draw();
        let excess = |p: &Rgb<u8>| f32::from(p.0[2]) - f32::from(p.0[0].max(p.0[1]));
        let most = picture.pixels().map(excess).fold(f32::MIN, f32::max);
        assert!(most < crate::detector::MARKER_FROM, "{most}");
    }

    #[test]
    fn a_row_fits_and_keeps_its_order() {
        let scene = Scene::new(640, 480, 1).with_row(&[4, 5, 6, 7, 8]);
        let identities: Vec<u32> = scene.markers.iter().map(|marker| marker.identity).collect();
        assert_eq!(identities, [4, 5, 6, 7, 8]);
        for pair in scene.markers.windows(2) {
            assert!(pair[1].x - (pair[0].x + pair[0].side) > 10.0);
        }
        let last = scene.markers.last().unwrap();
        assert!(last.x + last.side < 640.0 && last.y + last.side < 480.0);
    }
}
