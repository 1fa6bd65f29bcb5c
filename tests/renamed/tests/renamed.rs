//! Every attribute where the runtime crate has another name, by path and imported.
#![deny(warnings)]

use std::future::{Future, pending};

use rt::{
    Failure, Rejection, RejectionKind, bulkhead, circuit_breaker, fallback, rate_limit, registry, retry, timeout,
};

#[circuit_breaker("breaker", crate = rt)]
async fn breaker() -> Result<u8, Rejection> {
    Ok(1)
}

#[retry(crate = ::rt, delay = "1ms")]
async fn attempts(calls: &mut u8) -> Result<u8, Rejection> {
    *calls += 1;
    Ok(*calls)
}

#[bulkhead(3, crate = rt)]
async fn place() -> Result<u8, Rejection> {
    Ok(3)
}

#[rate_limit("10/s", crate = rt)]
async fn turn() -> Result<u8, Rejection> {
    Ok(4)
}

#[timeout("5ms", crate = ::rt)]
async fn in_time() -> Result<u8, Rejection> {
    pending().await
}

#[fallback(answer, crate = rt)]
async fn answered() -> Result<u8, Rejection> {
    pending_in_time().await
}

#[rt::timeout("5ms", crate = ::rt)]
async fn pending_in_time() -> Result<u8, Rejection> {
    pending().await
}

async fn answer(failure: Failure<Rejection>) -> Result<u8, Rejection> {
    assert!(matches!(failure, Failure::Call(Rejection::TimedOut { .. })));
    Ok(6)
}

struct Service(u8);

impl Service {
    /// The topmost takes off those that are imported and those that stand below by path.
    #[rt::retry(name = "all", crate = ::rt, delay = "1ms")]
    #[rt::circuit_breaker("all", key = self.0, trip_if = |counts| counts.failures > 9)]
    #[rate_limit("1000/s")]
    #[::rt::bulkhead(3)]
    #[timeout("5ms")]
    #[rt::fallback(Self::later, on = [timed_out])]
    async fn all(&mut self, note: String) -> Result<u8, Rejection> {
        self.0 += 1;
        if note.is_empty() { pending().await } else { Ok(self.0) }
    }

    fn later(&mut self, _: String) -> Result<u8, Rejection> {
        Ok(self.0 + 100)
    }
}

/// Another than the topmost may say `crate`.
#[circuit_breaker("below")]
#[rt::retry]
#[rt::bulkhead(3, crate = rt)]
fn synchronous() -> Result<u8, Rejection> {
    Ok(7)
}

#[rt::circuit_breaker(crate = rt)]
fn future() -> impl Future<Output = Result<u8, Rejection>> {
    async { Ok(8) }
}

#[async_trait::async_trait]
trait Gateway {
    async fn charge(&self) -> Result<u8, Rejection>;
}

#[async_trait::async_trait]
impl Gateway for Service {
    #[rt::circuit_breaker("gateway", crate = ::rt)]
    #[rt::timeout("1s")]
    async fn charge(&self) -> Result<u8, Rejection> {
        Ok(self.0)
    }
}

#[tokio::test(start_paused = true)]
async fn every_attribute_works() {
    assert_eq!(breaker().await.unwrap(), 1);
    assert_eq!(attempts(&mut 1).await.unwrap(), 2);
    assert_eq!(place().await.unwrap(), 3);
    assert_eq!(turn().await.unwrap(), 4);
    assert_eq!(in_time().await.unwrap_err().kind(), RejectionKind::TimedOut);
    assert_eq!(answered().await.unwrap(), 6);
    assert_eq!(synchronous().unwrap(), 7);
    assert_eq!(future().await.unwrap(), 8);
    assert_eq!(Service(9).charge().await.unwrap(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_stack_is_one_pipeline() {
    let mut service = Service(0);
    assert_eq!(service.all("a".to_owned()).await.unwrap(), 1);
    assert_eq!(service.all(String::new()).await.unwrap(), 104, "three attempts, each of which timed out");
    let operation = registry().operations().find(|operation| operation.function() == "all").unwrap();
    assert_eq!(operation.layers().len(), 6);
    let operation = registry().operations().find(|operation| operation.function() == "synchronous").unwrap();
    assert_eq!(operation.layers().len(), 3);
}
