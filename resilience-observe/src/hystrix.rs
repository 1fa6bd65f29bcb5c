//! What the dashboard of Hystrix reads: each circuit breaker as one of its commands, each bulkhead as one of its thread pools.
//!
//! Hystrix counts over the last ten seconds. So one reading a second is kept for as long as somebody looks, and all who look share the last one.

use crate::locked::locked;
use crate::program::{Function, Program};
use axum::body::Bytes;
use resilience_config::parse_duration;
use resilience_runtime::{
    BulkheadSnapshot, CircuitBreakerSnapshot, Histogram, Kind, Latency, Name, Operation, Registry, RegistrySnapshot,
    Setting, State,
};
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Who looks at the same time, at most; as many as Hystrix allows.
const CONNECTIONS: usize = 5;
/// What is counted over.
const WINDOW: Duration = Duration::from_secs(10);
/// Between two readings that are kept.
const KEPT_EVERY: Duration = Duration::from_secs(1);
/// So long what is configured may be out of date.
const CONFIGURED_EVERY: Duration = Duration::from_secs(5);
/// The percentiles that are told.
const PERCENTILES: [(&str, f64); 9] = [
    ("0", 0.0),
    ("25", 25.0),
    ("50", 50.0),
    ("75", 75.0),
    ("90", 90.0),
    ("95", 95.0),
    ("99", 99.0),
    ("99.5", 99.5),
    ("100", 100.0),
];

/// What everybody who looks shares.
#[derive(Debug)]
pub(crate) struct Hystrix {
    registry: Registry,
    program: Arc<Program>,
    /// By circuit breaker.
    around: HashMap<Name, Around>,
    looking: AtomicUsize,
    last: Mutex<Last>,
}

/// What is around and inside a circuit breaker, in the functions that have it.
#[derive(Debug, Default)]
struct Around {
    group: Option<&'static str>,
    /// Below it: a call that takes too long is one of its failures.
    timeouts: Vec<Name>,
    /// Below it: a call that is rejected there is one that it ignores.
    bulkheads_below: Vec<Name>,
    bulkheads_above: Vec<Name>,
}

/// The last reading, and those of the ten seconds before.
#[derive(Debug, Default)]
struct Last {
    kept: VecDeque<Counted>,
    configured: Option<Configured>,
    text: Bytes,
    made: Option<Instant>,
}

/// All that only grows, and how many calls are inside, at one moment.
#[derive(Debug)]
struct Counted {
    at: Instant,
    breakers: HashMap<Name, OfBreaker>,
    bulkheads: HashMap<Name, OfBulkhead>,
}

#[derive(Clone, Debug, Default)]
struct OfBreaker {
    successes: u64,
    /// Those that took too long among them.
    failures: u64,
    timeouts: u64,
    ignored: u64,
    short_circuited: u64,
    /// By a bulkhead below it, and by any.
    rejected_below: u64,
    rejected: u64,
    answered_fallbacks: u64,
    failed_fallbacks: u64,
    inside: u64,
    took: Histogram,
}

#[derive(Clone, Copy, Debug, Default)]
struct OfBulkhead {
    admitted: u64,
    rejected: u64,
    inside: u64,
}

/// What is configured.
#[derive(Debug)]
struct Configured {
    read: Instant,
    breakers: HashMap<Name, Properties>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Properties {
    minimum_calls: u64,
    open_for: Duration,
    failure_rate: f64,
}

/// One who looks, until it is dropped.
#[derive(Debug)]
pub(crate) struct Looking(Arc<Hystrix>);

impl Hystrix {
    pub(crate) fn new(registry: &Registry, program: &Arc<Program>) -> Arc<Self> {
        let mut around = HashMap::<Name, Around>::new();
        for Function { operation, layers, .. } in program.functions() {
            for (nth, (kind, name)) in layers.iter().enumerate() {
                let (Kind::CircuitBreaker, Some(name)) = (kind, name) else { continue };
                let of_breaker = around.entry(name.clone()).or_default();
                of_breaker.group.get_or_insert(operation.module());
                let (above, below) = layers.split_at(nth);
                add(&mut of_breaker.timeouts, below, Kind::Timeout);
                add(&mut of_breaker.bulkheads_below, below, Kind::Bulkhead);
                add(&mut of_breaker.bulkheads_above, above, Kind::Bulkhead);
            }
        }
        let (registry, program) = (registry.clone(), Arc::clone(program));
        Arc::new(Self { registry, program, around, looking: AtomicUsize::new(0), last: Mutex::default() })
    }

    /// `None` where as many look already as may.
    pub(crate) fn begin(self: &Arc<Self>) -> Option<Looking> {
        let more = |looking: usize| (looking < CONNECTIONS).then_some(looking + 1);
        self.looking.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Looking(Arc::clone(self)))
    }

    /// What there is to tell, no older than `delay`.
    fn look(&self, delay: Duration) -> Bytes {
        let mut last = locked(&self.last);
        let now = Instant::now();
        if last.made.is_none_or(|made| now.duration_since(made) >= delay) {
            let policies = self.registry.read();
            let counted = self.count(&policies, now);
            last.forget(now);
            let configured = last.configured.take().filter(|configured| configured.read.elapsed() < CONFIGURED_EVERY);
            let configured = configured.unwrap_or_else(|| Configured::read(&self.registry, now));
            last.text = self.messages(&policies, &counted, &last.kept, &configured).into();
            (last.configured, last.made) = (Some(configured), Some(now));
            last.keep(counted);
        }
        last.text.clone()
    }

    fn count(&self, policies: &RegistrySnapshot, at: Instant) -> Counted {
        let timeouts: HashMap<&Name, u64> = policies.timeouts.iter().map(|of| (&of.name, of.timed_out)).collect();
        let bulkheads = policies.bulkheads.iter();
        let bulkheads: HashMap<Name, OfBulkhead> = bulkheads.map(|of| (of.name.clone(), OfBulkhead::of(of))).collect();
        let sum_of = |names: &[Name], of: fn(&OfBulkhead) -> u64| {
            names.iter().filter_map(|name| bulkheads.get(name)).map(of).sum::<u64>()
        };
        let breakers = policies.circuit_breakers.iter().map(|breaker| {
            let nothing = Around::default();
            let around = self.around.get(&breaker.name).unwrap_or(&nothing);
            let rejected_below = sum_of(&around.bulkheads_below, |of| of.rejected);
            let of_breaker = OfBreaker {
                successes: breaker.totals.successes,
                failures: breaker.totals.failures,
                timeouts: around.timeouts.iter().filter_map(|name| timeouts.get(name)).sum(),
                ignored: breaker.totals.ignored,
                short_circuited: breaker.totals.rejected,
                rejected_below,
                rejected: rejected_below + sum_of(&around.bulkheads_above, |of| of.rejected),
                answered_fallbacks: self.program.fallbacks_of(&breaker.name, Operation::answered_fallbacks),
                failed_fallbacks: self.program.fallbacks_of(&breaker.name, Operation::failed_fallbacks),
                inside: sum_of(&around.bulkheads_below, |of| of.inside)
                    + sum_of(&around.bulkheads_above, |of| of.inside),
                took: breaker.latency.as_ref().map(Latency::all).unwrap_or_default(),
            };
            (breaker.name.clone(), of_breaker)
        });
        Counted { at, breakers: breakers.collect(), bulkheads }
    }

    fn messages(
        &self,
        policies: &RegistrySnapshot,
        now: &Counted,
        kept: &VecDeque<Counted>,
        configured: &Configured,
    ) -> String {
        let at = millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
        let bulkheads: HashMap<&Name, &BulkheadSnapshot> = policies.bulkheads.iter().map(|of| (&of.name, of)).collect();
        let timeouts: HashMap<&Name, Duration> = policies.timeouts.iter().map(|of| (&of.name, of.after)).collect();
        let mut text = String::new();
        let mut tell = |value: Value| text.extend(["data: ", &value.to_string(), "\n\n"]);
        for breaker in &policies.circuit_breakers {
            let (name, nothing) = (&breaker.name, Around::default());
            let around = self.around.get(name).unwrap_or(&nothing);
            let Some(counted) = now.breakers.get(name) else { continue };
            // What came since has counted all of it since. What was there when the first one looked, nobody knows since when.
            let begun = kept.front().map(|first| first.breakers.get(name).cloned().unwrap_or_default());
            let inside = kept.iter().filter_map(|kept| kept.breakers.get(name)).map(|kept| kept.inside);
            let of_bulkheads = || around.bulkheads().filter_map(|name| bulkheads.get(name));
            let group = around.group.unwrap_or("resilience");
            tell(command(&Command {
                breaker,
                at,
                rolling: &counted.since(begun.as_ref().unwrap_or(counted)),
                most_inside: inside.fold(counted.inside, u64::max),
                properties: configured.breakers.get(name).copied().unwrap_or_default(),
                group,
                limit: of_bulkheads().map(|bulkhead| bulkhead.max_concurrent).sum(),
                timeout: around
                    .timeouts
                    .iter()
                    .filter_map(|name| timeouts.get(name))
                    .min()
                    .copied()
                    .unwrap_or_default(),
                pool: of_bulkheads().next().map_or(group, |bulkhead| &bulkhead.name),
            }));
        }
        for bulkhead in &policies.bulkheads {
            let (name, counted) = (&bulkhead.name, OfBulkhead::of(bulkhead));
            let begun = kept.front().map(|first| first.bulkheads.get(name).copied().unwrap_or_default());
            let inside = kept.iter().filter_map(|kept| kept.bulkheads.get(name)).map(|kept| kept.inside);
            let most_inside = inside.fold(counted.inside, u64::max);
            tell(thread_pool(bulkhead, at, counted, begun.unwrap_or(counted), most_inside));
        }
        text.push_str(PING);
        text
    }
}

impl Around {
    fn bulkheads(&self) -> impl Iterator<Item = &Name> {
        self.bulkheads_below.iter().chain(&self.bulkheads_above)
    }
}

/// What the next one who would look is told: by Hystrix in the same words.
pub(crate) fn refusal() -> String {
    format!("MaxConcurrentConnections reached: {CONNECTIONS}")
}

/// What stands between messages, so that a connection is never silent.
const PING: &str = "ping: \n\n";

fn add(names: &mut Vec<Name>, layers: &[(Kind, Option<Name>)], wanted: Kind) {
    let wanted = layers.iter().filter(|(kind, _)| *kind == wanted).filter_map(|(_, name)| name.as_ref());
    for name in wanted {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
}

impl Last {
    /// Leaves those of the last ten seconds, and of those before the last one.
    fn forget(&mut self, now: Instant) {
        let age = |counted: &Counted| now.duration_since(counted.at);
        // For a while nobody has looked.
        if self.kept.back().is_some_and(|last| age(last) > WINDOW + KEPT_EVERY) {
            self.kept.clear();
        }
        while self.kept.get(1).is_some_and(|second| age(second) >= WINDOW) {
            self.kept.pop_front();
        }
    }

    fn keep(&mut self, counted: Counted) {
        if self.kept.back().is_none_or(|last| counted.at.duration_since(last.at) >= KEPT_EVERY) {
            self.kept.push_back(counted);
        }
    }
}

impl Looking {
    /// What there is to tell, no older than that.
    pub(crate) fn messages(&self, delay: Duration) -> Bytes {
        self.0.look(delay)
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.looking.fetch_sub(1, Ordering::Relaxed);
    }
}

impl OfBreaker {
    fn since(&self, before: &Self) -> Self {
        let grown = |of: fn(&Self) -> u64| of(self).saturating_sub(of(before));
        Self {
            successes: grown(|of| of.successes),
            failures: grown(|of| of.failures),
            timeouts: grown(|of| of.timeouts),
            ignored: grown(|of| of.ignored),
            short_circuited: grown(|of| of.short_circuited),
            rejected_below: grown(|of| of.rejected_below),
            rejected: grown(|of| of.rejected),
            answered_fallbacks: grown(|of| of.answered_fallbacks),
            failed_fallbacks: grown(|of| of.failed_fallbacks),
            inside: self.inside,
            took: self.took.since(&before.took),
        }
    }
}

impl OfBulkhead {
    fn of(snapshot: &BulkheadSnapshot) -> Self {
        let BulkheadSnapshot { admitted, rejected, timed_out, inside, .. } = *snapshot;
        Self { admitted, rejected: rejected + timed_out, inside }
    }
}

impl Configured {
    fn read(registry: &Registry, now: Instant) -> Self {
        let breakers = registry.circuit_breakers().map(|breaker| {
            let CircuitBreakerSnapshot { name, settings, .. } = breaker.snapshot();
            (name, Properties::of(&settings))
        });
        Self { read: now, breakers: breakers.collect() }
    }
}

impl Properties {
    /// As they are shown, each is as one would write it.
    fn of(settings: &[Setting]) -> Self {
        let value = |key| settings.iter().find(|setting| setting.key == key).map_or("", |setting| &setting.value);
        Self {
            minimum_calls: value("minimum_calls").parse().unwrap_or_default(),
            open_for: parse_duration(value("open_for")).unwrap_or_default(),
            failure_rate: value("failure_rate").parse().unwrap_or_default(),
        }
    }
}

/// One circuit breaker, as one of Hystrix' commands.
struct Command<'a> {
    breaker: &'a CircuitBreakerSnapshot,
    /// In milliseconds since 1970.
    at: u64,
    rolling: &'a OfBreaker,
    most_inside: u64,
    properties: Properties,
    group: &'a str,
    /// Calls that may be inside at once.
    limit: u64,
    timeout: Duration,
    pool: &'a str,
}

fn command(of: &Command<'_>) -> Value {
    let Command { breaker, rolling, properties, .. } = of;
    // A timeout that several functions share has more than are failures here.
    let timeouts = rolling.timeouts.min(rolling.failures);
    let failures = rolling.failures - timeouts;
    let errors = rolling.failures + rolling.rejected;
    let requests = rolling.successes + errors;
    let bad_requests = rolling.ignored.saturating_sub(rolling.rejected_below);
    let thrown = (errors + rolling.short_circuited + bad_requests).saturating_sub(rolling.answered_fallbacks);
    let state = breaker.state;
    let (count, took) = (rolling.took.count(), rolling.took.sum());
    let mean = millis(took).checked_div(count).unwrap_or(0);
    let percentiles = PERCENTILES.iter().map(|(word, percent)| {
        let took = rolling.took.percentile(*percent).unwrap_or_default();
        ((*word).to_owned(), Value::from(millis(took)))
    });
    let percentiles = Value::Object(percentiles.collect());
    object([
        ("type", "HystrixCommand".into()),
        ("name", breaker.name.as_str().into()),
        ("group", of.group.into()),
        ("currentTime", of.at.into()),
        ("isCircuitBreakerOpen", (matches!(state, State::Open | State::HalfOpen | State::ForcedOpen)).into()),
        ("errorPercentage", ((errors * 100).checked_div(requests).unwrap_or(0)).into()),
        ("errorCount", errors.into()),
        ("requestCount", requests.into()),
        ("rollingCountBadRequests", bad_requests.into()),
        ("rollingCountCollapsedRequests", 0.into()),
        ("rollingCountEmit", 0.into()),
        ("rollingCountExceptionsThrown", thrown.into()),
        ("rollingCountFailure", failures.into()),
        ("rollingCountFallbackEmit", 0.into()),
        ("rollingCountFallbackFailure", rolling.failed_fallbacks.into()),
        ("rollingCountFallbackMissing", 0.into()),
        ("rollingCountFallbackRejection", 0.into()),
        ("rollingCountFallbackSuccess", rolling.answered_fallbacks.into()),
        ("rollingCountResponsesFromCache", 0.into()),
        ("rollingCountSemaphoreRejected", rolling.rejected.into()),
        ("rollingCountShortCircuited", rolling.short_circuited.into()),
        ("rollingCountSuccess", rolling.successes.into()),
        ("rollingCountThreadPoolRejected", 0.into()),
        ("rollingCountTimeout", timeouts.into()),
        ("currentConcurrentExecutionCount", rolling.inside.into()),
        ("rollingMaxConcurrentExecutionCount", of.most_inside.into()),
        ("latencyExecute_mean", mean.into()),
        ("latencyExecute", percentiles.clone()),
        ("latencyTotal_mean", mean.into()),
        ("latencyTotal", percentiles),
        ("propertyValue_circuitBreakerRequestVolumeThreshold", properties.minimum_calls.into()),
        ("propertyValue_circuitBreakerSleepWindowInMilliseconds", millis(properties.open_for).into()),
        ("propertyValue_circuitBreakerErrorThresholdPercentage", (properties.failure_rate.round() as u64).into()),
        ("propertyValue_circuitBreakerForceOpen", (state == State::ForcedOpen).into()),
        ("propertyValue_circuitBreakerForceClosed", (matches!(state, State::Disabled | State::Monitoring)).into()),
        ("propertyValue_circuitBreakerEnabled", (state != State::Disabled).into()),
        ("propertyValue_executionIsolationStrategy", "SEMAPHORE".into()),
        ("propertyValue_executionIsolationThreadTimeoutInMilliseconds", millis(of.timeout).into()),
        ("propertyValue_executionTimeoutInMilliseconds", millis(of.timeout).into()),
        ("propertyValue_executionIsolationThreadInterruptOnTimeout", true.into()),
        ("propertyValue_executionIsolationThreadPoolKeyOverride", Value::Null),
        ("propertyValue_executionIsolationSemaphoreMaxConcurrentRequests", of.limit.into()),
        ("propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests", 0.into()),
        ("propertyValue_metricsRollingStatisticalWindowInMilliseconds", millis(WINDOW).into()),
        ("propertyValue_requestCacheEnabled", false.into()),
        ("propertyValue_requestLogEnabled", false.into()),
        ("reportingHosts", 1.into()),
        ("threadPool", of.pool.into()),
    ])
}

/// One bulkhead, as one of Hystrix' thread pools: all of its threads are there, and those inside are busy.
fn thread_pool(bulkhead: &BulkheadSnapshot, at: u64, now: OfBulkhead, before: OfBulkhead, most_inside: u64) -> Value {
    let size = bulkhead.max_concurrent;
    object([
        ("type", "HystrixThreadPool".into()),
        ("name", bulkhead.name.as_str().into()),
        ("currentTime", at.into()),
        ("currentActiveCount", now.inside.into()),
        ("currentCompletedTaskCount", now.admitted.saturating_sub(now.inside).into()),
        ("currentCorePoolSize", size.into()),
        ("currentLargestPoolSize", size.into()),
        ("currentMaximumPoolSize", size.into()),
        ("currentPoolSize", size.into()),
        ("currentQueueSize", bulkhead.waiting.into()),
        ("currentTaskCount", (now.admitted + bulkhead.waiting).into()),
        ("rollingCountThreadsExecuted", now.admitted.saturating_sub(before.admitted).into()),
        ("rollingMaxActiveThreads", most_inside.into()),
        ("rollingCountCommandRejections", now.rejected.saturating_sub(before.rejected).into()),
        ("propertyValue_queueSizeRejectionThreshold", bulkhead.max_queue.into()),
        ("propertyValue_metricsRollingStatisticalWindowInMilliseconds", millis(WINDOW).into()),
        ("reportingHosts", 1.into()),
    ])
}

fn object<const FIELDS: usize>(fields: [(&str, Value); FIELDS]) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use resilience_runtime::testing::Scope;
    use resilience_runtime::{CircuitBreakerConfig, Rejection, bulkhead, circuit_breaker, retry, timeout};

    fn is_ignored(rejection: &Rejection) -> bool {
        rejection.name() == "hystrix: ignored"
    }

    #[bulkhead(name = "hystrix: above", max_concurrent = 2, max_queue = 1, max_wait = "1ms")]
    #[circuit_breaker("hystrix: shared", ignore_if = is_ignored, failure_rate = 40)]
    async fn with_a_bulkhead_above() -> Result<(), Rejection> {
        Err(Rejection::Unsuccessful { name: "hystrix: ignored".into() })
    }

    #[circuit_breaker("hystrix: shared")]
    #[timeout("9s", name = "hystrix: all")]
    #[retry(attempts = 1)]
    #[bulkhead(name = "hystrix: below", max_concurrent = 3)]
    #[timeout("3s", name = "hystrix: each")]
    async fn with_a_bulkhead_below() -> Result<(), Rejection> {
        Ok(())
    }

    fn told(hystrix: &Hystrix, name: &str) -> Value {
        let text = hystrix.look(Duration::ZERO);
        let messages = std::str::from_utf8(&text).unwrap().lines().filter_map(|line| line.strip_prefix("data: "));
        let mut messages = messages.map(|message| serde_json::from_str::<Value>(message).unwrap());
        messages.find(|message| message["name"] == name).unwrap()
    }

    #[test]
    fn whoever_looks_no_more_makes_room_for_one() {
        let registry = Scope::new().registry();
        let hystrix = Hystrix::new(&registry, &Arc::new(Program::of(&registry)));
        let mut looking: Vec<_> = (0..CONNECTIONS).map(|_| hystrix.begin().unwrap()).collect();
        assert!(hystrix.begin().is_none());
        looking.pop();
        looking.push(hystrix.begin().unwrap());
        assert!(hystrix.begin().is_none());
    }

    #[tokio::test]
    async fn a_breaker_that_functions_share_has_the_bulkheads_and_timeouts_of_all() {
        let scope = Scope::new();
        let _entered = scope.enter();
        let registry = scope.registry();
        let hystrix = Hystrix::new(&registry, &Arc::new(Program::of(&registry)));
        with_a_bulkhead_below().await.unwrap();
        with_a_bulkhead_above().await.unwrap_err();
        let before = told(&hystrix, "hystrix: shared");
        assert_eq!(before["rollingCountSuccess"], 0, "nobody knows since when it has counted");
        with_a_bulkhead_above().await.unwrap_err();
        with_a_bulkhead_above().await.unwrap_err();
        let above = scope.registry().bulkhead("hystrix: above").unwrap();
        let held = [above.try_acquire().unwrap(), above.try_acquire().unwrap()];
        // It waits for a millisecond, and is no call of the breaker.
        with_a_bulkhead_above().await.unwrap_err();
        let command = told(&hystrix, "hystrix: shared");
        for (field, expected) in [
            ("rollingCountBadRequests", 2),
            ("rollingCountSemaphoreRejected", 1),
            ("currentConcurrentExecutionCount", 2),
            ("rollingMaxConcurrentExecutionCount", 2),
            ("propertyValue_executionTimeoutInMilliseconds", 3000),
            ("propertyValue_executionIsolationSemaphoreMaxConcurrentRequests", 2 + 3),
            ("propertyValue_circuitBreakerErrorThresholdPercentage", 40),
        ] {
            assert_eq!(command[field], expected, "{field}: {command}");
        }
        assert_eq!(command["threadPool"], "hystrix: below");
        let pool = told(&hystrix, "hystrix: above");
        assert_eq!((&pool["rollingCountCommandRejections"], &pool["currentActiveCount"]), (&1.into(), &2.into()));
        drop(held);
    }

    #[tokio::test]
    async fn what_is_configured_is_read_again_after_five_seconds() {
        let scope = Scope::new();
        let _entered = scope.enter();
        let registry = scope.registry();
        let hystrix = Hystrix::new(&registry, &Arc::new(Program::of(&registry)));
        with_a_bulkhead_below().await.unwrap();
        let threshold =
            || told(&hystrix, "hystrix: shared")["propertyValue_circuitBreakerErrorThresholdPercentage"].clone();
        let configured = threshold();
        let breaker = scope.registry().circuit_breaker("hystrix: shared").unwrap();
        breaker.reconfigure(CircuitBreakerConfig::new().failure_rate(7.0)).unwrap();
        assert_eq!(threshold(), configured);
        locked(&hystrix.last).configured.as_mut().unwrap().read -= CONFIGURED_EVERY;
        assert_eq!(threshold(), 7);
    }

    /// One of each, in which no two numbers are the same.
    fn one_of_each() -> (CircuitBreakerSnapshot, BulkheadSnapshot) {
        let scope = Scope::new();
        let _entered = scope.enter();
        let breaker = resilience_runtime::CircuitBreaker::builder("payment").build().unwrap().snapshot();
        let mut bulkhead = resilience_runtime::Bulkhead::builder("gateway").build().unwrap().snapshot();
        (bulkhead.max_concurrent, bulkhead.max_queue, bulkhead.waiting) = (61, 62, 63);
        (breaker, bulkhead)
    }

    #[test]
    fn every_field_of_a_command_has_its_own_number() {
        let (breaker, _) = one_of_each();
        let rolling = OfBreaker {
            successes: 1000,
            failures: 170,
            timeouts: 30,
            ignored: 19,
            short_circuited: 23,
            rejected_below: 7,
            rejected: 13,
            answered_fallbacks: 101,
            failed_fallbacks: 41,
            inside: 43,
            took: Histogram::default(),
        };
        let said = |breaker: &CircuitBreakerSnapshot, rolling: &OfBreaker| {
            command(&Command {
                breaker,
                at: 1_700_000_000_047,
                rolling,
                most_inside: 53,
                properties: Properties { minimum_calls: 33, open_for: Duration::from_secs(90), failure_rate: 39.5 },
                group: "shop",
                limit: 59,
                timeout: Duration::from_millis(67),
                pool: "gateway",
            })
        };
        let command = said(&breaker, &rolling);
        for (field, expected) in [
            ("type", Value::from("HystrixCommand")),
            ("name", "payment".into()),
            ("group", "shop".into()),
            ("currentTime", 1_700_000_000_047_u64.into()),
            ("errorCount", (170 + 13).into()),
            ("requestCount", (1000 + 170 + 13).into()),
            ("errorPercentage", 15.into()),
            ("rollingCountSuccess", 1000.into()),
            ("rollingCountFailure", (170 - 30).into()),
            ("rollingCountTimeout", 30.into()),
            ("rollingCountBadRequests", (19 - 7).into()),
            ("rollingCountSemaphoreRejected", 13.into()),
            ("rollingCountShortCircuited", 23.into()),
            ("rollingCountExceptionsThrown", (170 + 13 + 23 + 12 - 101).into()),
            ("rollingCountFallbackSuccess", 101.into()),
            ("rollingCountFallbackFailure", 41.into()),
            ("currentConcurrentExecutionCount", 43.into()),
            ("rollingMaxConcurrentExecutionCount", 53.into()),
            ("latencyExecute_mean", 0.into()),
            ("propertyValue_circuitBreakerRequestVolumeThreshold", 33.into()),
            ("propertyValue_circuitBreakerSleepWindowInMilliseconds", 90_000.into()),
            ("propertyValue_circuitBreakerErrorThresholdPercentage", 40.into()),
            ("propertyValue_executionIsolationStrategy", "SEMAPHORE".into()),
            ("propertyValue_executionIsolationThreadTimeoutInMilliseconds", 67.into()),
            ("propertyValue_executionTimeoutInMilliseconds", 67.into()),
            ("propertyValue_executionIsolationThreadInterruptOnTimeout", true.into()),
            ("propertyValue_executionIsolationThreadPoolKeyOverride", Value::Null),
            ("propertyValue_executionIsolationSemaphoreMaxConcurrentRequests", 59.into()),
            ("propertyValue_metricsRollingStatisticalWindowInMilliseconds", 10_000.into()),
            ("propertyValue_requestCacheEnabled", false.into()),
            ("propertyValue_requestLogEnabled", false.into()),
            ("reportingHosts", 1.into()),
            ("threadPool", "gateway".into()),
        ] {
            assert_eq!(command[field], expected, "{field}: {command}");
        }
        // What does not exist here is told as nothing.
        for field in [
            "rollingCountCollapsedRequests",
            "rollingCountEmit",
            "rollingCountFallbackEmit",
            "rollingCountFallbackMissing",
            "rollingCountFallbackRejection",
            "rollingCountResponsesFromCache",
            "rollingCountThreadPoolRejected",
            "propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests",
        ] {
            assert_eq!(command[field], 0, "{field}");
        }
        // No more failures than there are, and none of them without calls.
        let shared = said(&breaker, &OfBreaker { timeouts: 171, ..rolling });
        assert_eq!((&shared["rollingCountTimeout"], &shared["rollingCountFailure"]), (&170.into(), &0.into()));
        let nothing = said(&breaker, &OfBreaker { answered_fallbacks: 1, ..OfBreaker::default() });
        assert_eq!((&nothing["errorPercentage"], &nothing["rollingCountExceptionsThrown"]), (&0.into(), &0.into()));
    }

    #[test]
    fn every_state_is_told_in_four_answers() {
        let (mut breaker, _) = one_of_each();
        for (state, expected) in [
            (State::Closed, [false, false, false, true]),
            (State::Open, [true, false, false, true]),
            (State::HalfOpen, [true, false, false, true]),
            (State::ForcedOpen, [true, true, false, true]),
            (State::Monitoring, [false, false, true, true]),
            (State::Disabled, [false, false, true, false]),
        ] {
            breaker.state = state;
            let command = command(&Command {
                breaker: &breaker,
                at: 0,
                rolling: &OfBreaker::default(),
                most_inside: 0,
                properties: Properties::default(),
                group: "",
                limit: 0,
                timeout: Duration::ZERO,
                pool: "",
            });
            let told = [
                "isCircuitBreakerOpen",
                "propertyValue_circuitBreakerForceOpen",
                "propertyValue_circuitBreakerForceClosed",
                "propertyValue_circuitBreakerEnabled",
            ];
            assert_eq!(told.map(|field| command[field].as_bool().unwrap()), expected, "{state}");
        }
    }

    #[test]
    fn every_field_of_a_thread_pool_has_its_own_number() {
        let (_, bulkhead) = one_of_each();
        let (now, before) = (
            OfBulkhead { admitted: 1000, rejected: 300, inside: 17 },
            OfBulkhead { admitted: 900, rejected: 270, inside: 5 },
        );
        let expected = serde_json::json!({
            "type": "HystrixThreadPool",
            "name": "gateway",
            "currentTime": 47,
            "currentActiveCount": 17,
            "currentCompletedTaskCount": 1000 - 17,
            "currentCorePoolSize": 61,
            "currentLargestPoolSize": 61,
            "currentMaximumPoolSize": 61,
            "currentPoolSize": 61,
            "currentQueueSize": 63,
            "currentTaskCount": 1000 + 63,
            "rollingCountThreadsExecuted": 100,
            "rollingMaxActiveThreads": 23,
            "rollingCountCommandRejections": 30,
            "propertyValue_queueSizeRejectionThreshold": 62,
            "propertyValue_metricsRollingStatisticalWindowInMilliseconds": 10_000,
            "reportingHosts": 1,
        });
        assert_eq!(thread_pool(&bulkhead, 47, now, before, 23), expected);
        // A bulkhead that was taken out and built anew counts from zero.
        let anew = thread_pool(&bulkhead, 47, before, now, 23);
        assert_eq!(
            (&anew["rollingCountThreadsExecuted"], &anew["rollingCountCommandRejections"]),
            (&0.into(), &0.into())
        );
    }

    #[test]
    fn what_came_since_is_the_difference_of_every_counter_and_what_is_inside_now() {
        let counted = |factor: u64| OfBreaker {
            successes: factor,
            failures: 2 * factor,
            timeouts: 3 * factor,
            ignored: 4 * factor,
            short_circuited: 5 * factor,
            rejected_below: 6 * factor,
            rejected: 7 * factor,
            answered_fallbacks: 8 * factor,
            failed_fallbacks: 9 * factor,
            inside: 10 * factor,
            took: Histogram::default(),
        };
        let numbers = |of: &OfBreaker| {
            [
                of.successes,
                of.failures,
                of.timeouts,
                of.ignored,
                of.short_circuited,
                of.rejected_below,
                of.rejected,
                of.answered_fallbacks,
                of.failed_fallbacks,
                of.inside,
            ]
        };
        assert_eq!(numbers(&counted(101).since(&counted(1))), [100, 200, 300, 400, 500, 600, 700, 800, 900, 1010]);
        assert_eq!(numbers(&counted(1).since(&counted(101))), [0, 0, 0, 0, 0, 0, 0, 0, 0, 10]);
    }

    #[test]
    fn what_is_counted_from_is_ten_seconds_old_or_what_there_was_before_a_pause() {
        let now = Instant::now() + Duration::from_secs(60);
        let ages = |kept: &[u64], at: Instant| {
            let counted = |millis: &u64| Counted {
                at: now - Duration::from_millis(*millis),
                breakers: HashMap::new(),
                bulkheads: HashMap::new(),
            };
            let mut last = Last { kept: kept.iter().map(counted).collect(), ..Last::default() };
            last.forget(at);
            last.keep(counted(&0));
            last.kept.iter().map(|kept| (now - kept.at).as_millis()).collect::<Vec<_>>()
        };
        assert_eq!(ages(&[12_000, 11_000, 10_000, 9000], now), [10_000, 9000, 0]);
        assert_eq!(ages(&[10_999, 9999, 1000], now), [10_999, 9999, 1000, 0]);
        assert_eq!(ages(&[9000, 999], now), [9000, 999], "one a second is kept");
        assert_eq!(ages(&[12_000, 11_000], now), [11_000, 0]);
        assert_eq!(ages(&[12_000, 11_001], now), [0], "nobody has looked for a while");
    }
}
