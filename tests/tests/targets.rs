//! The forms of functions that can be guarded, beside `async fn`: what is guarded, when it begins, and that nothing is boxed
//! twice.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use resilience_runtime::{
    CircuitBreaker, Failure, Rejection, RejectionKind, State, bulkhead, circuit_breaker, fallback, rate_limit,
    registry, retry, timeout,
};

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
enum Error {
    #[error("own")]
    Own,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

impl Error {
    fn kind(&self) -> Option<RejectionKind> {
        match self {
            Self::Own => None,
            Self::Rejected(rejection) => Some(rejection.kind()),
        }
    }
}

type Answer<T> = Result<T, Error>;
type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

fn state(name: &str) -> State {
    registry().circuit_breaker(name).expect("it was called").state()
}

mod async_traits {
    use super::*;

    #[async_trait]
    trait Gateway: Send + Sync {
        async fn charge(&self, cents: u32) -> Answer<u32>;

        async fn count(&mut self, note: String) -> Answer<usize>;

        #[circuit_breaker("async_traits::described", consecutive_failures = 1)]
        async fn described(&self) -> Answer<String> {
            self.charge(0).await.map(|cents| cents.to_string())
        }

        #[retry(attempts = 2, jitter = none, delay = "0s")]
        async fn generic<T: ToString + Send + Clone>(&self, value: T, (a, b): (u32, u32)) -> Answer<String> {
            if a == b { Err(Error::Own) } else { Ok(value.to_string()) }
        }
    }

    #[derive(Default)]
    struct Shop {
        calls: AtomicU32,
        notes: Vec<String>,
    }

    #[async_trait]
    impl Gateway for Shop {
        #[retry(attempts = 3, delay = "1s", jitter = none)]
        #[circuit_breaker("async_traits::charge", consecutive_failures = 3)]
        #[timeout("5s")]
        async fn charge(&self, cents: u32) -> Answer<u32> {
            self.calls.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            if cents == 0 { Err(Error::Own) } else { Ok(cents) }
        }

        #[retry(attempts = 2, delay = "1s", jitter = none)]
        #[fallback(Self::noted)]
        async fn count(&mut self, note: String) -> Answer<usize> {
            self.notes.push(note);
            if self.notes.len() < 3 { Err(Error::Own) } else { Ok(self.notes.len()) }
        }
    }

    impl Shop {
        fn noted(&mut self, note: String) -> Answer<usize> {
            self.notes.push(format!("fallback of {note}"));
            Ok(0)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn are_guarded_with_every_policy() {
        let mut shop = Shop::default();
        assert_eq!(shop.charge(7).await, Ok(7));
        assert_eq!(shop.charge(0).await, Err(Error::Own));
        assert_eq!(shop.calls.load(Ordering::Relaxed), 4);
        assert_eq!(state("async_traits::charge"), State::Open);
        assert_eq!(shop.charge(7).await.unwrap_err().kind(), Some(RejectionKind::CircuitOpen));

        assert_eq!(shop.count("a".into()).await, Ok(0));
        assert_eq!(shop.notes, ["a", "a", "fallback of a"]);
        assert_eq!(shop.count("b".into()).await, Ok(4));
        assert_eq!(shop.notes[3..], ["b"]);

        assert_eq!(shop.generic(5, (1, 2)).await, Ok("5".into()));
        assert_eq!(shop.generic("a", (1, 1)).await, Err(Error::Own));
    }

    #[tokio::test(start_paused = true)]
    async fn default_methods_are_guarded() {
        struct Refuses;

        #[async_trait]
        impl Gateway for Refuses {
            async fn charge(&self, _: u32) -> Answer<u32> {
                Err(Error::Own)
            }

            async fn count(&mut self, _: String) -> Answer<usize> {
                Ok(0)
            }
        }

        let gateway: Box<dyn Described> = Box::new(Refuses);
        assert_eq!(gateway.text().await, Err(Error::Own));
        assert_eq!(gateway.text().await.unwrap_err().kind(), Some(RejectionKind::CircuitOpen));
    }

    #[async_trait]
    trait Described: Send + Sync {
        async fn text(&self) -> Answer<String>;
    }

    #[async_trait]
    impl<G: Gateway> Described for G {
        async fn text(&self) -> Answer<String> {
            self.described().await
        }
    }
}

mod futures {
    use super::*;

    #[circuit_breaker("futures::by_impl", consecutive_failures = 1)]
    fn by_impl(fails: bool) -> impl Future<Output = Answer<u32>> {
        async move { if fails { Err(Error::Own) } else { Ok(1) } }
    }

    /// What stands before the future runs when the function is called, once, whatever the breaker says.
    #[circuit_breaker("futures::before", consecutive_failures = 1)]
    #[timeout("1s")]
    fn before<'a>(calls: &'a AtomicU32, name: &str) -> impl Future<Output = Answer<usize>> + Send + use<'a> {
        calls.fetch_add(1, Ordering::Relaxed);
        let length = name.len();
        async move {
            calls.fetch_add(10, Ordering::Relaxed);
            if length == 0 { std::future::pending().await } else { Ok(length) }
        }
    }

    struct Service {
        name: String,
    }

    impl Service {
        #[circuit_breaker("futures::boxed", consecutive_failures = 1)]
        #[fallback(Self::unknown)]
        fn boxed<'a>(&'a self, (a, b): (u32, String)) -> Pin<Box<dyn Future<Output = Answer<String>> + Send + 'a>> {
            let sum = format!("{a}{b}");
            Box::pin(async move {
                if a == 0 {
                    return Err(Error::Own);
                }
                Ok(format!("{} {sum}", self.name))
            })
        }

        async fn unknown(&self, (a, b): (u32, String), failure: Failure<Error>) -> Answer<String> {
            let why = if failure.rejection().is_some() { "open" } else { "failed" };
            Ok(format!("{} {a}{b} {why}", self.name))
        }

        #[bulkhead(1, max_queue = 1)]
        #[rate_limit("1/s", max_wait = "1s")]
        fn by_alias(&mut self) -> BoxFuture<'_, Answer<usize>> {
            Box::pin(async {
                self.name.push('!');
                Ok(self.name.len())
            })
        }

        #[fallback(Self::length)]
        fn lends<'a>(&'a mut self, more: &'a mut String) -> BoxFuture<'a, Answer<usize>> {
            Box::pin(async move {
                self.name.push_str(more);
                more.clear();
                Err(Error::Own)
            })
        }

        #[expect(clippy::ptr_arg, reason = "a fallback takes what the function takes")]
        fn length(&mut self, more: &mut String) -> Answer<usize> {
            Ok(self.name.len() + 10 * more.len())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn are_guarded_from_their_first_poll() {
        // Called and never awaited: no call.
        drop(by_impl(true));
        assert_eq!(by_impl(false).await, Ok(1));
        assert_eq!(by_impl(true).await, Err(Error::Own));
        assert_eq!(by_impl(false).await.unwrap_err().kind(), Some(RejectionKind::CircuitOpen));
    }

    #[tokio::test(start_paused = true)]
    async fn what_stands_before_runs_as_written() {
        let calls = AtomicU32::new(0);
        assert_eq!(before(&calls, "abc").await, Ok(3));
        assert_eq!(before(&calls, "").await.unwrap_err().kind(), Some(RejectionKind::TimedOut));
        assert_eq!(calls.load(Ordering::Relaxed), 22);
        assert_eq!(before(&calls, "abc").await.unwrap_err().kind(), Some(RejectionKind::CircuitOpen));
        assert_eq!(calls.load(Ordering::Relaxed), 23);
    }

    #[tokio::test(start_paused = true)]
    async fn boxed_ones_have_fallbacks_with_their_arguments() {
        let service = Service { name: "s".into() };
        assert_eq!(service.boxed((1, "x".into())).await, Ok("s 1x".into()));
        assert_eq!(service.boxed((0, "x".into())).await, Ok("s 0x failed".into()));
        assert_eq!(service.boxed((1, "x".into())).await, Ok("s 1x open".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_alias_of_a_boxed_future() {
        let mut service = Service { name: "s".into() };
        assert_eq!(service.by_alias().await, Ok(2));
        assert_eq!(service.by_alias().await, Ok(3));
        assert_eq!(service.lends(&mut "more".into()).await, Ok(7));
    }
}

mod synchronous {
    use super::*;

    #[circuit_breaker("synchronous::parse", consecutive_failures = 2)]
    fn parse(text: &str) -> Answer<u32> {
        let number = text.parse().map_err(|_| Error::Own)?;
        Ok(number)
    }

    #[test]
    fn a_breaker() {
        assert_eq!(parse("7"), Ok(7));
        assert_eq!(parse("a"), Err(Error::Own));
        assert_eq!(parse("b"), Err(Error::Own));
        assert_eq!(parse("7").unwrap_err().kind(), Some(RejectionKind::CircuitOpen));
        let totals = registry().circuit_breaker("synchronous::parse").unwrap().snapshot().totals;
        assert_eq!((totals.successes, totals.failures, totals.rejected), (1, 2, 1));
    }

    #[circuit_breaker("synchronous::panics", consecutive_failures = 1)]
    fn panics() -> Answer<()> {
        panic!("on purpose")
    }

    #[test]
    fn a_panic_is_a_failure() {
        std::panic::catch_unwind(panics).unwrap_err();
        let snapshot = registry().circuit_breaker("synchronous::panics").unwrap().snapshot();
        assert_eq!((snapshot.totals.failures, snapshot.totals.panicked), (1, 1));
        assert_eq!(panics().unwrap_err().kind(), Some(RejectionKind::CircuitOpen));
    }

    #[test]
    fn a_breaker_by_hand() {
        let breaker = CircuitBreaker::builder("by hand").consecutive_failures(1).build().unwrap();
        assert_eq!(breaker.call_sync(|| Ok::<_, Error>(1)), Ok(1));
        assert_eq!(breaker.call_sync(|| Err::<(), _>(Error::Own)), Err(Failure::Call(Error::Own)));
        assert!(matches!(breaker.call_sync(|| Ok::<_, Error>(1)), Err(Failure::Rejected(_))));
    }

    struct Counter {
        seen: Vec<String>,
    }

    impl Counter {
        /// Waits for a millisecond in all, by the system's clock: there is no other for a thread.
        #[retry(attempts = 3, delay = "500us", jitter = none, backoff = constant)]
        #[circuit_breaker("synchronous::count")]
        #[bulkhead(2)]
        fn count(&mut self, text: String, (least, _): (usize, u8)) -> Answer<usize> {
            self.seen.push(text);
            if self.seen.len() < least {
                return Err(Error::Own);
            }
            Ok(self.seen.len())
        }

        #[rate_limit("1/h", burst = 1)]
        #[fallback(Self::all, |this: &mut Self, _| Ok(this.seen.len() + 100))]
        fn limited(&mut self, least: usize) -> Answer<usize> {
            self.seen.push(format!("{least}"));
            Ok(1)
        }

        fn all(&mut self, least: usize, error: Error) -> Answer<usize> {
            if self.seen.len() < least { Err(error) } else { Ok(self.seen.len()) }
        }
    }

    #[test]
    fn a_retry_lends_arguments_and_sleeps() {
        let mut counter = Counter { seen: Vec::new() };
        let began = std::time::Instant::now();
        assert_eq!(counter.count("a".into(), (3, 0)), Ok(3));
        assert!(began.elapsed() >= std::time::Duration::from_millis(1));
        assert_eq!(counter.seen, ["a", "a", "a"]);
        assert_eq!(counter.count("a".into(), (7, 0)), Err(Error::Own));
    }

    #[test]
    fn levels_of_a_fallback() {
        let mut counter = Counter { seen: Vec::new() };
        assert_eq!(counter.limited(1), Ok(1));
        assert_eq!(counter.limited(1), Ok(1));
        counter.seen.clear();
        assert_eq!(counter.limited(1), Ok(100));
    }

    #[circuit_breaker("synchronous::keyed", key = key, consecutive_failures = 1)]
    fn by_key<T: Clone>(key: u32, value: &mut Arc<T>) -> Answer<impl Fn() -> T + use<T>> {
        let value = Arc::clone(value);
        if key == 0 { Err(Error::Own) } else { Ok(move || T::clone(&value)) }
    }

    #[test]
    fn keys_and_opaque_results() {
        assert_eq!(by_key(1, &mut Arc::new(5)).unwrap()(), 5);
        assert!(by_key(0, &mut Arc::new(5)).is_err());
        assert!(matches!(by_key(0, &mut Arc::new(5)), Err(Error::Rejected(_))));
        assert_eq!(by_key(1, &mut Arc::new(6)).unwrap()(), 6);
    }
}

mod owned_receivers {
    use super::*;

    /// Each attempt takes one.
    #[derive(Clone)]
    struct Order {
        attempts: Arc<AtomicU32>,
    }

    impl Order {
        #[retry(attempts = 3, delay = "1ms", jitter = none)]
        async fn send(self, note: String) -> Answer<String> {
            if self.attempts.fetch_add(1, Ordering::Relaxed) < 2 { Err(Error::Own) } else { Ok(note) }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_attempt_has_its_own() {
        let order = Order { attempts: Arc::default() };
        assert_eq!(order.clone().send("third".into()).await, Ok("third".into()));
        assert_eq!(order.attempts.load(Ordering::Relaxed), 3);
        assert_eq!(Arc::strong_count(&order.attempts), 1, "none is left");
    }
}
