//! `attempt()`: which attempt of the nearest retry is running.

use resilience_runtime::{
    Jitter, Pipeline, Rejection, Retry, RetryConfig, TimeoutConfig, attempt, bulkhead, circuit_breaker, retry, timeout,
};
use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use tokio::task::yield_now;

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("it failed")]
    Failed,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

/// What was asked, in the order in which it was.
type Asked = RefCell<Vec<u32>>;

fn ask(asked: &Asked) {
    asked.borrow_mut().push(attempt());
}

#[retry(attempts = 3, delay = "1ms")]
async fn plain(asked: &Asked) -> Result<(), Error> {
    ask(asked);
    yield_now().await;
    ask(asked);
    Err(Error::Failed)
}

#[timeout("1h")]
#[retry(attempts = 3, delay = "1ms")]
#[circuit_breaker]
#[bulkhead(max_concurrent = 5, max_queue = 5)]
#[timeout("1m")]
async fn stack(asked: &Asked) -> Result<(), Error> {
    ask(asked);
    yield_now().await;
    ask(asked);
    Err(Error::Failed)
}

#[tokio::test(start_paused = true)]
async fn a_body_knows_its_attempt_before_and_after_it_waits() {
    let asked = Asked::default();
    plain(&asked).await.unwrap_err();
    assert_eq!(asked.take(), [1, 1, 2, 2, 3, 3]);
    stack(&asked).await.unwrap_err();
    assert_eq!(asked.take(), [1, 1, 2, 2, 3, 3]);
    assert_eq!(attempt(), 1);
}

#[retry(attempts = 2, delay = "1ms")]
async fn outer(asked: &Asked) -> Result<(), Error> {
    ask(asked);
    let result = plain(asked).await;
    ask(asked);
    result
}

#[tokio::test(start_paused = true)]
async fn of_nested_retries_the_nearest_counts() {
    let asked = Asked::default();
    outer(&asked).await.unwrap_err();
    let inner = [1, 1, 2, 2, 3, 3];
    assert_eq!(asked.take(), [&[1][..], &inner, &[1, 2], &inner, &[2]].concat());
}

#[tokio::test(start_paused = true)]
async fn calls_that_wait_side_by_side_do_not_see_each_other() {
    let (one, other) = (Asked::default(), Asked::default());
    let late = async {
        tokio::time::sleep(Duration::from_micros(500)).await;
        plain(&other).await
    };
    let _ = tokio::join!(plain(&one), late, async {
        for _ in 0..100 {
            assert_eq!(attempt(), 1);
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
    });
    assert_eq!((one.take(), other.take()), (vec![1, 1, 2, 2, 3, 3], vec![1, 1, 2, 2, 3, 3]));
}

#[tokio::test(start_paused = true)]
async fn a_task_of_its_own_is_in_no_attempt() {
    #[retry(attempts = 2, delay = "1ms")]
    async fn spawns() -> Result<u32, Error> {
        let of_the_task = tokio::spawn(async { attempt() }).await.unwrap();
        if attempt() == 2 { Ok(of_the_task) } else { Err(Error::Failed) }
    }
    assert_eq!(spawns().await.unwrap(), 1);
}

#[retry(attempts = 3, delay = "0s")]
#[circuit_breaker]
fn synchronous(asked: &Asked) -> Result<(), Error> {
    ask(asked);
    if attempt() == 3 {
        panic!("in the last one")
    }
    Err(Error::Failed)
}

#[test]
fn a_synchronous_one_knows_it_too_and_a_panic_leaves_nothing_behind() {
    let asked = Asked::default();
    catch_unwind(AssertUnwindSafe(|| synchronous(&asked))).unwrap_err();
    assert_eq!((asked.take(), attempt()), (vec![1, 2, 3], 1));
}

#[tokio::test(start_paused = true)]
async fn by_hand_as_well() {
    let retry = Retry::builder("attempt").attempts(3).delay(Duration::from_millis(1)).build().unwrap();
    let asked = Asked::default();
    let call = || {
        ask(&asked);
        async {
            ask(&asked);
            Err::<(), _>(Error::Failed)
        }
    };
    retry.call(call).await.unwrap_err();
    assert_eq!(asked.take(), [1, 1, 2, 2, 3, 3]);
    let synchronous = || {
        ask(&asked);
        Err::<(), _>(Error::Failed)
    };
    retry.call_sync(synchronous, |_| true).unwrap_err();
    assert_eq!((asked.take(), attempt()), (vec![1, 2, 3], 1));
}

#[tokio::test(start_paused = true)]
async fn a_pipelines_body_knows_it_too() {
    let retry = RetryConfig::new().attempts(3).delay(Duration::from_millis(1));
    let pipeline = Pipeline::builder("attempts").retry(retry).build().unwrap();
    let asked = Asked::default();
    let call = || async {
        ask(&asked);
        yield_now().await;
        ask(&asked);
        Err::<(), _>(Error::Failed)
    };
    pipeline.call(call).await.unwrap_err();
    assert_eq!((asked.take(), attempt()), (vec![1, 1, 2, 2, 3, 3], 1));
    // Without a retry it is the attempt of whoever is around it.
    let alone = Pipeline::builder("no attempts").timeout(TimeoutConfig::new().after(Duration::from_secs(1)));
    let alone = alone.build().unwrap();
    let within = || async {
        alone
            .call(|| async {
                ask(&asked);
                Err::<(), _>(())
            })
            .await
    };
    Retry::builder("around").attempts(2).build().unwrap().call(within).await.unwrap_err();
    assert_eq!(asked.take(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn what_an_attempt_by_hand_holds_is_gone_while_the_next_one_is_waited_for() {
    let second = Duration::from_secs(1);
    let retry = Retry::builder("held").attempts(2).delay(second).jitter(Jitter::None).build().unwrap();
    let held = Rc::new(());
    let call = || {
        let held = Rc::clone(&held);
        poll_fn(move |_| Poll::Ready(if Rc::strong_count(&held) == 0 { Ok(()) } else { Err("it failed") }))
    };
    let look = async {
        tokio::time::sleep(second / 2).await;
        Rc::strong_count(&held)
    };
    assert_eq!(tokio::join!(retry.call(call), look), (Err("it failed"), 1));
}

/// Asks when its thread ends.
struct AsksLate;

impl Drop for AsksLate {
    fn drop(&mut self) {
        assert_eq!(attempt(), 1);
        let asked = Asked::default();
        let _ = catch_unwind(AssertUnwindSafe(|| synchronous(&asked)));
        assert_eq!(asked.take(), [1, 2, 3]);
    }
}

#[test]
fn it_can_be_asked_while_a_thread_ends() {
    thread_local!(static LATE: AsksLate = const { AsksLate });
    std::thread::spawn(|| LATE.with(|_| ())).join().unwrap();
}
