//! The façade: what there is, and one change at a time.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use vow_fetch::{Cancel, Progress};
use vow_models::{Consent, Entry, InstallError, Installed, Packs, STARTER};

use crate::DepotError;
use crate::choice::{choose, chosen};
use crate::runtime::{InstalledRuntime, Places, RuntimeOrder};

/// What a running daemon uses, and who said so.
#[derive(Debug, Clone, Default)]
pub struct InUse {
    /// The pack's name, or its folder where it was named by that.
    pub pack: String,
    /// Who named the pack (`--pack`, an environment variable, the configuration file); `None` when nobody did, so that the
    /// choice in the data folder counts.
    pub pack_named_by: Option<String>,
    /// Who named the runtime, likewise.
    pub runtime_named_by: Option<String>,
}

/// Why a pack or a runtime does not run.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Tries the pack in a folder, or a runtime library, as a start with it would.
pub type Prove<'a> = &'a dyn Fn(&Path) -> Result<(), Cause>;

/// As [`Prove`], kept for every time.
type Try = dyn Fn(&Path) -> Result<(), Cause> + Send + Sync;

/// What is to be installed.
#[derive(Debug, Clone, Default)]
pub struct PackOrder {
    /// A pack of the catalog; empty for one's own.
    pub name: String,
    /// A folder or archive that holds it; it comes from the network otherwise.
    pub from: Option<PathBuf>,
    /// What somebody agreed to.
    pub consent: Consent,
}

/// A pack as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackView {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is, in one line; empty for a pack of one's own.
    pub summary: String,
    /// Its licence in short.
    pub licence: String,
    /// What its licence asks for.
    pub notice: String,
    /// Where the licence is to be read.
    pub licence_url: Option<String>,
    /// Whether the licence must be accepted first.
    pub non_commercial: bool,
    /// Length of its embeddings.
    pub dimension: u32,
    /// Bytes to fetch, where they are known.
    pub download_size: Option<u64>,
    /// Built in.
    pub bundled: bool,
    /// In the data folder.
    pub installed: bool,
    /// The daemon runs it.
    pub in_use: bool,
    /// Files whose sums nobody has confirmed.
    pub unconfirmed: Vec<String>,
    /// Why the installed one cannot be used.
    pub problem: Option<String>,
}

/// What is installed in one data folder. Clones are the same depot.
#[derive(Clone)]
pub struct Depot(Arc<Shared>);

struct Shared {
    data_dir: PathBuf,
    packs: Packs,
    places: Places,
    in_use: InUse,
    /// Held while something is changed.
    changing: Mutex<()>,
    /// Has the daemon begin anew with what is chosen now.
    switch: Box<dyn Fn() + Send + Sync>,
    try_runtime: Box<Try>,
}

impl fmt::Debug for Depot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Depot").field("data_dir", &self.0.data_dir).finish_non_exhaustive()
    }
}

impl Depot {
    /// The depot of a data folder. `switch` is called when the daemon should begin anew with what is installed or chosen;
    /// `try_runtime` says whether an ONNX Runtime library would run here.
    #[must_use]
    pub fn new(
        data_dir: &Path,
        packs: Packs,
        in_use: InUse,
        switch: impl Fn() + Send + Sync + 'static,
        try_runtime: impl Fn(&Path) -> Result<(), Cause> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Shared {
            data_dir: data_dir.to_owned(),
            packs,
            places: Places::new(data_dir),
            in_use,
            changing: Mutex::new(()),
            switch: Box::new(switch),
            try_runtime: Box::new(try_runtime),
        }))
    }

    /// Every pack that is known or installed: the catalog's in its order, then others by name.
    ///
    /// # Errors
    /// When the folder of packs cannot be read.
    pub fn packs(&self) -> Result<Vec<PackView>, DepotError> {
        let mut installed = self.0.packs.installed()?;
        let mut views = Vec::new();
        for entry in self.0.packs.catalog().entries() {
            let at = installed.iter().position(|one| one.name == entry.name);
            let found = at.map(|at| installed.remove(at));
            views.push(self.known(entry, found));
        }
        views.extend(installed.into_iter().map(|one| self.own(one)));
        Ok(views)
    }

    /// One of [`Self::packs`].
    ///
    /// # Errors
    /// [`InstallError::Unknown`] when there is none of that name.
    pub fn pack(&self, name: &str) -> Result<PackView, DepotError> {
        let packs = self.packs()?;
        let known = || packs.iter().map(|pack| pack.name.clone()).collect();
        packs
            .iter()
            .find(|pack| pack.name == name)
            .cloned()
            .ok_or_else(|| InstallError::Unknown { name: name.to_owned(), known: known() }.into())
    }

    /// Installs a pack. One that is in use or chosen is replaced only by one that runs: the daemon would not start any more.
    /// Where it is in use, the daemon has to begin anew to run what is installed now.
    ///
    /// # Errors
    /// As `vow-models` says; [`DepotError::Busy`] while something else is changed.
    pub fn install_pack(
        &self,
        order: &PackOrder,
        prove: Prove<'_>,
        progress: &mut dyn FnMut(&Progress),
        cancel: &Cancel,
    ) -> Result<PackView, DepotError> {
        let _changing = self.change()?;
        let PackOrder { name, from, consent } = order;
        let packs = &self.0.packs;
        let staged = match from {
            Some(from) if name.is_empty() => packs.stage_own(from, progress, cancel)?,
            from => packs.stage(name, from.as_deref(), *consent, progress, cancel)?,
        };
        // A choice that cannot be read is no pack's.
        let is_chosen = chosen(&self.0.data_dir).is_ok_and(|chosen| chosen.as_ref() == Some(&staged.name));
        if (is_chosen || self.is_in_use(&staged.name))
            && let Err(source) = prove(&staged.folder)
        {
            let name = staged.name.clone();
            packs.discard(staged)?;
            return Err(DepotError::DoesNotRun { name, source });
        }
        let installed = packs.place(staged)?;
        tracing::info!(pack = installed.name, "installed");
        self.pack(&installed.name)
    }

    /// Whether a pack may be chosen now; gives its folder, or `None` for the built-in one.
    fn may_use(&self, name: &str) -> Result<Option<PathBuf>, DepotError> {
        let pack = self.pack(name)?;
        if let Some(by) = &self.0.in_use.pack_named_by {
            return Err(DepotError::Named { by: by.clone(), name: name.to_owned() });
        }
        if let Some(problem) = pack.problem {
            return Err(DepotError::Broken { name: pack.name, problem });
        }
        if pack.installed {
            return Ok(Some(self.0.packs.folder(name)));
        }
        if pack.bundled {
            return Ok(None);
        }
        Err(InstallError::NotInstalled(name.to_owned()).into())
    }

    /// Writes down that a pack is to be used from now on, if it runs. Gives whether the daemon has to switch over for that.
    ///
    /// # Errors
    /// [`DepotError::Named`] when somebody has named a pack already; why that pack cannot be used; when the choice cannot be
    /// written.
    pub fn use_pack(&self, name: &str, prove: Prove<'_>) -> Result<bool, DepotError> {
        let _changing = self.change()?;
        if let Some(folder) = self.may_use(name)? {
            prove(&folder).map_err(|source| DepotError::DoesNotRun { name: name.to_owned(), source })?;
        }
        choose(&self.0.data_dir, name)?;
        tracing::info!(pack = name, "chosen");
        Ok(!self.is_in_use(name))
    }

    /// Deletes an installed pack.
    ///
    /// # Errors
    /// [`DepotError::InUse`] when it is used or chosen.
    pub fn remove_pack(&self, name: &str) -> Result<(), DepotError> {
        let _changing = self.change()?;
        let is_chosen = self.0.in_use.pack_named_by.is_none()
            && chosen(&self.0.data_dir)?.is_some_and(|chosen| chosen == name);
        if name != STARTER && self.0.packs.folder(name).is_dir() && (is_chosen || self.is_in_use(name)) {
            return Err(DepotError::InUse(name.to_owned()));
        }
        self.0.packs.remove(name)?;
        tracing::info!(pack = name, "removed");
        Ok(())
    }

    /// Installs an ONNX Runtime in place of the one installed before, if it runs.
    ///
    /// # Errors
    /// Where it could not be had, or what is wrong with the wheel given; the earlier one stays then.
    pub fn install_runtime(
        &self,
        order: &RuntimeOrder,
        progress: &mut dyn FnMut(&Progress),
        cancel: &Cancel,
    ) -> Result<InstalledRuntime, DepotError> {
        let _changing = self.change()?;
        let installed = self.0.places.install(order, &*self.0.try_runtime, progress, cancel)?;
        tracing::info!(library = %installed.library.display(), "installed");
        Ok(installed)
    }

    /// The runtimes that were installed here.
    #[must_use]
    pub fn runtimes(&self) -> Vec<InstalledRuntime> {
        self.0.places.installed()
    }

    /// Who named the runtime, so that an installed one is not looked at.
    #[must_use]
    pub fn runtime_named_by(&self) -> Option<&str> {
        self.0.in_use.runtime_named_by.as_deref()
    }

    /// Who named the pack.
    #[must_use]
    pub fn pack_named_by(&self) -> Option<&str> {
        self.0.in_use.pack_named_by.as_deref()
    }

    /// Has the daemon begin anew with what is installed and chosen now.
    pub fn switch(&self) {
        (self.0.switch)();
    }

    fn change(&self) -> Result<MutexGuard<'_, ()>, DepotError> {
        match self.0.changing.try_lock() {
            Ok(guard) => Ok(guard),
            Err(TryLockError::WouldBlock) => Err(DepotError::Busy),
            // Nothing is kept under the lock that a panic could have left half done.
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
        }
    }

    /// A daemon may run a pack of the data folder that was named by its folder.
    fn is_in_use(&self, name: &str) -> bool {
        let used = &self.0.in_use.pack;
        let real = |path: &Path| path.canonicalize().ok();
        used == name
            || (used.contains('/')
                && real(Path::new(used)).is_some_and(|used| Some(used) == real(&self.0.packs.folder(name))))
    }

    fn known(&self, entry: &Entry, installed: Option<Installed>) -> PackView {
        PackView {
            name: entry.name.clone(),
            version: installed
                .as_ref()
                .filter(|one| one.problem.is_none())
                .map_or_else(|| entry.version.clone(), |one| one.version.clone()),
            summary: entry.summary.clone(),
            licence: entry.licence.clone(),
            notice: entry.notice.clone(),
            licence_url: entry.licence_url.clone(),
            non_commercial: entry.non_commercial,
            dimension: entry.dimension,
            download_size: entry.download_size().filter(|_| !entry.bundled),
            bundled: entry.bundled,
            installed: installed.is_some(),
            in_use: self.is_in_use(&entry.name),
            unconfirmed: entry.unconfirmed().map(str::to_owned).collect(),
            problem: installed.and_then(|one| one.problem),
        }
    }

    fn own(&self, installed: Installed) -> PackView {
        PackView {
            in_use: self.is_in_use(&installed.name),
            name: installed.name,
            version: installed.version,
            summary: String::new(),
            licence: installed.licence,
            notice: String::new(),
            licence_url: None,
            non_commercial: false,
            dimension: installed.dimension,
            download_size: None,
            bundled: false,
            installed: true,
            unconfirmed: Vec::new(),
            problem: installed.problem,
        }
    }
}
