//! What a fallback answers for: every set of `on`, with and without `if`, against every kind of rejection and of error; and what further levels answer for.
//!
//! Each call has a registry of its own, so that the one policy of a kind in it is that of the function that was called.

use resilience_runtime::testing::Scope;
use resilience_runtime::{
    Failure, Rejection, RejectionKind, bulkhead, circuit_breaker, fallback, rate_limit, registry, timeout,
};
use std::cell::RefCell;
use std::future::pending;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
enum Error {
    #[error("{0}")]
    Own(&'static str),
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

/// How a call is to end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Success,
    /// An error that `if` says yes to.
    Listed,
    /// An error that `if` says no to.
    Other,
    CircuitOpen,
    BulkheadFull,
    RateLimited,
    TimedOut,
}

use End::{BulkheadFull, CircuitOpen, Listed, Other, RateLimited, Success, TimedOut};

const ALL: [End; 7] = [Success, Listed, Other, CircuitOpen, BulkheadFull, RateLimited, TimedOut];
const REJECTIONS: [End; 4] = [CircuitOpen, BulkheadFull, RateLimited, TimedOut];

fn is_listed(error: &Error) -> bool {
    assert!(!matches!(error, Error::Rejected(_)), "`if` is for the function's own errors");
    *error == Error::Own("listed")
}

async fn ends(end: End) -> Result<&'static str, Error> {
    match end {
        Listed => Err(Error::Own("listed")),
        Other => Err(Error::Own("other")),
        TimedOut => pending().await,
        _ => Ok("its own"),
    }
}

fn answer(_: End) -> Result<&'static str, Error> {
    Ok("answered")
}

/// Has a call end so, after a first one that makes the policies and succeeds.
async fn play(end: End, call: impl AsyncFn(End) -> Result<&'static str, Error>) -> Result<&'static str, Error> {
    let _entered = Scope::new().enter();
    assert_eq!(call(Success).await, Ok("its own"));
    let bulkhead = registry().bulkheads().next().unwrap();
    let held = (end == BulkheadFull).then(|| bulkhead.try_acquire().unwrap());
    match end {
        CircuitOpen => registry().circuit_breakers().next().unwrap().force_open(),
        RateLimited => registry().rate_limiters().next().unwrap().try_acquire().unwrap(),
        _ => {}
    }
    let result = call(end).await;
    drop(held);
    let breaker = registry().circuit_breakers().next().unwrap().totals();
    let counted = match end {
        Success => (2, 0, 0, 0),
        Listed | Other | TimedOut => (1, 1, 0, 0),
        BulkheadFull | RateLimited => (1, 0, 1, 0),
        CircuitOpen => (1, 0, 0, 1),
    };
    assert_eq!(
        (breaker.successes, breaker.failures, breaker.ignored, breaker.rejected),
        counted,
        "what the breaker counted stands whoever answers: {end:?}"
    );
    result
}

/// What the function itself returns.
fn unanswered(end: End, result: &Result<&'static str, Error>) -> bool {
    match (end, result) {
        (Success, result) => *result == Ok("its own"),
        (Listed, result) => *result == Err(Error::Own("listed")),
        (Other, result) => *result == Err(Error::Own("other")),
        (CircuitOpen, Err(Error::Rejected(rejection))) => rejection.kind() == RejectionKind::CircuitOpen,
        (BulkheadFull, Err(Error::Rejected(rejection))) => rejection.kind() == RejectionKind::BulkheadFull,
        (RateLimited, Err(Error::Rejected(rejection))) => rejection.kind() == RejectionKind::RateLimited,
        (TimedOut, Err(Error::Rejected(rejection))) => rejection.kind() == RejectionKind::TimedOut,
        _ => false,
    }
}

fn fallbacks_of(function: &str) -> u64 {
    let operation = registry().operations().find(|operation| operation.function() == function);
    operation.expect("it is guarded").fallbacks()
}

/// One function for each fallback, and the table of what each of them answers for.
macro_rules! fallbacks {
    ($($name:ident ($($conditions:tt)*) answers for $answers:expr;)*) => {
        $(
            #[circuit_breaker(window = none, consecutive_failures = 100)]
            #[bulkhead(1)]
            #[rate_limit("2/h")]
            #[timeout("1s")]
            #[fallback(answer, $($conditions)*)]
            async fn $name(end: End) -> Result<&'static str, Error> {
                ends(end).await
            }
        )*

        #[tokio::test(start_paused = true)]
        async fn a_fallback_answers_for_what_it_is_told_to_and_for_nothing_else() {
            $(
                let answers: &[End] = &$answers;
                for end in ALL {
                    let before = fallbacks_of(stringify!($name));
                    let result = play(end, $name).await;
                    let is_answered = answers.contains(&end);
                    match is_answered {
                        true => assert_eq!(result, Ok("answered"), "{} {end:?}", stringify!($name)),
                        false => assert!(unanswered(end, &result), "{} {end:?}: {result:?}", stringify!($name)),
                    }
                    let counted = fallbacks_of(stringify!($name)) - before;
                    assert_eq!(counted, u64::from(is_answered), "{} {end:?}", stringify!($name));
                }
            )*
        }
    };
}

fallbacks! {
    for_everything () answers for [Listed, Other, CircuitOpen, BulkheadFull, RateLimited, TimedOut];
    on_circuit_open (on = [circuit_open]) answers for [CircuitOpen];
    on_bulkhead_full (on = [bulkhead_full]) answers for [BulkheadFull];
    on_rate_limited (on = [rate_limited]) answers for [RateLimited];
    on_timed_out (on = [timed_out]) answers for [TimedOut];
    but_circuit_open (on = [bulkhead_full, rate_limited, timed_out]) answers for [BulkheadFull, RateLimited, TimedOut];
    but_bulkhead_full (on = [circuit_open, rate_limited, timed_out]) answers for [CircuitOpen, RateLimited, TimedOut];
    but_rate_limited (on = [timed_out, bulkhead_full, circuit_open]) answers for [CircuitOpen, BulkheadFull, TimedOut];
    but_timed_out (on = [rate_limited, bulkhead_full, circuit_open]) answers for [CircuitOpen, BulkheadFull, RateLimited];
    on_all (on = [circuit_open, bulkhead_full, rate_limited, timed_out]) answers for REJECTIONS;
    if_alone (if = is_listed) answers for [Listed, CircuitOpen, BulkheadFull, RateLimited, TimedOut];
    if_closure (if = |error| *error != Error::Own("other")) answers for [Listed, CircuitOpen, BulkheadFull, RateLimited, TimedOut];
    if_never (if = |_| false) answers for REJECTIONS;
    if_always (if = |_| true) answers for [Listed, Other, CircuitOpen, BulkheadFull, RateLimited, TimedOut];
    nothing_but_if (on = [], if = is_listed) answers for [Listed];
    on_circuit_open_or_if (on = [circuit_open], if = is_listed) answers for [CircuitOpen, Listed];
    on_bulkhead_full_or_if (if = is_listed, on = [bulkhead_full]) answers for [BulkheadFull, Listed];
    on_rate_limited_or_if (on = [rate_limited], if = is_listed) answers for [RateLimited, Listed];
    on_timed_out_or_if (on = [timed_out], if = is_listed) answers for [TimedOut, Listed];
}

#[circuit_breaker("answers: synchronous", window = none, consecutive_failures = 100)]
#[bulkhead(1)]
#[rate_limit("2/h")]
#[fallback(answer, on = [rate_limited], if = is_listed)]
fn synchronous(end: End) -> Result<&'static str, Error> {
    match end {
        Listed => Err(Error::Own("listed")),
        Other => Err(Error::Own("other")),
        _ => Ok("its own"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_synchronous_function_has_the_same_conditions() {
    for end in [Success, Listed, Other, CircuitOpen, BulkheadFull, RateLimited] {
        let result = play(end, async |end| synchronous(end)).await;
        match end {
            Listed | RateLimited => assert_eq!(result, Ok("answered"), "{end:?}"),
            _ => assert!(unanswered(end, &result), "{end:?}: {result:?}"),
        }
    }
}

/// What each level was asked about, in order.
type Asked = RefCell<Vec<String>>;

fn says(asked: &Asked, level: &str, about: impl std::fmt::Debug) {
    asked.borrow_mut().push(format!("{level} {about:?}"));
}

async fn first(_: End, fails: u8, asked: &Asked, failure: Failure<Error>) -> Result<&'static str, Error> {
    let about = match failure {
        Failure::Rejected(rejection) => rejection.kind().to_string(),
        failure => format!("{failure}"),
    };
    says(asked, "first", about);
    if fails > 0 { Err(Error::Own("of the first")) } else { Ok("first") }
}

fn second(_: End, fails: u8, asked: &Asked, error: Error) -> Result<&'static str, Error> {
    says(asked, "second", error.to_string());
    if fails > 1 { Err(Error::Own("of the second")) } else { Ok("second") }
}

async fn third(_: End, fails: u8, asked: &Asked, error: Error) -> Result<&'static str, Error> {
    says(asked, "third", error.to_string());
    if fails > 2 { Err(Error::Own("of the third")) } else { Ok("third") }
}

/// The same function under the same levels, and what they answer for at all.
macro_rules! levels {
    ($name:ident, $($conditions:tt)*) => {
        #[circuit_breaker(window = none, consecutive_failures = 100)]
        #[bulkhead(1)]
        #[rate_limit("2/h")]
        #[timeout("1s")]
        #[fallback(first, second, third, $($conditions)*)]
        async fn $name(end: End, _fails: u8, _asked: &Asked) -> Result<&'static str, Error> {
            ends(end).await
        }
    };
}

levels!(levels_for_everything,);
levels!(levels_on_timed_out, on = [timed_out]);
levels!(levels_if_listed, if = is_listed);

#[tokio::test(start_paused = true)]
async fn each_level_answers_for_the_one_before_whatever_the_conditions_say_of_the_function() {
    for end in ALL {
        for fails in 0..=3 {
            for conditions in 0..3 {
                let asked = Asked::default();
                let result = play(end, async |end| match conditions {
                    0 => levels_for_everything(end, fails, &asked).await,
                    1 => levels_on_timed_out(end, fails, &asked).await,
                    _ => levels_if_listed(end, fails, &asked).await,
                })
                .await;
                let answers = match conditions {
                    0 => end != Success,
                    1 => end == TimedOut,
                    _ => !matches!(end, Success | Other),
                };
                if !answers {
                    assert!(unanswered(end, &result), "{conditions} {end:?}: {result:?}");
                    assert_eq!(*asked.borrow(), [""; 0]);
                    continue;
                }
                let about = match end {
                    Success => unreachable!(),
                    Listed => "listed",
                    Other => "other",
                    CircuitOpen => RejectionKind::CircuitOpen.as_str(),
                    BulkheadFull => RejectionKind::BulkheadFull.as_str(),
                    RateLimited => RejectionKind::RateLimited.as_str(),
                    TimedOut => RejectionKind::TimedOut.as_str(),
                };
                let said = [
                    format!("first {about:?}"),
                    "second \"of the first\"".to_owned(),
                    "third \"of the second\"".to_owned(),
                ];
                assert_eq!(*asked.borrow(), said[..usize::from(fails).min(2) + 1], "{conditions} {end:?} {fails}");
                let expected = [Ok("first"), Ok("second"), Ok("third"), Err(Error::Own("of the third"))];
                assert_eq!(result, expected[usize::from(fails)], "{conditions} {end:?} {fails}");
            }
        }
    }
}
