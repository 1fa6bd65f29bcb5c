//! The bulkhead: its bound, its queue, its debt. Against a plain reference, in virtual time, and on all cores.

use proptest::prelude::*;
use resilience_runtime::{Bulkhead, BulkheadConfig, Failure, Kind, Place, RegisterError, Rejection, registry};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::{Instant, sleep};

type Acquire<'b> = Pin<Box<dyn Future<Output = Result<Place<'b>, Rejection>> + Send + 'b>>;

fn poll<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn bulkhead(max_concurrent: u32, max_queue: u32) -> Bulkhead {
    Bulkhead::builder("b").max_concurrent(max_concurrent).max_queue(max_queue).build().unwrap()
}

fn waiter(bulkhead: &Bulkhead) -> Acquire<'_> {
    let mut waiter: Acquire<'_> = Box::pin(bulkhead.acquire());
    assert!(poll(&mut waiter).is_pending());
    waiter
}

fn full() -> Rejection {
    Rejection::BulkheadFull { name: "b".into(), key: None }
}

#[test]
fn a_full_one_rejects_and_a_dropped_place_is_free() {
    let bulkhead = bulkhead(2, 0);
    let (first, _second) = (bulkhead.try_acquire().unwrap(), bulkhead.try_acquire().unwrap());
    assert_eq!(bulkhead.try_acquire().unwrap_err(), full());
    let mut refused: Acquire<'_> = Box::pin(bulkhead.acquire());
    assert!(matches!(poll(&mut refused), Poll::Ready(Err(rejection)) if rejection == full()));
    drop(first);
    let _third = bulkhead.try_acquire().unwrap();
    let snapshot = bulkhead.snapshot();
    assert_eq!((snapshot.inside, snapshot.admitted, snapshot.rejected, snapshot.waiting), (2, 3, 2, 0));
}

#[test]
fn who_does_not_wait_passes_nobody_who_does() {
    let bulkhead = bulkhead(1, 5);
    let place = bulkhead.try_acquire().unwrap();
    let mut first = waiter(&bulkhead);
    drop(place);
    // The place is the waiter's, which has not run yet.
    assert!(bulkhead.try_acquire().is_err());
    let Poll::Ready(Ok(place)) = poll(&mut first) else { panic!("it was handed to it") };
    drop(place);
    assert!(bulkhead.try_acquire().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_no_longer_than_the_max_wait() {
    let bulkhead =
        Bulkhead::builder("b").max_concurrent(1).max_queue(2).max_wait(Duration::from_millis(100)).build().unwrap();
    let began = Instant::now();
    let slow = bulkhead.call(async {
        sleep(Duration::from_millis(150)).await;
        Ok::<_, ()>(began.elapsed())
    });
    let late = async {
        sleep(Duration::from_millis(70)).await;
        bulkhead.call(async { Ok::<_, ()>(began.elapsed()) }).await
    };
    let (slow, too_late, in_time) = tokio::join!(slow, bulkhead.call(async { Ok::<_, ()>(began.elapsed()) }), late);
    assert_eq!(slow, Ok(Duration::from_millis(150)));
    assert_eq!(too_late, Err(Failure::Rejected(full())));
    assert_eq!(in_time, Ok(Duration::from_millis(150)));
    let snapshot = bulkhead.snapshot();
    assert_eq!((snapshot.admitted, snapshot.rejected, snapshot.timed_out), (2, 0, 1));
    assert_eq!((snapshot.inside, snapshot.waiting), (0, 0));
}

#[test]
fn a_place_handed_to_a_cancelled_waiter_goes_on() {
    let bulkhead = bulkhead(1, 5);
    let place = bulkhead.try_acquire().unwrap();
    let (first, mut second) = (waiter(&bulkhead), waiter(&bulkhead));
    drop(place);
    drop(first);
    let Poll::Ready(Ok(place)) = poll(&mut second) else { panic!("it goes on to the second") };
    let third = waiter(&bulkhead);
    drop(place);
    drop(third);
    assert_eq!(bulkhead.snapshot().inside, 0, "nobody is left to take it");
    assert!(bulkhead.try_acquire().is_ok());
}

#[test]
fn nobody_enters_before_the_debt_is_paid() {
    let bulkhead = bulkhead(4, 5);
    let mut places: Vec<_> = (0..4).map(|_| bulkhead.try_acquire().unwrap()).collect();
    let mut first = waiter(&bulkhead);
    bulkhead.reconfigure(BulkheadConfig::new().max_concurrent(2).max_queue(5)).unwrap();
    for inside in [3, 2] {
        places.pop();
        assert!(poll(&mut first).is_pending());
        assert_eq!((bulkhead.snapshot().inside, bulkhead.snapshot().max_concurrent), (inside, 2));
    }
    places.pop();
    assert!(poll(&mut first).is_ready(), "one is inside, of two");
}

#[test]
fn growing_pays_the_debt_first_and_then_lets_in_who_waits() {
    let bulkhead = bulkhead(4, 5);
    let _places: Vec<_> = (0..4).map(|_| bulkhead.try_acquire().unwrap()).collect();
    let config = BulkheadConfig::new().max_queue(5);
    bulkhead.reconfigure(config.max_concurrent(1)).unwrap();
    let mut waiters: Vec<_> = (0..3).map(|_| waiter(&bulkhead)).collect();
    bulkhead.reconfigure(config.max_concurrent(4)).unwrap();
    assert_eq!(bulkhead.snapshot().waiting, 3);
    bulkhead.reconfigure(config.max_concurrent(6)).unwrap();
    let polled: Vec<_> = waiters.iter_mut().map(poll).collect();
    assert_eq!([0, 1, 2].map(|at: usize| polled[at].is_ready()), [true, true, false]);
    assert!(bulkhead.reconfigure(config.max_concurrent(0)).is_err());
    assert_eq!(bulkhead.snapshot().max_concurrent, 6);
}

#[test]
fn a_name_is_one_bulkhead() {
    let shared = Bulkhead::builder("shared").max_concurrent(3).register().unwrap();
    assert!(Arc::ptr_eq(&shared, &registry().bulkhead("shared").unwrap()));
    assert!(Arc::ptr_eq(&shared, &Bulkhead::builder("shared").register().unwrap()));
    let other = Bulkhead::builder("shared").max_concurrent(4).register();
    assert!(matches!(other, Err(RegisterError::Conflict { kind: Kind::Bulkhead, .. })));
    assert!(registry().bulkheads().any(|bulkhead| bulkhead.name() == "shared"));
    let json = serde_json::to_value(registry().snapshot()).unwrap();
    assert_eq!(json["bulkheads"][0]["max_concurrent"], 3);
}

/// The bulkhead as one would write it with a lock around it.
struct Reference {
    limit: usize,
    max_queue: usize,
    inside: usize,
    queue: VecDeque<u32>,
    /// To whom a place was handed since last asked.
    handed: Vec<u32>,
    is_off: bool,
}

impl Reference {
    fn serve(&mut self) {
        while (self.is_off || self.inside < self.limit)
            && let Some(first) = self.queue.pop_front()
        {
            self.inside += 1;
            self.handed.push(first);
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Arrive,
    Try,
    Leave(usize),
    Cancel(usize),
    /// Cancelled when a place was handed to it, before it runs.
    LeaveAndCancelTheFirst(usize),
    Resize(u32, u32),
    /// Of those to whom it hands a place, the one at this place is cancelled before it runs.
    ResizeAndCancel(u32, usize),
    TurnOff,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Arrive),
        1 => Just(Step::Try),
        3 => any::<usize>().prop_map(Step::Leave),
        1 => any::<usize>().prop_map(Step::Cancel),
        1 => any::<usize>().prop_map(Step::LeaveAndCancelTheFirst),
        1 => (1..5_u32, 0..6_u32).prop_map(|(limit, queue)| Step::Resize(limit, queue)),
        1 => (1..5_u32, any::<usize>()).prop_map(|(limit, which)| Step::ResizeAndCancel(limit, which)),
        1 => Just(Step::TurnOff),
    ];
    proptest::collection::vec(step, 0..120)
}

proptest! {
    /// Never above the limit, first come first served, nobody forgotten, whoever is cancelled and however it is resized.
    #[test]
    fn as_the_reference_does(max_queue in 0..4_u32, steps in steps()) {
        let bulkhead = bulkhead(2, max_queue);
        let max_queue = max_queue as usize;
        let mut reference =
            Reference { limit: 2, max_queue, inside: 0, queue: VecDeque::new(), handed: vec![], is_off: false };
        let mut places = vec![];
        let mut waiters: Vec<(u32, Acquire<'_>)> = vec![];
        for (id, step) in (0..).zip(steps) {
            match step {
                Step::Arrive => {
                    let mut acquire: Acquire<'_> = Box::pin(bulkhead.acquire());
                    match poll(&mut acquire) {
                        // It is counted nowhere.
                        Poll::Ready(Ok(_)) if reference.is_off => {}
                        Poll::Ready(Ok(place)) => {
                            prop_assert!(reference.inside < reference.limit);
                            reference.inside += 1;
                            places.push(place);
                        }
                        Poll::Ready(Err(_)) => {
                            prop_assert!(reference.inside >= reference.limit);
                            prop_assert!(reference.queue.len() >= reference.max_queue);
                        }
                        Poll::Pending => {
                            prop_assert!(reference.inside >= reference.limit && !reference.is_off);
                            prop_assert!(reference.queue.len() < reference.max_queue);
                            reference.queue.push_back(id);
                            waiters.push((id, acquire));
                        }
                    }
                }
                Step::Try if reference.is_off => drop(bulkhead.try_acquire().unwrap()),
                Step::Try => match bulkhead.try_acquire() {
                    Ok(place) => {
                        prop_assert!(reference.inside < reference.limit);
                        reference.inside += 1;
                        places.push(place);
                    }
                    Err(_) => prop_assert!(reference.inside >= reference.limit),
                },
                Step::Leave(which) | Step::LeaveAndCancelTheFirst(which) if !places.is_empty() => {
                    drop(places.swap_remove(which % places.len()));
                    reference.inside -= 1;
                    reference.serve();
                    if matches!(step, Step::LeaveAndCancelTheFirst(_))
                        && let Some(first) = reference.handed.pop()
                    {
                        waiters.retain(|(id, _)| *id != first);
                        reference.inside -= 1;
                        reference.serve();
                    }
                }
                Step::Cancel(which) if !waiters.is_empty() => {
                    let (id, _cancelled) = waiters.remove(which % waiters.len());
                    reference.queue.retain(|waiting| *waiting != id);
                }
                Step::Resize(limit, max_queue) => {
                    bulkhead.reconfigure(BulkheadConfig::new().max_concurrent(limit).max_queue(max_queue)).unwrap();
                    (reference.limit, reference.max_queue) = (limit as usize, max_queue as usize);
                    reference.is_off = false;
                    reference.serve();
                }
                Step::ResizeAndCancel(limit, which) => {
                    let config = BulkheadConfig::new().max_concurrent(limit).max_queue(reference.max_queue as u32);
                    bulkhead.reconfigure(config).unwrap();
                    (reference.limit, reference.is_off) = (limit as usize, false);
                    reference.serve();
                    if !reference.handed.is_empty() {
                        let cancelled = reference.handed.remove(which % reference.handed.len());
                        waiters.retain(|(id, _)| *id != cancelled);
                        reference.inside -= 1;
                        reference.serve();
                    }
                }
                Step::TurnOff => {
                    let config = BulkheadConfig::new().max_concurrent(reference.limit as u32).enabled(false);
                    bulkhead.reconfigure(config.max_queue(reference.max_queue as u32)).unwrap();
                    reference.is_off = true;
                    reference.serve();
                }
                _ => {}
            }
            // The last first: who gets in is not who asks first now.
            let mut entered = vec![];
            for (id, mut waiter) in std::mem::take(&mut waiters).into_iter().rev() {
                match poll(&mut waiter) {
                    Poll::Ready(place) => {
                        entered.push(id);
                        places.push(place.unwrap());
                    }
                    Poll::Pending => waiters.insert(0, (id, waiter)),
                }
            }
            entered.reverse();
            prop_assert_eq!(entered, std::mem::take(&mut reference.handed));
            let snapshot = bulkhead.snapshot();
            prop_assert_eq!(snapshot.inside as usize, reference.inside);
            prop_assert_eq!(snapshot.waiting as usize, reference.queue.len());
            prop_assert_eq!(places.len(), reference.inside);
        }
    }
}

/// xorshift: fast, seeded, and good enough to mix.
fn throw(dice: &mut u64, sides: u64) -> u64 {
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    *dice % sides
}

/// Polls it a few times at most, as a caller that loses patience would.
async fn impatient<F: Future>(future: F, polls: u64) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    })
    .await
}

/// Real time, because it is the scheduler that is wanted; bounded by the number of calls.
fn storm(resizes: bool, turns_off: bool) {
    const TASKS: u64 = 64;
    const CALLS: u64 = 3000;
    const MOST: u32 = 4;
    let bulkhead = Arc::new(bulkhead(MOST, 16));
    let (inside, admitted) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let over = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    runtime.block_on(async {
        let config = BulkheadConfig::new().max_queue(16);
        let tasks: Vec<_> = (1..=TASKS)
            .map(|task| {
                let (bulkhead, inside, admitted) = (bulkhead.clone(), inside.clone(), admitted.clone());
                let over = over.clone();
                tokio::spawn(async move {
                    let mut dice = 0x9e37_79b9_7f4a_7c15 ^ task;
                    for _ in 0..CALLS {
                        let place = match throw(&mut dice, 4) {
                            0 => impatient(bulkhead.acquire(), 1 + task % 5).await,
                            1 => Some(bulkhead.try_acquire()),
                            _ => Some(bulkhead.acquire().await),
                        };
                        if let Some(Ok(_place)) = place {
                            admitted.fetch_add(1, SeqCst);
                            if inside.fetch_add(1, SeqCst) >= u64::from(MOST) {
                                over.store(true, SeqCst);
                            }
                            if throw(&mut dice, 3) == 0 {
                                tokio::task::yield_now().await;
                            }
                            inside.fetch_sub(1, SeqCst);
                        } else {
                            tokio::task::yield_now().await;
                        }
                        if resizes && throw(&mut dice, 20) == 0 {
                            bulkhead.reconfigure(config.max_concurrent(1 + throw(&mut dice, 4) as u32)).unwrap();
                        }
                        if turns_off && throw(&mut dice, 40) == 0 {
                            bulkhead.reconfigure(config.enabled(false)).unwrap();
                        }
                    }
                })
            })
            .collect();
        let all = async {
            for task in tasks {
                task.await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(120), all).await.expect("somebody was forgotten in the queue");
        bulkhead.reconfigure(config.max_concurrent(MOST)).unwrap();
    });
    assert!(turns_off || !over.load(SeqCst), "more were inside than the limit");
    let snapshot = bulkhead.snapshot();
    assert_eq!((snapshot.inside, snapshot.waiting), (0, 0));
    // A place may be taken and cancelled in one poll only where it is handed over: then it was never admitted.
    let seen = admitted.load(SeqCst);
    assert!(if turns_off { snapshot.admitted <= seen } else { snapshot.admitted == seen }, "{snapshot:?}, {seen}");
    let _all: Vec<_> = (0..MOST).map(|_| bulkhead.try_acquire().expect("no place was lost")).collect();
    assert!(bulkhead.try_acquire().is_err());
}

#[test]
fn on_all_cores_never_above_the_limit_and_nobody_forgotten() {
    storm(false, false);
}

#[test]
fn on_all_cores_while_it_is_resized() {
    storm(true, false);
}

#[test]
fn on_all_cores_while_it_is_turned_off_and_on() {
    storm(true, true);
}

/// A bulkhead that was built without a queue counts those who leave by themselves, until it is given one: whoever leaves just then hands its place on.
#[test]
fn the_first_to_wait_gets_the_place_of_whoever_leaves_just_then() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let config = BulkheadConfig::new().max_concurrent(2).max_queue(1).max_wait(Duration::from_secs(60));
    for round in 0..50 {
        let bulkhead = bulkhead(2, 0);
        let inside = [(); 2].map(|()| bulkhead.try_acquire().unwrap());
        let begins = std::sync::Barrier::new(3);
        std::thread::scope(|scope| {
            for place in inside {
                scope.spawn(|| {
                    begins.wait();
                    (0..round * 1000).for_each(|_| std::hint::spin_loop());
                    drop(place);
                });
            }
            begins.wait();
            bulkhead.reconfigure(config).unwrap();
            let place = runtime.block_on(bulkhead.acquire());
            assert!(place.is_ok(), "it was forgotten in the queue: {:?}", bulkhead.snapshot());
        });
        let snapshot = bulkhead.snapshot();
        assert_eq!((snapshot.inside, snapshot.waiting, snapshot.admitted), (0, 0, 3));
        let _all = [(); 2].map(|()| bulkhead.try_acquire().expect("no place was lost"));
        assert_eq!(bulkhead.snapshot().inside, 2);
    }
}

/// One place is free at every moment, whoever comes and goes in between.
#[test]
fn who_looks_while_others_come_and_go_is_never_refused_a_free_place() {
    let bulkhead = bulkhead(3, 0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..100_000).for_each(|_| drop(bulkhead.try_acquire().expect("two more are free"))));
        }
        for _ in 0..100_000 {
            drop(bulkhead.try_acquire().expect("one is free"));
            assert!(bulkhead.snapshot().inside <= 3);
        }
    });
    assert_eq!(bulkhead.snapshot().rejected, 0);
}

/// After `reconfigure` has returned, nobody enters above the new limit, whoever is leaving just then.
#[test]
fn a_new_limit_holds_at_once_on_all_cores() {
    let bulkhead = bulkhead(3, 0);
    let config = BulkheadConfig::new();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(SeqCst) {
                    drop(bulkhead.try_acquire());
                }
            });
        }
        for _ in 0..5000 {
            bulkhead.reconfigure(config.max_concurrent(1)).unwrap();
            let deadline = std::time::Instant::now() + Duration::from_secs(20);
            let place = loop {
                match bulkhead.try_acquire() {
                    Ok(place) => break place,
                    Err(_) => assert!(std::time::Instant::now() < deadline, "a place was lost"),
                }
            };
            // It is the only one.
            assert_eq!(bulkhead.snapshot().inside, 1);
            assert!(bulkhead.try_acquire().is_err());
            bulkhead.reconfigure(config.max_concurrent(3)).unwrap();
            drop(place);
        }
        stop.store(true, SeqCst);
    });
    assert_eq!(bulkhead.snapshot().inside, 0);
}

#[test]
fn what_waits_is_send_and_small() {
    fn is_send<T: Send>(value: T) -> usize {
        size_of_val(&value)
    }
    let bulkhead = bulkhead(1, 1);
    let size = is_send(bulkhead.acquire());
    // An `Acquire` (88) and a `Sleep` (96), and 64 for the policy.
    assert!(size <= 88 + 96 + 64, "{size}");
}
