//! The other policies, alone and together.

use crate::contest::{BARE, Case, Contestant, calls, of_tasks, tasks};
use crate::peers;
use crate::subject::{self, bare, succeeding};
use resilience_runtime::{Bulkhead, registry};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("retry", "the first attempt succeeds", retry),
        Case::new("timeout", "the body is ready at once", timeout),
        Case::new("bulkhead", "a place is free", bulkhead),
        Case::new("bulkhead, full", "the call is rejected", bulkhead_full),
        Case::new("rate limit", "the call is allowed", rate_limit),
        Case::new("rate limit, refused", "the rate is used up", rate_limit_refused),
        Case::of_threads("contended", "two tasks on two workers at one bulkhead or rate limiter", contended),
        Case::new("stack", "several policies, all calm", stack),
    ]
}

fn against_peers(case: &str, ours: Vec<Contestant>) -> Vec<Contestant> {
    let mut contestants = vec![calls!(BARE, |call| bare(call).await)];
    contestants.extend(ours);
    contestants.extend(peers::of(case));
    contestants
}

fn retry() -> Vec<Contestant> {
    against_peers("retry", vec![calls!("ours", |call| subject::retried(call).await)])
}

fn timeout() -> Vec<Contestant> {
    against_peers("timeout", vec![calls!("ours", |call| subject::timed(call).await)])
}

fn bulkhead() -> Vec<Contestant> {
    against_peers("bulkhead", vec![calls!("ours", |call| subject::bulkheaded(call).await)])
}

fn bulkhead_full() -> Vec<Contestant> {
    let _ = crate::contest::current_thread().block_on(subject::full(0));
    let bulkhead: &'static Bulkhead = Box::leak(Box::new(registry().bulkhead("full").expect("it was called")));
    std::mem::forget(bulkhead.try_acquire().expect("it is free"));
    against_peers("bulkhead, full", vec![calls!("ours", |call| subject::full(call).await)])
}

fn rate_limit() -> Vec<Contestant> {
    against_peers("rate limit", vec![calls!("ours", |call| subject::limited(call).await)])
}

fn rate_limit_refused() -> Vec<Contestant> {
    against_peers("rate limit, refused", vec![calls!("ours", |call| subject::refused(call).await)])
}

fn contended() -> Vec<Contestant> {
    [1, 2]
        .into_iter()
        .flat_map(|count| {
            let who = |what: &str| of_tasks(what, count);
            [
                tasks!(who(BARE), count, succeeding, |call| bare(call).await),
                tasks!(who("ours, bulkhead"), count, succeeding, |call| subject::bulkheaded(call).await),
                tasks!(who("ours, rate limit"), count, succeeding, |call| subject::limited(call).await),
                tasks!(who("ours, retry"), count, succeeding, |call| subject::retried(call).await),
                tasks!(who("ours, timeout"), count, succeeding, |call| subject::timed(call).await),
            ]
        })
        .chain(peers::of("contended"))
        .collect()
}

fn stack() -> Vec<Contestant> {
    let ours = vec![
        calls!("ours: retry, breaker, bulkhead, timeout", |call| subject::stacked(call).await),
        calls!("ours: all six", |call| subject::all_six(call).await),
    ];
    against_peers("stack", ours)
}
