//! Instructions a call, which repeat from run to run: counted by valgrind's callgrind, which runs this program again with so many calls of one
//! contestant, and with twice as many. The difference is theirs.
//!
//! A call of the kernel's clock is a system call under valgrind, whose own instructions are not counted.

use crate::collected::collected;
use crate::contest::Case;
use crate::table::{Table, say};
use std::process::Command;

pub(crate) const INSTRUCTIONS: &str = "instructions";

/// So many instructions are to be counted, so that what differs from run to run (addresses, hashes, threads that begin) is nothing beside them.
const ENOUGH: f64 = 3e7;

/// Whether it can be had.
pub(crate) fn is_there() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Of those in these cases whose name is asked for.
pub(crate) fn instructions<'c>(cases: impl IntoIterator<Item = &'c Case>, asked_for: impl Fn(&str) -> bool) -> Table {
    let mut table = Table::new(INSTRUCTIONS, "counted by callgrind", "instructions a call", &[]);
    for case in cases {
        for who in (case.contestants)().into_iter().map(|contestant| contestant.who).filter(|who| asked_for(who)) {
            match a_call(case.name, &who) {
                Ok(instructions) => table.exact(format!("{}: {who}", case.name), instructions, vec![]),
                Err(why) => eprintln!("{}: {who}: {why}", case.name),
            }
        }
    }
    table
}

/// Instructions of one call.
pub(crate) fn a_call(case: &str, who: &str) -> Result<f64, String> {
    let difference = |calls: u64| {
        let (once, twice) = (counted(case, who, calls)?, counted(case, who, 2 * calls)?);
        Ok::<_, String>((twice as f64 - once as f64) / calls as f64)
    };
    let roughly = difference(1000)?;
    difference((ENOUGH / roughly.max(10.0)).clamp(1000.0, 1e6) as u64)
}

fn counted(case: &str, who: &str, calls: u64) -> Result<u64, String> {
    collected(&[], &["calls", case, who, &calls.to_string()])
}

/// What a call may take at most, in as many codegen units as cargo takes by itself and in one, on x86-64 and by any compiler since the MSRV: what was counted when it was
/// last written down (115, 90, 212, 286, 101 and 296; 175, 140, 212, 303, 101 and 301), and 6 in a hundred for another compiler. Where keys meet in the index
/// is decided by chance, so what has a key has more room.
pub(crate) const CEILINGS: &[(&str, &str, [f64; 2])] = &[
    ("closed", "ours, default (10 s)", [122.0, 186.0]),
    ("closed", "ours, count window", [96.0, 149.0]),
    ("open", "ours", [230.0, 230.0]),
    ("keyed", "ours, by a number", [335.0, 390.0]),
    ("retry", "ours", [108.0, 108.0]),
    ("stack", "ours: retry, breaker, bulkhead, timeout", [314.0, 319.0]),
];

/// Whether this program was compiled in one unit, as far as cargo was told by this variable.
fn is_one_unit() -> bool {
    option_env!("CARGO_PROFILE_RELEASE_CODEGEN_UNITS") == Some("1")
}

/// Counts what has a ceiling. Whether all of it is below.
pub(crate) fn check_ceilings() -> Result<bool, String> {
    let mut all_below = true;
    for &(case, who, ceilings) in CEILINGS {
        let ceiling = ceilings[usize::from(is_one_unit())];
        let counted = a_call(case, who)?;
        let below = counted <= ceiling;
        all_below &= below;
        say!("{case}: {who}: {counted:.1} instructions, at most {ceiling}{}", if below { "" } else { ": TOO MANY" });
    }
    Ok(all_below)
}
