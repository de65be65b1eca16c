//! The crew with a machine of its own: what it counts is what the threads did.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use super::*;

/// A machine whose pictures are numbers.
struct Fake {
    counts: Arc<Counts>,
    most: usize,
    /// A larger part does not fit the memory.
    fits: usize,
}

#[derive(Default)]
struct Counts {
    living: AtomicUsize,
    opened: AtomicUsize,
    /// Opening fails while this is set.
    broken: AtomicBool,
    /// Of the detector and the embedder: what its first run does.
    first_runs: Mutex<[FirstRun; 2]>,
    unloaded: AtomicUsize,
    /// Opens the gate.
    open: AtomicBool,
    resting: AtomicBool,
    /// Sizes of the parts that were run.
    parts: Mutex<Vec<usize>>,
    /// As on a card: what every part is filled up to, halved where that does not fit. 0: parts are run as they are.
    filled_to: AtomicUsize,
    /// What those who gathered were told is run at once.
    told: Mutex<Vec<usize>>,
}

#[derive(Default, Debug, Clone, Copy, PartialEq)]
enum FirstRun {
    #[default]
    Works,
    Fails,
    Panics,
}

struct Opened(Arc<Counts>);

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.living.fetch_sub(1, SeqCst);
    }
}

/// Pictures that are more than a number.
const BAD: u32 = 1000;
const PANICS: u32 = 1001;
/// Takes until the gate is opened.
const GATE: u32 = 1002;

impl Machine for Fake {
    type Work = u32;
    type Answer = u32;
    type Seat = Opened;
    type Input = Vec<u32>;

    fn open(&self, _: Roles) -> Result<Opened, InferError> {
        if self.counts.broken.load(SeqCst) {
            return Err(InferError::Stopped);
        }
        self.counts.opened.fetch_add(1, SeqCst);
        self.counts.living.fetch_add(1, SeqCst);
        Ok(Opened(Arc::clone(&self.counts)))
    }

    fn make_ready(&self, _: &mut Self::Seat) {}

    fn prove(&self, _: &mut Opened, role: Role) -> Result<(), InferError> {
        let [detector, embedder] = *self.counts.first_runs.lock().unwrap();
        match if role == Role::Detector { detector } else { embedder } {
            FirstRun::Works => Ok(()),
            FirstRun::Fails => Err(InferError::Stopped),
            FirstRun::Panics => panic!("at the first run"),
        }
    }

    fn probes(&self) -> Vec<Item<u32>> {
        Vec::new()
    }

    fn gather(&self, _: Key, works: &[u32], most: usize, spare: Option<Vec<u32>>) -> Vec<u32> {
        self.counts.told.lock().unwrap().push(most);
        let mut input = spare.unwrap_or_default();
        input.clear();
        input.extend(works);
        input
    }

    fn run(
        &self,
        _: &mut Opened,
        _: Key,
        works: &[u32],
        input: &Vec<u32>,
        part: Range<usize>,
    ) -> Result<Vec<u32>, Trouble<InferError>> {
        assert_eq!(works, input);
        let part = &input[part];
        self.counts.parts.lock().unwrap().push(part.len());
        let filled_to = self.counts.filled_to.load(SeqCst);
        let at_once = if part.len() > 1 { filled_to.max(part.len()) } else { 1 };
        if at_once > self.fits {
            self.counts.filled_to.store(filled_to / 2, SeqCst);
            return Err(Trouble::Memory { error: InferError::Stopped, fits: at_once / 2 });
        }
        assert!(!part.contains(&PANICS), "tensor {} of 9", 7);
        if part.contains(&GATE) {
            eventually(|| self.counts.open.load(SeqCst));
        }
        if part.contains(&BAD) {
            return Err(Trouble::Other(InferError::Stopped));
        }
        Ok(part.iter().map(|n| n * 2).collect())
    }

    fn most(&self, _: Role) -> usize {
        self.most
    }

    fn at_once(&self, _: &Opened, _: Role) -> usize {
        match self.counts.filled_to.load(SeqCst) {
            0 => self.most,
            now => self.most.min(now),
        }
    }

    fn is_resting(&self) -> bool {
        self.counts.resting.load(SeqCst)
    }

    fn all_unloaded(&self) {
        self.counts.unloaded.fetch_add(1, SeqCst);
    }
}

const FACE: Key = Key { role: Role::Embedder, size: vow_types::Size { width: 112, height: 112 } };
const LONG: Duration = Duration::from_secs(3600);

const SHORT: Waits = Waits { live: Duration::from_millis(1), backlog: Duration::from_millis(5) };

fn rules(stations: Vec<Roles>, waits: Waits, idle_after: Duration) -> Rules {
    Rules { stations, waits, idle_after, most_bytes: 64 }
}

fn crew(stations: usize, most: usize, fits: usize, idle_after: Duration) -> (Crew<Fake>, Arc<Counts>) {
    let counts = Arc::new(Counts::default());
    let fake = Fake { counts: Arc::clone(&counts), most, fits };
    (Crew::start(fake, rules(vec![Roles::All; stations], SHORT, idle_after)).unwrap(), counts)
}

fn ask(crew: &Crew<Fake>, lane: Lane, works: &[u32]) -> Result<Vec<u32>, InferError> {
    let items: Vec<_> = works.iter().map(|work| Item { key: FACE, work: *work, bytes: 1 }).collect();
    let answers = crew.ask(lane, Instant::now(), items.into_iter())?;
    Ok(answers.into_iter().map(|answer| answer.value).collect())
}

/// Waits for something that another thread is about to do.
fn eventually(done: impl Fn() -> bool) {
    assert!(in_time(done), "it never came");
}

fn in_time(done: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while !done() {
        if begun.elapsed() > Duration::from_secs(60) {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

/// Where everybody waits, what is there is run at once; that must not be the first item of several.
#[test]
fn what_is_asked_together_shares_a_batch() {
    for _ in 0..50 {
        let (crew, counts) = crew(1, 8, 9, LONG);
        let _photo = crew.announce();
        assert_eq!(ask(&crew, Lane::Backlog, &[1, 2, 3, 4]).unwrap().len(), 4);
        assert_eq!(*counts.parts.lock().unwrap(), [4]);
    }
}

#[test]
fn answers_come_in_the_order_of_the_questions() {
    for most in [1, 4] {
        let (crew, counts) = crew(2, most, 9, LONG);
        let questions: Vec<u32> = (0..30).collect();
        let answers = ask(&crew, Lane::Backlog, &questions).unwrap();
        assert_eq!(answers, questions.iter().map(|n| n * 2).collect::<Vec<_>>());
        assert_eq!(ask(&crew, Lane::Live, &[]).unwrap(), Vec::<u32>::new());
        assert_eq!(counts.opened.load(SeqCst), 2);
        assert!(counts.parts.lock().unwrap().iter().all(|part| *part <= most));
    }
}

#[test]
fn many_askers_get_their_own_answers() {
    for most in [1, 8] {
        let (crew, _) = crew(2, most, 8, LONG);
        std::thread::scope(|scope| {
            for asker in 0..8u32 {
                let crew = &crew;
                scope.spawn(move || {
                    let lane = if asker % 2 == 0 { Lane::Live } else { Lane::Backlog };
                    for n in 0..50 {
                        let _photo = crew.announce();
                        assert_eq!(ask(crew, lane, &[asker, n]).unwrap(), [2 * asker, 2 * n]);
                    }
                });
            }
        });
    }
}

#[test]
fn pictures_of_different_askers_share_a_batch() {
    let counts = Arc::new(Counts::default());
    // There is room for more than four, so nothing but that all four have come can begin the batch.
    let fake = Fake { counts: Arc::clone(&counts), most: 8, fits: 9 };
    let waits = Waits { live: LONG, backlog: LONG };
    let crew = Crew::start(fake, rules(vec![Roles::All], waits, LONG)).unwrap();
    let came = AtomicUsize::new(0);
    let all_came = std::thread::scope(|scope| {
        let photos: Vec<_> = (0..4).map(|_| crew.announce()).collect();
        for (asker, photo) in (0..4u32).zip(photos) {
            let (crew, came) = (&crew, &came);
            scope.spawn(move || {
                // One after the other, as photos come.
                std::thread::sleep(Duration::from_millis(u64::from(asker)));
                let answer = ask(crew, Lane::Backlog, &[asker]);
                came.fetch_add(1, SeqCst);
                drop(photo);
                assert_eq!(answer.unwrap(), [2 * asker]);
            });
        }
        let all_came = in_time(|| came.load(SeqCst) == 4);
        if !all_came {
            // Whoever still waits is answered, so that this ends.
            crew.shared.queue.close();
        }
        all_came
    });
    assert!(all_came, "they waited for somebody else");
    assert_eq!(*counts.parts.lock().unwrap(), [4]);
}

#[test]
fn a_bad_picture_and_one_that_panics_cost_themselves_alone() {
    for most in [1, 4] {
        let (crew, counts) = crew(1, most, 9, LONG);
        std::thread::scope(|scope| {
            let photos: Vec<_> = (0..4).map(|_| crew.announce()).collect();
            for (work, photo) in [1, BAD, PANICS, 2].into_iter().zip(photos) {
                let crew = &crew;
                scope.spawn(move || {
                    let answer = ask(crew, Lane::Backlog, &[work]);
                    match work {
                        BAD => assert!(matches!(answer, Err(InferError::Stopped)), "{answer:?}"),
                        PANICS => assert!(
                            matches!(&answer, Err(InferError::Panicked { role: Role::Embedder, message })
                                if message == "tensor 7 of 9"),
                            "{answer:?}"
                        ),
                        good => assert_eq!(answer.unwrap(), [2 * good]),
                    }
                    drop(photo);
                });
            }
        });
        // After a panic the networks are loaded anew.
        assert_eq!(ask(&crew, Lane::Live, &[7]).unwrap(), [14]);
        assert_eq!(counts.living.load(SeqCst), 1);
        assert!(counts.opened.load(SeqCst) >= 2);
    }
}

#[test]
fn short_memory_halves_the_batch_from_then_on() {
    let (crew, counts) = crew(1, 8, 2, LONG);
    let questions: Vec<u32> = (0..8).collect();
    let answers = ask(&crew, Lane::Live, &questions).unwrap();
    assert_eq!(answers, questions.iter().map(|n| n * 2).collect::<Vec<_>>());
    assert!(counts.parts.lock().unwrap().iter().any(|part| *part > 2), "a batch was too large");
    // A full batch was halved twice; a smaller one, taken before all had come, once.
    eventually(|| crew.most_now(Role::Embedder) <= 2);
    counts.parts.lock().unwrap().clear();
    ask(&crew, Lane::Live, &questions).unwrap();
    assert!(counts.parts.lock().unwrap().iter().all(|part| *part <= 2));
}

/// Who asks, who gathers and who runs speak of the same batch, whatever part of it was there when memory was short.
#[test]
fn a_batch_that_is_filled_up_is_halved_as_a_whole_and_gathered_for() {
    let (crew, counts) = crew(1, 32, 16, LONG);
    counts.filled_to.store(32, SeqCst);
    let questions: Vec<u32> = (0..20).collect();
    ask(&crew, Lane::Live, &questions).unwrap();
    assert_eq!(*counts.parts.lock().unwrap(), [20, 16, 4]);
    eventually(|| crew.most_now(Role::Embedder) == 16);
    counts.told.lock().unwrap().clear();
    ask(&crew, Lane::Live, &questions).unwrap();
    assert_eq!(*counts.told.lock().unwrap(), [16, 16], "for 16, and for the other 4");

    // Networks that are loaded anew may take what they were made for, or what a trial found to fit.
    for filled_to in [32, 8] {
        counts.filled_to.store(filled_to, SeqCst);
        ask(&crew, Lane::Live, &[PANICS]).unwrap_err();
        ask(&crew, Lane::Live, &[1]).unwrap();
        assert_eq!(crew.most_now(Role::Embedder), filled_to);
    }
}

#[test]
fn networks_that_cannot_be_loaded_again_fail_tasks_until_they_can() {
    let (crew, counts) = crew(1, 1, 9, LONG);
    assert!(ask(&crew, Lane::Live, &[PANICS]).is_err());
    counts.broken.store(true, SeqCst);
    assert!(matches!(ask(&crew, Lane::Live, &[1]), Err(InferError::Stopped)));
    counts.broken.store(false, SeqCst);
    assert_eq!(ask(&crew, Lane::Live, &[1]).unwrap(), [2]);
}

#[test]
fn idle_networks_are_unloaded_and_come_back() {
    for most in [1, 4] {
        let (crew, counts) = crew(2, most, 9, Duration::from_millis(20));
        assert_eq!(ask(&crew, Lane::Live, &[1, 2, 3]).unwrap(), [2, 4, 6]);
        let gone = || (crew.loaded(), counts.living.load(SeqCst)) == (0, 0);
        eventually(|| gone() && counts.unloaded.load(SeqCst) > 0);
        assert_eq!(ask(&crew, Lane::Backlog, &[4]).unwrap(), [8]);
        assert!(counts.opened.load(SeqCst) > 2);
    }
}

#[test]
fn a_crew_of_which_one_station_cannot_load_does_not_start_and_leaves_no_thread() {
    let counts = Arc::new(Counts::default());
    counts.broken.store(true, SeqCst);
    for most in [1, 4] {
        let fake = Fake { counts: Arc::clone(&counts), most, fits: 9 };
        let started = Crew::start(fake, rules(vec![Roles::All; 3], SHORT, LONG));
        assert!(matches!(started, Err(InferError::Stopped)));
        assert_eq!((counts.living.load(SeqCst), Arc::strong_count(&counts)), (0, 1));
    }
}

#[test]
fn networks_that_fail_their_first_run_do_not_start_and_it_is_said_which() {
    for (most, first) in
        [1, 4].into_iter().flat_map(|most| [(most, FirstRun::Fails), (most, FirstRun::Panics)])
    {
        let counts = Arc::new(Counts::default());
        *counts.first_runs.lock().unwrap() = [FirstRun::Works, first];
        let start = |roles: Roles| {
            let fake = Fake { counts: Arc::clone(&counts), most, fits: 9 };
            Crew::start(fake, rules(vec![roles; 2], SHORT, LONG)).map(drop)
        };
        match start(Roles::All) {
            Err(InferError::Stopped) => assert_eq!(first, FirstRun::Fails),
            Err(InferError::Panicked { role, .. }) => {
                assert_eq!((first, role), (FirstRun::Panics, Role::Embedder));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!((counts.living.load(SeqCst), Arc::strong_count(&counts)), (0, 1));
        start(Roles::Only(Role::Detector)).unwrap();
    }
}

#[test]
fn dropping_the_crew_ends_and_joins_every_thread() {
    for most in [1, 4] {
        let (crew, counts) = crew(3, most, 9, LONG);
        assert_eq!(counts.living.load(SeqCst), 3);
        drop(crew);
        assert_eq!((counts.living.load(SeqCst), Arc::strong_count(&counts)), (0, 1));
    }
}

#[test]
fn the_backlog_waits_for_room() {
    // 64 bytes of room, one for each: most of these wait outside.
    let (crew, _) = crew(1, 1, 9, LONG);
    let works: Vec<u32> = (0..500).collect();
    assert_eq!(ask(&crew, Lane::Backlog, &works).unwrap().len(), 500);
}

#[test]
fn a_failed_call_takes_its_rest_back() {
    let (crew, counts) = crew(1, 1, 9, LONG);
    let mut works: Vec<u32> = (0..500).collect();
    (works[0], works[1]) = (BAD, GATE);
    assert!(ask(&crew, Lane::Live, &works).is_err());
    counts.open.store(true, SeqCst);
    assert_eq!(ask(&crew, Lane::Live, &[1]).unwrap(), [2]);
    // Whether the gate had begun when the answer came is chance.
    let begun = counts.parts.lock().unwrap().len();
    assert!((2..=3).contains(&begun), "the bad one, perhaps the gate, and the next call's: {begun}");
}

#[test]
fn networks_that_rest_answer_and_are_let_go_of() {
    for most in [1, 4] {
        let (crew, counts) = crew(1, most, most, LONG);
        let ask = || {
            let item = Item { key: FACE, work: 4, bytes: 1 };
            crew.ask(Lane::Live, Instant::now(), [item].into_iter()).unwrap()[0].value
        };
        assert_eq!((ask(), crew.loaded(), crew.is_ready()), (8, 1, true));
        counts.resting.store(true, SeqCst);
        for _ in 0..2 {
            assert_eq!(ask(), 8, "who asks gets an answer");
            eventually(|| crew.loaded() == 0 && !crew.is_ready());
        }
        counts.resting.store(false, SeqCst);
        assert_eq!((ask(), crew.loaded(), crew.is_ready()), (8, 1, true));
        assert_eq!(counts.opened.load(SeqCst), 3, "for each of those that rested, and again after");
    }
}
