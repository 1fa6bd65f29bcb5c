//! What cannot work as it was written is told once a policy, and what is advised in its place never.

use resilience_runtime::testing::Scope;
use resilience_runtime::{
    Bulkhead, BulkheadConfig, Event, EventFilter, Events, Kind, Pipeline, Registry, Rejection, Retry, Topic, Trap,
    bulkhead, registry, retry,
};
use std::error::Error;
use std::future::Future;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::timeout;

const HOUR: Duration = Duration::from_secs(3600);

fn traps(registry: &Registry) -> Events {
    registry.subscribe_with(EventFilter::of([Topic::Trap]))
}

/// Those since the last look.
fn told(traps: &mut Events) -> Vec<(Kind, String, Trap)> {
    let told = std::iter::from_fn(|| traps.try_recv()).map(|event| match event {
        Event::Trap { kind, name, key, trap, .. } => {
            (kind, format!("{name}{}", key.map_or(String::new(), |key| format!("[{key}]"))), trap)
        }
        event => panic!("{event}"),
    });
    told.collect()
}

/// Whether it is never over.
async fn hangs(call: impl Future) -> bool {
    timeout(HOUR, call).await.is_err()
}

#[bulkhead(name = "walk", max_concurrent = 2, max_queue = 1)]
async fn walk(depth: u32) -> Result<u32, Rejection> {
    tokio::task::yield_now().await;
    if depth == 0 { Ok(0) } else { Ok(1 + Box::pin(walk(depth - 1)).await?) }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_itself_is_told_of_once() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let mut traps = traps(&registry());
    assert_eq!(walk(1).await.unwrap(), 1);
    assert_eq!(told(&mut traps), []);
    assert!(hangs(walk(2)).await);
    assert_eq!(told(&mut traps), [(Kind::Bulkhead, "walk".to_owned(), Trap::Recursion)]);
    assert!(hangs(walk(2)).await);
    assert_eq!(told(&mut traps), []);
    let kept = registry().recent_events(Kind::Bulkhead, "walk");
    assert_eq!(
        kept[0].to_string(),
        "bulkhead `walk`: a call waits in the queue while the call that it is a part of holds a permit; \
         guard the way in, and recurse in a function that is not guarded"
    );
}

#[bulkhead(name = "shared pool", max_concurrent = 1, max_queue = 5, max_wait = "1s")]
async fn outer() -> Result<(), Rejection> {
    inner().await
}

#[bulkhead(name = "shared pool")]
async fn joins() -> Result<(), Rejection> {
    Ok(())
}

#[bulkhead(name = "shared pool", max_concurrent = 1, max_queue = 5, max_wait = "1s")]
async fn inner() -> Result<(), Rejection> {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn two_functions_of_one_bulkhead_are_the_same() {
    let _entered = Scope::new().enter();
    let mut traps = traps(&registry());
    joins().await.unwrap();
    outer().await.unwrap_err();
    assert_eq!(told(&mut traps), [(Kind::Bulkhead, "shared pool".to_owned(), Trap::Recursion)]);
}

#[bulkhead(name = "tenants", max_concurrent = 1, max_queue = 5, key = tenant)]
async fn of_tenant(tenant: &str, then: &[&str]) -> Result<(), Rejection> {
    tokio::task::yield_now().await;
    match then {
        [] => Ok(()),
        [next, then @ ..] => Box::pin(of_tenant(next, then)).await,
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_waits_for_itself_and_not_for_another() {
    let _entered = Scope::new().enter();
    let mut traps = traps(&registry());
    // Somebody else has the second key for a while.
    let place = registry();
    let (taken, others) = tokio::join!(of_tenant("b", &[]), of_tenant("a", &["b"]));
    taken.unwrap();
    others.unwrap();
    assert_eq!(told(&mut traps), []);
    assert!(place.bulkhead("tenants").is_some());
    assert!(hangs(of_tenant("a", &["b", "a"])).await);
    assert_eq!(told(&mut traps), [(Kind::Bulkhead, "tenants[a]".to_owned(), Trap::Recursion)]);
}

#[tokio::test(start_paused = true)]
async fn by_hand_and_through_a_pipeline_it_is_told_too() {
    let _entered = Scope::new().enter();
    let mut traps = traps(&registry());
    let by_hand = Bulkhead::builder("by hand").max_concurrent(1).max_queue(1).register().unwrap();
    let nested = by_hand.call(async { by_hand.call(async { Ok::<_, String>(()) }).await.map_err(|_| String::new()) });
    assert!(hangs(nested).await);
    assert_eq!(told(&mut traps), [(Kind::Bulkhead, "by hand".to_owned(), Trap::Recursion)]);
    let one = BulkheadConfig::new().max_concurrent(1).max_queue(1);
    let pipeline = Pipeline::builder("pipeline").bulkhead(one).build().unwrap();
    let nested =
        pipeline.call(|| async { pipeline.call(|| async { Ok::<_, String>(()) }).await.map_err(|_| String::new()) });
    assert!(hangs(nested).await);
    assert_eq!(told(&mut traps), [(Kind::Bulkhead, "pipeline".to_owned(), Trap::Recursion)]);
    // What belongs to nobody's registry has nobody who reads, and is said on standard error.
    let alone = Bulkhead::builder("alone").max_concurrent(1).max_queue(1).build().unwrap();
    assert!(hangs(alone.call(async { alone.acquire().await.map(drop).map_err(|_| "full") })).await);
}

#[bulkhead(name = "other pool", max_concurrent = 1, max_queue = 5)]
async fn through_two(released: oneshot::Receiver<()>) -> Result<(), Rejection> {
    slow(Some(released)).await
}

#[bulkhead(name = "slow", max_concurrent = 1, max_queue = 5)]
async fn slow(released: Option<oneshot::Receiver<()>>) -> Result<(), Rejection> {
    tokio::time::sleep(Duration::from_millis(10)).await;
    if let Some(released) = released {
        released.await.unwrap();
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_somebody_else_is_in_no_trap() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let mut traps = traps(&registry());
    for _ in 0..2 {
        slow(None).await.unwrap();
    }
    // Side by side in one task: the second waits while the first is polled, and the other way round.
    let (first, second, third) = tokio::join!(slow(None), slow(None), slow(None));
    first.unwrap();
    second.unwrap();
    third.unwrap();
    // Inside of another bulkhead, for whose permit nobody waits.
    let (release, released) = oneshot::channel();
    let in_two = tokio::spawn(scope.wrap(through_two(released)));
    tokio::task::yield_now().await;
    let waits = tokio::spawn(scope.wrap(slow(None)));
    tokio::time::sleep(Duration::from_millis(100)).await;
    release.send(()).unwrap();
    in_two.await.unwrap().unwrap();
    waits.await.unwrap().unwrap();
    // One that is given up, and whose place goes on.
    assert!(timeout(Duration::from_millis(1), slow(None)).await.is_err());
    assert_eq!(told(&mut traps), []);
}

#[retry(name = "lock file", attempts = 2, delay = "1ms")]
fn read_lock_file(of: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    Err(format!("{of}: busy").into())
}

fn told_of_lock_file(body: impl FnOnce()) -> Vec<(Kind, String, Trap)> {
    // A scope each, so that each has a retry of its own, which was told of nothing.
    let scope = Scope::new();
    let mut traps = traps(&scope.registry());
    let entered = scope.enter();
    body();
    drop(entered);
    told(&mut traps)
}

fn reads() {
    read_lock_file("here").unwrap_err();
}

#[test]
fn a_synchronous_retry_in_a_task_is_told_of_once() {
    let blocked = [(Kind::Retry, "lock file".to_owned(), Trap::BlockedTask)];
    let current = Builder::new_current_thread().enable_all().build().unwrap();
    let multi = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let in_block_on = told_of_lock_file(|| {
        current.block_on(async {
            reads();
            reads();
        });
    });
    assert_eq!(in_block_on, blocked);
    let in_the_main_future = told_of_lock_file(|| multi.block_on(async { reads() }));
    assert_eq!(in_the_main_future, blocked);
    let spawned = |scope: Scope| async move {
        tokio::spawn(scope.wrap(async { reads() })).await.unwrap();
    };
    for runtime in [&current, &multi] {
        let scope = Scope::new();
        let mut traps = traps(&scope.registry());
        runtime.block_on(spawned(scope));
        assert_eq!(told(&mut traps), blocked);
    }
}

#[test]
fn a_synchronous_retry_that_blocks_no_task_is_told_of_nothing() {
    let multi = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    assert_eq!(told_of_lock_file(reads), []);
    let scope = Scope::new();
    let mut traps = traps(&scope.registry());
    let in_scope = |scope: &Scope| {
        let scope = scope.clone();
        move || {
            let _entered = scope.enter();
            reads();
        }
    };
    let (blocking, in_place) = (in_scope(&scope), in_scope(&scope));
    multi.block_on(async {
        tokio::task::spawn_blocking(blocking).await.unwrap();
        tokio::spawn(async { tokio::task::block_in_place(in_place) }).await.unwrap();
    });
    std::thread::spawn(in_scope(&scope)).join().unwrap();
    assert_eq!(told(&mut traps), []);
    // Nor one that does not wait.
    let spins = || {
        let retry = Retry::builder("spins").attempts(2).delay(Duration::ZERO).register().unwrap();
        retry.call_sync(|| Err::<(), _>("busy"), |_| true).unwrap_err();
    };
    assert_eq!(told_of_lock_file(|| multi.block_on(async { spins() })), []);
    // Nor is an asynchronous one, wherever it waits.
    let retry = Retry::builder("async").attempts(2).delay(Duration::from_millis(1)).build().unwrap();
    assert_eq!(told_of_lock_file(|| _ = multi.block_on(retry.call(|| async { Err::<(), _>("busy") }))), []);
}

#[test]
fn a_task_that_was_found_to_be_blocked_goes_on() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let _told = told_of_lock_file(|| {
        runtime.block_on(async {
            let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
            (0..1000).for_each(|number| sender.send(number).unwrap());
            reads();
            for number in 0..1000 {
                assert_eq!(receiver.recv().await, Some(number));
            }
        });
    });
    assert_eq!(_told.len(), 1);
}

#[bulkhead(name = "of a scope")]
async fn in_scope() -> Result<(), Rejection> {
    Ok(())
}

/// Of the registry of the program, to which a call outside of the scope goes.
fn told_outside(traps: &mut Events) -> Vec<(Kind, String, Trap)> {
    told(traps).into_iter().filter(|(_, name, _)| name == "of a scope" || name == "of another").collect()
}

#[bulkhead(name = "of another")]
async fn of_another() -> Result<(), Rejection> {
    Ok(())
}

#[test]
fn a_task_outside_of_the_tests_scope_is_told_of_once() {
    let multi = || Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut traps = traps(&registry());
    // Without a scope, in a scope on another runtime, and handed over.
    multi().block_on(async { tokio::spawn(in_scope()).await.unwrap().unwrap() });
    let (here, elsewhere) = (multi(), multi());
    here.block_on(async {
        let scope = Scope::new();
        let _entered = scope.enter();
        elsewhere.spawn(in_scope()).await.unwrap().unwrap();
        tokio::spawn(scope.wrap(in_scope())).await.unwrap().unwrap();
        in_scope().await.unwrap();
        std::thread::spawn(|| futures_executor(in_scope())).join().unwrap();
    });
    assert_eq!(told_outside(&mut traps), []);
    let calls = || {
        here.block_on(async {
            let _entered = Scope::new().enter();
            tokio::spawn(in_scope()).await.unwrap().unwrap();
            tokio::spawn(of_another()).await.unwrap().unwrap();
        });
    };
    calls();
    // Once a scope: the second function is the same mistake.
    assert_eq!(told_outside(&mut traps), [(Kind::Bulkhead, "of a scope".to_owned(), Trap::OutsideScope)]);
    // And once a policy.
    calls();
    assert_eq!(told_outside(&mut traps), []);
    drop((here, elsewhere));
}

/// On a thread that no runtime knows.
fn futures_executor(call: impl Future<Output = Result<(), Rejection>>) {
    let mut call = std::pin::pin!(call);
    let mut nobody = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(call.as_mut().poll(&mut nobody).is_ready());
}
