//! The goals, and whether they are met.

use crate::cases::{compile, memory};
use crate::contest::{BARE, Timing};
use crate::report::{Report, best_peer, number};
use serde::Serialize;
use std::collections::HashMap;

/// Something that was promised.
#[derive(Debug, Serialize)]
pub(crate) struct Goal {
    pub(crate) what: String,
    pub(crate) limit: Limit,
    /// `None`: the run left it out.
    pub(crate) measured: Option<f64>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Goal {
    fn met(&self) -> Option<bool> {
        self.measured.map(|measured| match self.limit {
            Limit::AtMost(limit) => measured <= limit,
            Limit::AtLeast(limit) => measured >= limit,
        })
    }

    pub(crate) fn cells(&self) -> Vec<String> {
        let limit = match self.limit {
            Limit::AtMost(limit) => format!("at most {limit}"),
            Limit::AtLeast(limit) => format!("at least {limit}"),
        };
        let met = match self.met() {
            Some(true) => "met",
            Some(false) => "NOT MET",
            None => "not measured",
        };
        vec![self.what.clone(), limit, self.measured.map_or_else(String::new, number), met.into()]
    }
}

/// All rounds of the timed cases, by case.
pub(crate) type Timings = HashMap<&'static str, Vec<Timing>>;

fn of<'t>(timings: &'t Timings, case: &str, who: &str) -> Option<&'t Timing> {
    timings.get(case)?.iter().find(|timing| timing.who == who)
}

pub(crate) fn goals(timings: &Timings, report: &Report) -> Vec<Goal> {
    let mut goals = Vec::new();
    let mut goal = |what: String, limit: Limit, measured: Option<f64>| goals.push(Goal { what, limit, measured });

    // What the breaker itself costs, of what the peer's itself costs.
    let over_bare = |ours: &str, peer: &str| {
        let bare = of(timings, "closed", BARE)?;
        Some(of(timings, "closed", ours)?.over(of(timings, "closed", peer)?, Some(bare)))
    };
    for (ours, peer, limit) in [
        ("ours, default (10 s)", "recloser", 0.5),
        ("ours, default (10 s)", "failsafe, time window", 0.15),
        ("ours, default (10 s)", "tower-resilience", 0.05),
        ("ours, consecutive", "nobreak", 0.5),
        ("ours, count window", "recloser", 0.25),
    ] {
        goal(format!("closed, over the bare call: {ours} / {peer}"), Limit::AtMost(limit), over_bare(ours, peer));
    }

    let to_best = |case: &str, who: &str| Some(of(timings, case, who)?.over(best_peer(timings.get(case)?)?, None));
    goal("open, rejected: ours / the fastest peer".into(), Limit::AtMost(0.4), to_best("open", "ours"));
    goal(
        "retry, breaker, bulkhead, timeout / tower's retry, limit, timeout".into(),
        Limit::AtMost(0.25),
        to_best("stack", "ours: retry, breaker, bulkhead, timeout"),
    );

    for (case, who, limit) in [
        ("two workers", "ours, default", 1.8),
        ("two workers", "ours, consecutive", 1.8),
        ("two workers", "ours, count window", 1.8),
        ("two workers, 1 % errors", "ours, default", 1.8),
        ("two workers, 1 % errors", "ours, consecutive", 1.4),
        ("two workers, 1 % errors", "ours, count window", 1.4),
    ] {
        let by = |tasks| of(timings, case, &crate::cases::workers::who(who, tasks));
        let measured = by(1).zip(by(2)).map(|(one, two)| one.over(two, None));
        goal(format!("{case} / one: {who}"), Limit::AtLeast(limit), measured);
    }

    let most = |values: &mut dyn Iterator<Item = f64>| values.reduce(f64::max);
    let allocations = report.table(memory::ALLOCATIONS).and_then(|table| {
        let ours = table.rows.iter().filter(|row| row.who.contains(": ours"));
        most(&mut ours.map(|row| row.value.median))
    });
    goal("allocations a call, the most of any of ours".into(), Limit::AtMost(0.0), allocations);

    let breaker = report.table(memory::BREAKERS).and_then(|table| table.value("ours, default (10 s)"));
    goal("bytes a breaker of a time window".into(), Limit::AtMost(1024.0), breaker);

    let keyed = report.table(memory::KEYED).and_then(|table| Some(table.rows.first()?.value.median));
    goal("breakers left by a million keys, max_keys = 1024".into(), Limit::AtMost(1024.0), keyed);

    let futures = report.table(memory::FUTURES).and_then(|table| {
        most(&mut table.rows.iter().filter_map(|row| Some((*row.more.first()?)? - (*row.more.last()?)?)))
    });
    goal("bytes of a guarded future beyond what each policy may add, the most".into(), Limit::AtMost(0.0), futures);

    let check = report
        .table(compile::CHECK)
        .and_then(|table| Some(table.value(compile::GUARDED)? / table.value(compile::INSTRUMENTED)?));
    goal("cargo check a guarded function / an instrumented one".into(), Limit::AtMost(0.5), check);

    let http =
        of(timings, "http", BARE).zip(of(timings, "http", "ours: all six")).map(|(bare, ours)| bare.over(ours, None));
    goal("throughput of a real HTTP call through the whole stack".into(), Limit::AtLeast(0.995), http);
    goals
}
