//! The goals, and whether they are met.

use crate::cases::{bodies, compile, memory};
use crate::contest::{BARE, LEAST, LEAST_BY_THE_CLOCK, Timing, Timings, best_peer, of_tasks};
use crate::table::{Table, number};
use serde::Serialize;

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

fn of<'t>(timings: &'t Timings, case: &str, who: &str) -> Option<&'t Timing> {
    timings.get(case)?.iter().find(|timing| timing.who == who)
}

/// What one costs beyond the bare call, of what the other does.
pub(crate) fn over_bare(timings: &Timings, case: &str, one: &str, other: &str) -> Option<f64> {
    Some(of(timings, case, one)?.over(of(timings, case, other)?, Some(of(timings, case, BARE)?)))
}

pub(crate) fn goals(timings: &Timings, tables: &[Table]) -> Vec<Goal> {
    let table = |name: &str| tables.iter().find(|table| table.name == name);
    let mut goals = Vec::new();
    let mut goal = |what: String, limit: Limit, measured: Option<f64>| goals.push(Goal { what, limit, measured });

    for &body in bodies::NAMES {
        for (ours, least, limit) in [
            ("ours, default (10 s)", LEAST_BY_THE_CLOCK, 2.0),
            ("ours, consecutive", LEAST, 3.0),
            ("ours, count window", LEAST, 3.0),
        ] {
            let measured = over_bare(timings, body, ours, least);
            goal(format!("{body}, over the bare call: {ours} / {least}"), Limit::AtMost(limit), measured);
        }
    }
    for (ours, peer, limit) in [
        ("ours, default (10 s)", "recloser", 0.45),
        ("ours, default (10 s)", "failsafe, time window", 0.1),
        ("ours, default (10 s)", "tower-resilience", 0.035),
        ("ours, default (10 s)", "seatbelt", 0.25),
        ("ours, consecutive", "nobreak", 0.5),
    ] {
        let measured = over_bare(timings, "closed", ours, peer);
        goal(format!("closed, over the bare call: {ours} / {peer}"), Limit::AtMost(limit), measured);
    }

    // By the prices of one processor, on which a locked instruction costs 2 to 3 ns and a precise reading of the clock 26.
    let nanos = |case: &str, who: &str| Some(of(timings, case, who)?.nanos().median);
    for (what, case, who, limit) in [
        ("closed, with a slow-call rule", "closed", "ours, slow calls", 40.0),
        ("closed, one of 16 keys", "keyed", "ours, by a number", 45.0),
        ("half-open, a probe", "half-open: a probe", "ours", 40.0),
        ("bulkhead, full", "bulkhead, full", "ours", 13.0),
    ] {
        goal(format!("{what}, ns"), Limit::AtMost(limit), nanos(case, who));
    }

    let share =
        |case: &str, ours: &str, peer: &str| Some(of(timings, case, ours)?.over(of(timings, case, peer)?, None));
    let to_best = |case: &str, who: &str| Some(of(timings, case, who)?.over(best_peer(timings.get(case)?)?, None));
    goal("open, rejected: ours / the fastest peer".into(), Limit::AtMost(0.5), to_best("open", "ours"));
    for (case, ours, peer, limit) in [
        ("retry", "ours", "tower", 1.3),
        ("bulkhead", "ours", "tokio::sync::Semaphore", 0.6),
        ("rate limit", "ours", "governor", 1.3),
        ("rate limit, refused", "ours", "governor", 1.5),
        ("stack", "ours: retry, breaker, bulkhead, timeout", "tower: retry, limit, timeout", 0.2),
    ] {
        goal(format!("{case}: {ours} / {peer}"), Limit::AtMost(limit), share(case, ours, peer));
    }

    for (case, who, limit) in [
        ("two workers", "ours, default", 1.8),
        ("two workers", "ours, consecutive", 1.8),
        ("two workers", "ours, count window", 1.8),
        ("two workers, 1 % errors", "ours, default", 1.8),
        ("two workers, 1 % errors", "ours, consecutive", 1.6),
        ("two workers, 1 % errors", "ours, count window", 1.6),
    ] {
        let by = |tasks| of(timings, case, &of_tasks(who, tasks));
        let measured = by(1).zip(by(2)).map(|(one, two)| one.over(two, None));
        goal(format!("{case} / one: {who}"), Limit::AtLeast(limit), measured);
    }

    let most = |values: &mut dyn Iterator<Item = f64>| values.reduce(f64::max);
    let allocations = table(memory::ALLOCATIONS).and_then(|table| {
        let ours = table.rows.iter().filter(|row| row.who.contains(": ours"));
        most(&mut ours.map(|row| row.value.median))
    });
    goal("allocations a call, the most of any of ours".into(), Limit::AtMost(0.0), allocations);

    let breaker = table(memory::BREAKERS).and_then(|table| table.value("ours, default (10 s)"));
    goal("bytes a breaker of a time window".into(), Limit::AtMost(1152.0), breaker);

    let keyed = table(memory::KEYED).and_then(|table| Some(table.rows.first()?.value.median));
    goal("breakers left by a million keys, max_keys = 1024".into(), Limit::AtMost(1024.0), keyed);

    let futures = table(memory::FUTURES).and_then(|table| {
        most(&mut table.rows.iter().filter_map(|row| Some((*row.more.first()?)? - (*row.more.last()?)?)))
    });
    goal("bytes of a guarded future beyond what each policy may add, the most".into(), Limit::AtMost(0.0), futures);

    for (what, who, limit) in
        [("a guarded function", compile::GUARDED, 0.4), ("one with four attributes", compile::STACKED, 1.0)]
    {
        let check =
            table(compile::CHECK).and_then(|table| Some(table.value(who)? / table.value(compile::INSTRUMENTED)?));
        goal(format!("cargo check: {what} / an instrumented one"), Limit::AtMost(limit), check);
    }

    let http =
        of(timings, "http", BARE).zip(of(timings, "http", "ours: all six")).map(|(bare, ours)| bare.over(ours, None));
    goal("throughput of a real HTTP call through the whole stack".into(), Limit::AtLeast(0.995), http);
    goals
}
