//! What a human's answers say about scores: how likely two groups with a score are one person, and which threshold would
//! have answered best. Logistic regression with a prior, so that a few answers move little. Pure.

use vow_types::num::usize_to_f32;

/// A pair of groups about which a human said whether they are one person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// Their sum-link score.
    pub score: f32,
    /// What the human said.
    pub same: bool,
}

/// The chance that two groups are one person as a function of their score: `1 / (1 + exp(-slope (score - middle)))`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// The score at which yes and no are as likely.
    pub middle: f32,
    /// How fast the chance rises.
    pub slope: f32,
}

/// What answers say about another threshold than the one in use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposal {
    /// The threshold that the answers speak for.
    pub merge_at: f32,
    /// Answers that it was judged by: each by a threshold found without it.
    pub judged: usize,
    /// How many of them it would have got wrong.
    pub wrong: usize,
    /// How many of them the threshold in use gets wrong.
    pub wrong_now: usize,
    /// How many of them one of both gets wrong and the other right.
    pub differ: usize,
}

impl Proposal {
    /// Whether it does better on answers it has not seen, by more than chance would have it once in twenty times (McNemar 1947, "Note on
    /// the sampling error of the difference between correlated proportions"): one answer more or less is no reason to group everybody anew.
    #[must_use]
    pub fn helps(&self) -> bool {
        let better = usize_to_f32(self.wrong_now.saturating_sub(self.wrong));
        better * better > ONE_IN_TWENTY * usize_to_f32(self.differ)
    }
}

/// Square of the standard deviations that a normal variable exceeds once in twenty times.
const ONE_IN_TWENTY: f32 = 2.7055;

/// Fewer answers say nothing about a threshold.
pub const ENOUGH_ANSWERS: usize = 30;
/// A threshold is never moved further than this from the pack's.
const FURTHEST: f32 = 0.10;
/// How fast the chance rises at the threshold, where half of the pairs are one person: 1,247 pairs below it on 8,910 portraits
/// (YuNet, MobileFaceNet, 0.50). It says 0.04, 0.09, 0.20 and 0.38 where 0.04, 0.07, 0.22 and 0.39 were; and of faces by
/// themselves, above it, 0.62, 0.80 and 0.91 where 0.65, 0.86 and 0.96 were.
const SLOPE: f32 = 47.0;
/// How far the prior lets either stray: a standard deviation of the middle, and of the slope's logarithm.
const STRAY: (f32, f32) = (0.03, 0.5);
/// Steps of the middle that are tried, and slopes as multiples of the prior's.
const STEP: f32 = 0.0025;
const SLOPES: [f32; 7] = [0.25, 0.4, 0.6, 1.0, 1.5, 2.5, 4.0];
/// Parts for holding answers out.
const PARTS: usize = 5;

impl Calibration {
    /// What is known before anybody answered.
    #[must_use]
    pub fn prior(merge_at: f32) -> Self {
        Self { middle: merge_at, slope: SLOPE }
    }

    /// The most likely one, given answers and the prior around the pack's threshold.
    #[must_use]
    pub fn fit(merge_at: f32, verdicts: &[Verdict]) -> Self {
        Self::best(merge_at, verdicts.iter())
    }

    fn best<'a>(merge_at: f32, verdicts: impl Iterator<Item = &'a Verdict> + Clone) -> Self {
        let prior = Self::prior(merge_at);
        let mut best = (f32::NEG_INFINITY, prior);
        // Nothing here has more than one peak worth finding, and a thousand tries cost less than thinking about it.
        let mut middle = prior.middle - FURTHEST;
        while middle <= prior.middle + FURTHEST {
            for times in SLOPES {
                let tried = Self { middle, slope: prior.slope * times };
                let strays = (middle - prior.middle) / STRAY.0;
                let bends = times.ln() / STRAY.1;
                let likelihood: f32 = verdicts.clone().map(|verdict| tried.likelihood(*verdict)).sum();
                let total = likelihood - (strays * strays + bends * bends) / 2.0;
                if total > best.0 {
                    best = (total, tried);
                }
            }
            middle += STEP;
        }
        best.1
    }

    fn likelihood(self, verdict: Verdict) -> f32 {
        let chance = self.chance(verdict.score);
        (if verdict.same { chance } else { 1.0 - chance }).max(1e-6).ln()
    }

    /// The chance that two groups with this score are one person, 0 to 1.
    #[must_use]
    pub fn chance(self, score: f32) -> f32 {
        self.chance_knowing(score, 0.0)
    }

    /// The same where more is known than the score: its log-odds, 0 for nothing ([`crate::Close::beyond_score`]).
    #[must_use]
    pub fn chance_knowing(self, score: f32, beyond: f32) -> f32 {
        1.0 / (1.0 + (-self.slope * (score - self.middle) - beyond).exp())
    }
}

/// What answers say about the threshold, judged by answers that had no part in finding it; `None`: too few. `pack` is the
/// pack's threshold, `now` the one in use.
#[must_use]
pub fn propose(pack: f32, now: f32, verdicts: &[Verdict]) -> Option<Proposal> {
    if verdicts.len() < ENOUGH_ANSWERS {
        return None;
    }
    let wrong_at = |at: f32, verdict: &Verdict| (verdict.score >= at) != verdict.same;
    let (mut wrong, mut differ) = (0, 0);
    for part in 0..PARTS {
        let others =
            verdicts.iter().enumerate().filter(|(i, _)| i % PARTS != part).map(|(_, verdict)| verdict);
        let at = Calibration::best(pack, others).middle;
        let held_out = verdicts.iter().enumerate().filter(|(i, _)| i % PARTS == part);
        for (_, verdict) in held_out {
            let (then, now) = (wrong_at(at, verdict), wrong_at(now, verdict));
            wrong += usize::from(then);
            differ += usize::from(then != now);
        }
    }
    Some(Proposal {
        merge_at: Calibration::fit(pack, verdicts).middle,
        judged: verdicts.len(),
        wrong,
        wrong_now: verdicts.iter().filter(|verdict| wrong_at(now, verdict)).count(),
        differ,
    })
}

/// A share with its 95 % interval (Wilson's), all 0 to 1; `None` of nothing.
#[must_use]
pub fn share(hits: usize, of: usize) -> Option<[f32; 3]> {
    if of == 0 || hits > of {
        return None;
    }
    let (n, z) = (usize_to_f32(of), 1.96f32);
    let p = usize_to_f32(hits) / n;
    let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let reach = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    Some([p, (middle - reach).clamp(0.0, p), (middle + reach).clamp(p, 1.0)])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Answers of a world where people are one from `truth` on.
    fn answers(truth: f32, count: usize) -> Vec<Verdict> {
        let score = |i: usize| truth - 0.05 + 0.1 * usize_to_f32(i * 37 % count) / usize_to_f32(count);
        (0..count).map(|i| Verdict { score: score(i), same: score(i) >= truth }).collect()
    }

    #[test]
    fn without_answers_it_is_what_was_measured() {
        let known = Calibration::fit(0.5, &[]);
        assert!((known.middle - 0.5).abs() < STEP && (known.slope - SLOPE).abs() < 0.1, "{known:?}");
        assert!((known.chance(0.5) - 0.5).abs() < 0.05);
        assert!(known.chance(0.46) < known.chance(0.5));
        assert_eq!(propose(0.5, 0.5, &answers(0.45, ENOUGH_ANSWERS - 1)), None);
    }

    #[test]
    fn answers_move_the_threshold_to_where_they_change() {
        let proposal = propose(0.5, 0.5, &answers(0.45, 60)).unwrap();
        assert!((proposal.merge_at - 0.45).abs() < 0.01, "{proposal:?}");
        assert!(proposal.helps(), "{proposal:?}");
        assert!(proposal.wrong_now >= 25 && proposal.wrong <= 4, "{proposal:?}");
    }

    /// Once 94 of 300 answers instead of 95 were reason enough.
    #[test]
    fn an_answer_more_or_less_is_no_reason_for_another_threshold() {
        let proposal = |wrong, wrong_now, differ| {
            Proposal { merge_at: 0.485, judged: 300, wrong, wrong_now, differ }.helps()
        };
        assert!(
            !proposal(94, 95, 41) && !proposal(95, 95, 0) && !proposal(90, 95, 15) && !proposal(96, 95, 1)
        );
        assert!(proposal(85, 95, 20) && proposal(0, 5, 5));
    }

    #[test]
    fn answers_that_agree_with_the_threshold_do_not_move_it() {
        let proposal = propose(0.5, 0.5, &answers(0.5, 60)).unwrap();
        assert!(!proposal.helps(), "{proposal:?}");
    }

    #[test]
    fn shares_have_intervals() {
        let [p, low, high] = share(9, 10).unwrap();
        assert!((p - 0.9).abs() < 1e-6 && (low - 0.596).abs() < 0.002 && (high - 0.982).abs() < 0.002);
        assert_eq!(share(0, 0), None);
        assert_eq!(share(5, 5).unwrap()[2], 1.0);
    }

    proptest! {
        #[test]
        fn chances_are_chances(
            verdicts in prop::collection::vec((-1.0f32..1.0, any::<bool>()), 0..40), score in -1.0f32..1.0,
        ) {
            let verdicts: Vec<Verdict> = verdicts.into_iter().map(|(score, same)| Verdict { score, same }).collect();
            let known = Calibration::fit(0.5, &verdicts);
            prop_assert!((0.0..=1.0).contains(&known.chance(score)));
            prop_assert!((known.middle - 0.5).abs() <= FURTHEST + STEP);
            if let Some(proposal) = propose(0.5, 0.5, &verdicts) {
                prop_assert!(proposal.wrong <= verdicts.len() && proposal.wrong_now <= verdicts.len());
            }
        }
    }
}
