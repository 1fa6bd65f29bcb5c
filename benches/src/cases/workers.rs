//! One breaker, two workers.

use crate::contest::{BARE, Case, Contestant, of_tasks, tasks};
use crate::peers;
use crate::subject::{self, bare, failing_1_percent, succeeding};
use resilience_runtime::registry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::of_threads("two workers", "one breaker, calls succeed", succeeding_tasks),
        Case::of_threads("two workers, 1 % errors", "one breaker", failing_tasks),
        Case::of_threads("snapshots beside", "another thread reads snapshots of the breaker meanwhile", watched),
    ]
}

fn succeeding_tasks() -> Vec<Contestant> {
    let ours = [1, 2, 4].into_iter().flat_map(|count| {
        let who = |what: &str| of_tasks(what, count);
        [
            tasks!(who(BARE), count, succeeding, |call| bare(call).await),
            tasks!(who("ours, default"), count, succeeding, |call| subject::by_default(call).await),
            tasks!(who("ours, consecutive"), count, succeeding, |call| subject::by_row(call).await),
            tasks!(who("ours, count window"), count, succeeding, |call| subject::by_count(call).await),
        ]
    });
    ours.chain(peers::of("two workers")).collect()
}

fn failing_tasks() -> Vec<Contestant> {
    let ours = [1, 2, 4].into_iter().flat_map(|count| {
        let who = |what: &str| of_tasks(what, count);
        [
            tasks!(who(BARE), count, failing_1_percent, |call| bare(call).await),
            tasks!(who("ours, default"), count, failing_1_percent, |call| subject::failing_by_default(call).await),
            tasks!(who("ours, consecutive"), count, failing_1_percent, |call| subject::failing_by_row(call).await),
            tasks!(who("ours, count window"), count, failing_1_percent, |call| subject::failing_by_count(call).await),
        ]
    });
    ours.collect()
}

/// Reads snapshots on a thread of its own for as long as calls are made.
fn beside(who: &str, pause: Option<Duration>) -> Contestant {
    let runtime = crate::contest::current_thread();
    let calls = crate::contest::calls!(who, |call| subject::watched(call).await);
    // The first call makes the breaker.
    let _ = runtime.block_on(subject::watched(0));
    let Contestant { who, mut run } = calls;
    Contestant::new(who, move |calls| {
        let over = Arc::new(AtomicBool::new(false));
        let reader = pause.map(|pause| {
            let over = Arc::clone(&over);
            std::thread::spawn(move || {
                let breaker = registry().circuit_breaker("watched").expect("it was called");
                while !over.load(Ordering::Relaxed) {
                    std::hint::black_box(breaker.snapshot());
                    if !pause.is_zero() {
                        std::thread::park_timeout(pause);
                    }
                }
            })
        });
        run(calls);
        over.store(true, Ordering::Relaxed);
        if let Some(reader) = reader {
            reader.thread().unpark();
            reader.join().expect("snapshots do not panic");
        }
    })
}

fn watched() -> Vec<Contestant> {
    vec![
        beside("ours, alone", None),
        beside("ours, a snapshot each millisecond", Some(Duration::from_millis(1))),
        beside("ours, snapshots without a pause", Some(Duration::ZERO)),
    ]
}
