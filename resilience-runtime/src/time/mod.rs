//! The only clock: monotonic, never the wall clock, counted from an arbitrary origin before the process began.
//!
//! [`coarse_millis`] picks buckets and says "more than [`COARSE_ERROR`] away"; [`precise_nanos`] sets deadlines and has
//! the last word on them. On Linux the coarse clock is the kernel's tick (a vDSO read without the time-stamp counter, about a
//! fifth of the price), which lags by one tick: 1, 4 or 10 ms as the kernel was built. Elsewhere it is the precise clock.
//!
//! [`measured_nanos`] is for durations, where a microsecond does not matter and the price of a reading does: on Linux the processor's counter, held to the precise clock.
//!
//! With the feature `test-util` all are tokio's clock: paused, advanced or running. Each runtime's clock starts anew, so every runtime goes on from where the
//! thread that first asked in it had got to. A thread outside of runtimes has a line of its own, from where it had got to itself, on which real time passes: it stands
//! still beside no paused runtime. A new thread begins where the furthest other one is. Time never goes back.

mod alarm;

pub(crate) use alarm::Alarm;
use std::time::Duration;

/// How far the coarse clock may be behind the precise one: two ticks of the slowest kernel (100 Hz). It is never ahead, so
/// a wait that is read from it is rounded up.
pub(crate) const COARSE_ERROR_MILLIS: u64 = 20;

/// What is added to a coarse reading that must not lie before the present: nothing to tokio's clock, which is never behind.
pub(crate) const COARSE_UP_MILLIS: u64 = if cfg!(feature = "test-util") { 0 } else { COARSE_ERROR_MILLIS };

pub(crate) const NANOS_PER_MILLI: u64 = 1_000_000;

/// A moment on the library's monotonic clock.
///
/// It can be compared with others of the same process and says nothing about the wall clock. In JSON the wall clock's time stands beside it, as it would
/// have shown it then had it not been set since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    millis: u64,
}

impl Timestamp {
    /// The present moment, to the millisecond.
    pub fn now() -> Self {
        let nanos = precise_nanos();
        #[cfg(not(feature = "test-util"))]
        real::remember(nanos);
        Self { millis: nanos / NANOS_PER_MILLI }
    }

    /// Milliseconds since an arbitrary origin before the process began.
    pub const fn as_millis(self) -> u64 {
        self.millis
    }

    pub(crate) const fn from_millis(millis: u64) -> Self {
        Self { millis }
    }

    /// The time since then.
    pub fn elapsed(self) -> Duration {
        Self::now().duration_since(self)
    }

    /// The time since `earlier`; zero when that is later.
    pub fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.millis.saturating_sub(earlier.millis))
    }
}

/// Whole milliseconds passed: what a deadline in milliseconds is compared with.
pub(crate) fn precise_millis() -> u64 {
    precise_nanos() / NANOS_PER_MILLI
}

/// Milliseconds since 1970, for what has to outlive the process. It may be set, forward and back.
#[cfg(feature = "persistence")]
pub(crate) fn wall_clock_millis() -> u64 {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds of a time, rounded up: never early. In words: a rejection is made of it, and dividing two words takes longer than all the rest of that.
#[inline]
pub(crate) fn millis_up(duration: Duration) -> u64 {
    let of_the_rest = u64::from(duration.subsec_nanos()).div_ceil(NANOS_PER_MILLI);
    duration.as_secs().saturating_mul(1000).saturating_add(of_the_rest)
}

/// Nanoseconds of a configured time.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(not(feature = "test-util"))]
pub(crate) use real::{coarse_millis, precise_nanos};

/// Whether tokio's clock shows another time than the system's: in a test that pauses it, or has.
#[cfg(not(feature = "test-util"))]
pub(crate) fn is_tokios_paused() -> bool {
    use std::time::Instant;
    let (before, tokios, after) = (Instant::now(), tokio::time::Instant::now().into_std(), Instant::now());
    !(before..=after).contains(&tokios)
}

/// It is this one.
#[cfg(feature = "test-util")]
pub(crate) const fn is_tokios_paused() -> bool {
    false
}

#[cfg(feature = "test-util")]
pub(crate) use of_tokio::{coarse_millis, precise_nanos};

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(feature = "test-util"), not(resilience_loom)))]
mod counter;

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(feature = "test-util"), not(resilience_loom)))]
pub(crate) use counter::measured_nanos;

#[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(feature = "test-util"), not(resilience_loom))))]
pub(crate) use precise_nanos as measured_nanos;

#[cfg(all(not(feature = "test-util"), any(target_os = "linux", target_os = "android")))]
mod vdso;

/// The kernel's two clocks, which count from the same moment. Read without a detour: the coarse one is read by most calls, and what
/// `Instant` and others do around it costs as much as the reading.
#[cfg(all(not(feature = "test-util"), any(target_os = "linux", target_os = "android")))]
mod real {
    use super::NANOS_PER_MILLI;
    use super::vdso::clock_gettime;
    use crate::sync::Latest;
    use std::mem::MaybeUninit;

    /// Where the clocks were when somebody last wrote it down, for when none can be read any more.
    static LAST: Latest = Latest::new(3_600_000 * NANOS_PER_MILLI);

    /// `None` where the system refuses: an emulator may not have the clock, a sandbox may forbid to ask for it.
    #[inline]
    fn read(clock: libc::clockid_t) -> Option<(u64, u64)> {
        let mut now = MaybeUninit::<libc::timespec>::uninit();
        // SAFETY: all that it asks for is a place for a `timespec`, and this one lives on this frame.
        #[allow(unsafe_code)]
        let answer = unsafe { clock_gettime(clock, now.as_mut_ptr()) };
        if answer != 0 {
            return None;
        }
        // SAFETY: where it answers with zero, it has written the time there.
        #[allow(unsafe_code)]
        let libc::timespec { tv_sec, tv_nsec } = unsafe { now.assume_init() };
        // Neither is ever negative.
        Some((tv_sec as u64, tv_nsec as u64))
    }

    #[inline]
    fn read_nanos(clock: libc::clockid_t) -> Option<u64> {
        read(clock).map(|(seconds, nanos)| seconds * 1000 * NANOS_PER_MILLI + nanos)
    }

    pub(crate) fn precise_nanos() -> u64 {
        read_nanos(libc::CLOCK_MONOTONIC).unwrap_or_else(|| stand_in(read_nanos(libc::CLOCK_MONOTONIC_COARSE), &LAST))
    }

    #[inline]
    pub(crate) fn coarse_millis() -> u64 {
        match read(libc::CLOCK_MONOTONIC_COARSE) {
            Some((seconds, nanos)) => seconds * 1000 + nanos / NANOS_PER_MILLI,
            None => super::precise_millis(),
        }
    }

    /// What is read where the precise clock cannot be: the other one, or else the last that was seen of either. Time may stand still then, and is never back at zero.
    #[cold]
    fn stand_in(other: Option<u64>, last: &Latest) -> u64 {
        last.at_least(other.unwrap_or(0))
    }

    /// Whatever was read once was passed.
    pub(super) fn remember(nanos: u64) {
        LAST.at_least(nanos);
    }

    #[cfg(all(test, not(resilience_loom)))]
    mod tests {
        use super::*;

        #[test]
        fn a_clock_that_fails_is_replaced_and_time_is_never_zero_again() {
            let last = Latest::new(7);
            assert_eq!(stand_in(None, &last), 7);
            assert_eq!(stand_in(Some(20), &last), 20);
            assert_eq!(stand_in(Some(19), &last), 20, "one of two clocks may be behind the other");
            assert_eq!(stand_in(None, &last), 20);
        }

        #[test]
        fn a_clock_that_does_not_exist_is_told_from_one_at_zero() {
            assert_eq!(read(-1), None);
            assert!(read(libc::CLOCK_MONOTONIC).is_some() && read(libc::CLOCK_MONOTONIC_COARSE).is_some());
        }

        #[test]
        fn what_was_seen_is_remembered() {
            let now = crate::time::Timestamp::now();
            assert!(stand_in(None, &LAST) / NANOS_PER_MILLI >= now.as_millis());
        }
    }
}

#[cfg(all(not(feature = "test-util"), not(any(target_os = "linux", target_os = "android"))))]
mod real {
    use super::NANOS_PER_MILLI;
    use once_cell::sync::Lazy;
    use std::time::Instant;

    static ORIGIN: Lazy<Instant> = Lazy::new(Instant::now);

    pub(crate) fn precise_nanos() -> u64 {
        // Not from zero, so that a moment before it can be written down.
        3_600_000 * NANOS_PER_MILLI + u64::try_from(ORIGIN.elapsed().as_nanos()).unwrap_or(u64::MAX / 2)
    }

    pub(crate) fn coarse_millis() -> u64 {
        super::precise_millis()
    }

    pub(super) fn remember(_: u64) {}
}

#[cfg(feature = "test-util")]
mod of_tokio {
    use super::NANOS_PER_MILLI;
    use crate::sync::locked;
    use std::cell::Cell;
    use std::collections::HashMap;
    use std::sync::Mutex;
    use std::time::{Duration, Instant};
    use tokio::runtime::{Handle, Id};

    /// Which moment of ours one of another clock is.
    #[derive(Clone, Copy)]
    struct Timeline<Moment> {
        began: Moment,
        at: u64,
    }

    impl<Moment: Copy + std::ops::Sub<Output = Duration>> Timeline<Moment> {
        /// On a whole millisecond, so that a paused clock advanced by whole ones is exact.
        fn from(began: Moment, reached: u64) -> Self {
            Self { began, at: reached.next_multiple_of(NANOS_PER_MILLI) }
        }

        fn at(&self, now: Moment) -> u64 {
            self.at.saturating_add(u64::try_from((now - self.began).as_nanos()).unwrap_or(u64::MAX / 2))
        }
    }

    struct Lines {
        of_runtimes: HashMap<Id, Timeline<tokio::time::Instant>>,
        /// Of all threads outside of runtimes the one that is furthest ahead.
        outside: Timeline<Instant>,
        latest: u64,
    }

    static LINES: Mutex<Option<Lines>> = Mutex::new(None);

    /// How far a thread has got. Tests that run side by side advance clocks of their own, and must not age each other's breakers.
    #[derive(Clone, Copy)]
    struct Here {
        reached: u64,
        /// While it is outside of runtimes.
        outside: Option<Timeline<Instant>>,
    }

    thread_local! {
        static HERE: Cell<Option<Here>> = const { Cell::new(None) };
    }

    pub(crate) fn precise_nanos() -> u64 {
        let runtime = Handle::try_current().ok().map(|handle| handle.id());
        let (now, real) = (tokio::time::Instant::now(), Instant::now());
        let mut lines = locked(&LINES);
        let lines = lines.get_or_insert_with(|| {
            let latest = 3_600_000 * NANOS_PER_MILLI;
            Lines { of_runtimes: HashMap::new(), outside: Timeline { began: real, at: latest }, latest }
        });
        let begin = || Here { reached: lines.latest.max(lines.outside.at(real)), outside: None };
        let mut here = HERE.get().unwrap_or_else(begin);
        let moment = match runtime {
            Some(runtime) => {
                lines.of_runtimes.entry(runtime).or_insert_with(|| Timeline::from(now, here.reached)).at(now)
            }
            None => {
                // What was reached inside of a runtime has passed here too, and time goes on from there.
                let line = here.outside.filter(|line| line.at(real) >= here.reached);
                let line = line.unwrap_or_else(|| Timeline::from(real, here.reached));
                if line.at(real) > lines.outside.at(real) {
                    lines.outside = line;
                }
                here.outside = Some(line);
                line.at(real)
            }
        };
        lines.latest = lines.latest.max(moment);
        here.reached = here.reached.max(moment);
        HERE.set(Some(here));
        moment
    }

    pub(crate) fn coarse_millis() -> u64 {
        super::precise_millis()
    }
}
