//! The engine: opened from a configuration, it owns all threads and is the façade that servers read. What must be there on disk is in
//! [`ground`], starting threads in [`threads`], pauses are in [`holding`], the status is in [`status`].

mod ground;
mod holding;
mod status;
mod threads;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, bounded, unbounded};
use tokio::sync::watch;
use vow_cluster::Params;
use vow_infer::Runtime;
use vow_machine::{Meter, View, open_gpu};
use vow_store::Store;
use vow_types::PackId;
use vow_vision::Standing;
use vow_watch::Watcher;

use crate::again::Again;
use crate::analyse::Networks;
use crate::brake::Brake;
use crate::budget::Budget;
use crate::config::Config;
use crate::error::EngineError;
use crate::feed::{Desk, Feed};
use crate::folders::real_folder;
use crate::graphs::{self, Place};
use crate::inflight::Inflight;
use crate::library::{Librarian, Order};
use crate::neighbour::{Neighbour, battery, lock};
use crate::pause::PauseFile;
use crate::people::{Keeper, Message, PackFacts, People};
use crate::picture::Shelf;
use crate::progress::{Progress, now};
use crate::spare::Spare;
use crate::watched::Folders;
use crate::worker::{Bench, work};
use ground::{load_pack, make_data_dir, open_store};
use threads::Starter;
pub(crate) use threads::behind;

/// Photos that may wait for the committer; a full channel makes the workers wait.
const UNCOMMITTED: usize = 128;
/// Transactions that may wait for the people thread.
const UNGROUPED: usize = 64;

/// A running engine. Cheap to clone; all clones are the same engine.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

struct Shared {
    bench: Arc<Bench>,
    brake: Arc<Brake>,
    meter: Arc<Mutex<Meter>>,
    people: Arc<People>,
    folders: Arc<Folders>,
    shelf: Shelf,
    /// Rung after every transaction of the store.
    written: watch::Sender<()>,
    orders: Sender<Order>,
    messages: Mutex<Option<Sender<Message>>>,
    runtime: Runtime,
    pack: String,
    /// What it was opened with.
    config: Config,
    running: Mutex<Vec<JoinHandle<()>>>,
    failed: Arc<Mutex<Option<EngineError>>>,
}

impl Engine {
    /// Loads the pack and the runtime, opens the store, rebuilds what is derived, and starts to index: first `folders`,
    /// which are watched from now on, and every folder that was watched before. Returns when answers can be given.
    ///
    /// # Errors
    /// Every reason to refuse to start; nothing of the data folder was changed then, but that it may have been created,
    /// and graphs kept that were prepared.
    pub fn open(config: &Config, folders: &[PathBuf]) -> Result<Self, EngineError> {
        let config = &config.on_this_machine();
        let root = config.machine_root.clone();
        let meter = Meter::new(View::new(&root), move || open_gpu(&root));
        let pack = load_pack(config)?;
        let roots = folders.iter().map(|path| real_folder(path)).collect::<Result<Vec<_>, _>>()?;
        make_data_dir(&config.data_dir)?;
        // A second engine of one process has its tables beside the first one's.
        vow_tables::place(config.data_dir.clone(), vow_tables::MEMORY);
        let store = open_store(&config.data_dir)?;
        let runtime = Runtime::start(&config.runtime, config.provider, &config.data_dir)?;
        let (name, pack_id, embedder) = (pack.name.clone(), pack.id, pack.embedder);
        let params = Params::new(pack.distances);
        let standing = Standing::of(pack.detector.head);
        let (dimension, gate, same_cosine) = (pack.embedder.dimension, pack.quality, pack.distances.same);
        let faces = behind("models", config.nice, || {
            graphs::start(pack, Place::of(config), (&runtime, &config.tuning(runtime.provider())), || {
                load_pack(config)
            })
        })?;
        store.put_pack(pack_id, &name)?;

        let progress = Progress::new();
        let facts = PackFacts { id: pack_id, dimension, params, gate, shapes: faces.shapes().to_vec() };
        let snapshot = config.data_dir.join("index");
        let keeper = Keeper::open(store.clone(), Arc::clone(&progress), facts, snapshot, config.cores())?;
        let resident =
            View::new(&config.machine_root).read().process_memory.map_or(0, |memory| memory.resident);
        let at_once = config.photo_threads(faces.wants_in_flight());
        let bench = Arc::new(Bench {
            feed: Feed::default(),
            inflight: Inflight::default(),
            store,
            networks: Networks { faces, embedder, standing },
            drawn: keeper.drawn_elsewhere()?,
            pack: pack_id,
            same_cosine,
            limits: config.limits,
            spare: Spare::default(),
            again: Again::new(),
            budget: Budget::new(config.picture_budget(resident, runtime.provider(), at_once)),
            progress,
        });
        let engine = Self::spawn(meter, config, bench, keeper, (runtime, name))?;
        for folder in engine.store().folders()? {
            engine.0.folders.add(folder.clone());
            engine.scan(folder.id, None);
        }
        for root in roots {
            match engine.add_folder(&root) {
                Ok(_) => {}
                Err(error) => {
                    engine.stop();
                    return Err(error);
                }
            }
        }
        Ok(engine)
    }

    fn spawn(
        meter: Meter,
        config: &Config,
        bench: Arc<Bench>,
        keeper: Keeper,
        (runtime, pack): (Runtime, String),
    ) -> Result<Self, EngineError> {
        let (orders, order_box) = unbounded();
        let (outcomes, outcome_box) = bounded(UNCOMMITTED);
        let (messages, message_box) = bounded(UNGROUPED);
        let failed = Arc::new(Mutex::new(None));
        let folders = Arc::new(Folders::default());
        let watcher = {
            let (orders, progress) = (orders.clone(), Arc::clone(&bench.progress));
            Watcher::start(Some(config.data_dir.clone()), move |hint| {
                // A closed channel means that the engine is stopping.
                let _ = orders.send(Order::Hint { hint, ticket: progress.ticket() });
            })?
        };
        let people = keeper.shared();
        let starter =
            Starter { failed: Arc::clone(&failed), progress: Arc::clone(&bench.progress), nice: config.nice };
        let brake = Arc::new(Brake::open(PauseFile::new(&config.data_dir), config.obey_pause, now()));
        if !config.backlog_on_battery {
            brake.set_battery(battery(&config.machine_root));
        }
        bench.feed.set_gate(brake.gate());
        let written = crate::events::bell(&bench.store);
        let meter = Arc::new(Mutex::new(meter));
        let mut running = Vec::new();

        let librarian = Librarian {
            bench: Arc::clone(&bench),
            folders: Arc::clone(&folders),
            watcher,
            data: config.data_dir.clone(),
            out: outcomes.clone(),
            scan_every: config.scan_every,
        };
        running.push(starter.start_behind("library", move || librarian.run(&order_box))?);
        // So many that no network waits for photos: while those are busy, the next are read and decoded ahead.
        for _ in 0..config.photo_threads(bench.networks.faces.wants_in_flight()) {
            let (bench, out) = (Arc::clone(&bench), outcomes.clone());
            running.push(starter.start_behind("photo", move || work(&bench, Desk::Any, &out))?);
        }
        // A thread that stepped back cannot come forward again without privileges, so new photos have one that never did.
        {
            let (bench, out) = (Arc::clone(&bench), outcomes.clone());
            running.push(starter.start("live", move || work(&bench, Desk::Live, &out))?);
        }
        drop(outcomes);
        {
            let (bench, out) = (Arc::clone(&bench), messages.clone());
            running.push(starter.start("commit", move || crate::commit::commit(&bench, &outcome_box, &out))?);
        }
        running.push(starter.start_behind("people", move || keeper.run(&message_box))?);
        let neighbour = Neighbour {
            bench: Arc::clone(&bench),
            brake: Arc::clone(&brake),
            meter: Arc::clone(&meter),
            ceiling: config.gpu_ceiling,
            spare_battery: !config.backlog_on_battery,
            root: config.machine_root.clone(),
        };
        running.push(starter.start("machine", move || neighbour.run())?);

        Ok(Self(Arc::new(Shared {
            bench,
            brake,
            meter,
            people,
            folders,
            shelf: Shelf::default(),
            written,
            orders,
            messages: Mutex::new(Some(messages)),
            runtime,
            pack,
            config: config.clone(),
            running: Mutex::new(running),
            failed,
        })))
    }

    /// Finishes the photos and the transaction in hand, saves the index and ends all threads. What was queued, or waited for
    /// memory, is found again by the next start. Blocks for as long as that takes: a few photos' time. A second call does nothing.
    pub fn stop(&self) {
        let shared = &self.0;
        self.progress().stopping.store(true, Ordering::SeqCst);
        self.progress().touch();
        self.progress().pulse();
        // Closed channels and feeds mean that a thread has ended already.
        let _ = shared.orders.send(Order::Stop);
        shared.bench.feed.close();
        shared.bench.budget.close();
        shared.messages.lock().unwrap_or_else(PoisonError::into_inner).take();
        let running = std::mem::take(&mut *shared.running.lock().unwrap_or_else(PoisonError::into_inner));
        for one in running {
            // A panic was recorded by the thread itself.
            let _ = one.join();
        }
    }

    /// Why a thread of the engine ended by itself, if one did; the engine should be stopped then.
    #[must_use]
    pub fn failure(&self) -> Option<EngineError> {
        self.0.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether [`Self::failure`] has something to say.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.0.failed.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Changes whenever an answer of [`Self::status`] may have.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.progress().watch()
    }

    /// Whether everything found so far is stored and grouped.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.progress().idle()
    }

    /// Reads every failed file again. Returns how many there are.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn retry_failures(&self) -> Result<u64, EngineError> {
        let failures = self.store().counts(self.pack_id())?.failures;
        self.order(Order::Retry { ticket: self.progress().ticket() });
        Ok(failures)
    }

    pub(crate) fn waiting(&self) -> (usize, usize) {
        self.0.bench.feed.waiting()
    }

    pub(crate) fn meter(&self) -> std::sync::MutexGuard<'_, Meter> {
        lock(&self.0.meter)
    }

    pub(crate) fn order(&self, order: Order) {
        if matches!(order, Order::Scan { .. }) {
            self.0.bench.again.ask();
        }
        // A closed channel means that the engine is stopping.
        let _ = self.0.orders.send(order);
    }

    pub(crate) fn tell(&self, message: Message) -> Result<(), EngineError> {
        let sender = self.0.messages.lock().unwrap_or_else(PoisonError::into_inner).clone();
        sender.ok_or(EngineError::Stopping)?.send(message).map_err(|_| EngineError::Stopping)
    }

    /// At or above this cosine the pack takes two faces for the same person.
    #[must_use]
    pub fn same_cosine(&self) -> f32 {
        self.0.bench.same_cosine
    }

    pub(crate) fn bench(&self) -> &Bench {
        &self.0.bench
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.progress().stopping.load(Ordering::SeqCst)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.bench.store
    }

    pub(crate) fn people(&self) -> &People {
        &self.0.people
    }

    pub(crate) fn folders_of_record(&self) -> &Folders {
        &self.0.folders
    }

    pub(crate) fn shelf(&self) -> &Shelf {
        &self.0.shelf
    }

    pub(crate) fn written(&self) -> watch::Receiver<()> {
        self.0.written.subscribe()
    }

    pub(crate) fn progress(&self) -> &Arc<Progress> {
        &self.0.bench.progress
    }

    pub(crate) fn pack_id(&self) -> PackId {
        self.0.bench.pack
    }

    pub(crate) fn runtime_in_use(&self) -> &Runtime {
        &self.0.runtime
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }
}
