//! Who is who in a composed album: its truth file names a person and a box for every face that was pasted in.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;
use vow_types::num::narrow;

use crate::faces::Found;

/// A face that is in a photo by the truth.
struct Pasted {
    person: String,
    /// Left, top, right, bottom, relative to the upright photo.
    bbox: [f32; 4],
}

/// The faces that were found, each with who it is: the pasted face whose middle is nearest to its own, if that is within a
/// quarter of the paste. A pasted face names one found face, the nearest; all others are nobody.
pub(crate) fn named<'a>(found: &'a [Found], album: &Path) -> Vec<(&'a Found, Option<String>)> {
    let truth = truth(album);
    let mut taken: HashMap<(&Path, usize), (f32, usize)> = HashMap::new();
    for (number, face) in found.iter().enumerate() {
        let pasted = truth.get(face.file.to_str().unwrap()).map_or(&[][..], Vec::as_slice);
        let off = pasted.iter().enumerate().map(|(at, pasted)| (distance(face.bbox, pasted.bbox), at));
        let Some((off, at)) = off.min_by(|a, b| a.0.total_cmp(&b.0)).filter(|near| near.0 < 0.25) else {
            continue;
        };
        let best = taken.entry((&face.file, at)).or_insert((off, number));
        if off < best.0 {
            *best = (off, number);
        }
    }
    let mut named: Vec<(&Found, Option<String>)> = found.iter().map(|face| (face, None)).collect();
    for ((file, at), (_, number)) in taken {
        named[number].1 = Some(truth[file.to_str().unwrap()][at].person.clone());
    }
    let pasted: usize = truth.values().map(Vec::len).sum();
    let known = named.iter().filter(|(_, person)| person.is_some()).count();
    println!("{known} of {pasted} faces of the album found, {} others", named.len() - known);
    named
}

/// From middle to middle, in sides of the paste.
fn distance(found: [f32; 4], pasted: [f32; 4]) -> f32 {
    let [left, top, right, bottom] = pasted;
    let off =
        |a: f32, b: f32, low: f32, high: f32| (f32::midpoint(a, b) - f32::midpoint(low, high)) / (high - low);
    off(found[0], found[2], left, right).hypot(off(found[1], found[3], top, bottom))
}

/// By file name, from `ALBUM.truth.jsonl` beside the album.
fn truth(album: &Path) -> HashMap<String, Vec<Pasted>> {
    let mut path = album.as_os_str().to_owned();
    path.push(".truth.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let photos = text.lines().map(|line| {
        let photo: Value = serde_json::from_str(line).unwrap();
        let number = |value: &Value| narrow(value.as_f64().unwrap());
        let (width, height) = (number(&photo["width"]), number(&photo["height"]));
        let faces = photo["faces"].as_array().unwrap().iter().map(|face| {
            let [left, top, right, bottom] = [0, 1, 2, 3].map(|at| number(&face["box"][at]));
            Pasted {
                person: face["identity"].as_str().unwrap().to_owned(),
                bbox: [left / width, top / height, right / width, bottom / height],
            }
        });
        (photo["file"].as_str().unwrap().to_owned(), faces.collect())
    });
    photos.collect()
}
