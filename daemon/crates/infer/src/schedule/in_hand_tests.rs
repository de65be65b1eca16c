//! A backlog on its way through cores and a card, with times that are made up and a clock that is counted: what is at its limit,
//! the cores, the card, or neither, because too little is in hand or batches are half empty.
#![allow(clippy::cast_precision_loss, reason = "a few thousand photos and some seconds in microseconds")]

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use vow_types::{Lane, Size};

use super::{Key, Next, Roles, Schedule, in_hand};
use crate::engine::WAITS;
use crate::error::Role;
use crate::net::taken_at_once;
use crate::tuning::BATCH;

const WIDE: Key = Key { role: Role::Detector, size: Size { width: 640, height: 640 } };
const NEAR: Key = Key { role: Role::Detector, size: Size { width: 256, height: 256 } };
const FACE: Key = Key { role: Role::Embedder, size: Size { width: 112, height: 112 } };

const PHOTOS: usize = 3000;

/// Faces in one photo after another.
const FACES: [usize; 10] = [1, 1, 2, 0, 3, 1, 2, 1, 5, 1];

/// Microseconds.
type Time = u64;

/// What a photo takes of a core, and a batch of a card.
#[derive(Debug, Clone, Copy)]
struct Speed {
    cores: usize,
    /// Reading, decoding and framing a photo; then for each face; then what is left to do.
    photo: [Time; 3],
    /// The card's time for full batches of [`WIDE`], [`NEAR`] and [`FACE`].
    batch: [Time; 3],
    /// The card's time for a single picture.
    single: Time,
}

/// What a thread takes for full batches of [`WIDE`], [`NEAR`] and [`FACE`]: to gather one, and to fetch and read what was made of it.
const GATHERING: [Time; 3] = [6_000, 1_000, 300];
const FETCHING: [Time; 3] = [3_000, 700, 500];

fn of(key: Key, times: [Time; 3]) -> Time {
    let [wide, near, face] = times;
    match (key.role, key.size == WIDE.size) {
        (Role::Detector, true) => wide,
        (Role::Detector, false) => near,
        (Role::Embedder, _) => face,
    }
}

#[derive(Debug)]
enum Step {
    Work(Time),
    Ask(Vec<(Key, usize)>),
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Worked(usize),
    Gathered(usize),
    Ran(usize),
    Due,
}

struct Photo {
    steps: VecDeque<Step>,
    /// Answers that it waits for.
    left: usize,
}

struct Station {
    roles: Roles,
    /// Batches that it may still take: one runs, and one is prepared.
    tokens: usize,
    /// The first is being gathered until then.
    gathering: VecDeque<(Key, Vec<usize>)>,
    gathered: Time,
    prepared: VecDeque<(Key, Vec<usize>)>,
    running: Option<Vec<usize>>,
}

/// Parts of all time.
#[derive(Debug, Clone, Copy)]
struct Busy {
    cores: f64,
    card: f64,
    /// Of the places in batches of [`WIDE`], those with a frame in them.
    filled: f64,
    photos_per_second: f64,
}

struct Simulation {
    speed: Speed,
    start: Instant,
    now: Time,
    events: BinaryHeap<Reverse<(Time, usize, Event)>>,
    scheduled: usize,
    schedule: Schedule<usize>,
    /// Items of each photo that wait in the schedule.
    waiting: HashMap<usize, usize>,
    photos: HashMap<usize, Photo>,
    begun: usize,
    finished: usize,
    idle_cores: usize,
    work: VecDeque<(usize, Time)>,
    stations: Vec<Station>,
    card_free: Time,
    worked: Time,
    computed: Time,
    wide: (usize, usize),
}

impl Simulation {
    fn of(speed: Speed, roles: &[Roles]) -> Self {
        let station = |roles: &Roles| Station {
            roles: *roles,
            tokens: crate::crew::AHEAD,
            gathering: VecDeque::new(),
            gathered: 0,
            prepared: VecDeque::new(),
            running: None,
        };
        Self {
            speed,
            start: Instant::now(),
            now: 0,
            events: BinaryHeap::new(),
            scheduled: 0,
            schedule: Schedule::new(WAITS, BATCH, BATCH),
            waiting: HashMap::new(),
            photos: HashMap::new(),
            begun: 0,
            finished: 0,
            idle_cores: speed.cores,
            work: VecDeque::new(),
            stations: roles.iter().map(station).collect(),
            card_free: 0,
            worked: 0,
            computed: 0,
            wide: (0, 0),
        }
    }

    fn run(mut self, in_hand: usize) -> Busy {
        (0..in_hand).for_each(|_| self.begin());
        self.go_on();
        while self.finished < PHOTOS {
            let Reverse((time, _, event)) = self.events.pop().expect("nothing is stuck");
            self.now = time;
            match event {
                Event::Worked(photo) => {
                    self.idle_cores += 1;
                    self.step(photo);
                }
                Event::Gathered(station) => {
                    let station = &mut self.stations[station];
                    station.prepared.extend(station.gathering.pop_front());
                }
                Event::Ran(station) => {
                    let station = &mut self.stations[station];
                    station.tokens += 1;
                    for photo in station.running.take().unwrap_or_default() {
                        let left = &mut self.photos.get_mut(&photo).unwrap().left;
                        *left -= 1;
                        if *left == 0 {
                            self.step(photo);
                        }
                    }
                }
                Event::Due => {}
            }
            self.go_on();
        }
        let all = self.now as f64;
        Busy {
            cores: self.worked as f64 / all / self.speed.cores as f64,
            card: self.computed as f64 / all,
            filled: self.wide.0 as f64 / self.wide.1 as f64,
            photos_per_second: PHOTOS as f64 * 1e6 / all,
        }
    }

    fn at(&mut self, time: Time, event: Event) {
        self.scheduled += 1;
        self.events.push(Reverse((time, self.scheduled, event)));
    }

    fn begin(&mut self) {
        let faces = FACES[self.begun % FACES.len()];
        let [photo, face, rest] = self.speed.photo;
        let mut steps = VecDeque::from([Step::Work(photo), Step::Ask(vec![(WIDE, 1), (NEAR, 1)])]);
        if faces > 0 {
            let each = face * faces as Time / 2;
            steps.extend([Step::Work(each), Step::Ask(vec![(NEAR, 2 * faces)])]);
            steps.extend([Step::Work(each), Step::Ask(vec![(FACE, 2 * faces)])]);
        }
        steps.push_back(Step::Work(rest));
        self.photos.insert(self.begun, Photo { steps, left: 0 });
        self.begun += 1;
        self.step(self.begun - 1);
    }

    fn step(&mut self, number: usize) {
        let photo = self.photos.get_mut(&number).unwrap();
        match photo.steps.pop_front() {
            Some(Step::Work(time)) => self.work.push_back((number, time)),
            Some(Step::Ask(items)) => {
                photo.left = items.iter().map(|(_, count)| count).sum();
                self.waiting.insert(number, photo.left);
                let now = self.start + Duration::from_micros(self.now);
                for (key, count) in items {
                    (0..count).for_each(|_| self.schedule.push(key, Lane::Backlog, now, number));
                }
            }
            None => {
                self.photos.remove(&number);
                self.finished += 1;
                self.begin();
            }
        }
    }

    fn go_on(&mut self) {
        while self.idle_cores > 0
            && let Some((photo, time)) = self.work.pop_front()
        {
            self.idle_cores -= 1;
            self.worked += time;
            self.at(self.now + time, Event::Worked(photo));
        }
        for number in 0..self.stations.len() {
            self.gather(number);
            self.start(number);
        }
    }

    fn gather(&mut self, number: usize) {
        while self.stations[number].tokens > 0 {
            let calm = self.waiting.len() >= self.photos.len();
            let now = self.start + Duration::from_micros(self.now);
            match self.schedule.next(self.stations[number].roles, now, calm) {
                Next::Run(key, batch) => {
                    for photo in &batch {
                        let left = self.waiting.get_mut(photo).unwrap();
                        *left -= 1;
                        if *left == 0 {
                            self.waiting.remove(photo);
                        }
                    }
                    let station = &mut self.stations[number];
                    let gathering = of(key, GATHERING) * batch.len() as Time / BATCH as Time;
                    station.tokens -= 1;
                    station.gathered = station.gathered.max(self.now) + gathering;
                    station.gathering.push_back((key, batch));
                    let gathered = station.gathered;
                    self.at(gathered, Event::Gathered(number));
                }
                Next::At(time) => {
                    let due = (time - self.start).as_micros().try_into().unwrap();
                    return self.at(due, Event::Due);
                }
                Next::Nothing => return,
            }
        }
    }

    /// One thing after the other on the card, whoever asks.
    fn start(&mut self, number: usize) {
        let station = &mut self.stations[number];
        if station.running.is_some() {
            return;
        }
        let Some((key, batch)) = station.prepared.pop_front() else { return };
        let count = batch.len() as Time;
        let (card, fetching) = if taken_at_once(batch.len(), BATCH) == 1 {
            (self.speed.single * count, of(key, FETCHING) * count / BATCH as Time)
        } else {
            if key == WIDE {
                self.wide = (self.wide.0 + batch.len(), self.wide.1 + BATCH);
            }
            (of(key, self.speed.batch), of(key, FETCHING))
        };
        station.running = Some(batch);
        self.card_free = self.card_free.max(self.now) + card;
        self.computed += card;
        self.at(self.card_free + fetching, Event::Ran(number));
    }
}

/// Machines that could be somebody's. The first is what was measured on an H200, as far as its times can be told apart.
const MACHINES: [(&str, Speed); 5] = [
    ("a fast card and 16 cores", machine(16, [14_000, 3_000, 2_000], 1_000)),
    ("a fast card and 32 cores", machine(32, [14_000, 3_000, 2_000], 1_000)),
    ("a slower one and 8 cores", machine(8, [40_000, 8_000, 6_000], 2_000)),
    ("a small one and 4 cores", machine(4, [190_000, 30_000, 30_000], 6_000)),
    ("large networks", machine(16, [60_000, 12_000, 30_000], 3_000)),
];

const fn machine(cores: usize, batch: [Time; 3], single: Time) -> Speed {
    Speed { cores, photo: [10_000, 2_000, 5_000], batch, single }
}

#[test]
fn cores_or_card_are_at_their_limit_and_batches_are_full() {
    for (name, speed) in MACHINES {
        let busy = Simulation::of(speed, &Roles::ON_CARD).run(in_hand(BATCH, speed.cores));
        let Busy { photos_per_second, cores, card, filled } = busy;
        println!(
            "{name}: {photos_per_second:.0} photos/s, cores {cores:.2}, card {card:.2}, filled {filled:.2}"
        );
        assert!(busy.cores > 0.95 || busy.card > 0.9, "{name}: {busy:?}");
        assert!(busy.cores > 0.95 || busy.filled > 0.85, "{name}: {busy:?}");
    }
}
