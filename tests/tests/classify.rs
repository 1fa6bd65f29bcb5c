//! `classify`: what the function's results say, to every policy of its stack (the table at `Verdict`).

use resilience_runtime::testing::Scope;
use resilience_runtime::*;
use std::cell::Cell;
use std::time::Duration;
use tokio::time::Instant;

/// An answer with a status, as HTTP has it.
#[derive(Debug, PartialEq)]
struct Response {
    status: u16,
    wait: Option<Duration>,
}

#[derive(Debug, PartialEq, thiserror::Error)]
enum ShopError {
    #[error("{0}")]
    Status(u16),
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

fn judge(result: Result<&Response, &ShopError>) -> Verdict {
    match result {
        Ok(Response { status, wait: Some(wait) }) => classify::status(*status).after(*wait),
        Ok(Response { status, .. }) => classify::status(*status),
        Err(ShopError::Status(status)) => classify::status(*status),
        Err(ShopError::Rejected(_)) => Verdict::FAILURE,
    }
}

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

fn calls() -> u32 {
    CALLS.take()
}

/// Returns `statuses` in turn, the last one again and again; those above 1000 as an `Err`.
fn answer(statuses: &[u16]) -> Result<Response, ShopError> {
    let call = CALLS.replace(CALLS.get() + 1) as usize;
    match statuses[call.min(statuses.len() - 1)] {
        status @ 1000.. => Err(ShopError::Status(status - 1000)),
        status => Ok(Response { status, wait: None }),
    }
}

#[circuit_breaker("classified", consecutive_failures = 2, window = none, classify = judge)]
async fn guarded(statuses: &[u16]) -> Result<Response, ShopError> {
    answer(statuses)
}

async fn totals_after(status: u16) -> (u64, u64, u64) {
    let scope = Scope::new();
    let _entered = scope.enter();
    calls();
    let _ = guarded(&[status]).await;
    let totals = registry().circuit_breaker("classified").unwrap().totals();
    (totals.successes, totals.failures, totals.ignored)
}

#[tokio::test(start_paused = true)]
async fn a_breaker_counts_by_the_verdict_on_an_ok_and_on_an_error() {
    for base in [0, 1000] {
        assert_eq!(totals_after(base + 200).await, (1, 0, 0));
        assert_eq!(totals_after(base + 404).await, (1, 0, 0));
        assert_eq!(totals_after(base + 503).await, (0, 1, 0));
        assert_eq!(totals_after(base + 501).await, (0, 1, 0));
        assert_eq!(totals_after(base + 429).await, (0, 0, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn an_ok_that_is_a_failure_opens_and_is_returned() {
    let scope = Scope::new();
    let _entered = scope.enter();
    for _ in 0..2 {
        assert_eq!(guarded(&[503]).await.unwrap().status, 503);
    }
    assert!(matches!(guarded(&[200]).await, Err(ShopError::Rejected(Rejection::CircuitOpen { .. }))));
}

#[retry(attempts = 3, delay = "100ms", jitter = none, classify = judge)]
async fn tried(answers: &[(u16, u64)]) -> Result<Response, ShopError> {
    let statuses: Vec<u16> = answers.iter().map(|(status, _)| *status).collect();
    let waits: Vec<u64> = answers.iter().map(|(_, wait)| *wait).collect();
    let call = CALLS.get() as usize;
    let answer = answer(&statuses)?;
    let wait = waits[call.min(waits.len() - 1)];
    Ok(Response { wait: (wait > 0).then(|| Duration::from_millis(wait)), ..answer })
}

/// The status in the end, how many calls it took, and how long.
async fn outcome_of(answers: &[(u16, u64)]) -> (u16, u32, Duration) {
    calls();
    let began = Instant::now();
    let status = match tried(answers).await {
        Ok(response) => response.status,
        Err(ShopError::Status(status)) => status + 1000,
        Err(ShopError::Rejected(_)) => unreachable!("there is nothing that rejects"),
    };
    (status, calls(), began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_retry_tries_again_what_the_verdict_says() {
    let millis = Duration::from_millis;
    for base in [0, 1000] {
        // SUCCESS, FAILURE.not_again(): returned.
        assert_eq!(outcome_of(&[(base + 404, 0)]).await, (base + 404, 1, millis(0)));
        assert_eq!(outcome_of(&[(base + 501, 0)]).await, (base + 501, 1, millis(0)));
        // FAILURE, IGNORED.again(): tried again, and what is left is returned as it is.
        assert_eq!(outcome_of(&[(base + 503, 0)]).await, (base + 503, 3, millis(300)));
        assert_eq!(outcome_of(&[(base + 429, 0)]).await, (base + 429, 3, millis(300)));
        assert_eq!(outcome_of(&[(base + 503, 0), (200, 0)]).await, (200, 2, millis(100)));
    }
    // FAILURE.after(wait): not sooner, and by the rules of `retry_after` not at all where the wait is longer than `max_delay`.
    assert_eq!(outcome_of(&[(503, 700), (200, 0)]).await, (200, 2, millis(700)));
    assert_eq!(outcome_of(&[(503, 10_001), (200, 0)]).await, (503, 1, millis(0)));
}

#[tokio::test(start_paused = true)]
async fn the_policies_own_predicates_win_for_errors_alone() {
    #[retry(attempts = 2, delay = "0s", retry_if = |error| matches!(error, ShopError::Status(404)), classify = judge)]
    #[circuit_breaker(
        "predicates",
        consecutive_failures = 100,
        window = none,
        failure_if = |error| matches!(error, ShopError::Status(404 | 405)),
        ignore_if = |error| matches!(error, ShopError::Status(405)),
    )]
    async fn both(statuses: &[u16]) -> Result<Response, ShopError> {
        answer(statuses)
    }

    for (status, made, expected) in [(404, 2, (0, 2, 0)), (405, 1, (0, 0, 1)), (503, 1, (1, 0, 0))]
        .map(|(s, m, e)| (s + 1000, m, e))
        .into_iter()
        .chain([(404, 1, (1, 0, 0)), (503, 2, (0, 2, 0)), (429, 2, (0, 0, 2))])
    {
        let scope = Scope::new();
        let _entered = scope.enter();
        calls();
        let _ = both(&[status]).await;
        let totals = registry().circuit_breaker("predicates").unwrap().totals();
        assert_eq!((calls(), (totals.successes, totals.failures, totals.ignored)), (made, expected), "{status}");
    }
}

fn stand_in(_: &[u16], failure: Failure<ShopError>) -> Result<Response, ShopError> {
    let status = match failure {
        Failure::Rejected(Rejection::Unsuccessful { name }) => {
            assert!(name.starts_with("classify::"), "{name}");
            1
        }
        Failure::Call(_) => 3,
        _ => 2,
    };
    Ok(Response { status, wait: None })
}

#[circuit_breaker(classify = judge)]
#[fallback = stand_in]
async fn answered(statuses: &[u16]) -> Result<Response, ShopError> {
    answer(statuses)
}

#[tokio::test(start_paused = true)]
async fn a_fallback_answers_by_the_verdict() {
    for (status, expected) in [
        (200, 200),
        (404, 404),
        // A failure, whether another try may help or not, and what is left of IGNORED.again().
        (503, 1),
        (501, 1),
        (429, 1),
        (1503, 3),
        (1501, 3),
        (1429, 3),
    ] {
        calls();
        assert_eq!(answered(&[status]).await.unwrap().status, expected, "{status}");
    }
    // SUCCESS, an `Err` too: not asked.
    calls();
    assert_eq!(answered(&[1404]).await, Err(ShopError::Status(404)));
}

#[tokio::test(start_paused = true)]
async fn an_ok_is_returned_where_its_fallback_fails() {
    #[circuit_breaker(classify = judge)]
    #[fallback(|_| Err(ShopError::Status(1)), |_| Err(ShopError::Status(2)))]
    async fn in_vain(statuses: &[u16]) -> Result<Response, ShopError> {
        answer(statuses)
    }
    calls();
    assert_eq!(in_vain(&[503]).await.unwrap().status, 503);
    calls();
    assert_eq!(in_vain(&[1503]).await, Err(ShopError::Status(2)));
}

#[tokio::test(start_paused = true)]
async fn a_fallbacks_own_conditions_decide_about_errors_and_kinds() {
    #[circuit_breaker(classify = judge)]
    #[fallback(stand_in, on = [unsuccessful])]
    async fn answered_for(statuses: &[u16]) -> Result<Response, ShopError> {
        answer(statuses)
    }
    #[circuit_breaker(classify = judge)]
    #[fallback(stand_in, on = [circuit_open])]
    async fn not_for(statuses: &[u16]) -> Result<Response, ShopError> {
        answer(statuses)
    }
    #[circuit_breaker(classify = judge)]
    #[fallback(stand_in, if = |error| matches!(error, ShopError::Status(404)))]
    async fn answered(statuses: &[u16]) -> Result<Response, ShopError> {
        answer(statuses)
    }
    let status = |result: Result<Response, ShopError>| result.map_or(0, |response| response.status);
    for (code, only_unsuccessful, only_open, by_condition) in
        [(503, 1, 503, 1), (200, 200, 200, 200), (1503, 0, 0, 0), (1404, 0, 0, 3)]
    {
        calls();
        assert_eq!(status(answered_for(&[code]).await), only_unsuccessful, "{code}");
        calls();
        assert_eq!(status(not_for(&[code]).await), only_open, "{code}");
        calls();
        assert_eq!(status(answered(&[code]).await), by_condition, "{code}");
    }
}

#[test]
fn a_success_is_never_tried_again_and_the_last_word_about_it_counts() {
    let wait = Duration::from_secs(1);
    assert_eq!((Verdict::SUCCESS.again(), Verdict::SUCCESS.after(wait)), (Verdict::SUCCESS, Verdict::SUCCESS));
    assert_eq!(Verdict::IGNORED.after(wait).not_again(), Verdict::IGNORED);
    assert_eq!(Verdict::FAILURE.not_again().after(wait), Verdict::FAILURE.after(wait));
    assert_ne!(Verdict::FAILURE.after(wait), Verdict::FAILURE);
}

#[test]
fn a_closure_needs_no_types_and_sync_functions_are_classified_too() {
    #[retry(attempts = 3, delay = "0s")]
    #[circuit_breaker("sync", consecutive_failures = 9, window = none)]
    #[fallback(
        |_| Ok(Response { status: 7, wait: None }),
        classify = |result| match result {
            Ok(response) if response.status >= 500 => Verdict::FAILURE,
            Ok(_) => Verdict::SUCCESS,
            Err(ShopError::Status(404)) => Verdict::SUCCESS,
            Err(_) => Verdict::FAILURE.not_again(),
        },
    )]
    fn sync(statuses: &[u16]) -> Result<Response, ShopError> {
        answer(statuses)
    }
    let scope = Scope::new();
    let _entered = scope.enter();
    for (status, expected, made) in [(500, Ok(7), 3), (200, Ok(200), 1), (1404, Err(404), 1), (1500, Ok(7), 1)] {
        calls();
        let result = sync(&[status]);
        let result = result.map(|response| response.status).map_err(|error| match error {
            ShopError::Status(status) => status,
            ShopError::Rejected(_) => 0,
        });
        assert_eq!((result, calls()), (expected, made), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn made_by_a_call_and_through_a_chain_of_sources() {
    type Boxed = Box<dyn std::error::Error + Send + Sync>;
    #[circuit_breaker("files", consecutive_failures = 9, window = none, classify = classify::source(classify::io_error))]
    async fn read(kind: std::io::ErrorKind) -> Result<u8, Boxed> {
        Err(std::io::Error::from(kind).into())
    }
    let scope = Scope::new();
    let _entered = scope.enter();
    read(std::io::ErrorKind::NotFound).await.unwrap_err();
    read(std::io::ErrorKind::ConnectionRefused).await.unwrap_err();
    let totals = registry().circuit_breaker("files").unwrap().totals();
    assert_eq!((totals.successes, totals.failures), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_classify_that_panics_leaves_no_probe_behind() {
    fn panics(result: Result<&u8, &Rejection>) -> Verdict {
        match result {
            Ok(0) => panic!("it cannot tell"),
            Ok(_) => Verdict::SUCCESS,
            Err(_) => Verdict::FAILURE,
        }
    }
    #[circuit_breaker("panics", consecutive_failures = 1, window = none, half_open_calls = 1, open_for = "1s", classify = panics)]
    fn probed(fails: bool, value: u8) -> Result<u8, Rejection> {
        if fails { Err(Rejection::Unsuccessful { name: "x".into() }) } else { Ok(value) }
    }
    let scope = Scope::new();
    let _entered = scope.enter();
    probed(true, 0).unwrap_err();
    let breaker = registry().circuit_breaker("panics").unwrap();
    assert_eq!(breaker.state(), State::Open);
    for panicked in 1..=3_u32 {
        tokio::time::advance(Duration::from_secs(2)).await;
        std::panic::catch_unwind(|| probed(false, 0)).unwrap_err();
        assert_eq!(breaker.totals().cancelled, u64::from(panicked));
    }
    tokio::time::advance(Duration::from_secs(2)).await;
    probed(false, 1).unwrap();
    assert_eq!(breaker.state(), State::Closed);
}
