//! The only clock: monotonic, never the wall clock, counted from an arbitrary origin before the process began.
//!
//! [`coarse_millis`] picks buckets and says "more than [`COARSE_ERROR`] away"; [`precise_nanos`] sets deadlines and has
//! the last word on them. On Linux the coarse clock is the kernel's tick (a vDSO read without the time-stamp counter, about a
//! fifth of the price), which lags by one tick: 1, 4 or 10 ms as the kernel was built. Elsewhere it is the precise clock.
//!
//! With the feature `test-util` both are tokio's clock: paused, advanced or running. Each runtime's clock starts anew, so
//! every runtime is mapped to where the thread that first asked in it had got to (or, a new thread, the latest runtime); time never
//! goes back.

use std::time::Duration;

/// How far the coarse clock may be behind the precise one: two ticks of the slowest kernel (100 Hz). It is never ahead, so
/// a wait that is read from it is rounded up.
pub(crate) const COARSE_ERROR_MILLIS: u64 = 20;

const NANOS_PER_MILLI: u64 = 1_000_000;

/// A moment on the library's monotonic clock.
///
/// It can be compared with others of the same process and says nothing about the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
pub struct Timestamp {
    millis: u64,
}

impl Timestamp {
    /// The present moment, to the millisecond.
    pub fn now() -> Self {
        Self { millis: precise_millis() }
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

/// Milliseconds of a configured time, rounded up: never early.
pub(crate) fn millis_up(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(u128::from(NANOS_PER_MILLI))).unwrap_or(u64::MAX)
}

/// Nanoseconds of a configured time.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(not(feature = "test-util"))]
pub(crate) use real::{coarse_millis, precise_nanos};

#[cfg(feature = "test-util")]
pub(crate) use of_tokio::{coarse_millis, precise_nanos};

/// The kernel's two clocks, which count from the same moment. Read without a detour: the coarse one is read by most calls, and what
/// `Instant` and others do around it costs as much as the reading.
#[cfg(all(not(feature = "test-util"), any(target_os = "linux", target_os = "android")))]
mod real {
    use super::NANOS_PER_MILLI;

    #[inline]
    fn read(clock: libc::clockid_t) -> (u64, u64) {
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: all that it asks for is a place for a `timespec`, and this one lives on this frame. It fails for clocks that do not exist,
        // and these two do since Linux 2.6.32; it would leave the zeros then.
        #[allow(unsafe_code)]
        unsafe {
            libc::clock_gettime(clock, &raw mut now);
        }
        // Neither is ever negative.
        (now.tv_sec as u64, now.tv_nsec as u64)
    }

    pub(crate) fn precise_nanos() -> u64 {
        let (seconds, nanos) = read(libc::CLOCK_MONOTONIC);
        seconds * 1000 * NANOS_PER_MILLI + nanos
    }

    pub(crate) fn coarse_millis() -> u64 {
        let (seconds, nanos) = read(libc::CLOCK_MONOTONIC_COARSE);
        seconds * 1000 + nanos / NANOS_PER_MILLI
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
}

#[cfg(feature = "test-util")]
mod of_tokio {
    use crate::sync::locked;
    use std::cell::Cell;
    use std::collections::HashMap;
    use std::sync::Mutex;
    use tokio::runtime::{Handle, Id};
    use tokio::time::Instant;

    struct Lines {
        /// Where each runtime's clock began, and which moment of ours that was. `None` is the world outside runtimes.
        began: HashMap<Option<Id>, (Instant, u64)>,
        latest: u64,
    }

    static LINES: Mutex<Option<Lines>> = Mutex::new(None);

    thread_local! {
        /// How far this thread has got. Tests that run side by side advance clocks of their own, and must not age each other's breakers.
        static HERE: Cell<Option<u64>> = const { Cell::new(None) };
    }

    pub(crate) fn precise_nanos() -> u64 {
        let runtime = Handle::try_current().ok().map(|handle| handle.id());
        let now = Instant::now();
        let mut lines = locked(&LINES);
        let lines = lines.get_or_insert_with(|| Lines { began: HashMap::new(), latest: 3_600_000_000_000 });
        let reached = HERE.get().unwrap_or(lines.latest);
        // On a whole millisecond, so that a paused clock advanced by whole ones is exact.
        let reached_up = reached.next_multiple_of(super::NANOS_PER_MILLI);
        let (began, at) = *lines.began.entry(runtime).or_insert((now, reached_up));
        let mut here = at + u64::try_from((now - began).as_nanos()).unwrap_or(u64::MAX / 2);
        if runtime.is_none() {
            // Outside a runtime nothing is advanced; what was reached inside one has passed here too.
            here = here.max(reached);
        }
        lines.latest = lines.latest.max(here);
        HERE.set(Some(here.max(HERE.get().unwrap_or(0))));
        here
    }

    pub(crate) fn coarse_millis() -> u64 {
        super::precise_millis()
    }
}
