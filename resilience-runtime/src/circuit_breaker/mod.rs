//! The circuit breaker.
//!
//! What it does is told at [`CircuitBreaker`].
//!
//! # Where things are
//!
//! `state` is the atomic word and its transitions; `teeth` how much of what it decides is enforced; `steering` what is done by hand; `live` the settings in force; `opening` why it opened; `permit` the
//! right to make one call, from admission to outcome; `keyed` one breaker a key; `registered` what the registry needs. Counting is in `crate::window`. The orderings are argued in
//! `state`, `crate::tagged` and `crate::window`.

mod builder;
mod keyed;
mod live;
mod next_call;
mod opening;
mod permit;
mod registered;
#[cfg(feature = "persistence")]
mod saved;
mod snapshot;
mod state;
mod steering;
mod teeth;

#[cfg(all(test, resilience_loom))]
mod models;

pub use builder::CircuitBreakerBuilder;
pub use keyed::{KeyCounts, Keyed};
pub use permit::Permit;
pub use registered::BreakerSite;
#[cfg(feature = "persistence")]
pub(crate) use saved::{Saved, Since};
pub use snapshot::{CircuitBreakerSnapshot, Probes, Totals};

use crate::error::{Failure, Name, OpenReason, Rejection};
use crate::event::{Bus, Ended, Event, Runs, Topic, Transition};
use crate::outcome::Outcome;
use crate::registry::Policy;
use crate::sync::{AtomicSetting, Count, RwLock, read, write};
use crate::time::{self, COARSE_ERROR_MILLIS, Timestamp};
use crate::window::{Counter, Finished, Shard, Standing, Window, WindowCounts};
use keyed::{Keys, SlotPast};
use live::{Live, Verdict};
use once_cell::sync::OnceCell;
use opening::{LastOpening, Opening, PackedReason};
use permit::{Admitted, Refused};
use resilience_config::{CircuitBreakerConfig, CircuitBreakerSettings, ConfigError, Mode};
use state::{AtomicWord, Due, Phase, Word};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use teeth::Teeth;

/// What a circuit breaker does with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum State {
    /// Calls pass and are counted.
    Closed,
    /// Calls are rejected until `open_for` is over.
    Open,
    /// A few probes pass and decide.
    HalfOpen,
    /// Calls are rejected until somebody says otherwise.
    ForcedOpen,
    /// It decides, records and emits, and rejects nothing.
    Monitoring,
    /// It does nothing.
    Disabled,
}

impl State {
    /// The word used in events, metrics and snapshots: `closed`, `open`, `half_open`, `forced_open`, `monitoring`, `disabled`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::ForcedOpen => "forced_open",
            Self::Monitoring => "monitoring",
            Self::Disabled => "disabled",
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The rule of `trip_if`.
pub(crate) type TripIf = fn(&WindowCounts) -> bool;

/// Stops calling what keeps failing, and finds out when it works again.
///
/// ```text
///                 rate, row or rule
///      ┌────────┐ ─────────────────▶ ┌──────┐
///      │ closed │                    │ open │ ◀─┐
///      └────────┘ ◀──┐               └──────┘   │ too many probes failed, or one
///                    │ enough probes    │       │ did not answer in half_open_timeout
///                    │ succeeded        │ first call after open_for
///                    │           ┌───────────┐  │
///                    └───────────│ half-open │──┘
///                                └───────────┘
/// ```
///
/// * **Closed**: calls pass and are counted in the window. After each outcome the rules are asked: `failure_rate` and
///   `slow_call_rate` once `minimum_calls` are in the window, `consecutive_failures`, `trip_if`.
/// * **Open**: calls are rejected with the reason and the time to wait. The window is frozen as it was.
/// * **Half-open**: `half_open_calls` probes pass, the rest is rejected. Their outcomes are in no window.
/// * **Forced open**, **disabled** and **monitoring** are entered by hand or by `mode` and stay until told otherwise.
///
/// # What each number counts
///
/// [`Totals`] only grow; [`WindowCounts`] are what the rules are asked about.
///
/// | total | what |
/// |---|---|
/// | `successes` | calls that succeeded, probes among them |
/// | `failures` | calls that failed, probes and panics among them |
/// | `slow` | of those, the ones longer than `slow_call` |
/// | `ignored` | calls whose end says nothing about the dependency |
/// | `cancelled` | calls that were dropped before their end |
/// | `panicked` | failures by a panic of the body |
/// | `stale` | ends that came after the state in which the call was admitted; they are in no other total |
/// | `rejected` | calls that were not admitted |
///
/// Every admitted call ends in exactly one of `successes`, `failures`, `ignored`, `cancelled` and `stale`. A disabled breaker
/// counts nothing.
///
/// # Without the attribute
///
/// Usually it stands behind `#[circuit_breaker]`; everything that does can be done without the attribute:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use resilience_runtime::{CircuitBreaker, Failure};
///
/// let breaker = CircuitBreaker::builder("payment").consecutive_failures(2).build()?;
/// for _ in 0..2 {
///     let _ = breaker.call(async { Err::<(), _>("unreachable") }).await;
/// }
/// let answer = breaker.call(async { Ok::<_, &str>("paid") }).await;
/// let Err(Failure::Rejected(rejection)) = answer else { panic!("it is open") };
/// assert!(rejection.to_string().starts_with("circuit breaker `payment` is open: 2 calls in a row failed; try again in"));
/// # Ok(()) }
/// ```
pub struct CircuitBreaker {
    word: AtomicWord,
    /// Why every outcome has to be judged, for which the window is kept armed: `TRIP_IF`, `TELL_OUTCOMES`.
    judge_all: AtomicSetting,
    live: Live,
    window: Window,
    last_opening: LastOpening,
    /// Calls that a monitoring breaker let pass and an enforcing one would have rejected.
    would_reject: Count,
    trip_if: RwLock<Option<TripIf>>,
    teeth: Teeth,
    max_keys: AtomicSetting,
    name: Name,
    bus: Arc<Bus>,
    /// The breakers of its keys, once it was called with one.
    keys: OnceCell<Box<Keys>>,
    /// Of a breaker that belongs to a key: which, and what it had counted for the keys before.
    past: Option<Box<Mutex<SlotPast>>>,
}

/// There is a `trip_if`.
const TRIP_IF: u64 = 1;
/// Somebody wants to know of each call that ends.
const TELL_OUTCOMES: u64 = 2;

/// The clock as a call reads it, so that models can put one in.
pub(crate) trait Clock: Copy {
    /// Milliseconds, a little behind at times.
    fn coarse_millis(self) -> u64;
    /// Nanoseconds.
    fn precise_nanos(self) -> u64;

    fn precise_millis(self) -> u64 {
        self.precise_nanos() / 1_000_000
    }

    /// The beginning of something that must not end early.
    fn precise_millis_up(self) -> u64 {
        self.precise_nanos().div_ceil(1_000_000)
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Present;

impl Clock for Present {
    #[inline]
    fn coarse_millis(self) -> u64 {
        time::coarse_millis()
    }

    fn precise_nanos(self) -> u64 {
        time::precise_nanos()
    }
}

impl CircuitBreaker {
    /// A breaker of that name, to be configured with the keys of the attribute.
    pub fn builder(name: impl Into<Name>) -> CircuitBreakerBuilder {
        CircuitBreakerBuilder::new(name.into())
    }

    pub(crate) fn new(name: Name, settings: &CircuitBreakerSettings, trip_if: Option<TripIf>, bus: Arc<Bus>) -> Self {
        Self::new_at(name, settings, trip_if, bus, time::precise_millis())
    }

    fn new_at(name: Name, settings: &CircuitBreakerSettings, trip_if: Option<TripIf>, bus: Arc<Bus>, now: u64) -> Self {
        let window = Window::new(live::span(settings), settings.slow_call.is_some());
        let judge_all =
            if trip_if.is_some() { TRIP_IF } else { 0 } | if bus.wants(Topic::Outcome) { TELL_OUTCOMES } else { 0 };
        if judge_all != 0 {
            window.arm();
        }
        Self {
            word: AtomicWord::new(initial(settings.mode, now)),
            judge_all: AtomicSetting::new(judge_all),
            live: Live::new(settings),
            window,
            last_opening: LastOpening::new(),
            would_reject: Count::new(),
            trip_if: RwLock::new(trip_if),
            teeth: Teeth::new(settings.mode),
            max_keys: AtomicSetting::new(u64::from(settings.max_keys)),
            name,
            bus,
            keys: OnceCell::new(),
            past: None,
        }
    }

    /// The name, as rejections, events and snapshots give it. That of a key's breaker is `name/key`, and changes when the breaker is
    /// given to another key.
    pub fn name(&self) -> Name {
        self.slot_name().unwrap_or_else(|| self.name.clone())
    }

    /// Asks to make one call. The permit wants to know how it ended; dropped without, the call counts as cancelled.
    ///
    /// # Errors
    ///
    /// [`Rejection::CircuitOpen`] while the breaker is open, forced open, or half-open with all probes under way.
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_>, Rejection> {
        self.admit(Present).map_err(Rejection::from)
    }

    /// As [`try_acquire`](Self::try_acquire), and leaves it to the caller whether a rejection counts.
    ///
    /// What is not closed answers in words of its own, which are made into a permit here: a permit that comes out of another function is
    /// written word by word and read in larger pieces, for which a processor waits.
    #[inline]
    fn admit(&self, clock: impl Clock) -> Result<Permit<'_>, Refused<'_>> {
        let word = self.word.load();
        if word.is_plainly_closed() {
            return Ok(Permit::new(self, Admitted::Closed(word), self.call_begins(clock)));
        }
        match self.ask_unless_closed(clock) {
            Ok((admitted, began)) => Ok(Permit::new(self, admitted, began)),
            Err((retry_after_millis, reason)) => Err(Refused { breaker: self, retry_after_millis, reason }),
        }
    }

    #[inline]
    fn count_rejection(&self, shard: Shard) {
        self.window.count(shard, Counter::Rejected);
    }

    /// Makes one call through the breaker; every `Err` counts as a failure.
    ///
    /// Dropping the returned future drops `call` at once; nothing keeps running behind it.
    ///
    /// # Errors
    ///
    /// The call's own error, or the rejection.
    pub async fn call<T, E>(&self, call: impl Future<Output = Result<T, E>>) -> Result<T, Failure<E>> {
        self.call_judged(call, |_| Outcome::Failure).await
    }

    /// As [`call`](Self::call), with `judge` to say how an error is to be taken.
    ///
    /// # Errors
    ///
    /// The call's own error, or the rejection.
    pub async fn call_judged<T, E>(
        &self,
        call: impl Future<Output = Result<T, E>>,
        judge: impl FnOnce(&E) -> Outcome,
    ) -> Result<T, Failure<E>> {
        self.try_acquire().map_err(Failure::Rejected)?.run(call, judge).await
    }

    /// As [`call`](Self::call), for a call that is not async.
    ///
    /// # Errors
    ///
    /// The call's own error, or the rejection.
    pub fn call_sync<T, E>(&self, call: impl FnOnce() -> Result<T, E>) -> Result<T, Failure<E>> {
        let permit = self.try_acquire().map_err(Failure::Rejected)?;
        let result = permit.watch_call(call);
        permit.record(if result.is_ok() { Outcome::Success } else { Outcome::Failure });
        result.map_err(Failure::Call)
    }

    /// What it does with calls now. Reading it changes nothing: an open breaker whose time is over is open until the next call.
    pub fn state(&self) -> State {
        state_of(self.word.load())
    }

    /// As they are in force.
    pub(super) fn settings(&self) -> CircuitBreakerSettings {
        let mut settings = CircuitBreakerConfig::new().resolve();
        self.live.read_into(&mut settings);
        settings.window = live::window(self.window.span());
        settings.mode = self.teeth.mode();
        settings.max_keys = u32::try_from(self.max_keys.get()).unwrap_or(u32::MAX);
        settings
    }

    #[inline]
    fn call_begins(&self, clock: impl Clock) -> u64 {
        if self.live.slow_call_nanos() == 0 { 0 } else { clock.precise_nanos() }
    }

    /// As what a call is admitted and when it begins, or how long to wait and why.
    fn ask_unless_closed(&self, clock: impl Clock) -> Result<(Admitted, u64), (Option<u64>, PackedReason)> {
        loop {
            let word = self.word.load();
            let admitted = match word.phase() {
                Phase::Closed => Admitted::Closed(word),
                Phase::Disabled => return Ok((Admitted::Uncounted, 0)),
                Phase::Forced => return self.reject(word, None),
                Phase::Open => {
                    let rule = self.live.open_rule();
                    let coarse = clock.coarse_millis();
                    let due = word.probe_due(coarse, &rule);
                    if coarse + COARSE_ERROR_MILLIS < due {
                        return self.reject(word, Some(due - coarse));
                    }
                    let now = clock.precise_millis();
                    if now < due {
                        return self.reject(word, Some(due - now));
                    }
                    let half_open = word.transition_to_half_open(now);
                    if !self.enter(word, half_open, now, None) {
                        continue;
                    }
                    Admitted::Probe(half_open.generation())
                }
                Phase::HalfOpen => {
                    let (rule, now) = (self.live.half_open_rule(), clock.precise_millis());
                    if self.follow_due(word, now) {
                        continue;
                    }
                    let Some(joined) = word.admit_probe(now, &rule) else {
                        return self.reject(word, Some(word.ask_again_in(now, &rule, &self.live.open_rule())));
                    };
                    if !self.word.exchange(word, joined) {
                        continue;
                    }
                    Admitted::Probe(joined.generation())
                }
            };
            return Ok((admitted, self.call_begins(clock)));
        }
    }

    /// A monitoring breaker lets pass what it would have rejected; one that enforces a share, the rest of it.
    #[inline]
    fn reject(
        &self,
        word: Word,
        retry_after_millis: Option<u64>,
    ) -> Result<(Admitted, u64), (Option<u64>, PackedReason)> {
        if word.monitored() || word.phase() != Phase::Forced && !self.teeth.bites() {
            self.would_reject.increment();
            return Ok((Admitted::Unjudged, 0));
        }
        Err((retry_after_millis, self.reason_of(word)))
    }

    /// Why it lets nothing through in the state of `word`.
    #[inline]
    fn reason_of(&self, word: Word) -> PackedReason {
        match self.last_opening.read_reason() {
            // Of a half-open breaker, whichever opening came before it.
            Some((generation, reason)) if word.phase() == Phase::HalfOpen || generation == word.generation() => reason,
            _ if word.phase() == Phase::Forced => OpenReason::Forced.into(),
            _ => OpenReason::JustOpened.into(),
        }
    }

    /// Records a success that was admitted in that closed state, if that is all there is to do.
    #[inline(always)]
    fn record_calm_success(&self, shard: Shard, clock: impl Clock, closed: Word) -> bool {
        self.word.load() == closed
            && self.window.count_calm_success(shard, closed.closed_generation(), || clock.coarse_millis())
    }

    /// Records the end of a call that this breaker admitted.
    fn record(&self, shard: Shard, clock: impl Clock, admitted: Admitted, outcome: Outcome, began: u64) {
        let failed = match outcome {
            Outcome::Success => false,
            Outcome::Failure => true,
            Outcome::Ignored => return self.release(shard, clock, admitted, Counter::Ignored),
        };
        let slow = self.is_slow(clock, began);
        match admitted {
            Admitted::Closed(word) => {
                let now = self.word.load();
                if now != word && !(now.phase() == Phase::Closed && now.generation() == word.generation()) {
                    return self.count_stale(shard);
                }
                let finished = Finished { failed, slow };
                let standing = self.window.settle(shard, word.generation(), || clock.coarse_millis(), finished);
                if let Some(standing) = standing {
                    self.judge(now, standing, clock);
                    self.tell_judged(failed);
                }
            }
            Admitted::Probe(generation) => self.record_probe(shard, clock, generation, Finished { failed, slow }),
            Admitted::Unjudged => self.count_stale(shard),
            Admitted::Uncounted => {}
        }
    }

    fn is_slow(&self, clock: impl Clock, began: u64) -> bool {
        let limit = self.live.slow_call_nanos();
        if limit == 0 || began == 0 {
            return false;
        }
        let took = clock.precise_nanos().saturating_sub(began);
        if took > limit {
            self.tell_slow_call(took, limit);
        }
        took > limit
    }

    /// A call is over without a verdict: counted, and a probe's place given back.
    fn release(&self, shard: Shard, clock: impl Clock, admitted: Admitted, counter: Counter) {
        if admitted != Admitted::Uncounted {
            self.window.count(shard, counter);
            self.tell_ended(if counter == Counter::Ignored { Ended::Ignored } else { Ended::Cancelled });
        }
        if let Admitted::Probe(generation) = admitted {
            self.answer(generation, clock, None);
        }
    }

    #[cold]
    fn count_stale(&self, shard: Shard) {
        self.window.count(shard, Counter::Stale);
        self.tell_ended(Ended::Stale);
    }

    #[cold]
    #[inline(never)]
    fn tell_ended(&self, ended: Ended) {
        self.bus.emit(Topic::Outcome, || Event::Outcome { name: self.name(), ended, at: Timestamp::now() });
    }

    #[cold]
    fn tell_slow_call(&self, took: u64, limit: u64) {
        let [took, limit] = [took, limit].map(Duration::from_nanos);
        self.bus.emit(Topic::SlowCall, || Event::SlowCall { name: self.name(), took, limit, at: Timestamp::now() });
    }

    /// Of a call that was admitted while closed. The switch is in a word that such a call reads anyway, and in every breaker: the bus is another
    /// line of memory.
    #[cold]
    fn tell_judged(&self, failed: bool) {
        if self.judge_all.get() & TELL_OUTCOMES == 0 {
            return;
        }
        if self.bus.wants(Topic::Outcome) {
            return self.tell_ended(if failed { Ended::Failed } else { Ended::Succeeded });
        }
        // Nobody wants to know any more. Whoever has come meanwhile has either set the switch after this, or is seen by now.
        self.judge_all.change(|why| why & !TELL_OUTCOMES);
        if self.bus.wants(Topic::Outcome) {
            self.tell_outcomes();
        }
    }

    /// From now on, of this one and of its keys.
    pub(crate) fn tell_outcomes(&self) {
        self.judge_all.change(|why| why | TELL_OUTCOMES);
        self.window.arm();
        self.for_each_slot(Self::tell_outcomes);
    }

    #[cold]
    fn judge(&self, word: Word, standing: Standing, clock: impl Clock) {
        let Standing { counts, row } = standing;
        let WindowCounts { calls, failures, slow } = counts;
        let verdict = self.live.judge(counts);
        let judge_all = || self.judge_all.get() != 0;
        self.window.rearm(verdict == Verdict::Pending || judge_all(), || {
            let counts = self.window.counts(word.generation(), clock.coarse_millis());
            self.live.judge(counts) != Verdict::Calm || judge_all()
        });
        let reason = match verdict {
            Verdict::FailureRate => OpenReason::FailureRate { failures, calls },
            Verdict::SlowCallRate => OpenReason::SlowCallRate { slow, calls },
            _ if self.live.is_too_long_a_row(row) => OpenReason::ConsecutiveFailures { failures: row },
            _ if self.trip_if_says_so(&counts) => OpenReason::TripIf { failures, calls },
            _ => return,
        };
        self.trip(word, reason, counts, clock.precise_millis_up());
    }

    fn trip_if_says_so(&self, counts: &WindowCounts) -> bool {
        if self.judge_all.get() & TRIP_IF == 0 {
            return false;
        }
        // Copied out: the user's function runs under no lock.
        let trip_if = *read(&self.trip_if);
        let Some(trip_if) = trip_if else { return false };
        if std::thread::panicking() {
            // The call's own panic is on its way out, and a second one would end the process.
            return std::panic::catch_unwind(|| trip_if(counts)).unwrap_or(false);
        }
        trip_if(counts)
    }

    /// Closed to open, unless the generation is over.
    fn trip(&self, closed: Word, reason: OpenReason, frozen: WindowCounts, now: u64) {
        let open = Word::open(closed.entering(now), 0, self.jitter(), closed.monitored());
        if self.word.exchange(closed, open) {
            self.last_opening.write(Opening { generation: open.generation(), reason, frozen });
            self.announce(closed, open, Some(reason), now);
            return;
        }
        // `monitor` or `enforce` may have come between, which changes no generation.
        let now_closed = self.word.load();
        if now_closed.phase() == Phase::Closed && now_closed.generation() == closed.generation() {
            self.trip(now_closed, reason, frozen, now);
        }
    }

    fn record_probe(&self, shard: Shard, clock: impl Clock, generation: u64, finished: Finished) {
        // A slow probe says that the dependency has not recovered.
        let succeeded = !finished.failed && !finished.slow;
        if !self.answer(generation, clock, Some(succeeded)) {
            return self.count_stale(shard);
        }
        self.tell_ended(if finished.failed { Ended::Failed } else { Ended::Succeeded });
        self.window.count(shard, if finished.failed { Counter::Failed } else { Counter::Ok });
        if finished.slow {
            self.window.count(shard, Counter::Slow);
        }
    }

    /// Takes a probe's answer into the half-open state, or its place back; whether it came in time.
    fn answer(&self, generation: u64, clock: impl Clock, succeeded: Option<bool>) -> bool {
        loop {
            let word = self.word.load();
            if word.phase() != Phase::HalfOpen || word.generation() != generation {
                return false;
            }
            let now = clock.precise_millis();
            if self.follow_due(word, now) {
                continue;
            }
            let answered = word.release_probe(now, succeeded);
            let entered = match answered.due(now, &self.live.half_open_rule()) {
                Due::Nothing => self.word.exchange(word, answered),
                due => self.enter_due(word, due, clock.precise_millis_up()),
            };
            if entered {
                return true;
            }
        }
    }

    /// Half-open: lets happen what time or a changed rule has made due. Whether there was something; the word is to be loaded again then.
    fn follow_due(&self, half_open: Word, now: u64) -> bool {
        match half_open.due(now, &self.live.half_open_rule()) {
            Due::Nothing => false,
            due => {
                self.enter_due(half_open, due, now);
                true
            }
        }
    }

    fn enter_due(&self, half_open: Word, due: Due, now: u64) -> bool {
        let monitored = half_open.monitored();
        let reopen = |at: u64| Word::open(half_open.entering(at), half_open.openings() + 1, self.jitter(), monitored);
        match due {
            Due::Nothing => false,
            Due::Close => self.enter(half_open, Word::closed(half_open.entering_closed(now), monitored), now, None),
            Due::ReopenFailed { failures } => {
                self.enter(half_open, reopen(now), now, Some(OpenReason::ProbesFailed { failures }))
            }
            Due::ReopenTimedOut { at } => self.enter(half_open, reopen(at), at, Some(OpenReason::ProbeTimedOut)),
        }
    }

    /// Enters a state other than by tripping, unless somebody was faster.
    fn enter(&self, from: Word, to: Word, at: u64, reason: Option<OpenReason>) -> bool {
        let entered = self.enter_quietly(from, to, at, reason);
        if entered {
            self.announce(from, to, reason, at);
        }
        entered
    }

    fn enter_quietly(&self, from: Word, to: Word, at: u64, reason: Option<OpenReason>) -> bool {
        // What the window was when the breaker opened stays readable until it closes.
        let frozen = if reason.is_some() { self.frozen(from, at) } else { WindowCounts::default() };
        if !self.word.exchange(from, to) {
            return false;
        }
        if let Some(reason) = reason {
            self.last_opening.write(Opening { generation: to.generation(), reason, frozen });
        }
        true
    }

    /// The window as it stands in the state of `word`.
    fn frozen(&self, word: Word, now: u64) -> WindowCounts {
        match word.phase() {
            Phase::Closed => self.window.counts(word.generation(), now),
            Phase::Disabled => WindowCounts::default(),
            _ => self.last_opening.read().map_or_else(WindowCounts::default, |opening| opening.frozen),
        }
    }

    /// Under no lock: what listens is the user's.
    fn announce(&self, from: Word, to: Word, reason: Option<OpenReason>, at: u64) {
        self.keep(Topic::Transition, || {
            let monitored = from.monitored() && to.monitored();
            // A monitoring breaker's own moves are told as what they would have been.
            let state = |word: Word| if monitored { state_of(word.with_monitored(false)) } else { state_of(word) };
            let at = Timestamp::from_millis(at);
            Event::Transition(Transition { name: self.name(), from: state(from), to: state(to), reason, monitored, at })
        });
    }

    /// Tells a rare event, which the registry keeps. That of a key's breaker is kept under the name of all of them.
    fn keep(&self, topic: Topic, event: impl FnOnce() -> Event) {
        let in_registry = self.teeth.is_in_registry();
        if in_registry || self.bus.wants(topic) {
            crate::event::keep(&self.bus, in_registry.then_some(&self.name), &event(), || self.runs_alone());
        }
    }

    /// With keys, the sum over all of them is known only to whoever waits for the lock.
    fn runs_alone(&self) -> Option<Runs> {
        (self.past.is_none() && self.keys.get().is_none()).then(|| self.counted().runs(0))
    }

    /// This opening's share of `open_jitter`.
    fn jitter(&self) -> u64 {
        if self.live.open_rule().jitter == 0.0 {
            return 0;
        }
        use std::hash::{BuildHasher, Hasher};
        // Seeded by the system for every state, which is often enough for an opening.
        std::hash::RandomState::new().build_hasher().finish()
    }
}

fn initial(mode: Mode, since: u64) -> Word {
    match mode {
        Mode::Enforce => Word::closed(since, false),
        Mode::Monitor => Word::closed(since, true),
        Mode::Off => Word::disabled(since),
    }
}

fn state_of(word: Word) -> State {
    match word.phase() {
        _ if word.monitored() => State::Monitoring,
        Phase::Closed => State::Closed,
        Phase::Open => State::Open,
        Phase::HalfOpen => State::HalfOpen,
        Phase::Forced => State::ForcedOpen,
        Phase::Disabled => State::Disabled,
    }
}

impl std::fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CircuitBreaker")
            .field("name", &self.name())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
