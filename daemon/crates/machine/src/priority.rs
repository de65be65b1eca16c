//! Stepping back: priority of threads, and a share of the cores.
//!
//! A thread's I/O follows its niceness by itself (ioprio_set(2): a thread without an I/O class of its own is in
//! best-effort at `(nice + 20) / 5`), so one number does for both and no second call is needed. The idle I/O class is
//! not used: on a disk that never rests, a backlog in it never moves.
//!
//! Linux keeps niceness a thread and passes it on to the threads it starts. Without privileges it can only go up: a
//! thread that stepped back stays there.

use std::io;
use std::num::NonZeroUsize;

use rustix::process::{getpriority_process, setpriority_process};

/// Makes the calling thread, and those that it starts from now on, at least this nice (0 to 19). One that is nicer
/// already stays so.
///
/// # Errors
/// When the system refuses.
pub fn lower_priority(nice: u8) -> io::Result<()> {
    let wanted = i32::from(nice.min(19));
    // `None` is the calling thread.
    if getpriority_process(None)? < wanted {
        setpriority_process(None, wanted)?;
    }
    Ok(())
}

/// How many of `cores` a share of 1 to 100 percent is: rounded down, but one at least.
#[must_use]
pub fn share_of(cores: NonZeroUsize, percent: u8) -> NonZeroUsize {
    let share = cores.get().saturating_mul(usize::from(percent.min(100))) / 100;
    NonZeroUsize::new(share).unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_steps_back_alone_and_takes_its_own_along() {
        let before = getpriority_process(None).unwrap();
        std::thread::spawn(move || {
            lower_priority(15).unwrap();
            let now = getpriority_process(None).unwrap();
            assert_eq!(now, before.max(15));
            let inner = std::thread::spawn(|| getpriority_process(None).unwrap());
            assert_eq!(inner.join().unwrap(), now);
            lower_priority(3).unwrap();
            assert_eq!(getpriority_process(None).unwrap(), now, "never back up");
        })
        .join()
        .unwrap();
        assert_eq!(getpriority_process(None).unwrap(), before);
    }

    #[test]
    fn a_share_of_cores() {
        let share = |cores, percent| share_of(NonZeroUsize::new(cores).unwrap(), percent).get();
        assert_eq!([share(8, 50), share(8, 100), share(2, 50), share(1, 1), share(3, 50)], [4, 8, 1, 1, 1]);
    }
}
