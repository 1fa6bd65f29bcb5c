//! The time of a closed breaker beside the least that one could take, where the machine is calm enough to tell: a store that is reloaded wider than it was
//! written makes the processor wait, and takes no instruction more.

use crate::cases::bodies;
use crate::contest::{BARE, Effort, LEAST_BY_THE_CLOCK, Timings};
use crate::goals::over_bare;
use crate::statistics::Quartiles;
use crate::table::say;

/// How many times as much as the least with a clock costs beyond the bare call, in the middle one of all bodies: 2.6, 1.4 and 1.3 where this was written
/// down, and twice as much for another machine.
const CEILINGS: [(&str, f64); 3] =
    [("ours, default (10 s)", 5.0), ("ours, consecutive", 2.5), ("ours, count window", 2.5)];

/// Whether all are below. On a machine that is busy nothing is looked at, and it says so.
pub(crate) fn check(effort: Effort) -> bool {
    let timings: Timings = bodies::cases().iter().map(|case| (case.name, case.measure(effort))).collect();
    let bare = timings.values().flatten().filter(|timing| timing.who == BARE).map(|timing| timing.nanos());
    let spread = Quartiles::of(bare.map(|bare| bare.q3 / bare.q1)).median;
    if spread > 1.25 {
        say!("NOT CHECKED: the machine is busy, the middle half of a bare call's rounds differ by {spread:.2}");
        return true;
    }
    let mut all_below = true;
    for (who, ceiling) in CEILINGS {
        let ratios = bodies::NAMES.iter().filter_map(|body| over_bare(&timings, body, who, LEAST_BY_THE_CLOCK));
        let ratio = Quartiles::of(ratios).median;
        all_below &= ratio <= ceiling;
        let too_much = if ratio <= ceiling { "" } else { ": TOO MUCH" };
        say!("closed: {who}: {ratio:.2} of {LEAST_BY_THE_CLOCK}, at most {ceiling}{too_much}");
    }
    all_below
}
