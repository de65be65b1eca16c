//! Who is near whom, for linfa's DBSCAN: exact, by matrix products of blocks of vectors with all of them, on all cores. In the
//! hundreds of dimensions of an embedding the trees that linfa has look at nearly everyone for each question; so does this,
//! but for a block of questions at once, which is what processors are fast at.
//!
//! DBSCAN asks for one vector at a time. It is told what comes of a block that was worked out before it asked: whom it has been
//! told of and will ask about next, and after those the ones that follow in the order of the vectors.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use linfa::Float;
use linfa_nn::distance::Distance;
use linfa_nn::{BuildError, LinearSearchIndex, NearestNeighbour, NearestNeighbourIndex, NnError};
use ndarray::{Array1, ArrayBase, ArrayView1, ArrayView2, Axis, Data, Ix2};
use rayon::prelude::*;

/// Vectors that are compared with all others at once: enough for a matrix product to be worth its name.
const BLOCK: usize = 128;
/// Of those, no fewer...
const LEAST_BLOCK: usize = 32;
/// ...but only as many as make this many pairs, should everyone be near everyone: 64 MiB.
const PAIRS: usize = 16 << 20;
/// Vectors that one core compares with a block at a time, so that what comes of it stays in its cache.
const COLUMNS: usize = 1024;
/// By how much a product may be off, as a share of the longest vector's square: hundreds of roundings of single precision.
const ROUNDING: f32 = 1e-4;

/// Told how many vectors are done; answers whether to go on.
pub(super) type Onlooker = Arc<dyn Fn(usize) -> bool + Send + Sync>;

/// How linfa gets its index.
#[derive(Clone)]
pub(super) struct InBlocks {
    /// DBSCAN asks twice about a vector with fewer neighbours, once about any other.
    min_samples: usize,
    onlooker: Onlooker,
}

impl InBlocks {
    pub(super) fn new(min_samples: usize, onlooker: Onlooker) -> Self {
        Self { min_samples, onlooker }
    }
}

impl fmt::Debug for InBlocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InBlocks").field("min_samples", &self.min_samples).finish_non_exhaustive()
    }
}

impl NearestNeighbour for InBlocks {
    fn from_batch_with_leaf_size<'a, F: Float, DT: Data<Elem = F>, D: 'a + Distance<F>>(
        &self,
        batch: &'a ArrayBase<DT, Ix2>,
        _: usize,
        distance: D,
    ) -> Result<Box<dyn 'a + Send + Sync + NearestNeighbourIndex<F>>, BuildError> {
        let rows = batch.view();
        let one_by_one = LinearSearchIndex::new(batch, distance.clone())?;
        let halves = rows.outer_iter().map(|row| row.dot(&row) / F::cast(2.0)).collect();
        let state = State::new(rows.nrows());
        Ok(Box::new(Index {
            rows,
            halves,
            distance,
            one_by_one,
            how: self.clone(),
            state: Mutex::new(state),
        }))
    }
}

struct Index<'a, F: Float, D: Distance<F>> {
    rows: ArrayView2<'a, F>,
    /// Half the square of each row's length.
    halves: Array1<F>,
    distance: D,
    /// For whatever is none of the rows.
    one_by_one: LinearSearchIndex<'a, F, D>,
    how: InBlocks,
    state: Mutex<State>,
}

/// How far the questions are.
struct State {
    /// Worked out and not asked for yet, or to be asked for again.
    known: HashMap<usize, Vec<usize>>,
    /// Entries of those lists.
    held: usize,
    /// Numbers that DBSCAN was told of and will ask about, in that order.
    ahead: VecDeque<usize>,
    /// Whether a number was worked out, or is ahead.
    seen: Vec<Seen>,
    /// All before it were worked out.
    next: usize,
    done: usize,
    stopped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Not,
    Ahead,
    Done,
}

impl State {
    fn new(count: usize) -> Self {
        Self {
            known: HashMap::new(),
            held: 0,
            ahead: VecDeque::new(),
            seen: vec![Seen::Not; count],
            next: 0,
            done: 0,
            stopped: false,
        }
    }

    fn is_done(&self, number: usize) -> bool {
        self.seen.get(number).is_none_or(|seen| *seen == Seen::Done)
    }

    /// Whom to work out next, this one first.
    fn block(&mut self, first: usize) -> Vec<usize> {
        let count = self.seen.len();
        let most = (PAIRS / count.max(1)).clamp(LEAST_BLOCK, BLOCK);
        let mut block = vec![first];
        while block.len() < most
            && let Some(number) = self.ahead.pop_front()
        {
            if number != first && !self.is_done(number) {
                block.push(number);
            }
        }
        // Whose turn comes later: unless too many of them wait already.
        while block.len() < most && self.held < PAIRS && self.next < count {
            if self.seen.get(self.next) == Some(&Seen::Not) && self.next != first {
                block.push(self.next);
            }
            self.next += 1;
        }
        block
    }

    fn enter(&mut self, block: &[usize], lists: Vec<Vec<usize>>) {
        for (number, list) in block.iter().zip(lists) {
            self.held += list.len();
            self.known.insert(*number, list);
            if let Some(seen) = self.seen.get_mut(*number) {
                self.done += usize::from(*seen != Seen::Done);
                *seen = Seen::Done;
            }
        }
    }

    /// What is known of a number; `None` when it is to be worked out.
    fn answer(&mut self, number: usize, min_samples: usize) -> Option<Vec<usize>> {
        let list = self.known.get(&number)?;
        if list.len() < min_samples {
            return Some(list.clone());
        }
        let list = self.known.remove(&number)?;
        self.held = self.held.saturating_sub(list.len());
        for near in &list {
            if let Some(seen) = self.seen.get_mut(*near).filter(|seen| **seen == Seen::Not) {
                *seen = Seen::Ahead;
                self.ahead.push_back(*near);
            }
        }
        Some(list)
    }
}

impl<F: Float, D: Distance<F>> Index<'_, F, D> {
    /// Which of the rows this is, by where it lies in memory.
    fn number(&self, point: &ArrayView1<'_, F>) -> Option<usize> {
        let row = self.rows.ncols().checked_mul(size_of::<F>()).filter(|bytes| *bytes > 0)?;
        let offset = point.as_ptr().addr().checked_sub(self.rows.as_ptr().addr())?;
        let whole = self.rows.is_standard_layout()
            && point.as_slice().is_some_and(|numbers| numbers.len() == self.rows.ncols())
            && offset.is_multiple_of(row);
        Some(offset / row).filter(|number| whole && *number < self.rows.nrows())
    }

    /// The rows nearer than `range` to each row of the block, in their order.
    fn work_out(&self, block: &[usize], range: F) -> Vec<Vec<usize>> {
        let questions = self.rows.select(Axis(0), block);
        let squared = self.distance.dist_to_rdist(range);
        let longest = self.halves.iter().fold(F::zero(), |most, half| most.max(*half));
        let slack = F::cast(ROUNDING) * longest;
        // |a - b|² < r² where ab > (|a|² + |b|² - r²) / 2.
        let least: Vec<F> = block
            .iter()
            .filter_map(|number| self.halves.get(*number))
            .map(|half| *half - squared / F::cast(2.0) - slack)
            .collect();
        let parts: Vec<_> = self.rows.axis_chunks_iter(Axis(0), COLUMNS).enumerate().collect();
        let found: Vec<Vec<(usize, usize)>> = parts
            .into_par_iter()
            .map(|(part, rows)| {
                let products = questions.dot(&rows.t());
                let first = part * COLUMNS;
                let mut found = Vec::new();
                for ((asked, line), least) in products.outer_iter().enumerate().zip(&least) {
                    let halves = self.halves.iter().skip(first);
                    for ((product, half), at) in line.iter().zip(halves).zip(first..) {
                        let over = *product - *half - *least;
                        // Where rounding could decide, it is counted as whoever asks would count it.
                        let clearly = || over > slack + slack;
                        if over > F::zero() && (clearly() || self.is_near(&questions.row(asked), at, squared))
                        {
                            found.push((asked, at));
                        }
                    }
                }
                found
            })
            .collect();
        let mut lists = vec![Vec::new(); block.len()];
        for (asked, at) in found.into_iter().flatten() {
            if let Some(list) = lists.get_mut(asked) {
                list.push(at);
            }
        }
        lists
    }

    fn is_near(&self, question: &ArrayView1<'_, F>, at: usize, squared: F) -> bool {
        self.distance.rdistance(question.reborrow(), self.rows.row(at)) < squared
    }
}

impl<F: Float, D: Distance<F>> NearestNeighbourIndex<F> for Index<'_, F, D> {
    fn k_nearest(
        &self,
        point: ArrayView1<'_, F>,
        k: usize,
    ) -> Result<Vec<(ArrayView1<'_, F>, usize)>, NnError> {
        self.one_by_one.k_nearest(point, k)
    }

    /// Nobody, once it was stopped: then DBSCAN comes to its end at once.
    fn within_range(
        &self,
        point: ArrayView1<'_, F>,
        range: F,
    ) -> Result<Vec<(ArrayView1<'_, F>, usize)>, NnError> {
        let Some(number) = self.number(&point) else { return self.one_by_one.within_range(point, range) };
        // Nobody else asks: DBSCAN runs on one thread. A poisoned lock hides no half-done list.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list = None;
        while !state.stopped && list.is_none() {
            list = state.answer(number, self.how.min_samples);
            if list.is_none() {
                let block = state.block(number);
                let lists = self.work_out(&block, range);
                state.enter(&block, lists);
                state.stopped = !(self.how.onlooker)(state.done);
            }
        }
        let near = list.unwrap_or_default().into_iter();
        Ok(near.map(|number| (self.rows.row(number), number)).collect())
    }
}
