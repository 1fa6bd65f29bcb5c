//! The clock as a call reads it, so that models and tests can put another one in.

use crate::time;

pub(crate) trait Clock: Copy {
    /// Milliseconds, a little behind at times.
    fn coarse_millis(self) -> u64;
    /// Nanoseconds.
    fn precise_nanos(self) -> u64;

    /// Nanoseconds for durations, cheaper and within microseconds of the others.
    fn measured_nanos(self) -> u64 {
        self.precise_nanos()
    }

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

    #[inline]
    fn measured_nanos(self) -> u64 {
        time::measured_nanos()
    }
}
