//! `latency`: how long calls took is counted where somebody asks for it, for the calls that succeed or fail and for no others.

use resilience_runtime::testing::Scope;
use resilience_runtime::{
    CircuitBreaker, CircuitBreakerConfig, Failure, Histogram, Latency, Outcome, Permit, Rejection, State, Verdict,
    circuit_breaker, registry,
};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::time::{advance, sleep};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn config() -> CircuitBreakerConfig {
    CircuitBreakerConfig::new()
}

/// A call that takes so long and ends so.
async fn call(breaker: &CircuitBreaker, took: Duration, result: Result<(), &'static str>) {
    let call = async {
        advance(took).await;
        result
    };
    let _ = breaker.call(call).await;
}

#[track_caller]
fn latency(breaker: &CircuitBreaker) -> Latency {
    breaker.snapshot().latency.expect("it is counted")
}

/// As the bucket of each has it: its upper bound, and how many calls it has.
fn filled(histogram: &Histogram) -> Vec<(Duration, u64)> {
    histogram.buckets().filter(|(_, calls)| *calls > 0).collect()
}

#[circuit_breaker("latency: attribute", latency = true, failure_rate = 100)]
async fn guarded(took: Duration) -> Result<(), Rejection> {
    advance(took).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_scripted_distribution_is_read_back_to_the_bucket() {
    let _entered = Scope::new().enter();
    // One to a thousand milliseconds, each once.
    for took in 1..=1000 {
        guarded(millis(took)).await.unwrap();
    }
    let breaker = registry().circuit_breaker("latency: attribute").unwrap();
    let Latency { success, failure, .. } = latency(&breaker);
    assert_eq!(failure, Histogram::default());
    assert_eq!((success.count(), success.sum()), (1000, millis(1000 * 1001 / 2)));
    for (percent, exact) in [(50.0, 500), (90.0, 900), (95.0, 950), (99.0, 990), (99.9, 999)] {
        let read = success.percentile(percent).unwrap();
        let bound = |at: Duration| Histogram::BOUNDS.partition_point(|bound| *bound < at);
        assert_eq!(bound(read), bound(millis(exact)), "{percent}: {read:?}");
    }
    let up_to = |bound| success.buckets().filter(|(upper, _)| *upper <= bound).map(|(_, calls)| calls).sum::<u64>();
    for bound in [1, 10, 25, 250, 500, 750, 1000] {
        assert_eq!(up_to(millis(bound)), bound, "what took exactly {bound} ms is below that bound");
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_off_until_it_is_switched_on_and_keeps_what_it_has_when_it_is_switched_off() {
    let breaker = CircuitBreaker::builder("latency: switched").build().unwrap();
    call(&breaker, millis(7), Ok(())).await;
    assert_eq!(breaker.snapshot().latency, None);
    let began_before = breaker.try_acquire().unwrap();
    breaker.reconfigure(config().latency(true)).unwrap();
    assert_eq!(latency(&breaker), Latency::default());
    began_before.success();
    assert_eq!(latency(&breaker).all().count(), 0, "nobody knows when it began");
    call(&breaker, millis(20), Ok(())).await;
    call(&breaker, millis(20), Err("refused")).await;
    let began_while_on = breaker.try_acquire().unwrap();
    breaker.reconfigure(config()).unwrap();
    began_while_on.success();
    call(&breaker, millis(30), Ok(())).await;
    assert_eq!(filled(&latency(&breaker).success), [(millis(20), 1)]);
    let earlier = latency(&breaker);
    breaker.reconfigure(config().latency(true).slow_call(millis(1))).unwrap();
    call(&breaker, millis(40), Ok(())).await;
    call(&breaker, millis(50), Err("refused")).await;
    let since = latency(&breaker).since(&earlier);
    assert_eq!([&since.success, &since.failure].map(filled), [[(millis(40), 1)], [(millis(50), 1)]]);
    breaker.reset();
    assert_eq!(latency(&breaker).success.count(), 2, "totals stay");
}

#[tokio::test(start_paused = true)]
async fn measured_is_what_succeeded_and_what_failed() {
    let config = config().latency(true).consecutive_failures(3).failure_rate(100.0).half_open_calls(2);
    let breaker = CircuitBreaker::builder("latency: outcomes").config(config).build().unwrap();
    call(&breaker, millis(10), Ok(())).await;
    call(&breaker, millis(20), Err("failed")).await;
    // Ignored, cancelled, abandoned.
    let ignored = async { Err::<(), _>("ignored") };
    let _ = breaker.call_judged(ignored, |_| Outcome::Ignored).await;
    let waits = breaker.call(sleep_forever());
    let _ = tokio::time::timeout(millis(100), waits).await;
    let waits = breaker.call(sleep_forever());
    let _ = tokio::time::timeout(millis(1500), waits).await;
    assert_eq!(breaker.totals().cancelled + breaker.totals().abandoned + breaker.totals().ignored, 3);
    // A panic is a failure.
    let panics = tokio::spawn({
        let permit = std::sync::Arc::new(CircuitBreaker::builder("latency: panics").latency(true).build().unwrap());
        async move {
            let caught = tokio::spawn({
                let breaker = std::sync::Arc::clone(&permit);
                async move {
                    let panics = async {
                        advance(millis(15)).await;
                        panic!("of the body")
                    };
                    let _: Result<(), Failure<()>> = breaker.call(panics).await;
                }
            });
            assert!(caught.await.is_err());
            filled(&latency(&permit).failure)
        }
    });
    assert_eq!(panics.await.unwrap(), [(millis(15), 1)]);
    // A verdict that opens it at once, and one that came too late.
    let late = breaker.try_acquire().unwrap();
    let opens = async {
        advance(millis(30)).await;
        Ok::<_, &str>(503)
    };
    let opened = breaker.call_classified(opens, |_| Verdict::FAILURE.opens_for(millis(1000))).await;
    assert_eq!((opened, breaker.state()), (Ok(503), State::Open));
    late.success();
    assert!(breaker.try_acquire().is_err());
    let Latency { success, failure, .. } = latency(&breaker);
    assert_eq!(filled(&success), [(millis(10), 1)]);
    assert_eq!(filled(&failure), [(millis(20), 1), (millis(30), 1)]);
    // Probes, of which the first one opens it again.
    advance(millis(1000)).await;
    let opens = async {
        advance(millis(70)).await;
        Ok::<_, &str>(503)
    };
    let opened = breaker.call_classified(opens, |_| Verdict::FAILURE.opens_for(millis(1000))).await;
    assert_eq!((opened, breaker.state()), (Ok(503), State::Open));
    assert_eq!(filled(&latency(&breaker).failure), [(millis(20), 1), (millis(30), 1), (millis(75), 1)]);
    advance(millis(1000)).await;
    call(&breaker, millis(50), Ok(())).await;
    call(&breaker, millis(60), Ok(())).await;
    let Latency { success, failure, .. } = latency(&breaker);
    assert_eq!(filled(&success), [(millis(10), 1), (millis(50), 1), (millis(60), 1)]);
    let totals = breaker.totals();
    assert_eq!((success.count(), failure.count()), (totals.successes, totals.failures));
    assert_eq!(latency(&breaker).all().count(), totals.successes + totals.failures);
}

async fn sleep_forever() -> Result<(), &'static str> {
    sleep(Duration::from_secs(1_000_000)).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_rule_and_a_call_that_is_not_async_are_measured_likewise() {
    let breaker = CircuitBreaker::builder("latency: slow").latency(true).slow_call(millis(10)).build().unwrap();
    call(&breaker, millis(15), Ok(())).await;
    breaker.call_sync(|| Ok::<_, ()>(7)).unwrap();
    assert_eq!((breaker.totals().slow, latency(&breaker).success.count()), (1, 2));
    assert_eq!(latency(&breaker).success.sum(), millis(15));
}

#[tokio::test(start_paused = true)]
async fn of_keys_there_is_one_for_all() {
    let stock = CircuitBreaker::builder("latency: keyed").build().unwrap();
    let call = async |key: u8, took: u64| {
        let call = async {
            advance(millis(took)).await;
            Ok::<_, &str>(())
        };
        stock.keyed(key).call(call).await.unwrap();
    };
    call(1, 5).await;
    let mut began_before = pin!(stock.keyed(1).call(async {
        tokio::task::yield_now().await;
        Ok::<_, &str>(())
    }));
    assert!(began_before.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    stock.reconfigure(config().latency(true)).unwrap();
    call(1, 10).await;
    call(2, 20).await;
    began_before.await.unwrap();
    assert_eq!(stock.of_key(1).unwrap().totals().successes, 3, "counted, but nobody knows when it began");
    assert_eq!(filled(&latency(&stock).success), [(millis(10), 1), (millis(20), 1)]);
    assert_eq!(stock.of_key(1).unwrap().snapshot().latency, None);
    stock.reconfigure(config()).unwrap();
    call(1, 30).await;
    call(3, 30).await;
    assert_eq!(latency(&stock).success.count(), 2);
}

#[circuit_breaker("latency: filed")]
async fn filed() -> Result<(), Rejection> {
    advance(millis(10)).await;
    Ok(())
}

#[circuit_breaker("latency: filed with keys", key = key)]
async fn filed_with_keys(key: u8) -> Result<(), Rejection> {
    let _ = key;
    advance(millis(10)).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn one_line_of_a_file_asks_for_it_in_the_whole_program_and_one_for_a_single_key() {
    let _entered = Scope::new().enter();
    filed().await.unwrap();
    filed_with_keys(1).await.unwrap();
    let latency_of = |name: &str| registry().circuit_breaker(name).unwrap().snapshot().latency;
    registry().configure_from_str("[defaults.circuit_breaker]\nlatency = true").unwrap();
    filed().await.unwrap();
    filed_with_keys(1).await.unwrap();
    for name in ["latency: filed", "latency: filed with keys"] {
        assert_eq!(filled(&latency_of(name).unwrap().success), [(millis(10), 1)], "{name}");
    }

    let _entered = Scope::new().enter();
    filed_with_keys(1).await.unwrap();
    let line = "[circuit_breaker.\"latency: filed with keys\".key.\"2\"]\nlatency = true";
    registry().configure_from_str(line).unwrap();
    for key in [1, 2] {
        filed_with_keys(key).await.unwrap();
    }
    assert_eq!(filled(&latency_of("latency: filed with keys").unwrap().success), [(millis(10), 1)]);
}

/// Real time, because it is the scheduler that is wanted; bounded by the number of calls.
#[test]
fn whoever_begins_after_it_was_switched_on_is_counted_whatever_else_goes_on() {
    const THREADS: u64 = 4;
    const CALLS: u64 = 2_000;
    for keyed in [false, true] {
        for round in 0..20 {
            let breaker = CircuitBreaker::builder("latency: stress").build().unwrap();
            let (is_on, sure, begun) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
            std::thread::scope(|scope| {
                for thread in 0..THREADS {
                    let (breaker, is_on, sure, begun) = (&breaker, &is_on, &sure, &begun);
                    scope.spawn(move || {
                        for _ in 0..CALLS {
                            begun.fetch_add(1, Ordering::Relaxed);
                            let is_sure = is_on.load(Ordering::Acquire);
                            let permit: Permit<'_> =
                                if keyed { breaker.keyed(thread).try_acquire() } else { breaker.try_acquire() }
                                    .unwrap();
                            permit.success();
                            sure.fetch_add(u64::from(is_sure), Ordering::Relaxed);
                        }
                    });
                }
                while begun.load(Ordering::Relaxed) < round * 100 {
                    std::thread::yield_now();
                }
                for on in [true, false, true] {
                    breaker.reconfigure(config().latency(on)).unwrap();
                }
                is_on.store(true, Ordering::Release);
            });
            let (counted, sure) = (latency(&breaker).success.count(), sure.load(Ordering::Relaxed));
            assert!(sure <= counted && counted <= breaker.totals().successes, "{sure} of {counted}");
            assert_eq!(breaker.totals().successes, THREADS * CALLS);
        }
    }
}
