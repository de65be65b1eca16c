//! Runs a batch to the end whatever happens: too large for the memory, it runs in parts that are as large as whoever runs them
//! says; broken by one picture, each runs alone. Pure: running is a parameter.

use std::ops::Range;

/// Why a run gave nothing.
#[derive(Debug)]
pub(crate) enum Trouble<E> {
    /// There was not enough memory for what was run at once, which can be more than it was asked for: a card fills batches up.
    Memory {
        /// In the runtime's words.
        error: E,
        /// What is run at once from now on.
        fits: usize,
    },
    /// Anything else.
    Other(E),
}

/// What became of a batch.
pub(crate) struct Settled<T, E> {
    /// One for each item, in order.
    pub(crate) results: Vec<Result<T, E>>,
    /// Where memory was short, what fits as far as is known: no later batch should be larger.
    pub(crate) most: Option<usize>,
}

/// Runs `count` items with as few runs as the memory allows. A run that fails for another reason is done again item by
/// item, so that only the guilty ones fail. `run` gets a part of the batch and answers for each item of it.
pub(crate) fn settle<T, E>(
    count: usize,
    mut run: impl FnMut(Range<usize>) -> Result<Vec<T>, Trouble<E>>,
) -> Settled<T, E> {
    let mut settled = Settled { results: Vec::with_capacity(count), most: None };
    // Parts still to be run, the first last.
    let mut parts: Vec<Range<usize>> = std::iter::once(0..count).collect();
    while let Some(part) = parts.pop() {
        // What was too large once is not tried again.
        let size = part.len();
        if size == 0 {
            continue;
        }
        if let Some(most) = settled.most.filter(|most| size > *most) {
            parts.extend(chunks(part, most).rev());
            continue;
        }
        match run(part.clone()) {
            Ok(values) => settled.results.extend(values.into_iter().map(Ok)),
            Err(Trouble::Memory { error, .. } | Trouble::Other(error)) if size <= 1 => {
                settled.results.push(Err(error));
            }
            Err(Trouble::Memory { fits, .. }) => {
                // It comes to an end even where it is told the same again and again.
                settled.most = Some(settled.most.map_or(fits, |before| fits.min(before / 2)).max(1));
                parts.push(part);
            }
            Err(Trouble::Other(_)) => parts.extend(chunks(part, 1).rev()),
        }
    }
    settled
}

fn chunks(part: Range<usize>, size: usize) -> impl DoubleEndedIterator<Item = Range<usize>> {
    let (start, end, size) = (part.start, part.end, size.max(1));
    (0..part.len().div_ceil(size)).map(move |n| start + n * size..(start + (n + 1) * size).min(end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As a processor says it, which runs what it is given.
    fn too_many(part: &Range<usize>) -> Trouble<&'static str> {
        Trouble::Memory { error: "full", fits: part.len() / 2 }
    }

    #[test]
    fn a_batch_that_fits_runs_once() {
        let mut runs = Vec::new();
        let settled = settle::<_, ()>(8, |part| {
            runs.push(part.clone());
            Ok(part.collect())
        });
        assert_eq!((runs.len(), runs.first()), (1, Some(&(0..8))));
        assert_eq!(settled.results, (0..8).map(Ok).collect::<Vec<_>>());
        assert_eq!(settled.most, None);
    }

    #[test]
    fn too_little_memory_halves_until_it_fits_and_does_not_try_again() {
        let mut runs = Vec::new();
        let settled = settle(16, |part| {
            runs.push(part.len());
            if part.len() > 5 { Err(too_many(&part)) } else { Ok(part.collect::<Vec<_>>()) }
        });
        assert_eq!(runs, [16, 8, 4, 4, 4, 4]);
        assert_eq!(settled.most, Some(4));
        assert_eq!(settled.results, (0..16).map(Ok).collect::<Vec<_>>());
    }

    /// A card's batch of 32 of which 20 were asked for.
    #[test]
    fn what_was_too_large_is_what_was_run_and_not_what_was_asked_for() {
        let (mut runs, mut at_once) = (Vec::new(), 32);
        let settled = settle(20, |part| {
            runs.push(part.len());
            if at_once > 16 {
                at_once /= 2;
                return Err(Trouble::Memory { error: "full", fits: at_once });
            }
            Ok(part.collect::<Vec<_>>())
        });
        assert_eq!(runs, [20, 16, 4]);
        assert_eq!(settled.most, Some(16));

        // Fewer than fit may be too many still: 32, 16 and 8 at once.
        let (mut runs, mut at_once) = (0, 32);
        let settled = settle(10, |part| {
            runs += 1;
            if at_once > 4 {
                at_once /= 2;
                return Err(Trouble::Memory { error: "full", fits: at_once });
            }
            Ok(part.collect::<Vec<_>>())
        });
        assert_eq!((runs, settled.most, settled.results.len()), (6, Some(4), 10));
    }

    #[test]
    fn who_says_the_same_again_and_again_is_not_believed() {
        let settled = settle(6, |_| Err::<Vec<()>, _>(Trouble::Memory { error: "full", fits: 32 }));
        assert_eq!(settled.results, vec![Err("full"); 6]);
        assert_eq!(settled.most, Some(1));
    }

    #[test]
    fn one_bad_picture_costs_itself_alone() {
        let settled = settle(4, |part| {
            if part.contains(&2) { Err(Trouble::Other(part.len())) } else { Ok(part.collect::<Vec<_>>()) }
        });
        assert_eq!(settled.results, [Ok(0), Ok(1), Err(1), Ok(3)]);
        assert_eq!(settled.most, None, "that was no question of memory");
    }

    proptest! {
        #[test]
        fn every_item_gets_its_own_answer(
            count in 0usize..40,
            fits in 0usize..40,
            bad in prop::collection::btree_set(0usize..40, 0..4),
        ) {
            let settled = settle(count, |part| {
                if part.len() > fits.max(1) || fits == 0 {
                    return Err(too_many(&part));
                }
                if part.clone().any(|item| bad.contains(&item)) {
                    return Err(Trouble::Other("bad"));
                }
                Ok(part.collect::<Vec<_>>())
            });
            prop_assert_eq!(settled.results.len(), count);
            for (item, result) in settled.results.iter().enumerate() {
                let expected = if fits == 0 { Err("full") } else if bad.contains(&item) { Err("bad") } else { Ok(item) };
                prop_assert_eq!(result, &expected);
            }
            if let Some(most) = settled.most {
                prop_assert!(most >= 1 && most <= fits.max(1) && 2 * most + 1 > fits);
            }
        }
    }
}
