//! The circuit breaker itself: what it is made of, and what can be read from it.

use super::cold::{Cold, ColdParts};
use super::enforcement::Enforcement;
use super::in_flight::InFlight;
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
use crate::window::{Counter, TimesKept, Window, WindowCounts};
use resilience_config::CircuitBreakerSettings;
use std::sync::Arc;

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
// Laid out by who writes, for cache lines of 64 bytes and addresses of 8. On a machine of others it is as right, and may be slower.
#[repr(C, align(64))]
pub struct CircuitBreaker {
    // Two lines that are read when a call is rejected or judged.
    pub(super) name: Name,
    pub(super) emitter: Emitter,
    pub(super) times: TimesKept,
    pub(super) settings: Settings<CircuitBreakerSettings, WORDS>,
    // One line that every call reads: the last word of the settings, the state, and what the window begins with; between them what a rejection reads. The counters follow, a line each, and what failures write.
    pub(super) cold: Cold,
    pub(super) word: AtomicWord,
    pub(super) window: Window,
    pub(super) in_flight: InFlight,
    pub(super) enforcement: Enforcement,
    /// Why every outcome has to be judged, for which the window is kept armed: `TRIP_IF`, `TELL_OUTCOMES`.
    pub(super) judge_all: AtomicSetting,
    pub(super) trip_if: Option<TripIf>,
    pub(super) of_keys: OfKeys<Self>,
}

/// There is a `trip_if`.
pub(super) const TRIP_IF: u64 = 1;
/// Somebody reads how each call ended.
pub(super) const TELL_OUTCOMES: u64 = 2;

impl CircuitBreaker {
    pub(crate) fn new(name: Name, settings: CircuitBreakerSettings, trip_if: Option<TripIf>, emitter: Emitter) -> Self {
        let breaker = Self::new_at(name, settings, trip_if, emitter, time::precise_millis());
        if settings.latency {
            breaker.times.begin(&breaker.times);
        }
        breaker
    }

    pub(super) fn new_at(
        name: Name,
        settings: impl Into<Arc<CircuitBreakerSettings>>,
        trip_if: Option<TripIf>,
        emitter: Emitter,
        now: u64,
    ) -> Self {
        let settings = settings.into();
        let window = Window::new(span(&settings), settings.slow_call.is_some());
        let tells = emitter.is_read(Topic::Outcome);
        let judge_all = if trip_if.is_some() { TRIP_IF } else { 0 } | if tells { TELL_OUTCOMES } else { 0 };
        if judge_all != 0 {
            window.arm();
        }
        Self {
            name,
            emitter,
            times: TimesKept::new(),
            cold: Cold::new(),
            word: AtomicWord::new(Word::initial(settings.mode, now)),
            window,
            in_flight: InFlight::new(),
            enforcement: Enforcement::new(settings.mode),
            judge_all: AtomicSetting::new(judge_all),
            trip_if,
            settings: Settings::new(settings),
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
        let cold = |count: fn(&ColdParts) -> &Count| self.cold.get().map_or(0, |parts| count(parts).get());
        Totals {
            successes: total(Counter::Ok),
            failures: total(Counter::Failed),
            slow: total(Counter::Slow),
            ignored: total(Counter::Ignored),
            cancelled: total(Counter::Cancelled),
            abandoned: total(Counter::Abandoned),
            panicked: cold(|parts| &parts.panicked),
            stale: cold(|parts| &parts.stale),
            rejected: total(Counter::Rejected),
            would_reject: cold(|parts| &parts.would_reject),
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

#[cfg(all(test, target_pointer_width = "64", not(resilience_loom)))]
mod tests {
    use super::*;
    use std::mem::offset_of;

    /// A line that one thread writes is taken from those who read it, or write beside it.
    #[test]
    fn what_every_call_reads_is_one_cache_line_and_nobody_else_writes_into_it_or_into_a_counters() {
        let lines = |within: usize, places: &[usize]| {
            let of = places.iter().map(|place| (within + place) / 64);
            of.collect::<std::collections::BTreeSet<_>>()
        };
        let window = offset_of!(CircuitBreaker, window);
        let (last_word, whole) = Settings::<CircuitBreakerSettings, WORDS>::LAST_WORD_AND_LOCK_AT;
        let last_word = offset_of!(CircuitBreaker, settings) + last_word;
        let read = lines(0, &[last_word, offset_of!(CircuitBreaker, cold), offset_of!(CircuitBreaker, word)]);
        let read: Vec<_> = read.union(&lines(window, &Window::READ_AT)).copied().collect();
        assert_eq!(read.len(), 1, "{read:?}");

        let counters = window + Window::COUNTERS_AT.start..window + Window::COUNTERS_AT.end;
        assert_eq!((counters.start % 64, counters.end % 64), (0, 0), "{counters:?}");
        let written = [
            offset_of!(CircuitBreaker, settings) + whole,
            offset_of!(CircuitBreaker, in_flight),
            offset_of!(CircuitBreaker, enforcement),
        ];
        let written = lines(0, &written).union(&lines(window, &Window::WRITTEN_AT)).copied().collect::<Vec<_>>();
        let apart = |line: &usize| *line != read[0] && !(counters.start / 64..counters.end / 64).contains(line);
        assert!(written.iter().all(apart), "{written:?}, {read:?} and {counters:?}");
        assert_eq!(align_of::<CircuitBreaker>(), 64);
    }
}
