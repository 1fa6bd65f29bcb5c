//! What an attribute above has made of an `async fn`, as `#[async_recursion]` and `#[trait_variant::make]` do: all policies are there.
#![deny(warnings)]

use std::{future::Future, pin::Pin};

use resilience_runtime::{Rejection, circuit_breaker, retry, timeout};

#[retry(delay = "0s")]
#[circuit_breaker]
fn recursive(n: u8, mut text: String) -> Pin<Box<dyn Future<Output = Result<String, Rejection>> + Send>> {
    Box::pin(async move {
        text.push('a');
        if n == 0 { Ok(text) } else { recursive(n - 1, text).await }
    })
}

trait Shop {
    #[retry(delay = "0s")]
    #[timeout("1m")]
    fn count(&mut self, (a, _): (u8, String)) -> impl Future<Output = Result<u8, Rejection>> + Send
    where
        Self: Send,
    {
        async move { self.add(a).await }
    }

    fn add(&mut self, number: u8) -> impl Future<Output = Result<u8, Rejection>> + Send;
}

struct Corner(u8);

impl Shop for Corner {
    async fn add(&mut self, number: u8) -> Result<u8, Rejection> {
        self.0 += number;
        if self.0 < 3 { Err(Rejection::TimedOut { name: "again".into(), after: std::time::Duration::ZERO }) } else { Ok(self.0) }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(recursive(2, String::new()).await.unwrap(), "aaa");
    assert_eq!(Corner(0).count((1, String::new())).await.unwrap(), 3);
}
