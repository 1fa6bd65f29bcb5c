//! Functions, arguments and fallbacks whose names are keywords.

use resilience_runtime::{Rejection, circuit_breaker, registry, retry};

#[retry]
#[circuit_breaker(key = r#type)]
#[fallback = r#match]
async fn r#loop(r#type: String, r#in: &mut u8) -> Result<usize, Rejection> {
    *r#in += 1;
    Ok(r#type.len())
}

fn r#match(r#type: String, _: &mut u8) -> Result<usize, Rejection> {
    Ok(r#type.len())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(r#loop("ab".to_owned(), &mut 1).await.unwrap(), 2);
    assert!(registry().operations().any(|operation| operation.function() == "loop"));
}
