//! Every policy and every form of function in a module without a prelude.

mod guarded {
    #![no_implicit_prelude]

    use ::resilience_runtime::{Rejection, bulkhead, circuit_breaker, fallback, rate_limit, retry, timeout};
    use ::std::{boxed::Box, future::Future, pin::Pin, result::Result, string::String};

    pub(crate) struct Service {
        pub(crate) calls: u64,
    }

    impl Service {
        #[timeout("1m", name = "no prelude: total")]
        #[retry(on_retry = |_| {}, retry_if = |_| true, budget = 50)]
        #[circuit_breaker("no prelude", key = a, trip_if = |counts| counts.failures > 3)]
        #[rate_limit("100/s", max_wait = "1s")]
        #[bulkhead(3, max_queue = 2)]
        #[timeout("1s")]
        #[fallback(Self::later, |_, _, _, (a, _)| result(a), on = [timed_out])]
        pub(crate) async fn all(
            &mut self,
            text: String,
            bytes: &mut [u8],
            (a, mut b): (u64, u64),
        ) -> Result<u64, Rejection> {
            self.calls += 1;
            bytes[0] += 1;
            b += text.len() as u64;
            result(a + b)
        }

        async fn later(&mut self, _: String, _: &mut [u8], _: (u64, u64)) -> Result<u64, Rejection> {
            result(self.calls)
        }

        #[retry]
        #[circuit_breaker]
        #[fallback(|_, number| result(number))]
        pub(crate) fn synchronous(&mut self, number: u64) -> Result<u64, Rejection> {
            result(number)
        }
    }

    #[circuit_breaker]
    pub(crate) fn future(number: u64) -> impl Future<Output = Result<u64, Rejection>> {
        async move { result(number) }
    }

    #[circuit_breaker]
    #[timeout("1s")]
    pub(crate) fn boxed(number: u64) -> Pin<Box<dyn Future<Output = Result<u64, Rejection>>>> {
        Box::pin(async move { result(number) })
    }

    fn result(number: u64) -> Result<u64, Rejection> {
        ::std::result::Result::Ok(number)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut service = guarded::Service { calls: 0 };
    assert_eq!(service.all("ab".to_owned(), &mut [0], (1, 2)).await.unwrap(), 5);
    assert_eq!(service.synchronous(1).unwrap(), 1);
    assert_eq!(guarded::future(2).await.unwrap(), 2);
    assert_eq!(guarded::boxed(3).await.unwrap(), 3);
}
