use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread::ScopedJoinHandle;

use super::*;

const KINDS: [Holds; 3] = [Holds::File, Holds::Picture, Holds::Outcome];

fn place(holds: Holds) -> usize {
    KINDS.iter().position(|kind| *kind == holds).unwrap()
}

fn used(budget: &Budget) -> [u64; 3] {
    KINDS.map(|holds| {
        let state = budget.part(holds).lock();
        state.live.used + state.backlog.used
    })
}

/// How many stand in line for pictures.
fn waiting(budget: &Budget, lane: Lane) -> u64 {
    let mut state = budget.pictures.lock();
    let line = state.line(lane);
    line.next - line.serving
}

/// Pictures of 1000 bytes, of which 750 are for the backlog.
fn pictures_of_1000() -> Arc<Budget> {
    let part = |total| Part::new(total, total / 4);
    Arc::new(Budget { files: part(1000), pictures: part(1000), outcomes: part(1000) })
}

fn picture(budget: &Arc<Budget>, bytes: u64, lane: Lane) -> Share {
    budget.take(Holds::Picture, bytes, lane).unwrap()
}

/// Somebody who waits for pictures, and stands in line by the time this returns.
fn in_line<'scope, 'env>(
    scope: &'scope std::thread::Scope<'scope, 'env>,
    budget: &'env Arc<Budget>,
    (bytes, lane): (u64, Lane),
    then: impl FnOnce() + Send + 'scope,
) -> ScopedJoinHandle<'scope, Result<(), Closed>> {
    let before = waiting(budget, lane);
    let thread = scope.spawn(move || {
        let share = budget.take(Holds::Picture, bytes, lane)?;
        then();
        drop(share);
        Ok(())
    });
    while waiting(budget, lane) == before && !thread.is_finished() {
        std::thread::yield_now();
    }
    thread
}

/// Photo threads of both lanes that take all three kinds, some of more than there is, beside a committer that gathers
/// outcomes: all of them come to an end, and never is more held than the budget allows.
#[test]
fn photo_threads_and_a_committer_never_lock_one_another_out() {
    let budget = Budget::new(1000);
    let totals = KINDS.map(|holds| budget.part(holds).total);
    let held = [const { AtomicU64::new(0) }; 3];
    let hold = |holds: Holds, bytes: u64, lane: Lane| {
        let share = budget.take(holds, bytes, lane).unwrap();
        let at = place(holds);
        let now = held[at].fetch_add(share.bytes, SeqCst) + share.bytes;
        assert!(now <= totals[at], "{holds:?}: {now}");
        share
    };
    let release = |share: Share| {
        held[place(share.holds)].fetch_sub(share.bytes, SeqCst);
    };
    let (out, outcomes) = mpsc::sync_channel(4);
    std::thread::scope(|scope| {
        for thread in 0..8u64 {
            let (out, hold, release) = (out.clone(), &hold, &release);
            scope.spawn(move || {
                for photo in 0..300 {
                    // One thread is live alone; the others take up whatever comes.
                    let lane = if thread == 0 || photo % 7 == thread { Lane::Live } else { Lane::Backlog };
                    let size = |salt: u64| 1 + (thread * 31 + photo * 17 + salt * 13) % (150 * salt);
                    let huge = photo % 50 == thread;
                    let file = hold(Holds::File, if huge { 5000 } else { size(1) }, lane);
                    let picture = hold(Holds::Picture, if huge { 9000 } else { size(4) }, lane);
                    release(picture);
                    release(file);
                    let outcome = hold(Holds::Outcome, size(1), lane);
                    out.send(outcome).unwrap();
                }
            });
        }
        drop(out);
        let release = &release;
        scope.spawn(move || {
            while let Ok(first) = outcomes.recv() {
                let batch: Vec<Share> = std::iter::once(first).chain(outcomes.try_iter()).collect();
                batch.into_iter().for_each(release);
            }
        });
    });
    assert_eq!(used(&budget), [0; 3]);
}

#[test]
fn more_than_everything_is_granted_alone() {
    let budget = Budget::new(10);
    for holds in KINDS {
        for lane in [Lane::Live, Lane::Backlog] {
            drop(budget.take(holds, 1_000, lane).unwrap());
            drop(budget.take(holds, 1, lane).unwrap());
        }
    }
    for lane in [Lane::Live, Lane::Backlog] {
        drop(picture(&Budget::new(0), 7, lane));
    }
}

/// What is kept for live photos holds one of most cameras' even where there is as little memory as may be asked for.
#[test]
fn what_is_kept_holds_a_photo() {
    let kept = |total: u64| {
        let budget = Budget::new(total);
        KINDS.map(|holds| budget.part(holds).kept)
    };
    let [files, pictures, _] = kept(64 << 20);
    assert!(files >= 4_000_000 && pictures >= (8 << 20) + 3 * 1000 * 750, "{files} {pictures}");
    assert_eq!(kept(u64::MAX / 2), [KEPT_FILES, KEPT_PICTURES, KEPT_OUTCOMES]);
}

/// A huge picture waits for those in hand, and those who come after it wait for it.
#[test]
fn who_came_first_is_served_first() {
    let budget = pictures_of_1000();
    for lane in [Lane::Live, Lane::Backlog] {
        let first = picture(&budget, 100, lane);
        let (told, order) = mpsc::channel();
        std::thread::scope(|scope| {
            for (name, bytes) in [("huge", 10_000), ("small", 1)] {
                let told = told.clone();
                in_line(scope, &budget, (bytes, lane), move || told.send(name).unwrap());
            }
            assert!(order.try_recv().is_err(), "both wait");
            drop(first);
            assert_eq!([order.recv().unwrap(), order.recv().unwrap()], ["huge", "small"]);
        });
    }
}

/// Beside a picture that takes all that the backlog may have.
#[test]
fn a_live_photo_waits_for_nobody_while_it_fits_into_what_is_kept() {
    let budget = pictures_of_1000();
    let huge = picture(&budget, 10_000, Lane::Backlog);
    std::thread::scope(|scope| {
        in_line(scope, &budget, (10_000, Lane::Backlog), || {});
        in_line(scope, &budget, (1, Lane::Backlog), || {});
        let live = [picture(&budget, 100, Lane::Live), picture(&budget, 150, Lane::Live)];
        assert_eq!((used(&budget)[1], waiting(&budget, Lane::Backlog)), (1000, 2), "and no more than all");
        drop((live, huge));
    });
}

/// One that does not fit into what is kept is before all of the backlog when room is made.
#[test]
fn a_live_photo_overtakes_the_backlog() {
    let budget = pictures_of_1000();
    let [first, second] = [300, 400].map(|bytes| picture(&budget, bytes, Lane::Backlog));
    let (told, order) = mpsc::channel();
    std::thread::scope(|scope| {
        for (name, wanted) in [
            ("old", (400, Lane::Backlog)),
            ("older", (400, Lane::Backlog)),
            ("new", (750, Lane::Live)),
            ("newer", (950, Lane::Live)),
        ] {
            let told = told.clone();
            in_line(scope, &budget, wanted, move || told.send(name).unwrap());
        }
        drop(second);
        assert!(order.try_recv().is_err(), "the backlog would find room now");
        drop(first);
        let order: Vec<_> = (0..4).map(|_| order.recv().unwrap()).collect();
        assert_eq!(order, ["new", "newer", "old", "older"]);
    });
}

/// As long as what is live fits into what is kept.
#[test]
fn live_photos_do_not_starve_the_backlog() {
    let budget = pictures_of_1000();
    let first = picture(&budget, 1, Lane::Backlog);
    let live = picture(&budget, 250, Lane::Live);
    std::thread::scope(|scope| {
        let huge = in_line(scope, &budget, (10_000, Lane::Backlog), || {});
        drop(first);
        assert_eq!(huge.join().unwrap(), Ok(()));
    });
    drop(live);
}

#[test]
fn who_waits_is_sent_away_when_the_daemon_ends() {
    let budget = pictures_of_1000();
    let held = [picture(&budget, 10_000, Lane::Backlog), picture(&budget, 250, Lane::Live)];
    std::thread::scope(|scope| {
        let all = [Lane::Live, Lane::Backlog].map(|lane| in_line(scope, &budget, (1, lane), || {}));
        budget.close();
        // There is room again; nobody gets it.
        drop(held);
        for one in all {
            assert_eq!(one.join().unwrap(), Err(Closed));
        }
    });
    assert_eq!(budget.take(Holds::File, 1, Lane::Live).unwrap_err(), Closed);
    // What was found by then is stored.
    drop(budget.take(Holds::Outcome, 1, Lane::Backlog).unwrap());
    assert_eq!(used(&budget), [0; 3]);
}

#[test]
fn a_share_can_be_made_smaller() {
    let budget = Budget::new(1000);
    let mut share = picture(&budget, 500, Lane::Backlog);
    share.shrink_to(600);
    assert_eq!(used(&budget), [0, 500, 0]);
    share.shrink_to(20);
    assert_eq!(used(&budget), [0, 20, 0]);
    drop(share);
    assert_eq!(used(&budget), [0; 3]);
}
