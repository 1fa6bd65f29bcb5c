//! What durations are measured with: the processor's time-stamp counter, held to the kernel's precise clock.
//!
//! Reading it takes less than half as long as reading the kernel's clock. Every [`LASTS_NANOS`] whoever reads it looks at both together, and until the next look the counter is
//! taken to run as fast as it did since the look before. So the two differ by a few microseconds: by what the kernel corrected its own rate by meanwhile, and by the error of the
//! looks. A reading may be behind an earlier one by as much; callers have to bear that in any case, since a thread may be held up between a reading and its use. Nobody waits for
//! a look: whoever finds another thread at it reads the kernel's clock.
//!
//! It is used only where the kernel makes its clock from the same counter. Then the kernel has found that it runs evenly and alike on all cores, and reads it in this process
//! too. A rate that is not the one before, as when the machine slept, is not believed until it is found again.

use super::NANOS_PER_MILLI;
use super::real::precise_nanos;
use crate::seqlock::{BUSY, Tagged};
use once_cell::sync::Lazy;
use std::sync::Mutex;

/// For how long the counter is believed without a look.
const LASTS_NANOS: u64 = 16 * NANOS_PER_MILLI;
/// Looks that are nearer to each other tell no rate.
const APART_NANOS: u64 = 4 * NANOS_PER_MILLI;
/// Rates are in 2^-28 nanoseconds a tick.
const RATE_BITS: u32 = 28;
/// What a counter of 20 GHz makes in [`LASTS_NANOS`]. Multiplied by any of the [`RATES`] it stays below 2^62.
const MOST_TICKS: u64 = LASTS_NANOS * 20;
/// From a counter of 20 GHz to one of 50 MHz.
const RATES: std::ops::RangeInclusive<u64> = (1 << RATE_BITS) / 20..=20 << RATE_BITS;

/// The kernel's precise clock, to within some microseconds. Not inlined: a breaker that measures nothing would pay for the registers that this wants.
#[inline(never)]
pub(crate) fn measured_nanos() -> u64 {
    match COUNTER.basis() {
        // Read behind what it is held to. One that the processor reads early is not after the look, and not believed.
        Some(basis) => basis.at(ticks()).unwrap_or_else(hold),
        None => hold(),
    }
}

/// Held to nothing where the kernel does not make its clock from it.
static COUNTER: HeldCounter = HeldCounter::new();

/// The kernel's time. Apart, so that a reading of the counter wants no room on the stack.
#[cold]
#[inline(never)]
fn hold() -> u64 {
    static IS_THE_KERNELS: Lazy<bool> = Lazy::new(is_the_kernels);
    if *IS_THE_KERNELS { COUNTER.hold() } else { precise_nanos() }
}

/// Whether the kernel makes its clock from the counter.
fn is_the_kernels() -> bool {
    std::fs::read("/sys/devices/system/clocksource/clocksource0/current_clocksource")
        .is_ok_and(|source| source.trim_ascii() == b"tsc")
}

#[inline]
fn ticks() -> u64 {
    // SAFETY: every x86-64 processor has the instruction, and where the kernel's clock is made from it, reading that clock executes it in this process too.
    #[allow(unsafe_code)]
    unsafe {
        std::arch::x86_64::_rdtsc()
    }
}

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug)]
struct ClockPair {
    ticks: u64,
    nanos: u64,
}

impl ClockPair {
    /// Of a few looks, each with the readings of the counter before and after, the one in which the least happened in between.
    fn of(looks: [(u64, u64, u64); 3]) -> Self {
        let [first, rest @ ..] = looks.map(|(before, nanos, after)| {
            let took = after.saturating_sub(before);
            (took, Self { ticks: before + took / 2, nanos })
        });
        rest.into_iter().fold(first, |best, look| if look.0 < best.0 { look } else { best }).1
    }

    fn now() -> Self {
        Self::of(std::array::from_fn(|_| (ticks(), precise_nanos(), ticks())))
    }

    /// How fast the counter went until another look, where that can be told.
    fn rate_until(self, next: Self) -> Option<u64> {
        let (ticks, nanos) = (next.ticks.checked_sub(self.ticks)?, next.nanos.checked_sub(self.nanos)?);
        let rate = (u128::from(nanos) << RATE_BITS).checked_div(u128::from(ticks))?;
        u64::try_from(rate).ok().filter(|rate| RATES.contains(rate))
    }
}

/// A look, and the rate from there on.
#[derive(Clone, Copy, Debug)]
struct Basis {
    look: ClockPair,
    rate: u64,
}

impl Basis {
    /// What time it is at a reading of the counter, if it is still believed.
    #[inline]
    fn at(self, ticks: u64) -> Option<u64> {
        let ticks = ticks.wrapping_sub(self.look.ticks);
        if ticks > MOST_TICKS {
            return None;
        }
        let nanos = (ticks * self.rate) >> RATE_BITS;
        (nanos < LASTS_NANOS).then(|| self.look.nanos + nanos)
    }
}

/// The last look, and the rate until it.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    look: Option<ClockPair>,
    rate: Option<u64>,
}

impl Known {
    fn is_due(&self, nanos: u64) -> bool {
        self.look.is_none_or(|last| !(last.nanos..last.nanos + APART_NANOS).contains(&nanos))
    }

    /// What to go by from this look on. `None` where nothing can be believed yet.
    fn learn(&mut self, look: ClockPair) -> Option<Basis> {
        let rate = self.look.and_then(|last| last.rate_until(look));
        let before = std::mem::replace(self, Self { look: Some(look), rate }).rate?;
        // One in 2,048: about the most by which the kernel corrects its own clock.
        let rate = rate.filter(|rate| rate.abs_diff(before) <= before >> 11)?;
        Some(Basis { look, rate })
    }
}

struct HeldCounter {
    /// The time of the look and the rate, under the ticks of the look.
    held: Tagged<2>,
    known: Mutex<Known>,
}

impl HeldCounter {
    const fn new() -> Self {
        Self { held: Tagged::empty(), known: Mutex::new(Known { look: None, rate: None }) }
    }

    #[inline]
    fn basis(&self) -> Option<Basis> {
        let ticks = self.held.tag();
        let [nanos, rate] = self.held.read_first(ticks)?;
        // Above are the tags of a record that is empty or being written.
        (ticks < BUSY).then_some(Basis { look: ClockPair { ticks, nanos }, rate })
    }

    /// Looks at both clocks where that is due and nobody else does it; the kernel's time.
    fn hold(&self) -> u64 {
        let now = precise_nanos();
        let Ok(mut known) = self.known.try_lock() else { return now };
        if !known.is_due(now) {
            return now;
        }
        let look = ClockPair::now();
        if let Some(basis) = known.learn(look) {
            self.held.replace(self.held.tag(), basis.look.ticks, [basis.look.nanos, basis.rate]);
        }
        look.nanos
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    const MILLI: u64 = NANOS_PER_MILLI;
    /// Of 2 GHz: half a nanosecond a tick.
    const HALF: u64 = 1 << (RATE_BITS - 1);

    fn look(ticks: u64, nanos: u64) -> ClockPair {
        ClockPair { ticks, nanos }
    }

    /// Looks at these moments, and the last one's answer.
    fn learn(looks: &[(u64, u64)]) -> Option<Basis> {
        let mut known = Known::default();
        looks.iter().map(|&(ticks, nanos)| known.learn(look(ticks, nanos))).last().flatten()
    }

    #[test]
    fn of_a_few_looks_the_quickest_is_taken_and_its_middle() {
        // The thread was taken off the processor, or the counter of the next one is behind.
        let (slow, quick, back) = ((1000, 1, 9000), (10_000, 2, 10_040), (20_000, 3, 19_999));
        for looks in [[slow, quick, slow], [quick, slow, slow], [slow, slow, quick]] {
            let ClockPair { ticks, nanos } = ClockPair::of(looks);
            assert_eq!((ticks, nanos), (10_020, 2));
        }
        let ClockPair { ticks, nanos } = ClockPair::of([slow, back, quick]);
        assert_eq!((ticks, nanos), (20_000, 3));
    }

    #[test]
    fn a_rate_is_believed_once_it_was_found_twice() {
        assert!(learn(&[(0, 0)]).is_none());
        assert!(learn(&[(0, 0), (10 * MILLI, 5 * MILLI)]).is_none());
        let held = learn(&[(0, 0), (10 * MILLI, 5 * MILLI), (20 * MILLI, 10 * MILLI)]).unwrap();
        assert_eq!((held.rate, held.look.nanos), (HALF, 10 * MILLI));
        assert_eq!(held.at(20 * MILLI), Some(10 * MILLI));
        assert_eq!(held.at(20 * MILLI + 2000), Some(10 * MILLI + 1000));
    }

    #[test]
    fn it_is_believed_for_a_while_and_never_before_the_look() {
        let held = Basis { look: look(1000, 0), rate: HALF };
        assert_eq!(held.at(1000 + 2 * LASTS_NANOS - 2), Some(LASTS_NANOS - 1));
        for ticks in [1000 + 2 * LASTS_NANOS, 1000 + MOST_TICKS + 1, 999, 0, u64::MAX] {
            assert_eq!(held.at(ticks), None, "{ticks}");
        }
    }

    #[test]
    fn a_clock_or_a_counter_that_jumped_is_not_believed_until_the_rate_is_found_again() {
        let calm = [(0, 0), (10 * MILLI, 5 * MILLI), (20 * MILLI, 10 * MILLI)];
        let jumps = [
            // The machine slept: the counter went on, the clock did not.
            (500 * MILLI, 15 * MILLI),
            // The counter began anew.
            (7, 15 * MILLI),
            // The counter stood still.
            (20 * MILLI, 15 * MILLI),
            // The clock went back, which it never should.
            (30 * MILLI, 9 * MILLI),
            // The kernel corrected it by more than it ever does.
            (30 * MILLI, 15 * MILLI + 10_000),
        ];
        for (ticks, nanos) in jumps {
            let after = |looks: u64| {
                let later = (1..=looks).map(|nth| (ticks + nth * 10 * MILLI, nanos + nth * 5 * MILLI));
                learn(&calm.into_iter().chain([(ticks, nanos)]).chain(later).collect::<Vec<_>>())
            };
            assert!(after(0).is_none(), "{ticks} {nanos}");
            let held = after(2).unwrap();
            assert!(held.rate.abs_diff(HALF) <= 1, "{held:?}");
        }
    }

    #[test]
    fn looks_that_are_too_near_tell_nothing() {
        let known = Known { look: Some(look(0, 5 * MILLI)), rate: None };
        assert!(!known.is_due(5 * MILLI) && !known.is_due(9 * MILLI - 1));
        assert!(known.is_due(9 * MILLI) && known.is_due(5 * MILLI - 1) && Known::default().is_due(0));
    }

    #[test]
    fn on_every_thread_it_is_the_kernels_time() {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| {
                    let begin = Instant::now();
                    // A thread may be taken off the processor between two readings, so that only the best of some is judged.
                    let mut worst = 0;
                    while begin.elapsed() < Duration::from_millis(200) {
                        let errors = (0..50).map(|_| {
                            let (before, now, after) = (precise_nanos(), measured_nanos(), precise_nanos());
                            before.saturating_sub(now).max(now.saturating_sub(after))
                        });
                        worst = worst.max(errors.min().unwrap());
                    }
                    worst
                })
            })
            .collect();
        for thread in threads {
            let worst = thread.join().unwrap();
            assert!(worst < 200_000, "{worst} ns beside the kernel's clock");
        }
    }

    #[test]
    fn a_machine_that_has_the_counter_uses_it() {
        if !is_the_kernels() {
            return;
        }
        let begin = Instant::now();
        while COUNTER.basis().and_then(|basis| basis.at(ticks())).is_none() {
            assert!(begin.elapsed() < Duration::from_secs(20), "no rate is found");
            std::thread::sleep(Duration::from_millis(1));
            measured_nanos();
        }
    }
}
