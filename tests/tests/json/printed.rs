//! Whoever prints a value pads words, and stops where the writer does.

use super::{
    TRAPS, acts, events_in_all_their_forms, events_of_each_topic, more_next_calls, more_rejections, next_calls,
    reasons, rejections,
};
use resilience_runtime::testing::Scope;
use resilience_runtime::{
    CircuitBreaker, CircuitBreakerConfig, GaveUp, HealthStatus, Instance, Kind, Pattern, Pipeline, Rejection,
    RejectionKind, Source, State, Topic, bulkhead, circuit_breaker, fallback, registry, retry,
};
use std::fmt::{self, Display, Write};

#[fallback(|| Ok(()))]
#[retry(attempts = 2, jitter = none)]
#[circuit_breaker("printed", window = 10)]
#[bulkhead(8)]
async fn has_layers() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker("printed", window = 20)]
async fn says_otherwise() -> Result<(), Rejection> {
    Ok(())
}

#[test]
fn words_are_padded() {
    fn padded<T: Copy + Display>(values: &[T], word: fn(T) -> &'static str) {
        for value in values {
            assert_eq!(format!("{value:>20}"), format!("{:>20}", word(*value)));
        }
    }
    padded(Kind::ALL, Kind::as_str);
    padded(State::ALL, State::as_str);
    padded(Topic::ALL, Topic::as_str);
    padded(RejectionKind::ALL, RejectionKind::as_str);
    padded(&[HealthStatus::Up, HealthStatus::Degraded, HealthStatus::Down], HealthStatus::as_str);
}

/// One of everything that is printed, with whatever it may have to say.
async fn sentences() -> Vec<Box<dyn Display>> {
    fn boxed<T: Display + 'static>(values: impl IntoIterator<Item = T>) -> impl Iterator<Item = Box<dyn Display>> {
        values.into_iter().map(|value| Box::new(value) as Box<dyn Display>)
    }
    let mut all: Vec<Box<dyn Display>> = boxed(events_in_all_their_forms().await).collect();
    all.extend(boxed(rejections()).chain(boxed(more_rejections())).chain(boxed(reasons())));
    all.extend(boxed(next_calls()).chain(boxed(more_next_calls())));
    all.extend(boxed(acts()).chain(boxed(GaveUp::ALL.iter().copied())).chain(boxed(TRAPS)));
    let sources = ["resilience.toml", "TIMEOUT"].map(Into::into).map(|path| Source::File { path, line: 7 });
    all.extend(boxed(sources).chain(boxed([Source::Preset { preset: "external" }])));

    let _entered = Scope::new().enter();
    registry().mark_critical("stock", true).unwrap();
    CircuitBreaker::builder("stock").register().unwrap().force_open();
    let payment = CircuitBreaker::builder("payment").consecutive_failures(1).register().unwrap();
    for key in ["7]", "a, b", "two\nlines"] {
        payment.keyed(key).try_acquire().unwrap().failure();
        all.extend(boxed([Instance::of_key("payment", key)]));
        all.extend(boxed(payment.of_key(key).unwrap().recent_events()));
        all.extend(boxed(registry().steer("payment").key(key).by("ops").reset().unwrap()));
    }
    payment.keyed("7]").try_acquire().unwrap().failure();
    all.extend(boxed([registry().health().await]));
    let mistakes = "[retry.payment]\nattempts = 0\ndelai = \"1s\"\n[retrys]";
    let mistakes = registry().configure_from_str(mistakes).unwrap_err();
    all.extend(boxed(mistakes.mistakes().to_vec()));
    all.extend(boxed([mistakes]));
    all.extend(boxed(registry().configure_from_str("[retry.paiment]\nattempts = 3").unwrap().warnings));
    all.extend(boxed([registry().steer("paymnt").reset().unwrap_err()]));
    let timeout = || resilience_runtime::Timeout::builder("wrong");
    let wrong = Pipeline::builder("wrong").timeout(timeout()).timeout(timeout());
    all.extend(boxed([wrong.circuit_breaker(CircuitBreakerConfig::new().failure_rate(0.0)).build().unwrap_err()]));

    for operation in registry().operations() {
        all.extend(boxed(operation.layers()));
        all.extend(operation.layers().iter().flat_map(|layer| boxed(layer.settings())));
    }
    let conflicts = registry().verify().unwrap_err();
    all.extend(boxed(conflicts.iter().cloned()));
    all.extend(boxed([conflicts]));
    all.extend(boxed([registry().describe()]));
    all.extend(boxed(["payment*".parse::<Pattern>().unwrap()]));
    all
}

/// There is room for so many bytes, and whoever was told that there is no more does not go on.
struct Full {
    room: usize,
    is_full: bool,
}

impl Write for Full {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        assert!(!self.is_full, "`{text}` is written after an error");
        self.is_full = text.len() > self.room;
        if self.is_full {
            return Err(fmt::Error);
        }
        self.room -= text.len();
        Ok(())
    }
}

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.write_str(&text).map_err(std::io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_writes_json_stops_at_the_first_error() {
    fn stops(value: &impl serde::Serialize) {
        let length = serde_json::to_string(value).unwrap().len();
        for room in 0..=length {
            let written = serde_json::to_writer(Full { room, is_full: false }, value);
            assert_eq!(written.is_ok(), room == length, "{room} of {length}");
        }
    }
    let breaker = CircuitBreaker::builder("json").consecutive_failures(1).latency(true).build().unwrap();
    breaker.keyed("7]").try_acquire().unwrap().success();
    breaker.try_acquire().unwrap().failure_because(&"connection refused");
    let snapshot = breaker.snapshot();
    stops(&snapshot.latency);
    stops(&snapshot.last_error);
    next_calls().iter().for_each(stops);
    acts().iter().for_each(stops);
    events_of_each_topic().await.iter().for_each(stops);
}

#[tokio::test(start_paused = true)]
async fn whoever_prints_stops_at_the_first_error() {
    for sentence in sentences().await {
        let length = sentence.to_string().len();
        for room in 0..=length {
            let mut writer = Full { room, is_full: false };
            assert_eq!(write!(writer, "{sentence}").is_ok(), room == length, "{sentence}");
        }
    }
}
