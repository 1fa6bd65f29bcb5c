//! The other policies, alone and together.

use crate::contest::{BARE, Case, Contestant, calls, tasks};
use crate::peers;
use crate::subject::{self, bare, succeeding};
use resilience_runtime::{Bulkhead, registry};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case { name: "retry", about: "the first attempt succeeds", rounds: 1, length: 1, contestants: retry },
        Case { name: "timeout", about: "the body is ready at once", rounds: 1, length: 1, contestants: timeout },
        Case { name: "bulkhead", about: "a place is free", rounds: 1, length: 1, contestants: bulkhead },
        Case {
            name: "bulkhead, full",
            about: "the call is rejected",
            rounds: 1,
            length: 1,
            contestants: bulkhead_full,
        },
        Case { name: "rate limit", about: "the call is allowed", rounds: 1, length: 1, contestants: rate_limit },
        Case {
            name: "rate limit, refused",
            about: "the rate is used up",
            rounds: 1,
            length: 1,
            contestants: rate_limit_refused,
        },
        Case {
            name: "contended",
            about: "two tasks on two workers at one bulkhead or rate limiter",
            rounds: 1,
            length: 10,
            contestants: contended,
        },
        Case { name: "stack", about: "several policies, all calm", rounds: 1, length: 1, contestants: stack },
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
            let who = |what: &str| super::workers::who(what, count);
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
