//! A key of each policy that takes one, over arguments in every form, and a cost.

use resilience_runtime::{Rejection, bulkhead, circuit_breaker, fallback, rate_limit, registry, retry};

#[derive(Clone)]
struct Order {
    shop: String,
    cents: u32,
}

#[circuit_breaker("moved", key = (order.shop, order.cents))]
#[bulkhead(name = "moved", max_queue = 1, key = order.shop, max_keys = 7)]
#[rate_limit("100/s", max_wait = "1s", key = (&order.shop, "eur"), cost = order.cents)]
async fn moved(order: Order) -> Result<String, Rejection> {
    Ok(order.shop)
}

#[retry]
#[bulkhead(key = shop)]
#[rate_limit("100/s", name = "taken apart", burst = 10, key = shop, cost = cents)]
async fn taken_apart(Order { shop, cents }: Order) -> Result<String, Rejection> {
    Ok(format!("{shop}{cents}"))
}

#[rate_limit("100/s", cost = 2)]
#[bulkhead(key = format_args!("{a}/{b}"))]
fn synchronous(a: u8, b: &mut u8) -> Result<u8, Rejection> {
    *b += a;
    Ok(*b)
}

struct Shop(u8);

impl Shop {
    #[bulkhead(key = (self.0, self.tax(rate)))]
    #[rate_limit("100/s", key = self.0, cost = u32::from(rate))]
    #[fallback(Self::otherwise)]
    async fn sell(&mut self, rate: u8) -> Result<u8, Rejection> {
        self.0 += rate;
        Ok(self.0)
    }

    fn tax(&self, rate: u8) -> u8 {
        self.0 * rate
    }

    async fn otherwise(&mut self, _: u8) -> Result<u8, Rejection> {
        Ok(0)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let order = Order { shop: "a".to_owned(), cents: 3 };
    assert_eq!(moved(order.clone()).await.unwrap(), "a");
    assert_eq!(taken_apart(order.clone()).await.unwrap(), "a3");
    assert_eq!(synchronous(1, &mut 2).unwrap(), 3);
    assert_eq!(Shop(1).sell(2).await.unwrap(), 3);
    assert!(registry().bulkhead("moved").unwrap().of_key("a").is_some());
    assert!(registry().circuit_breaker("moved").unwrap().of_key(("a", 3)).is_some());
    let limiter = registry().rate_limiter("taken apart").unwrap();
    assert_eq!(limiter.of_key("a").unwrap().snapshot().available, 7);
    let dear = Order { cents: 11, ..order };
    assert_eq!(taken_apart(dear).await.unwrap_err().retry_after(), None);
}
