//! What it costs two callers that ten thousand breakers are read and reconfigured beside them.

use crate::report::Table;
use crate::subject::work;
use resilience_runtime::{CircuitBreaker, CircuitBreakerConfig, registry};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

pub(crate) const TEN_THOUSAND: &str = "ten thousand breakers";
const BREAKERS: u64 = 10_000;
const CALLERS: u64 = 2;

/// What is done beside the callers.
#[derive(Clone, Copy, PartialEq)]
enum Beside {
    Nothing,
    /// Takes its share of the cores, and nothing else.
    Work,
    Reading,
    Reconfiguring,
}

/// Medians of so many rounds of each, taken in turns.
pub(crate) fn table(rounds: usize) -> Table {
    let about = "two threads call them one after the other, and a third one reads or reconfigures all of them: on two cores it takes a third \
                 of the time, whatever it does";
    let mut table = Table::new(TEN_THOUSAND, about, "ns a call", &["ms for all of them"]);
    let breakers: Vec<_> = (0..BREAKERS)
        .map(|nth| {
            CircuitBreaker::builder(format!("one of ten thousand {nth}")).register().expect("a sound configuration")
        })
        .collect();
    let rows = [
        ("nothing beside", Beside::Nothing),
        ("a third thread that only works", Beside::Work),
        ("snapshots of all", Beside::Reading),
        ("reconfigurations of all", Beside::Reconfiguring),
    ];
    let mut measured: [Vec<(f64, f64)>; 4] = Default::default();
    for _ in 0..rounds {
        for (measured, (_, beside)) in measured.iter_mut().zip(rows) {
            measured.push(round(&breakers, beside));
        }
    }
    for (mut measured, (who, beside)) in measured.into_iter().zip(rows) {
        measured.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (nanos, millis) = measured[rounds / 2];
        table.exact(who, nanos, vec![matches!(beside, Beside::Reading | Beside::Reconfiguring).then_some(millis)]);
    }
    table
}

/// Nanoseconds a call and thread, and milliseconds for whatever was done to all of them.
fn round(breakers: &[Arc<CircuitBreaker>], beside: Beside) -> (f64, f64) {
    const TIME: Duration = Duration::from_millis(400);
    let (stop, calls) = (AtomicBool::new(false), AtomicU64::new(0));
    let begun = Instant::now();
    let mut done = 0_u32;
    std::thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                let mut made = 0_u64;
                while !stop.load(Relaxed) {
                    // Often enough to stop in time, seldom enough to cost nothing.
                    let next = (made % BREAKERS) as usize;
                    for breaker in &breakers[next..next + 1000] {
                        breaker.try_acquire().expect("all of them are closed").success();
                    }
                    made += 1000;
                }
                calls.fetch_add(made, Relaxed);
            });
        }
        while begun.elapsed() < TIME {
            match beside {
                Beside::Nothing => std::thread::sleep(TIME.saturating_sub(begun.elapsed())),
                Beside::Work => _ = std::hint::black_box((0..100_000).map(|call| work(call).unwrap_or(0)).max()),
                Beside::Reading => _ = std::hint::black_box(registry().snapshot()),
                Beside::Reconfiguring => {
                    let config = CircuitBreakerConfig::new().failure_rate(f64::from(50 + done % 2));
                    registry().steer("one of ten thousand*").reconfigure(config).expect("a sound configuration");
                }
            }
            done += 1;
        }
        stop.store(true, Relaxed);
    });
    let elapsed = begun.elapsed();
    let nanos = elapsed.as_nanos() as f64 * CALLERS as f64 / calls.into_inner() as f64;
    (nanos, elapsed.as_secs_f64() * 1000.0 / f64::from(done.max(1)))
}
