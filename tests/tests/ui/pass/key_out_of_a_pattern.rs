//! The key of a breaker names a part of an argument that is taken apart where it is declared.

use resilience_runtime::{Rejection, circuit_breaker, registry, retry};

#[derive(Clone)]
struct Id<T>(T);

#[derive(Clone)]
struct Order {
    shop: Id<u32>,
    cents: u64,
}

#[circuit_breaker("plain", key = shop)]
async fn plain(Order { shop: Id(shop), .. }: Order) -> Result<u32, Rejection> {
    Ok(shop)
}

#[retry]
#[circuit_breaker("attempts", key = shop)]
async fn in_attempts(Order { shop: Id(mut shop), cents: _ }: Order) -> Result<u32, Rejection> {
    shop += 1;
    Ok(shop)
}

#[circuit_breaker("answered", key = format_args!("{a}/{}", b.shop.0))]
#[fallback = otherwise]
async fn answered((a, b): &mut (String, Order), ref whole @ Id(_): Id<u8>) -> Result<u64, Rejection> {
    a.push('b');
    Ok(b.cents + u64::from(whole.0))
}

fn otherwise(_: &mut (String, Order), _: Id<u8>) -> Result<u64, Rejection> {
    Ok(0)
}

#[retry]
#[circuit_breaker("synchronous", key = shop.0)]
fn synchronous(Order { shop, .. }: &Order) -> Result<u32, Rejection> {
    Ok(shop.0)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let order = Order { shop: Id(7), cents: 3 };
    assert_eq!(plain(order.clone()).await.unwrap(), 7);
    assert_eq!(in_attempts(order.clone()).await.unwrap(), 8);
    assert_eq!(answered(&mut ("a".to_owned(), order.clone()), Id(1)).await.unwrap(), 4);
    assert_eq!(synchronous(&order).unwrap(), 7);
    let _ = registry();
}
