//! What a guarded call costs, beside every peer: times, instructions, memory, compile time, and whether the goals are met.

mod allocator;
mod beside_least;
mod callgrind;
mod cases;
mod chart;
mod clock;
mod collected;
mod contest;
mod goals;
#[cfg(feature = "peers")]
mod peers;
#[cfg(not(feature = "peers"))]
#[path = "no_peers.rs"]
mod peers;
mod report;
mod statistics;
mod subject;
mod table;

use cases::{compile, memory};
use clap::{Parser, Subcommand};
use contest::Effort;
use report::{OF_THIS_MACHINE, Report};
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use table::{Table, say};

/// Measures every case side by side, prints the tables and says which goals are met.
#[derive(Parser)]
struct Flags {
    /// Under two minutes: shorter rounds, fewer instructions counted, no million of names.
    #[arg(long)]
    quick: bool,
    /// Only the cases and tables whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Where report.json and the charts go.
    #[arg(long, default_value = "target/benches")]
    out: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Counts the instructions of the paths that have a ceiling; fails where one is passed.
    Ceilings,
    /// Times a closed breaker beside the least that one could take; fails where it takes too many times as much, unless the machine is busy.
    BesideLeast,
    /// Makes calls of one contestant, for callgrind to count.
    #[command(hide = true)]
    Calls { case: String, who: String, calls: u64 },
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    match flags.command {
        None => run(&flags),
        Some(Command::Calls { case, who, calls }) => make_calls(&case, &who, calls),
        Some(Command::BesideLeast) if beside_least::check(QUICK) => ExitCode::SUCCESS,
        Some(Command::BesideLeast) => ExitCode::FAILURE,
        Some(Command::Ceilings) => match callgrind::check_ceilings() {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(why) => {
                eprintln!("{why}");
                ExitCode::FAILURE
            }
        },
    }
}

fn make_calls(case: &str, who: &str, calls: u64) -> ExitCode {
    let contestants = cases::timed().into_iter().find(|known| known.name == case).map(|case| (case.contestants)());
    let Some(mut contestant) = contestants.into_iter().flatten().find(|contestant| contestant.who == who) else {
        eprintln!("no `{who}` in `{case}`");
        return ExitCode::FAILURE;
    };
    (contestant.run)(calls);
    ExitCode::SUCCESS
}

/// Cases of calls that end on their own thread, so that what they allocate and execute can be counted.
const COUNTED: [&str; 9] =
    ["closed", "keyed", "1 % errors", "open", "retry", "timeout", "bulkhead", "rate limit", "stack"];
/// Of those, the ones whose instructions a quick run counts, of ours.
const COUNTED_QUICKLY: [&str; 2] = ["closed", "open"];
/// Too much memory for every day.
const NOT_QUICK: [&str; 1] = ["names"];

/// Within a time slice, mostly: who shares the machine is not measured.
const QUICK: Effort = Effort { batch: Duration::from_millis(1), rounds: 25 };

fn run(flags: &Flags) -> ExitCode {
    let effort = match flags.quick {
        true => QUICK,
        false => Effort { batch: Duration::from_millis(5), rounds: 51 },
    };
    let wanted = |name: &str| {
        name.contains(&flags.only) && !(flags.quick && NOT_QUICK.iter().any(|not_quick| name.starts_with(not_quick)))
    };
    let mut report = Report { machine: machine(), tables: Vec::new(), goals: Vec::new() };
    say!("{}\n", report.machine);

    let all = cases::timed();
    let mut timings = HashMap::new();
    for case in all.iter().filter(|case| wanted(case.name)) {
        let measured = case.measure(effort);
        subject::check_calm();
        report.add(Table::timed(case, &measured));
        timings.insert(case.name, measured);
    }
    let counted = |names: &'static [&str]| all.iter().filter(move |case| names.contains(&case.name));
    if wanted(memory::ALLOCATIONS) {
        // A call that is rejected may allocate; ours does not.
        report.add(memory::allocations(counted(&COUNTED)));
    }
    for (name, table) in [
        (memory::BREAKERS, memory::breakers as fn() -> Table),
        (memory::KEYED, memory::keyed),
        (memory::FUTURES, memory::futures),
    ] {
        if wanted(name) {
            report.add(table());
        }
    }
    if wanted(callgrind::INSTRUCTIONS) {
        if callgrind::is_there() {
            let names: &[&str] = if flags.quick { &COUNTED_QUICKLY } else { &COUNTED };
            let is_ours = |who: &str| who.starts_with(contest::OURS) || who == contest::BARE;
            report.add(callgrind::instructions(counted(names), |who| !flags.quick || is_ours(who)));
        } else {
            eprintln!("no instructions: there is no valgrind here (apt-get install valgrind)\n");
        }
    }
    if wanted(compile::CHECK) {
        match compile::check(if flags.quick { 3 } else { 9 }) {
            Ok(table) => report.add(table),
            Err(why) => eprintln!("no cargo check: {why}\n"),
        }
    }
    report.goals = goals::goals(&timings, &report.tables);
    say!("## README\n\n{}\n{OF_THIS_MACHINE}\n", report::summary(&timings));
    report.print_goals();
    match report.write(&flags.out) {
        Ok(()) => {
            say!("written to {}", flags.out.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}: {error}", flags.out.display());
            ExitCode::FAILURE
        }
    }
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|info| {
        let line = info.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let prices = clock::prices().map(|(what, nanos)| format!("{what} {nanos:.1} ns")).join(", ");
    let (os, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("{}, {cores} cores, {os} {architecture}: {prices}", cpu.unwrap_or_default())
}
