//! `stream = true`: the call of a function that answers with a stream lasts until the stream has ended (docs/semantics.md, Streams).

mod body;
mod model;
mod script;

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use resilience_runtime::{
    CircuitBreaker, OpenReason, Rejection, State, Totals, Verdict, bulkhead, circuit_breaker, fallback, rate_limit,
    registry, retry, timeout,
};
use script::{Error, Item, Step, script};
use tokio::time::{advance, sleep};
use tokio_stream::{Stream, StreamExt};

use Step::{Hang, Wait};

type Feed<'a, T = Item> = Pin<Box<dyn Stream<Item = T> + Send + 'a>>;
type Answer<T> = Result<T, Error>;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn breaker(name: &str) -> Arc<CircuitBreaker> {
    registry().circuit_breaker(name).unwrap()
}

/// Successes, failures, ignored, cancelled, abandoned.
fn ends(totals: &Totals) -> [u64; 5] {
    [totals.successes, totals.failures, totals.ignored, totals.cancelled, totals.abandoned]
}

fn counted(name: &str) -> [u64; 5] {
    ends(&breaker(name).totals())
}

fn items(items: impl IntoIterator<Item = u32>) -> Vec<Step> {
    items.into_iter().map(Step::Item).collect()
}

const BROKEN: Step = Step::Err(Error::Broken);

mod thirty {
    use super::*;

    #[circuit_breaker("streams: thirty", stream = true)]
    async fn rows() -> Answer<impl Stream<Item = Item>> {
        Ok(script([Step::Item(1), Step::Item(2), BROKEN]))
    }

    #[tokio::test(start_paused = true)]
    async fn streams_broken_in_the_middle_open_a_breaker() {
        let mut rejected = 0;
        for _ in 0..30 {
            advance(millis(50)).await;
            match rows().await {
                Ok(rows) => assert_eq!(rows.collect::<Vec<_>>().await, [Ok(1), Ok(2), Err(Error::Broken)]),
                Err(error) => {
                    assert!(matches!(error, Error::Rejected(Rejection::CircuitOpen { .. })));
                    rejected += 1;
                }
            }
        }
        assert_eq!((counted("streams: thirty"), rejected), ([0, 10, 0, 0, 0], 20));
        let snapshot = breaker("streams: thirty").snapshot();
        assert_eq!(snapshot.reason, Some(OpenReason::ConsecutiveFailures { failures: 10 }));
        assert_eq!(snapshot.last_error.unwrap().cause, "it broke");
    }
}

/// Calls that a probe's stream makes, of the breaker that it probes for.
mod nested {
    use super::*;

    #[circuit_breaker("streams: nested", consecutive_failures = 1, half_open_calls = 1)]
    async fn page(fails: bool) -> Answer<()> {
        if fails { Err(Error::Broken) } else { Ok(()) }
    }

    /// The head reads a page, and the stream another one: whether that was rejected.
    #[circuit_breaker("streams: nested", stream = true)]
    async fn rows(head_fails: bool) -> Answer<impl Stream<Item = bool>> {
        let _ = page(head_fails).await;
        Ok(tokio_stream::iter([()]).then(|()| async { matches!(page(false).await, Err(Error::Rejected(_))) }))
    }

    #[tokio::test(start_paused = true)]
    async fn once_one_has_failed_in_the_head_those_of_the_stream_are_rejected() {
        for head_fails in [false, true] {
            page(true).await.unwrap_err();
            advance(millis(30_000)).await;
            let rows: Vec<_> = rows(head_fails).await.unwrap().collect().await;
            assert_eq!(rows, [head_fails]);
            breaker("streams: nested").reset();
        }
    }
}

mod outcomes {
    use super::*;

    #[circuit_breaker("streams: outcomes", mode = monitor, classify_item = |item| match item {
        Err(Error::NotFound) => Verdict::IGNORED,
        Ok(13) | Err(_) => Verdict::FAILURE,
        Ok(_) => Verdict::SUCCESS,
    }, stream = true)]
    async fn rows(steps: Vec<Step>) -> Answer<impl Stream<Item = Item>> {
        Ok(script(steps))
    }

    /// Reads so many items, waits until it has had enough, and leaves.
    async fn read(steps: Vec<Step>, at_most: usize, patience: Duration) -> [u64; 5] {
        let name = "streams: outcomes";
        let mut rows = Box::pin(rows(steps).await.unwrap());
        let before = counted(name);
        let reads = async {
            for _ in 0..at_most {
                if rows.next().await.is_none() {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(patience, reads).await;
        drop(rows);
        let mut after = counted(name);
        after.iter_mut().zip(before).for_each(|(after, before)| *after -= before);
        after
    }

    const SUCCESS: [u64; 5] = [1, 0, 0, 0, 0];
    const FAILURE: [u64; 5] = [0, 1, 0, 0, 0];
    const IGNORED: [u64; 5] = [0, 0, 1, 0, 0];
    const CANCELLED: [u64; 5] = [0, 0, 0, 1, 0];
    const ABANDONED: [u64; 5] = [0, 0, 0, 0, 1];

    #[tokio::test(start_paused = true)]
    async fn one_a_stream() {
        let none_found = Step::Err(Error::NotFound);
        let all = usize::MAX;
        for (steps, at_most, outcome) in [
            (vec![], all, SUCCESS),
            (items(0..5), all, SUCCESS),
            // Whoever leaves a feed has had what it wanted.
            (items(0..5), 1, SUCCESS),
            (vec![Step::Item(1), Hang], all, SUCCESS),
            (vec![BROKEN], all, FAILURE),
            (vec![BROKEN], 1, FAILURE),
            (vec![Step::Item(1), BROKEN, Step::Item(2), BROKEN], all, FAILURE),
            (vec![Step::Item(13), Step::Item(1)], all, FAILURE),
            // What is ignored is no item; alone it says nothing.
            (vec![none_found.clone()], all, IGNORED),
            (vec![none_found.clone(), Step::Item(1)], 1, IGNORED),
            (vec![none_found.clone(), Step::Item(1)], 2, SUCCESS),
            (vec![none_found, BROKEN], all, FAILURE),
            // Dropped before the first item, by how long the stream was waited for.
            (vec![Hang], 0, CANCELLED),
            (vec![Wait(millis(2000))], 1, ABANDONED),
        ] {
            assert_eq!(read(steps.clone(), at_most, millis(1500)).await, outcome, "{at_most} of {steps:?}");
        }
        assert_eq!(read(vec![Hang], 1, millis(900)).await, CANCELLED);
        assert_eq!(read(vec![Hang], 1, millis(1000)).await, ABANDONED);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_never_asks_has_not_waited() {
        let name = "streams: late";

        #[circuit_breaker("streams: late", stream = true, slow_call = "1s")]
        async fn rows(first: u64) -> Answer<impl Stream<Item = Item>> {
            sleep(millis(900)).await;
            Ok(script([Wait(millis(first)), Step::Item(1), Wait(millis(5000)), Step::Item(2)]))
        }

        let late = rows(50).await.unwrap();
        sleep(millis(5000)).await;
        drop(late);
        assert_eq!(counted(name), CANCELLED);
        // Slow is the time up to the first item, for as long as somebody asks for it.
        for (first, slow) in [(50, 0), (150, 1)] {
            let mut late = Box::pin(rows(first).await.unwrap());
            sleep(millis(5000)).await;
            while late.next().await.is_some() {}
            assert_eq!(breaker(name).totals().slow, slow, "{first}");
        }
        assert_eq!(counted(name), [2, 0, 0, 1, 0]);
        let _ = tokio::time::timeout(millis(500), rows(3000).await.unwrap().collect::<Vec<_>>()).await;
        assert_eq!((counted(name), breaker(name).totals().slow), ([2, 0, 0, 2, 0], 2), "dropped after `slow_call`");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_head_comes_to_is_what_it_is_without_a_stream() {
        #[circuit_breaker("streams: heads", stream = true, ignore_if = |error| matches!(error, Error::NotFound))]
        async fn rows(answer: Answer<()>) -> Answer<Feed<'static>> {
            answer?;
            pending::<()>().await;
            Ok(Box::pin(script([])))
        }

        assert!(rows(Err(Error::Broken)).await.is_err());
        assert!(rows(Err(Error::NotFound)).await.is_err());
        let _ = tokio::time::timeout(millis(10), rows(Ok(()))).await;
        let _ = tokio::time::timeout(millis(1010), rows(Ok(()))).await;
        assert_eq!(counted("streams: heads"), [0, 1, 1, 1, 1]);
    }
}

mod probes {
    use super::*;

    #[circuit_breaker("streams: probes", stream = true, consecutive_failures = 1, half_open_calls = 1, open_for = "1s")]
    async fn rows(steps: Vec<Step>) -> Answer<impl Stream<Item = Item>> {
        Ok(script(steps))
    }

    #[tokio::test(start_paused = true)]
    async fn are_decided_by_the_first_item() {
        let state = || breaker("streams: probes").state();
        let mut endless = Box::pin(rows(vec![Step::Item(1), Step::Item(2), BROKEN, Hang]).await.unwrap());
        assert_eq!(endless.next().await, Some(Ok(1)));
        assert!(rows(vec![BROKEN]).await.unwrap().collect::<Vec<_>>().await[0].is_err());
        assert_eq!(state(), State::Open);

        advance(millis(1000)).await;
        let mut probe = Box::pin(rows(vec![Step::Item(1), BROKEN]).await.unwrap());
        assert!(rows(vec![]).await.is_err(), "there is one probe, and it has not answered");
        assert_eq!(state(), State::HalfOpen);
        assert_eq!(probe.next().await, Some(Ok(1)));
        assert_eq!(state(), State::Closed);
        // It is decided, and what the stream comes to is nobody's business.
        assert_eq!(probe.next().await, Some(Err(Error::Broken)));
        assert_eq!(state(), State::Closed);
        // One that began before is too old to say anything.
        drop(endless);
        assert_eq!(breaker("streams: probes").totals().stale, 1);

        rows(vec![BROKEN]).await.unwrap().collect::<Vec<_>>().await;
        advance(millis(1000)).await;
        rows(vec![BROKEN]).await.unwrap().collect::<Vec<_>>().await;
        assert_eq!(state(), State::Open);
        advance(millis(1000)).await;
        rows(vec![]).await.unwrap().collect::<Vec<_>>().await;
        assert_eq!(state(), State::Closed, "a stream without items has ended well");
    }
}

mod timeouts {
    use super::*;

    #[circuit_breaker("streams: slow server")]
    #[timeout("10s", name = "streams: between", between = "1s", stream = true)]
    async fn rows(steps: Vec<Step>) -> Answer<impl Stream<Item = Item> + Unpin> {
        sleep(millis(9000)).await;
        Ok(Box::pin(script(steps)))
    }

    fn timed_out(item: Option<Item>) -> bool {
        let Some(Err(Error::Rejected(Rejection::TimedOut { name, after }))) = item else { return false };
        assert_eq!((&*name, after), ("streams: between", millis(1000)));
        true
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_is_not_the_servers_fault_and_a_slow_server_is() {
        let steps = || vec![Step::Item(1), Wait(millis(999)), Step::Item(2), Wait(millis(1001)), Step::Item(3)];
        let mut rows = rows(steps()).await.unwrap();
        sleep(millis(60_000)).await;
        assert_eq!(rows.next().await, Some(Ok(1)));
        sleep(millis(60_000)).await;
        assert_eq!(rows.next().await, Some(Ok(2)));
        // Each wait has a second of its own.
        let began = tokio::time::Instant::now();
        assert!(timed_out(rows.next().await));
        assert_eq!(began.elapsed(), millis(1000));
        assert_eq!(rows.next().await, None, "after that it ends");
        assert_eq!(rows.next().await, None);
        let snapshot = registry().timeout("streams: between").unwrap().snapshot();
        assert_eq!((snapshot.timed_out, counted("streams: slow server")), (1, [0, 1, 0, 0, 0]));
        let cause = breaker("streams: slow server").snapshot().last_error.unwrap().cause;
        assert_eq!(cause, "`streams: between` timed out after 1s");
        an_item_that_has_come_is_handed_out_however_late_it_is_fetched().await;
    }

    async fn an_item_that_has_come_is_handed_out_however_late_it_is_fetched() {
        let mut rows = rows(vec![Wait(millis(500)), Step::Item(1), Hang]).await.unwrap();
        // It asks, and comes back after something else.
        tokio::select! {
            biased;
            _ = rows.next() => unreachable!(),
            () = sleep(millis(100)) => {}
        }
        sleep(millis(60_000)).await;
        assert_eq!(rows.next().await, Some(Ok(1)));
        // This one has not come: the server had its second, whatever the reader did.
        tokio::select! {
            biased;
            _ = rows.next() => unreachable!(),
            () = sleep(millis(100)) => {}
        }
        sleep(millis(60_000)).await;
        assert!(timed_out(rows.next().await));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_in_force_may_change() {
        #[timeout("10s", name = "streams: changed", between = none, stream = true)]
        async fn rows() -> Answer<Feed<'static>> {
            Ok(Box::pin(script([Wait(millis(2000)), Step::Item(1), Wait(millis(2000)), Step::Item(2)])))
        }

        let mut rows = rows().await.unwrap();
        assert_eq!(rows.next().await, Some(Ok(1)));
        let timeout = registry().timeout("streams: changed").unwrap();
        let config = resilience_runtime::TimeoutConfig::new().after(millis(1000)).between(millis(100));
        timeout.reconfigure(config).unwrap();
        assert!(matches!(rows.next().await, Some(Err(Error::Rejected(Rejection::TimedOut { .. })))));
    }

    /// The errors of the head and of the items are made by the same function.
    #[timeout("1s", between = "1s", stream = true, map_rejection = |rejection| rejection.to_string())]
    async fn of_a_foreign_error() -> Result<impl Stream<Item = Result<u32, String>>, String> {
        Ok(script([Hang]).map(|item| item.map_err(|error| error.to_string())))
    }

    #[tokio::test(start_paused = true)]
    async fn a_rejection_is_mapped_for_items_too() {
        let items: Vec<_> = of_a_foreign_error().await.unwrap().collect().await;
        assert_eq!(items.len(), 1);
        assert!(items[0].as_ref().unwrap_err().ends_with("timed out after 1s"), "{items:?}");
    }
}

mod places {
    use super::*;

    #[bulkhead(1, name = "streams: places", stream = true)]
    #[timeout("1s", between = "1s")]
    async fn rows(steps: Vec<Step>) -> Answer<impl Stream<Item = Item> + Unpin> {
        Ok(script(steps))
    }

    fn inside() -> u64 {
        registry().bulkhead("streams: places").unwrap().snapshot().inside
    }

    #[tokio::test(start_paused = true)]
    async fn are_held_until_the_end_or_the_drop() {
        let mut first = rows(items(0..2)).await.unwrap();
        assert!(matches!(rows(vec![]).await.err(), Some(Error::Rejected(Rejection::BulkheadFull { .. }))));
        first.next().await;
        assert_eq!(inside(), 1);
        assert_eq!(first.next().await, Some(Ok(1)));
        assert_eq!(inside(), 1);
        assert_eq!(first.next().await, None);
        assert_eq!(inside(), 0, "a stream that has ended may lie about");
        let dropped = rows(vec![]).await.unwrap();
        assert_eq!(inside(), 1);
        drop(dropped);
        assert_eq!(inside(), 0);
        let mut broken = rows(vec![BROKEN, Hang]).await.unwrap();
        assert!(broken.next().await.unwrap().is_err());
        assert_eq!(inside(), 1, "there may be more");
        assert!(broken.next().await.unwrap().is_err());
        assert_eq!(inside(), 0, "it has timed out");
    }

    #[tokio::test(start_paused = true)]
    async fn go_to_the_next_who_waits() {
        #[bulkhead(1, max_queue = 1, stream = true, key = of)]
        async fn queued(of: u32) -> Answer<Feed<'static>> {
            Ok(Box::pin(script(items(0..3))))
        }

        let first = queued(1).await.unwrap();
        let second = tokio::spawn(async { queued(1).await.unwrap().count_items().await });
        assert_eq!(queued(2).await.unwrap().count_items().await, 3);
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        assert_eq!(first.count_items().await, 3);
        assert_eq!(second.await.unwrap(), 3);
    }

    trait CountItems {
        async fn count_items(self) -> usize;
    }

    impl<S: Stream> CountItems for S {
        async fn count_items(self) -> usize {
            self.fold(0, |sum, _| sum + 1).await
        }
    }
}

mod panics {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::task::{Context, Poll, Waker};

    #[circuit_breaker("streams: panics", stream = true, mode = monitor)]
    #[bulkhead(1000, name = "streams: panics")]
    async fn rows(steps: Vec<Step>) -> Answer<impl Stream<Item = Item> + Unpin> {
        Ok(script(steps))
    }

    fn poll<S: Stream + Unpin>(stream: &mut S) -> Poll<Option<S::Item>> {
        Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test(start_paused = true)]
    async fn of_the_stream_are_failures() {
        for before in [vec![], items(0..2)] {
            let count = before.len();
            let mut rows = rows(before.into_iter().chain([Step::Panic, Step::Item(7)]).collect()).await.unwrap();
            for _ in 0..count {
                assert!(poll(&mut rows).is_ready());
            }
            catch_unwind(AssertUnwindSafe(|| poll(&mut rows))).unwrap_err();
            // At once, and whoever has caught it may go on.
            assert_eq!(breaker("streams: panics").totals().panicked, if count == 0 { 1 } else { 2 });
            assert_eq!(poll(&mut rows), Poll::Ready(Some(Ok(7))));
            assert_eq!(poll(&mut rows), Poll::Ready(None));
            assert_eq!(poll(&mut rows), Poll::Ready(None), "a stream that has ended is not asked again");
        }
        assert_eq!(counted("streams: panics"), [0, 2, 0, 0, 0]);
        assert_eq!(registry().bulkhead("streams: panics").unwrap().snapshot().inside, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn of_the_reader_are_not() {
        #[circuit_breaker("streams: reader panics", stream = true)]
        async fn rows() -> Answer<impl Stream<Item = Item> + Unpin> {
            Ok(script([Step::Item(1), Hang]))
        }

        for asks in [0, 1] {
            let mut rows = rows().await.unwrap();
            let reads = move || {
                for _ in 0..asks {
                    assert!(poll(&mut rows).is_ready());
                }
                panic!("the reader's own")
            };
            catch_unwind(AssertUnwindSafe(reads)).unwrap_err();
        }
        assert_eq!(counted("streams: reader panics"), [1, 0, 0, 1, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn of_what_the_stream_drops_are_failures() {
        struct Bomb(Option<u32>);

        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("as told")
            }
        }

        impl Stream for Bomb {
            type Item = u32;

            fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u32>> {
                Poll::Ready(self.0.take())
            }
        }

        #[circuit_breaker("streams: bombs", stream = true, slow_call = "1s")]
        async fn rows(item: Option<u32>) -> Answer<impl Stream<Item = u32> + Unpin> {
            Ok(Bomb(item))
        }

        let left = rows(None).await.unwrap();
        catch_unwind(AssertUnwindSafe(|| drop(left))).unwrap_err();
        let mut read = rows(None).await.unwrap();
        catch_unwind(AssertUnwindSafe(|| poll(&mut read))).unwrap_err();
        assert_eq!(counted("streams: bombs"), [0, 2, 0, 0, 0]);
        drop(read);

        // They are as slow as the first item was, whatever their reader did since.
        let mut late = rows(Some(1)).await.unwrap();
        assert!(poll(&mut late).is_ready());
        advance(millis(5000)).await;
        catch_unwind(AssertUnwindSafe(|| drop(late))).unwrap_err();
        let mut late = rows(Some(1)).await.unwrap();
        assert!(poll(&mut late).is_ready());
        advance(millis(5000)).await;
        catch_unwind(AssertUnwindSafe(|| poll(&mut late))).unwrap_err();
        assert_eq!((counted("streams: bombs"), breaker("streams: bombs").totals().slow), ([0, 4, 0, 0, 0], 0));
    }
}

mod stacks {
    use super::*;

    #[retry(attempts = 3, delay = "1ms", classify = |result| match result {
        Ok(_) => unreachable!("a stream has come to nothing yet"),
        Err(Error::NotFound) => Verdict::SUCCESS,
        Err(_) => Verdict::FAILURE,
    })]
    #[circuit_breaker("streams: all", key = of)]
    #[bulkhead(1, key = of)]
    #[rate_limit("1000/s", name = "streams: all")]
    #[timeout("1s", between = "1s")]
    #[fallback(|_, heads| Ok(script([Step::Item(heads.load(Ordering::Relaxed))])), stream = true)]
    async fn rows(of: &str, heads: &AtomicU32) -> Answer<impl Stream<Item = Item>> {
        let head = heads.fetch_add(1, Ordering::Relaxed);
        match of {
            "none" => Err(Error::NotFound),
            "third" if head == 2 => Ok(script([Step::Item(1), BROKEN])),
            "good" => Ok(script(items(0..3))),
            _ => Err(Error::Broken),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_retry_and_a_fallback_act_until_the_head() {
        let heads = AtomicU32::new(0);
        let third: Vec<_> = rows("third", &heads).await.unwrap().collect().await;
        assert_eq!(third, [Ok(1), Err(Error::Broken)], "what comes after the head is not tried again");
        let of_key = |key: &str| ends(&breaker("streams: all").of_key(key).unwrap().totals());
        assert_eq!(of_key("third"), [0, 3, 0, 0, 0]);
        let heads = AtomicU32::new(0);
        let never: Vec<_> = rows("never", &heads).await.unwrap().collect().await;
        assert_eq!((never, of_key("never")), (vec![Ok(3)], [0, 3, 0, 0, 0]));
        assert_eq!(rows("none", &heads).await.err(), Some(Error::NotFound));
        let first = rows("good", &heads).await.unwrap();
        let other: Vec<_> = rows("other", &heads).await.unwrap().collect().await;
        assert_eq!(other.len(), 1);
        assert_eq!(first.collect::<Vec<_>>().await.len(), 3);
        assert_eq!((of_key("none"), of_key("good")), ([1, 0, 0, 0, 0], [1, 0, 0, 0, 0]));
        assert_eq!(registry().rate_limiter("streams: all").unwrap().snapshot().allowed, 11, "a turn a head");
    }

    macro_rules! orders {
        ($($name:ident: $text:literal $(#[$attribute:meta])*;)*) => {$(
            #[tokio::test(start_paused = true)]
            async fn $name() {
                $(#[$attribute])*
                async fn rows(steps: Vec<Step>) -> Answer<impl Stream<Item = Item>> {
                    Ok(script(steps))
                }

                let mut rows = Box::pin(rows(vec![Step::Item(1), Hang]).await.unwrap());
                assert_eq!(rows.next().await, Some(Ok(1)));
                assert_eq!(registry().bulkhead($text).unwrap().snapshot().inside, 1);
                assert!(matches!(rows.next().await, Some(Err(Error::Rejected(Rejection::TimedOut { .. })))));
                assert_eq!(rows.next().await, None);
                assert_eq!(registry().bulkhead($text).unwrap().snapshot().inside, 0);
                assert_eq!(counted($text), [0, 1, 0, 0, 0]);
            }
        )*};
    }

    orders! {
        breaker_bulkhead_timeout: "streams: 1" #[circuit_breaker("streams: 1", stream = true)] #[bulkhead(1, name = "streams: 1")] #[timeout("1s", between = "1s")];
        bulkhead_breaker_timeout: "streams: 2" #[bulkhead(1, name = "streams: 2", stream = true)] #[circuit_breaker("streams: 2")] #[timeout("1s", between = "1s")];
        breaker_timeout_bulkhead: "streams: 3" #[circuit_breaker("streams: 3", stream = true)] #[timeout("1s", between = "1s")] #[bulkhead(1, name = "streams: 3", max_queue = 1)];
        breaker_timeout_limit_bulkhead: "streams: 4" #[circuit_breaker("streams: 4")] #[timeout("1s", between = "1s")] #[rate_limit("9/s", max_wait = "1s")] #[bulkhead(1, name = "streams: 4")] #[fallback(|_| Err(Error::Broken), on = [circuit_open], stream = true)];
        total_retry_breaker_timeout: "streams: 5" #[timeout("9s", between = "1s")] #[retry(stream = true)] #[circuit_breaker("streams: 5")] #[timeout("1s")] #[bulkhead(1, name = "streams: 5")];
    }
}

mod forms {
    use super::*;
    use std::fmt::Display;

    type Rows<'a, T> = Result<Feed<'a, T>, Error>;
    type Opened<T> = Result<T, Error>;

    struct Table(Vec<u32>);

    impl Table {
        #[circuit_breaker("streams: forms", stream = true)]
        #[timeout("1s", between = "1s")]
        async fn borrowed(&self) -> Opened<impl Stream<Item = Result<&u32, Error>> + use<'_>> {
            Ok(tokio_stream::iter(self.0.iter().map(Ok)))
        }

        #[bulkhead(2)]
        #[circuit_breaker("streams: forms", stream = true)]
        async fn boxed<'a>(&'a mut self, more: &'a str) -> Rows<'a, String> {
            self.0.push(7);
            Ok(Box::pin(tokio_stream::iter(self.0.iter().map(move |row| format!("{row}{more}")))))
        }

        #[circuit_breaker("streams: forms", stream = true)]
        fn of_a_future(&self) -> impl Future<Output = Answer<impl Stream<Item = u32> + Send>> + Send {
            async move { Ok(tokio_stream::iter(self.0.clone())) }
        }

        #[circuit_breaker("streams: forms", stream = true)]
        fn of_a_box<'a>(&'a self) -> Pin<Box<dyn Future<Output = Rows<'a, u32>> + Send + 'a>> {
            Box::pin(async move {
                let rows: Feed<'a, u32> = Box::pin(tokio_stream::iter(self.0.iter().copied()));
                Ok(rows)
            })
        }
    }

    #[circuit_breaker("streams: generic", stream = true)]
    #[fallback = nothing]
    async fn generic<T: Display + Clone + Send + Sync + 'static>(rows: Vec<T>) -> Rows<'static, T> {
        Ok(Box::pin(tokio_stream::iter(rows)))
    }

    async fn nothing<T: Send + 'static>(_: Vec<T>) -> Rows<'static, T> {
        Ok(Box::pin(tokio_stream::empty()))
    }

    /// Not to be sent, and what is in it neither.
    #[circuit_breaker("streams: forms", stream = true)]
    async fn local(text: std::rc::Rc<str>) -> Answer<Pin<Box<dyn Stream<Item = std::rc::Rc<str>>>>> {
        Ok(Box::pin(tokio_stream::once(text)))
    }

    trait Source {
        async fn rows(&self) -> Answer<impl Stream<Item = u32>>;

        #[circuit_breaker("streams: forms", stream = true)]
        async fn by_default(&self) -> Answer<Feed<'_, u32>> {
            Ok(Box::pin(tokio_stream::iter([1, 2])))
        }
    }

    impl Source for Table {
        #[circuit_breaker("streams: forms", stream = true)]
        async fn rows(&self) -> Answer<impl Stream<Item = u32>> {
            Ok(tokio_stream::iter(self.0.iter().copied()))
        }
    }

    #[async_trait::async_trait]
    trait Boxed {
        async fn rows(&self, least: u32) -> Answer<Feed<'_, u32>>;
        async fn by_default(&self) -> Answer<Feed<'_, u32>>;
    }

    #[async_trait::async_trait]
    impl Boxed for Table {
        #[circuit_breaker("streams: forms", stream = true)]
        async fn rows(&self, least: u32) -> Answer<Feed<'_, u32>> {
            Ok(Box::pin(tokio_stream::iter(self.0.iter().copied().filter(move |row| *row >= least))))
        }

        async fn by_default(&self) -> Answer<Feed<'_, u32>> {
            Boxed::rows(self, 2).await
        }
    }

    async fn all<T>(rows: Answer<impl Stream<Item = T>>) -> Vec<T> {
        rows.unwrap().collect().await
    }

    /// What is neither an error nor can be shown.
    #[derive(Debug, PartialEq)]
    struct Plain;

    #[circuit_breaker("streams: said", stream = true, classify_item = |item| match item {
        Err(Plain) => Verdict::FAILURE,
        Ok(_) => Verdict::SUCCESS,
    })]
    async fn said_by_the_signature() -> Answer<impl Stream<Item = Result<u64, Plain>> + Send> {
        Ok(tokio_stream::iter([Ok(1)]))
    }

    #[circuit_breaker("streams: said", stream = true)]
    async fn default_said_by_the_signature() -> Answer<impl Stream<Item = Result<u64, Plain>> + Send> {
        Ok(tokio_stream::iter([Ok(1)]))
    }

    #[circuit_breaker("streams: said", stream = true)]
    async fn of_numbers() -> Answer<impl Stream<Item = u64>> {
        Ok(tokio_stream::iter([1]))
    }

    #[tokio::test(start_paused = true)]
    async fn of_functions() {
        assert_eq!(all(said_by_the_signature().await).await, [Ok(1)]);
        assert_eq!(all(default_said_by_the_signature().await).await, [Ok(1)]);
        assert_eq!(all(of_numbers().await).await, [1]);
        let mut table = Table(vec![1, 2, 3]);
        assert_eq!(all(table.borrowed().await).await, [Ok(&1), Ok(&2), Ok(&3)]);
        assert_eq!(all(table.boxed("!").await).await, ["1!", "2!", "3!", "7!"]);
        assert_eq!(all(table.of_a_future().await).await, [1, 2, 3, 7]);
        assert_eq!(all(table.of_a_box().await).await, [1, 2, 3, 7]);
        assert_eq!(all(generic(vec!["a", "b"]).await).await, ["a", "b"]);
        let text = std::rc::Rc::<str>::from("a");
        assert_eq!(all(local(text.clone()).await).await, [text]);
        assert_eq!(all(Source::rows(&table).await).await, [1, 2, 3, 7]);
        assert_eq!(all(Source::by_default(&table).await).await, [1, 2]);
        assert_eq!(all(Boxed::by_default(&table).await).await, [2, 3, 7]);
        assert_eq!(counted("streams: forms"), [8, 0, 0, 0, 0]);
    }

    #[circuit_breaker("streams: no error", stream = true, classify_item = |_| Verdict::FAILURE)]
    async fn of_results_that_fail() -> Answer<impl Stream<Item = Result<u64, Plain>>> {
        Ok(tokio_stream::iter([Ok(1)]))
    }

    #[circuit_breaker("streams: no result", stream = true, classify_item = |_| Verdict::FAILURE)]
    async fn of_numbers_that_fail() -> Answer<impl Stream<Item = u64>> {
        Ok(tokio_stream::iter([1]))
    }

    #[tokio::test(start_paused = true)]
    async fn an_item_without_an_error_says_that_it_was_classified() {
        assert_eq!(all(of_results_that_fail().await).await, [Ok(1)]);
        assert_eq!(all(of_numbers_that_fail().await).await, [1]);
        for name in ["streams: no error", "streams: no result"] {
            let last_error = breaker(name).snapshot().last_error.expect(name);
            assert_eq!(last_error.cause, "an item that is classified as a failure", "{name}");
        }
    }

    #[tokio::test]
    async fn can_be_sent_shared_and_moved_where_they_could_be() {
        fn all<T: Send + Sync + Unpin + std::panic::UnwindSafe + 'static>(_: &T) {}
        fn is_send<T: Send>(_: &T) {}

        #[circuit_breaker("streams: sent", stream = true, classify_item = |_| Verdict::SUCCESS)]
        #[bulkhead(9)]
        #[timeout("1s", between = "1s")]
        async fn rows() -> Answer<impl Stream<Item = Answer<u32>> + Send + Sync + Unpin + 'static> {
            Ok(tokio_stream::iter([Ok(1)]))
        }

        let head = rows();
        is_send(&head);
        let rows = head.await.unwrap();
        all(&rows);
        assert_eq!(rows.size_hint(), (0, Some(2)), "one may be that it has timed out");
        is_send(&Table(vec![]).borrowed());
        is_send(&generic(vec![1]));
        let mut rows = generic(vec![1, 2]).await.unwrap();
        assert_eq!(rows.size_hint(), (2, Some(2)));
        while rows.next().await.is_some() {}
        assert_eq!(rows.size_hint(), (0, Some(0)), "nothing comes after the end");
    }
}
