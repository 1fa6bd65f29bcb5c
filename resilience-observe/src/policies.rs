//! Every policy as one row: what it has counted, how fast, and its numbers as JSON.

use resilience_runtime::{
    BulkheadSnapshot, CircuitBreakerSnapshot, Kind, Name, RateLimiterSnapshot, RegistrySnapshot, RetrySnapshot,
    TimeoutSnapshot, Topic,
};
use serde_json::{Map, Value};
use std::time::Duration;

/// One policy of a snapshot, whatever its kind is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Policy<'s> {
    CircuitBreaker(&'s CircuitBreakerSnapshot),
    Retry(&'s RetrySnapshot),
    Timeout(&'s TimeoutSnapshot),
    Bulkhead(&'s BulkheadSnapshot),
    RateLimit(&'s RateLimiterSnapshot),
}

/// A number that only grows, by the word for it in `rate`; and what happened, where each is worth an event.
pub(crate) struct Counter {
    pub(crate) word: &'static str,
    pub(crate) count: u64,
    pub(crate) topic: Option<Topic>,
}

/// What happens with a policy now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pace {
    /// So many a second.
    pub(crate) rate: Option<Map<String, Value>>,
    pub(crate) latency: Value,
}

/// What a row does not have: it is a question of its own about one policy.
const NOT_IN_A_ROW: [&str; 4] = ["settings", "next", "history", "last_error"];

/// All of them, by kind and name.
pub(crate) fn of(snapshot: &RegistrySnapshot) -> impl Iterator<Item = Policy<'_>> {
    let breakers = snapshot.circuit_breakers.iter().map(Policy::CircuitBreaker);
    let retries = snapshot.retries.iter().map(Policy::Retry);
    let timeouts = snapshot.timeouts.iter().map(Policy::Timeout);
    let bulkheads = snapshot.bulkheads.iter().map(Policy::Bulkhead);
    let rate_limiters = snapshot.rate_limiters.iter().map(Policy::RateLimit);
    breakers.chain(retries).chain(timeouts).chain(bulkheads).chain(rate_limiters)
}

impl<'s> Policy<'s> {
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::CircuitBreaker(_) => Kind::CircuitBreaker,
            Self::Retry(_) => Kind::Retry,
            Self::Timeout(_) => Kind::Timeout,
            Self::Bulkhead(_) => Kind::Bulkhead,
            Self::RateLimit(_) => Kind::RateLimit,
        }
    }

    pub(crate) fn name(self) -> &'s Name {
        match self {
            Self::CircuitBreaker(snapshot) => &snapshot.name,
            Self::Retry(snapshot) => &snapshot.name,
            Self::Timeout(snapshot) => &snapshot.name,
            Self::Bulkhead(snapshot) => &snapshot.name,
            Self::RateLimit(snapshot) => &snapshot.name,
        }
    }

    pub(crate) fn counters(self) -> Vec<Counter> {
        let counter = |word, count| Counter { word, count, topic: None };
        let told = |word, count, topic| Counter { word, count, topic: Some(topic) };
        let evicted = |keys: Option<resilience_runtime::KeyCounts>| {
            told("evicted", keys.map_or(0, |keys| keys.evicted), Topic::Evicted)
        };
        match self {
            Self::CircuitBreaker(snapshot) => {
                let totals = &snapshot.totals;
                let admitted = totals.successes
                    + totals.failures
                    + totals.ignored
                    + totals.cancelled
                    + totals.abandoned
                    + totals.stale;
                vec![
                    counter("calls", admitted + totals.rejected),
                    counter("failures", totals.failures),
                    told("rejected", totals.rejected, Topic::Rejected),
                    counter("would_reject", totals.would_reject),
                    told("slow", totals.slow, Topic::SlowCall),
                    evicted(snapshot.keys),
                ]
            }
            Self::Retry(snapshot) => {
                vec![told("retries", snapshot.retries, Topic::Retry), counter("recovered", snapshot.recovered)]
            }
            Self::Timeout(snapshot) => vec![told("timed_out", snapshot.timed_out, Topic::TimedOut)],
            Self::Bulkhead(snapshot) => vec![
                counter("admitted", snapshot.admitted),
                told("rejected", snapshot.rejected + snapshot.timed_out, Topic::Rejected),
                evicted(snapshot.keys),
            ],
            Self::RateLimit(snapshot) => vec![
                counter("allowed", snapshot.allowed),
                told("rejected", snapshot.rejected, Topic::Rejected),
                evicted(snapshot.keys),
            ],
        }
    }

    /// Its state, where it has one.
    pub(crate) fn state(self) -> Option<&'static str> {
        if let Self::CircuitBreaker(snapshot) = self { Some(snapshot.state.as_str()) } else { None }
    }

    /// The snapshot as it is, with its kind and what follows from it in words.
    pub(crate) fn whole(self) -> Map<String, Value> {
        let (value, next) = match self {
            Self::CircuitBreaker(snapshot) => (serde_json::to_value(snapshot), &snapshot.next),
            Self::Retry(snapshot) => (serde_json::to_value(snapshot), &snapshot.next),
            Self::Timeout(snapshot) => (serde_json::to_value(snapshot), &snapshot.next),
            Self::Bulkhead(snapshot) => (serde_json::to_value(snapshot), &snapshot.next),
            Self::RateLimit(snapshot) => (serde_json::to_value(snapshot), &snapshot.next),
        };
        let mut whole = object(value);
        whole.insert("kind".to_owned(), self.kind().as_str().into());
        whole.insert("next_in_words".to_owned(), next.to_string().into());
        if let Self::CircuitBreaker(snapshot) = self {
            let reason = snapshot.reason.as_ref().map(ToString::to_string);
            whole.insert("reason_in_words".to_owned(), reason.into());
        }
        whole
    }

    /// Without what takes long to read, for a table of all; with what happens now, where that is known.
    pub(crate) fn row(self, pace: Option<Pace>) -> Map<String, Value> {
        let mut row = self.whole();
        NOT_IN_A_ROW.iter().for_each(|field| _ = row.remove(*field));
        row.remove("next_in_words");
        let Pace { rate, latency } = pace.unwrap_or_default();
        row.insert("rate".to_owned(), rate.into());
        if let Self::CircuitBreaker(_) = self {
            row.insert("latency".to_owned(), latency);
        }
        row
    }

    /// How long the calls took that ended since that one: percentiles in seconds. Nothing where it is not measured, or none has ended.
    pub(crate) fn latency_since(self, before: Policy<'_>) -> Value {
        let (Self::CircuitBreaker(now), Policy::CircuitBreaker(before)) = (self, before) else { return Value::Null };
        let Some(latency) = &now.latency else { return Value::Null };
        let since = before.latency.as_ref().map_or_else(|| latency.clone(), |before| latency.since(before)).all();
        let percentile = |percent| since.percentile(percent).map(|time| time.as_secs_f64());
        match (percentile(50.0), percentile(95.0), percentile(99.0)) {
            (Some(p50), Some(p95), Some(p99)) => serde_json::json!({ "p50": p50, "p95": p95, "p99": p99 }),
            _ => Value::Null,
        }
    }
}

/// So many a second, by each word.
pub(crate) fn rate(
    before: impl Iterator<Item = u64>,
    now: impl Iterator<Item = (&'static str, u64)>,
    between: Duration,
) -> Map<String, Value> {
    let seconds = between.as_secs_f64().max(0.001);
    let rounded = |grown: u64| (grown as f64 / seconds * 1000.0).round() / 1000.0;
    now.zip(before).map(|((word, now), before)| (word.to_owned(), rounded(now.saturating_sub(before)).into())).collect()
}

/// What serializes as an object.
pub(crate) fn object(value: serde_json::Result<Value>) -> Map<String, Value> {
    match value {
        Ok(Value::Object(object)) => object,
        // No struct of numbers, words and lists is anything else.
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resilience_runtime::testing::Scope;
    use resilience_runtime::{Bulkhead, CircuitBreaker, Rate, RateLimiter, Retry, Timeout};

    /// Every number is another power of two, so that a sum says what is in it.
    #[test]
    fn each_counter_is_what_it_is_called() {
        let scope = Scope::new();
        {
            let _entered = scope.enter();
            CircuitBreaker::builder("one").register().unwrap();
            Retry::builder("one").register().unwrap();
            Timeout::builder("one").after(Duration::from_secs(1)).register().unwrap();
            Bulkhead::builder("one").register().unwrap();
            RateLimiter::builder("one").rate(Rate::per_second(1)).register().unwrap();
        }
        let mut snapshot = scope.registry().snapshot();
        let mut keys = resilience_runtime::KeyCounts::default();
        (keys.evicted, keys.overflowed, keys.held) = (1024, 2048, 4096);
        let breaker = &mut snapshot.circuit_breakers[0];
        let totals = &mut breaker.totals;
        (totals.successes, totals.failures, totals.ignored, totals.cancelled) = (1, 2, 4, 8);
        (totals.abandoned, totals.stale, totals.rejected) = (16, 32, 64);
        (totals.slow, totals.would_reject) = (128, 256);
        breaker.keys = Some(keys);
        (snapshot.retries[0].retries, snapshot.retries[0].recovered) = (1, 2);
        snapshot.timeouts[0].timed_out = 1;
        let bulkhead = &mut snapshot.bulkheads[0];
        (bulkhead.admitted, bulkhead.rejected, bulkhead.timed_out, bulkhead.keys) = (1, 2, 4, Some(keys));
        let limiter = &mut snapshot.rate_limiters[0];
        (limiter.allowed, limiter.waited, limiter.rejected, limiter.keys) = (1, 2, 4, Some(keys));
        let told: Vec<_> = of(&snapshot)
            .flat_map(|policy| {
                policy.counters().into_iter().map(move |of| (policy.kind(), of.word, of.count, of.topic))
            })
            .collect();
        let expected = [
            (Kind::CircuitBreaker, "calls", 127, None),
            (Kind::CircuitBreaker, "failures", 2, None),
            (Kind::CircuitBreaker, "rejected", 64, Some(Topic::Rejected)),
            (Kind::CircuitBreaker, "would_reject", 256, None),
            (Kind::CircuitBreaker, "slow", 128, Some(Topic::SlowCall)),
            (Kind::CircuitBreaker, "evicted", 1024, Some(Topic::Evicted)),
            (Kind::Retry, "retries", 1, Some(Topic::Retry)),
            (Kind::Retry, "recovered", 2, None),
            (Kind::Timeout, "timed_out", 1, Some(Topic::TimedOut)),
            (Kind::Bulkhead, "admitted", 1, None),
            (Kind::Bulkhead, "rejected", 6, Some(Topic::Rejected)),
            (Kind::Bulkhead, "evicted", 1024, Some(Topic::Evicted)),
            (Kind::RateLimit, "allowed", 1, None),
            (Kind::RateLimit, "rejected", 4, Some(Topic::Rejected)),
            (Kind::RateLimit, "evicted", 1024, Some(Topic::Evicted)),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_rate_is_what_has_grown_in_a_second_to_three_places() {
        for (before, now, millis, expected) in [
            (0, 1, 1000, 1.0),
            (0, 1, 3000, 0.333),
            (0, 2, 3000, 0.667),
            (5, 15, 2000, 5.0),
            (5, 5, 1000, 0.0),
            // What was taken out and built anew counts from zero.
            (5, 4, 1000, 0.0),
            (0, 1, 1, 1000.0),
            (0, 1, 0, 1000.0),
        ] {
            let between = Duration::from_millis(millis);
            let rate = rate([before].into_iter(), [("calls", now)].into_iter(), between);
            assert_eq!((rate.len(), rate["calls"].as_f64()), (1, Some(expected)), "{before} {now} {millis}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn percentiles_are_of_the_calls_since() {
        let scope = Scope::new();
        let _entered = scope.enter();
        let breaker = CircuitBreaker::builder("one").latency(true).register().unwrap();
        let read = || scope.registry().read();
        let call = async |millis| {
            let took = tokio::time::sleep(Duration::from_millis(millis));
            let call = async {
                took.await;
                Ok::<_, ()>(())
            };
            breaker.call(call).await.unwrap();
        };
        call(5000).await;
        let before = read();
        for nth in 0..100 {
            call(if nth < 90 {
                20
            } else if nth < 97 {
                200
            } else {
                900
            })
            .await;
        }
        let since = Policy::CircuitBreaker(&read().circuit_breakers[0])
            .latency_since(Policy::CircuitBreaker(&before.circuit_breakers[0]));
        let [p50, p95, p99] = ["p50", "p95", "p99"].map(|percent| since[percent].as_f64().unwrap());
        assert!((0.01..0.03).contains(&p50) && (0.1..0.3).contains(&p95) && (0.5..1.1).contains(&p99), "{since}");
        let nothing = read();
        let now = Policy::CircuitBreaker(&nothing.circuit_breakers[0]);
        assert_eq!(now.latency_since(now), Value::Null);
    }
}
