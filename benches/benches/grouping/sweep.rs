//! Power and threshold around the defaults. People are split in halves by their number, so that what is chosen on one half
//! can be checked on the other: a setting that is best on both is no accident.

use vow_cluster::Params;
use vow_types::num;

use crate::faces::Face;
use crate::measure::Score;
use crate::ours::settled;

/// Prints F and clicks of the exact pass for each setting: the even half, the odd half, all.
pub(crate) fn table(faces: &[Face], params: Params) {
    let half = |odd: usize| -> Vec<Face> {
        let mine = |face: &&Face| face.person.is_none_or(|person| hash(person) % 2 == odd);
        faces.iter().filter(mine).cloned().collect()
    };
    let parts = [half(0), half(1), faces.to_vec()];
    println!("power  merge   one half: F, clicks   other half: F, clicks   all: F, clicks, purity");
    for power in [0.6, 0.7, 0.8, 0.9, 1.0] {
        for step in [-2.0, -1.0, 0.0, 1.0, 2.0] {
            let merge_at = params.merge_at + 0.02 * step;
            let params = Params { power, merge_at, calibrated_among: None, ..params };
            let [one, other, all] = parts.each_ref().map(|faces| score(faces, params));
            println!(
                "{power:5.2} {merge_at:6.2} {:14.4} {:7} {:15.4} {:7} {:9.4} {:7} {:8.4}",
                one.f(),
                one.clicks,
                other.f(),
                other.clicks,
                all.f(),
                all.clicks,
                all.purity
            );
        }
    }
}

/// Prints F and clicks of the exact pass by threshold, for all people at once and for them in ever smaller parts: what is
/// best for few faces is too lax for many, among which there are more who look alike.
pub(crate) fn by_size(faces: &[Face], params: Params) {
    const THRESHOLDS: [f32; 7] = [-0.08, -0.06, -0.04, -0.02, 0.0, 0.02, 0.04];
    println!("\nmean F and all clicks by threshold, with all people in so many parts");
    let heads = THRESHOLDS.map(|step| format!("{:>14.2}", params.merge_at + step));
    println!("parts   faces {}  by their number", heads.concat());
    for parts in [1usize, 2, 4, 8, 16, 32] {
        let part = |mine: usize| -> Vec<Face> {
            let is_mine = |face: &&Face| face.person.is_none_or(|person| hash(person) % parts == mine);
            faces.iter().filter(is_mine).cloned().collect()
        };
        let cell = |params: Params| {
            let scores = (0..parts).map(|mine| score(&part(mine), params));
            let (f, clicks) = scores.fold((0.0, 0), |sum, score| (sum.0 + score.f(), sum.1 + score.clicks));
            format!("{:>8.4} {clicks:>5}", f / num::usize_to_f64(parts))
        };
        let fixed = THRESHOLDS
            .map(|step| cell(Params { merge_at: params.merge_at + step, calibrated_among: None, ..params }));
        println!("{parts:5} {:7} {}  {}", faces.len() / parts, fixed.concat(), cell(params));
    }
}

fn score(faces: &[Face], params: Params) -> Score {
    let people: Vec<Option<usize>> = faces.iter().map(|face| face.person).collect();
    Score::of(&settled(faces, params), &people)
}

/// Spreads numbers that follow the alphabet.
fn hash(person: usize) -> usize {
    person.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}
