//! What a run came to: for people, and as JSON.

use std::fmt;
use std::time::Duration;

use resilience_runtime::Transition;
use serde::Serialize;

use crate::breakers::{History, Others, Reading};
use crate::load::{Phase, Run};
use crate::servers::Service;

/// The object that `--json` prints.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    orders: u64,
    completed: u64,
    degraded: u64,
    failed: u64,
    gave_up: u64,
    queued_payments: u64,
    queued_payments_drained: u64,
    p99_ms: P99,
    breakers: Vec<BreakerReport>,
    #[serde(skip)]
    rest: Rest,
}

/// Milliseconds from the moment an order was due to its answer; `null` where there was no such order.
///
/// `during`: orders that began while the breaker of the broken service was open. Those few that find `open_for` over and are let
/// through as probes are not among them: waiting for the broken service is what a probe is for.
#[derive(Debug, Serialize)]
struct P99 {
    before: Option<f64>,
    during: Option<f64>,
    after: Option<f64>,
}

#[derive(Debug, Serialize)]
struct BreakerReport {
    name: &'static str,
    state: &'static str,
    calls: u64,
    failures: u64,
    cancelled: u64,
    abandoned: u64,
    rejected: u64,
    fallbacks: u64,
    retries: u64,
    timed_out: u64,
    bulkhead_full: u64,
    rate_limited: u64,
    transitions: Vec<TransitionReport>,
}

#[derive(Debug, Serialize)]
struct TransitionReport {
    from: &'static str,
    to: &'static str,
    /// Since the first order was due.
    at_ms: u64,
    /// Why it opened; only people are told.
    #[serde(skip)]
    reason: String,
    /// What the failure said that opened it.
    cause: Option<String>,
}

/// What only people are told.
#[derive(Debug)]
struct Rest {
    outage: String,
    broken: Service,
    duration: Duration,
    lost: u64,
    queued_mails: u64,
    drained_mails: u64,
    phases: Vec<(Phase, Latencies)>,
}

impl Report {
    pub(crate) fn of(run: &Run, history: &History) -> Self {
        let mut tally = run.tally();
        let answered = tally.completed + tally.degraded + tally.failed + tally.gave_up;
        let lost = tally.orders - answered + uncharged(run, &tally.accepted);
        let phases: Vec<_> =
            Phase::ALL.map(|phase| (phase, Latencies::of(&mut tally.latencies[phase as usize]))).into_iter().collect();
        let p99 = |phase: Phase| phases[phase as usize].1.p99.map(milliseconds);
        Self {
            orders: tally.orders,
            completed: tally.completed,
            degraded: tally.degraded,
            failed: tally.failed,
            gave_up: tally.gave_up,
            queued_payments: run.shop.payments.queued(),
            queued_payments_drained: run.shop.payments.drained(),
            p99_ms: P99 { before: p99(Phase::Before), during: p99(Phase::Open), after: p99(Phase::After) },
            breakers: Service::ALL.map(|service| BreakerReport::of(service, history)).into(),
            rest: Rest {
                outage: format!(
                    "{}={} from {:.1?} to {:.1?}",
                    run.outage.service.name(),
                    run.outage.fault.name(),
                    run.breaks_at,
                    run.heals_at
                ),
                broken: run.outage.service,
                duration: run.duration,
                lost,
                queued_mails: run.shop.mails.queued(),
                drained_mails: run.shop.mails.drained(),
                phases,
            },
        }
    }

    /// Whether every order was answered, and every accepted one paid for.
    pub(crate) fn nothing_is_lost(&self) -> bool {
        self.rest.lost == 0 && self.queued_payments_drained == self.queued_payments
    }
}

/// Accepted orders that the payment service knows nothing of and that do not wait for it either.
fn uncharged(run: &Run, accepted: &[u64]) -> u64 {
    let payment = &run.servers[Service::Payment as usize];
    let uncharged = accepted.iter().filter(|&&order| !payment.has_served(order)).count() as u64;
    uncharged.saturating_sub(run.shop.payments.waiting())
}

impl BreakerReport {
    fn of(service: Service, history: &History) -> Self {
        let reading = Reading::of(service);
        let Others { retries, timed_out, bulkhead_full, rate_limited } = Others::of(service);
        Self {
            name: service.name(),
            state: reading.state.as_str(),
            calls: reading.calls,
            failures: reading.failures,
            cancelled: reading.cancelled,
            abandoned: reading.abandoned,
            rejected: reading.rejected,
            fallbacks: reading.fallbacks,
            retries,
            timed_out,
            bulkhead_full,
            rate_limited,
            transitions: history
                .of(service)
                .map(|transition| TransitionReport::of(transition, history.at(transition)))
                .collect(),
        }
    }
}

impl TransitionReport {
    fn of(transition: &Transition, at: Duration) -> Self {
        Self {
            from: transition.from.as_str(),
            to: transition.to.as_str(),
            at_ms: at.as_millis() as u64,
            reason: transition.reason.map_or(String::new(), |reason| format!(": {reason}")),
            cause: transition.cause.as_ref().map(ToString::to_string),
        }
    }
}

/// The latencies of one phase.
#[derive(Debug)]
struct Latencies {
    orders: usize,
    p50: Option<Duration>,
    p99: Option<Duration>,
}

impl Latencies {
    fn of(latencies: &mut [Duration]) -> Self {
        latencies.sort_unstable();
        Self { orders: latencies.len(), p50: percentile(latencies, 50), p99: percentile(latencies, 99) }
    }
}

/// The smallest of them that is not exceeded by so many percent of them.
fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rest { outage, broken, duration, lost, queued_mails, drained_mails, phases } = &self.rest;
        let broken = broken.name();
        writeln!(f, "{} orders in {duration:.1?}, {outage}", self.orders)?;
        let Self { completed, degraded, failed, gave_up, .. } = self;
        writeln!(
            f,
            "{completed} completed, {degraded} degraded, {failed} failed, {lost} lost; {gave_up} customers gave up"
        )?;
        writeln!(f, "{} payments were queued, {} of them drained", self.queued_payments, self.queued_payments_drained)?;
        writeln!(f, "{queued_mails} mails were queued, {drained_mails} of them drained")?;

        writeln!(
            f,
            "\n{:15} {:11} {:>7} {:>8} {:>9} {:>9} {:>8} {:>9}",
            "breaker", "state", "calls", "failures", "cancelled", "abandoned", "rejected", "fallbacks"
        )?;
        for breaker in &self.breakers {
            let BreakerReport { name, state, calls, failures, cancelled, abandoned, .. } = breaker;
            let BreakerReport { rejected, fallbacks, transitions, .. } = breaker;
            write!(f, "{name:15} {state:11} {calls:7} {failures:8} {cancelled:9} {abandoned:9}")?;
            writeln!(f, " {rejected:8} {fallbacks:9}")?;
            for TransitionReport { from, to, at_ms, reason, cause } in transitions {
                let cause = cause.as_ref().map_or(String::new(), |cause| format!("; last error: {cause}"));
                writeln!(f, "    {:7.2}s  {from} -> {to}{reason}{cause}", Duration::from_millis(*at_ms).as_secs_f64())?;
            }
        }

        writeln!(
            f,
            "\n{:15} {:>8} {:>9} {:>13} {:>12}",
            "beside it", "retries", "timed out", "bulkhead full", "rate limited"
        )?;
        for breaker in &self.breakers {
            let BreakerReport { name, retries, timed_out, bulkhead_full, rate_limited, .. } = breaker;
            writeln!(f, "{name:15} {retries:8} {timed_out:9} {bulkhead_full:13} {rate_limited:12}")?;
        }

        writeln!(f, "\n{:42} {:>6} {:>9} {:>9}", "an order's time, by when it began", "orders", "p50", "p99")?;
        for (phase, latencies) in phases {
            let when = match phase {
                Phase::Before => "before the outage".to_owned(),
                Phase::Detecting => format!("during it, {broken} not open"),
                Phase::Open => format!("while {broken} was open"),
                Phase::Probing => format!("while {broken} was half-open, or a probe"),
                Phase::After => "after the outage".to_owned(),
            };
            let show =
                |time: Option<Duration>| time.map_or("-".to_owned(), |time| format!("{:.1} ms", milliseconds(time)));
            writeln!(f, "{when:42} {:6} {:>9} {:>9}", latencies.orders, show(latencies.p50), show(latencies.p99))?;
        }

        let spared = self.breakers.iter().find(|breaker| breaker.name == broken).map_or(0, |breaker| breaker.rejected);
        write!(f, "\n{broken} was spared {spared} calls")
    }
}
