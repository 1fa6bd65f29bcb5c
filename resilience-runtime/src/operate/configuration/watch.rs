//! Following a file.
//!
//! Its text is read again and again and compared: a file of a few kilobytes costs some microseconds, and it finds what editors do by
//! renaming, what containers do by swapping links, and changes within one tick of the file system's clock, on every system alike. A
//! text that differs is taken when two readings in a row agree, so that one that is just being written is not.

use super::document;
use super::error::{ConfigureError, ConfigureReport};
use super::{Next, Outside, Registry, check_name};
use crate::caught::caught;
use crate::name::Name;
use crate::sync::locked;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);
/// Between two readings that have to agree, at most.
const SETTLES_IN: Duration = Duration::from_millis(100);

/// What is called after each reload.
type OnReload = Box<dyn FnMut(&Result<ConfigureReport, ConfigureError>) + Send>;

/// How a file is to be followed. See [`Registry::watcher`].
#[must_use = "nothing is followed before `start`"]
pub struct Watcher {
    registry: Registry,
    path: PathBuf,
    source: Outside,
    interval: Duration,
    on_reload: OnReload,
}

/// A file that is followed: until this is dropped. A reload that is under way then is finished.
#[derive(Debug)]
#[must_use = "dropped, it follows the file no longer"]
pub struct Watch {
    report: ConfigureReport,
    last_error: LatestMistake,
    /// Dropped, it ends the thread.
    _alive: Sender<()>,
}

type LatestMistake = Arc<Mutex<Option<ConfigureError>>>;

impl Watcher {
    pub(super) fn new(registry: Registry, path: &Path) -> Self {
        let (path, source) = (path.to_owned(), Outside::File);
        Self { registry, path, source, interval: DEFAULT_INTERVAL, on_reload: Box::new(|_| {}) }
    }

    /// How often the file is looked at. Default once a second; no more often than every 10 ms.
    pub fn every(mut self, interval: Duration) -> Self {
        self.interval = interval.max(SHORTEST_INTERVAL);
        self
    }

    /// Follows it as the overlay of that name, in place of the file: see [`Registry::overlay`].
    pub fn as_overlay(mut self, name: impl Into<Name>) -> Self {
        self.source = Outside::Overlay(name.into());
        self
    }

    fn read(&self, text: &str) -> Result<Next, ConfigureError> {
        if let Outside::Overlay(name) = &self.source {
            check_name(name)?;
        }
        document::parse(document::shown(&self.path), text).map(|says| Next::of(self.source.clone(), says))
    }

    /// Called after each reload with what has come of it, on the watcher's thread; if it panics, the file is followed all the same. Not called for the
    /// first reading, whose result [`start`](Self::start) returns.
    pub fn on_reload(
        mut self,
        listener: impl FnMut(&Result<ConfigureReport, ConfigureError>) + Send + 'static,
    ) -> Self {
        self.on_reload = Box::new(listener);
        self
    }

    /// Reads the file and follows it from now on.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or has mistakes now, and a system that gives no thread.
    pub fn start(self) -> Result<Watch, ConfigureError> {
        let path = document::shown(&self.path);
        let text = document::read(&self.path)?;
        let next = self.read(&text);
        let report = self.registry.put(path.clone(), next)?;
        let (alive, stop) = channel();
        let last_error = LatestMistake::default();
        let mut follower = Follower { watcher: self, seen: Ok(text), last_error: Arc::clone(&last_error) };
        std::thread::Builder::new().name("resilience-watch".into()).spawn(move || follower.follow(&stop)).map_err(
            |error| ConfigureError::Unreadable { path, error: format!("cannot start a thread to watch it: {error}") },
        )?;
        Ok(Watch { report, last_error, _alive: alive })
    }
}

impl Watch {
    /// What the first reading has changed, and what in it had no effect.
    pub fn report(&self) -> &ConfigureReport {
        &self.report
    }

    /// What is wrong with the file as it is now; `None` where it is in force.
    pub fn last_error(&self) -> Option<ConfigureError> {
        locked(&self.last_error).clone()
    }
}

/// How long a text has to stay the same before it is taken.
fn settles_in(interval: Duration) -> Duration {
    interval.min(SETTLES_IN)
}

struct Follower {
    watcher: Watcher,
    /// What was read last.
    seen: Result<String, ConfigureError>,
    last_error: LatestMistake,
}

impl Follower {
    fn follow(&mut self, stop: &Receiver<()>) {
        let waits = |time| matches!(stop.recv_timeout(time), Err(RecvTimeoutError::Timeout));
        let settles_in = settles_in(self.watcher.interval);
        while waits(self.watcher.interval) {
            let mut read = document::read(&self.watcher.path);
            // Also one that is gone for a moment, while another is put in its place.
            while read != self.seen {
                if !waits(settles_in) {
                    return;
                }
                let again = document::read(&self.watcher.path);
                if again == read {
                    self.reload(again);
                    break;
                }
                read = again;
            }
        }
    }

    fn reload(&mut self, read: Result<String, ConfigureError>) {
        let path = document::shown(&self.watcher.path);
        let next = read.as_ref().map_err(Clone::clone);
        let next = next.and_then(|text| self.watcher.read(text));
        self.seen = read;
        let done = self.watcher.registry.put(path, next);
        *locked(&self.last_error) = done.as_ref().err().cloned();
        // A listener that panics has lost this reload and gets the next one.
        caught(|| (self.watcher.on_reload)(&done));
    }
}

impl std::fmt::Debug for Watcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watcher").field("path", &self.path).field("interval", &self.interval).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_text_settles_as_fast_as_the_file_is_looked_at_and_within_a_tenth_of_a_second() {
        let millis = Duration::from_millis;
        for (interval, settled) in [(10, 10), (99, 99), (100, 100), (101, 100), (1000, 100)] {
            assert_eq!(settles_in(millis(interval)), millis(settled), "{interval} ms");
        }
    }
}
