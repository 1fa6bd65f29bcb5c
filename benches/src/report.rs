//! What was measured, as tables on the screen, as JSON and as charts.

use crate::chart;
use crate::contest::{BARE, Case, LEAST, OURS, Timing};
use crate::goals::{Goal, Timings};
use crate::statistics::Quartiles;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;

/// As `println`, to whoever is still there: who has closed the pipe has seen enough, and the report is written all the same.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

pub(crate) use say;

/// Beside every ratio.
pub(crate) const OF_THIS_MACHINE: &str = "Ratios to peers hold for this machine: most of what peers cost are locked instructions and readings of a clock, of which the prices above \
     are those of the processor and the kernel.";

/// One question, and everybody's answer to it.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) unit: &'static str,
    pub(crate) columns: Vec<&'static str>,
    pub(crate) rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) who: String,
    pub(crate) value: Quartiles,
    pub(crate) more: Vec<Option<f64>>,
}

/// Everything.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: String,
    pub(crate) tables: Vec<Table>,
    pub(crate) goals: Vec<Goal>,
}

impl Table {
    pub(crate) fn new(name: &str, about: &str, unit: &'static str, columns: &[&'static str]) -> Self {
        Self { name: name.into(), about: about.into(), unit, columns: columns.to_vec(), rows: Vec::new() }
    }

    /// A row of what does not jitter.
    pub(crate) fn exact(&mut self, who: impl Into<String>, value: f64, more: Vec<Option<f64>>) {
        self.rows.push(Row { who: who.into(), value: Quartiles { q1: value, median: value, q3: value }, more });
    }

    /// A case that was timed. Ratios are medians over the rounds; a peer is whoever is neither bare nor ours.
    pub(crate) fn timed(case: &Case, timings: &[Timing]) -> Self {
        let mut table =
            Self::new(case.name, case.about, "ns a call", &["q1", "q3", "over bare", "x bare", "x best peer"]);
        let bare = timings.iter().find(|timing| timing.who == BARE);
        let best = best_peer(timings);
        for timing in timings {
            let value = timing.nanos();
            table.rows.push(Row {
                who: timing.who.clone(),
                value,
                more: vec![
                    Some(value.q1),
                    Some(value.q3),
                    bare.map(|bare| value.median - bare.nanos().median),
                    bare.map(|bare| timing.over(bare, None)),
                    best.map(|best| timing.over(best, None)),
                ],
            });
        }
        table
    }

    pub(crate) fn value(&self, who: &str) -> Option<f64> {
        Some(self.rows.iter().find(|row| row.who == who)?.value.median)
    }

    fn markdown(&self) -> String {
        let header = ["", self.unit].into_iter().chain(self.columns.iter().copied()).map(str::to_owned);
        let rows = self.rows.iter().map(|row| {
            let more = row.more.iter().map(|value| value.map_or_else(String::new, number));
            [row.who.clone(), number(row.value.median)].into_iter().chain(more).collect()
        });
        format!("## {}: {}\n\n{}", self.name, self.about, markdown(header.collect(), rows))
    }
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

/// The peer of the smallest median.
pub(crate) fn best_peer(timings: &[Timing]) -> Option<&Timing> {
    let is_peer = |who: &str| ![BARE, LEAST, OURS].iter().any(|none| who.starts_with(none));
    let peers = timings.iter().filter(|timing| is_peer(&timing.who));
    peers.min_by(|a, b| a.nanos().median.total_cmp(&b.nanos().median))
}

/// Three digits, or all of those before the point.
pub(crate) fn number(value: f64) -> String {
    let digits = match value.abs() {
        _ if value.fract() == 0.0 => 0,
        size if size < 1.0 => 3,
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

/// Aligned for the screen, and as it is for a page.
pub(crate) fn markdown(header: Vec<String>, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut lines = vec![header];
    lines.extend(rows);
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let mut text = String::new();
    for (nth, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        let _ = writeln!(text, "| {} |", cells.collect::<Vec<_>>().join(" | "));
        if nth == 0 {
            let rule = |(column, &width): (usize, &usize)| {
                "-".repeat(width.max(3) - usize::from(column > 0)) + if column > 0 { ":" } else { "" }
            };
            let _ = writeln!(text, "| {} |", widths.iter().enumerate().map(rule).collect::<Vec<_>>().join(" | "));
        }
    }
    text
}

impl Report {
    /// A table for the screen, as soon as it is known.
    pub(crate) fn add(&mut self, table: Table) {
        say!("{}", table.markdown());
        self.tables.push(table);
    }

    pub(crate) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
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
