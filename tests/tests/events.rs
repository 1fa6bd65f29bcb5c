//! What happens is told: to readers of their own pace, in order, to the unit; and the last of it is kept for each name.

use resilience_runtime::testing::Scope;
use resilience_runtime::{
    Bulkhead, CircuitBreaker, CircuitBreakerConfig, EVENT_CAPACITY, Ended, Event, EventFilter, Events, Kind, Outcome,
    RECENT_EVENTS, Rate, RateLimiter, Rejection, RejectionKind, Retry, RetryConfig, State, Timeout, Topic, Transition,
    circuit_breaker, fallback, registry, retry, timeout,
};
use std::collections::HashMap;
use std::future::pending;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("it failed")]
    Failed,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

/// The events of these names only: tests run side by side in one registry.
fn of(name: &str) -> Events {
    registry().subscribe_with(EventFilter::default().named(name.parse().unwrap()))
}

fn told(events: &mut Events) -> Vec<Event> {
    std::iter::from_fn(|| events.try_recv()).collect()
}

fn lines(events: &mut Events) -> Vec<String> {
    told(events).iter().map(ToString::to_string).collect()
}

fn registered(name: &'static str, config: CircuitBreakerConfig) -> std::sync::Arc<CircuitBreaker> {
    CircuitBreaker::builder(name).config(config).register().unwrap()
}

fn brittle() -> CircuitBreakerConfig {
    CircuitBreakerConfig::new().consecutive_failures(1)
}

// What is told.

#[circuit_breaker("events: alone", consecutive_failures = 1)]
async fn alone(fails: bool) -> Result<(), Error> {
    if fails { Err(Error::Failed) } else { Ok(()) }
}

#[circuit_breaker("events: shared", consecutive_failures = 1)]
async fn one_of_two(fails: bool) -> Result<(), Error> {
    if fails { Err(Error::Failed) } else { Ok(()) }
}

#[circuit_breaker("events: shared")]
async fn other_of_two() -> Result<(), Error> {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn each_single_rejection_is_told_with_the_function_where_that_is_known() {
    let mut events = of("events: *");
    alone(true).await.unwrap_err();
    for _ in 0..3 {
        alone(false).await.unwrap_err();
    }
    let told: Vec<_> = told(&mut events)
        .into_iter()
        .filter(|event| event.name().is_some_and(|name| name == "events: alone") && event.topic() == Topic::Rejected)
        .collect();
    assert_eq!(told.len(), 3);
    let Event::Rejected { kind, rejection, retry_after, operation, .. } = &told[0] else { panic!("{told:?}") };
    assert_eq!((*kind, *rejection), (Kind::CircuitBreaker, RejectionKind::CircuitOpen));
    assert_eq!(*retry_after, Some(Duration::from_secs(30)));
    assert_eq!(operation.as_deref(), Some("events::alone"));
    assert_eq!(
        told[0].to_string(),
        "circuit_breaker `events: alone`: rejected (circuit_open) a call of events::alone; try again in 30s"
    );

    let mut events = of("events: shared");
    one_of_two(true).await.unwrap_err();
    other_of_two().await.unwrap_err();
    let told: Vec<_> = std::iter::from_fn(|| events.try_recv()).collect();
    let Some(Event::Rejected { operation: None, .. }) = told.last() else { panic!("two functions have it: {told:?}") };
}

#[timeout("1s", name = "events: timeout")]
async fn hangs() -> Result<(), Error> {
    pending().await
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_told() {
    let mut events = of("events: timeout");
    hangs().await.unwrap_err();
    assert_eq!(lines(&mut events), ["timeout `events: timeout`: timed out after 1s in events::hangs"]);
}

#[test]
fn a_full_bulkhead_and_a_reached_rate_limit_are_told() {
    let mut events = of("events: limits*");
    let bulkhead = Bulkhead::builder("events: limits").max_concurrent(1).build().unwrap();
    let place = bulkhead.try_acquire().unwrap();
    bulkhead.try_acquire().unwrap_err();
    drop(place);
    let limiter = RateLimiter::builder("events: limits").rate(Rate::per_hour(1)).build().unwrap();
    limiter.try_acquire().unwrap();
    limiter.try_acquire().unwrap_err();
    let told: Vec<_> = told(&mut events).iter().map(|event| (event.topic(), event.kind())).collect();
    assert_eq!(told, [(Topic::Rejected, Some(Kind::Bulkhead)), (Topic::Rejected, Some(Kind::RateLimit))]);
}

#[retry(name = "events: retry", attempts = 2, delay = "10ms", jitter = none)]
async fn never_works() -> Result<(), Error> {
    Err(Error::Failed)
}

#[tokio::test(start_paused = true)]
async fn retries_and_their_end_are_told() {
    let mut events = of("events: retry");
    never_works().await.unwrap_err();
    let lines = lines(&mut events);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("retry `events: retry`: attempt 1 failed after "), "{lines:?}");
    assert!(lines[0].ends_with(", the next one comes in 10ms"), "{lines:?}");
    assert!(lines[1].starts_with("retry `events: retry`: gave up after attempt 2 and "), "{lines:?}");
    assert!(lines[1].ends_with(": all attempts were made"), "{lines:?}");
}

#[fallback(answer)]
async fn falls_back() -> Result<u8, Error> {
    Err(Error::Failed)
}

fn answer() -> Result<u8, Error> {
    Ok(7)
}

#[tokio::test]
async fn a_fallback_is_told() {
    let mut events = of("events::falls_back");
    assert_eq!(falls_back().await.unwrap(), 7);
    assert_eq!(lines(&mut events), ["fallback `events::falls_back`: answers for an error (it failed)"]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_is_told_with_its_time() {
    let mut events = of("events: slow");
    let breaker = CircuitBreaker::builder("events: slow").slow_call(Duration::from_millis(100)).build().unwrap();
    for took in [100, 101] {
        let call = async {
            tokio::time::advance(Duration::from_millis(took)).await;
            Ok::<_, Error>(())
        };
        breaker.call(call).await.unwrap();
    }
    assert_eq!(lines(&mut events), ["circuit_breaker `events: slow`: a call took 101ms, longer than 100ms"]);
}

#[tokio::test(start_paused = true)]
async fn an_eviction_is_told_and_the_rejection_of_a_key_has_its_name() {
    let mut events = of("events: keys[*");
    let breaker = CircuitBreaker::builder("events: keys").consecutive_failures(1).max_keys(1).build().unwrap();
    breaker.keyed("one").try_acquire().unwrap().success();
    breaker.keyed("two").try_acquire().unwrap().failure();
    breaker.keyed("two").try_acquire().unwrap_err();
    let told = lines(&mut events);
    assert_eq!(told[0], "circuit_breaker `events: keys[one]`: evicted for another key");
    assert!(told[1].starts_with("circuit_breaker `events: keys[two]`: closed -> open"), "{told:?}");
    assert!(told[2].starts_with("circuit_breaker `events: keys[two]`: rejected (circuit_open)"), "{told:?}");
    assert_eq!(told.len(), 3, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn outcomes_are_told_to_whoever_asks_and_to_nobody_else() {
    let breaker = registered("events: outcomes", brittle().open_for(Duration::from_secs(1)).half_open_calls(1));
    let plain = |name: &str| EventFilter::default().named(name.parse().unwrap());
    let mut without = registry().subscribe_with(plain("events: outcomes"));
    let mut with =
        registry().subscribe_with(EventFilter::of([Topic::Outcome]).named("events: outcomes".parse().unwrap()));
    let late = breaker.try_acquire().unwrap();
    breaker.try_acquire().unwrap().success();
    breaker.try_acquire().unwrap().ignore();
    drop(breaker.try_acquire().unwrap());
    breaker.try_acquire().unwrap().failure();
    late.success();
    tokio::time::advance(Duration::from_secs(1)).await;
    breaker.try_acquire().unwrap().success();
    let ended: Vec<_> = told(&mut with)
        .into_iter()
        .map(|event| match event {
            Event::Outcome { ended, .. } => ended,
            other => panic!("{other:?}"),
        })
        .collect();
    use Ended::{Cancelled, Failed, Ignored, Stale, Succeeded};
    assert_eq!(ended, [Succeeded, Ignored, Cancelled, Failed, Stale, Succeeded]);
    assert!(told(&mut without).iter().all(|event| event.topic() == Topic::Transition));

    // One that comes later is heard too, after everybody has left in between.
    drop(with);
    breaker.try_acquire().unwrap().success();
    let mut with =
        registry().subscribe_with(EventFilter::of([Topic::Outcome]).named("events: outcomes".parse().unwrap()));
    breaker.try_acquire().unwrap().success();
    assert_eq!(told(&mut with).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_decides_nothing_yet_is_told_as_well() {
    let config =
        CircuitBreakerConfig::new().consecutive_failures(1).half_open_calls(3).open_for(Duration::from_secs(1));
    let breaker = registered("events: probes", config);
    breaker.try_acquire().unwrap().failure();
    tokio::time::advance(Duration::from_secs(1)).await;
    let filter = EventFilter::of([Topic::Outcome]).named("events: probes".parse().unwrap());
    let mut outcomes = registry().subscribe_with(filter);
    for probe in 1..=3 {
        breaker.try_acquire().unwrap().success();
        assert_eq!((told(&mut outcomes).len(), breaker.state() == State::Closed), (1, probe == 3));
    }
}

#[tokio::test(start_paused = true)]
async fn the_outcomes_that_are_told_are_the_totals() {
    let breaker = registered("events: all outcomes", CircuitBreakerConfig::new().max_keys(8));
    let filter = EventFilter::of([Topic::Outcome]).named("events: all outcomes[*".parse().unwrap());
    breaker.keyed(0).try_acquire().unwrap().success();
    let before = breaker.totals();
    let mut events = registry().subscribe_with(filter);
    for call in 0..500 {
        let permit = breaker.keyed(call % 8).try_acquire().unwrap();
        let outcome = [Outcome::Success, Outcome::Success, Outcome::Failure, Outcome::Ignored][call / 8 % 4];
        permit.record(outcome);
    }
    let mut told = HashMap::new();
    while let Some(event) = events.try_recv() {
        let Event::Outcome { ended, .. } = event else { panic!("{event:?}") };
        *told.entry(ended).or_insert(0) += 1;
    }
    let totals = breaker.totals().since(&before);
    let count = |ended: Ended| told.get(&ended).copied().unwrap_or(0);
    assert_eq!(
        (count(Ended::Succeeded), count(Ended::Failed), count(Ended::Ignored)),
        (totals.successes, totals.failures, totals.ignored)
    );
}

#[test]
fn a_filter_lets_through_its_topics_and_names() {
    let mut transitions = registry().subscribe_with(
        EventFilter::of([Topic::Transition])
            .named("events: filter a*".parse().unwrap())
            .named("*filter c".parse().unwrap()),
    );
    let mut all_but = registry()
        .subscribe_with(EventFilter::default().without(Topic::Transition).named("events: filter*".parse().unwrap()));
    for name in ["events: filter a", "events: filter b", "events: filter c"] {
        CircuitBreaker::builder(name).build().unwrap().force_open();
    }
    let names: Vec<_> = told(&mut transitions).iter().map(|event| event.name().unwrap().to_string()).collect();
    assert_eq!(names, ["events: filter a", "events: filter c"]);
    assert_eq!(told(&mut all_but).iter().map(Event::topic).collect::<Vec<_>>(), [Topic::Steered; 3]);
}

#[test]
fn a_name_is_that_of_an_event_or_of_its_key() {
    let _entered = Scope::new().enter();
    let topics = [Topic::Transition, Topic::ConfigRefused];
    let named = |name: &str| registry().subscribe_with(EventFilter::of(topics).named(name.parse().unwrap()));
    let mut readers = ["a", "a[7]", "b", "*"].map(named);
    registry().configure_from_str("causes = 7").unwrap_err();
    let breaker = CircuitBreaker::builder("a").consecutive_failures(1).register().unwrap();
    for key in [7, 8] {
        breaker.keyed(key).try_acquire().unwrap().failure();
    }
    assert_eq!(
        readers.each_mut().map(|reader| told(reader).len()),
        [2, 1, 0, 2],
        "what has no name has none that matches"
    );
}

#[test]
fn an_event_is_serialisable_in_one_casing() {
    let mut events = of("events: serde");
    let breaker = CircuitBreaker::builder("events: serde").build().unwrap();
    breaker.force_open();
    breaker.try_acquire().unwrap_err();
    let json: Vec<_> = told(&mut events).iter().map(|event| serde_json::to_value(event).unwrap()).collect();
    assert_eq!((&json[0]["type"], &json[0]["act"]["type"]), (&"steered".into(), &"force_open".into()), "{json:?}");
    assert_eq!((&json[1]["type"], &json[1]["to"]), (&"transition".into(), &"forced_open".into()), "{json:?}");
    assert_eq!((&json[2]["type"], &json[2]["rejection"]), (&"rejected".into(), &"circuit_open".into()), "{json:?}");
    assert!(json.iter().all(|event| event["at"]["monotonic"].is_f64() && event["name"] == "events: serde"), "{json:?}");
}

// The queue of a reader.

#[test]
fn each_reader_gets_every_event() {
    let (mut one, mut other) = (of("events: two"), of("events: two"));
    let breaker = CircuitBreaker::builder("events: two").build().unwrap();
    breaker.force_open();
    breaker.reset();
    let told = lines(&mut one);
    assert_eq!(told.len(), 4);
    assert_eq!(lines(&mut other), told);
}

#[test]
fn a_slow_reader_loses_the_oldest_and_is_told_how_many() {
    let mut events = of("events: lagging");
    let breaker = CircuitBreaker::builder("events: lagging").build().unwrap();
    breaker.force_open();
    let rejections = EVENT_CAPACITY + 10;
    (0..rejections).for_each(|_| _ = breaker.try_acquire());
    let told = told(&mut events);
    // The steering and the transition, and ten rejections.
    assert!(matches!(told[0], Event::Missed { events: 12, .. }), "{:?}", told[0]);
    assert_eq!(told.len(), 1 + EVENT_CAPACITY);
    breaker.reset();
    assert_eq!(lines(&mut events).len(), 2, "afterwards it loses nothing");
}

#[test]
fn a_waiting_reader_is_woken_and_one_that_stops_waiting_loses_nothing() {
    let mut events = of("events: woken");
    let breaker = CircuitBreaker::builder("events: woken").build().unwrap();
    {
        let mut context = Context::from_waker(Waker::noop());
        assert!(pin!(events.recv()).poll(&mut context).is_pending());
        // Dropped while it waits.
    }
    breaker.force_open();
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(pin!(events.recv()).poll(&mut context), Poll::Ready(Some(Event::Steered { .. }))));
    assert!(matches!(events.blocking_recv(), Some(Event::Transition(_))));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // It sleeps by then, or does not; woken it has to be either way.
            std::thread::yield_now();
            breaker.reset();
        });
        assert!(matches!(events.blocking_recv(), Some(Event::Steered { .. })));
    });
}

/// Real threads, because it is their races that are wanted; bounded by the number of events.
#[test]
fn readers_of_any_pace_get_or_miss_every_event_in_order_and_none_sleeps_on() {
    const SENDERS: usize = 3;
    const SENT: usize = 20_000;
    let breakers: Vec<_> = (0..SENDERS)
        .map(|sender| CircuitBreaker::builder(format!("events: storm {sender}")).build().unwrap())
        .collect();
    let steps = SENT / 2;
    let left = AtomicUsize::new(SENDERS);
    let filter = || EventFilter::of([Topic::Transition]).named("events: storm*".parse().unwrap());
    // How many steps each sender took is counted by what it is told of: each step is one transition, there and back.
    let check = |mut events: Events, pauses: bool, sleeps: bool| {
        let (mut got, mut missed) = (0, 0);
        let mut last = HashMap::new();
        let mut take = |event: Event| match event {
            Event::Missed { events, .. } => {
                missed += events as usize;
                // The next one of each sender may be any.
                last.clear();
            }
            Event::Transition(Transition { name, to, .. }) => {
                got += 1;
                let before = last.insert(name.clone(), to);
                assert_ne!(before, Some(to), "two of {name} in a row that are the same: one is lost or out of order");
            }
            other => panic!("{other:?}"),
        };
        if sleeps {
            // Sleeps for each event that is not there; the last one of all must wake it.
            while got_all(&take_one(&mut events, &mut take)) {}
        } else {
            loop {
                let done = left.load(Relaxed) == 0;
                let event = events.try_recv();
                let empty = event.is_none();
                event.into_iter().for_each(&mut take);
                if empty && done {
                    break;
                }
                if empty || pauses {
                    std::thread::yield_now();
                }
            }
        }
        (got, missed)
    };
    fn take_one(events: &mut Events, take: &mut impl FnMut(Event)) -> Option<bool> {
        let event = events.blocking_recv()?;
        let last = matches!(&event, Event::Transition(transition) if transition.name == "events: storm end");
        if !last {
            take(event);
        }
        Some(last)
    }
    fn got_all(last: &Option<bool>) -> bool {
        matches!(last, Some(false))
    }
    let end = CircuitBreaker::builder("events: storm end").build().unwrap();
    let (eager, lazy, sleeper) =
        (registry().subscribe_with(filter()), registry().subscribe_with(filter()), registry().subscribe_with(filter()));
    std::thread::scope(|scope| {
        let readers = [
            scope.spawn(|| check(eager, false, false)),
            scope.spawn(|| check(lazy, true, false)),
            scope.spawn(|| check(sleeper, false, true)),
        ];
        for breaker in &breakers {
            let (left, end) = (&left, &end);
            scope.spawn(move || {
                for _ in 0..steps {
                    breaker.force_open();
                    breaker.reset();
                }
                if left.fetch_sub(1, Relaxed) == 1 {
                    end.force_open();
                }
            });
        }
        for (reader, name) in readers.into_iter().zip(["eager", "lazy", "sleeper"]) {
            let (got, missed) = reader.join().unwrap();
            println!("{name}: got {got}, missed {missed}");
            let all = SENDERS * steps * 2;
            // The last transition of all comes to the readers that do not sleep as well.
            assert!((all..=all + 1).contains(&(got + missed)), "{name}: {got} + {missed} of {all}");
        }
    });
}

#[test]
fn who_leaves_while_events_are_sent_harms_nobody() {
    let breaker = CircuitBreaker::builder("events: leaving").build().unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Relaxed) {
                    breaker.force_open();
                    breaker.reset();
                }
            });
        }
        for _ in 0..200 {
            let mut events = of("events: leaving");
            let _ = events.try_recv();
        }
        done.store(true, Relaxed);
    });
    let mut events = of("events: leaving");
    breaker.monitor();
    assert_eq!(told(&mut events).len(), 2);
}

// The last events of a name.

#[tokio::test(start_paused = true)]
async fn the_ring_keeps_what_happened_and_a_flood_of_rejections_is_one_entry() {
    let breaker = registered("events: ring", brittle().open_for(Duration::from_secs(1)).half_open_calls(1));
    breaker.try_acquire().unwrap().failure();
    for _ in 0..5000 {
        breaker.try_acquire().unwrap_err();
    }
    tokio::time::advance(Duration::from_secs(1)).await;
    let probe = breaker.try_acquire().unwrap();
    for _ in 0..7 {
        breaker.try_acquire().unwrap_err();
    }
    probe.success();
    let shown = |event: &Event| match event {
        Event::Transition(transition) => transition.to.to_string(),
        Event::Repeated { topic, count, .. } => format!("{topic} {count}"),
        other => panic!("{other:?}"),
    };
    let recent = breaker.recent_events();
    let shown: Vec<_> = recent.iter().map(shown).collect();
    assert_eq!(shown, ["open", "rejected 5000", "half_open", "rejected 7", "closed"]);
    let Event::Repeated { since, at, .. } = recent[1] else { panic!() };
    assert_eq!((since, at), (recent[0].at(), recent[2].at()));
    assert!(recent.is_sorted_by_key(Event::at));
    assert_eq!(registry().recent_events(Kind::CircuitBreaker, "events: ring"), recent);
    assert_eq!(registry().recent_events(Kind::Retry, "events: ring"), []);
    assert_eq!(registry().recent_events(Kind::CircuitBreaker, "events: no such ring"), []);
}

#[test]
fn the_ring_is_bounded_and_no_rejection_is_lost_from_its_counts() {
    let breaker = registered("events: bounded", CircuitBreakerConfig::new());
    for _ in 0..RECENT_EVENTS {
        breaker.force_open();
        breaker.try_acquire().unwrap_err();
        breaker.reset();
    }
    let recent = breaker.recent_events();
    let (runs, kept): (Vec<_>, Vec<_>) = recent.iter().partition(|event| event.topic() == Topic::Repeated);
    assert_eq!(kept.len(), RECENT_EVENTS);
    // Four entries and one rejection a round.
    assert_eq!(runs.len(), RECENT_EVENTS / 4);
    assert!(runs.iter().all(|run| matches!(run, Event::Repeated { count: 1, .. })));
}

#[test]
fn a_breaker_that_is_in_no_registry_is_in_no_ring() {
    let of_registry = registered("events: namesake", CircuitBreakerConfig::new());
    let stranger = CircuitBreaker::builder("events: namesake").build().unwrap();
    stranger.force_open();
    stranger.try_acquire().unwrap_err();
    assert_eq!((of_registry.recent_events(), stranger.recent_events()), (vec![], vec![]));
}

#[test]
fn the_ring_of_a_breaker_with_keys_has_those_of_all_keys() {
    let breaker = registered("events: ring of keys", brittle().max_keys(2));
    for key in ["a", "b"] {
        breaker.keyed(key).try_acquire().unwrap().failure();
        breaker.keyed(key).try_acquire().unwrap_err();
    }
    breaker.reset();
    breaker.keyed("c").try_acquire().unwrap().success();
    let shown: Vec<_> = breaker.recent_events().iter().map(ToString::to_string).collect();
    assert!(shown[0].starts_with("circuit_breaker `events: ring of keys[a]`: closed -> open"), "{shown:?}");
    assert!(shown[1].starts_with("circuit_breaker `events: ring of keys[b]`: closed -> open"), "{shown:?}");
    for of_key in breaker.of_keys() {
        let keys: Vec<_> = of_key.recent_events().iter().map(|event| event.key().cloned()).collect();
        assert!(keys.iter().all(|key| *key == of_key.key()), "{of_key:?}: {keys:?}");
        assert_eq!(keys.is_empty(), of_key.key().unwrap() == "c", "{of_key:?}");
    }
    let end = shown.len() - 2;
    assert_eq!(shown[end], "circuit_breaker `events: ring of keys`: rejected, 2 times");
    assert_eq!(shown[end + 1], "circuit_breaker `events: ring of keys`: evicted, 1 times");
}

#[tokio::test(start_paused = true)]
async fn other_policies_have_rings_of_their_own() {
    let retry =
        Retry::builder("events: ring of a retry").attempts(3).delay(Duration::from_millis(1)).register().unwrap();
    let _ = retry.call(|| async { Err::<(), _>("busy") }).await;
    retry.reconfigure(RetryConfig::new().attempts(2)).unwrap();
    let _ = retry.call(|| async { Err::<(), _>("busy") }).await;
    let shown: Vec<_> =
        registry().recent_events(Kind::Retry, "events: ring of a retry").iter().map(ToString::to_string).collect();
    let whose = "retry `events: ring of a retry`";
    assert_eq!(
        shown,
        [format!("{whose}: retry, 2 times"), format!("{whose}: reconfigured"), format!("{whose}: retry, 1 times")]
    );
}

/// A program that does it by itself names nobody.
#[test]
fn whoever_reconfigured_is_in_its_text_where_somebody_is_known() {
    let mut events = of("events: by");
    let breaker = registered("events: by", CircuitBreakerConfig::new());
    let config = |calls| CircuitBreakerConfig::new().minimum_calls(calls);
    breaker.reconfigure(config(7)).unwrap();
    breaker.steer().by("ada").reconfigure(config(8)).unwrap();
    breaker.steer().by("ada").why("incident 12").reconfigure(config(9)).unwrap();
    breaker.steer().why("incident 12").reconfigure(config(10)).unwrap();
    let by = ["", " by ada", " by ada: incident 12", " by hand: incident 12"];
    assert_eq!(lines(&mut events), by.map(|by| format!("circuit_breaker `events: by`: reconfigured{by}")));
}

/// Of whatever may come with every call the ring has a count and readers have each: the two agree for every kind of policy and each topic.
#[tokio::test(start_paused = true)]
async fn what_a_ring_counts_is_what_readers_were_told() {
    const NAME: &str = "events: counted";
    let (milli, second) = (Duration::from_millis(1), Duration::from_secs(1));
    let mut events = of("events: counted");
    let breaker = CircuitBreaker::builder(NAME).config(brittle().slow_call(milli).max_keys(1)).register().unwrap();
    let retry = Retry::builder(NAME).attempts(3).delay(milli).register().unwrap();
    let timeout = Timeout::builder(NAME).after(second).register().unwrap();
    let bulkhead = Bulkhead::builder(NAME).max_concurrent(1).max_queue(1).max_wait(milli).max_keys(1);
    let bulkhead = bulkhead.register().unwrap();
    let limiter = RateLimiter::builder(NAME).rate("1/min".parse().unwrap()).burst(1).max_keys(1).register().unwrap();

    for key in ["a", "b"] {
        let slow = async {
            tokio::time::sleep(2 * milli).await;
            Ok::<_, ()>(())
        };
        breaker.keyed(key).call(slow).await.unwrap();
    }
    breaker.try_acquire().unwrap().failure();
    breaker.try_acquire().unwrap_err();
    retry.call(|| async { Err::<(), _>("busy") }).await.unwrap_err();
    timeout.call(pending::<Result<(), ()>>()).await.unwrap_err();
    for key in ["a", "b"] {
        let inside = bulkhead.keyed(key).try_acquire().unwrap();
        bulkhead.keyed(key).try_acquire().unwrap_err();
        bulkhead.keyed(key).acquire().await.unwrap_err();
        drop(inside);
    }
    let _inside = bulkhead.try_acquire().unwrap();
    bulkhead.acquire().await.unwrap_err();
    for key in ["a", "b"] {
        limiter.keyed(key).try_acquire().unwrap();
        limiter.keyed(key).try_acquire().unwrap_err();
        tokio::time::advance(60 * second).await;
    }

    let each = [Topic::Rejected, Topic::TimedOut, Topic::Retry, Topic::SlowCall, Topic::Evicted];
    let told = told(&mut events);
    let mut seen = [0; 5];
    for kind in Kind::ALL {
        let counted = |topic: Topic| {
            let counts = registry().recent_events(*kind, NAME).into_iter().map(|event| match event {
                Event::Repeated { topic: of, count, .. } if of == topic => count,
                _ => 0,
            });
            counts.sum::<u64>()
        };
        let told = |topic| told.iter().filter(|event| event.kind() == Some(*kind) && event.topic() == topic).count();
        let told = each.map(|topic| told(topic) as u64);
        assert_eq!(each.map(counted), told, "{kind}");
        seen = std::array::from_fn(|nth| seen[nth] + told[nth]);
    }
    assert!(seen.iter().all(|told| *told > 0), "{seen:?}");
}

/// Real threads; bounded by the number of calls.
#[test]
fn the_counts_of_a_ring_are_exact_while_threads_are_rejected() {
    let breaker = registered("events: exact", CircuitBreakerConfig::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..20_000).for_each(|_| _ = breaker.try_acquire().map(|permit| permit.success())));
        }
        scope.spawn(|| {
            for _ in 0..RECENT_EVENTS / 4 {
                breaker.force_open();
                std::thread::yield_now();
                breaker.reset();
            }
        });
    });
    let counted = |event: &Event| match event {
        Event::Repeated { topic: Topic::Rejected, count, .. } => *count,
        _ => 0,
    };
    assert_eq!(breaker.recent_events().iter().map(counted).sum::<u64>(), breaker.totals().rejected);
    assert_eq!(breaker.state(), State::Closed);
}
