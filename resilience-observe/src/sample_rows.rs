//! A sample as it is told to those who watch: a short row of each policy, in which only what has changed is told again.

use crate::policies::{self, Pace, Policy};
use crate::sample::{Rates, Sample};
use resilience_runtime::{Kind, Name, Pattern, Timestamp};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt::Write;

/// What stands in a row, by the path of the same number in a row of `policies`.
pub(crate) const COLUMNS: [(Kind, &[&str]); 5] = [
    (
        Kind::CircuitBreaker,
        &[
            "name",
            "state",
            "decided",
            "probe_due_in",
            "enforced_percent",
            "consecutive_failures",
            "window.calls",
            "window.failures",
            "window.slow",
            "rate.calls",
            "rate.failures",
            "rate.rejected",
            "rate.would_reject",
            "rate.slow",
            "rate.fallbacks",
            "latency.p50",
            "latency.p95",
            "latency.p99",
            "keys.held",
            "keys.not_closed",
        ],
    ),
    (Kind::Retry, &["name", "retries", "recovered", "rate.retries", "rate.recovered"]),
    (Kind::Timeout, &["name", "timed_out", "rate.timed_out"]),
    (Kind::Bulkhead, &["name", "inside", "waiting", "rate.admitted", "rate.rejected", "keys.held", "keys.not_closed"]),
    (
        Kind::RateLimit,
        &["name", "available", "waiting", "rate.allowed", "rate.rejected", "keys.held", "keys.not_closed"],
    ),
];

/// The rows of one sample.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) number: u64,
    at: Timestamp,
    /// The same as JSON.
    moment: String,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    kind: Kind,
    name: Name,
    json: String,
    has_changed: bool,
}

impl Rows {
    /// Of that sample, the first of which has the number 1.
    pub(crate) fn of(sample: &Sample, mut rates: Rates, before: Option<&Self>) -> Self {
        let known: HashMap<(Kind, &Name), &str> = before
            .map(|before| before.rows.iter().map(|row| ((row.kind, &row.name), &*row.json)).collect())
            .unwrap_or_default();
        let rows = policies::of(&sample.policies).map(|policy| {
            let (kind, name) = (policy.kind(), policy.name().clone());
            let json = short(policy, rates.remove(&(kind, name.clone())));
            let has_changed = known.get(&(kind, &name)).is_none_or(|before| *before != json);
            Row { kind, name, json, has_changed }
        });
        let rows = rows.collect();
        let moment = serde_json::to_string(&sample.at).unwrap_or_default();
        Self { number: before.map_or(0, |before| before.number) + 1, at: sample.at, moment, rows }
    }

    pub(crate) fn are_of(&self, sample: &Sample) -> bool {
        self.at == sample.at
    }

    /// All rows, or those that have changed, of the policies whose names match.
    pub(crate) fn json(&self, all_rows: bool, name: Option<&Pattern>) -> String {
        let mut text = format!("{{\"at\":{},\"all\":{all_rows},\"rows\":{{", self.moment);
        let mut last = None;
        let is_told = |row: &&Row| (all_rows || row.has_changed) && name.is_none_or(|name| name.matches(&row.name));
        for row in self.rows.iter().filter(is_told) {
            // Those of a kind stand together.
            let (end, begin) = match last {
                Some(kind) if kind == row.kind => (",", String::new()),
                Some(_) => ("],", format!("\"{}\":[", row.kind)),
                None => ("", format!("\"{}\":[", row.kind)),
            };
            let _ = write!(text, "{end}{begin}{}", row.json);
            last = Some(row.kind);
        }
        text.push_str(if last.is_some() { "]}}" } else { "}}" });
        text
    }
}

fn short(policy: Policy<'_>, pace: Option<Pace>) -> String {
    let row = policy.row(pace);
    let columns = COLUMNS.iter().find(|(kind, _)| *kind == policy.kind()).map_or(&[][..], |(_, columns)| columns);
    let value = |column: &&str| {
        let (outer, inner) = column.split_once('.').map_or((*column, None), |(outer, inner)| (outer, Some(inner)));
        let outer = row.get(outer).unwrap_or(&Value::Null);
        inner.map_or(outer, |inner| outer.get(inner).unwrap_or(&Value::Null)).clone()
    };
    Value::Array(columns.iter().map(value).collect()).to_string()
}
