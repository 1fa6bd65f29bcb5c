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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Program;
    use resilience_runtime::testing::Scope;
    use resilience_runtime::{Bulkhead, CircuitBreaker, Rate, RateLimiter, Retry, Timeout};
    use std::time::Duration;

    fn sample() -> Sample {
        let scope = Scope::new();
        {
            let _entered = scope.enter();
            let _ = ["a", "b"].map(|name| CircuitBreaker::builder(name).register().unwrap());
            Retry::builder("a").register().unwrap();
            Timeout::builder("a").after(Duration::from_secs(1)).register().unwrap();
            let _ = ["a", "c"].map(|name| Bulkhead::builder(name).register().unwrap());
            RateLimiter::builder("a").rate(Rate::per_second(1)).register().unwrap();
        }
        let registry = scope.registry();
        Sample::of(&registry, &Program::of(&registry))
    }

    /// By kind, the names of the rows that are told.
    fn told(rows: &Rows, all_rows: bool, name: Option<&str>) -> Vec<(String, Vec<String>)> {
        let pattern = name.map(|name| name.parse().unwrap());
        let json: Value = serde_json::from_str(&rows.json(all_rows, pattern.as_ref())).unwrap();
        assert_eq!((&json["all"], &json["at"]), (&all_rows.into(), &serde_json::from_str(&rows.moment).unwrap()));
        let name = |row: &Value| row[0].as_str().unwrap().to_owned();
        let names = |rows: &Value| rows.as_array().unwrap().iter().map(name).collect();
        json["rows"].as_object().unwrap().iter().map(|(kind, rows)| (kind.clone(), names(rows))).collect()
    }

    fn names(kinds: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
        let mut kinds: Vec<_> = kinds
            .iter()
            .map(|(kind, names)| ((*kind).to_owned(), names.iter().map(|name| (*name).to_owned()).collect()))
            .collect();
        kinds.sort();
        kinds
    }

    #[test]
    fn what_has_changed_is_told_again_and_all_of_it_to_whoever_comes() {
        let mut sample = sample();
        let all: &[(&str, &[&str])] = &[
            ("circuit_breaker", &["a", "b"]),
            ("retry", &["a"]),
            ("timeout", &["a"]),
            ("bulkhead", &["a", "c"]),
            ("rate_limit", &["a"]),
        ];
        let sorted = |mut told: Vec<(String, Vec<String>)>| {
            told.sort();
            told
        };
        let first = Rows::of(&sample, Rates::new(), None);
        assert_eq!((first.number, first.are_of(&sample)), (1, true));
        assert_eq!(sorted(told(&first, true, None)), names(all));
        assert_eq!(sorted(told(&first, false, None)), names(all), "all of it is new");
        assert_eq!(sorted(told(&first, true, Some("c"))), names(&[("bulkhead", &["c"])]));

        let second = Rows::of(&sample, Rates::new(), Some(&first));
        assert_eq!((second.number, told(&second, false, None)), (2, vec![]));
        assert_eq!(sorted(told(&second, true, None)), names(all));

        sample.policies.circuit_breakers[1].consecutive_failures += 1;
        sample.policies.bulkheads[0].waiting += 1;
        let third = Rows::of(&sample, Rates::new(), Some(&second));
        let changed = names(&[("circuit_breaker", &["b"]), ("bulkhead", &["a"])]);
        assert_eq!((third.number, sorted(told(&third, false, None))), (3, changed));
        assert_eq!(told(&third, false, Some("c")), []);
    }

    /// A column is called by the path of the same number in a row of `policies`.
    #[test]
    fn each_column_has_the_number_of_its_path() {
        let mut sample = sample();
        let breaker = &mut sample.policies.circuit_breakers[0];
        (breaker.window.calls, breaker.window.failures, breaker.window.slow) = (7, 8, 9);
        let mut rate = serde_json::Map::new();
        for (nth, word) in ["calls", "failures", "rejected", "would_reject", "slow", "fallbacks"].iter().enumerate() {
            rate.insert((*word).to_owned(), (100 + nth).into());
        }
        let pace = Pace { rate: Some(rate), latency: serde_json::json!({ "p50": 0.1, "p95": 0.2, "p99": 0.3 }) };
        let policy = policies::of(&sample.policies).next().unwrap();
        let told: Value = serde_json::from_str(&short(policy, Some(pace))).unwrap();
        let expected = serde_json::json!([
            "a", "closed", "closed", null, 100, 0, 7, 8, 9, 100, 101, 102, 103, 104, 105, 0.1, 0.2, 0.3, null, null
        ]);
        assert_eq!(told, expected);
        for policy in policies::of(&sample.policies) {
            let told: Value = serde_json::from_str(&short(policy, None)).unwrap();
            let columns = COLUMNS.iter().find(|(kind, _)| *kind == policy.kind()).unwrap().1;
            assert_eq!((told.as_array().unwrap().len(), &told[0]), (columns.len(), &policy.name().as_str().into()));
        }
    }
}
