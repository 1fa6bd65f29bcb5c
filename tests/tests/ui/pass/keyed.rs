//! One breaker for each value of an expression over the arguments.

use resilience_runtime::{Rejection, circuit_breaker};

struct Stock {
    region: String,
}

struct Order {
    warehouse: u32,
}

#[circuit_breaker("by warehouse", key = order.warehouse, max_keys = 64)]
async fn reserve(order: Order) -> Result<u32, Rejection> {
    Ok(order.warehouse)
}

impl Stock {
    #[circuit_breaker("by region", key = self.region)]
    #[fallback = Self::cached]
    async fn read(&mut self, add: u32) -> Result<u32, Rejection> {
        tokio::task::yield_now().await;
        Ok(self.region.len() as u32 + add)
    }

    #[circuit_breaker("by both", key = format_args!("{}/{add}", self.region))]
    async fn read_both(&self, add: u32) -> Result<u32, Rejection> {
        Ok(add)
    }

    fn cached(&mut self, add: u32) -> Result<u32, Rejection> {
        Ok(add)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(reserve(Order { warehouse: 7 }).await.unwrap(), 7);
    let mut stock = Stock { region: "eu".to_owned() };
    assert_eq!(stock.read(1).await.unwrap(), 3);
    assert_eq!(stock.read_both(1).await.unwrap(), 1);
}
