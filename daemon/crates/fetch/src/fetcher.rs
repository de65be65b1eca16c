//! From addresses to a file: which one is asked, when it is asked again, and when it is given up.

use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::client::{Answer, Client, Reply, compare};
use crate::part::{CHUNK, Origin, Part, check_space};
use crate::progress::Reporter;
use crate::proxy::named;
use crate::remote::shown;
use crate::stalls::Record;
use crate::{Cancel, Fault, FetchError, Fetched, Phase, Progress, Remote, Tried, UnusableProxy, local};

/// How patient a fetcher is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A source that sends nothing for this long has stalled; so has one that could not be reached by then.
    pub stall: Duration,
    /// A source that sends fewer bytes a second than this over half a minute has stalled as well.
    pub least_rate: u64,
    /// Attempts in a row that bring no byte before the next address is asked.
    pub attempts: u32,
    /// A source that stalls three times in a row, having brought fewer bytes than this each time, is left as well.
    pub little: u64,
    /// The pause after the first of them; it doubles from one to the next.
    pub pause: Duration,
    /// The longest that a server may make us wait; who asks for more is left for the next address.
    pub patience: Duration,
    /// The largest file that is taken when its size is not known beforehand.
    pub largest: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            stall: Duration::from_secs(30),
            least_rate: 512,
            attempts: 4,
            little: 1 << 20,
            pause: Duration::from_secs(1),
            patience: Duration::from_secs(120),
            largest: 4 << 30,
        }
    }
}

/// Attempts on one address in all: one that brings a few bytes each time does not keep us for ever.
const MOST_ATTEMPTS: u32 = 100;
/// Over how long the least rate is measured.
const RATE_WINDOW: Duration = Duration::from_secs(30);

/// Fetches files. Cheap to keep; connections are reused.
#[derive(Debug)]
pub struct Fetcher {
    client: Result<Client, UnusableProxy>,
    settings: Settings,
}

impl Default for Fetcher {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

/// Why one address is left.
enum Left {
    /// For the next one.
    Next(Fault),
    /// For good: another address would not help.
    Stop(FetchError),
}

impl From<FetchError> for Left {
    fn from(error: FetchError) -> Self {
        Self::Stop(error)
    }
}

impl Fetcher {
    /// A fetcher as patient as this, through the proxy that the environment names. One that cannot be used is told when
    /// something is fetched.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let client = named(|name| std::env::var_os(name)).map(|proxy| Client::new(&settings, proxy));
        Self { client, settings }
    }

    /// Brings a file into `folder`, which is made when missing, and gives it its name when it is whole and right. A file
    /// of that name that is right already is kept; what an earlier attempt left is used.
    ///
    /// # Errors
    /// [`FetchError::Unreachable`] says what came of each address; the others are of this machine's doing.
    pub fn fetch(
        &self,
        file: &Remote,
        folder: &Path,
        progress: &mut dyn FnMut(&Progress),
        cancel: &Cancel,
    ) -> Result<Fetched, FetchError> {
        let name = file.file_name()?;
        let target = folder.join(name);
        if file.sha256.is_some() && target.is_file() {
            // Wrong or unreadable: fetched anew and replaced.
            if let Ok(kept) = local::keep(file, &target, progress, cancel) {
                return Ok(kept);
            }
        }
        if file.urls.is_empty() {
            return Err(FetchError::NoAddress { name: name.to_owned() });
        }
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let asking = Asking { client, settings: &self.settings, file, cancel };
        let mut reporter = Reporter::new(progress);
        let mut part = Part::open(folder, name, &mut reporter, cancel)?;
        if let Some(size) = file.size {
            if part.len() > size {
                part.restart()?;
            }
            check_space(folder, size - part.len())?;
        }
        let mut tried = Vec::new();
        for url in &file.urls {
            match asking.ask(url, &mut part, &mut reporter) {
                Ok(()) => return part.finish(),
                Err(Left::Stop(error)) => return Err(error),
                Err(Left::Next(fault)) => {
                    let url = shown(url);
                    tracing::warn!(url, %fault, "left for the next address");
                    tried.push(Tried { via: client.via(&url), url, fault });
                }
            }
        }
        // Wrong bytes are of no use to a later attempt.
        if tried.iter().any(|one| matches!(one.fault, Fault::Altered { .. })) {
            part.discard()?;
        }
        Err(FetchError::Unreachable { name: name.to_owned(), tried })
    }
}

/// One file, asked for.
struct Asking<'a> {
    client: &'a Client,
    settings: &'a Settings,
    file: &'a Remote,
    cancel: &'a Cancel,
}

impl Asking<'_> {
    /// Asks one address until the part is whole and right.
    fn ask(&self, url: &str, part: &mut Part, reporter: &mut Reporter<'_>) -> Result<(), Left> {
        let Self { settings, file, cancel, .. } = self;
        let mut progress = Progress {
            file: file.name.clone(),
            source: shown(url),
            phase: Phase::Fetching,
            done: part.len(),
            total: file.size,
        };
        // Bytes of somebody else, which nothing but the sum in the end can tell from those of this address.
        let mut inherited = part.len() > 0;
        if inherited && file.sha256.is_none() && part.origin().is_none_or(|origin| origin.url != url) {
            part.restart()?;
            inherited = false;
        }
        let mut record = Record::default();
        for _ in 0..MOST_ATTEMPTS {
            cancel.check()?;
            let before = part.len();
            let whole = file.size.is_some_and(|size| size == before && file.sha256.is_some());
            let outcome = if whole { Ok(()) } else { self.attempt(url, part, &mut progress, reporter) };
            let fault = match outcome {
                Ok(()) => match compare(file.sha256, part.sum()) {
                    Ok(()) => return Ok(()),
                    Err(fault) => {
                        part.restart()?;
                        if !std::mem::take(&mut inherited) {
                            return Err(Left::Next(fault));
                        }
                        continue;
                    }
                },
                Err(Left::Next(fault)) => fault,
                Err(stop) => return Err(stop),
            };
            inherited &= part.len() >= before;
            if !record.note(&fault, part.len().saturating_sub(before), settings) {
                return Err(Left::Next(fault));
            }
            let asked = if let Fault::Busy { after, .. } = &fault { *after } else { None };
            let doubled = 2u32.saturating_pow(record.barren().saturating_sub(1));
            let pause = asked.unwrap_or_else(|| settings.pause * doubled);
            if pause > settings.patience {
                return Err(Left::Next(fault));
            }
            progress.phase = Phase::Waiting(pause);
            reporter.tell(&progress);
            cancel.sleep(pause)?;
            progress.phase = Phase::Fetching;
        }
        Err(Left::Next(Fault::Broken(format!("the connection broke {MOST_ATTEMPTS} times"))))
    }

    /// One request, and its body into the part.
    fn attempt(
        &self,
        url: &str,
        part: &mut Part,
        progress: &mut Progress,
        reporter: &mut Reporter<'_>,
    ) -> Result<(), Left> {
        let Self { settings, file, cancel, .. } = self;
        let origin = part.origin().filter(|origin| origin.url == url).cloned();
        let Answer { mut body, start, total, validator } =
            match self.client.ask(url, part.len(), origin.as_ref()).map_err(Left::Next)? {
                Reply::Bytes(answer) => answer,
                Reply::NothingFrom => {
                    // Without a size it cannot be told whether this is the end or another file.
                    let length = part.len();
                    part.restart()?;
                    let expected = file.size.unwrap_or(length);
                    return Err(Left::Next(Fault::Short { got: length, expected }));
                }
            };
        if let (Some(expected), Some(found)) = (file.size, total)
            && expected != found
        {
            return Err(Left::Next(Fault::Size { expected, found }));
        }
        if start == 0 {
            part.restart()?;
        }
        part.note(Origin { url: url.to_owned(), validator })?;
        let total = file.size.or(total);
        let limit = total.unwrap_or(settings.largest);
        if limit > settings.largest {
            return Err(Left::Next(Fault::TooLarge { limit: settings.largest }));
        }
        progress.total = total;
        let mut rate = Rate::new(settings.least_rate);
        let mut buffer = vec![0; CHUNK];
        loop {
            cancel.check()?;
            let read = body.read(&mut buffer).map_err(|error| Left::Next(self.client.fault(error.into())))?;
            let chunk = buffer.get(..read).unwrap_or_default();
            if chunk.is_empty() {
                break;
            }
            part.push(chunk)?;
            progress.done = part.len();
            reporter.tell(progress);
            if part.len() > limit {
                let fault = match file.size {
                    Some(expected) => Fault::Size { expected, found: part.len() },
                    None => Fault::TooLarge { limit },
                };
                part.restart()?;
                return Err(Left::Next(fault));
            }
            rate.count(read).map_err(Left::Next)?;
        }
        match total {
            Some(expected) if part.len() < expected => {
                Err(Left::Next(Fault::Short { got: part.len(), expected }))
            }
            _ => Ok(()),
        }
    }
}

/// Notices a source that drips.
struct Rate {
    least: u64,
    since: Instant,
    bytes: u64,
}

impl Rate {
    fn new(least: u64) -> Self {
        Self { least, since: Instant::now(), bytes: 0 }
    }

    fn count(&mut self, bytes: usize) -> Result<(), Fault> {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        let elapsed = self.since.elapsed();
        if elapsed < RATE_WINDOW {
            return Ok(());
        }
        if self.bytes < self.least.saturating_mul(elapsed.as_secs()) {
            return Err(Fault::Stalled(elapsed));
        }
        *self = Self::new(self.least);
        Ok(())
    }
}
