//! Pictures drawn by code, always the same, to try networks on before there is any photo: noise, which reaches all of a network,
//! and what photos have more of: soft shades, edges, and something like faces, near and far, in light and in the dark.

use vow_types::Size;
use vow_types::num::{to_f32, to_u8};

type Colour = [f32; 3];

/// A picture. Lengths are in shorter sides.
struct Scene {
    /// Above and below; shades lie between.
    ground: [Colour; 2],
    /// How much lighter stripes are, and how many a side has.
    stripes: (f32, f32),
    /// How far a byte may be off.
    noise: f32,
    /// Of 1: what a camera would have caught.
    light: f32,
    faces: &'static [Face],
}

struct Face {
    x: f32,
    y: f32,
    /// From the chin to the hair.
    height: f32,
    skin: Colour,
}

const LIGHT_SKIN: Colour = [226.0, 178.0, 150.0];
const DARK_SKIN: Colour = [112.0, 74.0, 52.0];
const HAIR: Colour = [52.0, 38.0, 30.0];
const EYE: Colour = [34.0, 28.0, 30.0];
const LIPS: Colour = [168.0, 84.0, 80.0];

const SCENES: [Scene; 6] = [
    Scene {
        ground: [[40.0, 90.0, 160.0], [150.0, 110.0, 60.0]],
        stripes: (40.0, 3.0),
        noise: 64.0,
        light: 1.0,
        faces: &[],
    },
    Scene {
        ground: [[236.0, 240.0, 250.0], [12.0, 20.0, 16.0]],
        stripes: (0.0, 1.0),
        noise: 0.0,
        light: 1.0,
        faces: &[],
    },
    Scene {
        ground: [[90.0, 130.0, 170.0], [70.0, 100.0, 80.0]],
        stripes: (0.0, 1.0),
        noise: 4.0,
        light: 1.0,
        faces: &[Face { x: 0.5, y: 0.5, height: 0.9, skin: LIGHT_SKIN }],
    },
    Scene {
        ground: [[60.0, 50.0, 70.0], [30.0, 30.0, 40.0]],
        stripes: (10.0, 5.0),
        noise: 12.0,
        light: 0.45,
        faces: &[Face { x: 0.46, y: 0.52, height: 0.8, skin: DARK_SKIN }],
    },
    Scene {
        ground: [[190.0, 200.0, 210.0], [80.0, 90.0, 70.0]],
        stripes: (30.0, 11.0),
        noise: 6.0,
        light: 1.0,
        faces: &[
            Face { x: 0.25, y: 0.4, height: 0.4, skin: DARK_SKIN },
            Face { x: 0.62, y: 0.35, height: 0.25, skin: LIGHT_SKIN },
            Face { x: 0.8, y: 0.75, height: 0.12, skin: LIGHT_SKIN },
        ],
    },
    Scene {
        ground: [[220.0, 210.0, 180.0], [160.0, 150.0, 150.0]],
        stripes: (60.0, 23.0),
        noise: 3.0,
        light: 1.6,
        faces: &[Face { x: 0.55, y: 0.48, height: 0.7, skin: LIGHT_SKIN }],
    },
];

/// The pictures in this size, rows of RGB; the first has most noise.
pub(crate) fn pictures(size: Size) -> impl Iterator<Item = Vec<u8>> + Clone {
    SCENES.iter().map(move |scene| scene.draw(size))
}

impl Scene {
    fn draw(&self, size: Size) -> Vec<u8> {
        let side = to_f32(size.width.min(size.height).max(1));
        // Marsaglia's xorshift: no more is asked of it than to look like nothing.
        let mut state = 2_654_435_761_u32;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            to_f32(state >> 16) / 32_768.0 - 1.0
        };
        let places = (0..size.height).flat_map(|row| (0..size.width).map(move |column| (column, row)));
        let colours = places.map(|(column, row)| {
            let (x, y) = (to_f32(column) / side, to_f32(row) / side);
            self.faces.iter().find_map(|face| face.at(x, y)).unwrap_or_else(|| self.ground_at(x, y))
        });
        colours.flatten().map(|value| to_u8(value * self.light + self.noise * noise())).collect()
    }

    fn ground_at(&self, x: f32, y: f32) -> Colour {
        let [above, below] = self.ground;
        let (lighter, count) = self.stripes;
        let part = y.clamp(0.0, 1.0);
        // Hard on one side, soft on the other.
        let stripe = lighter * ((x + 0.3 * y) * count).fract();
        [0, 1, 2].map(|plane| {
            let of = |colour: Colour| colour.get(plane).copied().unwrap_or_default();
            of(above) * (1.0 - part) + of(below) * part + stripe
        })
    }
}

impl Face {
    /// Its colour there; `None` beside it. Measures are of heads as drawing books have them.
    fn at(&self, x: f32, y: f32) -> Option<Colour> {
        let (x, y) = ((x - self.x) / self.height, (y - self.y) / self.height);
        let within = |(cx, cy): (f32, f32), (rx, ry): (f32, f32)| {
            ((x - cx) / rx).powi(2) + ((y - cy) / ry).powi(2) <= 1.0
        };
        if !within((0.0, 0.0), (0.37, 0.5)) {
            return None;
        }
        if y < -0.3 {
            return Some(HAIR);
        }
        if within((-0.15, -0.06), (0.06, 0.03)) || within((0.15, -0.06), (0.06, 0.03)) {
            return Some(EYE);
        }
        if within((0.0, 0.26), (0.13, 0.035)) {
            return Some(LIPS);
        }
        let nose = if within((0.02, 0.08), (0.05, 0.1)) { 0.86 } else { 1.0 };
        // Lit from the left.
        let shade = nose * (1.0 - 0.6 * x.max(-0.2) - 0.25 * y.abs());
        Some(self.skin.map(|value| value * shade))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CROP: Size = Size { width: 112, height: 112 };

    #[test]
    fn they_differ_and_never_change() {
        let all: Vec<_> = pictures(CROP).collect();
        assert!(pictures(CROP).eq(all.iter().cloned()));
        for (number, one) in all.iter().enumerate() {
            assert_eq!(one.len(), 3 * 112 * 112);
            assert!(all.iter().skip(number + 1).all(|other| other != one));
        }
        let frame = Size { width: 64, height: 96 };
        assert!(pictures(frame).all(|picture| picture.len() == 3 * 64 * 96));
    }

    #[test]
    fn they_have_noise_and_shades_and_faces() {
        let all: Vec<_> = pictures(CROP).collect();
        let at = |picture: usize, x: usize, y: usize| i32::from(all[picture][3 * (y * 112 + x)]);
        let roughness =
            |picture: usize| (0..111).map(|x| (at(picture, x, 9) - at(picture, x + 1, 9)).abs()).sum::<i32>();
        assert!(roughness(0) > 111 * 20 && roughness(1) < 111, "{} and {}", roughness(0), roughness(1));
        let (eye, cheek, beside) = (at(2, 41, 50), at(2, 41, 65), at(2, 2, 65));
        assert!(cheek > 2 * eye && cheek > beside, "{eye} {cheek} {beside}");
    }
}
