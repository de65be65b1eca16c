//! Who works when: machines that answer with who they are.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use vow_types::Size;

use super::*;
use crate::crew::Rules;
use crate::error::Role;
use crate::schedule::{Key, Roles, Waits};
use crate::settle::Trouble;

const KEY: Key = Key { role: Role::Embedder, size: Size { width: 112, height: 112 } };
const LONG: Duration = Duration::from_secs(3600);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Processor,
    Card,
}

struct Worker(Who, Arc<Rest>);

impl Machine for Worker {
    type Work = ();
    type Answer = Who;
    type Seat = ();
    type Input = ();

    fn open(&self, _: Roles) -> Result<(), InferError> {
        Ok(())
    }

    fn make_ready(&self, (): &mut ()) {}

    fn is_resting(&self) -> bool {
        self.0 == Who::Card && self.1.is_on()
    }

    fn probes(&self) -> Vec<Item<()>> {
        vec![item()]
    }

    fn gather(&self, _: Key, _: &[()], _: usize, _: Option<()>) {}

    fn run(
        &self,
        (): &mut (),
        _: Key,
        _: &[()],
        (): &(),
        part: Range<usize>,
    ) -> Result<Vec<Who>, Trouble<InferError>> {
        Ok(part.map(|_| self.0).collect())
    }

    fn most(&self, _: Role) -> usize {
        if self.0 == Who::Card { 4 } else { 1 }
    }

    fn all_unloaded(&self) {}
}

fn item() -> Item<()> {
    Item { key: KEY, work: (), bytes: 1 }
}

fn crew(who: Who, rest: &Arc<Rest>, idle_after: Duration) -> Crew<Worker> {
    let waits = Waits { live: Duration::ZERO, backlog: Duration::ZERO };
    let rules = Rules { stations: vec![Roles::All], waits, idle_after, most_bytes: 64 };
    Crew::start(Worker(who, Arc::clone(rest)), rules).unwrap()
}

/// What the one who hires is told, and tells.
#[derive(Default)]
struct Office {
    hired: AtomicUsize,
    is_given_up: AtomicBool,
    /// Nobody is hired before.
    is_open: AtomicBool,
    /// It was told that it is over.
    is_told: AtomicBool,
    /// It panics.
    is_broken: AtomicBool,
}

struct Agent {
    office: Arc<Office>,
    rest: Arc<Rest>,
    idle_after: Duration,
}

impl Hire<Worker> for Agent {
    fn is_usable(&self) -> bool {
        !self.office.is_given_up.load(SeqCst)
    }

    fn hire(&mut self, is_closing: &AtomicBool) -> Option<Crew<Worker>> {
        self.office.hired.fetch_add(1, SeqCst);
        assert!(!self.office.is_broken.load(SeqCst), "it is broken");
        eventually(|| self.office.is_open.load(SeqCst) || is_closing.load(SeqCst));
        self.office.is_told.store(is_closing.load(SeqCst), SeqCst);
        (!is_closing.load(SeqCst)).then(|| crew(Who::Card, &self.rest, self.idle_after))
    }
}

fn crews(idle_after: Duration) -> (Crews<Worker>, Arc<Office>, Arc<Rest>) {
    let (office, rest) = (Arc::<Office>::default(), Arc::<Rest>::default());
    let agent = Agent { office: Arc::clone(&office), rest: Arc::clone(&rest), idle_after };
    let processor = crew(Who::Processor, &rest, LONG);
    (Crews::with_card(processor, Arc::clone(&rest), agent).unwrap(), office, rest)
}

fn who(crews: &Crews<Worker>) -> Who {
    let answers = crews.ask(Lane::Backlog, Instant::now(), [item()].into_iter()).unwrap();
    answers[0].value
}

fn eventually(is_so: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < patience, "it never came");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn the_processor_works_until_the_card_does() {
    let (crews, office, _) = crews(LONG);
    let photos = [crews.announce(), crews.announce()];
    assert_eq!(who(&crews), Who::Processor);
    eventually(|| office.hired.load(SeqCst) == 1);
    assert_eq!(who(&crews), Who::Processor, "the card is not ready");
    assert_eq!(crews.card(), Some(CardState::Starting));
    office.is_open.store(true, SeqCst);
    eventually(|| who(&crews) == Who::Card);
    assert_eq!(crews.card(), Some(CardState::Ready));
    drop(photos);
    assert_eq!(
        (who(&crews), office.hired.load(SeqCst)),
        (Who::Card, 1),
        "once it is ready it does everything"
    );
}

/// A card whose networks panicked was made ready again as soon as that was over, for as long as there was work.
#[test]
fn a_card_that_fails_rests_before_it_is_tried_again() {
    let (crews, office, rest) = crews(LONG);
    office.is_broken.store(true, SeqCst);
    let _photos = [crews.announce(), crews.announce()];
    assert!(!crews.wait_for_card());
    assert!(rest.is_on());
    assert!(matches!(crews.card(), Some(CardState::Resting(why)) if why.contains("it is broken")));
    for _ in 0..20 {
        assert!(!crews.wait_for_card());
        assert_eq!(who(&crews), Who::Processor);
    }
    assert_eq!(office.hired.load(SeqCst), 1);
}

#[test]
fn a_photo_now_and_then_is_no_work_for_a_card() {
    let (crews, office, _) = crews(LONG);
    office.is_open.store(true, SeqCst);
    for _ in 0..20 {
        let photo = crews.announce();
        assert_eq!(who(&crews), Who::Processor);
        drop(photo);
    }
    assert_eq!((office.hired.load(SeqCst), crews.card()), (0, Some(CardState::Asleep)));
    assert!(crews.wait_for_card());
    assert_eq!((who(&crews), office.hired.load(SeqCst)), (Who::Card, 1), "who asks for it gets it");
}

#[test]
fn a_card_that_rests_is_left_alone_and_comes_back() {
    let (crews, office, rest) = crews(LONG);
    office.is_open.store(true, SeqCst);
    assert!(crews.wait_for_card());
    rest.want_memory("it is full");
    assert_eq!(who(&crews), Who::Processor);
    assert!(!crews.wait_for_card(), "it still rests");
    assert_eq!(crews.card(), Some(CardState::Resting("it is full".to_owned())));
    assert_eq!(who(&crews), Who::Processor);
    *rest.until() = None;
    assert!(crews.wait_for_card());
    assert_eq!((who(&crews), office.hired.load(SeqCst)), (Who::Card, 1));
}

#[test]
fn a_card_that_was_unloaded_is_made_ready_again_when_there_is_much_to_do() {
    let (crews, office, _) = crews(Duration::from_millis(20));
    office.is_open.store(true, SeqCst);
    // It may be unloaded again by then.
    let _ = crews.wait_for_card();
    eventually(|| crews.loaded() == 1);
    assert_eq!(who(&crews), Who::Processor);
    let photos = [crews.announce(), crews.announce()];
    eventually(|| who(&crews) == Who::Card);
    assert_eq!(office.hired.load(SeqCst), 1, "the crew is the same");
    drop(photos);
}

#[test]
fn what_was_given_up_is_not_asked_for() {
    let (crews, office, _) = crews(LONG);
    office.is_given_up.store(true, SeqCst);
    let photos = [crews.announce(), crews.announce()];
    assert!(!crews.wait_for_card());
    assert_eq!((who(&crews), office.hired.load(SeqCst)), (Who::Processor, 0));
    drop(photos);
}

#[test]
fn an_end_does_not_wait_for_a_card() {
    let (crews, office, _) = crews(LONG);
    let photos = [crews.announce(), crews.announce()];
    assert_eq!(who(&crews), Who::Processor);
    eventually(|| office.hired.load(SeqCst) == 1);
    drop(photos);
    // The office never opens.
    drop(crews);
    assert!(office.is_told.load(SeqCst));
}
