//! The circuit breaker itself: what it is made of, and what can be read from it.

use super::cooling::Cooling;
use super::enforcement::Enforcement;
use super::in_flight::InFlight;
use super::last_error::ErrorKept;
use super::opening::{LastOpening, OwnTime};
use super::settings::{WORDS, span};
use super::state::{AtomicWord, Word};
use super::totals::Totals;
use crate::event::{Emitter, Topic};
use crate::keyed::{OfKeys, totals};
use crate::name::Name;
use crate::settings::Settings;
use crate::state::State;
use crate::sync::{AtomicSetting, Count};
use crate::time;
use crate::window::{Began, Counter, TimesKept, Window, WindowCounts};
use resilience_config::CircuitBreakerSettings;

/// The rule of `trip_if`.
pub(crate) type TripIf = fn(&WindowCounts) -> bool;

/// Stops calling what keeps failing, and finds out when it works again.
///
/// ```text
///                 rate, streak or rule
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
/// | `slow` | of those, the ones longer than `slow_call`, and calls that were dropped after it |
/// | `ignored` | calls whose end says nothing about the dependency |
/// | `cancelled` | calls that were dropped before their end |
/// | `abandoned` | calls that were dropped after their body had waited for `abandoned_after` |
/// | `panicked` | failures by a panic of the body |
/// | `stale` | ends that came after the state in which the call was admitted; they are in no other total |
/// | `rejected` | calls that were not admitted |
///
/// Every admitted call ends in exactly one of `successes`, `failures`, `ignored`, `cancelled`, `abandoned` and `stale`. A disabled breaker
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
/// assert!(rejection.to_string().starts_with("circuit breaker `payment` is open: 2 consecutive failures; try again in"));
/// # Ok(()) }
/// ```
pub struct CircuitBreaker {
    pub(super) word: AtomicWord,
    /// Why every outcome has to be judged, for which the window is kept armed: `TRIP_IF`, `TELL_OUTCOMES`.
    pub(super) judge_all: AtomicSetting,
    pub(super) settings: Settings<CircuitBreakerSettings, WORDS>,
    pub(super) window: Window,
    pub(super) streak_began: Began,
    pub(super) last_opening: LastOpening,
    pub(super) own_time: OwnTime,
    pub(super) cooling: Cooling,
    /// Calls that a monitoring breaker let pass and an enforcing one would have rejected.
    pub(super) would_reject: Count,
    pub(super) panicked: Count,
    pub(super) stale: Count,
    pub(super) trip_if: Option<TripIf>,
    pub(super) enforcement: Enforcement,
    pub(super) name: Name,
    pub(super) emitter: Emitter,
    pub(super) error_kept: ErrorKept,
    pub(super) times: TimesKept,
    pub(super) in_flight: InFlight,
    pub(super) of_keys: OfKeys<Self>,
}

/// There is a `trip_if`.
pub(super) const TRIP_IF: u64 = 1;
/// Somebody reads how each call ended.
pub(super) const TELL_OUTCOMES: u64 = 2;

impl CircuitBreaker {
    pub(crate) fn new(
        name: Name,
        settings: &CircuitBreakerSettings,
        trip_if: Option<TripIf>,
        emitter: Emitter,
    ) -> Self {
        let breaker = Self::new_at(name, settings, trip_if, emitter, time::precise_millis());
        if settings.latency {
            breaker.times.begin(&breaker.times);
        }
        breaker
    }

    pub(super) fn new_at(
        name: Name,
        settings: &CircuitBreakerSettings,
        trip_if: Option<TripIf>,
        emitter: Emitter,
        now: u64,
    ) -> Self {
        let window = Window::new(span(settings), settings.slow_call.is_some());
        let tells = emitter.is_read(Topic::Outcome);
        let judge_all = if trip_if.is_some() { TRIP_IF } else { 0 } | if tells { TELL_OUTCOMES } else { 0 };
        if judge_all != 0 {
            window.arm();
        }
        Self {
            word: AtomicWord::new(Word::initial(settings.mode, now)),
            judge_all: AtomicSetting::new(judge_all),
            settings: Settings::new(*settings),
            window,
            streak_began: Began::new(),
            last_opening: LastOpening::new(),
            own_time: OwnTime::new(),
            cooling: Cooling::new(),
            would_reject: Count::new(),
            panicked: Count::new(),
            stale: Count::new(),
            trip_if,
            enforcement: Enforcement::new(settings.mode),
            name,
            emitter,
            error_kept: ErrorKept::new(),
            times: TimesKept::new(),
            in_flight: InFlight::new(),
            of_keys: OfKeys::new(),
        }
    }

    /// The name, as rejections, events and snapshots give it. Those of its keys have it too.
    pub fn name(&self) -> Name {
        self.name.clone()
    }

    /// What it does with calls now. Reading it changes nothing: an open breaker whose time is over is open until the next call.
    ///
    /// With keys, each has a state of its own ([`of_key`](Self::of_key)); this is that of the breaker which keys share that have none. [`snapshot`](Self::snapshot) and the
    /// health say whether one of them is open.
    pub fn state(&self) -> State {
        self.word.load().state()
    }

    /// All that was counted since the breaker was built, or given to its key; of one with keys, the sum over all that it ever had.
    pub fn totals(&self) -> Totals {
        totals(self)
    }

    pub(super) fn counted(&self) -> Totals {
        let total = |counter| self.window.total(counter);
        Totals {
            successes: total(Counter::Ok),
            failures: total(Counter::Failed),
            slow: total(Counter::Slow),
            ignored: total(Counter::Ignored),
            cancelled: total(Counter::Cancelled),
            abandoned: total(Counter::Abandoned),
            panicked: self.panicked.get(),
            stale: self.stale.get(),
            rejected: total(Counter::Rejected),
            would_reject: self.would_reject.get(),
        }
    }

    /// From now on, of this one and of its keys.
    pub(crate) fn tell_outcomes(&self) {
        self.judge_all.change(|why| why | TELL_OUTCOMES);
        self.window.arm();
        self.of_keys.for_each_instance(Self::tell_outcomes);
    }
}

impl std::fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CircuitBreaker")
            .field("name", &self.name)
            .field("key", &self.key())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
