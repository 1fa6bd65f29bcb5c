//! What was measured, as tables on the screen, as JSON and as charts.

use crate::chart;
use crate::contest::{BARE, Timings, best_peer};
use crate::goals::Goal;
use crate::table::{Table, markdown, say};
use serde::Serialize;
use std::path::Path;

/// Beside every ratio.
pub(crate) const OF_THIS_MACHINE: &str = "Ratios to peers hold for this machine: most of what peers cost are locked instructions and readings of a clock, of which the prices above \
     are those of the processor and the kernel.";

/// Everything.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: String,
    pub(crate) tables: Vec<Table>,
    pub(crate) goals: Vec<Goal>,
}

/// The README's table: ours and the best peer of each case.
pub(crate) fn summary(timings: &Timings) -> String {
    let header =
        ["closed, open and calm", "bare", "ours", "best peer", "", "ours / best peer"].map(str::to_owned).to_vec();
    let rows = SUMMARY.iter().filter_map(|&(what, case, ours)| {
        let timings = timings.get(case)?;
        let nanos = |who: &str| Some(timings.iter().find(|timing| timing.who == who)?.nanos().median);
        let (peer, ours_timing) = (best_peer(timings)?, timings.iter().find(|timing| timing.who == ours)?);
        let share = format!("{:.2}", ours_timing.over(peer, None));
        let [bare, ours, best] =
            [nanos(BARE)?, nanos(ours)?, peer.nanos().median].map(|nanos| format!("{nanos:.1} ns"));
        Some(vec![what.into(), bare, ours, best, peer.who.clone(), share])
    });
    markdown(header, rows)
}

/// What the README shows: in its words, the case, and who of ours.
const SUMMARY: [(&str, &str, &str); 9] = [
    ("circuit breaker, window of 10 s", "closed", "ours, default (10 s)"),
    ("circuit breaker, window of 100 calls", "closed", "ours, count window"),
    ("circuit breaker, failures in a row", "closed", "ours, consecutive"),
    ("circuit breaker, open", "open", "ours"),
    ("retry, the first attempt succeeds", "retry", "ours"),
    ("timeout, the body is ready at once", "timeout", "ours"),
    ("bulkhead, a place is free", "bulkhead", "ours"),
    ("rate limit, allowed", "rate limit", "ours"),
    ("retry, breaker, bulkhead and timeout", "stack", "ours: retry, breaker, bulkhead, timeout"),
];

impl Report {
    /// A table for the screen, as soon as it is known.
    pub(crate) fn add(&mut self, table: Table) {
        say!("{}", table.markdown());
        self.tables.push(table);
    }

    pub(crate) fn print_goals(&self) {
        let header = ["goal", "limit", "measured", ""].map(str::to_owned).to_vec();
        say!("## goals\n\n{}\n{OF_THIS_MACHINE}\n", markdown(header, self.goals.iter().map(Goal::cells)));
    }

    /// The JSON of everything, and a chart a table.
    pub(crate) fn write(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let json = serde_json::to_string_pretty(self).map_err(std::io::Error::other)?;
        std::fs::write(folder.join("report.json"), json + "\n")?;
        for table in &self.tables {
            let name: String = table.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
            std::fs::write(folder.join(name + ".svg"), chart::bars(table))?;
        }
        Ok(())
    }
}
