use std::future::Future;
use std::pin::Pin;

use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker]
fn plain() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker]
fn future() -> impl Future<Output = Result<(), Rejection>> {
    async { Ok(()) }
}

#[circuit_breaker]
fn boxed() -> Pin<Box<dyn Future<Output = Result<(), Rejection>>>> {
    Box::pin(async { Ok(()) })
}

struct Service;

impl Service {
    // What `#[async_trait]` makes of an `async fn`.
    #[circuit_breaker]
    fn method<'life0, 'async_trait>(
        &'life0 self,
    ) -> Pin<Box<dyn Future<Output = Result<(), Rejection>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move { Ok(()) })
    }
}

fn main() {}
