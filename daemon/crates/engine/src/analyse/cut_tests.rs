//! Rounds of faces, with a detector that is made up: what it says of a frame depends on the frame's pixels alone.

use vow_infer::{FaceEngine, ProviderChoice, Runtime, RuntimeChoice, Tuning};
use vow_media::{Buffers, Limits, Scale};
use vow_models::Pack;
use vow_types::RelPoint;
use vow_types::num::to_f32;
use vow_vision::Standing;

use super::super::describe::TOGETHER;
use super::*;

const CODED: Size = Size { width: 1600, height: 1200 };

/// The points that faces are aligned to, in a crop of 112 pixels.
const TEMPLATE: [(f32, f32); 5] = [(38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2)];

fn networks() -> Networks {
    let pack = Pack::starter().unwrap();
    let runtime = Runtime::start(
        &RuntimeChoice::Tract,
        ProviderChoice::Only(vow_infer::Provider::Cpu),
        std::path::Path::new("nowhere"),
    )
    .unwrap();
    let (embedder, standing) = (pack.embedder, Standing::of(pack.detector.head));
    let faces = FaceEngine::start(crate::graphs::as_they_are(pack), &runtime, &Tuning::new(1)).unwrap();
    assert!(embedder.refine && embedder.mirror);
    Networks { faces, embedder, standing }
}

/// A picture with something to see everywhere.
fn jpeg() -> Vec<u8> {
    let level = |x: u32, y: u32| u8::try_from((x * x / 900 + 3 * y + (x ^ y) % 40) % 256).unwrap();
    let pixels: Vec<u8> = (0..CODED.height)
        .flat_map(|y| (0..CODED.width).flat_map(move |x| [level(x, y), level(y, x), level(x + y, x)]))
        .collect();
    let mut bytes = Vec::new();
    let (width, height) = (1600, 1200);
    jpeg_encoder::Encoder::new(&mut bytes, 90)
        .encode(&pixels, width, height, jpeg_encoder::ColorType::Rgb)
        .unwrap();
    bytes
}

/// The picture decoded at half its size.
fn at_half<'a>(bytes: &'a [u8], buffers: &'a mut Buffers) -> Decoding<'a> {
    let header = vow_media::inspect(bytes, &Limits::default()).unwrap();
    let mut photo = Decoding::new(bytes, &header, buffers);
    assert!(photo.decode(Scale::Half).unwrap());
    photo
}

fn knife<'a>(networks: &'a Networks, progress: &'a Progress) -> Knife<'a> {
    Knife { coded: CODED, orientation: Orientation::default(), networks, lane: Lane::Backlog, progress }
}

/// A face at a place, of which so many pixels of the picture fall on a pixel of the crop.
fn face(number: u32, density: f32) -> Detection {
    let (left, top) = (to_f32(number * 97 % 1200), to_f32(number * 61 % 800));
    let at = |(x, y): (f32, f32)| RelPoint {
        x: (left + x * density) / to_f32(CODED.width),
        y: (top + y * density) / to_f32(CODED.height),
    };
    let [from, to] = [at((0.0, 0.0)), at((112.0, 112.0))];
    let bbox = RelBox { left: from.x, top: from.y, right: to.x, bottom: to.y };
    Detection { bbox, landmarks: Landmarks(TEMPLATE.map(at)), score: 0.9 }
}

/// Finds the face a little beside where it should be, each frame in its own way.
fn made_up(frames: Vec<Arc<Framed>>) -> Vec<Vec<Detection>> {
    let find = |framed: Arc<Framed>| {
        let sum = framed
            .pixels
            .iter()
            .zip(1u32..)
            .fold(0u32, |sum, (byte, at)| sum.wrapping_mul(31).wrapping_add(at ^ u32::from(*byte)));
        let off = |bits: u32| (to_f32(bits % 64) - 32.0) / 16.0;
        let at = |(x, y): (f32, f32)| RelPoint { x: (x + off(sum)) / 112.0, y: (y + off(sum >> 6)) / 112.0 };
        let bbox = RelBox { left: 0.0, top: 0.0, right: 1.0, bottom: 1.0 };
        vec![Detection { bbox, landmarks: Landmarks(TEMPLATE.map(at)), score: 0.9 }]
    };
    frames.into_iter().map(find).collect()
}

#[test]
fn closer_looks_go_together_and_give_what_each_face_gives_alone() {
    let (networks, bytes, progress) = (networks(), jpeg(), Progress::new());
    let mut buffers = Buffers::default();
    let mut photo = at_half(&bytes, &mut buffers);
    let knife = knife(&networks, &progress);

    // Every other face is small enough for a part of the picture that is decoded for it alone.
    let mut finds: Vec<Detection> = (0..5).map(|n| face(n, if n % 2 == 0 { 1.2 } else { 2.5 })).collect();
    let mut alone = Vec::new();
    for find in &finds {
        let mut round = Round::default();
        knife.take_up(&mut photo, *find, &mut round).unwrap();
        let small = matches!(round.faces[0].pixels, Pixels::Part { .. });
        assert_eq!(small, find.bbox.width() < 0.1);
        alone.extend(knife.finish_with(round, photo.whole(), |frames| Ok(made_up(frames))).unwrap());
    }
    assert_eq!(alone.len(), finds.len());
    assert!(alone.iter().zip(&finds).all(|(cut, find)| cut.face.landmarks != find.landmarks));

    // No face at all is dropped, and the looks of the others stay theirs.
    finds.insert(2, Detection { landmarks: Landmarks([RelPoint { x: 0.5, y: 0.5 }; 5]), ..finds[0] });
    let (mut round, mut asked) = (Round::default(), Vec::new());
    for find in finds {
        knife.take_up(&mut photo, find, &mut round).unwrap();
    }
    let together = knife.finish_with(round, photo.whole(), |frames| {
        asked.push(frames.len());
        Ok(made_up(frames))
    });
    assert_eq!(asked, [10], "two looks of each face, in one question");
    for (together, alone) in together.unwrap().iter().zip(&alone) {
        assert_eq!(together.face, alone.face);
        assert!(together.crop == alone.crop);
    }
}

#[test]
fn a_crowd_is_looked_at_in_rounds_that_fit_the_memory_of_a_photo() {
    let (networks, bytes, progress) = (networks(), jpeg(), Progress::new());
    let mut buffers = Buffers::default();
    let mut photo = at_half(&bytes, &mut buffers);
    let knife = knife(&networks, &progress);
    let (mut round, mut rounds, mut cut) = (Round::default(), Vec::new(), 0);
    for n in 0..200 {
        knife.take_up(&mut photo, face(n, 1.9), &mut round).unwrap();
        let held: usize = round
            .faces
            .iter()
            .map(|begun| {
                let looks: usize = begun.looks.iter().flatten().map(|look| look.pixels.capacity()).sum();
                let Pixels::Part { pixels, .. } = &begun.pixels else { panic!("the whole shows too little") };
                looks + pixels.capacity()
            })
            .sum();
        assert!(
            held <= round.bytes && round.bytes + TOGETHER <= usize::try_from(super::super::WORKING).unwrap()
        );
        if round.is_full() {
            let faces = knife.finish_with(std::mem::take(&mut round), photo.whole(), |frames| {
                rounds.push(frames.len());
                Ok(made_up(frames))
            });
            cut += faces.unwrap().len();
        }
    }
    assert_eq!(cut + round.faces.len(), 200);
    assert!(rounds.iter().all(|looks| (6..=16).contains(looks)), "{rounds:?}");
}
