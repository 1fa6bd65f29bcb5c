//! Ten thousand breakers, two threads that call, and everything else running beside them: nothing is lost, and the callers hardly notice.
//!
//! What they notice: `cargo test --release -p resilience-runtime --test ten_thousand -- --ignored --nocapture`. Real threads and the real clock, because
//! it is what they do to each other that is asked about.

use resilience_runtime::{CircuitBreaker, CircuitBreakerConfig, Event, EventFilter, Topic, registry};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

const BREAKERS: usize = 10_000;
const CALLERS: usize = 2;

fn breakers(prefix: &str) -> Vec<Arc<CircuitBreaker>> {
    (0..BREAKERS).map(|nth| CircuitBreaker::builder(format!("{prefix} {nth}")).register().unwrap()).collect()
}

#[derive(Default)]
struct Seen {
    succeeded: u64,
    failed: u64,
    rejected: u64,
}

/// One call of each breaker in turn, beginning somewhere else in each thread; every so many fail.
fn call(breakers: &[Arc<CircuitBreaker>], caller: usize, calls: usize, fails_every: usize) -> Seen {
    let mut seen = Seen::default();
    let mut at = caller * BREAKERS / CALLERS;
    for call in 0..calls {
        match breakers[at].try_acquire() {
            Ok(permit) if call % fails_every == 0 => {
                permit.failure();
                seen.failed += 1;
            }
            Ok(permit) => {
                permit.success();
                seen.succeeded += 1;
            }
            Err(_) => seen.rejected += 1,
        }
        // All of them are called, at last, with whatever outcome.
        at = (at + 1) % (BREAKERS - 1);
    }
    seen
}

fn configs() -> [CircuitBreakerConfig; 2] {
    [
        CircuitBreakerConfig::new().failure_rate(60.0).window(resilience_runtime::Window::Time(Duration::from_secs(5))),
        CircuitBreakerConfig::new().consecutive_failures(2).open_for(Duration::from_millis(1)),
    ]
}

#[test]
fn ten_thousand_breakers_lose_nothing_while_everything_runs_beside_them() {
    const CALLS: usize = 300_000;
    let breakers = breakers("lost");
    let mut events = registry().subscribe_with(EventFilter::of([Topic::Rejected]).named("lost*".parse().unwrap()));
    let done = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut told = 0;
            loop {
                let ended = done.load(Relaxed);
                match events.try_recv() {
                    Some(Event::Missed { events, .. }) => told += events,
                    Some(_) => told += 1,
                    None if ended => return told,
                    None => std::thread::sleep(Duration::from_micros(100)),
                }
            }
        });
        let beside = scope.spawn(|| {
            let (mut rounds, mut before) = (0_usize, 0);
            while !done.load(Relaxed) {
                let snapshot = registry().snapshot();
                let counted: u64 = snapshot
                    .circuit_breakers
                    .iter()
                    .filter(|breaker| breaker.name.starts_with("lost"))
                    .map(|breaker| breaker.totals.successes + breaker.totals.failures + breaker.totals.rejected)
                    .sum();
                assert!(counted >= before, "totals never shrink: {counted} after {before}");
                before = counted;
                let steer = registry().steer("lost*").by("test").why("to see whether anything is lost");
                assert_eq!(steer.reconfigure(configs()[rounds % 2]).unwrap().len(), BREAKERS);
                rounds += 1;
            }
            rounds
        });
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                scope.spawn({
                    let breakers = &breakers;
                    move || call(breakers, caller, CALLS, 2)
                })
            })
            .collect();
        let seen = callers.into_iter().map(|caller| caller.join().unwrap()).fold(Seen::default(), |all, one| Seen {
            succeeded: all.succeeded + one.succeeded,
            failed: all.failed + one.failed,
            rejected: all.rejected + one.rejected,
        });
        done.store(true, Relaxed);
        let rounds = beside.join().unwrap();
        assert!(rounds > 0 && seen.rejected > 0, "{rounds} rounds, {} rejections", seen.rejected);
        assert_eq!(reader.join().unwrap(), seen.rejected, "told one by one, or told to be missed");
        println!("{rounds} rounds beside, {} rejections", seen.rejected);
        seen
    });
    let (mut ended, mut rejected) = (0, 0);
    for breaker in &breakers {
        let totals = breaker.totals();
        ended += totals.successes + totals.failures + totals.stale;
        rejected += totals.rejected;
        let run =
            |event: &Event| if let Event::Repeated { topic: Topic::Rejected, count, .. } = event { *count } else { 0 };
        let recent = breaker.recent_events();
        assert!(recent.iter().map(run).sum::<u64>() <= totals.rejected);
        assert!(recent.iter().any(|event| event.topic() == Topic::Reconfigured));
    }
    assert_eq!((ended, rejected), (seen.succeeded + seen.failed, seen.rejected));
    assert_eq!(ended + rejected, (CALLERS * CALLS) as u64);
}

/// Time that this thread has had of a core, where the kernel says so.
fn own_time() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(told.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

/// Nanoseconds a call: by the wall, and of its core.
fn measure(breakers: &[Arc<CircuitBreaker>], beside: impl Fn(&AtomicBool) + Sync) -> (f64, f64) {
    const CALLS: usize = 10_000_000;
    let (done, start) = (AtomicBool::new(false), Barrier::new(CALLERS));
    std::thread::scope(|scope| {
        scope.spawn(|| beside(&done));
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    let (began, own) = (Instant::now(), own_time());
                    call(breakers, caller, CALLS, 100);
                    (began.elapsed(), own_time() - own)
                })
            })
            .collect();
        let times: Vec<_> = callers.into_iter().map(|caller| caller.join().unwrap()).collect();
        done.store(true, Relaxed);
        let each = |time: Duration| time.as_nanos() as f64 / CALLS as f64 / CALLERS as f64;
        (times.iter().map(|time| each(time.0)).sum(), times.iter().map(|time| each(time.1)).sum())
    })
}

#[test]
#[ignore = "a measurement, for a release build on a quiet machine"]
fn what_callers_notice_of_it() {
    let breakers = breakers("noticed");
    let snapshot = || drop(std::hint::black_box(registry().snapshot()));
    let reconfigure = |round: usize| {
        let config = CircuitBreakerConfig::new().failure_rate(60.0 + (round % 2) as f64);
        drop(registry().steer("noticed*").by("ops").reconfigure(config).unwrap());
    };
    let every = |pause: Duration, done: &AtomicBool| {
        let mut round = 0;
        while !done.load(Relaxed) {
            snapshot();
            reconfigure(round);
            round += 1;
            std::thread::sleep(pause);
        }
    };
    for one in ["a snapshot of all", "a reconfiguration of all"] {
        let began = Instant::now();
        if one == "a snapshot of all" {
            snapshot()
        } else {
            reconfigure(0)
        }
        println!("{one}: {:?}", began.elapsed());
    }
    measure(&breakers, |_| ());
    for round in 0..3 {
        let show =
            |what: &str, (wall, own): (f64, f64)| println!("{round} {what}: {wall:.1} ns a call, {own:.1} of its core");
        show("callers alone", measure(&breakers, |_| ()));
        show("both once a second", measure(&breakers, |done| every(Duration::from_secs(1), done)));
        show("both without a pause", measure(&breakers, |done| every(Duration::ZERO, done)));
        show("somebody listens", {
            let _events = registry().subscribe();
            measure(&breakers, |_| ())
        });
    }
}
