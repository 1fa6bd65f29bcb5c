//! Methods of every receiver, with and without a fallback.

use std::pin::Pin;
use std::sync::Arc;

use resilience_runtime::{Rejection, circuit_breaker};

#[derive(Clone, Default)]
struct Service {
    total: u64,
}

type Answer = Result<u64, Rejection>;

impl Service {
    #[circuit_breaker]
    async fn by_reference(&self, add: u64) -> Answer {
        Ok(self.total + add)
    }

    #[circuit_breaker]
    async fn by_unique_reference(&mut self, add: u64) -> Answer {
        self.total += add;
        Ok(self.total)
    }

    #[circuit_breaker]
    async fn by_value(mut self, add: u64) -> Answer {
        self.total += add;
        Ok(self.total)
    }

    #[circuit_breaker]
    async fn by_arc(self: Arc<Self>, add: u64) -> Answer {
        Ok(self.total + add)
    }

    #[circuit_breaker]
    async fn by_pin(self: Pin<&mut Self>, add: u64) -> Answer {
        Ok(self.total + add)
    }

    #[circuit_breaker]
    async fn lends(&mut self) -> Result<&mut u64, Rejection> {
        Ok(&mut self.total)
    }

    #[circuit_breaker]
    #[fallback = Self::shared]
    async fn by_reference_or(&self, add: u64) -> Answer {
        Ok(self.total + add)
    }

    #[circuit_breaker]
    #[fallback = Self::unique]
    async fn by_unique_reference_or(&mut self, add: u64) -> Answer {
        self.total += add;
        Ok(self.total)
    }

    #[circuit_breaker]
    #[fallback = Self::owned]
    async fn by_value_or(mut self, add: u64) -> Answer {
        self.total += add;
        Ok(self.total)
    }

    #[circuit_breaker]
    #[fallback = Self::in_an_arc]
    async fn by_arc_or(self: Arc<Self>, add: u64) -> Answer {
        Ok(self.total + add)
    }

    async fn shared(&self, _: u64) -> Answer {
        Ok(self.total)
    }

    async fn unique(&mut self, _: u64) -> Answer {
        Ok(self.total)
    }

    async fn owned(self, _: u64) -> Answer {
        Ok(self.total)
    }

    async fn in_an_arc(self: Arc<Self>, _: u64) -> Answer {
        Ok(self.total)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut service = Service::default();
    assert_eq!(service.by_reference(1).await.unwrap(), 1);
    assert_eq!(service.by_unique_reference(1).await.unwrap(), 1);
    assert_eq!(service.clone().by_value(1).await.unwrap(), 2);
    assert_eq!(Arc::new(service.clone()).by_arc(2).await.unwrap(), 3);
    assert_eq!(Pin::new(&mut service).by_pin(2).await.unwrap(), 3);
    *service.lends().await.unwrap() = 5;
    assert_eq!(service.by_reference_or(1).await.unwrap(), 6);
    assert_eq!(service.by_unique_reference_or(1).await.unwrap(), 6);
    assert_eq!(service.clone().by_value_or(1).await.unwrap(), 7);
    assert_eq!(Arc::new(service).by_arc_or(1).await.unwrap(), 7);
}
