//! Under `test-util` time is tokio's: each thread sees it pass, whatever runtimes and their clocks do beside it.

use resilience_runtime::{CircuitBreaker, State, Timestamp};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::time::advance;

const HOUR: Duration = Duration::from_secs(3600);
const OPEN_FOR: Duration = Duration::from_millis(50);

fn paused() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// A runtime's clock is ours from when somebody first looks at it.
async fn pass(time: Duration) -> Timestamp {
    Timestamp::now();
    advance(time).await;
    Timestamp::now()
}

fn tripped(name: &'static str) -> CircuitBreaker {
    let breaker = CircuitBreaker::builder(name).consecutive_failures(1).open_for(OPEN_FOR).build().unwrap();
    breaker.try_acquire().unwrap().failure();
    assert_eq!(breaker.state(), State::Open);
    breaker
}

/// Real time, since no runtime is there whose clock could be paused.
fn rejects_until_its_time_is_over(breaker: &CircuitBreaker) {
    let began = Instant::now();
    loop {
        match breaker.try_acquire() {
            Ok(probe) => break probe.success(),
            Err(_) => assert!(began.elapsed() < Duration::from_secs(10), "it rejects for ever"),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(began.elapsed() >= OPEN_FOR - Duration::from_millis(10), "{:?}", began.elapsed());
}

#[test]
fn a_thread_without_a_runtime_sees_time_pass_whatever_a_paused_one_beside_it_has_reached() {
    let before = std::thread::spawn(|| {
        let breaker = tripped("time: before");
        paused().block_on(pass(HOUR));
        // This thread was inside, so the hour has passed here.
        breaker.try_acquire().unwrap().success();
        rejects_until_its_time_is_over(&tripped("time: after"));
    });
    before.join().unwrap();
    let beside = paused();
    beside.block_on(pass(HOUR));
    std::thread::scope(|scope| {
        scope.spawn(|| rejects_until_its_time_is_over(&tripped("time: beside")));
        // Nobody outside ages what belongs to a paused runtime.
        beside.block_on(async {
            let breaker = tripped("time: inside");
            std::thread::sleep(OPEN_FOR * 2);
            breaker.try_acquire().unwrap_err();
            advance(OPEN_FOR).await;
            breaker.try_acquire().unwrap().success();
        });
    });
}

#[test]
fn threads_without_a_runtime_agree_on_the_time() {
    std::thread::spawn(|| paused().block_on(pass(HOUR))).join().unwrap();
    let breaker = std::thread::spawn(|| tripped("time: shared")).join().unwrap();
    std::thread::sleep(OPEN_FOR / 2);
    // A third one, later: the time between has passed for it, too.
    std::thread::scope(|scope| {
        let later = scope.spawn(|| {
            std::thread::sleep(OPEN_FOR / 2 + Duration::from_millis(5));
            breaker.try_acquire().map(|probe| probe.success())
        });
        later.join().unwrap().unwrap();
    });
}

#[test]
fn a_thread_that_is_new_begins_where_the_furthest_one_is() {
    let reached = std::thread::spawn(|| paused().block_on(pass(HOUR * 1000))).join().unwrap();
    let began = std::thread::spawn(Timestamp::now).join().unwrap();
    assert!(began >= reached, "{began:?} is before {reached:?}");
    let in_runtime = std::thread::spawn(|| paused().block_on(async { Timestamp::now() })).join().unwrap();
    assert!(in_runtime >= began, "{in_runtime:?} is before {began:?}");
}

/// Sleeps for real, since time passes by itself outside of runtimes alone.
#[test]
fn one_that_is_behind_does_not_hold_back_those_that_are_new() {
    Timestamp::now();
    let furthest = std::thread::spawn(|| {
        paused().block_on(pass(HOUR * 5000));
        Timestamp::now()
    });
    let furthest = furthest.join().unwrap();
    std::thread::sleep(OPEN_FOR);
    assert!(Timestamp::now() < furthest || furthest.elapsed() >= OPEN_FOR, "this one is behind");
    let began = std::thread::spawn(Timestamp::now).join().unwrap();
    assert!(began.duration_since(furthest) >= OPEN_FOR - Duration::from_millis(1), "{began:?} after {furthest:?}");
}

#[test]
fn a_second_runtime_goes_on_where_the_first_one_was() {
    let (first, second) = (paused(), paused());
    let breaker = first.block_on(async {
        pass(HOUR * 2).await;
        tripped("time: second")
    });
    second.block_on(async {
        breaker.try_acquire().unwrap_err();
        advance(OPEN_FOR - Duration::from_millis(1)).await;
        breaker.try_acquire().unwrap_err();
        advance(Duration::from_millis(1)).await;
        breaker.try_acquire().unwrap().success();
    });
}
