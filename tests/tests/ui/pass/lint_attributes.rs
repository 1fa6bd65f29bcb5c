//! `#[expect]` and `#[allow]` above and below speak about the body, and so does a lint without them.
#![deny(warnings)]

use resilience_runtime::{Rejection, circuit_breaker, retry};

#[expect(unused_variables)]
#[circuit_breaker]
async fn above() -> Result<u8, Rejection> {
    let unused = 1;
    Ok(1)
}

#[circuit_breaker]
#[expect(unused_variables, unreachable_code)]
async fn below() -> Result<u8, Rejection> {
    let unused = 1;
    return Ok(2);
    Ok(3)
}

#[retry]
#[circuit_breaker]
async fn inside(argument: String) -> Result<u8, Rejection> {
    #![expect(unused_variables)]
    #[expect(unused_mut)]
    let mut number = 3;
    Ok(number)
}

#[retry]
#[expect(unused_variables)]
async fn unused_argument(argument: String) -> Result<u8, Rejection> {
    Ok(4)
}

struct Counter(u8);

impl Counter {
    #[retry]
    #[expect(unused_mut)]
    async fn useless(mut self: &mut Self, mut argument: &mut u8, mut text: String) -> Result<u8, Rejection> {
        self.0 += 1;
        *argument += 1;
        Ok(text.len() as u8 + self.0)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(Counter(1).useless(&mut 2, "abc".to_owned()).await.unwrap(), 5);
    assert_eq!(above().await.unwrap(), 1);
    assert_eq!(below().await.unwrap(), 2);
    assert_eq!(inside(String::new()).await.unwrap(), 3);
    assert_eq!(unused_argument(String::new()).await.unwrap(), 4);
}
