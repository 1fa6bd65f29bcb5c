//! Rules of `docs/semantics.md` that no other file proves. Virtual time.

use resilience_runtime::{
    Bulkhead, CircuitBreaker, CircuitBreakerConfig, Event, EventFilter, Failure, Jitter, Mode, Rate, RateLimiter,
    Rejection, RejectionKind, Rejections, Retry, State, Timeout, Topic, bulkhead, circuit_breaker, fallback,
    rate_limit, registry, timeout,
};
use std::future::pending;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::advance;

const SECOND: Duration = Duration::from_secs(1);

fn breaker(config: CircuitBreakerConfig) -> CircuitBreaker {
    CircuitBreaker::builder("rules").config(config).build().unwrap()
}

/// Opens at the first failure.
fn brittle() -> CircuitBreakerConfig {
    CircuitBreakerConfig::new().consecutive_failures(1)
}

fn fail(breaker: &CircuitBreaker) {
    breaker.try_acquire().unwrap().failure();
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    NotFound,
    Garbled,
    Down,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0:?}")]
    Own(Kind),
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

impl Error {
    fn is(&self, kinds: &[Kind]) -> bool {
        matches!(self, Self::Own(kind) if kinds.contains(kind))
    }
}

// 3. Outcomes.

#[circuit_breaker(
    "rules: judged",
    window = 100,
    minimum_calls = 100,
    consecutive_failures = 50,
    failure_if = |error| error.is(&[Kind::Garbled, Kind::Down]),
    ignore_if = |error| error.is(&[Kind::Garbled])
)]
async fn judged(kind: Kind) -> Result<(), Error> {
    Err(Error::Own(kind))
}

#[tokio::test(start_paused = true)]
async fn ignore_if_is_asked_first_and_what_failure_if_says_no_to_is_a_success() {
    let counts = || {
        let breaker = registry().circuit_breaker("rules: judged").unwrap().snapshot();
        (breaker.totals.successes, breaker.totals.failures, breaker.totals.ignored, breaker.window.calls)
    };
    judged(Kind::NotFound).await.unwrap_err();
    assert_eq!(counts(), (1, 0, 0, 1), "`failure_if` says no");
    judged(Kind::Down).await.unwrap_err();
    assert_eq!(counts(), (1, 1, 0, 2), "`failure_if` says yes");
    judged(Kind::Garbled).await.unwrap_err();
    assert_eq!(counts(), (1, 1, 1, 2), "both say yes, and what is ignored is not in the window");
}

#[tokio::test(start_paused = true)]
async fn an_ignored_outcome_gives_a_probe_its_permit_back_and_interrupts_no_row() {
    let breaker = breaker(CircuitBreakerConfig::new().consecutive_failures(2).open_for(SECOND).half_open_calls(1));
    fail(&breaker);
    breaker.try_acquire().unwrap().ignore();
    fail(&breaker);
    assert_eq!(breaker.state(), State::Open, "the ignored call stands between two consecutive failures");
    advance(SECOND).await;
    breaker.try_acquire().unwrap().ignore();
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Closed);
}

// 5. Half-open.

#[tokio::test(start_paused = true)]
async fn a_caller_beyond_the_probes_is_rejected_with_the_reason_of_the_opening() {
    let breaker = breaker(brittle());
    fail(&breaker);
    let opened_because = breaker.snapshot().reason;
    advance(30 * SECOND).await;
    let _probes: Vec<_> = (0..3).map(|_| breaker.try_acquire().unwrap()).collect();
    let rejection = breaker.try_acquire().unwrap_err();
    let Rejection::CircuitOpen { reason, .. } = &rejection else { panic!("{rejection:?}") };
    assert_eq!(Some(*reason), opened_because);
    assert_eq!(rejection.retry_after(), Some(30 * SECOND), "as long as an opening lasts");
    assert_eq!((breaker.state(), breaker.totals().rejected), (State::HalfOpen, 1));
}

#[tokio::test(start_paused = true)]
async fn a_slow_probe_is_a_failed_probe() {
    let breaker = breaker(brittle().slow_call(SECOND).open_for(SECOND).half_open_calls(1));
    fail(&breaker);
    advance(SECOND).await;
    let probe = breaker.try_acquire().unwrap();
    advance(2 * SECOND).await;
    probe.success();
    assert_eq!(breaker.state(), State::Open);
}

// 9. Forced states.

#[tokio::test(start_paused = true)]
async fn forcing_again_restarts_nothing() {
    let breaker = breaker(CircuitBreakerConfig::new());
    for act in [CircuitBreaker::force_open, CircuitBreaker::disable] {
        act(&breaker);
        advance(5 * SECOND).await;
        act(&breaker);
        assert_eq!(breaker.snapshot().age, 5 * SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn reset_returns_to_what_mode_says_whatever_the_state() {
    for (mode, expected) in
        [(Mode::Enforce, State::Closed), (Mode::Monitor, State::Monitoring), (Mode::Off, State::Disabled)]
    {
        for act in [
            CircuitBreaker::force_open,
            CircuitBreaker::disable,
            CircuitBreaker::monitor,
            CircuitBreaker::enforce,
            CircuitBreaker::reset,
        ] {
            let breaker = breaker(CircuitBreakerConfig::new().mode(mode));
            act(&breaker);
            breaker.reset();
            assert_eq!(breaker.state(), expected, "{mode:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn enforce_keeps_what_is_known() {
    let breaker = breaker(brittle().mode(Mode::Monitor));
    fail(&breaker);
    assert!(breaker.try_acquire().is_ok(), "a monitoring breaker rejects nothing");
    let known = breaker.snapshot();
    breaker.enforce();
    let enforced = breaker.snapshot();
    assert_eq!((enforced.state, enforced.reason), (State::Open, known.reason));
    assert_eq!((enforced.age, enforced.window), (known.age, known.window));
    assert!(breaker.try_acquire().is_err());
}

// 10. Order of telling.

#[tokio::test(start_paused = true)]
async fn an_act_is_told_before_the_transition_that_follows_from_it() {
    let filter = EventFilter::of([Topic::Steered, Topic::Transition]).named("rules: order".parse().unwrap());
    let mut events = registry().subscribe_with(filter);
    let breaker = CircuitBreaker::builder("rules: order").build().unwrap();
    breaker.force_open();
    assert!(matches!(events.try_recv(), Some(Event::Steered { .. })));
    assert!(matches!(events.try_recv(), Some(Event::Transition(transition)) if transition.to == State::ForcedOpen));
    breaker.force_open();
    assert!(matches!(events.try_recv(), Some(Event::Steered { .. })));
    assert!(events.try_recv().is_none(), "an act that changes no state tells no transition");
}

// 13. Reconfiguring.

#[tokio::test(start_paused = true)]
async fn an_outcome_is_judged_by_the_configuration_at_the_time_it_is_recorded() {
    let breaker = breaker(CircuitBreakerConfig::new().consecutive_failures(5));
    let permit = breaker.try_acquire().unwrap();
    breaker.reconfigure(brittle()).unwrap();
    permit.failure();
    assert_eq!((breaker.state(), breaker.totals().stale), (State::Open, 0));
}

// 14. Retries.

/// A rejection of each kind, as the policies make them.
async fn one_of_each_kind() -> [Rejection; 4] {
    // The first of them, because time passes in it.
    let timeout = Timeout::builder("rules").after(SECOND).build().unwrap();
    let Err(Failure::Rejected(timed_out)) = timeout.call(pending::<Result<(), ()>>()).await else {
        panic!("it never answers")
    };
    let open = breaker(CircuitBreakerConfig::new());
    open.force_open();
    let full = Bulkhead::builder("rules").max_concurrent(1).build().unwrap();
    let _inside = full.try_acquire().unwrap();
    let limited = RateLimiter::builder("rules").rate(Rate::per_second(1)).burst(1).build().unwrap();
    limited.try_acquire().unwrap();
    [
        open.try_acquire().unwrap_err(),
        timed_out,
        full.try_acquire().map(drop).unwrap_err(),
        limited.try_acquire().map(drop).unwrap_err(),
    ]
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_rejection_is_tried_again_where_retry_rejections_has_it_and_nowhere_else() {
    let kinds = [Rejections::CIRCUIT_OPEN, Rejections::TIMED_OUT, Rejections::BULKHEAD_FULL, Rejections::RATE_LIMITED];
    let by_default = [false, true, true, true];
    let goes_on = |retry: &Retry, rejection: Rejection| {
        let failed = Err::<(), Failure<()>>(Failure::Rejected(rejection));
        matches!(retry.start().after(failed, |_| true, |_| None, |_| ()), ControlFlow::Continue(_))
    };
    let builder = || Retry::builder("rules").jitter(Jitter::None);
    for (at, rejection) in one_of_each_kind().await.into_iter().enumerate() {
        assert_eq!(goes_on(&builder().build().unwrap(), rejection.clone()), by_default[at], "{rejection}");
        for (other, only) in kinds.into_iter().enumerate() {
            let retry = builder().retry_rejections(only).build().unwrap();
            assert_eq!(goes_on(&retry, rejection.clone()), other == at, "{rejection}");
        }
    }
}

// 16. and 17. What a breaker makes of the rejections below it.

#[circuit_breaker("rules: above", consecutive_failures = 2)]
#[bulkhead(1, name = "rules: above")]
#[rate_limit("1/h", burst = 2, name = "rules: above")]
#[timeout("1s")]
async fn hangs() -> Result<(), Error> {
    pending().await
}

#[tokio::test(start_paused = true)]
async fn a_timed_out_call_fails_for_the_breaker_above_and_a_full_bulkhead_or_a_reached_rate_is_ignored() {
    let kind = |result: Result<(), Error>| match result {
        Err(Error::Rejected(rejection)) => rejection.kind(),
        other => panic!("{other:?}"),
    };
    let counts = || {
        let breaker = registry().circuit_breaker("rules: above").unwrap();
        (breaker.state(), breaker.totals().failures, breaker.totals().ignored)
    };
    assert_eq!(kind(hangs().await), RejectionKind::TimedOut);
    assert_eq!(counts(), (State::Closed, 1, 0));
    let full: Arc<Bulkhead> = registry().bulkhead("rules: above").unwrap();
    let inside = full.try_acquire().unwrap();
    assert_eq!(kind(hangs().await), RejectionKind::BulkheadFull);
    drop(inside);
    registry().rate_limiter("rules: above").unwrap().try_acquire().map(drop).unwrap();
    assert_eq!(kind(hangs().await), RejectionKind::RateLimited);
    assert_eq!(counts(), (State::Closed, 1, 2), "the dependency was not asked");
}

// 20. Fallbacks.

#[circuit_breaker("rules: answered", consecutive_failures = 1)]
#[bulkhead(1, name = "rules: answered")]
#[rate_limit("1/h", burst = 3, name = "rules: answered")]
#[timeout("1s")]
#[fallback(answers, if = |error| error.is(&[Kind::NotFound]))]
async fn answered(kind: Option<Kind>) -> Result<&'static str, Error> {
    match kind {
        Some(kind) => Err(Error::Own(kind)),
        None => pending().await,
    }
}

fn answers(_: Option<Kind>, failure: Failure<Error>) -> Result<&'static str, Error> {
    match failure {
        Failure::Rejected(rejection) => Ok(rejection.kind().as_str()),
        _ => Ok("an error"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_fallback_with_if_alone_answers_for_every_kind_of_rejection() {
    assert!(matches!(answered(Some(Kind::Garbled)).await, Err(Error::Own(Kind::Garbled))));
    registry().circuit_breaker("rules: answered").unwrap().reset();
    assert_eq!(answered(Some(Kind::NotFound)).await.unwrap(), "an error");
    registry().circuit_breaker("rules: answered").unwrap().reset();
    assert_eq!(answered(None).await.unwrap(), "timed_out");
    assert_eq!(answered(None).await.unwrap(), "circuit_open");
    registry().circuit_breaker("rules: answered").unwrap().reset();
    assert_eq!(answered(None).await.unwrap(), "rate_limited");
    let full = registry().bulkhead("rules: answered").unwrap();
    let _inside = full.try_acquire().unwrap();
    assert_eq!(answered(None).await.unwrap(), "bulkhead_full");
}
