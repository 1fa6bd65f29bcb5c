//! The circuit breaker.
//!
//! What it does is told at [`CircuitBreaker`].
//!
//! # Where things are
//!
//! `state` is the atomic word and its transitions; `live` the settings in force; `opening` why it opened; `permit` the
//! right to make one call, from admission to outcome; `keyed` one breaker a key; `registered` what the registry needs. Counting is in `crate::window`. The orderings are argued in
//! `state`, `crate::tagged` and `crate::window`.

mod builder;
mod keyed;
mod live;
mod opening;
mod permit;
mod registered;
mod snapshot;
mod state;

#[cfg(all(test, resilience_loom))]
mod models;

pub use builder::CircuitBreakerBuilder;
pub use keyed::{KeyCounts, Keyed};
pub use permit::Permit;
pub use registered::BreakerSite;
pub use snapshot::{CircuitBreakerSnapshot, Probes, Totals};

use crate::error::{Failure, Name, OpenReason, Rejection};
use crate::event::{Bus, Event, Transition};
use crate::outcome::Outcome;
use crate::sync::{Count, RwLock, Setting, read, write};
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
    /// Whether `trip_if` is set, so that nobody need ask the lock.
    has_trip_if: Setting,
    live: Live,
    window: Window,
    last_opening: LastOpening,
    /// Calls that a monitoring breaker let pass and an enforcing one would have rejected.
    would_reject: Count,
    trip_if: RwLock<Option<TripIf>>,
    mode: Setting,
    max_keys: Setting,
    name: Name,
    bus: Arc<Bus>,
    /// The breakers of its keys, once it was called with one.
    keys: OnceCell<Box<Keys>>,
    /// Of a breaker that belongs to a key: which, and what it had counted for the keys before.
    past: Option<Box<Mutex<SlotPast>>>,
}

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
        window.arm(trip_if.is_some());
        Self {
            word: AtomicWord::new(initial(settings.mode, now)),
            has_trip_if: Setting::new(u64::from(trip_if.is_some())),
            live: Live::new(settings),
            window,
            last_opening: LastOpening::new(),
            would_reject: Count::new(),
            trip_if: RwLock::new(trip_if),
            mode: Setting::new(settings.mode as u64),
            max_keys: Setting::new(u64::from(settings.max_keys)),
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

    /// What it does with calls now. Reading it changes nothing: an open breaker whose time is over is open until the next call.
    pub fn state(&self) -> State {
        state_of(self.word.load())
    }

    /// As they are in force.
    pub(super) fn settings(&self) -> CircuitBreakerSettings {
        let mut settings = CircuitBreakerConfig::new().resolve();
        self.live.read_into(&mut settings);
        settings.window = live::window(self.window.span());
        settings.mode = self.mode();
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
                Phase::Disabled => Admitted::Uncounted,
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

    /// A monitoring breaker lets pass what it would have rejected.
    #[inline]
    fn reject(
        &self,
        word: Word,
        retry_after_millis: Option<u64>,
    ) -> Result<(Admitted, u64), (Option<u64>, PackedReason)> {
        if word.monitored() {
            self.would_reject.increment();
            return Ok((Admitted::Unjudged, 0));
        }
        Err((retry_after_millis, self.reason(word)))
    }

    /// Why a call is rejected in the state of `word`.
    #[inline]
    fn reason(&self, word: Word) -> PackedReason {
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
                    return self.window.count(shard, Counter::Stale);
                }
                let finished = Finished { failed, slow };
                let standing = self.window.settle(shard, word.generation(), || clock.coarse_millis(), finished);
                if let Some(standing) = standing {
                    self.judge(now, standing, clock);
                }
            }
            Admitted::Probe(generation) => self.record_probe(shard, clock, generation, Finished { failed, slow }),
            Admitted::Unjudged => self.window.count(shard, Counter::Stale),
            Admitted::Uncounted => {}
        }
    }

    fn is_slow(&self, clock: impl Clock, began: u64) -> bool {
        let limit = self.live.slow_call_nanos();
        limit != 0 && began != 0 && clock.precise_nanos().saturating_sub(began) > limit
    }

    /// A call is over without a verdict: counted, and a probe's place given back.
    fn release(&self, shard: Shard, clock: impl Clock, admitted: Admitted, counter: Counter) {
        if admitted != Admitted::Uncounted {
            self.window.count(shard, counter);
        }
        if let Admitted::Probe(generation) = admitted {
            self.answer(generation, clock, None);
        }
    }

    #[cold]
    fn judge(&self, word: Word, standing: Standing, clock: impl Clock) {
        let Standing { counts, row } = standing;
        let WindowCounts { calls, failures, slow } = counts;
        let verdict = self.live.judge(counts);
        self.window.arm(verdict == Verdict::Pending || self.has_trip_if.get() != 0);
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
        if self.has_trip_if.get() == 0 {
            return false;
        }
        // Copied out: the user's function runs under no lock.
        let trip_if = *read(&self.trip_if);
        trip_if.is_some_and(|trip_if| trip_if(counts))
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
            return self.window.count(shard, Counter::Stale);
        }
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
        // What the window was when the breaker opened stays readable until it closes.
        let frozen = if reason.is_some() { self.frozen(from, at) } else { WindowCounts::default() };
        if !self.word.exchange(from, to) {
            return false;
        }
        if let Some(reason) = reason {
            self.last_opening.write(Opening { generation: to.generation(), reason, frozen });
        }
        self.announce(from, to, reason, at);
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
        self.bus.emit(|| {
            let monitored = from.monitored() && to.monitored();
            // A monitoring breaker's own moves are told as what they would have been.
            let state = |word: Word| if monitored { state_of(word.with_monitored(false)) } else { state_of(word) };
            let at = Timestamp::from_millis(at);
            Event::Transition(Transition { name: self.name(), from: state(from), to: state(to), reason, monitored, at })
        });
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

/// By hand.
impl CircuitBreaker {
    /// Rejects every call until told otherwise. Forcing again restarts nothing.
    pub fn force_open(&self) {
        self.force_open_alone();
        self.for_each_slot(Self::force_open_alone);
    }

    fn force_open_alone(&self) {
        self.command(|word, now| match word.phase() {
            Phase::Forced => word,
            _ => Word::forced(word.entering(now)),
        });
    }

    /// Lets every call pass and counts nothing until told otherwise.
    pub fn disable(&self) {
        self.disable_alone();
        self.for_each_slot(Self::disable_alone);
    }

    fn disable_alone(&self) {
        self.command(|word, now| match word.phase() {
            Phase::Disabled => word,
            _ => Word::disabled(word.entering(now)),
        });
    }

    /// Decides, records and emits from now on, and rejects nothing. What is known stays: an open breaker goes on being open, and
    /// lets calls pass. One that was forced open or disabled closes.
    pub fn monitor(&self) {
        self.set_teeth_alone(true);
        self.for_each_slot(|slot| slot.set_teeth_alone(true));
    }

    /// Takes back [`force_open`](Self::force_open), [`disable`](Self::disable) or [`monitor`](Self::monitor): decides and rejects from now on. A breaker
    /// that was monitoring enforces what it has decided; one that was forced open or disabled closes.
    pub fn enforce(&self) {
        self.set_teeth_alone(false);
        self.for_each_slot(|slot| slot.set_teeth_alone(false));
    }

    fn set_teeth_alone(&self, monitored: bool) {
        self.command(|word, now| with_teeth(word, monitored, now));
    }

    /// Empties the window and begins anew, whatever the state: closed, or as `mode` says. Totals stay.
    pub fn reset(&self) {
        self.reset_alone();
        self.for_each_slot(Self::reset_alone);
    }

    fn reset_alone(&self) {
        self.command(|word, now| initial(self.mode(), word.entering_closed(now)));
    }

    /// Puts another configuration in force at once, with calls in flight and keeping what is known: the state, the window's newest outcomes, the
    /// totals. A count window that becomes a time window, or the other way round, starts empty.
    ///
    /// `mode` is followed where it differs from the one configured before; otherwise what was done by hand stays.
    /// `trip_if` stays as it is.
    ///
    /// # Errors
    ///
    /// The configuration's first mistake; nothing has changed then.
    pub fn reconfigure(&self, config: CircuitBreakerConfig) -> Result<(), ConfigError> {
        let has_trip_if = self.has_trip_if.get() != 0;
        let config = config.has_trip_if(has_trip_if);
        config.check()?;
        let settings = config.resolve();
        self.put_in_force(&settings);
        self.for_each_slot(|slot| slot.put_in_force(&settings));
        Ok(())
    }

    fn put_in_force(&self, settings: &CircuitBreakerSettings) {
        // Held to the end, so that two reconfigurations do not mix.
        let one_at_a_time = write(&self.trip_if);
        let now = time::precise_millis();
        self.window.resize(live::span(settings), settings.slow_call.is_some(), now);
        self.live.set(settings);
        // The next outcome is judged by the new rules, whatever it is.
        self.window.arm(true);
        self.max_keys.set(u64::from(settings.max_keys));
        let before = self.mode();
        self.mode.set(settings.mode as u64);
        drop(one_at_a_time);
        if before != settings.mode {
            match settings.mode {
                Mode::Enforce => self.set_teeth_alone(false),
                Mode::Monitor => self.set_teeth_alone(true),
                Mode::Off => self.disable_alone(),
            }
        }
        let word = self.word.load();
        if word.phase() == Phase::HalfOpen {
            // Under the new rule the probes so far may be enough.
            self.follow_due(word, now);
        }
    }

    fn mode(&self) -> Mode {
        [Mode::Enforce, Mode::Monitor, Mode::Off][self.mode.get() as usize]
    }

    fn command(&self, next: impl Fn(Word, u64) -> Word) {
        loop {
            let (from, now) = (self.word.load(), time::precise_millis());
            let to = next(from, now);
            if to == from {
                return;
            }
            let reason = (to.phase() == Phase::Forced).then_some(OpenReason::Forced);
            if self.enter(from, to, now, reason) {
                return;
            }
        }
    }
}

fn with_teeth(word: Word, monitored: bool, now: u64) -> Word {
    match word.phase() {
        Phase::Forced | Phase::Disabled => Word::closed(word.entering_closed(now), monitored),
        _ => word.with_monitored(monitored),
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
