//! Openings that last for a time of their own: asked for by a verdict, or by hand.

use resilience_runtime::{
    Act, CircuitBreaker, CircuitBreakerConfig, Event, EventFilter, NextCall, OpenReason, Rejection, State, Topic,
    Verdict, circuit_breaker, registry,
};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::advance;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// An answer that asks to be left alone for so many seconds; 0: it does not.
fn judge<E>(answer: Result<&u64, &E>) -> Verdict {
    match answer {
        Ok(0) => Verdict::SUCCESS,
        Ok(wait) => Verdict::IGNORED.opens_for(seconds(*wait)),
        Err(_) => Verdict::FAILURE,
    }
}

fn left_alone(name: &str) -> (State, Option<OpenReason>, Option<Duration>) {
    let snapshot = registry().circuit_breaker(name).unwrap().snapshot();
    (snapshot.state, snapshot.reason, snapshot.probe_due_in)
}

#[circuit_breaker("own: asked", open_for = "30s", max_open_for = "2m", open_backoff = 4, half_open_calls = 1, classify = judge)]
async fn asked(wait: u64) -> Result<u64, Rejection> {
    Ok(wait)
}

#[tokio::test(start_paused = true)]
async fn a_verdict_opens_at_once_for_as_long_as_it_says_and_no_longer_than_the_breaker_may() {
    let mut events = registry()
        .subscribe_with(EventFilter::of([Topic::Transition, Topic::Outcome]).named("own: asked".parse().unwrap()));
    asked(0).await.unwrap();
    assert_eq!(asked(90).await.unwrap(), 90, "the call itself returns what it has");
    let reason = OpenReason::Verdict { open_for: seconds(90) };
    assert_eq!(left_alone("own: asked"), (State::Open, Some(reason), Some(seconds(90))));
    let rejection = asked(0).await.unwrap_err().to_string();
    let expected = "circuit breaker `own: asked` is open: a call's verdict opened it for 90s; try again in 90s";
    assert_eq!(rejection, expected);
    let breaker = registry().circuit_breaker("own: asked").unwrap();
    assert_eq!((breaker.totals().ignored, breaker.totals().successes, breaker.totals().failures), (1, 1, 0));
    assert!(matches!(breaker.next_call(), NextCall::Rejected(_)));

    // Shorter than `open_for` where it says so, from a probe too, which is a failed half-open; and no longer than `max_open_for`.
    advance(seconds(90)).await;
    assert!(matches!(breaker.next_call(), NextCall::Probe { .. }));
    asked(5).await.unwrap();
    assert_eq!(left_alone("own: asked").2, Some(seconds(5)), "not multiplied by the backoff");
    assert_eq!(breaker.snapshot().reopenings, 1);
    advance(seconds(5)).await;
    asked(900).await.unwrap();
    let reason = OpenReason::Verdict { open_for: seconds(120) };
    assert_eq!(left_alone("own: asked"), (State::Open, Some(reason), Some(seconds(120))));
    advance(seconds(120)).await;
    asked(0).await.unwrap();
    assert_eq!(breaker.state(), State::Closed);

    let told: Vec<_> = std::iter::from_fn(|| events.try_recv())
        .map(|event| match event {
            Event::Outcome { ended, .. } => ended.as_str().to_owned(),
            Event::Transition(transition) => transition.to.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected =
        ["succeeded", "ignored", "open", "half_open", "ignored", "open", "half_open", "ignored", "open", "half_open"];
    assert_eq!(told[..10], expected);
    assert_eq!(told[10..], ["succeeded", "closed"]);
}

#[tokio::test(start_paused = true)]
async fn a_verdict_of_an_earlier_closed_state_opens_nothing() {
    let breaker = CircuitBreaker::builder("own: earlier").build().unwrap();
    let late = breaker.call_classified(
        async {
            tokio::time::sleep(seconds(2)).await;
            Ok::<_, ()>(10)
        },
        judge,
    );
    let resets = async {
        tokio::time::sleep(seconds(1)).await;
        breaker.force_open();
        breaker.enforce();
    };
    let (answer, ()) = tokio::join!(late, resets);
    assert_eq!((answer.unwrap(), breaker.state()), (10, State::Closed));
}

#[tokio::test(start_paused = true)]
async fn what_a_verdict_ignores_is_never_slow_even_where_it_opens() {
    let builder = CircuitBreaker::builder("own: slow").slow_call(seconds(1)).half_open_calls(1);
    let breaker = builder.register().unwrap();
    let filter = EventFilter::of([Topic::SlowCall]).named("own: slow".parse().unwrap());
    let mut slow_calls = registry().subscribe_with(filter);
    // Of a closed breaker, and as a probe.
    for reopenings in 0..2 {
        let takes_long = async {
            tokio::time::sleep(seconds(2)).await;
            Ok::<_, ()>(10)
        };
        breaker.call_classified(takes_long, judge).await.unwrap();
        assert_eq!((breaker.state(), breaker.snapshot().reopenings), (State::Open, reopenings));
        assert_eq!(breaker.snapshot().last_error, None, "what is ignored is no failure");
        advance(seconds(10)).await;
    }
    assert_eq!((breaker.totals().slow, slow_calls.try_recv()), (0, None));
}

#[circuit_breaker("own: late", classify = judge)]
async fn late(wait: u64) -> Result<u64, Rejection> {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    tokio::time::sleep(seconds(CALLS.fetch_add(1, Ordering::Relaxed) + 1)).await;
    Ok(wait)
}

#[tokio::test(start_paused = true)]
async fn a_verdict_of_a_state_that_is_over_opens_nothing() {
    let (first, second) = tokio::join!(late(10), late(100));
    assert!(first.is_ok() && second.is_ok());
    let (_, reason, due) = left_alone("own: late");
    assert_eq!((reason, due), (Some(OpenReason::Verdict { open_for: seconds(10) }), Some(seconds(9))));
}

fn breaker(config: CircuitBreakerConfig) -> CircuitBreaker {
    CircuitBreaker::builder("by hand").config(config).build().unwrap()
}

fn due(breaker: &CircuitBreaker) -> Option<Duration> {
    breaker.snapshot().probe_due_in
}

#[tokio::test(start_paused = true)]
async fn by_hand_it_opens_for_a_time_and_then_probes() {
    let breaker = breaker(CircuitBreakerConfig::new().open_backoff(3.0).open_jitter(1.0).half_open_calls(1));
    breaker.force_open_for(seconds(60));
    assert_eq!((breaker.state(), due(&breaker)), (State::Open, Some(seconds(60))));
    let rejection = breaker.try_acquire().unwrap_err();
    assert_eq!(
        rejection.to_string(),
        "circuit breaker `by hand` is open: forced open by hand for 60s; try again in 60s"
    );

    // It is made longer, and not shorter; and what ends when it ends anyway begins nothing anew.
    advance(seconds(10)).await;
    for not_longer in [40, 50] {
        breaker.force_open_for(seconds(not_longer));
        let snapshot = breaker.snapshot();
        assert_eq!((snapshot.probe_due_in, snapshot.age), (Some(seconds(50)), seconds(10)));
        assert_eq!(snapshot.reason, Some(OpenReason::ForcedFor { open_for: seconds(60) }));
    }
    breaker.force_open_for(seconds(80));
    assert_eq!(due(&breaker), Some(seconds(80)));
    breaker.force_open_for(seconds(100_000));
    assert_eq!(due(&breaker), Some(seconds(600)), "`max_open_for`");
    assert_eq!(breaker.snapshot().reason, Some(OpenReason::ForcedFor { open_for: seconds(600) }));

    advance(seconds(600)).await;
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Closed);

    // One that is forced open for good stays so.
    breaker.force_open();
    breaker.force_open_for(seconds(1));
    assert_eq!(breaker.state(), State::ForcedOpen);
    // One that does nothing, or only watches, is opened.
    for act in [CircuitBreaker::disable, CircuitBreaker::monitor] {
        breaker.reset();
        act(&breaker);
        breaker.force_open_for(seconds(1));
        assert_eq!((breaker.state(), due(&breaker)), (State::Open, Some(seconds(1))));
    }
    // One that would have opened for longer anyway, and only watches, rejects from now on.
    breaker.monitor();
    assert_eq!((breaker.state(), breaker.snapshot().decided), (State::Monitoring, State::Open));
    breaker.force_open_for(seconds(1) / 2);
    assert_eq!((breaker.state(), due(&breaker)), (State::Open, Some(seconds(1))));
    breaker.try_acquire().unwrap_err();
    // Half-open, it is no failed probe.
    advance(seconds(1)).await;
    let probe = breaker.try_acquire().unwrap();
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker.force_open_for(seconds(7));
    probe.success();
    assert_eq!((breaker.state(), due(&breaker)), (State::Open, Some(seconds(7))));
    assert_eq!((breaker.snapshot().reopenings, breaker.totals().stale), (0, 1));
    // Nor does it take back how many have failed.
    advance(seconds(7)).await;
    breaker.try_acquire().unwrap().failure();
    breaker.force_open_for(seconds(500));
    assert_eq!((due(&breaker), breaker.snapshot().reopenings), (Some(seconds(500)), 1));
}

#[circuit_breaker("own: steered", max_open_for = "1h", key = tenant)]
async fn steered(tenant: &str) -> Result<(), Rejection> {
    let _ = tenant;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn it_is_steered_by_name_and_told_and_holds_for_every_key() {
    steered("a").await.unwrap();
    let mut events =
        registry().subscribe_with(EventFilter::of([Topic::Steered]).named("own: steered".parse().unwrap()));
    registry().steer("own: steered").by("me").force_open_for(seconds(60)).unwrap();
    let Some(Event::Steered { act, .. }) = events.try_recv() else { panic!("nothing was told") };
    assert_eq!((act, act.to_string().as_str()), (Act::ForceOpenFor(seconds(60)), "force_open for 60s"));
    advance(seconds(20)).await;
    for tenant in ["a", "b"] {
        let rejection = steered(tenant).await.unwrap_err();
        assert_eq!(rejection.retry_after(), Some(seconds(40)), "{tenant}");
    }
    let milli = Duration::from_millis(1);
    advance(seconds(40) - milli).await;
    for tenant in ["a", "c"] {
        let rejection = steered(tenant).await.unwrap_err();
        assert_eq!(rejection.retry_after(), Some(milli), "{tenant}");
    }
    advance(milli).await;
    for tenant in ["a", "b", "c", "d"] {
        steered(tenant).await.unwrap();
    }
    let all = registry().circuit_breaker("own: steered").unwrap();
    let states = ["a", "d"].map(|tenant| all.of_key(tenant).unwrap().state());
    assert_eq!(states, [State::HalfOpen, State::Closed], "who comes once it is over has nothing to probe");
}

#[tokio::test(start_paused = true)]
async fn it_is_saved_and_restored() {
    use resilience_runtime::testing::Scope;
    let build = || CircuitBreaker::builder("saved").register().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("breakers.json");
    {
        let _entered = Scope::new().enter();
        let breaker = build();
        breaker.force_open_for(seconds(300));
        advance(seconds(20)).await;
        registry().save(&path).unwrap();
    }
    let _entered = Scope::new().enter();
    let breaker = build();
    registry().restore(&path).unwrap();
    let snapshot = breaker.snapshot();
    assert_eq!(snapshot.reason, Some(OpenReason::ForcedFor { open_for: seconds(300) }));
    let left = snapshot.probe_due_in.unwrap();
    assert!(left > seconds(270) && left <= seconds(280), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_verdict_that_comes_too_late_opens_nothing() {
    let late = |as_a_probe: bool, verdict: Verdict| async move {
        let builder = CircuitBreaker::builder("own: late").half_open_calls(1).half_open_timeout(seconds(5));
        let breaker = builder.consecutive_failures(1).open_for(seconds(60)).build().unwrap();
        if as_a_probe {
            breaker.force_open_for(seconds(1));
            advance(seconds(1)).await;
        }
        let call = async {
            tokio::time::sleep(seconds(10)).await;
            Ok::<_, ()>(())
        };
        let reset = async {
            tokio::time::sleep(seconds(3)).await;
            if !as_a_probe {
                breaker.reset();
            }
        };
        let (answer, ()) = tokio::join!(breaker.call_classified(call, |_| verdict), reset);
        answer.unwrap();
        let (snapshot, totals) = (breaker.snapshot(), breaker.totals());
        (snapshot.state, snapshot.reason, snapshot.probe_due_in, totals.stale, totals.ignored)
    };
    for (outcome, stale, ignored) in [(Verdict::FAILURE, 1, 0), (Verdict::SUCCESS, 1, 0), (Verdict::IGNORED, 0, 1)] {
        let verdict = outcome.opens_for(seconds(30));
        // Its closed state is over.
        assert_eq!(late(false, verdict).await, (State::Closed, None, None, stale, ignored), "{verdict:?}");
        // Its time as a probe was up when nobody had said anything, after 5 seconds of 10.
        let timed_out = (State::Open, Some(OpenReason::ProbeTimedOut), Some(seconds(55)), stale, ignored);
        assert_eq!(late(true, verdict).await, timed_out, "{verdict:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_verdict_opens_also_where_it_was_said_meanwhile_that_the_breaker_only_monitors() {
    let breaker = CircuitBreaker::builder("own: monitored").build().unwrap();
    let late = breaker.call_classified(
        async {
            tokio::time::sleep(seconds(2)).await;
            Ok::<_, ()>(10)
        },
        judge,
    );
    let monitors = async {
        tokio::time::sleep(seconds(1)).await;
        breaker.monitor();
    };
    let (answer, ()) = tokio::join!(late, monitors);
    assert_eq!((answer.unwrap(), breaker.snapshot().decided), (10, State::Open));
}

#[tokio::test(start_paused = true)]
async fn an_opening_of_its_own_length_is_a_millisecond_at_least_and_bounded_as_configured_now() {
    let breaker = CircuitBreaker::builder("own: bounds").build().unwrap();
    breaker.force_open_for(Duration::ZERO);
    assert_eq!(breaker.snapshot().probe_due_in, Some(Duration::from_millis(1)));
    breaker.force_open_for(seconds(500));
    assert_eq!(breaker.snapshot().probe_due_in, Some(seconds(500)));
    breaker.reconfigure(CircuitBreakerConfig::new().max_open_for(seconds(60))).unwrap();
    assert_eq!(breaker.snapshot().probe_due_in, Some(seconds(60)));
}

#[tokio::test(start_paused = true)]
async fn a_probe_of_an_earlier_half_open_state_that_is_cancelled_frees_no_permit_of_this_one() {
    let builder = CircuitBreaker::builder("own: earlier probe").half_open_calls(1);
    let breaker = builder.build().unwrap();
    let half_open = async || {
        breaker.force_open_for(Duration::from_millis(1));
        advance(Duration::from_millis(2)).await;
        breaker.try_acquire().unwrap()
    };
    let (earlier, probe) = (half_open().await, half_open().await);
    drop(earlier);
    advance(seconds(2)).await;
    assert!(breaker.try_acquire().is_err(), "the other one is still under way");
    probe.success();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn what_was_said_of_all_keys_since_they_were_opened_for_a_time_holds_for_a_new_key_too() {
    let share: fn(&CircuitBreaker) = |all| all.steer().enforce_share(10).unwrap();
    let said = [(CircuitBreaker::monitor as fn(&CircuitBreaker), State::Monitoring, 0), (share, State::Open, 10)];
    for (say, state, percent) in said {
        let all = CircuitBreaker::builder("own: keys").build().unwrap();
        all.keyed("old").try_acquire().unwrap().success();
        all.force_open_for(seconds(60));
        say(&all);
        for key in ["old", "new"] {
            all.keyed(key).try_acquire().unwrap().success();
            let of_key = all.of_key(key).unwrap().snapshot();
            assert_eq!((of_key.state, of_key.decided, of_key.enforced_percent), (state, State::Open, percent), "{key}");
        }
    }
}

/// The clock that openings are counted by has milliseconds.
#[tokio::test(start_paused = true)]
async fn no_opening_is_shorter_than_it_says_by_a_part_of_a_millisecond() {
    const TIME: Duration = Duration::from_millis(10);
    const STEP: Duration = Duration::from_micros(100);
    const UNEVEN: Duration = Duration::from_micros(10_900);

    async fn verdict(breaker: &CircuitBreaker, time: Duration) {
        let judge = |_: Result<&(), &()>| Verdict::FAILURE.opens_for(time);
        breaker.call_classified(async { Ok(()) }, judge).await.unwrap();
    }

    for as_a_probe in [false, true] {
        for (way, time) in
            [("failure", TIME), ("verdict", TIME), ("by hand", TIME), ("verdict", UNEVEN), ("by hand", UNEVEN)]
        {
            let builder = CircuitBreaker::builder("own: exact").consecutive_failures(1).half_open_calls(1);
            let breaker = builder.open_for(TIME).build().unwrap();
            if as_a_probe {
                breaker.force_open_for(TIME);
                advance(TIME).await;
            }
            for _ in 0..3 {
                advance(STEP).await;
            }
            let began = tokio::time::Instant::now();
            match way {
                "failure" => breaker.try_acquire().unwrap().failure(),
                "verdict" => verdict(&breaker, time).await,
                _ => breaker.force_open_for(time),
            }
            while !matches!(breaker.next_call(), NextCall::Probe { .. }) {
                advance(STEP).await;
            }
            let took = began.elapsed();
            // Begun within a millisecond, and ended within one.
            let later = Duration::from_millis(if time == TIME { 1 } else { 2 });
            assert!((time..=time + later).contains(&took), "{way}, as a probe {as_a_probe}: {took:?}");
        }
    }
}
