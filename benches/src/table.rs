//! One question and everybody's answer to it, and how that is printed.

use crate::contest::{BARE, Case, Timing, best_peer};
use crate::statistics::Quartiles;
use serde::Serialize;
use std::fmt::Write as _;

/// As `println`, to whoever is still there: who has closed the pipe has seen enough, and the report is written all the same.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

pub(crate) use say;

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

    pub(crate) fn markdown(&self) -> String {
        let header = ["", self.unit].into_iter().chain(self.columns.iter().copied()).map(str::to_owned);
        let rows = self.rows.iter().map(|row| {
            let more = row.more.iter().map(|value| value.map_or_else(String::new, number));
            [row.who.clone(), number(row.value.median)].into_iter().chain(more).collect()
        });
        format!("## {}: {}\n\n{}", self.name, self.about, markdown(header.collect(), rows))
    }
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
