//! A stack of policies by hand does what the same stack of attributes does, call by call, and its policies live for as long as it does.

use proptest::prelude::*;
use resilience_runtime::testing::Scope;
use resilience_runtime::{
    Bulkhead, BulkheadConfig, Cause, CauseText, CircuitBreaker, CircuitBreakerConfig, Event, EventFilter, Failure,
    Jitter, Kind, Pipeline, PipelineBuilder, PipelineMistake, Rate, RateLimitConfig, RateLimiter, Rejection,
    Rejections, RemoveError, Retry, RetryConfig, State, Timeout, TimeoutConfig, Topic, Verdict, bulkhead,
    circuit_breaker, rate_limit, registry, retry, timeout,
};
use std::cell::RefCell;
use std::fmt::Write;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

const MILLIS: fn(u64) -> Duration = Duration::from_millis;

/// How an attempt ends.
#[derive(Clone, Copy, Debug)]
enum Step {
    Succeeds,
    Fails,
    /// An answer that `classify` takes for a failure.
    AnswersBadly,
    /// An error that says nothing about the dependency.
    IsIgnored,
    Takes(u64),
    Panics,
}

/// Says nothing, so that no cause is told of it.
#[derive(Debug)]
enum Silent {
    Failed,
    NotFound,
    #[expect(dead_code, reason = "it is compared as it is printed")]
    Rejected(Rejection),
}

impl From<Rejection> for Silent {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<Failure<Silent>> for Silent {
    fn from(failure: Failure<Silent>) -> Self {
        match failure {
            Failure::Call(error) => error,
            Failure::Rejected(rejection) => Self::Rejected(rejection),
            other => unreachable!("{other:?}"),
        }
    }
}

fn judge(result: Result<&u8, &Silent>) -> Verdict {
    match result {
        Ok(0) => Verdict::FAILURE.after(MILLIS(30)),
        Ok(_) => Verdict::SUCCESS,
        Err(Silent::NotFound) => Verdict::IGNORED,
        Err(_) => Verdict::FAILURE,
    }
}

type Script<'s> = &'s RefCell<std::vec::IntoIter<Step>>;

async fn dependency(script: Script<'_>) -> Result<u8, Silent> {
    let step = script.borrow_mut().next().unwrap_or(Step::Succeeds);
    match step {
        Step::Succeeds => Ok(7),
        Step::Fails => Err(Silent::Failed),
        Step::AnswersBadly => Ok(0),
        Step::IsIgnored => Err(Silent::NotFound),
        Step::Takes(millis) => {
            tokio::time::sleep(MILLIS(millis)).await;
            Ok(8)
        }
        Step::Panics => std::panic::resume_unwind(Box::new("the body's own")),
    }
}

const RETRY: RetryConfig = RetryConfig::new().attempts(3).delay(MILLIS_20).jitter(Jitter::None);
const MILLIS_20: Duration = Duration::from_millis(20);
const BREAKER: CircuitBreakerConfig =
    CircuitBreakerConfig::new().consecutive_failures(3).open_for(Duration::from_millis(150)).half_open_calls(1);
const WHOLE: Duration = Duration::from_millis(400);
const EACH: Duration = Duration::from_millis(50);

#[retry(attempts = 3, delay = "20ms", jitter = none, classify = judge)]
#[circuit_breaker(consecutive_failures = 3, open_for = "150ms", half_open_calls = 1)]
#[bulkhead(max_concurrent = 2)]
#[timeout("50ms")]
async fn usual(script: Script<'_>) -> Result<u8, Silent> {
    dependency(script).await
}

#[timeout("400ms")]
#[bulkhead(max_concurrent = 1)]
#[retry(attempts = 3, delay = "20ms", jitter = none)]
#[rate_limit(rate = "30/s", burst = 4)]
#[circuit_breaker(consecutive_failures = 3, open_for = "150ms", half_open_calls = 1)]
#[timeout("50ms")]
async fn two_timeouts(script: Script<'_>) -> Result<u8, Silent> {
    dependency(script).await
}

#[circuit_breaker(consecutive_failures = 3, open_for = "150ms", half_open_calls = 1, classify = judge)]
#[timeout("400ms")]
#[rate_limit(rate = "30/s", burst = 4, max_wait = "100ms")]
#[retry(attempts = 3, delay = "20ms", jitter = none)]
#[bulkhead(max_concurrent = 1)]
async fn breaker_above(script: Script<'_>) -> Result<u8, Silent> {
    dependency(script).await
}

fn limit() -> RateLimitConfig {
    RateLimitConfig::new().rate(Rate::per_second(30)).burst(4)
}

fn stack(name: &'static str) -> PipelineBuilder {
    let pipeline = Pipeline::builder(name);
    let (whole, each) = (TimeoutConfig::new().after(WHOLE), TimeoutConfig::new().after(EACH));
    match name {
        "pipeline::usual" => pipeline
            .retry(RETRY)
            .circuit_breaker(BREAKER)
            .bulkhead(BulkheadConfig::new().max_concurrent(2))
            .timeout(each),
        "pipeline::two_timeouts" => pipeline
            .timeout(whole)
            .bulkhead(BulkheadConfig::new().max_concurrent(1))
            .retry(RETRY)
            .rate_limit(limit())
            .circuit_breaker(BREAKER)
            .timeout(each),
        _ => pipeline
            .circuit_breaker(BREAKER)
            .timeout(whole)
            .rate_limit(limit().max_wait(Duration::from_millis(100)))
            .retry(RETRY)
            .bulkhead(BulkheadConfig::new().max_concurrent(1)),
    }
}

type Call<'c> = Pin<Box<dyn Future<Output = Result<u8, Silent>> + 'c>>;

/// What comes of each call, of all that is told meanwhile, and of the counters in the end. Every call is given up after so long.
fn seen(
    script: &[Step],
    pauses: &[u64],
    give_up: Duration,
    call: impl for<'c> Fn(Script<'c>) -> Call<'c>,
) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut events = registry().subscribe_with(EventFilter::default().and(Topic::Outcome));
        let script = RefCell::new(Vec::from(script).into_iter());
        let mut seen = Vec::new();
        for pause in pauses {
            let one = async {
                let caught = futures_caught(call(&script)).await;
                caught.map_or_else(|| "panicked".to_owned(), |result| format!("{result:?}"))
            };
            // Two at a time, one of which may be given up.
            let (first, second) = tokio::join!(tokio::time::timeout(give_up, one), futures_caught(call(&script)));
            seen.push(format!("{first:?} {second:?}"));
            seen.extend(std::iter::from_fn(|| events.try_recv()).map(|event| event.to_string()));
            tokio::time::advance(MILLIS(*pause)).await;
        }
        let snapshot = registry().snapshot();
        for breaker in &snapshot.circuit_breakers {
            seen.push(format!("{} {} {:?} {:?}", breaker.name, breaker.state, breaker.totals, breaker.reason));
        }
        for retry in &snapshot.retries {
            seen.push(format!("{} {} {} {:?}", retry.name, retry.retries, retry.recovered, retry.gave_up));
        }
        for bulkhead in &snapshot.bulkheads {
            let counted = (bulkhead.inside, bulkhead.waiting, bulkhead.admitted, bulkhead.rejected);
            seen.push(format!("{} {counted:?}", bulkhead.name));
        }
        seen.extend(snapshot.timeouts.iter().map(|timeout| format!("{} {}", timeout.name, timeout.timed_out)));
        for limiter in &snapshot.rate_limiters {
            seen.push(format!("{} {} {} {}", limiter.name, limiter.allowed, limiter.waited, limiter.rejected));
        }
        seen
    })
}

/// `None` of one that panics.
async fn futures_caught<R>(call: impl Future<Output = R>) -> Option<R> {
    let mut call = pin!(call);
    std::future::poll_fn(|context| match std::panic::catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) {
        Ok(polled) => polled.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
}

fn in_a_scope(run: impl FnOnce() -> Vec<String>) -> Vec<String> {
    let scope = Scope::new();
    let _entered = scope.enter();
    run()
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Succeeds),
        6 => Just(Step::Fails),
        2 => Just(Step::AnswersBadly),
        1 => Just(Step::IsIgnored),
        3 => (0..90_u64).prop_map(Step::Takes),
        1 => Just(Step::Panics),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_same_script_through_attributes_and_by_hand_is_told_counted_and_answered_alike(
        script in prop::collection::vec(step(), 0..60),
        pauses in prop::collection::vec(prop_oneof![Just(0_u64), 1..200_u64], 1..12),
        give_up in 1..600_u64,
    ) {
        let seen = |call: &dyn for<'c> Fn(Script<'c>) -> Call<'c>| seen(&script, &pauses, MILLIS(give_up), call);
        let by_hand = |name: &'static str, classified: bool| {
            in_a_scope(|| {
                let pipeline = stack(name).build().unwrap();
                seen(&move |script| {
                    let pipeline = pipeline.clone();
                    Box::pin(async move {
                        let call = || dependency(script);
                        let result = match classified {
                            true => pipeline.call_classified(call, judge).await,
                            false => pipeline.call(call).await,
                        };
                        result.map_err(Silent::from)
                    })
                })
            })
        };
        // Only those of this stack are in the registry of the scope.
        prop_assert_eq!(in_a_scope(|| seen(&|script| Box::pin(usual(script)))), by_hand("pipeline::usual", true));
        prop_assert_eq!(in_a_scope(|| seen(&|script| Box::pin(two_timeouts(script)))), by_hand("pipeline::two_timeouts", false));
        prop_assert_eq!(in_a_scope(|| seen(&|script| Box::pin(breaker_above(script)))), by_hand("pipeline::breaker_above", true));
    }
}

fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn a_call_that_is_dropped_gives_everything_back_and_a_panic_is_a_failure() {
    let scope = Scope::new();
    let _entered = scope.enter();
    for breaker_first in [true, false] {
        let pipeline = Pipeline::builder(if breaker_first { "first" } else { "second" });
        let (breaker, bulkhead) = (CircuitBreakerConfig::new(), BulkheadConfig::new().max_concurrent(1));
        let pipeline = match breaker_first {
            true => pipeline.circuit_breaker(breaker).bulkhead(bulkhead),
            false => pipeline.bulkhead(bulkhead).circuit_breaker(breaker),
        };
        let pipeline = pipeline.build().unwrap();
        let breaker = registry().circuit_breaker(&pipeline.name()).unwrap();
        let bulkhead = registry().bulkhead(&pipeline.name()).unwrap();
        {
            let mut waits = pin!(pipeline.call(std::future::pending::<Result<(), ()>>));
            assert!(poll_once(waits.as_mut()).is_pending());
            assert_eq!(bulkhead.snapshot().inside, 1);
            let full = pipeline.call(|| async { Ok::<_, ()>(()) }).await;
            assert!(matches!(full, Err(Failure::Rejected(Rejection::BulkheadFull { .. }))), "{full:?}");
        }
        assert_eq!((bulkhead.snapshot().inside, breaker.totals().cancelled), (0, 1));
        let panics =
            futures_caught(pipeline.call(|| async { if true { panic!("its own") } else { Ok::<(), ()>(()) } }));
        assert!(panics.await.is_none());
        let at_once =
            futures_caught(pipeline.call(|| -> std::future::Ready<Result<(), ()>> { panic!("before its future") }));
        assert!(at_once.await.is_none());
        assert_eq!((bulkhead.snapshot().inside, breaker.totals().failures, breaker.totals().panicked), (0, 2, 2));
        // A full bulkhead says nothing about the dependency; below the breaker it is asked first.
        assert_eq!(breaker.totals().ignored, u64::from(breaker_first));
    }
}

#[test]
fn forbidden_orders_are_refused_in_the_words_of_the_attributes_and_every_mistake_is_told() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let timeout = || TimeoutConfig::new().after(Duration::from_secs(1));
    let error = Pipeline::builder("wrong")
        .timeout(timeout())
        .timeout(timeout())
        .circuit_breaker(CircuitBreakerConfig::new().failure_rate(0.0))
        .retry(RetryConfig::new().attempts(0))
        .retry(RETRY)
        .build()
        .unwrap_err();
    let said = error.to_string();
    let said: Vec<_> = said.lines().collect();
    let stderr = |file: &str| std::fs::read_to_string(format!("tests/ui/fail/{file}.stderr")).unwrap();
    let as_the_attributes = |sentence: &str, file: &str| assert!(stderr(file).contains(sentence), "{sentence}");
    assert_eq!(said.len(), 5, "{said:?}");
    as_the_attributes(said[0], "timeout_twice");
    assert!(said[1].starts_with("`retry` is already applied to this function; merge"), "{said:?}");
    assert!(said[2].starts_with("this `timeout` is above `circuit_breaker`"), "{said:?}");
    assert_eq!(said[3], "circuit_breaker `wrong`: `failure_rate` must be greater than 0 and at most 100");
    assert_eq!(said[4], "retry `wrong`: `attempts` must be between 1 and 100");
    let error = Pipeline::builder("wrong").timeout(timeout()).circuit_breaker(BREAKER).build().unwrap_err();
    as_the_attributes(&error.to_string(), "timeout_above_circuit_breaker");
    assert!(matches!(error.mistakes(), [PipelineMistake::Order { kind: Kind::Timeout, .. }]), "{error:?}");

    let slow = RetryConfig::new().attempts(5).delay(Duration::from_secs(1)).jitter(Jitter::None);
    let error = Pipeline::builder("wrong").timeout(timeout()).retry(slow).build().unwrap_err();
    assert!(
        error.to_string().starts_with("the `timeout` above ends the call after 1s, but the waits between 5 attempts"),
        "{error}"
    );
    let waits = Pipeline::builder("right").timeout(timeout()).retry(slow).rate_limit(limit()).build();
    assert!(waits.is_ok(), "a rejection may ask for a shorter wait");
    let of_breaker = |retry| {
        let above = Pipeline::builder("right").timeout(timeout()).retry(retry);
        above.circuit_breaker(BREAKER).timeout(timeout()).build()
    };
    let error = of_breaker(slow).unwrap_err();
    assert!(error.to_string().starts_with("the `timeout` above ends the call after 1s"), "not tried again: {error}");
    drop(waits);
    let waits = of_breaker(slow.retry_rejections(Rejections::CIRCUIT_OPEN));
    assert!(waits.is_ok(), "where it is tried again, that of a breaker may ask for one too");
    let error = Pipeline::builder("a\nb")
        .bulkhead(BulkheadConfig::new())
        .retry(RetryConfig::new().attempts(0))
        .build()
        .unwrap_err();
    assert_eq!(error.mistakes().len(), 2, "{error}");
    let error = Pipeline::builder("right").retry(Retry::builder("a\nb")).build().unwrap_err();
    assert!(matches!(error.mistakes(), [PipelineMistake::Config { kind: Kind::Retry, .. }]), "its own name: {error}");
    drop(waits);
    assert!(registry().snapshot().retries.is_empty(), "nothing of what was refused is in the registry");
}

#[test]
fn its_policies_are_in_the_registry_for_as_long_as_one_has_them() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let build = || {
        let pipeline = Pipeline::builder("hold").retry(RETRY).circuit_breaker(BREAKER);
        pipeline.timeout(TimeoutConfig::new().after(EACH)).build().unwrap()
    };
    let (one, same) = (build(), build());
    let clone = one.clone();
    let breaker = registry().circuit_breaker("hold").unwrap();
    breaker.steer().by("ops").force_open().unwrap();
    assert_eq!(registry().steer("hol*").reset().unwrap().len(), 1);
    registry().configure_from_str("[circuit_breaker.hold]\nfailure_rate = 7").unwrap();
    assert_eq!(breaker.snapshot().settings[0].value, "7");

    let refused = registry().remove(Kind::Retry, "hold").unwrap_err();
    assert_eq!(refused.to_string(), "cannot remove retry `hold`: the pipeline `hold` has it; drop that first");
    assert!(matches!(refused, RemoveError::Held { .. }));
    // Of several that have it, the first by name is told.
    let others = ["other", "beside"]
        .map(|name| Pipeline::builder(name).retry(Retry::builder("hold").config(RETRY)).build().unwrap());
    let refused = registry().remove(Kind::Retry, "hold").unwrap_err();
    assert!(matches!(refused, RemoveError::Held { pipeline, .. } if pipeline == "beside"));
    drop(others);
    let other = Pipeline::builder("hold").retry(RetryConfig::new().attempts(9)).bulkhead("alone").build();
    assert!(matches!(other.as_ref().unwrap_err().mistakes(), [PipelineMistake::Register(_)]), "{other:?}");
    assert!(registry().bulkhead("alone").is_none(), "what it had brought has gone");
    drop((one, clone));
    assert!(registry().retry("hold").is_some());
    drop(same);
    assert!(registry().retry("hold").is_none() && registry().timeout("hold").is_none());
    assert_eq!(registry().remove(Kind::Retry, "hold"), Ok(false));
}

#[test]
fn what_somebody_else_has_registered_or_a_function_has_stays() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let pool = Bulkhead::builder("pool").max_concurrent(3).register().unwrap();
    let build = |name: &'static str| {
        Pipeline::builder(name)
            .circuit_breaker(CircuitBreaker::builder("shared").failure_rate(20.0))
            .bulkhead("pool")
            .build()
    };
    let (acme, globex) = (build("acme").unwrap(), build("globex").unwrap());
    assert_eq!(registry().bulkheads().count(), 1);
    drop(acme);
    assert!(registry().circuit_breaker("shared").is_some());
    assert_eq!(
        registry().remove(Kind::CircuitBreaker, "shared").unwrap_err().to_string(),
        "cannot remove circuit_breaker `shared`: the pipeline `globex` has it; drop that first"
    );
    drop(globex);
    assert!(registry().circuit_breaker("shared").is_none());
    assert!(Arc::ptr_eq(&registry().bulkhead("pool").unwrap(), &pool));
    assert_eq!(registry().remove(Kind::Bulkhead, "pool"), Ok(true));

    // Registered by somebody while a pipeline has it, it stays too.
    let acme = build("acme").unwrap();
    let shared = CircuitBreaker::builder("shared").failure_rate(20.0).register().unwrap();
    drop(acme);
    assert!(Arc::ptr_eq(&registry().circuit_breaker("shared").unwrap(), &shared));
}

#[tokio::test(start_paused = true)]
async fn a_key_is_asked_for_in_each_of_its_policies_and_a_call_costs_what_it_says() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let api = Pipeline::builder("api")
        .rate_limit(RateLimitConfig::new().rate(Rate::per_minute(10)))
        .circuit_breaker(CircuitBreakerConfig::new().consecutive_failures(1))
        .bulkhead(BulkheadConfig::new().max_concurrent(1))
        .build()
        .unwrap();
    let fails = || async { Err::<(), _>("failed") };
    assert_eq!(api.keyed(("acme", 7)).call(fails).await, Err(Failure::Call("failed")));
    let rejected = api.keyed(("acme", 7)).call(fails).await.unwrap_err();
    assert!(rejected.rejection().unwrap().to_string().starts_with("circuit breaker `api[acme, 7]` is open"));
    assert!(api.keyed(("acme", 8)).call(|| async { Ok::<_, ()>(()) }).await.is_ok());
    let limiter: Arc<RateLimiter> = registry().rate_limiter("api").unwrap();
    assert_eq!((limiter.of_keys().len(), registry().bulkhead("api").unwrap().of_keys().len()), (2, 2));
    let costly = |cost| api.keyed("x").costing(cost).call(|| async { Ok::<_, ()>(()) });
    assert!(costly(10).await.is_ok());
    let never = api.costing(11).call(|| async { Ok::<_, ()>(()) }).await.unwrap_err();
    assert_eq!(never.rejection().unwrap().retry_after(), None);
    assert!(
        costly(1).await.unwrap_err().rejection().unwrap().to_string().starts_with("rate limit `api[x]` is reached")
    );
    // One where nothing is said.
    for (nth, passes) in [true; 10].into_iter().chain([false]).enumerate() {
        assert_eq!(api.call(|| async { Ok::<_, ()>(()) }).await.is_ok(), passes, "{nth}");
    }
}

/// The breaker of a key is another one than the one that is known before the key is: whether that will be open is nothing to the key's.
#[tokio::test(start_paused = true)]
async fn with_a_key_a_retry_waits_whatever_the_breaker_of_all_says() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let api = Pipeline::builder("api")
        .retry(RetryConfig::new().attempts(2).delay(MILLIS(500)).jitter(Jitter::None))
        .circuit_breaker(CircuitBreakerConfig::new().consecutive_failures(1).open_for(Duration::from_secs(60)))
        .build()
        .unwrap();
    for (with_key, waited) in [(false, 0), (true, 500)] {
        let breaker = registry().circuit_breaker("api").unwrap();
        breaker.enforce();
        let began = tokio::time::Instant::now();
        let fails = || {
            breaker.force_open();
            async { Err::<(), _>("failed") }
        };
        let failed = if with_key { api.keyed(7).call(fails).await } else { api.call(fails).await };
        failed.unwrap_err();
        assert_eq!(began.elapsed(), MILLIS(waited), "{with_key}");
    }
}

/// What is inside is free before what is around it hears how the call ended.
#[tokio::test]
async fn a_place_below_a_breaker_is_free_when_the_call_is_judged_and_one_above_it_is_not() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let (breaker, one) = (CircuitBreakerConfig::new(), BulkheadConfig::new().max_concurrent(1));
    let below = Pipeline::builder("below").circuit_breaker(breaker).bulkhead(one).build().unwrap();
    let above = Pipeline::builder("above").bulkhead(one).circuit_breaker(breaker).build().unwrap();
    for (pipeline, inside) in [(below, 0), (above, 1)] {
        let bulkhead = registry().bulkhead(&pipeline.name()).unwrap();
        let judge = |_: Result<&(), &()>| {
            assert_eq!(bulkhead.snapshot().inside, inside, "{}", pipeline.name());
            Verdict::SUCCESS
        };
        pipeline.call_classified(|| async { Ok(()) }, judge).await.unwrap();
        assert_eq!(bulkhead.snapshot().inside, 0);
    }
}

#[circuit_breaker("pipeline: place below")]
#[bulkhead(max_concurrent = 1, max_queue = 1, name = "pipeline: place below")]
async fn place_below() -> Result<(), Silent> {
    std::future::pending().await
}

#[bulkhead(max_concurrent = 1, max_queue = 1, name = "pipeline: place above")]
#[circuit_breaker("pipeline: place above")]
async fn place_above() -> Result<(), Silent> {
    std::future::pending().await
}

/// Does something when it wakes, which is the moment at which a place is given back.
struct WhenWoken<F>(F);

impl<F: Fn() + Send + Sync> Wake for WhenWoken<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

/// A call that is not waited for.
type Dropped<'c> = Pin<Box<dyn Future<Output = ()> + 'c>>;

/// As when it ends.
#[tokio::test]
async fn a_call_that_is_dropped_gives_back_what_is_inside_before_what_is_around_it() {
    let _entered = Scope::new().enter();
    let (breaker, one) = (CircuitBreakerConfig::new(), BulkheadConfig::new().max_concurrent(1).max_queue(1));
    let below = Pipeline::builder("below").circuit_breaker(breaker).bulkhead(one).build().unwrap();
    let above = Pipeline::builder("above").bulkhead(one).circuit_breaker(breaker).build().unwrap();
    let pending = std::future::pending::<Result<(), Silent>>;
    let calls: [(&str, Dropped<'_>, u64); 4] = [
        ("below", Box::pin(async { _ = below.call(pending).await }), 0),
        ("above", Box::pin(async { _ = above.call(pending).await }), 1),
        ("pipeline: place below", Box::pin(async { _ = place_below().await }), 0),
        ("pipeline: place above", Box::pin(async { _ = place_above().await }), 1),
    ];
    for (name, mut call, cancelled) in calls {
        assert!(poll_once(call.as_mut()).is_pending());
        let (breaker, bulkhead) = (registry().circuit_breaker(name).unwrap(), registry().bulkhead(name).unwrap());
        let seen = Arc::new(Mutex::new(None));
        let seen_then = Arc::clone(&seen);
        let look = move || *seen_then.lock().unwrap() = Some(breaker.totals().cancelled);
        let waker = Waker::from(Arc::new(WhenWoken(look)));
        let mut waits = pin!(bulkhead.acquire());
        assert!(waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop(call);
        assert_eq!(*seen.lock().unwrap(), Some(cancelled), "{name}");
    }
}

/// What is above a timeout is not limited by it, and what is above a retry is asked once.
#[tokio::test(start_paused = true)]
async fn each_step_stands_where_it_was_put() {
    // In which milliseconds a call ends for which there is no place, and how many places one takes that fails twice.
    for (at, ends_after, admitted) in [(0, None, 1), (1, Some(100), 1), (2, Some(100), 2), (3, Some(60), 2)] {
        let _entered = Scope::new().enter();
        let timeout = |millis| TimeoutConfig::new().after(MILLIS(millis));
        let step = |pipeline: PipelineBuilder, here: u32| match here == at {
            true => pipeline.bulkhead(BulkheadConfig::new().max_concurrent(1).max_queue(1)),
            false => pipeline,
        };
        let pipeline = step(Pipeline::builder("steps"), 0).timeout(timeout(100));
        let pipeline = step(pipeline, 1).retry(RETRY.attempts(2).delay(Duration::ZERO));
        let pipeline = step(step(pipeline, 2).timeout(timeout(30)), 3).build().unwrap();
        let bulkhead = registry().bulkhead("steps").unwrap();
        pipeline.call(|| async { Err::<(), _>(()) }).await.unwrap_err();
        assert_eq!(bulkhead.snapshot().admitted, admitted, "at {at}");

        let _full = bulkhead.try_acquire().unwrap();
        let began = tokio::time::Instant::now();
        let ended = tokio::time::timeout(MILLIS(1000), pipeline.call(|| async { Ok::<_, ()>(()) })).await;
        assert_eq!(ended.ok().map(|_| began.elapsed()), ends_after.map(MILLIS), "at {at}");
    }
}

#[tokio::test]
async fn a_call_can_be_spawned_and_borrows_what_it_likes() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let scope = Scope::new();
    let _entered = scope.enter();
    let pipeline = stack("pipeline::spawned").build().unwrap();
    let client = String::from("client");
    let answer = is_send(pipeline.call(|| async { Ok::<_, String>(client.len()) })).await;
    assert_eq!(answer, Ok(6));
    let spawned = pipeline.clone();
    let task = tokio::spawn(async move {
        let request = String::from("ab");
        spawned
            .keyed("k")
            .call(|| async {
                tokio::task::yield_now().await;
                Ok::<_, String>(request.len())
            })
            .await
    });
    assert_eq!(task.await.unwrap(), Ok(2));
    let mut attempts = 0;
    let counted = pipeline.call(|| {
        attempts += 1;
        let failed = attempts < 2;
        async move { if failed { Err("not yet") } else { Ok(attempts) } }
    });
    assert_eq!(counted.await, Ok(2));
}

#[test]
fn it_is_described_beside_the_functions() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let tenant = |name: &'static str| {
        Pipeline::builder(name).retry(RETRY).circuit_breaker(CircuitBreaker::builder("payment")).build().unwrap()
    };
    let pipeline = (tenant("tenant acme"), tenant("tenant {globex}"));
    CircuitBreaker::builder("by hand").register().unwrap();
    let description = registry().describe();
    let table = description.to_string();
    let rows: Vec<_> = table.lines().filter(|row| row.contains("tenant acme") || row.contains("payment")).collect();
    assert_eq!(rows.len(), 3, "{table}");
    assert!(
        rows[0].starts_with("tenant acme ") && rows[0].contains("(pipeline)") && rows[0].contains("retry"),
        "{table}"
    );
    assert!(rows[1].trim().starts_with("circuit_breaker") && rows[1].ends_with("payment"), "{table}");
    // Behind the functions: each with its policies in their order, and one node for what both have.
    let graph = description.mermaid();
    let begins = graph.find("    q0([").unwrap();
    let first = graph[begins..].split_once(" --> p").and_then(|(_, rest)| rest.split_once('\n')).unwrap().0;
    let node = |nth: usize| first.parse::<usize>().unwrap() + nth;
    let expected = [
        "q0([\"tenant acme\"])".to_owned(),
        format!("p{}[\"retry tenant acme\"]", node(0)),
        format!("q0 -- 1 --> p{}", node(0)),
        format!("p{}[\"circuit_breaker payment\"]", node(1)),
        format!("q0 -- 2 --> p{}", node(1)),
        "q1([\"tenant #123;globex#125;\"])".to_owned(),
        format!("p{}[\"retry tenant #123;globex#125;\"]", node(2)),
        format!("q1 -- 1 --> p{}", node(2)),
        format!("q1 -- 2 --> p{}", node(1)),
        format!("p{}[\"circuit_breaker by hand\"]", node(3)),
    ];
    assert_eq!(graph[begins..].lines().map(str::trim).collect::<Vec<_>>(), expected);
    drop(pipeline);
    assert!(!registry().describe().to_string().contains("tenant acme"));
}

/// Pipelines that come and go on several threads, under names that they share, while somebody removes and looks: nobody finds a policy that is none, and nothing stays.
#[test]
fn coming_and_going_on_several_threads() {
    const ROUNDS: usize = 1500;
    let scope = Scope::new();
    let stop = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let (scope, stop) = (&scope, &stop);
        threads.spawn(move || {
            let _entered = scope.enter();
            while !stop.load(Relaxed) {
                drop(registry().remove(Kind::CircuitBreaker, "tenant 0"));
                drop(registry().remove(Kind::Bulkhead, "shared"));
                drop(registry().describe().to_string());
                drop(registry().steer("tenant *").reset());
            }
        });
        let coming: Vec<_> = (0..3)
            .map(|nth| {
                threads.spawn(move || {
                    let _entered = scope.enter();
                    for round in 0..ROUNDS {
                        let name = format!("tenant {}", (nth + round) % 2);
                        let pipeline = Pipeline::builder(name.clone());
                        let pipeline =
                            pipeline.circuit_breaker(CircuitBreakerConfig::new()).bulkhead("shared").build().unwrap();
                        let breaker = registry().circuit_breaker(&name).expect("a pipeline has it");
                        // One that is reset meanwhile counts the call as stale.
                        let ended = || breaker.totals().successes + breaker.totals().stale;
                        let before = ended();
                        assert_eq!(poll_once(pin!(pipeline.call(|| async { Ok::<_, ()>(()) }))), Poll::Ready(Ok(())));
                        assert!(ended() > before, "it is the pipeline's own");
                        if round % 7 == 0 {
                            drop(Retry::builder(name).register().unwrap());
                        }
                    }
                })
            })
            .collect();
        let done: Vec<_> = coming.into_iter().map(|thread| thread.join()).collect();
        stop.store(true, Relaxed);
        done.into_iter().for_each(|done| done.unwrap());
    });
    let _entered = scope.enter();
    assert_eq!((registry().circuit_breakers().count(), registry().bulkheads().count()), (0, 0));
    assert_eq!(registry().retries().count(), 2, "nobody has removed those");
    assert_eq!(registry().describe().to_string().matches("(pipeline)").count(), 0);
}

#[tokio::test]
async fn one_breaker_open_by_hand_ends_the_waits_of_the_retry_above_it() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let pipeline =
        Pipeline::builder("shut").retry(RetryConfig::new().attempts(5)).circuit_breaker(BREAKER).build().unwrap();
    let breaker = registry().circuit_breaker("shut").unwrap();
    let mut events = registry().subscribe();
    let asked = std::cell::Cell::new(0);
    let result = pipeline.call(|| {
        asked.set(asked.get() + 1);
        breaker.force_open();
        async { Err::<(), _>("failed") }
    });
    assert_eq!((result.await, asked.get()), (Err(Failure::Call("failed")), 1));
    assert_eq!(breaker.state(), State::ForcedOpen);
    assert!(std::iter::from_fn(|| events.try_recv()).any(|event| matches!(event, Event::RetriesEnded { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_for_a_breaker_that_is_due_when_the_wait_is_over_and_for_no_other() {
    let open_for = Duration::from_millis(100);
    for (delay, attempts) in [(99, 1), (100, 2), (101, 2)] {
        let _entered = Scope::new().enter();
        let retry = RetryConfig::new().attempts(2).delay(Duration::from_millis(delay)).jitter(Jitter::None);
        let breaker = CircuitBreakerConfig::new().consecutive_failures(1).open_for(open_for);
        let pipeline = Pipeline::builder("due").retry(retry).circuit_breaker(breaker).build().unwrap();
        let asked = std::cell::Cell::new(0);
        let result = pipeline.call(|| {
            asked.set(asked.get() + 1);
            async { Err::<(), _>("failed") }
        });
        assert_eq!((result.await, asked.get()), (Err(Failure::Call("failed")), attempts), "after {delay} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn what_failed_is_told_where_it_is_said_how() {
    let _entered = Scope::new().enter();
    let pipeline = Pipeline::builder("told")
        .retry(RetryConfig::new().attempts(2))
        .circuit_breaker(CircuitBreakerConfig::new().consecutive_failures(2))
        .build()
        .unwrap();
    let topics = [Topic::Retry, Topic::RetriesEnded, Topic::Transition];
    let mut events = registry().subscribe_with(EventFilter::of(topics));
    let mut causes = || -> Vec<Option<String>> {
        let told = std::iter::from_fn(|| events.try_recv());
        told.map(|event| event.cause().map(ToString::to_string)).collect()
    };
    let breaker = registry().circuit_breaker("told").unwrap();
    let refused = || async {
        let source = std::io::Error::other("connection refused");
        Err::<(), _>(Nested(source))
    };
    let said = || Some("cannot send: connection refused".to_owned());
    pipeline.causes(Cause::of_error).call(refused).await.unwrap_err();
    assert_eq!(causes(), [said(), said(), said()]);
    assert_eq!(breaker.snapshot().last_error.unwrap().cause, "cannot send: connection refused");

    breaker.reset();
    causes();
    let in_words = |error: &Silent, text: &mut CauseText| write!(text, "silent: {error:?}");
    let call = || async { Err::<(), _>(Silent::Failed) };
    let classified = pipeline.keyed("key").causes(in_words).call_classified(call, |_| Verdict::FAILURE).await;
    classified.unwrap_err();
    let said = || Some("silent: Failed".to_owned());
    assert_eq!(causes(), [said(), said(), said()]);

    breaker.reset();
    causes();
    let shown = |_: &Silent, text: &mut CauseText| {
        text.write_str("so far ")?;
        let so_far = format!("{text:?}");
        text.write_str(&so_far)
    };
    pipeline.causes(shown).call(call).await.unwrap_err();
    assert_eq!(causes()[0].as_deref(), Some("so far \"so far \""));

    breaker.reset();
    causes();
    pipeline.call(call).await.unwrap_err();
    assert_eq!(causes(), [None, None, None]);
}

/// In each form in which a pipeline is called.
#[tokio::test]
async fn a_classified_call_goes_by_its_verdict_and_another_one_takes_every_error_for_a_failure() {
    let _entered = Scope::new().enter();
    let trips_at_once = CircuitBreakerConfig::new().consecutive_failures(1);
    let pipeline = Pipeline::builder("judged").circuit_breaker(trips_at_once).build().unwrap();
    let breaker = registry().circuit_breaker("judged").unwrap();
    let fails = || async { Err::<(), _>(Silent::NotFound) };
    let ignored = |_: Result<&(), &Silent>| Verdict::IGNORED;
    let in_words = |_: &Silent, text: &mut CauseText| text.write_str("not found");
    macro_rules! forms {
        ($($form:expr => $breaker:expr,)*) => {$(
            let state = || $breaker.map_or(State::Closed, |breaker| breaker.state());
            for _ in 0..2 {
                let error = $form.call_classified(fails, ignored).await.unwrap_err();
                assert!(matches!(error, Failure::Call(Silent::NotFound)), "{}: {error:?}", stringify!($form));
                assert_eq!(state(), State::Closed, "{}", stringify!($form));
            }
            $form.call(fails).await.unwrap_err();
            assert_eq!(state(), State::Open, "{}", stringify!($form));
            breaker.reset();
        )*};
    }
    forms! {
        pipeline => Some(&breaker),
        pipeline.costing(1) => Some(&breaker),
        pipeline.causes(in_words) => Some(&breaker),
        pipeline.costing(1).causes(in_words) => Some(&breaker),
        pipeline.keyed("a") => breaker.of_key("a"),
        pipeline.keyed("b").costing(1) => breaker.of_key("b"),
        pipeline.keyed("c").causes(in_words) => breaker.of_key("c"),
        pipeline.keyed("d").costing(1).causes(in_words) => breaker.of_key("d"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_failed_is_printed_for_those_who_listen() {
    static PRINTED: AtomicU32 = AtomicU32::new(0);
    let in_words = |_: &Silent, text: &mut CauseText| {
        PRINTED.fetch_add(1, Relaxed);
        text.write_str("silent")
    };
    let _entered = Scope::new().enter();
    let pipeline = Pipeline::builder("printed").retry(RetryConfig::new().attempts(3)).build().unwrap();
    let printed = async || {
        let call = || async { Err::<(), _>(Silent::Failed) };
        pipeline.causes(in_words).call_classified(call, |_| Verdict::FAILURE).await.unwrap_err();
        PRINTED.swap(0, Relaxed)
    };
    assert_eq!(printed().await, 0);
    for (topics, times) in [(vec![Topic::Retry], 2), (vec![Topic::RetriesEnded], 1), (vec![Topic::Fallback], 0)] {
        let _events = registry().subscribe_with(EventFilter::of(topics.iter().copied()));
        assert_eq!(printed().await, times, "{topics:?}");
    }
}

#[derive(Debug, thiserror::Error)]
#[error("cannot send")]
struct Nested(#[source] std::io::Error);

#[timeout("7s", name = "pipeline: written at a function")]
async fn has_a_timeout() -> Result<(), Rejection> {
    Ok(())
}

#[test]
fn a_name_alone_is_enough_where_somebody_else_says_what_the_policy_is_like() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let configured = Timeout::builder("configured").after(MILLIS(40)).register().unwrap();
    let rate = RateLimiter::builder("configured").rate(Rate::per_second(3)).register().unwrap();
    assert!(Arc::ptr_eq(&Timeout::builder("configured").register().unwrap(), &configured));
    assert!(Arc::ptr_eq(&RateLimiter::builder("configured").register().unwrap(), &rate));
    let built = |name: &'static str| Pipeline::builder(name).rate_limit("configured").timeout(name);
    let _first = built("configured").build().unwrap();
    let _second = built("pipeline: written at a function").build().unwrap();
    let written = registry().timeout("pipeline: written at a function").unwrap();
    assert_eq!(written.snapshot().after, MILLIS(7_000));
    let error = Pipeline::builder("other").timeout("nowhere").build().unwrap_err();
    let said = "timeout `nowhere`: `timeout` requires a duration, such as `\"2s\"`, or a `preset`";
    assert_eq!(error.to_string(), said);
    assert_eq!(Timeout::builder("nowhere").register().unwrap_err().to_string(), said.split_once(": ").unwrap().1);
    assert!(registry().timeout("nowhere").is_none());
}
