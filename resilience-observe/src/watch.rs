//! Who looks while somebody watches: a thread that writes the journal, and takes a sample a second.
//!
//! The thread sleeps until something rare happens. It takes samples only while somebody watches, and all who do share them.

use crate::journal::Journal;
use crate::locked::locked;
use crate::policies::{self, Pace, rate};
use crate::program::Program;
use crate::sample::{Rates, Sample};
use crate::sample_rows::Rows;
use resilience_runtime::{Kind, Registry, Timestamp};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Between two samples.
pub(crate) const EVERY: Duration = Duration::from_secs(1);
/// Samples that are further apart, or longer ago, do not say how fast something happens now.
const RECENT: Duration = Duration::from_secs(5);

/// How many watch at once.
pub(crate) const WATCHERS: usize = 16;
/// Whoever has had no room for so long for what there is to read does not read.
const DEAF: Duration = Duration::from_secs(60);

/// The journal and the samples of one observer.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) journal: Journal,
    pub(crate) program: Arc<Program>,
    registry: Registry,
    /// Who does something by hand does it alone, so that what was looked at is what is changed.
    pub(crate) steering: Mutex<()>,
    samples: Mutex<Samples>,
    watchers: Mutex<Vec<Arc<Watcher>>>,
    /// Of the last sample, while somebody wants them.
    rows: Mutex<Option<Arc<Rows>>>,
    pub(crate) began: Timestamp,
    thread: Mutex<Option<Thread>>,
}

/// Somebody who is told what happens.
#[derive(Debug)]
pub(crate) struct Watcher {
    waker: Mutex<Option<Waker>>,
    /// When there was room for more last.
    read: Mutex<Instant>,
    is_gone: AtomicBool,
    wants_rows: bool,
    connection: Option<Connection>,
}

/// A connection of the listener, which lasts for as long as somebody watches over it, or takes what is told on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection {
    is_watched: Arc<AtomicBool>,
    took: Arc<AtomicBool>,
}

/// The last two.
#[derive(Debug)]
struct Samples {
    before: Option<Arc<Sample>>,
    last: Arc<Sample>,
    taken: Instant,
}

impl Watch {
    /// With its thread; where there can be none, events and samples are as old as the last question.
    pub(crate) fn begin(registry: &Registry, program: &Arc<Program>) -> Arc<Self> {
        let journal = Journal::new(registry);
        let last = Arc::new(Sample::of(registry, program));
        let samples = Mutex::new(Samples { before: None, last, taken: Instant::now() });
        let watch = Arc::new(Self {
            journal,
            program: Arc::clone(program),
            registry: registry.clone(),
            steering: Mutex::default(),
            samples,
            watchers: Mutex::default(),
            rows: Mutex::default(),
            began: Timestamp::now(),
            thread: Mutex::default(),
        });
        let weak = Arc::downgrade(&watch);
        let spawned = thread::Builder::new().name("resilience-watch".to_owned()).spawn(move || run(&weak));
        *locked(&watch.thread) = spawned.ok().map(|thread| thread.thread().clone());
        watch
    }

    /// One more who watches, unless there are too many.
    pub(crate) fn join(&self, connection: Option<Connection>, wants_rows: bool) -> Option<Arc<Watcher>> {
        let mut watchers = locked(&self.watchers);
        if watchers.len() >= WATCHERS {
            return None;
        }
        if let Some(connection) = &connection {
            connection.is_watched.store(true, Ordering::Relaxed);
        }
        let (read, is_gone) = (Mutex::new(Instant::now()), AtomicBool::new(false));
        let watcher = Arc::new(Watcher { waker: Mutex::default(), read, is_gone, wants_rows, connection });
        watchers.push(Arc::clone(&watcher));
        drop(watchers);
        // It has nobody to sleep for no more.
        self.unpark();
        Some(watcher)
    }

    pub(crate) fn leave(&self, watcher: &Arc<Watcher>) {
        watcher.end();
        locked(&self.watchers).retain(|other| !Arc::ptr_eq(other, watcher));
    }

    /// The rows of the last sample, once somebody has asked for them.
    pub(crate) fn rows(&self) -> Option<Arc<Rows>> {
        locked(&self.rows).clone()
    }

    fn unpark(&self) {
        if let Some(thread) = &*locked(&self.thread) {
            thread.unpark();
        }
    }

    /// Takes the sample that is due, and lets go of those who do not read. How long it is until the next one; nothing where nobody watches.
    fn sample(&self) -> Option<Duration> {
        let mut watchers = locked(&self.watchers).clone();
        watchers.retain(|watcher| {
            let is_deaf = locked(&watcher.read).elapsed() >= DEAF;
            if is_deaf {
                self.leave(watcher);
            }
            !is_deaf
        });
        if watchers.is_empty() {
            *locked(&self.rows) = None;
            return None;
        }
        let sample = self.look();
        if watchers.iter().any(|watcher| watcher.wants_rows) {
            let mut rows = locked(&self.rows);
            if rows.as_ref().is_none_or(|rows| !rows.are_of(&sample)) {
                *rows = Some(Arc::new(Rows::of(&sample, self.rates(), rows.as_deref())));
            }
        }
        Some(until_next(locked(&self.samples).taken.elapsed()))
    }

    /// There may be something to read.
    fn wake(&self) {
        let watchers = locked(&self.watchers).clone();
        watchers.iter().for_each(|watcher| watcher.wake());
    }

    /// The last sample, which is a new one where that is due, and what it tells is in the journal then.
    pub(crate) fn look(&self) -> Arc<Sample> {
        let mut samples = locked(&self.samples);
        if samples.taken.elapsed() >= EVERY {
            let sample = Arc::new(Sample::of(&self.registry, &self.program));
            self.journal.catch_up(sample.repeated_since(&samples.last, &self.program));
            let before = std::mem::replace(&mut samples.last, sample);
            (samples.before, samples.taken) = (Some(before), Instant::now());
        }
        Arc::clone(&samples.last)
    }

    /// So many a second, between the last two samples; nothing where those are long ago or far apart.
    pub(crate) fn rates(&self) -> Rates {
        let (before, last) = {
            let samples = locked(&self.samples);
            let Some(before) = &samples.before else { return Rates::new() };
            (Arc::clone(before), Arc::clone(&samples.last))
        };
        let between = last.at.duration_since(before.at);
        if between > RECENT || last.at.elapsed() > RECENT {
            return Rates::new();
        }
        let known = before.by_name();
        let mut rates = Rates::new();
        for policy in policies::of(&last.policies) {
            let (kind, name) = (policy.kind(), policy.name());
            let Some(was) = known.get(&(kind, name)) else { continue };
            let counted = was.counters().into_iter().map(|counter| counter.count);
            let counts = policy.counters().into_iter().map(|counter| (counter.word, counter.count));
            let mut rate_of = rate(counted, counts, between);
            if kind == Kind::CircuitBreaker {
                let [asked_before, asked] = [&before, &last].map(|sample| sample.fallbacks_of(&self.program, name));
                rate_of.append(&mut rate([asked_before].into_iter(), [("fallbacks", asked)].into_iter(), between));
            }
            let pace = Pace { rate: Some(rate_of), latency: policy.latency_since(*was) };
            rates.insert((kind, name.clone()), pace);
        }
        rates
    }
}

impl Watcher {
    /// Whoever has this waker is woken when there may be something to read. `false`: there will be nothing any more.
    pub(crate) fn wait(&self, waker: &Waker) -> bool {
        let mut waiting = locked(&self.waker);
        if !waiting.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *waiting = Some(waker.clone());
        }
        *locked(&self.read) = Instant::now();
        !self.is_gone.load(Ordering::Relaxed)
    }

    fn wake(&self) {
        let waker = locked(&self.waker).clone();
        waker.into_iter().for_each(Waker::wake);
    }

    fn end(&self) {
        self.is_gone.store(true, Ordering::Relaxed);
        if let Some(connection) = &self.connection {
            connection.is_watched.store(false, Ordering::Relaxed);
        }
        self.wake();
    }
}

impl Connection {
    /// There was room for more to tell.
    pub(crate) fn takes(&self) {
        self.took.store(true, Ordering::Relaxed);
    }

    /// Whether somebody watches over it, or has taken something since this was asked before.
    #[cfg(feature = "listen")]
    pub(crate) fn lasts(&self) -> bool {
        self.took.swap(false, Ordering::Relaxed) || self.is_watched.load(Ordering::Relaxed)
    }
}

struct Sleeper(Thread);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// How long it is until the next sample, so long after the last.
fn until_next(passed: Duration) -> Duration {
    EVERY.saturating_sub(passed)
}

/// Until nobody has the watch any more, or the registry is gone.
fn run(watch: &Weak<Watch>) {
    let waker = Waker::from(Arc::new(Sleeper(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        let Some(watch) = watch.upgrade() else { return };
        if !watch.journal.catch_up_and_wait(&mut context) {
            return;
        }
        let wait = watch.sample();
        watch.wake();
        drop(watch);
        match wait {
            Some(wait) => thread::park_timeout(wait),
            None => thread::park(),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resilience_runtime::testing::Scope;

    fn begin() -> Arc<Watch> {
        let registry = Scope::new().registry();
        Watch::begin(&registry, &Arc::new(Program::of(&registry)))
    }

    #[test]
    fn whoever_takes_nothing_for_a_minute_is_let_go_of_and_makes_room_for_another() {
        let watch = begin();
        let connections: Vec<_> = (0..WATCHERS).map(|_| Connection::default()).collect();
        let join = |connection: &Connection| watch.join(Some(connection.clone()), false);
        let watchers: Vec<_> = connections.iter().map(|connection| join(connection).unwrap()).collect();
        assert!(connections[3].is_watched.load(Ordering::Relaxed) && join(&Connection::default()).is_none());
        let long_ago = Instant::now().checked_sub(DEAF);
        *locked(&watchers[3].read) = long_ago.expect("the machine runs for longer than a minute");
        watch.sample();
        assert!(!connections[3].is_watched.load(Ordering::Relaxed) && !watchers[3].wait(Waker::noop()));
        assert!(watchers[4].wait(Waker::noop()) && join(&Connection::default()).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_seen_long_ago_or_far_apart_says_nothing_of_now() {
        let scope = Scope::new();
        {
            let _entered = scope.enter();
            resilience_runtime::CircuitBreaker::builder("one").register().unwrap();
        }
        let registry = scope.registry();
        let watch = Watch::begin(&registry, &Arc::new(Program::of(&registry)));
        // So much later there is another sample, and so much later it is asked for.
        let known = async |apart: Duration, ago: Duration| {
            tokio::time::advance(apart).await;
            locked(&watch.samples).taken -= EVERY;
            watch.look();
            tokio::time::advance(ago).await;
            watch.rates().len()
        };
        assert_eq!(watch.rates().len(), 0, "there is one sample");
        let zero = Duration::ZERO;
        assert_eq!(known(EVERY, zero).await, 1);
        assert_eq!(known(EVERY, RECENT).await, 1);
        assert_eq!(known(EVERY, zero).await, 0, "they are further apart than that");
        assert_eq!(known(EVERY, RECENT + EVERY).await, 0, "they are longer ago than that");
        assert_eq!(known(EVERY, zero).await, 0);
        assert_eq!(known(EVERY, zero).await, 1);
    }

    #[cfg(feature = "listen")]
    #[test]
    fn a_connection_lasts_for_as_long_as_somebody_watches_or_takes_what_is_told() {
        let (watch, connection) = (begin(), Connection::default());
        assert!(!connection.lasts());
        connection.takes();
        assert!(connection.lasts() && !connection.lasts(), "nothing was taken since it was asked before");
        let watcher = watch.join(Some(connection.clone()), false).unwrap();
        assert!(connection.lasts() && connection.lasts());
        watch.leave(&watcher);
        assert!(!connection.lasts());
    }

    /// Which may be asleep for as long as nobody watches.
    #[test]
    fn the_thread_of_a_watch_that_is_gone_is_woken() {
        let watch = begin();
        let (asleep, is_woken) = std::sync::mpsc::channel::<()>();
        let sleeper = thread::spawn(move || {
            thread::park();
            drop(asleep);
        });
        let own = locked(&watch.thread).replace(sleeper.thread().clone());
        drop(watch);
        let ended = is_woken.recv_timeout(Duration::from_secs(20));
        assert_eq!(ended, Err(std::sync::mpsc::RecvTimeoutError::Disconnected));
        own.inspect(Thread::unpark);
    }

    #[test]
    fn nobody_looks_at_the_counters_while_nobody_watches() {
        let watch = begin();
        assert_eq!(watch.sample(), None);
        let watcher = watch.join(None, false).unwrap();
        assert!(watch.sample().is_some());
        watch.leave(&watcher);
        assert_eq!(watch.sample(), None);
    }

    #[test]
    fn the_next_sample_is_due_a_second_after_the_last() {
        for (passed, left) in [(0, 1000), (1, 999), (300, 700), (999, 1), (1000, 0), (60_000, 0)] {
            assert_eq!(until_next(Duration::from_millis(passed)), Duration::from_millis(left), "after {passed} ms");
        }
        let watch = begin();
        let _watcher = watch.join(None, false).unwrap();
        let taken = |at| locked(&watch.samples).taken = at;
        taken(Instant::now() + DEAF);
        assert_eq!(watch.sample(), Some(EVERY), "nothing has passed since");
        taken(Instant::now().checked_sub(Duration::from_millis(1)).expect("the machine runs for longer than that"));
        assert!(watch.sample().unwrap() < EVERY);
    }
}
