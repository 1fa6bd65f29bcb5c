//! `impl Trait` as an argument and inside of the result.

use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker]
async fn argument(text: impl Into<String> + Send) -> Result<String, Rejection> {
    Ok(text.into())
}

#[circuit_breaker]
async fn result(upto: u8) -> Result<impl Iterator<Item = u8> + Send, Rejection> {
    if upto == 9 {
        return Ok((0..0).map(double as fn(u8) -> u8));
    }
    Ok((0..upto).map(double as fn(u8) -> u8))
}

#[circuit_breaker]
async fn pair() -> Result<(impl Fn(u8) -> u8, u8), Rejection> {
    Ok((double, 4))
}

#[circuit_breaker]
#[fallback = otherwise]
async fn with_fallback(text: impl Into<String> + Clone) -> Result<String, Rejection> {
    Ok(text.into())
}

fn otherwise(text: impl Into<String>) -> Result<String, Rejection> {
    Ok(text.into())
}

fn double(number: u8) -> u8 {
    2 * number
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(argument("a").await.unwrap(), "a");
    assert_eq!(result(3).await.unwrap().collect::<Vec<_>>(), [0, 2, 4]);
    let (function, number) = pair().await.unwrap();
    assert_eq!(function(number), 8);
    assert_eq!(with_fallback("b").await.unwrap(), "b");
}
