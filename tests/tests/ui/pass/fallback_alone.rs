//! A fallback without another attribute, and its place above and below another.

use resilience_runtime::{circuit_breaker, fallback};

#[fallback(seven)]
async fn alone(number: u8) -> Result<u8, String> {
    if number == 0 { Err("zero".to_owned()) } else { Ok(number) }
}

#[fallback(seven)]
#[circuit_breaker]
async fn above(number: u8) -> Result<u8, String> {
    alone(number).await
}

#[circuit_breaker]
#[fallback(seven)]
async fn below(number: u8) -> Result<u8, String> {
    Err(number.to_string())
}

fn seven(_: u8) -> Result<u8, String> {
    Ok(7)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(alone(0).await, Ok(7));
    assert_eq!(above(3).await, Ok(3));
    assert_eq!(below(3).await, Ok(7));
}
