//! How many pictures at once the memory of a processor's machine allows. What a run takes is measured, since no runtime
//! tells: it depends on the network, on the size of its pictures and on how many there are.
//!
//! Choosing is pure: running is a parameter. What is done with the choice, and what the limit is, is left to others.

use std::fs;

use vow_types::num::len_u64;

/// Bytes that networks may take for their work, beside what loading them takes, where no limit is given: as many as photos
/// on their way may take then.
pub(crate) const UNLIMITED: u64 = 512 << 20;

/// What was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fit {
    /// Pictures at once, at least one.
    pub(crate) most: usize,
    /// Bytes that they take.
    pub(crate) bytes: u64,
}

/// The largest batch of 1, 2, 4 and so on up to `wanted` pictures that takes no more than `limit` bytes; one picture however
/// much it takes. `cost` runs so many pictures and says how many bytes they took. A batch is not tried when those before
/// it let expect too much; one that cannot be run does not fit.
///
/// # Errors
/// When not even one picture can be run.
pub(crate) fn largest<E>(
    wanted: usize,
    limit: u64,
    mut cost: impl FnMut(usize) -> Result<u64, E>,
) -> Result<Fit, E> {
    let mut fit = Fit { most: 1, bytes: cost(1)? };
    let mut each = fit.bytes;
    while fit.most < wanted {
        let next = fit.most.saturating_mul(2).min(wanted);
        let more = len_u64(next - fit.most);
        if fit.bytes.saturating_add(each.saturating_mul(more)) > limit {
            break;
        }
        let Ok(bytes) = cost(next) else { break };
        if bytes > limit {
            break;
        }
        // An allocator takes in steps: what the last picture more took may be nothing, the average is not.
        each = bytes.saturating_sub(fit.bytes).div_ceil(more).max(bytes.div_ceil(len_u64(next)));
        fit = Fit { most: next, bytes };
    }
    Ok(fit)
}

/// Bytes of this process that are in memory; `None` where the system does not tell.
pub(crate) fn resident() -> Option<u64> {
    status("VmRSS:")
}

/// The most bytes of this process that were in memory while something was done, and what came of it; what is in memory afterwards
/// where the system cannot be made to forget what was before.
pub(crate) fn peak<T>(work: impl FnOnce() -> T) -> (T, Option<u64>) {
    // proc(5): 5 sets the peak to what is in memory now.
    let forgot = fs::write("/proc/self/clear_refs", "5").is_ok();
    let done = work();
    (done, status(if forgot { "VmHWM:" } else { "VmRSS:" }))
}

fn status(key: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What was chosen where pictures take this much, and the sizes that were tried.
    fn choice(wanted: usize, limit: u64, cost: impl Fn(usize) -> Result<u64, ()>) -> (Fit, Vec<usize>) {
        let mut tried = Vec::new();
        let fit = largest(wanted, limit, |count| {
            tried.push(count);
            cost(count)
        });
        (fit.unwrap(), tried)
    }

    #[test]
    fn as_many_as_fit_and_none_is_tried_that_would_not() {
        let linear = |count| Ok(10 * len_u64(count));
        assert_eq!(choice(32, 1000, linear), (Fit { most: 32, bytes: 320 }, vec![1, 2, 4, 8, 16, 32]));
        assert_eq!(choice(32, 320, linear).0.most, 32);
        assert_eq!(choice(32, 319, linear), (Fit { most: 16, bytes: 160 }, vec![1, 2, 4, 8, 16]));
        assert_eq!(choice(12, 1000, linear), (Fit { most: 12, bytes: 120 }, vec![1, 2, 4, 8, 12]));
        assert_eq!(choice(12, 119, linear).0.most, 8);
    }

    #[test]
    fn one_picture_runs_however_little_there_is() {
        assert_eq!(choice(32, 0, |_| Ok(7)), (Fit { most: 1, bytes: 7 }, vec![1]));
        assert_eq!(choice(0, 100, |_| Ok(7)), (Fit { most: 1, bytes: 7 }, vec![1]));
        assert_eq!(largest(8, 100, |_| Err::<u64, _>("broken")), Err("broken"));
    }

    #[test]
    fn more_than_was_expected_is_not_taken() {
        // The step from four to eight takes far more than the steps before it.
        let steep = |count| Ok(if count < 8 { 10 } else { 500 });
        assert_eq!(choice(32, 400, steep), (Fit { most: 4, bytes: 10 }, vec![1, 2, 4, 8]));
        let broken = |count| if count < 4 { Ok(10) } else { Err(()) };
        assert_eq!(choice(32, 1000, broken), (Fit { most: 2, bytes: 10 }, vec![1, 2, 4]));
    }

    #[test]
    fn the_process_has_a_size() {
        if cfg!(target_os = "linux") {
            assert!(resident().unwrap() > 1 << 20);
            let before = resident().unwrap();
            let (taken, most) = peak(|| vec![1u8; 64 << 20].len());
            assert!(most.unwrap() > before + (taken as u64) / 2, "what was given back counts");
        }
    }

    proptest! {
        #[test]
        fn never_more_than_wanted_and_never_over_the_limit(
            wanted in 0usize..2000,
            limit in any::<u64>(),
            fixed in any::<u64>(),
            each in 0u64..1 << 60,
        ) {
            let cost = |count| Ok(fixed.saturating_add(each.saturating_mul(len_u64(count))));
            let (fit, tried) = choice(wanted, limit, cost);
            prop_assert!(fit.most >= 1 && fit.most <= wanted.max(1));
            prop_assert!(fit.most == 1 || fit.bytes <= limit);
            prop_assert!(tried.iter().all(|count| *count <= 2 * fit.most));
        }
    }
}
