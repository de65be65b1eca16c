//! People who change: a child of three and the same child of eight look less alike than two faces of one person usually do,
//! and are two groups. Where one group ends before the other begins, they are compared by the faces nearest to where they
//! meet. That only finds questions: siblings of the same age, years apart, look like one person who grew up, so that nobody
//! is merged because of it.

use vow_types::{FaceId, PersonId};

use crate::Grouping;
use crate::close::Close;
use crate::faces::Slot;
use crate::score::Sum;

/// Years that two groups span together from which on people may have changed: below, faces of one person look alike.
const LONG_DAYS: i32 = 3 * 365;
/// So near to where they meet, a face speaks for its group.
const NEAR_DAYS: i32 = 365;
/// So many faces at most do, those nearest.
const SPEAKERS: usize = 32;
/// So much lower the whole groups may score than the faces where they meet: children of three and eight years.
const WHOLE_BELOW: f32 = 0.15;

/// When a group's faces were taken, by day: those of which it is known, the earliest first.
struct Dated {
    days: Vec<(i32, Slot)>,
}

impl Dated {
    fn first(&self) -> Option<i32> {
        self.days.first().map(|(day, _)| *day)
    }

    fn last(&self) -> Option<i32> {
        self.days.last().map(|(day, _)| *day)
    }

    /// The faces of the last year.
    fn end(&self) -> Vec<Slot> {
        let from = self.last().unwrap_or_default().saturating_sub(NEAR_DAYS);
        self.days.iter().rev().take_while(|(day, _)| *day >= from).take(SPEAKERS).map(|(_, s)| *s).collect()
    }

    /// The faces of the first year.
    fn beginning(&self) -> Vec<Slot> {
        let to = self.first().unwrap_or_default().saturating_add(NEAR_DAYS);
        self.days.iter().take_while(|(day, _)| *day <= to).take(SPEAKERS).map(|(_, s)| *s).collect()
    }
}

impl Grouping {
    /// Pairs of these people with each other and with others that miss the threshold by more than `within` as wholes, but not where one ends and the other begins,
    /// years apart; nothing keeps them from being one. `day` is when a face was taken, in days since any. The score of a
    /// pair is that of the faces where they meet.
    pub fn close_across_years(
        &mut self,
        of: &[PersonId],
        within: f32,
        day: &dyn Fn(FaceId) -> Option<i32>,
    ) -> Vec<Close> {
        let (enough, least) = (self.bar - within, self.bar - within - WHOLE_BELOW);
        let (groups, mut close) = (self.strong_groups(of), Vec::new());
        for group in groups.iter().copied() {
            let mut near = Vec::new();
            self.groups.visit(group, (&self.faces, &self.edges, &self.params), least, |score, _, other| {
                if score >= least && score < enough && (group < other || !groups.contains(&other)) {
                    near.push(other);
                }
                least
            });
            if near.is_empty() {
                continue;
            }
            let own = self.dated(group, day);
            for other in near {
                let theirs = self.dated(other, day);
                let Some((ending, beginning)) = meeting(&own, &theirs) else { continue };
                let sum = |slots: &[Slot]| Sum::of(slots.iter().copied(), &self.faces, &self.params);
                let Some((a, b)) = sum(&ending).zip(sum(&beginning)) else { continue };
                let score = a.view().score(&b.view(), &self.params);
                if score >= enough && self.groups.may_meet(group, other, &self.faces) {
                    let pairs = ending.iter().flat_map(|a| beginning.iter().map(|b| (*a, *b)));
                    close.extend(self.close_by(group, other, score, pairs));
                }
            }
        }
        close
    }

    fn dated(&self, group: Slot, day: &dyn Fn(FaceId) -> Option<i32>) -> Dated {
        let members = self.groups.members(group).iter();
        let mut days: Vec<(i32, Slot)> =
            members.filter_map(|slot| Some((day(self.faces.id(*slot))?, *slot))).collect();
        days.sort_unstable();
        Dated { days }
    }
}

/// Whether two sets of faces are years apart as [`Grouping::close_across_years`] has it: what a human says about them says
/// nothing about scores.
#[must_use]
pub fn are_years_apart(a: &[FaceId], b: &[FaceId], day: &dyn Fn(FaceId) -> Option<i32>) -> bool {
    let span = |faces: &[FaceId]| {
        let days = faces.iter().filter_map(|face| day(*face));
        days.fold(None, |span: Option<(i32, i32)>, day| {
            Some(span.map_or((day, day), |(first, last)| (first.min(day), last.max(day))))
        })
    };
    span(a).zip(span(b)).is_some_and(|((a0, a1), (b0, b1))| are_apart((a0, a1), (b0, b1)))
}

/// One is over before the other begins, and together they are years.
fn are_apart((a0, a1): (i32, i32), (b0, b1): (i32, i32)) -> bool {
    (a1 < b0 || b1 < a0) && a1.max(b1).saturating_sub(a0.min(b0)) >= LONG_DAYS
}

/// The faces of each group nearest to the other in time: first the one's end and the other's beginning or the reverse, in the
/// order of the arguments.
fn meeting(one: &Dated, other: &Dated) -> Option<(Vec<Slot>, Vec<Slot>)> {
    let span = |dated: &Dated| dated.first().zip(dated.last());
    let (a, b) = (span(one)?, span(other)?);
    if !are_apart(a, b) {
        return None;
    }
    Some(if a.1 < b.0 { (one.end(), other.beginning()) } else { (one.beginning(), other.end()) })
}
