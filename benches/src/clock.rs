//! By which time calls are measured, and what reading a clock and a locked instruction cost on this machine.

use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// The processor time of the calling thread: whoever else is on the machine does not lengthen it.
    Thread,
    /// That of the processes which were begun meanwhile and have ended, to a hundredth of a second; the wall's where the kernel does not tell it.
    Children,
    /// The wall's, where other threads take part in a call.
    Wall,
}

impl Clock {
    pub(crate) fn time(self, what: impl FnOnce()) -> Duration {
        match self {
            Self::Thread => {
                let begin = read(ClockId::ThreadCPUTime);
                what();
                read(ClockId::ThreadCPUTime).saturating_sub(begin)
            }
            Self::Children => match of_children() {
                Some(begin) => {
                    what();
                    of_children().map_or(Duration::ZERO, |end| end.saturating_sub(begin))
                }
                None => Self::Wall.time(what),
            },
            Self::Wall => {
                let begin = Instant::now();
                what();
                begin.elapsed()
            }
        }
    }
}

fn read(clock: ClockId) -> Duration {
    let now = clock_gettime(clock);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// Two fields of what Linux says of a process (proc_pid_stat(5)), in ticks.
fn of_children() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // Behind the program's name, which may have anything in it, the first field is the third one.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let [of_user, of_system] = [fields.get(13)?, fields.get(14)?];
    let ticks: u64 = of_user.parse::<u64>().ok()? + of_system.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second()))
}

/// What the library reads in most calls.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) const COARSE: ClockId = ClockId::MonotonicCoarse;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) const COARSE: ClockId = ClockId::Monotonic;

#[inline(always)]
pub(crate) fn coarse_millis() -> u64 {
    let now = clock_gettime(COARSE);
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}

/// Nanoseconds of a locked addition and of a reading of either clock: of these, calls are made.
pub(crate) fn prices() -> [(&'static str, f64); 3] {
    const TIMES: u32 = 1_000_000;
    let cell = AtomicU64::new(0);
    let nanos = |once: &dyn Fn()| {
        let round = |_| Clock::Thread.time(|| (0..TIMES).for_each(|_| once())).as_nanos() as f64 / f64::from(TIMES);
        (0..5).map(round).fold(f64::MAX, f64::min)
    };
    let nothing = nanos(&|| _ = black_box(&cell));
    [
        ("a locked instruction", nanos(&|| _ = black_box(&cell).fetch_add(1, Ordering::Relaxed)) - nothing),
        ("the coarse clock", nanos(&|| _ = black_box(coarse_millis())) - nothing),
        ("the precise one", nanos(&|| _ = black_box(clock_gettime(ClockId::Monotonic))) - nothing),
    ]
}
