//! What a guarded body says about its own place, and what attributes of others say about the function, is what it was without ours.

use std::{
    cell::RefCell,
    future::Future,
    panic::{self, AssertUnwindSafe, Location},
    pin::Pin,
    sync::Once,
};

use async_trait::async_trait;
use resilience_runtime::{Rejection, bulkhead, circuit_breaker, fallback, rate_limit, registry, retry, timeout};

type Answer<T> = Result<T, Rejection>;

thread_local! {
    /// Where this thread panicked, as long as a panic is expected of it.
    static PLACE: RefCell<Option<(String, u32)>> = const { RefCell::new(None) };
}

/// Where the `call` panics.
fn panicked_at(call: impl FnOnce()) -> (String, u32) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let otherwise = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let place = info.location().expect("there always is one");
            PLACE.with_borrow_mut(|expected| match expected {
                Some(expected) => *expected = (place.file().to_owned(), place.line()),
                None => otherwise(info),
            });
        }));
    });
    PLACE.set(Some((String::new(), 0)));
    panic::catch_unwind(AssertUnwindSafe(call)).expect_err("it panics");
    PLACE.take().expect("it was there before")
}

/// Polls once, which is enough for what never waits.
fn poll(future: impl Future) {
    let mut future = std::pin::pin!(future);
    let _ = future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
}

struct Bank {
    cents: u32,
}

impl Bank {
    #[timeout("1m", name = "total")]
    #[retry]
    #[circuit_breaker(key = self.cents)]
    #[rate_limit("100/s")]
    #[bulkhead(3)]
    #[timeout("1s")]
    #[fallback = Self::later]
    async fn charge(&mut self, cents: Option<u32>) -> Answer<u32> {
        self.cents += 1;

        Ok(cents.expect("this line") + self.cents) // charge
    }

    fn later(&mut self, _: Option<u32>) -> Answer<u32> {
        Ok(0)
    }

    #[retry]
    #[circuit_breaker]
    #[bulkhead(3)]
    fn now(&mut self, cents: Option<u32>) -> Answer<u32> {
        self.cents += 1;
        let cents = cents.expect("this line"); // now
        Ok(cents)
    }

    #[circuit_breaker]
    #[timeout("1s")]
    fn boxed(&self, cents: Option<u32>) -> Pin<Box<dyn Future<Output = Answer<u32>> + '_>> {
        Box::pin(async move {
            Ok(cents.expect("this line") + self.cents) // boxed
        })
    }
}

#[async_trait]
trait Gateway {
    async fn send(&mut self, cents: Option<u32>) -> Answer<u32>;
}

#[async_trait]
impl Gateway for Bank {
    #[retry]
    #[circuit_breaker]
    #[timeout("1s")]
    async fn send(&mut self, cents: Option<u32>) -> Answer<u32> {
        self.cents += 1;
        Ok(cents.expect("this line")) // send
    }
}

/// The line of this file that ends in this comment.
fn line_of(comment: &str) -> u32 {
    let end = format!("// {comment}");
    let at = include_str!("places.rs").lines().position(|line| line.ends_with(&end)).expect("there is one");
    u32::try_from(at).unwrap() + 1
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_reported_where_the_body_says_it() {
    let mut bank = Bank { cents: 0 };
    for (place, comment) in [
        (panicked_at(|| poll(bank.charge(None))), "charge"),
        (panicked_at(|| drop(bank.now(None))), "now"),
        (panicked_at(|| poll(bank.boxed(None))), "boxed"),
        (panicked_at(|| poll(bank.send(None))), "send"),
    ] {
        assert_eq!(place, (file!().to_owned(), line_of(comment)), "{comment}");
    }
}

#[tokio::test]
async fn a_body_is_where_it_is_written() {
    #[retry]
    #[circuit_breaker]
    #[fallback(|| Ok((0, 0)))]
    async fn here() -> Answer<(u32, u32)> {
        Ok((line!(), Location::caller().line())) // here
    }
    let (line, caller) = here().await.unwrap();
    assert_eq!((line, caller), (line_of("here"), line_of("here")));
    let operation = registry().operations().find(|operation| operation.function() == "here").unwrap();
    assert_eq!((operation.file(), operation.line() + 1), (file!(), line_of("here")));
}

/// `#[tokio::test]` below ours: what is tested is the guarded function.
#[retry(attempts = 2, delay = "0s")]
#[timeout("1s")]
#[tokio::test]
async fn a_test_can_be_guarded() -> Answer<()> {
    tokio::task::yield_now().await;
    Ok(())
}

/// `#[tokio::test]` above ours makes a synchronous function of it, which is guarded then.
#[tokio::test]
#[retry(attempts = 2, delay = "0s")]
#[circuit_breaker]
async fn a_test_that_is_guarded_as_a_whole() -> Answer<()> {
    tokio::task::yield_now().await;
    Ok(())
}

mod spans {
    //! `#[tracing::instrument]` above ours has changed the body before ours are expanded, so that its span is around each attempt; between
    //! and below ours it is around the guarded function.

    use std::sync::atomic::{AtomicU64, Ordering};

    use resilience_runtime::{Rejection, circuit_breaker, retry};
    use tracing::{
        Event, Metadata, Subscriber, instrument,
        span::{Attributes, Id, Record},
        subscriber::with_default,
    };

    /// Counts the spans that are opened.
    #[derive(Default)]
    struct Spans(AtomicU64);

    static OPENED: std::sync::Mutex<Vec<&str>> = std::sync::Mutex::new(Vec::new());

    impl Subscriber for Spans {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, span: &Attributes<'_>) -> Id {
            OPENED.lock().unwrap().push(span.metadata().name());
            Id::from_u64(self.0.fetch_add(1, Ordering::Relaxed) + 1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, _: &Event<'_>) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[instrument(skip_all)]
    #[retry(attempts = 3, delay = "0s")]
    async fn above() -> Result<(), Rejection> {
        fails()
    }

    #[retry(attempts = 3, delay = "0s")]
    #[instrument(skip_all)]
    #[circuit_breaker]
    async fn between() -> Result<(), Rejection> {
        fails()
    }

    #[retry(attempts = 3, delay = "0s")]
    #[instrument(skip_all)]
    fn synchronous() -> Result<(), Rejection> {
        fails()
    }

    fn fails() -> Result<(), Rejection> {
        Err(Rejection::BulkheadFull { name: "spans".into(), key: None })
    }

    #[test]
    fn are_opened_for_the_body_above_and_for_the_function_below() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        with_default(Spans::default(), || {
            runtime.block_on(above()).unwrap_err();
            runtime.block_on(between()).unwrap_err();
            synchronous().unwrap_err();
        });
        assert_eq!(*OPENED.lock().unwrap(), ["above", "above", "above", "between", "synchronous"]);
    }
}
