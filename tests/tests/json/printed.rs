//! Whoever prints a value pads words, and stops where the writer does.

use super::{acts, events_of_each_topic, next_calls, reasons, rejections};
use resilience_runtime::testing::Scope;
use resilience_runtime::{CircuitBreaker, GaveUp, HealthStatus, Kind, RejectionKind, State, Topic, registry};
use std::fmt::{self, Display, Write};

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

async fn sentences() -> Vec<Box<dyn Display>> {
    fn boxed<T: Display + 'static>(values: impl IntoIterator<Item = T>) -> impl Iterator<Item = Box<dyn Display>> {
        values.into_iter().map(|value| Box::new(value) as Box<dyn Display>)
    }
    let mut all: Vec<Box<dyn Display>> = boxed(events_of_each_topic().await).collect();
    all.extend(boxed(rejections()).chain(boxed(reasons())).chain(boxed(next_calls())));
    all.extend(boxed(acts()).chain(boxed(GaveUp::ALL.iter().copied())));

    let _entered = Scope::new().enter();
    registry().mark_critical("stock", true).unwrap();
    CircuitBreaker::builder("stock").register().unwrap().force_open();
    let payment = CircuitBreaker::builder("payment").consecutive_failures(1).register().unwrap();
    payment.keyed("7]").try_acquire().unwrap().failure();
    all.extend(boxed([registry().health().await]));
    let mistakes = "[retry.payment]\nattempts = 0\ndelai = \"1s\"\n[retrys]";
    all.extend(boxed([registry().configure_from_str(mistakes).unwrap_err()]));
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
